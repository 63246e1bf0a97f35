/* The state of ordered-set aggregates. See aggregate_direct.h. */
#include "core/expr/aggregate_direct.h"

#include "core/columnar/plain.h"

static spk_status hold_direct(const struct spk_aggregate_call *call, struct spk_held *h, const struct spk_vector *input, int row, spk_error *err)
{
	struct spk_buffer bytes = { .account = call->account };
	spk_status status = SPK_OK;

	for (int i = 0; i < spk_direct_args(call) && status == SPK_OK; i++)
		status = spk_plain_write(&input[i], row, &bytes, err);
	if (status == SPK_OK)
		status = spk_held_set(call, h, bytes.data, bytes.size, err);
	spk_buffer_release(&bytes);
	return status;
}

spk_status spk_ordered_set_update(const struct spk_aggregate_call *call, char *const *state, const struct spk_vector *input, const int32_t *sel, int n, const int32_t *weight, spk_error *err)
{
	for (int i = 0; i < n && spk_direct_args(call); i++) {
		struct spk_ordered_set *s = SPK_STATE(spk_ordered_set, state, i);

		if (!spk_held_any(&s->direct))
			SPK_TRY(hold_direct(call, &s->direct, input, sel ? sel[i] : i, err));
	}
	return spk_rows_update(call, state, input, sel, n, weight, err);
}

spk_status spk_ordered_set_merge(const struct spk_aggregate_call *call, char *const *into, char *const *from, int n, spk_error *err)
{
	for (int i = 0; i < n; i++) {
		struct spk_ordered_set *a = SPK_STATE(spk_ordered_set, into, i);
		const struct spk_ordered_set *b = SPK_STATE(spk_ordered_set, from, i);

		if (!spk_held_any(&a->direct) && spk_held_any(&b->direct))
			SPK_TRY(spk_held_copy(call, &a->direct, &b->direct, err));
	}
	return spk_rows_merge(call, into, from, n, err);
}

spk_status spk_ordered_set_write(const struct spk_aggregate_call *call, const char *state, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_held_write(&((const struct spk_ordered_set *)(const void *)state)->direct, out, err));
	return spk_rows_write(call, state, out, err);
}

spk_status spk_ordered_set_read(const struct spk_aggregate_call *call, char *state, const char **from, const char *end, spk_error *err)
{
	SPK_TRY(spk_held_read(call, &((struct spk_ordered_set *)(void *)state)->direct, from, end, err));
	return spk_rows_read(call, state, from, end, err);
}

void spk_ordered_set_release(const struct spk_aggregate_call *call, char *state)
{
	spk_held_release(call, &((struct spk_ordered_set *)(void *)state)->direct);
	spk_rows_release(call, state);
}

static spk_status constant_value(const struct spk_expr *e, struct spk_arena *arena, struct spk_vector *out, spk_error *err)
{
	const bool known = e->kind == SPK_EXPR_CONSTANT && !e->value.null;

	return spk_vector_init_constant(out, e->type, known ? spk_value_bytes(&e->value) : NULL, arena, err);
}

spk_status spk_direct_values(const struct spk_aggregate_call *call, const struct spk_ordered_set *s, struct spk_arena *arena, struct spk_vector *out, spk_error *err)
{
	const bool any = spk_held_any(&s->direct);
	const char *from = any ? spk_held_data(&s->direct) : NULL, *end = any ? from + spk_held_size(&s->direct) : NULL;

	for (int i = 0; i < spk_direct_args(call); i++) {
		if (!any) {
			SPK_TRY(constant_value(call->input[i], arena, &out[i], err));
			continue;
		}
		SPK_TRY(spk_vector_init(&out[i], call->input[i]->type, 1, arena, err));
		SPK_TRY(spk_plain_read(&from, end, &out[i], 0, 1, arena, err));
	}
	return SPK_OK;
}
