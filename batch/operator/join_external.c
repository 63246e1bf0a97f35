/*
 * Joins of partitions on disk: each partition of the build side becomes a table, which the probe rows of the same partition are matched with. One
 * that does not fit is cut again, by other bits of the hash; one that cannot be cut is taken in pieces.
 */
#include "batch/operator/join_core.h"

#include "core/base/fault.h"

/* A partition of both sides. */
struct work { const struct spk_join_part *build, *probe; int level; bool splits; };

static spk_status join_part(struct spk_join_core *c, const struct work *w, spk_error *err);

static struct spk_join_part_reader reader(struct spk_join_core *c, const struct spk_schema *schema, const struct spk_join_part *part)
{
	return (struct spk_join_part_reader){ .share = &c->share, .schema = schema, .part = part, .parts = 1 };
}

/* --- a table over the whole partition --- */

static spk_status probe_all(struct spk_join_core *c, const struct spk_join_part *probe, spk_error *err)
{
	struct spk_join_part_reader r = reader(c, c->probe_schema, probe);
	struct spk_batch *in;
	spk_status status;

	while ((status = spk_join_part_next(&r, &in, err)) == SPK_OK && in && !c->base.done)
		if ((status = spk_join_core_probe(c, in, err)) != SPK_OK)
			break;
	spk_join_part_reader_release(&r);
	return status;
}

static spk_status join_whole(struct spk_join_core *c, const struct work *w, struct spk_join_table *t, spk_error *err)
{
	spk_status status = spk_join_core_use(c, t, err);

	if (status == SPK_OK)
		status = probe_all(c, w->probe, err);
	if (status == SPK_OK)
		status = spk_join_core_emit_build(c, err);
	if (status == SPK_OK)
		status = spk_join_core_use(c, NULL, err);
	return status;
}

/* --- cut again --- */

static spk_status cut(struct spk_join_core *c, bool build, const struct spk_join_part *part, struct spk_join_parts *out, spk_error *err)
{
	struct spk_join_part_reader r = reader(c, out->schema, part);
	uint64_t hash[SPK_BATCH_ROWS];
	struct spk_batch *in;
	spk_status status;

	while ((status = spk_join_part_next(&r, &in, err)) == SPK_OK && in) {
		spk_arena_clear(c->work);
		status = spk_join_hash(&c->j, build, in, c->work, hash, err);
		if (status == SPK_OK)
			status = spk_join_parts_put_all(out, in, hash, err);
		if (status != SPK_OK)
			break;
	}
	spk_join_part_reader_release(&r);
	return status == SPK_OK ? spk_join_parts_end(out, err) : status;
}

static spk_status join_parts(struct spk_join_core *c, const struct spk_join_parts *build, const struct spk_join_parts *probe, int64_t rows, spk_error *err)
{
	for (int i = 0; i < build->count && !c->base.done; i++) {
		/* Where nearly all rows stay together they are of few keys, and other bits would not help. */
		struct work w = { &build->part[i], &probe->part[i], build->level + 1, build->part[i].rows < rows - rows / 8 };

		SPK_TRY(join_part(c, &w, err));
	}
	return SPK_OK;
}

static spk_status join_cut(struct spk_join_core *c, const struct work *w, spk_error *err)
{
	struct spk_join_parts build, probe;
	spk_status status;

	spk_join_parts_init(&build, &c->share, c->collector.schema, SPK_JOIN_PARTS, w->level);
	spk_join_parts_init(&probe, &c->share, c->probe_schema, SPK_JOIN_PARTS, w->level);
	status = cut(c, true, w->build, &build, err);
	if (status == SPK_OK)
		status = cut(c, false, w->probe, &probe, err);
	if (status == SPK_OK)
		status = join_parts(c, &build, &probe, w->build->rows, err);
	spk_join_parts_release(&build);
	spk_join_parts_release(&probe);
	return status;
}

/* --- in pieces --- */

/* What is known of the probe's rows so far, in the order in which they are read. */
struct notes { uint8_t *hit, *unknown; int64_t rows; };

static bool needs_notes(const struct spk_join_core *c)
{
	return c->j.keeps_probe || c->j.type == SPK_JOIN_MARK || (!c->j.shows_pairs && !c->j.build_left);
}

