/* Types: widths, sameness, names as PostgreSQL's format_type gives them. */
#include "core/columnar/type.h"

#include <stdio.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/check.h"

static const struct { const char *name; int width; } types[SPK_TYPE_COUNT] = {
#define ROW_OF(id, text, bytes) [SPK_TYPE_##id] = { text, bytes },
	SPK_TYPE_LIST(ROW_OF)
#undef ROW_OF
};

/* One element field per type without parameters, read-only: schemas hold their fields by a plain pointer. */
static const struct spk_field element_field[SPK_TYPE_COUNT] = {
#define FIELD_OF(id_, text, bytes) \
	[SPK_TYPE_##id_] = { "element", { SPK_TYPE_##id_, 0, SPK_TYPE_##id_ == SPK_TYPE_DECIMAL ? SPK_SCALE_VARIES : 0, NULL }, true },
	SPK_TYPE_LIST(FIELD_OF)
#undef FIELD_OF
};
const struct spk_schema spk_element_schema[SPK_TYPE_COUNT] = {
#define SCHEMA_OF(id_, text, bytes) [SPK_TYPE_##id_] = { 1, (struct spk_field *)&element_field[SPK_TYPE_##id_] },
	SPK_TYPE_LIST(SCHEMA_OF)
#undef SCHEMA_OF
};

struct spk_type spk_type_array(enum spk_type_id element)
{
	SPK_ASSERT((unsigned)element < SPK_TYPE_COUNT && element != SPK_TYPE_ARRAY && element != SPK_TYPE_ROW, "an element type with children");
	return (struct spk_type){ .id = SPK_TYPE_ARRAY, .children = &spk_element_schema[element] };
}

spk_status spk_type_array_of(struct spk_arena *arena, struct spk_type element, struct spk_type *out, spk_error *err)
{
	struct spk_schema *s;

	if (spk_type_is_map(element)) {
		spk_fail(err, SPK_UNSUPPORTED, "an array of maps is not supported");
		return spk_hint(err, "An array of records, each of which holds a map, is: ARRAY<ROW<m MAP<STRING, INT>>>."), SPK_UNSUPPORTED;
	}
	if (!element.children && spk_type_same(element, spk_type(element.id))) {
		*out = spk_type_array(element.id);
		return SPK_OK;
	}
	s = SPK_NEW(arena, struct spk_schema);
	SPK_TRY_PTR(s, err);
	s->field = SPK_NEW(arena, struct spk_field);
	SPK_TRY_PTR(s->field, err);
	s->count = 1;
	s->field[0] = (struct spk_field){ .name = "element", .type = element, .nullable = true };
	*out = (struct spk_type){ .id = SPK_TYPE_ARRAY, .children = s };
	return SPK_OK;
}

struct spk_type spk_type_element(struct spk_type array)
{
	return array.id == SPK_TYPE_ARRAY && array.children ? array.children->field[0].type : spk_type(SPK_TYPE_UNKNOWN);
}

int spk_type_width(struct spk_type type)
{
	SPK_ASSERT((unsigned)type.id < SPK_TYPE_COUNT, "a type that is none");
	return types[type.id].width;
}

/* Field names are part of a record's type (they come out in JSON); an array's element has no name of its own. */
static bool same_children(struct spk_type a, struct spk_type b)
{
	const struct spk_schema *x = a.children, *y = b.children;

	if (!x || !y || x->count != y->count)
		return x == y;
	for (int i = 0; i < x->count; i++) {
		if (!spk_type_same(x->field[i].type, y->field[i].type))
			return false;
		if (a.id == SPK_TYPE_ROW && strcmp(x->field[i].name, y->field[i].name) != 0)
			return false;
	}
	return true;
}

bool spk_type_same(struct spk_type a, struct spk_type b)
{
	if (a.id != b.id || a.precision != b.precision || a.scale != b.scale)
		return false;
	return a.children == b.children || same_children(a, b);
}

bool spk_type_has_map(struct spk_type type)
{
	bool map = spk_type_is_map(type);

	for (int i = 0; type.children && i < type.children->count && !map; i++)
		map = spk_type_has_map(type.children->field[i].type);
	return map;
}

/* map<text, integer> */
static void format_map(struct spk_type type, char *out, size_t size)
{
	const struct spk_schema *entry = spk_type_element(type).children;
	char key[64], value[64];

	snprintf(out, size, "map<%s, %s>", spk_type_format(entry->field[0].type, key, sizeof key), spk_type_format(entry->field[1].type, value, sizeof value));
}

const char *spk_type_format(struct spk_type type, char *out, size_t size)
{
	size_t length;

	switch (type.id) {
	case SPK_TYPE_DECIMAL:
		if (type.scale >= 0)
			snprintf(out, size, "numeric(%d,%d)", type.precision ? type.precision : SPK_DECIMAL_DIGITS, type.scale);
		else
			snprintf(out, size, "numeric");
		break;
	case SPK_TYPE_TEXT:
		if (type.scale > 1)
			snprintf(out, size, type.scale == 2 ? "bit" : "bit varying");
		else if (type.precision > 0)
			snprintf(out, size, type.scale ? "character(%d)" : "character varying(%d)", type.precision);
		else
			snprintf(out, size, "text");
		break;
	case SPK_TYPE_ARRAY:
		if (spk_type_is_map(type)) {
			format_map(type, out, size);
			break;
		}
		/* PostgreSQL's types do not tell numbers of dimensions. */
		while (type.id == SPK_TYPE_ARRAY)
			type = spk_type_element(type);
		spk_type_format(type, out, size);
		length = strnlen(out, size);
		if (length < size)
			snprintf(out + length, size - length, "[]");
		break;
	default:
		snprintf(out, size, "%s", types[type.id].name);
	}
	return out;
}

int spk_schema_find(const struct spk_schema *schema, const char *name)
{
	for (int i = 0; i < schema->count; i++)
		if (strcmp(schema->field[i].name, name) == 0)
			return i;
	return -1;
}
