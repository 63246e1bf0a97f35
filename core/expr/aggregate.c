/*
 * Aggregates: the table of all of them, the layout of state rows, state rows as bytes, calls as text. Which aggregate a call means is in
 * aggregate_resolve.c; the aggregates themselves are in aggregate_*.c, one family a file.
 */
#include "core/expr/aggregate_internal.h"

#include <strings.h>

#include "core/base/memory.h"

enum { AGGREGATES_MAX = 192 };

const struct spk_aggregate *spk_aggregate_each(int i)
{
	const struct spk_aggregate_family family[] = {
#define FAMILY(id) spk_##id##_aggregates(),
		SPK_AGGREGATE_FAMILY_LIST(FAMILY)
#undef FAMILY
	};

	for (size_t k = 0; k < SPK_COUNT_OF(family); k++) {
		if (i < family[k].count)
			return &family[k].aggregate[i];
		i -= family[k].count;
	}
	return NULL;
}

const struct spk_aggregate *spk_aggregates(int *count)
{
	static _Thread_local struct spk_aggregate all[AGGREGATES_MAX];
	static _Thread_local int filled;
	const struct spk_aggregate *a;

	for (int i = filled; (a = spk_aggregate_each(i)) != NULL; i++) {
		SPK_ASSERT(filled < AGGREGATES_MAX, "room for every aggregate");
		all[filled++] = *a;
	}
	*count = filled;
	return all;
}

bool spk_aggregate_known(const char *name)
{
	const struct spk_aggregate *a;

	for (int i = 0; (a = spk_aggregate_each(i)) != NULL; i++)
		if (strcasecmp(a->name, name) == 0)
			return true;
	return false;
}

/* --- calls --- */

bool spk_aggregate_same(const struct spk_aggregate_call *a, const struct spk_aggregate_call *b)
{
	if (a->aggregate != b->aggregate || a->distinct != b->distinct || a->inputs != b->inputs || a->args != b->args || a->sorts != b->sorts || !a->filter != !b->filter)
		return false;
	for (int i = 0; i < a->inputs; i++)
		if (!spk_expr_same(a->input[i], b->input[i]) || !spk_expr_deterministic(a->input[i]))
			return false;
	for (int i = 0; i < a->sorts; i++)
		if (a->sort[i].input != b->sort[i].input || a->sort[i].descending != b->sort[i].descending || a->sort[i].nulls_first != b->sort[i].nulls_first)
			return false;
	return !a->filter || (spk_expr_same(a->filter, b->filter) && spk_expr_deterministic(a->filter));
}

static spk_status put_inputs(const struct spk_aggregate_call *c, int from, int to, struct spk_buffer *out, spk_error *err)
{
	for (int i = from; i < to; i++) {
		SPK_TRY(spk_buffer_append_str(out, i > from ? ", " : "", err));
		SPK_TRY(spk_expr_format(c->input[i], out, err));
	}
	return SPK_OK;
}

static spk_status put_order(const struct spk_aggregate_call *c, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_buffer_append_str(out, "ORDER BY ", err));
	for (int i = 0; i < c->ordered; i++) {
		SPK_TRY(spk_buffer_append_str(out, i ? ", " : "", err));
		SPK_TRY(spk_expr_format(c->input[c->sort[i].input], out, err));
		SPK_TRY(spk_buffer_append_str(out, c->sort[i].descending ? " DESC" : "", err));
		if (c->sort[i].nulls_first != c->sort[i].descending)
			SPK_TRY(spk_buffer_append_str(out, c->sort[i].nulls_first ? " NULLS FIRST" : " NULLS LAST", err));
	}
	return SPK_OK;
}

spk_status spk_aggregate_format(const struct spk_aggregate_call *c, struct spk_buffer *out, spk_error *err)
{
	bool set = c->aggregate->kind != SPK_AGGREGATE_PLAIN;

	SPK_TRY(spk_buffer_printf(out, err, "%s(%s", c->aggregate->name, c->distinct ? "DISTINCT " : ""));
	if (!c->args && !set)
		SPK_TRY(spk_buffer_append_str(out, "*", err));
	SPK_TRY(put_inputs(c, 0, set ? c->args - c->sorts : c->args, out, err));
	if (c->ordered) {
		SPK_TRY(spk_buffer_append_str(out, set ? ") WITHIN GROUP (" : " ", err));
		SPK_TRY(put_order(c, out, err));
	}
	return spk_buffer_append_str(out, ")", err);
}

