/*
 * Import of Arrow arrays, a batch of rows at a time.
 *
 * Each column first becomes a list of places in its value buffers (through its offset, its parent's, and the indices of a
 * dictionary) with the NULLs marked; then one loop per format reads the values. Buffers may be unaligned, so loads go through
 * memcpy.
 */
#include "core/base/memory.h"
#include "core/columnar/arrow_format.h"
#include "core/columnar/decimal.h"

/* The rows of a column that are read. */
struct rows {
	const struct ArrowArray *values;     /* the array that holds them: a dictionary's is its own */
	const struct arrow_format *format;
	const char *name;
	int n;
	bool dense;                          /* row i lies at first + i */
	bool nulls;
	int64_t first;
	int64_t *place;                      /* in the value buffers; -1: NULL */
};

static spk_status malformed(const char *name, const char *why, spk_error *err)
{
	return spk_fail(err, SPK_CORRUPT, "Arrow column \"%s\": %s", name, why);
}

static spk_status too_large(const struct rows *rows, int row, const char *what, spk_error *err)
{
	return spk_fail(err, SPK_DATA, "Arrow column \"%s\": %s out of range in row %d of the batch", rows->name, what, row);
}

/* --- places and NULLs --- */

static int buffers_of(enum arrow_read read)
{
	switch (read) {
	case READ_NOTHING: return 0;
	case READ_STRUCT:
	case READ_LIST_FIXED: return 1;
	case READ_BYTES32:
	case READ_BYTES64:
	case READ_BYTES_VIEW: return 3;
	default: return 2;
	}
}

static spk_status check_array(const struct ArrowArray *a, enum arrow_read read, const char *name, spk_error *err)
{
	int want = buffers_of(read);

	if (a->length < 0 || a->offset < 0)
		return malformed(name, "a negative length or offset", err);
	if (a->n_buffers < want || (a->n_buffers != want && read != READ_BYTES_VIEW && read != READ_NOTHING))
		return malformed(name, "a number of buffers that its format does not have", err);
	if (a->length && want > 1 && (!a->buffers || !a->buffers[1]))
		return malformed(name, "no buffer of values", err);
	return SPK_OK;
}

/* Marks the NULLs of `a`'s bitmap at the places. */
static void mark_nulls(struct rows *rows, const struct ArrowArray *a)
{
	const uint8_t *bits = a->n_buffers && a->null_count ? a->buffers[0] : NULL;

	for (int i = 0; bits && i < rows->n; i++) {
		int64_t place = rows->place[i];

		if (place >= 0 && !(bits[place >> 3] >> (place & 7) & 1)) {
			rows->place[i] = -1;
			rows->nulls = true;
		}
	}
}

#define INDEX_LOOP(ctype) \
	for (int i = 0; i < rows->n; i++) { \
		ctype v; \
		\
		if (rows->place[i] < 0) \
			continue; \
		memcpy(&v, (const char *)index + (size_t)rows->place[i] * sizeof(v), sizeof(v)); \
		if ((uint64_t)(int64_t)v >= (uint64_t)dictionary->length) \
			return malformed(rows->name, "an index outside of its dictionary", err); \
		rows->place[i] = dictionary->offset + (int64_t)v; \
	}

/* Places in an array of indices become places in the dictionary. */
static spk_status follow_indices(struct rows *rows, const struct ArrowArray *a, spk_error *err)
{
	const struct ArrowArray *dictionary = a->dictionary;
	const void *index = a->buffers[1];

	switch (rows->format->index->read) {
	case READ_I8: INDEX_LOOP(int8_t) break;
	case READ_U8: INDEX_LOOP(uint8_t) break;
	case READ_U16: INDEX_LOOP(uint16_t) break;
	case READ_U32: INDEX_LOOP(uint32_t) break;
	case READ_U64: INDEX_LOOP(uint64_t) break;
	default:
		switch (spk_type_width(rows->format->index->type)) {
		case 2: INDEX_LOOP(int16_t) break;
		case 4: INDEX_LOOP(int32_t) break;
		default: INDEX_LOOP(int64_t)
		}
	}
	rows->dense = false;
	rows->values = dictionary;
	mark_nulls(rows, dictionary);
	return SPK_OK;
}

