/* Type names: PostgreSQL's own, Flink's, and the composite ones ARRAY<t>, ROW<a t, ...>. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/expr/map.h"
#include "core/expr/text.h"
#include "planner/sql/bind.h"
#include "planner/sql/rewrite.h"

/* What the parser and other dialects call types, and what spk_type_parse does. */
static const struct { const char *said, *name; } alias[] = {
	{ "bool", "boolean" }, { "int2", "smallint" }, { "int4", "integer" }, { "int", "integer" }, { "int8", "bigint" },
	{ "float4", "real" }, { "float8", "double precision" }, { "double", "double precision" }, { "float", "double precision" },
	{ "bpchar", "char" }, { "decimal", "numeric" }, { "dec", "numeric" }, { "string", "text" }, { "bytes", "bytea" },
	{ "varbinary", "bytea" }, { "binary", "bytea" }, { "timestamptz", "timestamp with time zone" },
	{ "timestamp_ltz", "timestamp with time zone" }, { "datetime", "timestamp" }, { "variant", "jsonb" },
};

static const char *const known[] = {
	"boolean", "smallint", "integer", "bigint", "real", "double", "numeric", "decimal", "text", "string", "varchar", "char", "bytea",
	"bytes", "date", "time", "timestamp", "timestamptz", "timestamp_ltz", "interval", "jsonb", "uuid", "array", "row", "int", "float",
};

static const char *canonical(const char *name)
{
	for (size_t i = 0; i < SPK_COUNT_OF(alias); i++)
		if (strcasecmp(alias[i].said, name) == 0)
			return alias[i].name;
	return name;
}

static bool takes_parameters(const char *name)
{
	return strcmp(name, "numeric") == 0 || strcmp(name, "varchar") == 0 || strcmp(name, "char") == 0 || strcmp(name, "bit") == 0 || strcmp(name, "varbit") == 0;
}

/* `name` with its parameters, "(10, 2)" or empty. */
static spk_status parse_simple(const struct spk_binder *b, const char *name, const char *parameters, int location, struct spk_type *out, spk_error *err)
{
	char text[128];
	spk_status status;

	name = canonical(name);
	snprintf(text, sizeof text, "%s%s", name, takes_parameters(name) ? parameters : "");
	status = spk_type_parse(text, out, err);
	if (status != SPK_OK && err)
		err->position = spk_binder_at(b, location);
	if (status == SPK_OK || status == SPK_UNSUPPORTED)
		return status;
	if (err && !err->hint[0])
		spk_binder_suggest(err, name, known, SPK_COUNT_OF(known), "Types");
	return err ? err->code = SPK_BIND : SPK_BIND;
}

/* --- composite types, in a text --- */

struct composite {
	const struct spk_binder *b;
	const char *at;
	int location, depth;
};

static spk_status parse_composite(struct composite *c, struct spk_type *out, spk_error *err);

static void skip_blanks(struct composite *c)
{
	c->at += strspn(c->at, " \t\r\n");
}

static bool take(struct composite *c, char sign)
{
	skip_blanks(c);
	if (*c->at != sign)
		return false;
	c->at++;
	return true;
}

/* A word or a quoted name; NULL when there is none. */
static const char *take_name(struct composite *c)
{
	const char *start;
	struct spk_token t = { 0 };

	skip_blanks(c);
	start = c->at;
	if (*start == '"') {
		for (c->at++; *c->at && (*c->at != '"' || c->at[1] == '"'); c->at++)
			c->at += *c->at == '"';
		c->at += *c->at == '"';
	} else {
		while (*c->at && !strchr(" \t\r\n<>(),\"", *c->at))
			c->at++;
	}
	t.end = (int)(c->at - start);
	return t.end ? spk_token_unquote(start, &t, c->b->arena) : NULL;
}

static spk_status malformed(const struct composite *c, spk_error *err)
{
	spk_binder_fail(c->b, c->location, SPK_SYNTAX, err, "malformed type near \"%.20s\"", c->at);
	return spk_hint(err, "Types are written like ARRAY<STRING>, ROW<name STRING, price BIGINT> and MAP<STRING, INT>.");
}

static spk_status add_field(struct composite *c, struct spk_schema *s, int capacity, const char *name, spk_error *err)
{
	struct spk_type t;

	if (s->count >= capacity)
		return spk_binder_fail(c->b, c->location, SPK_UNSUPPORTED, err, "a row type with more than %d fields is not supported", capacity);
	SPK_TRY(parse_composite(c, &t, err));
	s->field[s->count++] = (struct spk_field){ .name = name, .type = t, .nullable = true };
	return SPK_OK;
}

