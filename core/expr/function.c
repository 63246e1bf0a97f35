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
	static _Thread_local struct spk_function_family family[32];
	static _Thread_local int families;

	if (families == 0) {
#define FAMILY(id, title_) \
		SPK_ASSERT(families < (int)SPK_COUNT_OF(family), "room for every family"); \
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
	return type.id == SPK_TYPE_UNKNOWN ? "any" : spk_type_format(type, out, size);
}

static spk_status write_signature(const struct spk_function *f, struct spk_buffer *out, spk_error *err)
{
	char t[64];
	bool word = (f->name[0] >= 'a' && f->name[0] <= 'z') || f->name[0] == '_';
	int shown = f->args_max < 0 ? f->args_min : f->args_max;

	if (!word && shown == 2) {
		SPK_TRY(spk_buffer_printf(out, err, "`%s %s ", type_word(f->arg[0], t, sizeof t), f->name));
		SPK_TRY(spk_buffer_printf(out, err, "%s`", type_word(f->arg[1], t, sizeof t)));
	} else {
		SPK_TRY(spk_buffer_printf(out, err, "`%s(", f->name));
		for (int i = 0; i < shown && i < SPK_FUNCTION_ARGS_MAX; i++)
			SPK_TRY(spk_buffer_printf(out, err, "%s%s%s", i >= f->args_min ? "[" : "", i ? ", " : "", type_word(f->arg[i], t, sizeof t)));
		for (int i = f->args_min; i < shown; i++)
			SPK_TRY(spk_buffer_append_str(out, "]", err));
		SPK_TRY(spk_buffer_append_str(out, f->args_max < 0 ? ", ...)`" : ")`", err));
	}
	return spk_buffer_printf(out, err, " | %s", f->result_of || f->result.id == SPK_TYPE_UNKNOWN ? "as the arguments" : spk_type_format(f->result, t, sizeof t));
}

static spk_status write_scalars(struct spk_buffer *out, spk_error *err)
{
	int families;
	const struct spk_function_family *family = spk_function_families(&families);

	for (int k = 0; k < families; k++) {
		SPK_TRY(spk_buffer_printf(out, err, "\n## %s\n\n| Function | Result | What it does |\n|---|---|---|\n", family[k].title));
		for (int i = 0; i < family[k].count; i++) {
			const struct spk_function *f = &family[k].function[i];

			SPK_TRY(spk_buffer_append_str(out, "| ", err));
			SPK_TRY(write_signature(f, out, err));
			SPK_TRY(spk_buffer_printf(out, err, " | %s%s |\n", f->doc ? f->doc : "", f->volatility == SPK_VOLATILE ? " (volatile)" : f->volatility == SPK_STABLE ? " (fixed per epoch)" : ""));
		}
	}
	return SPK_OK;
}

spk_status spk_functions_markdown(struct spk_buffer *out, spk_error *err)
{
	int count;
	const struct spk_aggregate *aggregate = spk_aggregates(&count);
	char t[64];

	SPK_TRY(spk_buffer_append_str(out, "# Functions and operators\n\nMade from the function table; names and meanings are PostgreSQL's, with Flink's where it says so.\n", err));
	SPK_TRY(write_scalars(out, err));
	SPK_TRY(spk_buffer_append_str(out, "\n## Aggregates\n\n| Aggregate | What it does | Over retracting input |\n|---|---|---|\n", err));
	for (int i = 0; i < count; i++) {
		const struct spk_aggregate *a = &aggregate[i];

		SPK_TRY(spk_buffer_printf(out, err, "| `%s(%s)` | %s | %s |\n", a->name, a->args ? type_word(a->arg, t, sizeof t) : "*", a->doc ? a->doc : "", a->retract ? "yes" : "by an ordered multiset"));
	}
	return SPK_OK;
}
