/*
 * Rows kept by key: a multiset of rows for every key, in a keyed state table, or a bucketed one, where each bucket has its own.
 *
 * The rows of a key lie in pages, each a value of its own, so that adding a row costs the same however many there are. Page 0 also has the key's
 * totals; most keys have no other page. A row is a string of bytes (plain.h), the same for the same row: that is how one that is taken back is found.
 * Where rows are only added they go to the last page, which fills up. Where they may be taken back (`by_hash`) the hash of a row says its page, by linear
 * hashing (W. Litwin, Linear hashing: a new tool for file and table addressing, VLDB 1980): adding or taking a row asks for that page alone, and once in
 * a while for two more that part or become one.
 *
 *   page 0       key, side                  total of weights (int64), pages (uint32), 0 (uint32), [by hash, more pages than one: bytes of all rows (int64)], rows
 *   page n > 0   key, side, n (big-endian)  rows
 *   row          size (uint32), weight (int64), [rows of the other side that it meets (int64)], its bytes
 *
 * A group is what is known of one key's rows while an epoch is worked in: loaded, changed, written. Everything of it lies in one arena. A key with more
 * pages than there should be in memory is gone through in pieces (spk_keyed_rows_piece).
 */
#ifndef SPK_STREAM_OPERATOR_KEYED_ROWS_H
#define SPK_STREAM_OPERATOR_KEYED_ROWS_H

#include "batch/operator/operator.h"
#include "stream/operator/bucket_filter.h"

/* `before`: as the table has it. met: weight of the other side's rows that it meets; kept for those who ask for it. */
struct spk_kept_row {
	const char *bytes;
	uint32_t size;
	uint32_t next;                   /* of its page, + 1; 0: it is the last */
	int64_t weight_before, weight;
	int64_t met_before, met;
};

struct spk_rows_page { uint32_t number, first, last, bytes; bool dirty; };  /* first, last: rows + 1; bytes of the rows that were read or added */

struct spk_row_group {
	const char *key;                 /* the join key's bytes */
	uint32_t key_size;
	uint64_t hash;
	int64_t bucket;                  /* where there are any */
	int64_t total_before, total;     /* of weights */
	int64_t bytes_before, bytes;     /* by hash: of all rows; that are left */
	uint32_t stored, pages;          /* in the table; that there will be */
	uint32_t loaded, page_capacity;
	struct spk_rows_page *page;      /* those that are at hand, by number */
	uint32_t rows, row_capacity;     /* of these pages, in the order in which they were read */
	struct spk_kept_row *row;
	uint32_t *index, index_mask;     /* row numbers + 1 by hash, when somebody looked for a row of many */
	uint32_t *asked, asks, ask_capacity;  /* by hash: pages that must be read for what is to come; those that will part are not among them yet */
	int64_t coming;                  /* bytes of rows that are to be added */
	uint32_t going;                  /* rows that are to be taken */
	bool piece;                      /* some pages of a key, whose totals stay as they are */
	bool changed;
};

/* One side of a join; several may share a table. */
struct spk_keyed_rows {
	struct spk_state_view *view;
	struct spk_memory_account *account;
	char side;
	bool totals_only;                /* the rows themselves are never asked for */
	bool met;                        /* rows know how many they meet */
	bool bucketed;
	struct spk_bucket_filter *filter;   /* bucketed: keys that surely have nothing in a bucket are not asked for; NULL: all are */
	bool stays;                      /* a key whose last row was taken back stays known */
	bool by_hash;                    /* rows may be taken back; such a table is not for spk_keyed_rows_gather */
	struct spk_rows_requests *requests;  /* scratch: pages that are read or written together */
	struct spk_buffer bytes;         /* scratch */
};

struct spk_state_entry { const char *key; uint32_t key_size; const char *value; uint32_t value_size; };

/* LAST: the page that rows are added to, not by hash. ASKED: those that spk_row_group_ask named, by hash. */
enum spk_rows_wanted { SPK_ROWS_NONE, SPK_ROWS_LAST, SPK_ROWS_ASKED, SPK_ROWS_ALL };

