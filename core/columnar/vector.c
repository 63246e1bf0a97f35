/*
 * Vectors: views, readers, and gather, the copy of chosen rows that filters, joins, exchanges and sorts all end in.
 *
 * Gather copies by width, not by type: five loops (1, 2, 4, 8, 16 bytes) serve every scalar type and one pair of slots per
 * row is all that depends on the layout.
 */
#include "core/columnar/vector.h"

/* --- views --- */

bool spk_view_equal_slow(const struct spk_view *a, const struct spk_view *b)
{
	if (a->length != b->length)
		return false;
	if (a->length <= SPK_VIEW_INLINE)
		return memcmp(a->inlined, b->inlined, SPK_VIEW_INLINE) == 0;
	return a->ref.pointer == b->ref.pointer || memcmp(a->ref.pointer, b->ref.pointer, a->length) == 0;
}

int spk_view_compare(const struct spk_view *a, const struct spk_view *b)
{
	uint32_t n = SPK_MIN(a->length, b->length);
	int order = n ? memcmp(spk_view_data(a), spk_view_data(b), n) : 0;

	return order ? order : (a->length > b->length) - (a->length < b->length);
}

/* --- reading --- */

struct spk_reader spk_vector_reader(const struct spk_vector *v)
{
	if (v->layout == SPK_DICTIONARY)
		return (struct spk_reader){ v->dictionary->data, v->dictionary->valid, v->index, ~0u };
	return (struct spk_reader){ v->data, v->valid, NULL, v->layout == SPK_CONSTANT ? 0 : ~0u };
}

struct spk_value spk_vector_value(const struct spk_vector *v, int row)
{
	struct spk_reader r = spk_vector_reader(v);
	uint32_t slot = spk_reader_slot(&r, row);
	struct spk_value value = { .type = v->type, .null = !spk_reader_valid(&r, slot) };
	struct spk_nested nested;

	if (!value.null)
		memcpy(&value.boolean, spk_slot_bytes(v, &r, slot, &nested), spk_value_width(v->type));
	return value;
}

/* --- making --- */

static int child_count(struct spk_type type)
{
	if (type.id != SPK_TYPE_ARRAY && type.id != SPK_TYPE_ROW)
		return 0;
	SPK_ASSERT(type.children, "an array or row type without its children");
	return type.id == SPK_TYPE_ARRAY ? 1 : type.children->count;
}

enum { FIRST_ELEMENTS = 64 };

/*
 * Elements for which an array's child has room when `used` are taken, by the rule that every vector made by spk_vector_init
 * and filled by gather keeps: a power of two. So the capacity needs no field of its own.
 */
int spk_vector_child_capacity(int used)
{
	int capacity = FIRST_ELEMENTS;

	while (capacity < used)
		capacity *= 2;
	return capacity;
}

static spk_status init_children(struct spk_vector *v, int rows, struct spk_arena *arena, spk_error *err)
{
	int count = child_count(v->type);

	if (!count)
		return SPK_OK;
	v->child = SPK_NEW_ARRAY(arena, struct spk_vector, count);
	SPK_TRY_PTR(v->child, err);
	for (int i = 0; i < count; i++)
		SPK_TRY(spk_vector_init(&v->child[i], v->type.children->field[i].type,
		                        v->type.id == SPK_TYPE_ARRAY ? FIRST_ELEMENTS : rows, arena, err));
	return SPK_OK;
}

spk_status spk_vector_init(struct spk_vector *v, struct spk_type type, int rows, struct spk_arena *arena, spk_error *err)
{
	size_t bytes = (size_t)spk_type_width(type) * (size_t)(rows + (type.id == SPK_TYPE_ARRAY));
	struct spk_vector made = { .type = type };

	SPK_ASSERT(rows >= 0, "a vector of a negative number of rows");
	if (bytes || type.id != SPK_TYPE_ROW) {
		made.data = spk_arena_alloc_vector(arena, bytes);
		SPK_TRY_PTR(made.data, err);
		if (spk_type_is_view(type) || type.id == SPK_TYPE_ARRAY)
			memset(made.data, 0, bytes);
	}
	SPK_TRY(init_children(&made, rows, arena, err));
	*v = made;
	return SPK_OK;
}

