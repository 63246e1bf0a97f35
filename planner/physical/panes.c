/*
 * Aggregates over hop and cumulate windows in a stream that closes them: a row goes into one pane, of one slide or step, and not into each of its windows;
 * these are made of their panes when the watermark closes them (stream/operator/pane_aggregate.c).
 */
#include "planner/physical/build.h"

#include <string.h>

/* --- which aggregates --- */

enum { START, END, TIME };

/* Which bound of the window the expression is, -1: none. */
static int bound_of(const struct spk_logical *w, const struct spk_expr *e)
{
	const int columns = w->input[0]->schema->count;

	return e->kind == SPK_EXPR_COLUMN && e->column >= columns ? e->column - columns : -1;
}

static void check_column(int column, void *user)
{
	int *columns = user;

	if (column >= *columns)
		*columns = -1;
}

/* Groups are bounds, or made of the rows alone. */
static bool groups_fit(const struct spk_logical *w, const struct spk_logical *l)
{
	for (int i = 0; i < l->expr_count; i++) {
		int columns = w->input[0]->schema->count;

		if (bound_of(w, l->expr[i]) < 0)
			spk_expr_columns(l->expr[i], check_column, &columns);
		if (columns < 0)
			return false;
	}
	return true;
}

static bool shares_panes(const struct spk_build *b, const struct spk_logical *w, const struct spk_logical *l)
{
	return b->options->streaming && !spk_build_windows_change(b) && w->kind == SPK_LOGICAL_WINDOW && (w->window == SPK_WINDOW_HOP || w->window == SPK_WINDOW_CUMULATE) &&
	       !w->zone && w->window_size_us > w->window_slide_us && w->properties.window_end >= 0 && l->properties.bound == SPK_BOUND_TIME &&
	       !spk_aggregate_needs_rows(l, !spk_build_only_appends(w->input[0]));
}

/* --- building --- */

/* The AGGREGATE by pane and the groups that are no bounds. What comes out: end, those groups, calls, start, time. */
static spk_status by_pane(struct spk_build *b, const struct spk_logical *w, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	const int columns = w->input[0]->schema->count;
	const struct spk_field *bound = w->schema->field + columns;
	struct spk_logical *n = spk_logical_clone(b->arena, l);
	struct spk_schema *s = SPK_NEW(b->arena, struct spk_schema);

	SPK_TRY_PTR(n && s, err);
	s->field = SPK_NEW_ARRAY(b->arena, struct spk_field, l->schema->count + 3);
	n->expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, l->expr_count + 1);
	SPK_TRY_PTR(s->field && n->expr, err);
	n->expr_count = 1;
	SPK_TRY_PTR(n->expr[0] = spk_expr_column(b->arena, columns + START, &bound[START]), err);
	s->field[s->count++] = bound[END];
	for (int i = 0; i < l->expr_count; i++) {
		if (bound_of(w, l->expr[i]) >= 0)
			continue;
		n->expr[n->expr_count++] = l->expr[i];
		s->field[s->count++] = l->schema->field[i];
	}
	for (int i = 0; i < l->aggregate_count; i++)
		s->field[s->count++] = l->schema->field[l->expr_count + i];
	s->field[s->count++] = bound[START];
	s->field[s->count++] = bound[TIME];
	n->schema = s;
	*out = n;
	return SPK_OK;
}

/* The columns that `l` gives, of those of `n`. */
static spk_status pick_outputs(struct spk_build *b, const struct spk_logical *w, const struct spk_logical *l, const struct spk_logical *n, struct spk_ports *ports, spk_error *err)
{
	struct spk_expr **expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, l->schema->count + 1);
	int group = 1;

	SPK_TRY_PTR(expr, err);
	for (int i = 0; i < l->schema->count; i++) {
		const int bound = i < l->expr_count ? bound_of(w, l->expr[i]) : -1;
		int at = i < l->expr_count ? group : n->expr_count + i - l->expr_count;

		if (bound >= 0)
			at = bound == END ? 0 : n->schema->count - (bound == START ? 2 : 1);
		else
			group += i < l->expr_count;
		SPK_TRY_PTR(expr[i] = spk_expr_column(b->arena, at, &n->schema->field[at]), err);
	}
	return spk_build_project(b, l, l->schema, expr, ports, err);
}

