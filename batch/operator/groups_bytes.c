/*
 * Groups as bytes, and what is merged into groups. See groups.h.
 *
 *   note   int64
 *   key    of one size, or its size (uint32) and bytes
 *   states at the next multiple of 16: as they lie when they are plain, else as spk_aggregate_row_write has them
 */
#include "batch/operator/groups.h"

enum { NOTE = 8, ALIGN = 16 };

static uint32_t padded(uint32_t size) { return (size + ALIGN - 1) / ALIGN * ALIGN; }

/* What packed bytes hold. */
struct packed { int64_t note; const char *key, *states; uint32_t key_size, size; };

static spk_status corrupt(spk_error *err)
{
	return spk_fail(err, SPK_CORRUPT, "a group's bytes are damaged");
}

static spk_status take_apart(const struct spk_groups *g, const char *data, uint32_t size, struct packed *out, spk_error *err)
{
	uint32_t at = NOTE;

	if (size < NOTE + (uint32_t)sizeof out->key_size)
		return corrupt(err);
	memcpy(&out->note, data, NOTE);
	out->key_size = g->table.key_size;
	if (out->key_size == SPK_KEY_VARIES) {
		memcpy(&out->key_size, data + at, sizeof out->key_size);
		at += (uint32_t)sizeof out->key_size;
	}
	if (out->key_size > size || padded(at + out->key_size) > size)
		return corrupt(err);
	out->key = data + at;
	at = padded(at + out->key_size);
	out->states = data + at;
	out->size = size - at;
	return SPK_OK;
}

/* --- states --- */

spk_status spk_groups_write_states(const struct spk_groups *g, const char *states, struct spk_buffer *out, spk_error *err)
{
	if (g->plain)
		return spk_buffer_append(out, states, (size_t)g->plan->state_size, err);
	return spk_aggregate_row_write(g->call, g->calls, states, out, err);
}

spk_status spk_groups_read_states(const struct spk_groups *g, char *states, const char *data, size_t size, spk_error *err)
{
	if (!g->plain)
		return spk_aggregate_row_read(g->call, g->calls, states, data, size, err);
	if (size != (size_t)g->plan->state_size)
		return corrupt(err);
	memcpy(states, data, size);
	return SPK_OK;
}

/* --- packing --- */

static spk_status pad(struct spk_buffer *out, size_t start, spk_error *err)
{
	static const char zeros[ALIGN];

	return spk_buffer_append(out, zeros, padded((uint32_t)(out->size - start)) - (out->size - start), err);
}

/* Both sets of states of groups that fold: the first with its size before it. */
static spk_status pack_folding(const struct spk_groups *g, const char *states, struct spk_buffer *out, spk_error *err)
{
	const size_t start = out->size;
	uint64_t size = 0;

	SPK_TRY(spk_buffer_append(out, &size, sizeof size, err));
	SPK_TRY(spk_buffer_append(out, &size, sizeof size, err));
	SPK_TRY(spk_groups_write_states(g, states, out, err));
	size = out->size - start - 2 * sizeof size;
	memcpy(out->data + start, &size, sizeof size);
	return spk_groups_write_states(g, states + g->open_at, out, err);
}

spk_status spk_groups_pack(const struct spk_groups *g, uint32_t number, struct spk_buffer *out, spk_error *err)
{
	const size_t start = out->size;
	const char *states = spk_groups_states(g, number), *key;
	uint32_t size;

	key = spk_groups_key(g, number, &size);
	SPK_TRY(spk_buffer_append(out, spk_groups_note(g, number), NOTE, err));
	if (g->table.key_size == SPK_KEY_VARIES)
		SPK_TRY(spk_buffer_append(out, &size, sizeof size, err));
	SPK_TRY(spk_buffer_append(out, key, size, err));
	SPK_TRY(pad(out, start, err));
	return g->open_at ? pack_folding(g, states, out, err) : spk_groups_write_states(g, states, out, err);
}

