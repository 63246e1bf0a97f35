/* Keys that were seen, in memory and on disk. See key_set.h. */
#include "batch/key_set.h"

#include <stdlib.h>

#include "batch/spill.h"
#include "core/columnar/hash.h"
#include "core/columnar/keymap.h"

enum {
	PART_BITS = 6,
	PARTS = 1 << PART_BITS,      /* runs of keys, by the upper bits of their hashes */
	HELD_SHARE = 8,              /* of memory.limit: the query that the keys are for needs the rest */
	FILTER_SHARE = 8,            /* of memory.limit, for the filter: a key that it lets through for nothing costs the reading of a part */
	FILTER_BITS = 6,             /* that a key sets */
};

/* Of a key in memory. */
enum key_state { KEY_NEW, KEY_ASKED, KEY_STORED };  /* not on disk; perhaps on disk; on disk as well */

struct spk_key_set {
	struct spk_pipeline pipeline;   /* these two stand for an operator that spills */
	struct spk_op op;
	struct spk_spill_share share;
	const struct spk_schema *schema;
	struct spk_key_column *column;
	spk_key_set_taker take;
	void *user;
	struct spk_row_keys keys;       /* scratch: of the batch at hand */
	struct spk_keymap map;
	struct spk_buffer state;        /* a byte by number in the map */
	struct spk_spill_run *part[PARTS];
	bool stored;                    /* some part has keys */
	uint64_t *filter;               /* over the keys of all parts; NULL: whatever is not in memory may be there */
	size_t filter_words;            /* a power of two */
	/* Rows that wait, and by row the number of its key. */
	struct spk_spill_run *waiting;
	struct spk_buffer waiting_key;
	bool asked;                     /* some key in the map is KEY_ASKED */
	/* Of the batch at hand: rows that are new or asked for, and their keys' numbers. */
	int chosen;
	int32_t row[SPK_BATCH_ROWS];
	uint32_t number[SPK_BATCH_ROWS];
};

spk_status spk_key_set_new(struct spk_key_set **out, const struct spk_schema *schema, struct spk_cache *cache, const char *directory, spk_key_set_taker take, void *user, spk_error *err)
{
	static const struct spk_op_type type = { .name = "recursion" };
	struct spk_key_set *set = calloc(1, sizeof *set);
	spk_status status;

	SPK_TRY_PTR(set, err);
	set->schema = schema;
	set->take = take;
	set->user = user;
	set->pipeline.account = spk_memory_account("recursion");
	set->map.account = set->state.account = set->waiting_key.account = set->pipeline.account;
	set->op = (struct spk_op){ .type = &type, .pipeline = &set->pipeline };
	set->column = calloc((size_t)schema->count + 1, sizeof *set->column);
	status = set->column ? spk_spill_new(&set->pipeline.spill, directory, err) : spk_fail_memory(err);
	if (status != SPK_OK) {
		spk_key_set_free(set);
		return status;
	}
	spk_spill_reclaims_rows(set->pipeline.spill, cache);
	for (int i = 0; i < schema->count; i++)
		set->column[i] = (struct spk_key_column){ .column = i, .type = schema->field[i].type };
	spk_spill_share_init(&set->share, &set->op);
	*out = set;
	return spk_spill_share_begin(&set->share, err);
}

static void forget_waiting(struct spk_key_set *set)
{
	spk_spill_run_free(set->waiting);
	set->waiting = NULL;
	spk_buffer_release(&set->waiting_key);
}

static void forget_memory(struct spk_key_set *set)
{
	spk_keymap_release(&set->map);
	spk_buffer_release(&set->state);
	set->asked = false;
}

void spk_key_set_free(struct spk_key_set *set)
{
	if (!set)
		return;
	forget_waiting(set);
	forget_memory(set);
	for (int i = 0; i < PARTS; i++)
		spk_spill_run_free(set->part[i]);
	spk_free(set->pipeline.account, set->filter, set->filter_words * sizeof *set->filter);
	spk_row_keys_release(&set->keys);
	spk_spill_share_release(&set->share);
	spk_spill_free(set->pipeline.spill);
	free(set->column);
	free(set);
}

/* --- the filter --- */

static size_t filter_bit(const struct spk_key_set *set, uint64_t hash, int i)
{
	return (size_t)(hash + (uint64_t)i * ((hash >> 32) | 1)) & (set->filter_words * 64 - 1);
}

