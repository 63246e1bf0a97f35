/* Import of Arrow schemas: formats to types. */
#include <limits.h>
#include <stdlib.h>

#include "core/columnar/arrow_format.h"

/* Formats without parameters. */
static const struct plain { const char *format; enum arrow_read read; enum spk_type_id type; int64_t unit; } plain_formats[] = {
	{ "n", READ_NOTHING, SPK_TYPE_TEXT, 0 },
	{ "b", READ_BITS, SPK_TYPE_BOOLEAN, 0 },
	{ "c", READ_I8, SPK_TYPE_SMALLINT, 0 },
	{ "C", READ_U8, SPK_TYPE_SMALLINT, 0 },
	{ "s", READ_SAME, SPK_TYPE_SMALLINT, 0 },
	{ "S", READ_U16, SPK_TYPE_INTEGER, 0 },
	{ "i", READ_SAME, SPK_TYPE_INTEGER, 0 },
	{ "I", READ_U32, SPK_TYPE_BIGINT, 0 },
	{ "l", READ_SAME, SPK_TYPE_BIGINT, 0 },
	{ "L", READ_U64, SPK_TYPE_DECIMAL, 0 },
	{ "e", READ_HALF, SPK_TYPE_REAL, 0 },
	{ "f", READ_SAME, SPK_TYPE_REAL, 0 },
	{ "g", READ_SAME, SPK_TYPE_DOUBLE, 0 },
	{ "u", READ_BYTES32, SPK_TYPE_TEXT, 0 },
	{ "U", READ_BYTES64, SPK_TYPE_TEXT, 0 },
	{ "vu", READ_BYTES_VIEW, SPK_TYPE_TEXT, 0 },
	{ "z", READ_BYTES32, SPK_TYPE_BYTEA, 0 },
	{ "Z", READ_BYTES64, SPK_TYPE_BYTEA, 0 },
	{ "vz", READ_BYTES_VIEW, SPK_TYPE_BYTEA, 0 },
	{ "tdD", READ_SAME, SPK_TYPE_DATE, 0 },
	{ "tdm", READ_DAYS64, SPK_TYPE_DATE, 0 },
	{ "tts", READ_TIME32, SPK_TYPE_TIME, 1000000 },
	{ "ttm", READ_TIME32, SPK_TYPE_TIME, 1000 },
	{ "ttu", READ_SAME, SPK_TYPE_TIME, 0 },
	{ "ttn", READ_TIME64, SPK_TYPE_TIME, -1000 },
	{ "tiM", READ_MONTHS, SPK_TYPE_INTERVAL, 0 },
	{ "tiD", READ_DAY_TIME, SPK_TYPE_INTERVAL, 0 },
	{ "tin", READ_MONTH_DAY_NANO, SPK_TYPE_INTERVAL, 0 },
	{ "tDs", READ_DURATION, SPK_TYPE_INTERVAL, 1000000 },
	{ "tDm", READ_DURATION, SPK_TYPE_INTERVAL, 1000 },
	{ "tDu", READ_DURATION, SPK_TYPE_INTERVAL, 1 },
	{ "tDn", READ_DURATION, SPK_TYPE_INTERVAL, -1000 },
	{ "+l", READ_LIST32, SPK_TYPE_ARRAY, 0 },
	{ "+L", READ_LIST64, SPK_TYPE_ARRAY, 0 },
	{ "+m", READ_LIST32, SPK_TYPE_ARRAY, 0 },          /* a map: an array of (key, value) */
	{ "+s", READ_STRUCT, SPK_TYPE_ROW, 0 },
};

/* "tsu:Europe/Berlin": a unit, and a zone or none. */
static bool timestamp_format(const char *format, struct arrow_format *out)
{
	static const struct { char unit; int64_t factor; } units[] = { { 's', 1000000 }, { 'm', 1000 }, { 'u', 1 }, { 'n', -1000 } };

	if (strncmp(format, "ts", 2) != 0)
		return false;
	for (size_t i = 0; i < SPK_COUNT_OF(units); i++) {
		if (format[2] == units[i].unit && format[3] == ':') {
			out->type = spk_type(format[4] ? SPK_TYPE_TIMESTAMPTZ : SPK_TYPE_TIMESTAMP);
			out->read = units[i].factor == 1 ? READ_SAME : READ_TIME64;
			out->unit = units[i].factor;
			return true;
		}
	}
	return false;
}

