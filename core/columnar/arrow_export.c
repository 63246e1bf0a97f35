/*
 * Export through the Arrow C Data Interface.
 *
 * All that an export needs lies in the arena of a batch derived from the exported one; each ArrowArray and ArrowSchema, children
 * too, holds one reference to that arena, so a consumer may move children away and release in any order, from any thread.
 */
#include <stdio.h>

#include "core/columnar/arrow_c.h"
#include "core/columnar/decimal.h"

/* --- schema --- */

/*
 * Three pairs as the interface encodes metadata: the extension's name, its (empty) parameters, and a mark of ours: JSON text
 * from elsewhere need not have jsonb's one form, so only what bears the mark comes back as jsonb, or as json; uuid likewise.
 */
#define METADATA(size, type, extension) \
	"\3\0\0\0" \
	"\15\0\0\0" "sparklet:type" size "\0\0\0" type \
	"\24\0\0\0" "ARROW:extension:name" "\12\0\0\0" extension \
	"\30\0\0\0" "ARROW:extension:metadata" "\0\0\0"
static const char jsonb_metadata[] = METADATA("\5", "jsonb", "arrow.json"), json_metadata[] = METADATA("\4", "json", "arrow.json"), uuid_metadata[] = METADATA("\4", "uuid", "arrow.uuid");

static void release_schema(struct ArrowSchema *schema)
{
	struct spk_arena *arena = schema->private_data;

	for (int64_t i = 0; i < schema->n_children; i++)
		if (schema->children[i]->release)
			schema->children[i]->release(schema->children[i]);
	schema->release = NULL;
	spk_arena_unref(arena);
}

static const char *format_of(struct spk_type type, struct spk_arena *arena)
{
	switch (type.id) {
	case SPK_TYPE_BOOLEAN: return "b";
	case SPK_TYPE_SMALLINT: return "s";
	case SPK_TYPE_INTEGER: return "i";
	case SPK_TYPE_BIGINT: return "l";
	case SPK_TYPE_REAL: return "f";
	case SPK_TYPE_DOUBLE: return "g";
	case SPK_TYPE_DECIMAL:
		return spk_arena_printf(arena, "d:%d,%d", type.scale >= 0 && type.precision > 0 ? type.precision : SPK_DECIMAL_DIGITS,
		                        type.scale >= 0 ? type.scale : SPK_ARROW_SCALE);
	case SPK_TYPE_BYTEA: return "z";
	case SPK_TYPE_DATE: return "tdD";
	case SPK_TYPE_TIME: return "ttu";
	case SPK_TYPE_TIMESTAMP: return "tsu:";
	case SPK_TYPE_TIMESTAMPTZ: return "tsu:UTC";
	case SPK_TYPE_INTERVAL: return "tin";
	case SPK_TYPE_UUID: return "w:16";
	case SPK_TYPE_ARRAY: return "+l";
	case SPK_TYPE_ROW: return "+s";
	default: return "u";
	}
}

static spk_status describe(struct ArrowSchema *out, const char *name, struct spk_type type, bool nullable, struct spk_arena *arena, spk_error *err)
{
	const struct spk_schema *fields = type.children;
	const char *format = format_of(type, arena), *copy = spk_arena_strdup(arena, name ? name : "");

	SPK_TRY_PTR(format, err);
	SPK_TRY_PTR(copy, err);
	*out = (struct ArrowSchema){ .format = format, .name = copy, .flags = nullable ? ARROW_FLAG_NULLABLE : 0 };
	if (spk_type_is_json(type))
		out->metadata = type.id == SPK_TYPE_JSONB ? jsonb_metadata : json_metadata;
	if (type.id == SPK_TYPE_UUID)
		out->metadata = uuid_metadata;
	if (!fields)
		return SPK_OK;
	out->children = SPK_NEW_ARRAY(arena, struct ArrowSchema *, fields->count);
	SPK_TRY_PTR(out->children, err);
	for (int i = 0; i < fields->count; i++) {
		out->children[i] = SPK_NEW(arena, struct ArrowSchema);
		SPK_TRY_PTR(out->children[i], err);
		SPK_TRY(describe(out->children[i], fields->field[i].name, fields->field[i].type, fields->field[i].nullable, arena, err));
	}
	out->n_children = fields->count;
	return SPK_OK;
}

