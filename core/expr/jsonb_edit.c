/* jsonb values changed: joined, with parts deleted, set or inserted, without nulls, indented. */
#include <stdio.h>
#include <stdlib.h>

#include "core/expr/families.h"
#include "core/expr/jsonb.h"

/* Writes elements or members of a container one by one, with commas between them. */
struct list { struct spk_buffer *out; bool begun; };

static spk_status open_list(struct list *l, struct spk_buffer *out, bool object, spk_error *err)
{
	*l = (struct list){ .out = out };
	return spk_json_put(out, object ? "{" : "[", err);
}

static spk_status next_item(struct list *l, spk_error *err)
{
	bool begun = l->begun;

	l->begun = true;
	return begun ? spk_json_put(l->out, ", ", err) : SPK_OK;
}

static spk_status add_value(struct list *l, struct spk_json value, spk_error *err)
{
	SPK_TRY(next_item(l, err));
	return spk_json_append(l->out, value, err);
}

/* The name as it lies in an iterator. */
static spk_status add_name(struct list *l, const struct spk_jsonb_iterator *i, spk_error *err)
{
	SPK_TRY(next_item(l, err));
	return spk_buffer_append(l->out, i->key - 1, (size_t)(i->key_end - i->key) + 4, err);
}

static struct spk_json value_of(const struct spk_jsonb_iterator *i)
{
	return (struct spk_json){ i->value, i->value_end };
}

/* An element, or a member with its name. */
static spk_status add_item(struct list *l, const struct spk_jsonb_iterator *i, spk_error *err)
{
	if (!i->object)
		return add_value(l, value_of(i), err);
	SPK_TRY(add_name(l, i, err));
	return spk_json_append(l->out, value_of(i), err);
}

static spk_status close_list(struct list *l, bool object, spk_error *err)
{
	return spk_json_put(l->out, object ? "}" : "]", err);
}

/* --- || --- */

/* Members of both, in order; where both have one of a name, that of `b`. */
static spk_status merge(struct spk_buffer *out, struct spk_json a, struct spk_json b, spk_error *err)
{
	struct spk_jsonb_iterator x = spk_jsonb_iterator(a.p, a.end), y = spk_jsonb_iterator(b.p, b.end);
	bool in_a = spk_jsonb_next(&x), in_b = spk_jsonb_next(&y);
	struct list l;

	SPK_TRY(open_list(&l, out, true, err));
	while (in_a || in_b) {
		int order = !in_a ? 1 : !in_b ? -1 : spk_jsonb_compare_names(x.key, x.key_end, y.key, y.key_end);

		SPK_TRY(add_item(&l, order < 0 ? &x : &y, err));
		if (order <= 0)
			in_a = spk_jsonb_next(&x);
		if (order >= 0)
			in_b = spk_jsonb_next(&y);
	}
	return close_list(&l, true, err);
}

/* An array's elements; anything else is one element. */
static spk_status add_elements(struct list *l, struct spk_json j, spk_error *err)
{
	struct spk_jsonb_iterator i;

	if (*j.p != '[')
		return add_value(l, j, err);
	for (i = spk_jsonb_iterator(j.p, j.end); spk_jsonb_next(&i);)
		SPK_TRY(add_item(l, &i, err));
	return SPK_OK;
}

static struct spk_json argument(const struct spk_json_work *w, int k, int row)
{
	const struct spk_reader r = spk_vector_reader(&w->call->arg[k]);

	return spk_json_at(&r, row);
}

static spk_status concat_row(struct spk_json_work *w, int row, bool *done, spk_error *err)
{
	struct spk_json a = argument(w, 0, row), b = argument(w, 1, row);
	struct list l;

	(void)done;
	if (*a.p == '{' && *b.p == '{')
		return merge(&w->text, a, b, err);
	SPK_TRY(open_list(&l, &w->text, false, err));
	SPK_TRY(add_elements(&l, a, err));
	SPK_TRY(add_elements(&l, b, err));
	return close_list(&l, false, err);
}

/* --- - --- */

static spk_status fail(struct spk_json_work *w, int row, bool *done, const char *message, spk_error *err)
{
	*done = true;
	return spk_call_fail(w->call, w->out, row, SPK_DATA, err, "%s", message);
}

