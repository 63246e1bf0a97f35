/*
 * Aggregates of hop and cumulate windows by panes: a pane is as long as the slide or step, and every window is made of whole ones. So a row costs one
 * update whatever number of windows it is in; a window's rows come out once, when the watermark closes it and its panes are merged.
 *
 *   input   partial states of this epoch by pane and key; panes of which some window is still open
 *   output  final rows: end, the other groups, aggregates, start, time; append-only, in order of the windows' ends
 *   state   bucketed by the pane's start; bounded by the watermark: a pane goes with the last window that has it
 *
 * A late pane is in those of its windows that are still open. Which windows have been closed is not remembered: all that end at or before the watermark at
 * the epoch's start.
 */
#include "core/base/memory.h"
#include "stream/operator/stream_operators.h"

enum { GROUPS_AT_ONCE = 1024, ALIGN = 16, WINDOW_TIME_BEFORE_END_US = 1000 };

struct panes {
	struct spk_stateful_groups s;
	struct spk_groups window;        /* the groups of the window that is being closed */
	int64_t end;                     /* its end */
	/* groups of a pane on their way into it */
	struct spk_buffer packed;
	int n;
	uint32_t start[GROUPS_AT_ONCE + 1];
	uint64_t hash[GROUPS_AT_ONCE];
};

static struct panes *self(struct spk_op *op) { return spk_container_of(op, struct panes, s.base); }

static spk_status pane_open(struct spk_op *op, spk_error *err)
{
	struct panes *p = self(op);

	SPK_TRY(spk_stateful_open(op, err));
	p->packed.account = op->pipeline->account;
	return spk_groups_init(&p->window, op->plan, false, op->pipeline->account, p->s.arena, err);
}

/* --- windows and panes --- */

static int64_t first_pane_of(const struct spk_physical *plan, int64_t end)
{
	int64_t from;

	if (plan->window == SPK_WINDOW_HOP)
		return end - plan->window_size_us;
	/* The window that the last pane's start is in. */
	from = (end - plan->window_slide_us - plan->window_offset_us) % plan->window_size_us;
	return end - plan->window_slide_us - (from < 0 ? from + plan->window_size_us : from);
}

/* Windows that have the pane end from one slide behind its start on, up to here. */
static int64_t last_end_of(const struct spk_physical *plan, int64_t pane)
{
	return plan->window == SPK_WINDOW_HOP ? pane + plan->window_size_us : first_pane_of(plan, pane + plan->window_slide_us) + plan->window_size_us;
}

/* The first end of a window behind `t`. */
static int64_t next_end(const struct spk_physical *plan, int64_t t)
{
	const int64_t r = (t - plan->window_offset_us) % plan->window_slide_us;

	return t - (r < 0 ? r + plan->window_slide_us : r) + plan->window_slide_us;
}

/* --- a window out of its panes --- */

static spk_status flush(struct panes *p, spk_error *err)
{
	struct spk_packed_group group[GROUPS_AT_ONCE];
	int n = p->n;

	for (int i = 0; i < n; i++)
		group[i] = (struct spk_packed_group){ p->hash[i], p->packed.data + p->start[i], p->start[i + 1] - p->start[i] };
	p->n = 0;
	if (n)
		SPK_TRY(spk_groups_merge(&p->window, group, n, err));
	spk_buffer_clear(&p->packed);
	return SPK_OK;
}

static spk_status pad(struct spk_buffer *b, spk_error *err)
{
	static const char zeros[ALIGN];

	return spk_buffer_append(b, zeros, (ALIGN - b->size % ALIGN) % ALIGN, err);
}

/* The group as spk_groups_pack has it, of the window instead of the pane. */
static spk_status take_group(void *user, const char *key, uint32_t key_size, const char *value, uint32_t size, spk_error *err)
{
	struct panes *p = user;
	struct spk_buffer *b = &p->packed;

	int64_t count;

	SPK_TRY(spk_state_row_split(&p->window, &value, &size, &count, p->s.old_row, err));
	if (p->n == GROUPS_AT_ONCE)
		SPK_TRY(flush(p, err));
	SPK_TRY(pad(b, err));
	p->start[p->n] = (uint32_t)b->size;
	p->hash[p->n] = spk_group_hash_behind_window(key, key_size);
	SPK_TRY(spk_buffer_append(b, &count, sizeof count, err));
	if (p->window.table.key_size == SPK_KEY_VARIES)
		SPK_TRY(spk_buffer_append(b, &key_size, sizeof key_size, err));
	SPK_TRY(spk_buffer_append(b, key, key_size, err));
	spk_group_put_window(b->data + b->size - key_size, p->end);
	SPK_TRY(pad(b, err));
	SPK_TRY(p->window.plain ? spk_buffer_append(b, p->s.old_row, (size_t)p->s.base.plan->state_size, err) : spk_buffer_append(b, value, size, err));
	if (b->size > UINT32_MAX / 2)
		return spk_fail(err, SPK_MEMORY_LIMIT, "the states of %d groups take more than 2 GiB", p->n + 1);
	p->start[++p->n] = (uint32_t)b->size;
	return SPK_OK;
}

