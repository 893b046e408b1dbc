#!/bin/sh
# The first minutes of a new user, on machines that differ: `sh .ci/fresh.sh`, or some trials: `sh .ci/fresh.sh german`.
# Each trial has a clone, a home and an environment of its own, runs `make run`, speaks to the server as a user would,
# ends it by Ctrl-C and looks at what is left. It prints PASS or FAIL for each, and fails if one did.
#
# What every trial leaves out is what a new user has not: no configuration, no C compiler where it says so, no
# PostgreSQL but what Annals brings. Modules and compiled packages are shared with this machine, except in the trial
# of the empty environment, which begins with nothing.
set -u
repository=$(cd "$(dirname "$0")/.." && pwd)
all='normal plain_user closed_home empty_environment german no_compiler port_taken other_postgres no_network killed old_go'

# Under /tmp and open to all: PostgreSQL's user must be able to enter, except where a trial is about that.
base=$(mktemp -d /tmp/annals-fresh.XXXXXX)
chmod 755 "$base"
go_path=$(go env GOMODCACHE)
go_cache=$(go env GOCACHE)
go_bin=$(dirname "$(command -v go)")
# How this machine reaches the world is no habit of a user's: where it is said, it is said in the trials too.
network="${GOPROXY:+GOPROXY=$GOPROXY} ${GOSUMDB:+GOSUMDB=$GOSUMDB} ${HTTPS_PROXY:+HTTPS_PROXY=$HTTPS_PROXY} ${SSL_CERT_FILE:+SSL_CERT_FILE=$SSL_CERT_FILE}"

# reap ends what a trial has left running, as one that failed does, by the numbers that were noted.
reap() {
	while read -r group; do kill -KILL "-$group"; done 2>/dev/null <"$base/started"
	: >"$base/started"
	find "$base" -name postmaster.pid 2>/dev/null | while read -r file; do
		kill -QUIT "$(head -n 1 "$file" 2>/dev/null)" 2>/dev/null
	done
}

ended() {
	reap
	chmod -R u+w "$base" 2>/dev/null
	rm -rf "$base"
}
: >"$base/started"
trap ended EXIT
trap 'exit 130' INT TERM

# clone DIR: what is committed; where something is not yet, the files as they are.
clone() {
	mkdir -p "$(dirname "$1")"
	if [ -z "$(git -C "$repository" status --porcelain)" ]; then
		git clone -q "$repository" "$1"
		return
	fi
	mkdir "$1"
	(cd "$repository" && git ls-files -co --exclude-standard | while read -r f; do [ ! -f "$f" ] || echo "$f"; done | tar -cf - -T -) | tar -xf - -C "$1"
}

# environment NAME: the lines for env -i of an ordinary user with the home $base/NAME/home.
environment() {
	mkdir -p "$base/$1/home"
	echo "PATH=$go_bin:/usr/local/bin:/usr/bin:/bin HOME=$base/$1/home GOMODCACHE=$go_path GOCACHE=$go_cache LANG=C.UTF-8 $network"
}

# begin DIR ENVIRONMENT...: `make run` there, or $program, as a terminal would run it; waits until it answers.
# Sets $dir, $group, $address and $took, in tenths of a second.
begin() {
	dir=$1
	shift
	launch env -i "$@"
}

# launch COMMAND...: runs it before $program in $dir. A shell without job control has background programs ignore
# Ctrl-C; here they must not.
launch() {
	rm -f "$dir/annals-data/address"
	was=$(tenths)
	(cd "$dir" && exec setsid env --default-signal=INT "$@" ${program:-make run} >"$dir.log" 2>&1 </dev/null) &
	group=$!
	echo "$group" >>"$base/started"
	tries=0
	until [ -s "$dir/annals-data/address" ] && address=$(cat "$dir/annals-data/address") &&
		curl -fsS -o /dev/null "$address/readyz" 2>/dev/null; do
		tries=$((tries + 1))
		if ! kill -0 "$group" 2>/dev/null || [ "$tries" -gt 6000 ]; then
			echo "it did not start:"
			cat "$dir.log"
			return 1
		fi
		sleep 0.05
	done
	took=$(($(tenths) - was))
}

