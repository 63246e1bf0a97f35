/*
 * Session windows.
 *
 *   batch               window functions along the rows of a key: a session begins where the row before is more than a gap away
 *   stream, by time     an operator of its own (stream/operator/session.c), which gives the rows of sessions as the watermark closes them; or what an
 *                       AGGREGATE above, by the same keys and the session's bounds, makes of them. With late rows behind that, or from the beginning on, also what changes
 *   stream, otherwise   the same as in batch, for every key that changes (recompute.c): over rows that may be taken back, or over a time without a watermark
 */
#include "planner/physical/build.h"

#include <string.h>

#include "core/base/check.h"

/* --- in batch: a chain of nodes over the window's input --- */

struct chain { struct spk_arena *arena; const struct spk_logical *window; struct spk_logical *top; };

static spk_status put_on_top(struct chain *c, enum spk_logical_kind kind, const struct spk_schema *schema, spk_error *err)
{
	struct spk_logical *l = spk_logical_new(c->arena, kind, schema, &c->top, 1);

	SPK_TRY_PTR(l, err);
	l->properties = c->top->properties;
	l->position = c->window->position;
	c->top = l;
	return SPK_OK;
}

/* A schema with room for so many fields; NULL: no memory. */
static struct spk_schema *new_schema(struct spk_arena *arena, int count)
{
	struct spk_schema *s = SPK_NEW(arena, struct spk_schema);

	if (!s || !(s->field = SPK_NEW_ARRAY(arena, struct spk_field, count + 1)))
		return NULL;
	s->count = count;
	return s;
}

static struct spk_schema *with_more(struct spk_arena *arena, const struct spk_schema *in, int more)
{
	struct spk_schema *s = new_schema(arena, in->count + more);

	if (s)
		memcpy(s->field, in->field, sizeof *s->field * (size_t)in->count);
	return s;
}

