/* Fields of a message and columns of a table: what goes where, and what cannot. */
#include "connectors/format/protobuf.h"

#include <stdio.h>

struct planning { struct spk_arena *arena; const char *table; bool defaults; };

/* A child of the row or of a record. */
struct child { const char *name; struct spk_type type; int to; };

static spk_status plan_message(struct planning *p, const struct spk_pb_message *m, const struct child *child, int children, const char *path, struct spk_pb_plan **out, spk_error *err);

static spk_status misfit(struct planning *p, const struct spk_pb_field *f, struct spk_type type, const char *name, spk_error *err)
{
	char text[64];
	bool nested = f->kind == SPK_PB_MESSAGE || f->repeated;

	spk_fail(err, SPK_USAGE, "table \"%s\": column \"%s\" of type %s cannot hold the protobuf field \"%s\" of type %s%s", p->table, name, spk_type_format(type, text, sizeof(text)),
	         f->name, f->repeated ? "repeated " : "", spk_pb_kind_name(f));
	return nested ? spk_hint(err, f->message && f->message->map_entry ? "declare it jsonb" : "declare it an array, a row<...> or jsonb, as it is there") : err ? err->code : SPK_USAGE;
}

static bool is_unsigned64(enum spk_pb_kind kind) { return kind == SPK_PB_UINT64 || kind == SPK_PB_FIXED64K; }
static bool is_narrow(enum spk_pb_kind kind)
{
	return kind == SPK_PB_INT32 || kind == SPK_PB_SINT32 || kind == SPK_PB_SFIXED32 || kind == SPK_PB_UINT32 || kind == SPK_PB_FIXED32K;
}
static bool is_wide(enum spk_pb_kind kind) { return kind == SPK_PB_INT64 || kind == SPK_PB_SINT64 || kind == SPK_PB_SFIXED64; }

/* CHECK: it does not fit. What is out of an integer column's range is found row by row. */
static enum spk_pb_op scalar_op(const struct spk_pb_field *f, struct spk_type to)
{
	enum spk_pb_kind k = f->kind;

	switch (to.id) {
	case SPK_TYPE_BOOLEAN: return k == SPK_PB_BOOL ? SPK_PB_OP_BOOLEAN : SPK_PB_OP_CHECK;
	case SPK_TYPE_SMALLINT: case SPK_TYPE_INTEGER: case SPK_TYPE_BIGINT: case SPK_TYPE_DECIMAL:
		if (to.id == SPK_TYPE_BIGINT && (k == SPK_PB_INT64 || k == SPK_PB_SFIXED64))
			return SPK_PB_OP_PLAIN;
		if (is_unsigned64(k))
			return SPK_PB_OP_UNSIGNED;
		return is_narrow(k) || is_wide(k) || (k == SPK_PB_ENUM && to.id != SPK_TYPE_DECIMAL) ? SPK_PB_OP_INTEGER : SPK_PB_OP_CHECK;
	case SPK_TYPE_REAL: return k == SPK_PB_FLOAT ? SPK_PB_OP_FLOAT : SPK_PB_OP_CHECK;
	case SPK_TYPE_DOUBLE: return k == SPK_PB_FLOAT || k == SPK_PB_DOUBLE ? SPK_PB_OP_DOUBLE : is_narrow(k) ? SPK_PB_OP_INTEGER : SPK_PB_OP_CHECK;
	case SPK_TYPE_TEXT: return k == SPK_PB_STRING ? SPK_PB_OP_TEXT : k == SPK_PB_ENUM ? SPK_PB_OP_SYMBOL : SPK_PB_OP_CHECK;
	case SPK_TYPE_BYTEA: return k == SPK_PB_BYTESK || k == SPK_PB_STRING ? SPK_PB_OP_BYTES : SPK_PB_OP_CHECK;
	case SPK_TYPE_TIMESTAMP: case SPK_TYPE_TIMESTAMPTZ: return f->message && f->message->timestamp ? SPK_PB_OP_TIMESTAMP : SPK_PB_OP_CHECK;
	default: return SPK_PB_OP_CHECK;
	}
}

