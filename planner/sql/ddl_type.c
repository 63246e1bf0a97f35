/* CREATE TYPE name AS (field type, ...) and DROP TYPE: names of record types. What is bound keeps the fields, not the name. */
#include "core/expr/text.h"
#include "planner/sql/bind.h"

#include <string.h>

/* An error of the statement, whose parts have no place of their own. */
static spk_status at(spk_status status, int position, spk_error *err)
{
	if (status != SPK_OK && err && !err->position)
		err->position = position;
	return status;
}

static spk_status add_field(const struct spk_binder *b, const PgQuery__ColumnDef *d, struct spk_schema *s, spk_error *err)
{
	struct spk_field *f = &s->field[s->count];

	for (int i = 0; i < s->count; i++)
		if (strcmp(s->field[i].name, d->colname) == 0)
			return spk_binder_fail(b, d->location, SPK_BIND, err, "column \"%s\" specified more than once", d->colname);
	*f = (struct spk_field){ .name = spk_arena_strdup(b->arena, d->colname), .nullable = true };
	SPK_TRY_PTR(f->name, err);
	SPK_TRY(spk_binder_type(b, d->type_name, &f->type, err));
	s->count++;
	return SPK_OK;
}

spk_status spk_binder_create_type(struct spk_binder *b, const PgQuery__CompositeTypeStmt *s, int position, spk_error *err)
{
	struct spk_binder own = *b;
	struct spk_schema *schema;
	const char *name;

	own.arena = spk_catalog_arena(b->catalog);
	SPK_TRY(spk_binder_simple_name(b, s->typevar, &name, err));
	if (spk_type_parse(name, &(struct spk_type){ 0 }, NULL) == SPK_OK)
		return at(spk_fail(err, SPK_EXISTS, "type \"%s\" already exists", name), position, err);
	SPK_TRY_PTR(schema = spk_schema_new(own.arena, (int)s->n_coldeflist), err);
	schema->count = 0;
	for (size_t i = 0; i < s->n_coldeflist; i++)
		SPK_TRY(add_field(&own, s->coldeflist[i]->column_def, schema, err));
	return at(spk_catalog_add_type(b->catalog, name, schema, err), position, err);
}

spk_status spk_binder_drop_type(struct spk_binder *b, const PgQuery__DropStmt *s, int position, spk_error *err)
{
	for (size_t i = 0; i < s->n_objects; i++) {
		const PgQuery__TypeName *t = s->objects[i]->node_case == PG_QUERY__NODE__NODE_TYPE_NAME ? s->objects[i]->type_name : NULL;
		const char *name = t && t->n_names == 1 ? spk_node_string(t->names[0]) : NULL;

		if (!name)
			return at(spk_fail(err, SPK_UNSUPPORTED, "schemas are not supported: a type to drop has a name of one part"), position, err);
		if (!spk_catalog_drop_type(b->catalog, name) && !s->missing_ok)
			return at(spk_fail(err, SPK_BIND, "type \"%s\" does not exist", name), position, err);
	}
	return SPK_OK;
}
