/* Physical plans as text for people (a tree, sinks first) and as JSON for tools. */
#include "planner/physical/physical.h"

#include "core/base/check.h"
#include "core/expr/text.h"
#include "planner/logical/statistics.h"

struct printer {
	const struct spk_physical_plan *plan;
	struct spk_buffer *out;
	spk_status (*annotate)(const struct spk_physical *node, struct spk_buffer *out, void *user, spk_error *err);
	void *user;
	uint64_t shown[64];   /* bit per node: printed before */
};

static spk_status put_exprs(struct spk_expr *const *expr, int count, struct spk_buffer *out, spk_error *err)
{
	for (int i = 0; i < count; i++) {
		if (i)
			SPK_TRY(spk_buffer_append_str(out, ", ", err));
		SPK_TRY(spk_expr_format(expr[i], out, err));
	}
	return SPK_OK;
}

static spk_status put_columns(const struct spk_schema *s, struct spk_buffer *out, spk_error *err)
{
	for (int i = 0; i < s->count; i++)
		SPK_TRY(spk_buffer_printf(out, err, "%s%s", i ? ", " : "", s->field[i].name));
	return SPK_OK;
}

static spk_status put_interval(int64_t us, struct spk_buffer *out, spk_error *err)
{
	char text[SPK_TEXT_MAX];
	struct spk_interval interval = { .micros = us };
	int n = spk_text_from_value(spk_type(SPK_TYPE_INTERVAL), &interval, NULL, text);

	return spk_buffer_append(out, text, (size_t)n, err);
}

static spk_status put_call(const struct spk_aggregate_call *c, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_aggregate_format(c, out, err));
	if (!c->filter)
		return SPK_OK;
	SPK_TRY(spk_buffer_append_str(out, " filter (", err));
	SPK_TRY(spk_expr_format(c->filter, out, err));
	return spk_buffer_append_str(out, ")", err);
}

static spk_status put_aggregate(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	bool first = true;

	SPK_TRY(spk_buffer_append_str(out, " [group: ", err));
	if (n->kind == SPK_PHYSICAL_PARTIAL_AGGREGATE)
		SPK_TRY(put_exprs(n->expr, n->expr_count, out, err));
	else
		for (int i = 0; i < n->expr_count; i++)
			SPK_TRY(spk_buffer_printf(out, err, "%s%s", i ? ", " : "", n->schema->field[i].name));
	if (!n->expr_count)
		SPK_TRY(spk_buffer_append_str(out, "all rows", err));
	for (int i = 0; i < n->aggregate_count; i++) {
		if (n->aggregate[i].elsewhere)
			continue;
		SPK_TRY(spk_buffer_append_str(out, first ? "; " : ", ", err));
		first = false;
		SPK_TRY(put_call(&n->aggregate[i], out, err));
	}
	return spk_buffer_append_str(out, "]", err);
}

/* What joins' build sides leave of the scan's rows. */
static spk_status put_runtime_filters(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	bool first = true;

	for (int i = 0; i < n->runtime_filters; i++) {
		if (!n->runtime_filter[i].expr)
			continue;
		SPK_TRY(spk_buffer_append_str(out, first ? "; runtime filter: " : ", ", err));
		SPK_TRY(spk_expr_format(n->runtime_filter[i].expr, out, err));
		first = false;
	}
	return SPK_OK;
}

static spk_status put_scan(const struct printer *p, const struct spk_physical *n, spk_error *err)
{
	const struct spk_plan_source *s = &p->plan->source[n->source];

	SPK_TRY(spk_buffer_printf(p->out, err, " %s (%s) [columns: ", s->table->name, s->table->connector ? s->table->connector : "?"));
	SPK_TRY(put_columns(s->schema, p->out, err));
	if (s->time) {
		SPK_TRY(spk_buffer_append_str(p->out, "; watermark: ", err));
		SPK_TRY(spk_expr_format(s->time, p->out, err));
		SPK_TRY(spk_buffer_append_str(p->out, " - ", err));
		SPK_TRY(put_interval(s->watermark_delay_us, p->out, err));
	}
	SPK_TRY(put_runtime_filters(n, p->out, err));
	if (s->table->statistics && s->table->statistics->stale)
		SPK_TRY(spk_buffer_append_str(p->out, "; statistics out of date", err));
	if (s->files)
		SPK_TRY(spk_buffer_printf(p->out, err, "; files: %d of %d", s->files_read, s->files));
	return spk_buffer_append_str(p->out, "]", err);
}

