#define _GNU_SOURCE 1
/*
 * GROUP BY alone: CPU per million rows of partial aggregate, exchange and final aggregate over batches that lie in memory.
 * bench_aggregate [millions of rows [query name]]
 */
#include <stdio.h>
#include <stdlib.h>

#include "batch/exec.h"
#include "core/base/clock.h"
#include "core/base/memory.h"
#include "planner/optimizer/optimizer.h"
#include "planner/sql/sql.h"
#include "scheduler/dag.h"

enum { PARTS = 4, COLUMNS = 7 };

static const char ddl[] =
	"CREATE TABLE t (k bigint, v bigint, q decimal(12, 2), d double precision, flag text, name text, i integer) WITH ('connector' = 'filesystem', 'path' = 'x.csv', 'format' = 'csv');\n";

static const struct { const char *name, *sql; uint64_t groups; } queries[] = {
	{ "q1: 2 texts, 4 groups, sums of decimals", "SELECT flag, i, sum(q), sum(q), avg(q), avg(d), count(*) FROM t GROUP BY flag, i", 4 },
	{ "4 groups, count", "SELECT i, count(*) FROM t GROUP BY i", 4 },
	{ "no groups, sum", "SELECT sum(v), min(v), max(d), count(*) FROM t", 4 },
	{ "100 K groups, sum of bigint, count", "SELECT k, sum(v), count(*) FROM t GROUP BY k", 100000 },
	{ "100 K groups by text", "SELECT name, count(*) FROM t GROUP BY name", 100000 },
	{ "10 M groups, count", "SELECT k, count(*) FROM t GROUP BY k", 10000000 },
	{ "10 M groups, sum of decimal", "SELECT k, sum(q) FROM t GROUP BY k", 10000000 },
	{ "10 M groups, max of double, min", "SELECT k, max(d), min(v) FROM t GROUP BY k", 10000000 },
	{ "distinct values of 100 K", "SELECT count(DISTINCT k) FROM t", 100000 },
	{ "4 groups, distinct values of 100 K", "SELECT i, count(DISTINCT k) FROM t GROUP BY i", 100000 },
};

struct table { int64_t rows; uint64_t groups; struct spk_batch **batch; int batches; const struct spk_schema *schema; const int *column; };
static struct table table;

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 33) * 0xff51afd7ed558ccdull;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ull;
	return x ^ x >> 33;
}

static void fill(struct spk_vector *v, int column, int64_t first, int rows, struct spk_arena *arena)
{
	for (int i = 0; i < rows; i++) {
		uint64_t r = mix((uint64_t)(first + i)), group = r % table.groups;
		char text[32];

		switch (column) {
		case 0: spk_vector_i64(v)[i] = (int64_t)group; break;
		case 1: spk_vector_i64(v)[i] = (int64_t)(r >> 40); break;
		case 2: spk_vector_i128(v)[i] = (int64_t)(r >> 44); break;
		case 3: spk_vector_f64(v)[i] = (double)(r >> 40); break;
		case 4: spk_vector_view(v)[i] = spk_view_str(r & 1 ? "A" : "N"); break;
		case 5:
			snprintf(text, sizeof text, "customer#%09llu", (unsigned long long)group);
			spk_vector_view(v)[i] = spk_view_str(spk_arena_strdup(arena, text));
			break;
		default: spk_vector_i32(v)[i] = (int32_t)(r >> 1 & 1);
		}
	}
}

static void make_table(void)
{
	table.batches = (int)((table.rows + SPK_BATCH_ROWS - 1) / SPK_BATCH_ROWS);
	table.batch = calloc((size_t)table.batches, sizeof(*table.batch));
	for (int b = 0; b < table.batches; b++) {
		struct spk_batch *batch;

		spk_batch_new(&batch, table.schema, NULL, NULL);
		batch->rows = batch->selected = SPK_BATCH_ROWS;
		for (int c = 0; c < table.schema->count; c++) {
			spk_vector_init(&batch->column[c], table.schema->field[c].type, SPK_BATCH_ROWS, batch->arena, NULL);
			fill(&batch->column[c], table.column[c], (int64_t)b * SPK_BATCH_ROWS, SPK_BATCH_ROWS, batch->arena);
		}
		table.batch[b] = batch;
	}
}

static void drop_table(void)
{
	for (int b = 0; b < table.batches; b++)
		spk_batch_unref(table.batch[b]);
	free(table.batch);
}

