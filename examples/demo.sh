#!/usr/bin/env bash
# demo.sh [BUILD]: what Sparklet does, on the flights in examples/data. Needs nothing but the program.
set -euo pipefail
build=$(cd "${1:-build}" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
sparklet=$build/sparklet
[ -x "$sparklet" ] || { echo "no $sparklet: make all" >&2; exit 1; }
rm -rf .sparklet/delays-files

bold=$([ -t 1 ] && tput bold 2> /dev/null || true)
plain=$([ -t 1 ] && tput sgr0 2> /dev/null || true)
headline() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
run() {
	printf '$ sparklet %s\n' "$*"
	"$sparklet" "$@"
}

headline '1. SQL over a CSV file: whose flights leave late?'
run sql examples/flights/worst-airlines.sql

headline '2. The same flights as a stream of 27,024 events, out of order, some days late, some damaged: one job, two results'
run run examples/flights/delays-files.sql

headline '3. What it wrote: the worst hours, and each airport'
run sql examples/flights/report.sql

headline '4. What it could not count is kept, with the reason'
run dlq delays-files list --last 4

headline 'Next'
cat <<-X
	  sparklet run examples/flights/delays-files.sql      again: it knows that there is nothing new
	  sparklet explain examples/flights/delays-files.sql  how it is computed, what state it keeps
	  sparklet epochs delays-files --last 1               what an epoch read and wrote
	  make demo-kafka                                     the same over Kafka, killed on the way, exactly once
	The program is $sparklet.
X
