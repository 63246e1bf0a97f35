/* What the files of the frame API share. Not for others. */
#ifndef SPK_SESSION_FRAME_H
#define SPK_SESSION_FRAME_H

#include "session/internal.h"
#include "sparklet/frame.h"

enum { SPK_FRAME_TASKS_MAX = 64 };  /* as many as there are shards */

struct spk_frame {
	struct spk_session *session;
	struct spk_frame *next;            /* in the session's list */
	struct spk_logical *plan;          /* optimized, in the session's arena; NULL: see `error` */
	const char *alias;                 /* NULL: none was given */
	const char *groups;                /* behind group_by: the expressions; else NULL */
	struct spk_cached *cached;         /* a persisted frame's rows, one reference; else NULL */
	int uses;                          /* by actions and by other frames */
	bool copied;                       /* another frame of the same plan, for a moment: does not count */
	spk_error error;
};

/* A use of the frame: counts it, and keeps the frame's rows from here on if that pays (frame_checkpoint.c). */
void spk_frame_use(struct spk_frame *frame);

/* A frame of that plan; the plan is optimized here. NULL: no memory. */
struct spk_frame *spk_frame_of_plan(struct spk_session *s, struct spk_logical *plan);
/* A frame that only carries an error. */
struct spk_frame *spk_frame_of_error(struct spk_session *s, const spk_error *error);
/* One whose call was given NULL for that argument. */
struct spk_frame *spk_frame_of_null(struct spk_session *s, const char *call, const char *argument);
/* The frame's error, or that it is NULL or only grouped: what every action asks first. */
spk_status spk_frame_ready(const struct spk_frame *frame, spk_error *err);
/* Columns of the frame as between the parentheses of CREATE TABLE. */
spk_status spk_frame_put_columns(const struct spk_frame *frame, struct spk_buffer *out, spk_error *err);
/* ", 'key' = 'value'" for each pair of a list that NULL ends. */
spk_status spk_frame_put_options(struct spk_buffer *out, const char *const *option, spk_error *err);
/* Binds INSERT of all rows into the table that `ddl` makes, which must be "frame table"; it is gone from the catalog afterwards. */
spk_status spk_frame_bind_insert(struct spk_frame *frame, const char *ddl, struct spk_logical **out, spk_error *err);
/* A literal in quotes. */
spk_status spk_frame_literal(struct spk_buffer *out, const char *text, spk_error *err);
/* An identifier in quotes; NULL: no memory. */
const char *spk_frame_quoted(struct spk_session *s, const char *name);
/* What was placed automatically below the plan, and why; nothing where nothing was. */
spk_status spk_frame_put_placements(const struct spk_session *s, const struct spk_logical *plan, struct spk_buffer *out, spk_error *err);
/* All rows of a kept relation, as a plan. */
spk_status spk_frame_scan(struct spk_session *s, struct spk_cached *cached, const char *name, struct spk_logical **out, spk_error *err);

/*
 * Binds `before` fragment `after` as one SELECT over frames, which it finds as "frame 1" and "frame 2". An error is put in terms of the call
 * and of the caller's own text. fragment may be NULL.
 */
struct spk_compose { const char *call, *before, *fragment, *after; struct spk_frame *frame[2]; };
spk_status spk_frame_bind(struct spk_session *s, const struct spk_compose *c, struct spk_logical **out, spk_error *err);
/* The frame that a call gives: bound, or carrying the error of its inputs or its own. NULL: one of its inputs is. */
struct spk_frame *spk_frame_make(const struct spk_compose *c);

#endif
