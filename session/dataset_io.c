/* Datasets and what is around them: frames, arrays of structs, and the actions. */
#include <stdlib.h>

#include "batch/cache.h"
#include "session/dataset.h"

/* --- of frames: every member gets its column, converted where nothing is lost --- */

/* Whether every value of `from` is one of `to`. */
static bool widens(struct spk_type from, struct spk_type to)
{
	if (spk_type_same(from, to) || (from.id == to.id && !spk_type_is_nested(from)))
		return true;
	switch (to.id) {
	case SPK_TYPE_INTEGER: return from.id == SPK_TYPE_SMALLINT;
	case SPK_TYPE_BIGINT: return from.id == SPK_TYPE_SMALLINT || from.id == SPK_TYPE_INTEGER;
	case SPK_TYPE_DECIMAL: return spk_type_is_integer(from);
	case SPK_TYPE_DOUBLE: return from.id == SPK_TYPE_REAL || from.id == SPK_TYPE_INTEGER || from.id == SPK_TYPE_SMALLINT;
	default: return false;
	}
}

static spk_status member_column(struct spk_session *s, const struct spk_struct_encoder *e, const struct spk_schema *in, const struct spk_field *want, struct spk_expr **out, spk_error *err)
{
	int at = spk_schema_find(in, want->name);
	char have_type[64], want_type[64];

	if (at < 0) {
		spk_fail(err, SPK_BIND, "of_frame(%s): there is no column \"%s\"", e->name, want->name);
		return spk_hint(err, "Every member of the struct needs a column of its name: rename it, or make it with with_column.");
	}
	if (!widens(in->field[at].type, want->type)) {
		spk_type_format(in->field[at].type, have_type, sizeof have_type);
		spk_type_format(want->type, want_type, sizeof want_type);
		spk_fail(err, SPK_BIND, "of_frame(%s): column \"%s\" is %s, member %s is %s", e->name, want->name, have_type, want->name, want_type);
		return spk_hint(err, "Cast it in the frame, or give the member the column's type.");
	}
	*out = spk_expr_column(s->arena, at, &in->field[at]);
	SPK_TRY_PTR(*out, err);
	return spk_type_same((*out)->type, want->type) ? SPK_OK : spk_expr_cast(s->arena, *out, want->type, true, 0, out, err);
}

static spk_status of_frame(struct spk_frame *f, const struct spk_struct_encoder *e, struct spk_logical **out, spk_error *err)
{
	struct spk_session *s = f->session;
	struct spk_logical *plan = f->plan, *l;
	struct spk_schema *schema;

	SPK_TRY(spk_frame_ready(f, err));
	SPK_TRY(spk_encoder_schema(e, s->arena, &schema, err));
	l = spk_logical_new(s->arena, SPK_LOGICAL_PROJECT, schema, &plan, 1);
	SPK_TRY_PTR(l, err);
	l->expr = SPK_NEW_ARRAY(s->arena, struct spk_expr *, schema->count + 1);
	SPK_TRY_PTR(l->expr, err);
	for (; l->expr_count < schema->count; l->expr_count++) {
		SPK_TRY(member_column(s, e, f->plan->schema, &schema->field[l->expr_count], &l->expr[l->expr_count], err));
		schema->field[l->expr_count].nullable = true;  /* what the frame says; the decoder sees to the rest */
	}
	*out = l;
	return SPK_OK;
}

static struct spk_dataset *make(struct spk_session *s, const struct spk_struct_encoder *e, struct spk_frame *frame)
{
	struct spk_dataset *d = frame ? SPK_NEW(s->arena, struct spk_dataset) : NULL;

	if (d)
		*d = (struct spk_dataset){ s, e, frame };
	return d;
}

struct spk_dataset *spk_dataset_of_frame(struct spk_frame *frame, const struct spk_struct_encoder *encoder)
{
	struct spk_logical *plan = NULL;
	spk_error error = { 0 };

	if (!frame)
		return NULL;
	return make(frame->session, encoder, of_frame(frame, encoder, &plan, &error) == SPK_OK ? spk_frame_of_plan(frame->session, plan) : spk_frame_of_error(frame->session, &error));
}

/* --- of structs --- */

static spk_status write_rows(struct spk_cached *cached, const struct spk_schema *schema, const struct spk_struct_encoder *e, const char *row, size_t count, spk_error *err)
{
	struct spk_struct_writer w = { .schema = schema, .account = spk_memory_account("cached rows") };
	spk_status status = spk_cached_begin(cached, 1, err);

	for (size_t i = 0; i <= count && status == SPK_OK; i++) {
		struct spk_batch *full = NULL;

		if (i < count)
			status = spk_struct_write(&w, 0, e, row + i * e->size, err);
		if (status == SPK_OK)
			full = i < count ? spk_struct_end_row(&w) : spk_struct_take(&w);
		if (full)
			status = spk_cached_add(cached, 0, full, err);
		spk_batch_unref(full);
	}
	spk_struct_writer_release(&w);
	if (status == SPK_OK)
		spk_cached_finish(cached);
	return status;
}

