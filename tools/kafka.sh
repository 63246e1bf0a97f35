#!/usr/bin/env bash
# One throw-away Kafka broker (KRaft, no replication) for tests, demos and benchmarks.
#
#   tools/kafka.sh start [DIR]    starts it, or starts it again on its old data and ports; returns when it answers
#   tools/kafka.sh stop  [DIR]    orderly stop; the data stays
#   tools/kafka.sh kill  [DIR]    SIGKILL; the data stays
#   tools/kafka.sh wipe  [DIR]    kill and delete DIR
#
# DIR (default build/kafka) then holds bootstrap (host:port), broker.pid, broker.log, server.properties and data/.
# Environment: KAFKA_OWNER=pid: the broker is wiped when that process is gone, however it ended.
#              KAFKA_PORT=n: this port (and n+1) instead of free ones.   KAFKA_JAVA_OPTS: instead of the options below.
#              KAFKA_SETTINGS: more lines for server.properties, for instance a shorter transaction timeout.
# The jars come from `tools/deps.sh test`.
set -euo pipefail

VERSION=4.1.0
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${SPARKLET_CACHE:-${HOME:-~}/.cache/sparklet}
libs=$cache/kafka-$VERSION/libs
command=${1-}
dir=${2:-$root/build/kafka}
# Small and quick to start; a test broker lives for minutes on a machine with other work to do.
java_opts=${KAFKA_JAVA_OPTS:--Xms128m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1}

say() { printf 'kafka: %s\n' "$*" >&2; }

pid_of_broker() {
	local pid
	pid=$(cat "$dir/broker.pid" 2> /dev/null) || return 1
	# The number may belong to somebody else by now.
	tr '\0' '\n' < "/proc/$pid/cmdline" 2> /dev/null | grep -qxF "$dir/server.properties" || return 1
	echo "$pid"
}

port_answers() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

# Two free ports in a row, below the range that outgoing connections are given from.
free_port() {
	local port
	for _ in {1..100}; do
		port=$((20000 + 2 * (RANDOM % 6000)))
		port_answers $port || port_answers $((port + 1)) || { echo $port; return; }
	done
	say 'found no free port'
	return 1
}

write_settings() {
	local port=$1
	cat > "$dir/server.properties" <<-X
		process.roles=broker,controller
		node.id=1
		controller.quorum.voters=1@127.0.0.1:$((port + 1))
		listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
		advertised.listeners=PLAINTEXT://127.0.0.1:$port
		controller.listener.names=CONTROLLER
		listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
		log.dirs=$dir/data
		auto.create.topics.enable=false
		num.partitions=1
		# one broker
		offsets.topic.replication.factor=1
		offsets.topic.num.partitions=1
		transaction.state.log.replication.factor=1
		transaction.state.log.num.partitions=1
		transaction.state.log.min.isr=1
		share.coordinator.state.topic.replication.factor=1
		share.coordinator.state.topic.num.partitions=1
		share.coordinator.state.topic.min.isr=1
		# nothing expires, whatever the time in a record
		log.retention.ms=-1
		log.retention.bytes=-1
		log.message.timestamp.before.max.ms=9223372036854775807
		log.message.timestamp.after.max.ms=9223372036854775807
		# answers early
		group.initial.rebalance.delay.ms=0
		transaction.max.timeout.ms=3600000
		# a killed broker may come back after this, not after 9 s
		broker.session.timeout.ms=3000
		broker.heartbeat.interval.ms=500
		transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
		# few threads and little memory
		num.network.threads=2
		num.io.threads=4
		num.recovery.threads.per.data.dir=1
		log.cleaner.dedupe.buffer.size=8388608
		log.initial.task.delay.ms=1000
		${KAFKA_SETTINGS-}
	X
	cat > "$dir/log4j2.xml" <<-X
		<Configuration><Appenders><Console name="c"><PatternLayout pattern="%d %p %c{1} %m%n"/></Console></Appenders>
		<Loggers><Logger name="kafka.server.KafkaRaftServer" level="info"/>
		<Root level="warn"><AppenderRef ref="c"/></Root></Loggers></Configuration>
	X
}

run_java() { java $java_opts "-Dlog4j2.configurationFile=$dir/log4j2.xml" -cp "$libs/*" "$@"; }

