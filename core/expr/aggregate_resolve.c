/*
 * Which aggregate a call means, and what its inputs are. Types are matched as for functions (resolve.c), over a shorter list: exact types,
 * then "any", then what implicit casts reach, preferred types first. DISTINCT and ORDER BY are dropped where they mean nothing; where they
 * do, the call's step gathers rows (aggregate_rows.c).
 */
#include "core/expr/aggregate_internal.h"

#include <stdio.h>
#include <strings.h>

#include "core/base/conf.h"
#include "core/expr/user_aggregate.h"

enum { NAMES_MAX = 256 };

/* Arguments of the call at hand: those in brackets, then, of ordered sets, the sorted ones. */
struct given {
	const struct spk_aggregate_syntax *syntax;
	int args;
	struct spk_expr **arg;
	bool set;
};

/* --- messages --- */

static spk_status no_such(const struct given *g, bool ambiguous, spk_error *err)
{
	const struct spk_aggregate_syntax *s = g->syntax;
	const char *names[NAMES_MAX], *closest;
	const struct spk_aggregate *a;
	char text[512], t[64];
	size_t at = 0;
	int count = 0;

	text[0] = 0;
	for (int i = 0; i < g->args && at < sizeof text; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i ? ", " : "", spk_type_format_bare(g->arg[i]->type, t, sizeof t));
	spk_bind_fail(err, s->position, ambiguous ? "function %s(%s) is not unique" : "function %s(%s) does not exist", s->name, text);
	if (ambiguous)
		return spk_hint(err, "Could not choose a best candidate function. You might need to add explicit type casts.");
	if (s->own || spk_aggregate_known(s->name))
		return spk_hint(err, "No function matches the given name and argument types. You might need to add explicit type casts.");
	for (int i = 0; (a = spk_aggregate_each(i)) != NULL && count < NAMES_MAX; i++)
		names[count++] = a->name;
	closest = spk_closest_name(s->name, names, count);
	return closest ? spk_hint(err, "Did you mean %s?", closest) : SPK_BIND;
}

/* The i-th that may be meant; NULL past the end. */
static const struct spk_aggregate *candidate(const struct spk_aggregate_syntax *s, int i)
{
	return !s->own ? spk_aggregate_each(i) : i ? NULL : s->own;
}

static const struct spk_aggregate *first_named(const struct spk_aggregate_syntax *s)
{
	const struct spk_aggregate *a = candidate(s, 0);

	for (int i = 0; a && strcasecmp(a->name, s->name) != 0; i++)
		a = candidate(s, i + 1);
	return a;
}

/* WITHIN GROUP where it belongs, and only there; PostgreSQL finds out after it has found the function. */
static spk_status check_kind(const struct spk_aggregate *a, const struct given *g, spk_error *err)
{
	const struct spk_aggregate_syntax *s = g->syntax;

	if (a->kind == SPK_AGGREGATE_PLAIN && s->within_group)
		return spk_bind_fail(err, s->position, "%s is not an ordered-set aggregate, so it cannot have WITHIN GROUP", s->name);
	if (a->kind != SPK_AGGREGATE_PLAIN && !s->within_group)
		return spk_bind_fail(err, s->position, "WITHIN GROUP is required for ordered-set aggregate %s", s->name);
	if (!s->args && !s->star && !s->within_group) {
		spk_bind_fail(err, s->position, "%s(*) must be used to call a parameterless aggregate function", s->name);
		return strcasecmp(s->name, "count") == 0 ? spk_hint(err, "Write count(*) to count rows.") : SPK_BIND;
	}
	return SPK_OK;
}

/* --- choosing --- */

static bool is_untyped(const struct spk_expr *e) { return e->type.id == SPK_TYPE_UNKNOWN; }

static bool reachable(const struct spk_aggregate *a, const struct given *g)
{
	if (a->kind == SPK_AGGREGATE_HYPOTHETICAL || a->args != g->args)
		return false;
	for (int i = 0; i < g->args; i++)
		if (!spk_can_coerce(g->arg[i]->type, a->arg[i]))
			return false;
	return true;
}