/* Whether the member's name, or the element as a string, is this text. */
static bool is_named(const struct spk_jsonb_iterator *i, const struct spk_view *name)
{
	if (i->object)
		return spk_jsonb_string_is(i->key, i->key_end, spk_view_data(name), name->length);
	return *i->value == '"' && spk_jsonb_string_is(i->value + 1, spk_jsonb_string_end(i->value, i->value_end), spk_view_data(name), name->length);
}

/* Without what the texts [first, end) of `names` name. */
static spk_status leave_out(struct spk_json_work *w, struct spk_json j, const struct spk_reader *names, int32_t first, int32_t end, spk_error *err)
{
	struct spk_jsonb_iterator i = spk_jsonb_iterator(j.p, j.end);
	struct list l;

	SPK_TRY(open_list(&l, &w->text, i.object, err));
	while (spk_jsonb_next(&i)) {
		bool named = false;

		for (int32_t e = first; e < end && !named; e++)
			named = !spk_arg_is_null(names, e) && is_named(&i, &SPK_ARG(struct spk_view, *names, e));
		if (!named)
			SPK_TRY(add_item(&l, &i, err));
	}
	return close_list(&l, i.object, err);
}

static spk_status delete_name_row(struct spk_json_work *w, int row, bool *done, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&w->call->arg[1]);
	struct spk_json j = argument(w, 0, row);

	if (!spk_json_is_container(j))
		return fail(w, row, done, "cannot delete from scalar", err);
	return leave_out(w, j, &r, row, row + 1, err);
}

static spk_status delete_names_row(struct spk_json_work *w, int row, bool *done, spk_error *err)
{
	const struct spk_array_reader names = spk_array_reader(&w->call->arg[1]);
	const struct spk_reader r = spk_vector_reader(names.child);
	struct spk_json j = argument(w, 0, row);
	int32_t first, end;

	if (!spk_json_is_container(j))
		return fail(w, row, done, "cannot delete from scalar", err);
	spk_array_row(&names, row, &first, &end);
	return leave_out(w, j, &r, first, end, err);
}

static spk_status delete_index_row(struct spk_json_work *w, int row, bool *done, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&w->call->arg[1]);
	struct spk_json j = argument(w, 0, row);
	int64_t index = SPK_ARG(int32_t, r, row), k = 0;
	struct spk_jsonb_iterator i;
	struct list l;

	if (!spk_json_is_container(j))
		return fail(w, row, done, "cannot delete from scalar", err);
	if (*j.p == '{')
		return fail(w, row, done, "cannot delete from object using integer index", err);
	if (index < 0)
		index += spk_jsonb_count(j.p, j.end);
	SPK_TRY(open_list(&l, &w->text, false, err));
	for (i = spk_jsonb_iterator(j.p, j.end); spk_jsonb_next(&i); k++)
		if (k != index)
			SPK_TRY(add_item(&l, &i, err));
	return close_list(&l, false, err);
}

/* --- set, insert, delete at a path --- */

enum operation { CREATE, REPLACE, BEFORE, AFTER, DELETE };

/* A change at the end of a path. */
struct change {
	struct spk_json_work *w;
	const struct spk_reader *step;   /* texts [first, end): the path */
	int32_t first, end;
	enum operation operation;
	struct spk_json value;
	char wrong[256];                 /* a message when it cannot be done */
};

static bool makes_new(const struct change *c)
{
	return c->operation == CREATE || c->operation == BEFORE || c->operation == AFTER;
}

static spk_status change_at(struct change *c, struct spk_buffer *out, struct spk_json j, int32_t at, spk_error *err);

static spk_status add_new_member(struct change *c, struct list *l, int32_t at, spk_error *err)
{
	const struct spk_view *name = &SPK_ARG(struct spk_view, *c->step, at);

	SPK_TRY(next_item(l, err));
	SPK_TRY(spk_jsonb_append_string(l->out, spk_view_data(name), name->length, err));
	SPK_TRY(spk_json_put(l->out, ": ", err));
	return spk_json_append(l->out, c->value, err);
}

