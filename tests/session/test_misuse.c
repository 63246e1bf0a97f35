/* Calls of the public API that are wrong: an error that names the call and what is wrong with it, never a crash nor garbage. */
#include <sparklet/dataset.h>
#include <sparklet/function.h>

#include "tests/support/test.h"

#define ITEM(S, FIELD, NESTED, ARRAY) FIELD(S, i64, id) FIELD(S, text, name) ARRAY(S, i32, nums)
SPK_STRUCT(item, ITEM)
#define NUMBER(S, FIELD, NESTED, ARRAY) FIELD(S, i64, n)
SPK_STRUCT(number, NUMBER)

static struct spk_session *s;
static spk_error err;

static void begin(void)
{
	err = (spk_error){ 0 };
	REQUIRE_OK(spk_session_new(&s, &err), err);
}

static void check_frame(struct spk_frame *f, const char *said)
{
	int64_t rows;

	err = (spk_error){ 0 };
	CHECK(spk_frame_count(f, &rows, &err) != SPK_OK);
	CHECK_HOLDS(err.message, said);
}

static void check_dataset(struct spk_dataset *d, const char *said)
{
	int64_t rows;

	err = (spk_error){ 0 };
	CHECK(spk_dataset_count(d, &rows, &err) != SPK_OK);
	CHECK_HOLDS(err.message, said);
}

static void frames(void)
{
	struct spk_frame *f;

	begin();
	f = spk_frame_sql(s, "SELECT 1 AS a, 2 AS b");
	check_frame(spk_frame_read_csv(s, NULL, NULL), "read_csv: its path is NULL");
	check_frame(spk_frame_read_json(s, NULL, NULL), "read_json: its path is NULL");
	check_frame(spk_frame_table(s, NULL), "table: its name is NULL");
	check_frame(spk_frame_sql(s, NULL), "sql: its text is NULL");
	check_frame(spk_frame_sql(s, " -- nothing"), "there is no query in it");
	check_frame(spk_frame_select(f, NULL), "select: its text is NULL");
	check_frame(spk_frame_filter(f, NULL), "filter: its text is NULL");
	check_frame(spk_frame_sort(f, NULL), "sort: its text is NULL");
	check_frame(spk_frame_with_column(f, NULL, "1"), "with_column: its name is NULL");
	check_frame(spk_frame_with_column(f, "c", NULL), "with_column: its expression is NULL");
	check_frame(spk_frame_drop(f, NULL), "drop: its list of columns is NULL");
	check_frame(spk_frame_rename(f, NULL, "c"), "rename: its column is NULL");
	check_frame(spk_frame_rename(f, "a", NULL), "rename: its new name is NULL");
	check_frame(spk_frame_alias(f, NULL), "alias: its name is NULL");
	check_frame(spk_frame_join(f, f, NULL, "true"), "join: there is no");
	check_frame(spk_frame_join(f, f, "left", NULL), "join: its condition is NULL");
	check_frame(spk_frame_join_using(f, f, "left", NULL), "join_using: its list of columns is NULL");
	check_frame(spk_frame_agg(spk_frame_group_by(f, "a"), NULL), "agg: its text is NULL");
	check_frame(spk_frame_window(f, NULL, NULL), "window: its text is NULL");
	check_frame(spk_frame_checkpoint(f, NULL), "checkpoint: its folder is NULL");
	check_frame(spk_frame_read_checkpoint(s, NULL), "read_checkpoint: its folder is NULL");
	CHECK_FAILS(spk_frame_write(f, NULL, "x", NULL, &err), SPK_USAGE, err);
	CHECK_FAILS(spk_frame_write(f, "csv", NULL, NULL, &err), SPK_USAGE, err);
	CHECK_FAILS(spk_frame_register(f, NULL, &err), SPK_USAGE, err);
	CHECK_FAILS(spk_session_execute(s, NULL, &err), SPK_USAGE, err);
	CHECK_FAILS(spk_session_set(s, NULL, "1", &err), SPK_USAGE, err);
	CHECK_FAILS(spk_session_set(s, "pool.size", NULL, &err), SPK_USAGE, err);
	CHECK_FAILS(spk_session_load_configuration(s, NULL, &err), SPK_USAGE, err);
	spk_session_free(s);
}

static spk_status number_of(const void *row, void *out, void *user, spk_error *why)
{
	(void)user;
	(void)why;
	((struct number *)out)->n = ((const struct item *)row)->id;
	return SPK_OK;
}

static spk_status picky(const void *row, void *out, void *user, spk_error *why)
{
	(void)row;
	(void)out;
	return user ? spk_fail(why, SPK_DATA, "%s", (const char *)user) : SPK_DATA;
}

static spk_status mute_group(const void *key, struct spk_rows *rows, struct spk_emitter *out, void *user, spk_error *why)
{
	(void)key;
	(void)rows;
	(void)out;
	(void)user;
	(void)why;
	return SPK_DATA;
}

