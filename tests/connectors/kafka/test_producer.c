/* The producer: transactions, fencing, lost answers, keys, and the topics of a job. */
#include "core/base/fault.h"

#include "tests/connectors/kafka/kafka_tables.h"

/* A topic, a table for it, and a transactional id that nobody else has. */
struct bench {
	struct table t;
	char *topic, *id;
	struct spk_kafka_producer *p;
	int handle, partitions;
};

static struct spk_kafka_producer *open_producer(struct bench *b, const char *id)
{
	struct spk_kafka_producer_spec spec = { .table = &b->t.table, .transactional_id = id };
	struct spk_kafka_producer *p = NULL;
	spk_error err = { 0 };

	REQUIRE_OK(spk_kafka_producer_open(&p, &spec, &err), err);
	REQUIRE_OK(spk_kafka_producer_topic(p, b->topic, &b->handle, &b->partitions, &err), err);
	return p;
}

static void bench_init(struct bench *b, int partitions)
{
	*b = (struct bench){ .topic = spk_test_topic_name("out"), .id = spk_test_topic_name("txn") };
	spk_test_topic_create(b->topic, partitions, NULL);
	table_init(&b->t, b->topic, NULL);
	b->p = open_producer(b, b->id);
}

static void bench_release(struct bench *b)
{
	spk_kafka_producer_close(b->p);
	free(b->topic);
	free(b->id);
}

/* A block of texts; a key goes with every one when `keys` is given, NULL values are tombstones. */
static struct spk_sink_block *block_of(int rows, const char *const *values, const char *const *keys, int task)
{
	struct spk_sink_block *b = calloc(1, sizeof(*b));
	spk_error err = { 0 };

	b->task = task;
	REQUIRE_OK(spk_sink_block_reserve(b, rows, &err), err);
	b->flags = keys ? calloc((size_t)b->capacity, 1) : NULL;
	for (int i = 0; i < rows; i++) {
		if (values[i])
			REQUIRE_OK(spk_buffer_append_str(&b->value, values[i], &err), err);
		b->value_end[i] = (uint32_t)b->value.size;
		if (keys) {
			REQUIRE_OK(spk_buffer_append_str(&b->key, keys[i], &err), err);
			b->flags[i] = (uint8_t)(SPK_ROW_HAS_KEY | (values[i] ? 0 : SPK_ROW_TOMBSTONE));
		}
		b->key_end[i] = (uint32_t)b->key.size;
	}
	b->rows = rows;
	return b;
}

static void write_text(struct bench *b, const char *text)
{
	spk_error err = { 0 };

	REQUIRE_OK(spk_kafka_begin(b->p, &err), err);
	REQUIRE_OK(spk_kafka_produce_one(b->p, b->handle, 0, NULL, 0, text, strlen(text), NULL, &err), err);
}

/* What a reader of committed records sees once there are `count`: markers are written after the commit was answered. */
static struct spk_test_records wait_records(struct bench *b, size_t count)
{
	struct spk_test_records r = spk_test_consume(b->topic, true);

	for (int i = 0; i < 50 && r.count < count; i++) {
		spk_test_records_release(&r);
		sleep_ms(100);
		r = spk_test_consume(b->topic, true);
	}
	return r;
}

static void check_committed(struct bench *b, int count, const char *want)
{
	struct spk_test_records r = wait_records(b, (size_t)count);
	char *text = calloc(1, 1 + r.count * 64), *at = text;

	for (size_t i = 0; i < r.count; i++)
		at += sprintf(at, "%s%.60s", i ? " " : "", r.at[i].value ? r.at[i].value : "-");
	CHECK_EQ_STR(text, want);
	free(text);
	spk_test_records_release(&r);
}

static void commits_an_epoch(void)
{
	struct spk_sink_block *block = block_of(3, (const char *[]){ "a", "", "c" }, NULL, 0);
	struct bench b;
	spk_error err = { 0 };

	bench_init(&b, 1);
	CHECK(spk_kafka_producer_transactional(b.p));
	REQUIRE_OK(spk_kafka_begin(b.p, &err), err);
	REQUIRE_OK(spk_kafka_produce(b.p, b.handle, block, &err), err);
	check_committed(&b, 0, "");
	REQUIRE_OK(spk_kafka_commit(b.p, &err), err);
	check_committed(&b, 3, "a  c");
	/* The next one by the same producer. */
	write_text(&b, "d");
	REQUIRE_OK(spk_kafka_commit(b.p, &err), err);
	check_committed(&b, 4, "a  c d");
	spk_sink_block_free(block);
	bench_release(&b);
}