tenths() { echo $(($(date +%s%N) / 100000000)); }

# use: what the start printed works, and what is sent in is there.
use() {
	key=$(cat "$dir/annals-data/first-api-key") || return 1
	[ "$(stat -c %a "$dir/annals-data/first-api-key")" = 600 ] || { echo "the first key can be read by others"; return 1; }
	status=$(curl -sS -o /dev/null -w '%{http_code}' "$address/graphql" -H 'Content-Type: application/json' -d '{"query":"{ __typename }"}')
	[ "$status" = 401 ] || { echo "without a key GraphQL answers $status"; return 1; }
	status=$(curl -sS -o /dev/null -w '%{http_code}' "$address/api/v1/lineage" -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -d "$event")
	[ "$status" = 201 ] || { echo "an event is answered by $status"; return 1; }
	seen
}

event='{"eventType":"COMPLETE","eventTime":"2026-01-02T03:04:05Z","run":{"runId":"0b1c2d3e-0000-4000-8000-000000000001"},"job":{"namespace":"fresh","name":"first"},"inputs":[],"outputs":[{"namespace":"fresh","name":"made"}],"producer":"https://example.com/fresh","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"}'

# seen: the run of that event is found; the read model may be a moment behind.
seen() {
	key=$(cat "$dir/annals-data/first-api-key")
	tries=0
	until curl -sS "$address/graphql" -H "Authorization: Bearer $key" -H 'Content-Type: application/json' \
		-d '{"query":"{ workspace(slug: \"default\") { runs(first: 5) { edges { node { status pipeline { name } } } } } }"}' |
		tee "$dir.answer" | grep -q '"name":"first"'; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || { echo "the run is not seen:"; cat "$dir.answer"; return 1; }
		sleep 0.1
	done
}

# finish: Ctrl-C, as a terminal sends it, to the whole foreground group; nothing may stay.
finish() {
	cluster=$(cat "$dir/annals-data/postgres.moved" 2>/dev/null || echo "$dir/annals-data")/postgres
	[ -f "$cluster/postmaster.pid" ] || { echo "no PostgreSQL runs in $cluster"; return 1; }
	kill -INT "-$group"
	wait "$group" 2>/dev/null
	tries=0
	while kill -0 "-$group" 2>/dev/null && [ "$tries" -lt 300 ]; do tries=$((tries + 1)); sleep 0.1; done
	[ ! -f "$cluster/postmaster.pid" ] || { echo "PostgreSQL was left running"; cat "$dir.log"; return 1; }
	tail -n 1 "${cluster%/postgres}/postgres.log" | grep -q 'database system is shut down' ||
		{ echo "PostgreSQL did not shut down cleanly"; tail "${cluster%/postgres}/postgres.log"; return 1; }
	[ ! -e "$dir/annals-data/address" ] || { echo "the address was left behind"; return 1; }
	! grep -q '^panic:' "$dir.log" || { echo "it panicked"; cat "$dir.log"; return 1; }
}

# again ENVIRONMENT...: a second start finds its data, the server itself within a second.
again() {
	begin "$dir" "$@" && seen && finish || return 1
	echo "second make run: $took tenths of a second"
	[ "$took" -le 25 ] || { echo "which is too long"; return 1; }
	program='bin/annals serve --port-fallback'
	begin "$dir" "$@" && seen && finish || return 1
	program=
	echo "the server alone: $took tenths of a second"
	[ "$took" -le 10 ] || { echo "which is too long"; return 1; }
}

whole() { # NAME ENVIRONMENT...: the trial most trials are
	name=$1
	shift
	clone "$base/$name/clone" || return 1
	begin "$base/$name/clone" "$@" && echo "first make run: $took tenths of a second" && use && finish
}

trial_normal() {
	whole normal $(environment normal) && again $(environment normal) || return 1
	lines=$(grep -c . "$dir.log")
	[ "$lines" -lt 60 ] || { echo "a start prints $lines lines"; return 1; }
}

