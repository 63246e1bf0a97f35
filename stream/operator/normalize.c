/*
 * The messages of a changelog as rows that come and go.
 *
 *   input   changes by the hash of the table's key (planner/logical/changes.h), those of a source partition in their order; or, without a key, rows
 *           with weights by the hash of all columns
 *   output  of every key whose row changes the row that was, -1, and the row that is, +1. In a batch: the rows that are left. With `history`, in both, every row that a
 *           key had, and that it had none any more, each with a number (normalize_history.c)
 *   state   the last row by key (key_image.h), and how far each source partition was read, by shard. One bucket, which a TRUNCATE takes whole
 *
 * An epoch's changes are collected, applied in their order to what is known of their keys, and each key is written once. What came before (a connector
 * that starts again repeats its last messages) is told by the change's time and dropped. A hole is filled from the row before it, also when
 * that has another key.
 *
 * A batch has no job's store. What grows beyond memory goes into a store of its own, in the query's spill space.
 */
#include "stream/operator/normalize.h"

#include "batch/spill.h"
#include "core/base/spillfile.h"

/* Batch: so much is collected before it goes into the store, at least, and of memory.limit. */
enum { PENDING_LEAST = 8 << 20, PENDING_SHARE = 16 };

static struct spk_normalize *self(struct spk_op *op) { return spk_container_of(op, struct spk_normalize, base); }

/* --- open --- */

static spk_status open_columns(struct spk_normalize *n, spk_error *err)
{
	const struct spk_physical *plan = n->base.plan;
	const struct spk_schema *in = plan->input[0]->schema;

	n->key_column = SPK_NEW_ARRAY(n->arena, struct spk_key_column, plan->key_count + 1);
	n->other_column = SPK_NEW_ARRAY(n->arena, struct spk_key_column, plan->key_count + 1);
	n->other_key = SPK_NEW_ARRAY(n->arena, int, plan->key_count + 1);
	SPK_TRY_PTR(n->key_column && n->other_column && n->other_key, err);
	for (int k = 0; k < plan->key_count; k++) {
		n->key_column[k] = (struct spk_key_column){ .column = plan->key[k], .type = in->field[plan->key[k]].type };
		n->other_key[k] = plan->other_key + k;
		n->other_column[k] = (struct spk_key_column){ .column = n->other_key[k], .type = n->key_column[k].type };
	}
	n->columns = plan->schema->count - plan->history;
	n->row = (struct spk_schema){ .field = plan->schema->field, .count = n->columns };
	return SPK_OK;
}

static spk_status normalize_open(struct spk_op *op, spk_error *err)
{
	struct spk_normalize *n = self(op);
	struct spk_memory_account *account = op->pipeline->account;

	n->arena = spk_arena_new(account);
	SPK_TRY_PTR(n->arena, err);
	SPK_TRY(open_columns(n, err));
	n->keys.account = n->marks.account = n->changes.account = n->batches.account = n->encoded.bytes.account = n->scratch.account = account;
	n->out = (struct spk_row_changes){ .op = op };
	n->end_shard = SPK_SHARDS;
	if (!spk_normalize_streams(n))
		return SPK_OK;
	SPK_ASSERT(op->pipeline->store && op->plan->state_table, "a stateful operator has a store");
	spk_shard_range(op->pipeline->partition, op->pipeline->partitions, &n->first_shard, &n->end_shard);
	return spk_state_view_open(&n->view, op->pipeline->store, op->plan->state_table, n->first_shard, n->end_shard, err);
}

/* What was collected. */
static void forget(struct spk_normalize *n)
{
	for (uint32_t i = 0; i < n->batches.size / sizeof(struct spk_batch *); i++)
		spk_batch_unref(spk_normalize_batch(n, i));
	spk_buffer_clear(&n->batches);
	spk_buffer_clear(&n->changes);
	spk_keymap_clear(&n->keys);
	spk_keymap_clear(&n->marks);
	spk_arena_unref(n->collected);
	n->collected = NULL;
	n->bytes = 0;
	n->out.count = 0;
}

