/* What a join in a stream takes in during an epoch. See join_input.h. */
#include "stream/operator/join_input.h"

#include "core/columnar/hash.h"

/* --- the kind of join --- */

bool spk_join_counts_right(const struct spk_join_setup *setup)
{
	return !setup->pairs && !setup->by_row && !setup->op->plan->filter;
}

spk_status spk_join_setup_init(struct spk_join_setup *setup, struct spk_op *op, bool by_row, struct spk_arena *arena, spk_error *err)
{
	const struct spk_schema *left = op->plan->left, *right = op->plan->right;
	const enum spk_join_type t = op->plan->join;

	*setup = (struct spk_join_setup){ .op = op, .type = t, .pairs = spk_join_shows_right(t), .by_row = by_row };
	setup->role[0].alone = spk_join_comes_alone(t, 0) || t == SPK_JOIN_SEMI;
	setup->role[1].alone = spk_join_comes_alone(t, 1);
	/* The total of a side that is forgotten begins anew: then the rows that stay know what they have met. */
	for (int s = 0; s < 2; s++)
		setup->role[s].met = setup->role[s].alone && (by_row || op->plan->filter || op->plan->state_ttl_us[!s]);
	setup->both = (struct spk_schema){ left->count + right->count, SPK_NEW_ARRAY(arena, struct spk_field, left->count + right->count + 1) };
	SPK_TRY_PTR(setup->both.field, err);
	for (int i = 0; i < setup->both.count; i++)
		setup->both.field[i] = i < left->count ? left->field[i] : right->field[i - left->count];
	return SPK_OK;
}

/* --- its keys --- */

static struct spk_expr **keys_of(const struct spk_join_input *in, int side)
{
	const struct spk_physical *plan = in->setup->op->plan;

	return side ? plan->build_key : plan->probe_key;
}

spk_status spk_join_input_init(struct spk_join_input *in, const struct spk_join_setup *setup, bool timed, struct spk_arena *arena, spk_error *err)
{
	struct spk_memory_account *account = setup->op->pipeline->account;
	const int keys = setup->op->plan->join_keys;

	*in = (struct spk_join_input){ .setup = setup, .timed = timed };
	in->keys.account = in->encoded.bytes.account = account;
	for (int s = 0; s < 2; s++)
		spk_delta_rows_init(&in->side[s], !setup->op->plan->input[s]->retracts && !(s == 1 && spk_join_counts_right(setup)), account);
	in->key_number = SPK_NEW_ARRAY(arena, int, keys + 1);
	SPK_TRY_PTR(in->key_number, err);
	for (int s = 0; s < 2; s++) {
		in->key_schema[s] = (struct spk_schema){ keys, SPK_NEW_ARRAY(arena, struct spk_field, keys + 1) };
		in->key_column[s] = SPK_NEW_ARRAY(arena, struct spk_key_column, keys + 1);
		SPK_TRY_PTR(in->key_schema[s].field && in->key_column[s], err);
		for (int k = 0; k < keys; k++) {
			in->key_number[k] = k;
			in->key_schema[s].field[k] = (struct spk_field){ "", keys_of(in, s)[k]->type, true };
			in->key_column[s][k] = (struct spk_key_column){ .column = k, .type = keys_of(in, s)[k]->type };
		}
	}
	return SPK_OK;
}

void spk_join_input_clear(struct spk_join_input *in)
{
	spk_keymap_clear(&in->keys);
	for (int s = 0; s < 2; s++)
		spk_delta_rows_clear(&in->side[s]);
}

void spk_join_input_release(struct spk_join_input *in)
{
	for (int s = 0; s < 2; s++)
		spk_delta_rows_release(&in->side[s]);
	spk_keymap_release(&in->keys);
	spk_row_keys_release(&in->encoded);
}

/* --- folding --- */

/* Of a side that is only counted a row is its key alone. */
static int columns_of(const struct spk_join_input *in, int side)
{
	const struct spk_physical *plan = in->setup->op->plan;

	return side == 0 ? plan->left->count : spk_join_counts_right(in->setup) ? 0 : plan->right->count;
}

static int64_t time_of(const struct spk_reader *times, int32_t row)
{
	const uint32_t slot = spk_reader_slot(times, row);

	return spk_reader_valid(times, slot) ? ((const int64_t *)times->data)[slot] : 0;
}

static void put_behind(struct spk_delta_frame *frame, char *tail, const void *value, uint32_t size)
{
	memcpy(tail + frame->tail_size, value, size);
	frame->tail_size += size;
}

