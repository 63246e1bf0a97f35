/* Kept relations and what moves them out of memory. See cache.h. */
#include "batch/cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/base/check.h"
#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/base/metrics.h"
#include "core/columnar/serialize.h"

/* Batches in memory, or blocks of a run; never both. */
struct part {
	struct spk_batch **batch;
	int64_t batches, capacity;
	struct spk_spill_run *run;
	int64_t moved, *block;           /* batches that were in memory before; by batch its first block: for who was reading meanwhile */
	size_t bytes;                    /* in memory */
	int64_t rows;
};

/* How far a reader is: a number of batches, or, once it has read from a run, this and a number of blocks. */
static const int64_t IN_RUN = (int64_t)1 << 40;

struct spk_cached {
	struct spk_cache *cache;
	struct spk_cached *next;         /* in the cache's list, the one used last first */
	const struct spk_schema *schema;
	const struct spk_logical *plan;
	enum spk_cache_level level;
	int partitions;
	struct part *part;
	int pins, references;
	bool complete, filling;
	int64_t evicted;                 /* the cache's how many-th eviction its last one was */
};

struct spk_cache {
	pthread_mutex_t lock;            /* over all below, and over all relations' parts */
	struct spk_memory_account *account;
	struct spk_spill_area *area;
	struct spk_run_scratch scratch;
	struct spk_cached *first;
	size_t bytes, bound;             /* in memory: now, at the most */
	int64_t evictions;
	struct { struct spk_metric *dropped, *moved; } metric;
};

spk_status spk_cache_new(struct spk_cache **out, const char *directory, size_t bytes, spk_error *err)
{
	struct spk_cache *c = calloc(1, sizeof *c);
	spk_status status;

	SPK_TRY_PTR(c, err);
	c->account = spk_memory_account("cached rows");
	c->scratch.raw.account = c->scratch.packed.account = c->account;
	c->bound = bytes;
	c->metric.dropped = spk_metric(SPK_COUNTER, "cache_evictions_total", "to=nowhere");
	c->metric.moved = spk_metric(SPK_COUNTER, "cache_evictions_total", "to=disk");
	pthread_mutex_init(&c->lock, NULL);
	status = spk_spill_area_new(&c->area, directory, err);
	if (status != SPK_OK) {
		spk_cache_free(c);
		return status;
	}
	*out = c;
	return SPK_OK;
}

