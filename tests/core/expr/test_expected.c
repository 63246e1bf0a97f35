/*
 * Every case of the .tsv files in expected/ (answers of a real PostgreSQL 15, see expected/cases.py) must give the same text, type and error,
 * over constants and over columns. expected/differences.tsv lists what differs on purpose, with our answer.
 */
#include <stdio.h>

#include "tests/core/expr/mini.h"
#include "tests/support/test.h"

enum { SHOWN_MAX = 25, DIFFERENCES_MAX = 4000 };

static struct { char *key, *answer; bool used; } difference[DIFFERENCES_MAX];
static int differences;

static void load_differences(void)
{
	char *path = spk_test_source("tests/core/expr/expected/differences.tsv"), *text = spk_test_slurp(path, NULL), *rest = text, *line;

	while (rest && (line = strsep(&rest, "\n")) != NULL) {
		char *arrow = strstr(line, "\t->\t");

		if (strncmp(line, "# ", 2) == 0 || !arrow || differences == DIFFERENCES_MAX)
			continue;
		*arrow = 0;
		difference[differences].key = line;
		difference[differences++].answer = arrow + 4;
	}
	free(path);
}

static const char *difference_for(const char *key)
{
	for (int i = 0; i < differences; i++) {
		if (strcmp(difference[i].key, key) == 0) {
			difference[i].used = true;
			return difference[i].answer;
		}
	}
	return NULL;
}

/* "type \t text" or "? \t !message" of an evaluation. */
static char *answer(struct spk_arena *arena, const struct spk_expr *e, spk_status status, const struct spk_value *v, const char *timezone, const spk_error *err)
{
	char type[64];
	const char *text;

	if (status != SPK_OK)
		return spk_arena_printf(arena, "?\t!%s", err->message);
	spk_type_format(e->type, type, sizeof type);
	if (strncmp(type, "numeric(", 8) == 0)
		strcpy(type, "numeric");
	if (strncmp(type, "character varying(", 18) == 0)
		strcpy(type, "character varying");
	text = mini_text(arena, *v, timezone);
	return spk_arena_printf(arena, "%s\t%s", type, text ? text : "\\N");
}

static char *by_constants(struct spk_arena *arena, const struct mini_case *c, const char *timezone)
{
	struct spk_eval ev = { .arena = arena, .timezone = timezone };
	struct spk_value v = { .null = true };
	struct spk_expr *e = NULL;
	spk_error err = { 0 };
	spk_status status = mini_build(arena, c, false, timezone, &e, &err);

	if (status == SPK_OK)
		status = spk_expr_constant_value(e, &ev, &v, &err);
	return answer(arena, e, status, &v, timezone, &err);
}

/* The middle one of three rows whose neighbours are NULL; a failing row must be collected and be NULL. */
static char *by_columns(struct spk_arena *arena, const struct mini_case *c, const char *timezone)
{
	struct spk_row_errors errors = { 0 };
	struct spk_eval ev = { .arena = arena, .timezone = timezone, .errors = &errors };
	struct spk_vector column[MINI_ARGS_MAX], out;
	struct spk_batch in = { .arena = arena, .rows = 3, .selected = 3, .columns = c->args, .column = column };
	struct spk_value v;
	struct spk_expr *e = NULL;
	spk_error err = { 0 };
	spk_status status;

	for (int i = 0; i < c->args; i++) {
		if (strcmp(c->arg[i].type, "?") == 0)
			continue;
		if (mini_value(arena, &c->arg[i], timezone, &v, &err) != SPK_OK)
			return answer(arena, e, SPK_DATA, &v, timezone, &err);
		spk_vector_init(&column[i], v.type, 3, arena, &err);
		if (!spk_type_is_nested(v.type))
			memset(column[i].data, 0, 3 * (size_t)spk_type_width(v.type));
		for (int row = 0; row < 3; row++)
			spk_vector_set(&column[i], row, 3, row == 1 ? &v : &(struct spk_value){ .type = v.type, .null = true }, arena, &err);
	}
	status = mini_build(arena, c, true, timezone, &e, &err);
	if (status == SPK_OK)
		status = spk_expr_eval(e, &in, NULL, 3, &ev, &out, &err);
	if (status == SPK_OK) {
		v = spk_vector_value(&out, 1);
		v.type = e->type;
		for (int i = 0; i < errors.count; i++) {
			if (errors.list[i].row == 1) {
				snprintf(err.message, sizeof err.message, "%s", errors.list[i].message);
				CHECK(v.null);
				status = SPK_DATA;
				break;
			}
		}
	}
	return answer(arena, e, status, &v, timezone, &err);
}

static bool check_line(struct spk_arena *arena, char *line, const char *timezone, bool show)
{
	char *copy = spk_arena_strdup(arena, line), *arrow = strstr(copy, "\t->\t"), *got, *also;
	struct mini_case c;
	const char *want, *known;

	if (!arrow)
		return true;
	*arrow = 0;
	if (!mini_parse(line, &c))
		return false;
	known = difference_for(copy);
	want = known ? known : c.fails ? spk_arena_printf(arena, "?\t!%s", c.expected) : spk_arena_printf(arena, "%s\t%s", c.type, c.null ? "\\N" : c.expected);
	got = by_constants(arena, &c, timezone);
	also = by_columns(arena, &c, timezone);
	if (strcmp(got, want) == 0 && strcmp(also, want) == 0)
		return true;
	if (show)
		fprintf(stderr, "  %s\n    want %s\n    got  %s\n", copy, want, strcmp(got, want) != 0 ? got : also);
	if (getenv("SPARKLET_DIFFERENCES"))
		printf("%s\t->\t%s\n", copy, got);
	return false;
}

static void check_file(const char *name)
{
	char *path, *text, *rest, *line, timezone[64] = "UTC";
	struct spk_arena *arena = spk_arena_new(NULL);
	int cases = 0, failed = 0;

	path = spk_test_format("tests/core/expr/expected/%s.tsv", name);
	rest = spk_test_source(path);
	free(path);
	path = rest;
	text = rest = spk_test_slurp(path, NULL);
	REQUIRE(text != NULL);
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (sscanf(line, "# timezone %63s", timezone) == 1 || !*line)
			continue;
		cases++;
		if (!check_line(arena, line, timezone, failed < SHOWN_MAX))
			failed++;
		spk_arena_clear(arena);
	}
	if (failed)
		fprintf(stderr, "  %s: %d of %d cases differ\n", name, failed, cases);
	CHECK_EQ_INT(failed, 0);
	CHECK(cases > 0);
	spk_arena_unref(arena);
	free(text);
	free(path);
}

#define FILES(X) \
	X(compare) X(logic) X(arithmetic) X(numeric) X(math) X(string) X(like) X(regex) X(cast) X(cast_time) X(time) X(extract) X(format) \
	X(zone_new_york) X(resolve) X(array) X(jsonb) X(jsonpath) X(regex_parts) X(mathematics) \
	X(texts) X(bytea) X(special_numbers) X(regex_constraints) X(jsonpath_times) X(random_calls)

#define DEFINE(name) \
	static void name##_cases(void) \
	{ \
		if (!differences) \
			load_differences(); \
		check_file(#name); \
	}
FILES(DEFINE)

#define TEST(name) { #name " as in PostgreSQL", name##_cases },
SPK_TEST_SUITE("expressions against PostgreSQL", FILES(TEST))
