/*
 * What the fuzz programs of the formats share: tables without text, one row through a decoder and back, damage, and the loop of those that
 * run without a fuzzing engine.
 */
#ifndef SPK_TESTS_FUZZ_FUZZ_H
#define SPK_TESTS_FUZZ_FUZZ_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "connectors/connector.h"
#include "core/expr/text.h"

enum { FUZZ_COLUMNS = 24, FUZZ_INPUT_MAX = 1 << 16 };

struct fuzz_table {
	struct spk_table table;
	struct spk_schema schema, wanted;
	struct spk_field field[FUZZ_COLUMNS];
	int column[FUZZ_COLUMNS];
	struct spk_format_spec spec;
};

struct fuzz_row { struct spk_arena *arena; struct spk_batch *batch; const char *reason; };

/* Says which input it was, in a form that a C string takes, and dies. */
SPK_UNUSED static void fuzz_must(bool holds, const char *data, size_t size, const char *why)
{
	if (holds)
		return;
	fprintf(stderr, "\n%s\n\"", why);
	for (size_t i = 0; i < size; i++)
		fprintf(stderr, (uint8_t)data[i] < 32 || (uint8_t)data[i] > 126 || data[i] == '"' || data[i] == '\\' ? "\\%03o" : "%c", (uint8_t)data[i]);
	fprintf(stderr, "\"\n");
	abort();
}

SPK_UNUSED static void fuzz_column(struct fuzz_table *t, const char *name, struct spk_type type)
{
	t->column[t->schema.count] = t->schema.count;
	t->field[t->schema.count++] = (struct spk_field){ name, type, true };
}

/* Reads the first `columns` of the columns. */
SPK_UNUSED static void fuzz_table_done(struct fuzz_table *t, int columns)
{
	t->schema.field = t->wanted.field = t->field;
	t->wanted.count = columns;
	t->table = (struct spk_table){ .name = "fuzz", .connector = "filesystem", .schema = &t->schema, .time_column = -1 };
	t->spec = (struct spk_format_spec){ .table = &t->table, .column = t->column, .columns = columns, .schema = &t->wanted };
}

SPK_UNUSED static void fuzz_read(struct fuzz_row *row, const struct fuzz_table *t, const struct spk_format *format, const char *data, size_t size)
{
	struct spk_row_errors errors = { 0 };
	struct spk_decoder *d = NULL;
	struct spk_view raw;
	spk_error err = { 0 };
	char *copy;

	row->arena = spk_arena_new(NULL);
	copy = spk_arena_alloc(row->arena, size + SPK_CHUNK_PADDING);
	if (size)
		memcpy(copy, data, size);
	memset(copy + size, '1', SPK_CHUNK_PADDING);
	raw = spk_view(copy, (uint32_t)size);
	fuzz_must(format->decoder_open(&d, &t->spec, &err) == SPK_OK && spk_batch_new(&row->batch, &t->wanted, NULL, &err) == SPK_OK, data, size, err.message);
	fuzz_must(format->decode(d, &raw, 1, row->batch, &errors, &err) == SPK_OK, data, size, err.message);
	row->reason = errors.count ? errors.list[0].message : NULL;
	format->decoder_close(d);
}

/* The row's bytes, in its arena. */
SPK_UNUSED static const char *fuzz_write(struct fuzz_row *row, const struct fuzz_table *t, const struct spk_format *format, size_t *size)
{
	struct spk_buffer out = { 0 };
	struct spk_encoder *e;
	spk_error err = { 0 };
	uint32_t end;
	char *text;

	fuzz_must(format->encoder_open(&e, &t->spec, &err) == SPK_OK, "", 0, err.message);
	fuzz_must(format->encode(e, row->batch, &out, &end, &err) == SPK_OK, "", 0, err.message);
	text = spk_arena_copy(row->arena, out.data, out.size);
	*size = out.size;
	format->encoder_close(e);
	spk_buffer_release(&out);
	return text;
}

SPK_UNUSED static void fuzz_row_done(struct fuzz_row *row)
{
	spk_batch_unref(row->batch);
	spk_arena_unref(row->arena);
}

/* Arrays and records by their texts. */
SPK_UNUSED static bool fuzz_same_nested(const struct spk_value *x, const struct spk_value *y)
{
	struct spk_buffer s = { 0 }, t = { 0 };
	bool same = spk_text_append(&s, x->nested.vector, x->nested.row, NULL, NULL) == SPK_OK && spk_text_append(&t, y->nested.vector, y->nested.row, NULL, NULL) == SPK_OK &&
	            s.size == t.size && memcmp(s.data, t.data, s.size) == 0;

	spk_buffer_release(&s);
	spk_buffer_release(&t);
	return same;
}

/* The first row of `a` and row `row` of `b`. */
SPK_UNUSED static bool fuzz_same_row(const struct fuzz_row *a, const struct fuzz_row *b, int row)
{
	for (int c = 0; c < a->batch->columns; c++) {
		struct spk_value x = spk_vector_value(&a->batch->column[c], 0), y = spk_vector_value(&b->batch->column[c], row);
		char s[SPK_TEXT_MAX], t[SPK_TEXT_MAX];
		int n, m;

		if (x.null != y.null)
			return false;
		if (x.null)
			continue;
		if (spk_type_is_nested(x.type)) {
			if (!fuzz_same_nested(&x, &y))
				return false;
			continue;
		}
		if (spk_type_is_view(x.type)) {
			if (!spk_view_equal(&x.view, &y.view))
				return false;
			continue;
		}
		n = spk_text_from_value(x.type, spk_value_bytes(&x), NULL, s);
		m = spk_text_from_value(y.type, spk_value_bytes(&y), NULL, t);
		if (n != m || memcmp(s, t, (size_t)n) != 0)
			return false;
	}
	return true;
}