/* Reads page 0 of n groups whose key, key_size and hash are set, the rest zero: totals, and its rows. n <= SPK_BATCH_ROWS. */
spk_status spk_keyed_rows_open(struct spk_keyed_rows *k, struct spk_row_group *group, int n, struct spk_arena *arena, spk_error *err);
/* By hash, of an open group: says that a row is to be taken (or added, `adds`). */
spk_status spk_row_group_ask(const struct spk_keyed_rows *k, struct spk_row_group *g, const char *bytes, uint32_t size, bool adds, struct spk_arena *arena, spk_error *err);
/* Reads what else is wanted of each group. Once for a group. */
spk_status spk_keyed_rows_load(struct spk_keyed_rows *k, struct spk_row_group *group, const enum spk_rows_wanted *wanted, int n, struct spk_arena *arena, spk_error *err);
/*
 * Reads some pages, their numbers ascending, of a key of which `open` is known into a group. What is changed of their rows is written; the key's totals and the number of
 * its pages are not: that is for a group which was opened.
 */
spk_status spk_keyed_rows_piece(struct spk_keyed_rows *k, struct spk_row_group *g, const struct spk_row_group *open, const uint32_t *page, uint32_t pages, struct spk_arena *arena, spk_error *err);
/* How many usual pages one of an open group takes, about: rows may be long. */
uint32_t spk_row_group_page_weight(const struct spk_keyed_rows *k, const struct spk_row_group *g);
/* By hash: the page in which such a row of an open group is. */
uint32_t spk_row_group_page(const struct spk_row_group *g, const char *bytes, uint32_t size);
/* Takes up to `weight` of that row from a group with its page loaded, or all of them where not by hash; *taken is how much was there. */
spk_status spk_row_group_take(const struct spk_keyed_rows *k, struct spk_row_group *g, const char *bytes, uint32_t size, int64_t weight, int64_t *taken, struct spk_arena *arena, spk_error *err);
/*
 * Adds a row, whose bytes must outlive the group, to one with at least its last page loaded; by hash to one that was asked before it was loaded: one that is there gets the weight.
 * Row pointers got before are no longer valid.
 */
spk_status spk_row_group_add(const struct spk_keyed_rows *k, struct spk_row_group *g, const struct spk_kept_row *row, struct spk_arena *arena, spk_error *err);
/*
 * For entries of a bucket that is taken whole, in order: adds those of one key to a zeroed group, whose key becomes the entry's own name. False: the
 * entry begins another key's rows, and nothing was done. Everything is copied into `arena`.
 */
spk_status spk_keyed_rows_gather(const struct spk_keyed_rows *k, struct spk_row_group *g, const struct spk_state_entry *entry, bool *same, struct spk_arena *arena, spk_error *err);
/* Writes the groups that changed. */
spk_status spk_keyed_rows_write(struct spk_keyed_rows *k, struct spk_row_group *group, int n, struct spk_arena *arena, spk_error *err);
/* Writes one row for each of n groups, as for spk_keyed_rows_open, of keys that surely have none yet (and whose groups nobody opened). */
spk_status spk_keyed_rows_put_first(struct spk_keyed_rows *k, struct spk_row_group *group, const struct spk_kept_row *row, int n, struct spk_arena *arena, spk_error *err);
/* Deletes all that there is of n keys; the groups as for spk_keyed_rows_open. */
spk_status spk_keyed_rows_forget(struct spk_keyed_rows *k, struct spk_row_group *group, int n, struct spk_arena *arena, spk_error *err);
/* The name of a key's page 0, by which its last change is filed (expiry.h): the key and its side. */
spk_status spk_keyed_rows_name(const struct spk_keyed_rows *k, const struct spk_row_group *g, struct spk_arena *arena, struct spk_view *out, spk_error *err);
void spk_keyed_rows_release(struct spk_keyed_rows *k);

#endif
