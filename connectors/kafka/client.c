/* A librdkafka handle: how it is made and ended, its log, its health, its errors as ours. */
#include "connectors/kafka/client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "core/base/clock.h"
#include "core/base/log.h"

enum {
	PROBE_EVERY_US = 2000000,
	PROBE_WAIT_MS = 100,
	FIRST_SLICE_MS = 100,     /* of waiting for metadata: how soon it is noticed that nobody is there */
	LAST_SLICE_MS = 4000,
	NAMES_MAX = 2048,         /* topics looked at for "did you mean" */
};

/* ---- What librdkafka says -------------------------------------------------------------------------------------------- */

/* @locality any thread of librdkafka */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	/* What it calls critical also comes back from a call that fails. Its errors and warnings are about single connections and come in
	 * floods while a broker is away; `trouble` tells users once. */
	if (level <= LOG_ALERT)
		SPK_LOG(ERROR, "kafka", "%s: %s", facility, text);
	else if (level <= LOG_CRIT)
		SPK_LOG(WARN, "kafka", "%s: %s", facility, text);
	else if (level <= LOG_ERR)
		SPK_LOG(INFO, "kafka", "%s: %s", facility, text);
	else
		SPK_LOG(DEBUG, "kafka", "%s: %s", facility, text);
}

void spk_kafka_note(struct spk_kafka_client *c, rd_kafka_resp_err_t code, const char *reason)
{
	bool first = c->trouble[0] == '\0';

	if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL)
		c->rejected = true;
	if (code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__RESOLVE)
		c->unreached++;
	if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
		c->down = true;
		/* The reason before it says more than "1/1 brokers are down". */
		if (!first)
			return;
	}
	snprintf(c->trouble, sizeof(c->trouble), "%s: %s", rd_kafka_err2name(code), reason ? reason : rd_kafka_err2str(code));
	spk_log_redact_text(c->trouble);
	/* Every attempt to connect is a client of its own: whoever asks for `trouble` tells it once. */
	if (first)
		SPK_LOG(INFO, "kafka", "%s: %s", c->bootstrap, c->trouble);
}

/* @locality the thread that polls */
static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	(void)rk;
	spk_kafka_note(opaque, (rd_kafka_resp_err_t)code, reason);
}

/* ---- Life ------------------------------------------------------------------------------------------------------------ */

static char *conf_value(const rd_kafka_conf_t *rkconf, const char *name)
{
	size_t size = 0;
	char *value;

	if (rd_kafka_conf_get(rkconf, name, NULL, &size) != RD_KAFKA_CONF_OK)
		return NULL;
	value = calloc(1, size + 1);
	if (value && rd_kafka_conf_get(rkconf, name, value, &size) != RD_KAFKA_CONF_OK)
		value[0] = '\0';
	return value;
}

