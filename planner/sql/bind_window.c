/*
 * Windows over event time: functions in FROM, tumble(bid, ts, size), or in GROUP BY, where they put the query's own rows into windows: GROUP BY
 * TUMBLE(ts, size), k. Files in FROM are in bind_file.c.
 */
#include "planner/sql/bind.h"

#include <string.h>
#include <strings.h>

#include "core/expr/function.h"
#include "core/expr/zone.h"
#include "planner/sql/rewrite.h"

enum role { DATA, TIME, SIZE, SLIDE, STEP, GAP, OFFSET, PARTITION, ALIAS, ROLES };

/* What the arguments of each window function are, in order; the last of a list may be left out. */
static const struct window_function {
	const char *name, *usage, *grouped;
	enum spk_window_kind kind;
	int roles;
	enum role role[5];
	bool only_grouped;                     /* stands in GROUP BY alone, where its name is the window's */
} functions[] = {
	{ "tumble", "tumble(table, time, size [, offset])", "tumble([time,] size)", SPK_WINDOW_TUMBLE, 4, { DATA, TIME, SIZE, OFFSET }, false },
	{ "hop", "hop(table, time, slide, size [, offset])", "hop([time,] slide, size)", SPK_WINDOW_HOP, 5, { DATA, TIME, SLIDE, SIZE, OFFSET }, false },
	{ "cumulate", "cumulate(table, time, step, size [, offset])", "cumulate([time,] step, size)", SPK_WINDOW_CUMULATE, 5, { DATA, TIME, STEP, SIZE, OFFSET }, false },
	{ "session", "session(table [PARTITION BY columns], time, gap)", "session([time,] gap)", SPK_WINDOW_SESSION, 3, { DATA, TIME, GAP }, false },
	{ "window", "GROUP BY window(time, size)", "window(time, size [, slide [, offset]])", SPK_WINDOW_HOP, 5, { DATA, TIME, SIZE, SLIDE, OFFSET }, true },
	{ "session_window", "GROUP BY session_window(time, gap)", "session_window(time, gap)", SPK_WINDOW_SESSION, 3, { DATA, TIME, GAP }, true },
};

static const struct { const char *name; enum role role; } named[] = {
	{ "data", DATA }, { "timecol", TIME }, { "size", SIZE }, { "slide", SLIDE }, { "step", STEP }, { "gap", GAP }, { "offset", OFFSET },
	{ SPK_MARK_PARTITION, PARTITION }, { SPK_MARK_ALIAS, ALIAS },
};

struct window_call {
	struct spk_binder *b;
	const struct window_function *f;
	const PgQuery__FuncCall *call;
	bool grouped;                          /* in GROUP BY: no table among the arguments, and maybe no time */
	const PgQuery__Node *arg[ROLES];
	struct spk_scope in;
};

/* --- arguments --- */

static spk_status wrong_arguments(const struct window_call *w, int location, spk_error *err)
{
	spk_binder_fail(w->b, location, SPK_BIND, err, "wrong arguments of window function %s", w->f->name);
	return w->grouped ? spk_hint(err, "In GROUP BY it is called as %s.", w->f->grouped) : spk_hint(err, "It is called as %s.", w->f->usage);
}

static int role_of_name(const char *name)
{
	for (size_t i = 0; i < SPK_COUNT_OF(named); i++)
		if (strcasecmp(named[i].name, name) == 0)
			return (int)named[i].role;
	return -1;
}

static bool takes_role(const struct window_function *f, int role)
{
	if (role == PARTITION || role == ALIAS)
		return true;
	for (int i = 0; i < f->roles; i++)
		if ((int)f->role[i] == role)
			return true;
	return false;
}

/* How many of the function's roles are not among the arguments in GROUP BY: the table, and a time that goes without saying. */
static int left_out(const struct window_call *w)
{
	const int lengths = w->f->kind == SPK_WINDOW_TUMBLE || w->f->kind == SPK_WINDOW_SESSION ? 1 : 2;
	int args = 0;

	for (size_t i = 0; i < w->call->n_args; i++)
		args += w->call->args[i]->node_case != PG_QUERY__NODE__NODE_NAMED_ARG_EXPR || role_of_name(w->call->args[i]->named_arg_expr->name) < PARTITION;
	return w->grouped ? (w->f->only_grouped || args > lengths ? 1 : 2) : 0;
}

