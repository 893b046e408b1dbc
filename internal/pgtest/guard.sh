# guard.sh DIR CURRENT IDLE: ends the PostgreSQL in DIR and removes DIR when no process has held DIR/alive open
# for IDLE seconds. CURRENT is the file by which newcomers find DIR, or empty. With IDLE "now" it ends it at once.
dir=$1 current=$2 idle=$3

# What a process was started as; empty when there is none. A minimal container has no ps, macOS no /proc.
command_of() {
	if [ -r "/proc/$1/cmdline" ]; then tr '\0' ' ' <"/proc/$1/cmdline"; else ps -o args= -p "$1" 2>/dev/null; fi
}

# The pid file may be older than the process that has this number today: look at what it is first.
running() {
	pid=$(head -n 1 "$dir/data/postgres/postmaster.pid" 2>/dev/null) || return 1
	[ -n "$pid" ] || return 1
	case $(command_of "$pid") in *"$dir/data/postgres"*) return 0 ;; esac
	return 1
}

# Its socket may lie elsewhere, where the path of DIR is too long for one: the fifth line says where.
end() {
	socket=$(sed -n 5p "$dir/data/postgres/postmaster.pid" 2>/dev/null)
	tries=0
	while running && [ "$tries" -lt 20 ]; do
		kill -QUIT "$pid" 2>/dev/null
		tries=$((tries + 1))
		sleep 0.1
	done
	case $socket in /tmp/annals-*) rm -rf "$socket" ;; esac
}

if [ "$idle" = now ]; then
	end
	exit 0
fi

exec 3<"$dir/alive"
echo ready
exec >/dev/null 2>&1 </dev/null

# Whether somebody came since it was asked last, or is there: it reads until the last writer has gone. Where that cannot
# be told, as when no more processes can be started, somebody is.
somebody() {
	count=$(cat <&3 | wc -c)
	[ "${count:-1}" -gt 0 ]
}

while sleep "$idle" || :; do
	somebody && continue
	# From here on nobody can come, but somebody may have come between the two lines above; he is served.
	if [ -n "$current" ] && grep -qF "$dir" "$current"; then rm -f "$current"; fi
	somebody && continue
	break
done
end
rm -rf "$dir" || { sleep 1; rm -rf "$dir"; }
