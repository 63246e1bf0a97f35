/* A join's build side: collected, tabled or spilled. See join_side.h. */
#include "batch/operator/join_side.h"

#include <stdlib.h>

#include "core/base/fault.h"
#include "core/columnar/hash.h"

enum { TABLE_ROW_BYTES = 36 };       /* of a row beside its columns: chain, and the slots of a half-full table */

void spk_join_side_unref(void *value)
{
	struct spk_join_side *side = value;

	if (!side || atomic_fetch_sub(&side->refs, 1) > 1)
		return;
	for (int k = 0; k < side->filters; k++)
		spk_key_filter_free(side->filter[k]);
	free(side->filter);
	spk_join_table_unref(side->table);
	spk_join_parts_release(&side->parts);
	free(side);
}

/* --- tables --- */

size_t spk_join_table_need(int64_t rows, size_t bytes) { return bytes + (size_t)rows * TABLE_ROW_BYTES; }

bool spk_join_table_fits(struct spk_spill_share *share, int64_t rows, size_t bytes)
{
	if (spk_fault(SPK_FAULT_SPILL_WANTED, NULL) != SPK_OK)
		return false;
	return rows <= SPK_JOIN_ROWS_MAX && spk_join_table_need(rows, bytes) <= spk_spill_share_bytes(share) / 4 * 3;
}

spk_status spk_join_table_make(const struct spk_joiner *j, struct spk_join_rows source, int64_t rows, struct spk_join_table **out, spk_error *err)
{
	const struct spk_physical *plan = j->op->plan;
	struct spk_join_input in = { .op = j->op, .source = source, .rows = rows, .schema = j->build, .keys = plan->join_keys, .key = plan->build_key,
		.null_safe = plan->null_safe, .null_row = j->keeps_probe };

	return spk_join_table_new(out, &in, err);
}

spk_status spk_join_hash(const struct spk_joiner *j, bool build, struct spk_batch *in, struct spk_arena *work, uint64_t *hash, spk_error *err)
{
	const struct spk_physical *plan = j->op->plan;
	struct spk_eval ev = spk_op_eval(j->op, work, NULL);

	for (int k = 0; k < plan->join_keys; k++) {
		struct spk_vector key;

		SPK_TRY(spk_expr_eval(build ? plan->build_key[k] : plan->probe_key[k], in, in->sel, in->selected, &ev, &key, err));
		if (k)
			spk_hash_column_more(&key, in->sel, in->selected, hash);
		else
			spk_hash_column(&key, in->sel, in->selected, hash);
	}
	return SPK_OK;
}

/* --- collecting --- */

static struct spk_memory_account *account(const struct spk_join_collector *c) { return c->j->op->pipeline->account; }

static struct spk_shared *shared_of(const struct spk_join_collector *c)
{
	return c->j->op->plan->broadcast || c->j->op->whole ? &c->j->op->pipeline->shared[c->j->op->plan->id] : NULL;
}

void spk_join_collector_begin(struct spk_join_collector *c)
{
	struct spk_shared *shared = shared_of(c);

	spk_join_collector_clear(c);
	if (!shared)
		return;
	pthread_mutex_lock(&shared->lock);
	c->skips = shared->value != NULL;
	pthread_mutex_unlock(&shared->lock);
}

static void drop_batches(struct spk_join_collector *c)
{
	for (int i = 0; i < c->batches; i++)
		spk_batch_unref(c->batch[i]);
	c->batches = 0;
	c->rows = 0;
	c->bytes = 0;
}

void spk_join_collector_clear(struct spk_join_collector *c)
{
	drop_batches(c);
	spk_join_parts_release(&c->on_disk);
	c->spilled = c->skips = false;
}

void spk_join_collector_release(struct spk_join_collector *c)
{
	if (!c->j)
		return;
	spk_join_collector_clear(c);
	spk_free(account(c), c->batch, (size_t)c->capacity * sizeof(*c->batch));
	c->batch = NULL;
	c->capacity = 0;
}

static spk_status to_disk(struct spk_join_collector *c, struct spk_batch *in, spk_error *err)
{
	uint64_t hash[SPK_BATCH_ROWS];
	struct spk_arena *work;
	spk_status status;

	if (c->parts == 1)
		return spk_join_parts_put_all(&c->on_disk, in, NULL, err);
	work = spk_arena_new(account(c));
	SPK_TRY_PTR(work, err);
	status = spk_join_hash(c->j, true, in, work, hash, err);
	if (status == SPK_OK)
		status = spk_join_parts_put_all(&c->on_disk, in, hash, err);
	spk_arena_unref(work);
	return status;
}

/* Everything that is held, and from here on everything that comes, goes to disk. */
static spk_status spill(void *user, spk_error *err)
{
	struct spk_join_collector *c = user;

	spk_join_parts_init(&c->on_disk, c->share, c->schema, c->parts, 0);
	c->spilled = true;
	for (int i = 0; i < c->batches; i++) {
		SPK_TRY(to_disk(c, c->batch[i], err));
		spk_batch_unref(c->batch[i]);
		c->batch[i] = NULL;
	}
	drop_batches(c);
	return SPK_OK;
}

static spk_status keep(struct spk_join_collector *c, struct spk_batch *in, size_t bytes, spk_error *err)
{
	if (c->batches == c->capacity) {
		int capacity = c->capacity ? 2 * c->capacity : 64;
		struct spk_batch **grown = spk_realloc(account(c), c->batch, (size_t)c->capacity * sizeof(*grown), (size_t)capacity * sizeof(*grown));

		SPK_TRY_PTR(grown, err);
		c->batch = grown;
		c->capacity = capacity;
	}
	c->batch[c->batches++] = spk_batch_ref(in);
	c->rows += in->selected;
	c->bytes += bytes;
	return SPK_OK;
}

