/*
 * Folds rows per task into partial states before the exchange.
 *
 *   input   rows, any weights
 *   output  batches of enum spk_partial_column: a row per group seen in this run, and perhaps rows as they came
 *   state   groups; none beyond the run
 *
 * With hot groups this cuts what crosses the exchange to almost nothing. Where most rows are groups of their own it would only do the final
 * aggregate's work twice: in batch, once the groups are too many for the caches and not much fewer than the rows, those there are are handed
 * on and rows passed from then on. The same when memory is short, but there the groups are begun anew, unless their aggregates fold (groups.h).
 * In a stream rows are not copied by an exchange, so that to pass one costs little more than its hash: folding pays where a group has several rows, which the first
 * rows of an epoch tell, best before they are folded. What comes out of the query is the same in any case.
 */
#include "batch/operator/groups.h"
#include "batch/spill.h"
#include "core/columnar/hash.h"

enum {
	MANY = 16384,                   /* groups: from here on their number is compared with that of the rows, each time it doubles */
	TOO_MANY = 512 * 1024,          /* distinct groups that a task's rows are not much more than */
	STREAM_LOOK = 4096,             /* rows of an epoch that tell whether to fold them, before they are folded where the first batch has so many */
	STREAM_PAYS = 8,                /* rows of a group, so that it pays */
	STREAM_FIRST = 1024,            /* so many of them tell it as well where they have less than STREAM_FIRST_PAYS of a group */
	STREAM_FIRST_PAYS = 2,
};

struct partial {
	struct spk_op base;
	struct spk_arena *arena;
	struct spk_groups groups;
	struct spk_spill_share share;
	int64_t rows;                   /* folded since the groups were begun */
	uint32_t next_look;             /* groups at which to look again whether it pays */
	bool folds, passing, looked;
};

static bool in_batch(const struct spk_op *op) { return !op->pipeline->run->streaming; }

static spk_status partial_open(struct spk_op *op, spk_error *err)
{
	struct partial *p = (struct partial *)op;

	p->arena = spk_arena_new(op->pipeline->account);
	SPK_TRY_PTR(p->arena, err);
	spk_spill_share_init(&p->share, op);
	SPK_TRY(spk_groups_init(&p->groups, op->plan, false, op->pipeline->account, p->arena, err));
	for (int i = 0; i < p->groups.calls; i++)
		p->folds = p->folds || p->groups.call[i].step->folds;
	return SPK_OK;
}

static void begin_groups(struct partial *p)
{
	spk_groups_clear(&p->groups);
	p->rows = 0;
	p->next_look = MANY;
}

static spk_status partial_begin(struct spk_op *op, spk_error *err)
{
	struct partial *p = (struct partial *)op;

	begin_groups(p);
	p->passing = op->plan->passes;
	p->looked = false;
	return in_batch(op) ? spk_spill_share_begin(&p->share, err) : SPK_OK;
}

/* --- a batch's groups --- */

static bool inputs_fail(const struct spk_aggregate_call *call)
{
	for (int i = 0; i < call->inputs; i++)
		if (spk_expr_can_fail(call->input[i]))
			return true;
	return false;
}

/* Finds the rows for which FILTER or an input cannot be computed, into ev->errors. */
static spk_status try_call(const struct spk_aggregate_call *call, const struct spk_batch *in, struct spk_eval *ev, spk_error *err)
{
	const bool fails = inputs_fail(call);
	const int32_t *sel = in->sel;
	struct spk_vector ignored;
	int n = in->selected;
	int32_t *keep;

	if (!fails && !(call->filter && spk_expr_can_fail(call->filter)))
		return SPK_OK;
	if (call->filter) {
		keep = spk_arena_alloc(ev->arena, sizeof *keep * (size_t)n);
		SPK_TRY_PTR(keep, err);
		SPK_TRY(spk_expr_filter(call->filter, in, in->sel, in->selected, ev, keep, &n, err));
		sel = keep;
	}
	for (int i = 0; i < call->inputs && fails && n; i++)
		SPK_TRY(spk_expr_eval(call->input[i], in, sel, n, ev, &ignored, err));
	return SPK_OK;
}

