/* Options and properties: what is taken, what is refused and why, and what is said when nobody answers. */
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

#include "connectors/kafka/client.h"

#include "tests/connectors/kafka/kafka_tables.h"

static void options_of(struct table *t, const char *const *options)
{
	table_init(t, "topic", options);
}

/* Refused already by check_table, before anything connects. */
static void check_refused(const char *const *options, const char *why, const char *hint)
{
	struct table t;
	spk_error err = { 0 };

	options_of(&t, options);
	CHECK_FAILS(spk_kafka_check_table(&t.table, NULL, &err), SPK_USAGE, err);
	CHECK_HOLDS(err.message, why);
	CHECK_HOLDS(err.hint, hint);
}

static void refuses_what_loads_code_or_runs_programs(void)
{
	static const char *const names[] = {
		"properties.plugin.library.paths", "properties.interceptors", "properties.ssl.engine.location", "properties.ssl.engine.id",
		"properties.ssl.providers", "properties.sasl.kerberos.kinit.cmd", "properties.offset.store.path", "properties.SSL.Providers" };

	for (size_t i = 0; i < SPK_COUNT_OF(names); i++)
		check_refused((const char *[]){ names[i], "x", NULL }, names[i], "");
	check_refused((const char *[]){ "properties.sasl.kerberos.kinit.cmd", "touch /tmp/owned", NULL }, "runs a program", "");
	/* These are put into librdkafka's kinit command. */
	check_refused((const char *[]){ "properties.sasl.kerberos.principal", "me; touch /tmp/owned", NULL }, "shell", "");
	check_refused((const char *[]){ "properties.sasl.kerberos.keytab", "$(touch /tmp/owned)", NULL }, "shell", "");
}

static void refuses_what_changes_the_meaning(void)
{
	check_refused((const char *[]){ "properties.enable.auto.commit", "true", NULL }, "always false", "");
	check_refused((const char *[]){ "properties.enable.partition.eof", "false", NULL }, "always true", "");
	check_refused((const char *[]){ "properties.enable.idempotence", "false", NULL }, "always true", "");
	check_refused((const char *[]){ "properties.transactional.id", "mine", NULL }, "sparklet.<job>", "");
	check_refused((const char *[]){ "properties.log.queue", "true", NULL }, "refused", "");
}

static void translates_java_names(void)
{
	check_refused((const char *[]){ "properties.sasl.jaas.config", "x", NULL }, "Java", "sasl.username");
	check_refused((const char *[]){ "properties.ssl.truststore.location", "x", NULL }, "Java", "ssl.ca.location");
}

static void checks_modes(void)
{
	check_refused((const char *[]){ "scan.startup.mode", "yesterday", NULL }, "yesterday", "");
	check_refused((const char *[]){ "scan.startup.mode", "unbounded", NULL }, "unbounded", "");
	check_refused((const char *[]){ "scan.bounded.mode", "earliest-offset", NULL }, "earliest-offset", "");
	check_refused((const char *[]){ "scan.startup.mode", "timestamp", NULL }, "scan.startup.timestamp-millis", "");
	check_refused((const char *[]){ "scan.startup.timestamp-millis", "5", NULL }, "scan.startup.mode", "");
	check_refused((const char *[]){ "scan.startup.mode", "timestamp", "scan.startup.timestamp-millis", "noon", NULL }, "noon", "");
	check_refused((const char *[]){ "scan.bounded.mode", "specific-offsets", NULL }, "scan.bounded.specific-offsets", "");
	check_refused((const char *[]){ "scan.startup.mode", "specific-offsets", "scan.startup.specific-offsets", "partition:0,offset:", NULL },
	              "cannot be read at", "partition:0,offset:42");
	check_refused((const char *[]){ "scan.startup.mode", "specific-offsets", "scan.startup.specific-offsets", "0:42", NULL }, "0:42", "");
}