static bool take_number(const char **at, int *out)
{
	char *end;
	long n = strtol(*at, &end, 10);

	if (end == *at || n < INT_MIN || n > INT_MAX)
		return false;
	*at = end;
	*out = (int)n;
	return true;
}

/* "d:precision,scale[,bits]". 256 bits may hold more than we do: found out by value. */
static bool decimal_format(const char *format, struct arrow_format *out)
{
	int precision, scale, bits = 128;

	if (strncmp(format, "d:", 2) != 0)
		return false;
	format += 2;
	if (!take_number(&format, &precision) || *format++ != ',' || !take_number(&format, &scale))
		return false;
	if (*format == ',') {
		format++;
		if (!take_number(&format, &bits))
			return false;
	}
	if (*format || scale < 0 || scale > SPK_DECIMAL_DIGITS || precision < 1 || (bits != 32 && bits != 64 && bits != 128 && bits != 256))
		return false;
	out->type = spk_type_decimal(SPK_MIN(precision, SPK_DECIMAL_DIGITS), scale);
	out->width = bits / 8;
	out->read = READ_DECIMAL;
	return true;
}

/* "w:bytes" and "+w:elements" */
static bool fixed_format(const char *format, struct arrow_format *out)
{
	bool list = *format == '+';

	format += list;
	if (strncmp(format, "w:", 2) != 0)
		return false;
	format += 2;
	if (!take_number(&format, &out->width) || *format || out->width < 0)
		return false;
	out->type = spk_type(list ? SPK_TYPE_ARRAY : SPK_TYPE_BYTEA);
	out->read = list ? READ_LIST_FIXED : READ_BYTES_FIXED;
	return true;
}

static bool parse_format(const char *format, struct arrow_format *out)
{
	*out = (struct arrow_format){ .read = READ_NOTHING };
	for (size_t i = 0; i < SPK_COUNT_OF(plain_formats); i++) {
		const struct plain *p = &plain_formats[i];

		if (strcmp(format, p->format) == 0) {
			out->read = p->read;
			out->unit = p->unit;
			out->type = p->read == READ_U64 ? spk_type_decimal(20, 0) : spk_type(p->type);
			return true;
		}
	}
	return timestamp_format(format, out) || decimal_format(format, out) || fixed_format(format, out);
}

/* The int32 at *at, which is moved on. */
static int32_t take_i32(const char **at)
{
	int32_t n;

	memcpy(&n, *at, 4);
	*at += 4;
	return n;
}

static enum spk_type_id type_of_mark(const char *mark, int32_t size, enum spk_type_id otherwise)
{
	static const struct { const char *mark; enum spk_type_id physical, id; } marks[] = {
		{ "jsonb", SPK_TYPE_TEXT, SPK_TYPE_JSONB }, { "json", SPK_TYPE_TEXT, SPK_TYPE_JSON }, { "uuid", SPK_TYPE_BYTEA, SPK_TYPE_UUID },
	};

	for (size_t i = 0; i < SPK_COUNT_OF(marks); i++)
		if (marks[i].physical == otherwise && strlen(marks[i].mark) == (size_t)size && memcmp(marks[i].mark, mark, (size_t)size) == 0)
			return marks[i].id;
	return otherwise;
}

/* JSON, JSONB or UUID when the metadata holds the mark that our export gives to them, else `otherwise`. */
static enum spk_type_id marked_type(const char *metadata, enum spk_type_id otherwise)
{
	int32_t pairs = metadata ? take_i32(&metadata) : 0;

	for (; pairs > 0; pairs--) {
		int32_t key_size = take_i32(&metadata), value_size;
		const char *key = metadata, *value;

		metadata += key_size;
		value_size = take_i32(&metadata);
		value = metadata;
		metadata += value_size;
		if (key_size == 13 && memcmp(key, "sparklet:type", 13) == 0)
			return type_of_mark(value, value_size, otherwise);
	}
	return otherwise;
}

static spk_status import_field(const struct ArrowSchema *in, struct spk_arena *arena, struct spk_field *field, struct arrow_format *format, int depth, spk_error *err);