static void arm_schema(struct ArrowSchema *schema, struct spk_arena *arena)
{
	schema->private_data = spk_arena_ref(arena);
	schema->release = release_schema;
	for (int64_t i = 0; i < schema->n_children; i++)
		arm_schema(schema->children[i], arena);
}

spk_status spk_arrow_export_schema(const struct spk_schema *schema, struct ArrowSchema *out, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_type root = { .id = SPK_TYPE_ROW, .children = schema };
	struct ArrowSchema made;
	spk_status status;

	SPK_TRY_PTR(arena, err);
	status = describe(&made, "", root, false, arena, err);
	if (!status) {
		arm_schema(&made, arena);
		*out = made;
	}
	spk_arena_unref(arena);
	return status;
}

/* The parts of one type in all batches. */
struct parts { const struct spk_vector **vector; int *rows; int count; };

static spk_status new_parts(struct parts *p, int count, struct spk_arena *arena, spk_error *err)
{
	p->count = count;
	p->vector = SPK_NEW_ARRAY(arena, const struct spk_vector *, count + 1);
	p->rows = SPK_NEW_ARRAY(arena, int, count + 1);
	SPK_TRY_PTR(p->vector && p->rows, err);
	return SPK_OK;
}

static int largest_scale(const struct parts *p)
{
	int scale = 0;

	for (int i = 0; i < p->count; i++) {
		for (int row = 0; row < p->rows[i]; row++) {
			struct spk_value v = spk_vector_value(p->vector[i], row);

			/* What lies in a field of a row that is NULL may be anything. */
			if (!v.null && spk_numeric_scale(v.i128) <= SPK_DECIMAL_DIGITS)
				scale = SPK_MAX(scale, spk_numeric_scale(v.i128));
		}
	}
	return scale;
}

static spk_status exact_type(struct spk_type type, const struct parts *p, struct spk_arena *arena, struct spk_type *out, spk_error *err)
{
	struct spk_schema *children;
	struct parts part;

	*out = type;
	if (type.id == SPK_TYPE_DECIMAL && type.scale < 0)
		*out = spk_type_decimal(SPK_DECIMAL_DIGITS, largest_scale(p));
	if (!type.children)
		return SPK_OK;
	children = SPK_NEW(arena, struct spk_schema);
	SPK_TRY_PTR(children, err);
	children->count = type.children->count;
	children->field = spk_arena_copy(arena, type.children->field, sizeof(*children->field) * (size_t)children->count);
	SPK_TRY_PTR(children->field, err);
	SPK_TRY(new_parts(&part, p->count, arena, err));
	for (int c = 0; c < children->count; c++) {
		for (int i = 0; i < p->count; i++) {
			part.vector[i] = &p->vector[i]->child[c];
			part.rows[i] = type.id == SPK_TYPE_ARRAY ? spk_vector_i32(p->vector[i])[p->rows[i]] : p->rows[i];
		}
		SPK_TRY(exact_type(children->field[c].type, &part, arena, &children->field[c].type, err));
	}
	out->children = children;
	return SPK_OK;
}

/* The selected rows of column c of all batches, flat, so that their parts lie side by side. */
static spk_status column_parts(struct spk_batch *const *batch, int batches, int c, struct spk_arena *arena, struct parts *out, spk_error *err)
{
	SPK_TRY(new_parts(out, batches, arena, err));
	for (int b = 0; b < batches; b++) {
		const struct spk_vector *in = &batch[b]->column[c];
		struct spk_vector *to = SPK_NEW(arena, struct spk_vector);

		SPK_TRY_PTR(to, err);
		out->vector[b] = to;
		out->rows[b] = batch[b]->sel ? batch[b]->selected : batch[b]->rows;
		if (!batch[b]->sel) {
			SPK_TRY(spk_vector_flatten(in, batch[b]->rows, arena, to, err));
			continue;
		}
		SPK_TRY(spk_vector_init(to, in->type, batch[b]->selected, arena, err));
		SPK_TRY(spk_vector_gather(to, 0, batch[b]->selected, in, batch[b]->sel, batch[b]->selected, false, arena, err));
	}
	return SPK_OK;
}