static void leaves_nothing_of_an_epoch_that_is_dropped(void)
{
	struct bench b;

	bench_init(&b, 1);
	write_text(&b, "lost");
	spk_kafka_producer_close(b.p);
	/* Settles what was left open. */
	b.p = open_producer(&b, b.id);
	check_committed(&b, 0, "");
	bench_release(&b);
}

static void works_without_transactions(void)
{
	struct bench b;
	spk_error err = { 0 };

	bench_init(&b, 1);
	spk_kafka_producer_close(b.p);
	b.p = open_producer(&b, NULL);
	CHECK(!spk_kafka_producer_transactional(b.p));
	write_text(&b, "a");
	REQUIRE_OK(spk_kafka_commit(b.p, &err), err);
	check_committed(&b, 1, "a");
	bench_release(&b);
}

static void is_fenced_by_its_successor(void)
{
	struct spk_kafka_producer *zombie;
	struct bench b;
	spk_error err = { 0 };

	bench_init(&b, 1);
	zombie = b.p;
	write_text(&b, "zombie");
	b.p = open_producer(&b, b.id);
	CHECK_FAILS(spk_kafka_commit(zombie, &err), SPK_FENCED, err);
	CHECK(err.fatal);
	CHECK_HOLDS(err.message, b.id);
	CHECK_HOLDS(err.message, "another instance of the job has taken over");
	/* And stays so, without asking again. */
	CHECK(spk_kafka_begin(zombie, &err) != SPK_OK);
	spk_kafka_producer_close(zombie);
	write_text(&b, "heir");
	REQUIRE_OK(spk_kafka_commit(b.p, &err), err);
	check_committed(&b, 1, "heir");
	bench_release(&b);
}

static void is_fenced_between_epochs(void)
{
	struct spk_kafka_producer *zombie;
	struct bench b;
	spk_error err = { 0 };
	spk_status status;

	bench_init(&b, 1);
	write_text(&b, "a");
	REQUIRE_OK(spk_kafka_commit(b.p, &err), err);
	zombie = b.p;
	b.p = open_producer(&b, b.id);
	status = spk_kafka_begin(zombie, &err);
	if (status == SPK_OK)
		status = spk_kafka_produce_one(zombie, 0, 0, NULL, 0, "z", 1, NULL, &err);
	if (status == SPK_OK)
		status = spk_kafka_commit(zombie, &err);
	CHECK_EQ_INT(status, SPK_FENCED);
	spk_kafka_producer_close(zombie);
	check_committed(&b, 1, "a");
	bench_release(&b);
}

/* Pass 1 of the fault point is before the commit, pass 2 after it: both look alike, and the topic tells them apart. */
static void lose_an_answer(const char *fault, int count, const char *left)
{
	struct bench b;
	spk_error err = { 0 };

	bench_init(&b, 1);
	write_text(&b, "first");
	REQUIRE_OK(spk_kafka_commit(b.p, &err), err);
	write_text(&b, "second");
	REQUIRE_OK(spk_fault_set(fault, &err), err);
	CHECK_FAILS(spk_kafka_commit(b.p, &err), SPK_IO, err);
	CHECK(err.fatal);
	REQUIRE_OK(spk_fault_set(NULL, &err), err);
	CHECK(spk_kafka_begin(b.p, &err) != SPK_OK);
	spk_kafka_producer_close(b.p);
	b.p = open_producer(&b, b.id);
	check_committed(&b, count, left);
	write_text(&b, "third");
	REQUIRE_OK(spk_kafka_commit(b.p, &err), err);
	bench_release(&b);
}

static void settles_a_commit_that_was_not_sent(void)
{
	lose_an_answer("txn.commit:1", 1, "first");
}

static void settles_a_commit_without_an_answer(void)
{
	lose_an_answer("txn.commit:2", 2, "first second");
}

static void begin_can_fail(void)
{
	struct bench b;
	spk_error err = { 0 };

	bench_init(&b, 1);
	REQUIRE_OK(spk_fault_set("txn.begin:1", &err), err);
	CHECK_FAILS(spk_kafka_begin(b.p, &err), SPK_IO, err);
	CHECK(err.retriable);
	CHECK(!err.fatal);
	REQUIRE_OK(spk_fault_set(NULL, &err), err);
	write_text(&b, "a");
	REQUIRE_OK(spk_kafka_commit(b.p, &err), err);
	check_committed(&b, 1, "a");
	bench_release(&b);
}