void spk_cache_free(struct spk_cache *c)
{
	if (!c)
		return;
	SPK_ASSERT(!c->first, "relations go before their cache");
	spk_spill_area_free(c->area);
	spk_run_scratch_release(&c->scratch);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* --- parts --- */

static void part_clear(struct spk_cached *c, struct part *p)
{
	for (int64_t i = 0; i < p->batches; i++)
		spk_batch_unref(p->batch[i]);
	free(p->batch);
	free(p->block);
	spk_spill_run_free(p->run);
	c->cache->bytes -= p->bytes;
	*p = (struct part){ 0 };
}

static void clear(struct spk_cached *c)
{
	for (int i = 0; i < c->partitions; i++)
		part_clear(c, &c->part[i]);
	c->complete = false;
}

static spk_status put_on_disk(struct spk_cached *c, struct part *p, const struct spk_batch *batch, spk_error *err)
{
	if (!p->run)
		SPK_TRY(spk_spill_run_new(&p->run, c->cache->area, err));
	return spk_run_put_batch(p->run, batch, &c->cache->scratch, err);
}

/* The part's batches to a run; a failure leaves it as it was. Readers go on from the block that their batch has become. */
static spk_status part_to_disk(struct spk_cached *c, struct part *p, spk_error *err)
{
	int64_t *block = malloc(sizeof *block * (size_t)SPK_MAX(p->batches, 1));
	struct spk_spill_run *run = NULL;
	spk_status status = block ? spk_spill_run_new(&run, c->cache->area, err) : spk_fail_memory(err);

	for (int64_t i = 0; i < p->batches && status == SPK_OK; i++) {
		block[i] = spk_spill_run_blocks(run);
		status = spk_run_put_batch(run, p->batch[i], &c->cache->scratch, err);
	}
	if (status != SPK_OK) {
		spk_spill_run_free(run);
		free(block);
		return status;
	}
	for (int64_t i = 0; i < p->batches; i++)
		spk_batch_unref(p->batch[i]);
	p->run = run;
	p->block = block;
	p->moved = p->batches;
	p->batches = 0;
	c->cache->bytes -= p->bytes;
	p->bytes = 0;
	return SPK_OK;
}

/* --- giving way --- */

static size_t bytes_in_memory(const struct spk_cached *c)
{
	size_t bytes = 0;

	for (int i = 0; i < c->partitions; i++)
		bytes += c->part[i].bytes;
	return bytes;
}

static void note_eviction(struct spk_cached *c, bool dropped, size_t bytes)
{
	c->evicted = ++c->cache->evictions;
	spk_metric_add(dropped ? c->cache->metric.dropped : c->cache->metric.moved, 1);
	SPK_LOG(DEBUG, "cache", "eviction %lld: %zu bytes of kept rows %s", (long long)c->evicted, bytes, dropped ? "are given up" : "go to disk");
}

/* Takes memory from one relation: true when it had some to give. */
static bool evict(struct spk_cached *c)
{
	const size_t before = c->cache->bytes;
	const bool dropped = c->level == SPK_CACHE_MEMORY && !c->filling && !c->pins;

	if (dropped)
		clear(c);
	for (int i = 0; i < c->partitions; i++)
		if (c->part[i].bytes && part_to_disk(c, &c->part[i], NULL) != SPK_OK)
			break;
	if (c->cache->bytes < before)
		note_eviction(c, dropped, before - c->cache->bytes);
	return c->cache->bytes < before;
}

/* Who gives way first: what nobody reads, then what is read, then what is being filled. */
static int standing(const struct spk_cached *c) { return c->filling ? 2 : c->pins ? 1 : 0; }

/* The one to give way next: of those alike, the one used the longest ago. NULL: none has anything in memory. */
static struct spk_cached *coldest(const struct spk_cache *cache)
{
	struct spk_cached *found = NULL;

	for (struct spk_cached *c = cache->first; c; c = c->next)
		if (bytes_in_memory(c) && (!found || standing(c) <= standing(found)))
			found = c;
	return found;
}

size_t spk_cache_reclaim(struct spk_cache *cache, size_t bytes)
{
	struct spk_cached *c;
	size_t before, freed;

	pthread_mutex_lock(&cache->lock);
	before = cache->bytes;
	while (before - cache->bytes < bytes && (c = coldest(cache)) != NULL && evict(c)) {
	}
	freed = before - cache->bytes;
	pthread_mutex_unlock(&cache->lock);
	return freed;
}

/* Makes room for so many bytes beside what is there; false when there is none to be had. */
static bool make_room(struct spk_cache *cache, size_t bytes)
{
	struct spk_cached *c;

	while (cache->bytes + bytes > cache->bound)
		if (!(c = coldest(cache)) || !evict(c))
			return false;
	return true;
}

/* --- relations --- */

spk_status spk_cached_new(struct spk_cached **out, struct spk_cache *cache, const struct spk_schema *schema, enum spk_cache_level level, const struct spk_logical *plan, spk_error *err)
{
	struct spk_cached *c = calloc(1, sizeof *c);

	SPK_TRY_PTR(c, err);
	*c = (struct spk_cached){ .cache = cache, .schema = schema, .level = level, .plan = plan, .references = 1 };
	pthread_mutex_lock(&cache->lock);
	c->next = cache->first;
	cache->first = c;
	pthread_mutex_unlock(&cache->lock);
	*out = c;
	return SPK_OK;
}

void spk_cached_unref(struct spk_cached *c)
{
	struct spk_cached **at;

	if (!c)
		return;
	pthread_mutex_lock(&c->cache->lock);
	if (--c->references > 0) {
		pthread_mutex_unlock(&c->cache->lock);
		return;
	}
	clear(c);
	for (at = &c->cache->first; *at != c;)
		at = &(*at)->next;
	*at = c->next;
	pthread_mutex_unlock(&c->cache->lock);
	free(c->part);
	free(c);
}

const struct spk_logical *spk_cached_plan(const struct spk_cached *c) { return c->plan; }

spk_status spk_cached_table(struct spk_cached *c, const char *name, struct spk_arena *arena, struct spk_table **out, spk_error *err)
{
	struct spk_table *t = SPK_NEW(arena, struct spk_table);

	SPK_TRY_PTR(t, err);
	*t = (struct spk_table){ .name = spk_arena_strdup(arena, name), .connector = spk_rows_source.name, .schema = c->schema, .time_column = -1, .rows = c };
	SPK_TRY_PTR(t->name, err);
	*out = t;
	return SPK_OK;
}

spk_status spk_cached_begin(struct spk_cached *c, int partitions, spk_error *err)
{
	struct part *part = calloc((size_t)partitions + 1, sizeof *part);

	SPK_TRY_PTR(part, err);
	pthread_mutex_lock(&c->cache->lock);
	clear(c);
	free(c->part);
	c->part = part;
	c->partitions = partitions;
	c->filling = true;
	pthread_mutex_unlock(&c->cache->lock);
	return SPK_OK;
}

void spk_cached_restart(struct spk_cached *c, int partition)
{
	pthread_mutex_lock(&c->cache->lock);
	part_clear(c, &c->part[partition]);
	pthread_mutex_unlock(&c->cache->lock);
}

static spk_status append(struct spk_cached *c, struct part *p, struct spk_batch *own, size_t size, spk_error *err)
{
	if (p->batches == p->capacity) {
		int64_t capacity = p->capacity ? 2 * p->capacity : 16;
		struct spk_batch **batch = realloc(p->batch, sizeof(*batch) * (size_t)capacity);

		SPK_TRY_PTR(batch, err);
		p->batch = batch;
		p->capacity = capacity;
	}
	p->batch[p->batches++] = spk_batch_ref(own);
	p->bytes += size;
	c->cache->bytes += size;
	return SPK_OK;
}

/* Under the lock. */
static spk_status keep(struct spk_cached *c, int partition, struct spk_batch *own, size_t size, spk_error *err)
{
	struct part *p = &c->part[partition];

	p->rows += own->selected;
	/* What moving it to disk takes is reserved before anything is in memory. */
	if (c->level == SPK_CACHE_DISK || p->run || !make_room(c->cache, size) || p->run || spk_run_scratch_reserve(&c->cache->scratch, NULL) != SPK_OK)
		return put_on_disk(c, p, own, err);
	return append(c, p, own, size, err);
}

/* A copy of the batch, at the cost of what was kept before when the budget says no. */
static spk_status copy(struct spk_cached *c, const struct spk_batch *batch, struct spk_batch **out, spk_error *err)
{
	spk_status status;

	do
		status = spk_batch_compact(out, batch, err);
	while (status == SPK_MEMORY_LIMIT && spk_cache_reclaim(c->cache, spk_arena_bytes(batch->arena)) > 0);
	return status;
}

spk_status spk_cached_add(struct spk_cached *c, int partition, struct spk_batch *batch, spk_error *err)
{
	struct spk_batch *own;
	spk_status status;

	SPK_TRY(copy(c, batch, &own, err));
	pthread_mutex_lock(&c->cache->lock);
	status = keep(c, partition, own, spk_arena_bytes(own->arena), err);
	pthread_mutex_unlock(&c->cache->lock);
	spk_batch_unref(own);
	return status;
}

void spk_cached_finish(struct spk_cached *c)
{
	pthread_mutex_lock(&c->cache->lock);
	c->complete = true;
	c->filling = false;
	pthread_mutex_unlock(&c->cache->lock);
}

void spk_cached_drop(struct spk_cached *c)
{
	pthread_mutex_lock(&c->cache->lock);
	if (!c->pins)
		clear(c);
	pthread_mutex_unlock(&c->cache->lock);
}

/* To the front of the list: used last. */
static void touch(struct spk_cached *c)
{
	struct spk_cached **at = &c->cache->first;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->next = c->cache->first;
	c->cache->first = c;
}

bool spk_cached_pin(struct spk_cached *c)
{
	bool complete;

	pthread_mutex_lock(&c->cache->lock);
	complete = c->complete;
	c->pins += complete;
	touch(c);
	pthread_mutex_unlock(&c->cache->lock);
	return complete;
}

void spk_cached_unpin(struct spk_cached *c)
{
	pthread_mutex_lock(&c->cache->lock);
	c->pins--;
	pthread_mutex_unlock(&c->cache->lock);
}

int64_t spk_cached_evicted(const struct spk_cached *c)
{
	int64_t n;

	pthread_mutex_lock(&c->cache->lock);
	n = c->evicted;
	pthread_mutex_unlock(&c->cache->lock);
	return n;
}

int64_t spk_cached_rows(const struct spk_cached *c)
{
	int64_t rows = 0;

	pthread_mutex_lock(&c->cache->lock);
	for (int i = 0; i < c->partitions; i++)
		rows += c->part[i].rows;
	pthread_mutex_unlock(&c->cache->lock);
	return rows;
}

void spk_cached_bytes(const struct spk_cached *c, size_t *memory, int64_t *disk)
{
	*memory = 0;
	*disk = 0;
	pthread_mutex_lock(&c->cache->lock);
	for (int i = 0; i < c->partitions; i++) {
		*memory += c->part[i].bytes;
		*disk += c->part[i].run ? spk_spill_run_stored(c->part[i].run) : 0;
	}
	pthread_mutex_unlock(&c->cache->lock);
}

/* --- as a source: the relation is pinned by whoever runs the query --- */

static spk_status rows_open(struct spk_source **out, const struct spk_source_spec *spec, spk_error *err)
{
	const struct spk_cached *c = spec->table->rows;
	struct spk_source *s = calloc(1, sizeof *s);

	SPK_TRY_PTR(s, err);
	*s = (struct spk_source){ .type = &spk_rows_source, .spec = spec, .partitions = c->partitions };
	*out = s;
	return SPK_OK;
}

static const char *rows_partition_name(const struct spk_source *s, int partition)
{
	(void)partition;
	return s->spec->table->name;
}

static spk_status rows_seek(struct spk_source *s, const int64_t *position, int64_t *resolved, spk_error *err)
{
	(void)err;
	for (int i = 0; i < s->partitions; i++)
		resolved[i] = SPK_MAX(position[i], 0);
	return SPK_OK;
}

/* The batch, or the block of the run, that comes next; both none at the end. */
static void find_next(const struct spk_cached *c, const struct part *p, int64_t at, struct spk_batch **batch, int64_t *block)
{
	*batch = NULL;
	*block = -1;
	pthread_mutex_lock(&c->cache->lock);
	if (p->run && at < IN_RUN)
		at = IN_RUN + (at < p->moved ? p->block[at] : p->moved ? spk_spill_run_blocks(p->run) : 0);
	if (p->run)
		*block = at - IN_RUN < spk_spill_run_blocks(p->run) ? at - IN_RUN : -1;
	else if (at < p->batches)
		*batch = spk_batch_ref(p->batch[at]);
	pthread_mutex_unlock(&c->cache->lock);
}

static spk_status rows_next(struct spk_source *s, int partition, int64_t *at, struct spk_batch **out, spk_error *err)
{
	struct spk_cached *c = s->spec->table->rows;
	const struct part *p = &c->part[partition];
	struct spk_run_scratch scratch = { .raw.account = c->cache->account, .packed.account = c->cache->account };
	struct spk_batch *whole;
	spk_status status;
	int64_t block;

	*out = NULL;
	find_next(c, p, *at, &whole, &block);
	if (!whole && block < 0)
		return SPK_OK;
	if (!whole) {
		status = spk_run_get_batch(p->run, block, c->schema, c->cache->account, &scratch, &whole, err);
		spk_run_scratch_release(&scratch);
		SPK_TRY(status);
		*at = IN_RUN + block;
	}
	++*at;
	status = spk_batch_pick(out, whole, s->spec->schema, s->spec->column, err);
	spk_batch_unref(whole);
	return status;
}

static void rows_close(struct spk_source *s) { free(s); }

const struct spk_source_type spk_rows_source = {
	.name = "rows",
	.replayable = true,
	.open = rows_open,
	.partition_name = rows_partition_name,
	.seek = rows_seek,
	.next = rows_next,
	.close = rows_close,
};
