/*
 * The time of a statement, from when it is first looked at to its end: statement_timeout counts it, as PostgreSQL does, and spk_session_cancel stops it,
 * also while it is bound and planned. Private to session and cli.
 *
 *	struct spk_statement_time time;
 *
 *	spk_session_begin_statement(s, &time);
 *	status = ...;
 *	return spk_session_end_statement(s, &time, status, err);
 *
 * Statements may be nested: the outermost one's time counts. Of the session's thread.
 */
#ifndef SPK_SESSION_STATEMENT_H
#define SPK_SESSION_STATEMENT_H

#include "core/base/interrupt.h"
#include "session/engine.h"

struct spk_statement_time { bool outermost; struct spk_interrupt before; };

void spk_session_begin_statement(struct spk_session *s, struct spk_statement_time *time);
/* Gives `status` back; says so when it failed because of its time. */
spk_status spk_session_end_statement(struct spk_session *s, const struct spk_statement_time *time, spk_status status, spk_error *err);
/* Whether the statement that runs is to end: it was cancelled, or its time is over. */
bool spk_session_must_stop(struct spk_session *s);

#endif