static spk_status column_of(struct chain *c, int column, struct spk_expr **out, spk_error *err)
{
	*out = spk_expr_column(c->arena, column, &c->top->schema->field[column]);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

static struct spk_expr *interval(struct spk_arena *arena, int64_t us)
{
	return spk_expr_literal(arena, (struct spk_value){ .type = spk_type(SPK_TYPE_INTERVAL), .interval = { .micros = us } });
}

/* e + interval, or e - interval. */
static spk_status shifted(struct chain *c, const char *op, struct spk_expr *e, int64_t us, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *arg[2] = { e, interval(c->arena, us) };

	SPK_TRY_PTR(arg[1], err);
	return spk_expr_call(c->arena, op, arg, 2, c->window->position, out, err);
}

/* Rows without a time belong to no session. */
static spk_status only_timed(struct chain *c, spk_error *err)
{
	struct spk_expr *time;

	SPK_TRY(column_of(c, c->window->time_column, &time, err));
	SPK_TRY(put_on_top(c, SPK_LOGICAL_FILTER, c->top->schema, err));
	return spk_expr_make(c->arena, SPK_EXPR_IS_NULL, &time, 1, true, c->window->position, &c->top->filter, err);
}

/* One more column: the call over the keys and `also` (-1: nothing), in order of time if that is wanted. */
static spk_status put_call(struct chain *c, struct spk_window_call *call, int also, bool in_order, spk_error *err)
{
	const int keys = c->window->partition_count;
	struct spk_schema *schema = with_more(c->arena, c->top->schema, 1);
	struct spk_logical *over;

	SPK_TRY_PTR(schema && call, err);
	schema->field[schema->count - 1] = (struct spk_field){ call->name, call->type, true };
	SPK_TRY(put_on_top(c, SPK_LOGICAL_OVER, schema, err));
	over = c->top;
	over->call = call;
	over->calls = 1;
	over->expr = SPK_NEW_ARRAY(c->arena, struct spk_expr *, keys + 1);
	over->sort = SPK_NEW_ARRAY(c->arena, struct spk_sort_key, 1);
	SPK_TRY_PTR(over->expr && over->sort, err);
	for (int i = 0; i < keys; i++)
		SPK_TRY(column_of(c, c->window->partition[i], &over->expr[over->expr_count++], err));
	if (also >= 0)
		SPK_TRY(column_of(c, also, &over->expr[over->expr_count++], err));
	over->sort_count = in_order;
	return column_of(c, c->window->time_column, &over->sort[0].expr, err);
}

static spk_status put_aggregate(struct chain *c, const char *name, struct spk_expr *of, int also, bool in_order, spk_error *err)
{
	struct spk_window_call *call = SPK_NEW(c->arena, struct spk_window_call);
	const struct spk_aggregate_syntax syntax = { .name = "max", .args = 1, .arg = &of, .position = c->window->position };

	SPK_TRY_PTR(call, err);
	SPK_TRY(spk_aggregate_resolve(c->arena, &syntax, &call->aggregate, err));
	call->function = SPK_WINDOW_FUNCTION_AGGREGATE;
	call->name = name;
	call->type = call->aggregate.type;
	call->frame = (struct spk_window_frame){ .mode = SPK_FRAME_RANGE, .start = SPK_FRAME_FIRST, .end = in_order ? SPK_FRAME_CURRENT : SPK_FRAME_LAST };
	return put_call(c, call, also, in_order, err);
}

static spk_status put_row_before(struct chain *c, spk_error *err)
{
	struct spk_window_call *call = SPK_NEW(c->arena, struct spk_window_call);

	SPK_TRY_PTR(call, err);
	*call = (struct spk_window_call){ .function = SPK_WINDOW_FUNCTION_LAG, .args = 1, .name = "before", .frame = { .mode = SPK_FRAME_RANGE, .end = SPK_FRAME_CURRENT } };
	SPK_TRY(column_of(c, c->window->time_column, &call->arg[0], err));
	call->type = call->arg[0]->type;
	return put_call(c, call, -1, true, err);
}

/* The time of a row that begins a session, NULL of the others: the row before, the last column, is none or more than a gap away. */
static spk_status begins(struct chain *c, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *time, *before, *near[2], *arm[3];

	SPK_TRY(column_of(c, c->window->time_column, &time, err));
	SPK_TRY(column_of(c, c->top->schema->count - 1, &before, err));
	near[0] = time;
	SPK_TRY(shifted(c, "+", before, c->window->window_slide_us, &near[1], err));
	SPK_TRY(spk_expr_call(c->arena, "<=", near, 2, c->window->position, &arm[0], err));
	arm[1] = spk_expr_literal(c->arena, (struct spk_value){ .type = time->type, .null = true });
	SPK_TRY_PTR(arm[1], err);
	arm[2] = time;
	return spk_expr_make(c->arena, SPK_EXPR_CASE, arm, 3, false, c->window->position, out, err);
}

/* A projection of the window's input columns and what `more` has, under the names and types of the last fields of `schema`. */
static spk_status project(struct chain *c, const struct spk_schema *schema, struct spk_expr *const *more, int count, spk_error *err)
{
	struct spk_expr **expr = SPK_NEW_ARRAY(c->arena, struct spk_expr *, schema->count);

	SPK_TRY_PTR(expr, err);
	for (int i = 0; i < schema->count - count; i++)
		SPK_TRY(column_of(c, i, &expr[i], err));
	memcpy(expr + schema->count - count, more, sizeof(*expr) * (size_t)count);
	SPK_TRY(put_on_top(c, SPK_LOGICAL_PROJECT, schema, err));
	c->top->expr = expr;
	c->top->expr_count = schema->count;
	return SPK_OK;
}

static spk_status make_chain(struct chain *c, spk_error *err)
{
	const struct spk_schema *in = c->top->schema;
	struct spk_schema *marked = with_more(c->arena, in, 1);
	struct spk_expr *mark, *time, *bound[3];

	SPK_TRY_PTR(marked, err);
	SPK_TRY(only_timed(c, err));
	SPK_TRY(put_row_before(c, err));
	SPK_TRY(begins(c, &mark, err));
	marked->field[in->count] = (struct spk_field){ "begins", mark->type, true };
	SPK_TRY(project(c, marked, &mark, 1, err));
	/* Times ascend, so the last beginning is the greatest. */
	SPK_TRY(column_of(c, in->count, &mark, err));
	SPK_TRY(put_aggregate(c, "window_start", mark, -1, true, err));
	SPK_TRY(column_of(c, c->window->time_column, &time, err));
	SPK_TRY(put_aggregate(c, "last", time, in->count + 1, false, err));
	SPK_TRY(column_of(c, in->count + 1, &bound[0], err));
	SPK_TRY(column_of(c, in->count + 2, &time, err));
	SPK_TRY(shifted(c, "+", time, c->window->window_slide_us, &bound[1], err));
	SPK_TRY(shifted(c, "-", bound[1], 1000, &bound[2], err));
	return project(c, c->window->schema, bound, 3, err);
}

/* The nodes from `l` down to `bottom`, whose rows are `in`. */
static spk_status build_chain(struct spk_build *b, const struct spk_logical *l, const struct spk_logical *bottom, struct spk_ports *in, struct spk_ports *out, spk_error *err)
{
	struct spk_ports below = { 0 };

	if (l == bottom) {
		*out = *in;
		return SPK_OK;
	}
	SPK_TRY(build_chain(b, l->input[0], bottom, in, &below, err));
	if (l->kind == SPK_LOGICAL_OVER)
		return spk_build_over(b, l, &below, out, err);
	return spk_build_simple(b, l, l->kind == SPK_LOGICAL_FILTER ? SPK_PHYSICAL_FILTER : SPK_PHYSICAL_PROJECT, &below, out, err);
}

static spk_status build_batch(struct spk_build *b, const struct spk_logical *l, struct spk_ports *in, struct spk_ports *out, spk_error *err)
{
	struct chain c = { b->arena, l, l->input[0] };

	SPK_TRY(make_chain(&c, err));
	return build_chain(b, c.top, l->input[0], in, out, err);
}

/* --- in a stream --- */

static const struct spk_field origin[] = {
	{ "source", { .id = SPK_TYPE_INTEGER }, true }, { "partition", { .id = SPK_TYPE_INTEGER }, true },
	{ "offset", { .id = SPK_TYPE_BIGINT }, true }, { "raw", { .id = SPK_TYPE_BYTEA }, true },
};

/* late: drops rows that come too late, and notes where others came from, in enum spk_session_origin's columns behind the input's. */
static spk_status build_input(struct spk_build *b, const struct spk_logical *w, int time_column, bool late, struct spk_ports *ports, spk_error *err)
{
	const struct spk_schema *in = ports->node[0]->schema;
	struct spk_schema *schema = with_more(b->arena, in, late ? (int)SPK_COUNT_OF(origin) : 0);
	struct spk_physical *node;

	SPK_TRY_PTR(schema, err);
	if (late)
		memcpy(schema->field + in->count, origin, sizeof origin);
	node = spk_build_node(b, SPK_PHYSICAL_SESSION_INPUT, schema, ports, w);
	SPK_TRY_PTR(node, err);
	node->time_column = time_column;
	node->window_slide_us = w->window_slide_us;
	node->lateness_us = b->options->lateness_us;
	if (late)
		spk_build_time(b, w, node);
	*ports = spk_build_port(b, node, ports->retracts);
	SPK_TRY_PTR(ports->node, err);
	return SPK_OK;
}

static spk_status put_meaning(const struct spk_physical *node, struct spk_buffer *text, spk_error *err)
{
	const struct spk_schema *in = node->input[0]->schema;
	const int columns = node->passes ? in->count : node->key_count;
	char type[64];

	SPK_TRY(spk_build_window_meaning(node, text, err));
	SPK_TRY(spk_buffer_printf(text, err, "sessions with a gap of %lld us, %s", (long long)node->window_slide_us, node->passes ? "rows" : "by"));
	for (int i = 0; i < columns; i++) {
		const struct spk_field *f = &in->field[node->passes ? i : node->key[i]];

		SPK_TRY(spk_buffer_printf(text, err, "%s %s %s", i ? "," : "", f->name, spk_type_format(f->type, type, sizeof type)));
	}
	for (int i = 0; node->passes && i < node->key_count; i++)
		SPK_TRY(spk_buffer_printf(text, err, "%s %d", i ? "," : " by", node->key[i]));
	for (int i = 0; i < node->aggregate_count; i++)
		SPK_TRY(spk_build_call_meaning(&node->aggregate[i], text, err));
	return SPK_OK;
}

/* Groups: the session's start, then the keys. */
static spk_status set_groups(struct spk_build *b, struct spk_physical *node, spk_error *err)
{
	const struct spk_schema *in = node->input[0]->schema;

	node->expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, node->key_count + 1);
	SPK_TRY_PTR(node->expr, err);
	for (int i = 0; i <= node->key_count; i++) {
		const int column = i ? node->key[i - 1] : node->time_column;

		SPK_TRY_PTR(node->expr[node->expr_count++] = spk_expr_column(b->arena, column, &in->field[column]), err);
	}
	node->window_key = 0;
	return SPK_OK;
}