static void set_window(const struct spk_logical *w, struct spk_physical *node)
{
	node->time_column = w->time_column;
	node->window = w->window;
	node->window_size_us = w->window_size_us;
	node->window_slide_us = w->window_slide_us;
	node->window_offset_us = w->window_offset_us;
	node->panes = true;
}

/* Rows with their pane; those whose last window was closed are sorted out. */
static spk_status build_rows(struct spk_build *b, const struct spk_logical *w, struct spk_ports *ports, spk_error *err)
{
	struct spk_physical *window = spk_build_node(b, SPK_PHYSICAL_WINDOW, w->schema, ports, w);

	SPK_TRY_PTR(window, err);
	set_window(w, window);
	*ports = spk_build_port(b, window, ports->retracts);
	SPK_TRY_PTR(ports->node, err);
	return spk_build_late(b, w, w->input[0]->schema->count + END, 0, false, ports, err);
}

static spk_status describe_state(struct spk_build *b, struct spk_physical *node, const struct spk_logical *w, const struct spk_logical *n, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status = spk_buffer_printf(&text, err, "panes of %s, %lld us of %lld us from %lld us; ", w->window == SPK_WINDOW_HOP ? "hop" : "cumulate", (long long)w->window_slide_us,
					      (long long)w->window_size_us, (long long)w->window_offset_us);

	if (status == SPK_OK)
		status = spk_build_groups_meaning(node, n, &text, err);
	if (status == SPK_OK)
		status = spk_build_state(b, node, "aggregate", &text, err);
	spk_buffer_release(&text);
	return status;
}

static spk_status build(struct spk_build *b, const struct spk_logical *w, struct spk_logical *l, struct spk_ports *out, spk_error *err)
{
	struct spk_aggregate_call *pass;
	struct spk_physical *partial, *node;
	struct spk_logical *n = NULL;
	struct spk_ports ports = { 0 };

	SPK_TRY(by_pane(b, w, l, &n, err));
	SPK_TRY(spk_build_relation(b, w->input[0], &ports, err));
	SPK_TRY(build_rows(b, w, &ports, err));
	SPK_TRY(spk_build_partial(b, n, &ports, 0, &partial, &pass, err));
	partial->panes = true;
	partial->pass_count = 0;
	SPK_TRY(spk_build_partial_schema(b, partial, err));
	ports = spk_build_port(b, partial, false);
	SPK_TRY_PTR(ports.node, err);
	SPK_TRY(spk_build_exchange(b, &ports, NULL, 0, partial->schema->count - 1, &ports, err));
	SPK_TRY(spk_build_merging(b, n, SPK_PHYSICAL_PANE_AGGREGATE, partial, NULL, &ports, &node, err));
	set_window(w, node);
	spk_build_time(b, w, node);
	SPK_TRY(describe_state(b, node, w, n, err));
	*out = spk_build_port(b, node, false);
	SPK_TRY_PTR(out->node, err);
	return pick_outputs(b, w, l, n, out, err);
}

spk_status spk_build_panes(struct spk_build *b, const struct spk_logical *l, bool *taken, struct spk_ports *out, spk_error *err)
{
	const struct spk_logical *w = l->input[0];
	struct spk_logical *n = NULL;

	*taken = false;
	while (w->kind == SPK_LOGICAL_PROJECT)
		w = w->input[0];
	if (!shares_panes(b, w, l))
		return SPK_OK;
	SPK_TRY(spk_build_onto_window(b, l, &n, err));
	*taken = groups_fit(w, n) && spk_build_looks_at_rows(w, n);
	return *taken ? build(b, w, n, out, err) : SPK_OK;
}
