/*
 * Protobuf messages out of anything; an input that begins with "set" is a descriptor set. What must hold for every input:
 *   no crash, no byte read beyond the padding (build with SAN=address);
 *   a message that is malformed is so whatever columns are read of it;
 *   a row that was taken is the same after it was written and read again.
 *
 * With clang: -fsanitize=fuzzer -DSPK_FUZZ_ENGINE. Else its own loop: see fuzz_json.c.
 */
#include "connectors/format/protobuf.h"
#include "tests/fuzz/fuzz.h"

enum { PROTOBUF_FIELDS = 20 };

/* A message made by hand: no descriptor set is needed to run. */
static struct spk_pb_field protobuf_inner_field[] = {
	{ .name = "x", .number = 1, .kind = SPK_PB_INT64, .wire = SPK_PB_VARINT, .oneof = -1 },
	{ .name = "y", .number = 2, .kind = SPK_PB_STRING, .wire = SPK_PB_BYTES, .oneof = -1, .default_text = "                ", .default_size = 0 },
	{ .name = "z", .number = 3, .kind = SPK_PB_MESSAGE, .wire = SPK_PB_BYTES, .oneof = -1, .presence = true },
};
static struct spk_pb_message protobuf_inner = { "fuzz.Inner", 3, protobuf_inner_field, false, false, false };
static struct spk_pb_field protobuf_time_field[] = {
	{ .name = "seconds", .number = 1, .kind = SPK_PB_INT64, .wire = SPK_PB_VARINT, .oneof = -1 }, { .name = "nanos", .number = 2, .kind = SPK_PB_INT32, .wire = SPK_PB_VARINT, .oneof = -1 },
};
static const struct spk_pb_message protobuf_time = { "google.protobuf.Timestamp", 2, protobuf_time_field, false, false, true };
static struct spk_pb_field protobuf_entry_field[] = {
	{ .name = "key", .number = 1, .kind = SPK_PB_STRING, .wire = SPK_PB_BYTES, .oneof = -1, .default_text = "                ", .default_size = 0 },
	{ .name = "value", .number = 2, .kind = SPK_PB_MESSAGE, .wire = SPK_PB_BYTES, .oneof = -1, .message = &protobuf_inner, .presence = true },
};
static const struct spk_pb_message protobuf_entry = { "fuzz.Entry", 2, protobuf_entry_field, true, false, false };
static const char *protobuf_symbol[] = { "ZERO", "ONE", "A_LONGER_SYMBOL" };
static int32_t protobuf_number[] = { 0, 1, -5 };
static const struct spk_pb_enum protobuf_enum = { "fuzz.Enum", 3, protobuf_symbol, protobuf_number };