/* window(time, size) does not overlap with itself. */
static enum spk_window_kind kind_of(const struct window_call *w) { return w->f->kind == SPK_WINDOW_HOP && !w->arg[SLIDE] ? SPK_WINDOW_TUMBLE : w->f->kind; }

static bool may_be_left_out(const struct window_call *w, enum role role) { return role == OFFSET || (role == SLIDE && w->f->only_grouped); }

static spk_status sort_arguments(struct window_call *w, spk_error *err)
{
	int placed = left_out(w);

	for (size_t i = 0; i < w->call->n_args; i++) {
		const PgQuery__Node *n = w->call->args[i];
		int role;

		if (n->node_case == PG_QUERY__NODE__NODE_NAMED_ARG_EXPR) {
			role = role_of_name(n->named_arg_expr->name);
			n = n->named_arg_expr->arg;
		} else {
			role = placed < w->f->roles ? (int)w->f->role[placed++] : -1;
		}
		if (role < 0 || !takes_role(w->f, role) || w->arg[role])
			return wrong_arguments(w, spk_node_location(w->call->args[i]), err);
		w->arg[role] = n;
	}
	for (int i = left_out(w); i < w->f->roles; i++)
		if (!w->arg[w->f->role[i]] && !may_be_left_out(w, w->f->role[i]))
			return wrong_arguments(w, w->call->location, err);
	return SPK_OK;
}

/* The relation that the first argument names; a query in brackets will do. */
static spk_status bind_data(struct window_call *w, spk_error *err)
{
	const PgQuery__Node *n = w->arg[DATA];
	PgQuery__RangeVar v = PG_QUERY__RANGE_VAR__INIT;
	struct spk_logical *plan;

	if (n->node_case == PG_QUERY__NODE__NODE_SUB_LINK && n->sub_link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK) {
		SPK_TRY(spk_binder_query(w->b, n->sub_link->subselect->select_stmt, false, &plan, err));
		return spk_binder_one_range(w->b, plan, NULL, NULL, n->sub_link->location, &w->in, err);
	}
	if (n->node_case != PG_QUERY__NODE__NODE_COLUMN_REF || n->column_ref->n_fields > 2 || !spk_node_string(n->column_ref->fields[n->column_ref->n_fields - 1]))
		return wrong_arguments(w, spk_node_location(n), err);
	v.relname = n->column_ref->fields[n->column_ref->n_fields - 1]->string->sval;
	v.location = n->column_ref->location;
	if (n->column_ref->n_fields == 2)
		v.schemaname = n->column_ref->fields[0]->string->sval;
	return spk_binder_relation(w->b, &v, &w->in, err);
}

static spk_status bind_time(struct window_call *w, int *out, spk_error *err)
{
	struct spk_exprs x = { .b = w->b, .scope = &w->in, .clause = "a window's time" };
	const PgQuery__Node *n = w->arg[TIME];
	struct spk_expr *e;
	char type[64];

	SPK_TRY(spk_binder_expr(&x, n, &e, err));
	if (e->kind != SPK_EXPR_COLUMN) {
		spk_binder_fail(w->b, spk_node_location(n), SPK_BIND, err, "the time of window function %s must be a column", w->f->name);
		return spk_hint(err, "Compute it in a view or as a computed column of the table.");
	}
	if (e->type.id != SPK_TYPE_TIMESTAMP && e->type.id != SPK_TYPE_TIMESTAMPTZ) {
		spk_type_format_bare(e->type, type, sizeof type);
		spk_binder_fail(w->b, spk_node_location(n), SPK_BIND, err, "the time of window function %s must be a timestamp; \"%s\" is %s", w->f->name, e->name, type);
		return spk_hint(err, "Name the column of the table's WATERMARK, or a computed column such as ts AS to_timestamp(%s).", e->name);
	}
	*out = e->column;
	return SPK_OK;
}