# As a person without privileges works. Where we are root we become a user that every machine knows.
trial_plain_user() {
	[ "$(id -u)" = 0 ] || { whole plain_user $(environment plain_user); return; }
	mkdir -p "$base/plain_user/home" "$base/plain_user/cache"
	clone "$base/plain_user/clone" || return 1
	(cd "$base/plain_user/clone" && GOFLAGS=-buildvcs=false make build) || return 1
	chown -R daemon "$base/plain_user"
	dir=$base/plain_user/clone
	program='bin/annals serve --port-fallback'
	launch setpriv --reuid daemon --regid daemon --clear-groups env -i PATH=/usr/bin:/bin "HOME=$base/plain_user/home" && use && finish
}

# A clone in a home that only its owner enters. Root's PostgreSQL runs as nobody, who cannot.
trial_closed_home() {
	mkdir -p "$base/closed"
	chmod 700 "$base/closed"
	clone "$base/closed/home/clone" || return 1
	begin "$base/closed/home/clone" $(environment closed/home) && use || return 1
	if [ "$(id -u)" = 0 ]; then
		grep -q 'data is in /var/lib/annals/' "$dir.log" || { echo "the start does not say where the data went"; cat "$dir.log"; return 1; }
	fi
	finish && again $(environment closed/home) || return 1
	[ "$(id -u)" != 0 ] || rm -rf "$(cat "$dir/annals-data/postgres.moved")"
}

# No home, no caches, no language: everything is fetched and compiled anew, and kept in the clone.
trial_empty_environment() {
	whole empty "PATH=$go_bin:/usr/bin:/bin" $network || return 1
	[ -d "$dir/.cache/go-build" ] || { echo "the caches went elsewhere"; return 1; }
}

trial_german() { whole german $(environment german) LANG=de_DE LC_ALL=de_DE LANGUAGE=de; }

# A search path that has what the Makefile may use and nothing else.
trial_no_compiler() {
	bare=$base/no_compiler/bin
	mkdir -p "$bare"
	for tool in sh env make git sed awk find sort cksum xargs grep cat rm mkdir chmod dirname uname; do
		ln -s "$(command -v "$tool")" "$bare/$tool" || return 1
	done
	ln -s "$go_bin/go" "$bare/go"
	whole no_compiler $(environment no_compiler) "PATH=$bare"
}

