/*
 * Set-returning functions: in FROM (several side by side with ROWS FROM, their rows numbered WITH ORDINALITY), and in the SELECT list.
 * Either way their calls give arrays, and an UNNEST node makes rows of the elements.
 */
#include "planner/sql/bind.h"

#include <string.h>

#include "core/expr/function.h"

/* Stands over a set-returning call and has the type of its rows, until an UNNEST node has been made. Never computed. */
static const struct spk_function rows_of = { .name = "rows of", .args_min = 1, .args_max = 1, .set_returning = true, .can_fail = true, .volatility = SPK_VOLATILE };

static bool is_set(const struct spk_expr *e) { return e->kind == SPK_EXPR_CALL && e->function == &rows_of; }

spk_status spk_binder_rows_of(const struct spk_binder *b, struct spk_expr **e, spk_error *err)
{
	struct spk_expr *rows;

	if ((*e)->kind != SPK_EXPR_CALL || !(*e)->function->set_returning)
		return SPK_OK;
	SPK_TRY_PTR(rows = SPK_NEW(b->arena, struct spk_expr), err);
	*rows = (struct spk_expr){ .kind = SPK_EXPR_CALL, .type = (*e)->type.children->field[0].type, .nullable = true, .position = (*e)->position, .function = &rows_of, .args = 1 };
	SPK_TRY_PTR(rows->arg = spk_arena_copy(b->arena, e, sizeof *e), err);
	*e = rows;
	return SPK_OK;
}

bool spk_has_set(const struct spk_expr *e)
{
	if (is_set(e))
		return true;
	for (int i = 0; i < e->args; i++)
		if (spk_has_set(e->arg[i]))
			return true;
	return false;
}

static struct spk_field element_of(const struct spk_expr *set, const char *name)
{
	return (struct spk_field){ name, set->type.children->field[0].type, true };
}

/* --- FROM --- */

struct set_function {
	struct spk_binder *b;
	const PgQuery__RangeFunction *r;
	struct spk_sublinks sublinks;
	struct spk_logical *plan;      /* one row, with what subqueries in arguments gave */
	int count, capacity;
	struct spk_expr **set;
	bool value;                    /* the only call gives one value, not a set */
	const char **name;             /* by set: of its column when it has one */
	bool known;                    /* the last name is the function's own for its column */
	int location;
};

/* Functions whose one column has a name of its own. */
static const char *column_name(const char *function)
{
	static const char *const value[] = { "jsonb_array_elements", "jsonb_array_elements_text", "json_array_elements", "json_array_elements_text" };

	for (size_t i = 0; i < SPK_COUNT_OF(value); i++)
		if (strcmp(function, value[i]) == 0)
			return "value";
	return NULL;
}

/* A value is a set of one. Where it stands alone, nothing has to be unnested, and it may be an array itself. */
static spk_status add_value(struct set_function *w, struct spk_expr **e, spk_error *err)
{
	SPK_TRY(spk_binder_known(w->b, e, err));
	w->value = w->r->n_functions == 1 && !w->r->ordinality;
	return w->value ? SPK_OK : spk_expr_call(w->b->arena, "array of", e, 1, (*e)->position, e, err);
}

static spk_status add_set(struct set_function *w, struct spk_expr *e, const char *function, spk_error *err)
{
	const char *own = column_name(function);

	if (is_set(e) ? spk_has_set(e->arg[0]) : spk_has_set(e)) {
		spk_fail(err, SPK_BIND, "set-returning functions must appear at top level of FROM");
		if (err)
			err->position = e->position;
		return SPK_BIND;
	}
	SPK_TRY(spk_sublinks_attach(w->b, &w->sublinks, &w->plan, &e, err));
	if (is_set(e))
		e = e->arg[0];
	else
		SPK_TRY(add_value(w, &e, err));
	SPK_ASSERT(w->count < w->capacity, "counted before");
	w->set[w->count] = e;
	w->name[w->count++] = own ? own : function;
	w->known = own;
	return SPK_OK;
}