static spk_status bind_length(struct window_call *w, enum role role, const char *what, int64_t *us, spk_error *err)
{
	struct spk_exprs x = { .b = w->b, .clause = what };

	return w->arg[role] ? spk_binder_length(&x, w->arg[role], role == OFFSET, us, err) : SPK_OK;
}

static spk_status bind_lengths(struct window_call *w, struct spk_logical *l, spk_error *err)
{
	SPK_TRY(bind_length(w, SIZE, "the size of the window", &l->window_size_us, err));
	SPK_TRY(bind_length(w, SLIDE, "the slide of the window", &l->window_slide_us, err));
	SPK_TRY(bind_length(w, STEP, "the step of the window", &l->window_slide_us, err));
	SPK_TRY(bind_length(w, GAP, "the gap of the session", &l->window_slide_us, err));
	SPK_TRY(bind_length(w, OFFSET, "the offset of the window", &l->window_offset_us, err));
	if ((l->window == SPK_WINDOW_HOP || l->window == SPK_WINDOW_CUMULATE) && l->window_size_us % l->window_slide_us) {
		const char *step = w->f->kind == SPK_WINDOW_HOP ? "slide" : "step";

		return spk_binder_fail(w->b, spk_node_location(w->arg[SIZE]), SPK_BIND, err, "the size of window function %s must be a multiple of its %s", w->f->name, step);
	}
	return SPK_OK;
}

/* Windows of a time with a zone are those of the session's clock. */
static spk_status bind_zone(struct window_call *w, struct spk_logical *l, spk_error *err)
{
	const char *zone = spk_conf_text(w->b->conf, SPK_CONF_TIMEZONE);

	if (l->schema->field[l->time_column].type.id != SPK_TYPE_TIMESTAMPTZ || l->window == SPK_WINDOW_SESSION || !zone || !*zone || strcasecmp(zone, "UTC") == 0)
		return SPK_OK;
	if (!spk_zone_find(zone, strlen(zone)))
		return spk_binder_fail(w->b, w->call->location, SPK_BIND, err, "time zone \"%s\" not recognized", zone);
	SPK_TRY_PTR(l->zone = spk_arena_strdup(w->b->arena, zone), err);
	return SPK_OK;
}

static spk_status bind_partition(struct window_call *w, struct spk_logical *l, spk_error *err)
{
	struct spk_exprs x = { .b = w->b, .scope = &w->in, .clause = "PARTITION BY" };
	PgQuery__Node *single = NULL, *const *n;
	size_t count;

	if (!w->arg[PARTITION])
		return SPK_OK;
	if (w->f->kind != SPK_WINDOW_SESSION)
		return SPK_OK;  /* other windows do not depend on the rows' keys */
	single = (PgQuery__Node *)(uintptr_t)w->arg[PARTITION];
	n = single->node_case == PG_QUERY__NODE__NODE_ROW_EXPR ? single->row_expr->args : &single;
	count = single->node_case == PG_QUERY__NODE__NODE_ROW_EXPR ? single->row_expr->n_args : 1;
	l->partition = SPK_NEW_ARRAY(w->b->arena, int, count);
	SPK_TRY_PTR(l->partition, err);
	for (size_t i = 0; i < count; i++) {
		struct spk_expr *e;

		SPK_TRY(spk_binder_expr(&x, n[i], &e, err));
		if (e->kind != SPK_EXPR_COLUMN)
			return spk_binder_fail(w->b, spk_node_location(n[i]), SPK_BIND, err, "PARTITION BY of a session must name columns");
		l->partition[l->partition_count++] = e->column;
	}
	return SPK_OK;
}

/* --- the node --- */

static spk_status window_schema(struct window_call *w, const struct spk_schema *in, int time, struct spk_schema **out, spk_error *err)
{
	static const char *const added[] = { "window_start", "window_end", "window_time" };
	struct spk_schema *s = spk_schema_new(w->b->arena, in->count + 3);

	SPK_TRY_PTR(s, err);
	memcpy(s->field, in->field, sizeof *s->field * (size_t)in->count);
	for (int i = 0; i < 3; i++)
		s->field[in->count + i] = (struct spk_field){ added[i], in->field[time].type, in->field[time].nullable };
	*out = s;
	return SPK_OK;
}

