/*
 * Streams: frames over sources that have no end, and their results kept up to date.
 *
 *   struct spk_frame *bids = spk_frame_read_stream(s, "bid", "auction bigint, price bigint, ts timestamp", options);
 *   struct spk_frame *window = spk_frame_tumble(spk_frame_with_watermark(bids, "ts", "4 seconds"), "ts", "10 seconds");
 *   struct spk_frame *best = spk_frame_agg(spk_frame_group_by(window, "window_start, window_end, auction"), "max(price) AS price");
 *   struct spk_stream *stream;
 *   spk_frame_write_stream(best, &(struct spk_stream_sink){ .changes = on_changes }, &(struct spk_stream_options){ .name = "best" }, &stream, &err);
 *   spk_stream_await(stream, -1, &err);
 *   spk_stream_free(stream);
 *
 * These are the frames of frame.h, with all of its calls: whether a frame has an end depends on what it reads. The actions that need one (collect,
 * count, show, write) say so when it has none.
 *
 * A stream is a job (docs/sql.md, "sparklet run") with a thread of its own: exactly once into Kafka and files, checkpoints and epochs in its
 * folder, and it goes on from there at its next start under the same name. Its calls are for the session's thread unless they say otherwise.
 */
#ifndef SPARKLET_STREAM_H
#define SPARKLET_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "sparklet/arrow.h"
#include "sparklet/frame.h"
#include "sparklet/session.h"
#include "sparklet/status.h"

struct spk_stream;

/* --- where rows come from, and their time --- */

/*
 * Declares a table and reads it: CREATE TABLE name (columns) WITH (options). columns: as between its parentheses, so that computed columns, PRIMARY KEY and
 * WATERMARK FOR may be there, too. option: key and value in turn, NULL at the end: { "connector", "kafka", "topic", "bid", ..., NULL }. The name is the
 * session's from then on (SQL and spk_frame_table find it), and what records and dead letters call the source.
 */
SPK_API struct spk_frame *spk_frame_read_stream(struct spk_session *session, const char *name, const char *columns, const char *const *option);
/*
 * Rows may be so late, by the column of their time ("4 seconds", any interval): the watermark is the latest time seen, less the delay. The column must be one
 * of a single source's, handed on as it is, and the source must have no watermark yet.
 */
SPK_API struct spk_frame *spk_frame_with_watermark(struct spk_frame *frame, const char *column, const char *delay);
/*
 * Windows over a column of times: the same rows, each in the windows that it falls into, with window_start, window_end (exclusive) and window_time behind.
 * Group by the first two. Sizes are intervals: "10 seconds". A windowed result comes out when the watermark has passed the window's end.
 */
SPK_API struct spk_frame *spk_frame_tumble(struct spk_frame *frame, const char *column, const char *size);
SPK_API struct spk_frame *spk_frame_hop(struct spk_frame *frame, const char *column, const char *slide, const char *size);
SPK_API struct spk_frame *spk_frame_cumulate(struct spk_frame *frame, const char *column, const char *step, const char *size);
/* Sessions: rows that agree in `keys` ("carrier, origin"; NULL: all rows) and of which each comes at most the gap after the one before. Group by these keys, too. */
SPK_API struct spk_frame *spk_frame_session(struct spk_frame *frame, const char *keys, const char *column, const char *gap);

/* --- where results go --- */

/*
 * AUTO: what the query and the sink allow. APPEND: new rows only, and a query that takes rows back is refused. UPDATE: the last row of each key, and keys that
 * are gone. DELTA: rows with their weights, also those taken back. COMPLETE: whenever an epoch changed the result, all of it; it is kept as state.
 */
enum spk_output_mode { SPK_OUTPUT_AUTO, SPK_OUTPUT_APPEND, SPK_OUTPUT_UPDATE, SPK_OUTPUT_DELTA, SPK_OUTPUT_COMPLETE };

/*
 * Gets what an epoch changed: batches of the frame's columns and a last one, "weight" (int64): rows that come have +1, rows taken back -1. With keys (UPDATE) a
 * key that is gone has its last row with -1, any other change is the new row with +1. An epoch without changes is not told of.
 *
 * Exactly once: the call comes before the epoch is committed. One that was handed over but not committed (the process died in between, or a commit failed) comes
 * again under the same number, perhaps with other rows, and what came first under that number is void. So store the number together with the rows, in one
 * transaction of your own, and replace what is there of the same number.
 *
 * OK: taken. UNAVAILABLE: not now; the epoch comes again after a while. Anything else ends the stream: DATA, with the function's own message. Release the stream or let it be: it
 * ends with the call. Called on a thread of the stream, one epoch after the other; of the session's calls only spk_stream_stop may be made from it.
 */
typedef spk_status (*spk_changes_fn)(void *user, int64_t epoch, struct ArrowArrayStream *changes, spk_error *err);

struct spk_stream_sink {
	struct spk_frame *frame;           /* spk_frame_write_stream sets it */
	const char *name;                  /* of the sink: its state is found by it, see docs; NULL: "sink-1", "sink-2", ... */
	const char *const *option;         /* of CREATE TABLE ... WITH; NULL: `changes` gets the rows */
	spk_changes_fn changes;
	void *user;
	const char *key;                   /* PRIMARY KEY: "carrier, origin"; NULL: none */
	enum spk_output_mode mode;
};

struct spk_stream_options {
	const char *name;                  /* of the job: letters, digits, '.', '_', '-' */
	const char *dir;                   /* its folder; NULL: .sparklet/<name> */
	const char *trigger;               /* time between epochs, "100ms"; NULL: epoch.interval. "once": what is there at the start, then end */
};

/* Plans the frame as a job and starts it. An error of the frame or of the plan (a query that takes rows back into APPEND, ...) is this call's. */
SPK_API spk_status spk_frame_write_stream(struct spk_frame *frame, const struct spk_stream_sink *sink, const struct spk_stream_options *options, struct spk_stream **out, spk_error *err);
/* Several sinks as one job: they share sources, decoding and what is equal in their plans, and each epoch is one transaction over all of them. */
SPK_API spk_status spk_stream_start(struct spk_session *session, const struct spk_stream_sink *sink, int sinks, const struct spk_stream_options *options, struct spk_stream **out, spk_error *err);

/* --- a running stream --- */

struct spk_stream_progress {
	const char *phase;                 /* "connecting", "recovering", "running", "stopping", "done", "failed" */
	int64_t epoch;                     /* the last one that was committed */
	int64_t rows_in, rows_out;         /* since the start */
	int64_t late, bad;
	int64_t lag;                       /* rows not yet read; -1: not known */
	int64_t watermark_us;              /* microseconds since 1970; INT64_MIN: none yet, INT64_MAX: all has ended */
};

/*
 * Waits until the stream has ended (its sources did, or it was stopped), at most so long; timeout_ms -1: as long as it takes. OK: it has; TIMEOUT: not yet;
 * else how it failed. Any thread.
 */
SPK_API spk_status spk_stream_await(struct spk_stream *stream, int64_t timeout_ms, spk_error *err);
/* First call: ends after the epoch and a checkpoint; second: at once. Returns at once. Any thread, any signal handler. */
SPK_API void spk_stream_stop(struct spk_stream *stream);
/* How far it is, as of about a tenth of a second ago. Any thread. */
SPK_API void spk_stream_progress(struct spk_stream *stream, struct spk_stream_progress *out);
/* Stops it, waits for it and gives it back. The session's end does the same for those that are left, whose pointers are void then. NULL is fine. */
SPK_API void spk_stream_free(struct spk_stream *stream);

#endif
