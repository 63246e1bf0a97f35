/* Which of an epoch's rows may be the first of their key. See first_rows.h. */
#include "stream/operator/first_rows.h"

#include <stdlib.h>

/* A key's rows, the last one first, by the list that spk_delta_rows_chain makes anew when all are there; when there are `full` of them those behind the bound go. limit: the one at the bound then, + 1. */
struct first_key { uint32_t last, count, full, limit; };

static struct first_key *key_at(const struct spk_first_rows *f, uint32_t key)
{
	return (size_t)key < f->keys.size / sizeof(struct first_key) ? (struct first_key *)(void *)f->keys.data + key : NULL;
}

void spk_first_rows_clear(struct spk_first_rows *f)
{
	spk_buffer_clear(&f->keys);
}

void spk_first_rows_release(struct spk_first_rows *f)
{
	spk_buffer_release(&f->keys);
	spk_buffer_release(&f->list);
}

static struct spk_view order_of(const struct spk_delta_rows *d, uint32_t row)
{
	uint32_t size, order;
	const char *bytes = spk_delta_row(d, row, &size);

	memcpy(&order, bytes, sizeof order);
	return spk_view(bytes + sizeof order, order);
}

bool spk_first_rows_may(const struct spk_first_rows *f, const struct spk_delta_rows *d, uint32_t key, const char *order, uint32_t size)
{
	const struct first_key *k = key_at(f, key);
	struct spk_view row, limit;

	if (!k || !k->limit)
		return true;
	row = spk_view(order, size);
	limit = order_of(d, k->limit - 1);
	return spk_view_compare(&row, &limit) <= 0;
}

/* --- those that are not among the first --- */

struct listed { struct spk_view order; uint32_t row; };

static int compare_listed(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;
	const int order = spk_view_compare(&x->order, &y->order);

	return order ? order : (x->row > y->row) - (x->row < y->row);
}

static spk_status prune(struct spk_first_rows *f, struct spk_delta_rows *d, struct first_key *k, spk_error *err)
{
	struct listed *list;
	uint32_t n = 0;

	spk_buffer_clear(&f->list);
	SPK_TRY(spk_buffer_reserve(&f->list, sizeof *list * k->count, err));
	list = (struct listed *)(void *)f->list.data;
	for (uint32_t row = k->last; row; row = d->next[row - 1])
		list[n++] = (struct listed){ order_of(d, row - 1), row - 1 };
	qsort(list, n, sizeof *list, compare_listed);
	k->limit = list[f->bound - 1].row + 1;
	k->last = k->count = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (i >= f->bound && spk_view_compare(&list[i].order, &list[f->bound - 1].order) > 0) {
			d->weight[list[i].row] = 0;
			continue;
		}
		d->next[list[i].row] = k->last;
		k->last = list[i].row + 1;
		k->count++;
	}
	/* Many that stand alike are not sorted anew for every one that comes. */
	k->full = 2 * k->count;
	return SPK_OK;
}

static spk_status grow(struct spk_buffer *b, size_t size, spk_error *err)
{
	if (b->size >= size)
		return SPK_OK;
	SPK_TRY(spk_buffer_reserve(b, size - b->size, err));
	memset(b->data + b->size, 0, size - b->size);
	b->size = size;
	return SPK_OK;
}

spk_status spk_first_rows_note(struct spk_first_rows *f, struct spk_delta_rows *d, uint32_t key, spk_error *err)
{
	const uint32_t row = d->count - 1;
	struct first_key *k;

	SPK_TRY(grow(&f->keys, sizeof *k * ((size_t)key + 1), err));
	k = key_at(f, key);
	if (!k->full)
		k->full = (uint32_t)SPK_MIN(2 * f->bound, (int64_t)UINT32_MAX);
	d->next[row] = k->last;
	k->last = row + 1;
	k->count++;
	return k->count >= k->full ? prune(f, d, k, err) : SPK_OK;
}
