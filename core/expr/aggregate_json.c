/*
 * json_agg, jsonb_agg, json_object_agg, jsonb_object_agg: the elements or members as pieces of text, separated by commas. What is jsonb
 * gets its form at the end, when all of it is there: members in order, of several of one name the last.
 */
#include "core/expr/aggregate_pieces.h"
#include "core/expr/jsonb.h"

static bool is_object(const struct spk_aggregate_call *call) { return call->args == 2; }

/* json_agg puts arrays and records on lines of their own. */
static const char *comma_before(const struct spk_aggregate_call *call, const struct spk_vector *v, bool null)
{
	return !is_object(call) && call->type.id == SPK_TYPE_JSON && !null && spk_type_is_nested(v->type) ? ", \n " : ", ";
}

static spk_status append_name(const struct spk_aggregate_call *call, struct spk_pieces *s, const struct spk_vector *v, int row, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(v);
	const uint32_t slot = spk_reader_slot(&r, row);
	const char *wrong = NULL;

	if (!spk_reader_valid(&r, slot))
		return spk_fail(err, SPK_DATA, "field name must not be null");
	SPK_TRY(spk_json_append_name(&s->bytes, v, slot, NULL, &wrong, err));
	if (wrong)
		return spk_fail(err, SPK_DATA, "%s", wrong);
	return spk_json_put(&s->bytes, call->type.id == SPK_TYPE_JSON ? " : " : ": ", err);
}

/* What the text of a value may depend on, the session's zone, was taken out when the call was resolved. */
static spk_status append(const struct spk_aggregate_call *call, struct spk_pieces *s, const struct spk_vector *input, int row, spk_error *err)
{
	const struct spk_vector *v = &input[call->args - 1];
	const struct spk_reader r = spk_vector_reader(v);
	const uint32_t slot = spk_reader_slot(&r, row);
	const bool null = !spk_reader_valid(&r, slot);
	const char *comma = comma_before(call, v, null);
	struct spk_json_form form = { .json = call->type.id == SPK_TYPE_JSON };

	spk_pieces_begin(call, s, (uint32_t)strlen(comma));
	SPK_TRY(spk_json_put(&s->bytes, comma, err));
	if (is_object(call))
		SPK_TRY(append_name(call, s, &input[0], row, err));
	if (null)
		SPK_TRY(spk_json_put(&s->bytes, "null", err));
	else
		SPK_TRY(spk_json_append_value(&s->bytes, v, slot, NULL, &form, err));
	return spk_pieces_check(call, s, err);
}

SPK_AGGREGATE_UPDATE(update)
{
	for (int i = 0; i < n; i++) {
		const int row = sel ? sel[i] : i;

		for (int32_t w = weight ? weight[row] : 1; w > 0; w--)
			SPK_TRY(append(call, SPK_STATE(spk_pieces, state, i), input, row, err));
	}
	return SPK_OK;
}

/* The brackets around the elements, with PostgreSQL's blanks. */
static spk_status enclose(const struct spk_aggregate_call *call, const struct spk_pieces *s, struct spk_buffer *text, spk_error *err)
{
	const bool json = call->type.id == SPK_TYPE_JSON;

	spk_buffer_clear(text);
	SPK_TRY(spk_json_put(text, !is_object(call) ? "[" : json ? "{ " : "{", err));
	SPK_TRY(spk_buffer_append(text, s->bytes.data + s->skip, s->bytes.size - s->skip, err));
	return spk_json_put(text, !is_object(call) ? "]" : json ? " }" : "}", err);
}

static spk_status one_final(const struct spk_aggregate_call *call, const struct spk_pieces *s, struct spk_json_parser *parser, struct spk_buffer *text, struct spk_buffer *form, struct spk_arena *arena, struct spk_view *out,
			    spk_error *err)
{
	const char *copy;

	SPK_TRY(enclose(call, s, text, err));
	if (call->type.id == SPK_TYPE_JSONB)
		return spk_jsonb_make(parser, form, text->data, text->size, arena, out, err);
	copy = spk_arena_copy(arena, text->data, text->size);
	SPK_TRY_PTR(copy, err);
	*out = spk_view(copy, (uint32_t)text->size);
	return SPK_OK;
}

SPK_AGGREGATE_FINAL(final)
{
	struct spk_json_parser parser = { 0 };
	struct spk_buffer text = { .account = call->account }, form = { .account = call->account };
	spk_status status = SPK_OK;

	for (int i = 0; i < n && status == SPK_OK; i++) {
		const struct spk_pieces *s = SPK_STATE(spk_pieces, state, i);

		spk_vector_view(out)[at + i] = (struct spk_view){ 0 };
		status = s->any ? one_final(call, s, &parser, &text, &form, arena, &spk_vector_view(out)[at + i], err) : spk_aggregate_null(out, at + i, rows, arena, err);
	}
	spk_json_parser_release(&parser);
	spk_buffer_release(&text);
	spk_buffer_release(&form);
	return status;
}

SPK_RESULT_OF(json) { (void)arg; (void)arena; return spk_type(SPK_TYPE_JSON); }
SPK_RESULT_OF(jsonb) { (void)arg; (void)arena; return spk_type(SPK_TYPE_JSONB); }

#define GATHER(name_, result_, args_, doc_) \
	{ .name = name_, .doc = doc_, .args = args_, .arg = { SPK_T(UNKNOWN), SPK_T(UNKNOWN) }, .result_of = result_, .as_json = true, .state_size = (int)sizeof(struct spk_pieces), \
	  .update = update, .merge = spk_pieces_merge, .final = final, .write = spk_pieces_write, .read = spk_pieces_read, .release = spk_pieces_release }
#define ARRAY_OF "All values as an array, NULLs as null; NULL when there is no row"
#define OBJECT_OF "All pairs of a name and a value as an object; NULL when there is no row"

static const struct spk_aggregate aggregates[] = {
	GATHER("json_agg", json, 1, ARRAY_OF),
	GATHER("jsonb_agg", jsonb, 1, ARRAY_OF),
	GATHER("json_object_agg", json, 2, OBJECT_OF),
	GATHER("jsonb_object_agg", jsonb, 2, OBJECT_OF ", of several of one name the last"),
};

SPK_AGGREGATE_FAMILY(json, aggregates)
