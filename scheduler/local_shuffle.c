/*
 * The local shuffle service: batches stay where they are and references to them change hands, until memory is short.
 *
 *   a producer that writes much puts its own batches on disk
 *   a batch that was read, and that nobody else will read, is let go of; should its reader run again, its producer does, too
 *   published batches that wait for their reader go to disk when somebody asks (reclaim)
 *
 * What was lost or replaced is kept until the shuffle is removed, because a reader may be in the middle of it. Outputs are used again, with
 * their arrays: a run of a known shape allocates nothing.
 */
#include <stdatomic.h>

#include "core/base/check.h"
#include "core/base/memory.h"
#include "scheduler/shuffle_output.h"

enum {
	SHARE_PERCENT = 25,              /* of the limit: what all shuffles keep in memory before producers spill */
	PRESSURE_PERCENT = 65,           /* of the limit in use by anybody, from which on they do as well */
	MOVE_LEAST = 1 << 20,            /* bytes: fewer are not worth a block */
	IDLE_MOST = 64,                  /* outputs kept for another use */
};

struct shuffle {
	struct shuffle *next;
	struct spk_shuffle_id id;
	int producers, partitions;
	struct spk_shuffle_output *past;
	struct spk_shuffle_output *output[];  /* by producer; NULL: lost or not there yet */
};

struct local_shuffle {
	struct spk_shuffle_service base;
	struct spk_memory_account *account;
	struct spk_spill_area *area;     /* NULL: nothing goes to disk */
	pthread_mutex_t lock;            /* of all below, and of items of sealed outputs */
	struct shuffle *shuffles;        /* a handful: those of one run */
	struct spk_shuffle_output *idle;
	int idle_count;
	_Atomic int64_t kept;            /* bytes of all batches in memory, about */
	pthread_mutex_t reclaiming;      /* one thread at a time */
};

static struct local_shuffle *local(struct spk_shuffle_service *service) { return spk_container_of(service, struct local_shuffle, base); }

static size_t shuffle_size(int producers)
{
	return sizeof(struct shuffle) + (size_t)producers * sizeof(struct spk_shuffle_output *);
}

/* --- outputs --- */

/* Empties an output and keeps it for another use, or not. While it is reclaimed, that is left to whoever does it. */
static void retire(struct local_shuffle *m, struct spk_shuffle_output *o)
{
	bool keep;

	if (!o)
		return;
	pthread_mutex_lock(&m->lock);
	o->orphan = o->pinned;
	pthread_mutex_unlock(&m->lock);
	if (o->orphan)
		return;
	spk_shuffle_output_clear(o);
	pthread_mutex_lock(&m->lock);
	keep = m->idle_count < IDLE_MOST;
	if (keep) {
		o->next = m->idle;
		m->idle = o;
		m->idle_count++;
	}
	pthread_mutex_unlock(&m->lock);
	if (!keep)
		spk_shuffle_output_free(o);
}

static void shuffle_free(struct local_shuffle *m, struct shuffle *s)
{
	for (struct spk_shuffle_output *o = s->past, *next; o; o = next) {
		next = o->next;
		retire(m, o);
	}
	for (int i = 0; i < s->producers; i++)
		retire(m, s->output[i]);
	spk_free(m->account, s, shuffle_size(s->producers));
}

/* @locks: m->lock held. The link that points to the shuffle, or to the NULL at the end. */
static struct shuffle **find(struct local_shuffle *m, struct spk_shuffle_id id)
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

