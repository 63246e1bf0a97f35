/*
 * Rows to stdout, one a line: the sink for looking at what a query does.
 *
 * Lines are written at commit and not before, so a failed and repeated epoch is not seen twice. But stdout cannot be asked what
 * it has got: after a crash between the record of an epoch and its lines these are lost to the reader, and nothing is ever written
 * again. Print is for people; use a sink that can be recovered for anything else.
 *
 * Rows that a query takes back come as debezium-json lines, and so do all of a retracting query's, unless the format says itself whether a row comes or goes.
 */
#include "connectors/print/print.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/check.h"
#include "connectors/format/field.h"

struct print {
	struct spk_sink base;
	struct spk_encoder *changes;   /* debezium-json; NULL: the format's own will do */
	bool table;                    /* aligned, printed whole at a commit */
	struct spk_buffer lines;       /* of the epoch */
	int64_t epoch;
};

static struct print *self(struct spk_sink *s)
{
	return spk_container_of(s, struct print, base);
}

/* --- opening --- */

static spk_status open_changes(struct print *p, spk_error *err)
{
	const struct spk_sink_spec *spec = p->base.spec;
	int count = spec->schema->count, *all = SPK_NEW_ARRAY(p->base.arena, int, count + 1);
	struct spk_format_spec f = { .table = spec->table, .column = all, .columns = count, .schema = spec->schema, .conf = spec->conf };

	SPK_TRY_PTR(all, err);
	for (int i = 0; i < count; i++)
		all[i] = i;
	return spk_format_debezium_json.encoder_open(&p->changes, &f, err);
}

static void print_close(struct spk_sink *base)
{
	struct print *p;

	if (!base)
		return;
	p = self(base);
	if (p->changes)
		p->changes->format->encoder_close(p->changes);
	spk_sink_close_format(base);
	spk_buffer_release(&p->lines);
	free(p);
}

static spk_status print_open(struct spk_sink **out, const struct spk_sink_spec *spec, spk_error *err)
{
	struct print *p = calloc(1, sizeof(*p));
	spk_status status;

	SPK_TRY_PTR(p, err);
	p->base.type = &spk_print_sink;
	p->base.spec = spec;
	p->table = spec->once && !spec->retracts && !spk_format_option(spec->table, "format") && isatty(STDOUT_FILENO);
	status = spk_sink_open_format(&p->base, err);
	if (status == SPK_OK && !spk_format_has_weights(p->base.encoder->format))
		status = open_changes(p, err);
	if (status != SPK_OK) {
		print_close(&p->base);
		return status;
	}
	*out = &p->base;
	return SPK_OK;
}

/* --- rows --- */

static bool takes_back(const struct spk_batch *b)
{
	if (!b->weight)
		return false;
	SPK_EACH_ROW(b, i, row)
		if (b->weight[row] < 0)
			return true;
	return false;
}

static spk_status print_encode(struct spk_sink *base, const struct spk_batch *batch, struct spk_sink_block *block, struct spk_row_errors *errors, spk_error *err)
{
	struct print *p = self(base);

	(void)errors;
	if (p->table)
		return spk_print_cells(batch, spk_field_rules(p->base.spec->conf).timezone, block, err);
	return spk_sink_encode_with(p->changes && (p->base.spec->retracts || takes_back(batch)) ? p->changes : p->base.encoder, batch, block, err);
}

static spk_status print_write(struct spk_sink *base, int64_t epoch, const struct spk_sink_block *block, spk_error *err)
{
	struct print *p = self(base);
	uint32_t start = 0;

	if (p->epoch != epoch)
		p->lines.size = 0;
	p->epoch = epoch;
	SPK_TRY(spk_buffer_reserve(&p->lines, block->value.size + (size_t)block->rows, err));
	for (int i = 0; i < block->rows; i++) {
		SPK_TRY(spk_buffer_append(&p->lines, block->value.data + start, block->value_end[i] - start, err));
		if (!p->table)
			p->lines.data[p->lines.size++] = '\n';
		start = block->value_end[i];
	}
	return SPK_OK;
}

static spk_status write_out(const char *data, size_t size, spk_error *err)
{
	while (size) {
		ssize_t n = write(STDOUT_FILENO, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			spk_fail(err, SPK_IO, "cannot write to stdout: %s", strerror(errno));
			/* Half a line may be out, and a reader that went away does not come back: nothing to try again. */
			if (err)
				err->fatal = true;
			return SPK_IO;
		}
		data += n;
		size -= (size_t)n;
	}
	return SPK_OK;
}

static spk_status print_prepare(struct spk_sink *base, int64_t epoch, spk_error *err)
{
	(void)base;
	(void)epoch;
	(void)err;
	return SPK_OK;
}

static spk_status write_table(struct print *p, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status = spk_print_table(p->base.spec->schema, p->lines.data, p->lines.size, &text, err);

	if (status == SPK_OK)
		status = write_out(text.data, text.size, err);
	spk_buffer_release(&text);
	return status;
}

static spk_status print_commit(struct spk_sink *base, int64_t epoch, spk_error *err)
{
	struct print *p = self(base);
	spk_status status = SPK_OK;

	if (p->epoch == epoch && p->lines.size)
		status = p->table ? write_table(p, err) : write_out(p->lines.data, p->lines.size, err);
	p->lines.size = 0;  /* whatever came of it: half a line must not come twice */
	return status;
}

static void print_abort(struct spk_sink *base, int64_t epoch)
{
	(void)epoch;
	self(base)->lines.size = 0;
}

static spk_status print_recover(struct spk_sink *base, int64_t committed, spk_error *err)
{
	(void)committed;
	(void)err;
	self(base)->lines.size = 0;
	return SPK_OK;
}

static const struct spk_option_spec options[] = { { 0 } };

const struct spk_sink_type spk_print_sink = {
	.name = "print",
	.options = options,
	.takes_format = true,
	.deltas = true,
	.open = print_open,
	.encode = print_encode,
	.write = print_write,
	.prepare = print_prepare,
	.commit = print_commit,
	.abort = print_abort,
	.recover = print_recover,
	.close = print_close,
};
