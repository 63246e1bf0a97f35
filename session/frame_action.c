/* Frames and the outside: reading files, and the actions that compute. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "connectors/print/print.h"
#include "core/columnar/arrow_c.h"
#include "session/frame.h"

/* --- reading --- */

spk_status spk_frame_literal(struct spk_buffer *out, const char *text, spk_error *err)
{
	SPK_TRY(spk_buffer_append_str(out, "'", err));
	for (; *text; text++)
		SPK_TRY(spk_buffer_append(out, *text == '\'' ? "''" : text, *text == '\'' ? 2 : 1, err));
	return spk_buffer_append_str(out, "'", err);
}

spk_status spk_frame_put_options(struct spk_buffer *out, const char *const *option, spk_error *err)
{
	for (; option && *option; option += 2) {
		if (!option[1])
			return spk_fail(err, SPK_USAGE, "option \"%s\" has no value: keys and values come in turn", *option);
		SPK_TRY(spk_buffer_append_str(out, ", ", err));
		SPK_TRY(spk_frame_literal(out, option[0], err));
		SPK_TRY(spk_buffer_append_str(out, " = ", err));
		SPK_TRY(spk_frame_literal(out, option[1], err));
	}
	return SPK_OK;
}

/* CREATE TABLE "frame table" (schema) WITH (...). Columns that are not given are found in the files. */
static spk_status put_table(struct spk_buffer *out, const char *schema, const char *format, const char *path, const char *const *option, spk_error *err)
{
	SPK_TRY(spk_buffer_printf(out, err, "CREATE TABLE \"frame table\" (%s\n) WITH ('connector' = 'filesystem', 'format' = ", schema));
	SPK_TRY(spk_frame_literal(out, format, err));
	SPK_TRY(spk_buffer_append_str(out, ", 'path' = ", err));
	SPK_TRY(spk_frame_literal(out, path, err));
	SPK_TRY(spk_frame_put_options(out, option, err));
	return spk_buffer_append(out, ")", 2, err);
}

/* The columns of a file as the text of a table's columns. */
static spk_status infer_schema(struct spk_session *s, const char *format, const char *path, const char *const *option, struct spk_buffer *out, spk_error *err)
{
	struct spk_buffer call = { 0 };
	struct spk_logical *plan = NULL;
	spk_status status;
	char type[128];

	status = spk_buffer_printf(&call, err, "SELECT * FROM read_%s(", format);
	if (status == SPK_OK)
		status = spk_frame_literal(&call, path, err);
	for (const char *const *o = option; o && *o && status == SPK_OK; o += 2) {
		const char *key = strchr(*o, '.') ? strchr(*o, '.') + 1 : *o;

		status = spk_buffer_printf(&call, err, ", \"%s\" => ", key);
		if (status == SPK_OK)
			status = spk_frame_literal(&call, o[1] ? o[1] : "", err);
	}
	if (status == SPK_OK)
		status = spk_buffer_append(&call, ")", 2, err);
	if (status == SPK_OK)
		status = spk_frame_bind(s, &(struct spk_compose){ .call = "read", .before = call.data, .after = "" }, &plan, err);
	spk_buffer_release(&call);
	for (int i = 0; status == SPK_OK && i < plan->schema->count; i++) {
		const struct spk_field *f = &plan->schema->field[i];

		status = spk_buffer_printf(out, err, "%s\"%s\" %s", i ? ", " : "", f->name, spk_type_format(f->type, type, sizeof type));
	}
	return status == SPK_OK ? spk_buffer_append(out, "", 1, err) : status;
}

static spk_status read_file(struct spk_session *s, const char *format, const char *path, const struct spk_read_options *options, struct spk_logical **out, spk_error *err)
{
	const char *const *option = options ? options->option : NULL;
	struct spk_buffer schema = { 0 }, ddl = { 0 };
	spk_status status = SPK_OK;

	if (options && options->schema)
		status = spk_buffer_append(&schema, options->schema, strlen(options->schema) + 1, err);
	else
		status = infer_schema(s, format, path, option, &schema, err);
	if (status == SPK_OK)
		status = put_table(&ddl, schema.data, format, path, option, err);
	if (status == SPK_OK)
		status = spk_session_execute(s, ddl.data, err);
	if (status != SPK_OK)
		spk_error_context(err, "read_%s(\"%s\")", format, path);
	if (status == SPK_OK)
		status = spk_frame_bind(s, &(struct spk_compose){ .call = "read", .before = "SELECT * FROM \"frame table\"", .after = "" }, out, err);
	spk_catalog_drop(s->catalog, "frame table", true, NULL);
	spk_buffer_release(&schema);
	spk_buffer_release(&ddl);
	return status;
}

static struct spk_frame *frame_of_file(struct spk_session *s, const char *format, const char *path, const struct spk_read_options *options)
{
	struct spk_logical *plan;
	spk_error error = { 0 };

