/*
 * Expressions from a line of text, for tests: the SQL parser lives in a layer above.
 *
 *   lower text:ABC          a call with typed arguments, separated by tabs; \N is NULL; a bare '?' type is an untyped literal
 *
 * Arguments are constants, or columns of a one-batch table when asked (so that the same case runs through every layout).
 */
#ifndef SPK_TESTS_CORE_EXPR_MINI_H
#define SPK_TESTS_CORE_EXPR_MINI_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/check.h"
#include "core/expr/expr.h"
#include "core/expr/function.h"
#include "core/expr/text.h"

enum { MINI_ARGS_MAX = 8 };

struct mini_arg { char type[64]; char *text; bool null; };
struct mini_case { char name[64]; int args; struct mini_arg arg[MINI_ARGS_MAX]; char type[64]; char *expected; bool fails, null; };

/* \t, \n, \\ and \N as in COPY. */
static inline char *mini_unescape(char *s, bool *null)
{
	char *to = s;

	*null = strcmp(s, "\\N") == 0;
	for (char *p = s; *p; p++) {
		if (*p == '\\' && p[1]) {
			p++;
			*to++ = *p == 't' ? '\t' : *p == 'n' ? '\n' : *p == 'r' ? '\r' : *p;
		} else {
			*to++ = *p;
		}
	}
	*to = 0;
	return s;
}

/* Cuts a line "name \t arg... \t -> \t type \t expected" (modified in place; expected starts with '!' for an error). */
static inline bool mini_parse(char *line, struct mini_case *out)
{
	char *field, *rest = line;
	bool after = false;

	memset(out, 0, sizeof *out);
	for (int i = 0; (field = strsep(&rest, "\t")) != NULL; i++) {
		if (i == 0) {
			snprintf(out->name, sizeof out->name, "%s", field);
		} else if (strcmp(field, "->") == 0) {
			after = true;
			field = strsep(&rest, "\t");
			if (!field || !rest)
				return false;
			snprintf(out->type, sizeof out->type, "%s", field);
			field = strsep(&rest, "\t");
			out->fails = field[0] == '!';
			out->expected = mini_unescape(field + out->fails, &out->null);
		} else {
			char *colon = strchr(field, ':');
			struct mini_arg *a;

			if (!colon || out->args == MINI_ARGS_MAX)
				return false;
			*colon = 0;
			a = &out->arg[out->args++];
			snprintf(a->type, sizeof a->type, "%s", field);
			a->text = mini_unescape(colon + 1, &a->null);
		}
	}
	return after;
}

/* Typed value of an argument. */
static inline spk_status mini_value(struct spk_arena *arena, const struct mini_arg *arg, const char *timezone, struct spk_value *out, spk_error *err)
{
	struct spk_type type;
	struct spk_expr *e;

	SPK_TRY(spk_type_parse(arg->type, &type, err));
	*out = (struct spk_value){ .type = type, .null = arg->null };
	if (arg->null)
		return SPK_OK;
	e = spk_expr_unknown(arena, arg->text);
	SPK_TRY_PTR(e, err);
	SPK_TRY(spk_expr_cast(arena, e, type, true, 0, &e, err));
	if (e->kind != SPK_EXPR_CONSTANT) {
		struct spk_eval ev = { .arena = arena, .timezone = timezone };

		SPK_TRY(spk_expr_constant_value(e, &ev, out, err));
	} else {
		*out = e->value;
	}
	out->type = type;
	return SPK_OK;
}

static inline spk_status mini_build_arg(struct spk_arena *arena, const struct mini_case *c, int i, bool columns, const char *timezone, struct spk_expr **out, spk_error *err)
{
	struct spk_value v;

	if (strcmp(c->arg[i].type, "?") == 0) {
		*out = spk_expr_unknown(arena, c->arg[i].null ? NULL : c->arg[i].text);
	} else {
		SPK_TRY(mini_value(arena, &c->arg[i], timezone, &v, err));
		if (columns) {
			struct spk_field f = { .name = "c", .type = v.type, .nullable = true };

			*out = spk_expr_column(arena, i, &f);
		} else {
			*out = spk_expr_literal(arena, v);
		}
	}
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

static const struct { const char *name; enum spk_expr_kind kind; bool negated; } mini_nodes[] = {
	{ "AND", SPK_EXPR_AND, false }, { "OR", SPK_EXPR_OR, false }, { "NOT", SPK_EXPR_NOT, false },
	{ "IS NULL", SPK_EXPR_IS_NULL, false }, { "IS NOT NULL", SPK_EXPR_IS_NULL, true }, { "CASE", SPK_EXPR_CASE, false },
	{ "COALESCE", SPK_EXPR_COALESCE, false }, { "IN", SPK_EXPR_IN, false }, { "NOT IN", SPK_EXPR_IN, true },
};

/* The call over constants, or over columns 0, 1, ... "cast T" and "assign T" are casts; AND, CASE, IN... nodes. */
static inline spk_status mini_build(struct spk_arena *arena, const struct mini_case *c, bool columns, const char *timezone, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *arg[MINI_ARGS_MAX] = { NULL };
	struct spk_type type;

	for (int i = 0; i < c->args; i++)
		SPK_TRY(mini_build_arg(arena, c, i, columns, timezone, &arg[i], err));
	if (strncmp(c->name, "cast ", 5) == 0 || strncmp(c->name, "assign ", 7) == 0) {
		SPK_TRY(spk_type_parse(strchr(c->name, ' ') + 1, &type, err));
		return spk_expr_cast(arena, arg[0], type, c->name[0] == 'c', 0, out, err);
	}
	for (size_t i = 0; i < SPK_COUNT_OF(mini_nodes); i++)
		if (strcmp(mini_nodes[i].name, c->name) == 0)
			return spk_expr_make(arena, mini_nodes[i].kind, arg, c->args, mini_nodes[i].negated, 0, out, err);
	return spk_expr_call(arena, c->name, arg, c->args, 0, out, err);
}

/* Text of a value, as a cast to text gives it; NULL for NULL. In the arena. */
static inline const char *mini_text(struct spk_arena *arena, struct spk_value v, const char *timezone)
{
	char text[SPK_TEXT_MAX];
	char *out;
	int n;

	if (v.null)
		return NULL;
	if (spk_type_is_nested(v.type)) {
		struct spk_buffer b = { 0 };

		if (spk_text_append(&b, v.nested.vector, v.nested.row, timezone, NULL) != SPK_OK)
			return NULL;
		out = spk_arena_strndup(arena, b.data, b.size);
		spk_buffer_release(&b);
		return out;
	}
	if (v.type.id == SPK_TYPE_BYTEA) {
		const unsigned char *s = (const unsigned char *)spk_view_data(&v.view);

		out = spk_arena_alloc(arena, 3 + 2 * (size_t)v.view.length);
		strcpy(out, "\\x");
		for (uint32_t i = 0; i < v.view.length; i++)
			snprintf(out + 2 + 2 * i, 3, "%02x", s[i]);
		return out;
	}
	if (spk_type_is_view(v.type))
		return spk_arena_strndup(arena, spk_view_data(&v.view), v.view.length);
	n = spk_text_from_value(v.type, spk_value_bytes(&v), timezone, text);
	return spk_arena_strndup(arena, text, (size_t)n);
}

#endif
