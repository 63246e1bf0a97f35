/*
 * Window functions in the order of event time over all rows before one: running totals and numbers. Instead of the rows a partition has the states of its calls.
 *
 *   input   rows by the hash of the partition, in the order of time from epoch to epoch (HOLD); only added
 *   output  the rows with their calls' values. Append-only
 *   state   keyed: partition -> rows and peer groups so far, the calls' states; grows with the number of keys
 *
 * Peers have one time, so they come in one epoch. RANGE shows each of them the state behind the last.
 */
#include <stdlib.h>

#include "core/base/memory.h"
#include "stream/operator/ordered_input.h"
#include "stream/operator/row_changes.h"
#include "stream/operator/stream_operators.h"

enum { KEYS_AT_ONCE = 256 };

struct totals { int64_t rows, groups; };

struct running_over {
	struct spk_op base;
	struct spk_arena *arena;
	struct spk_state_view *view;
	struct spk_ordered_input in;     /* the epoch */
	struct spk_aggregate_call *call; /* by call of the plan; those that are no aggregates are zeroed */
	struct spk_aggregate_call *own;  /* the aggregates alone, one behind the other */
	int aggregates, state_size;
	char *state;                     /* of the partition at hand */
	struct totals totals;
	struct spk_buffer bytes;         /* scratch: values to write */
};

static struct running_over *self(struct spk_op *op) { return spk_container_of(op, struct running_over, base); }

static spk_status open_calls(struct running_over *r, spk_error *err)
{
	const struct spk_physical *plan = r->base.plan;

	r->own = SPK_NEW_ARRAY(r->arena, struct spk_aggregate_call, plan->calls + 1);
	r->call = SPK_NEW_ARRAY(r->arena, struct spk_aggregate_call, plan->calls + 1);
	SPK_TRY_PTR(r->own && r->call, err);
	for (int c = 0; c < plan->calls; c++)
		if (plan->call[c].function == SPK_WINDOW_FUNCTION_AGGREGATE)
			r->own[r->aggregates++] = plan->call[c].aggregate;
	r->state_size = spk_aggregate_layout(r->own, r->aggregates);
	for (int c = 0, a = 0; c < plan->calls; c++)
		if (plan->call[c].function == SPK_WINDOW_FUNCTION_AGGREGATE)
			r->call[c] = r->own[a++];
	r->state = spk_arena_zalloc(r->arena, (size_t)r->state_size + 16);
	return r->state ? SPK_OK : spk_fail_memory(err);
}

static spk_status running_open(struct spk_op *op, spk_error *err)
{
	struct running_over *r = self(op);
	int first, end;

	SPK_ASSERT(op->pipeline->store && op->plan->state_table, "a stateful operator has a store");
	r->arena = spk_arena_new(op->pipeline->account);
	SPK_TRY_PTR(r->arena, err);
	r->bytes.account = op->pipeline->account;
	SPK_TRY(spk_ordered_input_init(&r->in, op, r->arena, err));
	SPK_TRY(open_calls(r, err));
	spk_shard_range(op->pipeline->partition, op->pipeline->partitions, &first, &end);
	return spk_state_view_open(&r->view, op->pipeline->store, op->plan->state_table, first, end, err);
}

static spk_status running_begin(struct spk_op *op, spk_error *err)
{
	(void)err;
	spk_ordered_input_clear(&self(op)->in);
	return SPK_OK;
}

static spk_status running_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	(void)input;
	return spk_ordered_input_push(&self(op)->in, op, in, err);
}

/* --- rows of a partition, in order --- */

struct rows { struct spk_arena *arena; struct spk_ordered_entry *at; const struct spk_kept_row **kept; size_t count; };

static int compare_rows(const void *a, const void *b) { return spk_ordered_compare(a, b); }

