/*
 * Random relations of two bigint columns a and b: as SQL text, and evaluated by the plainest code that can be thought of.
 */
#ifndef SPK_TESTS_BATCH_RELATIONS_H
#define SPK_TESTS_BATCH_RELATIONS_H

#include "core/base/buffer.h"
#include "tests/support/test.h"

struct number { bool null; int64_t v; };
struct pair { struct number a, b; };
struct pairs { int count, capacity; struct pair *at; };

static inline void pairs_add(struct pairs *p, struct pair row)
{
	if (p->count == p->capacity) {
		p->capacity = p->capacity ? 2 * p->capacity : 64;
		p->at = realloc(p->at, sizeof *p->at * (size_t)p->capacity);
	}
	p->at[p->count++] = row;
}

static inline void pairs_release(struct pairs *p)
{
	free(p->at);
	*p = (struct pairs){ 0 };
}

/* NULL last, as PostgreSQL orders. */
static inline int number_compare(struct number x, struct number y)
{
	if (x.null || y.null)
		return x.null - y.null;
	return (x.v > y.v) - (x.v < y.v);
}

static inline int pair_compare(const void *x, const void *y)
{
	const struct pair *p = x, *q = y;
	int order = number_compare(p->a, q->a);

	return order ? order : number_compare(p->b, q->b);
}

enum relation_kind { R_TABLE, R_VALUES, R_FILTER, R_PROJECT, R_GROUP, R_GLOBAL, R_DISTINCT, R_UNION, R_JOIN, R_OVER, R_RANK, R_TOP };

/* A relation; what the numbers mean depends on the kind. */
struct relation {
	enum relation_kind kind;
	int variant;
	int64_t k;
	struct relation *input[3];
	int inputs;
	struct pairs values;        /* R_VALUES */
};

enum { FILTERS = 5, PROJECTIONS = 4, GROUPINGS = 15, RANKINGS = 4, TOPS = 5, CONDITIONS = 6, RELATION_TABLES = 3 };
enum relation_join { J_INNER, J_LEFT, J_RIGHT, J_FULL, J_SEMI, J_ANTI, J_IN, J_NOT_IN, J_KINDS };

/* --- making --- */

static inline struct number random_number(spk_test_rng *rng)
{
	return spk_test_one_in(rng, 8) ? (struct number){ .null = true } : (struct number){ .v = spk_test_between(rng, -6, 6) };
}

static inline struct relation *relation_new(spk_test_rng *rng, int depth)
{
	struct relation *r = calloc(1, sizeof *r);

	r->kind = depth <= 0 ? (spk_test_one_in(rng, 4) ? R_VALUES : R_TABLE) : (enum relation_kind)spk_test_below(rng, R_TOP + 1);
	r->k = spk_test_between(rng, -4, 4);
	r->variant = (int)spk_test_below(rng, 60);
	if (r->kind == R_TABLE || r->kind == R_VALUES)
		r->inputs = 0;
	else
		r->inputs = r->kind == R_UNION ? 2 + (int)spk_test_below(rng, 2) : r->kind == R_JOIN ? 2 : 1;
	for (int i = 0; r->kind == R_VALUES && i < 1 + r->variant % 5; i++)
		pairs_add(&r->values, (struct pair){ random_number(rng), random_number(rng) });
	/* Joins make many rows of few: not too deep. */
	for (int i = 0; i < r->inputs; i++)
		r->input[i] = relation_new(rng, r->kind == R_JOIN ? SPK_MIN(depth - 1, 1) : depth - 1);
	return r;
}

static inline bool relation_joins(const struct relation *r)
{
	bool has = r->kind == R_JOIN;

	for (int i = 0; i < r->inputs; i++)
		has = has || relation_joins(r->input[i]);
	return has;
}

static inline void relation_free(struct relation *r)
{
	for (int i = 0; r && i < r->inputs; i++)
		relation_free(r->input[i]);
	if (r)
		pairs_release(&r->values);
	free(r);
}

/* --- as SQL --- */

static inline void put_number(struct number n, struct spk_buffer *out)
{
	if (n.null)
		spk_buffer_append_str(out, "NULL::bigint", NULL);
	else
		spk_buffer_printf(out, NULL, "%lld::bigint", (long long)n.v);
}

