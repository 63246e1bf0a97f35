/* Counts rows and drops them: for measuring everything that comes before a sink. */
#include "connectors/print/print.h"

#include <stdlib.h>

#include "core/base/check.h"

static spk_status blackhole_open(struct spk_sink **out, const struct spk_sink_spec *spec, spk_error *err)
{
	struct spk_sink *s = calloc(1, sizeof(*s));

	SPK_TRY_PTR(s, err);
	*s = (struct spk_sink){ .type = &spk_blackhole_sink, .spec = spec };
	*out = s;
	return SPK_OK;
}

/* Rows without bytes, so that counts in the epoch's record are right. */
static spk_status blackhole_encode(struct spk_sink *s, const struct spk_batch *batch, struct spk_sink_block *block, struct spk_row_errors *errors, spk_error *err)
{
	(void)s;
	(void)errors;
	SPK_TRY(spk_sink_block_reserve(block, batch->selected, err));
	memset(block->value_end + block->rows, 0, sizeof(uint32_t) * (size_t)batch->selected);
	memset(block->key_end + block->rows, 0, sizeof(uint32_t) * (size_t)batch->selected);
	block->rows += batch->selected;
	return SPK_OK;
}

static spk_status nothing_to_write(struct spk_sink *s, int64_t epoch, const struct spk_sink_block *block, spk_error *err)
{
	(void)s;
	(void)epoch;
	(void)block;
	(void)err;
	return SPK_OK;
}

static spk_status nothing(struct spk_sink *s, int64_t epoch, spk_error *err)
{
	(void)s;
	(void)epoch;
	(void)err;
	return SPK_OK;
}

static void nothing_to_abort(struct spk_sink *s, int64_t epoch)
{
	(void)s;
	(void)epoch;
}

static void blackhole_close(struct spk_sink *s)
{
	free(s);
}

static const struct spk_option_spec options[] = { { 0 } };

const struct spk_sink_type spk_blackhole_sink = {
	.name = "blackhole",
	.options = options,
	.deltas = true,
	.open = blackhole_open,
	.encode = blackhole_encode,
	.write = nothing_to_write,
	.prepare = nothing,
	.commit = nothing,
	.abort = nothing_to_abort,
	.recover = nothing,
	.close = blackhole_close,
};