static void close_own_store(struct spk_normalize *n)
{
	if (!n->store)
		return;
	spk_state_view_close(n->view);
	spk_store_close(n->store);
	n->view = NULL;
	n->store = NULL;
}

static spk_status normalize_begin(struct spk_op *op, spk_error *err)
{
	struct spk_normalize *n = self(op);

	forget(n);
	close_own_store(n);
	n->versions = 0;
	n->collected = spk_arena_new(op->pipeline->account);
	SPK_TRY_PTR(n->collected, err);
	return SPK_OK;
}

static void normalize_close(struct spk_op *op)
{
	struct spk_normalize *n = self(op);

	forget(n);
	close_own_store(n);
	spk_state_view_close(n->view);
	spk_buffer_release(&n->batches);
	spk_buffer_release(&n->changes);
	spk_buffer_release(&n->scratch);
	spk_keymap_release(&n->keys);
	spk_keymap_release(&n->marks);
	spk_row_keys_release(&n->encoded);
	spk_row_changes_release(&n->out);
	spk_arena_unref(n->arena);
}

/* --- collecting --- */

static bool read_bigint(const struct spk_batch *in, int column, int32_t row, int64_t *out)
{
	struct spk_reader r = spk_vector_reader(&in->column[column]);
	uint32_t slot = spk_reader_slot(&r, row);

	if (!spk_reader_valid(&r, slot))
		return false;
	*out = ((const int64_t *)r.data)[slot];
	return true;
}

/* What the columns of the change say. */
static spk_status read_change(struct spk_normalize *n, const struct spk_batch *in, int32_t row, struct spk_change *out, spk_error *err)
{
	const int first = n->columns;
	struct spk_reader op = spk_vector_reader(&in->column[first + SPK_CHANGE_OP]), holes = spk_vector_reader(&in->column[first + SPK_CHANGE_HOLES]);
	uint32_t slot = spk_reader_slot(&holes, row);

	out->op = (enum spk_change_op)((const int16_t *)op.data)[spk_reader_slot(&op, row)];
	out->at.known = read_bigint(in, first + SPK_CHANGE_COMMIT, row, &out->at.commit) && read_bigint(in, first + SPK_CHANGE_OWN, row, &out->at.own);
	read_bigint(in, first + SPK_CHANGE_PARTITION, row, &out->partition);
	if (spk_reader_valid(&holes, slot)) {
		const struct spk_view *view = (const struct spk_view *)holes.data + slot;

		SPK_TRY(spk_bytes_copy(spk_view_data(view), view->length, n->collected, &out->holes, err));
	}
	return SPK_OK;
}

/* Numbers the move of a row that came from or went to another key. */
static spk_status note_move(struct spk_normalize *n, struct spk_change *c, const char *other, uint32_t other_size, spk_error *err)
{
	uint32_t size;
	const char *own = spk_keymap_key(&n->keys, c->key, &size);

	if (size == other_size && memcmp(own, other, size) == 0)
		return SPK_OK;
	spk_buffer_clear(&n->scratch);
	SPK_TRY(spk_move_key(c->op == SPK_CHANGE_DELETE ? own : other, c->op == SPK_CHANGE_DELETE ? size : other_size, &c->at, &n->scratch, err));
	return spk_keymap_put_one(&n->keys, n->scratch.data, (uint32_t)n->scratch.size, spk_hash_bytes(n->scratch.data, n->scratch.size), &c->move, err);
}

/* For the changes from `first` on, which are the batch's. */
static spk_status find_moves(struct spk_normalize *n, const struct spk_batch *in, size_t first, spk_error *err)
{
	struct spk_reader r = spk_vector_reader(&in->column[n->other_key[0]]);
	bool any = false;

	SPK_EACH_ROW(in, i, row)
		any = any || spk_reader_valid(&r, spk_reader_slot(&r, row));
	if (!any)
		return SPK_OK;
	SPK_TRY(spk_row_keys_encode(&n->encoded, in, n->other_column, n->base.plan->key_count, false, err));
	SPK_EACH_ROW(in, i, row) {
		uint32_t size;
		const char *key = spk_row_key(&n->encoded, i, &size);

		if (spk_reader_valid(&r, spk_reader_slot(&r, row)))
			SPK_TRY(note_move(n, spk_normalize_change(n, first + (size_t)i), key, size, err));
	}
	return SPK_OK;
}

