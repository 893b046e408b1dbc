#!/bin/sh
# The audits of GraphQL over HTTP, and real clients of both subscription protocols, against a server of its own:
#
#   make build && sh graphql/audit/run.sh
#
# Needs Node 20 or newer. BIN names another binary than bin/annals.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
bin=${BIN:-$here/../../bin/annals}
data=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; wait 2>/dev/null; rm -rf "$data"' EXIT
trap 'exit 1' INT TERM
(cd "$here" && npm ci --silent)
"$bin" serve --listen 127.0.0.1:0 --data "$data" >"$data/log" 2>&1 &
server=$!
n=0
until url=$(sed -n 's/.*ready at \(http[^ ]*\).*/\1/p' "$data/log") && [ -n "$url" ] && [ -s "$data/first-api-key" ]; do
	n=$((n + 1))
	if [ "$n" -gt 120 ] || ! kill -0 "$server" 2>/dev/null; then cat "$data/log"; exit 1; fi
	sleep 1
done
key=$(cat "$data/first-api-key")
node "$here/audit.mjs" "$url/graphql" "$key"
node "$here/smoke.mjs" "$url/graphql" "$key"
