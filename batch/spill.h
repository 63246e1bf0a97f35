/*
 * Memory-bounded execution: how operators share the budget, and where their rows go when it is not enough.
 *
 * One spk_spill per query: the spill space and the shares. Every operator that holds rows has a spk_spill_share in its state. The pattern:
 *
 *	open     spk_spill_share_init(&s->share, op)
 *	begin    spk_spill_share_begin(&s->share, err)       counts as hungry from here on
 *	push     SPK_TRY(spk_spill_room(&s->share, held, more, spill_all, s, err));
 *	         status = absorb(s, in, err);                 undoes what it did when it fails
 *	         if (spk_spill_refused(&s->share, status, held)) {
 *	                 SPK_TRY(spk_spill_now(&s->share, spill_all, s, err));
 *	                 status = absorb(s, in, err);
 *	         }
 *	finish   ... emits; spk_spill_share_end(&s->share)   no longer hungry: others may have more
 *	close    spk_spill_share_release(&s->share)
 *
 * How it stays within the limit. Shares are SPK_SPILL_PERCENT of the limit together, divided by the operators that are hungry right now; the
 * rest is for what cannot be spilled: batches on their way, files being read. An operator spills when its next batch would take it over its
 * share, or when the whole process is under pressure. spk_spill_room asks per batch, before the batch is taken. Should the budget refuse all
 * the same (others took memory in between), `absorb` fails with MEMORY_LIMIT having changed nothing, the operator spills and absorbs again.
 * To spill takes some memory itself (buffers, a batch to gather into): that is reserved ahead by _begin and lent out by spk_spill_now.
 * Emitting must not lie between absorb's first change and its end, since rows that were handed on cannot be taken back.
 *
 * Results must not depend on when or whether something was spilled.
 *
 * Threads: a share belongs to its task. spk_spill is used by all of them.
 */
#ifndef SPK_BATCH_SPILL_H
#define SPK_BATCH_SPILL_H

#include "batch/operator/operator.h"
#include "core/columnar/serialize.h"

enum {
	SPK_SPILL_PERCENT = 60,          /* of the limit for all shares */
	SPK_SPILL_PRESSURE = 80,         /* percent of the limit in use by anybody, from which on everybody spills */
	SPK_SPILL_LEAST = 1 << 20,       /* bytes: an operator that holds less gains nothing by spilling */
};

/* --- of a query --- */

/* `directory` NULL or "": the system's temporary one. */
spk_status spk_spill_new(struct spk_spill **out, const char *directory, spk_error *err);
/* After the operators were closed. Removes all files. NULL is fine. */
void spk_spill_free(struct spk_spill *spill);
struct spk_spill_area *spk_spill_area(struct spk_spill *spill);
/* What the query's shuffle keeps for later is put on disk before operators have to spill because of others. */
void spk_spill_reclaims(struct spk_spill *spill, struct spk_shuffle_service *shuffle);
struct spk_cache;
/* And so is what a cache keeps: two of them at the most. NULL is fine. */
void spk_spill_reclaims_rows(struct spk_spill *spill, struct spk_cache *cache);
/* Puts some of that on disk now; false: there was nothing. */
bool spk_spill_reclaim(const struct spk_spill *spill);

/* --- of an operator --- */

struct spk_spill_share {
	struct spk_op *op;               /* its spilled_bytes and memory_peak are kept up to date */
	struct spk_spill *spill;         /* the pipeline's; NULL: this run cannot spill, nothing is ever wanted */
	bool hungry;
	size_t cushion;                  /* reserved for spilling, lent out by spk_spill_now */
	struct spk_run_scratch scratch;
};

typedef spk_status (*spk_spill_function)(void *user, spk_error *err);

void spk_spill_share_init(struct spk_spill_share *share, struct spk_op *op);
/* Also after a run that was given up: begins anew. */
spk_status spk_spill_share_begin(struct spk_spill_share *share, spk_error *err);
/* _end and _release: also of a share that is all zeros, and twice. */
void spk_spill_share_end(struct spk_spill_share *share);
void spk_spill_share_release(struct spk_spill_share *share);

/* What an operator may hold now, in bytes. Changes as others come and go. */
size_t spk_spill_share_bytes(const struct spk_spill_share *share);
/* Whether an operator that holds `held` bytes should spill before it takes `more`. Cheap: ask per batch. Notes the peak. */
bool spk_spill_wanted(struct spk_spill_share *share, size_t held, size_t more);
/* Spills by `spill` if that is wanted. */
spk_status spk_spill_room(struct spk_spill_share *share, size_t held, size_t more, spk_spill_function spill, void *user, spk_error *err);
/* Spills by `spill`, with the cushion lent out meanwhile. */
spk_status spk_spill_now(struct spk_spill_share *share, spk_spill_function spill, void *user, spk_error *err);
/* The same for the last time in this run: the cushion stays free for what comes then. */
spk_status spk_spill_last(struct spk_spill_share *share, spk_spill_function spill, void *user, spk_error *err);
/* True when `status` is the budget's refusal and spilling may cure it: something is held, or others have given memory back just now. */
bool spk_spill_refused(const struct spk_spill_share *share, spk_status status, size_t held);

/* --- runs of batches: spk_spill_run_new, _free etc. are in core/base/spillfile.h --- */

spk_status spk_spill_run_make(struct spk_spill_share *share, struct spk_spill_run **out, spk_error *err);
/* Appends the batch's selected rows, densely. */
spk_status spk_spill_put(struct spk_spill_share *share, struct spk_spill_run *run, const struct spk_batch *batch, spk_error *err);
/* The same as one block, so that block i is the i-th batch. */
spk_status spk_spill_put_block(struct spk_spill_share *share, struct spk_spill_run *run, const struct spk_batch *batch, spk_error *err);
/* A reader of a run: zero but for `run`. Several may read one run. */
struct spk_spill_cursor { const struct spk_spill_run *run; int64_t next; };
/* The next batch (the caller's: spk_batch_unref), NULL at the end. Batches are cut other than they were put. */
spk_status spk_spill_get(struct spk_spill_share *share, struct spk_spill_cursor *cursor, const struct spk_schema *schema, struct spk_batch **out, spk_error *err);

/* --- runs of byte records --- */

struct spk_record_writer { struct spk_spill_run *run; struct spk_buffer block; };
spk_status spk_record_put(struct spk_spill_share *share, struct spk_record_writer *writer, const void *data, uint32_t size, spk_error *err);
/* Writes out what waits for its block to fill up, and releases the buffer, also when that fails; the run may be read then. */
spk_status spk_record_end(struct spk_spill_share *share, struct spk_record_writer *writer, spk_error *err);

struct spk_record_reader { const struct spk_spill_run *run; int64_t next; struct spk_buffer block; size_t at; };
/* The next record, valid until the next call; *data is NULL at the end. Release with spk_buffer_release(&reader->block). */
spk_status spk_record_get(struct spk_spill_share *share, struct spk_record_reader *reader, const char **data, uint32_t *size, spk_error *err);

#endif
