/*
 * Sources of a physical plan: in a stream one per table, decoded once with the union of the columns that all scans of it need.
 *
 * A logical scan becomes the shared SCAN node, its own filter, and a projection that picks its columns (and computes the
 * computed ones) out of the decoded batch.
 */
#include "planner/physical/build.h"

#include "core/base/check.h"
#include "planner/logical/changes.h"

/* Tables of a stream: a bit each says whose watermark an operator goes by. */
enum { SOURCES_MAX = 64 };

/* --- which columns --- */

struct column_set { bool *needed; };

static void need_column(int column, void *user)
{
	struct column_set *set = user;

	set->needed[column] = true;
}

/* Marks the physical columns that table column `column` stands for. */
static void need_table_column(const struct spk_table *t, int column, bool *needed)
{
	struct column_set set = { needed };

	if (t->computed && t->computed[column])
		spk_expr_columns(t->computed[column], need_column, &set);
	else
		needed[column] = true;
}

/*
 * In a stream all scans of a table are one source, read and decoded once. In a batch every scan is a source of its own: one that feeds both
 * sides of a join would have to be kept whole until the other side has been read.
 */
static int find_source(const struct spk_physical_plan *plan, const struct spk_logical *scan)
{
	for (int i = 0; i < plan->sources; i++)
		if (plan->streaming ? plan->source[i].table == scan->table : plan->source[i].scan == scan)
			return i;
	return -1;
}

static void count_scans(const struct spk_logical *l, int *count)
{
	*count += l->kind == SPK_LOGICAL_SCAN;
	for (int i = 0; i < l->inputs; i++)
		count_scans(l->input[i], count);
}

/* Adds the tables of all scans below `l` as sources and marks what they need in needed[source]. */
static spk_status collect_scans(struct spk_build *b, const struct spk_logical *l, bool **needed, spk_error *err)
{
	for (int i = 0; i < l->inputs; i++)
		SPK_TRY(collect_scans(b, l->input[i], needed, err));
	if (l->kind != SPK_LOGICAL_SCAN)
		return SPK_OK;

	int at = find_source(b->plan, l);

	if (at < 0) {
		at = b->plan->sources++;
		b->plan->source[at].table = l->table;
		b->plan->source[at].scan = l;
		needed[at] = SPK_NEW_ARRAY(b->arena, bool, l->table->schema->count);
		SPK_TRY_PTR(needed[at], err);
		if (l->table->time_column >= 0 && b->options->streaming)
			need_table_column(l->table, l->table->time_column, needed[at]);
	}
	for (int i = 0; i < l->schema->count; i++)
		need_table_column(l->table, l->column[i], needed[at]);
	/* What is taken back is found by the key; without one by the whole row. */
	for (int i = 0; i < l->table->key_count && spk_table_changes(l->table) == SPK_CHANGES_BY_KEY; i++)
		needed[at][l->table->key[i]] = true;
	return SPK_OK;
}

/* --- decoded schema --- */

static int source_column(const struct spk_plan_source *s, int table_column)
{
	for (int i = 0; i < s->columns; i++)
		if (s->column[i] == table_column)
			return i;
	return -1;
}

/* A physical column as the decoder made it, rounded as its type wants it. */
static struct spk_expr *decoded_expr(struct spk_build *b, const struct spk_plan_source *s, int column)
{
	const struct spk_table *t = s->table;
	struct spk_expr *e = spk_expr_column(b->arena, source_column(s, column), &t->schema->field[column]), **by;

	if (!e || !t->rounded || !t->rounded[column])
		return e;
	by = SPK_NEW_ARRAY(b->arena, struct spk_expr *, t->schema->count);
	if (!by)
		return NULL;
	by[column] = e;
	return spk_expr_substitute(b->arena, t->rounded[column], by);
}

/* Expression for table column `column` over the decoded batch. */
static struct spk_expr *source_expr(struct spk_build *b, const struct spk_plan_source *s, int column)
{
	const struct spk_table *t = s->table;
	struct spk_expr **by;

	if (!t->computed || !t->computed[column])
		return decoded_expr(b, s, column);
	by = SPK_NEW_ARRAY(b->arena, struct spk_expr *, t->schema->count);
	if (!by)
		return NULL;
	for (int i = 0; i < t->schema->count; i++)
		if (source_column(s, i) >= 0)
			by[i] = decoded_expr(b, s, i);
	return spk_expr_substitute(b->arena, t->computed[column], by);
}

