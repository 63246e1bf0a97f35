/* A compiled jsonpath as text, in the one form that PostgreSQL shows: names quoted, brackets where the tree needs them. */
#include <stdio.h>

#include "core/expr/jsonb_path.h"

typedef const struct spk_path_node node;

static const char *const text_of[] = {
#define TEXT(id, text) text,
	SPK_PATH_NODE_LIST(TEXT)
#undef TEXT
};

static spk_status print(node *n, bool in_path, bool brackets, struct spk_buffer *out, spk_error *err);

/* How closely an operator binds. */
static int priority(enum spk_path_kind kind)
{
	switch (kind) {
	case SPK_PATH_OR: return 0;
	case SPK_PATH_AND: return 1;
	case SPK_PATH_STARTS_WITH: return 2;
	case SPK_PATH_ADD: case SPK_PATH_SUBTRACT: return 3;
	case SPK_PATH_MULTIPLY: case SPK_PATH_DIVIDE: case SPK_PATH_MODULO: return 4;
	case SPK_PATH_PLUS: case SPK_PATH_MINUS: return 5;
	default: return kind >= SPK_PATH_EQ && kind <= SPK_PATH_GE ? 2 : 6;
	}
}

static spk_status put(struct spk_buffer *out, const char *s, spk_error *err)
{
	return spk_buffer_append(out, s, strlen(s), err);
}

static spk_status print_operand(node *n, node *of, struct spk_buffer *out, spk_error *err)
{
	return print(n, false, priority(n->kind) <= priority(of->kind), out, err);
}

static spk_status print_binary(node *n, bool brackets, struct spk_buffer *out, spk_error *err)
{
	if (brackets)
		SPK_TRY(put(out, "(", err));
	SPK_TRY(print_operand(n->left, n, out, err));
	SPK_TRY(put(out, " ", err));
	SPK_TRY(put(out, n->kind == SPK_PATH_NE ? "!=" : text_of[n->kind], err));
	SPK_TRY(put(out, " ", err));
	SPK_TRY(print_operand(n->right, n, out, err));
	return brackets ? put(out, ")", err) : SPK_OK;
}

static spk_status print_sign(node *n, bool brackets, struct spk_buffer *out, spk_error *err)
{
	if (brackets)
		SPK_TRY(put(out, "(", err));
	SPK_TRY(put(out, text_of[n->kind], err));
	SPK_TRY(print_operand(n->left, n, out, err));
	return brackets ? put(out, ")", err) : SPK_OK;
}

static spk_status print_regex(node *n, bool brackets, struct spk_buffer *out, spk_error *err)
{
	if (brackets)
		SPK_TRY(put(out, "(", err));
	SPK_TRY(print_operand(n->left, n, out, err));
	SPK_TRY(put(out, " like_regex ", err));
	SPK_TRY(spk_jsonb_append_string(out, n->name, n->name_size, err));
	if (*n->flags) {
		SPK_TRY(put(out, " flag \"", err));
		SPK_TRY(put(out, n->flags, err));
		SPK_TRY(put(out, "\"", err));
	}
	return brackets ? put(out, ")", err) : SPK_OK;
}

/* What stands in brackets of its own. */
static spk_status print_enclosed(node *n, const char *before, const char *behind, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(put(out, before, err));
	SPK_TRY(print(n->left, false, false, out, err));
	return put(out, behind, err);
}

static spk_status print_ranges(node *n, struct spk_buffer *out, spk_error *err)
{
	for (int i = 0; i < n->ranges; i++) {
		SPK_TRY(put(out, i ? "," : "[", err));
		SPK_TRY(print(n->range[i].from, false, false, out, err));
		if (n->range[i].to) {
			SPK_TRY(put(out, " to ", err));
			SPK_TRY(print(n->range[i].to, false, false, out, err));
		}
	}
	return put(out, "]", err);
}

static spk_status print_depths(node *n, struct spk_buffer *out, spk_error *err)
{
	char first[16], last[16], text[64];

	snprintf(first, sizeof first, n->first == UINT32_MAX ? "last" : "%u", n->first);
	snprintf(last, sizeof last, n->last == UINT32_MAX ? "last" : "%u", n->last);
	if (n->first == 0 && n->last == UINT32_MAX)
		snprintf(text, sizeof text, "**");
	else if (n->first == n->last)
		snprintf(text, sizeof text, "**{%s}", first);
	else
		snprintf(text, sizeof text, "**{%s to %s}", first, last);
	return put(out, text, err);
}

static spk_status print_method(node *n, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(put(out, ".", err));
	SPK_TRY(put(out, text_of[n->kind], err));
	SPK_TRY(put(out, "(", err));
	if (n->kind == SPK_PATH_DATETIME && n->template)
		SPK_TRY(spk_jsonb_append_string(out, n->name, n->name_size, err));
	return put(out, ")", err);
}

/* A number with steps behind it stands in brackets. */
static spk_status print_literal(node *n, struct spk_buffer *out, spk_error *err)
{
	const bool brackets = n->next && strchr("-0123456789", *n->literal.p);

	SPK_TRY(put(out, brackets ? "(" : "", err));
	SPK_TRY(spk_buffer_append(out, n->literal.p, (size_t)(n->literal.end - n->literal.p), err));
	return put(out, brackets ? ")" : "", err);
}

static spk_status print_item(node *n, bool in_path, bool brackets, struct spk_buffer *out, spk_error *err)
{
	switch (n->kind) {
	case SPK_PATH_ROOT: return put(out, "$", err);
	case SPK_PATH_CURRENT: return put(out, "@", err);
	case SPK_PATH_LAST: return put(out, "last", err);
	case SPK_PATH_LITERAL: return print_literal(n, out, err);
	case SPK_PATH_VARIABLE:
		SPK_TRY(put(out, "$", err));
		return spk_jsonb_append_string(out, n->name, n->name_size, err);
	case SPK_PATH_KEY:
		SPK_TRY(put(out, in_path ? "." : "", err));
		return spk_jsonb_append_string(out, n->name, n->name_size, err);
	case SPK_PATH_ANY_KEY: return put(out, in_path ? ".*" : "*", err);
	case SPK_PATH_ANY_ELEMENT: return put(out, "[*]", err);
	case SPK_PATH_INDEX: return print_ranges(n, out, err);
	case SPK_PATH_ANY_DEPTH:
		SPK_TRY(put(out, in_path ? "." : "", err));
		return print_depths(n, out, err);
	case SPK_PATH_FILTER: return print_enclosed(n, "?(", ")", out, err);
	case SPK_PATH_NOT: return print_enclosed(n, "!(", ")", out, err);
	case SPK_PATH_IS_UNKNOWN: return print_enclosed(n, "(", ") is unknown", out, err);
	case SPK_PATH_EXISTS: return print_enclosed(n, "exists (", ")", out, err);
	case SPK_PATH_PLUS: case SPK_PATH_MINUS: return print_sign(n, brackets, out, err);
	case SPK_PATH_LIKE_REGEX: return print_regex(n, brackets, out, err);
	default:
		return n->right ? print_binary(n, brackets, out, err) : print_method(n, out, err);
	}
}

static spk_status print(node *n, bool in_path, bool brackets, struct spk_buffer *out, spk_error *err)
{
	for (; n; n = n->next, in_path = brackets = true)
		SPK_TRY(print_item(n, in_path, brackets, out, err));
	return SPK_OK;
}

spk_status spk_path_print(const struct spk_path *path, struct spk_buffer *out, spk_error *err)
{
	if (!path->lax)
		SPK_TRY(put(out, "strict ", err));
	return print(path->root, false, true, out, err);
}
