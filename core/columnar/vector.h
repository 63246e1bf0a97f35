/*
 * A vector: one column of a batch, in Arrow's layout, with constant and dictionary forms.
 *
 *   FLAT        data[i] is row i
 *   CONSTANT    data[0] is every row; NULL when bit 0 of `valid` is clear
 *   DICTIONARY  row i is dictionary row index[i], NULL when that one is; `data` and `valid` are not used. index[i] is in
 *               range for every physical row, selected or not
 *
 * A ROW has no data: row i of a FLAT one is row i of its children, which may have any layout. An ARRAY's offsets ascend over
 * all physical rows; its child is appended to only by spk_vector_gather once the vector was made by spk_vector_init.
 *
 * `valid` is a bitmap, least significant bit first, 1 = not NULL; a NULL pointer means no NULLs. The value under a NULL is
 * unspecified but readable (never a wild pointer: views under NULL have length 0). A vector does not own memory: all of
 * it lies in the batch's arena or in arenas which that one holds (batch.h). Kernels that write vectors write at the row
 * positions of the selection and leave the others untouched.
 */
#ifndef SPK_CORE_COLUMNAR_VECTOR_H
#define SPK_CORE_COLUMNAR_VECTOR_H

#include <string.h>

#include "core/base/arena.h"
#include "core/base/check.h"
#include "core/columnar/type.h"

enum spk_layout { SPK_FLAT, SPK_CONSTANT, SPK_DICTIONARY };

/* A string: up to 12 bytes inline, else the first 4 and a pointer. Layout of Arrow's BinaryView with a pointer. */
struct spk_view {
	uint32_t length;
	union {
		char inlined[12];            /* zero-padded: two inline views are equal iff their 16 bytes are */
		struct { char prefix[4]; const char *pointer; } __attribute__((packed)) ref;
	};
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct spk_view) == 16, "views are 16 bytes");

enum { SPK_VIEW_INLINE = 12 };

static inline const char *spk_view_data(const struct spk_view *v)
{
	return v->length <= SPK_VIEW_INLINE ? v->inlined : v->ref.pointer;
}
/* Makes a view of bytes that outlive it (short ones are copied inline). */
static inline struct spk_view spk_view(const char *data, uint32_t length)
{
	struct spk_view v = { .length = length };

	if (length <= SPK_VIEW_INLINE) {
		if (length)
			memcpy(v.inlined, data, length);
	} else {
		memcpy(v.ref.prefix, data, 4);
		v.ref.pointer = data;
	}
	return v;
}
static inline struct spk_view spk_view_str(const char *s) { return spk_view(s, (uint32_t)strlen(s)); }
bool spk_view_equal_slow(const struct spk_view *a, const struct spk_view *b);
static inline bool spk_view_equal(const struct spk_view *a, const struct spk_view *b)
{
	uint64_t wa, wb;

	memcpy(&wa, a, 8);
	memcpy(&wb, b, 8);
	return wa == wb && spk_view_equal_slow(a, b);
}
/* Bytewise order (C collation), <0, 0, >0. */
int spk_view_compare(const struct spk_view *a, const struct spk_view *b);

struct spk_vector {
	struct spk_type type;
	enum spk_layout layout;
	uint64_t *valid;
	void *data;
	const uint32_t *index;                   /* DICTIONARY */
	const struct spk_vector *dictionary;     /* DICTIONARY: a FLAT vector */
	struct spk_vector *child;                /* ARRAY: one; ROW: type.children->count of them */
};

/* --- validity bitmaps --- */

static inline size_t spk_bitmap_words(int rows) { return ((size_t)rows + 63) / 64; }
static inline bool spk_bit(const uint64_t *bits, int i) { return bits[i >> 6] >> (i & 63) & 1; }
static inline void spk_bit_set(uint64_t *bits, int i) { bits[i >> 6] |= 1ull << (i & 63); }
static inline void spk_bit_clear(uint64_t *bits, int i) { bits[i >> 6] &= ~(1ull << (i & 63)); }

/* --- reading any layout --- */

/* Where row i of any vector lies: slot = index ? index[i] : i & mask. For kernels that do not care about the layout. */
struct spk_reader {
	const void *data;
	const uint64_t *valid;    /* by slot; NULL = no NULLs */
	const uint32_t *index;    /* NULL unless DICTIONARY */
	uint32_t mask;            /* 0 for CONSTANT, else ~0 */
};
struct spk_reader spk_vector_reader(const struct spk_vector *v);
static inline uint32_t spk_reader_slot(const struct spk_reader *r, int row)
{
	return r->index ? r->index[row] : (uint32_t)row & r->mask;
}
static inline bool spk_reader_valid(const struct spk_reader *r, uint32_t slot)
{
	return !r->valid || spk_bit(r->valid, (int)slot);
}
static inline bool spk_vector_is_null(const struct spk_vector *v, int row)
{
	struct spk_reader r = spk_vector_reader(v);

	return !spk_reader_valid(&r, spk_reader_slot(&r, row));
}

/* --- making vectors --- */

