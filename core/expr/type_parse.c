/* Types by their SQL names: PostgreSQL's, its internal ones (int4, float8) and Flink's spellings. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "core/base/check.h"
#include "core/base/conf.h"
#include "core/expr/internal.h"
#include "core/expr/text.h"

static const struct { const char *name; enum spk_type_id id; } names[] = {
	{ "boolean", SPK_TYPE_BOOLEAN }, { "bool", SPK_TYPE_BOOLEAN },
	{ "smallint", SPK_TYPE_SMALLINT }, { "int2", SPK_TYPE_SMALLINT }, { "tinyint", SPK_TYPE_SMALLINT },
	{ "integer", SPK_TYPE_INTEGER }, { "int", SPK_TYPE_INTEGER }, { "int4", SPK_TYPE_INTEGER },
	{ "bigint", SPK_TYPE_BIGINT }, { "int8", SPK_TYPE_BIGINT },
	{ "real", SPK_TYPE_REAL }, { "float4", SPK_TYPE_REAL },
	{ "double precision", SPK_TYPE_DOUBLE }, { "double", SPK_TYPE_DOUBLE }, { "float8", SPK_TYPE_DOUBLE }, { "float", SPK_TYPE_DOUBLE },
	{ "numeric", SPK_TYPE_DECIMAL }, { "decimal", SPK_TYPE_DECIMAL }, { "dec", SPK_TYPE_DECIMAL },
	{ "text", SPK_TYPE_TEXT }, { "string", SPK_TYPE_TEXT }, { "varchar", SPK_TYPE_TEXT }, { "character varying", SPK_TYPE_TEXT },
	{ "char", SPK_TYPE_TEXT }, { "character", SPK_TYPE_TEXT }, { "bpchar", SPK_TYPE_TEXT }, { "name", SPK_TYPE_TEXT },
	{ "bit", SPK_TYPE_TEXT }, { "bit varying", SPK_TYPE_TEXT }, { "varbit", SPK_TYPE_TEXT },
	{ "bytea", SPK_TYPE_BYTEA }, { "bytes", SPK_TYPE_BYTEA }, { "varbinary", SPK_TYPE_BYTEA }, { "binary", SPK_TYPE_BYTEA },
	{ "date", SPK_TYPE_DATE }, { "time", SPK_TYPE_TIME }, { "time without time zone", SPK_TYPE_TIME },
	{ "timestamp", SPK_TYPE_TIMESTAMP }, { "timestamp without time zone", SPK_TYPE_TIMESTAMP },
	{ "timestamptz", SPK_TYPE_TIMESTAMPTZ }, { "timestamp with time zone", SPK_TYPE_TIMESTAMPTZ },
	{ "timestamp_ltz", SPK_TYPE_TIMESTAMPTZ }, { "timestamp with local time zone", SPK_TYPE_TIMESTAMPTZ },
	{ "interval", SPK_TYPE_INTERVAL }, { "json", SPK_TYPE_JSON }, { "jsonb", SPK_TYPE_JSONB }, { "jsonpath", SPK_TYPE_TEXT },
	{ "uuid", SPK_TYPE_UUID },
};

struct spelling { char name[64]; long parameter[2]; int parameters; };

/* Cuts "timestamp(3) with time zone" into the name with single spaces and the numbers in parentheses. */
static bool split(const char *s, struct spelling *out)
{
	size_t n = 0;

	for (; *s; s++) {
		if (*s == '(') {
			do {
				char *end;

				if (out->parameters == 2)
					return false;
				out->parameter[out->parameters++] = strtol(s + 1, &end, 10);
				if (end == s + 1)
					return false;
				for (s = end; isspace((unsigned char)*s);)
					s++;
			} while (*s == ',');
			if (*s != ')')
				return false;
		} else if (isspace((unsigned char)*s)) {
			if (n && out->name[n - 1] != ' ' && n + 1 < sizeof out->name)
				out->name[n++] = ' ';
		} else {
			if (n + 1 >= sizeof out->name)
				return false;
			out->name[n++] = (char)tolower((unsigned char)*s);
		}
	}
	while (n && out->name[n - 1] == ' ')
		n--;
	out->name[n] = 0;
	return n > 0;
}

static spk_status unknown_type(const char *name, spk_error *err)
{
	const char *known[SPK_COUNT_OF(names)], *closest;

	for (size_t i = 0; i < SPK_COUNT_OF(names); i++)
		known[i] = names[i].name;
	if (spk_postgres_has_type(name))
		return spk_fail(err, SPK_UNSUPPORTED, "type %s is not supported", name);
	spk_fail(err, SPK_BIND, "type \"%s\" does not exist", name);
	closest = spk_closest_name(name, known, (int)SPK_COUNT_OF(names));
	return closest ? spk_hint(err, "Did you mean %s?", closest) : SPK_BIND;
}