static spk_status put_sink(const struct printer *p, const struct spk_physical *n, spk_error *err)
{
	const struct spk_plan_sink *s = &p->plan->sink[n->sink];

	SPK_TRY(spk_buffer_printf(p->out, err, " %s (%s) [", s->table->name, s->table->connector ? s->table->connector : "?"));
	if (n->key_count) {
		SPK_TRY(spk_buffer_append_str(p->out, "upsert by ", err));
		for (int i = 0; i < n->key_count; i++)
			SPK_TRY(spk_buffer_printf(p->out, err, "%s%s", i ? ", " : "", n->schema->field[n->key[i]].name));
	} else {
		SPK_TRY(spk_buffer_append_str(p->out, s->retracts ? "changes" : "append", err));
	}
	return spk_buffer_append_str(p->out, "]", err);
}

static spk_status put_window(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	static const char *const name[] = { "tumble", "hop", "cumulate", "session" }, *const step[] = { "", "slide", "step", "gap" };

	SPK_TRY(spk_buffer_printf(out, err, " [%s of %s, size ", name[n->window], n->schema->field[n->time_column].name));
	SPK_TRY(put_interval(n->window_size_us, out, err));
	if (n->window_slide_us) {
		SPK_TRY(spk_buffer_printf(out, err, ", %s ", step[n->window]));
		SPK_TRY(put_interval(n->window_slide_us, out, err));
	}
	if (n->window_offset_us) {
		SPK_TRY(spk_buffer_append_str(out, ", offset ", err));
		SPK_TRY(put_interval(n->window_offset_us, out, err));
	}
	if (n->zone)
		SPK_TRY(spk_buffer_printf(out, err, ", zone %s", n->zone));
	return spk_buffer_append_str(out, n->panes ? "; by panes]" : "]", err);
}

static spk_status put_keys(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	for (int i = 0; i < n->sort_count; i++) {
		SPK_TRY(spk_buffer_append_str(out, i ? ", " : "", err));
		SPK_TRY(spk_expr_format(n->sort[i].expr, out, err));
		SPK_TRY(spk_buffer_append_str(out, n->sort[i].descending ? " desc" : "", err));
		if (n->sort[i].nulls_first != n->sort[i].descending)
			SPK_TRY(spk_buffer_append_str(out, n->sort[i].nulls_first ? " nulls first" : " nulls last", err));
	}
	return SPK_OK;
}

static spk_status put_sort(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_buffer_append_str(out, " [", err));
	SPK_TRY(put_keys(n, out, err));
	return spk_buffer_append_str(out, "]", err);
}

static spk_status put_limit(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	if (n->partial)
		return spk_buffer_printf(out, err, " [limit %lld of each task]", (long long)n->limit);
	return spk_buffer_printf(out, err, " [limit %lld offset %lld]", (long long)n->limit, (long long)n->offset);
}

static spk_status put_over(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	for (int i = 0; i < n->calls; i++) {
		const struct spk_window_call *c = &n->call[i];

		SPK_TRY(spk_buffer_printf(out, err, "%s%s", i ? ", " : " [", c->function == SPK_WINDOW_FUNCTION_AGGREGATE ? c->aggregate.aggregate->name : spk_window_function_name(c->function)));
	}
	SPK_TRY(spk_buffer_append_str(out, n->expr_count ? "; partition: " : "", err));
	SPK_TRY(put_exprs(n->expr, n->expr_count, out, err));
	SPK_TRY(spk_buffer_append_str(out, "]", err));
	return n->sort_count ? put_sort(n, out, err) : SPK_OK;
}

/* The condition: key = key, ..., then what is computed beside them. */
static spk_status put_condition(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	for (int k = 0; k < n->join_keys; k++) {
		SPK_TRY(spk_buffer_append_str(out, k ? ", " : "; ", err));
		SPK_TRY(spk_expr_format(n->build_left ? n->build_key[k] : n->probe_key[k], out, err));
		SPK_TRY(spk_buffer_append_str(out, n->null_safe[k] ? " is not distinct from " : " = ", err));
		SPK_TRY(spk_expr_format(n->build_left ? n->probe_key[k] : n->build_key[k], out, err));
	}
	if (!n->filter)
		return SPK_OK;
	SPK_TRY(spk_buffer_append_str(out, n->join_keys ? "; also " : "; ", err));
	return spk_expr_format(n->filter, out, err);
}

