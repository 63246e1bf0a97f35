/* Collects rows of many batches into full ones. */
#include "core/columnar/batch.h"

static int capacity(const struct spk_batch_builder *b) { return b->capacity ? b->capacity : SPK_BATCH_ROWS; }

static spk_status start(struct spk_batch_builder *b, spk_error *err)
{
	struct spk_batch *batch = NULL;

	SPK_TRY(spk_batch_new(&batch, b->schema, b->account, err));
	for (int c = 0; c < batch->columns; c++) {
		spk_status status = spk_vector_init(&batch->column[c], b->schema->field[c].type, capacity(b), batch->arena, err);

		if (status) {
			spk_batch_unref(batch);
			return status;
		}
	}
	b->batch = batch;
	b->weight = NULL;
	return SPK_OK;
}

/* Weights come into being with the first row that is not simply there once; the rows before it count +1. */
static spk_status append_weights(struct spk_batch_builder *b, const struct spk_batch *in, const int32_t *sel, int n, spk_error *err)
{
	int at = b->batch->rows;
	bool plain = true;

	for (int i = 0; i < n && in->weight && plain; i++)
		plain = in->weight[sel ? sel[i] : i] == 1;
	if (plain && !b->weight)
		return SPK_OK;
	if (!b->weight) {
		b->weight = spk_arena_alloc(b->batch->arena, (size_t)capacity(b) * sizeof(*b->weight));
		SPK_TRY_PTR(b->weight, err);
		for (int i = 0; i < at; i++)
			b->weight[i] = 1;
		b->batch->weight = b->weight;
	}
	for (int i = 0; i < n; i++)
		b->weight[at + i] = spk_batch_weight(in, sel ? sel[i] : i);
	return SPK_OK;
}

spk_status spk_builder_append(struct spk_batch_builder *b, const struct spk_batch *in, const int32_t *sel, int n, spk_error *err)
{
	struct spk_batch *batch = NULL;

	SPK_ASSERT(n <= spk_builder_room(b), "more rows than a batch has room for");
	SPK_ASSERT(in->columns == b->schema->count, "rows of another schema");
	if (!n)
		return SPK_OK;
	if (!b->batch)
		SPK_TRY(start(b, err));
	batch = b->batch;
	SPK_TRY(append_weights(b, in, sel, n, err));
	for (int c = 0; c < batch->columns; c++)
		SPK_TRY(spk_vector_gather(&batch->column[c], batch->rows, capacity(b), &in->column[c], sel, n, true, batch->arena, err));
	batch->rows += n;
	batch->selected = batch->rows;
	return SPK_OK;
}

int spk_builder_room(const struct spk_batch_builder *b)
{
	return capacity(b) - (b->batch ? b->batch->rows : 0);
}

size_t spk_builder_texts(const struct spk_batch_builder *b)
{
	size_t bytes = b->batch ? spk_arena_bytes(b->batch->arena) : 0, vectors = 0;

	for (int c = 0; c < b->schema->count; c++)
		vectors += (size_t)capacity(b) * (size_t)spk_type_width(b->schema->field[c].type);
	return bytes > vectors ? bytes - vectors : 0;
}

struct spk_batch *spk_builder_take(struct spk_batch_builder *b)
{
	struct spk_batch *full = b->batch;

	b->batch = NULL;
	b->weight = NULL;
	/* A builder whose first append failed has a batch without rows. */
	if (full && !full->rows) {
		spk_batch_unref(full);
		full = NULL;
	}
	return full;
}

void spk_builder_release(struct spk_batch_builder *b)
{
	spk_batch_unref(b->batch);
	b->batch = NULL;
	b->weight = NULL;
}