/* Keys of one size and plain states: every group has as many bytes, which are written where they will stay. */
static spk_status pack_plain(const struct spk_groups *g, uint32_t from, int n, struct spk_batch *out, spk_error *err)
{
	const uint32_t states_at = padded(NOTE + g->table.key_size), size = states_at + (uint32_t)g->plan->state_size;
	char *to = spk_arena_alloc(out->arena, (size_t)n * size);
	struct spk_view *view = spk_vector_view(&out->column[SPK_PARTIAL_STATE]);

	SPK_TRY_PTR(to, err);
	for (int i = 0; i < n; i++, to += size) {
		const uint32_t number = from + (uint32_t)i;
		uint32_t key_size;

		memcpy(to, spk_groups_note(g, number), NOTE);
		memcpy(to + NOTE, spk_groups_key(g, number, &key_size), g->table.key_size);
		memset(to + NOTE + g->table.key_size, 0, states_at - NOTE - g->table.key_size);
		memcpy(to + states_at, spk_groups_states(g, number), (size_t)g->plan->state_size);
		view[i] = spk_view(to, size);
	}
	return SPK_OK;
}

static spk_status pack_any(const struct spk_groups *g, uint32_t from, int n, struct spk_batch *out, spk_error *err)
{
	struct spk_view *view = spk_vector_view(&out->column[SPK_PARTIAL_STATE]);
	struct spk_buffer bytes = { .account = g->meter };
	spk_status status = SPK_OK;

	for (int i = 0; i < n && status == SPK_OK; i++) {
		char *copy;

		spk_buffer_clear(&bytes);
		status = spk_groups_pack(g, from + (uint32_t)i, &bytes, err);
		if (status == SPK_OK && bytes.size > INT32_MAX)
			status = spk_fail(err, SPK_MEMORY_LIMIT, "one group's states take more than 2 GiB");
		if (status != SPK_OK)
			break;
		copy = spk_arena_copy(out->arena, bytes.data, bytes.size);
		if (!copy)
			status = spk_fail_memory(err);
		else
			view[i] = spk_view(copy, (uint32_t)bytes.size);
	}
	spk_buffer_release(&bytes);
	return status;
}

/* The hashes by which groups of panes are spread: those of one key go to one task, whatever pane they are of. */
static spk_status put_key_hashes(const struct spk_groups *g, uint32_t from, int n, struct spk_batch *out, spk_error *err)
{
	struct spk_vector *v = &out->column[SPK_PARTIAL_KEY];

	SPK_TRY(spk_vector_init(v, spk_type(SPK_TYPE_BIGINT), n, out->arena, err));
	for (int i = 0; i < n; i++) {
		uint32_t size;
		const char *key = spk_groups_key(g, from + (uint32_t)i, &size);

		spk_vector_i64(v)[i] = (int64_t)spk_group_hash_behind_window(key, size);
	}
	return SPK_OK;
}

spk_status spk_groups_partial(const struct spk_groups *g, uint32_t from, int n, int task, struct spk_memory_account *account, struct spk_batch **out, spk_error *err)
{
	const struct spk_schema *schema = g->plan->schema;
	const bool plain = g->plain && g->table.key_size != SPK_KEY_VARIES && (uint32_t)g->plan->state_size + g->table.key_size > 0;
	const int32_t number = task;
	struct spk_batch *b;
	spk_status status;

	SPK_TRY(spk_batch_new(&b, schema, account, err));
	b->rows = b->selected = n;
	status = spk_vector_init(&b->column[SPK_PARTIAL_HASH], schema->field[SPK_PARTIAL_HASH].type, n, b->arena, err);
	if (status == SPK_OK)
		status = spk_vector_init(&b->column[SPK_PARTIAL_STATE], schema->field[SPK_PARTIAL_STATE].type, n, b->arena, err);
	if (status == SPK_OK)
		status = spk_vector_init_constant(&b->column[SPK_PARTIAL_TASK], schema->field[SPK_PARTIAL_TASK].type, &number, b->arena, err);
	for (int c = SPK_PARTIAL_COLUMNS; c < schema->count && status == SPK_OK; c++)
		status = spk_vector_init_constant(&b->column[c], schema->field[c].type, NULL, b->arena, err);
	if (g->plan->panes && status == SPK_OK)
		status = put_key_hashes(g, from, n, b, err);
	for (int i = 0; i < n && status == SPK_OK; i++)
		spk_vector_i64(&b->column[SPK_PARTIAL_HASH])[i] = (int64_t)spk_groups_hash(g, from + (uint32_t)i);
	if (status == SPK_OK)
		status = plain ? pack_plain(g, from, n, b, err) : pack_any(g, from, n, b, err);
	if (status != SPK_OK) {
		spk_batch_unref(b);
		return status;
	}
	*out = b;
	return SPK_OK;
}

