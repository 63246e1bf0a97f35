/* Values and columns of functions of a session. See sql_value.h. */
#include "core/expr/sql_value.h"

#include "core/base/memory.h"
#include "core/base/utf8.h"
#include "core/columnar/decimal.h"
#include "core/expr/kernel.h"

void *spk_function_memory(struct spk_function_context *context, size_t size, spk_error *err)
{
	void *p;

	if (!context->arena)
		context->arena = spk_arena_new(context->account);
	p = context->arena ? spk_arena_alloc(context->arena, size + 1) : NULL;
	if (!p)
		spk_fail_memory(err);
	return p;
}

void *spk_function_resize(struct spk_function_context *context, void *memory, size_t old_size, size_t size, spk_error *err)
{
	void *p;

	if (!context->account) {
		spk_fail(err, SPK_USAGE, "spk_function_resize is for what the states of aggregates own");
		return NULL;
	}
	if (!size) {
		if (old_size)
			spk_free(context->account, memory, old_size);
		return NULL;
	}
	p = spk_realloc(context->account, old_size ? memory : NULL, old_size, size);
	if (!p)
		spk_fail_memory(err);
	return p;
}

void *spk_function_user(const struct spk_function_context *context) { return context->user; }

bool spk_sql_value_holds(struct spk_type type)
{
	return !spk_type_is_nested(type) && type.id != SPK_TYPE_INTERVAL && type.id != SPK_TYPE_UUID && type.id != SPK_TYPE_UNKNOWN;
}

/* --- from vectors --- */

static struct spk_text text_of(const struct spk_view *view) { return (struct spk_text){ spk_view_data(view), view->length }; }

static struct spk_sql_value take(struct spk_type type, const void *data, uint32_t slot)
{
	struct spk_sql_value out = { 0 };

	switch (type.id) {
	case SPK_TYPE_BOOLEAN: out.boolean = ((const uint8_t *)data)[slot]; break;
	case SPK_TYPE_SMALLINT: out.integer = ((const int16_t *)data)[slot]; break;
	case SPK_TYPE_INTEGER:
	case SPK_TYPE_DATE: out.integer = ((const int32_t *)data)[slot]; break;
	case SPK_TYPE_REAL: out.real = (double)((const float *)data)[slot]; break;
	case SPK_TYPE_DOUBLE: out.real = ((const double *)data)[slot]; break;
	case SPK_TYPE_DECIMAL: spk_decimal_unpack(type, ((const spk_int128 *)data)[slot], &out.decimal.value, &out.decimal.scale); break;
	case SPK_TYPE_TEXT:
	case SPK_TYPE_BYTEA:
	case SPK_TYPE_JSON: case SPK_TYPE_JSONB: out.text = text_of(&((const struct spk_view *)data)[slot]); break;
	default: out.integer = ((const int64_t *)data)[slot];
	}
	return out;
}

struct spk_sql_value spk_sql_value_take(const struct spk_vector *v, const struct spk_reader *r, int32_t row)
{
	uint32_t slot = spk_reader_slot(r, row);

	return spk_reader_valid(r, slot) ? take(v->type, r->data, slot) : (struct spk_sql_value){ .null = true };
}

struct spk_sql_value spk_sql_value_of(const struct spk_value *v)
{
	return v->null ? (struct spk_sql_value){ .null = true } : take(v->type, spk_value_bytes(v), 0);
}

/* Whether the vector's values lie one after the other as a column has them. */
static bool lies_alike(const struct spk_vector *v, const int32_t *row, int rows)
{
	switch (v->type.id) {
	case SPK_TYPE_BOOLEAN:
	case SPK_TYPE_BIGINT:
	case SPK_TYPE_TIME:
	case SPK_TYPE_TIMESTAMP:
	case SPK_TYPE_TIMESTAMPTZ:
	case SPK_TYPE_DOUBLE: break;
	default: return false;
	}
	/* Rows ascend; one may come twice, by its weight. */
	if (v->layout != SPK_FLAT)
		return false;
	for (int i = 1; i < rows; i++)
		if (row[i] != row[0] + i)
			return false;
	return true;
}

