/*
 * Changelogs as sources: what their messages say of keys becomes rows that come and go.
 *
 *   stream   SCAN -> exchange by the key -> NORMALIZE (keeps the last row of every key) -> -1/+1 rows
 *   batch    the same, and the rows that are left come out at the end
 *   versions SCAN -> TIMED -> exchange by the key -> NORMALIZE -> a row for every version: what FOR SYSTEM_TIME AS OF an event time asks for
 *
 * Where a value may have to be carried over from one key to another (spk_table_carries) all rows go to one task: the old key's row may be kept
 * anywhere. A changelog without a key has its weights already: a stream takes them as they are, a batch adds them up.
 */
#include "planner/logical/changes.h"

#include "core/base/check.h"
#include "planner/physical/build.h"

int spk_build_change_fields(const struct spk_table *t)
{
	return spk_table_changes(t) == SPK_CHANGES_BY_KEY ? SPK_CHANGE_OTHER + t->key_count : 0;
}

spk_status spk_build_change_columns(const struct spk_build *b, const struct spk_table *t, struct spk_schema *schema, spk_error *err)
{
	if (spk_table_changes(t) != SPK_CHANGES_BY_KEY)
		return SPK_OK;
	for (int i = 0; i < SPK_CHANGE_OTHER; i++)
		schema->field[schema->count++] = spk_change_field((enum spk_change_column)i);
	for (int k = 0; k < t->key_count; k++) {
		struct spk_field other = t->schema->field[t->key[k]];

		other.name = spk_arena_printf(b->arena, "change.other.%s", other.name);
		SPK_TRY_PTR(other.name, err);
		schema->field[schema->count++] = other;
	}
	return SPK_OK;
}

/* The key in decoded columns; of rows that have weights all of them. */
static spk_status find_key(const struct spk_build *b, const struct spk_plan_source *s, bool exact, int **key, int *keys, spk_error *err)
{
	*keys = exact ? s->columns : s->table->key_count;
	*key = SPK_NEW_ARRAY(b->arena, int, *keys + 1);
	SPK_TRY_PTR(*key, err);
	for (int k = 0; k < *keys; k++)
		for (int i = 0; i < s->columns; i++)
			if (exact ? i == k : s->column[i] == s->table->key[k])
				(*key)[k] = i;
	return SPK_OK;
}

static spk_status put_meaning(const struct spk_physical *node, struct spk_buffer *text, spk_error *err)
{
	char type[64];

	SPK_TRY(spk_buffer_append_str(text, node->history ? "versions" : "last rows", err));
	for (int i = 0; i < node->schema->count; i++)
		SPK_TRY(spk_buffer_printf(text, err, "%s %s %s", i ? "," : "", node->schema->field[i].name, spk_type_format(node->schema->field[i].type, type, sizeof type)));
	SPK_TRY(spk_buffer_append_str(text, "; by", err));
	for (int i = 0; i < node->key_count; i++)
		SPK_TRY(spk_buffer_printf(text, err, " %d", node->key[i]));
	return SPK_OK;
}

/* Named by the table: the INSERTs of a job share it. */
static spk_status add_state(struct spk_build *b, struct spk_physical *node, const struct spk_table *t, spk_error *err)
{
	const char *root = b->root_name;
	struct spk_buffer text = { 0 };
	spk_status status = put_meaning(node, &text, err);

	b->root_name = t->name;
	if (status == SPK_OK)
		status = spk_build_state(b, node, node->history ? "history" : "normalize", &text, err);
	b->root_name = root;
	spk_buffer_release(&text);
	return status;
}

/* NORMALIZE over rows by their key; `schema`: of what comes out. */
static spk_status normalize(struct spk_build *b, const struct spk_logical *l, const struct spk_plan_source *s, const struct spk_schema *schema, const struct spk_ports *from, struct spk_ports *out, spk_error *err)
{
	const bool streaming = b->options->streaming, exact = spk_table_changes(s->table) == SPK_CHANGES_EXACT;
	struct spk_physical *node;
	struct spk_ports ports;
	int *key, keys;

	SPK_TRY(find_key(b, s, exact, &key, &keys, err));
	SPK_TRY(spk_build_exchange(b, from, key, spk_table_carries(s->table) ? 0 : keys, -1, &ports, err));
	ports.node[0]->input[0]->for_all = exact || spk_table_carries(s->table) ? -1 : s->columns + SPK_CHANGE_OP;
	node = spk_build_node(b, SPK_PHYSICAL_NORMALIZE, schema, &ports, l);
	SPK_TRY_PTR(node, err);
	node->left = schema;
	node->key = key;
	node->key_count = keys;
	node->exact = exact;
	node->history = l->history;
	node->other_key = exact ? -1 : s->columns + SPK_CHANGE_OTHER;
	node->retracts = streaming && !node->history;
	node->bound = SPK_BOUND_KEY;
	if (streaming)
		SPK_TRY(add_state(b, node, s->table, err));
	*out = spk_build_port(b, node, node->retracts);
	SPK_TRY_PTR(out->node, err);
	return SPK_OK;
}

spk_status spk_build_changes(struct spk_build *b, const struct spk_logical *l, const struct spk_plan_source *s, const struct spk_ports *from, struct spk_ports *out, spk_error *err)
{
	const enum spk_changes changes = spk_table_changes(s->table);
	struct spk_schema *schema;

	*out = *from;
	if (changes == SPK_CHANGES_NONE || (changes == SPK_CHANGES_EXACT && b->options->streaming))
		return SPK_OK;
	schema = SPK_NEW(b->arena, struct spk_schema);
	SPK_TRY_PTR(schema, err);
	*schema = (struct spk_schema){ .field = s->schema->field, .count = s->columns };
	return normalize(b, l, s, schema, from, out, err);
}

/* --- versions --- */

struct spk_field spk_build_version_field(void) { return (struct spk_field){ .name = "change.version", .type = spk_type(SPK_TYPE_BIGINT) }; }

spk_status spk_build_history(struct spk_build *b, const struct spk_logical *l, const struct spk_plan_source *s, struct spk_expr *time, const struct spk_ports *from, struct spk_ports *out, spk_error *err)
{
	struct spk_schema *schema = SPK_NEW(b->arena, struct spk_schema);
	struct spk_physical *timed = spk_build_node(b, SPK_PHYSICAL_TIMED, s->schema, from, l);
	struct spk_ports ports;

	SPK_TRY_PTR(schema && timed && time && (timed->expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, 1)), err);
	timed->expr[timed->expr_count++] = time;
	ports = spk_build_port(b, timed, false);
	SPK_TRY_PTR(ports.node && (schema->field = SPK_NEW_ARRAY(b->arena, struct spk_field, s->columns + 1)), err);
	memcpy(schema->field, s->schema->field, sizeof *schema->field * (size_t)s->columns);
	schema->field[s->columns] = spk_build_version_field();
	schema->count = s->columns + 1;
	return normalize(b, l, s, schema, &ports, out, err);
}
