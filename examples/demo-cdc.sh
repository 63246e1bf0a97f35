#!/usr/bin/env bash
# demo-cdc.sh [BUILD]: a PostgreSQL whose changes go through Debezium and Kafka into a table that a job keeps up to date; the job is killed on the way.
set -euo pipefail
build=$(cd "${1:-build}" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
sparklet=$build/sparklet
python=${SPARKLET_CACHE:-${HOME:-~}/.cache/sparklet}/venv/bin/python
# Where the user of PostgreSQL's servers may look into.
work=$(mktemp -d)
chmod 755 "$work"
[ -x "$sparklet" ] || { echo "no $sparklet: make all" >&2; exit 1; }

bold=$([ -t 1 ] && tput bold 2> /dev/null || true)
plain=$([ -t 1 ] && tput sgr0 2> /dev/null || true)
headline() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
running=
end_job() {
	[ -z "$running" ] || { kill -KILL "$running" && wait "$running"; } 2> /dev/null || true
	running=
}
finish() {
	end_job
	tools/cdc.sh stop "$work/cdc" || true
	tools/kafka.sh wipe "$work/kafka"
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
psql() { /usr/lib/postgresql/15/bin/psql -h 127.0.0.1 -p "$(cat "$work/cdc/pg.port")" -U cdc -d shop -qX "$@"; }
start_job() {
	printf '$ sparklet run examples/cdc/spending.sql\n'
	"$sparklet" run --dir "$work/state" examples/cdc/spending.sql 2> "$work/job.log" &
	running=$!
}
# Topic spending as a table of this moment.
show() {
	printf '$ sparklet sql   # topic spending, read as a table\n'
	"$sparklet" sql -c "CREATE TABLE spending (customer_id int, name text, tier text, orders bigint, units bigint, total numeric(14,2), PRIMARY KEY (customer_id) NOT ENFORCED)
	WITH ('connector' = 'upsert-kafka', 'topic' = 'spending', 'properties.bootstrap.servers' = '$BOOTSTRAP', 'key.format' = 'json', 'value.format' = 'json', 'scan.bounded.mode' = 'latest-offset');
	SELECT * FROM spending ORDER BY customer_id"
}
# Until the topic has what PostgreSQL has.
wait_until_total() {
	for _ in {1..600}; do
		show 2> /dev/null | grep -q "$1" && return 0
		sleep 0.2
	done
	echo "the topic never showed $1" >&2
	exit 1
}

headline '1. PostgreSQL, Kafka, Debezium in Kafka Connect'
CDC_OWNER=$$ tools/cdc.sh postgres "$work/cdc"
psql -f examples/cdc/shop.sql
KAFKA_OWNER=$$ tools/kafka.sh start "$work/kafka"
BOOTSTRAP=$(cat "$work/kafka/bootstrap")
export BOOTSTRAP
"$python" - "$BOOTSTRAP" <<-'X'
	import sys
	from confluent_kafka.admin import AdminClient, NewTopic
	topics = ("shop.public.customers", "shop.public.orders", "shop.public.order_lines", "spending")
	admin = AdminClient({"bootstrap.servers": sys.argv[1]})
	for f in admin.create_topics([NewTopic(t, 1, 1) for t in topics]).values():
	    f.result()
X
CDC_OWNER=$$ tools/cdc.sh connect "$work/cdc" "$BOOTSTRAP" examples/cdc/shop.properties

headline '2. The job: what each customer has ordered, over three tables that change'
start_job
wait_until_total '34.00'
show

headline '3. It is killed (SIGKILL); meanwhile orders come, one is cancelled, a customer gets another number'
end_job
psql -a <<-'X'
	INSERT INTO orders (id, customer_id) VALUES (4, 3);
	INSERT INTO order_lines VALUES (4, 1, 'cup', 6, 7.00), (4, 2, 'tea', 1, 3.50);
	UPDATE orders SET state = 'cancelled' WHERE id = 2;
	BEGIN; UPDATE customers SET id = 12, tier = 'gold' WHERE id = 2; UPDATE orders SET customer_id = 12 WHERE customer_id = 2; COMMIT;
X
start_job
wait_until_total '45.50'
wait_until_total ' 12 '
show

headline '4. What PostgreSQL says'
psql -c "SELECT c.id AS customer_id, c.name, c.tier, count(DISTINCT o.id) AS orders, sum(l.qty) AS units, sum(l.qty * l.price) AS total
FROM customers AS c LEFT JOIN orders AS o ON o.customer_id = c.id AND o.state <> 'cancelled' LEFT JOIN order_lines AS l ON l.order_id = o.id GROUP BY c.id ORDER BY 1"

headline 'Next'
echo 'examples/cdc/spending.sql is the job, examples/cdc/shop.properties the connector; docs/sql.md says what of changelogs is understood.'