/* Each as often as it is there. */
static spk_status gather(const struct running_over *r, uint32_t key, struct rows *rows, spk_error *err)
{
	const struct spk_delta_rows *d = &r->in.delta;
	size_t n = 0;

	for (uint32_t i = d->first[key]; i; i = d->next[i - 1])
		rows->count += (size_t)SPK_MAX(d->weight[i - 1], 0);
	rows->at = SPK_NEW_ARRAY(rows->arena, struct spk_ordered_entry, rows->count + 1);
	rows->kept = SPK_NEW_ARRAY(rows->arena, const struct spk_kept_row *, rows->count + 1);
	SPK_TRY_PTR(rows->at && rows->kept, err);
	for (uint32_t i = d->first[key]; i; i = d->next[i - 1]) {
		struct spk_ordered_entry row = { 0 };

		SPK_TRY(spk_delta_row_ordered(d, i - 1, rows->arena, &row, err));
		for (int64_t w = d->weight[i - 1]; w > 0; w--)
			rows->at[n++] = row;
	}
	qsort(rows->at, rows->count, sizeof *rows->at, compare_rows);
	for (size_t i = 0; i < rows->count; i++) {
		struct spk_kept_row *row = SPK_NEW(rows->arena, struct spk_kept_row);

		SPK_TRY_PTR(row, err);
		*row = (struct spk_kept_row){ .bytes = rows->at[i].bytes + rows->at[i].order, .size = rows->at[i].size - rows->at[i].order };
		rows->kept[i] = row;
	}
	return SPK_OK;
}

static size_t peers_end(const struct rows *rows, size_t at)
{
	size_t end = at + 1;

	while (end < rows->count && spk_ordered_peers(&rows->at[at], &rows->at[end]))
		end++;
	return end;
}

/* --- values --- */

/* Rows [from, to) of a partition as a batch, with what the calls look at; its groups of peers are whole, unless there is one alone that does not fit a batch. */
struct piece { struct spk_batch *in, *out; size_t from, to; const struct rows *rows; bool sees, shows; };

struct inputs { struct spk_vector *input, filter; };

static spk_status evaluate(const struct running_over *r, const struct piece *p, int c, struct inputs *in, spk_error *err)
{
	const struct spk_aggregate_call *call = &r->call[c];
	struct spk_eval ev = spk_op_eval(&r->base, p->in->arena, NULL);

	in->input = SPK_NEW_ARRAY(p->in->arena, struct spk_vector, call->inputs + 1);
	SPK_TRY_PTR(in->input, err);
	ev.errors = NULL;
	for (int i = 0; i < call->inputs; i++)
		SPK_TRY(spk_expr_eval(call->input[i], p->in, NULL, p->in->rows, &ev, &in->input[i], err));
	return call->filter ? spk_expr_eval(call->filter, p->in, NULL, p->in->rows, &ev, &in->filter, err) : SPK_OK;
}

/* The state sees rows [from, to) of the batch. */
static spk_status see(struct running_over *r, int c, const struct inputs *in, int from, int to, spk_error *err)
{
	const struct spk_aggregate_call *call = &r->call[c];
	const struct spk_reader filter = call->filter ? spk_vector_reader(&in->filter) : (struct spk_reader){ 0 };
	int32_t sel[SPK_BATCH_ROWS];
	char *state[SPK_BATCH_ROWS];
	int n = 0;

	for (int row = from; row < to; row++) {
		const uint32_t slot = call->filter ? spk_reader_slot(&filter, row) : 0;

		if (call->filter && !(spk_reader_valid(&filter, slot) && ((const uint8_t *)filter.data)[slot]))
			continue;
		state[n] = r->state;
		sel[n++] = row;
	}
	return n ? call->step->update(call, state, in->input, sel, n, NULL, err) : SPK_OK;
}

static spk_status show(struct running_over *r, int c, struct piece *p, int from, int to, spk_error *err)
{
	char *state = r->state;

	for (int row = from; row < to; row++)
		SPK_TRY(r->call[c].step->final(&r->call[c], &state, 1, &p->out->column[p->in->columns + c], row, p->out->rows, p->out->arena, err));
	return SPK_OK;
}

static spk_status aggregate(struct running_over *r, int c, struct piece *p, spk_error *err)
{
	const bool by_row = r->base.plan->call[c].frame.mode == SPK_FRAME_ROWS;
	struct inputs in = { 0 };

	SPK_TRY(evaluate(r, p, c, &in, err));
	for (size_t at = p->from, end; at < p->to; at = end) {
		const int from = (int)(at - p->from);
		int to;

		end = SPK_MIN(by_row ? at + 1 : peers_end(p->rows, at), p->to);
		to = (int)(end - p->from);
		if (by_row ? p->shows : p->sees)
			SPK_TRY(see(r, c, &in, from, to, err));
		if (p->shows)
			SPK_TRY(show(r, c, p, from, to, err));
	}
	return SPK_OK;
}

