/*
 * SQL out of anything: parser, rewrite, binder, optimizer and physical planner. What must hold for every input:
 *   no crash, nothing that a sanitizer sees;
 *   a plan, or an error that has a place in the text and is not called internal.
 *
 * Programs and their loops as in fuzz_json.c. Good inputs are the statements of tests/sql/cases; tests/fuzz/run takes them apart.
 */
#include "planner/optimizer/optimizer.h"
#include "planner/physical/physical.h"
#include "planner/sql/sql.h"
#include "tests/fuzz/fuzz.h"

/* The tables of tests/sql/tables.sql, without their files, and one with the other types. */
#define FILE_TABLE(name, columns) "CREATE TABLE " name " (" columns ") WITH ('connector' = 'filesystem', 'path' = '" name ".csv', 'format' = 'csv');\n"
static const char tables[] =
	FILE_TABLE("emp", "id int, name text, dept_id int, salary numeric(10, 2), hired date, boss int") FILE_TABLE("dept", "id int, name text, city text")
	FILE_TABLE("sale", "id int, emp_id int, amount numeric(8, 2), sold_at timestamp, region text") FILE_TABLE("t1", "a int, b int, c text")
	FILE_TABLE("t2", "a int, d int, e text") FILE_TABLE("t3", "a bigint, f double precision") FILE_TABLE("edge", "src int, dst int, w int")
	FILE_TABLE("nothing", "a int, b text") FILE_TABLE("keyed", "k int NOT NULL, v text NOT NULL")
	FILE_TABLE("types", "a smallint, b boolean, c time, d timestamptz, e interval, f bytea, g jsonb, h integer[], i real")
	"CREATE VIEW v AS SELECT a, count(*) AS n FROM t1 GROUP BY a;\n";

static bool has_place(const spk_error *err, size_t size) { return err->position > 0 && (size_t)err->position <= size + 1; }

static void plan_statement(struct spk_arena *arena, struct spk_logical *root, const char *data, size_t size)
{
	struct spk_physical_options options = { .runtime_filters = SPK_RUNTIME_FILTERS_ALWAYS };
	struct spk_physical_plan *plan;
	struct spk_buffer text = { 0 };
	spk_error err = { 0 };
	spk_status status = spk_optimize(arena, root, NULL, &root, &err);

	if (status == SPK_OK)
		status = spk_physical_plan_make(arena, &root, 1, &options, &plan, &err);
	fuzz_must(status != SPK_INTERNAL, data, size, err.message);
	if (status == SPK_OK)
		fuzz_must(spk_physical_format(plan, NULL, NULL, &text, &err) == SPK_OK, data, size, err.message);
	spk_buffer_release(&text);
}

static void fuzz_sql_one(const char *data, size_t size)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_conf *conf = spk_conf_new();
	struct spk_catalog_hooks hooks = { 0 };
	struct spk_catalog *catalog = NULL;
	struct spk_script script;
	spk_error err = { 0 };
	char *text = spk_arena_strndup(arena, data, size);
	spk_status status;

	fuzz_must(spk_catalog_new(&catalog, &hooks, &err) == SPK_OK && spk_sql_bind(tables, catalog, conf, arena, &script, &err) == SPK_OK, tables, 0, err.message);
	memset(&err, 0, sizeof(err));
	status = spk_sql_bind(text, catalog, conf, arena, &script, &err);
	if (status != SPK_OK)
		fuzz_must(status != SPK_INTERNAL && err.message[0] && has_place(&err, strlen(text)), data, size, err.message);
	for (int i = 0; status == SPK_OK && i < script.count; i++)
		if (script.statement[i].plan)
			plan_statement(arena, script.statement[i].plan, data, size);
	spk_catalog_free(catalog);
	spk_conf_free(conf);
	spk_arena_unref(arena);
}

FUZZ_PROGRAM(fuzz_sql_one)