static spk_status describe_source(struct spk_build *b, struct spk_plan_source *s, const bool *needed, spk_error *err)
{
	const struct spk_table *t = s->table;
	struct spk_schema *schema = SPK_NEW(b->arena, struct spk_schema);

	s->column = SPK_NEW_ARRAY(b->arena, int, t->schema->count);
	SPK_TRY_PTR(schema && s->column, err);
	schema->field = SPK_NEW_ARRAY(b->arena, struct spk_field, t->schema->count + spk_build_change_fields(t));
	SPK_TRY_PTR(schema->field, err);
	for (int i = 0; i < t->schema->count; i++) {
		if (!needed[i])
			continue;
		schema->field[s->columns] = t->schema->field[i];
		s->column[s->columns++] = i;
	}
	schema->count = s->columns;
	SPK_TRY(spk_build_change_columns(b, t, schema, err));
	s->schema = schema;
	if (t->time_column >= 0 && b->options->streaming) {
		s->time = source_expr(b, s, t->time_column);
		SPK_TRY_PTR(s->time, err);
		s->watermark_delay_us = t->watermark_delay_us;
	}
	return SPK_OK;
}

spk_status spk_build_sources(struct spk_build *b, struct spk_logical *const *root, int roots, spk_error *err)
{
	int scans = 0;
	bool **needed;

	for (int i = 0; i < roots; i++)
		count_scans(root[i], &scans);
	b->plan->source = SPK_NEW_ARRAY(b->arena, struct spk_plan_source, scans);
	b->decoded = SPK_NEW_ARRAY(b->arena, struct spk_physical *, scans);
	b->scan = SPK_NEW_ARRAY(b->arena, struct spk_physical *, scans);
	b->history = SPK_NEW_ARRAY(b->arena, struct spk_physical *, scans);
	needed = SPK_NEW_ARRAY(b->arena, bool *, scans);
	SPK_TRY_PTR(b->plan->source && b->decoded && b->scan && b->history && needed, err);
	for (int i = 0; i < roots; i++)
		SPK_TRY(collect_scans(b, root[i], needed, err));
	if (b->options->streaming && b->plan->sources > SOURCES_MAX)
		return spk_fail(err, SPK_PLAN, "%d tables are read in one job; at most %d are supported", b->plan->sources, SOURCES_MAX);
	for (int i = 0; i < b->plan->sources; i++) {
		struct spk_plan_source *s = &b->plan->source[i];

		SPK_TRY(describe_source(b, s, needed[i], err));
		if (b->options->files && s->scan->filter && !b->options->streaming)
			b->options->files(s->scan, &s->files_read, &s->files, b->options->user);
	}
	return SPK_OK;
}

/* --- one logical scan --- */

/* The columns of the scan over the decoded batch, behind them the number of a version; *same: they are just the decoded ones in order. */
static spk_status scan_columns(struct spk_build *b, const struct spk_logical *l, const struct spk_plan_source *s, const struct spk_schema *schema, const struct spk_physical *from,
			       struct spk_expr ***out, bool *same, spk_error *err)
{
	struct spk_expr **expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, schema->count);

	SPK_TRY_PTR(expr, err);
	*same = schema->count == from->schema->count;
	for (int i = 0; i < schema->count; i++) {
		expr[i] = i < l->schema->count ? source_expr(b, s, l->column[i]) : spk_expr_column(b->arena, s->columns, &schema->field[i]);
		SPK_TRY_PTR(expr[i], err);
		*same = *same && expr[i]->kind == SPK_EXPR_COLUMN && expr[i]->column == i;
	}
	*out = expr;
	return SPK_OK;
}

