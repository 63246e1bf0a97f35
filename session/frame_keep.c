/* Frames that keep rows or say where they are computed: persist, imported streams, repartition. */
#include <stdlib.h>

#include "core/columnar/arrow_c.h"
#include "session/frame.h"

/* --- kept rows --- */

spk_status spk_frame_scan(struct spk_session *s, struct spk_cached *cached, const char *name, struct spk_logical **out, spk_error *err)
{
	struct spk_table *table;
	struct spk_logical *l;

	SPK_TRY(spk_cached_table(cached, name, s->arena, &table, err));
	l = spk_logical_new(s->arena, SPK_LOGICAL_SCAN, table->schema, NULL, 0);
	SPK_TRY_PTR(l, err);
	l->table = table;
	l->alias = table->name;
	l->column = SPK_NEW_ARRAY(s->arena, int, table->schema->count + 1);
	SPK_TRY_PTR(l->column, err);
	for (int i = 0; i < table->schema->count; i++)
		l->column[i] = i;
	*out = l;
	return SPK_OK;
}

/* A frame over kept rows; takes the reference to them. */
static struct spk_frame *frame_of_rows(struct spk_session *s, struct spk_cached *cached, const char *name)
{
	struct spk_logical *scan = NULL;
	spk_error error = { 0 };
	struct spk_frame *f;

	if (spk_frame_scan(s, cached, name, &scan, &error) != SPK_OK)
		f = spk_frame_of_error(s, &error);
	else
		f = spk_frame_of_plan(s, scan);
	if (f && f->plan)
		f->cached = cached;
	else
		spk_cached_unref(cached);
	return f;
}

struct spk_frame *spk_frame_persist(struct spk_frame *frame, enum spk_persist level)
{
	static const enum spk_cache_level levels[] = { [SPK_PERSIST_MEMORY] = SPK_CACHE_MEMORY, [SPK_PERSIST_DISK] = SPK_CACHE_DISK, [SPK_PERSIST_BOTH] = SPK_CACHE_BOTH };
	struct spk_cached *cached;
	struct spk_cache *cache;
	spk_error error = { 0 };

	if (!frame)
		return NULL;
	if (spk_frame_ready(frame, &error) != SPK_OK || spk_session_cache(frame->session, &cache, &error) != SPK_OK ||
	    spk_cached_new(&cached, cache, frame->plan->schema, levels[level], frame->plan, &error) != SPK_OK)
		return spk_frame_of_error(frame->session, &error);
	return frame_of_rows(frame->session, cached, "persisted");
}

struct spk_frame *spk_frame_cache(struct spk_frame *frame) { return spk_frame_persist(frame, SPK_PERSIST_BOTH); }

void spk_frame_unpersist(struct spk_frame *frame)
{
	if (frame && frame->cached && spk_cached_plan(frame->cached))
		spk_cached_drop(frame->cached);
}

/* --- Arrow streams --- */

static spk_status stream_error(struct ArrowArrayStream *stream, int code, const char *what, spk_error *err)
{
	const char *text = stream->get_last_error ? stream->get_last_error(stream) : NULL;

	return spk_fail(err, SPK_IO, "from_arrow: the stream's %s failed: %s", what, text ? text : strerror(code));
}

static spk_status add_array(struct spk_cached *cached, struct ArrowArray *array, const struct spk_schema *schema, spk_error *err)
{
	int64_t from = 0, length = array->length;
	spk_status status = SPK_OK;

	while (from < length && status == SPK_OK) {
		struct spk_batch *batch;

		SPK_TRY(spk_arrow_import_batch(array, schema, &from, &batch, err));
		status = spk_cached_add(cached, 0, batch, err);
		spk_batch_unref(batch);
	}
	if (array->release)
		array->release(array);
	return status;
}

static spk_status read_stream(struct ArrowArrayStream *stream, const struct spk_schema *schema, struct spk_cached *cached, spk_error *err)
{
	SPK_TRY(spk_cached_begin(cached, 1, err));
	for (;;) {
		struct ArrowArray array = { 0 };
		int code = stream->get_next(stream, &array);

		if (code)
			return stream_error(stream, code, "get_next", err);
		if (!array.release)
			break;
		SPK_TRY(add_array(cached, &array, schema, err));
	}
	spk_cached_finish(cached);
	return SPK_OK;
}

