/*
 * CSV files out of anything. What must hold for every input:
 *   no crash, no byte read beyond the padding (build with SAN=address);
 *   it falls into the same rows wherever it is cut into pieces;
 *   a row that was taken is the same after it was written and read again.
 *
 * To be run as fuzz_json.c.
 */
#include "tests/fuzz/fuzz.h"

enum { CSV_ROWS = 64 };

static void csv_table(struct fuzz_table *t, int columns)
{
	fuzz_column(t, "a", (struct spk_type){ .id = SPK_TYPE_TEXT });
	fuzz_column(t, "b", (struct spk_type){ .id = SPK_TYPE_BIGINT });
	fuzz_column(t, "c", (struct spk_type){ .id = SPK_TYPE_TEXT });
	fuzz_column(t, "d", (struct spk_type){ .id = SPK_TYPE_BYTEA });
	fuzz_column(t, "e", (struct spk_type){ .id = SPK_TYPE_TIMESTAMP });
	fuzz_column(t, "f", (struct spk_type){ .id = SPK_TYPE_DOUBLE });
	fuzz_table_done(t, columns);
}

/* Rows of data in pieces of at most `piece` bytes (more where a row needs it). */
static int csv_split_pieces(const struct fuzz_table *t, const char *data, size_t size, size_t piece, struct spk_view *out)
{
	size_t at = 0, take = piece, used;
	int total = 0, n;

	while (at < size && total < CSV_ROWS) {
		spk_error err;

		take = take < size - at ? take : size - at;
		fuzz_must(spk_format_csv.split(data + at, take, at + take == size, out + total, CSV_ROWS - total, &n, &used, &t->table, &err) == SPK_OK, data, size, "split failed");
		total += n;
		at += used;
		take = used || take == size - at ? piece : take * 2;
	}
	return total;
}

static void csv_row(const struct fuzz_table *all, const struct fuzz_table *some, const char *data, size_t size)
{
	struct fuzz_row first, part;

	fuzz_read(&first, all, &spk_format_csv, data, size);
	fuzz_read(&part, some, &spk_format_csv, data, size);
	fuzz_must(!part.reason || first.reason, data, size, "a row is bad only when less is read of it");
	fuzz_again(&first, all, &spk_format_csv);
	fuzz_row_done(&first);
	fuzz_row_done(&part);
}

static void fuzz_csv_one(const char *data, size_t size)
{
	struct fuzz_table all, some;
	struct spk_view whole[CSV_ROWS], cut[CSV_ROWS];
	int n, m;

	memset(&all, 0, sizeof(all));
	memset(&some, 0, sizeof(some));
	csv_table(&all, 6);
	csv_table(&some, 1);
	n = csv_split_pieces(&all, data, size, size + 1, whole);
	m = csv_split_pieces(&all, data, size, size % 7 + 1, cut);
	fuzz_must(n == m, data, size, "cut into pieces there are other rows");
	for (int i = 0; i < n; i++) {
		fuzz_must(whole[i].length == cut[i].length && whole[i].ref.pointer == cut[i].ref.pointer, data, size, "cut into pieces a row is another");
		csv_row(&all, &some, whole[i].ref.pointer, whole[i].length);
	}
}

FUZZ_PROGRAM(fuzz_csv_one)
