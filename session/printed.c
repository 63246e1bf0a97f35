/* Jobs that only ask: each SELECT of a script without an INSERT goes to a table of connector `print` of its own. */
#include <string.h>

#include "session/internal.h"

static bool is_taken(const struct spk_schema *s, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(s->field[i].name, name) == 0)
			return true;
	return false;
}

/* The columns, each under a name of its own: two of one name would be one member in JSON. */
static spk_status name_columns(struct spk_arena *arena, const struct spk_schema *from, struct spk_schema **out, spk_error *err)
{
	struct spk_schema *to = SPK_NEW(arena, struct spk_schema);

	SPK_TRY_PTR(to, err);
	SPK_TRY_PTR(to->field = SPK_NEW_ARRAY(arena, struct spk_field, from->count + 1), err);
	to->count = from->count;
	for (int i = 0; i < from->count; i++) {
		to->field[i] = from->field[i];
		for (int k = 2; is_taken(to, i, to->field[i].name); k++)
			SPK_TRY_PTR(to->field[i].name = spk_arena_printf(arena, "%s_%d", from->field[i].name, k), err);
	}
	*out = to;
	return SPK_OK;
}

bool spk_session_prints(const struct spk_script *script, const struct spk_statement *s)
{
	for (int i = 0; i < script->count; i++)
		if (script->statement[i].kind == SPK_STATEMENT_INSERT)
			return false;
	return s->kind == SPK_STATEMENT_SELECT && s->plan;
}

spk_status spk_session_printed(struct spk_session *s, const struct spk_statement *query, int number, struct spk_logical **out, spk_error *err)
{
	static const struct spk_option option = { "connector", "print", 0 };
	struct spk_table *t = SPK_NEW(s->arena, struct spk_table);
	const int count = query->plan->schema->count;
	struct spk_logical *input = query->plan, *sink;
	struct spk_schema *schema = NULL;

	SPK_TRY(name_columns(s->arena, input->schema, &schema, err));
	SPK_TRY_PTR(t, err);
	*t = (struct spk_table){ .name = number ? spk_arena_printf(s->arena, "query-%d", number + 1) : "query", .connector = "print", .schema = schema, .option = &option, .option_count = 1,
		.computed = SPK_NEW_ARRAY(s->arena, struct spk_expr *, count + 1), .rounded = SPK_NEW_ARRAY(s->arena, struct spk_expr *, count + 1),
		.metadata = SPK_NEW_ARRAY(s->arena, const char *, count + 1), .time_column = -1, .position = query->position };
	SPK_TRY_PTR(t->name && t->computed && t->rounded && t->metadata, err);
	SPK_TRY_PTR(sink = spk_logical_new(s->arena, SPK_LOGICAL_SINK, input->schema, &input, 1), err);
	sink->table = t;
	sink->position = query->position;
	SPK_TRY_PTR(sink->column = SPK_NEW_ARRAY(s->arena, int, count + 1), err);
	for (int i = 0; i < count; i++)
		sink->column[i] = i;
	*out = sink;
	return SPK_OK;
}
