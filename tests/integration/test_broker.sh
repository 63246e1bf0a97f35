#!/usr/bin/env bash
# tools/kafka.sh: a broker that is stopped or killed comes back with its data at its address, and does not outlive its owner.
set -u
kafka=$SPARKLET_SRC/tools/kafka.sh
dir=$SPARKLET_TMP/kafka
trap '"$kafka" wipe "$dir"' EXIT

# runs PID: a process that nobody has waited for yet is not running
runs() { [ -n "$1" ] && tr -d '\0' < "/proc/$1/cmdline" 2> /dev/null | grep -q .; }

# verdict WHAT: takes the status of the command before it
verdict() { if [ $? = 0 ]; then echo "ok - $1"; else echo "not ok - $1"; fi; }

# client write|read: one committed record, written or expected
client() {
	"$SPARKLET_PYTHON" - "$1" "$(cat "$dir/bootstrap")" <<-'X'
		import sys
		from confluent_kafka import Consumer, Producer, TopicPartition
		from confluent_kafka.admin import AdminClient, NewTopic
		step, servers = sys.argv[1:]
		if step == "write":
		    admin = AdminClient({"bootstrap.servers": servers})
		    admin.create_topics([NewTopic("t", 1, 1)])["t"].result(30)
		    p = Producer({"bootstrap.servers": servers, "transactional.id": "test"})
		    p.init_transactions(30)
		    p.begin_transaction()
		    p.produce("t", b"kept")
		    p.commit_transaction(30)
		else:
		    c = Consumer({"bootstrap.servers": servers, "group.id": "g", "isolation.level": "read_committed"})
		    c.assign([TopicPartition("t", 0, 0)])
		    m = c.poll(30)
		    sys.exit(0 if m is not None and m.value() == b"kept" else 1)
	X
}

"$kafka" start "$dir"; verdict 'it starts'
address=$(cat "$dir/bootstrap")
[ "$address" != "${SPARKLET_KAFKA-}" ]; verdict 'it takes other ports than the broker that runs already'
client write; verdict 'it commits a transaction'
pid=$(cat "$dir/broker.pid")
"$kafka" stop "$dir" && ! runs "$pid"
verdict 'it is gone after stop'
"$kafka" start "$dir" && client read; verdict 'it has its data after a stop'
"$kafka" kill "$dir" && "$kafka" start "$dir" && client read; verdict 'it has its data after SIGKILL'
[ "$(cat "$dir/bootstrap")" = "$address" ]; verdict 'it keeps its address'
"$kafka" wipe "$dir" && [ ! -e "$dir" ]; verdict 'wipe leaves nothing'

sleep 600 & owner=$!
KAFKA_OWNER=$owner "$kafka" start "$dir"
pid=$(cat "$dir/broker.pid")
kill -KILL $owner
for _ in {1..100}; do
	[ -e "$dir" ] || break
	sleep 0.1
done
[ ! -e "$dir" ] && ! runs "$pid"; verdict 'it ends with its owner'