/* The SCAN of a source, and what makes rows of a changelog above it: each once. */
static spk_status build_source(struct spk_build *b, const struct spk_logical *l, int at, struct spk_physical **out, spk_error *err)
{
	struct spk_plan_source *s = &b->plan->source[at];
	struct spk_physical **node = l->history ? &b->history[at] : &b->scan[at], *scan = b->decoded[at];
	const bool retracts = spk_table_changes(l->table) != SPK_CHANGES_NONE;
	struct spk_ports ports;

	if (!scan) {
		SPK_TRY_PTR(scan = b->decoded[at] = spk_build_node(b, SPK_PHYSICAL_SCAN, s->schema, NULL, l), err);
		scan->source = at;
		scan->retracts = retracts;
	}
	if (!*node) {
		ports = spk_build_port(b, scan, retracts);
		SPK_TRY_PTR(ports.node, err);
		if (l->history)
			SPK_TRY(spk_build_history(b, l, s, source_expr(b, s, l->table->time_column), &ports, &ports, err));
		else
			SPK_TRY(spk_build_changes(b, l, s, &ports, &ports, err));
		*node = ports.node[0];
	}
	*out = *node;
	return SPK_OK;
}

/* The columns that come of a scan: of one of versions their number is behind them. */
static const struct spk_schema *shown_schema(struct spk_build *b, const struct spk_logical *l)
{
	struct spk_schema *schema;

	if (!l->history)
		return l->schema;
	schema = SPK_NEW(b->arena, struct spk_schema);
	if (!schema || !(schema->field = SPK_NEW_ARRAY(b->arena, struct spk_field, l->schema->count + 1)))
		return NULL;
	memcpy(schema->field, l->schema->field, sizeof *schema->field * (size_t)l->schema->count);
	schema->field[l->schema->count] = spk_build_version_field();
	schema->count = l->schema->count + 1;
	return schema;
}

spk_status spk_build_scan(struct spk_build *b, const struct spk_logical *l, struct spk_ports *out, spk_error *err)
{
	int at = find_source(b->plan, l);
	const struct spk_plan_source *s = &b->plan->source[at];
	const struct spk_schema *schema = shown_schema(b, l);
	struct spk_physical *from = NULL, *node;
	struct spk_expr **expr = NULL;
	bool same = false;

	SPK_TRY_PTR(schema, err);
	SPK_ASSERT(!l->history || !l->filter, "nothing is asked of versions before it is known which of them was valid");
	SPK_TRY(build_source(b, l, at, &from, err));
	*out = spk_build_port(b, from, from->retracts);
	SPK_TRY_PTR(out->node, err);
	SPK_TRY(scan_columns(b, l, s, schema, from, &expr, &same, err));
	if (l->filter) {
		node = spk_build_node(b, SPK_PHYSICAL_FILTER, from->schema, out, l);
		SPK_TRY_PTR(node, err);
		node->filter = spk_expr_substitute(b->arena, l->filter, expr);
		SPK_TRY_PTR(node->filter, err);
		*out = spk_build_port(b, node, from->retracts);
		SPK_TRY_PTR(out->node, err);
	}
	return same ? SPK_OK : spk_build_project(b, l, schema, expr, out, err);
}

uint64_t spk_build_sources_below(const struct spk_build *b, const struct spk_logical *l, bool all)
{
	const int at = l->kind == SPK_LOGICAL_SCAN && (all || l->table->time_column >= 0) ? find_source(b->plan, l) : SOURCES_MAX;
	/* In a batch there may be more, and nothing goes by their time. */
	uint64_t bits = at < SOURCES_MAX ? 1ull << at : 0;

	for (int i = 0; i < l->inputs; i++)
		bits |= spk_build_sources_below(b, l->input[i], all);
	return bits;
}

void spk_build_time(const struct spk_build *b, const struct spk_logical *l, struct spk_physical *node)
{
	node->time_sources = spk_build_sources_below(b, l, false);
	node->time_lag_us = 0;
	for (int i = 0; i < l->inputs; i++)
		node->time_lag_us = SPK_MAX(node->time_lag_us, l->input[i]->properties.lag_us);
}

spk_status spk_build_late(struct spk_build *b, const struct spk_logical *l, int column, int64_t add_us, bool by_time, struct spk_ports *ports, spk_error *err)
{
	struct spk_physical *late = spk_build_node(b, SPK_PHYSICAL_LATE, ports->node[0]->schema, ports, l);

	SPK_TRY_PTR(late, err);
	late->window_key = column;
	late->window_add_us = add_us;
	late->by_time = by_time;
	spk_build_time(b, l, late);
	*ports = spk_build_port(b, late, ports->retracts);
	SPK_TRY_PTR(ports->node, err);
	return SPK_OK;
}
