/* Joins the families' tables to the one that resolving, help texts and docs/functions.md use. */
#include "core/expr/internal.h"

#include <stdio.h>
#include <strings.h>

#include "core/base/conf.h"
#include "core/expr/aggregate.h"
#include "core/expr/families.h"

enum { NAMES_MAX = 1024 };

/* The tables are constant; only this directory of them is put together, once per thread. */
const struct spk_function_family *spk_function_families(int *count)
{
#define ONE(id, title_) + 1
	static _Thread_local struct spk_function_family family[0 SPK_FUNCTION_FAMILY_LIST(ONE)];
#undef ONE
	static _Thread_local int families;

	if (families == 0) {
#define FAMILY(id, title_) \
		family[families] = spk_##id##_family(); \
		family[families++].title = title_;
		SPK_FUNCTION_FAMILY_LIST(FAMILY)
#undef FAMILY
	}
	*count = families;
	return family;
}

/* Calls `each` with every function's name until it says true. */
static bool any_name(bool (*each)(const char *name, void *user), void *user)
{
	int families, aggregates;
	const struct spk_function_family *family = spk_function_families(&families);
	const struct spk_aggregate *aggregate = spk_aggregates(&aggregates);

	for (int k = 0; k < families; k++)
		for (int i = 0; i < family[k].count; i++)
			if (each(family[k].function[i].name, user))
				return true;
	for (int i = 0; i < aggregates; i++)
		if (each(aggregate[i].name, user))
			return true;
	return false;
}

static bool is_name(const char *name, void *user)
{
	return strcasecmp(name, user) == 0;
}

bool spk_function_known(const char *name)
{
	union { const char *in; void *out; } cast = { .in = name };

	return any_name(is_name, cast.out);
}

struct names { const char *list[NAMES_MAX]; int count; };

static bool add_name(const char *name, void *user)
{
	struct names *n = user;
	bool word = (name[0] >= 'a' && name[0] <= 'z') || name[0] == '_';

	if (word && n->count < NAMES_MAX && (n->count == 0 || strcmp(n->list[n->count - 1], name) != 0))
		n->list[n->count++] = name;
	return false;
}

const char *spk_function_closest(const char *name)
{
	struct names names = { .count = 0 };

	any_name(add_name, &names);
	return spk_closest_name(name, names.list, names.count);
}

/* --- docs/functions.md --- */

static const char *type_word(struct spk_type type, char *out, size_t size)
{
	if (type.id == SPK_TYPE_UNKNOWN)
		return "any";
	return type.id == SPK_TYPE_ARRAY && !type.children ? "any[]" : spk_type_format(type, out, size);
}

static bool is_word(const char *name)
{
	return (name[0] >= 'a' && name[0] <= 'z') || name[0] == '_';
}

/* A bar would end the table's cell. */
static spk_status write_name(const char *name, struct spk_buffer *out, spk_error *err)
{
	for (; *name; name++)
		SPK_TRY(*name == '|' ? spk_buffer_append_str(out, "\\|", err) : spk_buffer_append(out, name, 1, err));
	return SPK_OK;
}

