/*
 * Aggregates by window and key; a window's rows come out once, when the watermark closes it.
 *
 *   input   partial states of this epoch (key, hash, state); windows that are still open
 *   output  final rows, append-only, ordered by window end, shard and key, whatever the order of arrival
 *   state   bucketed by window end; bounded by the watermark: a closed window is dropped whole, and one that begins and ends within an epoch never gets there
 */
#include <stdlib.h>

#include "stream/operator/epoch_windows.h"
#include "stream/operator/stream_operators.h"

static struct spk_stateful_groups *self(struct spk_op *op) { return spk_container_of(op, struct spk_stateful_groups, base); }

/* A group's place in the order of the table: its shard and key, of which the first bytes behind the window's bound are at hand. */
struct place { uint64_t first[2]; const char *key; uint32_t size, number; int shard; };

/* What becomes of an epoch's groups: those that are kept, and those of windows that begin and end within it. */
struct sorted { uint32_t *kept, count; struct spk_epoch_windows passing; struct place *place; };

/* The window ends in this epoch, and nothing of it is kept: then it need not be. */
static bool is_passing(const struct spk_stateful_groups *s, int64_t end)
{
	return end <= spk_op_watermark_after(&s->base) && spk_state_next_bucket(s->view, end) != end;
}

static spk_status sort_groups(const struct spk_stateful_groups *s, struct sorted *out, struct spk_arena *arena, spk_error *err)
{
	const uint32_t groups = spk_groups_count(&s->epoch);

	SPK_TRY_PTR(out->kept = SPK_NEW_ARRAY(arena, uint32_t, (size_t)groups + 1), err);
	SPK_TRY_PTR(out->place = SPK_NEW_ARRAY(arena, struct place, (size_t)groups + 1), err);
	SPK_TRY(spk_epoch_windows_begin(&out->passing, groups, arena, err));
	for (uint32_t i = 0; i < groups; i++) {
		uint32_t size;
		const char *key = spk_groups_key(&s->epoch, i, &size);
		const int64_t end = spk_group_window(key, size) + s->base.plan->window_add_us;

		if (!is_passing(s, end))
			out->kept[out->count++] = i;
		else if (*spk_groups_note(&s->epoch, i) != 0)
			SPK_TRY(spk_epoch_windows_add(&out->passing, i, end, err));
	}
	return SPK_OK;
}

static struct place place_of(const struct spk_stateful_groups *s, uint32_t number)
{
	struct place p = { .number = number, .shard = spk_shard_of(spk_groups_hash(&s->epoch, number)).value };

	p.key = spk_groups_key(&s->epoch, number, &p.size);
	for (uint32_t i = 0; i < 2; i++)
		p.first[i] = spk_row_key_word(p.key, p.size, SPK_GROUP_WINDOW_SIZE + i * (uint32_t)sizeof p.first[i]);
	return p;
}

static int in_table_order(const void *x, const void *y)
{
	const struct place *a = x, *b = y;
	int order;

	if (a->shard != b->shard)
		return a->shard < b->shard ? -1 : 1;
	for (int i = 0; i < 2; i++)
		if (a->first[i] != b->first[i])
			return a->first[i] < b->first[i] ? -1 : 1;
	order = memcmp(a->key, b->key, SPK_MIN(a->size, b->size));
	return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* The window's groups in the order in which the table would have them; how many. */
static uint32_t order_window(const struct spk_stateful_groups *s, const struct spk_epoch_windows *w, const struct spk_epoch_window *window, struct place *place)
{
	uint32_t n = 0;

	for (uint32_t g = window->first; g; g = w->next[g - 1])
		place[n++] = place_of(s, g - 1);
	qsort(place, n, sizeof *place, in_table_order);
	return n;
}

/* Groups on their way out. */
struct leaving { struct spk_stateful_groups *s; uint32_t number[SPK_BATCH_ROWS]; int n; };

static spk_status emit_groups(struct leaving *l, spk_error *err)
{
	struct spk_batch *batch;
	spk_status status;

	if (!l->n)
		return SPK_OK;
	SPK_TRY(spk_groups_rows(&l->s->epoch, l->number, l->n, l->s->base.pipeline->account, &batch, err));
	status = spk_op_emit(&l->s->base, batch, err);
	spk_batch_unref(batch);
	l->n = 0;
	return status;
}

static spk_status emit_window(struct leaving *l, const struct sorted *sorted, const struct spk_epoch_window *window, spk_error *err)
{
	const uint32_t n = order_window(l->s, &sorted->passing, window, sorted->place);

	for (uint32_t i = 0; i < n; i++) {
		l->number[l->n++] = sorted->place[i].number;
		if (l->n == SPK_BATCH_ROWS)
			SPK_TRY(emit_groups(l, err));
	}
	return SPK_OK;
}

/* All windows that close, in order of their ends: those of the table go in front of each that passes. */
static spk_status close_windows(struct spk_stateful_groups *s, const struct sorted *sorted, spk_error *err)
{
	struct leaving leaving = { .s = s };
	int64_t from = INT64_MIN;

	for (int i = 0; i < sorted->passing.n; i++) {
		const struct spk_epoch_window *window = &sorted->passing.at[i];

		if (spk_state_next_bucket(s->view, from) < window->end) {
			SPK_TRY(emit_groups(&leaving, err));
			SPK_TRY(spk_stateful_emit_windows(s, from, window->end, true, err));
		}
		from = window->end;
		SPK_TRY(emit_window(&leaving, sorted, window, err));
	}
	SPK_TRY(emit_groups(&leaving, err));
	return spk_stateful_emit_windows(s, from, spk_op_watermark_after(&s->base), true, err);
}

static spk_status window_finish(struct spk_op *op, spk_error *err)
{
	struct spk_stateful_groups *s = self(op);
	struct spk_arena *work = spk_arena_new(op->pipeline->account);
	struct sorted sorted = { 0 };
	spk_status status = work ? sort_groups(s, &sorted, work, err) : spk_fail_memory(err);

	if (status == SPK_OK)
		status = spk_stateful_fold(s, sorted.kept, sorted.count, err);
	if (status == SPK_OK)
		status = close_windows(s, &sorted, err);
	spk_arena_unref(work);
	spk_groups_clear(&s->epoch);
	return status;
}

const struct spk_op_type spk_op_window_aggregate = {
	.name = "window aggregate",
	.size = sizeof(struct spk_stateful_groups),
	.open = spk_stateful_open,
	.begin = spk_stateful_begin,
	.push = spk_stateful_push,
	.finish = window_finish,
	.close = spk_stateful_close,
};