static void filter_add(struct spk_key_set *set, uint64_t hash)
{
	for (int i = 0; i < FILTER_BITS && set->filter; i++)
		set->filter[filter_bit(set, hash, i) / 64] |= (uint64_t)1 << filter_bit(set, hash, i) % 64;
}

static bool may_be_stored(const struct spk_key_set *set, uint64_t hash)
{
	bool may = set->stored;

	for (int i = 0; i < FILTER_BITS && may && set->filter; i++)
		may = set->filter[filter_bit(set, hash, i) / 64] >> filter_bit(set, hash, i) % 64 & 1;
	return may;
}

/* Made before the first key is stored: smaller when memory is short, or not at all. */
static void make_filter(struct spk_key_set *set)
{
	const size_t limit = spk_memory_limit(), used = SPK_MIN(spk_memory_used(), limit), most = SPK_MIN(limit, (limit - used) * 2) / FILTER_SHARE;

	set->filter_words = 1;
	while (set->filter_words * 2 * sizeof *set->filter <= most)
		set->filter_words *= 2;
	set->filter = spk_calloc(set->pipeline.account, set->filter_words * sizeof *set->filter);
}

/* --- settling --- */

static char *state_of(const struct spk_key_set *set, uint32_t number) { return set->state.data + number; }

static spk_status look_in_part(struct spk_key_set *set, const struct spk_spill_run *run, spk_error *err)
{
	struct spk_record_reader reader = { .run = run };
	const char *key = "";
	spk_status status;
	uint32_t size;

	while ((status = spk_record_get(&set->share, &reader, &key, &size, err)) == SPK_OK && key) {
		uint32_t number = spk_keymap_find(&set->map, key, size, spk_hash_bytes(key, size));

		if (number != UINT32_MAX)
			*state_of(set, number) = KEY_STORED;
	}
	spk_buffer_release(&reader.block);
	return status;
}

/* Finds out which of the keys that are asked for are on disk. */
static spk_status decide(struct spk_key_set *set, spk_error *err)
{
	bool wanted[PARTS] = { false };

	for (uint32_t n = 0; n < set->map.count; n++)
		if (*state_of(set, n) == KEY_ASKED)
			wanted[set->map.hash[n] >> (64 - PART_BITS)] = true;
	for (int p = 0; p < PARTS; p++)
		if (wanted[p] && set->part[p])
			SPK_TRY(look_in_part(set, set->part[p], err));
	for (uint32_t n = 0; n < set->map.count; n++)
		if (*state_of(set, n) == KEY_ASKED)
			*state_of(set, n) = KEY_NEW;
	set->asked = false;
	return SPK_OK;
}

/* The rows sel[0..n) of the batch. */
static spk_status hand_on(struct spk_key_set *set, struct spk_batch *in, const int32_t *sel, int n, spk_error *err)
{
	struct spk_batch *out;
	spk_status status;

	if (!n)
		return SPK_OK;
	SPK_TRY(spk_batch_derive(&out, in, in->schema, err));
	memcpy(out->column, in->column, sizeof *in->column * (size_t)in->columns);
	out->sel = spk_arena_copy(out->arena, sel, sizeof *sel * (size_t)n);
	out->selected = n;
	status = out->sel ? set->take(set->user, out, err) : spk_fail_memory(err);
	spk_batch_unref(out);
	return status;
}

/* Those of the rows that have waited whose keys turned out to be new. `at`: how many rows waited before them. */
static spk_status hand_on_new(struct spk_key_set *set, struct spk_batch *in, size_t at, spk_error *err)
{
	const uint32_t *key = (const uint32_t *)(const void *)set->waiting_key.data + at;
	int n = 0;

	SPK_EACH_ROW(in, i, row)
		if (*state_of(set, key[i]) == KEY_NEW)
			set->row[n++] = row;
	return hand_on(set, in, set->row, n, err);
}

spk_status spk_key_set_settle(struct spk_key_set *set, spk_error *err)
{
	struct spk_spill_cursor cursor = { .run = set->waiting };
	struct spk_batch *batch;

	SPK_ASSERT(!set->chosen, "rows of a batch wait before they are settled");
	if (set->asked)
		SPK_TRY(decide(set, err));
	for (size_t at = 0; set->waiting;) {
		spk_status status;

		SPK_TRY(spk_spill_get(&set->share, &cursor, set->schema, &batch, err));
		if (!batch)
			break;
		status = hand_on_new(set, batch, at, err);
		at += (size_t)batch->selected;
		spk_batch_unref(batch);
		SPK_TRY(status);
	}
	forget_waiting(set);
	return SPK_OK;
}

