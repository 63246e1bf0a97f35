/*
 * Arrays and records as values: their order, as PostgreSQL compares them, and whether two are the same to the bit.
 *
 * Elements decide from the first on, NULL is above everything and equal to itself, and of two arrays that agree as far as they
 * both go the shorter is less.
 */
#include "core/expr/internal.h"

/* The i-th element or field: its vector and slot. */
struct part { const struct spk_vector *v; struct spk_reader r; uint32_t slot; bool null; };

static struct part part_of(struct spk_nested n, int i)
{
	bool array = n.vector->type.id == SPK_TYPE_ARRAY;
	struct part p = { .v = &n.vector->child[array ? 0 : i] };

	p.r = spk_vector_reader(p.v);
	p.slot = spk_reader_slot(&p.r, array ? spk_vector_i32(n.vector)[n.row] + i : (int)n.row);
	p.null = !spk_reader_valid(&p.r, p.slot);
	return p;
}

int spk_nested_count(struct spk_nested n)
{
	const int32_t *offset = n.vector->data;

	return n.vector->type.id == SPK_TYPE_ARRAY ? offset[n.row + 1] - offset[n.row] : n.vector->type.children->count;
}

int spk_nested_compare(struct spk_type type, const void *pa, const void *pb)
{
	const struct spk_nested a = *(const struct spk_nested *)pa, b = *(const struct spk_nested *)pb;
	int na = spk_nested_count(a), nb = spk_nested_count(b), n = SPK_MIN(na, nb);

	for (int i = 0; i < n; i++) {
		struct spk_type inner = type.children->field[type.id == SPK_TYPE_ARRAY ? 0 : i].type;
		struct part x = part_of(a, i), y = part_of(b, i);
		struct spk_nested sx, sy;
		int order;

		if (x.null || y.null)
			order = x.null - y.null;
		else
			order = spk_value_comparer(inner)(inner, spk_slot_bytes(x.v, &x.r, x.slot, &sx), spk_slot_bytes(y.v, &y.r, y.slot, &sy));
		if (order)
			return order;
	}
	return (na > nb) - (na < nb);
}

bool spk_nested_identical(struct spk_nested a, struct spk_nested b)
{
	int n = spk_nested_count(a);

	if (n != spk_nested_count(b))
		return false;
	for (int i = 0; i < n; i++) {
		struct part x = part_of(a, i), y = part_of(b, i);
		struct spk_nested sx, sy;
		const void *bx, *by;

		if (x.null || y.null) {
			if (x.null != y.null)
				return false;
			continue;
		}
		bx = spk_slot_bytes(x.v, &x.r, x.slot, &sx);
		by = spk_slot_bytes(y.v, &y.r, y.slot, &sy);
		if (spk_type_is_nested(x.v->type) ? !spk_nested_identical(sx, sy) :
		    spk_type_is_view(x.v->type) ? !spk_view_equal(bx, by) : memcmp(bx, by, (size_t)spk_type_width(x.v->type)) != 0)
			return false;
	}
	return true;
}