spk_status spk_vector_need_valid(struct spk_vector *v, int rows, struct spk_arena *arena, spk_error *err)
{
	size_t bytes = spk_bitmap_words(rows) * sizeof(uint64_t);
	uint64_t *bits;

	if (v->valid)
		return SPK_OK;
	SPK_ASSERT(v->layout != SPK_DICTIONARY, "a dictionary vector has no bitmap of its own");
	bits = spk_arena_alloc_vector(arena, bytes);
	SPK_TRY_PTR(bits, err);
	memset(bits, 0xff, bytes);
	v->valid = bits;
	return SPK_OK;
}

static spk_status copy_view(struct spk_view *view, struct spk_arena *arena, spk_error *err)
{
	char *bytes;

	if (view->length <= SPK_VIEW_INLINE)
		return SPK_OK;
	bytes = spk_arena_copy(arena, view->ref.pointer, view->length);
	SPK_TRY_PTR(bytes, err);
	view->ref.pointer = bytes;
	return SPK_OK;
}

spk_status spk_vector_init_constant(struct spk_vector *v, struct spk_type type, const void *value, struct spk_arena *arena, spk_error *err)
{
	struct spk_vector made;

	SPK_TRY(spk_vector_init(&made, type, 1, arena, err));
	if (value && spk_type_is_nested(type)) {
		const struct spk_nested *nested = value;
		int32_t row = (int32_t)nested->row;

		SPK_TRY(spk_vector_gather(&made, 0, 1, nested->vector, &row, 1, true, arena, err));
		made.layout = SPK_CONSTANT;
		*v = made;
		return SPK_OK;
	}
	made.layout = SPK_CONSTANT;
	if (value) {
		memcpy(made.data, value, (size_t)spk_type_width(type));
		if (spk_type_is_view(type))
			SPK_TRY(copy_view(made.data, arena, err));
	} else {
		SPK_TRY(spk_vector_need_valid(&made, 1, arena, err));
		made.valid[0] = 0;
		if (made.data && type.id != SPK_TYPE_ARRAY)
			memset(made.data, 0, (size_t)spk_type_width(type));
		/* So that whoever reads through the children of a NULL row finds NULLs there. */
		for (int i = 0; type.id == SPK_TYPE_ROW && i < child_count(type); i++)
			SPK_TRY(spk_vector_init_constant(&made.child[i], made.child[i].type, NULL, arena, err));
	}
	*v = made;
	return SPK_OK;
}

/* --- gather --- */

/* Copies of one width; a type of its own that may alias, since it stands for doubles, views and integers alike. */
typedef uint8_t copy1;
typedef uint16_t __attribute__((may_alias)) copy2;
typedef uint32_t __attribute__((may_alias)) copy4;
typedef uint64_t __attribute__((may_alias)) copy8;
typedef unsigned __int128 __attribute__((may_alias, aligned(8))) copy16;

#define GATHER_KERNEL(width) \
	static void gather##width(void *to, const struct spk_reader *r, const int32_t *sel, int n) \
	{ \
		copy##width *restrict out = to; \
		const copy##width *in = r->data; \
		\
		if (r->index && sel) { \
			for (int i = 0; i < n; i++) \
				out[i] = in[r->index[sel[i]]]; \
		} else if (r->index) { \
			for (int i = 0; i < n; i++) \
				out[i] = in[r->index[i]]; \
		} else if (!r->mask) { \
			copy##width value = in[0]; \
			for (int i = 0; i < n; i++) \
				out[i] = value; \
		} else if (sel) { \
			for (int i = 0; i < n; i++) \
				out[i] = in[sel[i]]; \
		} else { \
			memcpy(out, in, (size_t)n * sizeof(*out)); \
		} \
	}
GATHER_KERNEL(1)
GATHER_KERNEL(2)
GATHER_KERNEL(4)
GATHER_KERNEL(8)
GATHER_KERNEL(16)

static void gather_values(struct spk_vector *out, int at, const struct spk_reader *r, const int32_t *sel, int n)
{
	int width = spk_type_width(out->type);
	char *to = (char *)out->data + (size_t)at * (size_t)width;

	switch (width) {
	case 1: gather1(to, r, sel, n); break;
	case 2: gather2(to, r, sel, n); break;
	case 4: gather4(to, r, sel, n); break;
	case 8: gather8(to, r, sel, n); break;
	case 16: gather16(to, r, sel, n); break;
	default: SPK_ASSERT(false, "a width that no type has");
	}
}

