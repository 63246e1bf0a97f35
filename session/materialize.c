/*
 * What a batch query has to compute before it runs: WITH queries that are used several times but computed once (SHARED), and recursive ones.
 * Each becomes a kept relation (batch/cache.h), which the query then scans; it is filled when the query is about to run, and dropped
 * when it is over.
 *
 * In the step of a recursive query, WORK_TABLE is a scan of the last round's rows, and what does not depend on them is kept too, so
 * that it is computed once and not in every round.
 */
#include <stdlib.h>

#include "session/materialize.h"

/* The relations made for the plans of a session, the newest first. */
struct spk_materialized {
	struct spk_materialized *next;
	struct spk_recursion recursion;   /* node NULL: rows of a plan */
	int number;                       /* of the WITH query */
	const struct spk_logical *plan;   /* whose pass made it */
	struct spk_table *table;
};

struct pass {
	struct spk_session *s;
	const struct spk_logical *root;
	struct spk_cache *cache;
	int work;                         /* WORK_TABLEs of this number are scans of `work_table` */
	struct spk_table *work_table;
};

static spk_status replace(struct pass *p, struct spk_logical *l, struct spk_logical **out, spk_error *err);

/* --- looking at trees --- */

static int count_shared(const struct spk_logical *l, int number)
{
	int n = l->kind == SPK_LOGICAL_SHARED && l->number == number;

	for (int i = 0; i < l->inputs; i++)
		n += count_shared(l->input[i], number);
	return n;
}

static bool has_kind(const struct spk_logical *l, enum spk_logical_kind kind)
{
	if (l->kind == kind)
		return true;
	for (int i = 0; i < l->inputs; i++)
		if (has_kind(l->input[i], kind))
			return true;
	return false;
}

/* Refers to the rounds of a recursive query that is not in it. */
static bool has_free_work(const struct spk_logical *l, const struct spk_logical *top)
{
	if (l->kind == SPK_LOGICAL_WORK_TABLE)
		return true;
	for (int i = 0; i < l->inputs; i++)
		if (!(l->kind == SPK_LOGICAL_RECURSIVE && i == 1 && l != top) && has_free_work(l->input[i], top))
			return true;
	return false;
}

/* Reads a table that is not kept already. */
static bool reads(const struct spk_logical *l)
{
	if (l->kind == SPK_LOGICAL_SCAN)
		return !l->table->rows;
	for (int i = 0; i < l->inputs; i++)
		if (reads(l->input[i]))
			return true;
	return false;
}

static bool scans(const struct spk_logical *l, const struct spk_table *table)
{
	if (l->kind == SPK_LOGICAL_SCAN)
		return l->table == table;
	for (int i = 0; i < l->inputs; i++)
		if (scans(l->input[i], table))
			return true;
	return false;
}

/* --- kept relations --- */

static spk_status keep(struct pass *p, int number, const struct spk_logical *plan, struct spk_materialized **out, spk_error *err)
{
	struct spk_materialized *m = calloc(1, sizeof *m);
	spk_status status;

	SPK_TRY_PTR(m, err);
	m->number = number;
	m->plan = p->root;
	status = spk_cached_new(&m->recursion.rows, p->cache, plan->schema, SPK_CACHE_BOTH, plan, err);
	if (status != SPK_OK) {
		free(m);
		return status;
	}
	m->next = p->s->materialized;
	p->s->materialized = m;
	*out = m;
	return spk_cached_table(m->recursion.rows, "with", p->s->arena, &m->table, err);
}

static spk_status scan(const struct pass *p, struct spk_table *table, const struct spk_logical *like, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *l = spk_logical_new(p->s->arena, SPK_LOGICAL_SCAN, like->schema, NULL, 0);

	SPK_TRY_PTR(l, err);
	l->table = table;
	l->alias = table->name;
	l->position = like->position;
	SPK_TRY_PTR(l->column = SPK_NEW_ARRAY(p->s->arena, int, like->schema->count + 1), err);
	for (int i = 0; i < like->schema->count; i++)
		l->column[i] = i;
	*out = l;
	return SPK_OK;
}

