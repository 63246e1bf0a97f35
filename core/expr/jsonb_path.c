/* Functions and operators of jsonpath: jsonb_path_*, @? and @@. */
#include <stdio.h>

#include "core/expr/families.h"
#include "core/expr/jsonb_path.h"
#include "core/expr/session.h"

/* The path is argument 1; compiled now when it is constant. A bad one is told now, as PostgreSQL does. */
static spk_status prepare(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	const struct spk_value *text = spk_constant_arg(e, 1);
	const struct spk_path *path;
	spk_status status;

	if (!text)
		return SPK_OK;
	status = spk_path_compile(arena, spk_view_data(&text->view), text->view.length, &path, err);
	if (status == SPK_DATA && err) {
		err->code = SPK_BIND;
		err->position = e->arg[1]->position;
	}
	e->prepared = path;
	return status == SPK_DATA ? SPK_BIND : status;
}

/* What is kept from row to row. */
struct work {
	const struct spk_call *call;
	struct spk_path_run run;
	struct spk_arena *paths, *scratch;
	struct spk_view compiled;          /* the text of run.path when that is not constant */
	bool silent;                       /* the operators: errors are NULL */
};

static spk_status work_init(struct work *w, const struct spk_call *call, bool silent, spk_error *err)
{
	*w = (struct work){ .call = call, .silent = silent, .run = { .path = call->expr->prepared } };
	w->scratch = spk_arena_new(NULL);
	w->paths = spk_arena_new(NULL);
	w->run.arena = w->scratch;
	w->run.zoned = call->expr->function->volatility == SPK_STABLE;
	if (w->run.zoned)
		SPK_TRY(spk_session_zone(call, &w->run.zone, err));
	return w->scratch && w->paths ? SPK_OK : spk_fail_memory(err);
}

static void work_release(struct work *w)
{
	spk_regex_matcher_release(&w->run.matcher);
	spk_arena_unref(w->scratch);
	spk_arena_unref(w->paths);
}

static bool flag(const struct spk_call *call, int k, int row)
{
	if (call->args <= k)
		return false;
	const struct spk_reader r = spk_vector_reader(&call->arg[k]);

	return SPK_ARG(uint8_t, r, row);
}

/* Prepares the run of a row; *wrong: it fails with that message. */
static spk_status start_row(struct work *w, int row, bool *wrong, spk_error *err)
{
	const struct spk_reader rj = spk_vector_reader(&w->call->arg[0]), rp = spk_vector_reader(&w->call->arg[1]);
	const struct spk_view *path = &SPK_ARG(struct spk_view, rp, row);
	static const char none[] = "{}";
	spk_error local = { 0 };
	spk_status status;

	*wrong = false;
	spk_arena_clear(w->scratch);
	w->run.root = spk_json_at(&rj, row);
	w->run.vars = w->call->expr->function->name[0] == '@' ? (struct spk_json){ NULL, NULL } : (struct spk_json){ none, none + 2 };
	if (w->call->args > 2) {
		const struct spk_reader rv = spk_vector_reader(&w->call->arg[2]);

		w->run.vars = spk_json_at(&rv, row);
	}
	if (!w->call->expr->prepared && (!w->run.path || !spk_view_equal(path, &w->compiled))) {
		spk_arena_clear(w->paths);
		w->run.path = NULL;
		status = spk_path_compile(w->paths, spk_view_data(path), path->length, &w->run.path, &local);
		w->compiled = *path;
		if (status != SPK_OK) {
			w->run.path = NULL;
			*wrong = status == SPK_DATA;
			snprintf(w->run.message, sizeof w->run.message, "%.200s", local.message);
			if (!*wrong && err)
				*err = local;
			return *wrong ? SPK_OK : status;
		}
	}
	*wrong = w->run.vars.p && *w->run.vars.p != '{';
	if (*wrong)
		snprintf(w->run.message, sizeof w->run.message, "\"vars\" argument is not an object");
	return SPK_OK;
}

/* An error in the data: a failing row, or NULL when errors are silent. */
static spk_status end_wrong(struct work *w, struct spk_vector *out, int row, bool path_itself, spk_error *err)
{
	if (w->run.failure.code) {
		if (err)
			*err = w->run.failure;
		return w->run.failure.code;
	}
	if (!path_itself && !w->run.hard && (w->silent || flag(w->call, 3, row)))
		return spk_call_null(w->call, out, row, err);
	return spk_call_fail(w->call, out, row, SPK_DATA, err, "%s", w->run.message);
}

typedef spk_status (*one_row)(struct work *w, struct spk_vector *out, int row, spk_error *err);