/* R_RANK: the last rank that comes out. */
static inline int rank_bound(const struct relation *r) { return r->variant % TOPS == 3 ? 1 : 1 + r->variant / TOPS % 7; }

static inline enum relation_join join_of(const struct relation *r) { return (enum relation_join)(r->variant / CONDITIONS % J_KINDS); }

static inline void relation_sql(const struct relation *r, struct spk_buffer *out);

static inline void join_side_sql(const struct relation *r, const char *before, const char *name, struct spk_buffer *out)
{
	spk_buffer_printf(out, NULL, "%s(", before);
	relation_sql(r, out);
	spk_buffer_printf(out, NULL, ") %s(a, b)", name);
}

static inline void join_sql(const struct relation *r, struct spk_buffer *out)
{
	static const char *const conditions[CONDITIONS] = { "l.a = r.a", "l.a = r.a AND l.b = r.b", "l.b = r.a AND l.a < r.b", "l.a IS NOT DISTINCT FROM r.b",
		"l.a + %lld = r.a AND coalesce(l.b, 0) <> r.b", "l.a < r.a + %lld" };
	static const char *const starts[J_KINDS] = { "SELECT l.a, r.b FROM ", "SELECT l.a, r.b FROM ", "SELECT l.a, r.b FROM ", "SELECT coalesce(l.a, r.a), r.b FROM ",
		"SELECT l.a, l.b FROM ", "SELECT l.a, l.b FROM ", "SELECT l.a, l.b FROM ", "SELECT l.a, l.b FROM " };
	static const char *const joins[J_KINDS] = { " JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN ", " WHERE EXISTS (SELECT 1 FROM ", " WHERE NOT EXISTS (SELECT 1 FROM ", " WHERE (l.a IN (SELECT r.a FROM ",
		" WHERE (l.a NOT IN (SELECT r.a FROM " };
	enum relation_join join = join_of(r);

	join_side_sql(r->input[0], starts[join], "l", out);
	join_side_sql(r->input[1], joins[join], "r", out);
	if (join >= J_IN) {
		/* Other rows where the answer is NULL or not; of all rows, or of those with its b. */
		spk_buffer_append_str(out, r->variant % 2 ? ")" : " WHERE r.b = l.b)", NULL);
		spk_buffer_append_str(out, r->variant % 4 < 2 ? ")" : ") IS NOT TRUE", NULL);
		return;
	}
	spk_buffer_append_str(out, join >= J_SEMI ? " WHERE " : " ON ", NULL);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	spk_buffer_printf(out, NULL, conditions[r->variant % CONDITIONS], (long long)r->k);
#pragma GCC diagnostic pop
	spk_buffer_append_str(out, join >= J_SEMI ? ")" : "", NULL);
}

