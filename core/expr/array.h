/* What the files about arrays share. Private to core/expr. */
#ifndef SPK_CORE_EXPR_ARRAY_H
#define SPK_CORE_EXPR_ARRAY_H

#include "core/base/interrupt.h"
#include "core/expr/internal.h"

/* An argument that is an array: its rows' elements are rows of `child`. */
struct spk_array_reader {
	struct spk_reader r;
	const int32_t *offset;
	const struct spk_vector *child;
};

static inline struct spk_array_reader spk_array_reader(const struct spk_vector *v)
{
	struct spk_array_reader a = { .r = spk_vector_reader(v), .child = spk_vector_children(v) };

	a.offset = a.r.data;
	return a;
}

/* Elements [*first, *end) of a row, none when it is NULL; false then. */
static inline bool spk_array_row(const struct spk_array_reader *a, int row, int32_t *first, int32_t *end)
{
	uint32_t slot = spk_reader_slot(&a->r, row);
	bool valid = spk_reader_valid(&a->r, slot);

	*first = valid ? a->offset[slot] : 0;
	*end = valid ? a->offset[slot + 1] : 0;
	return valid;
}

/* --- several dimensions (array_shape.c) --- */

enum { SPK_ARRAY_DIMS_MAX = 6 };

/* Dimensions of the array in that row and their sizes, into dim[SPK_ARRAY_DIMS_MAX]; 0: it is empty or NULL. */
int spk_array_shape(const struct spk_vector *v, int row, int32_t *dim);
bool spk_array_same_shape(const struct spk_vector *a, int row, const struct spk_vector *b, int other);
/* Replaces an array of several dimensions by one of all its elements. */
spk_status spk_array_of_elements(struct spk_arena *arena, struct spk_expr **array, int position, spk_error *err);
/*
 * What a call makes of arrays of several dimensions before it is resolved: all their elements where the function does not care (unnest), those of an array of
 * pairs (json_object), array_fill of one dimension after the other where its sizes are constant, an error where one dimension is all that it takes.
 */
spk_status spk_array_adapt(struct spk_arena *arena, const char *name, struct spk_expr **arg, int *args, int position, spk_error *err);

/* Values of a column one by one, to be compared. */
struct spk_values {
	const struct spk_vector *v;
	struct spk_reader r;
	spk_value_compare compare;
};

static inline struct spk_values spk_values(const struct spk_vector *v)
{
	return (struct spk_values){ v, spk_vector_reader(v), spk_value_comparer(v->type) };
}

static inline bool spk_values_null(const struct spk_values *a, int row) { return spk_arg_is_null(&a->r, row); }

/* Order of two values that are not NULL, of one type. */
static inline int spk_values_compare(const struct spk_values *a, int row, const struct spk_values *b, int other)
{
	struct spk_nested x, y;

	return a->compare(a->v->type, spk_slot_bytes(a->v, &a->r, spk_reader_slot(&a->r, row), &x), spk_slot_bytes(b->v, &b->r, spk_reader_slot(&b->r, other), &y));
}

/* Equal, NULL being equal to itself. */
static inline bool spk_values_same(const struct spk_values *a, int row, const struct spk_values *b, int other)
{
	bool na = spk_values_null(a, row), nb = spk_values_null(b, other);

	return na || nb ? na && nb : spk_values_compare(a, row, b, other) == 0;
}

/* array_places.c. Order of two values, NULLs last and equal to each other. */
int spk_values_order(const struct spk_values *a, int row, const struct spk_values *b, int other);
/* The places in [first, end) at which each value comes first, NULL being one, in the order of the values, into `place`, which has room for all. Returns their number. */
int spk_array_distinct(const struct spk_values *values, int32_t first, int32_t end, int32_t *place);
/* Places into the order of their values; of equal ones the first comes first. */
void spk_array_sort_by_value(const struct spk_values *values, int32_t *place, int n);
/* Into the order in which they lie in the array. */
void spk_array_sort_places(int32_t *place, int n);

/*
 * Writes a call's result array by array, in the order of rows, straight into the child that the evaluator made: for kernels that
 * make elements rather than pick them. Element `used` and what follows it, for which room was made, is the caller's to write.
 */
enum { SPK_ARRAY_LOOK = 1 << 14 };   /* elements: between two looks at whether to stop, where they come one by one */

struct spk_array_writer {
	const struct spk_call *call;
	struct spk_vector *out, *child;
	int used;                /* elements so far */
	int next;                /* rows before it are ended */
};

static inline struct spk_array_writer spk_array_writer(const struct spk_call *call, struct spk_vector *out)
{
	return (struct spk_array_writer){ .call = call, .out = out, .child = out->child };
}

static inline spk_status spk_array_room(struct spk_array_writer *w, int more, spk_error *err)
{
	if (more > INT32_MAX / 2 - w->used)
		return spk_fail(err, SPK_UNSUPPORTED, "arrays of more than %d elements in one batch", INT32_MAX / 2);
	if (SPK_UNLIKELY((w->used & (SPK_ARRAY_LOOK - 1)) == SPK_ARRAY_LOOK - 1))
		SPK_TRY(spk_check_interrupt(err));
	return spk_vector_grow_child(w->child, w->used, more, w->call->ev->arena, err);
}

/* Makes room for one more element and a NULL of it, which counts at once. */
static inline spk_status spk_array_null(struct spk_array_writer *w, spk_error *err)
{
	SPK_TRY(spk_array_room(w, 1, err));
	w->used++;
	return spk_text_put_null(w->child, w->used - 1, spk_vector_child_capacity(w->used), w->call->ev->arena, err);
}

/* Ends row `row`; those passed over are empty. Once more with the number of rows at the end of the call. */
static inline void spk_array_end(struct spk_array_writer *w, int row)
{
	int32_t *offset = spk_vector_i32(w->out);

	for (; w->next < row; w->next++)
		offset[w->next + 1] = offset[w->next];
	if (row < w->call->rows)
		offset[++w->next] = w->used;
}

/* A builder of the call's result whose elements come from `source`. */
static inline struct spk_list_builder spk_call_lists(const struct spk_call *call, struct spk_vector *out, const struct spk_vector *source, int sources)
{
	return spk_list_builder(out, call->rows, source, sources, call->ev->arena);
}

#endif
