/* The Kafka sinks: what a batch becomes in a topic. */
#include "tests/connectors/kafka/kafka_tables.h"

/* A table (id bigint, name text), key id when `keyed`. */
static void pair_table(struct table *t, const char *topic, const char *connector, bool keyed, const char *const *options)
{
	static const int key[] = { 0 };

	table_init(t, topic, options);
	t->option[1].value = "json";
	t->field[0] = (struct spk_field){ "id", spk_type(SPK_TYPE_BIGINT), false };
	t->field[1] = (struct spk_field){ "name", spk_type(SPK_TYPE_TEXT), true };
	t->schema.count = 2;
	t->table.connector = connector;
	t->table.key = key;
	t->table.key_count = keyed;
}

static struct spk_batch *pairs(struct table *t, int rows, const int64_t *id, const char *const *name, const int32_t *weight)
{
	struct spk_batch *b = NULL;
	spk_error err = { 0 };

	REQUIRE_OK(spk_batch_new(&b, &t->schema, NULL, &err), err);
	REQUIRE_OK(spk_vector_init(&b->column[0], t->field[0].type, rows, b->arena, &err), err);
	REQUIRE_OK(spk_vector_init(&b->column[1], t->field[1].type, rows, b->arena, &err), err);
	for (int i = 0; i < rows; i++) {
		spk_vector_i64(&b->column[0])[i] = id[i];
		spk_vector_view(&b->column[1])[i] = spk_view_str(name[i]);
	}
	b->rows = b->selected = rows;
	b->weight = weight;
	return b;
}

/* Opens the sink, writes one batch as one epoch, closes; the records in the topic, once there are `count`. */
static struct spk_test_records write_epoch(struct table *t, const struct spk_sink_type *type, struct spk_batch *batch, int task, size_t count)
{
	char *id = spk_test_topic_name("sink-txn");
	struct spk_kafka_producer_spec spec = { .table = &t->table, .transactional_id = id };
	struct spk_sink_block *block = calloc(1, sizeof(*block));
	struct spk_row_errors errors = { 0 };
	struct spk_test_records records;
	struct spk_sink *sink = NULL;
	spk_error err = { 0 };

	block->task = task;
	REQUIRE_OK(spk_kafka_producer_open(&t->sink.producer, &spec, &err), err);
	REQUIRE_OK(type->open(&sink, &t->sink, &err), err);
	REQUIRE_OK(spk_sink_encode(sink, batch, block, &errors, &err), err);
	REQUIRE_OK(spk_kafka_begin(t->sink.producer, &err), err);
	REQUIRE_OK(type->write(sink, 1, block, &err), err);
	REQUIRE_OK(type->prepare(sink, 1, &err), err);
	REQUIRE_OK(spk_kafka_commit(t->sink.producer, &err), err);
	REQUIRE_OK(type->commit(sink, 1, &err), err);
	REQUIRE_OK(type->recover(sink, 1, &err), err);
	type->close(sink);
	spk_kafka_producer_close(t->sink.producer);
	spk_sink_block_free(block);
	spk_batch_unref(batch);
	free(id);
	records = spk_test_consume(t->option[0].value, true);
	for (int i = 0; i < 50 && records.count < count; i++) {
		spk_test_records_release(&records);
		sleep_ms(100);
		records = spk_test_consume(t->option[0].value, true);
	}
	return records;
}

static void appends_rows(void)
{
	char *topic = spk_test_topic_name("append");
	struct spk_test_records r;
	struct table t;

	spk_test_topic_create(topic, 3, NULL);
	pair_table(&t, topic, "kafka", false, NULL);
	r = write_epoch(&t, &spk_kafka_sink, pairs(&t, 2, (int64_t[]){ 1, 2 }, (const char *[]){ "a", "b" }, NULL), 4, 2);
	REQUIRE_EQ_INT(r.count, 2);
	CHECK_EQ_INT(r.at[0].partition, 1);
	CHECK(r.at[0].key == NULL);
	CHECK_EQ_STR(r.at[0].value, "{\"id\":1,\"name\":\"a\"}");
	CHECK_EQ_STR(r.at[1].value, "{\"id\":2,\"name\":\"b\"}");
	spk_test_records_release(&r);
	free(topic);
}