	if (!path)
		return spk_frame_of_null(s, strcmp(format, "csv") == 0 ? "read_csv" : "read_json", "path");
	return read_file(s, format, path, options, &plan, &error) == SPK_OK ? spk_frame_of_plan(s, plan) : spk_frame_of_error(s, &error);
}

struct spk_frame *spk_frame_read_csv(struct spk_session *session, const char *path, const struct spk_read_options *options)
{
	return frame_of_file(session, "csv", path, options);
}

struct spk_frame *spk_frame_read_json(struct spk_session *session, const char *path, const struct spk_read_options *options)
{
	return frame_of_file(session, "json", path, options);
}

/* --- actions --- */

/* A copy of the frame's plan: planning may change it in place. */
static spk_status take_plan(struct spk_frame *f, struct spk_logical **out, spk_error *err)
{
	SPK_TRY(spk_frame_ready(f, err));
	spk_frame_use(f);
	*out = spk_logical_copy_tree(f->session->arena, f->plan);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

spk_status spk_frame_collect(struct spk_frame *frame, struct ArrowArrayStream *out, spk_error *err)
{
	struct spk_logical *plan;

	SPK_TRY(take_plan(frame, &plan, err));
	return spk_session_collect(frame->session, plan, out, err);
}

spk_status spk_frame_schema(struct spk_frame *frame, struct ArrowSchema *out, spk_error *err)
{
	SPK_TRY(spk_frame_ready(frame, err));
	return spk_arrow_export_schema(frame->plan->schema, out, err);
}

static spk_status take_count(void *user, struct spk_batch *batch, spk_error *err)
{
	struct spk_reader r = spk_vector_reader(&batch->column[0]);

	(void)err;
	*(int64_t *)user = ((const int64_t *)r.data)[spk_reader_slot(&r, spk_batch_row(batch, 0))];
	return SPK_OK;
}

static spk_status run(struct spk_session *s, struct spk_logical *plan, spk_status (*collect)(void *user, struct spk_batch *batch, spk_error *err), void *user, spk_error *err)
{
	struct spk_physical_plan *physical;
	struct spk_statement_time time;
	spk_status status;

	spk_session_begin_statement(s, &time);
	status = spk_session_plan_query(s, plan, &physical, err);
	if (status == SPK_OK)
		status = spk_session_run_query(s, physical, collect, user, NULL, err);
	return spk_session_end_statement(s, &time, status, err);
}

spk_status spk_frame_count(struct spk_frame *frame, int64_t *rows, spk_error *err)
{
	struct spk_logical *plan;

	SPK_TRY(spk_frame_ready(frame, err));
	SPK_TRY(spk_frame_bind(frame->session, &(struct spk_compose){ .call = "count", .before = "SELECT count(*) FROM \"frame 1\"", .after = "", .frame = { frame } }, &plan, err));
	return run(frame->session, plan, take_count, rows, err);
}

/* The caller's copy of a text. */
static spk_status hand_over(struct spk_buffer *from, char **text, spk_error *err)
{
	const char *all = spk_buffer_cstr(from);

	*text = all ? strdup(all) : NULL;
	SPK_TRY_PTR(*text, err);
	return SPK_OK;
}

struct shown { struct spk_sink_block *block; const char *timezone; };

static spk_status take_cells(void *user, struct spk_batch *batch, spk_error *err)
{
	struct shown *s = user;

	return spk_print_cells(batch, s->timezone, s->block, err);
}

spk_status spk_frame_show(struct spk_frame *frame, int rows, char **text, spk_error *err)
{
	struct shown shown = { 0 };
	struct spk_buffer out = { 0 };
	struct spk_logical *plan;
	spk_status status;

	SPK_TRY(take_plan(frame, &plan, err));
	shown.timezone = spk_conf_text(frame->session->conf, SPK_CONF_TIMEZONE);
	plan = spk_logical_new(frame->session->arena, SPK_LOGICAL_LIMIT, plan->schema, &plan, 1);
	SPK_TRY_PTR(plan, err);
	plan->limit = SPK_MAX(rows, 0);
	shown.block = calloc(1, sizeof *shown.block);
	status = shown.block ? run(frame->session, plan, take_cells, &shown, err) : spk_fail_memory(err);
	if (status == SPK_OK)
		status = spk_print_table(frame->plan->schema, shown.block->value.data, shown.block->value.size, &out, err);
	if (status == SPK_OK)
		status = hand_over(&out, text, err);
	spk_sink_block_free(shown.block);
	spk_buffer_release(&out);
	return status;
}

/* --- writing --- */

spk_status spk_frame_put_columns(const struct spk_frame *f, struct spk_buffer *out, spk_error *err)
{
	char type[128];

	for (int i = 0; i < f->plan->schema->count; i++) {
		const struct spk_field *field = &f->plan->schema->field[i];
		const char *name = spk_frame_quoted(f->session, field->name);

		SPK_TRY_PTR(name, err);
		SPK_TRY(spk_buffer_printf(out, err, "%s%s %s", i ? ", " : "", name, spk_type_format(field->type, type, sizeof type)));
	}
	return SPK_OK;
}

static spk_status bind_insert(struct spk_frame *f, const char *ddl, struct spk_logical **out, spk_error *err)
{
	struct spk_script script;

	SPK_TRY(spk_session_execute(f->session, ddl, err));
	SPK_TRY(spk_session_add_frame(f->session, "frame 1", f->plan, true, err));
	SPK_TRY(spk_session_bind(f->session, "INSERT INTO \"frame table\" SELECT * FROM \"frame 1\"", &script, err));
	*out = script.statement[0].plan;
	return SPK_OK;
}

spk_status spk_frame_bind_insert(struct spk_frame *frame, const char *ddl, struct spk_logical **out, spk_error *err)
{
	spk_status status = bind_insert(frame, ddl, out, err);

	spk_catalog_drop(frame->session->catalog, "frame 1", true, NULL);
	spk_catalog_drop(frame->session->catalog, "frame table", true, NULL);
	return status;
}

/* INSERT into files. */
static spk_status bind_write(struct spk_frame *f, const char *format, const char *path, const char *const *option, struct spk_logical **out, spk_error *err)
{
	struct spk_buffer columns = { 0 }, ddl = { 0 };
	spk_status status = spk_frame_put_columns(f, &columns, err);

	if (status == SPK_OK)
		status = spk_buffer_append(&columns, "", 1, err);
	if (status == SPK_OK)
		status = put_table(&ddl, columns.data, format, path, option, err);
	if (status == SPK_OK)
		status = spk_frame_bind_insert(f, ddl.data, out, err);
	spk_buffer_release(&columns);
	spk_buffer_release(&ddl);
	return status;
}

spk_status spk_frame_write(struct spk_frame *frame, const char *format, const char *path, const char *const *option, spk_error *err)
{
	struct spk_logical *insert;
	char owner[64];
	int64_t rows;

	SPK_TRY(spk_frame_ready(frame, err));
	if (!format || !path)
		return spk_fail(err, SPK_USAGE, "write: its %s is NULL", format ? "path" : "format");
	if (bind_write(frame, format, path, option, &insert, err) != SPK_OK)
		return spk_error_context(err, "write(\"%s\", \"%s\")", format, path);
	snprintf(owner, sizeof owner, "frame-%d-%p", (int)getpid(), (void *)frame->session);
	return spk_session_insert(frame->session, insert, owner, ++frame->session->writes, &rows, err);
}

spk_status spk_frame_register(struct spk_frame *frame, const char *name, spk_error *err)
{
	SPK_TRY(spk_frame_ready(frame, err));
	if (!name)
		return spk_fail(err, SPK_USAGE, "register: its name is NULL");
	return spk_session_add_frame(frame->session, name, frame->plan, true, err);
}

/* Of a frame without an end: as a stream would compute it, for a sink that takes anything. */
static spk_status plan_stream(struct spk_frame *f, struct spk_physical_plan **out, spk_error *err)
{
	struct spk_statement insert = { .kind = SPK_STATEMENT_INSERT };
	struct spk_buffer ddl = { 0 };
	spk_status status = spk_buffer_append_str(&ddl, "CREATE TABLE \"frame table\" (", err);

	if (status == SPK_OK)
		status = spk_frame_put_columns(f, &ddl, err);
	if (status == SPK_OK)
		status = spk_buffer_append(&ddl, ") WITH ('connector' = 'blackhole')", sizeof ") WITH ('connector' = 'blackhole')", err);
	if (status == SPK_OK)
		status = spk_frame_bind_insert(f, ddl.data, &insert.plan, err);
	spk_buffer_release(&ddl);
	SPK_TRY(status);
	return spk_session_plan_job(f->session, &(struct spk_script){ .count = 1, .statement = &insert }, out, err);
}

spk_status spk_frame_explain(struct spk_frame *frame, char **text, spk_error *err)
{
	struct spk_physical_plan *physical = NULL;
	struct spk_buffer out = { 0 };
	struct spk_logical *plan;
	spk_status status;

	SPK_TRY(spk_frame_ready(frame, err));
	SPK_TRY_PTR(plan = spk_logical_copy_tree(frame->session->arena, frame->plan), err);
	status = spk_buffer_append_str(&out, "Logical plan\n", err);
	if (status == SPK_OK)
		status = spk_logical_format(frame->plan, false, &out, err);
	if (status == SPK_OK)
		status = frame->plan->properties.bounded ? spk_session_plan_query(frame->session, plan, &physical, err) : plan_stream(frame, &physical, err);
	if (status == SPK_OK)
		status = spk_buffer_append_str(&out, "Physical plan\n", err);
	if (status == SPK_OK)
		status = spk_physical_format(physical, NULL, NULL, &out, err);
	if (status == SPK_OK)
		status = spk_frame_put_placements(frame->session, frame->plan, &out, err);
	if (status == SPK_OK)
		status = hand_over(&out, text, err);
	spk_buffer_release(&out);
	return status;
}