static void copy(const struct spk_vector *v, const struct spk_reader *r, const int32_t *row, int rows, struct spk_sql_room *room)
{
	for (int i = 0; i < rows; i++) {
		const bool null = r->valid && room->null[i];
		const struct spk_sql_value value = null ? (struct spk_sql_value){ 0 } : take(v->type, r->data, spk_reader_slot(r, row[i]));

		switch (v->type.id) {
		case SPK_TYPE_BOOLEAN: room->boolean[i] = value.boolean; break;
		case SPK_TYPE_REAL:
		case SPK_TYPE_DOUBLE: room->real[i] = value.real; break;
		case SPK_TYPE_DECIMAL: room->decimal[i] = value.decimal; break;
		case SPK_TYPE_TEXT:
		case SPK_TYPE_BYTEA:
		case SPK_TYPE_JSON: case SPK_TYPE_JSONB: room->text[i] = value.text; break;
		default: room->integer[i] = value.integer;
		}
	}
}

void spk_sql_column_take(const struct spk_vector *v, const int32_t *row, int rows, struct spk_sql_room *room, struct spk_sql_column *column)
{
	const struct spk_reader r = spk_vector_reader(v);
	bool nulls = false;

	for (int i = 0; r.valid && i < rows; i++) {
		room->null[i] = !spk_reader_valid(&r, spk_reader_slot(&r, row[i]));
		nulls = nulls || room->null[i];
	}
	*column = (struct spk_sql_column){ .null = nulls ? room->null : NULL };
	if (lies_alike(v, row, rows)) {
		column->integer = (const int64_t *)(const void *)((const char *)r.data + (size_t)spk_type_width(v->type) * (size_t)row[0]);
		return;
	}
	copy(v, &r, row, rows, room);
	column->integer = room->integer;
}

/* --- into vectors --- */

static bool narrow(int64_t from, int64_t low, int64_t high, spk_status *status, spk_error *err)
{
	if (from >= low && from <= high)
		return true;
	*status = spk_fail(err, SPK_DATA, "gave %lld, which does not fit its type", (long long)from);
	return false;
}

static spk_status put_text(const struct spk_text *text, struct spk_vector *out, int32_t row, struct spk_arena *arena, spk_error *err)
{
	const char *copied = text->data;

	if (out->type.id == SPK_TYPE_TEXT && spk_utf8_valid(text->data, text->size) != text->size)
		return spk_fail(err, SPK_DATA, "gave text that is not UTF-8");
	if (text->size > INT32_MAX)
		return spk_fail(err, SPK_DATA, "gave more than 2 GiB");
	if (text->size > SPK_VIEW_INLINE)
		SPK_TRY_PTR(copied = spk_arena_copy(arena, text->data, text->size), err);
	spk_vector_view(out)[row] = spk_view(text->size ? copied : "", (uint32_t)text->size);
	return SPK_OK;
}

spk_status spk_sql_value_put(const struct spk_sql_value *v, struct spk_vector *out, int32_t row, struct spk_arena *arena, spk_error *err)
{
	spk_status status = SPK_OK;

	switch (out->type.id) {
	case SPK_TYPE_BOOLEAN: spk_vector_bool(out)[row] = v->boolean; break;
	case SPK_TYPE_SMALLINT:
		if (narrow(v->integer, INT16_MIN, INT16_MAX, &status, err))
			spk_vector_i16(out)[row] = (int16_t)v->integer;
		break;
	case SPK_TYPE_INTEGER:
	case SPK_TYPE_DATE:
		if (narrow(v->integer, INT32_MIN, INT32_MAX, &status, err))
			spk_vector_i32(out)[row] = (int32_t)v->integer;
		break;
	case SPK_TYPE_REAL: spk_vector_f32(out)[row] = (float)v->real; break;
	case SPK_TYPE_DOUBLE: spk_vector_f64(out)[row] = v->real; break;
	case SPK_TYPE_DECIMAL:
		if (v->decimal.scale < 0 || v->decimal.scale > SPK_DECIMAL_DIGITS || !spk_decimal_store(out->type, v->decimal.value, v->decimal.scale, &spk_vector_i128(out)[row]))
			status = spk_fail(err, SPK_DATA, "gave a numeric that does not fit its type");
		break;
	case SPK_TYPE_TEXT:
	case SPK_TYPE_BYTEA: return put_text(&v->text, out, row, arena, err);
	default: spk_vector_i64(out)[row] = v->integer;
	}
	return status;
}