/* When rows of a window come out, behind `sign`. */
static spk_status put_closing(const struct spk_physical *n, const char *sign, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_buffer_printf(out, err, "%s%s", sign, n->on_close ? "when the window closes" : "changes until the window closes"));
	if (!n->lateness_us)
		return SPK_OK;
	SPK_TRY(spk_buffer_append_str(out, n->on_close ? ", changes for " : ", and for ", err));
	SPK_TRY(put_interval(n->lateness_us, out, err));
	return spk_buffer_append_str(out, n->on_close ? "" : " behind that", err);
}

/* What the condition of a join over time says of it. */
static spk_status put_time(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	const int64_t *reach = n->time.reach_us;

	if (n->time.kind == SPK_JOIN_BY_WINDOW)
		return put_closing(n, "; ", out, err);
	if (n->waits)
		return spk_buffer_append_str(out, "; when all of the right side is there", err);
	if (n->asof.left) {
		SPK_TRY(spk_buffer_append_str(out, n->history ? "; the version with the last " : n->asof.backward ? "; the last with " : "; the first with ", err));
		SPK_TRY(spk_expr_format(n->asof.right, out, err));
		SPK_TRY(spk_buffer_printf(out, err, " %s%s ", n->asof.backward ? "<" : ">", n->asof.strict ? "" : "="));
		return spk_expr_format(n->asof.left, out, err);
	}
	if (n->time.kind == SPK_JOIN_TIMELESS)
		return SPK_OK;
	SPK_TRY(spk_buffer_printf(out, err, "; right.%s - left.%s ", n->right->field[n->time.column[1]].name, n->left->field[n->time.column[0]].name));
	if (reach[1] != INT64_MAX) {
		SPK_TRY(spk_buffer_append_str(out, reach[0] == INT64_MAX ? "from " : "between ", err));
		SPK_TRY(put_interval(-reach[1], out, err));
		SPK_TRY(spk_buffer_append_str(out, reach[0] == INT64_MAX ? " on, left is kept for good" : " and ", err));
	}
	if (reach[0] == INT64_MAX)
		return SPK_OK;
	SPK_TRY(spk_buffer_append_str(out, reach[1] == INT64_MAX ? "up to " : "", err));
	SPK_TRY(put_interval(reach[0], out, err));
	return reach[1] == INT64_MAX ? spk_buffer_append_str(out, ", right is kept for good", err) : SPK_OK;
}

static spk_status put_join(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	static const char *const kept[] = { "right", "left" };

	SPK_TRY(spk_buffer_printf(out, err, " [%s", spk_join_name(n->join)));
	if (n->kind == SPK_PHYSICAL_HASH_JOIN || n->kind == SPK_PHYSICAL_LOOP_JOIN)
		SPK_TRY(spk_buffer_printf(out, err, ", keeps %s", kept[n->build_left]));
	SPK_TRY(put_condition(n, out, err));
	SPK_TRY(put_time(n, out, err));
	return spk_buffer_append_str(out, "]", err);
}

static spk_status put_bytes(int64_t bytes, struct spk_buffer *out, spk_error *err)
{
	if (bytes < 10240)
		return spk_buffer_printf(out, err, "%lld bytes", (long long)bytes);
	return bytes < 10485760 ? spk_buffer_printf(out, err, "%lld KiB", (long long)bytes >> 10) : spk_buffer_printf(out, err, "%lld MiB", (long long)bytes >> 20);
}

/* What the size of a join's kept side will decide. */
static spk_status put_adaptive(const struct spk_exchange *x, struct spk_buffer *out, spk_error *err)
{
	if (x->whole)
		return spk_buffer_append_str(out, ", or all to every task", err);
	if (!x->left_out_bytes)
		return SPK_OK;
	SPK_TRY(spk_buffer_append_str(out, x->unlikely ? ", if what it meets has more than " : ", unless what it meets has at most ", err));
	return put_bytes(x->left_out_bytes, out, err);
}

