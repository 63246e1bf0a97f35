/*
 * A stream begins with its schema, and a decimal's scale is part of that. So numerics whose scale varies from value to value make the
 * rows wait until the last one is there; all others go out as they come.
 */
#include "cli/rows_arrow.h"

#include <stdlib.h>

#include "core/base/check.h"
#include "core/columnar/arrow_c.h"
#include "core/columnar/arrow_ipc.h"

struct spk_cli_arrow {
	const struct spk_schema *schema;
	struct spk_arena *arena;
	bool waits, begun;
	struct ArrowSchema exported;
	struct spk_batch **held;
	int count, capacity;
	struct spk_buffer text;
};

spk_status spk_cli_arrow_new(struct spk_cli_arrow **out, const struct spk_schema *schema, spk_error *err)
{
	struct spk_cli_arrow *a = calloc(1, sizeof *a);

	SPK_TRY_PTR(a, err);
	a->schema = schema;
	a->arena = spk_arena_new(NULL);
	if (!a->arena) {
		spk_cli_arrow_free(a);
		return spk_fail_memory(err);
	}
	a->waits = spk_arrow_varies(schema);
	*out = a;
	return SPK_OK;
}

void spk_cli_arrow_free(struct spk_cli_arrow *a)
{
	if (!a)
		return;
	for (int i = 0; i < a->count; i++)
		spk_batch_unref(a->held[i]);
	free(a->held);
	if (a->exported.release)
		a->exported.release(&a->exported);
	spk_buffer_release(&a->text);
	spk_arena_unref(a->arena);
	free(a);
}

static spk_status begin(struct spk_cli_arrow *a, spk_error *err)
{
	if (a->begun)
		return SPK_OK;
	a->begun = true;
	SPK_TRY(spk_arrow_export_schema(a->schema, &a->exported, err));
	spk_buffer_clear(&a->text);
	SPK_TRY(spk_arrow_ipc_schema(&a->exported, &a->text, err));
	return spk_cli_write(a->text.data, a->text.size, err);
}

static spk_status write_batch(struct spk_cli_arrow *a, struct spk_batch *batch, spk_error *err)
{
	struct ArrowArray array;
	spk_status status;

	SPK_TRY(begin(a, err));
	SPK_TRY(spk_arrow_export_batch_as(batch, a->schema, &array, err));
	spk_buffer_clear(&a->text);
	status = spk_arrow_ipc_batch(&a->exported, &array, &a->text, err);
	array.release(&array);
	return status == SPK_OK ? spk_cli_write(a->text.data, a->text.size, err) : status;
}

static spk_status hold(struct spk_cli_arrow *a, struct spk_batch *batch, spk_error *err)
{
	if (a->count == a->capacity) {
		int capacity = a->capacity ? 2 * a->capacity : 16;
		struct spk_batch **grown = realloc(a->held, sizeof(*grown) * (size_t)capacity);

		SPK_TRY_PTR(grown, err);
		a->held = grown;
		a->capacity = capacity;
	}
	SPK_TRY(spk_batch_compact(&a->held[a->count], batch, err));  /* the run's memory goes away */
	a->count++;
	return SPK_OK;
}

spk_status spk_cli_arrow_batch(struct spk_cli_arrow *a, struct spk_batch *batch, spk_error *err)
{
	return a->waits ? hold(a, batch, err) : write_batch(a, batch, err);
}

static spk_status write_held(struct spk_cli_arrow *a, spk_error *err)
{
	struct spk_schema *exact;

	SPK_TRY(spk_arrow_exact_schema(a->held, a->count, a->schema, a->arena, &exact, err));
	a->schema = exact;
	for (int i = 0; i < a->count; i++)
		SPK_TRY(write_batch(a, a->held[i], err));
	return SPK_OK;
}

spk_status spk_cli_arrow_end(struct spk_cli_arrow *a, spk_error *err)
{
	if (a->waits)
		SPK_TRY(write_held(a, err));
	SPK_TRY(begin(a, err));
	spk_buffer_clear(&a->text);
	SPK_TRY(spk_arrow_ipc_end(&a->text, err));
	return spk_cli_write(a->text.data, a->text.size, err);
}