static struct spk_materialized *find(const struct pass *p, int number)
{
	for (struct spk_materialized *m = p->s->materialized; m && m->plan == p->root; m = m->next)
		if (m->number == number)
			return m;
	return NULL;
}

static spk_status unsupported(const struct spk_logical *l, const char *what, spk_error *err)
{
	spk_fail(err, SPK_UNSUPPORTED, "%s is not supported yet", what);
	if (err)
		err->position = l->position;
	return SPK_UNSUPPORTED;
}

/* --- SHARED --- */

static spk_status replace_shared(struct pass *p, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_materialized *m = find(p, l->number);

	if (m)
		return scan(p, m->table, l, out, err);
	SPK_TRY(replace(p, l->input[0], out, err));
	if (count_shared(p->root, l->number) < 2 || ((*out)->kind == SPK_LOGICAL_SCAN && (*out)->table->rows))
		return SPK_OK;
	if (p->work_table && scans(*out, p->work_table))
		return unsupported(l, "a WITH query in the step of a recursive one that has to be computed once", err);
	SPK_TRY(keep(p, l->number, *out, &m, err));
	return scan(p, m->table, l, out, err);
}

/* --- RECURSIVE --- */

/* The largest parts of the step that are the same in every round, each kept. */
static spk_status keep_constants(struct pass *p, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *copy;
	struct spk_materialized *m;

	*out = l;
	if (!reads(l))
		return SPK_OK;
	if (!scans(l, p->work_table)) {
		SPK_TRY(keep(p, -1, l, &m, err));
		return scan(p, m->table, l, out, err);
	}
	SPK_TRY_PTR(copy = spk_logical_clone(p->s->arena, l), err);
	for (int i = 0; i < l->inputs; i++)
		SPK_TRY(keep_constants(p, l->input[i], &copy->input[i], err));
	*out = copy;
	return SPK_OK;
}

static spk_status make_step(struct pass *p, const struct spk_logical *l, struct spk_recursion *r, spk_error *err)
{
	struct pass inner = *p;

	inner.work = l->number;
	for (int i = 0; i < 2; i++) {
		SPK_TRY(spk_cached_new(&r->work[i], p->cache, l->schema, SPK_CACHE_BOTH, NULL, err));
		SPK_TRY(spk_cached_table(r->work[i], "work", p->s->arena, &r->table[i], err));
	}
	inner.work_table = r->table[0];
	SPK_TRY(replace(&inner, l->input[1], &r->step, err));
	return keep_constants(&inner, r->step, &r->step, err);
}

static spk_status replace_recursive(struct pass *p, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_materialized *m = find(p, l->number);
	struct spk_logical *first;

	if (m)
		return scan(p, m->table, l, out, err);
	if (p->work_table && (has_free_work(l->input[0], NULL) || has_kind(l->input[1], SPK_LOGICAL_RECURSIVE)))
		return unsupported(l, "a recursive query in the step of another one", err);
	SPK_TRY(replace(p, l->input[0], &first, err));
	SPK_TRY(keep(p, l->number, l, &m, err));
	m->recursion.node = l;
	m->recursion.first = first;
	m->recursion.limit = l->limit;
	SPK_TRY(make_step(p, l, &m->recursion, err));
	return scan(p, m->table, l, out, err);
}

/* --- the pass --- */