static void reads_lists_of_offsets(void)
{
	int64_t offset = 0;
	spk_error err = { 0 };

	REQUIRE_OK(spk_kafka_specific_offset(" partition:0,offset:42; partition:12,offset:9223372036854775806", 12, &offset, &err), err);
	CHECK(offset == 9223372036854775806);
	REQUIRE_OK(spk_kafka_specific_offset("partition:0,offset:42;", 0, &offset, &err), err);
	CHECK_EQ_INT(offset, 42);
	REQUIRE_OK(spk_kafka_specific_offset("partition:0,offset:42", 1, &offset, &err), err);
	CHECK_EQ_INT(offset, -1);
	CHECK_FAILS(spk_kafka_specific_offset("partition:0,offset:-1", 0, &offset, &err), SPK_USAGE, err);
	CHECK_FAILS(spk_kafka_specific_offset("partition:0,offset:99999999999999999999", 0, &offset, &err), SPK_USAGE, err);
	CHECK_FAILS(spk_kafka_specific_offset("partition:0 offset:1", 0, &offset, &err), SPK_USAGE, err);
}

static void checks_the_delivery(void)
{
	struct spk_conf *conf = spk_conf_new();
	struct table t;
	spk_error err = { 0 };

	options_of(&t, (const char *[]){ "sink.delivery-guarantee", "at-least-once", "sink.transactional-id-prefix", "p", NULL });
	CHECK_FAILS(spk_kafka_check_table(&t.table, conf, &err), SPK_USAGE, err);
	CHECK_HOLDS(err.hint, "SET delivery = 'at-least-once'");
	REQUIRE_OK(spk_conf_set(conf, "delivery", "at-least-once", &err), err);
	CHECK_OK(spk_kafka_check_table(&t.table, conf, &err), err);
	spk_conf_free(conf);
}

/* ---- Configurations -------------------------------------------------------------------------------------------------- */

static spk_status make(enum spk_kafka_role role, const char *const *options, rd_kafka_conf_t **out, spk_error *err)
{
	struct table t;

	options_of(&t, options);
	return spk_kafka_conf_new(out, role, &t.table, "job", NULL, err);
}

static void check_value(const rd_kafka_conf_t *rkconf, const char *name, const char *want)
{
	char value[256];
	size_t size = sizeof(value);

	REQUIRE_EQ_INT(rd_kafka_conf_get(rkconf, name, value, &size), RD_KAFKA_CONF_OK);
	CHECK_EQ_STR(value, want);
}

static void passes_properties_through(void)
{
	static const char *const options[] = {
		"properties.security.protocol", "SASL_SSL", "properties.sasl.mechanisms", "SCRAM-SHA-512", "properties.sasl.username", "me",
		"properties.sasl.password", "${env:KAFKA_TEST_SECRET}", "properties.ssl.ca.location", "/somewhere/ca.pem", "properties.socket.nagle.disable", "false", NULL };
	rd_kafka_conf_t *rkconf = NULL;
	spk_error err = { 0 };
	char text[] = "the password is hunter2-and-more";

	setenv("KAFKA_TEST_SECRET", "hunter2-and-more", 1);
	REQUIRE_OK(make(SPK_KAFKA_SOURCE, options, &rkconf, &err), err);
	check_value(rkconf, "security.protocol", "sasl_ssl");
	check_value(rkconf, "sasl.password", "hunter2-and-more");
	check_value(rkconf, "ssl.ca.location", "/somewhere/ca.pem");
	check_value(rkconf, "socket.nagle.disable", "false");
	check_value(rkconf, "group.id", "sparklet.job");
	check_value(rkconf, "isolation.level", "read_committed");
	check_value(rkconf, "auto.offset.reset", "error");
	check_value(rkconf, "enable.auto.commit", "false");
	rd_kafka_conf_destroy(rkconf);
	spk_log_redact_text(text);
	CHECK(strstr(text, "hunter2") == NULL);
	REQUIRE_OK(make(SPK_KAFKA_PRODUCER, options, &rkconf, &err), err);
	check_value(rkconf, "enable.idempotence", "true");
	rd_kafka_conf_destroy(rkconf);
}