static void datasets(void)
{
	int32_t nums[] = { 1, 2 };
	struct item rows[2] = { { .id = 1, .name = { "one", 3 }, .nums = { nums, 2 } }, { .id = 2 } };
	struct spk_dataset *d;
	struct spk_keyed *k;

	begin();
	d = spk_dataset_of_rows(s, &item_encoder, rows, 2);
	k = spk_dataset_group_by_key(d, &number_encoder, number_of, NULL);
	check_dataset(spk_dataset_of_rows(s, NULL, rows, 2), "encoder of the structs is NULL");
	check_dataset(spk_dataset_of_rows(s, &item_encoder, NULL, 2), "of_rows: 2 rows at NULL");
	check_dataset(spk_dataset_of_frame(spk_dataset_frame(d), NULL), "encoder of the structs is NULL");
	check_dataset(spk_dataset_map(d, &number_encoder, NULL, NULL), "map: its function is NULL");
	check_dataset(spk_dataset_map(d, NULL, number_of, NULL), "encoder of the structs is NULL");
	check_dataset(spk_dataset_filter(d, NULL, NULL), "filter: its function is NULL");
	check_dataset(spk_dataset_flat_map(d, &number_encoder, NULL, NULL), "flat_map: its function is NULL");
	check_dataset(spk_dataset_map_partitions(d, &number_encoder, NULL, NULL), "map_partitions: its function is NULL");
	check_dataset(spk_dataset_sort_by(d, &number_encoder, NULL, NULL), "key: its function is NULL");
	check_dataset(spk_dataset_sort_by(d, NULL, number_of, NULL), "key: its encoder is NULL");
	check_dataset(spk_dataset_partition_by(d, 2, NULL, NULL), "partition: its function is NULL");
	check_dataset(spk_keyed_reduce_groups(k, NULL, NULL), "its function is NULL");
	check_dataset(spk_keyed_map_groups(k, &number_encoder, NULL, NULL), "its function is NULL");
	check_dataset(spk_keyed_cogroup(k, k, &number_encoder, NULL, NULL), "its function is NULL");
	check_dataset(spk_keyed_join(k, k, "inner", &number_encoder, NULL, NULL), "its function is NULL");
	check_dataset(spk_keyed_map_groups(spk_dataset_group_by_key(d, NULL, number_of, NULL), &number_encoder, mute_group, NULL), "key: its encoder is NULL");
	CHECK_FAILS(spk_dataset_foreach(d, NULL, NULL, &err), SPK_USAGE, err);
	check_dataset(spk_dataset_map(d, &number_encoder, picky, (void *)(uintptr_t)"not this one"), "map: not this one");
	check_dataset(spk_dataset_map(d, &number_encoder, picky, NULL), "map: its function failed with status");
	check_dataset(spk_keyed_map_groups(k, &number_encoder, mute_group, NULL), "its function failed with status");
	rows[0].nums.item = NULL;
	check_dataset(spk_dataset_of_rows(s, &item_encoder, rows, 2), "member nums says that it has 2 items, and points nowhere");
	rows[0].nums.count = 0;
	rows[1].name.size = 5;
	check_dataset(spk_dataset_of_rows(s, &item_encoder, rows, 2), "member name says that it has 5 bytes, and points nowhere");
	spk_session_free(s);
}

static spk_status same(struct spk_function_context *context, const struct spk_sql_value *arg, struct spk_sql_value *result, spk_error *why)
{
	(void)context;
	(void)why;
	result->integer = arg->integer;
	return SPK_OK;
}

static spk_status mute(struct spk_function_context *context, const struct spk_sql_value *arg, struct spk_sql_value *result, spk_error *why)
{
	(void)context;
	(void)arg;
	(void)result;
	(void)why;
	return SPK_DATA;
}

static void check_function(struct spk_function_spec spec, const char *said)
{
	err = (spk_error){ 0 };
	CHECK(spk_session_register_function(s, &spec, &err) != SPK_OK);
	CHECK_HOLDS(err.message, said);
}

static void functions(void)
{
	begin();
	check_function((struct spk_function_spec){ .arguments = "bigint", .returns = "bigint", .call = same }, "a function needs a name");
	check_function((struct spk_function_spec){ .name = "f", .arguments = "bigint", .call = same }, "returns");
	check_function((struct spk_function_spec){ .name = "f", .arguments = "bigint", .returns = "bigint" }, "call");
	check_function((struct spk_function_spec){ .name = "f", .arguments = "bigit", .returns = "bigint", .call = same }, "bigit");
	check_function((struct spk_function_spec){ .name = "f", .arguments = "bigint", .returns = "bigint", .call = same, .volatility = (enum spk_function_volatility)9 }, "volatility");
	CHECK_FAILS(spk_session_register_aggregate(s, &(struct spk_aggregate_spec){ .name = "a", .arguments = "bigint", .returns = "bigint", .state_size = 8 }, &err), SPK_USAGE, err);
	CHECK_FAILS(spk_session_register_aggregate(s, &(struct spk_aggregate_spec){ .returns = "bigint" }, &err), SPK_USAGE, err);
	REQUIRE_OK(spk_session_register_function(s, &(struct spk_function_spec){ .name = "mute", .arguments = "bigint", .returns = "bigint", .call = mute }, &err), err);
	check_frame(spk_frame_sql(s, "SELECT mute(g) AS m FROM generate_series(1, 3) AS x (g) WHERE mute(g) > 0"), "function mute: it failed and did not say why");
	spk_session_free(s);
}

SPK_TEST_SUITE("session/misuse",
	{ "frames", frames },
	{ "datasets", datasets },
	{ "functions and aggregates", functions })
