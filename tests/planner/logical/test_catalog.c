/* The catalog: names, replacing, dropping, finding without regard to case. */
#include "planner/logical/catalog.h"

#include "tests/support/test.h"

static struct spk_table table(const char *name) { return (struct spk_table){ .name = name, .time_column = -1 }; }

static struct spk_catalog *catalog(void)
{
	struct spk_catalog *c = NULL;
	spk_error err = { 0 };

	CHECK_OK(spk_catalog_new(&c, NULL, &err), err);
	return c;
}

static void names_are_unique(void)
{
	struct spk_catalog *c = catalog();
	struct spk_table a = table("a"), again = table("a"), other = table("b");
	struct spk_view_def view = { .name = "a", .query_text = "SELECT 1" };
	spk_error err = { 0 };

	CHECK_OK(spk_catalog_add_table(c, &a, false, &err), err);
	CHECK_FAILS(spk_catalog_add_table(c, &again, false, &err), SPK_EXISTS, err);
	CHECK_FAILS(spk_catalog_add_view(c, &view, false, &err), SPK_EXISTS, err);
	CHECK_FAILS(spk_catalog_add_view(c, &view, true, &err), SPK_EXISTS, err);
	CHECK_HOLDS(err.message, "\"a\" is a table, not a view");
	CHECK(spk_catalog_table(c, "a") == &a);
	CHECK_OK(spk_catalog_add_table(c, &again, true, &err), err);
	CHECK(spk_catalog_table(c, "a") == &again);
	CHECK_OK(spk_catalog_add_table(c, &other, true, &err), err);
	spk_catalog_free(c);
}

static void case_matters_only_when_it_must(void)
{
	struct spk_catalog *c = catalog();
	struct spk_table one = table("myTable"), upper = table("MYTABLE");
	spk_error err = { 0 };

	CHECK_OK(spk_catalog_add_table(c, &one, false, &err), err);
	CHECK(spk_catalog_table(c, "mytable") == &one);
	CHECK_OK(spk_catalog_add_table(c, &upper, false, &err), err);
	CHECK(spk_catalog_table(c, "mytable") == NULL);  /* which? */
	CHECK(spk_catalog_table(c, "myTable") == &one);
	CHECK(spk_catalog_table(c, "MYTABLE") == &upper);
	spk_catalog_free(c);
}

static void dropping_keeps_the_order_of_the_rest(void)
{
	struct spk_catalog *c = catalog();
	struct spk_table t[4] = { table("a"), table("b"), table("c"), table("d") };
	struct spk_view_def v = { .name = "v" };
	const char *names[8];
	spk_error err = { 0 };

	for (int i = 0; i < 3; i++)
		CHECK_OK(spk_catalog_add_table(c, &t[i], false, &err), err);
	CHECK_OK(spk_catalog_drop(c, "c", false, &err), err);
	CHECK_OK(spk_catalog_drop(c, "a", false, &err), err);
	CHECK_FAILS(spk_catalog_drop(c, "a", false, &err), SPK_NOT_FOUND, err);
	CHECK_OK(spk_catalog_drop(c, "a", true, &err), err);
	CHECK_OK(spk_catalog_add_table(c, &t[3], false, &err), err);
	CHECK_OK(spk_catalog_add_view(c, &v, false, &err), err);
	CHECK_EQ_INT(spk_catalog_names(c, names, 8), 3);
	CHECK_EQ_STR(names[0], "b");
	CHECK_EQ_STR(names[1], "d");
	CHECK_EQ_STR(names[2], "v");
	CHECK_EQ_INT(spk_catalog_names(c, names, 2), 2);
	CHECK(!spk_catalog_table(c, "v") && spk_catalog_view(c, "V") == &v && !spk_catalog_view(c, "b"));
	spk_catalog_free(c);
	spk_catalog_free(NULL);
}

static void options_are_found_by_key(void)
{
	struct spk_option o[] = { { "connector", "kafka", 1 }, { "topic", "t", 2 } };
	struct spk_table t = { .name = "t", .option = o, .option_count = 2 };

	CHECK_EQ_STR(spk_table_option(&t, "topic"), "t");
	CHECK(!spk_table_option(&t, "Topic"));
}

SPK_TEST_SUITE("catalog", { "names are unique", names_are_unique }, { "case matters only when it must", case_matters_only_when_it_must },
	{ "dropping keeps the order of the rest", dropping_keeps_the_order_of_the_rest }, { "options are found by key", options_are_found_by_key })
