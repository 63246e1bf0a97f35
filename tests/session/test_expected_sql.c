/*
 * SQL against PostgreSQL 15: every expression and query of tests/core/expr/expected/sql_*.tsv gives the same type, text and error.
 * expected/differences.tsv lists what differs on purpose, with our answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sparklet/session.h"
#include "tests/support/test.h"

enum { SHOWN_MAX = 25, DIFFERENCES_MAX = 4000 };

static struct { char *key, *answer; } difference[DIFFERENCES_MAX];
static int differences;

static void load_differences(void)
{
	char *path = spk_test_source("tests/core/expr/expected/differences.tsv"), *rest = spk_test_slurp(path, NULL), *line;

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
	for (int i = 0; i < differences; i++)
		if (strcmp(difference[i].key, key) == 0)
			return difference[i].answer;
	return NULL;
}

/* \t, \n, \r and \\ as in COPY. */
static char *unescape(const char *s)
{
	char *out = malloc(strlen(s) + 1), *to = out;

	for (; *s; s++) {
		if (*s == '\\' && s[1])
			*to++ = *++s == 't' ? '\t' : *s == 'n' ? '\n' : *s == 'r' ? '\r' : *s;
		else
			*to++ = *s;
	}
	*to = 0;
	return out;
}

static char *escape(const char *s)
{
	char *out = malloc(2 * strlen(s) + 1), *to = out;

	for (; *s; s++) {
		const char *at = strchr("\tt\nn\rr\\\\", *s);

		if (at && (at - "\tt\nn\rr\\\\") % 2 == 0 && strchr("\t\n\r\\", *s)) {
			*to++ = '\\';
			*to++ = *s == '\t' ? 't' : *s == '\n' ? 'n' : *s == '\r' ? 'r' : '\\';
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
	return out;
}

/* Text in a row of a column of strings; NULL for NULL. */
static char *text_of(const struct ArrowArray *a, int64_t row)
{
	const int32_t *offset = a->buffers[1];
	const uint8_t *valid = a->null_count ? a->buffers[0] : NULL;
	size_t size = (size_t)(offset[row + 1] - offset[row]);
	char *text;

	if (valid && !(valid[row >> 3] >> (row & 7) & 1))
		return NULL;
	text = calloc(1, size + 1);
	memcpy(text, (const char *)a->buffers[2] + offset[row], size);
	return text;
}

/* All rows of a query's only column, with bars between them. */
static char *ask_rows(struct spk_session *s, const char *sql)
{
	struct ArrowArrayStream stream;
	struct ArrowArray rows;
	spk_error err = { 0 };
	char *all = NULL, *shown;

	if (spk_session_query(s, sql, &stream, &err) != SPK_OK)
		return spk_test_format("?\t!%s", err.message);
	while (stream.get_next(&stream, &rows) == 0 && rows.release) {
		for (int64_t i = 0; i < rows.length; i++) {
			char *text = text_of(rows.children[0], i), *more = spk_test_format("%s%s%s", all ? all : "", all ? "|" : "", text ? text : "\\N");

			free(all);
			free(text);
			all = more;
		}
		rows.release(&rows);
	}
	stream.release(&stream);
	shown = all ? escape(all) : strdup("\\N");
	free(all);
	all = spk_test_format("text\t%s", shown);
	free(shown);
	return all;
}

/* "type \t text" or "? \t !message". */
static char *ask(struct spk_session *s, const char *expression)
{
	char *sql = spk_test_format("SELECT (%s)::text AS v, pg_typeof(%s)::text AS t", expression, expression), *out, *value, *type, *shown;
	struct ArrowArrayStream stream;
	struct ArrowArray rows;
	spk_error err = { 0 };
	spk_status status = spk_session_query(s, sql, &stream, &err);

	free(sql);
	if (status != SPK_OK)
		return spk_test_format("?\t!%s", err.message);
	REQUIRE(stream.get_next(&stream, &rows) == 0 && rows.release && rows.n_children == 2);
	value = text_of(rows.children[0], 0);
	type = text_of(rows.children[1], 0);
	shown = value ? escape(value) : strdup("\\N");
	out = spk_test_format("%s\t%s", type, shown);
	free(value);
	free(type);
	free(shown);
	rows.release(&rows);
	stream.release(&stream);
	return out;
}

static bool check_line(struct spk_session *s, char *line, bool show)
{
	char *arrow = strstr(line, "\t->\t"), *expression, *got;
	const char *known, *want;
	bool same;

	if (!arrow)
		return CHECK(false);
	*arrow = 0;
	want = arrow + 4;
	known = difference_for(line);
	want = known ? known : want;
	expression = unescape(strchr(line, ':') + 1);
	got = strncmp(line, "query", 5) == 0 ? ask_rows(s, expression) : ask(s, expression);
	same = strcmp(got, want) == 0;
	if (!same && show)
		fprintf(stderr, "  %s\n    want %s\n    got  %s\n", expression, want, got);
	if (!same && getenv("SPARKLET_DIFFERENCES"))
		printf("%s\t->\t%s\n", line, got);
	free(got);
	free(expression);
	return same;
}

static void check_file(const char *name)
{
	char *relative = spk_test_format("tests/core/expr/expected/sql_%s.tsv", name), *path = spk_test_source(relative), *text = spk_test_slurp(path, NULL), *rest = text, *line;
	struct spk_session *s = NULL;
	spk_error err = { 0 };
	int cases = 0, failed = 0;

	if (!differences)
		load_differences();
	REQUIRE(text != NULL);
	REQUIRE_OK(spk_session_new(&s, &err), err);
	REQUIRE_OK(spk_session_set(s, "pool.size", "1", &err), err);
	while ((line = strsep(&rest, "\n")) != NULL) {
		char timezone[64];

		if (sscanf(line, "# timezone %63s", timezone) == 1)
			REQUIRE_OK(spk_session_set(s, "timezone", timezone, &err), err);
		if (*line == '#' || !*line)
			continue;
		cases++;
		failed += !check_line(s, line, failed < SHOWN_MAX);
	}
	if (failed)
		fprintf(stderr, "  %s: %d of %d cases differ\n", name, failed, cases);
	CHECK_EQ_INT(failed, 0);
	CHECK(cases > 0);
	spk_session_free(s);
	free(text);
	free(path);
	free(relative);
}

#define FILES(X) X(array) X(jsonb)

#define DEFINE(name) \
	static void name##_cases(void) \
	{ \
		check_file(#name); \
	}
FILES(DEFINE)

#define TEST(name) { #name " as in PostgreSQL", name##_cases },
SPK_TEST_SUITE("SQL against PostgreSQL", FILES(TEST))