/* By partition and shard; `kind` says of what. */
spk_status spk_normalize_put_mark(struct spk_normalize *n, uint8_t kind, int shard, int64_t partition, uint32_t *number, spk_error *err)
{
	const uint64_t low = ~(uint64_t)0 >> 6;
	char key[SPK_MARK_BYTES] = { (char)kind, (char)shard };

	memcpy(key + 2, &partition, sizeof partition);
	return spk_keymap_put_one(&n->marks, key, sizeof key, (uint64_t)shard << 58 | (spk_hash_bytes(key, sizeof key) & low), number, err);
}

/* Of a TRUNCATE every shard has to know. */
static spk_status put_marks(struct spk_normalize *n, struct spk_change *c, spk_error *err)
{
	uint32_t number;

	c->mark = SPK_NO_KEY;
	if (!c->at.known)
		return SPK_OK;
	if (c->op != SPK_CHANGE_TRUNCATE) {
		SPK_TRY(spk_normalize_put_mark(n, SPK_MARK_TRUNCATED, spk_normalize_shard(n->keys.hash[c->key]), 0, &number, err));
		return spk_normalize_put_mark(n, SPK_MARK_READ, spk_normalize_shard(n->keys.hash[c->key]), c->partition, &c->mark, err);
	}
	for (int shard = n->first_shard; shard < n->end_shard; shard++) {
		SPK_TRY(spk_normalize_put_mark(n, SPK_MARK_TRUNCATED, shard, 0, &number, err));
		SPK_TRY(spk_normalize_put_mark(n, SPK_MARK_READ, shard, c->partition, &number, err));
	}
	return SPK_OK;
}

/* The numbers of the rows' keys. A TRUNCATE has none: it is told to tasks that do not have the shard of its NULLs. */
static spk_status number_keys(struct spk_normalize *n, const struct spk_batch *in, uint32_t *number, spk_error *err)
{
	const struct spk_physical *plan = n->base.plan;
	uint64_t hash[SPK_BATCH_ROWS] = { 0 };
	struct spk_reader op = { 0 };
	bool truncates = false;

	if (plan->key_count)
		spk_hash_columns(in, plan->key, plan->key_count, hash);
	SPK_TRY(spk_row_keys_encode(&n->encoded, in, n->key_column, plan->key_count, false, err));
	if (!plan->exact) {
		op = spk_vector_reader(&in->column[n->columns + SPK_CHANGE_OP]);
		SPK_EACH_ROW(in, i, row)
			truncates = truncates || ((const int16_t *)op.data)[spk_reader_slot(&op, row)] == SPK_CHANGE_TRUNCATE;
	}
	if (!truncates)
		return spk_keymap_put(&n->keys, &n->encoded, hash, number, err);
	SPK_EACH_ROW(in, i, row) {
		uint32_t size;
		const char *key = spk_row_key(&n->encoded, i, &size);

		number[i] = SPK_NO_KEY;
		if (((const int16_t *)op.data)[spk_reader_slot(&op, row)] != SPK_CHANGE_TRUNCATE)
			SPK_TRY(spk_keymap_put_one(&n->keys, key, size, hash[i], &number[i], err));
	}
	return SPK_OK;
}