/* Group columns of the rows; rows that fail anywhere are taken out first, so that no group sees half a row. */
static spk_status evaluate_keys(struct spk_op *op, struct spk_batch *in, struct spk_batch *keys, spk_error *err)
{
	struct spk_row_errors errors = { 0 };
	struct spk_eval ev = spk_op_eval(op, keys->arena, &errors);

	for (int i = 0; i < op->plan->expr_count; i++)
		SPK_TRY(spk_expr_eval(op->plan->expr[i], in, in->sel, in->selected, &ev, &keys->column[i], err));
	for (int i = 0; i < op->plan->aggregate_count && op->pipeline->run->streaming; i++)
		SPK_TRY(try_call(&op->plan->aggregate[i], in, &ev, err));
	if (errors.count) {
		int32_t *sel = spk_op_selection(in, keys->arena);
		int n = in->selected;

		SPK_TRY_PTR(sel, err);
		SPK_TRY(spk_op_reject(op, in, &errors, sel, &n, err));
		keys->sel = sel;
		keys->selected = n;
	}
	return SPK_OK;
}

/* --- folding --- */

static spk_status fold(struct partial *p, struct spk_batch *in, struct spk_batch *keys, const uint64_t *hash, spk_error *err)
{
	struct spk_op *op = &p->base;
	struct spk_row_errors errors = { 0 };
	struct spk_eval ev = spk_op_eval(op, keys->arena, &errors);
	uint32_t number[SPK_BATCH_ROWS];

	SPK_TRY(spk_groups_find(&p->groups, keys, hash, number, err));
	if (op->pipeline->run->streaming)
		spk_groups_count_rows(&p->groups, keys, number);
	SPK_TRY(spk_groups_update(&p->groups, p->groups.call, &(struct spk_group_rows){ in, keys->sel, keys->selected, number }, &ev, err));
	for (int i = 0; i < errors.count; i++)
		SPK_TRY(spk_op_dead_letter(op, in, errors.list[i].row, errors.list[i].code, false, 0, errors.list[i].message, err));
	p->rows += keys->selected;
	return SPK_OK;
}

/* Hands on all groups. */
static spk_status emit_groups(struct partial *p, spk_error *err)
{
	const uint32_t count = spk_groups_count(&p->groups), piece = (uint32_t)spk_groups_piece(&p->groups);
	struct spk_op *op = &p->base;

	for (uint32_t from = 0; from < count; from += piece) {
		struct spk_batch *out;
		spk_status status;

		SPK_TRY(spk_groups_partial(&p->groups, from, (int)SPK_MIN(count - from, piece), op->pipeline->task + 1, op->pipeline->account, &out, err));
		status = spk_op_emit(op, out, err);
		spk_batch_unref(out);
		SPK_TRY(status);
	}
	begin_groups(p);
	return SPK_OK;
}

/* Because memory is short. */
static spk_status hand_on(void *user, spk_error *err)
{
	struct partial *p = user;

	p->passing = p->passing || p->folds;
	SPK_TRY(emit_groups(p, err));
	spk_groups_start_small(&p->groups);
	return SPK_OK;
}

/*
 * Whether there are so many groups that the rows had better go on as they are. Of D groups that come in no order n rows show g, where
 * n / g is about 1 + g / 2D while g is small: so few repetitions say that D is TOO_MANY. Groups that come in runs repeat more.
 */
static bool pays(struct partial *p)
{
	const int64_t groups = spk_groups_count(&p->groups);

	if (!in_batch(&p->base)) {
		if (p->looked || p->rows < STREAM_LOOK || !p->base.plan->pass_count)
			return true;
		p->looked = true;
		return groups * STREAM_PAYS <= p->rows;
	}
	if (groups < p->next_look)
		return true;
	p->next_look = 2 * (uint32_t)groups;
	return (p->rows - groups) * 2 * TOO_MANY >= groups * groups;
}

