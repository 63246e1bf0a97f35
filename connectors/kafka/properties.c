/*
 * A table's properties.* as a librdkafka configuration.
 *
 * Everything goes through to librdkafka as it is, except: what could load code, run a program or write a file; what would change the
 * meaning of this connector (commits, end-of-partition events, delivery reports). Values come with ${file:} and ${env:} replaced.
 */
#include "connectors/kafka/client.h"

#include <strings.h>

#include "core/base/log.h"

static const char prefix[] = "properties.";

struct setting { const char *name, *value; };

/* What a user may set otherwise. See README.md, "Why these settings". */
static const struct setting defaults[] = {
	{ "client.id", "sparklet" },
	{ "socket.nagle.disable", "true" },
	{ "socket.keepalive.enable", "true" },
	{ "reconnect.backoff.max.ms", "2000" },
	{ "log.connection.close", "false" },
};
static const struct setting consumer_defaults[] = {
	{ "isolation.level", "read_committed" },
	{ "check.crcs", "true" },
	{ "fetch.error.backoff.ms", "100" },
};
static const struct setting producer_defaults[] = {
	{ "linger.ms", "500" },
	{ "message.max.bytes", "104857600" },
	{ "batch.num.messages", "10000" },
	{ "batch.size", "1000000" },
	{ "queue.buffering.max.messages", "200000" },
	{ "queue.buffering.max.kbytes", "262144" },
	{ "retry.backoff.ms", "20" },
};
/* What nobody may set otherwise: the connector's meaning hangs on it. */
static const struct setting consumer_fixed[] = {
	{ "enable.auto.commit", "false" },
	{ "enable.auto.offset.store", "false" },
	{ "enable.partition.eof", "true" },
	{ "allow.auto.create.topics", "false" },
};
static const struct setting producer_fixed[] = {
	{ "enable.idempotence", "true" },
	{ "acks", "all" },
	{ "delivery.report.only.error", "true" },
};

static const struct { const char *name, *reason; } refused[] = {
	{ "plugin.library.paths", "it loads code" },
	{ "interceptors", "it loads code" },
	{ "ssl.engine.location", "it loads code" },
	{ "ssl.engine.id", "it loads code" },
	{ "ssl.providers", "it loads code" },
	{ "sasl.kerberos.kinit.cmd", "it runs a program" },
	{ "offset.store.path", "it writes files" },
	{ "offset.store.method", "it writes files" },
	{ "offset.store.sync.interval.ms", "it writes files" },
	{ "transactional.id", "it is sparklet.<job>, one per job" },
	{ "transaction.timeout.ms", "the setting transaction.timeout decides" },
	{ "log.queue", "the log goes to Sparklet's log" },
	{ "enabled_events", "Sparklet handles librdkafka's events itself" },
	{ "internal.termination.signal", "a library has no business with signals" },
	{ "enable.gapless.guarantee", "it would end the job where a retry is right" },
};

/* Names that Java clients use; librdkafka has the thing under another one. */
static const struct { const char *name, *instead; } java_names[] = {
	{ "sasl.jaas.config", "sasl.username and sasl.password" },
	{ "ssl.truststore.location", "ssl.ca.location, a PEM file" },
	{ "ssl.truststore.password", "ssl.ca.location, a PEM file without password" },
	{ "ssl.keystore.type", "ssl.keystore.location for PKCS#12 or ssl.certificate.location and ssl.key.location for PEM" },
	{ "max.request.size", "message.max.bytes" },
	{ "buffer.memory", "queue.buffering.max.kbytes" },
	{ "max.poll.records", "the setting epoch.max.rows" },
};

static const char *const secret_names[] = {
	"sasl.password", "ssl.key.password", "ssl.keystore.password", "ssl.key.pem", "sasl.oauthbearer.client.secret", "sasl.oauthbearer.config",
};

static spk_status refuse(spk_error *err, const char *name, const char *reason)
{
	spk_fail(err, SPK_USAGE, "property '%s%s' is refused: %s", prefix, name, reason);
	return spk_hint(err, "leave it out");
}