/* unnest(a, b) is unnest(a) beside unnest(b). */
static spk_status bind_call(struct set_function *w, const PgQuery__Node *n, spk_error *err)
{
	static const struct spk_scope none;
	struct spk_exprs x = { .b = w->b, .scope = &none, .sets_ok = true, .clause = "functions in FROM" };
	const PgQuery__FuncCall *f = n->node_case == PG_QUERY__NODE__NODE_FUNC_CALL ? n->func_call : NULL;
	const char *name = f ? spk_node_string(f->funcname[f->n_funcname - 1]) : NULL;
	struct spk_expr *e;

	if (!f || strcmp(name, "unnest") != 0 || f->n_args < 2) {
		SPK_TRY(spk_binder_expr(&x, n, &e, err));
		return add_set(w, e, name ? name : spk_target_name(n, e), err);
	}
	for (size_t i = 0; i < f->n_args; i++) {
		PgQuery__FuncCall one = *f;

		one.args = &f->args[i];
		one.n_args = 1;
		SPK_TRY(spk_binder_function(&x, &one, &e, err));
		SPK_TRY(add_set(w, e, name, err));
	}
	return SPK_OK;
}

static spk_status bind_calls(struct set_function *w, spk_error *err)
{
	struct spk_sublinks *sublinks = w->b->sublinks;
	spk_status status = SPK_OK;

	w->b->sublinks = &w->sublinks;
	for (size_t i = 0; i < w->r->n_functions && status == SPK_OK; i++) {
		const PgQuery__List *pair = w->r->functions[i]->list;
		const PgQuery__Node *own = pair->n_items > 1 && pair->items[1] && pair->items[1]->node_case == PG_QUERY__NODE__NODE_LIST ? pair->items[1]->list->items[0] : NULL;
		const PgQuery__Node *column = w->r->n_coldeflist ? w->r->coldeflist[0] : own;

		status = bind_call(w, pair->items[0], err);
		if (status == SPK_OK && column)
			status = spk_binder_fail(w->b, column->column_def->location, SPK_BIND, err, "a column definition list is only allowed for functions returning \"record\"");
	}
	w->b->sublinks = sublinks;
	return status;
}

static int count_sets(const PgQuery__RangeFunction *r)
{
	int n = 0;

	for (size_t i = 0; i < r->n_functions; i++) {
		const PgQuery__Node *f = r->functions[i]->list->items[0];

		n += f->node_case == PG_QUERY__NODE__NODE_FUNC_CALL ? SPK_MAX((int)f->func_call->n_args, 1) : 1;
	}
	return n;
}

static spk_status value_plan(const struct set_function *w, const char *alias, struct spk_logical **out, spk_error *err)
{
	struct spk_schema *schema = spk_schema_new(w->b->arena, 1);

	SPK_TRY_PTR(schema, err);
	schema->field[0] = (struct spk_field){ alias && !w->known ? alias : w->name[0], w->set[0]->type, w->set[0]->nullable };
	SPK_TRY_PTR(*out = spk_binder_project(w->b, w->plan, w->set, schema), err);
	return SPK_OK;
}

static bool is_record(const struct spk_expr *set) { return set->type.children->field[0].type.id == SPK_TYPE_ROW; }

/* The element columns, and behind them the number. A lone function's column is called as the whole is. */
static struct spk_schema *set_schema(const struct set_function *w, const char *alias)
{
	int from = w->plan->schema->count, columns = from + w->r->ordinality;
	struct spk_schema *s;

	for (int k = 0; k < w->count; k++)
		columns += is_record(w->set[k]) ? w->set[k]->type.children->field[0].type.children->count : 1;
	s = spk_schema_new(w->b->arena, columns);
	if (!s)
		return NULL;
	memcpy(s->field, w->plan->schema->field, sizeof *s->field * (size_t)from);
	for (int k = 0; k < w->count; k++) {
		const struct spk_schema *record = is_record(w->set[k]) ? w->set[k]->type.children->field[0].type.children : NULL;

		for (int i = 0; record && i < record->count; i++)
			s->field[from++] = (struct spk_field){ record->field[i].name, record->field[i].type, true };
		if (!record)
			s->field[from++] = element_of(w->set[k], alias && w->count == 1 && !w->known ? alias : w->name[k]);
	}
	if (w->r->ordinality)
		s->field[from] = (struct spk_field){ "ordinality", spk_type(SPK_TYPE_BIGINT), false };
	return s;
}

/* What subqueries in arguments gave is not seen. */
static spk_status drop_columns(const struct set_function *w, int from, struct spk_logical **plan, spk_error *err)
{
	const struct spk_schema *in = (*plan)->schema;
	struct spk_schema *schema = spk_schema_new(w->b->arena, in->count - from);
	struct spk_expr **expr = SPK_NEW_ARRAY(w->b->arena, struct spk_expr *, in->count + 1);

	SPK_TRY_PTR(schema && expr, err);
	if (!from)
		return SPK_OK;
	for (int i = from; i < in->count; i++) {
		schema->field[i - from] = in->field[i];
		SPK_TRY_PTR(expr[i - from] = spk_expr_column(w->b->arena, i, &in->field[i]), err);
	}
	SPK_TRY_PTR(*plan = spk_binder_project(w->b, *plan, expr, schema), err);
	return SPK_OK;
}

