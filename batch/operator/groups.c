/* Groups: finding them and updating their states. See groups.h. */
#include "batch/operator/groups.h"

#include "core/base/memory.h"
#include "core/columnar/hash.h"

/* --- the beginning and the end --- */

static spk_status order_columns(struct spk_groups *g, const struct spk_physical *plan, struct spk_arena *arena, spk_error *err)
{
	struct spk_schema *schema = SPK_NEW(arena, struct spk_schema);
	int at = 0;

	g->key_column = SPK_NEW_ARRAY(arena, struct spk_key_column, plan->expr_count);
	SPK_TRY_PTR(schema && g->key_column, err);
	schema->count = plan->expr_count;
	schema->field = SPK_NEW_ARRAY(arena, struct spk_field, plan->expr_count);
	SPK_TRY_PTR(schema->field, err);
	if (plan->window_key >= 0)
		g->key_column[at++] = (struct spk_key_column){ .column = plan->window_key, .type = plan->expr[plan->window_key]->type };
	for (int i = 0; i < plan->expr_count; i++) {
		schema->field[i] = (struct spk_field){ "", plan->expr[i]->type, true };
		if (i != plan->window_key)
			g->key_column[at++] = (struct spk_key_column){ .column = i, .type = plan->expr[i]->type };
	}
	g->key_schema = schema;
	return SPK_OK;
}

static struct spk_aggregate_call *own_calls(const struct spk_groups *g, const struct spk_aggregate_call *call, struct spk_arena *arena)
{
	struct spk_aggregate_call *own = spk_arena_copy(arena, call, sizeof *own * (size_t)g->calls);

	for (int i = 0; own && i < g->calls; i++)
		own[i].account = g->meter;
	return own;
}

static spk_status copy_calls(struct spk_groups *g, bool *folds, struct spk_arena *arena, spk_error *err)
{
	g->calls = g->plan->aggregate_count + g->plan->hidden_count;
	g->call = own_calls(g, g->plan->aggregate, arena);
	SPK_TRY_PTR(g->call, err);
	if (g->plan->pass_aggregate)
		SPK_TRY_PTR(g->pass = own_calls(g, g->plan->pass_aggregate, arena), err);
	g->plain = true;
	for (int i = 0; i < g->calls; i++) {
		g->releases = g->releases || g->call[i].step->release;
		g->plain = g->plain && !g->call[i].step->write;
		*folds = *folds || g->call[i].step->folds;
	}
	return SPK_OK;
}

static spk_status init_cache(struct spk_groups *g, struct spk_arena *arena, spk_error *err)
{
	struct spk_type type[SPK_GROUP_COLUMNS];

	for (int i = 0; i < g->plan->expr_count; i++)
		type[i] = g->plan->expr[i]->type;
	return spk_group_cache_init(&g->cache, type, g->plan->expr_count, arena, err);
}

spk_status spk_groups_init(struct spk_groups *g, const struct spk_physical *plan, bool folds, struct spk_memory_account *account, struct spk_arena *arena, spk_error *err)
{
	const uint32_t states = (uint32_t)plan->state_size;
	bool needed = false;
	uint32_t size;

	if (plan->expr_count > SPK_GROUP_COLUMNS)
		return spk_fail(err, SPK_UNSUPPORTED, "GROUP BY with %d expressions; at most %d are supported", plan->expr_count, SPK_GROUP_COLUMNS);
	*g = (struct spk_groups){ .plan = plan, .meter = spk_memory_meter_new(account) };
	SPK_TRY_PTR(g->meter, err);
	g->keys.bytes.account = g->meter;
	SPK_TRY(order_columns(g, plan, arena, err));
	SPK_TRY(copy_calls(g, &needed, arena, err));
	SPK_TRY(init_cache(g, arena, err));
	g->open_at = folds && needed ? (int)states : 0;
	size = (uint32_t)spk_row_key_fixed_size(g->key_column, plan->expr_count);
	spk_group_table_init(&g->table, size || plan->expr_count == 0 ? size : SPK_KEY_VARIES, g->open_at ? 2 * states : states, g->meter);
	return SPK_OK;
}

