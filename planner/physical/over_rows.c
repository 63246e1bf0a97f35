/*
 * Window functions in a stream: the rows of a partition are kept, and gone over again when one of them changes (recompute.c); where a window is part of the
 * partition, once when it closes. What the calls look at is computed in front, where a row that fails goes to the dead letters, and taken off behind.
 */
#include "planner/physical/build.h"

/* The projection in the making: the input's columns, then what is none. */
struct columns { struct spk_build *b; int count; struct spk_expr **expr; struct spk_field *field; };

static void found(int column, void *user)
{
	(void)column;
	*(bool *)user = true;
}

/* What is the same for all rows, such as the offsets of frames, which must not become columns. */
static bool is_constant(const struct spk_expr *e)
{
	bool looks_at_rows = false;

	spk_expr_columns(e, found, &looks_at_rows);
	return !looks_at_rows && spk_expr_deterministic(e) && spk_expr_timeless(e) && !spk_expr_can_fail(e);
}

static spk_status as_column(struct spk_expr **e, void *user, spk_error *err)
{
	struct columns *c = user;

	if ((*e)->kind == SPK_EXPR_COLUMN || is_constant(*e))
		return SPK_OK;
	c->field[c->count] = (struct spk_field){ spk_arena_printf(c->b->arena, "argument %d", c->count), (*e)->type, true };
	SPK_TRY_PTR(c->field[c->count].name, err);
	c->expr[c->count] = *e;
	*e = spk_expr_column(c->b->arena, c->count, &c->field[c->count]);
	c->count++;
	SPK_TRY_PTR(*e, err);
	return SPK_OK;
}

static spk_status count_expr(struct spk_expr **e, void *user, spk_error *err)
{
	(void)e, (void)err;
	++*(int *)user;
	return SPK_OK;
}

static spk_status take_columns(struct columns *c, struct spk_logical *l, spk_error *err)
{
	const struct spk_schema *in = l->input[0]->schema;
	int most = in->count;

	SPK_TRY(spk_logical_each_expr(l, count_expr, &most, err));
	c->expr = SPK_NEW_ARRAY(c->b->arena, struct spk_expr *, most + 1);
	c->field = SPK_NEW_ARRAY(c->b->arena, struct spk_field, most + 1);
	SPK_TRY_PTR(c->expr && c->field, err);
	for (; c->count < in->count; c->count++) {
		c->field[c->count] = in->field[c->count];
		SPK_TRY_PTR(c->expr[c->count] = spk_expr_column(c->b->arena, c->count, &in->field[c->count]), err);
	}
	return spk_logical_each_expr(l, as_column, c, err);
}

/* The node over the projection: its output has the projection's columns, then the calls. */
static spk_status over_columns(struct columns *c, struct spk_logical *l, spk_error *err)
{
	struct spk_logical *project = spk_logical_new(c->b->arena, SPK_LOGICAL_PROJECT, NULL, l->input, 1);
	struct spk_schema *in = SPK_NEW(c->b->arena, struct spk_schema), *out = SPK_NEW(c->b->arena, struct spk_schema);

	SPK_TRY_PTR(project && in && out, err);
	*in = (struct spk_schema){ c->count, c->field };
	*out = (struct spk_schema){ c->count + l->calls, SPK_NEW_ARRAY(c->b->arena, struct spk_field, c->count + l->calls + 1) };
	l->input = SPK_NEW_ARRAY(c->b->arena, struct spk_logical *, 1);
	SPK_TRY_PTR(out->field && l->input, err);
	for (int i = 0; i < out->count; i++)
		out->field[i] = i < c->count ? c->field[i] : l->schema->field[l->schema->count - l->calls + i - c->count];
	project->schema = in;
	project->expr = c->expr;
	project->expr_count = c->count;
	project->position = l->position;
	l->input[0] = project;
	l->schema = out;
	return SPK_OK;
}

spk_status spk_build_over_columns(struct spk_build *b, const struct spk_logical *l, struct spk_ports *ports, struct spk_logical **out, struct spk_over_keys *keys, spk_error *err)
{
	struct spk_logical *n = spk_logical_clone(b->arena, l);
	struct columns c = { .b = b };

	*keys = (struct spk_over_keys){ .column = SPK_NEW_ARRAY(b->arena, int, l->expr_count + 1) };
	SPK_TRY_PTR(n && keys->column, err);
	SPK_TRY(take_columns(&c, n, err));
	SPK_TRY(over_columns(&c, n, err));
	/* Constants do not tell partitions apart. */
	for (int i = 0; i < n->expr_count; i++)
		if (n->expr[i]->kind == SPK_EXPR_COLUMN)
			keys->column[keys->count++] = n->expr[i]->column;
	*out = n;
	return c.count > l->input[0]->schema->count ? spk_build_project(b, n->input[0], n->input[0]->schema, c.expr, ports, err) : SPK_OK;
}

spk_status spk_build_over_closes(struct spk_build *b, const struct spk_logical *l, struct spk_ports *ports, struct spk_closing *out, spk_error *err)
{
	const bool may = l->properties.bound == SPK_BOUND_TIME && !spk_build_bounds_change(b, l);
	int64_t add_us = 0;
	const int key = may ? spk_build_window_key(l, &add_us) : -1;

	*out = (struct spk_closing){ .key = -1 };
	if (key < 0)
		return SPK_OK;
	*out = (struct spk_closing){ l->expr[key]->column, add_us + b->options->lateness_us, spk_build_windows_change(b) };
	return spk_build_late(b, l, out->key, out->add_us, false, ports, err);
}

spk_status spk_build_rows_over(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, struct spk_ports *out, spk_error *err)
{
	struct spk_recompute r = { .inner = spk_build_over, .what = "over" };
	struct spk_ports ports = *in;
	struct spk_closing closing;
	struct spk_over_keys keys;
	struct spk_logical *n;

	SPK_TRY(spk_build_over_closes(b, l, &ports, &closing, err));
	if (closing.key < 0 && spk_build_goes_by_time(b, l, in))
		return spk_build_time_over(b, l, in, out, err);
	SPK_TRY(spk_build_over_columns(b, l, &ports, &n, &keys, err));
	r.l = n;
	r.closing = closing;
	r.key = keys.column;
	r.keys = keys.count;
	SPK_TRY(spk_build_recompute(b, &r, &ports, out, err));
	SPK_TRY(spk_build_pace(b, n, r.key, r.keys, closing, out, err));
	return n->schema->count > l->schema->count ? spk_build_over_drop(b, l, out, err) : SPK_OK;
}
