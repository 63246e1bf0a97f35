/* Shares of the budget, and spilling by them. See spill.h. */
#include "batch/spill.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "batch/cache.h"
#include "core/base/fault.h"

enum { CACHES = 2 };

struct spk_spill {
	struct spk_spill_area *area;
	struct spk_shuffle_service *shuffle;
	struct spk_cache *cache[CACHES];
	_Atomic int hungry;          /* operators that hold rows right now */
};

/* What spilling needs beside the scratch buffers: a batch that rows are gathered into, and what is read while others are written. */
enum { CUSHION = 1 << 20, RECORD_BLOCK = 64 * 1024, RECLAIM = 8 << 20 };

spk_status spk_spill_new(struct spk_spill **out, const char *directory, spk_error *err)
{
	struct spk_spill *s = calloc(1, sizeof *s);
	spk_status status;

	SPK_TRY_PTR(s, err);
	status = spk_spill_area_new(&s->area, directory, err);
	if (status != SPK_OK) {
		free(s);
		return status;
	}
	*out = s;
	return SPK_OK;
}

void spk_spill_free(struct spk_spill *s)
{
	if (s)
		spk_spill_area_free(s->area);
	free(s);
}

struct spk_spill_area *spk_spill_area(struct spk_spill *s) { return s->area; }

void spk_spill_reclaims(struct spk_spill *s, struct spk_shuffle_service *shuffle) { s->shuffle = shuffle; }

void spk_spill_reclaims_rows(struct spk_spill *s, struct spk_cache *cache)
{
	int i = 0;

	while (i < CACHES && s->cache[i])
		i++;
	SPK_ASSERT(!cache || i < CACHES, "a query reads kept rows of few caches");
	if (cache)
		s->cache[i] = cache;
}

bool spk_spill_reclaim(const struct spk_spill *s)
{
	if (s->shuffle && s->shuffle->type->reclaim && s->shuffle->type->reclaim(s->shuffle, RECLAIM) > 0)
		return true;
	for (int i = 0; i < CACHES && s->cache[i]; i++)
		if (spk_cache_reclaim(s->cache[i], RECLAIM) > 0)
			return true;
	return false;
}

/* --- shares --- */

static struct spk_memory_account *account_of(const struct spk_spill_share *share) { return share->op->pipeline->account; }

void spk_spill_share_init(struct spk_spill_share *share, struct spk_op *op)
{
	*share = (struct spk_spill_share){ .op = op, .spill = op->pipeline->spill };
	share->scratch.raw.account = share->scratch.packed.account = op->pipeline->account;
}

static void give_cushion(struct spk_spill_share *share)
{
	spk_memory_unreserve(account_of(share), share->cushion);
	share->cushion = 0;
}

/* Whatever is needed to spill is taken before anything is held: when memory is short it is too late. */
static spk_status take_cushion(struct spk_spill_share *share, spk_error *err)
{
	SPK_TRY(spk_run_scratch_reserve(&share->scratch, err));
	if (share->cushion == 0) {
		SPK_TRY(spk_memory_reserve(account_of(share), CUSHION, err));
		share->cushion = CUSHION;
	}
	return SPK_OK;
}

spk_status spk_spill_share_begin(struct spk_spill_share *share, spk_error *err)
{
	(void)err;
	if (share->spill && !share->hungry) {
		share->hungry = true;
		atomic_fetch_add(&share->spill->hungry, 1);
	}
	return SPK_OK;
}

void spk_spill_share_end(struct spk_spill_share *share)
{
	if (!share->op)
		return;
	if (share->hungry)
		atomic_fetch_sub(&share->spill->hungry, 1);
	share->hungry = false;
	give_cushion(share);
	spk_run_scratch_release(&share->scratch);
}

void spk_spill_share_release(struct spk_spill_share *share) { spk_spill_share_end(share); }

size_t spk_spill_share_bytes(const struct spk_spill_share *share)
{
	size_t all = spk_memory_limit() / 100 * SPK_SPILL_PERCENT;

	return share->spill ? all / (size_t)SPK_MAX(atomic_load_explicit(&share->spill->hungry, memory_order_relaxed), 1) : SIZE_MAX;
}

bool spk_spill_wanted(struct spk_spill_share *share, size_t held, size_t more)
{
	share->op->memory_peak = SPK_MAX(share->op->memory_peak, (int64_t)held);
	if (share->spill && held && spk_fault(SPK_FAULT_SPILL_WANTED, NULL) != SPK_OK)
		return true;
	if (!share->spill || held < SPK_SPILL_LEAST)
		return false;
	/* From here on it may have to spill: it says so by refusing to go on without what that takes. */
	if (take_cushion(share, NULL) != SPK_OK)
		return true;
	if (held + more > spk_spill_share_bytes(share))
		return true;
	while (spk_memory_pressure(SPK_SPILL_PRESSURE))
		if (!spk_spill_reclaim(share->spill))
			return true;
	return false;
}

spk_status spk_spill_last(struct spk_spill_share *share, spk_spill_function spill, void *user, spk_error *err)
{
	SPK_ASSERT(share->spill, "spilling where nothing can be spilled");
	give_cushion(share);
	return spill(user, err);
}

spk_status spk_spill_now(struct spk_spill_share *share, spk_spill_function spill, void *user, spk_error *err)
{
	SPK_TRY(spk_spill_last(share, spill, user, err));
	(void)take_cushion(share, NULL);
	return SPK_OK;
}