static spk_status put_exchange(const struct printer *p, const struct spk_physical *n, spk_error *err)
{
	if (p->plan->exchange[n->exchange].broadcast)
		return spk_buffer_append_str(p->out, " [all to every task]", err);
	if (p->plan->exchange[n->exchange].direct)
		return spk_buffer_append_str(p->out, " [as the rows say]", err);
	if (p->plan->exchange[n->exchange].spread)
		return spk_buffer_append_str(p->out, " [evenly]", err);
	if (p->plan->exchange[n->exchange].range) {
		SPK_TRY(spk_buffer_append_str(p->out, " [range of ", err));
		SPK_TRY(put_keys(n, p->out, err));
		return spk_buffer_append_str(p->out, ", merged]", err);
	}
	if (p->plan->exchange[n->exchange].single && n->sort_count)
		return spk_buffer_append_str(p->out, " [all to one task, merged]", err);
	if (p->plan->exchange[n->exchange].single)
		return spk_buffer_append_str(p->out, " [all to one task]", err);
	if (n->hash_column >= 0)
		return spk_buffer_append_str(p->out, " [hash of the group]", err);
	SPK_TRY(spk_buffer_append_str(p->out, " [hash of ", err));
	for (int i = 0; i < n->key_count; i++)
		SPK_TRY(spk_buffer_printf(p->out, err, "%s%s", i ? ", " : "", n->schema->field[n->key[i]].name));
	SPK_TRY(put_adaptive(&p->plan->exchange[n->exchange], p->out, err));
	return spk_buffer_append_str(p->out, "]", err);
}

static spk_status put_by(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	for (int i = 0; i < n->key_count; i++)
		SPK_TRY(spk_buffer_printf(out, err, "%s%s", i ? ", " : " [by ", n->schema->field[n->key[i]].name));
	return spk_buffer_append_str(out, "]", err);
}

static spk_status put_recompute(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_buffer_append_str(out, " [", err));
	if (n->logical && n->logical->kind == SPK_LOGICAL_SHARED)
		SPK_TRY(spk_buffer_printf(out, err, "view %s ", n->logical->alias));
	SPK_TRY(spk_buffer_append_str(out, n->key_count ? "by" : "over all rows", err));
	for (int i = 0; i < n->key_count; i++)
		SPK_TRY(spk_buffer_printf(out, err, "%s %s", i ? "," : "", n->input[0]->schema->field[n->key[i]].name));
	if (n->window_key >= 0)
		SPK_TRY(put_closing(n, ", ", out, err));
	if (n->complete)
		SPK_TRY(spk_buffer_append_str(out, ", the whole result", err));
	SPK_TRY(spk_buffer_append_str(out, n->inner->nodes > 1 ? ": " : "", err));
	SPK_TRY(spk_physical_format_chain(n->inner, out, err));
	return spk_buffer_append_str(out, "]", err);
}

static spk_status put_time_over(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_buffer_append_str(out, n->key_count ? " [by" : " [over all rows", err));
	for (int i = 0; i < n->key_count; i++)
		SPK_TRY(spk_buffer_printf(out, err, "%s %s", i ? "," : "", n->input[0]->schema->field[n->key[i]].name));
	SPK_TRY(spk_buffer_append_str(out, "; looks back at ", err));
	if (n->limit < 0)
		SPK_TRY(spk_buffer_append_str(out, "all rows", err));
	else if (n->limit || n->window_size_us < 0)
		SPK_TRY(spk_buffer_printf(out, err, "%lld rows", (long long)n->limit));
	if (n->limit >= 0 && n->window_size_us >= 0) {
		SPK_TRY(spk_buffer_append_str(out, n->limit ? " and " : "", err));
		SPK_TRY(put_interval(n->window_size_us, out, err));
	}
	SPK_TRY(spk_buffer_append_str(out, ": ", err));
	SPK_TRY(spk_physical_format_chain(n->inner, out, err));
	return spk_buffer_append_str(out, "]", err);
}

static spk_status put_top_n(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	if (n->percentile.asked)
		SPK_TRY(spk_buffer_printf(out, err, " [%s at %g of all rows", n->percentile.between ? "value" : "row", n->percentile.share));
	else
		SPK_TRY(spk_buffer_printf(out, err, " [%s %lld to %lld", n->calls ? spk_window_function_name(n->call->function) : "row", (long long)n->offset + 1, (long long)(n->offset + n->limit)));
	SPK_TRY(spk_buffer_append_str(out, n->key_count ? ", by" : "", err));
	for (int i = 0; i < n->key_count; i++)
		SPK_TRY(spk_buffer_printf(out, err, "%s %s", i ? "," : "", n->input[0]->schema->field[n->key[i]].name));
	SPK_TRY(spk_buffer_append_str(out, n->sort_count ? "; order " : "", err));
	SPK_TRY(put_keys(n, out, err));
	if (n->window_key >= 0)
		SPK_TRY(put_closing(n, "; ", out, err));
	return spk_buffer_append_str(out, "]", err);
}