/* Makes of the rows' numbers in the array, which are in place[] (-1: NULL), their places in the buffers of its values. */
static spk_status find_places(struct rows *rows, const struct ArrowArray *a, spk_error *err)
{
	const struct arrow_format *index = rows->format->index;

	SPK_TRY(check_array(a, index ? READ_SAME : rows->format->read, rows->name, err));
	rows->values = a;
	for (int i = 0; i < rows->n; i++) {
		if (rows->place[i] < 0)
			continue;
		if (rows->place[i] >= a->length)
			return malformed(rows->name, "shorter than what it belongs to", err);
		/* The null type has no bitmap: all its rows are NULL. */
		rows->place[i] = !index && rows->format->read == READ_NOTHING ? -1 : rows->place[i] + a->offset;
		rows->nulls = rows->nulls || rows->place[i] < 0;
	}
	rows->first += a->offset;
	mark_nulls(rows, a);
	if (!index)
		return SPK_OK;
	if (!a->dictionary)
		return malformed(rows->name, "without its dictionary", err);
	SPK_TRY(check_array(a->dictionary, rows->format->read, rows->name, err));
	return rows->n ? follow_indices(rows, a, err) : SPK_OK;
}

/* --- values of fixed width --- */

static inline int64_t floor_divide(int64_t v, int64_t by)
{
	return v / by - (v % by < 0);
}

/* v * unit, or v / -unit rounded down. */
static inline bool to_micros(int64_t v, int64_t unit, int64_t *out)
{
	if (unit > 0)
		return !__builtin_mul_overflow(v, unit, out);
	*out = floor_divide(v, -unit);
	return true;
}

static float half_to_float(uint16_t half)
{
	int exponent = half >> 10 & 31, fraction = half & 1023;
	float v;

	if (exponent == 31)
		v = fraction ? __builtin_nanf("") : __builtin_inff();
	else if (exponent)
		v = __builtin_ldexpf((float)(1024 + fraction), exponent - 25);
	else
		v = __builtin_ldexpf((float)fraction, -24);
	return half & 0x8000 ? -v : v;
}

/* for (rows that are not NULL): `v` is the value as it lies there. NULLs get `none`. */
#define READ_LOOP(ctype, otype, none, body) \
	{ \
		otype *to = out->data; \
		\
		for (int i = 0; i < rows->n; i++) { \
			ctype v; \
			\
			to[i] = none; \
			if (rows->place[i] < 0) \
				continue; \
			memcpy(&v, data + (size_t)rows->place[i] * sizeof(v), sizeof(v)); \
			body \
		} \
	}

static void read_same(const struct rows *rows, const char *data, struct spk_vector *out)
{
	size_t width = (size_t)spk_type_width(out->type);
	char *to = out->data;

	if (rows->dense) {
		memcpy(to, data + (size_t)rows->first * width, (size_t)rows->n * width);
		return;
	}
	for (int i = 0; i < rows->n; i++) {
		if (rows->place[i] < 0)
			memset(to + (size_t)i * width, 0, width);
		else
			memcpy(to + (size_t)i * width, data + (size_t)rows->place[i] * width, width);
	}
}

static void read_bits(const struct rows *rows, const char *data, struct spk_vector *out)
{
	uint8_t *to = out->data;

	for (int i = 0; i < rows->n; i++)
		to[i] = rows->place[i] >= 0 && (data[rows->place[i] >> 3] >> (rows->place[i] & 7) & 1);
}

