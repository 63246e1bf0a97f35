/*
 * Sessions of a stream: what the files session*.c share.
 *
 * The rows of a key are one session as long as each comes at most `gap` after the one before; it ends a gap after its last row. A row at that very
 * time still belongs to it, so it is over when the watermark is behind its end. The state table is bucketed, and used in two ways:
 *
 *   bucket INT64_MAX   key -> the key's sessions, in order of time
 *   any other          key -> its hash: look at the key's sessions when the watermark has come to the bucket
 *
 * A session asks for one look, when it would have been over as it was when it was new. Rows that come later do not move that; whoever looks finds a later end and
 * asks again. So a row costs its key's entry alone, and a session as many looks as it has gaps.
 *
 * A session that was closed stays known for one gap more: a row that would have belonged to it is late, though its own time is not over yet.
 *
 * Where late rows are taken (plan->lateness_us) a session that has come out is closed so much later. One that changes meanwhile is taken back, and comes out anew: when it is over,
 * if it is not yet. Unless plan->on_close sessions come out from their first row on, and again whenever they change.
 */
#ifndef SPK_STREAM_OPERATOR_SESSION_H
#define SPK_STREAM_OPERATOR_SESSION_H

#include "core/columnar/keymap.h"
#include "stream/operator/keyed_rows.h"
#include "stream/operator/stream_operators.h"

/* Columns that SESSION_INPUT puts behind the others: where a row came from that may turn out to be late. Of the others NULL. */
enum spk_session_origin {
	SPK_SESSION_SOURCE,      /* INTEGER; -1: the row is told of elsewhere */
	SPK_SESSION_PARTITION,   /* INTEGER */
	SPK_SESSION_OFFSET,      /* BIGINT */
	SPK_SESSION_RAW,         /* BYTEA */
	SPK_SESSION_ORIGINS
};

/* out: it has come out as it is. `data`: states, or rows one after the other, each its size (uint32) and bytes (plain.h); nothing once closed. */
struct spk_session { int64_t first, last, look; bool closed, out; const char *data; uint32_t size; };

/* A key's sessions; in the state table's bytes, or in an arena. */
struct spk_session_list { struct spk_session *at; int count; };

/* A row of the epoch, in the order of arrival. */
struct spk_session_item { int64_t time; uint32_t key, batch, run; int32_t row; };
#define SPK_SESSION_LATE UINT32_MAX   /* its run */

/* Rows of the epoch that are together whatever the state has: ref[from .. end). */
struct spk_session_run { int64_t first, last; uint32_t from, end, group; };

struct spk_session_ref { int64_t time; uint32_t item; };

struct spk_sessions {
	struct spk_stateful_groups s;    /* the epoch's groups: one for each run */
	int64_t gap;
	struct spk_key_column *key_column;
	struct spk_row_keys encoded;     /* scratch */
	/* the epoch */
	struct spk_keymap keys;
	struct spk_buffer batches;       /* struct spk_batch *, referenced */
	struct spk_buffer items;         /* struct spk_session_item */
	/* while it is worked off, in `work` */
	struct spk_arena *work;
	struct spk_session_ref *ref;     /* by key, then by time */
	uint32_t *ref_end, *run_end;     /* by key */
	struct spk_session_run *run;
	struct spk_session_out *out;
};

/* Keys that are read and written together. */
enum { SPK_SESSION_KEYS = 512 };
struct spk_session_keys { int n; struct spk_view key[SPK_SESSION_KEYS]; uint64_t hash[SPK_SESSION_KEYS]; };

/* --- session_state.c --- */

/* The keys' sessions. They point into the table's cache: valid until the next call for the state. Lists lie in `arena`. */
spk_status spk_sessions_read(struct spk_sessions *x, const struct spk_session_keys *keys, struct spk_session_list *list, struct spk_arena *arena, spk_error *err);
/* A session as bytes behind those in `out`, without its data, which the caller appends: *at is where to say how much there was. */
spk_status spk_session_put(const struct spk_session *session, struct spk_buffer *out, size_t *at, spk_error *err);
void spk_session_put_size(struct spk_buffer *out, size_t at);
/* Key number i has the sessions in bytes->data[start[i] .. start[i + 1]); with none it is forgotten. */
spk_status spk_sessions_write(struct spk_sessions *x, const struct spk_session_keys *keys, const struct spk_buffer *bytes, const uint32_t *start, spk_error *err);
/* Looks to be taken: noted in `arena` while values of the state are at hand, written at the end. Keys must stay where they are until then. */
struct spk_session_look { struct spk_session_look *next; struct spk_view key; uint64_t hash; int64_t at; };
struct spk_session_looks { struct spk_arena *arena; struct spk_session_look *first; };
spk_status spk_session_look(struct spk_session_looks *looks, struct spk_view key, uint64_t hash, int64_t at, spk_error *err);
spk_status spk_session_looks_write(struct spk_sessions *x, struct spk_session_looks *looks, spk_error *err);

/* --- session_merge.c: the epoch's runs into the state --- */
spk_status spk_sessions_merge(struct spk_sessions *x, spk_error *err);

/* --- session_out.c: what comes out, in order --- */
spk_status spk_session_out_new(struct spk_sessions *x, struct spk_session_out **out, spk_error *err);
/* The session of that key, or its rows, with that weight. */
spk_status spk_session_out_put(struct spk_session_out *o, struct spk_view key, const struct spk_session *session, int32_t weight, spk_error *err);
spk_status spk_session_out_emit(struct spk_session_out *o, spk_error *err);
/* Forgets what was not emitted; NULL: nothing. */
void spk_session_out_drop(struct spk_session_out *o);

/* --- session_close.c: what the watermark has passed comes out --- */
spk_status spk_sessions_close(struct spk_sessions *x, int64_t watermark, spk_error *err);

/* The watermark that says that a session is over whose last row has this time. */
static inline int64_t spk_session_over(int64_t last, int64_t gap) { return last + gap + 1; }
/* So much later, but no later than all of time; what lies in bucket INT64_MAX are sessions. */
static inline int64_t spk_session_later(int64_t time, int64_t us)
{
	int64_t sum;

	return __builtin_add_overflow(time, us, &sum) ? INT64_MAX - 1 : SPK_MIN(sum, INT64_MAX - 1);
}
/* The watermark that says that nothing changes it any more. */
static inline int64_t spk_session_forgotten(const struct spk_sessions *x, int64_t last) { return spk_session_later(spk_session_over(last, x->gap), x->s.base.plan->lateness_us); }
/* When something is to be done about one that is not closed. */
static inline int64_t spk_session_due(const struct spk_sessions *x, const struct spk_session *s) { return s->out ? spk_session_forgotten(x, s->last) : spk_session_over(s->last, x->gap); }

static inline bool spk_sessions_keep_rows(const struct spk_sessions *x) { return x->s.base.plan->passes; }
static inline struct spk_batch *spk_sessions_batch(const struct spk_sessions *x, uint32_t i) { return ((struct spk_batch *const *)(const void *)x->batches.data)[i]; }
static inline struct spk_session_item *spk_session_items(const struct spk_sessions *x) { return (struct spk_session_item *)(void *)x->items.data; }
static inline struct spk_view spk_sessions_key(const struct spk_sessions *x, uint32_t key)
{
	uint32_t size;
	const char *bytes = spk_keymap_key(&x->keys, key, &size);

	return spk_view(bytes, size);
}

#endif