static spk_status set_plan(const struct set_function *w, const char *alias, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *plan = w->plan, *l = spk_logical_new(w->b->arena, SPK_LOGICAL_UNNEST, set_schema(w, alias), &plan, 1);

	SPK_TRY_PTR(l && l->schema, err);
	l->expr = w->set;
	l->expr_count = w->count;
	l->ordinality = w->r->ordinality;
	l->expand = true;
	l->position = spk_binder_at(w->b, w->location);
	*out = l;
	return drop_columns(w, plan->schema->count, out, err);
}

spk_status spk_binder_set_function(struct spk_binder *b, const PgQuery__RangeFunction *r, struct spk_scope *out, spk_error *err)
{
	struct set_function w = { .b = b, .r = r, .capacity = count_sets(r), .location = spk_node_location(r->functions[0]->list->items[0]) };
	const char *alias = r->alias && r->alias->aliasname && *r->alias->aliasname ? r->alias->aliasname : NULL;
	struct spk_schema *nothing = spk_schema_new(b->arena, 0);
	struct spk_logical *l = NULL;

	w.set = SPK_NEW_ARRAY(b->arena, struct spk_expr *, w.capacity);
	w.name = SPK_NEW_ARRAY(b->arena, const char *, w.capacity);
	SPK_TRY_PTR(nothing && w.set && w.name, err);
	SPK_TRY_PTR(w.plan = spk_logical_new(b->arena, SPK_LOGICAL_VALUES, nothing, NULL, 0), err);
	w.plan->value_rows = 1;
	SPK_TRY(bind_calls(&w, err));
	SPK_TRY(w.value ? value_plan(&w, alias, &l, err) : set_plan(&w, alias, &l, err));
	SPK_TRY(spk_binder_one_range(b, l, w.count ? w.name[0] : NULL, r->alias, w.location, out, err));
	out->range->scalar = l->schema->count == 1 && l->schema->field[0].type.id != SPK_TYPE_ROW;
	return SPK_OK;
}

/* --- SELECT list --- */

struct sets {
	struct spk_binder *b;
	const struct spk_logical *plan;
	int count, capacity;
	struct spk_expr **set;
};

static spk_status note_set(struct sets *s, struct spk_expr *e, spk_error *err)
{
	struct spk_expr **grown;

	if (s->count < s->capacity) {
		s->set[s->count++] = e;
		return SPK_OK;
	}
	s->capacity = s->capacity ? 2 * s->capacity : 4;
	grown = SPK_NEW_ARRAY(s->b->arena, struct spk_expr *, s->capacity);
	SPK_TRY_PTR(grown, err);
	if (s->count)
		memcpy(grown, s->set, sizeof(*grown) * (size_t)s->count);
	grown[s->count++] = e;
	s->set = grown;
	return SPK_OK;
}

/* Puts columns of the coming node in place of the innermost calls. */
static spk_status take_sets(struct sets *s, struct spk_expr **e, spk_error *err)
{
	struct spk_expr *copy;
	struct spk_field f;

	if (!spk_has_set(*e))
		return SPK_OK;
	if (is_set(*e) && !spk_has_set((*e)->arg[0])) {
		struct spk_expr *set = (*e)->arg[0];

		f = element_of(set, set->function->name);
		copy = spk_expr_column(s->b->arena, s->plan->schema->count + s->count, &f);
		SPK_TRY_PTR(copy, err);
		copy->position = (*e)->position;
		SPK_TRY(note_set(s, set, err));
		*e = copy;
		return SPK_OK;
	}
	copy = spk_arena_copy(s->b->arena, *e, sizeof *copy);
	SPK_TRY_PTR(copy, err);
	SPK_TRY_PTR(copy->arg = spk_arena_copy(s->b->arena, (*e)->arg, sizeof(*copy->arg) * (size_t)copy->args), err);
	for (int i = 0; i < copy->args; i++)
		SPK_TRY(take_sets(s, &copy->arg[i], err));
	copy->nullable = true;
	*e = copy;
	return SPK_OK;
}

