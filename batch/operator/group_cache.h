/*
 * A small cache in front of a table of groups: rows whose group was met lately get its number without their key being encoded, hashed and
 * looked up. It pays where groups are few, or where rows of one group stand together.
 *
 * Group columns are packed into a few 64-bit words that are equal exactly when the keys are: integers, dates and times one word, fixed-scale
 * numerics and texts of up to 12 bytes two, a mask of NULLs. Other types, and batches with longer texts, go around it. When most rows miss it
 * is left alone for some batches.
 */
#ifndef SPK_BATCH_OPERATOR_GROUP_CACHE_H
#define SPK_BATCH_OPERATOR_GROUP_CACHE_H

#include "core/columnar/batch.h"

enum { SPK_CACHE_WORDS = 6, SPK_CACHE_STRIP = 256 };

struct spk_group_cache {
	int columns, words;                 /* words 0: these keys cannot be packed */
	uint64_t *entry;                    /* of words each */
	uint32_t *number;                   /* by entry; UINT32_MAX: empty */
	int pause;                          /* batches to leave it alone */
	int64_t rows, misses;               /* of the batch at hand */
};

/* Rows of a strip, packed. */
struct spk_packed { uint64_t word[SPK_CACHE_WORDS][SPK_CACHE_STRIP]; uint32_t entry[SPK_CACHE_STRIP]; };

/* For group columns of these types; what it needs lies in `arena`. */
spk_status spk_group_cache_init(struct spk_group_cache *c, const struct spk_type *type, int columns, struct spk_arena *arena, spk_error *err);
void spk_group_cache_clear(struct spk_group_cache *c);
/* Whether to try it for the next batch. */
bool spk_group_cache_begin(struct spk_group_cache *c);
/* Packs columns 0 .. of rows sel[0..n) (NULL: from, from + 1, ...), n <= SPK_CACHE_STRIP; false when they cannot be packed. */
bool spk_group_cache_pack(struct spk_group_cache *c, const struct spk_batch *keys, const int32_t *sel, int from, int n, struct spk_packed *p);
/* number[i] of the rows that are there; the places of the others go to miss[], their count is returned. */
int spk_group_cache_find(struct spk_group_cache *c, struct spk_packed *p, int n, uint32_t *number, int32_t *miss);
void spk_group_cache_put(struct spk_group_cache *c, const struct spk_packed *p, int i, uint32_t number);
/* False when so many rows missed that the rest of the batch does without it. */
bool spk_group_cache_pays(struct spk_group_cache *c);

#endif
