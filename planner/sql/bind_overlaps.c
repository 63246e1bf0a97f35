/* (a, b) OVERLAPS (c, d): two periods, each between two times in any order, or from a time on for an interval. */
#include "planner/sql/bind.h"

enum { START, END, PERIODS = 2 };

struct overlaps { struct spk_binder *b; int location; struct spk_type type; };

static spk_status call(const struct overlaps *o, const char *name, struct spk_expr *a, struct spk_expr *b, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *pair[2] = { a, b };

	return spk_binder_call(o->b, name, pair, 2, o->location, out, err);
}

static spk_status make(const struct overlaps *o, enum spk_expr_kind kind, struct spk_expr *a, struct spk_expr *b, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *pair[2] = { a, b };

	return spk_expr_make(o->b->arena, kind, pair, 2, false, spk_binder_at(o->b, o->location), out, err);
}

static bool is_time(struct spk_type t)
{
	return t.id == SPK_TYPE_DATE || t.id == SPK_TYPE_TIME || t.id == SPK_TYPE_TIMESTAMP || t.id == SPK_TYPE_TIMESTAMPTZ;
}

/* From the time on for the interval becomes two times; all four get one type. */
static spk_status common_type(struct overlaps *o, struct spk_expr **arg, spk_error *err)
{
	const int position = spk_binder_at(o->b, o->location);
	char name[4][64];

	o->type = spk_type(SPK_TYPE_UNKNOWN);
	for (int i = 1; i < 2 * PERIODS; i += 2)
		if (arg[i]->type.id == SPK_TYPE_INTERVAL)
			SPK_TRY(call(o, "+", arg[i - 1], arg[i], &arg[i], err));
	for (int i = 0; i < 2 * PERIODS; i++) {
		spk_type_format_bare(arg[i]->type, name[i], sizeof name[i]);
		if (o->type.id == SPK_TYPE_UNKNOWN)
			o->type = arg[i]->type;
		else if (arg[i]->type.id != SPK_TYPE_UNKNOWN && spk_expr_common_type(o->type, arg[i]->type, &o->type, position, NULL) != SPK_OK)
			o->type = spk_type(SPK_TYPE_BOOLEAN);  /* no time: refused below */
	}
	if (!is_time(o->type)) {
		for (int i = 0; i < 2 * PERIODS; i++)
			spk_type_format_bare(arg[i]->type, name[i], sizeof name[i]);
		return spk_binder_fail(o->b, o->location, SPK_BIND, err, "function pg_catalog.overlaps(%s, %s, %s, %s) %s", name[0], name[1], name[2], name[3],
			o->type.id == SPK_TYPE_UNKNOWN ? "is not unique" : "does not exist");
	}
	for (int i = 0; i < 2 * PERIODS; i++)
		SPK_TRY(spk_expr_cast(o->b->arena, arg[i], o->type, true, position, &arg[i], err));
	return SPK_OK;
}

/* The earlier of the times, or the only one; and the later, NULL when one is not known. */
static spk_status order(const struct overlaps *o, struct spk_expr **arg, struct spk_expr *period[2], spk_error *err)
{
	struct spk_expr *arm[3];

	SPK_TRY(call(o, "least", arg[0], arg[1], &period[START], err));
	SPK_TRY(call(o, "greatest", arg[0], arg[1], &arm[1], err));
	SPK_TRY(call(o, "=", arg[0], arg[0], &arm[0], err));
	SPK_TRY(call(o, "=", arg[1], arg[1], &arm[2], err));
	SPK_TRY(make(o, SPK_EXPR_AND, arm[0], arm[2], &arm[0], err));
	SPK_TRY_PTR(arm[2] = spk_expr_literal(o->b->arena, (struct spk_value){ .type = o->type, .null = true }), err);
	return spk_expr_make(o->b->arena, SPK_EXPR_CASE, arm, 3, false, spk_binder_at(o->b, o->location), &period[END], err);
}

/* Of two periods of which b begins first: a begins before b ends; when it does not, an unknown end of a leaves it open. */
static spk_status begins_within(const struct overlaps *o, struct spk_expr *const *a, struct spk_expr *const *b, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *unknown;

	SPK_TRY(call(o, "<", a[START], b[END], out, err));
	SPK_TRY(call(o, "<>", a[END], a[END], &unknown, err));
	return make(o, SPK_EXPR_OR, *out, unknown, out, err);
}

spk_status spk_binder_overlaps(struct spk_binder *b, struct spk_expr **arg, int location, struct spk_expr **out, spk_error *err)
{
	struct overlaps o = { .b = b, .location = location };
	struct spk_expr *p[PERIODS][2], *arm[7], *known[2];

	SPK_TRY(common_type(&o, arg, err));
	for (int i = 0; i < PERIODS; i++)
		SPK_TRY(order(&o, arg + 2 * i, p[i], err));
	SPK_TRY(call(&o, ">", p[0][START], p[1][START], &arm[0], err));
	SPK_TRY(begins_within(&o, p[0], p[1], &arm[1], err));
	SPK_TRY(call(&o, "<", p[0][START], p[1][START], &arm[2], err));
	SPK_TRY(begins_within(&o, p[1], p[0], &arm[3], err));
	SPK_TRY(call(&o, "=", p[0][START], p[1][START], &arm[4], err));
	SPK_TRY(call(&o, "=", p[0][END], p[0][END], &known[0], err));
	SPK_TRY(call(&o, "=", p[1][END], p[1][END], &known[1], err));
	SPK_TRY(make(&o, SPK_EXPR_AND, known[0], known[1], &arm[5], err));
	SPK_TRY_PTR(arm[6] = spk_expr_literal(b->arena, (struct spk_value){ .type = spk_type(SPK_TYPE_BOOLEAN), .null = true }), err);
	return spk_expr_make(b->arena, SPK_EXPR_CASE, arm, 7, false, spk_binder_at(b, location), out, err);
}
