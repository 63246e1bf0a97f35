/*
 * TABLESAMPLE. Without REPEATABLE every row draws lots. With it, whether a row is taken depends on its number and the seed alone, so the
 * same rows come in every run. SYSTEM takes rows, too: files have no pages to take instead.
 */
#include "planner/sql/bind.h"

#include <string.h>

static spk_status bind_number(struct spk_binder *b, const PgQuery__Node *n, const char *clause, const char *null, double *out, spk_error *err)
{
	struct spk_exprs x = { .b = b, .clause = clause };
	struct spk_value v;

	SPK_TRY(spk_binder_constant(&x, n, spk_type(SPK_TYPE_DOUBLE), &v, err));
	if (v.null)
		return spk_binder_fail(b, spk_node_location(n), SPK_BIND, err, "%s", null);
	*out = v.f64;
	return SPK_OK;
}

static spk_status bind_percentage(struct spk_binder *b, const PgQuery__RangeTableSample *s, double *out, spk_error *err)
{
	const char *method = s->n_method ? spk_node_string(s->method[s->n_method - 1]) : "";

	if (strcmp(method, "bernoulli") != 0 && strcmp(method, "system") != 0)
		return spk_binder_fail(b, s->location, SPK_BIND, err, "tablesample method %s does not exist", method);
	if (s->n_args != 1)
		return spk_binder_fail(b, s->location, SPK_BIND, err, "tablesample method %s requires 1 argument, not %zu", method, s->n_args);
	SPK_TRY(bind_number(b, s->args[0], "TABLESAMPLE", "TABLESAMPLE parameter cannot be null", out, err));
	if (*out >= 0 && *out <= 100)
		return SPK_OK;
	return spk_binder_fail(b, spk_node_location(s->args[0]), SPK_BIND, err, "sample percentage must be between 0 and 100");
}

static struct spk_expr *constant(const struct spk_binder *b, double v)
{
	return spk_expr_literal(b->arena, (struct spk_value){ .type = spk_type(SPK_TYPE_DOUBLE), .f64 = v });
}

/* random() * 100 < percentage */
static spk_status draw_lots(const struct spk_binder *b, double percentage, int location, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *pair[2];

	SPK_TRY(spk_binder_call(b, "random", NULL, 0, location, &pair[0], err));
	SPK_TRY_PTR(pair[1] = constant(b, percentage / 100), err);
	return spk_binder_call(b, "<", pair, 2, location, out, err);
}

/* The rows with their numbers as one column more, and the condition on it. */
static spk_status by_number(struct spk_binder *b, const PgQuery__RangeTableSample *s, double percentage, struct spk_logical **plan, struct spk_expr **out, spk_error *err)
{
	const struct spk_schema *in = (*plan)->schema;
	struct spk_schema *schema = spk_schema_new(b->arena, in->count + 1);
	struct spk_logical *l = spk_logical_new(b->arena, SPK_LOGICAL_OVER, schema, plan, 1);
	struct spk_expr *arg[3];
	double seed;

	SPK_TRY_PTR(schema && l, err);
	SPK_TRY(bind_number(b, s->repeatable, "REPEATABLE", "TABLESAMPLE REPEATABLE parameter cannot be null", &seed, err));
	memcpy(schema->field, in->field, sizeof *in->field * (size_t)in->count);
	schema->field[in->count] = (struct spk_field){ "?number?", spk_type(SPK_TYPE_BIGINT), false };
	l->calls = 1;
	SPK_TRY_PTR(l->call = SPK_NEW(b->arena, struct spk_window_call), err);
	l->call[0] = (struct spk_window_call){ .function = SPK_WINDOW_FUNCTION_ROW_NUMBER, .frame = { .end = SPK_FRAME_CURRENT }, .type = spk_type(SPK_TYPE_BIGINT), .name = "row_number" };
	*plan = l;
	SPK_TRY_PTR(arg[0] = spk_expr_column(b->arena, in->count, &schema->field[in->count]), err);
	SPK_TRY_PTR(arg[1] = constant(b, seed), err);
	SPK_TRY_PTR(arg[2] = constant(b, percentage / 100), err);
	return spk_binder_call(b, "in_sample", arg, 3, s->location, out, err);
}

spk_status spk_binder_sample(struct spk_binder *b, const PgQuery__RangeTableSample *s, struct spk_scope *out, spk_error *err)
{
	const struct spk_schema *schema;
	struct spk_logical *filter;
	struct spk_expr *taken;
	double percentage;

	SPK_TRY(spk_binder_from_item(b, s->relation, out, err));
	SPK_TRY(bind_percentage(b, s, &percentage, err));
	schema = out->plan->schema;
	if (s->repeatable)
		SPK_TRY(by_number(b, s, percentage, &out->plan, &taken, err));
	else
		SPK_TRY(draw_lots(b, percentage, s->location, &taken, err));
	SPK_TRY_PTR(filter = spk_logical_new(b->arena, SPK_LOGICAL_FILTER, out->plan->schema, &out->plan, 1), err);
	filter->filter = taken;
	filter->position = spk_binder_at(b, s->location);
	out->plan = filter;
	return spk_binder_first_columns(b, schema, &out->plan, err);
}