static spk_status add_unnest(const struct sets *s, struct spk_logical **plan, spk_error *err)
{
	const struct spk_schema *in = (*plan)->schema;
	struct spk_schema *schema = spk_schema_new(s->b->arena, in->count + s->count);
	struct spk_logical *l = spk_logical_new(s->b->arena, SPK_LOGICAL_UNNEST, schema, plan, 1);

	SPK_TRY_PTR(schema && l, err);
	memcpy(schema->field, in->field, sizeof *in->field * (size_t)in->count);
	for (int i = 0; i < s->count; i++)
		schema->field[in->count + i] = element_of(s->set[i], s->set[i]->function->name);
	l->expr = s->set;
	l->expr_count = s->count;
	l->position = s->set[0]->position;
	*plan = l;
	return SPK_OK;
}

/* As PostgreSQL: the innermost calls first, all of one depth side by side. */
static spk_status lower_list(struct spk_binder *b, struct spk_expr ***place, int count, struct spk_logical **plan, spk_error *err)
{
	for (;;) {
		struct sets s = { .b = b, .plan = *plan };

		for (int i = 0; i < count; i++)
			SPK_TRY(take_sets(&s, place[i], err));
		if (!s.count)
			return SPK_OK;
		SPK_TRY(add_unnest(&s, plan, err));
	}
}

/* --- calls that are made for the rows that DISTINCT ON leaves --- */

/* With ORDER BY, and when no call is among what rows are told apart or ordered by. */
static bool is_late(const struct spk_query *q)
{
	bool late = false;

	for (int i = 0; i < q->ons; i++)
		if (spk_has_set(q->target[q->on[i]].expr))
			return false;
	for (int i = 0; i < q->sorts; i++)
		if (spk_has_set(q->target[q->sort[i].expr->column].expr))
			return false;
	for (int i = 0; i < q->visible; i++)
		late = late || spk_has_set(q->target[i].expr);
	return late && q->ons && q->sorts;
}

/* A column of the input becomes one of the outputs, hidden when it is none of them. */
static spk_status carry_leaf(struct spk_expr *e, void *user, struct spk_expr **out, spk_error *err)
{
	struct spk_query *q = user;
	int at = 0;

	if (e->kind != SPK_EXPR_COLUMN)
		return SPK_OK;
	while (at < q->targets && !spk_expr_same(q->target[at].expr, e))
		at++;
	if (at == q->targets)
		SPK_TRY(spk_query_add_target(q, e, "?carried?", e->position, err));
	SPK_TRY_PTR(*out = spk_expr_column(q->b->arena, at, &(struct spk_field){ e->name, e->type, e->nullable }), err);
	(*out)->position = e->position;
	return SPK_OK;
}

static spk_status hold_back(struct spk_query *q, spk_error *err)
{
	const int visible = q->visible;

	SPK_TRY_PTR(q->late = SPK_NEW_ARRAY(q->b->arena, struct spk_expr *, visible + 1), err);
	for (int i = 0; i < visible; i++) {
		struct spk_expr *e = q->target[i].expr;

		if (!spk_has_set(e))
			continue;
		SPK_TRY(spk_expr_rewrite(q->b->arena, e, carry_leaf, q, &q->late[i], err));
		SPK_TRY_PTR(q->target[i].expr = spk_expr_literal(q->b->arena, (struct spk_value){ .type = e->type, .null = true }), err);
		q->target[i].expr->position = e->position;
	}
	return SPK_OK;
}

spk_status spk_query_late_sets(struct spk_query *q, struct spk_logical **plan, spk_error *err)
{
	struct spk_expr ***place = SPK_NEW_ARRAY(q->b->arena, struct spk_expr **, q->visible + 1), **expr = SPK_NEW_ARRAY(q->b->arena, struct spk_expr *, q->targets);
	struct spk_schema *schema = spk_schema_new(q->b->arena, q->targets);
	int count = 0;

	SPK_TRY_PTR(place && expr && schema, err);
	if (!q->late)
		return SPK_OK;
	for (int i = 0; i < q->visible; i++)
		if (q->late[i])
			place[count++] = &q->late[i];
	SPK_TRY(lower_list(q->b, place, count, plan, err));
	for (int i = 0; i < q->targets; i++) {
		const bool late = i < q->visible && q->late[i];

		SPK_TRY_PTR(expr[i] = late ? q->late[i] : spk_expr_column(q->b->arena, i, &(*plan)->schema->field[i]), err);
		schema->field[i] = (struct spk_field){ (*plan)->schema->field[i].name, expr[i]->type, expr[i]->nullable };
	}
	SPK_TRY_PTR(*plan = spk_binder_project(q->b, *plan, expr, schema), err);
	return SPK_OK;
}

