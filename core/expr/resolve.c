/*
 * Which function a call means: PostgreSQL's rules (its manual, chapter "Type Conversion"). An exact match wins; else the
 * candidates that implicit casts reach are thinned out by exact matches, preferred types, and the categories of untyped
 * literals, until one is left.
 */
#include "core/expr/array.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "core/expr/bits.h"

enum { CANDIDATES_MAX = 256 };

struct candidates {
	const struct spk_function *f[CANDIDATES_MAX];
	int count;
};

char spk_type_category(enum spk_type_id id)
{
	static const char category[SPK_TYPE_COUNT] = {
		[SPK_TYPE_UNKNOWN] = 'X', [SPK_TYPE_BOOLEAN] = 'B', [SPK_TYPE_SMALLINT] = 'N', [SPK_TYPE_INTEGER] = 'N',
		[SPK_TYPE_BIGINT] = 'N', [SPK_TYPE_REAL] = 'N', [SPK_TYPE_DOUBLE] = 'N', [SPK_TYPE_DECIMAL] = 'N',
		[SPK_TYPE_TEXT] = 'S', [SPK_TYPE_BYTEA] = 'U', [SPK_TYPE_DATE] = 'D', [SPK_TYPE_TIME] = 'D',
		[SPK_TYPE_TIMESTAMP] = 'D', [SPK_TYPE_TIMESTAMPTZ] = 'D', [SPK_TYPE_INTERVAL] = 'T', [SPK_TYPE_JSONB] = 'U', [SPK_TYPE_JSON] = 'U', [SPK_TYPE_UUID] = 'U',
		[SPK_TYPE_ARRAY] = 'A', [SPK_TYPE_ROW] = 'P',
	};

	return category[id];
}

bool spk_type_preferred(enum spk_type_id id)
{
	return id == SPK_TYPE_BOOLEAN || id == SPK_TYPE_DOUBLE || id == SPK_TYPE_TEXT || id == SPK_TYPE_TIMESTAMPTZ || id == SPK_TYPE_INTERVAL;
}

bool spk_can_coerce(struct spk_type from, struct spk_type to)
{
	const struct spk_cast *cast;

	if (from.id == SPK_TYPE_UNKNOWN || to.id == SPK_TYPE_UNKNOWN)
		return true;
	if (from.id == to.id && (!spk_type_is_nested(from) || !to.children || spk_cast_is_noop(from, to)))
		return true;
	cast = spk_cast_find(from, to);
	return cast && spk_cast_context(cast, from, to) == SPK_CAST_IMPLICIT;
}

spk_status spk_expr_coerce(struct spk_arena *arena, struct spk_expr *arg, struct spk_type want, int position, struct spk_expr **out, spk_error *err)
{
	if (want.id == SPK_TYPE_UNKNOWN)
		want = arg->type.id == SPK_TYPE_UNKNOWN ? spk_type(SPK_TYPE_TEXT) : arg->type;
	if (want.id == SPK_TYPE_ARRAY && !want.children && arg->type.id == SPK_TYPE_UNKNOWN)
		return spk_bind_fail(err, position, "could not determine polymorphic type because input has type unknown");
	if (want.id == arg->type.id && (!want.children || spk_type_same(want, arg->type))) {
		*out = arg;
		return SPK_OK;
	}
	if (want.id == SPK_TYPE_DECIMAL && want.scale < 0)
		want = spk_numeric_type_of(arg->type);
	return spk_expr_cast(arena, arg, want, true, position, out, err);
}

/* --- candidates --- */

/* The i-th parameter's type of a call with that many arguments. */
static struct spk_type parameter(const struct spk_function *f, int i)
{
	int last = 0;

	if (f->args_max >= 0)
		return f->arg[i];
	while (last + 1 < SPK_FUNCTION_ARGS_MAX && last + 1 < f->args_min)
		last++;
	return f->arg[SPK_MIN(i, last)];
}

