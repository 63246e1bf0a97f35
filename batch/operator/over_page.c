/* Pages of a partition that memory is too short for: to disk and back. See over.h. */
#include "batch/operator/over.h"

enum {
	ROWS_LEAST_SHIFT = 5,
	PAGES_OF_SHARE = 16,             /* in as many pages at least a share is cut */
	STAY = 4,                        /* pages that are kept in memory whatever happens: those that are looked at together */
};

/* --- how large pages are --- */

spk_status over_choose_page_rows(struct over *o, const struct spk_batch *in, spk_error *err)
{
	size_t most = spk_spill_share_bytes(&o->share) / PAGES_OF_SHARE, size;
	int shift = 0;

	while (2 << shift <= SPK_MIN(o->base.pipeline->batch_rows, SPK_BATCH_ROWS))
		shift++;
	if (o->share.spill) {
		SPK_TRY(spk_batch_serialized_size(in, 0, in->selected, &size, err));
		while (shift > ROWS_LEAST_SHIFT && (size / (size_t)in->selected) << shift > most)
			shift--;
	}
	o->page_shift = shift;
	o->page_rows = o->builder.capacity = 1 << shift;
	return SPK_OK;
}

static size_t keys_bytes(const struct spk_row_keys *keys)
{
	return keys->bytes.capacity + (size_t)keys->capacity * sizeof *keys->offset;
}

/* Results of variable size are not there yet: they are taken to be as large as the rows. */
spk_status over_page_measure(const struct over *o, struct over_page *page, spk_error *err)
{
	size_t rows;

	SPK_TRY(spk_batch_serialized_size(page->in, 0, page->in->rows, &rows, err));
	page->bytes = SPK_MAX(rows, spk_arena_bytes(page->in->arena)) + spk_arena_bytes(page->out->arena);
	for (int c = 0; c < o->base.plan->calls; c++) {
		const struct over_values *v = &page->value[c];
		struct spk_type type = o->base.plan->call[c].type;

		page->bytes += keys_bytes(&v->key) + keys_bytes(&v->start) + keys_bytes(&v->end);
		page->bytes += spk_type_is_view(type) || spk_type_is_nested(type) ? rows : 0;
	}
	return SPK_OK;
}

void over_page_release(struct over *o, struct over_page *page)
{
	for (int i = 0; page->value && i < o->base.plan->calls; i++) {
		spk_row_keys_release(&page->value[i].key);
		spk_row_keys_release(&page->value[i].start);
		spk_row_keys_release(&page->value[i].end);
	}
	spk_batch_unref(page->out);
	spk_batch_unref(page->in);
	*page = (struct over_page){ .on_disk = page->on_disk };
}

/* --- to disk --- */

/* The rows, and beside them where partitions and peers begin. */
static spk_status write_page(struct over *o, struct over_page *page, spk_error *err)
{
	struct spk_batch *rows;
	struct spk_vector *begins;
	spk_status status;

	if (!o->run)
		SPK_TRY(spk_spill_run_make(&o->share, &o->run, err));
	SPK_TRY(spk_batch_derive(&rows, page->in, &o->run_schema, err));
	memcpy(rows->column, page->in->column, sizeof *rows->column * (size_t)page->in->columns);
	begins = &rows->column[page->in->columns];
	status = spk_vector_init(begins, spk_type(SPK_TYPE_SMALLINT), rows->rows, rows->arena, err);
	for (int i = 0; i < rows->rows && status == SPK_OK; i++)
		spk_vector_i16(begins)[i] = page->begins[i];
	if (status == SPK_OK)
		status = spk_spill_put_block(&o->share, o->run, rows, err);
	spk_batch_unref(rows);
	return status;
}

spk_status over_spill(void *over, spk_error *err)
{
	struct over *o = over;

	for (int k = 0; k < o->pages; k++) {
		struct over_page *page = &o->page[k];
		int64_t number = o->first + k, from = number << o->page_shift;

		if (page->on_disk || from < o->begun || from + page->in->rows > o->known)
			continue;
		if (!o->run)
			o->run_first = number;
		SPK_ASSERT(!o->run || spk_spill_run_blocks(o->run) == number - o->run_first, "pages go to disk in order, without a hole");
		SPK_TRY(write_page(o, page, err));
		o->held -= page->bytes;
		over_page_release(o, page);
		page->on_disk = true;
	}
	return SPK_OK;
}