# 16 random bytes in the alphabet of Kafka's ids; a first character that no option parser takes for a dash.
cluster_id() { head -c 16 /dev/urandom | base64 | tr '+/' '-_' | sed 's/^./S/' | cut -c 1-22; }

# The first producer id and the first transaction take seconds on a fresh broker: have them done before a test's clock runs.
warm() {
	[ -x "$cache/venv/bin/python" ] || return 0
	"$cache/venv/bin/python" - "$(cat "$dir/bootstrap")" <<-'X'
		import sys
		from confluent_kafka import Producer
		p = Producer({"bootstrap.servers": sys.argv[1], "transactional.id": "sparklet.warm-up", "socket.nagle.disable": True,
		              "log_level": 2})
		p.init_transactions(60)
	X
}

launch() {
	: > "$dir/broker.log"
	setsid bash -c 'echo $$ > "$1/broker.pid"; shift; exec java "$@"' - "$dir" $java_opts \
		"-Dlog4j2.configurationFile=$dir/log4j2.xml" -cp "$libs/*" kafka.Kafka "$dir/server.properties" \
		> "$dir/broker.log" 2>&1 < /dev/null &
}

wait_until_up() {
	local port=$1
	for _ in {1..600}; do
		if grep -q 'Kafka Server started' "$dir/broker.log" && port_answers "$port"; then
			return 0
		fi
		sleep 0.1
		# Not there yet in its first instants; afterwards its absence is an end.
		pid_of_broker > /dev/null || { sleep 0.5; pid_of_broker > /dev/null; } || return 1
	done
	return 1
}

start() {
	local port attempt
	[ -d "$libs" ] || { say "no jars in $libs; run tools/deps.sh test"; exit 1; }
	mkdir -p "$dir"
	dir=$(cd "$dir" && pwd)
	if pid_of_broker > /dev/null; then
		say "already running at $(cat "$dir/bootstrap")"
		return
	fi
	for attempt in 1 2 3; do
		# Clients know the old address, so a restart must come back there.
		port=$(cat "$dir/port" 2> /dev/null || echo "${KAFKA_PORT:-$(free_port)}")
		write_settings "$port"
		if [ ! -f "$dir/data/meta.properties" ]; then
			run_java kafka.tools.StorageTool format -t "$(cluster_id)" -c "$dir/server.properties" > "$dir/format.log" 2>&1 ||
				{ cat "$dir/format.log" >&2; exit 1; }
		fi
		launch
		if wait_until_up "$port"; then
			echo "$port" > "$dir/port"
			echo "127.0.0.1:$port" > "$dir/bootstrap"
			watch_owner
			warm || break
			say "broker at 127.0.0.1:$port"
			return
		fi
		grep -q 'Address already in use' "$dir/broker.log" && [ ! -f "$dir/port" ] || break
		rm -rf "$dir/data"
	done
	say "the broker did not start; its log ends with:"
	tail -n 20 "$dir/broker.log" >&2
	end KILL
	exit 1
}

# end SIGNAL: ends the broker and waits for it
end() {
	local pid
	pid=$(pid_of_broker) || { rm -f "$dir/broker.pid"; return 0; }
	kill "-$1" "$pid" 2> /dev/null || true
	for _ in {1..300}; do
		pid_of_broker > /dev/null || break
		sleep 0.1
	done
	if pid_of_broker > /dev/null; then
		kill -KILL "$pid" 2> /dev/null || true
	fi
	rm -f "$dir/broker.pid"
}

watch_owner() {
	[ -n "${KAFKA_OWNER-}" ] || return 0
	setsid bash -c 'tail --pid="$1" -f /dev/null; exec "$2" wipe "$3"' - "$KAFKA_OWNER" "$root/tools/kafka.sh" "$dir" \
		> /dev/null 2>&1 < /dev/null &
}

[ ! -d "$dir" ] || dir=$(cd "$dir" && pwd)
case $command in
start) start ;;
stop) end TERM ;;
kill) end KILL ;;
wipe) end KILL; rm -rf "$dir" ;;
*) say 'usage: tools/kafka.sh start|stop|kill|wipe [DIR]'; exit 2 ;;
esac