static void set_valid(uint64_t *bits, int at, int n)
{
	int i = at, end = at + n;

	for (; i < end && (i & 63); i++)
		spk_bit_set(bits, i);
	for (; i + 64 <= end; i += 64)
		bits[i >> 6] = ~0ull;
	for (; i < end; i++)
		spk_bit_set(bits, i);
}

static bool any_null(const struct spk_reader *r, const int32_t *sel, int n)
{
	uint64_t all = 1;

	for (int i = 0; i < n; i++)
		all &= r->valid[spk_reader_slot(r, sel ? sel[i] : i) >> 6] >> (spk_reader_slot(r, sel ? sel[i] : i) & 63);
	return !(all & 1);
}

/* Most bitmaps hold no NULL in the chosen rows, and a column without a bitmap makes all later kernels faster: look first. */
static spk_status gather_valid(struct spk_vector *out, int at, int capacity, const struct spk_reader *r, const int32_t *sel, int n, struct spk_arena *arena, spk_error *err)
{
	if (!r->valid || !any_null(r, sel, n)) {
		if (out->valid)
			set_valid(out->valid, at, n);
		return SPK_OK;
	}
	SPK_TRY(spk_vector_need_valid(out, capacity, arena, err));
	for (int i = 0; i < n; i++) {
		uint32_t slot = spk_reader_slot(r, sel ? sel[i] : i);
		uint64_t bit = r->valid[slot >> 6] >> (slot & 63) & 1;
		uint64_t *word = &out->valid[(at + i) >> 6];

		*word = (*word & ~(1ull << ((at + i) & 63))) | bit << ((at + i) & 63);
	}
	return SPK_OK;
}

/* The last long view that was met: neighbours with the same bytes (constants, runs, a join's many side) share one copy. */
struct run { const char *pointer; uint32_t length; };

static bool starts_run(const struct spk_view *v, struct run *run)
{
	if (v->length <= SPK_VIEW_INLINE || (v->ref.pointer == run->pointer && v->length == run->length))
		return false;
	*run = (struct run){ v->ref.pointer, v->length };
	return true;
}

spk_status spk_views_own(struct spk_view *view, int n, struct spk_arena *arena, spk_error *err)
{
	struct run run = { NULL, 0 };
	const char *copy = NULL;
	size_t total = 0;
	char *to;

	for (int i = 0; i < n; i++)
		if (starts_run(&view[i], &run))
			total += run.length;
	if (!total)
		return SPK_OK;
	to = spk_arena_alloc(arena, total);
	SPK_TRY_PTR(to, err);
	run = (struct run){ NULL, 0 };
	for (int i = 0; i < n; i++) {
		if (starts_run(&view[i], &run)) {
			copy = memcpy(to, run.pointer, run.length);
			to += run.length;
		}
		if (view[i].length > SPK_VIEW_INLINE)
			view[i].ref.pointer = copy;
	}
	return SPK_OK;
}

spk_status spk_vector_grow_child(struct spk_vector *child, int used, int more, struct spk_arena *arena, spk_error *err)
{
	struct spk_vector bigger;

	if (spk_vector_child_capacity(used) >= used + more)
		return SPK_OK;
	SPK_TRY(spk_vector_init(&bigger, child->type, spk_vector_child_capacity(used + more), arena, err));
	SPK_TRY(spk_vector_gather(&bigger, 0, spk_vector_child_capacity(used + more), child, NULL, used, false, arena, err));
	*child = bigger;
	return SPK_OK;
}