static void release_states(struct spk_groups *g, char *states)
{
	spk_aggregate_row_release(g->call, g->calls, states);
	if (g->open_at)
		spk_aggregate_row_release(g->call, g->calls, states + g->open_at);
}

void spk_groups_clear(struct spk_groups *g)
{
	for (uint32_t i = 0; g->releases && i < g->table.count; i++)
		release_states(g, spk_groups_states(g, i));
	spk_group_table_clear(&g->table);
	spk_group_cache_clear(&g->cache);
}

void spk_groups_release(struct spk_groups *g)
{
	if (!g->plan)
		return;
	spk_groups_clear(g);
	spk_group_table_release(&g->table);
	spk_row_keys_release(&g->keys);
	spk_memory_meter_free(g->meter);
	*g = (struct spk_groups){ 0 };
}

/* --- finding --- */

/* Bytes that the keys of the rows take at most, of those that do not fit into their rows of the table. */
static spk_status long_key_bytes(struct spk_groups *g, const struct spk_batch *keys, uint64_t *bytes, spk_error *err)
{
	*bytes = 0;
	SPK_TRY(spk_row_keys_encode(&g->keys, keys, g->key_column, keys->columns, false, err));
	for (int i = 0; i < g->keys.count; i++) {
		const uint32_t size = g->keys.offset[i + 1] - g->keys.offset[i];

		*bytes += size > SPK_GROUP_KEY_INLINE ? size : 0;
	}
	return SPK_OK;
}

/* Texts: at most twice as long as they are, with a marker and an end; false: other columns of no fixed width. */
static bool text_key_bytes(const struct spk_groups *g, const struct spk_batch *keys, uint64_t *bytes)
{
	uint64_t texts = 0, longest = 0;
	int fixed = 0;

	for (int c = 0; c < keys->columns; c++) {
		const struct spk_reader r = spk_vector_reader(&keys->column[c]);
		uint64_t most = 0;

		if (!spk_type_is_view(keys->column[c].type)) {
			fixed += spk_row_key_fixed_size(&(struct spk_key_column){ .type = keys->column[c].type }, 1);
			continue;
		}
		SPK_EACH_ROW(keys, i, row) {
			const uint32_t slot = spk_reader_slot(&r, row);
			const uint64_t length = spk_reader_valid(&r, slot) ? ((const struct spk_view *)r.data)[slot].length : 0;

			texts += 2 * length + 3;
			most = SPK_MAX(most, length);
		}
		longest += 2 * most + 3;
	}
	*bytes = longest + (uint64_t)fixed <= SPK_GROUP_KEY_INLINE ? 0 : texts + (uint64_t)fixed * (uint64_t)keys->selected;
	for (int c = 0; c < g->plan->expr_count; c++)
		if (spk_type_is_nested(g->plan->expr[c]->type))
			return false;
	return true;
}

spk_status spk_groups_room(struct spk_groups *g, const struct spk_batch *keys, spk_error *err)
{
	uint64_t bytes = 0;

	if (g->table.key_size == SPK_KEY_VARIES && !text_key_bytes(g, keys, &bytes))
		SPK_TRY(long_key_bytes(g, keys, &bytes, err));
	return spk_group_table_room(&g->table, keys->selected, bytes, err);
}

void spk_groups_hash_keys(const struct spk_groups *g, const struct spk_batch *keys, uint64_t *hash)
{
	int column[SPK_GROUP_COLUMNS];

	for (int i = 0; i < g->plan->expr_count; i++)
		column[i] = g->key_column[i].column;
	spk_hash_columns(keys, column, g->plan->expr_count, hash);
}