/* The broker ends a transaction that takes too long: not another instance, and nothing is left of it. */
static void outlives_its_timeout(void)
{
	struct spk_conf *conf = spk_conf_new();
	struct bench b;
	spk_error err = { 0 };
	struct spk_kafka_producer_spec spec;

	bench_init(&b, 1);
	spk_kafka_producer_close(b.p);
	REQUIRE_OK(spk_conf_set(conf, "transaction.timeout", "1s", &err), err);
	spec = (struct spk_kafka_producer_spec){ .table = &b.t.table, .transactional_id = b.id, .conf = conf };
	REQUIRE_OK(spk_kafka_producer_open(&b.p, &spec, &err), err);
	REQUIRE_OK(spk_kafka_producer_topic(b.p, b.topic, &b.handle, &b.partitions, &err), err);
	write_text(&b, "late");
	sleep_ms(4000);
	CHECK_FAILS(spk_kafka_commit(b.p, &err), SPK_TIMEOUT, err);
	CHECK(err.retriable && err.fatal);
	CHECK_HOLDS(err.message, "transaction.timeout");
	spk_kafka_producer_close(b.p);
	b.p = open_producer(&b, b.id);
	check_committed(&b, 0, "");
	bench_release(&b);
	spk_conf_free(conf);
}

static void puts_keys_where_java_does(void)
{
	/* Made with org.apache.kafka.common.utils.Utils.murmur2 of Kafka 4.1.0: toPositive(hash) % 7 and % 64. */
	static const struct { const char *key; int of_7, of_64; } golden[] = {
		{ "", 2, 25 }, { "a", 5, 60 }, { "ab", 0, 42 }, { "abc", 4, 27 }, { "abcd", 5, 52 }, { "21", 3, 44 }, { "foobar", 0, 62 },
		{ "a-little-bit-long-string", 1, 32 }, { "a-little-bit-longer-string", 0, 3 },
		{ "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", 3, 13 }, { "{\"auction\":1007}", 6, 10 }, { "żółć", 2, 33 },
	};
	unsigned char all[256];

	for (size_t i = 0; i < SPK_COUNT_OF(golden); i++) {
		CHECK_EQ_INT(spk_kafka_murmur2_partition(golden[i].key, strlen(golden[i].key), 7), golden[i].of_7);
		CHECK_EQ_INT(spk_kafka_murmur2_partition(golden[i].key, strlen(golden[i].key), 64), golden[i].of_64);
	}
	for (int i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	CHECK_EQ_INT(spk_kafka_murmur2_partition(all, 256, 7), 3);
	CHECK_EQ_INT(spk_kafka_murmur2_partition(all, 256, 1000003), 135777);
}

static void spreads_rows_by_key(void)
{
	static const char *const keys[] = { "21", "foobar", "21", "", "foobar", "21" }, *const values[] = { "a", "b", "c", "d", NULL, "" };
	struct spk_sink_block *block = block_of(6, values, keys, 0);
	struct spk_test_records r;
	struct bench b;
	spk_error err = { 0 };

	bench_init(&b, 7);
	REQUIRE_OK(spk_kafka_begin(b.p, &err), err);
	REQUIRE_OK(spk_kafka_produce(b.p, b.handle, block, &err), err);
	REQUIRE_OK(spk_kafka_commit(b.p, &err), err);
	r = wait_records(&b, 6);
	REQUIRE_EQ_INT(r.count, 6);
	/* By partition: 0 foobar, 2 "", 3 21; in order within. */
	CHECK_EQ_INT(r.at[0].partition, 0);
	CHECK_EQ_STR(r.at[0].value, "b");
	CHECK_EQ_INT(r.at[1].partition, 0);
	CHECK(r.at[1].value == NULL);
	CHECK_EQ_INT(r.at[2].partition, 2);
	CHECK_EQ_STR(r.at[2].key, "");
	CHECK_EQ_INT(r.at[3].partition, 3);
	CHECK_EQ_STR(r.at[3].value, "a");
	CHECK_EQ_STR(r.at[4].value, "c");
	CHECK_EQ_STR(r.at[5].value, "");
	spk_test_records_release(&r);
	spk_sink_block_free(block);
	bench_release(&b);
}

static void spreads_rows_by_task_and_by_hand(void)
{
	struct spk_sink_block *by_task = block_of(2, (const char *[]){ "a", "b" }, NULL, 5), *by_hand = block_of(3, (const char *[]){ "c", "d", "e" }, NULL, 0);
	struct spk_test_records r;
	struct bench b;
	spk_error err = { 0 };

	bench_init(&b, 3);
	by_hand->partition = calloc((size_t)by_hand->capacity, sizeof(int32_t));
	by_hand->partition[0] = 1;
	by_hand->partition[2] = 1;
	REQUIRE_OK(spk_kafka_begin(b.p, &err), err);
	REQUIRE_OK(spk_kafka_produce(b.p, b.handle, by_task, &err), err);
	REQUIRE_OK(spk_kafka_produce(b.p, b.handle, by_hand, &err), err);
	REQUIRE_OK(spk_kafka_commit(b.p, &err), err);
	r = wait_records(&b, 5);
	REQUIRE_EQ_INT(r.count, 5);
	CHECK_EQ_STR(r.at[0].value, "d");
	CHECK_EQ_STR(r.at[1].value, "c");
	CHECK_EQ_STR(r.at[2].value, "e");
	CHECK_EQ_INT(r.at[3].partition, 2);
	CHECK_EQ_STR(r.at[3].value, "a");
	spk_test_records_release(&r);
	by_hand->partition[1] = 3;
	REQUIRE_OK(spk_kafka_begin(b.p, &err), err);
	CHECK_FAILS(spk_kafka_produce(b.p, b.handle, by_hand, &err), SPK_INTERNAL, err);
	spk_sink_block_free(by_task);
	spk_sink_block_free(by_hand);
	bench_release(&b);
}

/* More than librdkafka's queue holds goes through by waiting for room. */
static void waits_for_room(void)
{
	enum { ROWS = 20000 };
	static const char *values[ROWS];
	static const char *const small[] = { "properties.queue.buffering.max.messages", "1000", NULL };
	struct spk_sink_block *block;
	struct spk_test_records r;
	struct bench b;
	spk_error err = { 0 };

	for (int i = 0; i < ROWS; i++)
		values[i] = "0123456789";
	block = block_of(ROWS, values, NULL, 0);
	bench_init(&b, 1);
	spk_kafka_producer_close(b.p);
	table_init(&b.t, b.topic, small);
	b.p = open_producer(&b, b.id);
	REQUIRE_OK(spk_kafka_begin(b.p, &err), err);
	REQUIRE_OK(spk_kafka_produce(b.p, b.handle, block, &err), err);
	REQUIRE_OK(spk_kafka_commit(b.p, &err), err);
	r = wait_records(&b, ROWS);
	CHECK_EQ_INT(r.count, ROWS);
	spk_test_records_release(&r);
	spk_sink_block_free(block);
	bench_release(&b);
}

static void names_a_row_that_is_too_long(void)
{
	char *big = calloc(1, 2000001);
	struct bench b;
	spk_error err = { 0 };

	memset(big, 'x', 2000000);
	bench_init(&b, 1);
	REQUIRE_OK(spk_kafka_begin(b.p, &err), err);
	CHECK_FAILS(spk_kafka_produce_one(b.p, b.handle, 0, NULL, 0, big, 2000000, NULL, &err), SPK_DATA, err);
	CHECK_HOLDS(err.message, "2000000 bytes");
	CHECK_HOLDS(err.hint, "message.max.bytes");
	free(big);
	bench_release(&b);
}

/* ---- Topics ---------------------------------------------------------------------------------------------------------- */

struct read { int count; int64_t first, last; char text[256]; bool fail; };

static spk_status keep_record(void *user, int64_t offset, const void *value, size_t size, spk_error *err)
{
	struct read *r = user;
	size_t used = strlen(r->text);

	if (r->fail)
		return spk_fail(err, SPK_CORRUPT, "enough");
	if (!r->count++)
		r->first = offset;
	r->last = offset;
	if (used < sizeof(r->text) - 20)
		snprintf(r->text + used, sizeof(r->text) - used, "%s%.*s", used ? " " : "", (int)size, (const char *)value);
	return SPK_OK;
}

static void reads_a_topic_to_its_end(void)
{
	struct read whole = { 0 }, tail = { 0 }, none = { 0 }, refusing = { .fail = true };
	struct bench b;
	spk_error err = { 0 };

	bench_init(&b, 1);
	REQUIRE_OK(spk_kafka_read_topic(b.p, b.topic, -2, keep_record, &none, &err), err);
	CHECK_EQ_INT(none.count, 0);
	for (int i = 0; i < 5; i++) {
		write_text(&b, (const char *[]){ "a", "b", "c", "d", "e" }[i]);
		REQUIRE_OK(spk_kafka_commit(b.p, &err), err);
	}
	/* A transaction that is never finished must not be waited for: the next producer settles it. */
	write_text(&b, "open");
	spk_kafka_producer_close(b.p);
	b.p = open_producer(&b, b.id);
	REQUIRE_OK(spk_kafka_read_topic(b.p, b.topic, -2, keep_record, &whole, &err), err);
	CHECK_EQ_STR(whole.text, "a b c d e");
	CHECK_EQ_INT(whole.first, 0);
	/* Every record has a marker behind it. */
	CHECK_EQ_INT(whole.last, 8);
	REQUIRE_OK(spk_kafka_read_tail(b.p, b.topic, 6, keep_record, &tail, &err), err);
	CHECK_HOLDS(tail.text, "e");
	CHECK(tail.count < 5);
	CHECK_FAILS(spk_kafka_read_topic(b.p, b.topic, 0, keep_record, &refusing, &err), SPK_CORRUPT, err);
	CHECK_FAILS(spk_kafka_read_topic(b.p, "no-such-topic", 0, keep_record, &refusing, &err), SPK_NOT_FOUND, err);
	bench_release(&b);
}

static void makes_and_trims_topics(void)
{
	const char *const config[] = { "cleanup.policy", "delete", "retention.ms", "-1", NULL }, *const wrong[] = { "cleanup.policy", "burn", NULL };
	char *made = spk_test_topic_name("made"), *other = spk_test_topic_name("other");
	int64_t low = 0, high;
	struct bench b;
	spk_error err = { 0 };

	bench_init(&b, 1);
	REQUIRE_OK(spk_kafka_create_topic(b.p, made, 3, config, &err), err);
	REQUIRE_OK(spk_kafka_create_topic(b.p, made, 3, config, &err), err);
	REQUIRE_OK(spk_kafka_producer_topic(b.p, made, &b.handle, &b.partitions, &err), err);
	CHECK_EQ_INT(b.partitions, 3);
	CHECK(spk_kafka_create_topic(b.p, other, 1, wrong, &err) != SPK_OK);
	CHECK_HOLDS(err.message, other);
	for (int i = 0; i < 3; i++) {
		write_text(&b, "x");
		REQUIRE_OK(spk_kafka_commit(b.p, &err), err);
	}
	REQUIRE_OK(spk_kafka_truncate(b.p, made, 4, &err), err);
	for (int i = 0; i < 100 && low < 4; i++) {
		sleep_ms(50);
		spk_test_topic_range(made, 0, &low, &high);
	}
	CHECK_EQ_INT(low, 4);
	/* Best effort: an offset behind the end is no failure. */
	REQUIRE_OK(spk_kafka_truncate(b.p, made, 1000, &err), err);
	sleep_ms(100);
	REQUIRE_OK(spk_kafka_truncate(b.p, made, 4, &err), err);
	bench_release(&b);
	free(made);
	free(other);
}

static void names_a_missing_topic(void)
{
	struct bench b;
	spk_error err = { 0 };
	char *close;

	bench_init(&b, 1);
	close = spk_test_format("%sx", b.topic);
	CHECK_FAILS(spk_kafka_producer_topic(b.p, close, &b.handle, &b.partitions, &err), SPK_NOT_FOUND, err);
	CHECK_HOLDS(err.message, close);
	CHECK_HOLDS(err.hint, "did you mean");
	CHECK_HOLDS(err.hint, b.topic);
	CHECK_HOLDS(err.hint, "kafka-topics.sh");
	free(close);
	bench_release(&b);
}

SPK_TEST_SUITE("kafka producer",
	{ "commits an epoch at once", commits_an_epoch },
	{ "leaves nothing of an epoch that is dropped", leaves_nothing_of_an_epoch_that_is_dropped },
	{ "works without transactions", works_without_transactions },
	{ "is fenced by its successor in a transaction", is_fenced_by_its_successor },
	{ "is fenced by its successor between epochs", is_fenced_between_epochs },
	{ "settles a commit that was not sent", settles_a_commit_that_was_not_sent },
	{ "settles a commit whose answer is lost", settles_a_commit_without_an_answer },
	{ "can begin again after a failed begin", begin_can_fail },
	{ "tells its own timeout from fencing", outlives_its_timeout },
	{ "puts keys where Java clients do", puts_keys_where_java_does },
	{ "spreads rows by key, in order", spreads_rows_by_key },
	{ "spreads rows by task and by hand", spreads_rows_by_task_and_by_hand },
	{ "waits for room in the queue", waits_for_room },
	{ "names a row that is too long", names_a_row_that_is_too_long },
	{ "reads a topic to its stable end", reads_a_topic_to_its_end },
	{ "makes and trims topics", makes_and_trims_topics },
	{ "names a missing topic", names_a_missing_topic })