/* Fields of a list or struct, which become those of an array or record. */
static spk_status import_children(const struct ArrowSchema *in, struct spk_arena *arena, struct arrow_format *format, int depth, spk_error *err)
{
	struct spk_schema *fields = SPK_NEW(arena, struct spk_schema);
	bool list = format->type.id == SPK_TYPE_ARRAY;

	if (in->dictionary || (list && in->n_children != 1) || in->n_children < 0 || in->n_children > INT16_MAX || depth > 32)
		return spk_fail(err, SPK_UNSUPPORTED, "column \"%s\": Arrow format \"%s\" with %lld children", in->name ? in->name : "", in->format, (long long)in->n_children);
	SPK_TRY_PTR(fields, err);
	fields->count = (int)in->n_children;
	fields->field = SPK_NEW_ARRAY(arena, struct spk_field, in->n_children + 1);
	format->child = SPK_NEW_ARRAY(arena, struct arrow_format, in->n_children + 1);
	SPK_TRY_PTR(fields->field, err);
	SPK_TRY_PTR(format->child, err);
	for (int i = 0; i < fields->count; i++) {
		SPK_TRY(import_field(in->children[i], arena, &fields->field[i], &format->child[i], depth + 1, err));
		/* SQL says nothing of NULL within values: functions that edit these may put one there. */
		fields->field[i].nullable = true;
	}
	/* Lists of lists may differ in length, which arrays of several dimensions do not. */
	if (list && fields->field[0].type.id == SPK_TYPE_ARRAY)
		return spk_fail(err, SPK_UNSUPPORTED, "column \"%s\": Arrow lists of lists (format \"%s\" in \"%s\")", in->name ? in->name : "", in->children[0]->format, in->format);
	format->type.children = fields;
	return SPK_OK;
}

static spk_status import_field(const struct ArrowSchema *in, struct spk_arena *arena, struct spk_field *field, struct arrow_format *format, int depth, spk_error *err)
{
	const char *name = in->name ? in->name : "", *values = in->dictionary ? in->dictionary->format : in->format;
	struct arrow_format *index;

	if (!parse_format(values, format))
		return spk_fail(err, SPK_UNSUPPORTED, "column \"%s\": Arrow format \"%s\"", name, values);
	if (spk_type_is_nested(format->type))
		SPK_TRY(import_children(in, arena, format, depth, err));
	if (in->dictionary) {
		index = SPK_NEW(arena, struct arrow_format);
		SPK_TRY_PTR(index, err);
		if (!strchr("cCsSiIlL", in->format[0]) || !parse_format(in->format, index))
			return spk_fail(err, SPK_UNSUPPORTED, "column \"%s\": a dictionary with indices of Arrow format \"%s\"", name, in->format);
		format->index = index;
	}
	if (format->type.id == SPK_TYPE_TEXT || (format->read == READ_BYTES_FIXED && format->width == 16))
		format->type = spk_type(marked_type(in->metadata, format->type.id));
	if (format->type.id == SPK_TYPE_UUID)
		format->read = READ_UUID;
	field->name = spk_arena_strdup(arena, name);
	SPK_TRY_PTR(field->name, err);
	field->type = format->type;
	field->nullable = (in->flags & ARROW_FLAG_NULLABLE) != 0 || format->read == READ_NOTHING;
	return SPK_OK;
}

spk_status spk_arrow_import_schema(const struct ArrowSchema *in, struct spk_arena *arena, struct spk_schema **out, spk_error *err)
{
	struct arrow_schema *made = SPK_NEW(arena, struct arrow_schema);

	if (!in->release || strcmp(in->format, "+s") != 0 || in->dictionary)
		return spk_fail(err, SPK_UNSUPPORTED, "an Arrow schema of format \"%s\": a struct of columns is needed", in->release ? in->format : "");
	if (in->n_children > INT16_MAX)
		return spk_fail(err, SPK_UNSUPPORTED, "an Arrow schema of %lld columns", (long long)in->n_children);
	SPK_TRY_PTR(made, err);
	made->magic = ARROW_SCHEMA_MAGIC;
	made->schema.count = (int)in->n_children;
	made->schema.field = SPK_NEW_ARRAY(arena, struct spk_field, in->n_children);
	made->column = SPK_NEW_ARRAY(arena, struct arrow_format, in->n_children);
	SPK_TRY_PTR(made->schema.field, err);
	SPK_TRY_PTR(made->column, err);
	for (int i = 0; i < made->schema.count; i++)
		SPK_TRY(import_field(in->children[i], arena, &made->schema.field[i], &made->column[i], 0, err));
	*out = &made->schema;
	return SPK_OK;
}
