/*
 * The rounds of a recursive query. The first term's rows are the first round; then the step runs over the rows of the last round until it
 * gives none. Every run is a batch query like any other, in parallel and within the budget; its rows come back in order, on one thread.
 *
 * UNION: rows that were there before do not count. Their keys are held in a set that outgrows memory (batch/key_set.h), their rows in kept
 * relations that do.
 */
#include "batch/key_set.h"
#include "session/materialize.h"

struct rounds {
	struct spk_session *s;
	const struct spk_recursion *r;
	struct spk_inner_query *query[3]; /* the first term, the step over either working relation */
	struct spk_cached *next;          /* where this round's rows go, beside `rows` */
	int64_t rows, round_rows;
	bool full;                        /* the limit is reached */
	struct spk_key_set *seen;         /* UNION; else NULL */
};

static spk_status add(void *user, struct spk_batch *batch, spk_error *err)
{
	struct rounds *w = user;

	if (w->full)
		return SPK_OK;
	SPK_TRY(spk_cached_add(w->r->rows, 0, batch, err));
	SPK_TRY(spk_cached_add(w->next, 0, batch, err));
	w->rows += batch->selected;
	w->round_rows += batch->selected;
	w->full = w->r->limit >= 0 && w->rows >= w->r->limit;
	return SPK_OK;
}

static spk_status take(void *user, struct spk_batch *in, spk_error *err)
{
	struct rounds *w = user;

	if (w->full)
		return SPK_OK;
	return w->seen ? spk_key_set_add(w->seen, in, err) : add(w, in, err);
}

/* One run, whose rows go to `next`. */
static spk_status run(struct rounds *w, int query, struct spk_cached *next, spk_error *err)
{
	w->next = next;
	w->round_rows = 0;
	SPK_TRY(spk_cached_begin(next, 1, err));
	SPK_TRY(spk_inner_query_run(w->query[query], take, w, err));
	if (w->seen && !w->full)
		SPK_TRY(spk_key_set_settle(w->seen, err));
	spk_cached_finish(next);
	return SPK_OK;
}

/* The step over the other of the two working relations. */
static spk_status other_step(struct rounds *w, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	SPK_TRY_PTR(*out = spk_logical_clone(w->s->arena, l), err);
	if (l->kind == SPK_LOGICAL_SCAN && l->table == w->r->table[0])
		(*out)->table = w->r->table[1];
	for (int i = 0; i < l->inputs; i++)
		SPK_TRY(other_step(w, l->input[i], &(*out)->input[i], err));
	return SPK_OK;
}

static spk_status too_many(const struct rounds *w, int64_t rounds, spk_error *err)
{
	spk_fail(err, SPK_DATA, "the recursive query has not ended after %lld rounds and %lld rows", (long long)rounds, (long long)w->rows);
	if (err)
		err->position = w->r->node->position;
	return spk_hint(err, "Let its second term give no rows at some time; recursion.max is how many rounds there may be.");
}

static spk_status plan_rounds(struct rounds *w, spk_error *err)
{
	struct spk_logical *term[3] = { w->r->first, w->r->step };
	struct spk_physical_plan *plan;

	SPK_TRY(other_step(w, w->r->step, &term[2], err));
	for (int i = 0; i < 3; i++) {
		SPK_TRY(spk_session_plan_inner(w->s, term[i], &plan, err));
		SPK_TRY(spk_inner_query_open(w->s, plan, &w->query[i], err));
	}
	return SPK_OK;
}

static spk_status run_rounds(struct rounds *w, spk_error *err)
{
	const int64_t most = spk_conf_int(w->s->conf, SPK_CONF_RECURSION_MAX);

	SPK_TRY(plan_rounds(w, err));
	SPK_TRY(run(w, 0, w->r->work[0], err));
	for (int64_t i = 0; w->round_rows && !w->full; i++) {
		if (i == most)
			return too_many(w, i, err);
		SPK_TRY(run(w, 1 + (int)(i % 2), w->r->work[(i + 1) % 2], err));
	}
	return SPK_OK;
}

spk_status spk_session_recurse(struct spk_session *s, const struct spk_recursion *r, spk_error *err)
{
	struct rounds w = { .s = s, .r = r };
	spk_status status;

	SPK_TRY(spk_cached_begin(r->rows, 1, err));
	status = r->node->distinct ? spk_key_set_new(&w.seen, r->node->schema, s->with_cache, spk_conf_text(s->conf, SPK_CONF_SPILL_DIR), add, &w, err) : SPK_OK;
	if (status == SPK_OK)
		status = run_rounds(&w, err);
	if (status == SPK_OK)
		spk_cached_finish(r->rows);
	for (int i = 0; i < 3; i++)
		spk_inner_query_close(w.query[i]);
	for (int i = 0; i < 2; i++)
		spk_cached_drop(r->work[i]);
	spk_key_set_free(w.seen);
	return status;
}