/* The gap, by what, and which aggregates or all rows. */
static spk_status put_session(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_buffer_append_str(out, " [gap ", err));
	SPK_TRY(put_interval(n->window_slide_us, out, err));
	for (int i = 0; i < n->key_count; i++)
		SPK_TRY(spk_buffer_printf(out, err, "%s%s", i ? ", " : " by ", n->input[0]->schema->field[n->key[i]].name));
	SPK_TRY(spk_buffer_append_str(out, n->passes ? "; rows" : ";", err));
	for (int i = 0; i < n->aggregate_count; i++) {
		SPK_TRY(spk_buffer_append_str(out, i ? ", " : " ", err));
		SPK_TRY(put_call(&n->aggregate[i], out, err));
	}
	if (n->retracts) {
		SPK_TRY(spk_buffer_append_str(out, n->on_close ? "; when it is over, changes for " : "; changes, for ", err));
		SPK_TRY(put_interval(n->lateness_us, out, err));
		SPK_TRY(spk_buffer_append_str(out, " behind its end", err));
	}
	return spk_buffer_append_str(out, "]", err);
}

static spk_status put_normalize(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	if (n->exact)
		return spk_buffer_append_str(out, " [rows by weight]", err);
	SPK_TRY(spk_buffer_append_str(out, n->history ? " [every version by" : " [last row by", err));
	for (int i = 0; i < n->key_count; i++)
		SPK_TRY(spk_buffer_printf(out, err, "%s %s", i ? "," : "", n->schema->field[n->key[i]].name));
	return spk_buffer_append_str(out, "]", err);
}

static spk_status put_late(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_buffer_printf(out, err, " [by %s", n->schema->field[n->window_key].name));
	if (n->time_lag_us) {
		SPK_TRY(spk_buffer_append_str(out, ", the watermark less ", err));
		SPK_TRY(put_interval(n->time_lag_us, out, err));
	}
	return spk_buffer_append_str(out, "]", err);
}

/* Operators that only streams have. */
static spk_status put_stream_details(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	switch (n->kind) {
	case SPK_PHYSICAL_SESSION_INPUT:
		return spk_buffer_printf(out, err, " [by %s]", n->schema->field[n->time_column].name);
	case SPK_PHYSICAL_SESSION:
		return put_session(n, out, err);
	case SPK_PHYSICAL_NORMALIZE:
		return put_normalize(n, out, err);
	case SPK_PHYSICAL_RECOMPUTE:
		return put_recompute(n, out, err);
	case SPK_PHYSICAL_HOLD:
		return spk_buffer_printf(out, err, " [until the watermark passes %s]", n->schema->field[n->time_column].name);
	case SPK_PHYSICAL_TIME_OVER:
		return put_time_over(n, out, err);
	case SPK_PHYSICAL_PACED_CHANGES:
		return spk_buffer_printf(out, err, " [every %lld ms]", (long long)(n->emit_interval_us / 1000));
	case SPK_PHYSICAL_FOLD_CHANGES:
		return put_by(n, out, err);
	case SPK_PHYSICAL_TOP_N:
		return put_top_n(n, out, err);
	case SPK_PHYSICAL_LATE:
		return put_late(n, out, err);
	default:
		return SPK_OK;
	}
}

