/*
 * Queries under faults, in a session whose spill folder is watched: what came out as one number, and what is left behind.
 */
#ifndef SPK_TESTS_SESSION_SPILLING_H
#define SPK_TESTS_SESSION_SPILLING_H

#include "core/base/fault.h"
#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/expr/text.h"
#include "session/engine.h"
#include "tests/support/test.h"

static struct spk_session *session;
static char *spill;
static spk_error err;

static inline void begin_spilling(const char *parallelism, const char *threads)
{
	err = (spk_error){ 0 };
	spill = spk_test_dir("spill");
	REQUIRE_OK(spk_log_set_levels("error", &err), err);
	REQUIRE_OK(spk_session_new(&session, &err), err);
	REQUIRE_OK(spk_session_set(session, "spill.dir", spill, &err), err);
	REQUIRE_OK(spk_session_set(session, "retry.backoff", "0", &err), err);
	REQUIRE_OK(spk_session_set(session, "parallelism", parallelism, &err), err);
	REQUIRE_OK(spk_session_set(session, "pool.size", threads, &err), err);
}

static inline void end(void)
{
	REQUIRE_OK(spk_fault_set("", &err), err);
	spk_session_free(session);
	spk_test_remove(spill);
	free(spill);
}

/* Rows as they come: the queries sort them. */
static inline spk_status digest(void *user, struct spk_batch *batch, spk_error *why)
{
	uint64_t *h = user;

	(void)why;
	SPK_EACH_ROW(batch, i, row) {
		for (int c = 0; c < batch->columns; c++) {
			struct spk_reader r = spk_vector_reader(&batch->column[c]);
			uint32_t slot = spk_reader_slot(&r, row);
			char text[SPK_TEXT_MAX];
			const char *at = (const char *)r.data + (size_t)slot * (size_t)spk_type_width(batch->column[c].type);
			bool view = spk_type_is_view(batch->column[c].type), there = spk_reader_valid(&r, slot);
			const char *data = view && there ? spk_view_data((const struct spk_view *)(const void *)at) : text;
			size_t size = !there ? 0 : view ? ((const struct spk_view *)(const void *)at)->length : (size_t)spk_text_from_value(batch->column[c].type, at, NULL, text);

			for (size_t k = 0; k < size; k++)
				*h = (*h ^ (uint8_t)data[k]) * 0x100000001b3u;
			*h = (*h ^ (there ? 1 : 2)) * 0x100000001b3u;
		}
	}
	return SPK_OK;
}

/* Runs it under a fault (NULL: none from here on), as planned before. */
static inline spk_status run_query(const char *sql, const char *fault, uint64_t *out)
{
	struct spk_physical_plan *plan;
	struct spk_script script;

	*out = 0xcbf29ce484222325u;
	err = (spk_error){ 0 };
	REQUIRE_OK(spk_session_forget(session, &err), err);
	REQUIRE_OK(spk_session_bind(session, sql, &script, &err), err);
	REQUIRE_OK(spk_session_plan_query(session, script.statement[0].plan, &plan, &err), err);
	if (fault)
		REQUIRE_OK(spk_fault_set(fault, &err), err);
	return spk_session_run_query(session, plan, digest, out, NULL, &err);
}

#endif