static void gather(const char *name, int args, struct candidates *out)
{
	int families;
	const struct spk_function_family *family = spk_function_families(&families);

	out->count = 0;
	for (int k = 0; k < families; k++)
		for (int i = 0; i < family[k].count; i++) {
			const struct spk_function *f = &family[k].function[i];

			if (strcasecmp(f->name, name) != 0 || out->count == CANDIDATES_MAX)
				continue;
			if (args >= 0 && (args < f->args_min || (f->args_max >= 0 && args > f->args_max)))
				continue;
			out->f[out->count++] = f;
		}
}

/* --- arguments that hang together (spk_alike) --- */

/* What argument `i` says about the common element type: false: nothing. */
static bool alike_type(const struct spk_function *f, int i, struct spk_type given, struct spk_type *out)
{
	struct spk_type want = parameter(f, i);

	if (f->alike == SPK_ALIKE_NONE || given.id == SPK_TYPE_UNKNOWN)
		return false;
	if (want.id == SPK_TYPE_UNKNOWN)
		*out = given;
	else if (want.id == SPK_TYPE_ARRAY && !want.children && given.id == SPK_TYPE_ARRAY)
		*out = spk_type_element(given);
	else
		return false;
	return true;
}

/* The element type that all arguments agree on, UNKNOWN when none has a say; false when they do not agree. */
static bool common_element(const struct spk_function *f, const struct spk_type *type, int args, struct spk_type *out)
{
	struct spk_type element;

	*out = spk_type(SPK_TYPE_UNKNOWN);
	for (int i = 0; i < args; i++) {
		if (!alike_type(f, i, type[i], &element))
			continue;
		if (f->alike == SPK_ALIKE_SAME && out->id != SPK_TYPE_UNKNOWN && out->id != element.id)
			return false;
		if (out->id == SPK_TYPE_UNKNOWN)
			*out = element;
		else if (spk_expr_common_type(*out, element, out, 0, NULL) != SPK_OK)
			return false;
	}
	return true;
}

/* A parameter of any type is nobody's own: a better candidate may be left. */
static bool parameter_is(struct spk_type want, struct spk_type given)
{
	if (want.id != given.id || want.id == SPK_TYPE_UNKNOWN)
		return false;
	return !spk_type_is_nested(want) || !want.children || spk_type_same(want, given);
}

static const struct spk_function *exact(const struct candidates *c, const struct spk_type *type, int args)
{
	struct spk_type element;

	for (int k = 0; k < c->count; k++) {
		bool same = common_element(c->f[k], type, args, &element);

		for (int i = 0; i < args && same; i++)
			same = parameter_is(parameter(c->f[k], i), type[i]);
		if (same)
			return c->f[k];
	}
	return NULL;
}

static void keep_reachable(struct candidates *c, const struct spk_type *type, int args)
{
	int kept = 0;

	for (int k = 0; k < c->count; k++) {
		struct spk_type element;
		bool fits = common_element(c->f[k], type, args, &element);

		for (int i = 0; i < args && fits; i++)
			fits = spk_can_coerce(type[i], parameter(c->f[k], i));
		if (fits)
			c->f[kept++] = c->f[k];
	}
	c->count = kept;
}

/* Keeps the candidates with the most arguments that need no cast (or, with `preferred`, go to a preferred type). */
static void keep_best(struct candidates *c, const struct spk_type *type, int args, bool preferred)
{
	int best = -1, kept = 0;

	for (int k = 0; k < c->count; k++) {
		const struct spk_function *f = c->f[k];
		int matches = 0;

		for (int i = 0; i < args; i++) {
			enum spk_type_id want = parameter(f, i).id;

			if (type[i].id == SPK_TYPE_UNKNOWN)
				continue;
			matches += want == type[i].id || (preferred && spk_type_preferred(want) && spk_type_category(want) == spk_type_category(type[i].id));
		}
		if (matches > best) {
			best = matches;
			kept = 0;
		}
		if (matches == best)
			c->f[kept++] = f;
	}
	c->count = kept;
}