static spk_status read_times(const struct rows *rows, const char *data, struct spk_vector *out, spk_error *err)
{
	int64_t unit = rows->format->unit;

	switch (rows->format->read) {
	case READ_TIME32:
		READ_LOOP(int32_t, int64_t, 0, to[i] = (int64_t)v * unit;)
		break;
	case READ_TIME64:
		READ_LOOP(int64_t, int64_t, 0, if (!to_micros(v, unit, &to[i])) return too_large(rows, i, "a time", err);)
		break;
	default:
		READ_LOOP(int64_t, int32_t, 0, {
			int64_t days = floor_divide(v, 86400000);

			if (days < INT32_MIN || days > INT32_MAX)
				return too_large(rows, i, "a date", err);
			to[i] = (int32_t)days;
		})
	}
	return SPK_OK;
}

struct day_time { int32_t days, millis; };
struct month_day_nano { int32_t months, days; int64_t nanos; };

static spk_status read_intervals(const struct rows *rows, const char *data, struct spk_vector *out, spk_error *err)
{
	const struct spk_interval none = { 0, 0, 0 };
	int64_t unit = rows->format->unit;

	switch (rows->format->read) {
	case READ_MONTHS:
		READ_LOOP(int32_t, struct spk_interval, none, to[i].months = v;)
		break;
	case READ_DAY_TIME:
		READ_LOOP(struct day_time, struct spk_interval, none, to[i].days = v.days; to[i].micros = (int64_t)v.millis * 1000;)
		break;
	case READ_MONTH_DAY_NANO:
		READ_LOOP(struct month_day_nano, struct spk_interval, none,
		          to[i] = ((struct spk_interval){ v.months, v.days, floor_divide(v.nanos, 1000) });)
		break;
	default:
		READ_LOOP(int64_t, struct spk_interval, none, if (!to_micros(v, unit, &to[i].micros)) return too_large(rows, i, "a duration", err);)
	}
	return SPK_OK;
}

static void read_uuids(const struct rows *rows, const char *data, struct spk_vector *out)
{
	struct bytes16 { unsigned char byte[16]; };

	READ_LOOP(struct bytes16, spk_int128, 0, {
		unsigned __int128 u = 0;

		for (int k = 0; k < 16; k++)
			u = u << 8 | v.byte[k];
		to[i] = (spk_int128)(u ^ (unsigned __int128)1 << 127);
	})
}

struct wide_integer { uint64_t word[4]; };

static spk_status read_decimals(const struct rows *rows, const char *data, struct spk_vector *out, spk_error *err)
{
	const spk_int128 limit = spk_pow10(SPK_DECIMAL_DIGITS - 1);

	switch (rows->format->width) {
	case 4: READ_LOOP(int32_t, spk_int128, 0, to[i] = v;) break;
	case 8: READ_LOOP(int64_t, spk_int128, 0, to[i] = v;) break;
	case 16: read_same(rows, data, out); break;
	default:
		READ_LOOP(struct wide_integer, spk_int128, 0, {
			unsigned __int128 low = (unsigned __int128)v.word[1] << 64 | v.word[0];
			uint64_t sign = v.word[1] >> 63 ? ~0ull : 0;

			/* The upper half is but the sign, and 38 digits are enough. */
			to[i] = (spk_int128)low;
			if (v.word[2] != sign || v.word[3] != sign || to[i] / 10 >= limit || to[i] / 10 <= -limit)
				return too_large(rows, i, "a decimal", err);
		})
	}
	return SPK_OK;
}

/* --- strings --- */

static spk_status set_view(struct spk_view *to, const char *data, int64_t from, int64_t length, const struct rows *rows, spk_error *err)
{
	if (length < 0 || from < 0 || (length && !data))
		return malformed(rows->name, "string offsets that do not ascend", err);
	if (length > UINT32_MAX)
		return spk_fail(err, SPK_UNSUPPORTED, "Arrow column \"%s\": a string of %lld bytes", rows->name, (long long)length);
	*to = spk_view(length ? data + from : "", (uint32_t)length);
	return SPK_OK;
}

