/* A join's build side in one task. See join_build.h. */
#include "batch/operator/join_build.h"

static struct spk_memory_account *account(const struct spk_join_build *b) { return b->j->op->pipeline->account; }

static void drop_batches(struct spk_join_build *b)
{
	for (int i = 0; i < b->batches; i++)
		spk_batch_unref(b->batch[i]);
	b->batches = 0;
	b->rows = 0;
}

void spk_join_build_clear(struct spk_join_build *b)
{
	drop_batches(b);
	if (b->matched)
		spk_free(account(b), b->matched, b->table->rows);
	spk_join_table_unref(b->table);
	b->table = NULL;
	b->matched = NULL;
}

void spk_join_build_release(struct spk_join_build *b)
{
	if (!b->j)
		return;
	spk_join_build_clear(b);
	spk_free(account(b), b->batch, (size_t)b->capacity * sizeof(*b->batch));
	b->batch = NULL;
	b->capacity = 0;
}

spk_status spk_join_build_keep(struct spk_join_build *b, struct spk_batch *in, spk_error *err)
{
	if (b->batches == b->capacity) {
		int capacity = b->capacity ? 2 * b->capacity : 64;
		struct spk_batch **grown = spk_realloc(account(b), b->batch, (size_t)b->capacity * sizeof(*grown), (size_t)capacity * sizeof(*grown));

		SPK_TRY_PTR(grown, err);
		b->batch = grown;
		b->capacity = capacity;
	}
	b->batch[b->batches++] = spk_batch_ref(in);
	b->rows += in->selected;
	return SPK_OK;
}

static spk_status make_table(struct spk_join_build *b, struct spk_join_table **out, spk_error *err)
{
	const struct spk_physical *plan = b->j->op->plan;
	struct spk_join_input in = { .op = b->j->op, .batch = b->batch, .batches = b->batches, .rows = b->rows, .schema = b->j->build,
		.keys = plan->join_keys, .key = plan->build_key, .null_safe = plan->null_safe, .null_row = b->j->keeps_probe };

	return spk_join_table_new(out, &in, err);
}

static void release_table(void *value) { spk_join_table_unref(value); }

/* The first task that gets here makes the table that all use. */
static spk_status share_table(struct spk_join_build *b, spk_error *err)
{
	struct spk_op *op = b->j->op;
	struct spk_shared *shared = &op->pipeline->shared[op->plan->id];
	spk_status status = SPK_OK;

	pthread_mutex_lock(&shared->lock);
	if (!shared->value) {
		struct spk_join_table *made = NULL;

		status = make_table(b, &made, err);
		shared->value = made;
		shared->release = release_table;
	}
	b->table = shared->value;
	if (b->table)
		spk_arena_ref(b->table->arena);
	pthread_mutex_unlock(&shared->lock);
	return status;
}

spk_status spk_join_build_end(struct spk_join_build *b, spk_error *err)
{
	const struct spk_joiner *j = b->j;

	SPK_TRY(j->op->plan->broadcast ? share_table(b, err) : make_table(b, &b->table, err));
	drop_batches(b);
	if (!(j->keeps_build || (j->build_left && !j->shows_pairs)) || !b->table->rows)
		return SPK_OK;
	b->matched = spk_calloc(account(b), b->table->rows);
	return b->matched ? SPK_OK : spk_fail_memory(err);
}
