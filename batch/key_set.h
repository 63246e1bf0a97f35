/*
 * Which rows were there before: the keys of a recursive UNION, however many.
 *
 *	new, then per round: add ..., settle; free at last
 *
 * Keys are held in a hash table. Once they take more than their part of memory.limit, or memory is short, they go to disk, by the upper bits of
 * their hashes. A row whose key is not in memory may be on disk: a Bloom filter over what is there tells for nearly all rows that it is not.
 * The others wait, and whatever comes behind them, until the round is over or memory is full; then the parts of the disk that are asked for
 * are read once. So rows come out in the order in which they were added, whether or not anything was put on disk.
 *
 * Not thread-safe.
 */
#ifndef SPK_BATCH_KEY_SET_H
#define SPK_BATCH_KEY_SET_H

#include "core/columnar/batch.h"

struct spk_key_set;

/* Gets batches of rows that were not there before; borrows them. */
typedef spk_status (*spk_key_set_taker)(void *user, struct spk_batch *fresh, spk_error *err);

struct spk_cache;

/* schema: of the rows; borrowed. cache: gives memory back before keys go to disk; may be NULL. directory: as for spk_spill_area_new. */
spk_status spk_key_set_new(struct spk_key_set **out, const struct spk_schema *schema, struct spk_cache *cache, const char *directory, spk_key_set_taker take, void *user, spk_error *err);
void spk_key_set_free(struct spk_key_set *set);  /* NULL is fine */
/* Those of the batch's rows that are new go to the taker, now or when they are settled. */
spk_status spk_key_set_add(struct spk_key_set *set, struct spk_batch *batch, spk_error *err);
/* Hands on all rows that wait. */
spk_status spk_key_set_settle(struct spk_key_set *set, spk_error *err);

#endif
