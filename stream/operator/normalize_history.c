/*
 * Versions of a changelog's rows: what every change makes of its key, in the order of the log. See normalize.h.
 *
 * A version is a row and a number that ascends from version to version of a key, odd where the key has no row from then on. Such a row has the key, and of its other columns
 * what the message itself says: where the event time is one of METADATA, that is when it was deleted.
 */
#include "core/columnar/plain.h"
#include "stream/operator/normalize.h"

/* Epochs have 31 bits, versions of one as many. */
enum { EPOCH_SHIFT = 32 };

static spk_status put_version(struct spk_normalize *n, const struct spk_bytes *row, bool gone, spk_error *err)
{
	const int64_t epoch = spk_normalize_streams(n) ? n->base.pipeline->run->epoch.value : 0;
	int64_t number = epoch << EPOCH_SHIFT | n->versions++ << 1 | gone;
	const struct spk_vector v = { .type = spk_type(SPK_TYPE_BIGINT), .layout = SPK_FLAT, .data = &number };
	struct spk_bytes version;

	spk_buffer_clear(&n->scratch);
	SPK_TRY(spk_buffer_append(&n->scratch, row->data, row->size, err));
	SPK_TRY(spk_plain_write(&v, 0, &n->scratch, err));
	SPK_TRY(spk_bytes_copy(n->scratch.data, (uint32_t)n->scratch.size, n->work, &version, err));
	return spk_normalize_emit_row(n, &version, 1, err);
}

spk_status spk_normalize_note_version(struct spk_normalize *n, const struct spk_change *c, struct spk_key_entry *e, bool was, spk_error *err)
{
	const struct spk_bytes *shown;
	struct spk_bytes deleted;

	SPK_TRY(spk_normalize_need_row(n, e, err));
	shown = spk_key_image_shown(&e->is);
	if (shown)
		return put_version(n, shown, false, err);
	if (!was)
		return SPK_OK;
	SPK_TRY(spk_normalize_encode_row(n, c, &deleted, err));
	return put_version(n, &deleted, true, err);
}

/* The key's columns, as a mask. */
static spk_status key_mask(struct spk_normalize *n, struct spk_bytes *out, spk_error *err)
{
	const struct spk_physical *plan = n->base.plan;
	const size_t size = (size_t)n->columns / 8 + 1;
	char *bits = spk_arena_alloc(n->work, size);

	SPK_TRY_PTR(bits, err);
	memset(bits, 0, size);
	for (int k = 0; k < plan->key_count; k++)
		bits[plan->key[k] / 8] = (char)(bits[plan->key[k] / 8] | 1 << plan->key[k] % 8);
	*out = (struct spk_bytes){ bits, (uint32_t)size };
	return SPK_OK;
}

spk_status spk_normalize_note_truncated(struct spk_normalize *n, const struct spk_change *c, const struct spk_bytes *row, spk_error *err)
{
	struct spk_bytes truncate, mask, gone;

	SPK_TRY(key_mask(n, &mask, err));
	SPK_TRY(spk_normalize_encode_row(n, c, &truncate, err));
	SPK_TRY(spk_row_fill(&n->row, &truncate, &mask, row, n->work, &gone, err));
	return put_version(n, &gone, true, err);
}