static spk_status put_details(const struct printer *p, const struct spk_physical *n, spk_error *err)
{
	struct spk_buffer *out = p->out;

	switch (n->kind) {
	case SPK_PHYSICAL_SCAN:
		return put_scan(p, n, err);
	case SPK_PHYSICAL_SINK:
		return put_sink(p, n, err);
	case SPK_PHYSICAL_WRITE:
		return put_exchange(p, n, err);
	case SPK_PHYSICAL_FILTER:
		SPK_TRY(spk_buffer_append_str(out, " [", err));
		SPK_TRY(spk_expr_format(n->filter, out, err));
		return spk_buffer_append_str(out, "]", err);
	case SPK_PHYSICAL_TIMED:
	case SPK_PHYSICAL_PROJECT:
	case SPK_PHYSICAL_UNNEST:
		SPK_TRY(spk_buffer_append_str(out, " [", err));
		SPK_TRY(put_exprs(n->expr, n->expr_count, out, err));
		if (n->tasks > 1)
			SPK_TRY(spk_buffer_printf(out, err, "; by %d tasks", n->tasks));
		return spk_buffer_append_str(out, "]", err);
	case SPK_PHYSICAL_EXPAND:
		return spk_buffer_printf(out, err, " [%d grouping sets]", n->value_rows);
	case SPK_PHYSICAL_WINDOW:
		return put_window(n, out, err);
	case SPK_PHYSICAL_PARTIAL_AGGREGATE:
	case SPK_PHYSICAL_FINAL_AGGREGATE:
	case SPK_PHYSICAL_WINDOW_AGGREGATE:
	case SPK_PHYSICAL_PANE_AGGREGATE:
	case SPK_PHYSICAL_STREAM_AGGREGATE:
		return put_aggregate(n, out, err);
	case SPK_PHYSICAL_STREAM_JOIN:
	case SPK_PHYSICAL_INTERVAL_JOIN:
	case SPK_PHYSICAL_WINDOW_JOIN:
	case SPK_PHYSICAL_STREAM_ASOF_JOIN:
	case SPK_PHYSICAL_ASOF_JOIN:
	case SPK_PHYSICAL_LOOKUP_JOIN:
	case SPK_PHYSICAL_HASH_JOIN:
	case SPK_PHYSICAL_MERGE_JOIN:
	case SPK_PHYSICAL_LOOP_JOIN:
		return put_join(n, out, err);
	case SPK_PHYSICAL_CALLBACK:
		return spk_buffer_printf(out, err, " [%s]", n->callback->type->name);
	case SPK_PHYSICAL_OVER:
	case SPK_PHYSICAL_RUNNING_OVER:
		return put_over(n, out, err);
	case SPK_PHYSICAL_SORT:
		return put_sort(n, out, err);
	case SPK_PHYSICAL_TOP_K:
		SPK_TRY(put_sort(n, out, err));
		return put_limit(n, out, err);
	case SPK_PHYSICAL_LIMIT:
		return put_limit(n, out, err);
	case SPK_PHYSICAL_VALUES:
		return spk_buffer_printf(out, err, " [%d rows]", n->value_rows);
	default:
		return put_stream_details(n, out, err);
	}
}

spk_status spk_physical_format_chain(const struct spk_physical_plan *plan, struct spk_buffer *out, spk_error *err)
{
	const struct printer p = { .plan = plan, .out = out };

	for (int i = 1; i < plan->nodes; i++) {
		SPK_TRY(spk_buffer_printf(out, err, "%s%s", i > 1 ? " > " : "", spk_physical_kind_name(plan->node[i]->kind)));
		SPK_TRY(put_details(&p, plan->node[i], err));
	}
	return SPK_OK;
}

const char *spk_physical_bound_text(enum spk_state_bound bound)
{
	switch (bound) {
	case SPK_BOUND_TIME: return "bounded by the watermark";
	case SPK_BOUND_IDLE: return "forgets keys that do not change (state.ttl)";
	case SPK_BOUND_KEY: return "grows with the number of keys";
	case SPK_BOUND_NOTHING: return "not bounded";
	case SPK_BOUND_STATELESS: break;
	}
	return "none";
}

static spk_status put_node(struct printer *p, const struct spk_physical *n, int depth, spk_error *err)
{
	struct spk_buffer *out = p->out;
	const char *name = n->kind == SPK_PHYSICAL_WRITE ? "Exchange" : spk_physical_kind_name(n->kind);
	bool again = n->id < 64 * 64 && p->shown[n->id / 64] >> (n->id % 64) & 1;

	if (n->kind == SPK_PHYSICAL_READ)
		return put_node(p, n->input[0], depth, err);
	SPK_TRY(spk_buffer_printf(out, err, "%*s%s%s", depth * 3, "", depth ? "-> " : "", name));
	if (again)
		return spk_buffer_printf(out, err, " #%d (shared, see above)\n", n->id);
	if (n->id < 64 * 64)
		p->shown[n->id / 64] |= 1ull << (n->id % 64);
	SPK_TRY(spk_buffer_printf(out, err, " #%d", n->id));
	SPK_TRY(put_details(p, n, err));
	if (n->state_table)
		SPK_TRY(spk_buffer_printf(out, err, " state %s, %s", n->state_table, spk_physical_bound_text(n->bound)));
	SPK_TRY(spk_buffer_printf(out, err, "  (stage %d%s)", n->stage, n->retracts ? ", changes" : ""));
	if (p->annotate)
		SPK_TRY(p->annotate(n, out, p->user, err));
	SPK_TRY(spk_buffer_append_str(out, "\n", err));
	for (int i = 0; i < n->inputs; i++)
		SPK_TRY(put_node(p, n->input[i], depth + 1, err));
	return SPK_OK;
}

