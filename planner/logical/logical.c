/* Nodes and their text. */
#include "planner/logical/logical.h"

#include "core/base/check.h"
#include "core/expr/text.h"

static const char *const kind_names[] = {
#define KIND_NAME(id, name) [SPK_LOGICAL_##id] = name,
	SPK_LOGICAL_LIST(KIND_NAME)
#undef KIND_NAME
};

struct spk_logical *spk_logical_new(struct spk_arena *arena, enum spk_logical_kind kind, const struct spk_schema *schema, struct spk_logical *const *input, int inputs)
{
	struct spk_logical *l = SPK_NEW(arena, struct spk_logical);

	if (!l)
		return NULL;
	l->kind = kind;
	l->schema = schema;
	l->inputs = inputs;
	l->limit = -1;
	l->time_column = -1;
	if (inputs > 0) {
		l->input = spk_arena_copy(arena, input, sizeof(struct spk_logical *) * (size_t)inputs);
		if (!l->input)
			return NULL;
		l->position = l->input[0]->position;
	}
	return l;
}

struct spk_logical *spk_logical_copy_tree(struct spk_arena *arena, const struct spk_logical *root)
{
	struct spk_logical *copy = spk_logical_clone(arena, root);

	for (int i = 0; copy && i < root->inputs; i++) {
		copy->input[i] = spk_logical_copy_tree(arena, root->input[i]);
		if (!copy->input[i])
			return NULL;
	}
	return copy;
}

const char *spk_logical_kind_name(enum spk_logical_kind kind) { return kind_names[kind]; }

const char *spk_join_name(enum spk_join_type join)
{
	static const char *const name[] = {
#define JOIN_NAME(id, name) [SPK_JOIN_##id] = name,
		SPK_JOIN_LIST(JOIN_NAME)
#undef JOIN_NAME
	};

	return name[join];
}

const char *spk_window_function_name(enum spk_window_function function)
{
	static const char *const name[] = {
#define FUNCTION_NAME(id, name, least, most) [SPK_WINDOW_FUNCTION_##id] = name,
		SPK_WINDOW_FUNCTION_LIST(FUNCTION_NAME)
#undef FUNCTION_NAME
	};

	return name[function];
}

/* --- text --- */

static spk_status put_separator(int i, struct spk_buffer *out, spk_error *err)
{
	return i ? spk_buffer_append_str(out, ", ", err) : SPK_OK;
}

static spk_status put_exprs(struct spk_expr *const *expr, int count, struct spk_buffer *out, spk_error *err)
{
	for (int i = 0; i < count; i++) {
		SPK_TRY(put_separator(i, out, err));
		SPK_TRY(spk_expr_format(expr[i], out, err));
	}
	return SPK_OK;
}

/* "expr AS name", the name only where it says more than the expression. */
static spk_status put_named(const struct spk_expr *e, const char *name, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_expr_format(e, out, err));
	if (e->kind == SPK_EXPR_COLUMN && e->name && strcmp(e->name, name) == 0)
		return SPK_OK;
	return spk_buffer_printf(out, err, " AS %s", name);
}

static spk_status put_interval(const char *what, int64_t us, struct spk_buffer *out, spk_error *err)
{
	char text[SPK_TEXT_MAX];
	struct spk_interval interval = { .micros = us };
	int n = spk_text_from_value(spk_type(SPK_TYPE_INTERVAL), &interval, NULL, text);

	return spk_buffer_printf(out, err, "%s%.*s", what, n, text);
}

static spk_status put_scan(const struct spk_logical *l, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_buffer_printf(out, err, " %s", l->table->name));
	if (l->alias && strcmp(l->alias, l->table->name) != 0)
		SPK_TRY(spk_buffer_printf(out, err, " AS %s", l->alias));
	SPK_TRY(spk_buffer_append_str(out, " (", err));
	for (int i = 0; i < l->schema->count; i++) {
		SPK_TRY(put_separator(i, out, err));
		SPK_TRY(spk_buffer_append_str(out, l->schema->field[i].name, err));
	}
	SPK_TRY(spk_buffer_append_str(out, l->history ? "), every version" : ")", err));
	if (!l->filter)
		return SPK_OK;
	SPK_TRY(spk_buffer_append_str(out, " where ", err));
	return spk_expr_format(l->filter, out, err);
}

