/* Frames over sources that have no end: the source, its watermark, windows over its time. How they are run: stream.c. */
#include "core/expr/interval.h"
#include "core/expr/text_parse.h"
#include "session/frame.h"
#include "sparklet/stream.h"

/* --- sources --- */

static spk_status declare(struct spk_session *s, const char *name, const char *columns, const char *const *option, spk_error *err)
{
	struct spk_buffer ddl = { 0 };
	const char *quoted = spk_frame_quoted(s, name);
	spk_status status = quoted ? spk_buffer_printf(&ddl, err, "CREATE TABLE %s (%s\n) WITH (", quoted, columns) : spk_fail_memory(err);
	size_t list = ddl.size;

	if (status == SPK_OK)
		status = spk_frame_put_options(&ddl, option, err);
	if (status == SPK_OK && ddl.size > list)
		ddl.data[list] = ' ';  /* the list begins with a comma */
	if (status == SPK_OK)
		status = spk_buffer_append(&ddl, ")", 2, err);
	if (status == SPK_OK)
		status = spk_session_execute(s, ddl.data, err);
	spk_buffer_release(&ddl);
	return status == SPK_OK ? SPK_OK : spk_error_context(err, "read_stream(\"%s\")", name);
}

struct spk_frame *spk_frame_read_stream(struct spk_session *session, const char *name, const char *columns, const char *const *option)
{
	spk_error error = { 0 };

	if (!name || !columns)
		return spk_frame_of_null(session, "read_stream", name ? "columns" : "name");
	return declare(session, name, columns, option, &error) == SPK_OK ? spk_frame_table(session, name) : spk_frame_of_error(session, &error);
}

/* --- watermarks --- */

static spk_status parse_delay(const char *text, int64_t *us, spk_error *err)
{
	struct spk_interval v;

	SPK_TRY(spk_text_parse_interval(text, strlen(text), &v, err));
	if (v.months)
		return spk_fail(err, SPK_BIND, "a watermark's delay must have a fixed length; months do not");
	if (!spk_interval_micros(v, us) || *us < 0)
		return spk_fail(err, SPK_BIND, "a watermark's delay must be zero or more");
	return SPK_OK;
}

/* Makes the table of the scan below, whose column is handed on as `column`, one with that watermark. Changes the tree in place. */
static spk_status set_watermark(struct spk_arena *arena, struct spk_logical *l, int column, int64_t delay_us, spk_error *err)
{
	struct spk_table *table;

	while (l->kind == SPK_LOGICAL_FILTER || l->kind == SPK_LOGICAL_PROJECT) {
		if (l->kind == SPK_LOGICAL_PROJECT && l->expr[column]->kind != SPK_EXPR_COLUMN)
			return spk_fail(err, SPK_PLAN, "the column is computed; a watermark is set where it comes from a source");
		column = l->kind == SPK_LOGICAL_PROJECT ? l->expr[column]->column : column;
		l = l->input[0];
	}
	if (l->kind != SPK_LOGICAL_SCAN || l->table->rows)
		return spk_fail(err, SPK_PLAN, "the frame is no longer a source's rows; set the watermark before other calls than select and filter");
	if (l->table->time_column >= 0)
		return spk_fail(err, SPK_PLAN, "table \"%s\" has a watermark for \"%s\" already", l->table->name, l->table->schema->field[l->table->time_column].name);
	table = SPK_NEW(arena, struct spk_table);
	SPK_TRY_PTR(table, err);
	*table = *l->table;
	table->time_column = l->column[column];
	table->watermark_delay_us = delay_us;
	l->table = table;
	return SPK_OK;
}

