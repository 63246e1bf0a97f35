/*
 * The parts of NORMALIZE: normalize.c collects an epoch's changes and hands on what changes of the rows; normalize_apply.c says what a change does to what
 * is known of its key; normalize_state.c reads and writes that; normalize_history.c makes versions of it.
 */
#ifndef SPK_STREAM_OPERATOR_NORMALIZE_H
#define SPK_STREAM_OPERATOR_NORMALIZE_H

#include "core/base/memory.h"
#include "core/columnar/hash.h"
#include "planner/logical/changes.h"
#include "stream/operator/key_image.h"
#include "stream/operator/row_changes.h"
#include "stream/operator/stream_operators.h"

/* SPK_NORMALIZE_BUCKET: the one of the state table. Keys of marks begin with what no row's key begins with. SPK_NORMALIZE_CHUNK: of rows that are handed on at once. */
enum { SPK_NORMALIZE_BUCKET = 0, SPK_MARK_BYTES = 10, SPK_MARK_READ = 0xff, SPK_MARK_TRUNCATED = 0xfe, SPK_NORMALIZE_CHUNK = 4 << 20 };
#define SPK_NO_KEY UINT32_MAX

/* One change. move: number of the move that it is a part of; mark: of how far its partition was read. */
struct spk_change {
	uint32_t key, move, batch, mark;
	int32_t row, weight;
	enum spk_change_op op;
	int64_t partition;
	struct spk_change_time at;
	struct spk_bytes holes;
};

/* A key of the epoch. `row_of`: the change that has the row of `is`, as long as nobody needed its bytes. */
struct spk_key_entry { struct spk_key_image was, is; const struct spk_change *row_of; };

/* How far something was read. */
struct spk_read_mark { struct spk_change_time was, is; };

/* What TRUNCATEs took of a shard: all rows, or those up to a time. */
struct spk_truncation { bool any, all; struct spk_change_time upto; };

/* One of an epoch; before: it came earlier. */
struct spk_truncate { const struct spk_change *change; const struct spk_truncate *before; };

struct spk_normalize {
	struct spk_op base;
	struct spk_arena *arena;
	struct spk_key_column *key_column, *other_column;
	int *other_key;
	struct spk_schema row;           /* the table's columns */
	int columns, first_shard, end_shard;
	int64_t versions;                /* `history`: of this epoch, or query */
	struct spk_state_view *view;
	struct spk_store *store;         /* a batch's own, when it needs one */
	/* what is collected */
	struct spk_keymap keys, marks;
	struct spk_buffer changes, batches;   /* struct spk_change; struct spk_batch * */
	struct spk_arena *collected;     /* holes */
	size_t bytes;
	struct spk_row_keys encoded;     /* scratch */
	/* while they are applied */
	struct spk_arena *work;
	struct spk_key_entry *entry;
	struct spk_read_mark *mark;
	struct spk_truncation truncation[SPK_SHARDS];
	const struct spk_truncate *truncate;   /* the last one; NULL: there is none */
	struct spk_row_changes out;
	struct spk_buffer scratch;
};

static inline struct spk_change *spk_normalize_change(const struct spk_normalize *n, size_t i) { return (struct spk_change *)(void *)n->changes.data + i; }
static inline size_t spk_normalize_changes(const struct spk_normalize *n) { return n->changes.size / sizeof(struct spk_change); }
static inline struct spk_batch *spk_normalize_batch(const struct spk_normalize *n, uint32_t i) { return ((struct spk_batch **)(void *)n->batches.data)[i]; }
static inline int spk_normalize_shard(uint64_t hash) { return spk_shard_of(hash).value; }
static inline bool spk_normalize_streams(const struct spk_normalize *n) { return n->base.pipeline->plan->streaming; }
static inline bool spk_entry_has_row(const struct spk_key_entry *e) { return e->row_of || e->is.row.data; }
/* --- normalize.c --- */

/* How far a partition was read, or a TRUNCATE goes, by shard. */
spk_status spk_normalize_put_mark(struct spk_normalize *n, uint8_t kind, int shard, int64_t partition, uint32_t *number, spk_error *err);
/* row NULL: nothing. Its bytes lie in n->work. */
spk_status spk_normalize_emit_row(struct spk_normalize *n, const struct spk_bytes *row, int64_t weight, spk_error *err);
/* Hands on the rows that were emitted, and begins a new n->work. */
spk_status spk_normalize_pass_on(struct spk_normalize *n, spk_error *err);

/* --- normalize_apply.c --- */

spk_status spk_normalize_apply(struct spk_normalize *n, const struct spk_change *c, spk_error *err);

/* --- normalize_history.c --- */

/* Whether versions come out. */
static inline bool spk_normalize_has_history(const struct spk_normalize *n) { return n->base.plan->history; }
/* The key's row is another one since a change of it (or of where it came from): the version is the row that is shown, or that there is none, if there `was` one. */
spk_status spk_normalize_note_version(struct spk_normalize *n, const struct spk_change *c, struct spk_key_entry *e, bool was, spk_error *err);
/* A TRUNCATE ended this row of a key. */
spk_status spk_normalize_note_truncated(struct spk_normalize *n, const struct spk_change *c, const struct spk_bytes *row, spk_error *err);

/* --- normalize_state.c --- */

/* What is known of all that was collected, into n->entry and n->mark. */
spk_status spk_normalize_load(struct spk_normalize *n, spk_error *err);
struct spk_bytes spk_normalize_key(const struct spk_normalize *n, uint32_t number);
/* The number of a key; SPK_NO_KEY: it is none of the epoch's. */
uint32_t spk_normalize_find_key(struct spk_normalize *n, const struct spk_bytes *key);
spk_status spk_normalize_encode_row(struct spk_normalize *n, const struct spk_change *c, struct spk_bytes *out, spk_error *err);
/* Makes sure that the row of `is` is there as bytes. */
spk_status spk_normalize_need_row(struct spk_normalize *n, struct spk_key_entry *e, spk_error *err);
/* Writes what changed; all: the table was taken, nothing of it is there. */
spk_status spk_normalize_write(struct spk_normalize *n, bool all, spk_error *err);
/* A TRUNCATE: the table is taken whole, its rows taken back, and what is left of it written anew. */
spk_status spk_normalize_truncate(struct spk_normalize *n, spk_error *err);
static inline bool spk_normalize_is_mark(const char *key) { return (uint8_t)*key == SPK_MARK_READ || (uint8_t)*key == SPK_MARK_TRUNCATED; }

#endif
