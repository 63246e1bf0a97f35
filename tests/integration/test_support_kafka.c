/* What other Kafka tests rely on: the shared broker answers, and the helpers of tests/support/kafka.h tell the truth. */
#include "tests/support/kafka.h"
#include "tests/support/test.h"

static void records_come_back(void)
{
	char *topic = spk_test_topic_name("round-trip");

	spk_test_topic_create(topic, 2, NULL);
	spk_test_produce(topic, 0, "k", 1, "one", 3, 1234567890123);
	spk_test_produce(topic, 0, "k", 1, NULL, 0, 0);
	spk_test_produce_lines(topic, 1, "a\n\nb");
	spk_test_flush();

	struct spk_test_records got = spk_test_consume(topic, true);
	REQUIRE_EQ_INT(got.count, 5);
	CHECK_EQ_STR(got.at[0].key, "k");
	CHECK_EQ_STR(got.at[0].value, "one");
	CHECK_EQ_INT(got.at[0].timestamp_ms, 1234567890123);
	CHECK(got.at[1].value == NULL);
	CHECK_EQ_INT(got.at[2].partition, 1);
	CHECK_EQ_STR(got.at[2].value, "a");
	CHECK_EQ_INT(got.at[3].value_size, 0);
	CHECK_EQ_STR(got.at[4].value, "b");
	spk_test_records_release(&got);
	spk_test_topic_delete(topic);
	free(topic);
}

static void aborted_records_are_hidden(void)
{
	char *topic = spk_test_topic_name("aborted");
	int64_t low, high;

	spk_test_topic_create(topic, 1, NULL);
	spk_test_produce_lines(topic, 0, "before");
	spk_test_flush();
	spk_test_produce_aborted(topic, 0, 3);
	spk_test_produce_lines(topic, 0, "after");
	spk_test_flush();

	struct spk_test_records committed = spk_test_consume(topic, true), all = spk_test_consume(topic, false);
	CHECK_EQ_INT(committed.count, 2);
	CHECK_EQ_INT(all.count, 5);
	spk_test_topic_range(topic, 0, &low, &high);
	CHECK_EQ_INT(low, 0);
	CHECK_EQ_INT(high, 6);          /* the abort marker takes an offset */
	spk_test_records_release(&committed);
	spk_test_records_release(&all);
	free(topic);
}

static void a_topic_can_be_trimmed(void)
{
	char *topic = spk_test_topic_name("trimmed");
	int64_t low, high;

	spk_test_topic_create(topic, 1, (const char *[]){"cleanup.policy", "delete", NULL});
	spk_test_produce_lines(topic, 0, "1\n2\n3");
	spk_test_flush();
	spk_test_topic_trim(topic, 0, 2);
	spk_test_topic_range(topic, 0, &low, &high);
	CHECK_EQ_INT(low, 2);
	CHECK_EQ_INT(high, 3);
	struct spk_test_records got = spk_test_consume(topic, true);
	CHECK_EQ_INT(got.count, 1);
	spk_test_records_release(&got);
	free(topic);
}

SPK_TEST_SUITE("Kafka for tests", {"records come back as they were written", records_come_back},
	       {"aborted records are hidden from a reader of committed ones", aborted_records_are_hidden},
	       {"a topic can be trimmed", a_topic_can_be_trimmed})