/* What is held, and will be when the table is made beside it. */
static size_t held(const struct spk_join_collector *c) { return c->bytes + spk_join_table_need(c->rows, c->bytes); }

spk_status spk_join_collector_add(struct spk_join_collector *c, struct spk_batch *in, spk_error *err)
{
	size_t bytes = 0;
	spk_status status;

	if (c->skips)
		return SPK_OK;
	if (!c->spilled) {
		SPK_TRY(spk_batch_serialized_size(in, 0, in->selected, &bytes, err));
		SPK_TRY(spk_spill_room(c->share, held(c), 2 * bytes, spill, c, err));
	}
	if (c->spilled)
		return to_disk(c, in, err);
	status = keep(c, in, bytes, err);
	if (!spk_spill_refused(c->share, status, held(c)))
		return status;
	SPK_TRY(spk_spill_now(c->share, spill, c, err));
	return to_disk(c, in, err);
}

/* --- the side --- */

struct batches { struct spk_batch *const *batch; int count, at; };

static spk_status next_batch(void *user, struct spk_batch **out, spk_error *err)
{
	struct batches *b = user;

	(void)err;
	*out = b->at < b->count ? b->batch[b->at++] : NULL;
	return SPK_OK;
}

static spk_status table_of_batches(struct spk_join_collector *c, struct spk_join_side *side, spk_error *err)
{
	struct batches b = { c->batch, c->batches, 0 };

	return spk_join_table_make(c->j, (struct spk_join_rows){ next_batch, &b }, c->rows, &side->table, err);
}

/* As many partitions as fit go into a table again; the others wait for their turn. */
static spk_status table_of_parts(struct spk_join_collector *c, struct spk_join_side *side, spk_error *err)
{
	struct spk_join_part_reader r = { .share = c->share, .schema = c->schema, .part = side->parts.part, .parts = side->parts.count, .wanted = side->resident };
	int64_t rows = 0;
	size_t bytes = 0;
	spk_status status;

	for (int i = 0; i < side->parts.count && side->parts.count > 1; i++) {
		const struct spk_join_part *p = &side->parts.part[i];

		if (!spk_join_table_fits(c->share, rows + p->rows, bytes + p->bytes))
			continue;
		side->resident[i] = true;
		rows += p->rows;
		bytes += p->bytes;
	}
	status = spk_join_table_make(c->j, (struct spk_join_rows){ spk_join_part_next, &r }, rows, &side->table, err);
	spk_join_part_reader_release(&r);
	if (status != SPK_MEMORY_LIMIT)
		return status;
	memset(side->resident, 0, sizeof side->resident);
	return SPK_OK;
}

static spk_status make_side(struct spk_join_collector *c, struct spk_join_side *side, spk_error *err)
{
	spk_status status = SPK_OK;

	if (!c->spilled) {
		status = table_of_batches(c, side, err);
		if (!spk_spill_refused(c->share, status, held(c)))
			return status;
		SPK_TRY(spk_spill_now(c->share, spill, c, err));
	}
	SPK_TRY(spk_join_parts_end(&c->on_disk, err));
	side->spilled = true;
	side->parts = c->on_disk;
	c->on_disk = (struct spk_join_parts){ 0 };
	return table_of_parts(c, side, err);
}

/* What scans ask for. Of a part of the build side nothing could be told. */
static spk_status make_filters(const struct spk_join_collector *c, struct spk_join_side *side, spk_error *err)
{
	const struct spk_physical *plan = c->j->op->plan;

	if (!plan->filters || side->spilled)
		return SPK_OK;
	side->filter = calloc((size_t)plan->join_keys, sizeof(*side->filter));
	SPK_TRY_PTR(side->filter, err);
	side->filters = plan->join_keys;
	for (int k = 0; k < plan->join_keys; k++)
		if (plan->filters[k])
			SPK_TRY(spk_key_filter_new(&side->filter[k], side->table, k, account(c), err));
	return SPK_OK;
}

static spk_status new_side(struct spk_join_collector *c, struct spk_join_side **out, spk_error *err)
{
	struct spk_join_side *side = calloc(1, sizeof *side);
	spk_status status;

	SPK_TRY_PTR(side, err);
	atomic_init(&side->refs, 1);
	status = make_side(c, side, err);
	if (status == SPK_OK)
		status = make_filters(c, side, err);
	if (status != SPK_OK) {
		spk_join_side_unref(side);
		return status;
	}
	*out = side;
	return SPK_OK;
}

spk_status spk_join_collector_end(struct spk_join_collector *c, struct spk_join_side **out, spk_error *err)
{
	struct spk_shared *shared = shared_of(c);
	spk_status status = SPK_OK;

	if (!shared) {
		status = new_side(c, out, err);
		drop_batches(c);
		return status;
	}
	/* The first task that gets here makes the side that all use. */
	pthread_mutex_lock(&shared->lock);
	if (!shared->value) {
		struct spk_join_side *made = NULL;

		status = new_side(c, &made, err);
		shared->value = made;
		shared->release = spk_join_side_unref;
	}
	if (shared->value) {
		*out = shared->value;
		atomic_fetch_add(&(*out)->refs, 1);
	}
	pthread_mutex_unlock(&shared->lock);
	spk_join_collector_clear(c);
	return status;
}
