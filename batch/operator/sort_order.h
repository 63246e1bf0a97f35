/*
 * Puts rows in order: numbers of 16 bytes, the first 12 bytes of a row's key and the row's number.
 *
 * Keys are row keys (core/columnar/rowkey.h), of which none is the beginning of another: so zeros may stand behind a short one. Rows with
 * equal keys come out by their numbers, which makes every sort by them stable.
 */
#ifndef SPK_BATCH_OPERATOR_SORT_ORDER_H
#define SPK_BATCH_OPERATOR_SORT_ORDER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/base/check.h"

typedef unsigned __int128 spk_sort_item;

/* A row's number: its slot, and its place there in units of 16 bytes where records are meant (row_layout.h), in rows where columns are (slots.h). */
enum { SPK_SORT_KEY_BYTES = 12, SPK_SLOT_BITS = 12, SPK_SLOT_ROWS = 1 << SPK_SLOT_BITS, SPK_SLOT_UNIT = 16, SPK_SLOT_BYTES = SPK_SLOT_ROWS * SPK_SLOT_UNIT };
static inline uint32_t spk_sort_row(spk_sort_item item) { return (uint32_t)item; }
static inline uint32_t spk_row_number(uint32_t slot, uint32_t row) { return slot << SPK_SLOT_BITS | row; }

/* The record of a number; base: by slot. */
static inline char *spk_sort_record(char *const *base, uint32_t number)
{
	return base[number >> SPK_SLOT_BITS] + (size_t)(number & (SPK_SLOT_ROWS - 1)) * SPK_SLOT_UNIT;
}

/* A row's whole key. */
struct spk_key_ref { const char *data; uint32_t size; };

/* The item of a key's bytes from `depth` on. */
static inline spk_sort_item spk_sort_item_of(const char *key, uint32_t size, uint32_t depth, uint32_t row)
{
	char padded[SPK_SORT_KEY_BYTES] = { 0 };
	const char *at = key + depth;
	uint64_t high;
	uint32_t low;

	if (depth >= size) {
		at = padded;
	} else if (size - depth < SPK_SORT_KEY_BYTES) {
		memcpy(padded, at, size - depth);
		at = padded;
	}
	memcpy(&high, at, 8);
	memcpy(&low, at + 8, 4);
	return (spk_sort_item)__builtin_bswap64(high) << 64 | (uint64_t)__builtin_bswap32(low) << 32 | row;
}

/* Order of two keys: <0, 0, >0. */
static inline int spk_key_compare(const struct spk_key_ref *a, const struct spk_key_ref *b)
{
	const uint32_t common = SPK_MIN(a->size, b->size);
	int order = common ? memcmp(a->data, b->data, common) : 0;   /* without a key there may be no bytes at all */

	return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* Where whole keys are: in each record at `at`, its size in 4 bytes and its bytes. */
struct spk_sort_keys { char *const *base; int at; };

/*
 * Sorts n items. keys: the whole keys; NULL when the items hold all of them. What is left in the items is the row numbers, in order; their
 * other bytes are then of no use when there are keys. `spare` is room for n items, or NULL: twice the time.
 */
void spk_sort_items(spk_sort_item *item, size_t n, const struct spk_sort_keys *keys, spk_sort_item *spare);

#endif