/* SESSION over rows by the hash of their keys; `node` has its calls, or passes rows. */
static spk_status finish_session(struct spk_build *b, const struct spk_logical *w, struct spk_physical *node, int time_column, const int *key, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status;

	node->time_column = time_column;
	node->key = w->partition_count ? spk_arena_copy(b->arena, key, sizeof *key * (size_t)w->partition_count) : NULL;
	SPK_TRY_PTR(node->key || !w->partition_count, err);
	node->key_count = w->partition_count;
	node->window = w->window;
	node->window_slide_us = w->window_slide_us;
	spk_build_time(b, w, node);
	node->bound = SPK_BOUND_TIME;
	node->lateness_us = b->options->lateness_us;
	node->on_close = b->options->emit != SPK_EMIT_ON_UPDATE;
	node->retracts = spk_build_windows_change(b);
	SPK_TRY(set_groups(b, node, err));
	status = put_meaning(node, &text, err);
	if (status == SPK_OK)
		status = spk_build_state(b, node, "session", &text, err);
	spk_buffer_release(&text);
	return status;
}

static spk_status build_by_time(struct spk_build *b, const struct spk_logical *w, const struct spk_ports *in, struct spk_ports *out, spk_error *err)
{
	struct spk_physical *node;

	*out = *in;
	SPK_TRY(build_input(b, w, w->time_column, true, out, err));
	SPK_TRY(spk_build_exchange(b, out, w->partition, w->partition_count, -1, out, err));
	node = spk_build_node(b, SPK_PHYSICAL_SESSION, w->schema, out, w);
	SPK_TRY_PTR(node, err);
	node->passes = true;
	SPK_TRY(finish_session(b, w, node, w->time_column, w->partition, err));
	*out = spk_build_port(b, node, node->retracts);
	SPK_TRY_PTR(out->node, err);
	return spk_build_pace_sessions(b, w, w->partition, w->partition_count, node->schema->count - 2, out, err);
}

