/*
 * Checkpoints of frames: asked for, into a folder that outlives the process (connectors/stored), or placed where a frame is used again.
 *
 * When to place one. A frame that was used n times, the use at hand among them, is expected to be used as often again. Without a checkpoint each of
 * these n uses computes it; with one it is computed and written once, and read n times:
 *
 *	n * recompute > recompute + write + n * read
 *
 * in row operations: recompute is, over the nodes of its plan, rows in + rows out, four times that for joins, aggregates, sorts and windows, and one a
 * row for every operation in its expressions; a file's rows cost 4 a column. write is 2 a row and column, read 1. So a loop that makes a frame of the last one and looks at each is cut every so often:
 * whenever what has come together since the last cut costs more than writing and reading it. Rows are those the planner expects.
 */
#include <stdlib.h>

#include "connectors/stored/stored.h"
#include "core/base/memory.h"
#include "core/expr/function.h"
#include "planner/logical/statistics.h"
#include "session/frame.h"

struct weight { double recompute, write, read; };

struct spk_placement {
	struct spk_placement *next;
	const struct spk_cached *rows;
	const char *name;
	int uses;
	struct weight weight;
};

/* --- whether it pays --- */

static double factor(const struct spk_logical *l)
{
	switch (l->kind) {
	case SPK_LOGICAL_JOIN:
	case SPK_LOGICAL_AGGREGATE:
	case SPK_LOGICAL_SORT:
	case SPK_LOGICAL_OVER: return 4;
	case SPK_LOGICAL_SCAN: return (l->table->rows ? 1 : 4) * (double)SPK_MAX(l->schema->count, 1);
	default: return 1;
	}
}

static double operations(const struct spk_expr *e)
{
	double count = e->args > 0;

	for (int i = 0; i < e->args; i++)
		count += operations(e->arg[i]);
	return count;
}

static spk_status add_operations(struct spk_expr **e, void *user, spk_error *err)
{
	(void)err;
	*(double *)user += operations(*e);
	return SPK_OK;
}

/* Adds what the tree costs, and tells the rows that come out of it. */
static spk_status add_cost(struct spk_arena *arena, struct spk_logical *l, double *cost, double *rows, spk_error *err)
{
	struct spk_estimate e;
	double moved, calls = 0;

	SPK_TRY(spk_estimate(arena, l, &e, err));
	*rows = moved = e.rows;
	for (int i = 0; i < l->inputs; i++) {
		double in;

		SPK_TRY(add_cost(arena, l->input[i], cost, &in, err));
		moved += in;
	}
	SPK_TRY(spk_logical_each_expr(l, add_operations, &calls, err));
	*cost += moved * factor(l) + (l->inputs ? moved - *rows : *rows) * calls;
	return SPK_OK;
}

static spk_status weigh(const struct spk_frame *f, struct weight *out, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(spk_memory_account("plan"));
	double columns = f->plan->schema->count, rows;
	spk_status status;

	SPK_TRY_PTR(arena, err);
	*out = (struct weight){ 0 };
	status = add_cost(arena, f->plan, &out->recompute, &rows, err);
	spk_arena_unref(arena);
	out->write = status == SPK_OK ? 2 * rows * columns : 0;
	out->read = out->write / 2;
	return status;
}

static bool always_alike(const struct spk_expr *e)
{
	if (e->kind == SPK_EXPR_CALL && e->function->volatility != SPK_IMMUTABLE)
		return false;
	for (int i = 0; i < e->args; i++)
		if (!always_alike(e->arg[i]))
			return false;
	return true;
}

static spk_status look(struct spk_expr **e, void *user, spk_error *err)
{
	bool *alike = user;

	(void)err;
	*alike = *alike && always_alike(*e);
	return SPK_OK;
}

/* Whether the rows are the same at every use: neither random() nor now() anywhere. */
static bool is_steady(struct spk_logical *l)
{
	bool alike = true;

	if (spk_logical_each_expr(l, look, &alike, NULL) != SPK_OK || !alike)
		return false;
	for (int i = 0; i < l->inputs; i++)
		if (!is_steady(l->input[i]))
			return false;
	return true;
}

/* --- placing --- */

static spk_status place(struct spk_frame *f, const struct weight *w, spk_error *err)
{
	struct spk_session *s = f->session;
	struct spk_placement *p = SPK_NEW(s->arena, struct spk_placement);
	int number = s->placements ? atoi(strchr(s->placements->name, '-') + 1) + 1 : 1;
	struct spk_logical *scan = NULL, *plan = NULL;
	struct spk_cached *cached;
	struct spk_cache *cache;
	spk_status status;

	SPK_TRY_PTR(p && (p->name = spk_arena_printf(s->arena, "checkpoint-%d", number)), err);
	SPK_TRY(spk_session_cache(s, &cache, err));
	SPK_TRY(spk_cached_new(&cached, cache, f->plan->schema, SPK_CACHE_BOTH, f->plan, err));
	status = spk_frame_scan(s, cached, p->name, &scan, err);
	if (status == SPK_OK)
		status = spk_session_optimize(s, scan, &plan, err);
	if (status != SPK_OK) {
		spk_cached_unref(cached);
		return status;
	}
	f->plan = plan;
	f->cached = cached;
	p->rows = cached;
	p->uses = f->uses;
	p->weight = *w;
	p->next = s->placements;
	s->placements = p;
	return SPK_OK;
}

