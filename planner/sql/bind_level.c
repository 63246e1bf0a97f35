/*
 * Which query an aggregate or GROUPING() belongs to: the innermost whose columns its arguments take, also by way of subqueries in them. If that is
 * one further out, the arguments move there, and the subqueries with them.
 */
#include "planner/sql/bind.h"

/* --- which query --- */

static struct spk_outer *outer_of(const struct spk_binder *b, int number)
{
	struct spk_outer *o = b->outer;

	while (o && o->number != number)
		o = o->next;
	return o;
}

/* Whether `a` is around `b`. */
static bool is_further(const struct spk_outer *a, const struct spk_outer *b)
{
	for (const struct spk_outer *o = b; o; o = o->next)
		if (o == a)
			return true;
	return false;
}

struct note { const struct spk_binder *b; struct spk_level *level; int aggregates, own; };

static void note_outer(struct note *w, const struct spk_expr *e)
{
	struct spk_outer *o = e->kind == SPK_EXPR_OUTER && e->outer > 0 ? outer_of(w->b, e->outer) : NULL;

	if (o && (!w->level->nearest || is_further(w->level->nearest, o)))
		w->level->nearest = o;
	if (o && e->column >= SPK_AGGREGATE_COLUMN)
		w->aggregates = e->outer;
	for (int i = 0; i < e->args; i++)
		note_outer(w, e->arg[i]);
}

static spk_status note_plan_expr(struct spk_expr **e, void *user, spk_error *err)
{
	(void)err;
	note_outer(user, *e);
	return SPK_OK;
}

static spk_status note_plan(struct note *w, struct spk_logical *l, spk_error *err)
{
	SPK_TRY(spk_logical_each_expr(l, note_plan_expr, w, err));
	for (int i = 0; i < l->inputs; i++)
		SPK_TRY(note_plan(w, l->input[i], err));
	return SPK_OK;
}

static spk_status note_expr(struct note *w, const struct spk_expr *e, spk_error *err);

/* The subquery's own columns stand in its condition, too, and are nobody's. */
static spk_status note_sublink(struct note *w, int id, spk_error *err)
{
	const struct spk_sublink *link = &w->b->sublinks->sublink[id - 1];
	const int own = w->own;

	if (id == own)
		return SPK_OK;
	w->level->local = w->level->local || link->used;
	w->own = id;
	if (link->condition)
		SPK_TRY(note_expr(w, link->condition, err));
	w->own = own;
	return note_plan(w, link->plan, err);
}

static spk_status note_expr(struct note *w, const struct spk_expr *e, spk_error *err)
{
	w->level->local = w->level->local || e->kind == SPK_EXPR_COLUMN;
	if (e->kind == SPK_EXPR_OUTER && e->outer < 0)
		return note_sublink(w, -e->outer, err);
	if (e->kind == SPK_EXPR_OUTER)
		note_outer(w, e);
	for (int i = 0; i < e->args; i++)
		SPK_TRY(note_expr(w, e->arg[i], err));
	return SPK_OK;
}

spk_status spk_binder_level(const struct spk_binder *b, struct spk_expr *const *e, int count, struct spk_level *out, spk_error *err)
{
	struct note w = { .b = b, .level = out };

	for (int i = 0; i < count; i++)
		SPK_TRY(note_expr(&w, e[i], err));
	out->nested = out->nested || (out->nearest && w.aggregates == out->nearest->number);
	return SPK_OK;
}

/* --- moving there --- */

/* References to the columns of `from` become references to those of `to`: numbers of queries, or of subqueries, negated. */
struct renumber { struct spk_arena *arena; int from, to; bool done; };

static spk_status renumber_leaf(struct spk_expr *e, void *user, struct spk_expr **out, spk_error *err)
{
	struct renumber *r = user;

	if (e->kind != SPK_EXPR_OUTER || e->outer != r->from)
		return SPK_OK;
	SPK_TRY_PTR(*out = spk_arena_copy(r->arena, e, sizeof *e), err);
	r->done = true;
	(*out)->outer = r->to;
	return SPK_OK;
}

static spk_status renumber_expr(struct spk_expr **e, void *user, spk_error *err)
{
	struct renumber *r = user;

	return spk_expr_rewrite(r->arena, *e, renumber_leaf, r, e, err);
}

static spk_status renumber_plan(struct spk_logical *l, struct renumber *r, spk_error *err)
{
	SPK_TRY(spk_logical_each_expr(l, renumber_expr, r, err));
	for (int i = 0; i < l->inputs; i++)
		SPK_TRY(renumber_plan(l->input[i], r, err));
	return SPK_OK;
}

struct move { struct spk_binder *b; struct spk_outer *to; int own; };

static spk_status move_leaf(struct spk_expr *e, void *user, struct spk_expr **out, spk_error *err);

/* *id: its number here, then that in the other list. What its condition needs of others goes first. */
static spk_status move_sublink(struct spk_binder *b, struct spk_outer *to, int *id, spk_error *err)
{
	struct spk_sublink *link = &b->sublinks->sublink[*id - 1];
	struct renumber own = { .arena = b->arena, .from = -*id }, around = { .arena = b->arena, .from = to->number, .to = link->number };
	struct move m = { .b = b, .to = to, .own = *id };

	if (!link->moved) {
		if (link->condition)
			SPK_TRY(spk_expr_rewrite(b->arena, link->condition, move_leaf, &m, &link->condition, err));
		own.to = -(to->sublinks->count + 1);
		if (link->condition)
			SPK_TRY(renumber_expr(&link->condition, &own, err));
		SPK_TRY(renumber_plan(link->plan, &around, err));
		link->used = around.done;
		SPK_TRY(spk_sublinks_add(b, to->sublinks, link, &link->moved, err));
		link->grouped = true;
	}
	*id = link->moved;
	return SPK_OK;
}

static spk_status move_leaf(struct spk_expr *e, void *user, struct spk_expr **out, spk_error *err)
{
	const struct move *m = user;
	int id = -e->outer;

	if (e->kind != SPK_EXPR_OUTER || id == m->own || (id < 0 && e->outer != m->to->number))
		return SPK_OK;
	if (id > 0)
		SPK_TRY(move_sublink(m->b, m->to, &id, err));
	SPK_TRY_PTR(*out = spk_arena_copy(m->b->arena, e, sizeof *e), err);
	(*out)->kind = id > 0 ? SPK_EXPR_OUTER : SPK_EXPR_COLUMN;
	(*out)->outer = id > 0 ? -id : 0;
	return SPK_OK;
}

spk_status spk_binder_to_level(struct spk_binder *b, struct spk_outer *to, struct spk_expr **e, int count, spk_error *err)
{
	struct move m = { .b = b, .to = to };

	for (int i = 0; i < count; i++)
		SPK_TRY(spk_expr_rewrite(b->arena, e[i], move_leaf, &m, &e[i], err));
	return SPK_OK;
}