/* A row more may change the bounds of all rows of its session. */
static spk_status build_changing(struct spk_build *b, const struct spk_logical *w, const struct spk_ports *in, struct spk_ports *out, spk_error *err)
{
	const struct spk_recompute r = { .l = w, .key = w->partition, .keys = w->partition_count, .inner = build_batch, .closing = { .key = -1 }, .what = "session" };
	struct spk_ports ports = *in;

	SPK_TRY(build_input(b, w, w->time_column, false, &ports, err));
	return spk_build_recompute(b, &r, &ports, out, err);
}

/* Its sessions are over some time. */
static bool ends(const struct spk_build *b, const struct spk_logical *w)
{
	return b->options->streaming && w->properties.window_end >= 0 && w->properties.append_only;
}

spk_status spk_build_session(struct spk_build *b, const struct spk_logical *l, struct spk_ports *in, struct spk_ports *out, spk_error *err)
{
	if (!b->options->streaming)
		return build_batch(b, l, in, out, err);
	if (ends(b, l) && !in->retracts)
		return build_by_time(b, l, in, out, err);
	if (!ends(b, l) || b->options->emit == SPK_EMIT_ON_UPDATE)
		return build_changing(b, l, in, out, err);
	spk_fail(err, SPK_PLAN, "sessions that close cannot be made of rows that may be taken back");
	spk_hint(err, "SET emit = 'on-update' gives their changes instead.");
	if (err)
		err->position = l->position;
	return SPK_PLAN;
}

