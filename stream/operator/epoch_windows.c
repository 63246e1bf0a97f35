/* Windows of an epoch's rows. See epoch_windows.h. */
#include "stream/operator/epoch_windows.h"

#include <string.h>

#include "core/base/check.h"

spk_status spk_epoch_windows_begin(struct spk_epoch_windows *w, uint32_t count, struct spk_arena *arena, spk_error *err)
{
	*w = (struct spk_epoch_windows){ .arena = arena, .next = SPK_NEW_ARRAY(arena, uint32_t, (size_t)count + 1) };
	SPK_TRY_PTR(w->next, err);
	return SPK_OK;
}

/* Where the window of that end is, or would be. Rows come by time: mostly it is the last one. */
static int place_of(const struct spk_epoch_windows *w, int64_t end)
{
	int low = 0, high = w->n;

	if (high && w->at[high - 1].end <= end)
		return w->at[high - 1].end == end ? high - 1 : high;
	while (low < high) {
		const int middle = low + (high - low) / 2;

		if (w->at[middle].end < end)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static spk_status make_room(struct spk_epoch_windows *w, spk_error *err)
{
	const int capacity = 2 * w->capacity + 16;
	struct spk_epoch_window *grown;

	if (w->n < w->capacity)
		return SPK_OK;
	grown = SPK_NEW_ARRAY(w->arena, struct spk_epoch_window, capacity);
	SPK_TRY_PTR(grown, err);
	if (w->n)
		memcpy(grown, w->at, sizeof *grown * (size_t)w->n);
	w->at = grown;
	w->capacity = capacity;
	return SPK_OK;
}

spk_status spk_epoch_windows_add(struct spk_epoch_windows *w, uint32_t number, int64_t end, spk_error *err)
{
	const int at = place_of(w, end);
	struct spk_epoch_window *window;

	if (at == w->n || w->at[at].end != end) {
		SPK_TRY(make_room(w, err));
		memmove(w->at + at + 1, w->at + at, sizeof *w->at * (size_t)(w->n++ - at));
		w->at[at] = (struct spk_epoch_window){ .end = end };
	}
	window = &w->at[at];
	if (window->last)
		w->next[window->last - 1] = number + 1;
	else
		window->first = number + 1;
	window->last = number + 1;
	return SPK_OK;
}
