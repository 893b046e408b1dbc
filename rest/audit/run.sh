#!/bin/sh
# Holds a server of its own to its OpenAPI document: the document is valid, and every operation, whatever it is sent,
# answers without a 5xx and with a status, content type, headers and body that the document has.
#
#   make build && sh rest/audit/run.sh
#
# Needs Python 3.11 or newer. BIN names another binary than bin/annals, EXAMPLES how often each operation is tried.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
bin=${BIN:-$root/bin/annals}
venv=${ANNALS_OPENAPI_VENV:-$root/.cache/openapi}
work=$(mktemp -d "${TMPDIR:-/tmp}/annals-openapi.XXXXXX")
server=

stop() {
    [ -z "$server" ] || { kill "$server" 2>/dev/null || :; wait "$server" 2>/dev/null || :; }
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

if ! [ -f "$venv/ready" ] || ! cmp -s "$here/requirements.txt" "$venv/ready"; then
    echo "installing schemathesis into $venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/ready"
fi

chmod 755 "$work"
"$bin" serve --listen 127.0.0.1:0 --data "$work/data" >"$work/log" 2>&1 &
server=$!
tries=0
until [ -s "$work/data/address" ] && [ -s "$work/data/first-api-key" ]; do
    tries=$((tries + 1))
    kill -0 "$server" 2>/dev/null && [ "$tries" -lt 600 ] || { cat "$work/log"; echo "the server did not start"; exit 1; }
    sleep 0.2
done
url=$(cat "$work/data/address")
key=$(cat "$work/data/first-api-key")

# Something to find: the examples of the document name these.
annals() { ANNALS_URL=$url ANNALS_API_KEY=$key "$bin" "$@" >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }; }
annals workspace create spare
cat >"$work/events" <<'EOF'
{"id":"s-1","run":"r1","pipeline":{"name":"train"},"at":"2026-03-01T12:00:00Z","body":{"type":"runStarted"}}
{"id":"s-2","run":"r1","at":"2026-03-01T12:01:00Z","body":{"type":"artifactsProduced","artifacts":[{"artifact":{"name":"orders"},"version":"1"}]}}
EOF
"$venv/bin/python" -c 'import sys, urllib.request as u; u.urlopen(u.Request(sys.argv[1] + "/v1/workspaces/default/events", open(sys.argv[3], "rb").read(), {"Authorization": "Bearer " + sys.argv[2], "Content-Type": "application/x-ndjson"}))' "$url" "$key" "$work/events"

cd "$work"
for part in "" /workspaces/default; do
    "$venv/bin/python" -c 'import sys, urllib.request; sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1]).read())' "$url$part/openapi.json" >document.json
    "$venv/bin/openapi-spec-validator" document.json
done

# What the answers are held to. Whether every value is taken that the document allows is not among it: rules such as
# "a slug is never used again" are no schema's.
checks=not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,missing_required_header,unsupported_method,allow_header_conformance
export SCHEMATHESIS_HOOKS=hooks PYTHONPATH="$here"
try() {
    "$venv/bin/schemathesis" run "$url/openapi.json" --header "Authorization: Bearer $key" --workers 1 --seed 5 --checks "$checks" --warnings off --phases examples,coverage,fuzzing "$@"
}
# What turns the read model itself over is tried alone and a few times: everybody else's reads depend on it. The others are
# tried by two processes side by side; threads of one trip over each other in Python 3.11.
models='^(rebuild|swap|discard|rollBack)Projections$'
try --max-examples "${EXAMPLES:-10}" --include-path-regex '^/v1/organizations' >"$work/half" 2>&1 &
half=$!
failed=
try --max-examples "${EXAMPLES:-10}" --exclude-operation-id-regex "$models" --exclude-path-regex '^/v1/organizations' || failed=yes
wait "$half" || failed=yes
cat "$work/half"
[ -z "$failed" ] || exit 1
try --max-examples 2 --include-operation-id-regex "$models"
if grep -q 'a request panicked' "$work/log"; then
    grep 'a request panicked' "$work/log"
    exit 1
fi
