/*
 * Rows kept by key and in order: for every key a counted B+ tree in a state table, so that a change, the first or last rows and the row at any place
 * cost what the tree is deep, however many rows a key has.
 *
 * A row is a string of bytes, of which the first `order` say where it stands (rowkey.h); what is behind (plain.h) makes it that row, and puts those
 * that stand alike in one order whenever they came. The same row twice is one with the weight 2; rows that were taken back before they came have
 * negative weights, and nobody is shown them.
 *
 *   page 0       key, side                  the root, and how many pages have been numbered
 *   page n > 0   key, side, n (big-endian)  the others
 *   page         head, entries: size, order (leaf) or page (inner), weight (leaf: the row's; inner: of all below), bytes (inner: the least that is below)
 *
 * Most keys have the root alone: one read and one write. Pages of a tree are read when something leads to them; what was read and changed of it while
 * an epoch is worked in lies in one arena.
 */
#ifndef SPK_STREAM_OPERATOR_ORDERED_ROWS_H
#define SPK_STREAM_OPERATOR_ORDERED_ROWS_H

#include "stream/operator/keyed_rows.h"

struct spk_ordered_page;

/* In a leaf a row, else what is below a page. */
struct spk_ordered_entry {
	const char *bytes;
	uint32_t size, order;
	int64_t weight;
	uint32_t number;
	struct spk_ordered_page *page;   /* NULL: not read yet */
};

struct spk_ordered_page {
	uint32_t number, level;          /* 0: a leaf */
	uint32_t count, capacity, bytes;
	bool dirty;
	struct spk_ordered_entry *entry;
};

/* One key's. Set key, key_size, hash, bucket (where there are any) and arena; zero the rest. */
struct spk_ordered_tree {
	const char *key;
	uint32_t key_size;
	uint64_t hash;
	int64_t bucket;
	struct spk_arena *arena;
	struct spk_ordered_page *root;
	uint32_t pages;                  /* numbered so far */
	uint32_t *gone, gone_count, gone_capacity;  /* pages that are no more */
	bool stored, changed;
	/* Taken whole from a bucket: the pages' values by number; nothing is read. */
	struct spk_state_value *gathered;
};

/* A task's view on them; several may share a table. */
struct spk_ordered_rows {
	struct spk_state_view *view;
	struct spk_memory_account *account;
	char side;
	bool bucketed;
	bool stays;                      /* a key whose last row was taken back stays known */
	struct spk_ordered_requests *requests;  /* scratch: pages that are read or written together */
	struct spk_buffer bytes;         /* scratch */
};

/* Reads the roots of n trees, n <= SPK_BATCH_ROWS. */
spk_status spk_ordered_open(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, int n, spk_error *err);
/* Adds to the weight of a row, whose bytes must outlive the tree. */
spk_status spk_ordered_add(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, const struct spk_ordered_entry *row, spk_error *err);
/* Calls `visit` for the rows in order, or from the last one on, until it says *go = false. What an entry points to lives as long as the arena. */
typedef spk_status (*spk_ordered_visit)(void *user, const struct spk_ordered_entry *row, bool *go, spk_error *err);
spk_status spk_ordered_walk(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, bool backwards, spk_ordered_visit visit, void *user, spk_error *err);
/* Weight of all rows. */
int64_t spk_ordered_weight(const struct spk_ordered_tree *tree);
/* The row at place `at`, counted by weight from 0, *row NULL when there are fewer. Only where no weights are negative. */
spk_status spk_ordered_at(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, int64_t at, const struct spk_ordered_entry **row, spk_error *err);
/* Forgets all rows behind this one. */
spk_status spk_ordered_cut(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, const struct spk_ordered_entry *last, spk_error *err);
/* Forgets all rows before this one; NULL: all. */
spk_status spk_ordered_cut_front(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, const struct spk_ordered_entry *first, spk_error *err);
/* Writes the trees that changed, n <= SPK_BATCH_ROWS. */
spk_status spk_ordered_write(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, int n, spk_error *err);
/*
 * For entries of a bucket that is taken whole, in order: adds those of one key to a tree that has but an arena, whose key becomes the entry's own name. False: the entry
 * begins another key's rows, and nothing was done.
 */
spk_status spk_ordered_gather(struct spk_ordered_tree *tree, const struct spk_state_entry *entry, bool *same, spk_error *err);
void spk_ordered_release(struct spk_ordered_rows *o);

/* Order of two rows: by what says where they stand, then by the rest. */
int spk_ordered_compare(const struct spk_ordered_entry *a, const struct spk_ordered_entry *b);
/* They stand alike. */
bool spk_ordered_peers(const struct spk_ordered_entry *a, const struct spk_ordered_entry *b);

#endif
