/*
 * Whole rows of tables that an outer join may leave without one: t in FROM s LEFT JOIN t. Fields that are all NULL do not tell whether there
 * was a row, so that side of the join gets a column more, which is true; it is added only where the query names the table as a value.
 */
#include "planner/sql/bind.h"
#include "planner/sql/rewrite.h"

#include <string.h>
#include <strings.h>

/* t, or t.* anywhere but as an output of its own. */
static bool is_row_reference(const ProtobufCMessage *m, const char *alias)
{
	const PgQuery__ColumnRef *c = (const PgQuery__ColumnRef *)m;
	const char *name;

	if (m->descriptor != &pg_query__column_ref__descriptor || !c->n_fields || c->n_fields > 2)
		return false;
	name = spk_node_string(c->fields[0]);
	return name && strcasecmp(name, alias) == 0 && (c->n_fields == 1 || c->fields[1]->node_case == PG_QUERY__NODE__NODE_A_STAR);
}

static bool is_star_output(const ProtobufCMessage *m)
{
	const PgQuery__ResTarget *t = (const PgQuery__ResTarget *)m;

	return m->descriptor == &pg_query__res_target__descriptor && t->val && t->val->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && spk_is_star(t->val);
}

/* t FOR SYSTEM_TIME AS OF a.ts, where t is no value; *time: what is one. */
static bool is_as_of(const ProtobufCMessage *m, const ProtobufCMessage **time)
{
	const PgQuery__FuncCall *c = (const PgQuery__FuncCall *)m;

	if (m->descriptor != &pg_query__func_call__descriptor || c->n_args != 2 || strcmp(spk_node_string(c->funcname[c->n_funcname - 1]), SPK_MARK_AS_OF) != 0)
		return false;
	*time = &c->args[1]->base;
	return true;
}

static bool refers(const ProtobufCMessage *m, const char *alias);

/* The messages in one field. */
static bool field_refers(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, const char *alias)
{
	const char *base = (const char *)m;

	if (f->type != PROTOBUF_C_TYPE_MESSAGE)
		return false;
	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		const size_t n = *(const size_t *)(const void *)(base + f->quantifier_offset);
		ProtobufCMessage *const *list = *(ProtobufCMessage *const *const *)(const void *)(base + f->offset);

		for (size_t i = 0; i < n; i++)
			if (refers(list[i], alias))
				return true;
		return false;
	}
	if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && *(const uint32_t *)(const void *)(base + f->quantifier_offset) != f->id)
		return false;
	return refers(*(ProtobufCMessage *const *)(const void *)(base + f->offset), alias);
}

static bool refers(const ProtobufCMessage *m, const char *alias)
{
	if (!m || is_star_output(m))
		return false;
	if (is_as_of(m, &m))
		return refers(m, alias);
	if (is_row_reference(m, alias))
		return true;
	for (unsigned i = 0; i < m->descriptor->n_fields; i++)
		if (field_refers(m, &m->descriptor->fields[i], alias))
			return true;
	return false;
}

spk_status spk_binder_mark_present(struct spk_binder *b, struct spk_scope *side, spk_error *err)
{
	const struct spk_schema *in = side->plan->schema;
	struct spk_schema *schema;
	struct spk_expr **expr;
	bool any = false;

	for (int k = 0; k < side->count; k++) {
		struct spk_range *r = &side->range[k];

		if (r->present || !r->alias || r->hidden_name || !b->selecting || !refers(&b->selecting->base, r->alias))
			continue;
		r->present = in->count + 1;
		any = true;
	}
	if (!any)
		return SPK_OK;
	SPK_TRY_PTR(schema = spk_schema_new(b->arena, in->count + 1), err);
	SPK_TRY_PTR(expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, in->count + 1), err);
	for (int i = 0; i < in->count; i++) {
		schema->field[i] = in->field[i];
		SPK_TRY_PTR(expr[i] = spk_expr_column(b->arena, i, &in->field[i]), err);
	}
	schema->field[in->count] = (struct spk_field){ "?present?", spk_type(SPK_TYPE_BOOLEAN), false };
	SPK_TRY_PTR(expr[in->count] = spk_expr_literal(b->arena, (struct spk_value){ .type = spk_type(SPK_TYPE_BOOLEAN), .boolean = true }), err);
	SPK_TRY_PTR(side->plan = spk_binder_project(b, side->plan, expr, schema), err);
	return SPK_OK;
}

spk_status spk_binder_row_if_present(const struct spk_binder *b, struct spk_expr *present, struct spk_expr **row, spk_error *err)
{
	struct spk_expr *arm[3] = { present, *row, spk_expr_literal(b->arena, (struct spk_value){ .type = (*row)->type, .null = true }) };
	const struct spk_type type = (*row)->type;

	SPK_TRY_PTR(arm[2], err);
	SPK_TRY(spk_expr_make(b->arena, SPK_EXPR_CASE, arm, 3, false, (*row)->position, row, err));
	(*row)->type = type;  /* with the names of its fields */
	return SPK_OK;
}
