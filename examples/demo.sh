#!/usr/bin/env bash
# demo.sh [BUILD]: what Sparklet does, on the flights in examples/data. Needs nothing but the program.
set -euo pipefail
build=$(cd "${1:-build}" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
sparklet=$build/sparklet
state=$build/demo
rm -rf "$state"
mkdir -p "$state"
[ -x "$sparklet" ] || { echo "no $sparklet" >&2; exit 1; }

headline() { printf '\n\033[1m%s\033[0m\n' "$*" | if [ -t 1 ]; then cat; else sed 's/\x1b\[[0-9;]*m//g'; fi; }
show() { printf '$ %s\n' "$*"; }

headline '1. SQL over CSV files: who was late in January 2013?'
show "sparklet sql examples/flights/carriers.sql"
"$sparklet" sql examples/flights/carriers.sql

headline '2. A streaming job over 27,024 JSON events: disordered, some late, some not even JSON'
show "sparklet run --job daily --dir $state examples/flights/daily.sql"
"$sparklet" run --job daily --dir "$state" examples/flights/daily.sql > "$state/daily.ndjson"
head -n 6 "$state/daily.ndjson"
printf '... %s days and airports in all\n' "$(wc -l < "$state/daily.ndjson")"

headline '3. What could not be read or came too late is kept, with its reason'
show 'sparklet dlq daily list'
"$sparklet" dlq daily list --dir "$state"
