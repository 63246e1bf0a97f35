/* Avro schemas: JSON text into types. */
#include "connectors/format/avro.h"

#include <jansson.h>
#include <stdio.h>

enum { DEPTH = 64, NAME_MAX_BYTES = 512 };

struct names { const char *name; struct spk_avro_type *type; };

struct parser {
	struct spk_arena *arena;
	struct names *named;
	int count, capacity;
};

static const char *const kind_names[] = {
#define NAME(id, name) name,
	SPK_AVRO_KIND_LIST(NAME)
#undef NAME
};

static const struct { const char *name; enum spk_avro_kind kind, other; } logical_types[] = {
	{ "", SPK_AVRO_NULL, SPK_AVRO_NULL },
#define LOGICAL(id, name, kind, other) { name, SPK_AVRO_##kind, SPK_AVRO_##other },
	SPK_AVRO_LOGICAL_LIST(LOGICAL)
#undef LOGICAL
};

static spk_status parse(struct parser *p, const json_t *json, const char *space, int depth, const struct spk_avro_type **out, spk_error *err);

static spk_status wrong(spk_error *err, const json_t *json, const char *what)
{
	char *text = json ? json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	spk_status status = spk_fail(err, SPK_DATA, "Avro schema: %s%s%.120s", what, text ? " in " : "", text ? text : "");

	free(text);
	return status;
}

/* --- names --- */

static bool is_name(const char *s)
{
	bool first = true;

	for (; *s; s++) {
		bool letter = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || *s == '_', digit = *s >= '0' && *s <= '9';

		if (*s == '.') {
			if (first)
				return false;
			first = true;
		} else if (!letter && (first || !digit)) {
			return false;
		} else {
			first = false;
		}
	}
	return !first;
}

/* A name with its namespace before it, in `out`. */
static bool full_name(const char *name, const char *space, char *out)
{
	int n = strchr(name, '.') || !*space ? snprintf(out, NAME_MAX_BYTES, "%s", name) : snprintf(out, NAME_MAX_BYTES, "%s.%s", space, name);

	return n > 0 && n < NAME_MAX_BYTES && is_name(out);
}

static struct spk_avro_type *find_named(const struct parser *p, const char *name)
{
	for (int i = 0; i < p->count; i++)
		if (!strcmp(p->named[i].name, name))
			return p->named[i].type;
	return NULL;
}

/* Gives the type its name; *space: the namespace of what is inside. */
static spk_status name_type(struct parser *p, const json_t *json, const char *outer, struct spk_avro_type *t, const char **space, spk_error *err)
{
	const char *name = json_string_value(json_object_get(json, "name")), *given = json_string_value(json_object_get(json, "namespace")), *dot;
	char full[NAME_MAX_BYTES];

	if (!name || !full_name(name, given ? given : outer, full))
		return wrong(err, json, "a record, enum or fixed needs a name of letters, digits and _");
	if (find_named(p, full))
		return wrong(err, json_object_get(json, "name"), "a name is defined twice");
	t->name = spk_arena_strdup(p->arena, full);
	SPK_TRY_PTR(t->name, err);
	dot = strrchr(t->name, '.');
	*space = dot ? spk_arena_strndup(p->arena, t->name, (size_t)(dot - t->name)) : "";
	SPK_TRY_PTR(*space, err);
	if (p->count == p->capacity) {
		int capacity = p->capacity ? p->capacity * 2 : 16;
		struct names *grown = SPK_NEW_ARRAY(p->arena, struct names, capacity);

		SPK_TRY_PTR(grown, err);
		if (p->count)
			memcpy(grown, p->named, sizeof(*grown) * (size_t)p->count);
		p->named = grown;
		p->capacity = capacity;
	}
	p->named[p->count++] = (struct names){ t->name, t };
	return SPK_OK;
}

/* --- parts --- */

static spk_status strings(struct parser *p, const json_t *list, bool names, const char ***out, int *count, spk_error *err)
{
	size_t n = json_array_size(list);
	const char **s = SPK_NEW_ARRAY(p->arena, const char *, n + 1);

	SPK_TRY_PTR(s, err);
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (!text || (names && !is_name(text)))
			return wrong(err, list, "a list that should hold names holds something else");
		s[i] = spk_arena_strdup(p->arena, text);
		SPK_TRY_PTR(s[i], err);
	}
	*out = s;
	*count = (int)n;
	return SPK_OK;
}

static spk_status parse_field(struct parser *p, const json_t *json, const char *space, int depth, struct spk_avro_field *out, spk_error *err)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	const json_t *value = json_object_get(json, "default"), *aliases = json_object_get(json, "aliases");

	if (!name || !is_name(name))
		return wrong(err, json, "a field needs a name of letters, digits and _");
	out->name = spk_arena_strdup(p->arena, name);
	SPK_TRY_PTR(out->name, err);
	if (aliases)
		SPK_TRY(strings(p, aliases, true, &out->alias, &out->aliases, err));
	if (value) {
		char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17));

		SPK_TRY_PTR(text, err);
		out->by_default = spk_arena_strdup(p->arena, text);
		free(text);
		SPK_TRY_PTR(out->by_default, err);
	}
	if (parse(p, json_object_get(json, "type"), space, depth, &out->type, err) != SPK_OK)
		return spk_error_context(err, "field \"%s\"", out->name);
	return SPK_OK;
}