/* The category that untyped literal `i` should have: strings win, a common one otherwise; 0 when the candidates disagree. */
static char unknown_category(const struct candidates *c, int i, bool *has_preferred)
{
	char category = 0;
	bool conflict = false;

	*has_preferred = false;
	for (int k = 0; k < c->count; k++) {
		enum spk_type_id want = parameter(c->f[k], i).id;
		char its = spk_type_category(want);

		if (!category || its == category) {
			category = its;
			*has_preferred = *has_preferred || spk_type_preferred(want);
		} else if (its == 'S') {
			category = its;
			*has_preferred = spk_type_preferred(want);
		} else {
			conflict = true;
		}
	}
	return conflict && category != 'S' ? 0 : category;
}

static void keep_by_category(struct candidates *c, const struct spk_type *type, int args)
{
	struct candidates left = { .count = 0 };
	char category[CANDIDATES_MAX] = { 0 };
	bool preferred[CANDIDATES_MAX] = { false };

	if (args > CANDIDATES_MAX)
		return;
	for (int i = 0; i < args; i++) {
		if (type[i].id != SPK_TYPE_UNKNOWN)
			continue;
		category[i] = unknown_category(c, i, &preferred[i]);
		if (!category[i])
			return;
	}
	for (int k = 0; k < c->count; k++) {
		bool keep = true;

		for (int i = 0; i < args && keep; i++) {
			enum spk_type_id want = parameter(c->f[k], i).id;

			if (type[i].id == SPK_TYPE_UNKNOWN)
				keep = spk_type_category(want) == category[i] && (!preferred[i] || spk_type_preferred(want));
		}
		if (keep)
			left.f[left.count++] = c->f[k];
	}
	if (left.count)
		*c = left;
}

/* When all typed arguments have one type, tries it for the untyped ones too. */
static const struct spk_function *by_known_type(const struct candidates *c, const struct spk_type *type, int args)
{
	struct spk_type known = spk_type(SPK_TYPE_UNKNOWN);
	const struct spk_function *found = NULL;

	for (int i = 0; i < args; i++) {
		if (type[i].id == SPK_TYPE_UNKNOWN)
			continue;
		if (known.id != SPK_TYPE_UNKNOWN && known.id != type[i].id)
			return NULL;
		known = type[i];
	}
	for (int k = 0; k < c->count; k++) {
		bool fits = known.id != SPK_TYPE_UNKNOWN;

		for (int i = 0; i < args && fits; i++)
			fits = type[i].id != SPK_TYPE_UNKNOWN || spk_can_coerce(known, parameter(c->f[k], i));
		if (!fits)
			continue;
		if (found)
			return NULL;
		found = c->f[k];
	}
	return found;
}

/* The one that says most of its parameters: the others take a value of any type there. */
static const struct spk_function *most_specific(const struct candidates *c, int args)
{
	const struct spk_function *found = NULL;
	int most = -1;

	for (int k = 0; k < c->count; k++) {
		int said = 0;

		for (int i = 0; i < args; i++)
			said += parameter(c->f[k], i).id != SPK_TYPE_UNKNOWN;
		if (said == most)
			found = NULL;
		if (said <= most)
			continue;
		found = c->f[k];
		most = said;
	}
	return found;
}

static const struct spk_function *choose(struct candidates *c, const struct spk_type *type, int args, bool is_operator, bool *ambiguous)
{
	const struct spk_function *f = exact(c, type, args);
	bool unknowns = false;

	*ambiguous = false;
	if (!f && is_operator && args == 2 && (type[0].id == SPK_TYPE_UNKNOWN) != (type[1].id == SPK_TYPE_UNKNOWN)) {
		struct spk_type known = type[0].id == SPK_TYPE_UNKNOWN ? type[1] : type[0], both[2] = { known, known };

		f = exact(c, both, 2);
	}
	if (f)
		return f;
	keep_reachable(c, type, args);
	if (c->count == 0)
		return NULL;
	if (c->count > 1)
		keep_best(c, type, args, false);
	if (c->count > 1)
		keep_best(c, type, args, true);
	if (c->count == 1)
		return c->f[0];
	for (int i = 0; i < args; i++)
		unknowns = unknowns || type[i].id == SPK_TYPE_UNKNOWN;
	if (unknowns) {
		keep_by_category(c, type, args);
		if (c->count == 1)
			return c->f[0];
		f = by_known_type(c, type, args);
		if (!f && !is_operator)
			f = most_specific(c, args);
	}
	*ambiguous = !f;
	return f;
}

