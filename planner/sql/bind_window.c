/* Functions in FROM: windows over a relation's event time. Files are in bind_file.c. */
#include "planner/sql/bind.h"

#include <string.h>
#include <strings.h>

#include "core/expr/function.h"
#include "core/expr/zone.h"
#include "planner/sql/rewrite.h"

enum role { DATA, TIME, SIZE, SLIDE, STEP, GAP, OFFSET, PARTITION, ROLES };

/* What the arguments of each window function are, in order; the last of a list may be left out. */
static const struct window_function {
	const char *name, *usage;
	enum spk_window_kind kind;
	int roles;
	enum role role[5];
} functions[] = {
	{ "tumble", "tumble(table, time, size [, offset])", SPK_WINDOW_TUMBLE, 4, { DATA, TIME, SIZE, OFFSET } },
	{ "hop", "hop(table, time, slide, size [, offset])", SPK_WINDOW_HOP, 5, { DATA, TIME, SLIDE, SIZE, OFFSET } },
	{ "cumulate", "cumulate(table, time, step, size [, offset])", SPK_WINDOW_CUMULATE, 5, { DATA, TIME, STEP, SIZE, OFFSET } },
	{ "session", "session(table [PARTITION BY columns], time, gap)", SPK_WINDOW_SESSION, 3, { DATA, TIME, GAP } },
};

static const struct { const char *name; enum role role; } named[] = {
	{ "data", DATA }, { "timecol", TIME }, { "size", SIZE }, { "slide", SLIDE }, { "step", STEP }, { "gap", GAP }, { "offset", OFFSET },
	{ SPK_MARK_PARTITION, PARTITION },
};

struct window_call {
	struct spk_binder *b;
	const struct window_function *f;
	const PgQuery__FuncCall *call;
	const PgQuery__Node *arg[ROLES];
	struct spk_scope in;
};

/* --- arguments --- */

static spk_status wrong_arguments(const struct window_call *w, int location, spk_error *err)
{
	spk_binder_fail(w->b, location, SPK_BIND, err, "wrong arguments of window function %s", w->f->name);
	return spk_hint(err, "It is called as %s.", w->f->usage);
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
	if (role == PARTITION)
		return true;
	for (int i = 0; i < f->roles; i++)
		if ((int)f->role[i] == role)
			return true;
	return false;
}

static spk_status sort_arguments(struct window_call *w, spk_error *err)
{
	int placed = 0;

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
	for (int i = 0; i < w->f->roles; i++)
		if (!w->arg[w->f->role[i]] && w->f->role[i] != OFFSET)
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
	if ((w->f->kind == SPK_WINDOW_HOP || w->f->kind == SPK_WINDOW_CUMULATE) && l->window_size_us % l->window_slide_us) {
		const char *step = w->f->kind == SPK_WINDOW_HOP ? "slide" : "step";

		return spk_binder_fail(w->b, spk_node_location(w->arg[SIZE]), SPK_BIND, err, "the size of window function %s must be a multiple of its %s", w->f->name, step);
	}
	return SPK_OK;
}

/* Windows of a time with a zone are those of the session's clock. */
static spk_status bind_zone(struct window_call *w, struct spk_logical *l, spk_error *err)
{
	const char *zone = spk_conf_text(w->b->conf, SPK_CONF_TIMEZONE);

	if (w->in.range->schema->field[l->time_column].type.id != SPK_TYPE_TIMESTAMPTZ || l->window == SPK_WINDOW_SESSION || !zone || !*zone || strcasecmp(zone, "UTC") == 0)
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

static spk_status window_schema(struct window_call *w, int time, struct spk_schema **out, spk_error *err)
{
	static const char *const added[] = { "window_start", "window_end", "window_time" };
	const struct spk_schema *in = w->in.range->schema;
	struct spk_schema *s = spk_schema_new(w->b->arena, in->count + 3);

	SPK_TRY_PTR(s, err);
	memcpy(s->field, in->field, sizeof *s->field * (size_t)in->count);
	for (int i = 0; i < 3; i++)
		s->field[in->count + i] = (struct spk_field){ added[i], in->field[time].type, in->field[time].nullable };
	*out = s;
	return SPK_OK;
}

static spk_status bind_window(struct window_call *w, const PgQuery__Alias *alias, struct spk_scope *out, spk_error *err)
{
	struct spk_schema *schema = NULL;
	struct spk_logical *l;
	int time = -1;

	SPK_TRY(sort_arguments(w, err));
	SPK_TRY(bind_data(w, err));
	SPK_TRY(bind_time(w, &time, err));
	SPK_TRY(window_schema(w, time, &schema, err));
	l = spk_logical_new(w->b->arena, SPK_LOGICAL_WINDOW, schema, &w->in.plan, 1);
	SPK_TRY_PTR(l, err);
	l->window = w->f->kind;
	l->time_column = time;
	l->position = spk_binder_at(w->b, w->call->location);
	SPK_TRY(bind_lengths(w, l, err));
	SPK_TRY(bind_zone(w, l, err));
	SPK_TRY(bind_partition(w, l, err));
	return spk_binder_one_range(w->b, l, w->in.range->alias, alias, w->call->location, out, err);
}

/* --- which function it is --- */

/* Functions over relations and files, rather than values. */
static bool is_relation(const char *name)
{
	if (strcmp(name, SPK_MARK_FILE) == 0 || strcmp(name, SPK_MARK_AS_OF) == 0 || strcmp(name, "read_csv") == 0 || strcmp(name, "read_json") == 0)
		return true;
	for (size_t i = 0; i < SPK_COUNT_OF(functions); i++)
		if (strcmp(functions[i].name, name) == 0)
			return true;
	return false;
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
	for (size_t i = 0; i < SPK_COUNT_OF(functions); i++) {
		if (strcmp(functions[i].name, name) != 0)
			continue;
		w.f = &functions[i];
		return bind_window(&w, r->alias, out, err);
	}
	return spk_fail(err, SPK_INTERNAL, "function %s is no relation", name);
}
