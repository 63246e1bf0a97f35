#!/usr/bin/env bash
# demo-kafka.sh [BUILD]: a job over a throw-away Kafka broker, killed in the middle of its work and started again.
set -euo pipefail
build=$(cd "${1:-build}" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
sparklet=$build/sparklet
python=${SPARKLET_CACHE:-${HOME:-~}/.cache/sparklet}/venv/bin/python
work=$build/demo-kafka
job=()

finish() {
	[ -z "${running-}" ] || kill -KILL "$running" 2> /dev/null || true
	tools/kafka.sh wipe "$work/kafka"
}
trap finish EXIT
trap 'exit 130' INT TERM

headline() { printf '\n%s\n' "$*"; }

rm -rf "$work"
mkdir -p "$work"
headline '1. A broker, four topics'
KAFKA_OWNER=$$ tools/kafka.sh start "$work/kafka"
BOOTSTRAP=$(cat "$work/kafka/bootstrap")
export BOOTSTRAP
"$python" examples/flights/kafka.py "$BOOTSTRAP" create
job=("$sparklet" run --job flights --dir "$work/state")

headline '2. The job runs while 27,024 events come in, and is killed (SIGKILL) after two seconds, and again'
"$python" examples/flights/kafka.py "$BOOTSTRAP" load 6000 &
loader=$!
for _ in 1 2; do
	"${job[@]}" examples/flights/kafka.sql 2>> "$work/log" &
	running=$!
	sleep 2
	kill -KILL "$running" || { echo "the job had ended by itself:" >&2; tail "$work/log" >&2; exit 1; }
	wait "$running" 2> /dev/null || true
	running=
done
wait "$loader"

headline '3. Started again, it finishes what is there'
printf '$ sparklet run --once --job flights examples/flights/kafka.sql\n'
"${job[@]}" --once examples/flights/kafka.sql

headline '4. Every late departure exactly once?'
"$python" examples/flights/kafka.py "$BOOTSTRAP" check

headline '5. What the epochs did'
printf '$ sparklet epochs flights --last 5\n'
"$sparklet" epochs flights --last 5 --dir "$work/state"
