/*
 * Arrays, records, json and jsonb. Formats read them as texts; when all rows of a batch are there they are made values of, a column
 * at a time, because an array's elements lie behind those of the rows before it.
 */
#include <stdio.h>

#include "connectors/format/field.h"
#include "core/columnar/jsonb.h"
#include "core/expr/text.h"

struct spk_type spk_field_read_type(struct spk_type type, bool json)
{
	if (!spk_type_is_nested(type))
		return type;
	return spk_type(json ? SPK_TYPE_JSONB : SPK_TYPE_TEXT);
}

/* What the rows of one column are made with. */
struct maker {
	struct spk_batch *batch;
	const struct spk_field *field;
	const struct spk_field_rules *rules;
	struct spk_json_parser parser;
	struct spk_buffer text;
	bool json;
	char *failed;               /* by row */
	struct spk_row_errors *errors;
};

/* One value; its text as it was read. */
static spk_status make_value(struct maker *m, struct spk_vector *out, int row, const struct spk_view *v, spk_error *err)
{
	struct spk_arena *arena = m->batch->arena;
	struct spk_view json;

	if (out->type.id == SPK_TYPE_JSON) {
		SPK_TRY(spk_json_check(&m->parser, &m->text, spk_view_data(v), v->length, err));
		spk_vector_view(out)[row] = *v;
		return SPK_OK;
	}
	if (!m->json && out->type.id != SPK_TYPE_JSONB)
		return spk_text_put(out, row, m->batch->rows, spk_view_data(v), v->length, m->rules->timezone, arena, err);
	SPK_TRY(spk_jsonb_make(&m->parser, &m->text, spk_view_data(v), v->length, arena, &json, err));
	if (out->type.id == SPK_TYPE_JSONB) {
		spk_vector_view(out)[row] = json;
		return SPK_OK;
	}
	return spk_text_put_json(out, row, m->batch->rows, &json, m->rules->timezone, arena, err);
}

static spk_status make_row(struct maker *m, const struct spk_vector *raw, struct spk_vector *out, int row, spk_error *err)
{
	const struct spk_view *v = &spk_vector_view(raw)[row];
	char shown[SPK_SHOWN], name[SPK_SHOWN], type[64], reason[512];
	spk_error why = { 0 };
	spk_status status;

	if (raw->valid && !spk_bit(raw->valid, row))
		return spk_text_put_null(out, row, m->batch->rows, m->batch->arena, err);
	status = make_value(m, out, row, v, &why);
	if (status == SPK_OK)
		return SPK_OK;
	if (status != SPK_DATA && status != SPK_UNSUPPORTED) {
		if (err)
			*err = why;
		return status;
	}
	SPK_TRY(spk_text_put_null(out, row, m->batch->rows, m->batch->arena, err));
	if (m->failed[row])
		return SPK_OK;
	m->failed[row] = true;
	snprintf(reason, sizeof reason, m->json ? "member \"%s\": found %s, expected %s: %.160s" : "column \"%s\": found \"%s\", expected %s: %.160s",
	         spk_field_shown(m->field->name, strlen(m->field->name), name), spk_field_shown(spk_view_data(v), v->length, shown),
	         spk_type_format(m->field->type, type, sizeof type), why.message);
	return spk_field_row_failed(m->batch, row, reason, m->errors, err);
}

static spk_status make_column(struct maker *m, struct spk_vector *column, spk_error *err)
{
	struct spk_vector raw = *column, out;
	spk_status status = spk_vector_init(&out, m->field->type, m->batch->rows, m->batch->arena, err);

	for (int row = 0; row < m->batch->rows && status == SPK_OK; row++)
		status = make_row(m, &raw, &out, row, err);
	if (status == SPK_OK)
		*column = out;
	return status;
}

spk_status spk_field_finish(struct spk_batch *batch, const bool *skip, bool json, const struct spk_field_rules *rules, struct spk_row_errors *errors, spk_error *err)
{
	struct maker m = { .batch = batch, .rules = rules, .json = json, .errors = errors };
	spk_status status = SPK_OK;

	for (int c = 0; c < batch->columns && status == SPK_OK; c++) {
		m.field = &batch->schema->field[c];
		if ((skip && skip[c]) || (!spk_type_is_nested(m.field->type) && !spk_type_is_json(m.field->type)))
			continue;
		if (!m.failed) {
			m.failed = spk_arena_zalloc(batch->arena, (size_t)batch->rows + 1);
			SPK_TRY_PTR(m.failed, err);
		}
		status = make_column(&m, &batch->column[c], err);
	}
	spk_buffer_release(&m.text);
	spk_json_parser_release(&m.parser);
	return status;
}