/* What a set's rows are. */
static const char *set_word(struct spk_type array, char *out, size_t size)
{
	struct spk_type row = spk_type_element(array);
	size_t at = 0;
	char t[64];

	if (row.id != SPK_TYPE_ROW)
		return spk_type_format(row, out, size);
	for (int i = 0; i < row.children->count && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%s %s", i ? ", " : "(", row.children->field[i].name, spk_type_format(row.children->field[i].type, t, sizeof t));
	if (at < size)
		snprintf(out + at, size - at, ")");
	return out;
}

static spk_status write_signature(const struct spk_function *f, struct spk_buffer *out, spk_error *err)
{
	char t[64];
	int shown = f->args_max < 0 ? f->args_min : f->args_max;

	SPK_TRY(spk_buffer_append_str(out, "`", err));
	if (shown == 2 && f->args_max == 2 && (!is_word(f->name) || strchr(f->name, ' '))) {
		SPK_TRY(spk_buffer_printf(out, err, "%s ", type_word(f->arg[0], t, sizeof t)));
		SPK_TRY(write_name(f->name, out, err));
		SPK_TRY(spk_buffer_printf(out, err, " %s", type_word(f->arg[1], t, sizeof t)));
	} else {
		SPK_TRY(write_name(f->name, out, err));
		SPK_TRY(spk_buffer_append_str(out, "(", err));
		for (int i = 0; i < shown && i < SPK_FUNCTION_ARGS_MAX; i++)
			SPK_TRY(spk_buffer_printf(out, err, "%s%s%s", i >= f->args_min ? "[" : "", i ? ", " : "", type_word(f->arg[i], t, sizeof t)));
		for (int i = f->args_min; i < shown; i++)
			SPK_TRY(spk_buffer_append_str(out, "]", err));
		SPK_TRY(spk_buffer_append_str(out, f->args_max < 0 ? ", ...)" : ")", err));
	}
	if (f->set_returning)
		return spk_buffer_printf(out, err, "`: set of %s", f->result.children ? set_word(f->result, t, sizeof t) : "the elements");
	return spk_buffer_printf(out, err, "`: %s", f->result_of || f->result.id == SPK_TYPE_UNKNOWN ? "as the arguments" : type_word(f->result, t, sizeof t));
}

/* One row for all functions of a name in a family. */
static spk_status write_row(const struct spk_function_family *family, int at, struct spk_buffer *out, spk_error *err)
{
	const struct spk_function *f = &family->function[at];
	bool first = true;

	for (int i = 0; i < at; i++)
		if (strcmp(family->function[i].name, f->name) == 0)
			return SPK_OK;
	SPK_TRY(spk_buffer_append_str(out, "| ", err));
	for (int i = at; i < family->count; i++) {
		if (strcmp(family->function[i].name, f->name) != 0)
			continue;
		SPK_TRY(spk_buffer_append_str(out, first ? "" : "<br>", err));
		SPK_TRY(write_signature(&family->function[i], out, err));
		first = false;
	}
	return spk_buffer_printf(out, err, " | %s%s |\n", f->doc ? f->doc : "", f->volatility == SPK_VOLATILE ? " (volatile)" : f->volatility == SPK_STABLE ? " (fixed per epoch)" : "");
}

static spk_status write_scalars(struct spk_buffer *out, spk_error *err)
{
	int families;
	const struct spk_function_family *family = spk_function_families(&families);

	for (int k = 0; k < families; k++) {
		SPK_TRY(spk_buffer_printf(out, err, "\n## %s\n\n| Functions and results | What they do |\n|---|---|\n", family[k].title));
		for (int i = 0; i < family[k].count; i++)
			SPK_TRY(write_row(&family[k], i, out, err));
	}
	return SPK_OK;
}

/* "f(direct) WITHIN GROUP (ORDER BY sorted)", without the first backquote. */
static spk_status write_aggregate(const struct spk_aggregate *a, struct spk_buffer *out, spk_error *err)
{
	bool set = a->kind != SPK_AGGREGATE_PLAIN;
	char t[64];

	SPK_TRY(spk_buffer_printf(out, err, "%s(%s", a->name, a->args || set ? "" : "*"));
	for (int i = 0; i < a->args; i++) {
		bool sorted = set && i == a->direct;

		SPK_TRY(spk_buffer_append_str(out, sorted ? ") WITHIN GROUP (ORDER BY " : i ? ", " : "", err));
		SPK_TRY(spk_buffer_append_str(out, type_word(a->arg[i], t, sizeof t), err));
	}
	if (a->kind == SPK_AGGREGATE_HYPOTHETICAL)
		SPK_TRY(spk_buffer_append_str(out, "any, ...) WITHIN GROUP (ORDER BY any, ...", err));
	return spk_buffer_append_str(out, ")`", err);
}

static spk_status write_aggregates(struct spk_buffer *out, spk_error *err)
{
	int count;
	const struct spk_aggregate *aggregate = spk_aggregates(&count);

	SPK_TRY(spk_buffer_append_str(out, "\n## Aggregates\n\n| Aggregates | What they do | Over retracting input |\n|---|---|---|\n", err));
	for (int i = 0; i < count; i++) {
		const struct spk_aggregate *a = &aggregate[i];
		bool first = true, shown = false;

		for (int k = 0; k < i; k++)
			shown = shown || strcmp(aggregate[k].name, a->name) == 0;
		for (int k = i; k < count && !shown; k++) {
			if (strcmp(aggregate[k].name, a->name) != 0)
				continue;
			SPK_TRY(spk_buffer_append_str(out, first ? "| `" : "<br>`", err));
			SPK_TRY(write_aggregate(&aggregate[k], out, err));
			first = false;
		}
		if (!shown)
			SPK_TRY(spk_buffer_printf(out, err, " | %s | %s |\n", a->doc ? a->doc : "", a->retract ? "yes" : "no"));
	}
	return SPK_OK;
}

spk_status spk_functions_markdown(struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_buffer_append_str(out, "# Functions and operators\n\nMade from the function table. Names and meanings are PostgreSQL 15's; those that come from Flink say so.\n", err));
	SPK_TRY(write_scalars(out, err));
	return write_aggregates(out, err);
}
