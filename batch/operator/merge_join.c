/*
 * Merge join: sorts both inputs by the keys, then goes through them side by side.
 *
 *   input   0 (probe), 1 (build): all rows of either, in any order
 *   output  as the logical join has it (enum spk_join_type; not MARK and SINGLE), in the order of the keys, then of the probe's rows
 *   state   two sorters, which spill; a window of the build side
 *
 * The build side is taken a window at a time: some thousand rows, whole groups of equal keys. The probe's rows up to the window's last key are
 * matched with it, group by group. A group that is longer than a window goes to disk, with the probe rows of its key, and is joined in pieces.
 */
#include "batch/operator/join_core.h"
#include "batch/operator/sorter.h"

enum { WINDOW_ROWS = 4 * SPK_BATCH_ROWS, GROUP_ROWS = 16 * SPK_BATCH_ROWS };

/* One input, in order. */
struct stream {
	struct spk_sorter sorter;
	struct spk_batch *batch;         /* at hand, NULL at the end */
	struct spk_row_keys keys;        /* of its rows */
	int at;                          /* the first row that is not taken yet */
};

struct merge_join {
	struct spk_join_core core;
	struct stream probe, build;
	struct spk_sort_key *probe_order, *build_order;
	struct spk_batch **slice;        /* the window's rows */
	int slices, slice_capacity;
	int64_t rows;
	struct spk_buffer bytes;         /* their keys, one after the other */
	uint32_t *end;                   /* where key i ends */
	size_t end_capacity;
	uint32_t cursor;                 /* the first row of the window that a probe row may still match */
	bool all;                        /* the rows at hand are all of one key */
	struct spk_join_parts build_group, probe_group;
};

static struct merge_join *self(struct spk_join_core *c) { return (struct merge_join *)c; }
static struct spk_memory_account *account(const struct merge_join *m) { return m->core.base.pipeline->account; }

/* --- keys --- */

static struct spk_key_ref stream_key(const struct stream *s, int i)
{
	struct spk_key_ref key;

	key.data = spk_row_key(&s->keys, i, &key.size);
	return key;
}

static struct spk_key_ref window_key(const struct merge_join *m, int64_t i)
{
	uint32_t from = i ? m->end[i - 1] : 0;

	return (struct spk_key_ref){ m->bytes.data + from, m->end[i] - from };
}

static int compare(struct spk_key_ref a, struct spk_key_ref b) { return spk_key_compare(&a, &b); }

/* --- streams --- */

/* Sees to it that there is a row at hand, unless there is none any more. */
static spk_status refill(struct merge_join *m, struct stream *s, spk_error *err)
{
	bool fresh;

	SPK_TRY(spk_sorter_refill(&s->sorter, &s->batch, &s->at, &fresh, err));
	return fresh ? spk_sort_order_keys(&s->sorter.order, &m->core.base, s->batch, &s->keys, err) : SPK_OK;
}

/* Where the last group of equal keys in the batch begins: all before it is whole. The row at hand when there is but one group. */
static int last_group(const struct stream *s)
{
	int n = s->batch->selected - 1;

	while (n > s->at && compare(stream_key(s, n), stream_key(s, n - 1)) == 0)
		n--;
	return n;
}

/* The first row at or after `from` whose key is greater than `key`. */
static int first_beyond(const struct stream *s, int from, struct spk_key_ref key)
{
	while (from < s->batch->selected && compare(stream_key(s, from), key) <= 0)
		from++;
	return from;
}

/* --- the window --- */

static void clear_window(struct merge_join *m)
{
	for (int i = 0; i < m->slices; i++)
		spk_batch_unref(m->slice[i]);
	m->slices = 0;
	m->rows = 0;
	m->cursor = 0;
	spk_buffer_clear(&m->bytes);
}