void over_forget_runs(struct over *o)
{
	spk_spill_run_free(o->run);
	o->run = NULL;
	for (int c = 0; o->call && c < o->base.plan->calls; c++) {
		spk_spill_run_free(o->call[c].result);
		o->call[c].result = NULL;
	}
	spk_batch_unref(o->writing);
	o->writing = NULL;
	o->reread = 0;
	o->rereads = 0;
}

/* --- and back --- */

/* The page's rows (the caller's), and where partitions and peers begin in `begins`, which may be NULL. */
static spk_status read_rows(struct over *o, int64_t number, struct spk_batch **out, struct spk_vector *begins, spk_error *err)
{
	struct spk_spill_cursor cursor = { o->run, number - o->run_first };
	const struct spk_schema *schema = o->base.plan->input[0]->schema;
	struct spk_batch *rows;
	spk_status status;

	SPK_TRY(spk_spill_get(&o->share, &cursor, &o->run_schema, &rows, err));
	status = spk_batch_derive(out, rows, schema, err);
	if (status == SPK_OK) {
		memcpy((*out)->column, rows->column, sizeof *rows->column * (size_t)schema->count);
		if (begins)
			*begins = rows->column[schema->count];
	}
	spk_batch_unref(rows);
	return status;
}

static spk_status fill_page(struct over *o, struct over_page *page, const struct spk_vector *begins, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(begins);

	SPK_TRY(spk_batch_derive(&page->out, page->in, o->base.plan->schema, err));
	page->begins = spk_arena_alloc(page->out->arena, (size_t)page->in->rows);
	SPK_TRY_PTR(page->begins, err);
	for (int i = 0; i < page->in->rows; i++)
		page->begins[i] = (uint8_t)((const int16_t *)r.data)[spk_reader_slot(&r, i)];
	SPK_TRY(over_evaluate(o, page, o->computing, err));
	return over_page_measure(o, page, err);
}

static spk_status read_page(struct over *o, struct over_page *page, spk_error *err)
{
	struct spk_vector begins;
	spk_status status;

	SPK_TRY(read_rows(o, o->first + (page - o->page), &page->in, &begins, err));
	status = fill_page(o, page, &begins, err);
	if (status != SPK_OK)
		over_page_release(o, page);
	return status;
}

/* Forgets the page that was looked at the longest ago. */
static void drop_oldest(struct over *o)
{
	int oldest = 0;

	for (int i = 1; i < o->rereads; i++)
		if (o->page[o->in_memory[i] - o->first].used < o->page[o->in_memory[oldest] - o->first].used)
			oldest = i;
	struct over_page *page = &o->page[o->in_memory[oldest] - o->first];

	o->reread -= page->bytes;
	over_page_release(o, page);
	o->in_memory[oldest] = o->in_memory[--o->rereads];
}

void over_drop_rereads(struct over *o)
{
	while (o->rereads)
		drop_oldest(o);
}

spk_status over_reread(struct over *o, struct over_page *page, spk_error *err)
{
	spk_status status;

	page->used = ++o->clock;
	if (page->in)
		return SPK_OK;
	SPK_TRY(spk_op_check_cancelled(&o->base, err));
	while (o->rereads == OVER_REREADS_MOST || (o->rereads >= STAY && o->reread + o->reread / (size_t)o->rereads > spk_spill_share_bytes(&o->share) / 2))
		drop_oldest(o);
	while ((status = read_page(o, page, err)) == SPK_MEMORY_LIMIT && o->rereads >= STAY)
		drop_oldest(o);
	if (status != SPK_OK)
		return status;
	page->used = o->clock;
	o->reread += page->bytes;
	o->in_memory[o->rereads++] = o->first + (page - o->page);
	o->base.memory_peak = SPK_MAX(o->base.memory_peak, (int64_t)(o->held + o->reread));
	return SPK_OK;
}