static spk_status with_watermark(struct spk_frame *f, const char *column, const char *delay, struct spk_logical **out, spk_error *err)
{
	int64_t us = 0;
	int at;

	SPK_TRY(spk_frame_ready(f, err));
	at = spk_schema_find(f->plan->schema, column);
	if (at < 0)
		return spk_fail(err, SPK_BIND, "column \"%s\" does not exist", column);
	if (f->plan->schema->field[at].type.id != SPK_TYPE_TIMESTAMP && f->plan->schema->field[at].type.id != SPK_TYPE_TIMESTAMPTZ)
		return spk_fail(err, SPK_BIND, "a watermark needs a timestamp");
	SPK_TRY(parse_delay(delay, &us, err));
	*out = spk_logical_copy_tree(f->session->arena, f->plan);
	SPK_TRY_PTR(*out, err);
	return set_watermark(spk_catalog_arena(f->session->catalog), *out, at, us, err);
}

struct spk_frame *spk_frame_with_watermark(struct spk_frame *frame, const char *column, const char *delay)
{
	spk_error error = { 0 };
	struct spk_logical *plan = NULL;

	if (!frame)
		return NULL;
	if (!column || !delay)
		return spk_frame_of_null(frame->session, "with_watermark", column ? "delay" : "column");
	if (with_watermark(frame, column, delay, &plan, &error) == SPK_OK)
		return spk_frame_of_plan(frame->session, plan);
	if (spk_frame_check(frame, NULL) == SPK_OK)
		spk_error_context(&error, "with_watermark(\"%s\", \"%s\")", column, delay);
	return spk_frame_of_error(frame->session, &error);
}

/* --- windows --- */

/* SELECT * FROM call(frame PARTITION BY keys, column, INTERVAL 'first', INTERVAL 'second'); keys, second NULL: without them. */
static struct spk_frame *windowed(struct spk_frame *f, const char *call, const char *keys, const char *column, const char *first, const char *second)
{
	struct spk_buffer sizes = { 0 };
	struct spk_frame *out = NULL;
	spk_error error = { 0 };
	const char *before, *name;
	spk_status status;

	if (!f)
		return NULL;
	if (!column || !first)
		return spk_frame_of_null(f->session, call, column ? "size" : "column");
	name = spk_frame_quoted(f->session, column);
	before = name ? spk_arena_printf(f->session->arena, "SELECT * FROM %s(\"frame 1\"%s%s, %s, ", call, keys ? " PARTITION BY " : "", keys ? keys : "", name) : NULL;
	status = spk_buffer_append_str(&sizes, "INTERVAL ", &error);
	if (status == SPK_OK)
		status = spk_frame_literal(&sizes, first, &error);
	if (status == SPK_OK && second)
		status = spk_buffer_append_str(&sizes, ", INTERVAL ", &error);
	if (status == SPK_OK && second)
		status = spk_frame_literal(&sizes, second, &error);
	if (status == SPK_OK)
		status = spk_buffer_append(&sizes, "", 1, &error);
	if (status == SPK_OK && before)
		out = spk_frame_make(&(struct spk_compose){ .call = call, .before = before, .fragment = spk_arena_strdup(f->session->arena, sizes.data), .after = ")", .frame = { f } });
	spk_buffer_release(&sizes);
	return out;
}

struct spk_frame *spk_frame_session(struct spk_frame *frame, const char *keys, const char *column, const char *gap) { return windowed(frame, "session", keys, column, gap, NULL); }

struct spk_frame *spk_frame_tumble(struct spk_frame *frame, const char *column, const char *size) { return windowed(frame, "tumble", NULL, column, size, NULL); }

struct spk_frame *spk_frame_hop(struct spk_frame *frame, const char *column, const char *slide, const char *size)
{
	return frame && !size ? spk_frame_of_null(frame->session, "hop", "size") : windowed(frame, "hop", NULL, column, slide, size);
}

struct spk_frame *spk_frame_cumulate(struct spk_frame *frame, const char *column, const char *step, const char *size)
{
	return frame && !size ? spk_frame_of_null(frame->session, "cumulate", "size") : windowed(frame, "cumulate", NULL, column, step, size);
}