spk_status spk_spill_room(struct spk_spill_share *share, size_t held, size_t more, spk_spill_function spill, void *user, spk_error *err)
{
	return spk_spill_wanted(share, held, more) ? spk_spill_now(share, spill, user, err) : SPK_OK;
}

bool spk_spill_refused(const struct spk_spill_share *share, spk_status status, size_t held)
{
	return share->spill && status == SPK_MEMORY_LIMIT && (spk_spill_reclaim(share->spill) || held > 0);
}

/* --- batches --- */

static spk_status needs_spill(const struct spk_spill_share *share, spk_error *err)
{
	if (share->spill)
		return SPK_OK;
	return spk_fail(err, SPK_INTERNAL, "operator %s spills in a run without spill space", share->op->type->name);
}

spk_status spk_spill_run_make(struct spk_spill_share *share, struct spk_spill_run **out, spk_error *err)
{
	SPK_TRY(needs_spill(share, err));
	return spk_spill_run_new(out, share->spill->area, err);
}

spk_status spk_spill_put(struct spk_spill_share *share, struct spk_spill_run *run, const struct spk_batch *batch, spk_error *err)
{
	int64_t before = spk_spill_run_stored(run);
	spk_status status = spk_run_put_batch(run, batch, &share->scratch, err);

	share->op->spilled_bytes += spk_spill_run_stored(run) - before;
	return status;
}

spk_status spk_spill_put_block(struct spk_spill_share *share, struct spk_spill_run *run, const struct spk_batch *batch, spk_error *err)
{
	int64_t before = spk_spill_run_stored(run);
	spk_status status = spk_run_put_block(run, batch, 0, batch->selected, &share->scratch, err);

	share->op->spilled_bytes += spk_spill_run_stored(run) - before;
	return status;
}

spk_status spk_spill_get(struct spk_spill_share *share, struct spk_spill_cursor *cursor, const struct spk_schema *schema, struct spk_batch **out, spk_error *err)
{
	*out = NULL;
	if (cursor->next == spk_spill_run_blocks(cursor->run))
		return SPK_OK;
	SPK_TRY(spk_run_get_batch(cursor->run, cursor->next, schema, account_of(share), &share->scratch, out, err));
	cursor->next++;
	return SPK_OK;
}

/* --- records: a length of four bytes, then the bytes --- */

static spk_status write_block(struct spk_spill_share *share, struct spk_record_writer *w, spk_error *err)
{
	int64_t before = spk_spill_run_stored(w->run);

	if (w->block.size == 0)
		return SPK_OK;
	SPK_TRY(spk_spill_run_append(w->run, w->block.data, w->block.size, &share->scratch.packed, err));
	share->op->spilled_bytes += spk_spill_run_stored(w->run) - before;
	spk_buffer_clear(&w->block);
	return SPK_OK;
}

spk_status spk_record_put(struct spk_spill_share *share, struct spk_record_writer *w, const void *data, uint32_t size, spk_error *err)
{
	if (w->block.size + sizeof size + size > RECORD_BLOCK)
		SPK_TRY(write_block(share, w, err));
	if (sizeof size + size > SPK_SPILL_BLOCK_MAX)
		return spk_fail(err, SPK_UNSUPPORTED, "rows of more than %d MiB cannot be put on disk (memory.limit is used up)", SPK_SPILL_BLOCK_MAX >> 20);
	w->block.account = account_of(share);
	SPK_TRY(spk_buffer_reserve(&w->block, SPK_MAX(sizeof size + size, w->block.size ? 0 : (size_t)RECORD_BLOCK), err));
	SPK_TRY(spk_buffer_append(&w->block, &size, sizeof size, err));
	return spk_buffer_append(&w->block, data, size, err);
}

spk_status spk_record_end(struct spk_spill_share *share, struct spk_record_writer *w, spk_error *err)
{
	spk_status status = write_block(share, w, err);

	spk_buffer_release(&w->block);
	return status;
}

static spk_status read_block(struct spk_spill_share *share, struct spk_record_reader *r, spk_error *err)
{
	size_t size = spk_spill_run_size(r->run, r->next);

	spk_buffer_clear(&r->block);
	r->at = 0;
	r->block.account = account_of(share);
	SPK_TRY(spk_buffer_reserve(&r->block, size, err));
	SPK_TRY(spk_spill_run_read(r->run, r->next, r->block.data, &share->scratch.packed, err));
	r->block.size = size;
	r->next++;
	return SPK_OK;
}

spk_status spk_record_get(struct spk_spill_share *share, struct spk_record_reader *r, const char **data, uint32_t *size, spk_error *err)
{
	*data = NULL;
	*size = 0;
	if (r->at == r->block.size) {
		if (r->next == spk_spill_run_blocks(r->run))
			return SPK_OK;
		SPK_TRY(read_block(share, r, err));
	}
	if (r->block.size - r->at < sizeof *size)
		return spk_fail(err, SPK_CORRUPT, "a stored record has no length");
	memcpy(size, r->block.data + r->at, sizeof *size);
	if (r->block.size - r->at - sizeof *size < *size)
		return spk_fail(err, SPK_CORRUPT, "a stored record is longer than its block");
	*data = r->block.data + r->at + sizeof *size;
	r->at += sizeof *size + *size;
	return SPK_OK;
}
