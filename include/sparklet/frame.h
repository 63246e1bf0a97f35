/*
 * Frames: relations that are built step by step and computed when their rows are asked for.
 *
 *   struct spk_frame *flights = spk_frame_read_csv(s, "flights.csv", NULL);
 *   struct spk_frame *late = spk_frame_filter(flights, "dep_delay > 60");
 *   struct spk_frame *worst = spk_frame_agg(spk_frame_group_by(late, "origin"), "count(*) AS n, avg(dep_delay) AS delay");
 *   struct ArrowArrayStream rows;
 *   spk_frame_collect(spk_frame_sort(worst, "n DESC"), &rows, &err);
 *
 * Expressions are SQL, as in a SELECT list, a WHERE clause, an ORDER BY: all of docs/sql.md may stand there. Lists are separated by commas.
 *
 * Frames are cheap, never change, and may be used any number of times. They belong to their session and go with it, or earlier by
 * spk_frame_free. A call that is wrong gives a frame that carries the error; so does every frame made from it. The first action on it
 * (collect, count, show, write, explain, register) returns that error, which names the call: filter("prise > 1"): column "prise" does
 * not exist. Only when memory is out a call returns NULL, which every call takes as such a frame.
 *
 * Threads: those of the session, one at a time.
 */
#ifndef SPARKLET_FRAME_H
#define SPARKLET_FRAME_H

#include <stdint.h>

#include "sparklet/arrow.h"
#include "sparklet/session.h"
#include "sparklet/status.h"

struct spk_frame;

/* --- where rows come from --- */

struct spk_read_options {
	const char *schema;          /* "carrier text, delay integer"; NULL: from a sample of the rows */
	/* Options of a filesystem table, key and value in turn, NULL at the end: { "csv.delimiter", "|", "csv.header", "false", NULL }. NULL: none. */
	const char *const *option;
};

/* A file, a folder or a pattern ("logs/2013-*.csv.gz"); options may be NULL. */
SPK_API struct spk_frame *spk_frame_read_csv(struct spk_session *session, const char *path, const struct spk_read_options *options);
SPK_API struct spk_frame *spk_frame_read_json(struct spk_session *session, const char *path, const struct spk_read_options *options);
/* A table or view of the session, or a frame that was registered. */
SPK_API struct spk_frame *spk_frame_table(struct spk_session *session, const char *name);
/* Any SELECT. */
SPK_API struct spk_frame *spk_frame_sql(struct spk_session *session, const char *query);
/* Reads the stream to its end and keeps its rows; takes it over. */
SPK_API struct spk_frame *spk_frame_from_arrow(struct spk_session *session, struct ArrowArrayStream *stream);

/* --- frames from frames --- */

SPK_API struct spk_frame *spk_frame_select(struct spk_frame *frame, const char *expressions);             /* "carrier, dep_delay / 60.0 AS hours" */
SPK_API struct spk_frame *spk_frame_filter(struct spk_frame *frame, const char *condition);
/* One more column at the end, or another value for the one of that name. */
SPK_API struct spk_frame *spk_frame_with_column(struct spk_frame *frame, const char *name, const char *expression);
SPK_API struct spk_frame *spk_frame_drop(struct spk_frame *frame, const char *columns);                   /* "a, b" */
SPK_API struct spk_frame *spk_frame_rename(struct spk_frame *frame, const char *column, const char *name);
/* A name by which the frame's columns can be told apart in a join. */
SPK_API struct spk_frame *spk_frame_alias(struct spk_frame *frame, const char *name);
/*
 * type: "inner", "left", "right", "full", "cross", "semi", "anti" (of left's rows those that have, or have not, a partner). In `condition`
 * the sides are l and r, or what their aliases say: "l.carrier = r.code". NULL for cross. All columns come out, left's first (semi, anti: left's).
 */