/* --- messages --- */

/* Messages name types without precision and scale. */
static void signature(char *out, size_t size, const char *name, const struct spk_type *type, int args, bool is_operator)
{
	size_t at = 0;
	char t[64];

#define PUT(...) (at += (size_t)snprintf(out + at, at < size ? size - at : 0, __VA_ARGS__), at = SPK_MIN(at, size - 1))
	if (is_operator && args == 2) {
		PUT("%s ", spk_type_format_bare(type[0], t, sizeof t));
		PUT("%s %s", name, spk_type_format_bare(type[1], t, sizeof t));
	} else if (is_operator) {
		PUT("%s %s", name, args ? spk_type_format_bare(type[0], t, sizeof t) : "");
	} else {
		PUT("%s(", name);
		for (int i = 0; i < args; i++) {
			PUT("%s%s", i ? ", " : "", spk_type_format_bare(type[i], t, sizeof t));
		}
		PUT(")");
	}
}

static void candidate_list(char *out, size_t size, const char *name)
{
	struct candidates c;
	size_t at = 0;

	out[0] = 0;
	gather(name, -1, &c);
	for (int k = 0; k < c.count && at + 100 < size; k++) {
		const struct spk_function *f = c.f[k];
		char t[64];

		PUT("%s%s(", k ? ", " : "", f->name);
		for (int i = 0; i < SPK_MAX(f->args_min, SPK_MIN(f->args_max, SPK_FUNCTION_ARGS_MAX)); i++)
			PUT("%s%s", i ? ", " : "", f->arg[i].id == SPK_TYPE_UNKNOWN ? "any" : spk_type_format(f->arg[i], t, sizeof t));
		PUT(f->args_max < 0 ? ", ...)" : ")");
	}
#undef PUT
}

static spk_status no_such(const char *name, const struct spk_type *type, int args, bool is_operator, bool ambiguous, int position, spk_error *err)
{
	char text[512], list[400];
	const char *kind, *closest;

	if (args == 2 && (strcmp(name, "like") == 0 || strcmp(name, "ilike") == 0)) {
		name = name[0] == 'l' ? "~~" : "~~*";  /* what the words stand for */
		is_operator = true;
	}
	kind = is_operator ? "operator" : "function";
	signature(text, sizeof text, name, type, args, is_operator);
	spk_bind_fail(err, position, ambiguous ? "%s is not unique: %s" : "%s does not exist: %s", kind, text);
	if (!is_operator)
		spk_bind_fail(err, position, ambiguous ? "function %s is not unique" : "function %s does not exist", text);
	candidate_list(list, sizeof list, name);
	if (!is_operator && !list[0] && spk_postgres_has(name)) {
		spk_bind_fail(err, position, "function %s is not supported", text);
		if (err)
			err->code = SPK_UNSUPPORTED;
		spk_hint(err, "PostgreSQL has it, Sparklet does not. docs/functions.md lists the functions that there are.");
		return SPK_UNSUPPORTED;
	}
	if (list[0] && !is_operator)
		spk_hint(err, "There is %s. You might need to add explicit type casts.", list);
	else if (ambiguous)
		spk_hint(err, "Could not choose a best candidate %s. You might need to add explicit type casts.", kind);
	else if (list[0])
		spk_hint(err, "No operator matches the given name and argument types. You might need to add explicit type casts.");
	else if ((closest = spk_function_closest(name)) != NULL)
		spk_hint(err, "Did you mean %s?", closest);
	return SPK_BIND;
}

spk_status spk_no_function(const char *name, const struct spk_type *type, int args, int position, spk_error *err)
{
	return no_such(name, type, args, false, false, position, err);
}

/* --- building the call --- */

