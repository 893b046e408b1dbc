#!/bin/sh
# Points real producers, unchanged, at a server of its own: the openlineage-python client (synchronous, asynchronous,
# compressed) and dbt with openlineage-dbt. Then asks the server whether it knows what they did.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
venv=${ANNALS_CLIENTS_VENV:-$root/.cache/clients}
work=$(mktemp -d "${TMPDIR:-/tmp}/annals-clients.XXXXXX")
server=

stop() {
    [ -z "$server" ] || { kill "$server" 2>/dev/null || :; wait "$server" 2>/dev/null || :; }
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

if ! [ -f "$venv/ready" ] || ! cmp -s "$here/clients/requirements.txt" "$venv/ready"; then
    echo "installing the clients into $venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/clients/requirements.txt"
    cp "$here/clients/requirements.txt" "$venv/ready"
fi

chmod 755 "$work"
"$root/bin/annals" serve --listen 127.0.0.1:0 --data "$work/data" >"$work/log" 2>&1 &
server=$!
tries=0
until [ -s "$work/data/address" ] && [ -s "$work/data/first-api-key" ]; do
    tries=$((tries + 1))
    kill -0 "$server" 2>/dev/null && [ "$tries" -lt 600 ] || { cat "$work/log"; echo "the server did not start"; exit 1; }
    sleep 0.2
done
OPENLINEAGE_URL=$(cat "$work/data/address")
OPENLINEAGE_API_KEY=$(cat "$work/data/first-api-key")
OPENLINEAGE_CLIENT_LOGGING=WARNING
export OPENLINEAGE_URL OPENLINEAGE_API_KEY OPENLINEAGE_CLIENT_LOGGING

"$venv/bin/python" "$here/clients/emit.py"

cp -R "$here/dbt" "$work/shop"
cd "$work/shop"
export DBT_PROFILES_DIR=. DO_NOT_TRACK=1
PATH="$venv/bin:$PATH"
dbt-ol seed >"$work/dbt.log" 2>&1 || { cat "$work/dbt.log"; exit 1; }
dbt-ol run >"$work/dbt.log" 2>&1 || { cat "$work/dbt.log"; exit 1; }
cp target/manifest.json "$work/manifest.json"
cp target/run_results.json "$work/run.json"
if dbt-ol test >"$work/dbt.log" 2>&1; then
    echo "one of dbt's tests should have failed"
    exit 1
fi
"$venv/bin/python" "$here/clients/check_dbt.py" "$work/manifest.json" "$work/run.json" target/run_results.json
