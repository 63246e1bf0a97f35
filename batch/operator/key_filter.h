/*
 * Runtime filters: what is known of the values that a join's key has on the build side, asked by the scan of the probe side before its rows go
 * any further (planner/physical/runtime_filter.c). It may say that a value is there when it is not, never the other way round.
 *
 *   integers (dates, times)   least and greatest value; between them a bit per value where they lie close together, which is exact
 *   else                      a Bloom filter in blocks of 64 bits over the hash of columnar/hash.h, at least 16 bits a row: less than one
 *                             value in a hundred passes wrongly
 *
 * NULL is never there. Read-only once made, for any number of threads.
 */
#ifndef SPK_BATCH_OPERATOR_KEY_FILTER_H
#define SPK_BATCH_OPERATOR_KEY_FILTER_H

#include "batch/operator/join_table.h"

struct spk_key_filter;

/* Of key number `key` of the table. *out is NULL when memory.limit has no room for it: then there is none. */
spk_status spk_key_filter_new(struct spk_key_filter **out, const struct spk_join_table *t, int key, struct spk_memory_account *account, spk_error *err);
void spk_key_filter_free(struct spk_key_filter *f);  /* NULL is fine */

/* Keeps those of the rows sel[0..n) whose value may be there; returns how many. `v` has values for these rows. */
int spk_key_filter_keep(const struct spk_key_filter *f, const struct spk_vector *v, int32_t *sel, int n);

/* --- by the scan, of a hash join in its pipeline --- */

/* The filter of the join's key; NULL: its build side is not complete, or on disk, or there was no room. */
const struct spk_key_filter *spk_join_key_filter(const struct spk_op *join, int key);
/* True when the build side is complete and has no rows. */
bool spk_join_is_empty(const struct spk_op *join);

#endif
