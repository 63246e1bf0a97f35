/*
 * k-way merge with a loser tree: node 0 holds the winner, every other node the loser of the match played there, so that each row costs one
 * comparison per level.
 *
 * Pages that are used up stay until the rows taken from them were put together; EXTRA of them at the most, then the batch is cut short.
 */
#include "batch/operator/merge.h"

#include "core/base/memory.h"

enum { EXTRA = 16 };

struct input {
	struct spk_merge_page page;
	uint32_t slot;
	int row;
	spk_sort_item item;              /* of that row, with the input's number in place of the row's; END when there is none */
};

struct spk_merge {
	const struct spk_schema *schema;
	struct spk_memory_account *account;
	spk_merge_load load;
	void *user;
	int inputs;
	bool started, loads_again;
	bool waiting;                    /* the winner's next page was refused by the budget */
	struct spk_arena *arena;
	struct input *input;
	int *tree;
	struct spk_slots slots;
	struct spk_batch **held;         /* by slot */
	uint32_t used;                   /* slots */
	uint32_t number[SPK_BATCH_ROWS]; /* rows that are chosen, of which `given` came out already */
	int chosen, given;
};

#define END (~(spk_sort_item)0)

spk_status spk_merge_new(struct spk_merge **out, const struct spk_schema *schema, int inputs, spk_merge_load load, void *user, struct spk_memory_account *account, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(account);
	struct spk_merge *m = arena ? SPK_NEW(arena, struct spk_merge) : NULL;
	uint32_t slots = (uint32_t)inputs + EXTRA;
	spk_status status = SPK_OK;

	if (m) {
		*m = (struct spk_merge){ .schema = schema, .account = account, .load = load, .user = user, .inputs = inputs, .arena = arena };
		m->input = SPK_NEW_ARRAY(arena, struct input, inputs + 1);
		m->tree = SPK_NEW_ARRAY(arena, int, inputs + 1);
		m->held = SPK_NEW_ARRAY(arena, struct spk_batch *, slots);
	}
	if (!m || !m->input || !m->tree || !m->held)
		status = spk_fail_memory(err);
	if (status == SPK_OK)
		status = spk_slots_init(&m->slots, schema, slots, arena, err);
	if (status != SPK_OK) {
		spk_arena_unref(arena);
		return status;
	}
	*out = m;
	return SPK_OK;
}

void spk_merge_loads_again(struct spk_merge *m) { m->loads_again = true; }

void spk_merge_free(struct spk_merge *m)
{
	if (!m)
		return;
	for (uint32_t i = 0; i < m->used; i++)
		spk_batch_unref(m->held[i]);
	spk_arena_unref(m->arena);
}

/* --- inputs --- */

static inline void show_row(struct input *in, int number)
{
	in->item = in->page.item[in->row] >> 32 << 32 | (uint32_t)number;
}

static spk_status load_page(struct spk_merge *m, int number, spk_error *err)
{
	struct input *in = &m->input[number];
	struct spk_merge_page page;

	in->page = (struct spk_merge_page){ 0 };
	do {
		page = in->page;
		SPK_TRY(m->load(m->user, number, &page, err));
		if (page.batch && page.batch->rows == 0)
			spk_batch_unref(page.batch);
	} while (page.batch && page.batch->rows == 0);
	in->page = page;
	in->row = 0;
	if (!in->page.batch) {
		in->item = END;
		return SPK_OK;
	}
	in->slot = m->used;
	m->held[m->used] = in->page.batch;
	spk_slots_set(&m->slots, m->used++, in->page.batch->column, in->page.batch->weight);
	show_row(in, number);
	return SPK_OK;
}

/* True when the current row of `a` comes before that of `b`. */
static inline bool comes_first(const struct spk_merge *m, int a, int b)
{
	const struct input *x = &m->input[a], *y = &m->input[b];

	if (x->item >> 32 != y->item >> 32 || !x->page.key || !y->page.key)
		return x->item < y->item;
	int order = spk_key_compare(&x->page.key[x->row], &y->page.key[y->row]);

	return order ? order < 0 : a < b;
}

/* Plays input `winner` up from its leaf. */
static void replay(struct spk_merge *m, int winner)
{
	for (int node = (winner + m->inputs) / 2; node > 0; node /= 2)
		if (comes_first(m, m->tree[node], winner)) {
			int loser = winner;

			winner = m->tree[node];
			m->tree[node] = loser;
		}
	m->tree[0] = winner;
}

/* All matches from scratch: winners go up level by level. */
static int build(struct spk_merge *m, int node)
{
	int left, right;
	bool first;

	if (node >= m->inputs)
		return node - m->inputs;
	left = build(m, 2 * node);
	right = build(m, 2 * node + 1);
	first = comes_first(m, left, right);
	m->tree[node] = first ? right : left;
	return first ? left : right;
}

static spk_status start(struct spk_merge *m, spk_error *err)
{
	for (int i = 0; i < m->inputs; i++)
		SPK_TRY(load_page(m, i, err));
	m->tree[0] = m->inputs > 1 ? build(m, 1) : 0;
	m->started = true;
	return SPK_OK;
}

/* --- output --- */

/* Lets go of the pages that are used up and gives the others the first slots. */
static void tidy_slots(struct spk_merge *m)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < m->used; i++) {
		struct input *user = NULL;

		for (int k = 0; k < m->inputs && !user; k++)
			user = m->input[k].page.batch == m->held[i] ? &m->input[k] : NULL;
		if (!user) {
			spk_batch_unref(m->held[i]);
			continue;
		}
		user->slot = used;
		m->held[used] = m->held[i];
		spk_slots_set(&m->slots, used++, user->page.batch->column, user->page.batch->weight);
	}
	m->used = used;
}

/* The winner goes on to its next page. */
static spk_status next_page(struct spk_merge *m, spk_error *err)
{
	spk_status status = load_page(m, m->tree[0], err);

	m->waiting = status == SPK_MEMORY_LIMIT && m->loads_again;
	if (status == SPK_OK)
		replay(m, m->tree[0]);
	return status;
}

static spk_status choose_rows(struct spk_merge *m, int most, spk_error *err)
{
	m->chosen = m->given = 0;
	if (m->waiting)
		SPK_TRY(next_page(m, err));
	while (m->chosen < most) {
		int winner = m->tree[0];
		struct input *in = &m->input[winner];
		spk_status status = SPK_OK;

		if (in->item == END || m->used == m->slots.capacity)
			return SPK_OK;
		m->number[m->chosen++] = spk_row_number(in->slot, (uint32_t)in->row);
		if (++in->row < in->page.batch->rows) {
			show_row(in, winner);
			replay(m, winner);
		} else {
			status = next_page(m, err);
		}
		if (m->waiting)
			return SPK_OK;
		SPK_TRY(status);
	}
	return SPK_OK;
}

spk_status spk_merge_next(struct spk_merge *m, int most, struct spk_batch **out, spk_error *err)
{
	spk_status status;
	int n;

	*out = NULL;
	if (!m->started)
		SPK_TRY(start(m, err));
	if (m->given == m->chosen) {
		tidy_slots(m);
		SPK_TRY(choose_rows(m, SPK_MIN(most, SPK_BATCH_ROWS), err));
	}
	n = m->chosen - m->given;
	if (n == 0)
		return SPK_OK;
	while ((status = spk_slots_gather(&m->slots, m->number + m->given, n, m->account, out, err)) == SPK_MEMORY_LIMIT && n > 1)
		n /= 2;
	m->given += status == SPK_OK ? n : 0;
	return status;
}
