/* A broker that goes away and comes back, and a source that runs for long. Starts a broker of its own: the shared one must stay. */
#include <unistd.h>

#include "tests/connectors/kafka/kafka_tables.h"

enum { NO_LIMIT = 1 << 30, ROWS_MAX = 100000 };

struct broker { char *script, *dir, *address; };

static void broker_start(struct broker *b)
{
	char *file = spk_test_format("%s/bootstrap", b->dir), *text;

	REQUIRE_EQ_INT(spk_test_run(NULL, "KAFKA_OWNER=%d %s start %s 2> %s/start.log", (int)getpid(), b->script, b->dir, b->dir), 0);
	text = spk_test_slurp(file, NULL);
	free(b->address);
	b->address = spk_test_format("%.*s", (int)strcspn(text, "\n"), text);
	free(text);
	free(file);
}

static void broker_init(struct broker *b)
{
	*b = (struct broker){ .script = spk_test_source("tools/kafka.sh"), .dir = spk_test_dir("broker") };
	broker_start(b);
}

static void broker_kill(struct broker *b)
{
	REQUIRE_EQ_INT(spk_test_run(NULL, "%s kill %s", b->script, b->dir), 0);
}

static void broker_release(struct broker *b)
{
	spk_test_run(NULL, "%s wipe %s", b->script, b->dir);
	free(b->script);
	free(b->dir);
	free(b->address);
}

static bool source_is_fine(struct spk_source *s)
{
	return s->type->trouble(s) == NULL;
}

static long resident_kb(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f && fscanf(f, "%*s %ld", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Reading the same rows again and again takes no more memory after the first rounds. */
static void memory_is_flat(void)
{
	enum { ROWS = 20000 };
	char *topic = spk_test_topic_name("flat"), text[300];
	int64_t resolved[PARTITIONS];
	int rounds = spk_test_long() ? 400 : 60;
	struct spk_source *s;
	struct table t;
	long early = 0;

	memset(text, 'x', sizeof(text));
	spk_test_topic_create(topic, 1, NULL);
	for (int i = 0; i < ROWS; i++)
		spk_test_produce(topic, 0, NULL, 0, text, sizeof(text), 0);
	spk_test_flush();
	table_init(&t, topic, NULL);
	s = open_source(&t);
	for (int round = 0; round < rounds; round++) {
		seek_all(s, round % 7, resolved);
		CHECK_EQ_INT(fetch_range(s, 0, ROWS, ROWS_MAX, NO_LIMIT).rows, ROWS - round % 7);
		if (round == rounds / 3)
			early = resident_kb();
	}
	/* A sanitizer keeps what was freed for a while. */
	CHECK(resident_kb() < early + (spk_test_sanitized() ? 16 : 1) * 8192);
	s->type->close(s);
	free(topic);
}

/* A producer at the broker, and its topic. */
static struct spk_kafka_producer *make_topic(struct table *t, const char *topic, const char *id, int *handle)
{
	struct spk_kafka_producer_spec spec = { .table = &t->table, .transactional_id = id };
	struct spk_kafka_producer *p = NULL;
	spk_error err = { 0 };
	int partitions;

	REQUIRE_OK(spk_kafka_producer_open(&p, &spec, &err), err);
	REQUIRE_OK(spk_kafka_create_topic(p, topic, 1, NULL, &err), err);
	REQUIRE_OK(spk_kafka_producer_topic(p, topic, handle, &partitions, &err), err);
	return p;
}

static void sees_a_broker_go_and_come_back(void)
{
	char *topic = spk_test_topic_name("away");
	int64_t resolved[PARTITIONS], deadline;
	struct spk_chunk c = { 0 };
	struct spk_source *s;
	struct broker b;
	struct table t;
	spk_error err = { 0 };
	int handle;

	broker_init(&b);
	table_init(&t, topic, NULL);
	table_broker(&t, b.address);
	spk_kafka_producer_close(make_topic(&t, topic, NULL, &handle));
	s = open_source(&t);
	seek_all(s, SPK_POSITION_START, resolved);
	CHECK(source_is_fine(s));
	broker_kill(&b);
	deadline = spk_clock_monotonic_us() + 10000000;
	while (source_is_fine(s) && spk_clock_monotonic_us() < deadline) {
		REQUIRE_OK(s->type->fetch(s, 0, INT64_MAX, ROWS_MAX, NO_LIMIT, 50000, &c, &err), err);
		spk_chunk_release(&c);
	}
	CHECK(!source_is_fine(s));
	broker_start(&b);
	/* Nothing flows; it is noticed all the same. */
	deadline = spk_clock_monotonic_us() + 20000000;
	while (!source_is_fine(s) && spk_clock_monotonic_us() < deadline)
		sleep_ms(100);
	CHECK(source_is_fine(s));
	s->type->close(s);
	broker_release(&b);
	free(topic);
}

/* Ends although the broker does not answer, in the middle of a transaction. */
static void closes_without_a_broker(void)
{
	char *topic = spk_test_topic_name("dying");
	struct spk_kafka_producer *p;
	int64_t resolved[PARTITIONS];
	struct spk_source *s;
	struct broker b;
	struct table t;
	spk_error err = { 0 };
	int handle;

	broker_init(&b);
	table_init(&t, topic, NULL);
	table_broker(&t, b.address);
	p = make_topic(&t, topic, "dying", &handle);
	s = open_source(&t);
	seek_all(s, SPK_POSITION_START, resolved);
	REQUIRE_OK(spk_kafka_begin(p, &err), err);
	broker_kill(&b);
	REQUIRE_OK(spk_kafka_produce_one(p, handle, 0, NULL, 0, "x", 1, NULL, &err), err);
	spk_kafka_producer_close(p);
	s->type->close(s);
	broker_release(&b);
	free(topic);
}

SPK_TEST_SUITE("kafka health",
	{ "memory is flat", memory_is_flat },
	{ "sees a broker go and come back", sees_a_broker_go_and_come_back },
	{ "closes without a broker", closes_without_a_broker })