static spk_status collect(struct spk_normalize *n, struct spk_batch *in, spk_error *err)
{
	const struct spk_physical *plan = n->base.plan;
	const size_t first = spk_normalize_changes(n);
	uint32_t number[SPK_BATCH_ROWS];

	SPK_TRY(number_keys(n, in, number, err));
	SPK_TRY(spk_buffer_append(&n->batches, &in, sizeof in, err));
	spk_batch_ref(in);
	SPK_EACH_ROW(in, i, row) {
		struct spk_change c = { .key = number[i], .move = SPK_NO_KEY, .mark = SPK_NO_KEY, .batch = (uint32_t)(n->batches.size / sizeof in) - 1, .row = row, .weight = spk_batch_weight(in, row) };

		if (!plan->exact)
			SPK_TRY(read_change(n, in, row, &c, err));
		SPK_TRY(put_marks(n, &c, err));
		SPK_TRY(spk_buffer_append(&n->changes, &c, sizeof c, err));
	}
	n->bytes += spk_arena_bytes(in->arena);
	return plan->exact ? SPK_OK : find_moves(n, in, first, err);
}

/* --- what comes out --- */

spk_status spk_normalize_emit_row(struct spk_normalize *n, const struct spk_bytes *row, int64_t weight, spk_error *err)
{
	struct spk_kept_row *kept;

	if (!row)
		return SPK_OK;
	kept = SPK_NEW(n->work, struct spk_kept_row);
	SPK_TRY_PTR(kept, err);
	kept->bytes = row->data;
	kept->size = row->size;
	n->out.arena = n->work;
	return spk_row_changes_add(&n->out, (struct spk_row_change){ .left = kept, .weight = weight }, err);
}

/* Batch: what is left of a key. */
static spk_status emit_left(struct spk_normalize *n, const struct spk_key_image *i, spk_error *err)
{
	if (!n->base.plan->exact)
		return spk_normalize_emit_row(n, spk_key_image_shown(i), 1, err);
	if (i->count < 0) {
		spk_fail(err, SPK_DATA, "a row of the changelog is taken back more often than it came");
		return spk_hint(err, "Without a PRIMARY KEY every row must be there from its insertion on, once, with the whole row before every change (REPLICA IDENTITY FULL): give the table its PRIMARY KEY if it has one.");
	}
	for (int64_t k = 0; k < i->count; k++)
		SPK_TRY(spk_normalize_emit_row(n, &i->row, 1, err));
	return SPK_OK;
}

static bool same_shown(const struct spk_key_image *a, const struct spk_key_image *b)
{
	const struct spk_bytes none = { 0 }, *x = spk_key_image_shown(a), *y = spk_key_image_shown(b);

	return spk_bytes_same(x ? x : &none, y ? y : &none);
}

static spk_status emit_changes(struct spk_normalize *n, bool emits, spk_error *err)
{
	for (uint32_t k = 0; k < n->keys.count; k++) {
		struct spk_key_entry *e = &n->entry[k];

		SPK_TRY(spk_normalize_need_row(n, e, err));
		if (spk_is_move(spk_normalize_key(n, k).data))
			continue;
		if (n->base.plan->exact && e->is.count == 0)
			e->is.row = (struct spk_bytes){ 0 };
		if (!emits || spk_normalize_has_history(n))
			continue;
		if (!spk_normalize_streams(n)) {
			SPK_TRY(emit_left(n, &e->is, err));
		} else if (!same_shown(&e->was, &e->is)) {
			SPK_TRY(spk_normalize_emit_row(n, spk_key_image_shown(&e->was), -1, err));
			SPK_TRY(spk_normalize_emit_row(n, spk_key_image_shown(&e->is), 1, err));
		}
	}
	return SPK_OK;
}

/* The part of the out-of-epoch rows that were handled is handed on. */
spk_status spk_normalize_pass_on(struct spk_normalize *n, spk_error *err)
{
	SPK_TRY(spk_row_changes_emit(&n->out, err));
	spk_arena_unref(n->work);
	n->work = spk_arena_new(n->base.pipeline->account);
	SPK_TRY_PTR(n->work, err);
	return SPK_OK;
}

/* --- an epoch, or as much of a batch as was collected --- */

static spk_status work_off(struct spk_normalize *n, bool emits, spk_error *err)
{
	memset(n->truncation, 0, sizeof n->truncation);
	n->truncate = NULL;
	SPK_TRY(spk_normalize_load(n, err));
	for (size_t i = 0; i < spk_normalize_changes(n); i++)
		SPK_TRY(spk_normalize_apply(n, spk_normalize_change(n, i), err));
	if (n->truncate && n->view)
		SPK_TRY(spk_normalize_truncate(n, err));
	SPK_TRY(emit_changes(n, emits, err));
	SPK_TRY(spk_row_changes_emit(&n->out, err));
	return n->view ? spk_normalize_write(n, n->truncate, err) : SPK_OK;
}

