/* Groups as rows that come out. See groups.h. */
#include "batch/operator/groups.h"

#include "core/columnar/hash.h"

enum { PIECE_BYTES = 512 * 1024 };       /* of groups that are handed on at once */

int spk_groups_piece(const struct spk_groups *g)
{
	size_t each = SPK_MAX(spk_groups_bytes(g) / SPK_MAX(spk_groups_count(g), 1u), (size_t)1);

	return (int)SPK_MIN(SPK_MAX(PIECE_BYTES / each, (size_t)1), (size_t)SPK_BATCH_ROWS);
}

int64_t spk_group_window(const char *key, uint32_t size)
{
	uint64_t bits = 0;

	SPK_ASSERT(size >= SPK_GROUP_WINDOW_SIZE, "a windowed group's key begins with the window bound");
	for (int i = 1; i < SPK_GROUP_WINDOW_SIZE; i++)
		bits = bits << 8 | (unsigned char)key[i];
	return (int64_t)(bits ^ 1ull << 63);
}

uint64_t spk_group_hash_behind_window(const char *key, uint32_t size)
{
	SPK_ASSERT(size >= SPK_GROUP_WINDOW_SIZE, "a windowed group's key begins with the window bound");
	return spk_hash_bytes(key + SPK_GROUP_WINDOW_SIZE, size - SPK_GROUP_WINDOW_SIZE);
}

void spk_group_put_window(char *key, int64_t bound)
{
	const uint64_t bits = (uint64_t)bound ^ 1ull << 63;

	for (int i = 1; i < SPK_GROUP_WINDOW_SIZE; i++)
		key[i] = (char)(bits >> (8 * (SPK_GROUP_WINDOW_SIZE - 1 - i)));
}

spk_status spk_groups_decode(const struct spk_groups *g, const char *key, uint32_t size, struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err)
{
	return spk_row_key_decode_placed(key, size, g->key_column, g->plan->expr_count, out, row, rows, arena, err);
}

spk_status spk_groups_final(const struct spk_groups *g, char *const *states, int n, struct spk_vector *out, int at, int rows, struct spk_arena *arena, spk_error *err)
{
	for (int i = 0; i < g->plan->aggregate_count; i++)
		SPK_TRY(g->call[i].step->final(&g->call[i], states, n, &out[g->plan->expr_count + i], at, rows, arena, err));
	return SPK_OK;
}

spk_status spk_groups_output(const struct spk_schema *schema, int rows, struct spk_memory_account *account, struct spk_batch **out, spk_error *err)
{
	struct spk_batch *batch;
	spk_status status = SPK_OK;

	SPK_TRY(spk_batch_new(&batch, schema, account, err));
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

/* Folding is over: the states of the last task go to those before. */
static spk_status close_tasks(struct spk_groups *g, const uint32_t *order, int n, spk_error *err)
{
	char *into[SPK_BATCH_ROWS], *from[SPK_BATCH_ROWS];

	if (!g->open_at)
		return SPK_OK;
	for (int i = 0; i < n; i++) {
		into[i] = spk_groups_states(g, order[i]);
		from[i] = into[i] + g->open_at;
	}
	for (int i = 0; i < g->calls; i++)
		if (!g->call[i].shared)
			SPK_TRY(g->call[i].step->merge(&g->call[i], into, from, n, err));
	return SPK_OK;
}

/*
 * Keys of one size next to each other: groups come out in an order in which every row of the table is a miss, so that rows are asked for some
 * groups ahead and looked at once.
 */
static const char *gather_keys(const struct spk_groups *g, const uint32_t *order, int n, const char **key, struct spk_arena *arena)
{
	enum { AHEAD = 24 };
	const uint32_t size = g->table.key_size, row_size = g->table.row_size;
	char *to = spk_arena_alloc(arena, (size_t)n * size + 1);

	for (int i = 0; i < n && to; i++) {
		const char *row;
		uint32_t ignored;

		if (i + AHEAD < n) {
			row = spk_group_row(&g->table, order[i + AHEAD]);
			__builtin_prefetch(row);
			__builtin_prefetch(row + row_size - 1);
		}
		key[i] = to + (size_t)i * size;
		memcpy(to + (size_t)i * size, spk_groups_key(g, order[i], &ignored), size);
	}
	return to;
}

static spk_status decode_fixed(const struct spk_groups *g, const uint32_t *order, int n, struct spk_batch *out, spk_error *err)
{
	struct spk_vector ordered[SPK_GROUP_COLUMNS];
	const int columns = g->plan->expr_count;
	const char *key[SPK_BATCH_ROWS];

	SPK_TRY_PTR(gather_keys(g, order, n, key, out->arena), err);
	for (int i = 0; i < columns; i++)
		ordered[i] = out->column[g->key_column[i].column];
	SPK_TRY(spk_row_keys_decode(key, n, g->key_column, columns, ordered, out->arena, err));
	for (int i = 0; i < columns; i++)
		out->column[g->key_column[i].column] = ordered[i];
	return SPK_OK;
}

static spk_status decode_keys(const struct spk_groups *g, const uint32_t *order, int n, struct spk_batch *out, spk_error *err)
{
	enum { AHEAD = 8 };

	if (g->plan->expr_count == 0)
		return SPK_OK;
	if (g->table.key_size != SPK_KEY_VARIES)
		return decode_fixed(g, order, n, out, err);
	for (int i = 0; i < n; i++) {
		uint32_t size;
		const char *key;

		if (i + AHEAD < n)
			__builtin_prefetch(spk_group_row(&g->table, order[i + AHEAD]));
		key = spk_groups_key(g, order[i], &size);
		SPK_TRY(spk_groups_decode(g, key, size, out->column, i, n, out->arena, err));
	}
	return SPK_OK;
}

/* Group columns whose values keys do not keep (1.50 is 1.5 there) come from hidden calls. */
static spk_status group_values(const struct spk_groups *g, char *const *states, int n, struct spk_batch *out, spk_error *err)
{
	for (int i = 0; i < g->plan->expr_count && g->plan->group_value; i++) {
		const int c = g->plan->group_value[i];

		if (c < 0)
			continue;
		SPK_TRY(spk_vector_init(&out->column[i], out->schema->field[i].type, n, out->arena, err));
		SPK_TRY(g->call[c].step->final(&g->call[c], states, n, &out->column[i], 0, n, out->arena, err));
	}
	return SPK_OK;
}

static spk_status fill(struct spk_groups *g, const uint32_t *order, int n, struct spk_batch *out, spk_error *err)
{
	char *states[SPK_BATCH_ROWS];

	SPK_TRY(decode_keys(g, order, n, out, err));
	SPK_TRY(close_tasks(g, order, n, err));
	for (int i = 0; i < n; i++)
		states[i] = spk_groups_states(g, order[i]);
	SPK_TRY(group_values(g, states, n, out, err));
	return spk_groups_final(g, states, n, out->column, 0, n, out->arena, err);
}

spk_status spk_groups_rows(struct spk_groups *g, const uint32_t *order, int n, struct spk_memory_account *account, struct spk_batch **out, spk_error *err)
{
	spk_status status;

	SPK_TRY(spk_groups_output(g->plan->schema, n, account, out, err));
	status = fill(g, order, n, *out, err);
	if (status != SPK_OK) {
		spk_batch_unref(*out);
		*out = NULL;
	}
	return status;
}
