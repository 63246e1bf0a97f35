/* Groups and their state rows. See groups.h. */
#include "batch/operator/groups.h"

#include "core/columnar/hash.h"

spk_status spk_groups_init(struct spk_groups *g, const struct spk_physical *plan, struct spk_memory_account *account, struct spk_arena *arena, spk_error *err)
{
	int at = 0;

	if (plan->expr_count > SPK_GROUP_COLUMNS)
		return spk_fail(err, SPK_UNSUPPORTED, "GROUP BY with %d expressions; at most %d are supported", plan->expr_count, SPK_GROUP_COLUMNS);
	*g = (struct spk_groups){ .plan = plan, .account = account, .row_size = SPK_GROUP_HEADER + plan->state_size };
	g->map.account = account;
	g->key_column = SPK_NEW_ARRAY(arena, struct spk_key_column, plan->expr_count);
	SPK_TRY_PTR(g->key_column, err);
	if (plan->window_key >= 0)
		g->key_column[at++] = (struct spk_key_column){ .column = plan->window_key, .type = plan->expr[plan->window_key]->type };
	for (int i = 0; i < plan->expr_count; i++)
		if (i != plan->window_key)
			g->key_column[at++] = (struct spk_key_column){ .column = i, .type = plan->expr[i]->type };
	for (int i = 0; i < plan->aggregate_count; i++)
		g->releases = g->releases || plan->aggregate[i].step->release;
	return SPK_OK;
}

void spk_groups_clear(struct spk_groups *g)
{
	if (g->releases)
		for (uint32_t i = 0; i < g->rows; i++)
			spk_aggregate_row_release(g->plan->aggregate, g->plan->aggregate_count, spk_group_states(spk_groups_row(g, i)));
	g->rows = 0;
	spk_keymap_clear(&g->map);
}

void spk_groups_release(struct spk_groups *g)
{
	if (!g->plan)
		return;
	spk_groups_clear(g);
	spk_keymap_release(&g->map);
	spk_row_keys_release(&g->keys);
	spk_free(g->account, g->row, (size_t)g->rows_capacity * (size_t)g->row_size);
	*g = (struct spk_groups){ 0 };
}

/* Zeroes the rows of the groups that are new in the map, after making room. */
static spk_status add_rows(struct spk_groups *g, spk_error *err)
{
	uint32_t count = g->map.count, capacity = g->rows_capacity;

	if (count > capacity) {
		uint32_t grown = SPK_MAX(SPK_MAX(2 * capacity, count), 256);
		char *row = spk_realloc(g->account, g->row, (size_t)capacity * (size_t)g->row_size, (size_t)grown * (size_t)g->row_size);

		SPK_TRY_PTR(row, err);
		g->row = row;
		g->rows_capacity = grown;
	}
	memset(spk_groups_row(g, g->rows), 0, (size_t)(count - g->rows) * (size_t)g->row_size);
	g->rows = count;
	return SPK_OK;
}

/* Numbers of the keys in g->keys to state pointers. */
static spk_status put_keys(struct spk_groups *g, const uint64_t *hash, char **state, spk_error *err)
{
	uint32_t number[SPK_BATCH_ROWS];

	SPK_TRY(spk_keymap_put(&g->map, &g->keys, hash, number, err));
	if (g->map.count > g->rows)
		SPK_TRY(add_rows(g, err));
	for (int i = 0; i < g->keys.count; i++)
		state[i] = spk_group_states(spk_groups_row(g, number[i]));
	return SPK_OK;
}

spk_status spk_groups_find(struct spk_groups *g, const struct spk_batch *keys, char **state, spk_error *err)
{
	uint64_t hash[SPK_BATCH_ROWS];
	int column[SPK_GROUP_COLUMNS];
	int columns = g->plan->expr_count;

	for (int i = 0; i < columns; i++)
		column[i] = g->key_column[i].column;
	SPK_TRY(spk_row_keys_encode(&g->keys, keys, g->key_column, columns, false, err));
	spk_hash_columns(keys, column, columns, hash);
	return put_keys(g, hash, state, err);
}

spk_status spk_groups_find_encoded(struct spk_groups *g, const struct spk_batch *in, char **state, spk_error *err)
{
	struct spk_reader carried = spk_vector_reader(&in->column[1]);
	uint64_t hash[SPK_BATCH_ROWS];

	SPK_TRY(spk_row_keys_copy(&g->keys, &in->column[0], in->sel, in->selected, err));
	SPK_EACH_ROW(in, i, row)
		hash[i] = (uint64_t)((const int64_t *)carried.data)[spk_reader_slot(&carried, row)];
	return put_keys(g, hash, state, err);
}