static spk_status rows(const struct spk_call *call, struct spk_vector *out, bool silent, one_row one, spk_error *err)
{
	struct work w;
	spk_status status = work_init(&w, call, silent, err);

	for (int i = 0; i < call->n && status == SPK_OK; i++) {
		int row = spk_call_row(call, i);
		bool wrong;

		status = start_row(&w, row, &wrong, err);
		if (status == SPK_OK)
			status = wrong ? end_wrong(&w, out, row, true, err) : one(&w, out, row, err);
	}
	work_release(&w);
	return status;
}

/* --- exists and match --- */

static spk_status exists_row(struct work *w, struct spk_vector *out, int row, spk_error *err)
{
	enum spk_path_result got = spk_path_run(&w->run, NULL);

	if (got == SPK_PATH_ERROR)
		return end_wrong(w, out, row, false, err);
	spk_vector_bool(out)[row] = got == SPK_PATH_OK;
	return SPK_OK;
}

static spk_status match_row(struct work *w, struct spk_vector *out, int row, spk_error *err)
{
	struct spk_path_list values = { 0 };

	if (spk_path_run(&w->run, &values) == SPK_PATH_ERROR)
		return end_wrong(w, out, row, false, err);
	if (values.count == 1 && *values.item[0].p == 'n')
		return spk_call_null(w->call, out, row, err);
	if (values.count == 1 && spk_json_type(values.item[0]) == SPK_JSONB_BOOLEAN) {
		spk_vector_bool(out)[row] = *values.item[0].p == 't';
		return SPK_OK;
	}
	snprintf(w->run.message, sizeof w->run.message, "single boolean result is expected");
	return end_wrong(w, out, row, false, err);
}

static spk_status path_exists(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return rows(call, out, call->expr->function->name[0] == '@', exists_row, err);
}

static spk_status path_match(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return rows(call, out, call->expr->function->name[0] == '@', match_row, err);
}

/* --- queries --- */

/* A result may be a part of the argument, of the path, or made: only the first outlives the row. */
static spk_status put_value(struct work *w, struct spk_json j, struct spk_view *out, spk_error *err)
{
	bool inside = j.p >= w->run.root.p && j.p < w->run.root.end;
	const char *copy = j.p;

	if (!inside && j.end - j.p > SPK_VIEW_INLINE) {
		copy = spk_arena_copy(w->call->ev->arena, j.p, (size_t)(j.end - j.p));
		SPK_TRY_PTR(copy, err);
	}
	*out = spk_view(copy, (uint32_t)(j.end - j.p));
	return SPK_OK;
}

/* Runs the path; *wrong: it failed, and not silently. What was found before a silent error counts. */
static void find_values(struct work *w, int row, struct spk_path_list *values, bool *wrong)
{
	*wrong = spk_path_run(&w->run, values) == SPK_PATH_ERROR && (w->run.failure.code || w->run.hard || !flag(w->call, 3, row));
}

static spk_status first_row(struct work *w, struct spk_vector *out, int row, spk_error *err)
{
	struct spk_path_list values = { 0 };
	bool wrong;

	find_values(w, row, &values, &wrong);
	if (wrong)
		return end_wrong(w, out, row, false, err);
	return values.count ? put_value(w, values.item[0], &spk_vector_view(out)[row], err) : spk_call_null(w->call, out, row, err);
}

static spk_status array_row(struct work *w, struct spk_vector *out, int row, spk_error *err)
{
	struct spk_path_list values = { 0 };
	struct spk_buffer text = { 0 };
	spk_status status;
	bool wrong;

	find_values(w, row, &values, &wrong);
	if (wrong)
		return end_wrong(w, out, row, false, err);
	status = spk_buffer_append(&text, "[", 1, err);
	for (int i = 0; i < values.count && status == SPK_OK; i++) {
		if (i)
			status = spk_buffer_append(&text, ", ", 2, err);
		if (status == SPK_OK)
			status = spk_json_append(&text, values.item[i], err);
	}
	if (status == SPK_OK)
		status = spk_buffer_append(&text, "]", 1, err);
	if (status == SPK_OK)
		status = spk_call_text(w->call, out, row, text.data, text.size, err);
	spk_buffer_release(&text);
	return status;
}

static spk_status path_query_first(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return rows(call, out, false, first_row, err);
}

static spk_status path_query_array(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return rows(call, out, false, array_row, err);
}