static inline void relation_sql(const struct relation *r, struct spk_buffer *out)
{
	static const char *const filters[FILTERS] = { "a > %lld", "b IS NULL OR b <> %lld", "a + b >= %lld", "a IS NOT NULL AND a < %lld", "a = b OR a = %lld" };
	static const char *const projections[PROJECTIONS] = { "SELECT b, a + %lld", "SELECT a %% 3, b * %lld", "SELECT coalesce(a, %lld), b",
		"SELECT CASE WHEN a > %lld THEN a ELSE -a END, b" };
	static const char *const groupings[GROUPINGS] = { "SELECT a, count(*)", "SELECT a, sum(b)::bigint", "SELECT a, min(b)", "SELECT a, max(b) FILTER (WHERE b < %lld)", "SELECT a, count(b)", "SELECT a, sum(DISTINCT b)::bigint",
		"SELECT a, 1000 * count(DISTINCT b) + 100 * count(DISTINCT b) FILTER (WHERE b > %lld) + count(b)", "SELECT a, max(b) - min(b)", "SELECT a, arg_max(b, -b)",
		"SELECT a, percentile_disc(0.4) WITHIN GROUP (ORDER BY b DESC)", "SELECT a, (2 * percentile_cont(0.5) WITHIN GROUP (ORDER BY b))::bigint", "SELECT a, mode() WITHIN GROUP (ORDER BY b)",
		"SELECT a, mode() WITHIN GROUP (ORDER BY b DESC) FILTER (WHERE b < %lld)", "SELECT a, first(b ORDER BY b DESC NULLS LAST) - last(b ORDER BY b DESC)", "SELECT a, any_value(a)" };

	static const char *const rankings[RANKINGS] = { "SELECT a, row_number() OVER (PARTITION BY a ORDER BY b)", "SELECT a, sum(b + %lld) OVER (PARTITION BY a ORDER BY b)::bigint",
		"SELECT a, lag(b) OVER (PARTITION BY a ORDER BY b)", "SELECT a, count(*) OVER ()" };

	static const char *const tops[TOPS] = { "SELECT a, b FROM (SELECT a, b, row_number() OVER (PARTITION BY a ORDER BY b) AS n", "SELECT a, n FROM (SELECT a, rank() OVER (PARTITION BY a ORDER BY b DESC) AS n",
		"SELECT b, n FROM (SELECT b, dense_rank() OVER (ORDER BY a) AS n", "SELECT a, b FROM (SELECT a, b, row_number() OVER (PARTITION BY a ORDER BY b DESC NULLS LAST) AS n",
		"SELECT a, n FROM (SELECT a, row_number() OVER (PARTITION BY a ORDER BY b) AS n" };
	static const char *const bounds[TOPS] = { "n <= %d", "%d >= n", "n BETWEEN 2 AND %d", "n < 2", "n <= %d AND a > 0" };

	switch (r->kind) {
	case R_TABLE:
		spk_buffer_printf(out, NULL, "SELECT a, b FROM t%d", r->variant % RELATION_TABLES);
		return;
	case R_VALUES:
		spk_buffer_append_str(out, "SELECT * FROM (VALUES ", NULL);
		for (int i = 0; i < r->values.count; i++) {
			spk_buffer_append_str(out, i ? ", (" : "(", NULL);
			put_number(r->values.at[i].a, out);
			spk_buffer_append_str(out, ", ", NULL);
			put_number(r->values.at[i].b, out);
			spk_buffer_append_str(out, ")", NULL);
		}
		spk_buffer_append_str(out, ") v(a, b)", NULL);
		return;
	case R_UNION:
		for (int i = 0; i < r->inputs; i++) {
			spk_buffer_append_str(out, i ? " UNION ALL (" : "(", NULL);
			relation_sql(r->input[i], out);
			spk_buffer_append_str(out, ")", NULL);
		}
		return;
	case R_JOIN:
		join_sql(r, out);
		return;
	case R_FILTER: spk_buffer_append_str(out, "SELECT a, b", NULL); break;
	case R_DISTINCT: spk_buffer_append_str(out, "SELECT DISTINCT a, b", NULL); break;
	case R_TOP: spk_buffer_append_str(out, "SELECT a, b", NULL); break;
	case R_GLOBAL: spk_buffer_append_str(out, "SELECT count(*), sum(a)::bigint", NULL); break;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	case R_PROJECT: spk_buffer_printf(out, NULL, projections[r->variant % PROJECTIONS], (long long)r->k); break;
	case R_GROUP: spk_buffer_printf(out, NULL, groupings[r->variant % GROUPINGS], (long long)r->k); break;
	case R_RANK: spk_buffer_append_str(out, tops[r->variant % TOPS], NULL); break;
	case R_OVER: spk_buffer_printf(out, NULL, rankings[r->variant % RANKINGS], (long long)r->k); break;
	}
	spk_buffer_append_str(out, " FROM (", NULL);
	relation_sql(r->input[0], out);
	spk_buffer_append_str(out, ") r(a, b)", NULL);
	if (r->kind == R_FILTER) {
		spk_buffer_append_str(out, " WHERE ", NULL);
		spk_buffer_printf(out, NULL, filters[r->variant % FILTERS], (long long)r->k);
	}
	if (r->kind == R_RANK) {
		spk_buffer_append_str(out, ") q WHERE ", NULL);
		spk_buffer_printf(out, NULL, bounds[r->variant % TOPS], rank_bound(r));
	}
#pragma GCC diagnostic pop
	if (r->kind == R_GROUP)
		spk_buffer_append_str(out, " GROUP BY a", NULL);
	if (r->kind == R_TOP)
		spk_buffer_printf(out, NULL, " ORDER BY a, b LIMIT %d OFFSET %d", r->variant, r->variant % 4);
}

/* --- evaluated --- */