bool spk_aggregate_nullable(const struct spk_aggregate_call *call)
{
	return !call->aggregate->never_null;
}

/* --- state rows --- */

/* Whether b's state is kept by the functions that keep a's, over the same rows. */
static bool keep_alike(const struct spk_aggregate_call *a, const struct spk_aggregate_call *b)
{
	const struct spk_aggregate *x = a->step, *y = b->step;
	struct spk_aggregate_call twin = *b;

	/* What is done with the rows at the end makes no difference, but types do to some. */
	if (x->update != y->update || x->merge != y->merge || x->write != y->write || x->read != y->read || x->largest != y->largest || x->folds != y->folds || x->user != y->user)
		return false;
	if (a->aggregate->kind != b->aggregate->kind || (x->folds && a->type.id != b->type.id))
		return false;
	twin.aggregate = a->aggregate;
	return spk_aggregate_same(a, &twin);
}

static int round_up(int at, int align) { return (at + align - 1) / align * align; }

/* What a type of this size may ask for, 16 at the most. */
static int alignment_of(int size) { return size ? SPK_MIN(size & -size, 16) : 1; }

static int lay_out(struct spk_aggregate_call *calls, int count, bool share)
{
	struct spk_memory_account *account = spk_memory_account("aggregates");
	int size = 0;

	for (int i = 0; i < count; i++) {
		int first = 0;

		calls[i].account = account;
		while (share && first < i && !keep_alike(&calls[first], &calls[i]))
			first++;
		calls[i].shared = share && first < i;
		calls[i].offset = calls[i].shared ? calls[first].offset : round_up(size, alignment_of(calls[i].step->state_size));
		size = SPK_MAX(size, calls[i].offset + calls[i].step->state_size);
	}
	return round_up(size, 16);
}

int spk_aggregate_layout(struct spk_aggregate_call *calls, int count) { return lay_out(calls, count, false); }
int spk_aggregate_layout_shared(struct spk_aggregate_call *calls, int count) { return lay_out(calls, count, true); }

/* From calls[i] on those whose states are plain bytes, with what lies between them, which is never written to: returns the first behind them; *size: of all. */
static int plain_run(const struct spk_aggregate_call *calls, int count, int i, size_t *size)
{
	const int from = calls[i].offset;
	int end = from;

	for (; i < count && (calls[i].shared || !calls[i].step->write); i++)
		if (!calls[i].shared)
			end = calls[i].offset + calls[i].step->state_size;
	*size = (size_t)(end - from);
	return i;
}

spk_status spk_aggregate_row_write(const struct spk_aggregate_call *calls, int count, const char *row, struct spk_buffer *out, spk_error *err)
{
	for (int i = 0; i < count;) {
		const struct spk_aggregate_call *c = &calls[i];
		size_t size;

		if (c->shared) {
			i++;
		} else if (c->step->write) {
			SPK_TRY(c->step->write(c, row + c->offset, out, err));
			i++;
		} else {
			i = plain_run(calls, count, i, &size);
			SPK_TRY(spk_buffer_append(out, row + c->offset, size, err));
		}
	}
	return SPK_OK;
}

spk_status spk_aggregate_cut_off(const struct spk_aggregate_call *call, spk_error *err)
{
	return spk_fail(err, SPK_CORRUPT, "aggregate state of %s is cut off", call->aggregate->name);
}

spk_status spk_aggregate_row_read(const struct spk_aggregate_call *calls, int count, char *row, const char *data, size_t size, spk_error *err)
{
	const char *from = data, *end = data + size;

	for (int i = 0; i < count;) {
		const struct spk_aggregate_call *c = &calls[i];
		size_t plain;

		if (c->shared) {
			i++;
		} else if (c->step->write) {
			SPK_TRY(c->step->read(c, row + c->offset, &from, end, err));
			i++;
		} else {
			i = plain_run(calls, count, i, &plain);
			if ((size_t)(end - from) < plain)
				return spk_aggregate_cut_off(c, err);
			memcpy(row + c->offset, from, plain);
			from += plain;
		}
	}
	return from == end ? SPK_OK : spk_fail(err, SPK_CORRUPT, "aggregate states have %td bytes too many", end - from);
}

void spk_aggregate_row_release(const struct spk_aggregate_call *calls, int count, char *row)
{
	for (int i = 0; i < count; i++)
		if (calls[i].step->release && !calls[i].shared)
			calls[i].step->release(&calls[i], row + calls[i].offset);
}
