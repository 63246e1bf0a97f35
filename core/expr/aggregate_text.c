/* string_agg, and Flink's listagg: the values that are not NULL, each but the first behind its delimiter. */
#include "core/expr/aggregate_pieces.h"

static spk_status append(const struct spk_aggregate_call *call, struct spk_pieces *s, const struct spk_view *delimiter, const struct spk_view *v, spk_error *err)
{
	spk_pieces_begin(call, s, delimiter ? delimiter->length : 0);
	if (delimiter)
		SPK_TRY(spk_buffer_append(&s->bytes, spk_view_data(delimiter), delimiter->length, err));
	SPK_TRY(spk_buffer_append(&s->bytes, spk_view_data(v), v->length, err));
	return spk_pieces_check(call, s, err);
}

static const struct spk_view comma = { .length = 1, .inlined = "," };

SPK_AGGREGATE_UPDATE(update)
{
	const struct spk_reader r = spk_vector_reader(&input[0]), rd = call->args > 1 ? spk_vector_reader(&input[1]) : r;

	for (int i = 0; i < n; i++) {
		const int row = sel ? sel[i] : i;
		const uint32_t slot = spk_reader_slot(&r, row), at = spk_reader_slot(&rd, row);
		const struct spk_view *delimiter = call->args == 1 ? &comma : spk_reader_valid(&rd, at) ? (const struct spk_view *)rd.data + at : NULL;

		if (!spk_reader_valid(&r, slot))
			continue;
		for (int32_t w = weight ? weight[row] : 1; w > 0; w--)
			SPK_TRY(append(call, SPK_STATE(spk_pieces, state, i), delimiter, (const struct spk_view *)r.data + slot, err));
	}
	return SPK_OK;
}

SPK_AGGREGATE_FINAL(final)
{
	for (int i = 0; i < n; i++) {
		const struct spk_pieces *s = SPK_STATE(spk_pieces, state, i);
		const size_t size = s->bytes.size - s->skip;
		const char *text;

		if (!s->any) {
			spk_vector_view(out)[at + i] = (struct spk_view){ 0 };
			SPK_TRY(spk_aggregate_null(out, at + i, rows, arena, err));
			continue;
		}
		text = size ? spk_arena_copy(arena, s->bytes.data + s->skip, size) : "";
		SPK_TRY_PTR(text, err);
		spk_vector_view(out)[at + i] = spk_view(text, (uint32_t)size);
	}
	return SPK_OK;
}

/* The values lie in char(n) without their blanks; what is joined has no width. */
SPK_RESULT_OF(without_width)
{
	(void)arena;
	return spk_type(arg[0].id);
}

#define JOIN(name_, doc_, args_, T) \
	{ .name = name_, .doc = doc_, .args = args_, .arg = { SPK_T(T), SPK_T(T) }, .result_of = without_width, .state_size = (int)sizeof(struct spk_pieces), \
	  .update = update, .merge = spk_pieces_merge, .final = final, .write = spk_pieces_write, .read = spk_pieces_read, .release = spk_pieces_release }
#define STRING_AGG "The values that are not NULL, joined; the second argument stands between them"

static const struct spk_aggregate aggregates[] = {
	JOIN("string_agg", STRING_AGG, 2, TEXT),
	JOIN("string_agg", STRING_AGG, 2, BYTEA),
	JOIN("listagg", "The values that are not NULL, joined by the second argument or by a comma (Flink)", 1, TEXT),
	JOIN("listagg", "The values that are not NULL, joined by the second argument or by a comma (Flink)", 2, TEXT),
};

SPK_AGGREGATE_FAMILY(text, aggregates)