/* Whether a member that lies at the iterator comes behind the new name. */
static bool comes_behind(const struct change *c, const struct spk_jsonb_iterator *i, int32_t at)
{
	const struct spk_view *name = &SPK_ARG(struct spk_view, *c->step, at);
	struct spk_buffer *escaped = &c->w->scratch;

	spk_buffer_clear(escaped);
	if (spk_jsonb_append_string(escaped, spk_view_data(name), name->length, NULL) != SPK_OK)
		return true;
	return spk_jsonb_compare_names(i->key, i->key_end, escaped->data + 1, escaped->data + escaped->size - 1) > 0;
}

static spk_status change_object(struct change *c, struct spk_buffer *out, struct spk_json j, int32_t at, spk_error *err)
{
	const struct spk_view *name = &SPK_ARG(struct spk_view, *c->step, at);
	const char *value, *value_end;
	bool last = at + 1 == c->end, there = spk_jsonb_member(j.p, j.end, spk_view_data(name), name->length, &value, &value_end);
	bool pending = last && !there && makes_new(c);
	struct spk_jsonb_iterator i;
	struct list l;

	SPK_TRY(open_list(&l, out, true, err));
	for (i = spk_jsonb_iterator(j.p, j.end); spk_jsonb_next(&i);) {
		bool here = there && i.value == value;

		if (pending && comes_behind(c, &i, at)) {
			SPK_TRY(add_new_member(c, &l, at, err));
			pending = false;
		}
		if (!here) {
			SPK_TRY(add_item(&l, &i, err));
		} else if (last && (c->operation == BEFORE || c->operation == AFTER)) {
			snprintf(c->wrong, sizeof c->wrong, "cannot replace existing key");
		} else if (!last || c->operation != DELETE) {
			SPK_TRY(add_name(&l, &i, err));
			SPK_TRY(last ? spk_json_append(out, c->value, err) : change_at(c, out, value_of(&i), at + 1, err));
		}
	}
	if (pending)
		SPK_TRY(add_new_member(c, &l, at, err));
	return close_list(&l, true, err);
}

/* The path's step as a subscript within the array; -1: before its first element. */
static bool subscript(struct change *c, int32_t at, int64_t count, int64_t *out)
{
	const struct spk_view *step = &SPK_ARG(struct spk_view, *c->step, at);
	char text[32], *end = text;

	snprintf(text, sizeof text, "%.*s", (int)SPK_MIN(step->length, 31u), spk_view_data(step));
	*out = strtol(text, &end, 10);
	if (end == text || *end || step->length > 30 || *out < INT32_MIN || *out > INT32_MAX) {
		snprintf(c->wrong, sizeof c->wrong, "path element at position %d is not an integer: \"%.*s\"", at - c->first + 1, (int)SPK_MIN(step->length, 150u), spk_view_data(step));
		return false;
	}
	if (*out < 0)
		*out = *out + count < 0 ? -1 : *out + count;
	*out = SPK_MIN(*out, count);
	return true;
}

/* Element `i` is at the end of the path. */
static spk_status change_element(struct change *c, struct list *l, const struct spk_jsonb_iterator *i, spk_error *err)
{
	if (c->operation == BEFORE || c->operation == CREATE)
		SPK_TRY(add_value(l, c->value, err));
	if (c->operation == BEFORE || c->operation == AFTER)
		SPK_TRY(add_item(l, i, err));
	if (c->operation == AFTER || c->operation == REPLACE)
		SPK_TRY(add_value(l, c->value, err));
	return SPK_OK;
}

static spk_status change_array(struct change *c, struct spk_buffer *out, struct spk_json j, int32_t at, spk_error *err)
{
	int64_t count = spk_jsonb_count(j.p, j.end), index, k = 0;
	bool last = at + 1 == c->end, done = false;
	struct spk_jsonb_iterator i;
	struct list l;

	if (!subscript(c, at, count, &index))
		return SPK_OK;
	SPK_TRY(open_list(&l, out, false, err));
	if ((index < 0 || !count) && last && makes_new(c)) {
		SPK_TRY(add_value(&l, c->value, err));
		done = true;
	}
	for (i = spk_jsonb_iterator(j.p, j.end); spk_jsonb_next(&i); k++) {
		if (k != index) {
			SPK_TRY(add_item(&l, &i, err));
			continue;
		}
		done = true;
		if (last) {
			SPK_TRY(change_element(c, &l, &i, err));
		} else {
			SPK_TRY(next_item(&l, err));
			SPK_TRY(change_at(c, out, value_of(&i), at + 1, err));
		}
	}
	if (!done && last && makes_new(c))
		SPK_TRY(add_value(&l, c->value, err));
	return close_list(&l, false, err);
}

