/*
 * Aggregates that no query names: what a stream's plan puts together others of (planner/physical/aggregate_branches.c). Whether there is a row; and the one value
 * that a branch has found for a group, which it may take back.
 */
#include "core/columnar/plain.h"
#include "core/expr/aggregate_held.h"

/* --- whether there is a row --- */

struct rows { int64_t n; };

SPK_AGGREGATE_UPDATE(update_rows)
{
	(void)input, (void)err;
	for (int i = 0; i < n; i++)
		SPK_STATE(rows, state, i)->n += weight ? weight[sel ? sel[i] : i] : 1;
	return SPK_OK;
}

SPK_AGGREGATE_MERGE(merge_rows)
{
	(void)err;
	for (int i = 0; i < n; i++)
		SPK_STATE(rows, into, i)->n += SPK_STATE(rows, from, i)->n;
	return SPK_OK;
}

SPK_AGGREGATE_FINAL(final_whether)
{
	(void)rows, (void)arena, (void)err;
	for (int i = 0; i < n; i++)
		spk_vector_bool(out)[at + i] = SPK_STATE(rows, state, i)->n > 0;
	return SPK_OK;
}

/* --- one value --- */

/* Of what there was before: nothing, or that it is another, or none. */
enum said { SAID_NOTHING, SAID_VALUE, SAID_GONE };
struct one { struct spk_held value; int64_t said; };

/* One that is taken back is no more, unless another has come: in which order they are seen does not matter. */
static spk_status see(const struct spk_aggregate_call *call, struct one *s, const struct spk_buffer *value, bool comes, spk_error *err)
{
	if (comes) {
		s->said = SAID_VALUE;
		return spk_held_set(call, &s->value, value->data, value->size, err);
	}
	if (s->said == SAID_VALUE && spk_held_compare(&s->value, value->data, value->size) != 0)
		return SPK_OK;
	s->said = SAID_GONE;
	return SPK_OK;
}

SPK_AGGREGATE_UPDATE(update_one)
{
	struct spk_buffer value = { .account = call->account };
	spk_status status = SPK_OK;

	for (int i = 0; i < n && status == SPK_OK; i++) {
		const int row = sel ? sel[i] : i;

		spk_buffer_clear(&value);
		status = spk_plain_write(input, row, &value, err);
		if (status == SPK_OK)
			status = see(call, SPK_STATE(one, state, i), &value, !weight || weight[row] > 0, err);
	}
	spk_buffer_release(&value);
	return status;
}

SPK_AGGREGATE_MERGE(merge_one)
{
	for (int i = 0; i < n; i++) {
		struct one *a = SPK_STATE(one, into, i);
		const struct one *b = SPK_STATE(one, from, i);

		if (b->said != SAID_NOTHING)
			a->said = b->said;
		if (b->said == SAID_VALUE)
			SPK_TRY(spk_held_copy(call, &a->value, &b->value, err));
	}
	return SPK_OK;
}

SPK_AGGREGATE_FINAL(final_one)
{
	for (int i = 0; i < n; i++) {
		const struct one *s = SPK_STATE(one, state, i);
		const char null[1] = { 0 }, *from = null;
		size_t size = 1;

		if (s->said == SAID_VALUE) {
			size = spk_held_size(&s->value);
			/* Texts of the result point into the bytes. */
			from = spk_arena_copy(arena, spk_held_data(&s->value), size);
			SPK_TRY_PTR(from, err);
		}
		SPK_TRY(spk_plain_read(&from, from + size, out, at + i, rows, arena, err));
	}
	return SPK_OK;
}

SPK_AGGREGATE_WRITE(write_one)
{
	const struct one *s = (const struct one *)(const void *)state;

	(void)call;
	SPK_TRY(spk_buffer_append(out, &s->said, sizeof s->said, err));
	return s->said == SAID_VALUE ? spk_held_write(&s->value, out, err) : SPK_OK;
}

SPK_AGGREGATE_READ(read_one)
{
	struct one *s = (struct one *)(void *)state;

	if ((size_t)(end - *from) < sizeof s->said)
		return spk_aggregate_cut_off(call, err);
	memcpy(&s->said, *from, sizeof s->said);
	*from += sizeof s->said;
	return s->said == SAID_VALUE ? spk_held_read(call, &s->value, from, end, err) : SPK_OK;
}

static void release_one(const struct spk_aggregate_call *call, char *state)
{
	spk_held_release(call, &((struct one *)(void *)state)->value);
}

/* --- making the calls --- */

void spk_aggregate_whether(struct spk_expr *filter, struct spk_aggregate_call *out)
{
	static const struct spk_aggregate whether = { .name = "whether", .result_of = spk_type_boolean, .state_size = (int)sizeof(struct rows), .retract = true, .never_null = true,
		.unordered = true, .update = update_rows, .merge = merge_rows, .final = final_whether };

	*out = (struct spk_aggregate_call){ .aggregate = &whether, .step = &whether, .filter = filter, .type = spk_type(SPK_TYPE_BOOLEAN), .name = whether.name };
}

spk_status spk_aggregate_of_one(struct spk_arena *arena, const struct spk_aggregate_call *call, struct spk_expr *value, struct spk_aggregate_call *out, spk_error *err)
{
	static const struct spk_aggregate one = { .name = "one", .state_size = (int)sizeof(struct one), .retract = true, .unordered = true, .update = update_one, .merge = merge_one,
		.final = final_one, .write = write_one, .read = read_one, .release = release_one };

	*out = *call;
	out->step = &one;
	out->filter = NULL;
	out->args = out->inputs = 1;
	out->sorts = out->ordered = 0;
	out->input = spk_arena_copy(arena, &value, sizeof value);
	return out->input ? SPK_OK : spk_fail_memory(err);
}