/* --- merging --- */

/* Groups to be merged, taken apart, and what they are in the table. */
struct arrival {
	int n;
	struct packed p[SPK_BATCH_ROWS];
	uint64_t hash[SPK_BATCH_ROWS];
	uint32_t number[SPK_BATCH_ROWS];
	bool fresh[SPK_BATCH_ROWS];          /* the first of a new group */
};

static spk_status arrange(const struct spk_groups *g, const struct spk_packed_group *group, int n, struct arrival *a, spk_error *err)
{
	a->n = n;
	for (int i = 0; i < n; i++) {
		SPK_TRY(take_apart(g, group[i].data, group[i].size, &a->p[i], err));
		a->hash[i] = group[i].hash;
	}
	return SPK_OK;
}

static spk_status room_for_arrival(struct spk_groups *g, const struct arrival *a, spk_error *err)
{
	uint64_t bytes = 0;

	for (int i = 0; i < a->n; i++)
		bytes += a->p[i].key_size > SPK_GROUP_KEY_INLINE ? a->p[i].key_size : 0;
	return spk_group_table_room(&g->table, a->n, bytes, err);
}

static spk_status find_arrival(struct spk_groups *g, struct arrival *a, spk_error *err)
{
	const uint32_t before = spk_groups_count(g);
	struct spk_view key[SPK_BATCH_ROWS];
	struct spk_vector keys = { .type = spk_type(SPK_TYPE_BYTEA), .data = key };
	bool seen[SPK_BATCH_ROWS] = { false };

	for (int i = 0; i < a->n; i++)
		key[i] = spk_view(a->p[i].key, a->p[i].key_size);
	SPK_TRY(spk_row_keys_copy(&g->keys, &keys, NULL, a->n, err));
	spk_group_table_put(&g->table, &g->keys, NULL, a->n, a->hash, a->number);
	for (int i = 0; i < a->n; i++) {
		a->fresh[i] = a->number[i] >= before && !seen[a->number[i] - before];
		if (a->fresh[i])
			seen[a->number[i] - before] = true;
	}
	return SPK_OK;
}

static spk_status merge_states(struct spk_groups *g, char *const *into, char *const *from, int n, spk_error *err)
{
	for (int i = 0; i < g->calls && n; i++)
		if (!g->call[i].shared)
			SPK_TRY(g->call[i].step->merge(&g->call[i], into, from, n, err));
	return SPK_OK;
}

/* Folding: of these groups, those whose last rows were another task's get these merged with the ones before; from now on they are `task`'s. */
static spk_status begin_task(struct spk_groups *g, const uint32_t *number, int n, int task, spk_error *err)
{
	char *into[SPK_BATCH_ROWS], *from[SPK_BATCH_ROWS];
	int m = 0;

	if (!g->open_at)
		return SPK_OK;
	from[0] = into[0] = NULL;
	for (int i = 0; i < n; i++) {
		int64_t *note = spk_groups_note(g, number[i]);

		if (*note && *note != task) {
			into[m] = spk_groups_states(g, number[i]);
			from[m] = into[m] + g->open_at;
			m++;
		}
		*note = task;
	}
	SPK_TRY(merge_states(g, into, from, m, err));
	for (int i = 0; i < m; i++) {
		spk_aggregate_row_release(g->call, g->calls, from[i]);
		memset(from[i], 0, (size_t)g->plan->state_size);
	}
	return SPK_OK;
}

/* States of the arrival into groups that are there already, in order. Plain ones are merged where they lie. */
static spk_status merge_known(struct spk_groups *g, const struct arrival *a, int at, spk_error *err)
{
	const size_t size = (size_t)g->plan->state_size;
	char *into[SPK_BATCH_ROWS], *from[SPK_BATCH_ROWS], *scratch = NULL;
	spk_status status = SPK_OK;
	int n = 0, copied = 0;

	for (int i = 0; i < a->n && status == SPK_OK; i++) {
		const struct packed *p = &a->p[i];

		if (a->fresh[i])
			continue;
		into[n] = spk_groups_states(g, a->number[i]) + at;
		from[n] = (char *)(uintptr_t)p->states;
		if (!g->plain || (uintptr_t)p->states % ALIGN || p->size != size) {
			if (!scratch && !(scratch = spk_calloc(g->meter, (size_t)a->n * size)))
				return spk_fail_memory(err);
			from[n] = scratch + (size_t)copied++ * size;
			status = spk_groups_read_states(g, from[n], p->states, p->size, err);
		}
		n += status == SPK_OK;
	}
	if (status == SPK_OK)
		status = merge_states(g, into, from, n, err);
	for (int i = 0; i < copied && g->releases; i++)
		spk_aggregate_row_release(g->call, g->calls, scratch + (size_t)i * size);
	spk_free(g->meter, scratch, (size_t)a->n * size);
	return status;
}