/* The long way: keys encoded, hashed, looked up. `hash`: carried ones; may be NULL. */
static spk_status look_up(struct spk_groups *g, const struct spk_batch *keys, const uint64_t *hash, uint32_t *number, spk_error *err)
{
	uint64_t computed[SPK_BATCH_ROWS];

	SPK_TRY(spk_row_keys_encode(&g->keys, keys, g->key_column, g->plan->expr_count, false, err));
	if (!hash)
		spk_groups_hash_keys(g, keys, computed);
	spk_group_table_put(&g->table, &g->keys, NULL, keys->selected, hash ? hash : computed, number);
	return SPK_OK;
}

/* Rows of a strip that the cache does not know. */
static spk_status look_up_missed(struct spk_groups *g, const struct spk_batch *keys, const uint64_t *hash, int from, const int32_t *miss, int misses, uint32_t *number, spk_error *err)
{
	struct spk_batch some = *keys;
	int32_t sel[SPK_CACHE_STRIP];
	uint64_t carried[SPK_CACHE_STRIP];
	uint32_t found[SPK_CACHE_STRIP];

	for (int i = 0; i < misses; i++) {
		sel[i] = spk_batch_row(keys, from + miss[i]);
		carried[i] = hash ? hash[from + miss[i]] : 0;
	}
	some.sel = sel;
	some.selected = misses;
	SPK_TRY(look_up(g, &some, hash ? carried : NULL, found, err));
	for (int i = 0; i < misses; i++)
		number[miss[i]] = found[i];
	return SPK_OK;
}

/* As far as the cache goes: *done rows have their numbers. */
static spk_status find_cached(struct spk_groups *g, const struct spk_batch *keys, const uint64_t *hash, uint32_t *number, int *done, spk_error *err)
{
	struct spk_packed p;
	int32_t miss[SPK_CACHE_STRIP];

	for (*done = 0; *done < keys->selected && spk_group_cache_pays(&g->cache);) {
		const int n = SPK_MIN(keys->selected - *done, SPK_CACHE_STRIP);
		int misses;

		if (!spk_group_cache_pack(&g->cache, keys, keys->sel ? keys->sel + *done : NULL, *done, n, &p))
			return SPK_OK;
		misses = spk_group_cache_find(&g->cache, &p, n, number + *done, miss);
		if (misses)
			SPK_TRY(look_up_missed(g, keys, hash, *done, miss, misses, number + *done, err));
		for (int i = 0; i < misses; i++)
			spk_group_cache_put(&g->cache, &p, miss[i], number[*done + miss[i]]);
		*done += n;
	}
	return SPK_OK;
}

spk_status spk_groups_find(struct spk_groups *g, const struct spk_batch *keys, const uint64_t *hash, uint32_t *number, spk_error *err)
{
	struct spk_batch rest = *keys;
	int32_t sel[SPK_BATCH_ROWS];
	int done = 0;

	if (g->plan->expr_count == 0 && g->table.count) {
		memset(number, 0, sizeof *number * (size_t)keys->selected);
		return SPK_OK;
	}
	if (spk_group_cache_begin(&g->cache))
		SPK_TRY(find_cached(g, keys, hash, number, &done, err));
	if (done == keys->selected)
		return SPK_OK;
	if (done == 0)
		return look_up(g, keys, hash, number, err);
	for (int i = done; i < keys->selected; i++)
		sel[i] = spk_batch_row(keys, i);
	rest.sel = sel + done;
	rest.selected = keys->selected - done;
	return look_up(g, &rest, hash ? hash + done : NULL, number + done, err);
}

/* --- updating --- */

void spk_groups_count_rows(const struct spk_groups *g, const struct spk_batch *in, const uint32_t *number)
{
	SPK_EACH_ROW(in, i, row)
		*spk_groups_note(g, number[i]) += spk_batch_weight(in, row);
}

/* The call's inputs for the rows. */
static spk_status eval_inputs(const struct spk_aggregate_call *call, const struct spk_batch *in, const int32_t *sel, int n, struct spk_eval *ev, struct spk_vector *input, spk_error *err)
{
	for (int i = 0; i < call->inputs; i++)
		SPK_TRY(spk_expr_eval(call->input[i], in, sel, n, ev, &input[i], err));
	return SPK_OK;
}