/* How many different ones there are. */
static int count_different(const uint64_t *hash, int n)
{
	enum { SLOTS = 4 * SPK_BATCH_ROWS };
	uint64_t slot[SLOTS] = { 0 };
	int different = 0;

	for (int i = 0; i < n; i++) {
		const uint64_t h = hash[i] | 1;
		uint32_t at = (uint32_t)(h >> 32) % SLOTS;

		while (slot[at] && slot[at] != h)
			at = (at + 1) % SLOTS;
		different += !slot[at];
		slot[at] = h;
	}
	return different;
}

/* Of the first batch of a stream's epoch; *hashed becomes true: hash[] has the groups' hashes of its rows. */
static bool may_pay(const struct partial *p, const struct spk_batch *keys, uint64_t *hash, bool *hashed)
{
	if (in_batch(&p->base) || p->rows || !p->base.plan->pass_count || keys->selected < STREAM_FIRST)
		return true;
	spk_groups_hash_keys(&p->groups, keys, hash);
	*hashed = true;
	return count_different(hash, keys->selected) * (keys->selected < STREAM_LOOK ? STREAM_FIRST_PAYS : STREAM_PAYS) <= keys->selected;
}

/* --- passing --- */

/* Those of the rows where the filter, which is evaluated, is true. */
static spk_status rows_that_pass(const struct spk_vector *filter, const struct spk_batch *in, struct spk_arena *arena, int32_t **sel, int *n, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(filter);

	*n = 0;
	*sel = spk_arena_alloc(arena, sizeof **sel * (size_t)SPK_MAX(in->selected, 1));
	SPK_TRY_PTR(*sel, err);
	SPK_EACH_ROW(in, i, row) {
		const uint32_t slot = spk_reader_slot(&r, row);

		if (spk_reader_valid(&r, slot) && ((const uint8_t *)r.data)[slot])
			(*sel)[(*n)++] = row;
	}
	return SPK_OK;
}

/* keys: the group columns, which are passed first, where they have been evaluated; or NULL. */
static spk_status eval_passed(const struct spk_op *op, const struct spk_batch *in, const struct spk_batch *keys, struct spk_batch *out, spk_error *err)
{
	struct spk_eval ev = spk_op_eval(op, out->arena, NULL);
	int first = 0;

	for (; keys && first < keys->columns; first++)
		out->column[SPK_PARTIAL_COLUMNS + first] = keys->column[first];
	for (int i = first; i < op->plan->pass_count; i++) {
		const struct spk_pass *pass = &op->plan->pass[i];
		struct spk_vector *v = &out->column[SPK_PARTIAL_COLUMNS + i];
		int32_t *sel = (int32_t *)(uintptr_t)in->sel;
		int n = in->selected;

		if (pass->filter >= 0)
			SPK_TRY(rows_that_pass(&out->column[SPK_PARTIAL_COLUMNS + pass->filter], in, out->arena, &sel, &n, err));
		if (n > 0)
			SPK_TRY(spk_expr_eval(pass->expr, in, sel, n, &ev, v, err));
		else
			SPK_TRY(spk_vector_init_constant(v, pass->expr->type, NULL, out->arena, err));
	}
	return SPK_OK;
}

static spk_status fill_passed(const struct partial *p, const struct spk_batch *in, const struct spk_batch *evaluated, struct spk_batch *out, spk_error *err)
{
	const struct spk_op *op = &p->base;
	const int32_t task = op->pipeline->task + 1;
	struct spk_batch keys = *out;
	uint64_t hash[SPK_BATCH_ROWS];

	SPK_TRY(spk_vector_init(&out->column[SPK_PARTIAL_HASH], spk_type(SPK_TYPE_BIGINT), in->rows, out->arena, err));
	SPK_TRY(spk_vector_init_constant(&out->column[SPK_PARTIAL_STATE], spk_type(SPK_TYPE_BYTEA), NULL, out->arena, err));
	SPK_TRY(spk_vector_init_constant(&out->column[SPK_PARTIAL_TASK], spk_type(SPK_TYPE_INTEGER), &task, out->arena, err));
	SPK_TRY(eval_passed(op, in, evaluated, out, err));
	keys.column = out->column + SPK_PARTIAL_COLUMNS;
	spk_groups_hash_keys(&p->groups, &keys, hash);
	SPK_EACH_ROW(in, i, row)
		spk_vector_i64(&out->column[SPK_PARTIAL_HASH])[row] = (int64_t)hash[i];
	return SPK_OK;
}