static spk_status replay(struct spk_op *op, spk_error *err)
{
	int part = op->pipeline->partition, first = (int)((int64_t)table.batches * part / PARTS), end = (int)((int64_t)table.batches * (part + 1) / PARTS);

	for (int b = first; b < end; b++)
		SPK_TRY(spk_op_emit(op, table.batch[b], err));
	return SPK_OK;
}

struct replay { struct spk_op base; };
static const struct spk_op_type replay_type = { .name = "replay", .size = sizeof(struct replay), .lead = replay };
static const struct spk_op_type *op_type(enum spk_physical_kind kind) { return kind == SPK_PHYSICAL_SCAN ? &replay_type : NULL; }

static int64_t rows_out;
static spk_status count_rows(void *user, struct spk_batch *batch, spk_error *err)
{
	(void)user;
	(void)err;
	rows_out += batch->selected;
	return SPK_OK;
}

static struct spk_dag_scheduler *scheduler(void)
{
	struct spk_executor_backend *executor;
	struct spk_dag_options options = { 0 };
	struct spk_dag_scheduler *s;

	if (spk_local_executor_new(&executor, 2, NULL) != SPK_OK || spk_fifo_scheduler_new(&options.tasks, executor, NULL) != SPK_OK ||
	    spk_local_shuffle_new(&options.shuffle, NULL, NULL) != SPK_OK || spk_dag_scheduler_new(&s, &options, NULL) != SPK_OK)
		exit(1);
	return s;
}

static void measure(struct spk_dag_scheduler *dag, const char *name, const char *sql, uint64_t groups, int64_t rows)
{
	struct spk_catalog_hooks hooks = { 0 };
	struct spk_physical_options physical = { .streaming = false };
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_conf *conf = spk_conf_new();
	struct spk_run_partition partition[PARTS] = { { .chunks = 1 } };
	struct spk_run_source source = { .partitions = PARTS, .partition = partition };
	struct spk_run run = { .source = &source, .collect = count_rows };
	struct spk_physical_plan *plan;
	struct spk_catalog *catalog;
	struct spk_script script;
	struct spk_logical *root;
	struct spk_exec *exec;
	spk_error err = { 0 };
	int parts = PARTS;
	char *text;

	if (asprintf(&text, "%s%s;", ddl, sql) < 0 || spk_catalog_new(&catalog, &hooks, &err) != SPK_OK || spk_sql_bind(text, catalog, conf, arena, &script, &err) != SPK_OK ||
	    spk_optimize(arena, script.statement[script.count - 1].plan, NULL, &root, &err) != SPK_OK || spk_physical_plan_make(arena, &root, 1, &physical, &plan, &err) != SPK_OK) {
		fprintf(stderr, "%s: %s\n", sql, err.message);
		exit(1);
	}
	table = (struct table){ .rows = rows, .groups = groups, .schema = plan->source[0].schema, .column = plan->source[0].column };
	make_table();
	struct spk_exec_options options = { .plan = plan, .source_partitions = &parts, .op_type = op_type };
	if (spk_exec_new(&exec, &options, &err) != SPK_OK)
		exit(1);
	int64_t wall = spk_clock_monotonic_us(), cpu = spk_clock_process_cpu_us();
	rows_out = 0;
	if (spk_exec_run(exec, &run, dag, NULL, NULL, &err) != SPK_OK) {
		fprintf(stderr, "%s: %s\n", sql, err.message);
		exit(1);
	}
	cpu = spk_clock_process_cpu_us() - cpu;
	wall = spk_clock_monotonic_us() - wall;
	printf("%-45s %7.4f CPU-s/M rows, %6.2f s wall, %9lld rows, peak %5zu MB\n", name, (double)cpu / (double)rows, (double)wall / 1e6, (long long)rows_out, spk_memory_peak() >> 20);
	fflush(stdout);
	spk_exec_free(exec);
	drop_table();
	spk_catalog_free(catalog);
	spk_conf_free(conf);
	spk_arena_unref(arena);
	free(text);
}

int main(int argc, char **argv)
{
	int64_t millions = argc > 1 ? atoi(argv[1]) : 8;
	struct spk_dag_scheduler *dag = scheduler();

	spk_memory_set_limit((size_t)12 << 30);
	for (size_t i = 0; i < SPK_COUNT_OF(queries); i++)
		if (argc < 3 || strstr(queries[i].name, argv[2]))
			measure(dag, queries[i].name, queries[i].sql, queries[i].groups, millions << 20);
	return 0;
}