/* How well the parameters fit: an argument of the very type counts most, then "any", then a preferred type. */
static int fitness(const struct spk_aggregate *a, const struct given *g)
{
	int total = 0;

	for (int i = 0; i < g->args; i++) {
		enum spk_type_id want = a->arg[i].id, have = g->arg[i]->type.id;

		if (want == SPK_TYPE_UNKNOWN)
			total += 50;
		else if (have == SPK_TYPE_UNKNOWN)
			total += want == SPK_TYPE_TEXT ? 50 : 0;
		else
			total += want == have ? 100 : spk_type_preferred(want) && spk_type_category(want) == spk_type_category(have) ? 1 : 0;
	}
	return total;
}

/* The best candidate; false when several are as good. */
static bool best_of(const struct given *g, const struct spk_aggregate **out)
{
	const struct spk_aggregate *a;
	int best = -1;
	bool tie = false;

	*out = NULL;
	for (int i = 0; (a = candidate(g->syntax, i)) != NULL; i++) {
		int fit;

		if (strcasecmp(a->name, g->syntax->name) != 0 || !reachable(a, g))
			continue;
		fit = fitness(a, g);
		tie = fit == best || (tie && fit < best);
		if (fit <= best)
			continue;
		best = fit;
		*out = a;
	}
	return !tie;
}

/* Untyped arguments as if they had the type that all others have; false when these differ. */
static bool assume_known(const struct given *g, struct spk_expr **arg, struct given *out)
{
	const struct spk_expr *known = NULL;

	*out = *g;
	out->arg = arg;
	for (int i = 0; i < g->args; i++) {
		if (!is_untyped(g->arg[i]) && known && known->type.id != g->arg[i]->type.id)
			return false;
		known = is_untyped(g->arg[i]) ? known : g->arg[i];
	}
	for (int i = 0; i < g->args; i++)
		arg[i] = is_untyped(g->arg[i]) ? (struct spk_expr *)(uintptr_t)known : g->arg[i];
	return known != NULL;
}

static spk_status choose(const struct given *g, const struct spk_aggregate **out, spk_error *err)
{
	struct spk_expr *arg[SPK_AGGREGATE_ARGS_MAX];
	struct given assumed;

	if (best_of(g, out))
		return *out ? SPK_OK : no_such(g, false, err);
	if (g->args <= SPK_AGGREGATE_ARGS_MAX && assume_known(g, arg, &assumed) && best_of(&assumed, out) && *out)
		return SPK_OK;
	return no_such(g, true, err);
}

/* --- hypothetical sets: as many direct arguments as sort keys, each pair of one type --- */

static spk_status match_hypothetical(struct spk_arena *arena, struct given *g, spk_error *err)
{
	const struct spk_aggregate_syntax *s = g->syntax;

	if (s->args != s->orders) {
		no_such(g, false, err);
		return spk_hint(err, "To use the hypothetical-set aggregate %s, the number of hypothetical direct arguments (here %d) must match the number of ordering columns (here %d).", s->name, s->args, s->orders);
	}
	for (int i = 0; i < s->args; i++) {
		struct spk_expr **direct = &g->arg[i], **sorted = &g->arg[s->args + i];
		struct spk_type type = is_untyped(*sorted) ? spk_type(SPK_TYPE_TEXT) : (*sorted)->type;
		char a[64], b[64];

		if (!is_untyped(*direct) && !is_untyped(*sorted) && spk_expr_common_type((*direct)->type, (*sorted)->type, &type, s->position, NULL) != SPK_OK)
			return spk_bind_fail(err, s->position, "WITHIN GROUP types %s and %s cannot be matched", spk_type_format_bare((*sorted)->type, a, sizeof a), spk_type_format_bare((*direct)->type, b, sizeof b));
		if (is_untyped(*sorted) && !is_untyped(*direct))
			type = (*direct)->type;
		SPK_TRY(spk_expr_cast(arena, *direct, type, false, s->position, direct, err));
		SPK_TRY(spk_expr_cast(arena, *sorted, type, false, s->position, sorted, err));
	}
	return SPK_OK;
}