static spk_status gather_array(struct spk_vector *out, int at, const struct spk_vector *in, const int32_t *sel, int n, bool deep, struct spk_arena *arena, spk_error *err)
{
	struct spk_reader r = spk_vector_reader(in);
	const struct spk_vector *from = spk_vector_children(in);
	const int32_t *offset = r.data;
	int32_t *to = spk_vector_i32(out), *element;
	int64_t total = 0;
	int used = to[at], e = 0;

	for (int i = 0; i < n; i++) {
		uint32_t slot = spk_reader_slot(&r, sel ? sel[i] : i);

		if (spk_reader_valid(&r, slot))
			total += offset[slot + 1] - offset[slot];
	}
	if (total + used > INT32_MAX / 2)
		return spk_fail(err, SPK_UNSUPPORTED, "arrays of more than %d elements in one batch", INT32_MAX / 2);
	SPK_TRY(spk_vector_grow_child(out->child, used, (int)total, arena, err));
	element = SPK_NEW_ARRAY(arena, int32_t, total);
	SPK_TRY_PTR(element, err);
	for (int i = 0; i < n; i++) {
		uint32_t slot = spk_reader_slot(&r, sel ? sel[i] : i);

		if (spk_reader_valid(&r, slot))
			for (int32_t k = offset[slot]; k < offset[slot + 1]; k++)
				element[e++] = k;
		to[at + i + 1] = used + e;
	}
	return spk_vector_gather(out->child, used, spk_vector_child_capacity(used + e), from, element, e, deep, arena, err);
}

static spk_status gather_row(struct spk_vector *out, int at, int capacity, const struct spk_vector *in, const int32_t *sel, int n, bool deep, struct spk_arena *arena, spk_error *err)
{
	struct spk_reader r = spk_vector_reader(in);
	const struct spk_vector *from = spk_vector_children(in);
	int32_t *slot = spk_arena_alloc(arena, (size_t)n * sizeof(*slot));

	SPK_TRY_PTR(slot, err);
	for (int i = 0; i < n; i++)
		slot[i] = (int32_t)spk_reader_slot(&r, sel ? sel[i] : i);
	for (int c = 0; c < child_count(in->type); c++)
		SPK_TRY(spk_vector_gather(&out->child[c], at, capacity, &from[c], slot, n, deep, arena, err));
	return SPK_OK;
}

spk_status spk_vector_gather(struct spk_vector *out, int at, int out_capacity, const struct spk_vector *in, const int32_t *sel, int n, bool deep, struct spk_arena *arena, spk_error *err)
{
	struct spk_reader r = spk_vector_reader(in);

	SPK_ASSERT(out->layout == SPK_FLAT && out->type.id == in->type.id, "gather into a vector of another kind");
	SPK_ASSERT(at >= 0 && n >= 0 && at + n <= out_capacity, "gather past the end");
	if (!n)
		return SPK_OK;
	SPK_TRY(gather_valid(out, at, out_capacity, &r, sel, n, arena, err));
	if (in->type.id == SPK_TYPE_ARRAY)
		return gather_array(out, at, in, sel, n, deep, arena, err);
	if (in->type.id == SPK_TYPE_ROW)
		return gather_row(out, at, out_capacity, in, sel, n, deep, arena, err);
	gather_values(out, at, &r, sel, n);
	if (deep && spk_type_is_view(in->type))
		return spk_views_own(spk_vector_view(out) + at, n, arena, err);
	return SPK_OK;
}

spk_status spk_vector_flatten(const struct spk_vector *v, int rows, struct spk_arena *arena, struct spk_vector *out, spk_error *err)
{
	struct spk_vector flat;

	if (v->layout == SPK_FLAT) {
		*out = *v;
		return SPK_OK;
	}
	SPK_TRY(spk_vector_init(&flat, v->type, rows, arena, err));
	SPK_TRY(spk_vector_gather(&flat, 0, rows, v, NULL, rows, false, arena, err));
	*out = flat;
	return SPK_OK;
}

spk_status spk_vector_set(struct spk_vector *out, int row, int rows, const struct spk_value *value, struct spk_arena *arena, spk_error *err)
{
	int32_t from = (int32_t)value->nested.row;
	struct spk_vector null;

	if (value->null) {
		SPK_TRY(spk_vector_init_constant(&null, out->type, NULL, arena, err));
		from = 0;
		return spk_vector_gather(out, row, rows, &null, &from, 1, false, arena, err);
	}
	if (spk_type_is_nested(out->type))
		return spk_vector_gather(out, row, rows, value->nested.vector, &from, 1, false, arena, err);
	memcpy((char *)out->data + (size_t)row * (size_t)spk_type_width(out->type), spk_value_bytes(value), (size_t)spk_type_width(out->type));
	if (out->valid)
		spk_bit_set(out->valid, row);
	return SPK_OK;
}