static spk_status import(struct spk_session *s, struct ArrowArrayStream *stream, struct spk_cached **out, spk_error *err)
{
	struct ArrowSchema arrow = { 0 };
	struct spk_cached *cached;
	struct spk_schema *schema;
	struct spk_cache *cache;
	spk_status status;
	int code = stream->get_schema(stream, &arrow);

	if (code)
		return stream_error(stream, code, "get_schema", err);
	status = spk_arrow_import_schema(&arrow, s->arena, &schema, err);
	arrow.release(&arrow);
	SPK_TRY(status);
	SPK_TRY(spk_session_cache(s, &cache, err));
	SPK_TRY(spk_cached_new(&cached, cache, schema, SPK_CACHE_BOTH, NULL, err));
	status = read_stream(stream, schema, cached, err);
	if (status != SPK_OK)
		spk_cached_unref(cached);
	else
		*out = cached;
	return status;
}

struct spk_frame *spk_frame_from_arrow(struct spk_session *session, struct ArrowArrayStream *stream)
{
	struct spk_cached *cached = NULL;
	spk_error error = { 0 };
	spk_status status = import(session, stream, &cached, &error);

	if (stream->release)
		stream->release(stream);
	return status == SPK_OK ? frame_of_rows(session, cached, "arrow") : spk_frame_of_error(session, &error);
}

/* --- tasks --- */

/* REPARTITION by the last `keys` columns of `plan`, which are then dropped again. */
static spk_status add_repartition(struct spk_session *s, struct spk_logical *plan, int columns, int tasks, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *l = spk_logical_new(s->arena, SPK_LOGICAL_REPARTITION, plan->schema, &plan, 1), *project;
	struct spk_schema *schema = SPK_NEW(s->arena, struct spk_schema);
	int keys = plan->schema->count - columns;

	SPK_TRY_PTR(l && schema, err);
	l->partitions = tasks;
	l->expr = SPK_NEW_ARRAY(s->arena, struct spk_expr *, keys + 1);
	SPK_TRY_PTR(l->expr, err);
	for (; l->expr_count < keys; l->expr_count++)
		SPK_TRY_PTR(l->expr[l->expr_count] = spk_expr_column(s->arena, columns + l->expr_count, &plan->schema->field[columns + l->expr_count]), err);
	*out = l;
	if (!keys)
		return SPK_OK;
	*schema = (struct spk_schema){ columns, plan->schema->field };
	project = spk_logical_new(s->arena, SPK_LOGICAL_PROJECT, schema, &l, 1);
	SPK_TRY_PTR(project, err);
	project->expr = SPK_NEW_ARRAY(s->arena, struct spk_expr *, columns + 1);
	SPK_TRY_PTR(project->expr, err);
	for (; project->expr_count < columns; project->expr_count++)
		SPK_TRY_PTR(project->expr[project->expr_count] = spk_expr_column(s->arena, project->expr_count, &schema->field[project->expr_count]), err);
	*out = project;
	return SPK_OK;
}

static spk_status repartition(struct spk_frame *f, int tasks, const char *expressions, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *plan = f->plan;
	struct spk_compose c = { .call = "repartition", .before = "SELECT *, ", .fragment = expressions, .after = "\nFROM \"frame 1\"", .frame = { f } };

	SPK_TRY(spk_frame_ready(f, err));
	if (tasks < 0 || tasks > SPK_FRAME_TASKS_MAX)
		return spk_fail(err, SPK_USAGE, "repartition: %d tasks; 1 to %d, or 0 for one per core", tasks, SPK_FRAME_TASKS_MAX);
	if (expressions)
		SPK_TRY(spk_frame_bind(f->session, &c, &plan, err));
	return add_repartition(f->session, plan, f->plan->schema->count, tasks, out, err);
}

struct spk_frame *spk_frame_repartition(struct spk_frame *frame, int tasks, const char *expressions)
{
	struct spk_logical *plan = NULL;
	spk_error error = { 0 };

	if (!frame)
		return NULL;
	return repartition(frame, tasks, expressions, &plan, &error) == SPK_OK ? spk_frame_of_plan(frame->session, plan) : spk_frame_of_error(frame->session, &error);
}

struct spk_frame *spk_frame_partition_by(struct spk_frame *frame, const char *expressions) { return spk_frame_repartition(frame, 0, expressions); }
struct spk_frame *spk_frame_coalesce(struct spk_frame *frame, int tasks) { return spk_frame_repartition(frame, tasks, NULL); }