static spk_status work_off_all(struct spk_normalize *n, bool emits, spk_error *err)
{
	spk_status status;

	n->work = spk_arena_new(n->base.pipeline->account);
	SPK_TRY_PTR(n->work, err);
	status = work_off(n, emits, err);
	spk_arena_unref(n->work);
	n->work = NULL;
	forget(n);
	return status;
}

/* --- a batch that does not fit memory --- */

static spk_status open_own_store(struct spk_normalize *n, spk_error *err)
{
	char path[4096];

	SPK_TRY(spk_spill_area_folder(spk_spill_area(n->base.pipeline->spill), path, sizeof path, err));
	SPK_TRY(spk_store_open(&n->store, path, &(struct spk_store_options){ .cache_bytes = PENDING_LEAST, .block_cache_bytes = 1 << 20 }, err));
	SPK_TRY(spk_store_add_table(n->store, "changes", SPK_TABLE_BUCKETED, 1, "", err));
	return spk_state_view_open(&n->view, n->store, "changes", 0, SPK_SHARDS, err);
}

static spk_status make_room(struct spk_normalize *n, spk_error *err)
{
	const size_t most = SPK_MAX(spk_memory_limit() / PENDING_SHARE, (size_t)PENDING_LEAST);

	if (spk_normalize_streams(n) || !n->base.pipeline->spill || n->bytes < most)
		return SPK_OK;
	if (!n->store)
		SPK_TRY(open_own_store(n, err));
	n->base.spilled_bytes += (int64_t)n->bytes;
	SPK_TRY(work_off_all(n, false, err));
	n->collected = spk_arena_new(n->base.pipeline->account);
	SPK_TRY_PTR(n->collected, err);
	return SPK_OK;
}

static spk_status emit_kept(void *user, const char *key, uint32_t key_size, const char *value, uint32_t size, spk_error *err)
{
	struct spk_normalize *n = user;
	struct spk_key_image image = { 0 };

	(void)key_size;
	if (spk_normalize_is_mark(key) || spk_is_move(key))
		return SPK_OK;
	SPK_TRY(spk_key_image_read(value, size, &image, err));
	if (image.row.data)
		SPK_TRY(spk_bytes_copy(image.row.data, image.row.size, n->work, &image.row, err));
	SPK_TRY(emit_left(n, &image, err));
	return spk_arena_bytes(n->work) > SPK_NORMALIZE_CHUNK ? spk_normalize_pass_on(n, err) : SPK_OK;
}

static spk_status emit_store(struct spk_normalize *n, spk_error *err)
{
	spk_status status;

	n->work = spk_arena_new(n->base.pipeline->account);
	SPK_TRY_PTR(n->work, err);
	status = spk_state_take_bucket(n->view, SPK_NORMALIZE_BUCKET, emit_kept, n, err);
	if (status == SPK_OK)
		status = spk_row_changes_emit(&n->out, err);
	spk_arena_unref(n->work);
	n->work = NULL;
	return status;
}

static spk_status normalize_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct spk_normalize *n = self(op);

	(void)input;
	SPK_TRY(collect(n, in, err));
	return make_room(n, err);
}

static spk_status normalize_finish(struct spk_op *op, spk_error *err)
{
	struct spk_normalize *n = self(op);

	SPK_TRY(work_off_all(n, !n->store, err));
	return n->store && !spk_normalize_has_history(n) ? emit_store(n, err) : SPK_OK;
}

const struct spk_op_type spk_op_normalize = {
	.name = "normalize",
	.size = sizeof(struct spk_normalize),
	.open = normalize_open,
	.begin = normalize_begin,
	.push = normalize_push,
	.finish = normalize_finish,
	.close = normalize_close,
};