static spk_status merge_arrival(struct spk_groups *g, struct arrival *a, int task, bool counts, spk_error *err)
{
	SPK_TRY(find_arrival(g, a, err));
	SPK_TRY(begin_task(g, a->number, a->n, task, err));
	for (int i = 0; i < a->n; i++) {
		if (counts)
			*spk_groups_note(g, a->number[i]) += a->p[i].note;
		if (a->fresh[i])
			SPK_TRY(spk_groups_read_states(g, spk_groups_states(g, a->number[i]) + g->open_at, a->p[i].states, a->p[i].size, err));
	}
	return merge_known(g, a, g->open_at, err);
}

/* --- restoring --- */

/* Both sets of states of a group that folds, which is new to the table. */
static spk_status restore_folding(struct spk_groups *g, uint32_t number, const struct packed *p, spk_error *err)
{
	char *states = spk_groups_states(g, number);
	uint64_t size;

	if (p->size < 2 * sizeof size)
		return corrupt(err);
	memcpy(&size, p->states, sizeof size);
	if (size > p->size - 2 * sizeof size)
		return corrupt(err);
	*spk_groups_note(g, number) = p->note;
	SPK_TRY(spk_groups_read_states(g, states, p->states + 2 * sizeof size, size, err));
	return spk_groups_read_states(g, states + g->open_at, p->states + 2 * sizeof size + size, p->size - 2 * sizeof size - size, err);
}

static spk_status restore_arrival(struct spk_groups *g, struct arrival *a, bool *changed, spk_error *err)
{
	SPK_TRY(room_for_arrival(g, a, err));
	*changed = true;
	SPK_TRY(find_arrival(g, a, err));
	for (int i = 0; i < a->n; i++) {
		if (g->open_at) {
			if (!a->fresh[i])
				return corrupt(err);
			SPK_TRY(restore_folding(g, a->number[i], &a->p[i], err));
		} else if (a->fresh[i]) {
			SPK_TRY(spk_groups_read_states(g, spk_groups_states(g, a->number[i]), a->p[i].states, a->p[i].size, err));
		}
	}
	return merge_known(g, a, 0, err);
}

spk_status spk_groups_restore(struct spk_groups *g, const struct spk_packed_group *group, int n, bool *changed, spk_error *err)
{
	struct arrival *a = spk_malloc(g->meter, sizeof *a);
	spk_status status;

	*changed = false;
	SPK_TRY_PTR(a, err);
	status = arrange(g, group, n, a, err);
	if (status == SPK_OK)
		status = restore_arrival(g, a, changed, err);
	spk_free(g->meter, a, sizeof *a);
	return status;
}

spk_status spk_groups_merge(struct spk_groups *g, const struct spk_packed_group *group, int n, spk_error *err)
{
	struct arrival *a = spk_malloc(g->meter, sizeof *a);
	spk_status status;

	SPK_TRY_PTR(a, err);
	status = arrange(g, group, n, a, err);
	if (status == SPK_OK)
		status = room_for_arrival(g, a, err);
	if (status == SPK_OK)
		status = merge_arrival(g, a, 0, true, err);
	spk_free(g->meter, a, sizeof *a);
	return status;
}

/* --- what a partial aggregate handed on --- */

static bool holds_rows(const struct spk_batch *in)
{
	const struct spk_vector *state = &in->column[SPK_PARTIAL_STATE];

	return in->columns > SPK_PARTIAL_COLUMNS && in->selected && spk_vector_is_null(state, spk_batch_row(in, 0));
}

/* The passed rows' group columns as a batch; borrowed from `in`. */
static struct spk_batch passed_keys(const struct spk_groups *g, const struct spk_batch *in)
{
	struct spk_batch keys = *in;