/* One row of the set for every value. */
static spk_status query_rows(struct work *w, struct spk_vector *out, spk_error *err)
{
	struct spk_array_writer writer = spk_array_writer(w->call, out);

	SPK_EACH_CALL_ROW(w->call, row) {
		struct spk_path_list values = { 0 };
		bool wrong;

		SPK_TRY(start_row(w, row, &wrong, err));
		if (!wrong)
			find_values(w, row, &values, &wrong);
		if (wrong) {
			SPK_TRY(end_wrong(w, out, row, true, err));
			values.count = 0;
		}
		SPK_TRY(spk_array_room(&writer, values.count, err));
		for (int i = 0; i < values.count; i++, writer.used++)
			SPK_TRY(put_value(w, values.item[i], &spk_vector_view(writer.child)[writer.used], err));
		spk_array_end(&writer, row);
	}
	spk_array_end(&writer, w->call->rows);
	return SPK_OK;
}

static spk_status path_query(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct work w;
	spk_status status = work_init(&w, call, false, err);

	if (status == SPK_OK)
		status = query_rows(&w, out, err);
	work_release(&w);
	return status;
}

/* --- the table --- */

#define PATH(name_, kernel_, doc_, ...) \
	{ .name = name_, .doc = doc_, .args_min = 2, .args_max = 4, .arg = { SPK_T(JSONB), SPK_T(TEXT), SPK_T(JSONB), SPK_T(BOOLEAN) }, __VA_ARGS__, .can_fail = true, \
	  .kernel = kernel_, .prepare = prepare }
/* Stable, for the session's zone: by that work_init knows them. */
#define ZONED(...) PATH(__VA_ARGS__, .volatility = SPK_STABLE)
#define COMPARED "; times with and without a zone are compared in the session's"
#define OPERATOR(name_, kernel_, doc_) \
	{ .name = name_, .doc = doc_, SPK_ARGS2(JSONB, TEXT), SPK_RESULT(BOOLEAN), .can_fail = true, .kernel = kernel_, .prepare = prepare }

/* jsonpath(text): the path as it is shown, which is checked by that. */
static spk_status as_path(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_buffer text = { 0 };
	spk_status status = arena ? SPK_OK : spk_fail_memory(err);

	for (int i = 0; i < call->n && status == SPK_OK; i++) {
		const int row = spk_call_row(call, i);
		const struct spk_view *v = &SPK_ARG(struct spk_view, r, row);
		const struct spk_path *path;
		spk_error why = { 0 };

		text.size = 0;
		status = spk_path_compile(arena, spk_view_data(v), v->length, &path, &why);
		if (status == SPK_DATA)
			status = spk_call_fail_with(call, out, row, &why, err);
		else if (status == SPK_OK && (status = spk_path_print(path, &text, err)) == SPK_OK)
			status = spk_call_text(call, out, row, text.data, text.size, err);
		else if (err)
			*err = why;
		spk_arena_clear(arena);
	}
	spk_buffer_release(&text);
	if (arena)
		spk_arena_unref(arena);
	return status;
}

static const struct spk_function jsonb_path_functions[] = {
	{ .name = "jsonpath", .doc = "A text as a JSON path: checked, and in the form that is shown", SPK_ARGS1(TEXT), SPK_RESULT(TEXT), .can_fail = true, .kernel = as_path },
	OPERATOR("@?", path_exists, "Whether a JSON path gives any value; NULL on an error"),
	OPERATOR("@@", path_match, "What a JSON path's predicate says; NULL on an error"),
	PATH("jsonb_path_exists", path_exists, "Whether a JSON path gives any value; variables; whether errors are NULL", SPK_RESULT(BOOLEAN)),
	PATH("jsonb_path_match", path_match, "What a JSON path's predicate says", SPK_RESULT(BOOLEAN)),
	PATH("jsonb_path_query_array", path_query_array, "The values that a JSON path gives, as an array", SPK_RESULT(JSONB)),
	PATH("jsonb_path_query_first", path_query_first, "The first value that a JSON path gives", SPK_RESULT(JSONB)),
	PATH("jsonb_path_query", path_query, "The values that a JSON path gives", .result = SPK_TA(JSONB), .set_returning = true),
	ZONED("jsonb_path_exists_tz", path_exists, "Whether a JSON path gives any value" COMPARED, SPK_RESULT(BOOLEAN)),
	ZONED("jsonb_path_match_tz", path_match, "What a JSON path's predicate says" COMPARED, SPK_RESULT(BOOLEAN)),
	ZONED("jsonb_path_query_array_tz", path_query_array, "The values that a JSON path gives, as an array" COMPARED, SPK_RESULT(JSONB)),
	ZONED("jsonb_path_query_first_tz", path_query_first, "The first value that a JSON path gives" COMPARED, SPK_RESULT(JSONB)),
	ZONED("jsonb_path_query_tz", path_query, "The values that a JSON path gives" COMPARED, .result = SPK_TA(JSONB), .set_returning = true),
};

SPK_FUNCTION_FAMILY(jsonb_path, jsonb_path_functions)