/* --- to disk --- */

static spk_status store_part(struct spk_key_set *set, int part, spk_error *err)
{
	struct spk_record_writer w = { .run = NULL };
	spk_status status = SPK_OK;

	for (uint32_t n = 0; n < set->map.count && status == SPK_OK; n++) {
		const char *key;
		uint32_t size;

		if ((int)(set->map.hash[n] >> (64 - PART_BITS)) != part || *state_of(set, n) != KEY_NEW)
			continue;
		if (!set->part[part])
			SPK_TRY(spk_spill_run_make(&set->share, &set->part[part], err));
		w.run = set->part[part];
		key = spk_keymap_key(&set->map, n, &size);
		status = spk_record_put(&set->share, &w, key, size, err);
		filter_add(set, set->map.hash[n]);
	}
	if (status == SPK_OK && w.run)
		return spk_record_end(&set->share, &w, err);
	spk_buffer_release(&w.block);
	return status;
}

/* Everything in memory to disk: nothing waits any more. */
static spk_status store(void *user, spk_error *err)
{
	struct spk_key_set *set = user;

	SPK_TRY(spk_key_set_settle(set, err));
	if (!set->filter && !set->stored)
		make_filter(set);
	for (int p = 0; p < PARTS; p++)
		SPK_TRY(store_part(set, p, err));
	set->stored = true;
	forget_memory(set);
	return SPK_OK;
}

/* --- rows --- */

/* What was chosen of the batch goes on, or waits behind what waits. */
static spk_status pass_chosen(struct spk_key_set *set, struct spk_batch *in, spk_error *err)
{
	struct spk_batch some = *in;
	int n = set->chosen;

	set->chosen = 0;
	if (!n)
		return SPK_OK;
	if (!set->asked && !set->waiting)
		return hand_on(set, in, set->row, n, err);
	if (!set->waiting)
		SPK_TRY(spk_spill_run_make(&set->share, &set->waiting, err));
	some.sel = set->row;
	some.selected = n;
	SPK_TRY(spk_buffer_append(&set->waiting_key, set->number, sizeof *set->number * (size_t)n, err));
	return spk_spill_put(&set->share, set->waiting, &some, err);
}

/* The i-th selected row. A refusal changes nothing. */
static spk_status choose(struct spk_key_set *set, const struct spk_batch *in, int i, spk_error *err)
{
	uint32_t size, number, before = set->map.count;
	const char *key = spk_row_key(&set->keys, i, &size);
	uint64_t hash = spk_hash_bytes(key, size);
	bool may_be;

	SPK_TRY(spk_buffer_reserve(&set->state, 1, err));
	SPK_TRY(spk_keymap_put_one(&set->map, key, size, hash, &number, err));
	if (set->map.count == before)
		return SPK_OK;
	may_be = may_be_stored(set, hash);
	set->state.data[set->state.size++] = may_be ? KEY_ASKED : KEY_NEW;
	set->asked = set->asked || may_be;
	set->row[set->chosen] = spk_batch_row(in, i);
	set->number[set->chosen++] = number;
	return SPK_OK;
}

static size_t held(const struct spk_key_set *set) { return spk_keymap_bytes(&set->map) + set->state.capacity + set->waiting_key.capacity; }

static spk_status make_room(struct spk_key_set *set, spk_error *err)
{
	while (spk_memory_pressure(SPK_SPILL_PRESSURE) && spk_spill_reclaim(set->pipeline.spill)) {
	}
	if (set->map.count && (spk_spill_wanted(&set->share, held(set), 0) || held(set) > spk_memory_limit() / HELD_SHARE))
		return spk_spill_now(&set->share, store, set, err);
	return SPK_OK;
}

spk_status spk_key_set_add(struct spk_key_set *set, struct spk_batch *batch, spk_error *err)
{
	SPK_TRY(make_room(set, err));
	SPK_TRY(spk_row_keys_encode(&set->keys, batch, set->column, set->schema->count, false, err));
	for (int i = 0; i < batch->selected; i++) {
		spk_status status = choose(set, batch, i, err);

		if (spk_spill_refused(&set->share, status, held(set))) {
			/* The numbers of what was chosen are good for as long as the keys stay. */
			SPK_TRY(pass_chosen(set, batch, err));
			SPK_TRY(spk_spill_now(&set->share, store, set, err));
			status = choose(set, batch, i, err);
		}
		if (status != SPK_OK) {
			set->chosen = 0;
			return status;
		}
	}
	return pass_chosen(set, batch, err);
}