static spk_status plan_row(struct planning *p, const struct spk_pb_field *f, struct spk_type to, struct spk_pb_step *s, spk_error *err)
{
	int n = to.children->count;
	struct child *child = SPK_NEW_ARRAY(p->arena, struct child, n + 1);

	SPK_TRY_PTR(child, err);
	for (int i = 0; i < n; i++)
		child[i] = (struct child){ to.children->field[i].name, to.children->field[i].type, i };
	s->op = SPK_PB_OP_ROW;
	return plan_message(p, f->message, child, n, s->name, &s->plan, err);
}

static spk_status plan_field(struct planning *p, const struct spk_pb_field *f, struct spk_type to, struct spk_pb_step *s, spk_error *err)
{
	struct spk_type element = to;
	bool map = f->message && f->message->map_entry;

	if (spk_type_is_json(to) && f->kind != SPK_PB_GROUP) {
		s->op = SPK_PB_OP_JSON;
		return SPK_OK;
	}
	s->array = to.id == SPK_TYPE_ARRAY;
	if (s->array != f->repeated || map || spk_type_is_map(to) || f->kind == SPK_PB_GROUP)
		return misfit(p, f, to, s->name, err);
	if (s->array)
		element = spk_type_element(to);
	if (element.id == SPK_TYPE_ROW && f->kind == SPK_PB_MESSAGE)
		return plan_row(p, f, element, s, err);
	s->op = spk_type_is_json(element) ? SPK_PB_OP_CHECK : scalar_op(f, element);
	return s->op == SPK_PB_OP_CHECK ? misfit(p, f, to, s->name, err) : SPK_OK;
}

static spk_status no_field(struct planning *p, const struct spk_pb_message *m, const char *name, spk_error *err)
{
	char names[300] = "";
	int used = 0;

	for (int i = 0; i < m->count && used < 220; i++)
		used += snprintf(names + used, sizeof(names) - (size_t)used, "%s%.60s", used ? ", " : "", m->field[i].name);
	spk_fail(err, SPK_USAGE, "table \"%s\": the protobuf message %s has no field for column \"%s\"", p->table, m->name, name);
	return spk_hint(err, "its fields are: %s", names);
}

static spk_status plan_message(struct planning *p, const struct spk_pb_message *m, const struct child *child, int children, const char *path, struct spk_pb_plan **out, spk_error *err)
{
	struct spk_pb_plan *plan = SPK_NEW(p->arena, struct spk_pb_plan);

	SPK_TRY_PTR(plan, err);
	*plan = (struct spk_pb_plan){ m, SPK_NEW_ARRAY(p->arena, struct spk_pb_step, m->count + 1), p->defaults };
	SPK_TRY_PTR(plan->step, err);
	for (int i = 0; i < m->count; i++)
		plan->step[i].to = -1;
	for (int i = 0; i < children; i++) {
		const struct spk_pb_field *f = spk_pb_find_name(m, child[i].name);
		struct spk_pb_step step = { .to = child[i].to, .name = *path ? spk_arena_printf(p->arena, "%s.%s", path, child[i].name) : spk_arena_strdup(p->arena, child[i].name) };

		SPK_TRY_PTR(step.name, err);
		if (!f)
			return no_field(p, m, step.name, err);
		if (plan->step[f - m->field].name)
			return spk_fail(err, SPK_USAGE, "table \"%s\": the protobuf field \"%s\" is meant by two columns", p->table, f->name);
		SPK_TRY(plan_field(p, f, child[i].type, &step, err));
		if (step.to < 0)
			step = (struct spk_pb_step){ .to = -1, .name = step.name };
		plan->step[f - m->field] = step;
	}
	*out = plan;
	return SPK_OK;
}

spk_status spk_pb_plan(struct spk_arena *arena, const struct spk_pb_message *m, const struct spk_pb_reader *r, const char *table, const struct spk_pb_plan **out, spk_error *err)
{
	struct planning p = { arena, table, r->defaults };
	struct child *child = SPK_NEW_ARRAY(arena, struct child, r->columns + 1);
	struct spk_pb_plan *plan = NULL;

	SPK_TRY_PTR(child, err);
	for (int i = 0; i < r->columns; i++)
		child[i] = (struct child){ r->column[i].name, r->column[i].type, r->column[i].column };
	SPK_TRY(plan_message(&p, m, child, r->columns, "", &plan, err));
	*out = plan;
	return SPK_OK;
}