/* Those of the rows where the call's FILTER is true; kept[]: their states. */
static spk_status filter_rows(const struct spk_aggregate_call *call, const struct spk_group_rows *rows, char *const *state, struct spk_eval *ev, int32_t *keep, char **kept, int *count, spk_error *err)
{
	int at = 0;

	SPK_TRY(spk_expr_filter(call->filter, rows->in, rows->sel, rows->n, ev, keep, count, err));
	for (int i = 0; i < *count; i++) {
		while ((rows->sel ? rows->sel[at] : at) != keep[i])
			at++;
		kept[i] = state[at];
	}
	return SPK_OK;
}

static spk_status update_one(const struct spk_aggregate_call *call, const struct spk_group_rows *rows, char *const *state, struct spk_eval *ev, spk_error *err)
{
	struct spk_vector *input = SPK_NEW_ARRAY(ev->arena, struct spk_vector, call->inputs);
	const size_t n = (size_t)rows->n;
	int32_t *keep;
	char **kept;
	int count;

	SPK_TRY_PTR(input, err);
	if (!call->filter) {
		SPK_TRY(eval_inputs(call, rows->in, rows->sel, rows->n, ev, input, err));
		return call->step->update(call, state, input, rows->sel, rows->n, rows->in->weight, err);
	}
	keep = spk_arena_alloc(ev->arena, sizeof *keep * n);
	kept = spk_arena_alloc(ev->arena, sizeof *kept * n);
	SPK_TRY_PTR(keep && kept, err);
	SPK_TRY(filter_rows(call, rows, state, ev, keep, kept, &count, err));
	if (count == 0)
		return SPK_OK;
	SPK_TRY(eval_inputs(call, rows->in, keep, count, ev, input, err));
	return call->step->update(call, kept, input, keep, count, rows->in->weight, err);
}

spk_status spk_groups_update(struct spk_groups *g, const struct spk_aggregate_call *call, const struct spk_group_rows *rows, struct spk_eval *ev, spk_error *err)
{
	char *state[SPK_BATCH_ROWS];

	for (int i = 0; i < rows->n; i++)
		state[i] = spk_groups_states(g, rows->number[i]) + g->open_at;
	for (int i = 0; i < g->calls; i++)
		if (!call[i].shared && !call[i].elsewhere)
			SPK_TRY(update_one(&call[i], rows, state, ev, err));
	return SPK_OK;
}

/* --- groups without rows --- */

/* A batch of one row: all groups NULL but the last, which is the set's number. */
static spk_status empty_set_keys(int64_t number, struct spk_batch *keys, spk_error *err)
{
	for (int i = 0; i < keys->columns; i++)
		SPK_TRY(spk_vector_init_constant(&keys->column[i], keys->schema->field[i].type, i + 1 == keys->columns ? &number : NULL, keys->arena, err));
	keys->rows = keys->selected = 1;
	return SPK_OK;
}

static spk_status add_empty_set(struct spk_groups *g, struct spk_batch *keys, int64_t set, int task, int tasks, uint32_t *number, spk_error *err)
{
	uint64_t hash;

	SPK_TRY(empty_set_keys(set, keys, err));
	spk_groups_hash_keys(g, keys, &hash);
	if (spk_shard_task(spk_shard_of(hash), tasks) != task)
		return SPK_OK;
	SPK_TRY(spk_groups_room(g, keys, err));
	return spk_groups_find(g, keys, &hash, number, err);
}

spk_status spk_groups_add_empty_sets(struct spk_groups *g, int task, int tasks, uint32_t *number, spk_error *err)
{
	for (int i = 0; i < g->plan->empty_sets; i++) {
		struct spk_batch *keys;
		uint32_t found = UINT32_MAX;
		spk_status status;

		SPK_TRY(spk_batch_new(&keys, g->key_schema, g->meter, err));
		status = add_empty_set(g, keys, g->plan->empty_set[i], task, tasks, &found, err);
		spk_batch_unref(keys);
		SPK_TRY(status);
		if (number)
			number[i] = found;
	}
	return SPK_OK;
}