SPK_API struct spk_frame *spk_frame_join(struct spk_frame *left, struct spk_frame *right, const char *type, const char *condition);
/* The same over columns of one name, which come out once: "carrier, flight". */
SPK_API struct spk_frame *spk_frame_join_using(struct spk_frame *left, struct spk_frame *right, const char *type, const char *columns);
/* group_by takes nothing but agg behind it. "" or NULL: all rows are one group. "rollup(a, b)" and the like may be used. */
SPK_API struct spk_frame *spk_frame_group_by(struct spk_frame *frame, const char *expressions);
SPK_API struct spk_frame *spk_frame_agg(struct spk_frame *grouped, const char *aggregates);               /* "count(*) AS n, max(x)" */
/* Window functions as further columns; the window is w in them: "rank() OVER w AS place", "PARTITION BY origin ORDER BY delay DESC". */
SPK_API struct spk_frame *spk_frame_window(struct spk_frame *frame, const char *functions, const char *window);
SPK_API struct spk_frame *spk_frame_distinct(struct spk_frame *frame);
/* Rows of both, duplicates too; columns by position. */
SPK_API struct spk_frame *spk_frame_union(struct spk_frame *a, struct spk_frame *b);
SPK_API struct spk_frame *spk_frame_sort(struct spk_frame *frame, const char *keys);                      /* "n DESC, origin NULLS FIRST" */
SPK_API struct spk_frame *spk_frame_limit(struct spk_frame *frame, int64_t rows, int64_t offset);
/* Each row with probability `fraction` (0 to 1); the same seed takes the same rows of the same frame. */
SPK_API struct spk_frame *spk_frame_sample(struct spk_frame *frame, double fraction, int64_t seed);
/* Spreads the rows over so many tasks: by the hash of `expressions`, or evenly where that is NULL. 0 tasks: as many as there are cores. */
SPK_API struct spk_frame *spk_frame_repartition(struct spk_frame *frame, int tasks, const char *expressions);
/* The same into as many tasks as usual: rows of which `expressions` are equal come to one task, "carrier, origin". */
SPK_API struct spk_frame *spk_frame_partition_by(struct spk_frame *frame, const char *expressions);
/* So few tasks, evenly filled. */
SPK_API struct spk_frame *spk_frame_coalesce(struct spk_frame *frame, int tasks);

/* --- keeping rows --- */

/* MEMORY: given up (and computed again when asked for) when other frames need the room; BOTH: moved to disk then; DISK: there at once. */
enum spk_persist { SPK_PERSIST_MEMORY, SPK_PERSIST_DISK, SPK_PERSIST_BOTH };

/* A frame of the same rows that are computed at the first action and kept. cache: in memory and, when it gets short, on disk. */
SPK_API struct spk_frame *spk_frame_persist(struct spk_frame *frame, enum spk_persist level);
SPK_API struct spk_frame *spk_frame_cache(struct spk_frame *frame);
/* Drops what a persisted frame keeps; it is computed again when asked for. */
SPK_API void spk_frame_unpersist(struct spk_frame *frame);

/*
 * A frame of the same rows, which are computed now and stored in the folder `dir`, for longer than this process: what they were computed from is not
 * needed any more. They appear whole or not at all (temporary names, fsync, rename), every block with a checksum; `dir` is made, and must not hold
 * a checkpoint already: EXISTS. A block that was changed since fails the action that reads it, naming file and place.
 */
SPK_API struct spk_frame *spk_frame_checkpoint(struct spk_frame *frame, const char *dir);
/* What was stored there, by this process or another one of the same version. NOT_FOUND where there is none. */
SPK_API struct spk_frame *spk_frame_read_checkpoint(struct spk_session *session, const char *dir);

/*
 * Where a frame is used again and again (by actions, and by other frames), its rows are kept at its second use or later if that is worth it; see
 * frames.checkpoint.cost in docs/configuration.md. spk_frame_explain tells where, and the costs. Frames with random() or now() are left alone.
 * So files are read as they were when their rows were kept; spk_frame_unpersist makes such a frame read them again.
 */

/* --- actions --- */

/* The rows, a struct array per batch, computed while they are taken: see spk_session_query. Release the stream before the session is freed. */
SPK_API spk_status spk_frame_collect(struct spk_frame *frame, struct ArrowArrayStream *out, spk_error *err);
SPK_API spk_status spk_frame_count(struct spk_frame *frame, int64_t *rows, spk_error *err);
/* The first rows as an aligned table; free() it. */
SPK_API spk_status spk_frame_show(struct spk_frame *frame, int rows, char **text, spk_error *err);
/* Writes files in `format` ("csv", "json") into the folder `path`, visible only once they are complete. Options as for reading. */
SPK_API spk_status spk_frame_write(struct spk_frame *frame, const char *format, const char *path, const char *const *option, spk_error *err);
/* Names the frame for SQL in this session: FROM name. */
SPK_API spk_status spk_frame_register(struct spk_frame *frame, const char *name, spk_error *err);
/* The logical plan as bound and optimized, and the physical one; free() it. */
SPK_API spk_status spk_frame_explain(struct spk_frame *frame, char **text, spk_error *err);
/* Names and types of the columns. */
SPK_API spk_status spk_frame_schema(struct spk_frame *frame, struct ArrowSchema *out, spk_error *err);
/* What is wrong with it; OK when nothing is. */
SPK_API spk_status spk_frame_check(const struct spk_frame *frame, spk_error *err);
/* Gives it back early; frames made from it stay as they are. NULL is fine. */
SPK_API void spk_frame_free(struct spk_frame *frame);

#endif