static spk_status notes_init(struct spk_join_core *c, struct notes *n, int64_t rows, spk_error *err)
{
	struct spk_memory_account *account = c->base.pipeline->account;

	*n = (struct notes){ 0 };
	if (!needs_notes(c) || !rows)
		return SPK_OK;
	n->hit = spk_calloc(account, (size_t)rows);
	n->unknown = n->hit ? spk_calloc(account, (size_t)rows) : NULL;
	if (!n->unknown) {
		spk_free(account, n->hit, n->hit ? (size_t)rows : 0);
		n->hit = NULL;
		return spk_fail_memory(err);
	}
	n->rows = rows;
	return SPK_OK;
}

static void notes_release(struct spk_join_core *c, struct notes *n)
{
	spk_free(c->base.pipeline->account, n->hit, (size_t)n->rows);
	spk_free(c->base.pipeline->account, n->unknown, (size_t)n->rows);
}

static void recall(struct spk_join_core *c, const struct notes *n, struct spk_batch *in, int64_t at)
{
	spk_join_pairs_begin(&c->pairs, in);
	if (!n->rows)
		return;
	memcpy(c->pairs.hit, n->hit + at, (size_t)in->selected);
	memcpy(c->pairs.unknown, n->unknown + at, (size_t)in->selected);
}

static void note(const struct spk_join_core *c, struct notes *n, const struct spk_batch *in, int64_t at)
{
	if (!n->rows)
		return;
	memcpy(n->hit + at, c->pairs.hit, (size_t)in->selected);
	if (c->j.type == SPK_JOIN_MARK)
		memcpy(n->unknown + at, c->pairs.unknown, (size_t)in->selected);
}

/* All probe rows against the piece at hand, or, when all pieces were there (`last`), what comes out for what is known of them. */
static spk_status pass(struct spk_join_core *c, const struct spk_join_part *probe, struct notes *n, bool last, spk_error *err)
{
	struct spk_join_part_reader r = reader(c, c->probe_schema, probe);
	struct spk_batch *in;
	int64_t at = 0;
	spk_status status;

	while ((status = spk_join_part_next(&r, &in, err)) == SPK_OK && in && !c->base.done) {
		spk_arena_clear(c->work);
		recall(c, n, in, at);
		status = last ? spk_join_core_conclude(c, err) : c->kind->match(c, in, err);
		if (status != SPK_OK)
			break;
		note(c, n, in, at);
		at += in->selected;
	}
	spk_join_part_reader_release(&r);
	return status;
}

/* The build side's batches of one piece. */
struct piece { struct spk_batch **batch; int count, capacity, at; int64_t rows; size_t bytes; };

static spk_status next_of_piece(void *user, struct spk_batch **out, spk_error *err)
{
	struct piece *p = user;

	(void)err;
	*out = p->at < p->count ? p->batch[p->at++] : NULL;
	return SPK_OK;
}

static void piece_release(struct spk_join_core *c, struct piece *p)
{
	for (int i = 0; i < p->count; i++)
		spk_batch_unref(p->batch[i]);
	spk_free(c->base.pipeline->account, p->batch, (size_t)p->capacity * sizeof(*p->batch));
	*p = (struct piece){ 0 };
}

/* The next batches, at least one, until they and a table over them take about `most` bytes. */
static spk_status read_piece(struct spk_join_core *c, struct spk_join_part_reader *r, size_t most, struct piece *p, spk_error *err)
{
	struct spk_batch *in;
	size_t bytes;

	while (!p->count || p->bytes + spk_join_table_need(p->rows, p->bytes) < most) {
		SPK_TRY(spk_join_part_next(r, &in, err));
		if (!in)
			return SPK_OK;
		if (p->count == p->capacity) {
			int capacity = p->capacity ? 2 * p->capacity : 16;
			struct spk_batch **grown = spk_realloc(c->base.pipeline->account, p->batch, (size_t)p->capacity * sizeof(*grown), (size_t)capacity * sizeof(*grown));

			SPK_TRY_PTR(grown, err);
			p->batch = grown;
			p->capacity = capacity;
		}
		SPK_TRY(spk_batch_serialized_size(in, 0, in->selected, &bytes, err));
		p->batch[p->count++] = spk_batch_ref(in);
		p->rows += in->selected;
		p->bytes += bytes;
		if (spk_fault(SPK_FAULT_SPILL_WANTED, NULL) != SPK_OK)
			return SPK_OK;
	}
	return SPK_OK;
}

