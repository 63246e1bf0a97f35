/* Batch queries from SQL text to rows as text, through the planner, batch/exec.h and a scheduler of this process. */
#ifndef SPK_TESTS_BATCH_SUPPORT_H
#define SPK_TESTS_BATCH_SUPPORT_H

#include <stdio.h>
#include <sys/stat.h>

#include "batch/exec.h"
#include "batch/spill.h"
#include "core/base/fault.h"
#include "core/base/log.h"
#include "core/expr/text.h"
#include "planner/optimizer/optimizer.h"
#include "planner/sql/sql.h"
#include "tests/scheduler/stack.h"

/* Rows as text: values separated by '|', "NULL" for NULL. */
struct rows { int count, capacity; char **row; };

static inline void rows_release(struct rows *r)
{
	for (int i = 0; i < r->count; i++)
		free(r->row[i]);
	free(r->row);
	*r = (struct rows){ 0 };
}

static inline void rows_add(struct rows *r, const char *text)
{
	if (r->count == r->capacity) {
		r->capacity = r->capacity ? 2 * r->capacity : 64;
		r->row = realloc(r->row, sizeof *r->row * (size_t)r->capacity);
	}
	r->row[r->count++] = strdup(text);
}

static inline int rows_compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
static inline void rows_sort(struct rows *r)
{
	if (r->count)
		qsort(r->row, (size_t)r->count, sizeof *r->row, rows_compare);
}

/* By stdio, not by a buffer of ours: memory may be made to fail. */
static inline void put_value(const struct spk_vector *v, int row, FILE *out)
{
	struct spk_reader r = spk_vector_reader(v);
	uint32_t slot = spk_reader_slot(&r, row);
	char text[SPK_TEXT_MAX];
	const char *at = (const char *)r.data + (size_t)slot * (size_t)spk_type_width(v->type);

	if (!spk_reader_valid(&r, slot)) {
		fputs("NULL", out);
	} else if (spk_type_is_view(v->type)) {
		const struct spk_view *view = (const struct spk_view *)(const void *)at;

		fwrite(spk_view_data(view), 1, view->length, out);
	} else {
		fwrite(text, 1, (size_t)spk_text_from_value(v->type, at, NULL, text), out);
	}
}

static inline spk_status keep_rows(void *user, struct spk_batch *batch, spk_error *err)
{
	(void)err;
	SPK_EACH_ROW(batch, i, row) {
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		for (int c = 0; c < batch->columns; c++) {
			if (c)
				fputc('|', out);
			put_value(&batch->column[c], row, out);
		}
		fclose(out);
		rows_add(user, text);
		free(text);
	}
	return SPK_OK;
}

/* Rows that came out of nodes, by kind, that runtime filters left out, bytes that were spilled by operators and in all, partitions that were read
 * together or split. */
struct counts { int64_t rows[SPK_PHYSICAL_COUNT], filtered, spilled, written; int coalesced, splits, left_out, exchanged; };

/*
 * How a query is run. Zero: one reader per core, full batches, two threads, layouts as they come. spill: a folder for what does not fit
 * `memory` bytes. counts: where to count, may be NULL. target, skew, factor: how partitions are shared out, zero: they are not.
 */
struct how { int readers, batch_rows, threads; bool verify; const char *fault, *spill; size_t memory; struct counts *counts; int64_t target, skew; double factor; enum spk_sort_ranges ranges; };

/* Any way of sharing out, for small relations. */
static inline void random_sharing(struct how *how, spk_test_rng *rng)
{
	how->target = spk_test_one_in(rng, 3) ? 0 : (int64_t)spk_test_below(rng, spk_test_one_in(rng, 2) ? 400 : 100000);
	how->skew = spk_test_one_in(rng, 3) ? 0 : 1 + (int64_t)spk_test_below(rng, spk_test_one_in(rng, 2) ? 20 : 2000);
	how->factor = 1 + spk_test_unit(rng);
}

/* What a query needs while it runs. */
struct query {
	enum spk_sort_ranges ranges;
	struct spk_arena *arena;
	struct spk_conf *conf;
	struct spk_catalog *catalog;
	const struct spk_physical_plan *plan;
	struct spk_source_spec spec[8];
	struct spk_source *source[8];
	struct spk_run_source run_source[8];
	struct spk_run run;
};

static inline spk_status query_plan(struct query *q, const char *sql, spk_error *err)
{
	struct spk_catalog_hooks hooks = { .check_table = spk_connector_check_table, .describe_file = spk_connector_describe_file };
	struct spk_physical_options options = { .sort_ranges = q->ranges };
	struct spk_physical_plan *plan;
	struct spk_script script;
	struct spk_logical *root;

	q->arena = spk_arena_new(NULL);
	q->conf = spk_conf_new();
	SPK_TRY_PTR(q->arena && q->conf, err);
	hooks.user = q->conf;
	SPK_TRY(spk_catalog_new(&q->catalog, &hooks, err));
	SPK_TRY(spk_sql_bind(sql, q->catalog, q->conf, q->arena, &script, err));
	SPK_TRY(spk_optimize(q->arena, script.statement[script.count - 1].plan, NULL, &root, err));
	SPK_TRY(spk_physical_plan_make(q->arena, &root, 1, &options, &plan, err));
	q->plan = plan;
	return SPK_OK;
}