enum { DECLARED_DIGITS = 1000 };  /* what PostgreSQL lets be declared */

static spk_status apply(struct spelling *sp, struct spk_type *type, spk_error *err)
{
	long p = sp->parameters > 0 ? sp->parameter[0] : 0, s = sp->parameters > 1 ? sp->parameter[1] : 0;
	bool padded;

	switch (type->id) {
	case SPK_TYPE_DECIMAL:
		if (sp->parameters == 0)
			return SPK_OK;
		if (p < 1 || p > DECLARED_DIGITS)
			return spk_fail(err, SPK_BIND, "NUMERIC precision %ld must be between 1 and %d", p, DECLARED_DIGITS);
		if (s < -DECLARED_DIGITS || s > DECLARED_DIGITS)
			return spk_fail(err, SPK_BIND, "NUMERIC scale %ld must be between %d and %d", s, -DECLARED_DIGITS, DECLARED_DIGITS);
		if (s > SPK_DECIMAL_DIGITS)
			return spk_fail(err, SPK_UNSUPPORTED, "NUMERIC scale %ld is not supported: values have %d digits at the most", s, SPK_DECIMAL_DIGITS);
		if (s < 0)
			return spk_fail(err, SPK_UNSUPPORTED, "NUMERIC scale %ld is not supported but in casts", s);
		*type = spk_type_decimal((int)SPK_MIN(p, (long)SPK_DECIMAL_DIGITS), (int)s);  /* values that do not fit are refused one by one */
		return SPK_OK;
	case SPK_TYPE_TEXT:
		/* A length that no string reaches (Flink's VARCHAR(2147483647)) is none. */
		if (strcmp(sp->name, "bit") == 0 || strcmp(sp->name, "bit varying") == 0 || strcmp(sp->name, "varbit") == 0) {
			type->scale = sp->name[0] == 'b' && !sp->name[3] ? SPK_TEXT_BITS : SPK_TEXT_VARBITS;
			if (sp->parameters && (p < 1 || p > SPK_BITS_MAX))
				return spk_fail(err, SPK_BIND, p < 1 ? "length for type %s must be at least 1" : "length for type %s cannot exceed %d", type->scale == SPK_TEXT_BITS ? "bit" : "varbit", SPK_BITS_MAX);
			return SPK_OK;
		}
		padded = strcmp(sp->name, "char") == 0 || strcmp(sp->name, "character") == 0 || strcmp(sp->name, "bpchar") == 0;
		if (sp->parameters && p < 1)
			return spk_fail(err, SPK_BIND, "length for type %s must be at least 1", padded ? "char" : "varchar");
		type->precision = p > 0 && p <= INT16_MAX ? (int16_t)p : 0;
		if (sp->parameters == 0 && padded && strcmp(sp->name, "bpchar") != 0)
			type->precision = 1;
		if (padded)
			type->scale = SPK_TEXT_PADDED;
		return SPK_OK;
	case SPK_TYPE_DOUBLE:
		if (sp->parameters && strcmp(sp->name, "float") == 0 && p < 25)
			type->id = SPK_TYPE_REAL;
		return SPK_OK;
	default:
		return SPK_OK;
	}
}

/* "integer[]": for elements without parameters, whose children are static. */
static spk_status parse_array(const char *name, size_t size, struct spk_type *out, spk_error *err)
{
	char element[64];
	struct spk_type type;

	snprintf(element, sizeof element, "%.*s", (int)SPK_MIN(size, sizeof element - 1), name);
	SPK_TRY(spk_type_parse(element, &type, err));
	if (spk_type_is_nested(type) || !spk_type_same(type, spk_type(type.id)))
		return spk_fail(err, SPK_UNSUPPORTED, "type \"%s\" by name", name);
	*out = spk_type_array(type.id);
	return SPK_OK;
}

spk_status spk_type_parse(const char *name, struct spk_type *out, spk_error *err)
{
	struct spelling sp = { .parameters = 0 };
	size_t size = strlen(name);

	if (size > 2 && strcmp(name + size - 2, "[]") == 0)
		return parse_array(name, size - 2, out, err);
	if (!split(name, &sp))
		return unknown_type(name, err);
	for (size_t i = 0; i < SPK_COUNT_OF(names); i++) {
		if (strcmp(names[i].name, sp.name) == 0) {
			struct spk_type type = spk_type(names[i].id);

			SPK_TRY(apply(&sp, &type, err));
			*out = type;
			return SPK_OK;
		}
	}
	return unknown_type(spk_postgres_has_type(sp.name) ? sp.name : name, err);
}
