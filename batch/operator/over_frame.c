/* The frame of every row of a partition, in one walk: all edges only move forward. */
#include "batch/operator/over.h"

static int64_t group_end(const struct over_frame *f, int64_t row)
{
	for (row++; row < f->end && !over_begins(f->o, row, OVER_PEERS);)
		row++;
	return row;
}

/* First rows of all peer groups: GROUPS counts in them. */
static spk_status list_groups(struct over *o, int64_t first, int64_t end, spk_error *err)
{
	o->groups = 0;
	for (int64_t r = first; r < end; r++) {
		if (r > first && !over_begins(o, r, OVER_PEERS))
			continue;
		if (o->groups == o->group_capacity) {
			int64_t capacity = SPK_MAX(2 * o->group_capacity, 256);
			int64_t *grown = spk_realloc(o->base.pipeline->account, o->group, (size_t)o->group_capacity * sizeof *grown, (size_t)capacity * sizeof *grown);

			SPK_TRY_PTR(grown, err);
			o->group = grown;
			o->group_capacity = capacity;
		}
		o->group[o->groups++] = r;
	}
	return SPK_OK;
}

spk_status over_frame_begin(struct over_frame *f, struct over *o, int call, int64_t first, int64_t end, spk_error *err)
{
	*f = (struct over_frame){ .o = o, .call = &o->call[call], .index = call, .first = first, .end = end, .group_start = first, .group_end = first, .group = -1, .low = first, .high = first };
	return f->call->call->frame.mode == SPK_FRAME_GROUPS ? list_groups(o, first, end, err) : SPK_OK;
}

/* first + by, no less than first and no more than end. */
static int64_t forward(int64_t row, int64_t by, int64_t end) { return by >= end - row ? end : row + by; }
static int64_t back(int64_t row, int64_t by, int64_t first) { return by >= row - first ? first : row - by; }

static int64_t group_row(const struct over_frame *f, int64_t group)
{
	return group < 0 ? f->first : group >= f->o->groups ? f->end : f->o->group[group];
}

/* --- RANGE with an offset --- */

static const char *key_of(const struct over_frame *f, int64_t row, int which, uint32_t *size)
{
	int32_t i;
	const struct over_values *v = &over_at(f->o, row, &i)->value[f->index];

	return spk_row_key(which == 0 ? &v->key : which < 0 ? &v->start : &v->end, i, size);
}

static int compare(const char *a, uint32_t a_size, const char *b, uint32_t b_size)
{
	int order = memcmp(a, b, SPK_MIN(a_size, b_size));

	return order ? order : (a_size > b_size) - (a_size < b_size);
}

static bool key_is_null(const struct over_frame *f, int64_t row)
{
	int32_t i;
	const struct over_batch *b = over_at(f->o, row, &i);

	return spk_vector_is_null(&b->value[f->index].range_key, i);
}

/* First row at or after `from` whose key is not before the edge of `row`; behind it when `after`. */
static int64_t seek(const struct over_frame *f, int64_t from, int64_t row, int which, bool after)
{
	uint32_t edge_size, size;
	const char *edge = key_of(f, row, which, &edge_size), *key;

	for (; from < f->end; from++) {
		int order;

		key = key_of(f, from, 0, &size);
		order = compare(key, size, edge, edge_size);
		if (after ? order > 0 : order >= 0)
			break;
	}
	return from;
}

/* --- the edges --- */

static int64_t frame_start(struct over_frame *f, int64_t row)
{
	const struct spk_window_frame *w = &f->call->call->frame;
	int64_t by = f->call->start_offset;

	if (w->start == SPK_FRAME_FIRST)
		return f->first;
	if (w->mode == SPK_FRAME_ROWS)
		return w->start == SPK_FRAME_CURRENT ? row : w->start == SPK_FRAME_PRECEDING ? back(row, by, f->first) : forward(row, by, f->end);
	if (w->start == SPK_FRAME_CURRENT)
		return f->group_start;
	if (w->mode == SPK_FRAME_GROUPS)
		return group_row(f, w->start == SPK_FRAME_PRECEDING ? (by > f->group ? -1 : f->group - by) : forward(f->group, by, f->o->groups));
	if (key_is_null(f, row))
		return f->group_start;
	return f->low = seek(f, f->low, row, -1, false);
}

static int64_t frame_stop(struct over_frame *f, int64_t row)
{
	const struct spk_window_frame *w = &f->call->call->frame;
	int64_t by = f->call->end_offset;

	if (w->end == SPK_FRAME_LAST)
		return f->end;
	if (w->mode == SPK_FRAME_ROWS)
		return w->end == SPK_FRAME_CURRENT ? row + 1 : w->end == SPK_FRAME_PRECEDING ? back(row + 1, by, f->first) : forward(row + 1, by, f->end);
	if (w->end == SPK_FRAME_CURRENT)
		return f->group_end;
	if (w->mode == SPK_FRAME_GROUPS)
		return group_row(f, w->end == SPK_FRAME_PRECEDING ? (by > f->group ? -1 : f->group - by + 1) : forward(f->group, by, f->o->groups) + 1);
	if (key_is_null(f, row))
		return f->group_end;
	return f->high = seek(f, f->high, row, 1, true);
}

static void exclude(struct over_frame *f, int64_t row)
{
	f->gap = f->gap_end = f->stop;
	f->ties = false;
	switch (f->call->call->frame.exclude) {
	case SPK_EXCLUDE_NONE:
		return;
	case SPK_EXCLUDE_CURRENT:
		f->gap = row;
		f->gap_end = row + 1;
		break;
	case SPK_EXCLUDE_TIES:
		f->ties = row >= f->start && row < f->stop;
		/* fall through */
	case SPK_EXCLUDE_GROUP:
		f->gap = f->group_start;
		f->gap_end = f->group_end;
		break;
	}
	f->gap = SPK_MIN(SPK_MAX(f->gap, f->start), f->stop);
	f->gap_end = SPK_MIN(SPK_MAX(f->gap_end, f->start), f->stop);
}

void over_frame_move(struct over_frame *f, int64_t row)
{
	if (row >= f->group_end) {
		f->group_start = row;
		f->group_end = group_end(f, row);
		f->group++;
	}
	f->start = frame_start(f, row);
	f->stop = SPK_MAX(frame_stop(f, row), f->start);
	exclude(f, row);
}