static void upserts_by_key(void)
{
	char *topic = spk_test_topic_name("upsert");
	struct spk_test_records r;
	struct table t;

	spk_test_topic_create(topic, 1, NULL);
	pair_table(&t, topic, "upsert-kafka", true, NULL);
	r = write_epoch(&t, &spk_upsert_kafka_sink, pairs(&t, 3, (int64_t[]){ 1, 2, 3 }, (const char *[]){ "a", "b", "c" }, (const int32_t[]){ 1, -1, 1 }), 0, 3);
	REQUIRE_EQ_INT(r.count, 3);
	CHECK_EQ_STR(r.at[0].key, "{\"id\":1}");
	CHECK_EQ_STR(r.at[0].value, "{\"id\":1,\"name\":\"a\"}");
	CHECK_EQ_STR(r.at[1].key, "{\"id\":2}");
	CHECK(r.at[1].value == NULL);
	CHECK_EQ_STR(r.at[2].value, "{\"id\":3,\"name\":\"c\"}");
	spk_test_records_release(&r);
	free(topic);
}

static void spreads_keys_unless_told_otherwise(void)
{
	char *topic = spk_test_topic_name("spread"), *fixed = spk_test_topic_name("fixed");
	struct spk_test_records r;
	struct table t;

	spk_test_topic_create(topic, 4, NULL);
	spk_test_topic_create(fixed, 4, NULL);
	pair_table(&t, topic, "kafka", false, (const char *[]){ "key.fields", "name", NULL });
	r = write_epoch(&t, &spk_kafka_sink, pairs(&t, 2, (int64_t[]){ 1, 2 }, (const char *[]){ "a", "b" }, NULL), 1, 2);
	REQUIRE_EQ_INT(r.count, 2);
	for (size_t i = 0; i < r.count; i++)
		CHECK_EQ_INT(r.at[i].partition, spk_kafka_murmur2_partition(r.at[i].key, r.at[i].key_size, 4));
	spk_test_records_release(&r);
	pair_table(&t, fixed, "kafka", false, (const char *[]){ "key.fields", "name", "sink.partitioner", "fixed", NULL });
	r = write_epoch(&t, &spk_kafka_sink, pairs(&t, 2, (int64_t[]){ 1, 2 }, (const char *[]){ "a", "b" }, NULL), 1, 2);
	REQUIRE_EQ_INT(r.count, 2);
	CHECK_EQ_INT(r.at[0].partition, 1);
	CHECK_EQ_INT(r.at[1].partition, 1);
	spk_test_records_release(&r);
	free(topic);
	free(fixed);
}

static void says_what_is_missing(void)
{
	char *topic = spk_test_topic_name("nowhere");
	struct spk_kafka_producer_spec spec;
	struct spk_sink *sink = NULL;
	struct table t;
	spk_error err = { 0 };

	pair_table(&t, topic, "upsert-kafka", false, NULL);
	spec = (struct spk_kafka_producer_spec){ .table = &t.table };
	REQUIRE_OK(spk_kafka_producer_open(&t.sink.producer, &spec, &err), err);
	CHECK_FAILS(spk_upsert_kafka_sink.open(&sink, &t.sink, &err), SPK_USAGE, err);
	CHECK_HOLDS(err.message, "PRIMARY KEY");
	CHECK_FAILS(spk_kafka_sink.open(&sink, &t.sink, &err), SPK_NOT_FOUND, err);
	CHECK_HOLDS(err.message, topic);
	spk_kafka_producer_close(t.sink.producer);
	free(topic);
}

SPK_TEST_SUITE("kafka sink",
	{ "appends rows, by task", appends_rows },
	{ "upserts by key, with tombstones", upserts_by_key },
	{ "spreads rows by key unless told otherwise", spreads_keys_unless_told_otherwise },
	{ "says what is missing", says_what_is_missing })
