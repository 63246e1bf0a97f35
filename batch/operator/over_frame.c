/* The frame of every row of a partition, in one walk: all edges only move forward. */
#include "batch/operator/over.h"

spk_status over_peers_end(struct over *o, int64_t row, int64_t end, int64_t *out, spk_error *err)
{
	for (row++; row < end;) {
		struct over_page *page;
		int32_t i;

		SPK_TRY(over_at(o, row, &page, &i, err));
		for (; i < page->in->rows && row < end; i++, row++)
			if (page->begins[i] & OVER_PEERS) {
				*out = row;
				return SPK_OK;
			}
	}
	*out = end;
	return SPK_OK;
}

void over_frame_begin(struct over_frame *f, struct over *o, int call, int64_t first, int64_t end)
{
	*f = (struct over_frame){ .o = o, .call = &o->call[call], .index = call, .first = first, .end = end, .group_start = first, .group_end = first, .group = -1,
		.low = first, .high = first, .low_group = { first, 0 }, .high_group = { first, 0 } };
}

/* first + by, no less than first and no more than end. */
static int64_t forward(int64_t row, int64_t by, int64_t end) { return by >= end - row ? end : row + by; }
static int64_t back(int64_t row, int64_t by, int64_t first) { return by >= row - first ? first : row - by; }

/* --- GROUPS with an offset --- */

/* Goes forward to a group; behind the last one it ends at the partition's end. */
static spk_status go_to_group(struct over_frame *f, struct over_group *at, int64_t group, int64_t *row, spk_error *err)
{
	while (at->number < group && at->row < f->end) {
		SPK_TRY(over_peers_end(f->o, at->row, f->end, &at->row, err));
		at->number++;
	}
	*row = group < 0 ? f->first : at->row;
	return SPK_OK;
}

/* --- RANGE with an offset --- */

static const char *key_in(const struct over_values *v, int which, int32_t i, uint32_t *size)
{
	return spk_row_key(which == 0 ? &v->key : which < 0 ? &v->start : &v->end, i, size);
}

static int compare(const char *a, uint32_t a_size, const char *b, uint32_t b_size)
{
	int order = memcmp(a, b, SPK_MIN(a_size, b_size));

	return order ? order : (a_size > b_size) - (a_size < b_size);
}

static spk_status key_is_null(const struct over_frame *f, int64_t row, bool *out, spk_error *err)
{
	struct over_page *page;
	int32_t i;

	SPK_TRY(over_at(f->o, row, &page, &i, err));
	*out = spk_vector_is_null(&page->value[f->index].range_key, i);
	return SPK_OK;
}

/* Moves *from to the first row at or after it whose key is not before the edge of `row`; behind it when `after`. */
static spk_status seek(const struct over_frame *f, int64_t *from, int64_t row, int which, bool after, spk_error *err)
{
	while (*from < f->end) {
		struct over_page *page, *of;
		uint32_t edge_size, size;
		int32_t i, edge_row;
		const char *edge;

		/* For every page anew: those that lie between may have pushed the row's own out of memory. */
		SPK_TRY(over_at(f->o, row, &of, &edge_row, err));
		edge = key_in(&of->value[f->index], which, edge_row, &edge_size);
		SPK_TRY(over_at(f->o, *from, &page, &i, err));
		for (; i < page->in->rows && *from < f->end; i++, ++*from) {
			const char *key = key_in(&page->value[f->index], 0, i, &size);
			int order = compare(key, size, edge, edge_size);

			if (after ? order > 0 : order >= 0)
				return SPK_OK;
		}
	}
	return SPK_OK;
}

/* --- the edges --- */

static spk_status range_edge(struct over_frame *f, int64_t row, int which, int64_t *edge, int64_t if_null, int64_t *out, spk_error *err)
{
	bool null;

	SPK_TRY(key_is_null(f, row, &null, err));
	if (!null)
		SPK_TRY(seek(f, edge, row, which, which > 0, err));
	*out = null ? if_null : *edge;
	return SPK_OK;
}

/* The number of the group `by` behind the row's; beyond all groups when there are not so many. */
static int64_t group_behind(const struct over_frame *f, int64_t by) { return by >= INT64_MAX - 1 - f->group ? INT64_MAX - 1 : f->group + by; }

static spk_status frame_start(struct over_frame *f, int64_t row, spk_error *err)
{
	const struct spk_window_frame *w = &f->call->call->frame;
	int64_t by = f->call->start_offset;

	if (w->start == SPK_FRAME_FIRST)
		f->start = f->first;
	else if (w->mode == SPK_FRAME_ROWS)
		f->start = w->start == SPK_FRAME_CURRENT ? row : w->start == SPK_FRAME_PRECEDING ? back(row, by, f->first) : forward(row, by, f->end);
	else if (w->start == SPK_FRAME_CURRENT)
		f->start = f->group_start;
	else if (w->mode == SPK_FRAME_GROUPS)
		return go_to_group(f, &f->low_group, w->start == SPK_FRAME_PRECEDING ? (by > f->group ? -1 : f->group - by) : group_behind(f, by), &f->start, err);
	else
		return range_edge(f, row, -1, &f->low, f->group_start, &f->start, err);
	return SPK_OK;
}

static spk_status frame_stop(struct over_frame *f, int64_t row, spk_error *err)
{
	const struct spk_window_frame *w = &f->call->call->frame;
	int64_t by = f->call->end_offset;

	if (w->end == SPK_FRAME_LAST)
		f->stop = f->end;
	else if (w->mode == SPK_FRAME_ROWS)
		f->stop = w->end == SPK_FRAME_CURRENT ? row + 1 : w->end == SPK_FRAME_PRECEDING ? back(row + 1, by, f->first) : forward(row + 1, by, f->end);
	else if (w->end == SPK_FRAME_CURRENT)
		f->stop = f->group_end;
	else if (w->mode == SPK_FRAME_GROUPS)
		return go_to_group(f, &f->high_group, w->end == SPK_FRAME_PRECEDING ? (by > f->group ? -1 : f->group - by + 1) : group_behind(f, by) + 1, &f->stop, err);
	else
		return range_edge(f, row, 1, &f->high, f->group_end, &f->stop, err);
	return SPK_OK;
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

spk_status over_frame_move(struct over_frame *f, int64_t row, spk_error *err)
{
	if (row >= f->group_end) {
		f->group_start = row;
		SPK_TRY(over_peers_end(f->o, row, f->end, &f->group_end, err));
		f->group++;
	}
	SPK_TRY(frame_start(f, row, err));
	SPK_TRY(frame_stop(f, row, err));
	f->stop = SPK_MAX(f->stop, f->start);
	exclude(f, row);
	return SPK_OK;
}