struct spk_dataset *spk_dataset_of_rows(struct spk_session *session, const struct spk_struct_encoder *encoder, const void *rows, size_t count)
{
	struct spk_cached *cached = NULL;
	struct spk_logical *scan = NULL;
	struct spk_schema *schema;
	struct spk_cache *cache;
	struct spk_frame *frame;
	spk_error error = { 0 };
	spk_status status;

	status = count && !rows ? spk_fail(&error, SPK_USAGE, "of_rows: %zu rows at NULL", count) : spk_encoder_schema(encoder, session->arena, &schema, &error);
	if (status == SPK_OK)
		status = spk_session_cache(session, &cache, &error);
	if (status == SPK_OK)
		status = spk_cached_new(&cached, cache, schema, SPK_CACHE_BOTH, NULL, &error);
	if (status == SPK_OK)
		status = write_rows(cached, schema, encoder, rows, count, &error);
	if (status == SPK_OK)
		status = spk_frame_scan(session, cached, encoder->name, &scan, &error);
	frame = status == SPK_OK ? spk_frame_of_plan(session, scan) : spk_frame_of_error(session, &error);
	if (frame && frame->plan)
		frame->cached = cached;
	else
		spk_cached_unref(cached);
	return make(session, encoder, frame);
}

/* --- actions --- */

struct walk {
	const struct spk_struct_encoder *encoder;
	spk_status (*each)(const void *row, void *user, spk_error *err);
	void *user;
	struct spk_arena *arena;   /* of a row's struct; kept when `keep` */
	bool keep;
	char *row;                 /* collected structs, or room for one */
	size_t count, capacity;
};

static spk_status make_room(struct walk *w, spk_error *err)
{
	size_t capacity = SPK_MAX(2 * w->capacity, 64);
	char *grown;

	if (w->count < w->capacity)
		return SPK_OK;
	grown = realloc(w->row, capacity * w->encoder->size);
	SPK_TRY_PTR(grown, err);
	w->row = grown;
	w->capacity = capacity;
	return SPK_OK;
}

static spk_status take_batch(void *user, struct spk_batch *batch, spk_error *err)
{
	struct walk *w = user;

	SPK_EACH_ROW(batch, i, row) {
		char *at;

		SPK_TRY(make_room(w, err));
		at = w->row + w->count * w->encoder->size;
		if (!w->keep)
			spk_arena_clear(w->arena);
		SPK_TRY(spk_struct_decode(w->encoder, batch->column, row, w->keep, w->arena, at, err));
		if (w->keep)
			w->count++;
		else
			SPK_TRY(w->each(at, w->user, err));
	}
	return SPK_OK;
}

static spk_status walk_rows(struct spk_dataset *d, struct walk *w, spk_error *err)
{
	struct spk_physical_plan *physical;
	struct spk_statement_time time;
	struct spk_logical *plan;
	spk_status status;

	SPK_TRY(spk_frame_ready(d->frame, err));
	plan = spk_logical_copy_tree(d->session->arena, d->frame->plan);
	SPK_TRY_PTR(plan, err);
	spk_session_begin_statement(d->session, &time);
	status = spk_session_plan_query(d->session, plan, &physical, err);
	if (status == SPK_OK)
		status = spk_session_run_query(d->session, physical, take_batch, w, NULL, err);
	return spk_session_end_statement(d->session, &time, status, err);
}

struct collected { struct spk_collected rows; struct spk_arena *arena; char *memory; };

spk_status spk_dataset_collect(struct spk_dataset *dataset, struct spk_collected **out, spk_error *err)
{
	struct collected *c = calloc(1, sizeof *c);
	struct walk w = { .keep = true };
	spk_status status;

	SPK_TRY_PTR(c, err);
	c->arena = w.arena = spk_arena_new(spk_memory_account("collected rows"));
	status = !dataset ? spk_frame_check(NULL, err) : c->arena ? SPK_OK : spk_fail_memory(err);
	if (status == SPK_OK) {
		w.encoder = dataset->encoder;
		status = walk_rows(dataset, &w, err);
	}
	c->memory = w.row;
	c->rows = (struct spk_collected){ w.row, w.count };
	if (status == SPK_OK)
		*out = &c->rows;
	else
		spk_collected_free(&c->rows);
	return status;
}

void spk_collected_free(struct spk_collected *rows)
{
	struct collected *c = (struct collected *)rows;

	if (!c)
		return;
	spk_arena_unref(c->arena);
	free(c->memory);
	free(c);
}

spk_status spk_dataset_foreach(struct spk_dataset *dataset, spk_status (*each)(const void *row, void *user, spk_error *err), void *user, spk_error *err)
{
	struct walk w = { .each = each, .user = user, .arena = spk_arena_new(NULL) };
	spk_status status;

	status = !dataset ? spk_frame_check(NULL, err) : !each ? spk_fail(err, SPK_USAGE, "foreach: its function is NULL") : w.arena ? SPK_OK : spk_fail_memory(err);
	if (status == SPK_OK) {
		w.encoder = dataset->encoder;
		status = walk_rows(dataset, &w, err);
	}
	spk_arena_unref(w.arena);
	free(w.row);
	return status;
}

spk_status spk_dataset_count(struct spk_dataset *dataset, int64_t *rows, spk_error *err)
{
	return dataset ? spk_frame_count(dataset->frame, rows, err) : spk_frame_check(NULL, err);
}