#define NUMBER(name_, number_, kind_, wire_) { .name = name_, .number = number_, .kind = SPK_PB_##kind_, .wire = SPK_PB_##wire_, .oneof = -1, .presence = true }
static struct spk_pb_field protobuf_field[] = {
	NUMBER("a", 1, INT64, VARINT), { .name = "b", .number = 2, .kind = SPK_PB_STRING, .wire = SPK_PB_BYTES, .oneof = -1, .presence = true }, NUMBER("c", 3, DOUBLE, FIXED64), NUMBER("d", 4, UINT64, VARINT),
	{ .name = "e", .number = 5, .kind = SPK_PB_MESSAGE, .wire = SPK_PB_BYTES, .oneof = -1, .presence = true, .message = &protobuf_time },
	{ .name = "f", .number = 6, .kind = SPK_PB_BYTESK, .wire = SPK_PB_BYTES, .oneof = -1, .presence = true }, NUMBER("g", 7, BOOL, VARINT), NUMBER("h", 8, SINT32, VARINT), NUMBER("i", 9, FIXED32K, FIXED32), NUMBER("j", 10, FLOAT, FIXED32),
	{ .name = "k", .number = 11, .kind = SPK_PB_ENUM, .wire = SPK_PB_VARINT, .oneof = -1, .presence = true, .symbols = &protobuf_enum },
	{ .name = "l", .number = 12, .kind = SPK_PB_INT32, .wire = SPK_PB_VARINT, .oneof = -1, .repeated = true, .packed = true }, { .name = "m", .number = 13, .kind = SPK_PB_MESSAGE, .wire = SPK_PB_BYTES, .oneof = -1, .presence = true, .message = &protobuf_inner },
	{ .name = "n", .number = 14, .kind = SPK_PB_MESSAGE, .wire = SPK_PB_BYTES, .oneof = -1, .repeated = true, .message = &protobuf_inner }, { .name = "o", .number = 15, .kind = SPK_PB_MESSAGE, .wire = SPK_PB_BYTES, .oneof = -1, .repeated = true, .message = &protobuf_entry },
	{ .name = "p", .number = 16, .kind = SPK_PB_STRING, .wire = SPK_PB_BYTES, .oneof = -1, .repeated = true }, { .name = "q", .number = 17, .kind = SPK_PB_INT64, .wire = SPK_PB_VARINT, .oneof = 0, .presence = true },
	{ .name = "r", .number = 18, .kind = SPK_PB_STRING, .wire = SPK_PB_BYTES, .oneof = 0, .presence = true }, NUMBER("s", 19, SFIXED64, FIXED64), { .name = "t", .number = 200, .kind = SPK_PB_SINT64, .wire = SPK_PB_VARINT, .oneof = -1, .presence = true, .required = false },
};
static const struct spk_pb_message protobuf_message = { "fuzz.All", PROTOBUF_FIELDS, protobuf_field, false, false, false };