SPK_UNUSED static bool fuzz_same(const struct fuzz_row *a, const struct fuzz_row *b)
{
	return fuzz_same_row(a, b, 0);
}

/* What was taken must be the same after it was written and read again. */
SPK_UNUSED static void fuzz_again(struct fuzz_row *row, const struct fuzz_table *t, const struct spk_format *format)
{
	struct fuzz_row again;
	const char *text;
	size_t size;

	if (row->reason)
		return;
	text = fuzz_write(row, t, format, &size);
	fuzz_read(&again, t, format, text, size);
	fuzz_must(!again.reason, text, size, again.reason);
	fuzz_must(fuzz_same(row, &again), text, size, "a row changed when it was written and read again");
	fuzz_row_done(&again);
}

/* --- damage --- */

static inline uint64_t fuzz_lot(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Changes a few places; `data` has room for FUZZ_INPUT_MAX bytes. Returns the new size. */
SPK_UNUSED static size_t fuzz_damage(char *data, size_t size, uint64_t *state)
{
	static const char likely[] = "{}[]:,\"\\\n\r \t0123456789.eE+-tfnu/\x00\x01\x7f\x80\xc3\xa9\xe2\xed\xf0\xff";

	for (uint64_t n = fuzz_lot(state) % 4; n != UINT64_MAX; n--) {
		size_t at = fuzz_lot(state) % (size + 1), length = fuzz_lot(state) % 8 + 1;
		char c = likely[fuzz_lot(state) % (sizeof(likely) - 1)];

		switch (fuzz_lot(state) % 5) {
		case 0:  /* a byte is another */
			if (at < size)
				data[at] = c;
			break;
		case 1:  /* a byte more */
			if (size < FUZZ_INPUT_MAX) {
				memmove(data + at + 1, data + at, size++ - at);
				data[at] = c;
			}
			break;
		case 2:  /* some less */
			length = length < size - at ? length : size - at;
			memmove(data + at, data + at + length, size - at - length);
			size -= length;
			break;
		case 3:  /* some twice */
			length = length < size - at ? length : size - at;
			if (size + length < FUZZ_INPUT_MAX) {
				memmove(data + at + length, data + at, size - at);
				size += length;
			}
			break;
		default:  /* a bit flips */
			if (at < size)
				data[at] = (char)(data[at] ^ 1 << fuzz_lot(state) % 8);
		}
	}
	return size;
}

/* --- the loop --- */

typedef void (*fuzz_function)(const char *data, size_t size);

SPK_UNUSED static void fuzz_file(const char *path, fuzz_function one, int rounds, uint64_t *state)
{
	static char original[FUZZ_INPUT_MAX + 1], data[FUZZ_INPUT_MAX + 1];
	FILE *f = fopen(path, "rb");
	size_t size;

	if (!f) {
		perror(path);
		exit(2);
	}
	size = fread(original, 1, FUZZ_INPUT_MAX, f);
	fclose(f);
	one(original, size);
	for (int i = 0; i < rounds; i++) {
		memcpy(data, original, size);
		one(data, fuzz_damage(data, size, state));
	}
}

/* All inputs of a file or directory, each `rounds` times damaged; returns how many inputs there were. */
SPK_UNUSED static int fuzz_path(const char *path, fuzz_function one, int rounds, uint64_t *state)
{
	struct dirent **entry;
	struct stat st;
	int n, done = 0;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		fuzz_file(path, one, rounds, state);
		return 1;
	}
	n = scandir(path, &entry, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, entry[i]->d_name);
		if (entry[i]->d_name[0] != '.') {
			fuzz_file(file, one, rounds, state);
			done++;
		}
		free(entry[i]);
	}
	if (n >= 0)
		free(entry);
	return done;
}

/* SPARKLET_SEED chooses the damage. */
SPK_UNUSED static int fuzz_main(int argc, char **argv, fuzz_function one)
{
	const char *seed = getenv("SPARKLET_SEED");
	uint64_t state = seed ? strtoull(seed, NULL, 0) : 1;
	int rounds = 0, inputs = 0;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-n") && i + 1 < argc)
			rounds = atoi(argv[++i]);
		else
			inputs += fuzz_path(argv[i], one, rounds, &state);
	}
	printf("%d inputs, each damaged %d times\n", inputs, rounds);
	return inputs ? 0 : 2;
}

/*
 * Makes a program of `one`: for a fuzzing engine with -DSPK_FUZZ_ENGINE, else with a loop of its own. Nothing of it where a test includes
 * the file (SPK_FUZZ_INCLUDED).
 */
#ifdef SPK_FUZZ_INCLUDED
#define FUZZ_PROGRAM(one)
#else
#define FUZZ_ENTRY(one) \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) \
	{ \
		one((const char *)data, size); \
		return 0; \
	}
#ifdef SPK_FUZZ_ENGINE
#define FUZZ_PROGRAM(one) FUZZ_ENTRY(one)
#else
#define FUZZ_PROGRAM(one) \
	FUZZ_ENTRY(one) \
	int main(int argc, char **argv) { return fuzz_main(argc, argv, one); }
#endif
#endif

#endif