/* The node over a plan with those columns. */
static spk_status window_node(struct window_call *w, const struct spk_schema *in, struct spk_logical *plan, int time, struct spk_logical **out, spk_error *err)
{
	struct spk_schema *schema = NULL;
	struct spk_logical *l;

	SPK_TRY(window_schema(w, in, time, &schema, err));
	SPK_TRY_PTR(l = spk_logical_new(w->b->arena, SPK_LOGICAL_WINDOW, schema, &plan, 1), err);
	l->window = kind_of(w);
	l->time_column = time;
	l->position = spk_binder_at(w->b, w->call->location);
	SPK_TRY(bind_lengths(w, l, err));
	SPK_TRY(bind_zone(w, l, err));
	*out = l;
	return SPK_OK;
}

static spk_status bind_window(struct window_call *w, const PgQuery__Alias *alias, struct spk_scope *out, spk_error *err)
{
	struct spk_logical *l = NULL;
	int time = -1;

	SPK_TRY(sort_arguments(w, err));
	SPK_TRY(bind_data(w, err));
	SPK_TRY(bind_time(w, &time, err));
	SPK_TRY(window_node(w, w->in.range->schema, w->in.plan, time, &l, err));
	SPK_TRY(bind_partition(w, l, err));
	return spk_binder_one_range(w->b, l, w->in.range->alias, alias, w->call->location, out, err);
}

/* --- in GROUP BY --- */

static const struct window_function *find_function(const char *name)
{
	for (size_t i = 0; i < SPK_COUNT_OF(functions); i++)
		if (strcmp(functions[i].name, name) == 0)
			return &functions[i];
	return NULL;
}

/* What a call with such a name gives of the window: a column of it, or both bounds. */
static const struct { const char *suffix; int column; } parts[] = { { "", -1 }, { "_start", 0 }, { "_end", 1 }, { "_rowtime", 2 }, { "_proctime", 2 } };

static const struct window_function *find_part(const char *name, int *column)
{
	for (size_t i = 0; i < SPK_COUNT_OF(functions); i++) {
		const size_t n = strlen(functions[i].name);

		for (size_t k = 0; (k == 0 || !functions[i].only_grouped) && strncmp(functions[i].name, name, n) == 0 && k < SPK_COUNT_OF(parts); k++) {
			*column = parts[k].column;
			if (strcmp(parts[k].suffix, name + n) == 0)
				return &functions[i];
		}
	}
	return NULL;
}

bool spk_is_group_window_call(const char *name)
{
	int ignored;

	return find_part(name, &ignored) != NULL;
}

static const PgQuery__FuncCall *window_call_of(const PgQuery__Node *n)
{
	const PgQuery__FuncCall *f = n->node_case == PG_QUERY__NODE__NODE_FUNC_CALL ? n->func_call : NULL;

	return f && f->n_funcname == 1 && find_function(spk_node_string(f->funcname[0])) ? f : NULL;
}

/* The output that an item of GROUP BY names by its number or its alias; NULL: it names none. */
static const PgQuery__Node *named_output(const PgQuery__SelectStmt *s, const PgQuery__Node *n)
{
	const char *name = n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && n->column_ref->n_fields == 1 ? spk_node_string(n->column_ref->fields[0]) : NULL;
	const int place = n->node_case == PG_QUERY__NODE__NODE_A_CONST && n->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL ? n->a_const->ival->ival : 0;

	for (size_t i = 0; i < s->n_target_list; i++) {
		const PgQuery__ResTarget *t = s->target_list[i]->res_target;

		if ((int)i + 1 == place || (name && t->name && strcmp(t->name, name) == 0))
			return t->val;
	}
	return NULL;
}