/* The columns that can be written come first; what is JSON or a record after them. */
static int protobuf_table(struct fuzz_table *t, int columns)
{
	static const enum spk_type_id type[] = { SPK_TYPE_BIGINT, SPK_TYPE_TEXT, SPK_TYPE_DOUBLE, SPK_TYPE_DECIMAL, SPK_TYPE_TIMESTAMP, SPK_TYPE_BYTEA, SPK_TYPE_BOOLEAN, SPK_TYPE_INTEGER, SPK_TYPE_BIGINT, SPK_TYPE_REAL, SPK_TYPE_TEXT };
	static const char *const name[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k" };
	int written;

	memset(t, 0, sizeof(*t));
	for (size_t i = 0; i < SPK_COUNT_OF(type); i++)
		fuzz_column(t, name[i], spk_type(type[i]));
	fuzz_column(t, "l", spk_type_array(SPK_TYPE_INTEGER));
	fuzz_column(t, "p", spk_type_array(SPK_TYPE_TEXT));
	fuzz_column(t, "q", spk_type(SPK_TYPE_BIGINT));
	fuzz_column(t, "r", spk_type(SPK_TYPE_TEXT));
	fuzz_column(t, "s", spk_type(SPK_TYPE_BIGINT));
	fuzz_column(t, "t", spk_type(SPK_TYPE_BIGINT));
	written = t->schema.count;
	fuzz_column(t, "m", spk_type(SPK_TYPE_JSONB));
	fuzz_column(t, "n", spk_type(SPK_TYPE_JSON));
	fuzz_column(t, "o", spk_type(SPK_TYPE_JSONB));
	fuzz_table_done(t, columns < 0 ? t->schema.count : columns);
	return written;
}

static void protobuf_read(struct fuzz_row *row, const struct fuzz_table *t, const char *data, size_t size)
{
	struct spk_pb_reader reader = { 0 };
	struct spk_row_errors errors = { 0 };
	struct spk_cells c = { .what = "field" };
	struct spk_format_column *column;
	const struct spk_pb_plan *p;
	spk_error err = { 0 };
	struct spk_view raw;
	struct spk_wire in;
	spk_status status;
	bool *skip;
	char *copy;

	*row = (struct fuzz_row){ .arena = spk_arena_new(NULL) };
	fuzz_must(spk_format_columns(&t->spec, row->arena, &column, &reader.columns, &skip, &err) == SPK_OK, data, size, err.message);
	reader.column = column;
	fuzz_must(spk_pb_plan(row->arena, &protobuf_message, &reader, "fuzz", &p, &err) == SPK_OK, data, size, err.message);
	copy = spk_arena_alloc(row->arena, size + SPK_CHUNK_PADDING);
	if (size)
		memcpy(copy, data, size);
	memset(copy + size, '1', SPK_CHUNK_PADDING);
	raw = spk_view(copy, (uint32_t)size);
	fuzz_must(spk_batch_new(&row->batch, &t->wanted, NULL, &err) == SPK_OK && spk_cells_init_columns(row->batch, 1, skip, &err) == SPK_OK, data, size, err.message);
	c.arena = row->batch->arena;
	in = spk_cells_row(&c, &raw);
	status = spk_pb_read(p, &c, &in, row->batch, 0, &err);
	fuzz_must(status == SPK_OK || status == SPK_DATA, data, size, err.message);
	if (status == SPK_DATA)
		fuzz_must(spk_cells_row_failed(&c, row->batch, 0, skip, &errors, &err) == SPK_OK, data, size, err.message);
	row->reason = errors.count ? errors.list[0].message : NULL;
	spk_cells_release(&c);
}

static void protobuf_again(const char *data, size_t size)
{
	const struct spk_pb_writer *w;
	struct spk_buffer out = { 0 };
	struct fuzz_table t;
	struct fuzz_row row, again;
	spk_error err = { 0 };

	protobuf_table(&t, protobuf_table(&t, -1));
	protobuf_read(&row, &t, data, size);
	fuzz_must(!row.reason, data, size, "a row is bad when fewer columns are read");
	fuzz_must(spk_pb_writer(row.arena, &protobuf_message, &t.wanted, "fuzz", "", &w, &err) == SPK_OK, data, size, err.message);
	if (spk_pb_write(w, row.batch, 0, &out, &err) == SPK_OK) {
		protobuf_read(&again, &t, out.data, out.size);
		fuzz_must(!again.reason, data, size, again.reason);
		fuzz_must(fuzz_same(&row, &again), data, size, "a row changed when it was written and read again");
		fuzz_row_done(&again);
	} else {  /* the digits of a symbol that is none */
		fuzz_must(strstr(err.message, "none of its symbols") != NULL, data, size, err.message);
	}
	spk_buffer_release(&out);
	fuzz_row_done(&row);
}

static void protobuf_set(const char *data, size_t size)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	const struct spk_pb_message *m;
	spk_error err = { 0 };
	spk_status status = spk_pb_load(arena, data, size, "Trip", &m, &err);

	fuzz_must(status == SPK_OK || *err.message, data, size, "an error without a message");
	spk_arena_unref(arena);
}

static void fuzz_protobuf_one(const char *data, size_t size)
{
	struct fuzz_table all, none;
	struct fuzz_row first, skipped;

	protobuf_inner_field[2].message = &protobuf_inner;
	if (size >= 3 && !memcmp(data, "set", 3)) {
		protobuf_set(data + 3, size - 3);
		return;
	}
	protobuf_table(&all, -1);
	protobuf_table(&none, 0);
	protobuf_read(&first, &all, data, size);
	protobuf_read(&skipped, &none, data, size);
	/* Bad when nothing is read of it means malformed, and then it is bad for everyone. */
	fuzz_must(!skipped.reason || first.reason, data, size, "a malformed message was taken");
	fuzz_must(!first.reason || skipped.reason || !strncmp(first.reason, "field \"", 7), data, size, first.reason ? first.reason : "");
	if (!first.reason)
		protobuf_again(data, size);
	fuzz_row_done(&first);
	fuzz_row_done(&skipped);
}

FUZZ_PROGRAM(fuzz_protobuf_one)
