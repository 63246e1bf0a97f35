/* See aggregate_pieces.h. */
#include "core/expr/aggregate_pieces.h"

void spk_pieces_begin(const struct spk_aggregate_call *call, struct spk_pieces *s, uint32_t separator)
{
	s->bytes.account = call->account;
	if (!s->any)
		s->skip = separator;
	s->any = true;
}

spk_status spk_pieces_check(const struct spk_aggregate_call *call, const struct spk_pieces *s, spk_error *err)
{
	return s->bytes.size > INT32_MAX ? spk_fail(err, SPK_MEMORY_LIMIT, "a result of %s of more than 2 GiB", call->aggregate->name) : SPK_OK;
}

spk_status spk_pieces_merge(const struct spk_aggregate_call *call, char *const *into, char *const *from, int n, spk_error *err)
{
	for (int i = 0; i < n; i++) {
		struct spk_pieces *a = SPK_STATE(spk_pieces, into, i);
		const struct spk_pieces *b = SPK_STATE(spk_pieces, from, i);

		if (!b->any)
			continue;
		spk_pieces_begin(call, a, b->skip);
		SPK_TRY(spk_buffer_append(&a->bytes, b->bytes.data, b->bytes.size, err));
		SPK_TRY(spk_pieces_check(call, a, err));
	}
	return SPK_OK;
}

struct stored { uint32_t size, skip, any; };

spk_status spk_pieces_write(const struct spk_aggregate_call *call, const char *state, struct spk_buffer *out, spk_error *err)
{
	const struct spk_pieces *s = (const struct spk_pieces *)(const void *)state;
	const struct stored head = { (uint32_t)s->bytes.size, s->skip, s->any };

	(void)call;
	SPK_TRY(spk_buffer_append(out, &head, sizeof head, err));
	return spk_buffer_append(out, s->bytes.data, s->bytes.size, err);
}

spk_status spk_pieces_read(const struct spk_aggregate_call *call, char *state, const char **from, const char *end, spk_error *err)
{
	struct spk_pieces *s = (struct spk_pieces *)(void *)state;
	struct stored head;

	if (end - *from < (ptrdiff_t)sizeof head)
		return spk_aggregate_cut_off(call, err);
	memcpy(&head, *from, sizeof head);
	*from += sizeof head;
	if (end - *from < (ptrdiff_t)head.size || head.skip > head.size)
		return spk_aggregate_cut_off(call, err);
	spk_buffer_clear(&s->bytes);
	s->bytes.account = call->account;
	SPK_TRY(spk_buffer_append(&s->bytes, *from, head.size, err));
	s->skip = head.skip;
	s->any = head.any != 0;
	*from += head.size;
	return SPK_OK;
}

void spk_pieces_release(const struct spk_aggregate_call *call, char *state)
{
	struct spk_pieces *s = (struct spk_pieces *)(void *)state;

	(void)call;
	spk_buffer_release(&s->bytes);
	*s = (struct spk_pieces){ .skip = 0 };
}