static inline bool keeps(const struct relation *r, struct pair p)
{
	bool a = !p.a.null, b = !p.b.null;

	switch (r->variant % FILTERS) {
	case 0: return a && p.a.v > r->k;
	case 1: return !b || p.b.v != r->k;
	case 2: return a && b && p.a.v + p.b.v >= r->k;
	case 3: return a && p.a.v < r->k;
	default: return a && ((b && p.a.v == p.b.v) || p.a.v == r->k);
	}
}

static inline struct pair projected(const struct relation *r, struct pair p)
{
	switch (r->variant % PROJECTIONS) {
	case 0: return (struct pair){ p.b, { p.a.null, p.a.v + r->k } };
	case 1: return (struct pair){ { p.a.null, p.a.v % 3 }, { p.b.null, p.b.v * r->k } };
	case 2: return (struct pair){ p.a.null ? (struct number){ false, r->k } : p.a, p.b };
	default: return (struct pair){ { p.a.null, p.a.v > r->k ? p.a.v : -p.a.v }, p.b };
	}
}

/* Of rows sorted by b: 1000 for every value, 100 for every one above k, 1 for every row. */
static inline int64_t counted(const struct relation *r, const struct pair *from, const struct pair *to)
{
	int64_t n = 0;

	for (const struct pair *p = from; p < to; p++) {
		const bool first = p == from || number_compare(p->b, p[-1].b) != 0;

		n += p->b.null ? 0 : 1 + (first ? 1000 : 0) + (first && p->b.v > r->k ? 100 : 0);
	}
	return n;
}

/* The b that is there most often, the least of several, or the greatest; below `k` if there is a bound. */
static inline struct number most_frequent(const struct pair *from, const struct pair *to, bool greatest, const int64_t *k)
{
	struct number best = { .null = true };
	int64_t most = 0, n = 0;

	for (const struct pair *p = from; p < to; p++) {
		n = p > from && p->b.v == p[-1].b.v ? n + 1 : 1;
		if ((k && p->b.v >= *k) || n < most + !greatest)
			continue;
		most = n;
		best = p->b;
	}
	return best;
}

/* Aggregates that go by the order of values, none of which is NULL. */
static inline struct number by_order(const struct relation *r, const struct pair *from, const struct pair *to)
{
	const int64_t n = to - from, at = (2 * n + 4) / 5;

	switch (r->variant % GROUPINGS) {
	case 8: return from->b;
	case 9: return to[-at].b;
	case 10: return (struct number){ .v = from[(n - 1) / 2].b.v + from[n / 2].b.v };
	case 11: return most_frequent(from, to, false, NULL);
	case 12: return most_frequent(from, to, true, &r->k);
	default: return (struct number){ .v = to[-1].b.v - from->b.v };
	}
}

/* The aggregate of rows [from, to), which have one a. */
static inline struct number grouped(const struct relation *r, const struct pair *from, const struct pair *to)
{
	struct number n = { .null = true };
	int64_t rows = 0, values = 0;
	int variant = r->variant % GROUPINGS;
	const struct pair *first = from;

	if (variant == 6)
		return (struct number){ .v = counted(r, from, to) };
	if (variant == 14)
		return from->a;
	if (variant >= 7) {
		/* NULLs stand at the end. */
		while (to > from && to[-1].b.null)
			to--;
		return to == from ? n : by_order(r, from, to);
	}
	for (; from < to; from++) {
		rows++;
		/* Sorted: the same b stand together. */
		if (from->b.null || (variant == 3 && from->b.v >= r->k) || (variant == 5 && from > first && number_compare(from->b, from[-1].b) == 0))
			continue;
		values++;
		if (n.null)
			n = from->b;
		else if (variant == 1 || variant == 5)
			n.v += from->b.v;
		else if (variant == 2)
			n.v = from->b.v < n.v ? from->b.v : n.v;
		else
			n.v = from->b.v > n.v ? from->b.v : n.v;
	}
	if (variant == 0)
		return (struct number){ .v = rows };
	return variant == 4 ? (struct number){ .v = values } : n;
}

static inline void sort_pairs(struct pairs *p)
{
	if (p->count)
		qsort(p->at, (size_t)p->count, sizeof *p->at, pair_compare);
}

