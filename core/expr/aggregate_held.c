/* One value's bytes held in a state. See aggregate_held.h. */
#include "core/expr/aggregate_held.h"

#include "core/base/memory.h"

static spk_status grow(const struct spk_aggregate_call *call, struct spk_held *h, size_t size, spk_error *err)
{
	const size_t capacity = SPK_MIN(SPK_MAX(size, (size_t)h->capacity * 2), (size_t)UINT32_MAX);
	char *pointer = spk_realloc(call->account, h->capacity ? h->pointer : NULL, h->capacity, capacity);

	SPK_TRY_PTR(pointer, err);
	h->pointer = pointer;
	h->capacity = (uint32_t)capacity;
	return SPK_OK;
}

spk_status spk_held_set(const struct spk_aggregate_call *call, struct spk_held *h, const void *data, size_t size, spk_error *err)
{
	if (size >= UINT32_MAX)
		return spk_fail(err, SPK_MEMORY_LIMIT, "a value of more than 4 GiB in %s", call->aggregate->name);
	if (size > SPK_MAX(h->capacity, (uint32_t)SPK_HELD_INLINE))
		SPK_TRY(grow(call, h, size, err));
	if (size)
		memcpy(h->capacity ? h->pointer : h->inlined, data, size);
	h->used = (uint32_t)size + 1;
	return SPK_OK;
}

void spk_held_release(const struct spk_aggregate_call *call, struct spk_held *h)
{
	if (h->capacity)
		spk_free(call->account, h->pointer, h->capacity);
	*h = (struct spk_held){ .used = 0 };
}

int spk_held_compare(const struct spk_held *h, const void *data, size_t size)
{
	const size_t held = spk_held_size(h), shared = SPK_MIN(held, size);
	const int order = shared ? memcmp(spk_held_data(h), data, shared) : 0;

	return order ? order : (held > size) - (held < size);
}

spk_status spk_held_write(const struct spk_held *h, struct spk_buffer *out, spk_error *err)
{
	const uint8_t set = spk_held_any(h);
	const uint32_t size = spk_held_size(h);

	SPK_TRY(spk_buffer_append(out, &set, 1, err));
	if (!set)
		return SPK_OK;
	SPK_TRY(spk_buffer_append(out, &size, sizeof size, err));
	return spk_buffer_append(out, spk_held_data(h), size, err);
}

spk_status spk_held_read(const struct spk_aggregate_call *call, struct spk_held *h, const char **from, const char *end, spk_error *err)
{
	uint32_t size;

	if (*from >= end)
		return spk_aggregate_cut_off(call, err);
	if (!*(*from)++) {
		spk_held_release(call, h);
		return SPK_OK;
	}
	if (end - *from < (ptrdiff_t)sizeof size)
		return spk_aggregate_cut_off(call, err);
	memcpy(&size, *from, sizeof size);
	*from += sizeof size;
	if (end - *from < (ptrdiff_t)size)
		return spk_aggregate_cut_off(call, err);
	SPK_TRY(spk_held_set(call, h, *from, size, err));
	*from += size;
	return SPK_OK;
}