static bool varies(struct spk_type type)
{
	if (type.id == SPK_TYPE_DECIMAL)
		return type.scale < 0;
	for (int i = 0; type.children && i < type.children->count; i++)
		if (varies(type.children->field[i].type))
			return true;
	return false;
}

bool spk_arrow_varies(const struct spk_schema *schema)
{
	return varies((struct spk_type){ .id = SPK_TYPE_ROW, .children = schema });
}

spk_status spk_arrow_exact_schema(struct spk_batch *const *batch, int batches, const struct spk_schema *schema, struct spk_arena *arena, struct spk_schema **out, spk_error *err)
{
	struct spk_schema *exact = SPK_NEW(arena, struct spk_schema);

	SPK_TRY_PTR(exact, err);
	exact->count = schema->count;
	exact->field = spk_arena_copy(arena, schema->field, sizeof(*schema->field) * (size_t)schema->count);
	SPK_TRY_PTR(exact->field, err);
	for (int c = 0; c < schema->count; c++) {
		struct spk_arena *scratch;
		struct parts parts;
		spk_status status;

		if (!varies(schema->field[c].type))
			continue;
		scratch = spk_arena_new(NULL);
		SPK_TRY_PTR(scratch, err);
		status = column_parts(batch, batches, c, scratch, &parts, err);
		if (status == SPK_OK)
			status = exact_type(schema->field[c].type, &parts, arena, &exact->field[c].type, err);
		spk_arena_unref(scratch);
		SPK_TRY(status);
	}
	*out = exact;
	return SPK_OK;
}

/* --- arrays --- */

static void release_array(struct ArrowArray *array)
{
	struct spk_batch *batch = array->private_data;

	for (int64_t i = 0; i < array->n_children; i++)
		if (array->children[i]->release)
			array->children[i]->release(array->children[i]);
	array->release = NULL;
	spk_batch_unref(batch);
}

/* What is being exported: a column, or a part of one. */
struct source {
	struct spk_batch *batch;     /* whose arena everything is made in */
	const char *name;            /* of the column, for messages */
	struct spk_type type;        /* as it is to go out: the decimal's scale */
};

static int64_t count_nulls(const uint64_t *valid, int rows)
{
	int64_t nulls = 0;

	if (!valid)
		return 0;
	for (int i = 0; i + 64 <= rows; i += 64)
		nulls += 64 - __builtin_popcountll(valid[i >> 6]);
	for (int i = rows & ~63; i < rows; i++)
		nulls += !spk_bit(valid, i);
	return nulls;
}

static spk_status pack_booleans(const struct source *s, const struct spk_vector *v, int rows, const void **out, spk_error *err)
{
	uint64_t *bits = SPK_NEW_ARRAY(s->batch->arena, uint64_t, spk_bitmap_words(rows));
	const uint8_t *value = spk_vector_bool(v);

	SPK_TRY_PTR(bits, err);
	for (int i = 0; i < rows; i++)
		bits[i >> 6] |= (uint64_t)(value[i] & 1) << (i & 63);
	*out = bits;
	return SPK_OK;
}

static spk_status flatten_views(const struct source *s, const struct spk_vector *v, int rows, const void **offsets, const void **bytes, spk_error *err)
{
	const struct spk_view *view = spk_vector_view(v);
	int32_t *offset = spk_arena_alloc_vector(s->batch->arena, ((size_t)rows + 1) * sizeof(*offset));
	uint64_t total = 0;
	char *to;

	SPK_TRY_PTR(offset, err);
	for (int i = 0; i < rows; i++) {
		offset[i] = (int32_t)total;
		total += v->valid && !spk_bit(v->valid, i) ? 0 : view[i].length;
		if (total > INT32_MAX)
			return spk_fail(err, SPK_DATA, "column \"%s\": more than 2 GiB of text in one batch", s->name);
	}
	offset[rows] = (int32_t)total;
	to = spk_arena_alloc_vector(s->batch->arena, total);
	SPK_TRY_PTR(to, err);
	for (int i = 0; i < rows; i++)
		memcpy(to + offset[i], spk_view_data(&view[i]), (size_t)(offset[i + 1] - offset[i]));
	*offsets = offset;
	*bytes = to;
	return SPK_OK;
}

