/*
 * States as values: a call whose result is its state, and a call that merges such states. With these an aggregation is done in two steps that
 * are aggregations themselves (planner/physical/aggregate_distinct.c).
 */
#include "core/expr/aggregate_internal.h"

#include "core/base/memory.h"

/* --- giving the state --- */

static spk_status one_state(const struct spk_aggregate_call *call, const char *state, struct spk_buffer *bytes, struct spk_view *out, struct spk_arena *arena, spk_error *err)
{
	const char *copy;

	spk_buffer_clear(bytes);
	if (call->step->write)
		SPK_TRY(call->step->write(call, state, bytes, err));
	else
		SPK_TRY(spk_buffer_append(bytes, state, (size_t)call->step->state_size, err));
	if (bytes->size > INT32_MAX)
		return spk_fail(err, SPK_MEMORY_LIMIT, "one group's state of %s takes more than 2 GiB", call->aggregate->name);
	copy = spk_arena_copy(arena, bytes->data, bytes->size);
	SPK_TRY_PTR(copy, err);
	*out = spk_view(copy, (uint32_t)bytes->size);
	return SPK_OK;
}

SPK_AGGREGATE_FINAL(final_state)
{
	struct spk_buffer bytes = { .account = call->account };
	spk_status status = SPK_OK;

	(void)rows;
	for (int i = 0; i < n && status == SPK_OK; i++)
		status = one_state(call, state[i] + call->offset, &bytes, spk_vector_view(out) + at + i, arena, err);
	spk_buffer_release(&bytes);
	return status;
}

/* --- merging states --- */

/* States of the rows, read into `scratch`, one beside the other. */
static spk_status read_states(const struct spk_aggregate_call *call, const struct spk_vector *input, const int32_t *sel, int n, size_t size, char *scratch, char **from, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(input);

	for (int i = 0; i < n; i++) {
		const struct spk_view *v = (const struct spk_view *)r.data + spk_reader_slot(&r, sel ? sel[i] : i);
		const char *data = spk_view_data(v), *end = data + v->length;
		char *to = scratch + (size_t)i * size;

		/* merge adds the call's offset, update does not know of it. */
		from[i] = to - call->offset;
		if (call->step->read)
			SPK_TRY(call->step->read(call, to, &data, end, err));
		else if (v->length == (uint32_t)call->step->state_size)
			memcpy(to, data, v->length);
		else
			return spk_aggregate_cut_off(call, err);
	}
	return SPK_OK;
}

SPK_AGGREGATE_UPDATE(update_states)
{
	const size_t size = ((size_t)call->step->state_size + 15) / 16 * 16, bytes = size * (size_t)n;
	char *scratch = spk_calloc(call->account, bytes), *from[SPK_BATCH_ROWS];
	spk_status status;

	(void)weight;
	SPK_TRY_PTR(scratch, err);
	status = read_states(call, input, sel, n, size, scratch, from, err);
	if (status == SPK_OK)
		status = call->step->merge(call, state, from, n, err);
	for (int i = 0; i < n && call->step->release; i++)
		call->step->release(call, scratch + (size_t)i * size);
	spk_free(call->account, scratch, bytes);
	return status;
}

/* --- making the calls --- */

static spk_status change_step(struct spk_arena *arena, struct spk_aggregate_call *c, struct spk_aggregate **step, spk_error *err)
{
	*step = spk_arena_copy(arena, c->step, sizeof **step);
	SPK_TRY_PTR(*step, err);
	c->step = *step;
	return SPK_OK;
}

spk_status spk_aggregate_giving_state(struct spk_arena *arena, const struct spk_aggregate_call *call, struct spk_aggregate_call *out, spk_error *err)
{
	struct spk_aggregate *step;

	*out = *call;
	SPK_TRY(change_step(arena, out, &step, err));
	step->final = final_state;
	out->type = spk_type(SPK_TYPE_BYTEA);
	return SPK_OK;
}

spk_status spk_aggregate_merging_states(struct spk_arena *arena, const struct spk_aggregate_call *call, struct spk_expr *state, struct spk_aggregate_call *out, spk_error *err)
{
	struct spk_aggregate *step;

	*out = *call;
	SPK_TRY(change_step(arena, out, &step, err));
	step->update = update_states;
	out->filter = NULL;
	out->inputs = 1;
	out->input = spk_arena_copy(arena, &state, sizeof state);
	SPK_TRY_PTR(out->input, err);
	return SPK_OK;
}