/* The first window function among the groups. */
static const PgQuery__FuncCall *find_grouped(const PgQuery__SelectStmt *s, PgQuery__Node *const *n, size_t count)
{
	const PgQuery__FuncCall *f = NULL;

	for (size_t i = 0; spk_is_group_by_all(n, count) && i < s->n_target_list && !f; i++)
		f = window_call_of(s->target_list[i]->res_target->val);
	for (size_t i = 0; i < count && !f; i++) {
		const PgQuery__Node *output = named_output(s, n[i]);

		if (n[i]->node_case == PG_QUERY__NODE__NODE_ROW_EXPR)
			f = find_grouped(s, n[i]->row_expr->args, n[i]->row_expr->n_args);
		else if (n[i]->node_case == PG_QUERY__NODE__NODE_GROUPING_SET)
			f = find_grouped(s, n[i]->grouping_set->content, n[i]->grouping_set->n_content);
		else
			f = window_call_of(output ? output : n[i]);
	}
	return f;
}

int spk_watermark_column(const struct spk_logical *l)
{
	int below = -1;

	switch (l->kind) {
	case SPK_LOGICAL_SCAN: return l->table->time_column;
	case SPK_LOGICAL_FILTER: return spk_watermark_column(l->input[0]);
	case SPK_LOGICAL_PROJECT:
		below = spk_watermark_column(l->input[0]);
		for (int i = 0; below >= 0 && i < l->expr_count; i++)
			if (l->expr[i]->kind == SPK_EXPR_COLUMN && l->expr[i]->column == below)
				return i;
		return -1;
	case SPK_LOGICAL_UNION:
		below = spk_watermark_column(l->input[0]);
		for (int i = 1; i < l->inputs; i++)
			if (spk_watermark_column(l->input[i]) != below)
				return -1;
		return below;
	default: return -1;
	}
}

/* The time, and the lengths, of a call in a query over `in`. */
static spk_status grouped_node(struct window_call *w, struct spk_logical *plan, struct spk_logical **out, spk_error *err)
{
	int time = -1;

	SPK_TRY(sort_arguments(w, err));
	if (w->arg[TIME])
		SPK_TRY(bind_time(w, &time, err));
	else
		SPK_TRY(spk_binder_show_time(w->b, &plan, &time, err));
	if (time < 0) {
		spk_binder_fail(w->b, w->call->location, SPK_BIND, err, "which time %s goes by is not said, and FROM is not one table with a WATERMARK", w->f->name);
		return spk_hint(err, "Name it: %s(ts, ...).", w->f->name);
	}
	return window_node(w, plan->schema, plan, time, out, err);
}

spk_status spk_query_group_window(struct spk_query *q, struct spk_logical **plan, spk_error *err)
{
	const PgQuery__FuncCall *f = find_grouped(q->select, q->select->group_clause, q->select->n_group_clause);
	const int ranges = q->scope.count;
	struct window_call w = { .b = q->b, .call = f, .grouped = true, .in = q->scope };
	struct spk_group_window *window;
	struct spk_range *range;
	struct spk_schema *bounds;
	int columns;

	if (!f)
		return SPK_OK;
	w.f = find_function(spk_node_string(f->funcname[0]));
	SPK_TRY_PTR(window = SPK_NEW(q->b->arena, struct spk_group_window), err);
	SPK_TRY_PTR(range = SPK_NEW_ARRAY(q->b->arena, struct spk_range, ranges + 1), err);
	SPK_TRY_PTR(bounds = spk_schema_new(q->b->arena, 3), err);
	SPK_TRY(grouped_node(&w, *plan, &window->node, err));
	columns = window->node->input[0]->schema->count;
	window->call = f;
	window->first = columns;
	window->name = w.arg[ALIAS] ? spk_node_string(w.arg[ALIAS]->column_ref->fields[0]) : w.f->only_grouped ? w.f->name : NULL;
	memcpy(bounds->field, window->node->schema->field + columns, sizeof *bounds->field * 3);
	if (ranges)
		memcpy(range, q->scope.range, sizeof *range * (size_t)ranges);
	range[ranges] = (struct spk_range){ .schema = bounds, .first = columns, .hidden_columns = true };
	q->scope = (struct spk_scope){ .plan = window->node, .count = ranges + 1, .range = range, .window = window };
	*plan = window->node;
	return SPK_OK;
}

