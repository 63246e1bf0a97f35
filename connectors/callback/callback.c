/*
 * Rows to a function. Batches are kept as they are until the epoch is prepared: then the function gets them, before the epoch's record is committed. An
 * epoch that is not committed after all comes again under its number, so that whoever stores rows by it has each once.
 */
#include "connectors/callback/callback.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/check.h"
#include "core/columnar/arrow_c.h"
#include "core/columnar/hash.h"

/* Batches of the epoch at hand are borrowed from its blocks, which live until it is committed. */
struct callback_sink {
	struct spk_sink base;
	struct spk_arena *arena;
	struct spk_schema schema;          /* the rows', and their weight behind them */
	int *column;                       /* 0, 1, ...: of the rows */
	struct spk_batch **batch;
	int batches, capacity;
};

static struct callback_sink *self(struct spk_sink *s) { return spk_container_of(s, struct callback_sink, base); }

static void callback_close(struct spk_sink *s)
{
	struct callback_sink *c = self(s);

	spk_arena_unref(c->arena);
	free(c->batch);
	free(c);
}

static spk_status callback_open(struct spk_sink **out, const struct spk_sink_spec *spec, spk_error *err)
{
	struct callback_sink *c = calloc(1, sizeof *c);
	const int columns = spec->schema->count;

	SPK_TRY_PTR(c, err);
	c->base = (struct spk_sink){ .type = &spk_callback_sink, .spec = spec };
	c->arena = spk_arena_new(NULL);
	c->schema = (struct spk_schema){ columns + 1, c->arena ? SPK_NEW_ARRAY(c->arena, struct spk_field, columns + 1) : NULL };
	c->column = c->arena ? SPK_NEW_ARRAY(c->arena, int, columns + 1) : NULL;
	if (!c->schema.field || !c->column) {
		callback_close(&c->base);
		return spk_fail_memory(err);
	}
	for (int i = 0; i < columns; i++) {
		c->schema.field[i] = spec->schema->field[i];
		c->column[i] = i;
	}
	c->schema.field[columns] = (struct spk_field){ "weight", spk_type(SPK_TYPE_BIGINT), false };
	*out = &c->base;
	return SPK_OK;
}

/* --- worker threads --- */

/* A dense copy with the weights as a column, which stands alone: exchanges' batches may point into memory of the run. */
static spk_status with_weights(const struct callback_sink *c, const struct spk_batch *in, struct spk_batch **out, spk_error *err)
{
	const int columns = c->schema.count - 1;
	struct spk_batch *dense;
	spk_status status;

	SPK_TRY(spk_batch_compact(&dense, in, err));
	status = spk_batch_derive(out, dense, &c->schema, err);
	if (status == SPK_OK) {
		struct spk_vector *weight = &(*out)->column[columns];

		memcpy((*out)->column, dense->column, sizeof *dense->column * (size_t)columns);
		status = spk_vector_init(weight, c->schema.field[columns].type, dense->rows, (*out)->arena, err);
		for (int i = 0; i < dense->rows && status == SPK_OK; i++)
			spk_vector_i64(weight)[i] = spk_batch_weight(dense, i);
		if (status != SPK_OK)
			spk_batch_unref(*out);
	}
	spk_batch_unref(dense);
	return status;
}

static spk_status keep(struct spk_sink_block *block, struct spk_batch *batch, spk_error *err)
{
	if (block->batches == block->batch_capacity) {
		int capacity = SPK_MAX(2 * block->batch_capacity, 8);
		struct spk_batch **grown = realloc(block->batch, sizeof(*grown) * (size_t)capacity);

		SPK_TRY_PTR(grown, err);
		block->batch = grown;
		block->batch_capacity = capacity;
	}
	block->batch[block->batches++] = batch;
	return SPK_OK;
}

/* The record's hash of the rows: of their values and weights, so that a replay can be compared though nothing was encoded. */
static uint64_t hash_rows(const struct callback_sink *c, const struct spk_batch *batch)
{
	uint64_t hash[SPK_BATCH_ROWS], sum = 0;

	spk_hash_columns(batch, c->column, c->schema.count - 1, hash);
	spk_hash_column_more(&batch->column[c->schema.count - 1], NULL, batch->rows, hash);
	for (int i = 0; i < batch->rows; i++)
		sum += hash[i];
	return sum;
}

