/*
 * The local shuffle service: batches stay where they are and references to them change hands.
 *
 * What was lost or replaced is kept until the shuffle is removed, because a reader may be in the middle of it.
 */
#include <pthread.h>

#include "core/base/check.h"
#include "core/base/memory.h"
#include "scheduler/spi.h"

/* All output of one attempt of a producer. */
struct output {
	struct output *next;              /* older ones of the shuffle that nobody gets any more */
	int partitions, batches;
	struct spk_shuffle_stat stat;
	int *start;                       /* partition p has batch[start[p] .. start[p + 1]) */
	struct spk_batch *batch[];        /* start[] lies behind */
};

struct shuffle {
	struct shuffle *next;
	struct spk_shuffle_id id;
	int producers, partitions;
	struct output *past;
	struct output *output[];          /* by producer; NULL: lost or not there yet */
};

struct memory_shuffle {
	struct spk_shuffle_service base;
	struct spk_memory_account *account;
	pthread_mutex_t lock;
	struct shuffle *shuffles;         /* a handful: those of one run */
};

static size_t output_size(int partitions, int batches)
{
	return sizeof(struct output) + (size_t)batches * sizeof(struct spk_batch *) + (size_t)(partitions + 1) * sizeof(int);
}

static void output_free(struct memory_shuffle *m, struct output *o)
{
	if (!o)
		return;
	for (int i = 0; i < o->batches; i++)
		spk_batch_unref(o->batch[i]);
	spk_free(m->account, o, output_size(o->partitions, o->batches));
}

static size_t shuffle_size(int producers)
{
	return sizeof(struct shuffle) + (size_t)producers * sizeof(struct output *);
}

static void shuffle_free(struct memory_shuffle *m, struct shuffle *s)
{
	for (struct output *o = s->past, *next; o; o = next) {
		next = o->next;
		output_free(m, o);
	}
	for (int i = 0; i < s->producers; i++)
		output_free(m, s->output[i]);
	spk_free(m->account, s, shuffle_size(s->producers));
}

/* @locks: m->lock held. The link that points to the shuffle, or to the NULL at the end. */
static struct shuffle **find(struct memory_shuffle *m, struct spk_shuffle_id id)
{
	struct shuffle **at = &m->shuffles;

	while (*at && !spk_shuffle_same((*at)->id, id))
		at = &(*at)->next;
	return at;
}

static spk_status unknown(struct spk_shuffle_id id, spk_error *err)
{
	return spk_fail(err, SPK_INTERNAL, "shuffle %d is not known", (int)id.value);
}

static spk_status memory_add(struct spk_shuffle_service *service, struct spk_shuffle_id id, int producers, int partitions, spk_error *err)
{
	struct memory_shuffle *m = spk_container_of(service, struct memory_shuffle, base);
	struct shuffle *s = spk_calloc(m->account, shuffle_size(producers));

	SPK_TRY_PTR(s, err);
	s->id = id;
	s->producers = producers;
	s->partitions = partitions;
	pthread_mutex_lock(&m->lock);
	bool there = *find(m, id) != NULL;

	if (!there) {
		s->next = m->shuffles;
		m->shuffles = s;
	}
	pthread_mutex_unlock(&m->lock);
	if (!there)
		return SPK_OK;
	shuffle_free(m, s);
	return spk_fail(err, SPK_EXISTS, "shuffle %d exists already", (int)id.value);
}

int64_t spk_shuffle_bytes(const struct spk_batch *b)
{
	int64_t row = b->weight ? (int64_t)sizeof(*b->weight) : 0;

	for (int c = 0; b->schema && c < b->columns; c++)
		row += spk_type_width(b->column[c].type);
	return row * b->selected;
}

static struct output *output_new(struct memory_shuffle *m, int partitions, struct spk_batch ***blocks, const int *counts)
{
	int batches = 0, n = 0;

	for (int p = 0; p < partitions; p++)
		batches += counts[p];
	struct output *o = spk_calloc(m->account, output_size(partitions, batches));

	if (!o)
		return NULL;
	o->partitions = partitions;
	o->batches = batches;
	o->start = (int *)(void *)&o->batch[batches];
	for (int p = 0; p < partitions; p++) {
		o->start[p] = n;
		for (int i = 0; i < counts[p]; i++) {
			o->batch[n++] = blocks[p][i];
			o->stat.rows += blocks[p][i]->selected;
			o->stat.bytes += spk_shuffle_bytes(blocks[p][i]);
		}
	}
	o->start[partitions] = n;
	return o;
}