static void number(const struct running_over *r, int c, struct piece *p)
{
	const enum spk_window_function function = r->base.plan->call[c].function;
	int64_t *out = spk_vector_i64(&p->out->column[p->in->columns + c]), rank = 0, groups = r->totals.groups;

	for (size_t i = p->from; i < p->to; i++) {
		const int64_t at = r->totals.rows + (int64_t)(i - p->from) + 1;

		/* A group that has begun in the piece before goes on. */
		if (i == 0 || !spk_ordered_peers(&p->rows->at[i - 1], &p->rows->at[i])) {
			rank = at;
			groups++;
		} else if (i == p->from) {
			size_t first = i;

			while (first > 0 && spk_ordered_peers(&p->rows->at[first - 1], &p->rows->at[i]))
				first--;
			rank = at - (int64_t)(i - first);
		}
		out[i - p->from] = function == SPK_WINDOW_FUNCTION_RANK ? rank : function == SPK_WINDOW_FUNCTION_DENSE_RANK ? groups : at;
	}
}

static spk_status fill(struct running_over *r, struct piece *p, spk_error *err)
{
	const struct spk_physical *plan = r->base.plan;

	memcpy(p->out->column, p->in->column, sizeof *p->in->column * (size_t)p->in->columns);
	for (int c = 0; c < plan->calls; c++) {
		SPK_TRY(spk_vector_init(&p->out->column[p->in->columns + c], plan->call[c].type, p->in->rows, p->out->arena, err));
		if (plan->call[c].function == SPK_WINDOW_FUNCTION_AGGREGATE)
			SPK_TRY(aggregate(r, c, p, err));
		else
			number(r, c, p);
	}
	return p->shows ? spk_op_emit(&r->base, p->out, err) : SPK_OK;
}

static spk_status go_over(struct running_over *r, const struct rows *rows, size_t from, size_t to, bool sees, bool shows, spk_error *err)
{
	const struct spk_op *op = &r->base;
	struct piece p = { .from = from, .to = to, .rows = rows, .sees = sees, .shows = shows };
	spk_status status;

	SPK_TRY(spk_kept_rows_batch(op, op->plan->input[0]->schema, rows->arena, rows->kept + from, (int)(to - from), &p.in, err));
	status = spk_batch_derive(&p.out, p.in, op->plan->schema, err);
	if (status == SPK_OK) {
		status = fill(r, &p, err);
		spk_batch_unref(p.out);
	}
	spk_batch_unref(p.in);
	if (!shows)
		return status;
	for (size_t i = from; i < to; i++)
		r->totals.groups += i == 0 || !spk_ordered_peers(&rows->at[i - 1], &rows->at[i]);
	r->totals.rows += (int64_t)(to - from);
	return status;
}

/* Peers that do not fit a batch are gone over twice: RANGE has to have seen all of them. */
static spk_status go_over_many(struct running_over *r, const struct rows *rows, size_t from, size_t to, spk_error *err)
{
	const size_t most = (size_t)r->base.pipeline->batch_rows;

	for (int shows = 0; shows < 2; shows++)
		for (size_t at = from; at < to; at += most)
			SPK_TRY(go_over(r, rows, at, SPK_MIN(at + most, to), !shows, shows, err));
	return SPK_OK;
}

static spk_status go_over_all(struct running_over *r, const struct rows *rows, spk_error *err)
{
	const size_t most = (size_t)r->base.pipeline->batch_rows;

	for (size_t from = 0, to; from < rows->count; from = to) {
		to = peers_end(rows, from);
		if (to - from > most) {
			SPK_TRY(go_over_many(r, rows, from, to, err));
			continue;
		}
		for (size_t end; to < rows->count && (end = peers_end(rows, to)) - from <= most;)
			to = end;
		SPK_TRY(go_over(r, rows, from, to, true, true, err));
	}
	return SPK_OK;
}

/* --- state --- */

static spk_status read_state(struct running_over *r, const struct spk_state_value *v, spk_error *err)
{
	memset(r->state, 0, (size_t)r->state_size);
	r->totals = (struct totals){ 0 };
	if (!spk_state_found(v))
		return SPK_OK;
	if (v->size < sizeof r->totals)
		return spk_fail(err, SPK_CORRUPT, "the state of window functions has %u bytes, too few", v->size);
	memcpy(&r->totals, v->data, sizeof r->totals);
	return spk_aggregate_row_read(r->own, r->aggregates, r->state, v->data + sizeof r->totals, v->size - sizeof r->totals, err);
}