static spk_status make_room(struct merge_join *m, int rows, spk_error *err)
{
	if (m->slices == m->slice_capacity) {
		int capacity = m->slice_capacity ? 2 * m->slice_capacity : 16;
		struct spk_batch **grown = spk_realloc(account(m), m->slice, (size_t)m->slice_capacity * sizeof(*grown), (size_t)capacity * sizeof(*grown));

		SPK_TRY_PTR(grown, err);
		m->slice = grown;
		m->slice_capacity = capacity;
	}
	if ((size_t)(m->rows + rows) > m->end_capacity) {
		size_t capacity = SPK_MAX(2 * m->end_capacity, (size_t)(m->rows + rows));
		uint32_t *grown = spk_realloc(account(m), m->end, m->end_capacity * sizeof *grown, capacity * sizeof *grown);

		SPK_TRY_PTR(grown, err);
		m->end = grown;
		m->end_capacity = capacity;
	}
	return SPK_OK;
}

/* Takes rows at .. to - 1 of the build side into the window. */
static spk_status take(struct merge_join *m, int to, spk_error *err)
{
	struct stream *s = &m->build;
	int n = to - s->at;

	SPK_TRY(make_room(m, n, err));
	m->bytes.account = account(m);
	for (int i = s->at; i < to; i++) {
		struct spk_key_ref key = stream_key(s, i);

		SPK_TRY(spk_buffer_append(&m->bytes, key.data, key.size, err));
		if (m->bytes.size > UINT32_MAX)
			return spk_fail(err, SPK_MEMORY_LIMIT, "keys of more than 4 GiB in a window of a merge join");
		m->end[m->rows + i - s->at] = (uint32_t)m->bytes.size;
	}
	SPK_TRY(spk_op_slice(&m->slice[m->slices], s->batch, s->at, n, err));
	m->slices++;
	m->rows += n;
	s->at = to;
	return SPK_OK;
}

/* The window's rows to disk, as the beginning of a long group. */
static spk_status window_to_disk(struct merge_join *m, spk_error *err)
{
	spk_join_parts_init(&m->build_group, &m->core.share, m->core.collector.schema, 1, 0);
	for (int i = 0; i < m->slices; i++)
		SPK_TRY(spk_join_parts_put_all(&m->build_group, m->slice[i], NULL, err));
	return SPK_OK;
}

static spk_status group_to_disk(struct merge_join *m, int to, spk_error *err)
{
	struct spk_batch *slice;
	spk_status status;

	SPK_TRY(spk_op_slice(&slice, m->build.batch, m->build.at, to - m->build.at, err));
	status = spk_join_parts_put_all(&m->build_group, slice, NULL, err);
	spk_batch_unref(slice);
	m->build.at = to;
	return status;
}

/* The group at hand, which may go on in the next batches; *is_long: it is on disk, and only its first rows are in the window. */
static spk_status take_group(struct merge_join *m, bool *is_long, spk_error *err)
{
	SPK_TRY(take(m, m->build.batch->selected, err));
	for (;;) {
		int to;

		SPK_TRY(refill(m, &m->build, err));
		to = m->build.batch ? first_beyond(&m->build, m->build.at, window_key(m, m->rows - 1)) : 0;
		if (!m->build.batch || to == m->build.at)
			return SPK_OK;
		if (!*is_long && (m->rows > GROUP_ROWS || spk_spill_wanted(&m->core.share, (size_t)m->rows, 0)) && m->core.share.spill) {
			*is_long = true;
			SPK_TRY(window_to_disk(m, err));
		}
		SPK_TRY(*is_long ? group_to_disk(m, to, err) : take(m, to, err));
	}
}

/* The next whole groups of the build side; no rows when it is over. */
static spk_status next_window(struct merge_join *m, bool *is_long, spk_error *err)
{
	clear_window(m);
	*is_long = false;
	SPK_TRY(refill(m, &m->build, err));
	if (m->build.batch && last_group(&m->build) == m->build.at)
		SPK_TRY(take_group(m, is_long, err));
	while (!*is_long && m->rows < WINDOW_ROWS) {
		int whole;

		SPK_TRY(refill(m, &m->build, err));
		whole = m->build.batch ? last_group(&m->build) : 0;
		if (!m->build.batch || whole == m->build.at)
			break;
		SPK_TRY(take(m, whole, err));
	}
	return SPK_OK;
}