static spk_status join_piece(struct spk_join_core *c, struct piece *p, const struct spk_join_part *probe, struct notes *n, spk_error *err)
{
	struct spk_join_table *t = NULL;
	spk_status status = spk_join_table_make(&c->j, (struct spk_join_rows){ next_of_piece, p }, p->rows, &t, err);

	piece_release(c, p);
	if (status == SPK_OK)
		status = spk_join_core_use(c, t, err);
	if (status == SPK_OK)
		status = pass(c, probe, n, false, err);
	if (status == SPK_OK)
		status = spk_join_core_emit_build(c, err);
	if (status == SPK_OK)
		status = spk_join_core_use(c, NULL, err);
	/* After a failure the operator may still point to it until it begins anew. */
	if (status != SPK_OK)
		(void)spk_join_core_use(c, NULL, NULL);
	spk_join_table_unref(t);
	return status;
}

static spk_status each_piece(struct spk_join_core *c, const struct work *w, struct notes *n, spk_error *err)
{
	struct spk_join_part_reader r = reader(c, c->collector.schema, w->build);
	spk_status status = SPK_OK;

	while (status == SPK_OK && !c->base.done) {
		struct piece p = { 0 };

		status = read_piece(c, &r, spk_spill_share_bytes(&c->share) / 2, &p, err);
		if (status == SPK_OK && p.count == 0)
			break;
		if (status == SPK_OK)
			status = join_piece(c, &p, w->probe, n, err);
		piece_release(c, &p);
	}
	spk_join_part_reader_release(&r);
	return status;
}

static spk_status join_pieces(struct spk_join_core *c, const struct work *w, spk_error *err)
{
	struct notes n;
	spk_status status;

	SPK_TRY(notes_init(c, &n, w->probe->rows, err));
	c->piecewise = true;
	status = each_piece(c, w, &n, err);
	if (status == SPK_OK && n.rows)
		status = pass(c, w->probe, &n, true, err);
	c->piecewise = false;
	notes_release(c, &n);
	return status;
}

/* --- a partition --- */

/* Makes *out of the partition if that fits, else leaves it NULL. */
static spk_status try_table(struct spk_join_core *c, const struct spk_join_part *build, struct spk_join_table **out, spk_error *err)
{
	struct spk_join_part_reader r = reader(c, c->collector.schema, build);
	spk_status status;

	*out = NULL;
	if (build->rows && !spk_join_table_fits(&c->share, build->rows, build->bytes))
		return SPK_OK;
	status = spk_join_table_make(&c->j, (struct spk_join_rows){ spk_join_part_next, &r }, build->rows, out, err);
	spk_join_part_reader_release(&r);
	return status == SPK_MEMORY_LIMIT && build->rows ? SPK_OK : status;
}

static spk_status join_part(struct spk_join_core *c, const struct work *w, spk_error *err)
{
	struct spk_join_table *t;
	spk_status status;

	if (!w->probe->rows && !c->j.keeps_build && !(c->j.build_left && c->j.type == SPK_JOIN_ANTI))
		return SPK_OK;
	if (!w->build->rows && !w->probe->rows)
		return SPK_OK;
	SPK_TRY(try_table(c, w->build, &t, err));
	if (t) {
		status = join_whole(c, w, t, err);
		if (status != SPK_OK)
			(void)spk_join_core_use(c, NULL, NULL);
		spk_join_table_unref(t);
		return status;
	}
	return w->splits && w->level < SPK_JOIN_LEVELS ? join_cut(c, w, err) : join_pieces(c, w, err);
}

spk_status spk_join_external_part(struct spk_join_core *c, const struct spk_join_part *build, const struct spk_join_part *probe, spk_error *err)
{
	struct work w = { build, probe, 0, false };

	return join_part(c, &w, err);
}

spk_status spk_join_external(struct spk_join_core *c, spk_error *err)
{
	const struct spk_join_parts *build = &c->side->parts;
	bool one = build->count == 1;

	SPK_TRY(spk_join_parts_end(&c->waiting, err));
	for (int i = 0; i < build->count && !c->base.done; i++) {
		struct work w = { &build->part[i], &c->waiting.part[i], 1, !one };

		if (!c->side->resident[i])
			SPK_TRY(join_part(c, &w, err));
	}
	return SPK_OK;
}