static spk_status change_at(struct change *c, struct spk_buffer *out, struct spk_json j, int32_t at, spk_error *err)
{
	if (spk_arg_is_null(c->step, at)) {
		snprintf(c->wrong, sizeof c->wrong, "path element at position %d is null", at - c->first + 1);
		return SPK_OK;
	}
	if (*j.p == '{')
		return change_object(c, out, j, at, err);
	return *j.p == '[' ? change_array(c, out, j, at, err) : spk_json_append(out, j, err);
}

/* Argument 1 is the path. */
static spk_status change_row(struct spk_json_work *w, int row, enum operation operation, struct spk_json value, bool *done, spk_error *err)
{
	const struct spk_array_reader path = spk_array_reader(&w->call->arg[1]);
	const struct spk_reader step = spk_vector_reader(path.child);
	struct change c = { .w = w, .step = &step, .operation = operation, .value = value };
	struct spk_json j = argument(w, 0, row);

	if (!spk_json_is_container(j))
		return fail(w, row, done, operation == DELETE ? "cannot delete path in scalar" : "cannot set path in scalar", err);
	spk_array_row(&path, row, &c.first, &c.end);
	if (c.first == c.end || (spk_jsonb_count(j.p, j.end) == 0 && !makes_new(&c)))
		return spk_json_append(&w->text, j, err);
	SPK_TRY(change_at(&c, &w->text, j, c.first, err));
	return c.wrong[0] ? fail(w, row, done, c.wrong, err) : SPK_OK;
}

static bool flag(const struct spk_json_work *w, int k, int row, bool otherwise)
{
	if (w->call->args <= k)
		return otherwise;
	const struct spk_reader r = spk_vector_reader(&w->call->arg[k]);

	return SPK_ARG(uint8_t, r, row);
}

static spk_status delete_path_row(struct spk_json_work *w, int row, bool *done, spk_error *err)
{
	return change_row(w, row, DELETE, (struct spk_json){ NULL, NULL }, done, err);
}

static spk_status set_row(struct spk_json_work *w, int row, bool *done, spk_error *err)
{
	return change_row(w, row, flag(w, 3, row, true) ? CREATE : REPLACE, argument(w, 2, row), done, err);
}

static spk_status insert_row(struct spk_json_work *w, int row, bool *done, spk_error *err)
{
	return change_row(w, row, flag(w, 3, row, false) ? AFTER : BEFORE, argument(w, 2, row), done, err);
}