static spk_status put_project(const struct spk_logical *l, struct spk_buffer *out, spk_error *err)
{
	for (int i = 0; i < l->expr_count; i++) {
		SPK_TRY(spk_buffer_append_str(out, i ? ", " : " ", err));
		SPK_TRY(put_named(l->expr[i], l->schema->field[i].name, out, err));
	}
	return SPK_OK;
}

static spk_status put_window(const struct spk_logical *l, struct spk_buffer *out, spk_error *err)
{
	static const char *const name[] = { "tumble", "hop", "cumulate", "session" };
	static const char *const step[] = { NULL, ", slide ", ", step ", ", gap " };
	const struct spk_schema *in = l->input[0]->schema;

	SPK_TRY(spk_buffer_printf(out, err, " %s(%s", name[l->window], in->field[l->time_column].name));
	if (l->window != SPK_WINDOW_SESSION)
		SPK_TRY(put_interval(", size ", l->window_size_us, out, err));
	if (l->window != SPK_WINDOW_TUMBLE)
		SPK_TRY(put_interval(step[l->window], l->window_slide_us, out, err));
	if (l->window_offset_us)
		SPK_TRY(put_interval(", offset ", l->window_offset_us, out, err));
	if (l->zone)
		SPK_TRY(spk_buffer_printf(out, err, ", zone %s", l->zone));
	for (int i = 0; i < l->partition_count; i++)
		SPK_TRY(spk_buffer_printf(out, err, "%s%s", i ? ", " : ", partition by ", in->field[l->partition[i]].name));
	return spk_buffer_append_str(out, ")", err);
}

static spk_status put_aggregate_call(const struct spk_aggregate_call *c, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_aggregate_format(c, out, err));
	if (!c->filter)
		return SPK_OK;
	SPK_TRY(spk_buffer_append_str(out, " FILTER (WHERE ", err));
	SPK_TRY(spk_expr_format(c->filter, out, err));
	return spk_buffer_append_str(out, ")", err);
}

static spk_status put_aggregate(const struct spk_logical *l, struct spk_buffer *out, spk_error *err)
{
	for (int i = 0; i < l->aggregate_count; i++) {
		SPK_TRY(spk_buffer_append_str(out, i ? ", " : " ", err));
		SPK_TRY(put_aggregate_call(&l->aggregate[i], out, err));
	}
	if (!l->expr_count)
		return SPK_OK;
	SPK_TRY(spk_buffer_append_str(out, l->aggregate_count ? " group by " : " distinct ", err));
	return put_exprs(l->expr, l->expr_count, out, err);
}

static spk_status put_sort(const struct spk_logical *l, struct spk_buffer *out, spk_error *err)
{
	for (int i = 0; i < l->sort_count; i++) {
		const struct spk_sort_key *k = &l->sort[i];

		SPK_TRY(spk_buffer_append_str(out, i ? ", " : " ", err));
		if (k->expr->kind == SPK_EXPR_COLUMN)  /* the input's name: the key may remember one from before the rules */
			SPK_TRY(spk_buffer_append_str(out, l->input[0]->schema->field[k->expr->column].name, err));
		else
			SPK_TRY(spk_expr_format(k->expr, out, err));
		if (k->descending)
			SPK_TRY(spk_buffer_append_str(out, " DESC", err));
		if (k->nulls_first != k->descending)
			SPK_TRY(spk_buffer_append_str(out, k->nulls_first ? " NULLS FIRST" : " NULLS LAST", err));
	}
	return SPK_OK;
}

static spk_status put_limit(const struct spk_logical *l, struct spk_buffer *out, spk_error *err)
{
	if (l->limit >= 0)
		SPK_TRY(spk_buffer_printf(out, err, " %lld", (long long)l->limit));
	return l->offset ? spk_buffer_printf(out, err, " offset %lld", (long long)l->offset) : SPK_OK;
}

static spk_status put_values(const struct spk_logical *l, struct spk_buffer *out, spk_error *err)
{
	enum { SHOWN_ROWS = 4 };
	int columns = l->schema->count;

	for (int r = 0; r < SPK_MIN(l->value_rows, SHOWN_ROWS); r++) {
		SPK_TRY(spk_buffer_append_str(out, r ? ", (" : " (", err));
		SPK_TRY(put_exprs(l->value + r * columns, columns, out, err));
		SPK_TRY(spk_buffer_append_str(out, ")", err));
	}
	if (l->value_rows > SHOWN_ROWS)
		return spk_buffer_printf(out, err, ", ... %d rows", l->value_rows);
	return SPK_OK;
}

