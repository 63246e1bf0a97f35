/* Epoch records in a topic of the job, part of the same transaction as the outputs. See epoch_log.h and exactly-once.md. */
#include <stdio.h>
#include <stdlib.h>

#include "checkpoint/epoch_log.h"
#include "core/base/check.h"

struct kafka_log {
	struct spk_epoch_log base;
	struct spk_kafka_producer *producer;
	char topic[300];
	int handle;
};

static struct kafka_log *self(struct spk_epoch_log *log) { return spk_container_of(log, struct kafka_log, base); }

struct reader {
	struct kafka_log *log;
	spk_status (*each)(void *user, const void *data, size_t size, spk_error *err);
	void *user;
};

static spk_status read_one(void *user, int64_t offset, const void *value, size_t size, spk_error *err)
{
	struct reader *r = user;
	spk_status status = r->each(r->user, value, size, err);

	if (status != SPK_OK)
		spk_error_context(err, "topic %s, offset %lld", r->log->topic, (long long)offset);
	return status;
}

static spk_status kafka_read(struct spk_epoch_log *log, spk_status (*each)(void *user, const void *data, size_t size, spk_error *err), void *user, spk_error *err)
{
	struct kafka_log *k = self(log);
	struct reader r = { k, each, user };

	return spk_kafka_read_topic(k->producer, k->topic, -2, read_one, &r, err);
}

static spk_status kafka_begin(struct spk_epoch_log *log, spk_error *err)
{
	struct kafka_log *k = self(log);

	return spk_kafka_producer_transactional(k->producer) ? spk_kafka_begin(k->producer, err) : SPK_OK;
}

static spk_status kafka_append(struct spk_epoch_log *log, int64_t epoch, const void *data, size_t size, spk_error *err)
{
	struct kafka_log *k = self(log);
	char key[32];
	int n = snprintf(key, sizeof key, "%lld", (long long)epoch);

	/* Without transactions the record must not overtake the outputs it vouches for. */
	if (!spk_kafka_producer_transactional(k->producer))
		SPK_TRY(spk_kafka_commit(k->producer, err));
	return spk_kafka_produce_one(k->producer, k->handle, 0, key, (size_t)n, data, size, NULL, err);
}

static spk_status kafka_commit(struct spk_epoch_log *log, spk_error *err)
{
	return spk_kafka_commit(self(log)->producer, err);
}

/*
 * Finds the offset of `epoch`'s record and deletes what is before it. Reading stops there: what is read is what goes, so in the life of a job every
 * record is read for this once.
 */
struct finder { int64_t epoch, offset; };

static spk_status find_epoch(void *user, int64_t offset, const void *value, size_t size, spk_error *err)
{
	struct finder *f = user;
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_epoch_record *record;

	SPK_TRY_PTR(arena, err);
	if (spk_epoch_decode(value, size, arena, &record, NULL) == SPK_OK && record->epoch >= f->epoch)
		f->offset = offset;
	spk_arena_unref(arena);
	return f->offset < 0 ? SPK_OK : SPK_CANCELLED;
}

static spk_status kafka_truncate(struct spk_epoch_log *log, int64_t epoch, spk_error *err)
{
	struct kafka_log *k = self(log);
	struct finder f = { epoch, -1 };
	spk_status status = spk_kafka_read_topic(k->producer, k->topic, -2, find_epoch, &f, err);

	if (status != SPK_OK && f.offset < 0)
		return status;
	return f.offset > 0 ? spk_kafka_truncate(k->producer, k->topic, f.offset, err) : SPK_OK;
}

static void kafka_close(struct spk_epoch_log *log)
{
	free(self(log));
}

static const struct spk_epoch_log_type kafka_log_type = {
	.name = "kafka", .read = kafka_read, .begin = kafka_begin, .append = kafka_append, .commit = kafka_commit, .truncate = kafka_truncate, .close = kafka_close,
};

spk_status spk_kafka_epoch_log_open(struct spk_epoch_log **out, struct spk_kafka_producer *producer, const char *job, spk_error *err)
{
	static const char *const config[] = { "cleanup.policy", "delete", "retention.ms", "-1", "retention.bytes", "-1", NULL };
	struct kafka_log *k = calloc(1, sizeof *k);
	int partitions;
	spk_status status;

	SPK_TRY_PTR(k, err);
	*k = (struct kafka_log){ .base = { &kafka_log_type }, .producer = producer };
	snprintf(k->topic, sizeof k->topic, "__sparklet.%s.epochs", job);
	status = spk_kafka_create_topic(producer, k->topic, 1, config, err);
	if (status == SPK_OK)
		status = spk_kafka_producer_topic(producer, k->topic, &k->handle, &partitions, err);
	if (status != SPK_OK) {
		free(k);
		return status;
	}
	*out = &k->base;
	return SPK_OK;
}