static spk_status parse_record(struct parser *p, const json_t *json, const char *space, int depth, struct spk_avro_type *t, spk_error *err)
{
	const json_t *fields = json_object_get(json, "fields");
	size_t n = json_array_size(fields);

	SPK_TRY(name_type(p, json, space, t, &space, err));
	if (!json_is_array(fields))
		return wrong(err, json, "a record has no fields");
	t->field = SPK_NEW_ARRAY(p->arena, struct spk_avro_field, n + 1);
	SPK_TRY_PTR(t->field, err);
	for (size_t i = 0; i < n; i++) {
		SPK_TRY(parse_field(p, json_array_get(fields, i), space, depth, &t->field[i], err));
		for (size_t k = 0; k < i; k++)
			if (!strcmp(t->field[k].name, t->field[i].name))
				return wrong(err, json_array_get(fields, i), "a field comes twice");
	}
	t->count = (int)n;
	return SPK_OK;
}

static spk_status parse_enum(struct parser *p, const json_t *json, const char *space, struct spk_avro_type *t, spk_error *err)
{
	const char *by_default = json_string_value(json_object_get(json, "default"));

	SPK_TRY(name_type(p, json, space, t, &space, err));
	SPK_TRY(strings(p, json_object_get(json, "symbols"), true, &t->symbol, &t->count, err));
	t->default_symbol = by_default ? spk_avro_symbol(t, by_default, strlen(by_default)) : -1;
	return t->count ? SPK_OK : wrong(err, json, "an enum has no symbols");
}

static spk_status parse_fixed(struct parser *p, const json_t *json, const char *space, struct spk_avro_type *t, spk_error *err)
{
	json_int_t size = json_integer_value(json_object_get(json, "size"));

	SPK_TRY(name_type(p, json, space, t, &space, err));
	if (!json_is_integer(json_object_get(json, "size")) || size < 0 || size > 1 << 24)
		return wrong(err, json, "a fixed needs a size of 0 to 16 MiB");
	t->size = (int)size;
	return SPK_OK;
}

static spk_status parse_items(struct parser *p, const json_t *json, const char *space, int depth, struct spk_avro_type *t, spk_error *err)
{
	t->item = SPK_NEW_ARRAY(p->arena, const struct spk_avro_type *, 1);
	SPK_TRY_PTR(t->item, err);
	t->count = 1;
	return parse(p, json_object_get(json, t->kind == SPK_AVRO_ARRAY ? "items" : "values"), space, depth, &t->item[0], err);
}

static spk_status parse_union(struct parser *p, const json_t *json, const char *space, int depth, struct spk_avro_type *t, spk_error *err)
{
	size_t n = json_array_size(json);

	t->kind = SPK_AVRO_UNION;
	t->item = SPK_NEW_ARRAY(p->arena, const struct spk_avro_type *, n + 1);
	SPK_TRY_PTR(t->item, err);
	if (!n)
		return wrong(err, json, "a union has no branches");
	for (size_t i = 0; i < n; i++) {
		SPK_TRY(parse(p, json_array_get(json, i), space, depth, &t->item[i], err));
		if (t->item[i]->kind == SPK_AVRO_UNION)
			return wrong(err, json, "a union directly in a union");
	}
	t->count = (int)n;
	return SPK_OK;
}

/* What is known of a type beside its kind, where it fits the kind; Avro takes the bare kind where it does not. */
static void parse_logical(const json_t *json, struct spk_avro_type *t)
{
	const char *name = json_string_value(json_object_get(json, "logicalType"));
	json_int_t precision = json_integer_value(json_object_get(json, "precision")), scale = json_integer_value(json_object_get(json, "scale"));

	for (size_t i = 1; name && i < SPK_COUNT_OF(logical_types); i++)
		if (!strcmp(logical_types[i].name, name) && (logical_types[i].kind == t->kind || logical_types[i].other == t->kind))
			t->logical = (enum spk_avro_logical)i;
	if ((t->logical == SPK_AVRO_DURATION && t->size != 12) || (t->logical == SPK_AVRO_UUID && t->kind == SPK_AVRO_FIXED && t->size != 16))
		t->logical = SPK_AVRO_PLAIN;
	if (t->logical != SPK_AVRO_DECIMAL)
		return;
	if (precision <= 0 || scale < 0 || scale > precision || precision > INT16_MAX) {
		t->logical = SPK_AVRO_PLAIN;
		return;
	}
	t->precision = (int)precision;
	t->scale = (int)scale;
}

static bool find_kind(const char *name, enum spk_avro_kind *out)
{
	for (size_t i = 0; i < SPK_COUNT_OF(kind_names); i++) {
		if (strcmp(kind_names[i], name) || i == SPK_AVRO_UNION)
			continue;
		*out = (enum spk_avro_kind)i;
		return true;
	}
	return false;
}

