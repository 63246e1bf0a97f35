/* Batches: making, sharing, compacting. */
#include "core/columnar/batch.h"

/* A zeroed batch with room for the columns of `schema`, in an arena of its own. */
static struct spk_batch *make(const struct spk_schema *schema, struct spk_memory_account *account)
{
	struct spk_arena *arena = spk_arena_new(account);
	struct spk_batch *b = arena ? SPK_NEW(arena, struct spk_batch) : NULL;

	if (b)
		b->column = SPK_NEW_ARRAY(arena, struct spk_vector, schema->count);
	if (!b || !b->column) {
		spk_arena_unref(arena);
		return NULL;
	}
	b->arena = arena;
	b->account = account;
	b->schema = schema;
	b->columns = schema->count;
	return b;
}

spk_status spk_batch_new(struct spk_batch **out, const struct spk_schema *schema, struct spk_memory_account *account, spk_error *err)
{
	struct spk_batch *b = make(schema, account);

	SPK_TRY_PTR(b, err);
	*out = b;
	return SPK_OK;
}

spk_status spk_batch_derive(struct spk_batch **out, const struct spk_batch *in, const struct spk_schema *schema, spk_error *err)
{
	struct spk_batch *b = make(schema, in->account);
	spk_status status;

	SPK_TRY_PTR(b, err);
	status = spk_arena_hold(b->arena, in->arena, err);
	if (status) {
		spk_batch_unref(b);
		return status;
	}
	b->rows = in->rows;
	b->sel = in->sel;
	b->selected = in->selected;
	b->weight = in->weight;
	b->origin = in->origin;
	b->repeats = in->repeats;
	*out = b;
	return SPK_OK;
}

spk_status spk_batch_pick(struct spk_batch **out, const struct spk_batch *in, const struct spk_schema *schema, const int *column, spk_error *err)
{
	SPK_TRY(spk_batch_derive(out, in, schema, err));
	for (int i = 0; i < schema->count; i++)
		(*out)->column[i] = in->column[column[i]];
	return SPK_OK;
}

struct spk_batch *spk_batch_ref(struct spk_batch *batch)
{
	spk_arena_ref(batch->arena);
	return batch;
}

void spk_batch_unref(struct spk_batch *batch)
{
	if (batch)
		spk_arena_unref(batch->arena);
}

static spk_status fill_compact(struct spk_batch *b, const struct spk_batch *in, spk_error *err)
{
	int n = in->selected;

	for (int c = 0; c < in->columns; c++) {
		SPK_TRY(spk_vector_init(&b->column[c], in->column[c].type, n, b->arena, err));
		SPK_TRY(spk_vector_gather(&b->column[c], 0, n, &in->column[c], in->sel, n, true, b->arena, err));
	}
	if (in->weight) {
		int32_t *weight = spk_arena_alloc(b->arena, (size_t)n * sizeof(*weight));

		SPK_TRY_PTR(weight, err);
		for (int i = 0; i < n; i++)
			weight[i] = in->weight[spk_batch_row(in, i)];
		b->weight = weight;
	}
	b->rows = b->selected = n;
	return SPK_OK;
}

spk_status spk_batch_compact(struct spk_batch **out, const struct spk_batch *in, spk_error *err)
{
	struct spk_batch *b = NULL;
	spk_status status;

	SPK_ASSERT(in->columns == in->schema->count, "a batch that is not as its schema says");
	SPK_ASSERT(in->selected <= in->rows && in->rows <= SPK_BATCH_ROWS, "a batch of too many rows");
	SPK_TRY(spk_batch_new(&b, in->schema, in->account, err));
	status = fill_compact(b, in, err);
	if (status) {
		spk_batch_unref(b);
		return status;
	}
	*out = b;
	return SPK_OK;
}