static inline struct pairs relation_group(const struct relation *r, struct pairs *in)
{
	struct pairs out = { 0 };

	sort_pairs(in);
	for (int i = 0, end; i < in->count; i = end) {
		for (end = i + 1; end < in->count && number_compare(in->at[i].a, in->at[end].a) == 0;)
			end++;
		pairs_add(&out, (struct pair){ in->at[i].a, grouped(r, in->at + i, in->at + end) });
	}
	return out;
}

/* What a window function gives for the row at `at` of rows [from, to), which are sorted and have one a; peers have the same b. */
static inline struct number ranked(const struct relation *r, const struct pair *from, const struct pair *at, const struct pair *to, int rows)
{
	struct number n = { .null = true };

	switch (r->variant % RANKINGS) {
	case 0: return (struct number){ .v = at - from + 1 };
	case 1:
		for (; from < to && number_compare(from->b, at->b) <= 0; from++)
			if (!from->b.null)
				n = (struct number){ .v = (n.null ? 0 : n.v) + from->b.v + r->k };
		return n;
	case 2: return at == from ? n : at[-1].b;
	default: return (struct number){ .v = rows };
	}
}

static inline struct pairs relation_over(const struct relation *r, struct pairs *in)
{
	struct pairs out = { 0 };

	sort_pairs(in);
	for (int i = 0, end; i < in->count; i = end) {
		for (end = i + 1; end < in->count && number_compare(in->at[i].a, in->at[end].a) == 0;)
			end++;
		for (int k = i; k < end; k++)
			pairs_add(&out, (struct pair){ in->at[k].a, ranked(r, in->at + i, in->at + k, in->at + end, in->count) });
	}
	return out;
}

/* Of each a the rows by b, NULL last; of all rows the a's. */
static inline int by_rank(const struct relation *r, const struct pair *x, const struct pair *y)
{
	const int variant = r->variant % TOPS, order = variant == 2 ? 0 : number_compare(x->a, y->a);
	struct number p = variant == 2 ? x->a : x->b, q = variant == 2 ? y->a : y->b;

	if (order || variant == 0 || variant == 2 || variant == 4)
		return order ? order : number_compare(p, q);
	/* Descending: NULL first for 1, last for 3. */
	return variant == 3 && (p.null || q.null) ? p.null - q.null : number_compare(q, p);
}

static inline struct pairs relation_rank(const struct relation *r, struct pairs *in)
{
	const int variant = r->variant % TOPS, bound = rank_bound(r);
	struct pairs out = { 0 };

	for (int i = 0; i < in->count; i++) {
		const struct pair *p = &in->at[i];
		int before = 0, dense = 0, twins = 0;

		for (int k = 0; k < in->count; k++) {
			const struct pair *q = &in->at[k];
			const bool together = variant == 2 || number_compare(p->a, q->a) == 0, less = by_rank(r, q, p) < 0;
			bool first = true;

			for (int m = 0; variant == 2 && m < k && first; m++)
				first = by_rank(r, &in->at[m], q) != 0;
			before += together && less;
			dense += together && less && first;
			twins += k < i && pair_compare(p, q) == 0;
		}
		if (variant == 0 || variant == 3 || variant == 4)
			before += twins;
		if (variant == 2 && (dense + 1 < 2 || dense + 1 > bound))
			continue;
		if (variant != 2 && before + 1 > bound)
			continue;
		if (variant == 4 && (p->a.null || p->a.v <= 0))
			continue;
		pairs_add(&out, variant == 2 ? (struct pair){ p->b, { .v = dense + 1 } } : variant == 0 || variant == 3 ? *p : (struct pair){ p->a, { .v = before + 1 } });
	}
	return out;
}

static inline struct pair relation_global(const struct pairs *in)
{
	struct pair p = { { .v = in->count }, { .null = true } };

	for (int i = 0; i < in->count; i++)
		if (!in->at[i].a.null)
			p.b = (struct number){ .v = (p.b.null ? 0 : p.b.v) + in->at[i].a.v };
	return p;
}

static inline bool joins(const struct relation *r, struct pair p, struct pair q)
{
	bool a = !p.a.null && !q.a.null;

	switch (r->variant % CONDITIONS) {
	case 0: return a && p.a.v == q.a.v;
	case 1: return a && p.a.v == q.a.v && !p.b.null && !q.b.null && p.b.v == q.b.v;
	case 2: return !p.b.null && !q.a.null && p.b.v == q.a.v && !p.a.null && !q.b.null && p.a.v < q.b.v;
	case 3: return number_compare(p.a, q.b) == 0;
	case 4: return a && p.a.v + r->k == q.a.v && !q.b.null && (p.b.null ? 0 : p.b.v) != q.b.v;
	default: return a && p.a.v < q.a.v + r->k;
	}
}