spk_status spk_query_session_keys(struct spk_query *q, spk_error *err)
{
	struct spk_group_window *w = q->scope.window;

	if (!w || w->node->window != SPK_WINDOW_SESSION)
		return SPK_OK;
	SPK_TRY_PTR(w->node->partition = SPK_NEW_ARRAY(q->b->arena, int, q->groups + 1), err);
	for (int i = 0; i < q->groups; i++) {
		const struct spk_expr *e = q->group[i];

		if (e->kind == SPK_EXPR_COLUMN && e->column < w->first) {
			w->node->partition[w->node->partition_count++] = e->column;
		} else if (e->kind != SPK_EXPR_COLUMN) {
			spk_binder_fail(q->b, w->call->location, SPK_UNSUPPORTED, err, "sessions of a computed group are not supported");
			return spk_hint(err, "Compute it in a view or a subquery in FROM, and group by its column."), SPK_UNSUPPORTED;
		}
	}
	return SPK_OK;
}

bool spk_query_is_window(const struct spk_query *q, const struct spk_expr *e)
{
	const struct spk_group_window *w = q->scope.window;

	return w && e->kind == SPK_EXPR_CALL && e->args == 2 && e->type.id == SPK_TYPE_ROW && e->arg[0]->kind == SPK_EXPR_COLUMN && e->arg[0]->column == w->first &&
	       e->arg[1]->kind == SPK_EXPR_COLUMN && e->arg[1]->column == w->first + 1;
}

/* The window as a value: a record (start, end). */
static spk_status window_record(struct spk_exprs *x, int location, struct spk_expr **out, spk_error *err)
{
	struct spk_group_window *w = x->scope->window;
	struct spk_schema *names = spk_schema_new(x->b->arena, 2);
	struct spk_expr *bound[2];

	SPK_TRY_PTR(names, err);
	for (int i = 0; i < 2; i++) {
		SPK_TRY_PTR(bound[i] = spk_expr_column(x->b->arena, w->first + i, &w->node->schema->field[w->first + i]), err);
		names->field[i] = (struct spk_field){ i ? "end" : "start", bound[i]->type, true };
	}
	SPK_TRY(spk_binder_call(x->b, "row of", bound, 2, location, out, err));
	(*out)->type.children = names;
	return SPK_OK;
}

spk_status spk_binder_named_window(struct spk_exprs *x, const PgQuery__ColumnRef *c, struct spk_expr **out, spk_error *err)
{
	const struct spk_group_window *w = x->scope ? x->scope->window : NULL;
	const char *name = w && w->name ? spk_node_string(c->fields[0]) : NULL, *field = c->n_fields == 2 ? spk_node_string(c->fields[1]) : NULL;
	const bool end = field && strcmp(field, "end") == 0;

	if (!name || strcmp(name, w->name) != 0 || c->n_fields > 2 || (c->n_fields == 2 && !end && (!field || strcmp(field, "start") != 0)))
		return SPK_OK;
	if (!field)
		return window_record(x, c->location, out, err);
	SPK_TRY_PTR(*out = spk_expr_column(x->b->arena, w->first + end, &w->node->schema->field[w->first + end]), err);
	(*out)->position = spk_binder_at(x->b, c->location);
	return SPK_OK;
}

/* A call names the window that the query has, or it is another one. */
static spk_status check_same(struct spk_exprs *x, const struct window_function *f, const PgQuery__FuncCall *call, spk_error *err)
{
	const struct spk_logical *have = x->scope->window->node;
	struct window_call w = { .b = x->b, .f = f, .call = call, .grouped = true, .in = *x->scope };
	struct spk_logical *said;

	SPK_TRY(grouped_node(&w, have->input[0], &said, err));
	if (said->window == have->window && said->time_column == have->time_column && said->window_size_us == have->window_size_us &&
	    said->window_slide_us == have->window_slide_us && said->window_offset_us == have->window_offset_us)
		return SPK_OK;
	spk_binder_fail(x->b, call->location, SPK_BIND, err, "this is another window than that of GROUP BY");
	return spk_hint(err, "A query has one window: write the same arguments here and there.");
}

