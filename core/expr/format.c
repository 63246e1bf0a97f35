/* Trees as SQL-like text, for EXPLAIN and messages. */
#include "core/expr/internal.h"

#include <ctype.h>

static spk_status write(const struct spk_expr *e, struct spk_buffer *out, spk_error *err);

static spk_status write_list(struct spk_expr *const *arg, int args, const char *between, struct spk_buffer *out, spk_error *err)
{
	for (int i = 0; i < args; i++) {
		if (i)
			SPK_TRY(spk_buffer_append_str(out, between, err));
		SPK_TRY(write(arg[i], out, err));
	}
	return SPK_OK;
}

static spk_status write_quoted(const struct spk_view *text, struct spk_buffer *out, spk_error *err)
{
	const char *s = spk_view_data(text);

	SPK_TRY(spk_buffer_append_str(out, "'", err));
	for (uint32_t i = 0; i < text->length; i++) {
		SPK_TRY(spk_buffer_append(out, s + i, 1, err));
		if (s[i] == '\'')
			SPK_TRY(spk_buffer_append_str(out, "'", err));
	}
	return spk_buffer_append_str(out, "'", err);
}

static spk_status write_bytes(const struct spk_view *bytes, struct spk_buffer *out, spk_error *err)
{
	const char *s = spk_view_data(bytes);

	SPK_TRY(spk_buffer_append_str(out, "'\\x", err));
	for (uint32_t i = 0; i < bytes->length; i++)
		SPK_TRY(spk_buffer_printf(out, err, "%02x", (unsigned char)s[i]));
	return spk_buffer_append_str(out, "'", err);
}

/* '{1,2}' */
static spk_status write_nested(const struct spk_value *v, struct spk_buffer *out, spk_error *err)
{
	struct spk_buffer text = { 0 };
	struct spk_view view;
	spk_status status = spk_text_append(&text, v->nested.vector, v->nested.row, NULL, err);

	if (status == SPK_OK) {
		view = spk_view(text.data, (uint32_t)text.size);
		status = write_quoted(&view, out, err);
	}
	spk_buffer_release(&text);
	return status;
}

static spk_status write_constant(const struct spk_expr *e, struct spk_buffer *out, spk_error *err)
{
	char text[SPK_TEXT_MAX], type[64];
	const struct spk_value *v = &e->value;
	int size;

	if (v->null)
		return spk_buffer_append_str(out, "NULL", err);
	if (e->type.id == SPK_TYPE_BYTEA) {
		SPK_TRY(write_bytes(&v->view, out, err));
	} else if (spk_type_is_nested(e->type)) {
		SPK_TRY(write_nested(v, out, err));
	} else if (spk_type_is_view(e->type)) {
		SPK_TRY(write_quoted(&v->view, out, err));
	} else {
		bool bare = (spk_type_is_number(e->type) && e->type.id != SPK_TYPE_DECIMAL) || e->type.id == SPK_TYPE_BOOLEAN;

		size = spk_text_from_value(e->type, spk_value_bytes(v), NULL, text);
		SPK_TRY(spk_buffer_printf(out, err, bare || e->type.id == SPK_TYPE_DECIMAL ? "%.*s" : "'%.*s'", size, text));
		if (bare)
			return SPK_OK;
	}
	if (e->type.id == SPK_TYPE_UNKNOWN || e->type.id == SPK_TYPE_TEXT || (e->type.id == SPK_TYPE_DECIMAL && e->type.scale > 0))
		return SPK_OK;
	return spk_buffer_printf(out, err, "::%s", e->type.id == SPK_TYPE_DECIMAL ? "numeric" : spk_type_format(e->type, type, sizeof type));
}

static spk_status write_around(const char *before, struct spk_expr *const *arg, int args, const char *between, const char *after, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_buffer_append_str(out, before, err));
	SPK_TRY(write_list(arg, args, between, out, err));
	return spk_buffer_append_str(out, after, err);
}

/* What SQL writes without a function's name; *done: it was such a call. */
static spk_status write_special(const struct spk_expr *e, bool *done, struct spk_buffer *out, spk_error *err)
{
	static const struct { const char *name, *before, *between, *after; } forms[] = {
		{ "array of", "ARRAY[", ", ", "]" }, { "row of", "ROW(", ", ", ")" }, { "array element", "", "[", "]" },
		{ "row is null", "(", "", " IS NULL)" }, { "row is not null", "(", "", " IS NOT NULL)" },
	};
	const struct spk_expr *compare = e->prepared;
	const char *name = e->function->name;

	*done = true;
	for (size_t i = 0; i < SPK_COUNT_OF(forms); i++)
		if (strcmp(forms[i].name, name) == 0)
			return write_around(forms[i].before, e->arg, e->args, forms[i].between, forms[i].after, out, err);
	if (strcmp(name, "row field") == 0) {
		SPK_TRY(write_around("(", e->arg, 1, "", ").", out, err));
		return spk_buffer_append_str(out, e->arg[0]->type.children->field[e->column].name, err);
	}
	if (strcmp(name, "array slice") == 0) {
		bool open = e->arg[2]->kind == SPK_EXPR_CONSTANT && e->arg[2]->value.i32 == INT32_MAX;

		SPK_TRY(write_around("", e->arg, 1, "", "[", out, err));
		return write_around("", e->arg + 1, open ? 1 : 2, ":", open ? ":]" : "]", out, err);
	}
	if (spk_is_quantified(e)) {
		SPK_TRY(write_around("(", e->arg, 1, "", "", out, err));
		SPK_TRY(spk_buffer_printf(out, err, " %s %s (", compare->function->name, name[1] == 'n' ? "ANY" : "ALL"));
		return write_around("", e->arg + 1, 1, "", "))", out, err);
	}
	*done = false;
	return SPK_OK;
}