static spk_status emit_rows(struct panes *p, const uint32_t *order, int n, spk_error *err)
{
	struct spk_op *op = &p->s.base;
	const int columns = op->plan->schema->count;
	struct spk_batch *out;
	spk_status status;

	SPK_TRY(spk_groups_rows(&p->window, order, n, op->pipeline->account, &out, err));
	for (int i = 0; i < n; i++) {
		spk_vector_i64(&out->column[columns - 2])[i] = first_pane_of(op->plan, p->end);
		spk_vector_i64(&out->column[columns - 1])[i] = p->end - WINDOW_TIME_BEFORE_END_US;
	}
	status = spk_op_emit(op, out, err);
	spk_batch_unref(out);
	return status;
}

/* In an order that depends on nothing but the groups; those without rows (all were taken back) are none. */
static spk_status emit_window(struct panes *p, spk_error *err)
{
	const uint32_t count = spk_groups_count(&p->window);
	struct spk_memory_account *account = p->s.base.pipeline->account;
	uint32_t *order = spk_malloc(account, sizeof *order * ((size_t)count + 1)), n = 0;
	const int piece = spk_groups_piece(&p->window);
	spk_status status;

	SPK_TRY_PTR(order, err);
	status = spk_group_table_order(&p->window.table, order, err);
	for (uint32_t i = 0; i < count && status == SPK_OK; i++)
		if (*spk_groups_note(&p->window, order[i]) != 0)
			order[n++] = order[i];
	for (uint32_t from = 0; from < n && status == SPK_OK; from += (uint32_t)piece)
		status = emit_rows(p, order + from, (int)SPK_MIN(n - from, (uint32_t)piece), err);
	spk_free(account, order, sizeof *order * ((size_t)count + 1));
	return status;
}

static spk_status close_window(struct panes *p, spk_error *err)
{
	struct spk_state_view *view = p->s.view;
	spk_status status = SPK_OK;

	spk_buffer_clear(&p->packed);
	p->n = 0;
	for (int64_t pane = spk_state_next_bucket(view, first_pane_of(p->s.base.plan, p->end)); pane < p->end && status == SPK_OK; pane = spk_state_next_bucket(view, pane + 1))
		status = spk_state_visit_bucket(view, pane, take_group, p, err);
	if (status == SPK_OK)
		status = flush(p, err);
	if (status == SPK_OK)
		status = emit_window(p, err);
	spk_groups_clear(&p->window);
	return status;
}

/* Panes whose last window is closed. */
static spk_status drop_panes(struct panes *p, spk_error *err)
{
	int64_t pane;

	while ((pane = spk_state_first_bucket(p->s.view)) != INT64_MAX && last_end_of(p->s.base.plan, pane) <= p->end)
		SPK_TRY(spk_state_take_bucket(p->s.view, pane, NULL, NULL, err));
	return SPK_OK;
}

/* Windows that end in (before, after] and have a pane. */
static spk_status close_windows(struct panes *p, int64_t before, int64_t after, spk_error *err)
{
	const struct spk_physical *plan = p->s.base.plan;
	int64_t pane;

	for (p->end = before; (pane = spk_state_first_bucket(p->s.view)) != INT64_MAX;) {
		/* The oldest pane is of none that ends before its own end. */
		p->end = SPK_MAX(p->end == SPK_WATERMARK_NONE ? INT64_MIN : next_end(plan, p->end), pane + plan->window_slide_us);
		if (p->end > after)
			break;
		SPK_TRY(close_window(p, err));
		SPK_TRY(drop_panes(p, err));
	}
	return SPK_OK;
}

static spk_status pane_finish(struct spk_op *op, spk_error *err)
{
	struct panes *p = self(op);

	SPK_TRY(spk_stateful_fold(&p->s, NULL, spk_groups_count(&p->s.epoch), err));
	spk_groups_clear(&p->s.epoch);
	return close_windows(p, spk_op_watermark_before(op), spk_op_watermark_after(op), err);
}

static void pane_close(struct spk_op *op)
{
	struct panes *p = self(op);

	spk_groups_release(&p->window);
	spk_buffer_release(&p->packed);
	spk_stateful_close(op);
}

const struct spk_op_type spk_op_pane_aggregate = {
	.name = "pane aggregate",
	.size = sizeof(struct panes),
	.open = pane_open,
	.begin = spk_stateful_begin,
	.push = spk_stateful_push,
	.finish = pane_finish,
	.close = pane_close,
};