/* PostgreSQL has real-with-other-number operators whose result is double precision; here both sides become double. */
static bool mixes_real(const char *name, const struct spk_type *type)
{
	static const char *const operators[] = { "+", "-", "*", "/", "=", "<>", "!=", "<", "<=", ">", ">=", "is distinct from", "is not distinct from" };

	if (type[0].id == type[1].id || !spk_type_is_number(type[0]) || !spk_type_is_number(type[1]))
		return false;
	if (type[0].id != SPK_TYPE_REAL && type[1].id != SPK_TYPE_REAL)
		return false;
	for (size_t i = 0; i < SPK_COUNT_OF(operators); i++)
		if (strcmp(operators[i], name) == 0)
			return true;
	return false;
}

/* text || anything: the other side as text. */
static bool concatenates_text(const char *name, const struct spk_type *type)
{
	bool ta = type[0].id == SPK_TYPE_TEXT || type[0].id == SPK_TYPE_UNKNOWN, tb = type[1].id == SPK_TYPE_TEXT || type[1].id == SPK_TYPE_UNKNOWN;
	enum spk_type_id other = ta ? type[1].id : type[0].id;

	if (other == SPK_TYPE_JSONB)
		ta = tb = type[0].id == SPK_TYPE_TEXT || type[1].id == SPK_TYPE_TEXT;
	return strcmp(name, "||") == 0 && (ta || tb) && other != SPK_TYPE_BYTEA && other != SPK_TYPE_ARRAY && other != SPK_TYPE_ROW;
}

