/* Types: widths, sameness, names as PostgreSQL's format_type gives them. */
#include "core/columnar/type.h"

#include <stdio.h>
#include <string.h>

#include "core/base/check.h"

static const struct { const char *name; int width; } types[SPK_TYPE_COUNT] = {
#define ROW_OF(id, text, bytes) [SPK_TYPE_##id] = { text, bytes },
	SPK_TYPE_LIST(ROW_OF)
#undef ROW_OF
};

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
		if (type.precision > 0)
			snprintf(out, size, "character varying(%d)", type.precision);
		else
			snprintf(out, size, "text");
		break;
	case SPK_TYPE_ARRAY:
		spk_type_format(type.children ? type.children->field[0].type : spk_type(SPK_TYPE_UNKNOWN), out, size);
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