static spk_status parse_fields(struct composite *c, bool row, struct spk_type *out, spk_error *err)
{
	enum { FIELDS_MAX = 256 };
	struct spk_schema *s = spk_schema_new(c->b->arena, row ? FIELDS_MAX : 1);
	const char close = take(c, '<') ? '>' : row && take(c, '(') ? ')' : 0;

	SPK_TRY_PTR(s, err);
	s->count = 0;
	if (!close)
		return malformed(c, err);
	do {
		const char *name = row ? take_name(c) : "element";

		if (!name)
			return malformed(c, err);
		SPK_TRY(add_field(c, s, row ? FIELDS_MAX : 1, name, err));
	} while (row && take(c, ','));
	if (!take(c, close))
		return malformed(c, err);
	if (!row && spk_type_is_map(s->field[0].type)) {
		spk_binder_fail(c->b, c->location, SPK_UNSUPPORTED, err, "an array of maps is not supported");
		return spk_hint(err, "An array of records, each of which holds a map, is: ARRAY<ROW<m MAP<STRING, INT>>>."), SPK_UNSUPPORTED;
	}
	*out = (struct spk_type){ .id = row ? SPK_TYPE_ROW : SPK_TYPE_ARRAY, .children = s };
	return SPK_OK;
}

/* <key, value> */
static spk_status parse_map(struct composite *c, struct spk_type *out, spk_error *err)
{
	struct spk_type key, value;
	char text[64];

	if (!take(c, '<'))
		return malformed(c, err);
	SPK_TRY(parse_composite(c, &key, err));
	if (!take(c, ','))
		return malformed(c, err);
	SPK_TRY(parse_composite(c, &value, err));
	if (!take(c, '>'))
		return malformed(c, err);
	if (!spk_type_may_be_key(key)) {
		spk_binder_fail(c->b, c->location, SPK_BIND, err, "keys of a map must be scalar values, not %s", spk_type_format(key, text, sizeof text));
		return spk_hint(err, "MAP<STRING, ...> or MAP<BIGINT, ...>; values may be of any type.");
	}
	return spk_type_map_of(c->b->arena, key, value, out, err);
}

/* Words up to a sign of the enclosing type: "double precision", "decimal (10, 2)", "int not null". */
static spk_status parse_words(struct composite *c, const char *first, struct spk_type *out, spk_error *err)
{
	char name[80], parameters[40] = "";
	const char *word;
	int n = snprintf(name, sizeof name, "%s", first);

	for (;;) {
		skip_blanks(c);
		if (*c->at == '(') {
			size_t size = strcspn(c->at, ")") + 1;

			if (!strchr(c->at, ')') || size >= sizeof parameters)
				return malformed(c, err);
			snprintf(parameters, sizeof parameters, "%.*s", (int)size, c->at);
			c->at += size;
			continue;
		}
		if (!(word = take_name(c)))
			break;
		if (strcasecmp(word, "NOT") == 0 || strcasecmp(word, "NULL") == 0)
			continue;
		if (n < (int)sizeof name)
			n += snprintf(name + n, sizeof name - (size_t)n, " %s", word);
	}
	if (!*parameters && spk_catalog_record(c->b->catalog, name) && spk_type_parse(canonical(name), out, NULL) != SPK_OK) {
		*out = (struct spk_type){ .id = SPK_TYPE_ROW, .children = spk_catalog_record(c->b->catalog, name) };
		return SPK_OK;
	}
	return parse_simple(c->b, name, parameters, c->location, out, err);
}

static spk_status parse_composite(struct composite *c, struct spk_type *out, spk_error *err)
{
	enum { DEPTH_MAX = 32 };
	const char *word = take_name(c);
	spk_status status;

	if (!word)
		return malformed(c, err);
	if (++c->depth > DEPTH_MAX)
		return spk_binder_fail(c->b, c->location, SPK_UNSUPPORTED, err, "the type is nested too deeply: more than %d levels", DEPTH_MAX);
	if (strcasecmp(word, "ARRAY") == 0 || strcasecmp(word, "ROW") == 0 || strcasecmp(word, "STRUCT") == 0)
		status = parse_fields(c, strcasecmp(word, "ARRAY") != 0, out, err);
	else if (strcasecmp(word, "MAP") == 0)
		status = parse_map(c, out, err);
	else if (strcasecmp(word, "MULTISET") == 0)
		status = spk_binder_fail(c->b, c->location, SPK_UNSUPPORTED, err, "type %s is not supported yet", word);
	else
		status = parse_words(c, word, out, err);
	for (const char *after; status == SPK_OK; c->at = after) {  /* ARRAY<INT> NOT NULL */
		struct composite ahead = *c;

		word = take_name(&ahead);
		after = ahead.at;
		if (!word || (strcasecmp(word, "NOT") != 0 && strcasecmp(word, "NULL") != 0))
			break;
	}
	c->depth--;
	return status;
}

