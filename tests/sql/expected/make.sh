#!/bin/sh
# Asks a throw-away PostgreSQL 15 server for the answers to ../cases/*.sql (or to those named) and writes them beside this script.
# Needs initdb and postgres (PGBIN names their folder, else the highest version under /usr/lib/postgresql), psql and python3.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
bin=${PGBIN:-$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)}
dir=$(mktemp -d)
as=
if [ "$(id -u)" = 0 ]; then
	as='su postgres -c'
	chown postgres "$dir"
fi
run() { if [ -n "$as" ]; then $as "$1"; else sh -c "$1"; fi; }
trap 'run "$bin/pg_ctl -D $dir/data -m immediate stop >/dev/null" || true; rm -rf "$dir"' EXIT
run "$bin/initdb -D $dir/data -U postgres --locale=C.UTF-8 -E UTF8 >/dev/null"
run "$bin/pg_ctl -D $dir/data -o \"-k $dir -c listen_addresses='' -c fsync=off -c timezone=UTC\" -l $dir/log -w start >/dev/null"
python3 "$here/../cases.py" "$dir" "$here" "$@"