static spk_status write_call(const struct spk_expr *e, struct spk_buffer *out, spk_error *err)
{
	const char *name = e->function->name;
	bool done;
	bool word = isalpha((unsigned char)name[0]) || name[0] == '_';

	SPK_TRY(write_special(e, &done, out, err));
	if (done)
		return SPK_OK;
	if (e->args == 2 && (!word || strchr(name, ' ') || strcmp(name, "like") == 0 || strcmp(name, "ilike") == 0)) {
		char upper[32] = { 0 };

		for (size_t i = 0; name[i] && i + 1 < sizeof upper; i++)
			upper[i] = (char)toupper((unsigned char)name[i]);
		SPK_TRY(spk_buffer_append_str(out, "(", err));
		SPK_TRY(write(e->arg[0], out, err));
		SPK_TRY(spk_buffer_printf(out, err, " %s ", upper));
		SPK_TRY(write(e->arg[1], out, err));
		return spk_buffer_append_str(out, ")", err);
	}
	if (!word && e->args == 1) {
		SPK_TRY(spk_buffer_printf(out, err, "(%s ", name));
		SPK_TRY(write(e->arg[0], out, err));
		return spk_buffer_append_str(out, ")", err);
	}
	SPK_TRY(spk_buffer_printf(out, err, "%s(", name));
	SPK_TRY(write_list(e->arg, e->args, ", ", out, err));
	return spk_buffer_append_str(out, ")", err);
}

static spk_status write_case(const struct spk_expr *e, struct spk_buffer *out, spk_error *err)
{
	const struct spk_expr *otherwise = e->arg[e->args - 1];

	SPK_TRY(spk_buffer_append_str(out, "CASE", err));
	for (int i = 0; i + 1 < e->args; i += 2) {
		SPK_TRY(spk_buffer_append_str(out, " WHEN ", err));
		SPK_TRY(write(e->arg[i], out, err));
		SPK_TRY(spk_buffer_append_str(out, " THEN ", err));
		SPK_TRY(write(e->arg[i + 1], out, err));
	}
	if (otherwise->kind != SPK_EXPR_CONSTANT || !otherwise->value.null) {
		SPK_TRY(spk_buffer_append_str(out, " ELSE ", err));
		SPK_TRY(write(otherwise, out, err));
	}
	return spk_buffer_append_str(out, " END", err);
}

static spk_status write(const struct spk_expr *e, struct spk_buffer *out, spk_error *err)
{
	char type[64];

	switch (e->kind) {
	case SPK_EXPR_COLUMN:
		if (e->name)
			return spk_buffer_append_str(out, e->name, err);
		return spk_buffer_printf(out, err, "$%d", e->column);
	case SPK_EXPR_OUTER:
		return spk_buffer_printf(out, err, "outer.%s", e->name ? e->name : "?");
	case SPK_EXPR_CONSTANT:
		return write_constant(e, out, err);
	case SPK_EXPR_CALL:
		return write_call(e, out, err);
	case SPK_EXPR_CAST:
		if (e->forgiving) {
			SPK_TRY(write_around("TRY_CAST(", e->arg, 1, "", " AS ", out, err));
			return spk_buffer_printf(out, err, "%s)", spk_type_format(e->type, type, sizeof type));
		}
		SPK_TRY(write_around("", e->arg, 1, "", "::", out, err));
		return spk_buffer_append_str(out, spk_type_format(e->type, type, sizeof type), err);
	case SPK_EXPR_AND:
		return write_around("(", e->arg, e->args, " AND ", ")", out, err);
	case SPK_EXPR_OR:
		return write_around("(", e->arg, e->args, " OR ", ")", out, err);
	case SPK_EXPR_NOT:
		return write_around("NOT ", e->arg, 1, "", "", out, err);
	case SPK_EXPR_IS_NULL:
		return write_around("(", e->arg, 1, "", e->negated ? " IS NOT NULL)" : " IS NULL)", out, err);
	case SPK_EXPR_CASE:
		return write_case(e, out, err);
	case SPK_EXPR_COALESCE:
		return write_around("COALESCE(", e->arg, e->args, ", ", ")", out, err);
	case SPK_EXPR_IN:
		SPK_TRY(write_around("(", e->arg, 1, "", e->negated ? " NOT IN (" : " IN (", out, err));
		return write_around("", e->arg + 1, e->args - 1, ", ", "))", out, err);
	}
	return spk_fail(err, SPK_INTERNAL, "no such expression node: %d", (int)e->kind);
}

spk_status spk_expr_format(const struct spk_expr *e, struct spk_buffer *out, spk_error *err)
{
	return write(e, out, err);
}