static spk_status replace(struct pass *p, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_logical **input;

	if (l->kind == SPK_LOGICAL_SHARED)
		return replace_shared(p, l, out, err);
	if (l->kind == SPK_LOGICAL_RECURSIVE)
		return replace_recursive(p, l, out, err);
	if (l->kind == SPK_LOGICAL_WORK_TABLE) {
		if (!p->work_table || l->number != p->work)
			return unsupported(l, "a recursive query in the step of another one", err);
		return scan(p, p->work_table, l, out, err);
	}
	SPK_TRY_PTR(input = SPK_NEW_ARRAY(p->s->arena, struct spk_logical *, l->inputs + 1), err);
	for (int i = 0; i < l->inputs; i++)
		SPK_TRY(replace(p, l->input[i], &input[i], err));
	SPK_TRY_PTR(*out = spk_logical_clone(p->s->arena, l), err);
	for (int i = 0; i < l->inputs; i++)
		(*out)->input[i] = input[i];
	return SPK_OK;
}

/* LIMIT over a recursive query, with nothing between that looks at its rows: it need not go on when those are there. */
static void note_limits(struct spk_logical *l)
{
	if (l->kind == SPK_LOGICAL_LIMIT && l->limit >= 0 && l->limit < INT64_MAX - l->offset) {
		struct spk_logical *below = l->input[0];

		while (below->kind == SPK_LOGICAL_PROJECT || below->kind == SPK_LOGICAL_SHARED)
			below = below->input[0];
		if (below->kind == SPK_LOGICAL_RECURSIVE)
			below->limit = l->limit + l->offset;
	}
	for (int i = 0; i < l->inputs; i++)
		note_limits(l->input[i]);
}

static void forget_limits(struct spk_logical *l, const struct spk_logical *root)
{
	if (l->kind == SPK_LOGICAL_SHARED && count_shared(root, l->number) > 1 && l->input[0]->kind == SPK_LOGICAL_RECURSIVE)
		l->input[0]->limit = -1;
	for (int i = 0; i < l->inputs; i++)
		forget_limits(l->input[i], root);
}

spk_status spk_session_materialize(struct spk_session *s, struct spk_logical *root, struct spk_logical **out, spk_error *err)
{
	size_t bytes = (size_t)spk_conf_int(s->conf, SPK_CONF_MEMORY_LIMIT) / 100 * (size_t)spk_conf_int(s->conf, SPK_CONF_CACHE_PERCENT);
	struct pass p = { .s = s, .root = root };

	*out = root;
	if (!has_kind(root, SPK_LOGICAL_SHARED) && !has_kind(root, SPK_LOGICAL_RECURSIVE))
		return SPK_OK;
	if (!s->with_cache)
		SPK_TRY(spk_cache_new(&s->with_cache, spk_conf_text(s->conf, SPK_CONF_SPILL_DIR), bytes, err));
	p.cache = s->with_cache;
	SPK_TRY_PTR(root = spk_logical_copy_tree(s->arena, root), err);
	p.root = root;
	note_limits(root);
	forget_limits(root, root);
	SPK_TRY(replace(&p, root, out, err));
	return spk_logical_finish(s->arena, *out, err);
}

const struct spk_recursion *spk_session_recursion(const struct spk_session *s, const struct spk_cached *rows)
{
	for (const struct spk_materialized *m = s->materialized; m; m = m->next)
		if (m->recursion.rows == rows && m->recursion.node)
			return &m->recursion;
	return NULL;
}

void spk_session_drop_materialized(struct spk_session *s)
{
	for (struct spk_materialized *m = s->materialized; m; m = m->next) {
		spk_cached_drop(m->recursion.rows);
		for (int i = 0; i < 2; i++)
			if (m->recursion.work[i])
				spk_cached_drop(m->recursion.work[i]);
	}
}

void spk_session_free_materialized(struct spk_session *s)
{
	while (s->materialized) {
		struct spk_materialized *m = s->materialized;

		s->materialized = m->next;
		spk_cached_unref(m->recursion.rows);
		for (int i = 0; i < 2; i++)
			spk_cached_unref(m->recursion.work[i]);
		free(m);
	}
	spk_cache_free(s->with_cache);
	s->with_cache = NULL;
}