/* Kerberos values end up in the shell command that renews the ticket. */
static bool safe_in_a_shell(const char *value)
{
	for (; *value; value++) {
		bool letter = (*value >= 'a' && *value <= 'z') || (*value >= 'A' && *value <= 'Z') || (*value >= '0' && *value <= '9');

		if (!letter && !strchr("@._/:-", *value))
			return false;
	}
	return true;
}

static spk_status check_fixed(const struct setting *list, size_t n, const char *name, const char *value, spk_error *err)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i].name, name) == 0 && strcasecmp(list[i].value, value) != 0)
			return spk_fail(err, SPK_USAGE, "property '%s%s' = '%s' is refused: it is always %s here", prefix, name, value, list[i].value);
	}
	return SPK_OK;
}

/* May this property be set by a user? */
static spk_status check_property(const char *name, const char *value, spk_error *err)
{
	for (size_t i = 0; i < SPK_COUNT_OF(refused); i++) {
		if (strcasecmp(refused[i].name, name) == 0)
			return refuse(err, name, refused[i].reason);
	}
	for (size_t i = 0; i < SPK_COUNT_OF(java_names); i++) {
		if (strcmp(java_names[i].name, name) == 0) {
			spk_fail(err, SPK_USAGE, "property '%s%s' is one of Java clients", prefix, name);
			return spk_hint(err, "use %s", java_names[i].instead);
		}
	}
	/* What is not substituted yet is looked at again when it is. */
	if (strstr(value, "${"))
		return SPK_OK;
	if (strncmp(name, "sasl.kerberos.", 14) == 0 && !safe_in_a_shell(value))
		return refuse(err, name, "its value holds characters that a shell takes apart");
	SPK_TRY(check_fixed(consumer_fixed, SPK_COUNT_OF(consumer_fixed), name, value, err));
	return check_fixed(producer_fixed, SPK_COUNT_OF(producer_fixed), name, value, err);
}

static void register_secret(const char *name, const char *value)
{
	for (size_t i = 0; i < SPK_COUNT_OF(secret_names); i++) {
		if (strcmp(secret_names[i], name) == 0)
			spk_log_redact(value);
	}
}

/* auto.offset.reset is read by source.c: librdkafka must not jump on its own. group.id is set where offsets are reported. */
static bool is_ours(const char *name)
{
	return strcmp(name, "auto.offset.reset") == 0;
}