static void names_bad_properties(void)
{
	rd_kafka_conf_t *rkconf = NULL;
	spk_error err = { 0 };

	CHECK_FAILS(make(SPK_KAFKA_SOURCE, (const char *[]){ "properties.bootstrap.serfers", "x", NULL }, &rkconf, &err), SPK_USAGE, err);
	CHECK_HOLDS(err.message, "properties.bootstrap.serfers");
	CHECK_HOLDS(err.message, "No such configuration property");
	CHECK_FAILS(make(SPK_KAFKA_SOURCE, (const char *[]){ "properties.socket.timeout.ms", "soon", NULL }, &rkconf, &err), SPK_USAGE, err);
	CHECK_HOLDS(err.message, "properties.socket.timeout.ms");
	CHECK_FAILS(make(SPK_KAFKA_SOURCE, (const char *[]){ "properties.sasl.password", "${env:KAFKA_TEST_NOT_SET}", NULL }, &rkconf, &err), SPK_USAGE, err);
	CHECK_HOLDS(err.message, "KAFKA_TEST_NOT_SET");
	/* A secret does not come back in an error. */
	CHECK_FAILS(make(SPK_KAFKA_SOURCE, (const char *[]){ "properties.sasl.oauthbearer.config", "very-secret-value", "properties.security.protocol", "very-secret-value", NULL }, &rkconf, &err), SPK_USAGE, err);
	CHECK(strstr(err.message, "very-secret") == NULL);
	/* A value that is unsafe only once it is filled in. */
	setenv("KAFKA_TEST_PRINCIPAL", "x|y", 1);
	CHECK_FAILS(make(SPK_KAFKA_SOURCE, (const char *[]){ "properties.sasl.kerberos.principal", "${env:KAFKA_TEST_PRINCIPAL}", NULL }, &rkconf, &err), SPK_USAGE, err);
	CHECK_HOLDS(err.message, "sasl.kerberos.principal");
}

/* ---- Nobody there ---------------------------------------------------------------------------------------------------- */

static int closed_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	REQUIRE(bind(fd, (struct sockaddr *)&a, size) == 0 && getsockname(fd, (struct sockaddr *)&a, &size) == 0);
	close(fd);
	return ntohs(a.sin_port);
}

static void says_that_nobody_is_there(void)
{
	char *address = spk_test_format("127.0.0.1:%d", closed_port());
	struct spk_kafka_producer_spec spec = { .transactional_id = "x" };
	struct spk_kafka_producer *p = NULL;
	struct spk_source *s = NULL;
	struct table t;
	spk_error err = { 0 };

	table_init(&t, "topic", NULL);
	table_broker(&t, address);
	CHECK_FAILS(spk_kafka_source.open(&s, &t.source, &err), SPK_UNAVAILABLE, err);
	CHECK(err.retriable);
	CHECK_HOLDS(err.message, address);
	CHECK_HOLDS(err.message, "refused");
	spec.table = &t.table;
	CHECK_FAILS(spk_kafka_producer_open(&p, &spec, &err), SPK_UNAVAILABLE, err);
	CHECK(err.retriable);
	free(address);
}

static void names_a_missing_topic(void)
{
	char *topic = spk_test_topic_name("bids"), *other;
	struct spk_source *s = NULL;
	struct table t;
	spk_error err = { 0 };

	spk_test_topic_create(topic, 1, NULL);
	other = spk_test_format("%ss", topic);
	table_init(&t, other, NULL);
	CHECK_FAILS(spk_kafka_source.open(&s, &t.source, &err), SPK_NOT_FOUND, err);
	CHECK_HOLDS(err.message, other);
	CHECK_HOLDS(err.hint, topic);
	CHECK_HOLDS(err.hint, "--create");
	free(topic);
	free(other);
}

SPK_TEST_SUITE("kafka properties",
	{ "refuses what loads code or runs programs", refuses_what_loads_code_or_runs_programs },
	{ "refuses what changes the connector's meaning", refuses_what_changes_the_meaning },
	{ "translates Java's names", translates_java_names },
	{ "checks modes", checks_modes },
	{ "reads lists of offsets", reads_lists_of_offsets },
	{ "checks the delivery", checks_the_delivery },
	{ "passes properties through", passes_properties_through },
	{ "names bad properties", names_bad_properties },
	{ "says that nobody is there", says_that_nobody_is_there },
	{ "names a missing topic", names_a_missing_topic })