static spk_status local_add(struct spk_shuffle_service *service, struct spk_shuffle_id id, int producers, int partitions, spk_error *err)
{
	struct local_shuffle *m = local(service);
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

/* --- writing --- */

static spk_status local_open(struct spk_shuffle_service *service, struct spk_shuffle_id id, int producer, struct spk_shuffle_output **out, spk_error *err)
{
	struct local_shuffle *m = local(service);

	pthread_mutex_lock(&m->lock);
	const struct shuffle *s = *find(m, id);
	int partitions = s ? s->partitions : -1;
	struct spk_shuffle_output *o = m->idle;

	SPK_ASSERT(!s || (producer >= 0 && producer < s->producers), "a producer of the shuffle");
	if (s && o) {
		m->idle = o->next;
		m->idle_count--;
	}
	pthread_mutex_unlock(&m->lock);
	if (partitions < 0)
		return unknown(id, err);
	if (!o)
		o = spk_shuffle_output_new(m->account, &m->kept);
	SPK_TRY_PTR(o, err);
	o->next = NULL;
	o->id = id;
	o->producer = producer;
	o->partitions = partitions;
	*out = o;
	return SPK_OK;
}

static spk_status move(struct local_shuffle *m, struct spk_shuffle_output *o, int64_t most, int64_t *moved, spk_error *err)
{
	struct spk_shuffle_mover mover = { .area = m->area, .scratch = { { .account = m->account }, { .account = m->account } }, .lock = &m->lock };
	spk_status status = spk_shuffle_output_move(o, &mover, most, moved, err);

	spk_run_scratch_release(&mover.scratch);
	return status;
}

static bool too_much(struct local_shuffle *m, const struct spk_shuffle_output *o)
{
	size_t share = spk_memory_limit() / 100 * SHARE_PERCENT;

	if (!m->area || o->kept < MOVE_LEAST)
		return false;
	return (size_t)atomic_load_explicit(&m->kept, memory_order_relaxed) > share || spk_memory_pressure(PRESSURE_PERCENT);
}

static spk_status local_write(struct spk_shuffle_service *service, struct spk_shuffle_output *o, int to, struct spk_batch *batch, struct spk_shuffle_stat *sum, spk_error *err)
{
	struct local_shuffle *m = local(service);
	int64_t moved;

	SPK_ASSERT(to >= 0 && to < o->partitions, "a partition of the shuffle");
	SPK_TRY(spk_shuffle_output_write(o, to, batch, sum, err));
	return too_much(m, o) ? move(m, o, INT64_MAX, &moved, err) : SPK_OK;
}

/* Puts `o` (may be NULL) in the producer's place. @locks: m->lock held */
static void replace(struct shuffle *s, int producer, struct spk_shuffle_output *o)
{
	struct spk_shuffle_output *old = s->output[producer];

	SPK_ASSERT(producer >= 0 && producer < s->producers, "a producer of the shuffle");
	if (old) {
		old->next = s->past;
		s->past = old;
	}
	s->output[producer] = o;
}

static spk_status local_publish(struct spk_shuffle_service *service, struct spk_shuffle_output *o, spk_error *err)
{
	struct local_shuffle *m = local(service);

	SPK_TRY(spk_shuffle_output_seal(o, err));
	pthread_mutex_lock(&m->lock);
	struct shuffle *s = *find(m, o->id);

	if (s)
		replace(s, o->producer, o);
	pthread_mutex_unlock(&m->lock);
	return s ? SPK_OK : unknown(o->id, err);
}

static void local_discard(struct spk_shuffle_service *service, struct spk_shuffle_output *o)
{
	retire(local(service), o);
}

/* --- reading --- */

static spk_status local_fetch(struct spk_shuffle_service *service, struct spk_shuffle_id id, int producer, int partition, struct spk_shuffle_reader *out, spk_error *err)
{
	struct local_shuffle *m = local(service);

	pthread_mutex_lock(&m->lock);
	const struct shuffle *s = *find(m, id);

	SPK_ASSERT(!s || (producer >= 0 && producer < s->producers), "a producer of the shuffle");
	struct spk_shuffle_output *o = s ? s->output[producer] : NULL;

	SPK_ASSERT(!o || (partition >= 0 && partition < o->partitions), "a partition of the shuffle");
	bool gone = o && o->part[partition].gone;

	pthread_mutex_unlock(&m->lock);
	if (!s)
		return unknown(id, err);
	if (!o || gone)
		return spk_fail(err, SPK_NOT_FOUND, "the output of task %d in shuffle %d is lost", producer, (int)id.value);
	out->output = o;
	out->partition = partition;
	return SPK_OK;
}

static spk_status local_read(struct spk_shuffle_service *service, struct spk_shuffle_reader *reader, struct spk_batch **out, spk_error *err)
{
	struct local_shuffle *m = local(service);
	bool go = reader->once && m->area && spk_memory_pressure(PRESSURE_PERCENT);

	return spk_shuffle_output_read(reader, go, &m->lock, out, err);
}

static void local_end(struct spk_shuffle_service *service, struct spk_shuffle_reader *reader)
{
	(void)service;
	spk_arena_unref(reader->block);
	*reader = (struct spk_shuffle_reader){ 0 };
}

/* --- the rest --- */

static void local_lose(struct spk_shuffle_service *service, struct spk_shuffle_id id, int producer)
{
	struct local_shuffle *m = local(service);

	pthread_mutex_lock(&m->lock);
	struct shuffle *s = *find(m, id);

	if (s)
		replace(s, producer, NULL);
	pthread_mutex_unlock(&m->lock);
}

static void local_stat(struct spk_shuffle_service *service, struct spk_shuffle_id id, int partition, struct spk_shuffle_stat *out)
{
	struct local_shuffle *m = local(service);

	*out = (struct spk_shuffle_stat){ 0 };
	pthread_mutex_lock(&m->lock);
	const struct shuffle *s = *find(m, id);

	for (int i = 0; s && i < s->producers; i++)
		for (int p = SPK_MAX(partition, 0); s->output[i] && p < (partition < 0 ? s->partitions : partition + 1); p++) {
			out->rows += s->output[i]->part[p].stat.rows;
			out->bytes += s->output[i]->part[p].stat.bytes;
		}
	pthread_mutex_unlock(&m->lock);
}

/* A published output with batches in memory, pinned; NULL when there is none. */
static struct spk_shuffle_output *pin_one(struct local_shuffle *m)
{
	struct spk_shuffle_output *found = NULL;

	pthread_mutex_lock(&m->lock);
	for (struct shuffle *s = m->shuffles; s && !found; s = s->next)
		for (int i = 0; i < s->producers && !found; i++)
			if (s->output[i] && s->output[i]->kept >= MOVE_LEAST)
				found = s->output[i];
	if (found)
		found->pinned = true;
	pthread_mutex_unlock(&m->lock);
	return found;
}

static void unpin(struct local_shuffle *m, struct spk_shuffle_output *o)
{
	pthread_mutex_lock(&m->lock);
	bool orphan = o->orphan;

	o->pinned = o->orphan = false;
	pthread_mutex_unlock(&m->lock);
	if (orphan)
		retire(m, o);
}

static size_t local_reclaim(struct spk_shuffle_service *service, size_t bytes)
{
	struct local_shuffle *m = local(service);
	int64_t want = (int64_t)SPK_MIN(bytes, (size_t)INT64_MAX), freed = 0, moved = 1;

	if (!m->area || pthread_mutex_trylock(&m->reclaiming) != 0)
		return 0;
	while (freed < want && moved > 0) {
		struct spk_shuffle_output *o = pin_one(m);

		moved = 0;
		if (!o)
			break;
		/* A failure is nobody's here: what could not be moved stays where it is. */
		(void)move(m, o, want - freed, &moved, NULL);
		unpin(m, o);
		freed += moved;
	}
	pthread_mutex_unlock(&m->reclaiming);
	return (size_t)freed;
}

static void local_remove(struct spk_shuffle_service *service, struct spk_shuffle_id id)
{
	struct local_shuffle *m = local(service);

	pthread_mutex_lock(&m->lock);
	struct shuffle **at = find(m, id), *s = *at;

	if (s)
		*at = s->next;
	pthread_mutex_unlock(&m->lock);
	if (s)
		shuffle_free(m, s);
}

static void local_close(struct spk_shuffle_service *service)
{
	struct local_shuffle *m = local(service);

	for (struct shuffle *s = m->shuffles, *next; s; s = next) {
		next = s->next;
		shuffle_free(m, s);
	}
	for (struct spk_shuffle_output *o = m->idle, *next; o; o = next) {
		next = o->next;
		spk_shuffle_output_free(o);
	}
	pthread_mutex_destroy(&m->lock);
	pthread_mutex_destroy(&m->reclaiming);
	spk_free(m->account, m, sizeof(*m));
}

static const struct spk_shuffle_service_type local_shuffle_type = {
	.name = "local",
	.add = local_add,
	.open = local_open,
	.write = local_write,
	.publish = local_publish,
	.discard = local_discard,
	.fetch = local_fetch,
	.read = local_read,
	.end = local_end,
	.lose = local_lose,
	.stat = local_stat,
	.reclaim = local_reclaim,
	.remove = local_remove,
	.close = local_close,
};

spk_status spk_local_shuffle_new(struct spk_shuffle_service **out, struct spk_spill_area *area, spk_error *err)
{
	struct spk_memory_account *account = spk_memory_account("shuffle");
	struct local_shuffle *m = spk_calloc(account, sizeof(*m));

	SPK_TRY_PTR(m, err);
	m->base.type = &local_shuffle_type;
	m->account = account;
	m->area = area;
	pthread_mutex_init(&m->lock, NULL);
	pthread_mutex_init(&m->reclaiming, NULL);
	*out = &m->base;
	return SPK_OK;
}
