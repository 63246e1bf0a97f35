#!/usr/bin/env bash
# demo-kafka.sh [BUILD]: delays.sql over a throw-away Kafka broker, killed in the middle of its work and started again.
set -euo pipefail
build=$(cd "${1:-build}" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
sparklet=$build/sparklet
python=${SPARKLET_CACHE:-${HOME:-~}/.cache/sparklet}/venv/bin/python
work=$build/demo-kafka
[ -x "$sparklet" ] || { echo "no $sparklet: make all" >&2; exit 1; }

bold=$([ -t 1 ] && tput bold 2> /dev/null || true)
plain=$([ -t 1 ] && tput sgr0 2> /dev/null || true)
headline() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
running= loader=
finish() {
	[ -z "$running" ] || kill -KILL "$running" 2> /dev/null || true
	[ -z "$loader" ] || kill "$loader" 2> /dev/null || true
	tools/kafka.sh wipe "$work/kafka"
}
trap finish EXIT
trap 'exit 130' INT TERM

rm -rf "$work"
mkdir -p "$work"
headline '1. A broker, and its topics'
KAFKA_OWNER=$$ tools/kafka.sh start "$work/kafka"
BOOTSTRAP=$(cat "$work/kafka/bootstrap")
export BOOTSTRAP
"$python" examples/flights/kafka.py "$BOOTSTRAP" create

headline '2. Flights come in, 3,000 a second; the job counts. After three seconds it is killed (SIGKILL)'
"$python" examples/flights/kafka.py "$BOOTSTRAP" load 3000 &
loader=$!
printf '$ sparklet run examples/flights/delays.sql\n'
"$sparklet" run --dir "$work/state" examples/flights/delays.sql &
running=$!
sleep 3
kill -KILL "$running" || { echo 'the job had ended by itself' >&2; exit 1; }
wait "$running" 2> /dev/null || true
running=

headline '3. Started again it goes on, until the stream ends and it is told to stop (SIGTERM)'
printf '$ sparklet run examples/flights/delays.sql\n'
"$sparklet" run --dir "$work/state" examples/flights/delays.sql &
running=$!
wait "$loader"
loader=
sleep 1
kill -TERM "$running"
wait "$running"
running=

headline '4. What a consumer sees (read_committed)'
"$python" examples/flights/kafka.py "$BOOTSTRAP" show

headline '5. What could not be counted'
printf '$ sparklet dlq delays list --last 4\n'
"$sparklet" dlq delays list --last 4 --dir "$work/state"

headline 'Next'
cat <<-X
	  BOOTSTRAP=host:9092 $sparklet run examples/flights/delays.sql    on a broker of yours, with topics flights, delays, carrier-totals
	  sparklet epochs|dlq|checkpoint ...  look at a job, also while it runs
	  docs/sparklet.1                     every command
X