static spk_status coerce_args(struct spk_arena *arena, const struct spk_aggregate *a, struct given *g, spk_error *err)
{
	if (a->kind == SPK_AGGREGATE_HYPOTHETICAL)
		return match_hypothetical(arena, g, err);
	for (int i = 0; i < g->args; i++)
		SPK_TRY(spk_expr_coerce(arena, g->arg[i], a->arg[i], g->syntax->position, &g->arg[i], err));
	return SPK_OK;
}

/* Arguments whose text depends on the session's zone become JSON where the zone is known; a name becomes the characters of such a text. */
static spk_status write_zones(struct spk_arena *arena, struct given *g, int position, spk_error *err)
{
	for (int i = 0; i < g->args; i++) {
		struct spk_expr *step[2];

		if (!spk_type_has_zone(g->arg[i]->type))
			continue;
		SPK_TRY(spk_expr_call(arena, "to_json", &g->arg[i], 1, position, &step[0], err));
		g->arg[i] = step[0];
		if (g->args == 1 || i > 0)
			continue;
		step[1] = spk_expr_unknown(arena, "{}");
		SPK_TRY_PTR(step[1], err);
		SPK_TRY(spk_expr_call(arena, "#>>", step, 2, position, &g->arg[i], err));
	}
	return SPK_OK;
}

/* --- the call --- */

static spk_status gather_given(struct spk_arena *arena, const struct spk_aggregate_syntax *s, struct given *g, spk_error *err)
{
	*g = (struct given){ .syntax = s, .set = s->within_group };
	g->args = s->args + (g->set ? s->orders : 0);
	/* Room for sort keys that become inputs behind the arguments. */
	g->arg = SPK_NEW_ARRAY(arena, struct spk_expr *, s->args + s->orders + 1);
	SPK_TRY_PTR(g->arg, err);
	for (int i = 0; i < s->args; i++)
		g->arg[i] = s->arg[i];
	for (int i = 0; g->set && i < s->orders; i++)
		g->arg[s->args + i] = s->order[i].expr;
	return SPK_OK;
}

/* The input that is this sort key: an argument as it was written or as it was cast, or a new one. */
static spk_status input_of(struct spk_arena *arena, const struct spk_aggregate_syntax *s, struct spk_aggregate_call *c, struct spk_expr *key, int *out, spk_error *err)
{
	for (int i = 0; i < c->inputs; i++) {
		const bool written = i < s->args && (c->distinct || !c->aggregate->as_json) && spk_expr_same(s->arg[i], key);

		if (written || spk_expr_same(c->input[i], key)) {
			*out = i;
			return SPK_OK;
		}
	}
	if (c->distinct) {
		spk_bind_fail(err, key->position ? key->position : s->position, "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list");
		return SPK_BIND;
	}
	if (is_untyped(key))
		SPK_TRY(spk_expr_cast(arena, key, spk_type(SPK_TYPE_TEXT), false, s->position, &key, err));
	*out = c->inputs;
	c->input[c->inputs++] = key;
	return SPK_OK;
}

static spk_status add_sorts(struct spk_arena *arena, const struct spk_aggregate_syntax *s, struct spk_aggregate_call *c, spk_error *err)
{
	c->sort = SPK_NEW_ARRAY(arena, struct spk_aggregate_sort, s->orders + c->args + 1);
	SPK_TRY_PTR(c->sort, err);
	for (int i = 0; i < s->orders; i++) {
		struct spk_aggregate_sort sort = { i + s->args, s->order[i].descending, s->order[i].nulls_first };

		if (!s->within_group)
			SPK_TRY(input_of(arena, s, c, s->order[i].expr, &sort.input, err));
		c->sort[c->sorts++] = sort;
	}
	c->ordered = c->sorts;
	return SPK_OK;
}

