/*
 * ASOF join: every left row with the one right row that is nearest by some value, among those with equal keys.
 *
 *   input   0 the left rows, 1 the right ones, in any order
 *   output  left rows with their partner, or alone (ASOF_LEFT), in the order of the keys and the value
 *   state   two sorters, which spill
 *
 * Both sides are sorted by the keys, then by the value, downwards if the nearest is the next one above. The partner of a left row is then the last right row
 * that is not behind it, if its keys are the same. Of equal ones it is the one whose bytes (plain.h) are the last, so that it does not matter how rows came.
 * Of a changelog (`history`) right rows are versions, of equal ones of which the one with the last number is the newest; it may say that there is no row any more.
 */
#include "batch/operator/sorter.h"
#include "core/columnar/plain.h"

/* One input, in order. */
struct stream {
	struct spk_sorter sorter;
	struct spk_sort_order keys_only;
	struct spk_sort_key *key;        /* the keys, then the value; of versions then their number, behind which every left row is */
	struct spk_batch *batch;         /* at hand, NULL at the end */
	int at;
	struct spk_row_keys full, keys;  /* of its rows: all that it is sorted by, and without the value */
};

struct asof_join {
	struct spk_op base;
	struct spk_arena *arena;
	struct stream side[2];
	/* The last right row that was passed. */
	bool any, gone;
	struct spk_buffer full, keys, row;
	struct spk_buffer other;         /* scratch: the bytes of a row that may take its place */
};

static struct asof_join *self(struct spk_op *op) { return spk_container_of(op, struct asof_join, base); }

static struct spk_expr *number_of(const struct asof_join *j, int side)
{
	const struct spk_physical *plan = j->base.plan;
	const struct spk_value last = { .type = spk_type(SPK_TYPE_BIGINT), .i64 = INT64_MAX };

	return side ? spk_expr_column(j->arena, plan->right->count, &plan->input[1]->schema->field[plan->right->count]) : spk_expr_literal(j->arena, last);
}

static spk_status open_side(struct asof_join *j, int side, spk_error *err)
{
	const struct spk_physical *plan = j->base.plan;
	struct stream *s = &j->side[side];
	const int n = plan->join_keys;

	SPK_TRY_PTR(s->key = SPK_NEW_ARRAY(j->arena, struct spk_sort_key, n + 2), err);
	for (int k = 0; k < n; k++)
		s->key[k].expr = side ? plan->build_key[k] : plan->probe_key[k];
	s->key[n] = (struct spk_sort_key){ .expr = side ? plan->asof.right : plan->asof.left, .descending = !plan->asof.backward };
	if (plan->history)
		SPK_TRY_PTR(s->key[n + 1].expr = number_of(j, side), err);
	s->full.bytes.account = s->keys.bytes.account = j->base.pipeline->account;
	SPK_TRY(spk_sort_order_init(&s->keys_only, s->key, n, j->arena, err));
	return spk_sorter_init(&s->sorter, &j->base, plan->input[side]->schema, s->key, n + 1 + plan->history, err);
}

static spk_status asof_join_open(struct spk_op *op, spk_error *err)
{
	struct asof_join *j = self(op);

	j->full.account = j->keys.account = j->row.account = j->other.account = op->pipeline->account;
	SPK_TRY_PTR(j->arena = spk_arena_new(op->pipeline->account), err);
	for (int s = 0; s < 2; s++)
		SPK_TRY(open_side(j, s, err));
	return SPK_OK;
}

static void forget(struct asof_join *j)
{
	for (int s = 0; s < 2; s++) {
		spk_batch_unref(j->side[s].batch);
		j->side[s].batch = NULL;
		j->side[s].at = 0;
	}
	j->any = j->gone = false;
}

static spk_status asof_join_begin(struct spk_op *op, spk_error *err)
{
	struct asof_join *j = self(op);

	forget(j);
	for (int s = 0; s < 2; s++)
		SPK_TRY(spk_sorter_begin(&j->side[s].sorter, err));
	return SPK_OK;
}

static spk_status asof_join_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	return spk_sorter_push(&self(op)->side[input].sorter, in, err);
}

/* --- rows in order --- */

static spk_status refill(struct asof_join *j, int side, spk_error *err)
{
	struct stream *s = &j->side[side];
	bool fresh;

	SPK_TRY(spk_sorter_refill(&s->sorter, &s->batch, &s->at, &fresh, err));
	if (!fresh)
		return SPK_OK;
	SPK_TRY(spk_sort_order_keys(&s->sorter.order, &j->base, s->batch, &s->full, err));
	return spk_sort_order_keys(&s->keys_only, &j->base, s->batch, &s->keys, err);
}