/* A name: of a primitive type, or of one that was defined before. */
static spk_status parse_reference(struct parser *p, const json_t *json, const char *space, const struct spk_avro_type **out, spk_error *err)
{
	const char *name = json_string_value(json);
	char full[NAME_MAX_BYTES];
	struct spk_avro_type *t = NULL;
	enum spk_avro_kind kind;

	if (find_kind(name, &kind) && kind <= SPK_AVRO_STRING) {
		t = SPK_NEW(p->arena, struct spk_avro_type);
		SPK_TRY_PTR(t, err);
		t->kind = kind;
	} else if (full_name(name, space, full)) {
		t = find_named(p, full);
		t = t ? t : find_named(p, name);
	}
	*out = t;
	return t ? SPK_OK : wrong(err, json, "a type that is not defined");
}

static spk_status parse_object(struct parser *p, const json_t *json, const char *space, int depth, struct spk_avro_type *t, spk_error *err)
{
	const char *name = json_string_value(json_object_get(json, "type"));

	if (!find_kind(name, &t->kind))
		return wrong(err, json, "a type that is not defined");
	switch (t->kind) {
	case SPK_AVRO_RECORD: SPK_TRY(parse_record(p, json, space, depth, t, err)); break;
	case SPK_AVRO_ENUM: SPK_TRY(parse_enum(p, json, space, t, err)); break;
	case SPK_AVRO_FIXED: SPK_TRY(parse_fixed(p, json, space, t, err)); break;
	case SPK_AVRO_ARRAY: case SPK_AVRO_MAP: SPK_TRY(parse_items(p, json, space, depth, t, err)); break;
	default: break;
	}
	parse_logical(json, t);
	return SPK_OK;
}

static spk_status parse(struct parser *p, const json_t *json, const char *space, int depth, const struct spk_avro_type **out, spk_error *err)
{
	const json_t *type = json_object_get(json, "type");
	struct spk_avro_type *t;
	enum spk_avro_kind kind;

	if (depth >= DEPTH)
		return wrong(err, NULL, "types are nested more than 64 deep");
	if (json_is_string(json))
		return parse_reference(p, json, space, out, err);
	/* {"type": {...}} and {"type": "a.Name"} mean what is inside. */
	if (json_is_object(json) && (json_is_object(type) || json_is_array(type)))
		return parse(p, type, space, depth + 1, out, err);
	if (json_is_object(json) && json_is_string(type) && !find_kind(json_string_value(type), &kind))
		return parse_reference(p, type, space, out, err);
	if (!json_is_array(json) && !(json_is_object(json) && json_is_string(type)))
		return wrong(err, json, json ? "a type should be a name, an object or a list" : "a type is missing");
	t = SPK_NEW(p->arena, struct spk_avro_type);
	SPK_TRY_PTR(t, err);
	*out = t;
	return json_is_array(json) ? parse_union(p, json, space, depth + 1, t, err) : parse_object(p, json, space, depth + 1, t, err);
}

static spk_status parse_text(struct parser *p, const char *json, size_t size, const struct spk_avro_type **out, spk_error *err)
{
	json_error_t why;
	json_t *root = json_loadb(json, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	spk_status status;

	if (!root)
		return spk_fail(err, SPK_DATA, "Avro schema: not JSON, line %d: %s", why.line, why.text);
	status = parse(p, root, "", 0, out, err);
	json_decref(root);
	return status;
}

spk_status spk_avro_parse(struct spk_arena *arena, const char *json, size_t size, const struct spk_avro_type **out, spk_error *err)
{
	struct parser p = { .arena = arena };

	return parse_text(&p, json, size, out, err);
}

spk_status spk_avro_parse_all(struct spk_arena *arena, const char *texts, size_t size, const struct spk_avro_type **out, spk_error *err)
{
	struct parser p = { .arena = arena };

	for (size_t at = 0; at < size; at += strlen(texts + at) + 1)
		SPK_TRY(parse_text(&p, texts + at, strlen(texts + at), out, err));
	return SPK_OK;
}

/* --- asking --- */

const char *spk_avro_type_format(const struct spk_avro_type *type, char *out, size_t size)
{
	const char *name = type->name ? type->name : logical_types[type->logical].name;
	bool named = type->name != NULL;

	snprintf(out, size, "%s%s%s%s", kind_names[type->kind], *name ? named ? " " : " (" : "", name, *name && !named ? ")" : "");
	return out;
}

int spk_avro_null_branch(const struct spk_avro_type *type)
{
	for (int i = 0; type->kind == SPK_AVRO_UNION && i < type->count; i++)
		if (type->item[i]->kind == SPK_AVRO_NULL)
			return i;
	return -1;
}

int spk_avro_symbol(const struct spk_avro_type *type, const char *s, size_t n)
{
	for (int i = 0; i < type->count; i++)
		if (strlen(type->symbol[i]) == n && !memcmp(type->symbol[i], s, n))
			return i;
	return -1;
}

static const char *field_name(const void *user, int i)
{
	return ((const struct spk_avro_type *)user)->field[i].name;
}

int spk_avro_find(const struct spk_avro_type *record, const char *name)
{
	return spk_find_field(name, record->count, field_name, record);
}