void spk_frame_use(struct spk_frame *f)
{
	double least = (double)spk_conf_int(f->session->conf, SPK_CONF_FRAMES_CHECKPOINT_COST);
	struct weight w;

	if (f->copied || ++f->uses < 2 || f->cached || least == 0 || !f->plan || !f->plan->properties.bounded || !is_steady(f->plan))
		return;
	if (weigh(f, &w, NULL) != SPK_OK || w.recompute < least || f->uses * w.recompute <= w.recompute + w.write + f->uses * w.read)
		return;
	/* Without it the frame is computed again: no reason to fail. */
	(void)place(f, &w, NULL);
}

static spk_status put_placement(const struct spk_placement *p, struct spk_buffer *out, spk_error *err)
{
	const struct weight *w = &p->weight;

	return spk_buffer_printf(out, err, "  %s: at use %d, since %d x recompute %.0f > recompute %.0f + write %.0f + %d x read %.0f row operations\n", p->name, p->uses, p->uses, w->recompute, w->recompute,
				 w->write, p->uses, w->read);
}

static spk_status put_below(const struct spk_session *s, const struct spk_logical *l, bool *any, struct spk_buffer *out, spk_error *err)
{
	const struct spk_placement *p = l->kind == SPK_LOGICAL_SCAN && l->table->rows ? s->placements : NULL;

	/* By name, too: a relation that is gone may have lain at this address. */
	while (p && (p->rows != l->table->rows || strcmp(p->name, l->table->name) != 0))
		p = p->next;
	if (p) {
		SPK_TRY(*any ? SPK_OK : spk_buffer_append_str(out, "Automatic checkpoints\n", err));
		*any = true;
		SPK_TRY(put_placement(p, out, err));
	}
	for (int i = 0; i < l->inputs; i++)
		SPK_TRY(put_below(s, l->input[i], any, out, err));
	return SPK_OK;
}

spk_status spk_frame_put_placements(const struct spk_session *s, const struct spk_logical *plan, struct spk_buffer *out, spk_error *err)
{
	bool any = false;

	return put_below(s, plan, &any, out, err);
}

/* --- into a folder --- */

static spk_status store(struct spk_frame *f, const char *dir, spk_error *err)
{
	struct spk_stored_writer *writer;
	struct spk_physical_plan *plan;
	spk_status status;

	SPK_TRY(spk_frame_ready(f, err));
	SPK_TRY(spk_session_plan_kept(f->session, f->plan, &plan, err));
	SPK_TRY(spk_stored_writer_new(&writer, dir, f->plan->schema, err));
	status = spk_session_store(f->session, plan, writer, err);
	spk_stored_writer_free(writer);
	return status;
}

/* The table that reads it. */
static spk_status put_table(struct spk_session *s, const char *dir, const struct spk_stored *what, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_buffer_append_str(out, "CREATE TABLE \"frame checkpoint\" (", err));
	for (int i = 0; i < what->columns; i++) {
		const char *column = spk_frame_quoted(s, what->column[i].name);

		SPK_TRY_PTR(column, err);
		SPK_TRY(spk_buffer_printf(out, err, "%s%s %s%s", i ? ", " : "", column, what->column[i].type, what->column[i].nullable ? "" : " NOT NULL"));
	}
	SPK_TRY(spk_buffer_append_str(out, ") WITH ('connector' = 'checkpoint', 'path' = ", err));
	SPK_TRY(spk_frame_literal(out, dir, err));
	return spk_buffer_append(out, ")", 2, err);
}

static spk_status read_back(struct spk_session *s, const char *dir, struct spk_logical **out, spk_error *err)
{
	struct spk_buffer ddl = { 0 };
	struct spk_stored *what;
	spk_status status;

	SPK_TRY(spk_stored_describe(dir, s->arena, &what, err));
	status = put_table(s, dir, what, &ddl, err);
	if (status == SPK_OK)
		status = spk_session_execute(s, ddl.data, err);
	spk_buffer_release(&ddl);
	if (status == SPK_OK)
		status = spk_frame_bind(s, &(struct spk_compose){ .call = "table", .before = "SELECT * FROM \"frame checkpoint\"", .after = "" }, out, err);
	spk_catalog_drop(s->catalog, "frame checkpoint", true, NULL);
	return status;
}

static struct spk_frame *failed(struct spk_session *s, const char *call, const char *dir, spk_error *error)
{
	spk_error_context(error, "%s(\"%s\")", call, dir);
	return spk_frame_of_error(s, error);
}

struct spk_frame *spk_frame_read_checkpoint(struct spk_session *session, const char *dir)
{
	spk_error error = { 0 };
	struct spk_logical *plan;

	if (!dir)
		return spk_frame_of_null(session, "read_checkpoint", "folder");
	return read_back(session, dir, &plan, &error) == SPK_OK ? spk_frame_of_plan(session, plan) : failed(session, "read_checkpoint", dir, &error);
}

struct spk_frame *spk_frame_checkpoint(struct spk_frame *frame, const char *dir)
{
	spk_error error = { 0 };

	if (!frame || !dir)
		return frame ? spk_frame_of_null(frame->session, "checkpoint", "folder") : NULL;
	if (spk_frame_check(frame, NULL) == SPK_OK)
		spk_frame_use(frame);
	return store(frame, dir, &error) == SPK_OK ? spk_frame_read_checkpoint(frame->session, dir) : failed(frame->session, "checkpoint", dir, &error);
}