static struct spk_key_ref key_at(const struct spk_row_keys *keys, int i)
{
	struct spk_key_ref key;

	key.data = spk_row_key(keys, i, &key.size);
	return key;
}

static int compare(struct spk_key_ref a, struct spk_key_ref b) { return spk_key_compare(&a, &b); }
static struct spk_key_ref whole(const struct spk_buffer *b) { return (struct spk_key_ref){ b->data, (uint32_t)b->size }; }

static spk_status replace(struct spk_buffer *b, struct spk_key_ref with, spk_error *err)
{
	spk_buffer_clear(b);
	return spk_buffer_append(b, with.data, with.size, err);
}

/* Whether a value of the row's that the condition compares is NULL, by place in the selection: such a row has no partner. */
static spk_status find_nulls(struct asof_join *j, int side, struct spk_batch *in, bool *lacks, struct spk_arena *arena, spk_error *err)
{
	const struct spk_physical *plan = j->base.plan;
	struct spk_eval ev = spk_op_eval(&j->base, arena, NULL);

	memset(lacks, 0, sizeof *lacks * (size_t)in->selected);
	for (int k = 0; k <= plan->join_keys; k++) {
		struct spk_vector v;
		struct spk_reader r;

		if (k < plan->join_keys && plan->null_safe[k])
			continue;
		SPK_TRY(spk_expr_eval(j->side[side].key[k].expr, in, in->sel, in->selected, &ev, &v, err));
		r = spk_vector_reader(&v);
		SPK_EACH_ROW(in, i, row)
			lacks[i] = lacks[i] || !spk_reader_valid(&r, spk_reader_slot(&r, row));
	}
	return SPK_OK;
}

/* Whether the right row at hand says that its key has none from then on: its number is odd. */
static bool says_gone(const struct asof_join *j, const struct spk_batch *right, int32_t row)
{
	const struct spk_physical *plan = j->base.plan;

	return plan->history && spk_vector_value(&right->column[plan->right->count], row).i64 & 1;
}

/* The right row at hand is the last one that was passed. */
static spk_status pass_right(struct asof_join *j, spk_error *err)
{
	struct stream *s = &j->side[1];
	const struct spk_key_ref full = key_at(&s->full, s->at);
	const int32_t row = spk_batch_row(s->batch, s->at);

	spk_buffer_clear(&j->other);
	for (int c = 0; c < j->base.plan->right->count; c++)
		SPK_TRY(spk_plain_write(&s->batch->column[c], row, &j->other, err));
	if (!j->any || compare(full, whole(&j->full)) != 0 || compare(whole(&j->other), whole(&j->row)) > 0) {
		SPK_TRY(replace(&j->row, whole(&j->other), err));
		SPK_TRY(replace(&j->full, full, err));
		SPK_TRY(replace(&j->keys, key_at(&s->keys, s->at), err));
		j->gone = says_gone(j, s->batch, row);
	}
	j->any = true;
	s->at++;
	return SPK_OK;
}

/* Passes the right rows up to the left one's place. Rows with a NULL lie behind those without one, or have keys of their own. */
static spk_status pass_up_to(struct asof_join *j, struct spk_key_ref left, spk_error *err)
{
	const int behind = j->base.plan->asof.strict ? 0 : 1;

	for (;;) {
		struct stream *s = &j->side[1];

		SPK_TRY(refill(j, 1, err));
		if (!s->batch || compare(key_at(&s->full, s->at), left) >= behind)
			return SPK_OK;
		SPK_TRY(pass_right(j, err));
	}
}

/* --- what comes out --- */

/* The right side's columns: by physical row the partner's bytes, or NULLs. */
static spk_status fill_right(const struct asof_join *j, struct spk_batch *out, const struct spk_key_ref *partner, spk_error *err)
{
	const struct spk_schema *right = j->base.plan->right;
	const int first = j->base.plan->left->count;
	const char **at = spk_arena_alloc(out->arena, sizeof *at * (size_t)SPK_MAX(out->rows, 1));

	SPK_TRY_PTR(at, err);
	for (int i = 0; i < out->rows; i++)
		at[i] = partner[i].data;
	for (int c = 0; c < right->count; c++) {
		struct spk_vector *v = &out->column[first + c];

		SPK_TRY(spk_vector_init(v, right->field[c].type, out->rows, out->arena, err));
		for (int i = 0; i < out->rows; i++)
			if (at[i])
				SPK_TRY(spk_plain_read(&at[i], partner[i].data + partner[i].size, v, i, out->rows, out->arena, err));
			else
				SPK_TRY(spk_vector_set(v, i, out->rows, &(struct spk_value){ .type = v->type, .null = true }, out->arena, err));
	}
	return SPK_OK;
}