#define OFFSETS_LOOP(ctype) \
	for (int i = 0; i < rows->n; i++) { \
		ctype at[2]; \
		\
		if (rows->place[i] < 0) \
			continue; \
		memcpy(at, data + (size_t)rows->place[i] * sizeof(at[0]), sizeof(at)); \
		SPK_TRY(set_view(&to[i], rows->values->buffers[2], at[0], at[1] - at[0], rows, err)); \
	}

/* Arrow's view: as ours, but with a buffer's number and an offset in place of the pointer. */
struct arrow_view { int32_t length; char prefix[4]; int32_t buffer, offset; };

static spk_status read_arrow_views(const struct rows *rows, const char *data, struct spk_view *to, spk_error *err)
{
	for (int i = 0; i < rows->n; i++) {
		const char *at = data + (size_t)rows->place[i] * sizeof(struct arrow_view);
		struct arrow_view v;

		if (rows->place[i] < 0)
			continue;
		memcpy(&v, at, sizeof(v));
		if (v.length <= SPK_VIEW_INLINE) {
			SPK_TRY(set_view(&to[i], at + 4, 0, v.length, rows, err));
		} else {
			/* The first two buffers are the bitmap and the views, the last one the others' sizes. */
			if (v.buffer < 0 || v.buffer >= rows->values->n_buffers - 3)
				return malformed(rows->name, "a string in a buffer that is not there", err);
			SPK_TRY(set_view(&to[i], rows->values->buffers[2 + v.buffer], v.offset, v.length, rows, err));
		}
	}
	return SPK_OK;
}

static spk_status read_strings(const struct rows *rows, const char *data, struct spk_vector *out, struct spk_arena *arena, spk_error *err)
{
	struct spk_view *to = out->data;
	int width = rows->format->width;

	switch (rows->format->read) {
	case READ_BYTES32: OFFSETS_LOOP(int32_t) break;
	case READ_BYTES64: OFFSETS_LOOP(int64_t) break;
	case READ_BYTES_VIEW: SPK_TRY(read_arrow_views(rows, data, to, err)); break;
	default:
		for (int i = 0; i < rows->n; i++)
			if (rows->place[i] >= 0)
				SPK_TRY(set_view(&to[i], data, rows->place[i] * width, width, rows, err));
	}
	return spk_views_own(to, rows->n, arena, err);
}

/* --- columns --- */

/* --- lists and structs --- */

static spk_status import_rows_of(struct rows *rows, const struct ArrowArray *a, struct spk_vector *out, struct spk_arena *arena, spk_error *err);

/* Elements [*from, *to) of a list that is not NULL. */
static spk_status list_bounds(const struct rows *rows, int64_t place, int64_t *from, int64_t *to, spk_error *err)
{
	const char *data = rows->format->read == READ_LIST_FIXED ? NULL : rows->values->buffers[1];
	int32_t narrow[2];
	int64_t wide[2];

	switch (rows->format->read) {
	case READ_LIST_FIXED:
		*from = place * rows->format->width;
		*to = *from + rows->format->width;
		break;
	case READ_LIST32:
		memcpy(narrow, data + (size_t)place * sizeof(narrow[0]), sizeof(narrow));
		*from = narrow[0];
		*to = narrow[1];
		break;
	default:
		memcpy(wide, data + (size_t)place * sizeof(wide[0]), sizeof(wide));
		*from = wide[0];
		*to = wide[1];
	}
	return *from >= 0 && *to >= *from ? SPK_OK : malformed(rows->name, "list offsets that do not ascend", err);
}

static spk_status check_children(const struct rows *rows, spk_error *err)
{
	if (rows->values->n_children == rows->format->type.children->count && (rows->values->children || !rows->values->n_children))
		return SPK_OK;
	return malformed(rows->name, "a number of children that its format does not have", err);
}