	keys.schema = g->key_schema;
	keys.columns = g->plan->expr_count;
	keys.column = in->column + SPK_PARTIAL_COLUMNS;
	return keys;
}

static void read_hashes(const struct spk_batch *in, uint64_t *hash)
{
	const struct spk_reader r = spk_vector_reader(&in->column[SPK_PARTIAL_HASH]);

	SPK_EACH_ROW(in, i, row)
		hash[i] = (uint64_t)((const int64_t *)r.data)[spk_reader_slot(&r, row)];
}

static spk_status read_arrival(const struct spk_groups *g, const struct spk_batch *in, struct arrival *a, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&in->column[SPK_PARTIAL_STATE]);

	a->n = in->selected;
	read_hashes(in, a->hash);
	SPK_EACH_ROW(in, i, row) {
		const struct spk_view *v = (const struct spk_view *)r.data + spk_reader_slot(&r, row);

		SPK_TRY(take_apart(g, spk_view_data(v), v->length, &a->p[i], err));
	}
	return SPK_OK;
}

/* The room that it takes to take a batch apart is taken before there is a group of it. */
spk_status spk_groups_room_for(struct spk_groups *g, const struct spk_batch *in, spk_error *err)
{
	struct spk_batch keys;
	struct arrival *a;
	spk_status status;

	if (holds_rows(in)) {
		keys = passed_keys(g, in);
		return spk_groups_room(g, &keys, err);
	}
	a = spk_malloc(g->meter, sizeof *a);
	SPK_TRY_PTR(a, err);
	status = read_arrival(g, in, a, err);
	if (status == SPK_OK)
		status = room_for_arrival(g, a, err);
	spk_free(g->meter, a, sizeof *a);
	return status;
}

static spk_status absorb_states(struct spk_groups *g, const struct spk_op *op, const struct spk_batch *in, int task, bool room, spk_error *err)
{
	struct arrival *a = spk_malloc(g->meter, sizeof *a);
	spk_status status;

	SPK_TRY_PTR(a, err);
	status = read_arrival(g, in, a, err);
	if (status == SPK_OK && room)
		status = room_for_arrival(g, a, err);
	if (status == SPK_OK)
		status = merge_arrival(g, a, task, op->pipeline->run->streaming, err);
	spk_free(g->meter, a, sizeof *a);
	return status;
}

static spk_status absorb_rows(struct spk_groups *g, const struct spk_op *op, const struct spk_batch *in, int task, bool room, struct spk_arena *arena, spk_error *err)
{
	const struct spk_batch keys = passed_keys(g, in);
	struct spk_eval ev = spk_op_eval(op, arena, NULL);
	uint64_t hash[SPK_BATCH_ROWS];
	uint32_t number[SPK_BATCH_ROWS];

	if (room)
		SPK_TRY(spk_groups_room(g, &keys, err));
	read_hashes(in, hash);
	SPK_TRY(spk_groups_find(g, &keys, hash, number, err));
	SPK_TRY(begin_task(g, number, in->selected, task, err));
	if (op->pipeline->run->streaming)
		spk_groups_count_rows(g, in, number);
	return spk_groups_update(g, g->pass, &(struct spk_group_rows){ in, in->sel, in->selected, number }, &ev, err);
}

static spk_status absorb(struct spk_groups *g, const struct spk_op *op, const struct spk_batch *in, bool room, spk_error *err)
{
	struct spk_arena *arena;
	spk_status status;
	int task;

	if (in->selected == 0)
		return SPK_OK;
	task = spk_vector_value(&in->column[SPK_PARTIAL_TASK], spk_batch_row(in, 0)).i32;
	if (!holds_rows(in))
		return absorb_states(g, op, in, task, room, err);
	arena = spk_arena_new(op->pipeline->account);
	SPK_TRY_PTR(arena, err);
	status = absorb_rows(g, op, in, task, room, arena, err);
	spk_arena_unref(arena);
	return status;
}

spk_status spk_groups_absorb(struct spk_groups *g, const struct spk_op *op, const struct spk_batch *in, spk_error *err)
{
	return absorb(g, op, in, false, err);
}

spk_status spk_groups_take_in(struct spk_groups *g, const struct spk_op *op, const struct spk_batch *in, spk_error *err)
{
	return absorb(g, op, in, true, err);
}