static spk_status put_sink(const struct spk_logical *l, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_buffer_printf(out, err, " %s (", l->table->name));
	for (int i = 0; i < l->input[0]->schema->count; i++) {
		SPK_TRY(put_separator(i, out, err));
		SPK_TRY(spk_buffer_append_str(out, l->table->schema->field[l->column[i]].name, err));
	}
	return spk_buffer_append_str(out, ")", err);
}

static spk_status put_unnest(const struct spk_logical *l, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_buffer_append_str(out, l->outer ? " outer " : " ", err));
	SPK_TRY(put_exprs(l->expr, l->expr_count, out, err));
	return l->ordinality ? spk_buffer_append_str(out, " with ordinality", err) : SPK_OK;
}

static spk_status put_join(const struct spk_logical *l, struct spk_buffer *out, spk_error *err)
{
	static const char *const hint[] = { [SPK_JOIN_ANY] = "", [SPK_JOIN_BROADCAST] = " by broadcast", [SPK_JOIN_SHUFFLE_HASH] = " by hash", [SPK_JOIN_MERGE] = " by merge", [SPK_JOIN_LOOP] = " by loop" };

	SPK_TRY(spk_buffer_printf(out, err, " %s%s", spk_join_name(l->join), hint[l->hint]));
	if (l->dependent)
		SPK_TRY(spk_buffer_append_str(out, " dependent", err));
	if (!l->filter)
		return SPK_OK;
	SPK_TRY(spk_buffer_append_str(out, " on ", err));
	return spk_expr_format(l->filter, out, err);
}

static spk_status put_call(const struct spk_window_call *c, struct spk_buffer *out, spk_error *err)
{
	if (c->function == SPK_WINDOW_FUNCTION_AGGREGATE)
		return put_aggregate_call(&c->aggregate, out, err);
	SPK_TRY(spk_buffer_printf(out, err, "%s(", spk_window_function_name(c->function)));
	SPK_TRY(put_exprs(c->arg, c->args, out, err));
	return spk_buffer_append_str(out, ")", err);
}

static spk_status put_over(const struct spk_logical *l, struct spk_buffer *out, spk_error *err)
{
	for (int i = 0; i < l->calls; i++) {
		SPK_TRY(spk_buffer_append_str(out, i ? ", " : " ", err));
		SPK_TRY(put_call(&l->call[i], out, err));
	}
	if (l->expr_count)
		SPK_TRY(spk_buffer_append_str(out, " partition by ", err));
	SPK_TRY(put_exprs(l->expr, l->expr_count, out, err));
	if (!l->sort_count)
		return SPK_OK;
	SPK_TRY(spk_buffer_append_str(out, " order by", err));
	return put_sort(l, out, err);
}

/* Of every set what is not in the input or in all sets: its groups. */
static spk_status put_expand(const struct spk_logical *l, struct spk_buffer *out, spk_error *err)
{
	const int columns = l->schema->count;

	for (int k = 0; k < l->value_rows; k++) {
		bool first = true;

		SPK_TRY(spk_buffer_append_str(out, k ? ", (" : " (", err));
		for (int c = 0; c < columns - 1; c++) {
			const struct spk_expr *e = l->value[k * columns + c];
			bool same = true;

			for (int i = 0; i < l->value_rows; i++)
				same = same && l->value[i * columns + c] == e;
			if ((same && c < l->input[0]->schema->count) || (e->kind == SPK_EXPR_CONSTANT && e->value.null))
				continue;
			SPK_TRY(spk_buffer_append_str(out, first ? "" : ", ", err));
			SPK_TRY(spk_expr_format(e, out, err));
			first = false;
		}
		SPK_TRY(spk_buffer_append_str(out, ")", err));
	}
	return SPK_OK;
}