/* l.a IN (SELECT r.a ...) for one row: 1 true, 0 false, -1 NULL. Whether the row comes out then depends on NOT, and on IS NOT TRUE behind it. */
static inline bool is_among(const struct relation *r, struct pair p, const struct pairs *right)
{
	const bool not_in = join_of(r) == J_NOT_IN;
	int answer = 0;

	for (int k = 0; k < right->count && answer != 1; k++) {
		const struct pair q = right->at[k];

		if (r->variant % 2 == 0 && (p.b.null || q.b.null || p.b.v != q.b.v))
			continue;
		answer = p.a.null || q.a.null ? -1 : p.a.v == q.a.v ? 1 : answer;
	}
	return r->variant % 4 < 2 ? answer == !not_in : answer != !not_in;
}

static inline struct pairs relation_join(const struct relation *r, const struct pairs *left, const struct pairs *right)
{
	enum relation_join join = join_of(r);
	bool *met = calloc((size_t)right->count + 1, sizeof *met);
	struct number none = { .null = true };
	struct pairs out = { 0 };

	for (int i = 0; i < left->count; i++) {
		struct pair p = left->at[i];
		bool meets = false;

		if (join >= J_IN) {
			if (is_among(r, p, right))
				pairs_add(&out, p);
			continue;
		}
		for (int k = 0; k < right->count; k++) {
			struct pair q = right->at[k];

			if (!joins(r, p, q))
				continue;
			meets = met[k] = true;
			if (join <= J_FULL)
				pairs_add(&out, (struct pair){ join == J_FULL && p.a.null ? q.a : p.a, q.b });
		}
		if (meets ? join == J_SEMI : join == J_LEFT || join == J_FULL || join == J_ANTI)
			pairs_add(&out, (struct pair){ p.a, join == J_ANTI || join == J_SEMI ? p.b : none });
	}
	for (int k = 0; k < right->count; k++)
		if (!met[k] && (join == J_RIGHT || join == J_FULL))
			pairs_add(&out, (struct pair){ join == J_FULL ? right->at[k].a : none, right->at[k].b });
	free(met);
	return out;
}

/* Rows of the relation over these tables, in any order. */
static inline struct pairs relation_rows(const struct relation *r, const struct pairs tables[RELATION_TABLES])
{
	struct pairs out = { 0 };

	if (r->kind == R_TABLE || r->kind == R_VALUES) {
		const struct pairs *from = r->kind == R_TABLE ? &tables[r->variant % RELATION_TABLES] : &r->values;

		for (int i = 0; i < from->count; i++)
			pairs_add(&out, from->at[i]);
		return out;
	}
	if (r->kind == R_JOIN) {
		struct pairs left = relation_rows(r->input[0], tables), right = relation_rows(r->input[1], tables);

		out = relation_join(r, &left, &right);
		pairs_release(&left);
		pairs_release(&right);
		return out;
	}
	for (int k = 0; k < r->inputs; k++) {
		struct pairs in = relation_rows(r->input[k], tables);

		if (r->kind == R_GROUP)
			out = relation_group(r, &in);
		if (r->kind == R_OVER)
			out = relation_over(r, &in);
		if (r->kind == R_RANK)
			out = relation_rank(r, &in);
		if (r->kind == R_GLOBAL)
			pairs_add(&out, relation_global(&in));
		if (r->kind == R_DISTINCT || r->kind == R_TOP)
			sort_pairs(&in);
		for (int i = 0; i < in.count; i++) {
			bool take = r->kind == R_UNION || (r->kind == R_FILTER && keeps(r, in.at[i])) || (r->kind == R_DISTINCT && (i == 0 || pair_compare(&in.at[i], &in.at[i - 1]) != 0)) ||
				    (r->kind == R_TOP && i >= r->variant % 4 && i < r->variant % 4 + r->variant);

			if (take)
				pairs_add(&out, in.at[i]);
			if (r->kind == R_PROJECT)
				pairs_add(&out, projected(r, in.at[i]));
		}
		pairs_release(&in);
	}
	return out;
}

#endif