/* The sixteen bytes in order. */
static spk_status export_uuids(const struct source *s, const struct spk_vector *v, int rows, const void **out, spk_error *err)
{
	const spk_int128 *value = spk_vector_i128(v);
	unsigned char *to = spk_arena_alloc_vector(s->batch->arena, (size_t)rows * 16);

	SPK_TRY_PTR(to, err);
	for (int i = 0; i < rows; i++) {
		const unsigned __int128 u = (unsigned __int128)value[i] ^ (unsigned __int128)1 << 127;

		for (int k = 0; k < 16; k++)
			to[i * 16 + k] = (unsigned char)(u >> (120 - 8 * k));
	}
	*out = to;
	return SPK_OK;
}

static spk_status fix_scale(const struct source *s, const struct spk_vector *v, int rows, const void **out, spk_error *err)
{
	int to = s->type.scale >= 0 ? s->type.scale : SPK_ARROW_SCALE;
	const spk_int128 *value = spk_vector_i128(v);
	spk_int128 *fixed = spk_arena_alloc_vector(s->batch->arena, (size_t)rows * sizeof(*fixed));
	char text[48];

	SPK_TRY_PTR(fixed, err);
	for (int i = 0; i < rows; i++) {
		spk_int128 mantissa;
		int scale;

		fixed[i] = 0;
		if (v->valid && !spk_bit(v->valid, i))
			continue;
		spk_decimal_unpack(v->type, value[i], &mantissa, &scale);
		if (spk_decimal_is_special(mantissa))
			return spk_fail(err, SPK_DATA, "column \"%s\": decimal128 has no %.*s", s->name, spk_decimal_format(mantissa, scale, text), text);
		if (!spk_decimal_rescale(mantissa, scale, to, &fixed[i]))
			return spk_fail(err, SPK_DATA, "column \"%s\": %.*s has no room for %d digits after the point in decimal128(38,%d)", s->name,
			                spk_decimal_format(mantissa, scale, text), text, to, to);
	}
	*out = fixed;
	return SPK_OK;
}

struct month_day_nano { int32_t months, days; int64_t nanos; };

static spk_status export_intervals(const struct source *s, const struct spk_vector *v, int rows, const void **out, spk_error *err)
{
	const struct spk_interval *value = spk_vector_interval(v);
	struct month_day_nano *to = spk_arena_alloc_vector(s->batch->arena, (size_t)rows * sizeof(*to));

	SPK_TRY_PTR(to, err);
	for (int i = 0; i < rows; i++) {
		to[i] = (struct month_day_nano){ 0, 0, 0 };
		if (v->valid && !spk_bit(v->valid, i))
			continue;
		to[i].months = value[i].months;
		to[i].days = value[i].days;
		if (__builtin_mul_overflow(value[i].micros, 1000, &to[i].nanos))
			return spk_fail(err, SPK_DATA, "column \"%s\": an interval of %lld microseconds does not fit in nanoseconds", s->name,
			                (long long)value[i].micros);
	}
	*out = to;
	return SPK_OK;
}

static spk_status export_vector(struct source s, const struct spk_vector *in, int rows, struct ArrowArray *out, spk_error *err);

static spk_status export_children(const struct source *s, const struct spk_vector *v, int rows, struct ArrowArray *out, spk_error *err)
{
	bool list = v->type.id == SPK_TYPE_ARRAY;
	int count = v->type.children->count, child_rows = list ? spk_vector_i32(v)[rows] : rows;

	out->children = SPK_NEW_ARRAY(s->batch->arena, struct ArrowArray *, count);
	SPK_TRY_PTR(out->children, err);
	for (int i = 0; i < count; i++) {
		struct source part = { s->batch, s->name, s->type.children->field[i].type };

		out->children[i] = SPK_NEW(s->batch->arena, struct ArrowArray);
		SPK_TRY_PTR(out->children[i], err);
		SPK_TRY(export_vector(part, &v->child[i], child_rows, out->children[i], err));
	}
	out->n_children = count;
	return SPK_OK;
}