/* --- matching --- */

/* Whether a strict key of the row is NULL: then it matches nothing, whatever it is sorted beside. */
static spk_status strict_nulls(struct merge_join *m, struct spk_batch *in, bool *lacks, spk_error *err)
{
	const struct spk_physical *plan = m->core.base.plan;
	struct spk_eval ev = spk_op_eval(&m->core.base, m->core.work, NULL);

	memset(lacks, 0, sizeof *lacks * (size_t)in->selected);
	for (int k = 0; k < plan->join_keys; k++) {
		struct spk_vector key;
		struct spk_reader r;

		if (plan->null_safe[k])
			continue;
		SPK_TRY(spk_expr_eval(plan->probe_key[k], in, in->sel, in->selected, &ev, &key, err));
		r = spk_vector_reader(&key);
		SPK_EACH_ROW(in, i, row)
			lacks[i] = lacks[i] || !spk_reader_valid(&r, spk_reader_slot(&r, row));
	}
	return SPK_OK;
}

/* The window's rows of the key: *from .. *to - 1. */
static void find_group(struct merge_join *m, struct spk_key_ref key, uint32_t *from, uint32_t *to)
{
	uint32_t rows = m->core.table->rows;

	while (m->cursor < rows && compare(window_key(m, m->cursor), key) < 0)
		m->cursor++;
	*from = *to = m->cursor;
	while (*to < rows && compare(window_key(m, *to), key) == 0)
		++*to;
}

static spk_status match_row(struct merge_join *m, int i, int32_t row, uint32_t from, uint32_t to, spk_error *err)
{
	struct spk_join_core *c = &m->core;
	struct spk_join_pairs *p = &c->pairs;

	if (!c->j.shows_pairs && !p->filter) {
		p->hit[i] |= from < to;
		for (uint32_t b = from; b < to && p->matched && !p->matched[b]; b++)
			p->matched[b] = 1;
		return SPK_OK;
	}
	for (uint32_t b = from; b < to; b++) {
		if (!c->j.shows_pairs && (c->j.build_left ? p->matched && p->matched[b] : p->hit[i]))
			continue;
		SPK_TRY(spk_join_pairs_add(p, i, row, b, err));
	}
	return SPK_OK;
}

/* The rows of `in` are those of the probe's batch from its row at hand on, or, with `all`, any of one key. */
static spk_status merge_join_match(struct spk_join_core *c, struct spk_batch *in, spk_error *err)
{
	struct merge_join *m = self(c);
	uint32_t from = 0, to = c->table->rows;
	bool lacks[SPK_BATCH_ROWS];

	SPK_TRY(strict_nulls(m, in, lacks, err));
	SPK_EACH_ROW(in, i, row) {
		struct spk_key_ref key = { 0 };

		if (!m->all)
			key = stream_key(&m->probe, m->probe.at + i);
		if (!m->all && (i == 0 || compare(key, stream_key(&m->probe, m->probe.at + i - 1)) != 0))
			find_group(m, key, &from, &to);
		if (!lacks[i])
			SPK_TRY(match_row(m, i, row, from, to, err));
	}
	return spk_join_pairs_flush(&c->pairs, err);
}

/* --- side by side --- */

static spk_status probe_slice(struct merge_join *m, int to, spk_error *err)
{
	struct stream *s = &m->probe;
	struct spk_batch *slice;
	spk_status status;

	if (to == s->at)
		return SPK_OK;
	SPK_TRY(spk_op_slice(&slice, s->batch, s->at, to - s->at, err));
	status = spk_join_core_probe(&m->core, slice, err);
	spk_batch_unref(slice);
	s->at = to;
	return status;
}

struct slices { struct spk_batch *const *slice; int count, at; };

static spk_status next_slice(void *user, struct spk_batch **out, spk_error *err)
{
	struct slices *s = user;

	(void)err;
	*out = s->at < s->count ? s->slice[s->at++] : NULL;
	return SPK_OK;
}