static spk_status put_details(const struct spk_logical *l, struct spk_buffer *out, spk_error *err)
{
	switch (l->kind) {
	case SPK_LOGICAL_SCAN: return put_scan(l, out, err);
	case SPK_LOGICAL_VALUES: return put_values(l, out, err);
	case SPK_LOGICAL_FILTER:
		SPK_TRY(spk_buffer_append_str(out, " ", err));
		return spk_expr_format(l->filter, out, err);
	case SPK_LOGICAL_PROJECT: return put_project(l, out, err);
	case SPK_LOGICAL_WINDOW: return put_window(l, out, err);
	case SPK_LOGICAL_AGGREGATE: return put_aggregate(l, out, err);
	case SPK_LOGICAL_SORT: return put_sort(l, out, err);
	case SPK_LOGICAL_LIMIT: return put_limit(l, out, err);
	case SPK_LOGICAL_SINK: return put_sink(l, out, err);
	case SPK_LOGICAL_UNNEST: return put_unnest(l, out, err);
	case SPK_LOGICAL_JOIN: return put_join(l, out, err);
	case SPK_LOGICAL_OVER: return put_over(l, out, err);
	case SPK_LOGICAL_EXPAND: return put_expand(l, out, err);
	case SPK_LOGICAL_UNION:
		break;
	case SPK_LOGICAL_CALLBACK:
		SPK_TRY(spk_buffer_printf(out, err, " %s", l->callback->type->name));
		SPK_TRY(spk_buffer_append_str(out, l->expr_count ? " by " : "", err));
		return put_exprs(l->expr, l->expr_count, out, err);
	case SPK_LOGICAL_SHARED:
		if (l->alias)
			return spk_buffer_printf(out, err, " view %s", l->alias);
		return spk_buffer_printf(out, err, " %d", l->number);
	case SPK_LOGICAL_WORK_TABLE: return spk_buffer_printf(out, err, " %d", l->number);
	case SPK_LOGICAL_RECURSIVE: return spk_buffer_printf(out, err, " %d union%s", l->number, l->distinct ? "" : " all");
	case SPK_LOGICAL_REPARTITION:
		SPK_TRY(l->partitions ? spk_buffer_printf(out, err, " %d", l->partitions) : SPK_OK);
		SPK_TRY(spk_buffer_append_str(out, l->expr_count ? " by " : "", err));
		return put_exprs(l->expr, l->expr_count, out, err);
	}
	return SPK_OK;
}

static spk_status put_properties(const struct spk_logical *l, struct spk_buffer *out, spk_error *err)
{
	static const char *const bound[] = { NULL, "time", "idle", "key", "nothing" };
	const struct spk_properties *p = &l->properties;
	const struct spk_field *f = l->schema->field;

	SPK_TRY(spk_buffer_printf(out, err, "  [#%d %s, %s", l->id, p->append_only ? "append-only" : "updating", p->bounded ? "bounded" : "unbounded"));
	if (p->key_count)
		SPK_TRY(spk_buffer_append_str(out, ", key", err));
	for (int i = 0; i < p->key_count; i++)
		SPK_TRY(spk_buffer_printf(out, err, "%s%s", i ? ", " : " ", f[p->key[i]].name));
	if (p->time_column >= 0)
		SPK_TRY(spk_buffer_printf(out, err, ", time %s", f[p->time_column].name));
	if (p->window_start >= 0)
		SPK_TRY(spk_buffer_printf(out, err, ", window start %s", f[p->window_start].name));
	if (p->window_end >= 0)
		SPK_TRY(spk_buffer_printf(out, err, ", window end %s", f[p->window_end].name));
	if (p->bound != SPK_BOUND_STATELESS)
		SPK_TRY(spk_buffer_printf(out, err, ", state bounded by %s", bound[p->bound]));
	return spk_buffer_append_str(out, "]", err);
}

static spk_status put_tree(const struct spk_logical *l, int depth, bool verbose, struct spk_buffer *out, spk_error *err)
{
	if (depth)
		SPK_TRY(spk_buffer_printf(out, err, "%*s-> ", (depth - 1) * 3 + 1, ""));
	SPK_TRY(spk_buffer_append_str(out, kind_names[l->kind], err));
	SPK_TRY(put_details(l, out, err));
	if (verbose)
		SPK_TRY(put_properties(l, out, err));
	SPK_TRY(spk_buffer_append_str(out, "\n", err));
	for (int i = 0; i < l->inputs; i++)
		SPK_TRY(put_tree(l->input[i], depth + 1, verbose, out, err));
	return SPK_OK;
}

spk_status spk_logical_format(const struct spk_logical *root, bool verbose, struct spk_buffer *out, spk_error *err)
{
	return put_tree(root, 0, verbose, out, err);
}