static spk_status write_state(struct running_over *r, spk_error *err)
{
	SPK_TRY(spk_buffer_append(&r->bytes, &r->totals, sizeof r->totals, err));
	return spk_aggregate_row_write(r->own, r->aggregates, r->state, &r->bytes, err);
}

struct slice {
	int keys;
	struct spk_arena *arena;
	struct spk_row_keys name;
	uint32_t number[KEYS_AT_ONCE], end[KEYS_AT_ONCE];
	uint64_t hash[KEYS_AT_ONCE];
	struct spk_state_value value[KEYS_AT_ONCE];
};

static spk_status read_slice(struct running_over *r, struct slice *s, spk_error *err)
{
	struct spk_view view[KEYS_AT_ONCE];

	for (int i = 0; i < s->keys; i++) {
		uint32_t size;
		const char *key = spk_epoch_key(&r->in.keys, s->number[i], &size);

		view[i] = spk_view(key, size);
		s->hash[i] = spk_epoch_key_hash(&r->in.keys, s->number[i]);
	}
	SPK_TRY(spk_row_keys_views(&s->name, view, s->keys, err));
	return spk_state_get(r->view, &s->name, s->hash, NULL, s->value, err);
}

static spk_status work_off(struct running_over *r, struct slice *s, spk_error *err)
{
	SPK_TRY(read_slice(r, s, err));
	spk_buffer_clear(&r->bytes);
	for (int i = 0; i < s->keys; i++) {
		struct rows rows = { .arena = s->arena };
		spk_status status = read_state(r, &s->value[i], err);

		if (status == SPK_OK)
			status = gather(r, s->number[i], &rows, err);
		if (status == SPK_OK)
			status = go_over_all(r, &rows, err);
		if (status == SPK_OK)
			status = write_state(r, err);
		spk_aggregate_row_release(r->own, r->aggregates, r->state);
		SPK_TRY(status);
		s->end[i] = (uint32_t)r->bytes.size;
	}
	for (int i = 0; i < s->keys; i++)
		s->value[i] = (struct spk_state_value){ r->bytes.data + (i ? s->end[i - 1] : 0), s->end[i] - (i ? s->end[i - 1] : 0) };
	return spk_state_put(r->view, &s->name, s->hash, NULL, s->value, err);
}

static spk_status with_arena(struct running_over *r, struct slice *s, spk_error *err)
{
	spk_status status;

	s->arena = spk_arena_new(r->base.pipeline->account);
	SPK_TRY_PTR(s->arena, err);
	status = work_off(r, s, err);
	spk_row_keys_release(&s->name);
	s->name = (struct spk_row_keys){ 0 };
	spk_arena_unref(s->arena);
	s->keys = 0;
	return status;
}

static spk_status running_finish(struct spk_op *op, spk_error *err)
{
	struct running_over *r = self(op);
	struct spk_arena *work = spk_arena_new(op->pipeline->account);
	struct slice *s = work ? SPK_NEW(work, struct slice) : NULL;
	spk_status status = s ? spk_delta_rows_chain(&r->in.delta, r->in.keys.map.count, work, err) : spk_fail_memory(err);

	for (uint32_t k = 0; k < r->in.keys.map.count && status == SPK_OK; k++) {
		if (!r->in.delta.first[k])
			continue;
		s->number[s->keys++] = k;
		if (s->keys == KEYS_AT_ONCE)
			status = with_arena(r, s, err);
	}
	if (status == SPK_OK && s->keys)
		status = with_arena(r, s, err);
	spk_arena_unref(work);
	spk_ordered_input_clear(&r->in);
	return status;
}

static void running_close(struct spk_op *op)
{
	struct running_over *r = self(op);

	spk_ordered_input_release(&r->in);
	spk_buffer_release(&r->bytes);
	spk_state_view_close(r->view);
	spk_arena_unref(r->arena);
}

const struct spk_op_type spk_op_running_over = {
	.name = "running over",
	.size = sizeof(struct running_over),
	.open = running_open,
	.begin = running_begin,
	.push = running_push,
	.finish = running_finish,
	.close = running_close,
};