static spk_status export_vector(struct source s, const struct spk_vector *in, int rows, struct ArrowArray *out, spk_error *err)
{
	const void **buffer = SPK_NEW_ARRAY(s.batch->arena, const void *, 3);
	struct spk_vector flat;
	const struct spk_vector *v = &flat;

	SPK_TRY_PTR(buffer, err);
	SPK_TRY(spk_vector_flatten(in, rows, s.batch->arena, &flat, err));
	*out = (struct ArrowArray){ .length = rows, .n_buffers = 2, .buffers = buffer, .null_count = count_nulls(v->valid, rows) };
	buffer[0] = out->null_count ? v->valid : NULL;
	buffer[1] = v->data;
	switch (v->type.id) {
	case SPK_TYPE_BOOLEAN: return pack_booleans(&s, v, rows, &buffer[1], err);
	case SPK_TYPE_DECIMAL:
		return v->type.scale == s.type.scale && s.type.scale >= 0 ? SPK_OK : fix_scale(&s, v, rows, &buffer[1], err);
	case SPK_TYPE_UUID: return export_uuids(&s, v, rows, &buffer[1], err);
	case SPK_TYPE_INTERVAL: return export_intervals(&s, v, rows, &buffer[1], err);
	case SPK_TYPE_ARRAY: return export_children(&s, v, rows, out, err);
	case SPK_TYPE_ROW: out->n_buffers = 1; return export_children(&s, v, rows, out, err);
	default:
		if (!spk_type_is_view(v->type))
			return SPK_OK;
		out->n_buffers = 3;
		return flatten_views(&s, v, rows, &buffer[1], &buffer[2], err);
	}
}

static void arm_array(struct ArrowArray *array, struct spk_batch *batch)
{
	array->private_data = spk_batch_ref(batch);
	array->release = release_array;
	for (int64_t i = 0; i < array->n_children; i++)
		arm_array(array->children[i], batch);
}

/* Gives `dense`, derived from `in`, the selected rows side by side. */
static spk_status make_dense(struct spk_batch *dense, const struct spk_batch *in, spk_error *err)
{
	for (int c = 0; c < in->columns; c++) {
		struct spk_vector *to = &dense->column[c];

		if (!in->sel) {
			*to = in->column[c];
			continue;
		}
		SPK_TRY(spk_vector_init(to, in->column[c].type, in->selected, dense->arena, err));
		SPK_TRY(spk_vector_gather(to, 0, in->selected, &in->column[c], in->sel, in->selected, false, dense->arena, err));
	}
	dense->rows = in->selected;
	dense->sel = NULL;
	return SPK_OK;
}

spk_status spk_arrow_export_batch_as(struct spk_batch *batch, const struct spk_schema *schema, struct ArrowArray *out, spk_error *err)
{
	struct ArrowArray made = { .length = batch->selected, .n_buffers = 1 };
	struct spk_batch *dense = NULL;
	spk_status status;

	SPK_ASSERT(schema->count == batch->columns, "export by a schema of other columns");
	SPK_TRY(spk_batch_derive(&dense, batch, batch->schema, err));
	status = make_dense(dense, batch, err);
	made.n_children = batch->columns;
	made.buffers = SPK_NEW_ARRAY(dense->arena, const void *, 1);
	made.children = SPK_NEW_ARRAY(dense->arena, struct ArrowArray *, batch->columns);
	if (!status && (!made.buffers || !made.children))
		status = spk_fail_memory(err);
	for (int c = 0; !status && c < batch->columns; c++) {
		struct source s = { dense, schema->field[c].name, schema->field[c].type };

		made.children[c] = SPK_NEW(dense->arena, struct ArrowArray);
		status = made.children[c] ? export_vector(s, &dense->column[c], dense->rows, made.children[c], err) : spk_fail_memory(err);
	}
	if (!status) {
		arm_array(&made, dense);
		*out = made;
	}
	spk_batch_unref(dense);
	return status;
}

spk_status spk_arrow_export_batch(struct spk_batch *batch, struct ArrowArray *out, spk_error *err)
{
	return spk_arrow_export_batch_as(batch, batch->schema, out, err);
}