bool spk_build_session_is_by_time(const struct spk_build *b, const struct spk_logical *w)
{
	return ends(b, w) && spk_build_only_adds(b, w->input[0]);
}

/* --- an aggregate that is made of sessions as they grow --- */

/* What a group expression is, over the window's output: a bound, a key, or nothing that the operator gives by itself (-1). Columns of SESSION's output. */
static int place_of(const struct spk_logical *w, const struct spk_expr *e, int calls)
{
	const int columns = w->input[0]->schema->count, keys = w->partition_count;

	if (e->kind != SPK_EXPR_COLUMN)
		return -1;
	if (e->column >= columns)
		return e->column == columns ? 0 : keys + calls + e->column - columns;
	for (int i = 0; i < keys; i++)
		if (w->partition[i] == e->column)
			return 1 + i;
	return -1;
}

/* By all of the keys and nothing but them and the bounds. */
static bool same_groups(const struct spk_logical *w, const struct spk_logical *l)
{
	uint64_t found = 0;

	for (int i = 0; i < l->expr_count; i++) {
		const int place = place_of(w, l->expr[i], 0);

		if (place < 0)
			return false;
		if (place > 0 && place <= w->partition_count)
			found |= 1ull << (place - 1);
	}
	return w->partition_count < 64 && found == (1ull << w->partition_count) - 1;
}

/* Keys, time, and what the calls look at. */
static spk_status project_rows(struct spk_build *b, const struct spk_logical *w, struct spk_logical *n, struct spk_ports *ports, spk_error *err)
{
	const struct spk_schema *in = w->input[0]->schema;
	struct spk_schema *schema = SPK_NEW(b->arena, struct spk_schema);
	struct spk_call_columns c;
	struct spk_expr *ignored;

	SPK_TRY_PTR(schema, err);
	SPK_TRY(spk_call_columns_init(&c, b, n, w->partition_count + 1, err));
	for (int i = 0; i <= w->partition_count; i++) {
		const int column = i < w->partition_count ? w->partition[i] : w->time_column;
		struct spk_expr *e = spk_expr_column(b->arena, column, &in->field[column]);

		SPK_TRY_PTR(e, err);
		SPK_TRY(spk_call_columns_add(&c, e, true, &ignored, err));
	}
	for (int i = 0; i < n->aggregate_count; i++)
		SPK_TRY(spk_call_columns_take(&c, &n->aggregate[i], err));
	*schema = (struct spk_schema){ c.count, c.field };
	return spk_build_project(b, w->input[0], schema, c.expr, ports, err);
}

