/*
 * string_agg, and Flink's listagg: the values that are not NULL, each but the first behind its delimiter. The state holds a delimiter before
 * every value, the first one too: then states are merged by appending one to the other, and the result leaves out the first `skip` bytes.
 */
#include "core/expr/aggregate_internal.h"

struct joined { struct spk_buffer bytes; uint32_t skip; bool any; };

static spk_status append(const struct spk_aggregate_call *call, struct joined *s, const struct spk_view *delimiter, const struct spk_view *v, spk_error *err)
{
	s->bytes.account = call->account;
	if (!s->any)
		s->skip = delimiter ? delimiter->length : 0;
	s->any = true;
	if (delimiter)
		SPK_TRY(spk_buffer_append(&s->bytes, spk_view_data(delimiter), delimiter->length, err));
	SPK_TRY(spk_buffer_append(&s->bytes, spk_view_data(v), v->length, err));
	if (s->bytes.size > INT32_MAX)
		return spk_fail(err, SPK_MEMORY_LIMIT, "a result of %s of more than 2 GiB", call->aggregate->name);
	return SPK_OK;
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
			SPK_TRY(append(call, SPK_STATE(joined, state, i), delimiter, (const struct spk_view *)r.data + slot, err));
	}
	return SPK_OK;
}

SPK_AGGREGATE_MERGE(merge)
{
	for (int i = 0; i < n; i++) {
		struct joined *a = SPK_STATE(joined, into, i);
		const struct joined *b = SPK_STATE(joined, from, i);

		if (!b->any)
			continue;
		if (!a->any)
			a->skip = b->skip;
		a->any = true;
		a->bytes.account = call->account;
		SPK_TRY(spk_buffer_append(&a->bytes, b->bytes.data, b->bytes.size, err));
		if (a->bytes.size > INT32_MAX)
			return spk_fail(err, SPK_MEMORY_LIMIT, "a result of %s of more than 2 GiB", call->aggregate->name);
	}
	return SPK_OK;
}

SPK_AGGREGATE_FINAL(final)
{
	for (int i = 0; i < n; i++) {
		const struct joined *s = SPK_STATE(joined, state, i);
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

struct stored { uint32_t size, skip, any; };

SPK_AGGREGATE_WRITE(write)
{
	const struct joined *s = (const struct joined *)(const void *)state;
	const struct stored head = { (uint32_t)s->bytes.size, s->skip, s->any };

	(void)call;
	SPK_TRY(spk_buffer_append(out, &head, sizeof head, err));
	return spk_buffer_append(out, s->bytes.data, s->bytes.size, err);
}

SPK_AGGREGATE_READ(read)
{
	struct joined *s = (struct joined *)(void *)state;
	struct stored head;

	if (end - *from < (ptrdiff_t)sizeof head)
		return spk_aggregate_cut_off(call, err);
	memcpy(&head, *from, sizeof head);
	*from += sizeof head;
	if (end - *from < (ptrdiff_t)head.size || head.skip > head.size)
		return spk_aggregate_cut_off(call, err);
	spk_buffer_clear(&s->bytes);
	s->bytes.account = call->account;
	SPK_TRY(spk_buffer_append(&s->bytes, *from, head.size, err));
	s->skip = head.skip;
	s->any = head.any != 0;
	*from += head.size;
	return SPK_OK;
}

static void release(const struct spk_aggregate_call *call, char *state)
{
	struct joined *s = (struct joined *)(void *)state;

	(void)call;
	spk_buffer_release(&s->bytes);
	*s = (struct joined){ .skip = 0 };
}

#define JOIN(name_, doc_, args_, T) \
	{ .name = name_, .doc = doc_, .args = args_, .arg = { SPK_T(T), SPK_T(T) }, .result_of = spk_type_of_arg, .state_size = (int)sizeof(struct joined), \
	  .update = update, .merge = merge, .final = final, .write = write, .read = read, .release = release }
#define STRING_AGG "The values that are not NULL, joined; the second argument stands between them"

static const struct spk_aggregate aggregates[] = {
	JOIN("string_agg", STRING_AGG, 2, TEXT),
	JOIN("string_agg", STRING_AGG, 2, BYTEA),
	JOIN("listagg", "The values that are not NULL, joined by the second argument or by a comma (Flink)", 1, TEXT),
	JOIN("listagg", "The values that are not NULL, joined by the second argument or by a comma (Flink)", 2, TEXT),
};

SPK_AGGREGATE_FAMILY(text, aggregates)
