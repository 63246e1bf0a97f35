/*
 * JSON rows out of anything. What must hold for every input:
 *   no crash, no byte read beyond the padding (build with SAN=address);
 *   a row is malformed, or not, whatever columns are read of it;
 *   a row that was taken is the same after it was written and read again.
 *
 * With clang: -fsanitize=fuzzer -DSPK_FUZZ_ENGINE. Else its own loop: fuzz_json [-n ROUNDS] [FILE or DIRECTORY...], over the inputs and
 * damaged copies of them. make check runs it for a short while (tests/connectors/format/test_fuzz.c).
 */
#include "tests/fuzz/fuzz.h"

static const struct { const char *name; struct spk_type type; } json_columns[] = {
	{ "a", { .id = SPK_TYPE_BIGINT } }, { "b", { .id = SPK_TYPE_TEXT } }, { "c", { .id = SPK_TYPE_DOUBLE } }, { "d", { .id = SPK_TYPE_DECIMAL, .precision = 10, .scale = 2 } },
	{ "e", { .id = SPK_TYPE_DECIMAL, .scale = SPK_SCALE_VARIES } }, { "f", { .id = SPK_TYPE_TIMESTAMP } }, { "g", { .id = SPK_TYPE_BYTEA } }, { "h", { .id = SPK_TYPE_BOOLEAN } },
	{ "i", { .id = SPK_TYPE_INTERVAL } }, { "j", { .id = SPK_TYPE_DATE } }, { "k", { .id = SPK_TYPE_TIME } }, { "l", { .id = SPK_TYPE_REAL } }, { "m", { .id = SPK_TYPE_TIMESTAMPTZ } },
	{ "n", { .id = SPK_TYPE_TEXT, .precision = 3 } }, { "o", { .id = SPK_TYPE_JSONB } }, { "p", { .id = SPK_TYPE_SMALLINT } },
};

enum { JSON_COLUMNS = SPK_COUNT_OF(json_columns) };

static void json_table(struct fuzz_table *t, int columns)
{
	for (int i = 0; i < JSON_COLUMNS; i++)
		fuzz_column(t, json_columns[i].name, json_columns[i].type);
	fuzz_table_done(t, columns);
}

static void fuzz_json_one(const char *data, size_t size)
{
	struct fuzz_table all, none;
	struct fuzz_row first, skipped;

	memset(&all, 0, sizeof(all));
	memset(&none, 0, sizeof(none));
	json_table(&all, JSON_COLUMNS);
	json_table(&none, 0);
	fuzz_read(&first, &all, &spk_format_json, data, size);
	fuzz_read(&skipped, &none, &spk_format_json, data, size);
	/* Bad when nothing is read of it means not JSON, and then it is bad for everyone. */
	fuzz_must(!skipped.reason || first.reason, data, size, "a row that is not JSON was taken");
	fuzz_must(!first.reason || skipped.reason || !strncmp(first.reason, "member \"", 8), data, size, "a row is called malformed because of its columns");
	fuzz_again(&first, &all, &spk_format_json);
	fuzz_row_done(&first);
	fuzz_row_done(&skipped);
}

FUZZ_PROGRAM(fuzz_json_one)
