#!/usr/bin/env bash
# A throw-away PostgreSQL whose changes go to Kafka by Debezium: for tests and demos.
#
#   tools/cdc.sh postgres DIR                    starts it; DIR/pg.port says where. Database "shop", user "cdc", no password
#   tools/cdc.sh connect DIR BOOTSTRAP FILE      starts Kafka Connect (one process) with the connector of FILE, in which @PG_PORT@ is filled in;
#                                                returns when its task runs. Again after kill-connect: it goes on where its offsets say
#   tools/cdc.sh kill-connect DIR                SIGKILL: what it sent since it last noted its offsets comes again
#   tools/cdc.sh stop DIR                        ends both; the data stays
#
# The jars come from `tools/deps.sh cdc`. CDC_OWNER=pid: both end when that process is gone, however it ended.
set -euo pipefail

DEBEZIUM=3.3.2.Final
PGBIN=/usr/lib/postgresql/15/bin
cache=${SPARKLET_CACHE:-${HOME:-~}/.cache/sparklet}
libs=$cache/connect-$DEBEZIUM/libs
command=${1-}
dir=${2:?usage: tools/cdc.sh postgres|connect|kill-connect|stop DIR ...}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

say() { printf 'cdc: %s\n' "$*" >&2; }
port_answers() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }
free_port() {
	local port
	for _ in {1..100}; do
		port=$((20000 + RANDOM % 12000))
		port_answers $port || { echo $port; return; }
	done
	say 'found no free port'
	return 1
}

# wait_for SECONDS WHAT LOG PIDFILE COMMAND...: until it succeeds, or the process is gone
wait_for() {
	local tries=$(($1 * 10)) what=$2 log=$3 pid
	pid=$(cat "$4")
	shift 4
	for ((; tries > 0; tries--)); do
		"$@" > /dev/null 2>&1 && return 0
		kill -0 "$pid" 2> /dev/null || break
		sleep 0.1
	done
	say "$what did not come up; the end of $log:"
	tail -20 "$log" >&2
	return 1
}

# The servers refuse root.
as_postgres() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid postgres --regid "$(id -g postgres)" --clear-groups env HOME="$dir/pg" "$@"
	else
		"$@"
	fi
}

# Ends process PID with this one's owner.
watch_owner() {
	[ -n "${CDC_OWNER-}" ] || return 0
	setsid bash -c "while kill -0 $CDC_OWNER 2> /dev/null && kill -0 $1 2> /dev/null; do sleep 1; done; kill -$2 $1" > /dev/null 2>&1 < /dev/null &
}

start_postgres() {
	local port
	port=$(free_port)
	mkdir -p "$dir/pg"
	[ "$(id -u)" != 0 ] || chown postgres "$dir/pg"
	[ -d "$dir/pg/data" ] || as_postgres $PGBIN/initdb -D "$dir/pg/data" -U cdc -A trust -E UTF8 --locale=C.UTF-8 --no-sync > "$dir/initdb.log"
	as_postgres tee "$dir/pg/data/postgresql.auto.conf" > /dev/null <<-X
		listen_addresses = '127.0.0.1'
		port = $port
		unix_socket_directories = ''
		wal_level = logical
		fsync = off
		shared_buffers = 32MB
		max_connections = 20
		timezone = 'UTC'
	X
	as_postgres $PGBIN/pg_ctl -D "$dir/pg/data" -l "$dir/pg/server.log" -w start > /dev/null
	head -1 "$dir/pg/data/postmaster.pid" > "$dir/pg.pid"
	watch_owner "$(cat "$dir/pg.pid")" INT
	echo "$port" > "$dir/pg.port"
	$PGBIN/psql -h 127.0.0.1 -p "$port" -U cdc -d postgres -qAtc "SELECT FROM pg_database WHERE datname = 'shop'" | grep -q '' ||
		$PGBIN/createdb -h 127.0.0.1 -p "$port" -U cdc shop
}

task_runs() { curl -sf "http://127.0.0.1:$1/connectors/shop/status" | grep -q '"tasks":\[{[^]]*"state":"RUNNING"'; }

start_connect() {
	local bootstrap=$1 file=$2 port
	[ -d "$libs" ] || { say "no jars in $libs; run tools/deps.sh cdc"; exit 1; }
	port=$(free_port)
	cat > "$dir/worker.properties" <<-X
		bootstrap.servers=$bootstrap
		listeners=http://127.0.0.1:$port
		key.converter=org.apache.kafka.connect.json.JsonConverter
		value.converter=org.apache.kafka.connect.json.JsonConverter
		key.converter.schemas.enable=false
		value.converter.schemas.enable=false
		offset.storage.file.filename=$dir/offsets
		offset.flush.interval.ms=${CDC_FLUSH_MS:-1000}
		plugin.discovery=service_load
	X
	sed "s/@PG_PORT@/$(cat "$dir/pg.port")/g" "$file" > "$dir/connector.properties"
	cat > "$dir/log4j2.xml" <<-X
		<Configuration><Appenders><Console name="out"><PatternLayout pattern="%d %-5p %c{1} %m%n"/></Console></Appenders>
		<Loggers><Root level="warn"><AppenderRef ref="out"/></Root></Loggers></Configuration>
	X
	setsid java -Xms128m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile="$dir/log4j2.xml" -cp "$libs/*" \
		org.apache.kafka.connect.cli.ConnectStandalone "$dir/worker.properties" "$dir/connector.properties" >> "$dir/connect.log" 2>&1 < /dev/null &
	echo $! > "$dir/connect.pid"
	watch_owner "$(cat "$dir/connect.pid")" KILL
	wait_for 180 'Kafka Connect' "$dir/connect.log" "$dir/connect.pid" task_runs "$port"
}

end_connect() {
	local pid
	pid=$(cat "$dir/connect.pid" 2> /dev/null) || return 0
	# The number may belong to somebody else by now.
	tr '\0' '\n' < "/proc/$pid/cmdline" 2> /dev/null | grep -qxF "$dir/worker.properties" || { rm -f "$dir/connect.pid"; return 0; }
	kill "-$1" "$pid"
	while kill -0 "$pid" 2> /dev/null; do sleep 0.1; done
	rm -f "$dir/connect.pid"
}

case $command in
postgres) start_postgres ;;
connect) start_connect "${3:?BOOTSTRAP}" "${4:?FILE}" ;;
kill-connect) end_connect KILL ;;
stop)
	end_connect TERM
	[ ! -f "$dir/pg.pid" ] || as_postgres $PGBIN/pg_ctl -D "$dir/pg/data" -m fast -w stop > /dev/null
	rm -f "$dir/pg.pid"
	;;
*) say "unknown command '$command'"; exit 2 ;;
esac
