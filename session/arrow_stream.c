/* spk_session_query: a query's rows as an Arrow C stream. The rows are kept as batches; each is exported when it is asked for. */
#include <errno.h>
#include <stdlib.h>

#include "core/columnar/arrow_c.h"
#include "session/internal.h"

struct rows {
	const struct spk_schema *schema;   /* in the session's arena */
	struct spk_batch **batch;
	int count, capacity, next;
	spk_error error;
};

static spk_status keep(void *user, struct spk_batch *batch, spk_error *err)
{
	struct rows *r = user;

	if (r->count == r->capacity) {
		int capacity = r->capacity ? 2 * r->capacity : 16;
		struct spk_batch **grown = realloc(r->batch, sizeof(*grown) * (size_t)capacity);

		SPK_TRY_PTR(grown, err);
		r->batch = grown;
		r->capacity = capacity;
	}
	/* The exchange's batches may point into memory of the run: a copy stands alone. */
	SPK_TRY(spk_batch_compact(&r->batch[r->count], batch, err));
	r->count++;
	return SPK_OK;
}

static void rows_free(struct rows *r)
{
	for (int i = 0; r && i < r->count; i++)
		spk_batch_unref(r->batch[i]);
	if (r)
		free(r->batch);
	free(r);
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
	struct rows *r = stream->private_data;

	return spk_arrow_export_schema(r->schema, out, &r->error) == SPK_OK ? 0 : EINVAL;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
	struct rows *r = stream->private_data;

	if (r->next == r->count) {
		out->release = NULL;
		return 0;
	}
	return spk_arrow_export_batch(r->batch[r->next++], out, &r->error) == SPK_OK ? 0 : EIO;
}

static const char *last_error(struct ArrowArrayStream *stream)
{
	struct rows *r = stream->private_data;

	return r->error.message[0] ? r->error.message : NULL;
}

static void release(struct ArrowArrayStream *stream)
{
	rows_free(stream->private_data);
	stream->release = NULL;
}

static spk_status find_query(const struct spk_script *script, struct spk_logical **out, spk_error *err)
{
	*out = NULL;
	for (int i = 0; i < script->count; i++) {
		if (script->statement[i].kind != SPK_STATEMENT_SELECT)
			continue;
		if (*out)
			return spk_fail(err, SPK_USAGE, "more than one query in the text; give one at a time");
		*out = script->statement[i].plan;
	}
	return *out ? SPK_OK : spk_fail(err, SPK_USAGE, "there is no query in the text");
}

static spk_status run(struct spk_session *s, struct spk_logical *query, struct rows *r, spk_error *err)
{
	struct spk_physical_plan *plan;

	SPK_TRY(spk_session_plan_query(s, query, &plan, err));
	r->schema = plan->collect->schema;
	return spk_session_run_query(s, plan, keep, r, NULL, err);
}

spk_status spk_session_query(struct spk_session *s, const char *sql, struct ArrowArrayStream *out, spk_error *err)
{
	struct spk_logical *query;
	struct spk_script script;

	SPK_TRY(spk_session_bind(s, sql, &script, err));
	SPK_TRY(find_query(&script, &query, err));
	return spk_session_collect(s, query, out, err);
}

spk_status spk_session_collect(struct spk_session *s, struct spk_logical *query, struct ArrowArrayStream *out, spk_error *err)
{
	struct rows *r = calloc(1, sizeof *r);
	spk_status status = r ? run(s, query, r, err) : spk_fail_memory(err);

	if (status != SPK_OK) {
		rows_free(r);
		return status;
	}
	*out = (struct ArrowArrayStream){ .get_schema = get_schema, .get_next = get_next, .get_last_error = last_error, .release = release, .private_data = r };
	return SPK_OK;
}
