/*
 * A sink that hands rows to a function of the program around it, an epoch at a time, as an Arrow stream: include/sparklet/stream.h says what it may count on.
 * No table of SQL has this connector; who makes the table sets `consumer` (planner/logical/catalog.h).
 */
#ifndef SPK_CONNECTORS_CALLBACK_CALLBACK_H
#define SPK_CONNECTORS_CALLBACK_CALLBACK_H

#include "connectors/connector.h"
#include "sparklet/arrow.h"

/* Gets the epoch's rows with a last column "weight"; called on the thread that commits. */
struct spk_consumer {
	spk_status (*changes)(void *user, int64_t epoch, struct ArrowArrayStream *changes, spk_error *err);
	void *user;
};

extern const struct spk_sink_type spk_callback_sink;

#endif