/* A FLAT vector for `rows` rows in `arena`, values uninitialised (views zeroed), no validity bitmap. */
spk_status spk_vector_init(struct spk_vector *v, struct spk_type type, int rows, struct spk_arena *arena, spk_error *err);
/* Gives the vector a bitmap with all rows valid unless it has one. */
spk_status spk_vector_need_valid(struct spk_vector *v, int rows, struct spk_arena *arena, spk_error *err);
/* A CONSTANT vector: `value` (as spk_value_bytes gives it) is copied; NULL value makes a constant NULL. View bytes and the
 * elements of an ARRAY or ROW are copied too. */
spk_status spk_vector_init_constant(struct spk_vector *v, struct spk_type type, const void *value, struct spk_arena *arena, spk_error *err);
/* *out is FLAT with the same rows: itself when it is flat already, else expanded in `arena`. View bytes are shared. */
spk_status spk_vector_flatten(const struct spk_vector *v, int rows, struct spk_arena *arena, struct spk_vector *out, spk_error *err);
/* Copies rows sel[0..n) (NULL: 0..n) densely into FLAT `out` at out row `at`; view bytes are copied into `arena` when
 * `deep`. `out` must have room; gets a bitmap (of out_capacity rows) when a NULL comes. */
spk_status spk_vector_gather(struct spk_vector *out, int at, int out_capacity, const struct spk_vector *in, const int32_t *sel, int n, bool deep, struct spk_arena *arena, spk_error *err);
/* The children of an ARRAY or ROW in any layout: slots of the reader are rows of theirs (or of their offsets). */
static inline struct spk_vector *spk_vector_children(const struct spk_vector *v)
{
	return v->layout == SPK_DICTIONARY ? v->dictionary->child : v->child;
}
/* Makes room for `more` elements after the `used` ones of an ARRAY's child that spk_vector_init made and only this and gather grew. */
spk_status spk_vector_grow_child(struct spk_vector *child, int used, int more, struct spk_arena *arena, spk_error *err);
/* Elements for which such a child has room when `used` are taken. */
int spk_vector_child_capacity(int used);
/* Copies the bytes of `n` views into `arena`, with one allocation; neighbours with the same bytes share a copy. */
spk_status spk_views_own(struct spk_view *view, int n, struct spk_arena *arena, spk_error *err);

static inline int16_t *spk_vector_i16(const struct spk_vector *v) { return (int16_t *)v->data; }
static inline int32_t *spk_vector_i32(const struct spk_vector *v) { return (int32_t *)v->data; }
static inline int64_t *spk_vector_i64(const struct spk_vector *v) { return (int64_t *)v->data; }
static inline double *spk_vector_f64(const struct spk_vector *v) { return (double *)v->data; }
static inline float *spk_vector_f32(const struct spk_vector *v) { return (float *)v->data; }
static inline uint8_t *spk_vector_bool(const struct spk_vector *v) { return (uint8_t *)v->data; }
static inline spk_int128 *spk_vector_i128(const struct spk_vector *v) { return (spk_int128 *)v->data; }
static inline struct spk_view *spk_vector_view(const struct spk_vector *v) { return (struct spk_view *)v->data; }
static inline struct spk_interval *spk_vector_interval(const struct spk_vector *v) { return (struct spk_interval *)v->data; }

/* --- one value --- */

/* An ARRAY's or ROW's value: slot `row` of `vector`, which is FLAT or CONSTANT. Borrowed. */
struct spk_nested { const struct spk_vector *vector; uint32_t row; };

/* A single typed value, e.g. a literal. Text and nested values point into an arena of whoever made it. */
struct spk_value {
	struct spk_type type;
	bool null;
	union {
		uint8_t boolean;
		int16_t i16;
		int32_t i32;
		int64_t i64;
		float f32;
		double f64;
		spk_int128 i128;
		struct spk_view view;
		struct spk_interval interval;
		struct spk_nested nested;
	};
};
/* Address of the bytes of a value as they would lie in a vector; of an ARRAY or ROW the struct spk_nested. */
static inline const void *spk_value_bytes(const struct spk_value *v) { return &v->boolean; }
/* The same for slot `slot` of a vector: `scratch` holds what an ARRAY's or ROW's bytes are. */
static inline const void *spk_slot_bytes(const struct spk_vector *v, const struct spk_reader *r, uint32_t slot, struct spk_nested *scratch)
{
	if (spk_type_is_nested(v->type)) {
		*scratch = (struct spk_nested){ v->layout == SPK_DICTIONARY ? v->dictionary : v, slot };
		return scratch;
	}
	return (const char *)r->data + (size_t)spk_type_width(v->type) * slot;
}
/* Bytes of a value in memory outside of vectors: 16 for an ARRAY or ROW. */
static inline size_t spk_value_width(struct spk_type type) { return spk_type_is_nested(type) ? sizeof(struct spk_nested) : (size_t)spk_type_width(type); }
struct spk_value spk_vector_value(const struct spk_vector *v, int row);
/* Row `row` of a FLAT vector, with room for `rows`, that is filled from row 0 on: the value, or NULL. View bytes are shared, elements
 * copied into `arena`. */
spk_status spk_vector_set(struct spk_vector *out, int row, int rows, const struct spk_value *value, struct spk_arena *arena, spk_error *err);

#endif