static spk_status set(rd_kafka_conf_t *rkconf, const char *name, const char *value, spk_error *err)
{
	char text[512];

	if (rd_kafka_conf_set(rkconf, name, value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
		return SPK_OK;
	spk_log_redact_text(text);
	return spk_fail(err, SPK_USAGE, "property '%s%s': %s", prefix, name, text);
}

static spk_status set_all(rd_kafka_conf_t *rkconf, const struct setting *list, size_t n, spk_error *err)
{
	for (size_t i = 0; i < n; i++)
		SPK_TRY(set(rkconf, list[i].name, list[i].value, err));
	return SPK_OK;
}

static spk_status set_user(rd_kafka_conf_t *rkconf, const struct spk_table *table, struct spk_buffer *scratch, spk_error *err)
{
	for (int i = 0; i < table->option_count; i++) {
		const struct spk_option *o = &table->option[i];
		const char *name = o->key + sizeof(prefix) - 1, *value;

		if (strncmp(o->key, prefix, sizeof(prefix) - 1) != 0)
			continue;
		spk_buffer_clear(scratch);
		/* People must read which broker does not answer. */
		SPK_TRY((strcmp(name, "bootstrap.servers") ? spk_conf_substitute : spk_conf_substitute_plain)(o->value, scratch, err));
		value = spk_buffer_cstr(scratch);
		SPK_TRY_PTR(value, err);
		register_secret(name, value);
		if (check_property(name, value, err) || (!is_ours(name) && set(rkconf, name, value, err))) {
			if (err) {
				err->position = o->position;
				spk_log_redact_text(err->message);
			}
			return SPK_USAGE;
		}
	}
	return SPK_OK;
}

static spk_status set_group(rd_kafka_conf_t *rkconf, const char *job, const struct spk_conf *conf, spk_error *err)
{
	const char *group = conf ? spk_conf_text(conf, SPK_CONF_GROUP_ID) : "";
	char text[256];

	if (!group[0]) {
		snprintf(text, sizeof(text), "sparklet.%s", job && job[0] ? job : "adhoc");
		group = text;
	}
	return set(rkconf, "group.id", group, err);
}

static spk_status fill(rd_kafka_conf_t *rkconf, enum spk_kafka_role role, const struct spk_table *table, const char *job, const struct spk_conf *conf, struct spk_buffer *scratch, spk_error *err)
{
	bool consumer = role != SPK_KAFKA_PRODUCER;

	SPK_TRY(set_all(rkconf, defaults, SPK_COUNT_OF(defaults), err));
	if (consumer)
		SPK_TRY(set_all(rkconf, consumer_defaults, SPK_COUNT_OF(consumer_defaults), err));
	else
		SPK_TRY(set_all(rkconf, producer_defaults, SPK_COUNT_OF(producer_defaults), err));
	if (role == SPK_KAFKA_SOURCE)
		SPK_TRY(set_group(rkconf, job, conf, err));
	SPK_TRY(set_user(rkconf, table, scratch, err));
	if (!consumer)
		return set_all(rkconf, producer_fixed, SPK_COUNT_OF(producer_fixed), err);
	SPK_TRY(set_all(rkconf, consumer_fixed, SPK_COUNT_OF(consumer_fixed), err));
	/* Newer librdkafkas look again this often at a queue that was full; 2.0.2 does not know it (see wake_fetcher). */
	rd_kafka_conf_set(rkconf, "fetch.queue.backoff.ms", "10", NULL, 0);
	return set(rkconf, "auto.offset.reset", "error", err);
}

spk_status spk_kafka_conf_new(rd_kafka_conf_t **out, enum spk_kafka_role role, const struct spk_table *table, const char *job, const struct spk_conf *conf, spk_error *err)
{
	rd_kafka_conf_t *rkconf = rd_kafka_conf_new();
	struct spk_buffer scratch = { 0 };
	spk_status status;

	if (!spk_format_option(table, "properties.bootstrap.servers")) {
		rd_kafka_conf_destroy(rkconf);
		return spk_fail(err, SPK_USAGE, "table %s has no 'properties.bootstrap.servers'", table->name);
	}
	status = fill(rkconf, role, table, job, conf, &scratch, err);
	if (scratch.data)
		explicit_bzero(scratch.data, scratch.capacity);
	spk_buffer_release(&scratch);
	if (status)
		rd_kafka_conf_destroy(rkconf);
	else
		*out = rkconf;
	return status;
}

static spk_status check_sink(const struct spk_table *table, const struct spk_conf *conf, spk_error *err)
{
	const char *wanted = spk_format_option(table, "sink.delivery-guarantee");
	const char *have;

	if (!wanted || !conf || strcmp(wanted, "none") == 0)
		return SPK_OK;
	have = spk_conf_int(conf, SPK_CONF_EXACTLY_ONCE) == 0 ? "exactly-once" : "at-least-once";
	if (strcmp(wanted, have) == 0)
		return SPK_OK;
	spk_fail(err, SPK_USAGE, "table %s wants 'sink.delivery-guarantee' = '%s', but the job's delivery is %s", table->name, wanted, have);
	return spk_hint(err, "one transaction holds all sinks of a job: SET delivery = '%s', or leave the option out", wanted);
}

spk_status spk_kafka_check_table(const struct spk_table *table, const struct spk_conf *conf, spk_error *err)
{
	struct spk_kafka_bound bound;

	for (int i = 0; i < table->option_count; i++) {
		const struct spk_option *o = &table->option[i];

		if (strncmp(o->key, prefix, sizeof(prefix) - 1) == 0 && check_property(o->key + sizeof(prefix) - 1, o->value, err)) {
			if (err)
				err->position = o->position;
			return SPK_USAGE;
		}
	}
	SPK_TRY(spk_kafka_startup(table, &bound, err));
	SPK_TRY(spk_kafka_bounded(table, &bound, err));
	return check_sink(table, conf, err);
}