trial_port_taken() {
	clone "$base/port_taken/first/clone" && clone "$base/port_taken/second/clone" || return 1
	begin "$base/port_taken/first/clone" $(environment port_taken) || return 1
	first=$address first_group=$group first_dir=$dir
	begin "$base/port_taken/second/clone" $(environment port_taken) || return 1
	[ "$address" != "$first" ] || { echo "both are at $address"; return 1; }
	grep -q "$address" "$dir.log" || { echo "it does not print $address"; return 1; }
	use && finish || return 1
	taken=${first##*:}
	out=$(cd "$dir" && env -i $(environment port_taken) bin/annals serve --listen "127.0.0.1:$taken" --data "$base/port_taken/third" 2>&1) && { echo "two servers on port $taken"; return 1; }
	echo "$out" | grep -q "$taken" || { echo "the refusal does not name the port: $out"; return 1; }
	dir=$first_dir group=$first_group address=$first
	use && finish
}

# Another PostgreSQL, on the port and with the socket that one has by default.
trial_other_postgres() {
	programs=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
	[ -n "$programs" ] || { echo "this trial needs an installed PostgreSQL"; return 1; }
	other=$base/other
	mkdir -p "$other/data" "$other/socket"
	[ "$(id -u)" != 0 ] || chown -R 65534:65534 "$other"
	as_other "$programs/initdb" -D "$other/data" -A trust -N >/dev/null || return 1
	# exec lets go of our output for good: a redirection of the function would only put it aside, and who collects
	# what we print would wait for this server to end.
	(exec >"$other/log" 2>&1 && as_other "$programs/postgres" -D "$other/data" -c port=5432 -c listen_addresses=127.0.0.1 -c "unix_socket_directories=$other/socket") &
	tries=0
	until grep -qs '^ready' "$other/data/postmaster.pid" || grep -qs 'ready  *$' "$other/data/postmaster.pid"; do
		tries=$((tries + 1))
		[ "$tries" -lt 300 ] || { cat "$other/log"; return 1; }
		sleep 0.1
	done
	whole other_postgres $(environment other_postgres) PGHOST=127.0.0.1 PGPORT=5432 PGUSER=nobody || return 1
	kill -0 "$(head -n 1 "$other/data/postmaster.pid")" || { echo "the other PostgreSQL has gone"; return 1; }
	kill -INT "$(head -n 1 "$other/data/postmaster.pid")"
}

as_other() {
	if [ "$(id -u)" = 0 ]; then (cd / && exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"); else "$@"; fi
}

# What cannot be fetched may be installed.
trial_no_network() {
	ls -d /usr/lib/postgresql/*/bin >/dev/null 2>&1 || { echo "this trial needs an installed PostgreSQL"; return 1; }
	whole no_network $(environment no_network) HTTPS_PROXY=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 GOPROXY=off || return 1
	grep -q 'could not be fetched' "$dir.log" || { echo "the start does not say which PostgreSQL it uses"; cat "$dir.log"; return 1; }
}

# kill -9, of PostgreSQL under the server, then of the server: nothing acknowledged is lost.
trial_killed() {
	clone "$base/killed/clone" && begin "$base/killed/clone" $(environment killed) && use || return 1
	file=$dir/annals-data/postgres/postmaster.pid
	first=$(head -n 1 "$file")
	kill -KILL "$first"
	tries=0
	until [ -f "$file" ] && [ "$(head -n 1 "$file")" != "$first" ] && curl -fsS -o /dev/null "$address/readyz" 2>/dev/null; do
		tries=$((tries + 1))
		[ "$tries" -lt 300 ] || { echo "PostgreSQL was not started again"; cat "$dir.log"; return 1; }
		sleep 0.1
	done
	seen || return 1
	survivor=$(head -n 1 "$file")
	kill -KILL "-$group"
	wait "$group" 2>/dev/null
	kill -0 "$survivor" || { echo "PostgreSQL died with the server"; return 1; }
	begin "$dir" $(environment killed) && seen || return 1
	[ "$(head -n 1 "$file")" = "$survivor" ] || { echo "the surviving PostgreSQL was not adopted"; return 1; }
	finish
}

# Too old a Go, or none: one line that says which and where to get it.
trial_old_go() {
	clone "$base/old_go/clone" || return 1
	needed=$(sed -n 's/^go \([0-9]*\.[0-9]*\).*/\1/p' "$repository/go.mod")
	bare=$base/old_go/bin
	mkdir -p "$bare"
	for tool in sh make git sed awk; do ln -s "$(command -v "$tool")" "$bare/$tool"; done
	one_line "$needed" || return 1
	printf '#!/bin/sh\necho "go version go1.22.4 linux/amd64"\n' >"$bare/go"
	chmod +x "$bare/go"
	one_line "$needed"
}

one_line() {
	out=$(cd "$base/old_go/clone" && env -i PATH="$bare" make run 2>&1) && { echo "it started"; return 1; }
	[ "$(echo "$out" | wc -l)" = 1 ] || { echo "more than a line: $out"; return 1; }
	case $out in *"$1"*https://go.dev/dl/*) ;; *) echo "it says: $out"; return 1 ;; esac
	echo "$out"
}

failed=0
for trial in ${*:-$all}; do
	was_begun=$(tenths)
	if said=$("trial_$trial" 2>&1); then result=PASS; else result=FAIL failed=1; fi
	reap
	echo "$result $trial ($((($(tenths) - was_begun) / 10)) s)"
	case $result in
	PASS) echo "$said" | grep 'tenths of a second' | sed 's/^/     /' ;;
	FAIL) echo "$said" | sed 's/^/     /' ;;
	esac
done
exit $failed
