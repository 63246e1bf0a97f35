/* Where a Kafka source starts and ends, and how librdkafka is told. */
#include "connectors/kafka/source.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/log.h"

/* Timestamps with a meaning in Kafka's ListOffsets protocol; with read_committed "latest" is the last stable offset. */
enum { LATEST = -1, EARLIEST = -2 };
enum { LOOK_WAIT_MS = 200, ASK_SLICE_MS = 2000 };

static rd_kafka_topic_partition_list_t *list_of(const struct kafka_source *s, int64_t offset)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(s->base.partitions);

	for (int i = 0; i < s->base.partitions; i++)
		rd_kafka_topic_partition_list_add(list, s->partition[i].topic, s->partition[i].number)->offset = offset;
	return list;
}

static bool worth_retrying(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE || code == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
	       code == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS || code == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
	       code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR || code == RD_KAFKA_RESP_ERR__WAIT_COORD || code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT;
}

/* The first error of a partition in the list. */
static rd_kafka_resp_err_t list_error(const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++) {
		if (list->elems[i].err)
			return list->elems[i].err;
	}
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

typedef rd_kafka_resp_err_t (*ask_fn)(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list, int timeout_ms);

/* Asks the brokers about all partitions at once, again while leaders or coordinators move, for up to SPK_KAFKA_WAIT_MS. */
static spk_status ask(struct kafka_source *s, ask_fn how, int64_t argument, int64_t *out, const char *doing, spk_error *err)
{
	int64_t deadline = spk_clock_monotonic_us() + (int64_t)SPK_KAFKA_WAIT_MS * 1000;

	for (;;) {
		rd_kafka_topic_partition_list_t *list = list_of(s, argument);
		int64_t left_ms = (deadline - spk_clock_monotonic_us()) / 1000;
		rd_kafka_resp_err_t code = how(s->client.rk, list, (int)SPK_MIN(SPK_MAX(left_ms, 1), (int64_t)ASK_SLICE_MS));

		if (!code)
			code = list_error(list);
		for (int i = 0; !code && i < s->base.partitions; i++)
			out[i] = list->elems[i].offset;
		rd_kafka_topic_partition_list_destroy(list);
		if (!code)
			return SPK_OK;
		spk_kafka_poll(&s->client);
		/* While nobody answers, whoever opens sources again says so, and may be stopped. */
		if (!worth_retrying(code) || s->client.down || spk_clock_monotonic_us() > deadline)
			return spk_kafka_fail_wait(&s->client, err, code, doing);
		rd_kafka_poll(s->client.rk, 50);
	}
}

static spk_status offsets_at(struct kafka_source *s, int64_t timestamp, int64_t *out, spk_error *err)
{
	return ask(s, rd_kafka_offsets_for_times, timestamp, out, "asking for offsets", err);
}

/* A time behind the last record has no offset: then it is the end. */
static spk_status offsets_from_time(struct kafka_source *s, int64_t timestamp_ms, int64_t *out, spk_error *err)
{
	int64_t *end = calloc((size_t)s->base.partitions, sizeof(*end));
	spk_status status;

	SPK_TRY_PTR(end, err);
	/* The end first: a record that comes between the two questions is then behind it, not skipped. */
	status = offsets_at(s, LATEST, end, err);
	if (status == SPK_OK)
		status = offsets_at(s, timestamp_ms, out, err);
	for (int i = 0; status == SPK_OK && i < s->base.partitions; i++) {
		if (out[i] < 0)
			out[i] = end[i];
	}
	free(end);
	return status;
}

/* Partitions without a committed offset start where auto.offset.reset says, which must be said then. */
static spk_status offsets_of_group(struct kafka_source *s, int64_t *out, spk_error *err)
{
	const char *reset = spk_format_option(s->base.spec->table, "properties.auto.offset.reset");
	int64_t *other = calloc((size_t)s->base.partitions, sizeof(*other));
	bool latest = reset && (strcmp(reset, "latest") == 0 || strcmp(reset, "largest") == 0 || strcmp(reset, "end") == 0);
	bool earliest = reset && (strcmp(reset, "earliest") == 0 || strcmp(reset, "smallest") == 0 || strcmp(reset, "beginning") == 0);
	spk_status status;

	SPK_TRY_PTR(other, err);
	status = ask(s, rd_kafka_committed, RD_KAFKA_OFFSET_INVALID, out, "asking for the group's offsets", err);
	if (status == SPK_OK && (latest || earliest))
		status = offsets_at(s, latest ? LATEST : EARLIEST, other, err);
	for (int i = 0; status == SPK_OK && i < s->base.partitions; i++) {
		if (out[i] >= 0)
			continue;
		out[i] = other[i];
		if (!latest && !earliest) {
			status = spk_fail(err, SPK_NOT_FOUND, "the consumer group has no offset for %s", s->partition[i].name);
			spk_hint(err, "say where to start then: 'properties.auto.offset.reset' = 'earliest' or 'latest'");
		}
	}
	free(other);
	return status;
}

/* Partitions that a list of specific offsets leaves out: at the start from the beginning, at the end without an end. */
static spk_status offsets_listed(struct kafka_source *s, const struct spk_kafka_bound *b, bool start, int64_t *out, spk_error *err)
{
	if (start)
		SPK_TRY(offsets_at(s, EARLIEST, out, err));
	for (int i = 0; i < s->base.partitions; i++) {
		int64_t offset;

		SPK_TRY(spk_kafka_specific_offset(b->offsets, s->partition[i].number, &offset, err));
		if (offset >= 0)
			out[i] = offset;
		else if (!start)
			out[i] = INT64_MAX;
	}
	return SPK_OK;
}

