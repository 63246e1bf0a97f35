/* Event logs of batch queries: a file each in history.dir, the newest history.retain of them. For session/query.c. */
#ifndef SPK_SESSION_HISTORY_H
#define SPK_SESSION_HISTORY_H

#include "session/internal.h"

/* Opens s->events when history.dir is set, and notes the start. A folder that cannot be written is logged, not an error. */
void spk_session_open_events(struct spk_session *s);
/* Notes how it ended, with s->profile when there is one, closes, and drops the oldest files. */
void spk_session_close_events(struct spk_session *s, spk_status status, const spk_error *err);

#endif