spk_status spk_query_sets(struct spk_query *q, struct spk_logical **plan, spk_error *err)
{
	struct spk_expr ***place;

	if (is_late(q))
		return hold_back(q, err);
	SPK_TRY_PTR(place = SPK_NEW_ARRAY(q->b->arena, struct spk_expr **, q->targets + 1), err);
	for (int i = 0; i < q->targets; i++)
		place[i] = &q->target[i].expr;
	return lower_list(q->b, place, q->targets, plan, err);
}

/* --- GROUP BY, windows --- */

/* Puts `now` wherever `was` stands. */
static spk_status replace(struct spk_query *q, const struct spk_expr *was, struct spk_expr *now, struct spk_expr **e, spk_error *err)
{
	struct spk_expr *copy;

	if (spk_expr_same(*e, was)) {
		*e = now;
		return SPK_OK;
	}
	if (!spk_has_set(*e))
		return SPK_OK;
	SPK_TRY_PTR(copy = spk_arena_copy(q->b->arena, *e, sizeof *copy), err);
	SPK_TRY_PTR(copy->arg = spk_arena_copy(q->b->arena, (*e)->arg, sizeof(*copy->arg) * (size_t)copy->args), err);
	for (int i = 0; i < copy->args; i++)
		SPK_TRY(replace(q, was, now, &copy->arg[i], err));
	*e = copy;
	return SPK_OK;
}

/* Partition and order of every window; returns how many. `place` NULL: only counts. */
static int window_places(struct spk_query *q, struct spk_expr ***place)
{
	int n = 0;

	for (int i = 0; i < q->overs.count; i++) {
		struct spk_over *o = &q->overs.over[i];

		for (int k = 0; k < o->exprs; k++, n++)
			if (place)
				place[n] = &o->expr[k];
		for (int k = 0; k < o->sorts; k++, n++)
			if (place)
				place[n] = &o->sort[k].expr;
	}
	return n;
}

static spk_status replace_all(struct spk_query *q, const struct spk_expr *was, struct spk_expr *now, struct spk_expr ***window, int windows, spk_error *err)
{
	for (int i = 0; i < q->targets; i++)
		SPK_TRY(replace(q, was, now, &q->target[i].expr, err));
	for (int i = 0; i < windows; i++)
		SPK_TRY(replace(q, was, now, window[i], err));
	return SPK_OK;
}

/*
 * The sets in these expressions are computed over `plan`, where the expressions are needed, and not once more where the same stands
 * among the targets.
 */
static spk_status lower_sets(struct spk_query *q, struct spk_expr ***place, int count, struct spk_logical **plan, spk_error *err)
{
	struct spk_expr **was = SPK_NEW_ARRAY(q->b->arena, struct spk_expr *, count + 1), ***window = NULL;
	const int windows = window_places(q, NULL);

	SPK_TRY_PTR(was, err);
	SPK_TRY_PTR(window = SPK_NEW_ARRAY(q->b->arena, struct spk_expr **, windows + 1), err);
	window_places(q, window);
	for (int i = 0; i < count; i++) {
		was[i] = *place[i];
		if (spk_has_set(was[i]))
			SPK_TRY(spk_sublinks_attach(q->b, &q->sublinks, plan, place[i], err));
	}
	SPK_TRY(lower_list(q->b, place, count, plan, err));
	for (int i = 0; i < count; i++)
		if (spk_has_set(was[i]))
			SPK_TRY(replace_all(q, was[i], *place[i], window, windows, err));
	return SPK_OK;
}

spk_status spk_query_group_sets(struct spk_query *q, struct spk_logical **plan, spk_error *err)
{
	struct spk_expr ***place = SPK_NEW_ARRAY(q->b->arena, struct spk_expr **, q->groups + 1);

	SPK_TRY_PTR(place, err);
	for (int i = 0; i < q->groups; i++)
		place[i] = &q->group[i];
	return lower_sets(q, place, q->groups, plan, err);
}

spk_status spk_query_window_sets(struct spk_query *q, struct spk_logical **plan, spk_error *err)
{
	const int count = window_places(q, NULL);
	struct spk_expr ***place = SPK_NEW_ARRAY(q->b->arena, struct spk_expr **, count + 1);

	SPK_TRY_PTR(place, err);
	window_places(q, place);
	return lower_sets(q, place, count, plan, err);
}