spk_status spk_kafka_client_init(struct spk_kafka_client *c, enum spk_kafka_role role, rd_kafka_conf_t *rkconf, spk_error *err)
{
	char text[512];

	memset(c, 0, sizeof(*c));
	c->bootstrap = conf_value(rkconf, "bootstrap.servers");
	if (!c->bootstrap) {
		rd_kafka_conf_destroy(rkconf);
		return spk_fail_memory(err);
	}
	c->servers = 1;
	for (const char *comma = c->bootstrap; (comma = strchr(comma, ',')); comma++)
		c->servers++;
	rd_kafka_conf_set_opaque(rkconf, c);
	rd_kafka_conf_set_log_cb(rkconf, on_log);
	rd_kafka_conf_set_error_cb(rkconf, on_error);
	/* As events, not by callback: flush then waits on a condition, by callback it polls in steps of 10 ms. */
	if (role == SPK_KAFKA_PRODUCER)
		rd_kafka_conf_set_events(rkconf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
	c->rk = rd_kafka_new(role == SPK_KAFKA_PRODUCER ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, rkconf, text, sizeof(text));
	if (c->rk) {
		c->role = role;
		c->main = rd_kafka_queue_get_main(c->rk);
		return SPK_OK;
	}
	rd_kafka_conf_destroy(rkconf);
	spk_log_redact_text(text);
	return spk_fail(err, SPK_USAGE, "Kafka client for %s: %s", c->bootstrap, text);
}

void spk_kafka_client_release(struct spk_kafka_client *c)
{
	if (c->main)
		rd_kafka_queue_destroy(c->main);
	if (c->rk)
		rd_kafka_destroy_flags(c->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	free(c->bootstrap);
	memset(c, 0, sizeof(*c));
}

/* ---- Health ---------------------------------------------------------------------------------------------------------- */

/* delivery.report.only.error: whatever is reported was not delivered. */
static void take_event(struct spk_kafka_client *c, rd_kafka_event_t *event)
{
	const rd_kafka_message_t *m;

	switch (rd_kafka_event_type(event)) {
	case RD_KAFKA_EVENT_DR:
		while ((m = rd_kafka_event_message_next(event)) != NULL) {
			if (m->err && !c->undelivered)
				c->undelivered = m->err;
		}
		break;
	case RD_KAFKA_EVENT_ERROR:
		spk_kafka_note(c, rd_kafka_event_error(event), rd_kafka_event_error_string(event));
		break;
	default:
		break;
	}
}

void spk_kafka_poll(struct spk_kafka_client *c)
{
	rd_kafka_event_t *event;

	/* Polling an empty queue costs a system call or two, and this is called in every turn of the loop. */
	if (rd_kafka_queue_length(c->main) == 0)
		return;
	if (c->role != SPK_KAFKA_PRODUCER) {
		rd_kafka_poll(c->rk, 0);
		return;
	}
	while ((event = rd_kafka_queue_poll(c->main, 0)) != NULL) {
		take_event(c, event);
		rd_kafka_event_destroy(event);
	}
}

/* Nothing tells us that a connection is back while no rows flow: ask. */
static void probe(struct spk_kafka_client *c)
{
	const struct rd_kafka_metadata *metadata;
	int64_t now = spk_clock_monotonic_us();

	if (now - c->probed_us < PROBE_EVERY_US)
		return;
	c->probed_us = now;
	if (rd_kafka_metadata(c->rk, 0, NULL, &metadata, PROBE_WAIT_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	rd_kafka_metadata_destroy(metadata);
	SPK_LOG(INFO, "kafka", "%s: reachable again", c->bootstrap);
	spk_kafka_note_fine(c);
}

const char *spk_kafka_trouble(struct spk_kafka_client *c)
{
	spk_kafka_poll(c);
	if (c->trouble[0])
		probe(c);
	return c->trouble[0] ? c->trouble : NULL;
}

/* ---- Errors ---------------------------------------------------------------------------------------------------------- */

static spk_status status_of(rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
	case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
	case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
	case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
		return SPK_TIMEOUT;
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
		return SPK_NOT_FOUND;
	case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
		return SPK_EXISTS;
	case RD_KAFKA_RESP_ERR__FENCED:
	case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
	case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
		return SPK_FENCED;
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
		return SPK_DATA;
	case RD_KAFKA_RESP_ERR__BAD_MSG:
	case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
	case RD_KAFKA_RESP_ERR_INVALID_MSG:
		return SPK_CORRUPT;
	case RD_KAFKA_RESP_ERR__SSL:
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR__INVALID_ARG:
	case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
		return SPK_USAGE;
	default:
		return SPK_UNAVAILABLE;
	}
}

spk_status spk_kafka_fail(spk_error *err, rd_kafka_resp_err_t code, const char *format, ...)
{
	char what[768];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	spk_log_redact_text(what);
	return spk_fail(err, status_of(code), "%s: %s (%s)", what, rd_kafka_err2str(code), rd_kafka_err2name(code));
}

spk_status spk_kafka_fail_wait(struct spk_kafka_client *c, spk_error *err, rd_kafka_resp_err_t code, const char *doing)
{
	bool waited = code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;

	spk_kafka_poll(c);
	if (!waited || !c->trouble[0])
		return spk_kafka_fail(err, code, "Kafka at %s: %s", c->bootstrap, doing);
	return spk_fail(err, c->rejected ? SPK_USAGE : SPK_UNAVAILABLE, "Kafka at %s: %s: %s", c->bootstrap, doing, c->trouble);
}

/* ---- Metadata -------------------------------------------------------------------------------------------------------- */

/*
 * librdkafka says once that all brokers are down, and not at all when it still counted a broker without an address as one that may come
 * up: then it is as many failures as there are servers that tell.
 */
static bool nobody_there(const struct spk_kafka_client *c)
{
	return c->down || c->rejected || c->unreached >= c->servers;
}

/* Waits in growing slices, so that a cluster that is not there is noticed at once and a far one still gets its time. */
static spk_status ask_metadata(struct spk_kafka_client *c, rd_kafka_topic_t *topic, int wait_ms, const struct rd_kafka_metadata **out, spk_error *err)
{
	int64_t deadline = spk_clock_monotonic_us() + (int64_t)wait_ms * 1000;
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;

	for (int slice = FIRST_SLICE_MS;; slice = SPK_MIN(slice * 2, LAST_SLICE_MS)) {
		int64_t left_ms = (deadline - spk_clock_monotonic_us()) / 1000;

		if (left_ms <= 0)
			break;
		code = rd_kafka_metadata(c->rk, 0, topic, out, (int)SPK_MIN(left_ms, (int64_t)slice));
		if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
			return SPK_OK;
		spk_kafka_poll(c);
		if (nobody_there(c))
			break;
	}
	return spk_kafka_fail_wait(c, err, code, "no answer to a request for metadata");
}

spk_status spk_kafka_metadata(struct spk_kafka_client *c, const char *topic, int wait_ms, const struct rd_kafka_metadata **out, spk_error *err)
{
	rd_kafka_topic_t *handle = topic ? rd_kafka_topic_new(c->rk, topic, NULL) : NULL;
	spk_status status;

	if (topic && !handle)
		return spk_kafka_fail(err, rd_kafka_last_error(), "topic %s", topic);
	status = ask_metadata(c, handle, wait_ms, out, err);
	if (handle)
		rd_kafka_topic_destroy(handle);
	return status;
}

static void suggest_topic(struct spk_kafka_client *c, const char *topic, char *out, size_t size)
{
	const struct rd_kafka_metadata *all;
	const char *names[NAMES_MAX], *closest;
	int n = 0;

	out[0] = '\0';
	if (rd_kafka_metadata(c->rk, 1, NULL, &all, LAST_SLICE_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	for (int i = 0; i < all->topic_cnt && n < NAMES_MAX; i++) {
		if (strncmp(all->topics[i].topic, "__", 2) != 0)
			names[n++] = all->topics[i].topic;
	}
	closest = spk_closest_name(topic, names, n);
	if (closest)
		snprintf(out, size, "did you mean '%s'? Else ", closest);
	rd_kafka_metadata_destroy(all);
}

static spk_status fail_topic(struct spk_kafka_client *c, const char *topic, rd_kafka_resp_err_t code, spk_error *err)
{
	char suggestion[300];

	if (code != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && code != RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
		return spk_kafka_fail(err, code, "topic %s at %s", topic, c->bootstrap);
	suggest_topic(c, topic, suggestion, sizeof(suggestion));
	spk_fail(err, SPK_NOT_FOUND, "there is no topic '%s' at %s", topic, c->bootstrap);
	return spk_hint(err, "%screate it: kafka-topics.sh --bootstrap-server %s --create --topic %s --partitions 1", suggestion, c->bootstrap, topic);
}

spk_status spk_kafka_partitions(struct spk_kafka_client *c, const char *topic, int wait_ms, int *partitions, spk_error *err)
{
	const struct rd_kafka_metadata *metadata;
	const struct rd_kafka_metadata_topic *t;
	spk_status status = SPK_OK;

	SPK_TRY(spk_kafka_metadata(c, topic, wait_ms, &metadata, err));
	t = metadata->topic_cnt == 1 ? &metadata->topics[0] : NULL;
	if (!t)
		status = spk_fail(err, SPK_UNAVAILABLE, "topic %s at %s: the broker's metadata do not name it", topic, c->bootstrap);
	else if (t->err)
		status = fail_topic(c, topic, t->err, err);
	else
		*partitions = t->partition_cnt;
	rd_kafka_metadata_destroy(metadata);
	if (status == SPK_OK)
		spk_kafka_note_fine(c);
	return status;
}