/* Functions and operators that see the blanks of a char(n), which its values lie without. */
static bool sees_blanks(const char *name)
{
	static const char *const names[] = { "octet_length", "like", "ilike", "~~", "!~~", "~~*", "!~~*", "~", "!~", "~*", "!~*", "concat", "concat_ws", "format",
		"to_json", "to_jsonb", "json_build_array", "jsonb_build_array", "json_build_object", "jsonb_build_object", "row_to_json" };

	for (size_t i = 0; i < SPK_COUNT_OF(names); i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

static spk_status fill_blanks(struct spk_arena *arena, const char *name, struct spk_expr **arg, int args, int position, spk_error *err)
{
	for (int i = 0; i < args && sees_blanks(name); i++) {
		struct spk_value width = { .type = spk_type(SPK_TYPE_INTEGER), .i32 = arg[i]->type.precision };
		struct spk_expr *pair[2] = { arg[i], spk_expr_literal(arena, width) };

		if (!spk_type_is_padded(arg[i]->type) || !width.i32)
			continue;
		SPK_TRY_PTR(pair[1], err);
		SPK_TRY(spk_expr_call(arena, "rpad", pair, 2, position, &arg[i], err));
	}
	return SPK_OK;
}

static bool compares(const char *name)
{
	static const char *const operators[] = { "=", "<>", "!=", "<", "<=", ">", ">=" };

	for (size_t i = 0; i < SPK_COUNT_OF(operators); i++)
		if (strcmp(operators[i], name) == 0)
			return true;
	return false;
}

/* Beside a char(n) a literal and a varchar(n) are char, too: their blanks do not count. */
static spk_status compare_without_blanks(struct spk_arena *arena, const char *name, struct spk_expr **arg, int position, spk_error *err)
{
	struct spk_type padded = { .id = SPK_TYPE_TEXT, .scale = SPK_TEXT_PADDED };

	for (int i = 0; i < 2 && compares(name); i++) {
		struct spk_type its = arg[i]->type;
		bool cut = its.id == SPK_TYPE_UNKNOWN || (its.id == SPK_TYPE_TEXT && its.precision && !spk_type_is_padded(its));

		if (spk_type_is_padded(arg[1 - i]->type) && cut)
			SPK_TRY(spk_expr_cast(arena, arg[i], padded, true, position, &arg[i], err));
	}
	return SPK_OK;
}

/* Operators whose sides must be brought together before the table is asked. */
static spk_status adapt(struct spk_arena *arena, const char *name, struct spk_expr **arg, int args, int position, spk_error *err)
{
	struct spk_type type[2], to;

	if (args != 2)
		return SPK_OK;
	SPK_TRY(compare_without_blanks(arena, name, arg, position, err));
	type[0] = arg[0]->type;
	type[1] = arg[1]->type;
	if (mixes_real(name, type))
		to = spk_type(SPK_TYPE_DOUBLE);
	else if (concatenates_text(name, type))
		to = spk_type(SPK_TYPE_TEXT);
	else
		return SPK_OK;
	for (int i = 0; i < 2; i++)
		if (arg[i]->type.id != to.id)
			SPK_TRY(spk_expr_cast(arena, arg[i], to, true, position, &arg[i], err));
	return SPK_OK;
}

/* Casts the arguments that hang together; *type: the element type. */
static spk_status make_alike(struct spk_arena *arena, const struct spk_function *f, struct spk_expr **arg, int args, int position, struct spk_type *type, spk_error *err)
{
	struct spk_type *given = SPK_NEW_ARRAY(arena, struct spk_type, SPK_MAX(args, 1)), array;

	SPK_TRY_PTR(given, err);
	for (int i = 0; i < args; i++)
		given[i] = arg[i]->type;
	SPK_ASSERT(common_element(f, given, args, type), "a candidate whose arguments do not agree");
	if (type->id == SPK_TYPE_UNKNOWN && f->alike == SPK_ALIKE_SAME)
		return spk_bind_fail(err, position, "could not determine polymorphic type because input has type unknown");
	if (type->id == SPK_TYPE_UNKNOWN)
		*type = spk_type(SPK_TYPE_TEXT);
	for (int i = 0; i < args; i++) {
		struct spk_type want = parameter(f, i);

		if (want.id == SPK_TYPE_UNKNOWN)
			SPK_TRY(spk_expr_cast(arena, arg[i], *type, true, position, &arg[i], err));
		else if (want.id == SPK_TYPE_ARRAY && !want.children) {
			SPK_TRY(spk_type_array_of(arena, *type, &array, err));
			SPK_TRY(spk_expr_cast(arena, arg[i], array, true, position, &arg[i], err));
		} else
			SPK_TRY(spk_expr_coerce(arena, arg[i], want, position, &arg[i], err));
	}
	return SPK_OK;
}

/* The type of a call: of the arguments where the function says so. */
static spk_status result_type(struct spk_arena *arena, const struct spk_function *f, const struct spk_type *type, int args, struct spk_type common, struct spk_type *out, spk_error *err)
{
	bool of_arguments = f->common || f->alike != SPK_ALIKE_NONE;

	*out = f->result;
	if (f->result_of)
		*out = f->result_of(type, args);
	else if (of_arguments && f->result.id == SPK_TYPE_UNKNOWN)
		*out = common;
	else if (of_arguments && f->result.id == SPK_TYPE_ARRAY && !f->result.children)
		return spk_type_array_of(arena, common, out, err);
	return SPK_OK;
}

/* Greatest, least, nullif, ARRAY: arguments of one common type. */
static spk_status make_common_args(struct spk_arena *arena, const char *name, struct spk_expr **arg, int args, int position, struct spk_type *type, spk_error *err)
{
	struct spk_type t = spk_type(SPK_TYPE_UNKNOWN);

	for (int i = 0; i < args; i++) {
		if (arg[i]->type.id == SPK_TYPE_UNKNOWN)
			continue;
		if (t.id == SPK_TYPE_UNKNOWN)
			t = arg[i]->type;
		else if (spk_expr_common_type(t, arg[i]->type, &t, position, NULL) != SPK_OK)
			return spk_no_common_type(name, t, arg[i]->type, arg[i]->position ? arg[i]->position : position, err);
	}
	if (t.id == SPK_TYPE_UNKNOWN)
		t = spk_type(SPK_TYPE_TEXT);
	for (int i = 0; i < args; i++)
		SPK_TRY(spk_expr_cast(arena, arg[i], t, true, position, &arg[i], err));
	*type = t;
	return SPK_OK;
}

static spk_status finish(struct spk_arena *arena, const struct spk_function *f, struct spk_expr **arg, int args, int position, struct spk_expr **out, spk_error *err)
{
	struct spk_type *type = SPK_NEW_ARRAY(arena, struct spk_type, SPK_MAX(args, 1)), common = spk_type(SPK_TYPE_UNKNOWN);
	struct spk_expr *e;
	bool nullable = f->not_strict || !f->total;

	SPK_TRY_PTR(type, err);
	if (f->common)
		SPK_TRY(make_common_args(arena, strncmp(f->name, "array of", 8) == 0 ? "ARRAY" : f->name, arg, args, position, &common, err));
	if (f->alike != SPK_ALIKE_NONE)
		SPK_TRY(make_alike(arena, f, arg, args, position, &common, err));
	for (int i = 0; i < args; i++) {
		if (!f->common && f->alike == SPK_ALIKE_NONE)
			SPK_TRY(spk_expr_coerce(arena, arg[i], parameter(f, i), position, &arg[i], err));
		type[i] = arg[i]->type;
		nullable = nullable || arg[i]->nullable;
	}
	e = spk_expr_node(arena, SPK_EXPR_CALL, f->result, arg, args, position);
	SPK_TRY_PTR(e, err);
	e->function = f;
	e->nullable = nullable;
	SPK_TRY(result_type(arena, f, type, args, common, &e->type, err));
	if (f->prepare) {
		spk_status status = f->prepare(arena, e, err);

		if (status != SPK_OK) {
			if (err && !err->position)
				err->position = position;
			return status;
		}
	}
	*out = e;
	return SPK_OK;
}

/* name(x) where name is a type: a cast, as in date('2020-01-01'). */
static bool is_type_call(const char *name, int args, const struct spk_expr *arg, struct spk_type *type)
{
	const struct spk_cast *cast;

	if (args != 1 || !(isalpha((unsigned char)name[0])) || spk_type_parse(name, type, NULL) != SPK_OK)
		return false;
	if (arg->type.id == SPK_TYPE_UNKNOWN || arg->type.id == type->id)
		return true;
	cast = spk_cast_find(arg->type, *type);
	return cast != NULL;
}

static bool takes_bits_for_text(const struct spk_function *f, const struct spk_type *type, int args)
{
	for (int i = 0; i < args; i++)
		if (spk_type_is_bits(type[i]) && parameter(f, i).id == SPK_TYPE_TEXT)
			return true;
	return false;
}

/* Whether a call compares maps, whose entries come in any order: the arguments, or elements of theirs. */
static bool compares_map(const char *name, const struct spk_type *type, int args)
{
	static const struct { const char *name; bool elements; } names[] = {
		{ "=", false }, { "<>", false }, { "<", false }, { "<=", false }, { ">", false }, { ">=", false }, { "greatest", false }, { "least", false },
		{ "@>", true }, { "<@", true }, { "&&", true }, { "array_distinct", true }, { "array_max", true }, { "array_min", true }, { "array_position", true },
		{ "array_positions", true }, { "array_remove", true }, { "array_replace", true }, { "array_sort", true },
	};

	for (size_t k = 0; k < SPK_COUNT_OF(names); k++)
		for (int i = 0; i < args && strcmp(names[k].name, name) == 0; i++)
			if (spk_type_has_map(names[k].elements && type[i].id == SPK_TYPE_ARRAY ? spk_type_element(type[i]) : type[i]))
				return true;
	return false;
}

/* Of one untyped literal PostgreSQL cannot tell which of several functions is meant, some of which are not here. */
static bool is_overloaded(const char *name)
{
	static const char *const names[] = { "age", "trunc", "unnest" };

	for (size_t i = 0; i < SPK_COUNT_OF(names); i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

spk_status spk_expr_call(struct spk_arena *arena, const char *name, struct spk_expr **arg, int args, int position, struct spk_expr **out, spk_error *err)
{
	bool is_operator = !isalpha((unsigned char)name[0]) && name[0] != '_', ambiguous = false;
	struct spk_expr **own = spk_arena_alloc(arena, sizeof(*own) * (size_t)SPK_MAX(args, 1)), *bits;
	struct spk_type *type = SPK_NEW_ARRAY(arena, struct spk_type, SPK_MAX(args, 1)), wanted[2], target;
	const struct spk_function *f;
	struct candidates c;
	const char *op;

	SPK_TRY_PTR(own, err);
	SPK_TRY_PTR(type, err);
	for (int i = 0; i < args; i++)
		own[i] = arg[i];
	SPK_TRY(spk_array_adapt(arena, name, own, &args, position, err));
	SPK_TRY(spk_bits_call(arena, name, own, args, position, &bits, err));
	if (bits) {
		*out = bits;
		return SPK_OK;
	}
	if (strcasecmp(name, "pg_typeof") == 0 && args == 1 && own[0]->type.id == SPK_TYPE_UNKNOWN) {
		SPK_TRY_PTR(*out = spk_expr_literal(arena, (struct spk_value){ .type = spk_type(SPK_TYPE_TEXT), .view = spk_view_str("unknown") }), err);
		return SPK_OK;
	}
	if (strcasecmp(name, "coalesce") == 0 && args > 0)
		return spk_expr_make(arena, SPK_EXPR_COALESCE, own, args, false, position, out, err);
	if (args == 2 && (strcmp(name, "is distinct from") == 0 || strcmp(name, "is not distinct from") == 0)) {
		struct spk_expr *equal;

		/* What = makes of its sides is what is compared. */
		SPK_TRY(spk_expr_call(arena, "=", own, 2, position, &equal, err));
		if (equal->kind == SPK_EXPR_CALL)
			memcpy(own, equal->arg, sizeof(*own) * 2);
	}
	SPK_TRY(adapt(arena, name, own, args, position, err));
	SPK_TRY(fill_blanks(arena, name, own, args, position, err));
	for (int i = 0; i < args; i++)
		type[i] = own[i]->type;
	if (args == 1 && type[0].id == SPK_TYPE_UNKNOWN && is_overloaded(name))
		return no_such(name, type, args, false, true, position, err);
	gather(name, args, &c);
	f = exact(&c, type, args);
	if (c.count == 0 && (op = spk_operator_of(name, type, args, wanted)) != NULL) {
		for (int i = 0; i < args; i++)
			SPK_TRY(spk_expr_coerce(arena, own[i], wanted[i], position, &own[i], err));
		return spk_expr_call(arena, op, own, args, position, out, err);
	}
	if (!f && !is_operator && is_type_call(name, args, args ? own[0] : NULL, &target))
		return spk_expr_cast(arena, own[0], target, true, position, out, err);
	if (!f)
		f = choose(&c, type, args, is_operator, &ambiguous);
	if (!f || takes_bits_for_text(f, type, args))
		return no_such(name, type, args, is_operator, ambiguous, position, err);
	if (compares_map(name, type, args)) {
		no_such(name, type, args, is_operator, ambiguous, position, err);
		return spk_hint(err, "Maps have no order and are not compared; to_jsonb(...) of them is."), SPK_BIND;
	}
	SPK_TRY(finish(arena, f, own, args, position, out, err));
	if (is_operator && args == 1 && own[0]->kind == SPK_EXPR_CONSTANT)
		spk_expr_fold(arena, out);
	return SPK_OK;
}

spk_status spk_expr_call_function(struct spk_arena *arena, const struct spk_function *f, struct spk_expr **arg, int args, int position, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **own = spk_arena_copy(arena, arg, sizeof(*own) * (size_t)args);
	char given[64], wanted[64];

	SPK_TRY_PTR(own, err);
	if (args < f->args_min || args > f->args_max)
		return spk_bind_fail(err, position, "function %s takes %d arguments, not %d", f->name, f->args_max, args);
	for (int i = 0; i < args; i++)
		if (own[i]->type.id != SPK_TYPE_UNKNOWN && own[i]->type.id != f->arg[i].id && !spk_can_coerce(own[i]->type, f->arg[i]))
			return spk_bind_fail(err, position, "argument %d of function %s must be %s, not %s", i + 1, f->name, spk_type_format(f->arg[i], wanted, sizeof wanted), spk_type_format(own[i]->type, given, sizeof given));
	return finish(arena, f, own, args, position, out, err);
}