/* Partners of the batch's rows, by physical row; which rows come out goes to sel. Rows that follow each other often have the same one. */
static spk_status find_partners(struct asof_join *j, struct spk_batch *in, struct spk_arena *arena, struct spk_key_ref *partner, int32_t *sel, int *n, spk_error *err)
{
	const struct stream *s = &j->side[0];
	struct spk_key_ref last = { 0 };
	bool lacks[SPK_BATCH_ROWS];

	*n = 0;
	SPK_TRY(find_nulls(j, 0, in, lacks, arena, err));
	SPK_EACH_ROW(in, i, row) {
		if (!lacks[i])
			SPK_TRY(pass_up_to(j, key_at(&s->full, i), err));
		if (!lacks[i] && j->any && !j->gone && compare(key_at(&s->keys, i), whole(&j->keys)) == 0) {
			if (!last.data || compare(last, whole(&j->row)) != 0) {
				last = whole(&j->row);
				SPK_TRY_PTR(last.data = spk_arena_copy(arena, last.data ? last.data : "", last.size), err);
			}
			partner[row] = last;
		}
		if (partner[row].data || j->base.plan->join == SPK_JOIN_ASOF_LEFT)
			sel[(*n)++] = row;
	}
	return SPK_OK;
}

static spk_status join_batch(struct asof_join *j, struct spk_batch *in, struct spk_batch *out, spk_error *err)
{
	struct spk_key_ref *partner = spk_arena_alloc(out->arena, sizeof *partner * (size_t)SPK_MAX(in->rows, 1));
	int32_t *sel = spk_arena_alloc(out->arena, sizeof *sel * (size_t)SPK_MAX(in->selected, 1));

	SPK_TRY_PTR(partner && sel, err);
	memset(partner, 0, sizeof *partner * (size_t)in->rows);
	memcpy(out->column, in->column, sizeof *in->column * (size_t)j->base.plan->left->count);
	SPK_TRY(find_partners(j, in, out->arena, partner, sel, &out->selected, err));
	out->sel = sel;
	if (!out->selected)
		return SPK_OK;
	SPK_TRY(fill_right(j, out, partner, err));
	return spk_op_emit(&j->base, out, err);
}

static spk_status asof_join_finish(struct spk_op *op, spk_error *err)
{
	struct asof_join *j = self(op);

	for (int s = 0; s < 2; s++)
		SPK_TRY(spk_sorter_end(&j->side[s].sorter, err));
	for (;;) {
		struct stream *left = &j->side[0];
		struct spk_batch *out;
		spk_status status;

		SPK_TRY(refill(j, 0, err));
		if (!left->batch || op->done)
			break;
		SPK_TRY(spk_batch_derive(&out, left->batch, op->plan->schema, err));
		status = join_batch(j, left->batch, out, err);
		spk_batch_unref(out);
		SPK_TRY(status);
		left->at = left->batch->selected;
	}
	for (int s = 0; s < 2; s++)
		spk_sorter_clear(&j->side[s].sorter);
	forget(j);
	return SPK_OK;
}

static void asof_join_close(struct spk_op *op)
{
	struct asof_join *j = self(op);

	forget(j);
	for (int s = 0; s < 2; s++) {
		spk_sorter_close(&j->side[s].sorter);
		spk_row_keys_release(&j->side[s].full);
		spk_row_keys_release(&j->side[s].keys);
	}
	spk_buffer_release(&j->full);
	spk_buffer_release(&j->keys);
	spk_buffer_release(&j->row);
	spk_buffer_release(&j->other);
	spk_arena_unref(j->arena);
}

const struct spk_op_type spk_op_asof_join = {
	.name = "asof join",
	.size = sizeof(struct asof_join),
	.open = asof_join_open,
	.begin = asof_join_begin,
	.push = asof_join_push,
	.finish = asof_join_finish,
	.close = asof_join_close,
};