/* The elements of all lists are rows of the child, one behind the other. */
static spk_status read_lists(const struct rows *rows, struct spk_vector *out, struct spk_arena *arena, spk_error *err)
{
	struct rows elements = { .format = &rows->format->child[0], .name = rows->name };
	int32_t *offset = out->data;
	int64_t total = 0, from, to;

	SPK_TRY(check_children(rows, err));
	for (int i = 0; i < rows->n; i++) {
		from = to = 0;
		if (rows->place[i] >= 0)
			SPK_TRY(list_bounds(rows, rows->place[i], &from, &to, err));
		total += to - from;
		if (total > INT32_MAX / 2)
			return spk_fail(err, SPK_UNSUPPORTED, "Arrow column \"%s\": more than %d list elements in one batch", rows->name, INT32_MAX / 2);
		offset[i + 1] = (int32_t)total;
	}
	elements.place = spk_arena_alloc(arena, sizeof(*elements.place) * (size_t)SPK_MAX(total, 1));
	SPK_TRY_PTR(elements.place, err);
	for (int i = 0; i < rows->n; i++) {
		if (rows->place[i] < 0)
			continue;
		SPK_TRY(list_bounds(rows, rows->place[i], &from, &to, err));
		for (; from < to; from++)
			elements.place[elements.n++] = from;
	}
	/* Lists that ascend without gaps, as they mostly do, have elements that can be copied at once. */
	elements.first = total ? elements.place[0] : 0;
	elements.dense = total && elements.place[total - 1] - elements.first == total - 1;
	for (int i = 1; i < elements.n && elements.dense; i++)
		elements.dense = elements.place[i] == elements.place[i - 1] + 1;
	return import_rows_of(&elements, rows->values->children[0], out->child, arena, err);
}

static spk_status read_structs(const struct rows *rows, struct spk_vector *out, struct spk_arena *arena, spk_error *err)
{
	SPK_TRY(check_children(rows, err));
	for (int c = 0; c < out->type.children->count; c++) {
		struct rows field = { .format = &rows->format->child[c], .name = rows->name, .n = rows->n };

		field.place = spk_arena_copy(arena, rows->place, sizeof(*rows->place) * (size_t)rows->n);
		SPK_TRY_PTR(field.place, err);
		SPK_TRY(import_rows_of(&field, rows->values->children[c], &out->child[c], arena, err));
	}
	return SPK_OK;
}

/* --- any column --- */

static spk_status read_values(const struct rows *rows, struct spk_vector *out, struct spk_arena *arena, spk_error *err)
{
	const char *data = buffers_of(rows->format->read) < 2 ? NULL : rows->values->buffers[1];

	switch (rows->format->read) {
	case READ_NOTHING: break;
	case READ_SAME: read_same(rows, data, out); break;
	case READ_BITS: read_bits(rows, data, out); break;
	case READ_I8: READ_LOOP(int8_t, int16_t, 0, to[i] = v;) break;
	case READ_U8: READ_LOOP(uint8_t, int16_t, 0, to[i] = v;) break;
	case READ_U16: READ_LOOP(uint16_t, int32_t, 0, to[i] = v;) break;
	case READ_U32: READ_LOOP(uint32_t, int64_t, 0, to[i] = v;) break;
	case READ_U64: READ_LOOP(uint64_t, spk_int128, 0, to[i] = v;) break;
	case READ_HALF: READ_LOOP(uint16_t, float, 0, to[i] = half_to_float(v);) break;
	case READ_UUID: read_uuids(rows, data, out); break;
	case READ_DECIMAL: return read_decimals(rows, data, out, err);
	case READ_DAYS64:
	case READ_TIME32:
	case READ_TIME64: return read_times(rows, data, out, err);
	case READ_MONTHS:
	case READ_DAY_TIME:
	case READ_MONTH_DAY_NANO:
	case READ_DURATION: return read_intervals(rows, data, out, err);
	case READ_BYTES32:
	case READ_BYTES64:
	case READ_BYTES_VIEW:
	case READ_BYTES_FIXED: return read_strings(rows, data, out, arena, err);
	case READ_LIST32:
	case READ_LIST64:
	case READ_LIST_FIXED: return read_lists(rows, out, arena, err);
	case READ_STRUCT: return read_structs(rows, out, arena, err);
	}
	return SPK_OK;
}

