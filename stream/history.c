/* The epoch log's chain, the records to replay, and where their inputs begin. See history.h. */
#include "stream/history.h"

#include <inttypes.h>

/* --- the log --- */

int spk_history_find(const struct spk_history *h, int64_t epoch)
{
	int64_t at = h->count ? epoch - h->link[0].epoch : -1;

	return at >= 0 && at < h->count ? (int)at : -1;
}

static spk_status add_link(struct spk_history *h, const struct spk_epoch_record *r, spk_error *err)
{
	/* At-least-once jobs may have written a record twice. */
	while (h->count && h->link[h->count - 1].epoch >= r->epoch)
		h->count--;
	if (h->count && (h->link[h->count - 1].epoch + 1 != r->epoch || h->link[h->count - 1].hash != r->previous_hash))
		return spk_fail(err, SPK_CORRUPT, "the epoch log is broken: epoch %" PRId64 " does not follow on epoch %" PRId64, r->epoch, h->link[h->count - 1].epoch);
	if (h->count == h->capacity) {
		int capacity = h->capacity ? 2 * h->capacity : 64;
		struct spk_link *grown = SPK_NEW_ARRAY(h->arena, struct spk_link, capacity);

		SPK_TRY_PTR(grown, err);
		if (h->count)
			memcpy(grown, h->link, sizeof *grown * (size_t)h->count);
		h->link = grown;
		h->capacity = capacity;
	}
	h->link[h->count++] = (struct spk_link){ r->epoch, r->hash };
	return SPK_OK;
}

static spk_status note_record(void *user, const void *data, size_t size, spk_error *err)
{
	struct spk_history *h = user;
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_epoch_record *r;
	spk_status status = arena ? spk_epoch_decode(data, size, arena, &r, err) : spk_fail_memory(err);

	if (status == SPK_OK && strcmp(r->job, h->job) != 0)
		status = spk_fail(err, SPK_CORRUPT, "the epoch log of job %s holds a record of job %s", h->job, r->job);
	if (status == SPK_OK)
		status = add_link(h, r, err);
	if (status != SPK_OK) {
		spk_arena_unref(arena);
		return status;
	}
	spk_arena_unref(h->last_arena);
	h->last_arena = arena;
	h->last = r;
	return SPK_OK;
}

spk_status spk_history_read(struct spk_history *h, struct spk_job *job, spk_error *err)
{
	h->arena = spk_arena_new(NULL);
	SPK_TRY_PTR(h->arena, err);
	return job->out.log->type->read(job->out.log, note_record, h, err);
}

void spk_history_release(struct spk_history *h)
{
	spk_arena_unref(h->last_arena);
	spk_arena_unref(h->arena);
}

/* Keeps the records that are wanted, those that were superseded left out. */
static spk_status keep_record(void *user, const void *data, size_t size, spk_error *err)
{
	struct spk_lineage *l = user;
	struct spk_epoch_record *r;
	int at;

	SPK_TRY(spk_epoch_decode(data, size, l->arena, &r, err));
	at = spk_history_find(l->history, r->epoch);
	if (at < 0 || l->history->link[at].hash != r->hash || r->epoch < l->from)
		return SPK_OK;
	if (r->epoch == l->from)
		l->base = r;
	else if (l->count < l->wanted && (l->count == 0 || l->record[l->count - 1]->epoch < r->epoch))
		l->record[l->count++] = r;
	return SPK_OK;
}

spk_status spk_lineage_read(struct spk_job *job, struct spk_lineage *l, spk_error *err)
{
	l->wanted = (int)(l->history->last->epoch - l->from);
	l->record = SPK_NEW_ARRAY(l->arena, struct spk_epoch_record *, l->wanted);
	SPK_TRY_PTR(l->record, err);
	SPK_TRY(job->out.log->type->read(job->out.log, keep_record, l, err));
	if (l->count != l->wanted || (l->from && !l->base))
		return spk_fail(err, SPK_CORRUPT, "the epoch log changed while it was read: %d of %d epochs are there", l->count, l->wanted);
	return SPK_OK;
}

/* --- where to begin --- */

/* The first record after the base that knows the partition: it says where that began. */
static const struct spk_epoch_partition *first_seen(const struct spk_lineage *l, const char *table, const char *name)
{
	const struct spk_epoch_partition *found = NULL;

	for (int i = 0; i < l->count && !found; i++)
		found = spk_epoch_find_partition(l->record[i], table, name);
	return found;
}

/* As the base left it, or where it was first read, before anything was known of it. */
static bool find_start(const struct spk_lineage *l, const char *table, const char *name, struct spk_epoch_partition *out)
{
	const struct spk_epoch_partition *was = l->base ? spk_epoch_find_partition(l->base, table, name) : NULL;

	if (was) {
		*out = *was;
		return true;
	}
	was = first_seen(l, table, name);
	if (was)
		*out = (struct spk_epoch_partition){ .name = name, .start = was->start, .end = was->start, .watermark = SPK_WATERMARK_NONE, .bound = was->bound };
	return was;
}

struct spk_epoch_record *spk_lineage_start(const struct spk_job *job, const struct spk_lineage *l)
{
	struct spk_epoch_record *r = SPK_NEW(l->arena, struct spk_epoch_record);

	if (!r || !(r->source = SPK_NEW_ARRAY(l->arena, struct spk_epoch_source, job->in.count)))
		return NULL;
	r->sources = job->in.count;
	for (int i = 0; i < r->sources; i++) {
		const struct spk_input *in = &job->in.input[i];
		struct spk_epoch_source *s = &r->source[i];

		*s = (struct spk_epoch_source){ .table = in->spec.table->name, .watermark = SPK_WATERMARK_NONE, .partition = SPK_NEW_ARRAY(l->arena, struct spk_epoch_partition, in->partitions) };
		if (!s->partition)
			return NULL;
		for (int k = 0; l->base && k < l->base->sources; k++)
			if (strcmp(l->base->source[k].table, s->table) == 0)
				s->watermark = l->base->source[k].watermark;
		for (int p = 0; p < in->partitions; p++)
			s->partitions += find_start(l, s->table, in->source->type->partition_name(in->source, p), &s->partition[s->partitions]);
	}
	return r;
}