spk_status spk_binder_group_window_call(struct spk_exprs *x, const PgQuery__FuncCall *f, const char *name, struct spk_expr **out, spk_error *err)
{
	struct spk_group_window *w = x->scope ? x->scope->window : NULL;
	const struct window_function *function;
	int part = -1;

	function = find_part(name, &part);
	if (!w) {
		spk_binder_fail(x->b, f->location, SPK_BIND, err, "%s belongs into a query that groups by %s(...)", name, function->name);
		return spk_hint(err, "GROUP BY %s, or put the rows into windows in FROM: %s.", function->grouped, function->usage);
	}
	SPK_TRY(check_same(x, function, f, err));
	if (part < 0)
		return window_record(x, f->location, out, err);
	w->time = w->time || part == 2;
	SPK_TRY_PTR(*out = spk_expr_column(x->b->arena, w->first + part, &w->node->schema->field[w->first + part]), err);
	(*out)->position = spk_binder_at(x->b, f->location);
	return SPK_OK;
}

/* --- which function it is --- */

/* Functions over relations and files, rather than values. */
static bool is_relation(const char *name)
{
	if (strcmp(name, SPK_MARK_FILE) == 0 || strcmp(name, SPK_MARK_AS_OF) == 0 || strcmp(name, "read_csv") == 0 || strcmp(name, "read_json") == 0)
		return true;
	return find_function(name) && !find_function(name)->only_grouped;
}

static const char *const relations[] = { "tumble", "hop", "cumulate", "session", "read_csv", "read_json" };

/* Close to one of those, and no function of values. */
static bool misspelt(const char *name)
{
	return !spk_function_known(name) && spk_closest_name(name, relations, SPK_COUNT_OF(relations));
}

static spk_status no_such_relation(const struct spk_binder *b, const PgQuery__FuncCall *f, const char *name, spk_error *err)
{
	spk_binder_fail(b, f->location, SPK_BIND, err, "function %s cannot be used in FROM", name);
	return spk_binder_suggest(err, name, relations, SPK_COUNT_OF(relations), "Functions in FROM"), SPK_BIND;
}

spk_status spk_binder_table_function(struct spk_binder *b, const PgQuery__RangeFunction *r, struct spk_scope *out, spk_error *err)
{
	const PgQuery__Node *n = r->n_functions && r->functions[0]->node_case == PG_QUERY__NODE__NODE_LIST ? r->functions[0]->list->items[0] : NULL;
	const PgQuery__FuncCall *f = n && n->node_case == PG_QUERY__NODE__NODE_FUNC_CALL ? n->func_call : NULL;
	struct window_call w = { .b = b, .call = f };
	const char *name;

	if (!f || r->is_rowsfrom)
		return spk_binder_set_function(b, r, out, err);
	SPK_TRY(spk_binder_function_name(b, f->funcname, f->n_funcname, f->location, &name, err));
	if (spk_gives_record(name))
		return spk_binder_record_function(b, r, f, name, out, err);
	if (!is_relation(name))
		return misspelt(name) ? no_such_relation(b, f, name, err) : spk_binder_set_function(b, r, out, err);
	if (strcmp(name, SPK_MARK_AS_OF) == 0)
		return spk_binder_fail(b, f->location, SPK_BIND, err, "FOR SYSTEM_TIME AS OF belongs to the right side of a JOIN ... ON");
	if (r->lateral || r->ordinality)
		return spk_binder_unsupported(b, f->location, "LATERAL or WITH ORDINALITY of this function", err);
	if (strcmp(name, SPK_MARK_FILE) == 0)
		return spk_binder_file(b, f, NULL, r, out, err);
	if (strcmp(name, "read_csv") == 0 || strcmp(name, "read_json") == 0)
		return spk_binder_file(b, f, name + 5, r, out, err);
	if (r->n_coldeflist)
		return spk_binder_unsupported(b, f->location, "a column list of this function", err);
	w.f = find_function(name);
	return bind_window(&w, r->alias, out, err);
}
