/*
 * CSV files out of anything. What must hold for every input:
 *   no crash, no byte read beyond the padding (build with SAN=address);
 *   it falls into the same rows wherever it is cut into pieces;
 *   its index, in pieces of any size and with any options, gives the rows, values and reasons that reading row by row gives;
 *   a row that was taken is the same after it was written and read again.
 *
 * To be run as fuzz_json.c.
 */
#include "connectors/format/csv.h"
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

/* --- by the index --- */

/* Options of which one set is drawn per input. */
static const struct spk_option csv_options[][4] = {
	{ { "csv.header", "false", 0 } }, { { "csv.header", "false", 0 }, { "csv.null", "1", 0 } }, { { "csv.header", "false", 0 }, { "csv.quote", "", 0 } },
	{ { "csv.header", "false", 0 }, { "csv.escape", "\\", 0 } }, { { "csv.header", "false", 0 }, { "csv.comment", "#", 0 }, { "csv.quote", "1", 0 } },
};

/* The piece's rows against the rows want[0..n). */
static void csv_piece_rows(const struct fuzz_table *t, struct spk_decoder *d, const struct spk_piece *piece, const struct spk_view *want, const char *data, size_t size)
{
	for (int row = 0; row < piece->rows; row++) {
		struct spk_row_errors errors = { 0 };
		struct fuzz_row one, many = { 0 };
		spk_error err;

		fuzz_must(spk_batch_new(&many.batch, &t->wanted, NULL, &err) == SPK_OK, data, size, "no batch");
		fuzz_must(spk_format_csv.decode_piece(d, piece, row, piece->rows - row, many.batch, NULL, &errors, &err) == SPK_OK, data, size, "a piece cannot be decoded");
		for (int i = row; i < piece->rows; i++) {
			const char *reason = NULL;

			for (int e = 0; e < errors.count; e++)
				reason = errors.list[e].row == i - row ? errors.list[e].message : reason;
			fuzz_read(&one, t, &spk_format_csv, want[i].ref.pointer, want[i].length);
			fuzz_must(!one.reason == !reason && (!reason || strcmp(one.reason, reason) == 0), data, size, reason ? reason : "a row is bad only by itself");
			fuzz_must(reason || fuzz_same_row(&one, &many, i - row), data, size, "a row of the index is another");
			fuzz_row_done(&one);
		}
		spk_batch_unref(many.batch);
		row += row ? piece->rows : 0;  /* from the first row and from the second */
	}
}

static void csv_index_pieces(const struct fuzz_table *t, const char *data, size_t size, size_t piece, const struct spk_view *want, int n)
{
	size_t at = 0, take = piece, used;
	struct spk_decoder *d = NULL;
	int rows = 0;
	spk_error err;

	fuzz_must(spk_format_csv.decoder_open(&d, &t->spec, &err) == SPK_OK, data, size, "no decoder");
	while (at < size && rows < n) {
		struct spk_arena *arena = spk_arena_new(NULL);
		struct spk_piece *out;
		char *copy;

		take = take < size - at ? take : size - at;
		copy = spk_arena_alloc(arena, take + 2 * SPK_CHUNK_PADDING);
		memset(copy, '1', take + 2 * SPK_CHUNK_PADDING);
		memcpy(copy + SPK_CHUNK_PADDING, data + at, take);
		fuzz_must(spk_format_csv.index(d, copy + SPK_CHUNK_PADDING, take, at + take == size, n - rows, arena, &out, &used, &err) == SPK_OK, data, size, "no index");
		fuzz_must(used <= take && out->rows <= n - rows, data, size, "an index of more than there is");
		csv_piece_rows(t, d, out, want + rows, data, size);
		rows += out->rows;
		at += used;
		fuzz_must(used || take < size - at, data, size, "an index stands still");
		take = used ? piece : take * 2;
		spk_arena_unref(arena);
	}
	fuzz_must(rows == n, data, size, "an index with other rows");
	spk_format_csv.decoder_close(d);
}

static void fuzz_csv_one(const char *data, size_t size)
{
	struct fuzz_table all, some;
	struct spk_view whole[CSV_ROWS], cut[CSV_ROWS];
	const struct spk_option *options = csv_options[size % (sizeof(csv_options) / sizeof(*csv_options))];
	int n, m;

	memset(&all, 0, sizeof(all));
	memset(&some, 0, sizeof(some));
	csv_table(&all, 6);
	csv_table(&some, 1);
	for (all.table.option = some.table.option = options; all.table.option_count < 4 && options[all.table.option_count].key;)
		some.table.option_count = ++all.table.option_count;
	n = csv_split_pieces(&all, data, size, size + 1, whole);
	m = csv_split_pieces(&all, data, size, size % 7 + 1, cut);
	fuzz_must(n == m, data, size, "cut into pieces there are other rows");
	for (int i = 0; i < n; i++) {
		fuzz_must(whole[i].length == cut[i].length && whole[i].ref.pointer == cut[i].ref.pointer, data, size, "cut into pieces a row is another");
		if (spk_csv_options(&all.table).quote)
			csv_row(&all, &some, whole[i].ref.pointer, whole[i].length);
	}
	csv_index_pieces(&all, data, size, size + 1, whole, n);
	csv_index_pieces(&some, data, size, size % 11 + 1, whole, n);
}

FUZZ_PROGRAM(fuzz_csv_one)
