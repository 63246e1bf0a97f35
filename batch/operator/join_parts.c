/* Partitions of a join's side on disk. See join_parts.h. */
#include "batch/operator/join_parts.h"

enum { PARTS_OF_SHARE = 4, ROWS_LEAST = 64 };   /* what waits for full batches may take a share's fourth */

static int builder_rows(const struct spk_join_parts *p)
{
	size_t width = 1;

	for (int c = 0; c < p->schema->count; c++)
		width += (size_t)spk_type_width(p->schema->field[c].type);
	return (int)SPK_MIN(SPK_MAX(spk_spill_share_bytes(p->share) / PARTS_OF_SHARE / (size_t)p->count / width, (size_t)ROWS_LEAST), (size_t)SPK_BATCH_ROWS);
}

void spk_join_parts_init(struct spk_join_parts *p, struct spk_spill_share *share, const struct spk_schema *schema, int count, int level)
{
	*p = (struct spk_join_parts){ .share = share, .schema = schema, .count = count, .level = level };
	for (int i = 0; i < count; i++)
		p->builder[i] = (struct spk_batch_builder){ .schema = schema, .account = share->op->pipeline->account, .capacity = builder_rows(p) };
}

void spk_join_parts_release(struct spk_join_parts *p)
{
	for (int i = 0; i < p->count; i++) {
		spk_builder_release(&p->builder[i]);
		spk_spill_run_free(p->part[i].run);
	}
	*p = (struct spk_join_parts){ 0 };
}

static spk_status write_batch(struct spk_join_parts *p, int to, const struct spk_batch *batch, spk_error *err)
{
	struct spk_join_part *part = &p->part[to];
	size_t bytes;

	if (!part->run)
		SPK_TRY(spk_spill_run_make(p->share, &part->run, err));
	SPK_TRY(spk_batch_serialized_size(batch, 0, batch->selected, &bytes, err));
	SPK_TRY(spk_spill_put(p->share, part->run, batch, err));
	part->rows += batch->selected;
	part->bytes += bytes;
	return SPK_OK;
}

static spk_status flush(struct spk_join_parts *p, int to, spk_error *err)
{
	struct spk_batch *full = spk_builder_take(&p->builder[to]);
	spk_status status = full ? write_batch(p, to, full, err) : SPK_OK;

	spk_batch_unref(full);
	return status;
}

static spk_status flush_all(struct spk_join_parts *p, spk_error *err)
{
	for (int i = 0; i < p->count; i++)
		SPK_TRY(flush(p, i, err));
	return SPK_OK;
}

/* Without memory to collect rows in they are written as they are. */
static spk_status write_at_once(struct spk_join_parts *p, struct spk_batch *in, const int32_t *row, int n, int to, spk_error *err)
{
	struct spk_batch some = *in;

	some.sel = row;
	some.selected = n;
	SPK_TRY(flush_all(p, err));
	return write_batch(p, to, &some, err);
}

spk_status spk_join_parts_put(struct spk_join_parts *p, struct spk_batch *in, const int32_t *row, int n, int to, spk_error *err)
{
	struct spk_batch_builder *b = &p->builder[to];

	while (n > 0) {
		int some = SPK_MIN(n, spk_builder_room(b));
		spk_status status = spk_builder_append(b, in, row, some, err);

		if (status == SPK_MEMORY_LIMIT)
			return write_at_once(p, in, row, n, to, err);
		SPK_TRY(status);
		if (spk_builder_room(b) == 0 || spk_builder_texts(b) > SPK_SPILL_BLOCK)
			SPK_TRY(flush(p, to, err));
		row += some;
		n -= some;
	}
	return SPK_OK;
}

/* Long rows: what waits is written before it takes more than its part of the share. */
static spk_status flush_much(struct spk_join_parts *p, spk_error *err)
{
	size_t bytes = 0;

	for (int i = 0; i < p->count; i++)
		bytes += spk_builder_texts(&p->builder[i]);
	return bytes > spk_spill_share_bytes(p->share) / PARTS_OF_SHARE ? flush_all(p, err) : SPK_OK;
}

spk_status spk_join_parts_put_all(struct spk_join_parts *p, struct spk_batch *in, const uint64_t *hash, spk_error *err)
{
	int32_t row[SPK_BATCH_ROWS];
	uint8_t part[SPK_BATCH_ROWS];
	int n;

	for (int i = 0; i < in->selected; i++)
		part[i] = hash ? (uint8_t)spk_join_part_of(p, hash[i]) : 0;
	for (int to = 0; to < p->count; to++) {
		n = 0;
		SPK_EACH_ROW(in, i, at) {
			row[n] = at;
			n += part[i] == to;
		}
		SPK_TRY(spk_join_parts_put(p, in, row, n, to, err));
	}
	return flush_much(p, err);
}

spk_status spk_join_parts_end(struct spk_join_parts *p, spk_error *err)
{
	return flush_all(p, err);
}

/* --- reading --- */

spk_status spk_join_part_next(void *user, struct spk_batch **out, spk_error *err)
{
	struct spk_join_part_reader *r = user;

	spk_batch_unref(r->batch);
	r->batch = NULL;
	for (; r->at < r->parts; r->at++, r->cursor.next = 0) {
		if (!r->part[r->at].run || (r->wanted && !r->wanted[r->at]))
			continue;
		r->cursor.run = r->part[r->at].run;
		SPK_TRY(spk_spill_get(r->share, &r->cursor, r->schema, &r->batch, err));
		if (r->batch)
			break;
	}
	*out = r->batch;
	return SPK_OK;
}

void spk_join_part_reader_release(struct spk_join_part_reader *r)
{
	spk_batch_unref(r->batch);
	r->batch = NULL;
}