/* What SESSION gives: start, keys, calls, end, time. */
static spk_status session_schema(struct spk_build *b, const struct spk_logical *w, const struct spk_logical *n, struct spk_schema **out, spk_error *err)
{
	const struct spk_field *bound = w->schema->field + w->schema->count - 3;
	struct spk_schema *s = new_schema(b->arena, w->partition_count + n->aggregate_count + 3);
	int at = 0;

	SPK_TRY_PTR(s, err);
	s->field[at++] = bound[0];
	for (int i = 0; i < w->partition_count; i++)
		s->field[at++] = w->input[0]->schema->field[w->partition[i]];
	for (int i = 0; i < n->aggregate_count; i++)
		s->field[at++] = n->schema->field[n->expr_count + i];
	s->field[at++] = bound[1];
	s->field[at++] = bound[2];
	*out = s;
	return SPK_OK;
}

/* The columns that the AGGREGATE gives. */
static spk_status pick_outputs(struct spk_build *b, const struct spk_logical *w, const struct spk_logical *n, struct spk_ports *ports, spk_error *err)
{
	const struct spk_schema *from = ports->node[0]->schema;
	struct spk_expr **expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, n->schema->count + 1);

	SPK_TRY_PTR(expr, err);
	for (int i = 0; i < n->schema->count; i++) {
		const int at = i < n->expr_count ? place_of(w, n->expr[i], n->aggregate_count) : 1 + w->partition_count + i - n->expr_count;

		SPK_TRY_PTR(expr[i] = spk_expr_column(b->arena, at, &from->field[at]), err);
	}
	return spk_build_project(b, n, n->schema, expr, ports, err);
}

static spk_status build_groups(struct spk_build *b, const struct spk_logical *w, struct spk_logical *n, struct spk_ports *out, spk_error *err)
{
	int *key = SPK_NEW_ARRAY(b->arena, int, w->partition_count + 1);
	struct spk_schema *schema = NULL;
	struct spk_physical *node;
	struct spk_ports ports = { 0 };

	SPK_TRY_PTR(key, err);
	for (int i = 0; i < w->partition_count; i++)
		key[i] = i;
	SPK_TRY(spk_build_relation(b, w->input[0], &ports, err));
	SPK_ASSERT(!ports.retracts, "nothing below takes rows back");
	SPK_TRY(project_rows(b, w, n, &ports, err));
	SPK_TRY(build_input(b, w, w->partition_count, true, &ports, err));
	SPK_TRY(spk_build_exchange(b, &ports, key, w->partition_count, -1, &ports, err));
	SPK_TRY(session_schema(b, w, n, &schema, err));
	node = spk_build_node(b, SPK_PHYSICAL_SESSION, schema, &ports, n);
	SPK_TRY_PTR(node, err);
	SPK_TRY(spk_build_calls(b, n, node, err));
	SPK_TRY(finish_session(b, w, node, w->partition_count, key, err));
	ports = spk_build_port(b, node, node->retracts);
	SPK_TRY_PTR(ports.node, err);
	for (int i = 0; i < w->partition_count; i++)
		key[i]++;  /* behind the session's start */
	SPK_TRY(spk_build_pace_sessions(b, w, key, w->partition_count, schema->count - 2, &ports, err));
	SPK_TRY(pick_outputs(b, w, n, &ports, err));
	*out = ports;
	return SPK_OK;
}

spk_status spk_build_session_groups(struct spk_build *b, const struct spk_logical *l, bool *taken, struct spk_ports *out, spk_error *err)
{
	const struct spk_logical *w = l->input[0];
	struct spk_logical *n = NULL;

	*taken = false;
	while (w->kind == SPK_LOGICAL_PROJECT)
		w = w->input[0];
	if (w->kind != SPK_LOGICAL_WINDOW || w->window != SPK_WINDOW_SESSION || !spk_build_session_is_by_time(b, w) || l->properties.bound != SPK_BOUND_TIME || spk_aggregate_needs_rows(l, false))
		return SPK_OK;
	SPK_TRY(spk_build_onto_window(b, l, &n, err));
	*taken = same_groups(w, n) && spk_build_looks_at_rows(w, n);
	return *taken ? build_groups(b, w, n, out, err) : SPK_OK;
}