/* Behind a row's columns: its key where it is only counted, its number in a history, its time. */
static spk_status fold_rows(struct spk_join_input *in, int side, const struct spk_batch *batch, const uint32_t *key, spk_error *err)
{
	const struct spk_physical *plan = in->setup->op->plan;
	const bool counted = side == 1 && spk_join_counts_right(in->setup), numbered = side == 1 && plan->history, alone = in->setup->role[side].alone;
	const struct spk_reader times = in->timed ? spk_vector_reader(&batch->column[plan->time.column[side]]) : (struct spk_reader){ 0 };
	const struct spk_reader numbers = numbered ? spk_vector_reader(&batch->column[plan->right->count]) : (struct spk_reader){ 0 };
	struct spk_delta_rows *d = &in->side[side];

	SPK_TRY(spk_delta_rows_begin(d, batch, columns_of(in, side), err));
	SPK_EACH_ROW(batch, i, row) {
		char tail[sizeof *key + 2 * sizeof(int64_t)];
		struct spk_delta_frame frame = { .tail = tail };

		if (key[row] == SPK_DELTA_NO_KEY && !alone)
			continue;
		if (counted)
			put_behind(&frame, tail, &key[row], sizeof *key);
		if (numbered)
			put_behind(&frame, tail, (const int64_t *)numbers.data + spk_reader_slot(&numbers, row), sizeof(int64_t));
		if (in->timed)
			put_behind(&frame, tail, &(int64_t){ time_of(&times, row) }, sizeof(int64_t));
		SPK_TRY(spk_delta_rows_add(d, row, &frame, key[row], spk_batch_weight(batch, row), err));
	}
	return SPK_OK;
}

/* Leaves in sel[0..n) the rows with a value in the vector. */
static int without_nulls(const struct spk_vector *v, int32_t *sel, int n)
{
	const struct spk_reader r = spk_vector_reader(v);
	int kept = 0;

	if (!r.valid && !r.index)
		return n;
	for (int i = 0; i < n; i++) {
		sel[kept] = sel[i];
		kept += spk_reader_valid(&r, spk_reader_slot(&r, sel[i]));
	}
	return kept;
}

/* Numbers of the keys of the batch's rows, by physical row. */
static spk_status number_keys(struct spk_join_input *in, int side, struct spk_batch *keys, uint32_t *number, spk_error *err)
{
	uint64_t hash[SPK_BATCH_ROWS] = { 0 };
	uint32_t dense[SPK_BATCH_ROWS];

	if (keys->columns)
		spk_hash_columns(keys, in->key_number, keys->columns, hash);
	SPK_TRY(spk_row_keys_encode(&in->encoded, keys, in->key_column[side], keys->columns, false, err));
	SPK_TRY(spk_keymap_put(&in->keys, &in->encoded, hash, dense, err));
	SPK_EACH_ROW(keys, i, row)
		number[row] = dense[i];
	return SPK_OK;
}

static spk_status fold(struct spk_join_input *in, int side, const struct spk_batch *batch, struct spk_batch *keys, spk_error *err)
{
	const struct spk_physical *plan = in->setup->op->plan;
	struct spk_eval ev = spk_op_eval(in->setup->op, keys->arena, NULL);
	int32_t *sel = spk_op_selection(batch, keys->arena);
	uint32_t *number = spk_arena_alloc(keys->arena, sizeof *number * (size_t)batch->rows);

	SPK_TRY_PTR(sel && number, err);
	for (int k = 0; k < keys->columns; k++)
		SPK_TRY(spk_expr_eval(keys_of(in, side)[k], batch, batch->sel, batch->selected, &ev, &keys->column[k], err));
	keys->selected = batch->selected;
	for (int k = 0; k < keys->columns; k++)
		if (!plan->null_safe[k])
			keys->selected = without_nulls(&keys->column[k], sel, keys->selected);
	if (in->timed)
		keys->selected = without_nulls(&batch->column[plan->time.column[side]], sel, keys->selected);
	keys->sel = sel;
	for (int i = 0; i < batch->rows; i++)
		number[i] = SPK_DELTA_NO_KEY;
	SPK_TRY(number_keys(in, side, keys, number, err));
	return fold_rows(in, side, batch, number, err);
}

spk_status spk_join_input_push(struct spk_join_input *in, int side, const struct spk_batch *batch, spk_error *err)
{
	struct spk_batch *keys;
	spk_status status;

	SPK_TRY(spk_batch_derive(&keys, batch, &in->key_schema[side], err));
	status = fold(in, side, batch, keys, err);
	spk_batch_unref(keys);
	return status;
}

spk_status spk_join_input_chain(struct spk_join_input *in, struct spk_arena *arena, spk_error *err)
{
	for (int s = 0; s < 2; s++)
		SPK_TRY(spk_delta_rows_chain(&in->side[s], in->keys.count, arena, err));
	return SPK_OK;
}