static spk_status resolve(struct kafka_source *s, const struct spk_kafka_bound *b, bool start, int64_t *out, spk_error *err)
{
	switch (b->mode) {
	case SPK_KAFKA_EARLIEST:
		return offsets_at(s, EARLIEST, out, err);
	case SPK_KAFKA_LATEST:
		return offsets_at(s, LATEST, out, err);
	case SPK_KAFKA_GROUP:
		return offsets_of_group(s, out, err);
	case SPK_KAFKA_TIMESTAMP:
		return offsets_from_time(s, b->timestamp_ms, out, err);
	case SPK_KAFKA_SPECIFIC:
		return offsets_listed(s, b, start, out, err);
	case SPK_KAFKA_UNBOUNDED:
		break;
	}
	for (int i = 0; i < s->base.partitions; i++)
		out[i] = INT64_MAX;
	return SPK_OK;
}

/* The bounded end, resolved once: 'latest-offset' means latest when the source was first asked. */
static spk_status know_bounds(struct kafka_source *s, spk_error *err)
{
	int64_t *end;
	spk_status status;

	if (s->bounds_known)
		return SPK_OK;
	end = calloc((size_t)s->base.partitions, sizeof(*end));
	SPK_TRY_PTR(end, err);
	status = resolve(s, &s->bounded, false, end, err);
	for (int i = 0; status == SPK_OK && i < s->base.partitions; i++)
		s->partition[i].bound = end[i];
	s->bounds_known = status == SPK_OK;
	free(end);
	return status;
}

int64_t spk_kafka_earliest(struct kafka_source *s, const struct kafka_partition *p)
{
	int64_t low, high;

	return rd_kafka_query_watermark_offsets(s->client.rk, p->topic, p->number, &low, &high, 5000) ? -1 : low;
}

/*
 * By the simple consumer's calls: stop answers when the partition's fetcher has stopped, and makes every message fetched before it outdated,
 * which librdkafka then drops on its own. rd_kafka_assign does neither: assigning again while an earlier assignment is still being
 * stopped ends the process by an assertion (librdkafka 2.0.2).
 */
spk_status spk_kafka_start(struct kafka_partition *p, spk_error *err)
{
	if (p->started && rd_kafka_consume_stop(p->handle, p->number))
		return spk_kafka_fail(err, rd_kafka_last_error(), "stopping %s", p->name);
	p->started = p->holding = false;
	if (rd_kafka_consume_start(p->handle, p->number, p->position))
		return spk_kafka_fail(err, rd_kafka_last_error(), "starting %s at %lld", p->name, (long long)p->position);
	p->started = true;
	p->stale = false;
	/* Outdated messages may still lie in the queue, and only an empty queue tells that something came: have it looked at. */
	atomic_store(&p->muted, false);
	spk_kafka_ready(p);
	return SPK_OK;
}

/* Fills in where those start that were given no position. */
static spk_status resolve_marks(struct kafka_source *s, const int64_t *position, int64_t mark, int64_t *resolved, spk_error *err)
{
	int64_t *found = calloc((size_t)s->base.partitions, sizeof(*found));
	bool any = false;
	spk_status status = SPK_OK;

	SPK_TRY_PTR(found, err);
	for (int i = 0; i < s->base.partitions; i++)
		any = any || position[i] == mark;
	if (any)
		status = mark == SPK_POSITION_START ? resolve(s, &s->startup, true, found, err) : offsets_at(s, EARLIEST, found, err);
	for (int i = 0; status == SPK_OK && i < s->base.partitions; i++) {
		if (position[i] == mark)
			resolved[i] = found[i];
	}
	free(found);
	return status;
}

spk_status spk_kafka_source_seek(struct spk_source *base, const int64_t *position, int64_t *resolved, spk_error *err)
{
	struct kafka_source *s = kafka_source_of(base);

	SPK_TRY(know_bounds(s, err));
	SPK_TRY(resolve_marks(s, position, SPK_POSITION_START, resolved, err));
	SPK_TRY(resolve_marks(s, position, SPK_POSITION_EARLIEST, resolved, err));
	for (int i = 0; i < base->partitions; i++) {
		if (position[i] >= 0)
			resolved[i] = position[i];
		s->partition[i].position = resolved[i];
		SPK_TRY(spk_kafka_start(&s->partition[i], err));
	}
	return SPK_OK;
}

spk_status spk_kafka_source_ends(struct spk_source *base, bool bounded_only, int64_t *end, spk_error *err)
{
	struct kafka_source *s = kafka_source_of(base);

	SPK_TRY(know_bounds(s, err));
	if (!bounded_only)
		SPK_TRY(offsets_at(s, LATEST, end, err));
	for (int i = 0; i < base->partitions; i++)
		end[i] = bounded_only ? s->partition[i].bound : SPK_MIN(end[i], s->partition[i].bound);
	return SPK_OK;
}

/* Partitions of a topic follow each other. */
bool spk_kafka_source_grown(struct spk_source *base)
{
	struct kafka_source *s = kafka_source_of(base);
	int64_t now = spk_clock_monotonic_us(), every = base->spec->conf ? spk_conf_int(base->spec->conf, SPK_CONF_KAFKA_DISCOVERY) : 0;
	int known, there;

	if (!every || now - s->looked_us < every || s->client.trouble[0])
		return false;
	s->looked_us = now;
	for (int i = 0; i < base->partitions; i += known) {
		const char *topic = s->partition[i].topic;

		for (known = 1; i + known < base->partitions && s->partition[i + known].topic == topic; known++)
			;
		if (spk_kafka_partitions(&s->client, topic, LOOK_WAIT_MS, &there, NULL) == SPK_OK && there > known) {
			SPK_LOG(INFO, "kafka", "topic %s has %d partitions now, not %d", topic, there, known);
			return true;
		}
	}
	return false;
}