spk_status spk_groups_merge(struct spk_groups *g, const struct spk_batch *in, spk_error *err)
{
	char *into[SPK_BATCH_ROWS], *from[SPK_BATCH_ROWS];
	struct spk_reader state = spk_vector_reader(&in->column[2]);
	const struct spk_physical *plan = g->plan;
	spk_status status = SPK_OK;
	char *scratch;

	SPK_TRY(spk_groups_find_encoded(g, in, into, err));
	scratch = spk_calloc(g->account, (size_t)in->selected * (size_t)g->row_size);
	SPK_TRY_PTR(scratch, err);
	SPK_EACH_ROW(in, i, row) {
		const struct spk_view *v = &((const struct spk_view *)state.data)[spk_reader_slot(&state, row)];
		const char *bytes = spk_view_data(v);
		char *copy = scratch + (size_t)i * (size_t)g->row_size;

		memcpy(copy, bytes, SPK_GROUP_HEADER);
		if (status == SPK_OK)
			status = spk_aggregate_row_read(plan->aggregate, plan->aggregate_count, spk_group_states(copy), bytes + SPK_GROUP_HEADER, v->length - SPK_GROUP_HEADER, err);
		from[i] = spk_group_states(copy);
		*spk_group_count(into[i] - SPK_GROUP_HEADER) += *spk_group_count(copy);
	}
	for (int i = 0; i < plan->aggregate_count && status == SPK_OK; i++)
		status = plan->aggregate[i].step->merge(&plan->aggregate[i], into, from, in->selected, err);
	if (g->releases)
		for (int i = 0; i < in->selected; i++)
			spk_aggregate_row_release(plan->aggregate, plan->aggregate_count, from[i]);
	spk_free(g->account, scratch, (size_t)in->selected * (size_t)g->row_size);
	return status;
}

/* A batch of one row: all groups NULL but the last, which is the set's number. */
static spk_status empty_set_keys(const struct spk_groups *g, int64_t number, struct spk_batch *keys, spk_error *err)
{
	for (int i = 0; i < keys->columns; i++)
		SPK_TRY(spk_vector_init_constant(&keys->column[i], g->plan->expr[i]->type, i + 1 == keys->columns ? &number : NULL, keys->arena, err));
	keys->rows = keys->selected = 1;
	return SPK_OK;
}

spk_status spk_groups_add_empty_sets(struct spk_groups *g, int task, int tasks, spk_error *err)
{
	const int columns = g->plan->expr_count;
	const struct spk_schema schema = { columns, NULL };
	int column[SPK_GROUP_COLUMNS];
	struct spk_batch *keys;
	spk_status status = SPK_OK;
	uint64_t hash;
	char *state;

	for (int i = 0; i < columns; i++)
		column[i] = g->key_column[i].column;
	for (int i = 0; i < g->plan->empty_sets && status == SPK_OK; i++) {
		SPK_TRY(spk_batch_new(&keys, &schema, g->account, err));
		status = empty_set_keys(g, g->plan->empty_set[i], keys, err);
		if (status == SPK_OK) {
			spk_hash_columns(keys, column, columns, &hash);
			if (spk_shard_task(spk_shard_of(hash), tasks) == task)
				status = spk_groups_find(g, keys, &state, err);
		}
		spk_batch_unref(keys);
	}
	return status;
}

int64_t spk_group_window(const char *key, uint32_t size)
{
	uint64_t bits = 0;

	SPK_ASSERT(size >= 9, "a windowed group's key begins with the window bound");
	for (int i = 1; i < 9; i++)
		bits = bits << 8 | (unsigned char)key[i];
	return (int64_t)(bits ^ 1ull << 63);
}

/* --- output --- */

spk_status spk_groups_decode(const struct spk_groups *g, const char *key, uint32_t size, struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err)
{
	struct spk_vector ordered[SPK_GROUP_COLUMNS];
	int columns = g->plan->expr_count;

	/* The vectors in encoding order; a bitmap may be added to them, so they are copied back. */
	for (int i = 0; i < columns; i++)
		ordered[i] = out[g->key_column[i].column];
	SPK_TRY(spk_row_key_decode(key, size, g->key_column, columns, ordered, row, rows, arena, err));
	for (int i = 0; i < columns; i++)
		out[g->key_column[i].column] = ordered[i];
	return SPK_OK;
}

spk_status spk_groups_final(const struct spk_groups *g, char *const *row, int n, struct spk_vector *out, int at, int rows, struct spk_arena *arena, spk_error *err)
{
	const struct spk_physical *plan = g->plan;

	for (int i = 0; i < plan->aggregate_count; i++)
		SPK_TRY(plan->aggregate[i].step->final(&plan->aggregate[i], row, n, &out[plan->expr_count + i], at, rows, arena, err));
	return SPK_OK;
}

spk_status spk_groups_output(const struct spk_groups *g, int rows, struct spk_batch **out, spk_error *err)
{
	const struct spk_schema *schema = g->plan->schema;
	struct spk_batch *batch;
	spk_status status = SPK_OK;

	SPK_TRY(spk_batch_new(&batch, schema, g->account, err));
	batch->rows = batch->selected = rows;
	for (int i = 0; i < schema->count && status == SPK_OK; i++)
		status = spk_vector_init(&batch->column[i], schema->field[i].type, rows, batch->arena, err);
	if (status != SPK_OK) {
		spk_batch_unref(batch);
		return status;
	}
	*out = batch;
	return SPK_OK;
}