static spk_status pass_rows(struct partial *p, const struct spk_batch *in, const struct spk_batch *keys, spk_error *err)
{
	struct spk_batch *out;
	spk_status status;

	SPK_TRY(spk_batch_derive(&out, in, p->base.plan->schema, err));
	status = fill_passed(p, in, keys, out, err);
	if (status == SPK_OK)
		status = spk_op_emit(&p->base, out, err);
	spk_batch_unref(out);
	return status;
}

/* In a stream: those that did not fail. */
static spk_status pass_rest(struct partial *p, const struct spk_batch *in, const struct spk_batch *keys, spk_error *err)
{
	struct spk_batch some = *in;

	some.arena = keys->arena;  /* it holds that of `in`, and has the selection and the keys */
	some.sel = keys->sel;
	some.selected = keys->selected;
	return pass_rows(p, &some, keys, err);
}

/* --- batches --- */

/* Room for the batch's groups, if need be by handing on those there are. */
static spk_status make_room(struct partial *p, const struct spk_batch *keys, spk_error *err)
{
	spk_status status;

	/* Counted twice: groups that are handed on are there once more, in batches that wait in the exchange, before the first is forgotten. */
	if (in_batch(&p->base))
		SPK_TRY(spk_spill_room(&p->share, 2 * spk_groups_bytes(&p->groups), (size_t)keys->selected * p->groups.table.row_size, hand_on, p, err));
	status = spk_groups_room(&p->groups, keys, err);
	if (!in_batch(&p->base) || !spk_spill_refused(&p->share, status, spk_groups_count(&p->groups)))
		return status;
	SPK_TRY(spk_spill_now(&p->share, hand_on, p, err));
	return spk_groups_room(&p->groups, keys, err);
}

static spk_status take(struct partial *p, struct spk_batch *in, struct spk_batch *keys, spk_error *err)
{
	uint64_t hash[SPK_BATCH_ROWS];
	bool hashed = false;

	SPK_TRY(evaluate_keys(&p->base, in, keys, err));
	if (keys->selected == 0)
		return SPK_OK;
	if (!p->passing)
		p->passing = !may_pay(p, keys, hash, &hashed);
	if (p->passing && !in_batch(&p->base))
		return pass_rest(p, in, keys, err);
	SPK_TRY(make_room(p, keys, err));
	if (p->passing)
		return pass_rows(p, in, NULL, err);
	SPK_TRY(fold(p, in, keys, hashed ? hash : NULL, err));
	if (pays(p))
		return SPK_OK;
	p->passing = true;
	return emit_groups(p, err);
}

static spk_status partial_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct partial *p = (struct partial *)op;
	struct spk_batch *keys;
	spk_status status;

	(void)input;
	if (p->passing && in_batch(op))
		return pass_rows(p, in, NULL, err);
	SPK_TRY(spk_batch_derive(&keys, in, p->groups.key_schema, err));
	status = take(p, in, keys, err);
	spk_batch_unref(keys);
	return status;
}

static spk_status partial_finish(struct spk_op *op, spk_error *err)
{
	struct partial *p = (struct partial *)op;

	SPK_TRY(emit_groups(p, err));
	spk_spill_share_end(&p->share);
	return SPK_OK;
}

static void partial_close(struct spk_op *op)
{
	struct partial *p = (struct partial *)op;

	spk_spill_share_release(&p->share);
	spk_groups_release(&p->groups);
	spk_arena_unref(p->arena);
}

const struct spk_op_type spk_op_partial_aggregate = {
	.name = "partial aggregate",
	.size = sizeof(struct partial),
	.open = partial_open,
	.begin = partial_begin,
	.push = partial_push,
	.finish = partial_finish,
	.close = partial_close,
};