/* --- results --- */

static spk_status write_results(struct over *o, int c, spk_error *err)
{
	struct over_call *call = &o->call[c];
	spk_status status = SPK_OK;

	if (!o->writing)
		return SPK_OK;
	if (!call->result)
		status = spk_spill_run_make(&o->share, &call->result, err);
	SPK_ASSERT(!call->result || spk_spill_run_blocks(call->result) == o->writing_page - o->run_first, "results come in order, without a hole");
	if (status == SPK_OK)
		status = spk_spill_put_block(&o->share, call->result, o->writing, err);
	spk_batch_unref(o->writing);
	o->writing = NULL;
	return status;
}

static spk_status start_results(struct over *o, int c, int64_t number, spk_error *err)
{
	int64_t from = number << o->page_shift;
	struct spk_batch *b;

	SPK_TRY(spk_batch_new(&b, &o->call[c].schema, o->base.pipeline->account, err));
	o->writing = b;
	o->writing_page = number;
	b->rows = b->selected = (int)SPK_MIN(o->rows - from, (int64_t)o->page_rows);
	return spk_vector_init(&b->column[0], o->call[c].schema.field[0].type, b->rows, b->arena, err);
}

spk_status over_target(struct over *o, int c, int64_t r, struct over_target *out, spk_error *err)
{
	struct over_page *page = over_page_of(o, r);
	int64_t number = r >> o->page_shift;

	out->row = (int32_t)(r & (o->page_rows - 1));
	if (!page->on_disk) {
		out->vector = &page->out->column[o->base.plan->schema->count - o->base.plan->calls + c];
		out->arena = page->out->arena;
		out->rows = page->in->rows;
		return SPK_OK;
	}
	if (o->writing && o->writing_page != number)
		SPK_TRY(write_results(o, c, err));
	if (!o->writing)
		SPK_TRY(start_results(o, c, number, err));
	out->vector = &o->writing->column[0];
	out->arena = o->writing->arena;
	out->rows = o->writing->rows;
	return SPK_OK;
}

spk_status over_target_end(struct over *o, int c, spk_error *err) { return write_results(o, c, err); }

spk_status over_set_null(struct over *o, int c, int64_t r, spk_error *err)
{
	struct over_target t;

	SPK_TRY(over_target(o, c, r, &t, err));
	SPK_TRY(spk_vector_need_valid(t.vector, t.rows, t.arena, err));
	spk_bit_clear(t.vector->valid, t.row);
	return SPK_OK;
}

/* The results of call `c` for a page become a column of `out`. */
static spk_status read_result(struct over *o, int c, int64_t number, struct spk_batch *out, spk_error *err)
{
	struct spk_spill_cursor cursor = { o->call[c].result, number - o->run_first };
	struct spk_batch *result;
	spk_status status;

	SPK_TRY(spk_spill_get(&o->share, &cursor, &o->call[c].schema, &result, err));
	status = spk_arena_hold(out->arena, result->arena, err);
	out->column[o->base.plan->schema->count - o->base.plan->calls + c] = result->column[0];
	spk_batch_unref(result);
	return status;
}

spk_status over_page_result(struct over *o, int64_t number, struct spk_batch **out, spk_error *err)
{
	const struct over_page *page = &o->page[number - o->first];
	struct spk_batch *rows;
	spk_status status;

	if (!page->on_disk) {
		*out = spk_batch_ref(page->out);
		return SPK_OK;
	}
	SPK_TRY(read_rows(o, number, &rows, NULL, err));
	status = spk_batch_derive(out, rows, o->base.plan->schema, err);
	if (status == SPK_OK) {
		memcpy((*out)->column, rows->column, sizeof *rows->column * (size_t)rows->columns);
		for (int c = 0; c < o->base.plan->calls && status == SPK_OK; c++)
			status = read_result(o, c, number, *out, err);
		if (status != SPK_OK)
			spk_batch_unref(*out);
	}
	spk_batch_unref(rows);
	return status;
}