/* jsonb_set with a NULL value: what the last argument says. */
static spk_status set_lax_row(struct spk_json_work *w, int row, bool *done, spk_error *err)
{
	static const char null[] = "null";
	const struct spk_vector *arg = w->call->arg;
	bool is_null[5] = { false };
	struct spk_view how = spk_view_str("use_json_null");

	for (int k = 0; k < w->call->args; k++)
		is_null[k] = spk_vector_is_null(&arg[k], row);
	if (is_null[0] || is_null[1] || is_null[3]) {
		*done = true;
		return spk_call_null(w->call, w->out, row, err);
	}
	if (is_null[4])
		return fail(w, row, done, "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"", err);
	if (!is_null[2])
		return set_row(w, row, done, err);
	if (w->call->args == 5) {
		const struct spk_reader r = spk_vector_reader(&arg[4]);

		how = SPK_ARG(struct spk_view, r, row);
	}
	if (spk_view_equal(&how, &(struct spk_view){ 0 }) || how.length > 20)
		return fail(w, row, done, "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"", err);
	if (strncmp(spk_view_data(&how), "raise_exception", how.length) == 0)
		return fail(w, row, done, "JSON value must not be null", err);
	if (strncmp(spk_view_data(&how), "use_json_null", how.length) == 0)
		return change_row(w, row, flag(w, 3, row, true) ? CREATE : REPLACE, (struct spk_json){ null, null + 4 }, done, err);
	if (strncmp(spk_view_data(&how), "delete_key", how.length) == 0)
		return delete_path_row(w, row, done, err);
	if (strncmp(spk_view_data(&how), "return_target", how.length) == 0)
		return spk_json_append(&w->text, argument(w, 0, row), err);
	return fail(w, row, done, "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"", err);
}

/* --- without nulls, indented --- */

static spk_status put_stripped(struct spk_buffer *out, struct spk_json j, spk_error *err)
{
	struct spk_jsonb_iterator i;
	struct list l;

	if (!spk_json_is_container(j))
		return spk_json_append(out, j, err);
	SPK_TRY(open_list(&l, out, *j.p == '{', err));
	for (i = spk_jsonb_iterator(j.p, j.end); spk_jsonb_next(&i);) {
		if (i.object && *i.value == 'n')
			continue;
		SPK_TRY(i.object ? add_name(&l, &i, err) : next_item(&l, err));
		SPK_TRY(put_stripped(out, value_of(&i), err));
	}
	return close_list(&l, *j.p == '{', err);
}

/* What becomes of members that are null; OUTER: those of the object itself. */
enum null_members { KEEP_NULLS, DROP_NULLS, DROP_OUTER_NULLS };

/* The text of names and values without blanks between them. */
static spk_status put_compact(struct spk_buffer *out, struct spk_json j, enum null_members nulls, spk_error *err)
{
	struct spk_jsonb_iterator i;
	bool begun = false;

	if (!spk_json_is_container(j))
		return spk_json_append(out, j, err);
	SPK_TRY(spk_buffer_append(out, j.p, 1, err));
	for (i = spk_jsonb_iterator(j.p, j.end); spk_jsonb_next(&i);) {
		if (i.object && *i.value == 'n' && nulls != KEEP_NULLS)
			continue;
		if (begun)
			SPK_TRY(spk_json_put(out, ",", err));
		begun = true;
		if (i.object) {
			SPK_TRY(spk_buffer_append(out, i.key - 1, (size_t)(i.key_end - i.key) + 2, err));
			SPK_TRY(spk_json_put(out, ":", err));
		}
		SPK_TRY(put_compact(out, value_of(&i), nulls == DROP_OUTER_NULLS ? KEEP_NULLS : nulls, err));
	}
	return spk_buffer_append(out, *j.p == '{' ? "}" : "]", 1, err);
}

static spk_status strip_row(struct spk_json_work *w, int row, bool *done, spk_error *err)
{
	(void)done;
	return w->call->arg[0].type.id == SPK_TYPE_JSON ? put_compact(&w->text, argument(w, 0, row), DROP_NULLS, err) : put_stripped(&w->text, argument(w, 0, row), err);
}

static spk_status compact_row(struct spk_json_work *w, int row, bool *done, spk_error *err)
{
	(void)done;
	return put_compact(&w->text, argument(w, 0, row), KEEP_NULLS, err);
}

static spk_status absent_nulls_row(struct spk_json_work *w, int row, bool *done, spk_error *err)
{
	(void)done;
	return put_compact(&w->text, argument(w, 0, row), DROP_OUTER_NULLS, err);
}

static spk_status new_line(struct spk_buffer *out, int depth, spk_error *err)
{
	SPK_TRY(spk_json_put(out, "\n", err));
	for (int i = 0; i < depth; i++)
		SPK_TRY(spk_json_put(out, "    ", err));
	return SPK_OK;
}

static spk_status indent(struct spk_buffer *out, struct spk_json j, int depth, spk_error *err)
{
	bool begun = false;
	struct spk_jsonb_iterator i;

	if (!spk_json_is_container(j))
		return spk_json_append(out, j, err);
	SPK_TRY(spk_buffer_append(out, j.p, 1, err));
	for (i = spk_jsonb_iterator(j.p, j.end); spk_jsonb_next(&i); begun = true) {
		if (begun)
			SPK_TRY(spk_json_put(out, ",", err));
		SPK_TRY(new_line(out, depth + 1, err));
		if (i.object)
			SPK_TRY(spk_buffer_append(out, i.key - 1, (size_t)(i.key_end - i.key) + 4, err));
		SPK_TRY(indent(out, value_of(&i), depth + 1, err));
	}
	SPK_TRY(new_line(out, depth, err));
	return spk_buffer_append(out, j.end - 1, 1, err);
}

static spk_status pretty_row(struct spk_json_work *w, int row, bool *done, spk_error *err)
{
	(void)done;
	return indent(&w->text, argument(w, 0, row), 0, err);
}

/* --- the table --- */

#define KERNEL(name) \
	static spk_status name(const struct spk_call *call, struct spk_vector *out, spk_error *err) \
	{ \
		return spk_json_rows(call, out, name##_row, NULL, err); \
	}
KERNEL(concat)
KERNEL(delete_name)
KERNEL(delete_names)
KERNEL(delete_index)
KERNEL(delete_path)
KERNEL(set)
KERNEL(insert)
KERNEL(set_lax)
KERNEL(strip)
KERNEL(pretty)
KERNEL(compact)
KERNEL(absent_nulls)

#define CHANGE(name_, most, ...) \
	{ .name = name_, .args_min = 3, .args_max = most, .arg = { SPK_T(JSONB), SPK_TA(TEXT), SPK_T(JSONB), SPK_T(BOOLEAN), SPK_T(TEXT) }, SPK_RESULT(JSONB), .can_fail = true, __VA_ARGS__ }

static const struct spk_function jsonb_edit_functions[] = {
	{ .name = "||", .doc = "Members of both objects, or elements of both arrays", SPK_ARGS2(JSONB, JSONB), SPK_RESULT(JSONB), .kernel = concat },
	{ .name = "-", .doc = "Without a member of that name, or strings equal to it; without an element", SPK_ARGS2(JSONB, TEXT), SPK_RESULT(JSONB), .can_fail = true, .kernel = delete_name },
	{ .name = "-", .doc = "Without a member of that name, or strings equal to it; without an element", SPK_ARGS2(JSONB, INTEGER), SPK_RESULT(JSONB), .can_fail = true, .kernel = delete_index },
	{ .name = "-", .doc = "Without a member of that name, or strings equal to it; without an element", .args_min = 2, .args_max = 2, .arg = { SPK_T(JSONB), SPK_TA(TEXT) },
	  SPK_RESULT(JSONB), .can_fail = true, .kernel = delete_names },
	{ .name = "#-", .doc = "Without what a path leads to", .args_min = 2, .args_max = 2, .arg = { SPK_T(JSONB), SPK_TA(TEXT) }, SPK_RESULT(JSONB), .can_fail = true, .kernel = delete_path },
	CHANGE("jsonb_set", 4, .doc = "With a value in place of what a path leads to, or new there unless the fourth argument is false", .kernel = set),
	CHANGE("jsonb_insert", 4, .doc = "With a value inserted where a path leads to, behind it if the fourth argument says so", .kernel = insert),
	CHANGE("jsonb_set_lax", 5, .doc = "As jsonb_set; the fifth argument says what a NULL value does", .not_strict = true, .kernel = set_lax),
	{ .name = "jsonb_strip_nulls", .doc = "Without members that are null", SPK_ARGS1(JSONB), SPK_RESULT(JSONB), .kernel = strip },
	{ .name = "json_strip_nulls", .doc = "Without members that are null", SPK_ARGS1(JSON), SPK_RESULT(JSON), .kernel = strip },
	{ .name = "json_compact", .doc = "As text without blanks between names and values, as other engines write documents", SPK_ARGS1(JSONB), SPK_RESULT(TEXT), .kernel = compact },
	{ .name = "json_compact", .doc = "As text without blanks between names and values, as other engines write documents", SPK_ARGS1(JSON), SPK_RESULT(TEXT), .kernel = compact },
	{ .name = "json_absent_nulls", .doc = "Without its own members that are null; those of inner objects stay", SPK_ARGS1(JSONB), SPK_RESULT(JSON), .kernel = absent_nulls },
	{ .name = "json_absent_nulls", .doc = "Without its own members that are null; those of inner objects stay", SPK_ARGS1(JSON), SPK_RESULT(JSON), .kernel = absent_nulls },
	{ .name = "jsonb_pretty", .doc = "As text on indented lines", SPK_ARGS1(JSONB), SPK_RESULT(TEXT), .kernel = pretty },
};

SPK_FUNCTION_FAMILY(jsonb_edit, jsonb_edit_functions)