static spk_status callback_encode(struct spk_sink *s, const struct spk_batch *batch, struct spk_sink_block *block, struct spk_row_errors *errors, spk_error *err)
{
	struct callback_sink *c = self(s);
	struct spk_batch *own;
	spk_status status;

	(void)errors;
	if (!batch->selected)
		return SPK_OK;
	SPK_TRY(spk_sink_block_reserve(block, batch->selected, err));
	SPK_TRY(with_weights(c, batch, &own, err));
	status = keep(block, own, err);
	if (status != SPK_OK) {
		spk_batch_unref(own);
		return status;
	}
	memset(block->value_end + block->rows, 0, sizeof(uint32_t) * (size_t)own->rows);
	memset(block->key_end + block->rows, 0, sizeof(uint32_t) * (size_t)own->rows);
	block->rows += own->rows;
	block->hash += hash_rows(c, own);
	return SPK_OK;
}

/* --- an epoch --- */

static spk_status callback_write(struct spk_sink *s, int64_t epoch, const struct spk_sink_block *block, spk_error *err)
{
	struct callback_sink *c = self(s);

	(void)epoch;
	if (c->capacity - c->batches < block->batches) {
		int capacity = SPK_MAX(2 * c->capacity, c->batches + block->batches);
		struct spk_batch **grown = realloc(c->batch, sizeof(*grown) * (size_t)capacity);

		SPK_TRY_PTR(grown, err);
		c->batch = grown;
		c->capacity = capacity;
	}
	for (int i = 0; i < block->batches; i++)
		c->batch[c->batches++] = block->batch[i];
	return SPK_OK;
}

/* The stream lies on the stack of the call that hands it over, and ends with it. */
struct handed { struct callback_sink *sink; int next; spk_error error; };

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
	struct handed *h = stream->private_data;

	return spk_arrow_export_schema(&h->sink->schema, out, &h->error) == SPK_OK ? 0 : EINVAL;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
	struct handed *h = stream->private_data;

	out->release = NULL;
	if (h->next == h->sink->batches)
		return 0;
	return spk_arrow_export_batch(h->sink->batch[h->next++], out, &h->error) == SPK_OK ? 0 : EIO;
}

static const char *last_error(struct ArrowArrayStream *stream)
{
	struct handed *h = stream->private_data;

	return h->error.message[0] ? h->error.message : NULL;
}

static void release(struct ArrowArrayStream *stream) { stream->release = NULL; }

static spk_status callback_prepare(struct spk_sink *s, int64_t epoch, spk_error *err)
{
	struct callback_sink *c = self(s);
	const struct spk_consumer *consumer = s->spec->table->consumer;
	struct handed handed = { .sink = c };
	struct ArrowArrayStream stream = { .get_schema = get_schema, .get_next = get_next, .get_last_error = last_error, .release = release, .private_data = &handed };
	spk_status status;

	if (!c->batches)
		return SPK_OK;
	status = consumer->changes(consumer->user, epoch, &stream, err);
	c->batches = 0;
	if (status != SPK_OK && err && !err->message[0])
		spk_fail(err, status, "the function that takes the rows of \"%s\" failed at epoch %lld", s->spec->table->name, (long long)epoch);
	if (status == SPK_OK || status == SPK_UNAVAILABLE)
		return status;
	/* Whatever it was to the function: to the job it is nothing that passes by being tried again. */
	if (err)
		err->code = SPK_DATA;
	return SPK_DATA;
}

static void callback_abort(struct spk_sink *s, int64_t epoch)
{
	(void)epoch;
	self(s)->batches = 0;
}

const struct spk_sink_type spk_callback_sink = {
	.name = "callback",
	.options = (const struct spk_option_spec[]){ { 0 } },
	.upserts = true,
	.deltas = true,
	.open = callback_open,
	.encode = callback_encode,
	.write = callback_write,
	.prepare = callback_prepare,
	.abort = callback_abort,
	.close = callback_close,
};