/* A table without lookup over the window's rows, or over none. */
static spk_status window_table(struct merge_join *m, bool empty, struct spk_join_table **out, spk_error *err)
{
	struct slices s = { m->slice, empty ? 0 : m->slices, 0 };
	struct spk_join_input in = { .op = &m->core.base, .source = { next_slice, &s }, .rows = empty ? 0 : m->rows, .schema = m->core.j.build, .null_row = m->core.j.keeps_probe };

	return spk_join_table_new(out, &in, err);
}

/* The probe's rows up to the window's last key; all that are left when the window is empty. */
static spk_status probe_window(struct merge_join *m, spk_error *err)
{
	for (;;) {
		int to;

		SPK_TRY(refill(m, &m->probe, err));
		if (!m->probe.batch || m->core.base.done)
			return SPK_OK;
		to = m->rows ? first_beyond(&m->probe, m->probe.at, window_key(m, m->rows - 1)) : m->probe.batch->selected;
		SPK_TRY(probe_slice(m, to, err));
		if (to < m->probe.batch->selected)
			return SPK_OK;
	}
}

static spk_status join_window(struct merge_join *m, spk_error *err)
{
	struct spk_join_table *t;
	spk_status status;

	SPK_TRY(window_table(m, false, &t, err));
	status = spk_join_core_use(&m->core, t, err);
	if (status == SPK_OK)
		status = probe_window(m, err);
	if (status == SPK_OK)
		status = spk_join_core_emit_build(&m->core, err);
	if (status == SPK_OK)
		status = spk_join_core_use(&m->core, NULL, err);
	if (status != SPK_OK)
		(void)spk_join_core_use(&m->core, NULL, NULL);
	spk_join_table_unref(t);
	return status;
}

/* The probe's rows of the long group's key to disk; those before it are matched with nothing. */
static spk_status probe_group(struct merge_join *m, spk_error *err)
{
	struct spk_key_ref key = window_key(m, 0);
	struct spk_batch *slice;

	for (;;) {
		int to;
		spk_status status;

		SPK_TRY(refill(m, &m->probe, err));
		if (!m->probe.batch)
			return SPK_OK;
		to = m->probe.at;
		while (to < m->probe.batch->selected && compare(stream_key(&m->probe, to), key) < 0)
			to++;
		SPK_TRY(probe_slice(m, to, err));
		to = m->probe.at < m->probe.batch->selected ? first_beyond(&m->probe, m->probe.at, key) : m->probe.at;
		if (to > m->probe.at) {
			SPK_TRY(spk_op_slice(&slice, m->probe.batch, m->probe.at, to - m->probe.at, err));
			status = spk_join_parts_put_all(&m->probe_group, slice, NULL, err);
			spk_batch_unref(slice);
			SPK_TRY(status);
		}
		m->probe.at = to;
		if (to < m->probe.batch->selected)
			return SPK_OK;
	}
}

static spk_status join_group(struct merge_join *m, spk_error *err)
{
	struct spk_join_table *none;
	spk_status status;

	SPK_TRY(window_table(m, true, &none, err));
	spk_join_parts_init(&m->probe_group, &m->core.share, m->core.probe_schema, 1, 0);
	status = spk_join_core_use(&m->core, none, err);
	if (status == SPK_OK)
		status = probe_group(m, err);
	(void)spk_join_core_use(&m->core, NULL, NULL);
	spk_join_table_unref(none);
	SPK_TRY(status);
	SPK_TRY(spk_join_parts_end(&m->build_group, err));
	SPK_TRY(spk_join_parts_end(&m->probe_group, err));
	m->all = true;
	status = spk_join_external_part(&m->core, &m->build_group.part[0], &m->probe_group.part[0], err);
	m->all = false;
	spk_join_parts_release(&m->build_group);
	spk_join_parts_release(&m->probe_group);
	return status;
}