/* --- the parser's type names --- */

/* "(10,2)" from the parser's constants. */
static void put_parameters(const PgQuery__TypeName *t, char *out, size_t size)
{
	int n = 0;

	*out = 0;
	for (size_t i = 0; i < t->n_typmods && n < (int)size - 16; i++) {
		const PgQuery__Node *p = t->typmods[i];

		if (p->node_case == PG_QUERY__NODE__NODE_A_CONST && p->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL)
			n += snprintf(out + n, size - (size_t)n, "%s%d", i ? "," : "(", p->a_const->ival->ival);
	}
	if (n)
		snprintf(out + n, size - (size_t)n, ")");
}

/* The name of a record type, or a table's, which is the type of its rows; _int4 is an array of int4. False: it is neither. */
static bool other_name(const struct spk_binder *b, const PgQuery__TypeName *t, const char *name, struct spk_type *out)
{
	const struct spk_schema *record = spk_catalog_record(b->catalog, name);
	struct spk_type element;

	if (t->n_typmods || spk_type_parse(name, out, NULL) == SPK_OK)
		return false;
	if (name[0] == '_' && spk_type_parse(name + 1, &element, NULL) == SPK_OK)
		return spk_type_array_of(b->arena, element, out, NULL) == SPK_OK;
	if (!record)
		return false;
	*out = (struct spk_type){ .id = SPK_TYPE_ROW, .children = record };
	return true;
}

spk_status spk_binder_type(const struct spk_binder *b, const PgQuery__TypeName *t, struct spk_type *out, spk_error *err)
{
	const char *name = t->n_names ? spk_node_string(t->names[t->n_names - 1]) : NULL;
	const char *schema = t->n_names > 1 ? spk_node_string(t->names[0]) : NULL;
	char parameters[40];

	if (!name || t->setof || t->pct_type || t->n_names > 2)
		return spk_binder_unsupported(b, t->location, "a type name of this form", err);
	if (schema && strcmp(schema, "pg_catalog") != 0 && strcmp(schema, "public") != 0)
		return spk_binder_fail(b, t->location, SPK_BIND, err, "schema \"%s\" does not exist", schema);
	if (strcmp(name, SPK_MARK_TYPE) == 0 && t->n_typmods == 1 && t->typmods[0]->node_case == PG_QUERY__NODE__NODE_A_CONST && t->typmods[0]->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL) {
		struct composite c = { .b = b, .at = t->typmods[0]->a_const->sval->sval, .location = t->location };

		SPK_TRY(parse_composite(&c, out, err));
		skip_blanks(&c);
		if (*c.at)
			return malformed(&c, err);
	} else if (!other_name(b, t, name, out)) {
		/* The parser makes character(1) of char: the same here. */
		put_parameters(t, parameters, sizeof parameters);
		SPK_TRY(parse_simple(b, name, parameters, t->location, out, err));
	}
	for (size_t i = 0; i < t->n_array_bounds; i++)
		SPK_TRY(spk_type_array_of(b->arena, *out, out, err));
	return SPK_OK;
}

spk_status spk_binder_comparable(const struct spk_binder *b, struct spk_type type, bool ordered, int location, spk_error *err)
{
	const bool map = spk_type_has_map(type);
	char text[64];

	if (!map && type.id != SPK_TYPE_JSON && (type.id != SPK_TYPE_ARRAY || spk_type_element(type).id != SPK_TYPE_JSON))
		return SPK_OK;
	spk_binder_fail(b, location, SPK_BIND, err, "could not identify an %s operator for type %s", ordered ? "ordering" : "equality", spk_type_format_bare(type, text, sizeof text));
	return spk_hint(err, map ? "Maps have no order and are not compared. to_jsonb(...) of it has both." : "A cast to jsonb has both.");
}
