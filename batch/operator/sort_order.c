/*
 * Radix sort of items from their highest byte down; few items by insertion.
 *
 * Bytes in which no two items differ are skipped, so a range of small numbers or a common beginning costs nothing. Where the 12 bytes
 * of an item are used up and keys go on, the next 12 are loaded into the items of that range. Long common beginnings end in a
 * heap sort that compares whole keys, so that the depth of recursion is bounded.
 */
#include "batch/operator/sort_order.h"

enum { FEW = 32, RADIX = 256, ROW_BYTES = 4, RELOADS = 12 };

struct order { const struct spk_sort_keys *keys; spk_sort_item *spare; };

static void sort_range(const struct order *o, spk_sort_item *a, size_t n, uint32_t depth, int reloads);

static inline struct spk_key_ref key_of(const struct order *o, spk_sort_item item)
{
	const char *at = spk_sort_record(o->keys->base, spk_sort_row(item)) + o->keys->at;
	struct spk_key_ref key = { .data = at + sizeof key.size };

	memcpy(&key.size, at, sizeof key.size);
	return key;
}

static inline spk_sort_item key_bytes(spk_sort_item item) { return item >> (8 * ROW_BYTES); }

static bool is_sorted(const spk_sort_item *a, size_t n)
{
	size_t i = 1;

	while (i < n && a[i - 1] <= a[i])
		i++;
	return i >= n;
}

static void insertion_sort(spk_sort_item *a, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		spk_sort_item v = a[i];
		size_t k = i;

		for (; k > 0 && a[k - 1] > v; k--)
			a[k] = a[k - 1];
		a[k] = v;
	}
}

/* --- whole keys, compared --- */

static bool key_less(const struct order *o, spk_sort_item a, spk_sort_item b)
{
	struct spk_key_ref x = key_of(o, a), y = key_of(o, b);
	int order = spk_key_compare(&x, &y);

	return order ? order < 0 : spk_sort_row(a) < spk_sort_row(b);
}

static void sift_down(const struct order *o, spk_sort_item *a, size_t at, size_t n)
{
	spk_sort_item v = a[at];

	for (size_t child; (child = 2 * at + 1) < n; at = child) {
		child += child + 1 < n && key_less(o, a[child], a[child + 1]);
		if (!key_less(o, v, a[child]))
			break;
		a[at] = a[child];
	}
	a[at] = v;
}

static void heap_sort(const struct order *o, spk_sort_item *a, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sift_down(o, a, i, n);
	for (size_t end = n; end-- > 1;) {
		spk_sort_item last = a[end];

		a[end] = a[0];
		a[0] = last;
		sift_down(o, a, 0, end);
	}
}

/* --- bytes --- */

/* Items that are equal in their key bytes: by the keys' next bytes, and by row where those are used up. */
static void sort_equal(const struct order *o, spk_sort_item *a, size_t n, uint32_t depth, int reloads)
{
	struct order by_row = { NULL, o->spare };
	bool more = false;

	for (size_t i = 0; i < n && o->keys; i++)
		more = more || key_of(o, a[i]).size > depth + SPK_SORT_KEY_BYTES;
	if (!more) {
		sort_range(&by_row, a, n, 0, 0);
		return;
	}
	if (reloads == RELOADS) {
		heap_sort(o, a, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct spk_key_ref key = key_of(o, a[i]);

		a[i] = spk_sort_item_of(key.data, key.size, depth + SPK_SORT_KEY_BYTES, spk_sort_row(a[i]));
	}
	sort_range(o, a, n, depth + SPK_SORT_KEY_BYTES, reloads + 1);
}

/* Sorted items: those with equal key bytes may have longer keys. */
static void sort_groups(const struct order *o, spk_sort_item *a, size_t n, uint32_t depth, int reloads)
{
	for (size_t from = 0, to; o->keys && from < n; from = to) {
		to = from + 1;
		while (to < n && key_bytes(a[to]) == key_bytes(a[from]))
			to++;
		if (to - from > 1)
			sort_equal(o, a + from, to - from, depth, reloads);
	}
}

/* end[b]: where items with byte b at `shift` end once those with smaller ones come first; next[b]: where they begin. */
static void count_bytes(const spk_sort_item *a, size_t n, int shift, uint32_t next[RADIX], uint32_t end[RADIX])
{
	uint32_t count[RADIX] = { 0 }, at = 0;

	for (size_t i = 0; i < n; i++)
		count[(uint8_t)(a[i] >> shift)]++;
	for (int b = 0; b < RADIX; b++) {
		next[b] = at;
		end[b] = at += count[b];
	}
}

/* By a copy: stable, and no store waits for another. */
static void scatter(spk_sort_item *a, size_t n, int shift, uint32_t next[RADIX], spk_sort_item *spare)
{
	for (size_t i = 0; i < n; i++)
		spare[next[(uint8_t)(a[i] >> shift)]++] = a[i];
	memcpy(a, spare, n * sizeof *a);
}

/* In place: every misplaced item is swapped to where it belongs; what comes back is looked at in the next round. */
static void swap_round(spk_sort_item *a, int shift, uint32_t next[RADIX], const uint32_t end[RADIX])
{
	for (int left = RADIX; left > 0;) {
		left = 0;
		for (int b = 0; b < RADIX; b++) {
			for (uint32_t i = next[b]; i < end[b]; i++) {
				spk_sort_item v = a[i];
				uint32_t to = next[(uint8_t)(v >> shift)]++;

				a[i] = a[to];
				a[to] = v;
			}
			left += next[b] < end[b];
		}
	}
}

static int highest_byte(spk_sort_item v)
{
	uint64_t high = (uint64_t)(v >> 64), low = (uint64_t)v;

	return high ? 15 - __builtin_clzll(high) / 8 : 7 - __builtin_clzll(low | 1) / 8;
}

static void sort_range(const struct order *o, spk_sort_item *a, size_t n, uint32_t depth, int reloads)
{
	spk_sort_item differ = 0;
	uint32_t next[RADIX], end[RADIX], from = 0;
	int byte;

	if (n <= FEW || is_sorted(a, n)) {
		if (n <= FEW)
			insertion_sort(a, n);
		sort_groups(o, a, n, depth, reloads);
		return;
	}
	for (size_t i = 1; i < n; i++)
		differ |= a[i] ^ a[0];
	byte = highest_byte(differ);
	if (byte < ROW_BYTES && o->keys) {
		sort_equal(o, a, n, depth, reloads);
		return;
	}
	count_bytes(a, n, 8 * byte, next, end);
	if (o->spare)
		scatter(a, n, 8 * byte, next, o->spare);
	else
		swap_round(a, 8 * byte, next, end);
	for (int b = 0; b < RADIX; from = end[b++])
		if (end[b] - from > 1)
			sort_range(o, a + from, end[b] - from, depth, reloads);
}

void spk_sort_items(spk_sort_item *item, size_t n, const struct spk_sort_keys *keys, spk_sort_item *spare)
{
	struct order order = { keys, spare };

	SPK_ASSERT(n <= UINT32_MAX, "as many rows as have numbers");
	sort_range(&order, item, n, 0, 0);
}