/* DISTINCT sorts by all arguments, those of ORDER BY first: where equal rows meet, and in this order PostgreSQL shows them. */
static void sort_by_all(struct spk_aggregate_call *c)
{
	for (int i = 0; i < c->args; i++) {
		bool there = false;

		for (int k = 0; k < c->sorts; k++)
			there = there || c->sort[k].input == i;
		if (!there)
			c->sort[c->sorts++] = (struct spk_aggregate_sort){ .input = i };
	}
}

static void choose_step(struct spk_aggregate_call *c)
{
	const struct spk_aggregate *a = c->aggregate;

	c->step = a;
	if (a->kind != SPK_AGGREGATE_PLAIN)
		return;
	c->distinct = c->distinct && !a->idempotent;
	if (!c->distinct && a->unordered) {
		c->sorts = c->ordered = 0;
		c->inputs = c->args;
	}
	if (c->distinct)
		sort_by_all(c);
	if ((c->sorts && !a->gathers) || !a->merge)
		c->step = spk_aggregate_gatherer();
}

void spk_aggregate_without_distinct(struct spk_aggregate_call *c)
{
	c->distinct = false;
	choose_step(c);
}

/* Maps have no order and make no arrays. */
static spk_status refuse_map(const struct spk_aggregate_call *c, const struct spk_type *type, spk_error *err)
{
	static const struct { const char *name; int arg; } names[] = {
		{ "array_agg", 0 },  /* of records that hold maps it makes an array */
		{ "min", 0 }, { "max", 0 }, { "mode", 0 }, { "approx_count_distinct", 0 }, { "arg_min", 1 }, { "arg_max", 1 }, { "min_by", 1 }, { "max_by", 1 },
	};
	char text[64];

	for (size_t i = 0; i < SPK_COUNT_OF(names); i++) {
		const struct spk_type t = type[names[i].arg];

		if (strcmp(names[i].name, c->name) != 0 || !(i == 0 ? spk_type_is_map(t) : spk_type_has_map(t)))
			continue;
		spk_fail(err, SPK_UNSUPPORTED, "%s over type %s is not supported", c->name, spk_type_format(t, text, sizeof text));
		if (err)
			err->position = c->position;
		return spk_hint(err, "There is a map in it, which is not compared; to_jsonb(...) of it can be compared and gathered."), SPK_UNSUPPORTED;
	}
	return SPK_OK;
}

spk_status spk_aggregate_resolve(struct spk_arena *arena, const struct spk_aggregate_syntax *s, struct spk_aggregate_call *out, spk_error *err)
{
	const struct spk_aggregate *best = first_named(s);
	struct spk_type type[2 * SPK_AGGREGATE_ARGS_MAX] = { 0 };
	struct spk_expr *filter = s->filter;
	struct given g;

	SPK_TRY(gather_given(arena, s, &g, err));
	if (!best)
		return no_such(&g, false, err);
	if (best->kind != SPK_AGGREGATE_HYPOTHETICAL)
		SPK_TRY(choose(&g, &best, err));
	SPK_TRY(check_kind(best, &g, err));
	if (filter && filter->type.id != SPK_TYPE_BOOLEAN)
		SPK_TRY(spk_expr_cast(arena, filter, spk_type(SPK_TYPE_BOOLEAN), false, s->position, &filter, err));
	SPK_TRY(coerce_args(arena, best, &g, err));
	if (best->as_json)
		SPK_TRY(write_zones(arena, &g, s->position, err));
	*out = (struct spk_aggregate_call){ .aggregate = best, .args = g.args, .inputs = g.args, .input = g.arg, .filter = filter,
		.distinct = s->distinct, .name = best->name, .position = s->position };
	SPK_TRY(add_sorts(arena, s, out, err));
	choose_step(out);
	for (int i = 0; i < SPK_MIN(g.args, (int)SPK_COUNT_OF(type)); i++)
		type[i] = g.arg[i]->type;
	out->arg_type = type[0];
	SPK_TRY(refuse_map(out, type, err));
	out->type = best->user ? spk_user_aggregate_result(best->user) : best->result_of(type, arena);
	return out->type.id == SPK_TYPE_UNKNOWN ? spk_fail_memory(err) : SPK_OK;
}