static inline spk_status query_open(struct query *q, int *partitions, spk_error *err)
{
	for (int i = 0; i < q->plan->sources; i++) {
		const struct spk_plan_source *s = &q->plan->source[i];
		int64_t position[2][64];

		q->spec[i] = (struct spk_source_spec){ .table = s->table, .column = s->column, .columns = s->columns, .schema = s->schema, .index = i, .job = "query", .conf = q->conf, .batch = true };
		SPK_TRY(spk_source_type(s->table->connector)->open(&q->source[i], &q->spec[i], err));
		partitions[i] = q->source[i]->partitions;
		for (int p = 0; p < partitions[i]; p++)
			position[0][p] = SPK_POSITION_START;
		SPK_TRY(q->source[i]->type->seek(q->source[i], position[0], position[1], err));
		q->run_source[i] = (struct spk_run_source){ .source = q->source[i], .partitions = partitions[i], .watermark = SPK_WATERMARK_NONE,
			.partition = calloc((size_t)partitions[i] + 1, sizeof(struct spk_run_partition)) };
	}
	return SPK_OK;
}

static inline void query_close(struct query *q)
{
	for (int i = 0; q->plan && i < q->plan->sources; i++) {
		if (q->source[i])
			q->source[i]->type->close(q->source[i]);
		free(q->run_source[i].partition);
	}
	spk_catalog_free(q->catalog);
	spk_conf_free(q->conf);
	spk_arena_unref(q->arena);
}

static inline void query_count(const struct query *q, const struct spk_exec *exec, struct spk_dag_scheduler *dag, const struct spk_spill *spill, struct counts *out)
{
	struct spk_spill_usage usage = { 0 };
	struct spk_stage_stats stage;

	*out = (struct counts){ 0 };
	for (int i = 0; i < q->plan->nodes; i++) {
		struct spk_node_stats stats;

		spk_exec_node(exec, i, &stats);
		out->rows[q->plan->node[i]->kind] += stats.rows;
		out->filtered += stats.filtered;
		out->spilled += stats.spilled_bytes;
	}
	if (spill)
		spk_spill_area_usage(spk_spill_area((struct spk_spill *)(uintptr_t)spill), &usage);
	out->written = usage.written;
	for (int i = 0; spk_dag_stage_stats(dag, i, &stage); i++) {
		out->coalesced += stage.coalesced;
		out->splits += stage.splits;
		out->left_out += stage.done_by >= 0;
		out->exchanged += stage.decided && !stage.left_out;
	}
}

static inline spk_status query_execute(struct query *q, const struct how *how, struct rows *out, spk_error *err)
{
	int partitions[8];
	struct spk_exec_options options = { .plan = q->plan, .readers = how->readers, .source_partitions = partitions, .batch_rows = how->batch_rows,
		.share_target_bytes = how->target, .skew_bytes = how->skew, .skew_factor = how->factor };
	struct spk_exec *exec = NULL;
	struct stack stack;
	char *was;
	spk_status status = query_open(q, partitions, err);

	if (status == SPK_OK && how->spill)
		status = spk_spill_new(&options.spill, how->spill, err);
	if (status != SPK_OK)
		return status;
	if (how->memory)
		spk_memory_set_limit(how->memory);
	/* As asked for, or always under make check VERIFY=1. */
	was = getenv("SPARKLET_VERIFY");
	was = strdup(was ? was : "");
	if (how->verify)
		setenv("SPARKLET_VERIFY", "1", 1);
	status = spk_exec_new(&exec, &options, err);
	setenv("SPARKLET_VERIFY", was, 1);
	free(was);
	stack_open_spilling(&stack, how->threads ? how->threads : 2, 8, NULL, options.spill ? spk_spill_area(options.spill) : NULL);
	if (options.spill)
		spk_spill_reclaims(options.spill, stack.shuffle);
	spk_log_set_levels(how->fault ? "error" : "warn", NULL);
	q->run = (struct spk_run){ .source = q->run_source, .collect = keep_rows, .collect_user = out };
	if (how->fault)
		spk_fault_set(how->fault, NULL);
	if (status == SPK_OK)
		status = spk_exec_run(exec, &q->run, stack.dag, NULL, NULL, err);
	spk_fault_set(NULL, NULL);
	if (exec && how->counts)
		query_count(q, exec, stack.dag, options.spill, how->counts);
	spk_exec_free(exec);
	stack_close(&stack);
	spk_spill_free(options.spill);
	if (how->memory)
		spk_memory_set_limit((size_t)1 << 30);
	return status;
}

/* Tables and one query at the end; its rows are appended to *out. */
static inline spk_status run_query(const char *sql, const struct how *how, struct rows *out, spk_error *err)
{
	struct query q = { .ranges = how->ranges };
	spk_status status;

	*err = (spk_error){ 0 };
	status = query_plan(&q, sql, err);
	if (status == SPK_OK)
		status = query_execute(&q, how, out, err);
	query_close(&q);
	return status;
}

/* The rows in one text, each ended by a newline. Caller frees. */
static inline char *rows_text(const struct rows *r)
{
	struct spk_buffer b = { 0 };
	char *copy;

	for (int i = 0; i < r->count; i++) {
		spk_buffer_append_str(&b, r->row[i], NULL);
		spk_buffer_append_str(&b, "\n", NULL);
	}
	copy = strdup(b.size ? spk_buffer_cstr(&b) : "");
	spk_buffer_release(&b);
	return copy;
}

#endif