/* Puts `o` (may be NULL) in the producer's place. @locks: m->lock held */
static void replace(struct shuffle *s, int producer, struct output *o)
{
	struct output *old = s->output[producer];

	SPK_ASSERT(producer >= 0 && producer < s->producers, "a producer of the shuffle");
	if (old) {
		old->next = s->past;
		s->past = old;
	}
	s->output[producer] = o;
}

static spk_status memory_publish(struct spk_shuffle_service *service, struct spk_shuffle_id id, int producer, struct spk_batch ***blocks, const int *counts, spk_error *err)
{
	struct memory_shuffle *m = spk_container_of(service, struct memory_shuffle, base);
	spk_status status = SPK_OK;

	pthread_mutex_lock(&m->lock);
	struct shuffle *s = *find(m, id);
	struct output *o = s ? output_new(m, s->partitions, blocks, counts) : NULL;

	if (o)
		replace(s, producer, o);
	else
		status = s ? spk_fail_memory(err) : unknown(id, err);
	pthread_mutex_unlock(&m->lock);
	return status;
}

static spk_status memory_fetch(struct spk_shuffle_service *service, struct spk_shuffle_id id, int producer, int partition, struct spk_batch ***batches, int *count, spk_error *err)
{
	struct memory_shuffle *m = spk_container_of(service, struct memory_shuffle, base);
	spk_status status = SPK_OK;

	pthread_mutex_lock(&m->lock);
	struct shuffle *s = *find(m, id);

	SPK_ASSERT(!s || (producer >= 0 && producer < s->producers), "a producer of the shuffle");
	struct output *o = s ? s->output[producer] : NULL;

	if (o) {
		SPK_ASSERT(partition >= 0 && partition < o->partitions, "a partition of the shuffle");
		*batches = &o->batch[o->start[partition]];
		*count = o->start[partition + 1] - o->start[partition];
	} else {
		status = s ? spk_fail(err, SPK_NOT_FOUND, "the output of task %d in shuffle %d is lost", producer, (int)id.value)
		           : unknown(id, err);
	}
	pthread_mutex_unlock(&m->lock);
	return status;
}

static void memory_lose(struct spk_shuffle_service *service, struct spk_shuffle_id id, int producer)
{
	struct memory_shuffle *m = spk_container_of(service, struct memory_shuffle, base);

	pthread_mutex_lock(&m->lock);
	struct shuffle *s = *find(m, id);

	if (s)
		replace(s, producer, NULL);
	pthread_mutex_unlock(&m->lock);
}

static void memory_stat(struct spk_shuffle_service *service, struct spk_shuffle_id id, struct spk_shuffle_stat *out)
{
	struct memory_shuffle *m = spk_container_of(service, struct memory_shuffle, base);

	*out = (struct spk_shuffle_stat){ 0 };
	pthread_mutex_lock(&m->lock);
	const struct shuffle *s = *find(m, id);

	for (int i = 0; s && i < s->producers; i++)
		if (s->output[i]) {
			out->rows += s->output[i]->stat.rows;
			out->bytes += s->output[i]->stat.bytes;
		}
	pthread_mutex_unlock(&m->lock);
}

static void memory_remove(struct spk_shuffle_service *service, struct spk_shuffle_id id)
{
	struct memory_shuffle *m = spk_container_of(service, struct memory_shuffle, base);

	pthread_mutex_lock(&m->lock);
	struct shuffle **at = find(m, id), *s = *at;

	if (s)
		*at = s->next;
	pthread_mutex_unlock(&m->lock);
	if (s)
		shuffle_free(m, s);
}

static void memory_close(struct spk_shuffle_service *service)
{
	struct memory_shuffle *m = spk_container_of(service, struct memory_shuffle, base);

	for (struct shuffle *s = m->shuffles, *next; s; s = next) {
		next = s->next;
		shuffle_free(m, s);
	}
	pthread_mutex_destroy(&m->lock);
	spk_free(m->account, m, sizeof(*m));
}

static const struct spk_shuffle_service_type memory_shuffle_type = {
	.name = "memory",
	.add = memory_add,
	.publish = memory_publish,
	.fetch = memory_fetch,
	.lose = memory_lose,
	.stat = memory_stat,
	.remove = memory_remove,
	.close = memory_close,
};

spk_status spk_memory_shuffle_new(struct spk_shuffle_service **out, spk_error *err)
{
	struct spk_memory_account *account = spk_memory_account("shuffle");
	struct memory_shuffle *m = spk_calloc(account, sizeof(*m));

	SPK_TRY_PTR(m, err);
	m->base.type = &memory_shuffle_type;
	m->account = account;
	pthread_mutex_init(&m->lock, NULL);
	*out = &m->base;
	return SPK_OK;
}