static spk_status side_by_side(struct merge_join *m, spk_error *err)
{
	bool is_long;

	SPK_TRY(spk_sorter_end(&m->build.sorter, err));
	SPK_TRY(spk_sorter_end(&m->probe.sorter, err));
	do {
		SPK_TRY(next_window(m, &is_long, err));
		SPK_TRY(is_long ? join_group(m, err) : join_window(m, err));
	} while (m->rows && !m->core.base.done);
	return SPK_OK;
}

/* --- the operator --- */

static spk_status order_by(struct merge_join *m, struct spk_expr *const *key, struct spk_sort_key **out, spk_error *err)
{
	int n = m->core.base.plan->join_keys;

	*out = SPK_NEW_ARRAY(m->core.arena, struct spk_sort_key, n);
	SPK_TRY_PTR(*out, err);
	for (int k = 0; k < n; k++)
		(*out)[k] = (struct spk_sort_key){ .expr = key[k] };
	return SPK_OK;
}

static const struct spk_join_kind merge_join_kind = { .match = merge_join_match };

static spk_status merge_join_open(struct spk_op *op, spk_error *err)
{
	struct merge_join *m = (struct merge_join *)op;

	SPK_TRY(spk_join_core_open(&m->core, &merge_join_kind, err));
	m->core.pairs.filter = op->plan->filter;
	SPK_TRY(order_by(m, op->plan->probe_key, &m->probe_order, err));
	SPK_TRY(order_by(m, op->plan->build_key, &m->build_order, err));
	SPK_TRY(spk_sorter_init(&m->probe.sorter, op, m->core.probe_schema, m->probe_order, op->plan->join_keys, err));
	return spk_sorter_init(&m->build.sorter, op, m->core.collector.schema, m->build_order, op->plan->join_keys, err);
}

static void forget(struct merge_join *m)
{
	struct stream *both[2] = { &m->probe, &m->build };

	for (int s = 0; s < 2; s++) {
		spk_batch_unref(both[s]->batch);
		both[s]->batch = NULL;
		both[s]->at = 0;
	}
	clear_window(m);
	m->all = false;
	spk_join_parts_release(&m->build_group);
	spk_join_parts_release(&m->probe_group);
}

static spk_status merge_join_begin(struct spk_op *op, spk_error *err)
{
	struct merge_join *m = (struct merge_join *)op;

	forget(m);
	SPK_TRY(spk_join_core_begin(op, err));
	SPK_TRY(spk_sorter_begin(&m->probe.sorter, err));
	return spk_sorter_begin(&m->build.sorter, err);
}

static spk_status merge_join_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct merge_join *m = (struct merge_join *)op;

	return spk_sorter_push(input ? &m->build.sorter : &m->probe.sorter, in, err);
}

static spk_status merge_join_finish(struct spk_op *op, spk_error *err)
{
	struct merge_join *m = (struct merge_join *)op;

	SPK_TRY(side_by_side(m, err));
	spk_sorter_clear(&m->probe.sorter);
	spk_sorter_clear(&m->build.sorter);
	forget(m);
	spk_spill_share_end(&m->core.share);
	return SPK_OK;
}

static void merge_join_close(struct spk_op *op)
{
	struct merge_join *m = (struct merge_join *)op;

	forget(m);
	spk_sorter_close(&m->probe.sorter);
	spk_sorter_close(&m->build.sorter);
	spk_row_keys_release(&m->probe.keys);
	spk_row_keys_release(&m->build.keys);
	spk_buffer_release(&m->bytes);
	spk_free(account(m), m->slice, (size_t)m->slice_capacity * sizeof(*m->slice));
	spk_free(account(m), m->end, m->end_capacity * sizeof *m->end);
	spk_join_core_close(op);
}

const struct spk_op_type spk_op_merge_join = {
	.name = "merge join",
	.size = sizeof(struct merge_join),
	.open = merge_join_open,
	.begin = merge_join_begin,
	.push = merge_join_push,
	.finish = merge_join_finish,
	.close = merge_join_close,
};