/* Rows of an array by their numbers in it, which are in place[]. */
static spk_status import_rows_of(struct rows *rows, const struct ArrowArray *a, struct spk_vector *out, struct spk_arena *arena, spk_error *err)
{
	SPK_TRY(find_places(rows, a, err));
	SPK_TRY(spk_vector_init(out, rows->format->type, spk_vector_child_capacity(rows->n), arena, err));
	if (!rows->n)
		return SPK_OK;
	if (rows->nulls) {
		SPK_TRY(spk_vector_need_valid(out, spk_vector_child_capacity(rows->n), arena, err));
		for (int i = 0; i < rows->n; i++)
			if (rows->place[i] < 0)
				spk_bit_clear(out->valid, i);
	}
	return read_values(rows, out, arena, err);
}

/* n rows from row `from` of the table on. */
static spk_status import_column(struct rows *rows, const struct ArrowArray *a, int64_t from, int n, struct spk_vector *out, struct spk_arena *arena, spk_error *err)
{
	if (from + n > a->length)
		return malformed(rows->name, "shorter than the table", err);
	rows->n = n;
	rows->dense = true;
	rows->nulls = false;
	rows->first = from;
	for (int i = 0; i < n; i++)
		rows->place[i] = from + i;
	return import_rows_of(rows, a, out, arena, err);
}

static spk_status check_table(const struct ArrowArray *in, const struct spk_schema *schema, int64_t from, spk_error *err)
{
	const uint8_t *bits = in->n_buffers && in->null_count ? in->buffers[0] : NULL;

	if (in->n_children != schema->count || in->length < 0 || in->offset < 0 || from < 0 || from > in->length)
		return spk_fail(err, SPK_CORRUPT, "an Arrow array of %lld columns and %lld rows for a schema of %d columns", (long long)in->n_children,
		                (long long)in->length, schema->count);
	for (int64_t i = in->offset + from; bits && i < in->offset + in->length; i++)
		if (!(bits[i >> 3] >> (i & 7) & 1))
			return spk_fail(err, SPK_UNSUPPORTED, "an Arrow array of rows of which some are NULL as a whole");
	return SPK_OK;
}

static spk_status import_rows(const struct ArrowArray *in, const struct spk_schema *schema, int64_t from, struct spk_batch *b, spk_error *err)
{
	const struct arrow_schema *known = (const struct arrow_schema *)(const void *)((const char *)schema - offsetof(struct arrow_schema, schema));
	int n = (int)SPK_MIN(in->length - from, (int64_t)SPK_BATCH_ROWS);
	struct rows rows = { .place = spk_arena_alloc(b->arena, sizeof(*rows.place) * SPK_BATCH_ROWS) };

	SPK_TRY_PTR(rows.place, err);
	SPK_ASSERT(known->magic == ARROW_SCHEMA_MAGIC, "a schema that spk_arrow_import_schema did not make");
	for (int c = 0; c < schema->count; c++) {
		rows.format = &known->column[c];
		rows.name = schema->field[c].name;
		/* The columns lie below the table: its offset shifts them all. */
		SPK_TRY(import_column(&rows, in->children[c], in->offset + from, n, &b->column[c], b->arena, err));
	}
	b->rows = b->selected = n;
	return SPK_OK;
}

spk_status spk_arrow_import_batch(struct ArrowArray *in, const struct spk_schema *schema, int64_t *from, struct spk_batch **out, spk_error *err)
{
	struct spk_batch *b = NULL;
	spk_status status = check_table(in, schema, *from, err);

	if (!status)
		status = spk_batch_new(&b, schema, spk_memory_account("arrow"), err);
	if (!status)
		status = import_rows(in, schema, *from, b, err);
	if (status) {
		spk_batch_unref(b);
	} else {
		*from += b->rows;
		*out = b;
	}
	if (status || *from == in->length) {
		in->release(in);
		in->release = NULL;
	}
	return status;
}