spk_status spk_physical_format(const struct spk_physical_plan *plan, spk_status (*annotate)(const struct spk_physical *node, struct spk_buffer *out, void *user, spk_error *err), void *user, struct spk_buffer *out, spk_error *err)
{
	struct printer p = { .plan = plan, .out = out, .annotate = annotate, .user = user };

	for (int i = 0; i < plan->nodes; i++)
		if (plan->node[i]->outputs == 0 && plan->node[i]->kind != SPK_PHYSICAL_WRITE)
			SPK_TRY(put_node(&p, plan->node[i], 0, err));
	return SPK_OK;
}

/* --- JSON --- */

/* What a stateful node keeps (explain_state.c). */
static spk_status put_json_state(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	const char *what, *way_out = spk_physical_way_out(n);
	const int bytes = spk_physical_entry_bytes(n, &what);
	struct spk_buffer key = { 0 };
	spk_status status = spk_buffer_printf(out, err, ",\"changelog\":\"%s\",\"entry\":\"%s\",\"entry_bytes\":%d,\"key\":", spk_physical_changelog(n), what, bytes);

	if (status == SPK_OK)
		status = spk_physical_put_state_key(n, &key, err);
	if (status == SPK_OK)
		status = spk_buffer_append_json(out, key.data ? key.data : "", key.size, err);
	spk_buffer_release(&key);
	SPK_TRY(status);
	if (!way_out)
		return SPK_OK;
	SPK_TRY(spk_buffer_append_str(out, ",\"warning\":", err));
	return spk_buffer_append_json(out, way_out, strlen(way_out), err);
}

static spk_status put_json_node(struct printer *p, const struct spk_physical *n, spk_error *err)
{
	struct spk_buffer details = { 0 };
	struct printer inner = { .plan = p->plan, .out = &details };
	spk_status status = put_details(&inner, n, err);
	const char *text = details.data ? details.data : "";
	size_t skip = details.size && text[0] == ' ';

	if (status == SPK_OK)
		status = spk_buffer_printf(p->out, err, "{\"id\":%d,\"kind\":\"%s\",\"stage\":%d,\"retracts\":%s,\"details\":", n->id, spk_physical_kind_name(n->kind), n->stage, n->retracts ? "true" : "false");
	if (status == SPK_OK)
		status = spk_buffer_append_json(p->out, text + skip, details.size - skip, err);
	if (status == SPK_OK && n->state_table)
		status = spk_buffer_printf(p->out, err, ",\"state\":\"%s\",\"bound\":\"%s\"", n->state_table, spk_physical_bound_text(n->bound));
	if (status == SPK_OK && n->state_table)
		status = put_json_state(n, p->out, err);
	spk_buffer_release(&details);
	SPK_TRY(status);
	SPK_TRY(spk_buffer_append_str(p->out, ",\"inputs\":[", err));
	for (int i = 0; i < n->inputs; i++)
		SPK_TRY(spk_buffer_printf(p->out, err, "%s%d", i ? "," : "", n->input[i]->id));
	return spk_buffer_append_str(p->out, "]}", err);
}

spk_status spk_physical_format_json(const struct spk_physical_plan *plan, struct spk_buffer *out, spk_error *err)
{
	struct printer p = { .plan = plan, .out = out };

	SPK_TRY(spk_buffer_append_str(out, "{\"plan\":[", err));
	for (int i = 0; i < plan->nodes; i++) {
		SPK_TRY(spk_buffer_append_str(out, i ? "," : "", err));
		SPK_TRY(put_json_node(&p, plan->node[i], err));
	}
	return spk_buffer_append_str(out, "]}\n", err);
}
