/*
 * Random trees of joins over random tables, made as logical plans, and evaluated by the plainest nested loops.
 *
 * A value is a small number or NULL whatever the column's type: the number says which value of the type it is, and different numbers are
 * different values. So the model compares numbers only.
 */
#ifndef SPK_TESTS_BATCH_JOINS_H
#define SPK_TESTS_BATCH_JOINS_H

#include "planner/logical/statistics.h"
#include "tests/batch/support.h"

enum { JOIN_TABLES = 4, JOIN_COLUMNS_MAX = 48, MODEL_NULL = INT32_MIN };

/* What a column holds: its table's row number, the row's text, keys of two families, a number, MARK's answer. */
enum holds { HOLDS_ID, HOLDS_TEXT, HOLDS_FIRST, HOLDS_SECOND, HOLDS_NUMBER, HOLDS_MARK, HOLDS_KINDS };

/* Types that '=' compares with each other; how number v is written, and what comes back as text. */
struct family { const char *name[3]; int names; const char *csv; int scale[3]; };

static const struct family families[] = {
	{ { "bigint", "integer", "smallint" }, 3, "%d", { 0, 0, 0 } },
	{ { "text", "text", "varchar(40)" }, 3, "k%d", { 0, 0, 0 } },
	{ { "text", "text", "text" }, 3, "a key of many letters %d", { 0, 0, 0 } },
	{ { "numeric(10,2)", "numeric(12,4)", "numeric(30,2)" }, 3, "%d", { 2, 4, 2 } },
	{ { "double precision", "real", "double precision" }, 3, "%d", { 0, 0, 0 } },
	{ { "date", "date", "date" }, 3, "2024-01-%02d", { 0, 0, 0 } },
	{ { "timestamp", "timestamp", "timestamp" }, 3, "2024-01-01 00:00:%02d", { 0, 0, 0 } },
	{ { "numeric(10,2)", "bigint", "integer" }, 3, "%d", { 2, 0, 0 } },
};

struct model_table {
	int rows;
	int32_t (*row)[HOLDS_KINDS];       /* by what it holds; MODEL_NULL */
	int type[2];                       /* of the keys, in their families */
};

struct model {
	int family[2];
	struct model_table table[JOIN_TABLES];
	char *dir, *ddl;
	int64_t bytes[JOIN_TABLES];        /* what the planner is told */
	enum spk_runtime_filters runtime_filters;
	bool adaptive;                     /* joins are settled at run time, with this limit for a side that all tasks read */
	int64_t broadcast_bytes;
};

/* --- tables --- */

static inline void put_key(FILE *f, const struct model *m, int which, int32_t v)
{
	fputc(',', f);
	if (v == MODEL_NULL)
		return;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	fprintf(f, families[m->family[which]].csv, (int)v + 10);
#pragma GCC diagnostic pop
}

static inline void write_model_table(const struct model *m, int n, int files)
{
	const struct model_table *t = &m->table[n];
	char *folder = spk_test_format("%s/t%d", m->dir, n);

	REQUIRE(mkdir(folder, 0700) == 0);
	for (int k = 0; k < files; k++) {
		char *path = spk_test_format("%s/part-%d.csv", folder, k);
		FILE *f = fopen(path, "w");

		fprintf(f, "id%d,text%d,first%d,second%d,number%d\n", n, n, n, n, n);
		for (int i = k; i < t->rows; i += files) {
			fprintf(f, "%d,%s%d", i, i % 3 ? "row " : "the text of row number ", i);
			put_key(f, m, 0, t->row[i][HOLDS_FIRST]);
			put_key(f, m, 1, t->row[i][HOLDS_SECOND]);
			if (t->row[i][HOLDS_NUMBER] == MODEL_NULL)
				fprintf(f, ",\n");
			else
				fprintf(f, ",%d\n", (int)t->row[i][HOLDS_NUMBER]);
		}
		fclose(f);
		free(path);
	}
	free(folder);
}

static inline int32_t random_value(spk_test_rng *rng, int range, int nulls)
{
	return nulls && spk_test_one_in(rng, (uint64_t)nulls) ? MODEL_NULL : (int32_t)spk_test_below(rng, (uint64_t)range);
}

static inline void make_model_table(struct model *m, int n, int rows, spk_test_rng *rng)
{
	struct model_table *t = &m->table[n];
	int first = 1 + (int)spk_test_below(rng, 15), second = 1 + (int)spk_test_below(rng, 4), nulls = spk_test_one_in(rng, 3) ? 0 : 4 + (int)spk_test_below(rng, 8);
	bool unique = spk_test_one_in(rng, 3) && rows <= 15;

	*t = (struct model_table){ .rows = rows, .row = calloc((size_t)rows + 1, sizeof *t->row) };
	for (int k = 0; k < 2; k++)
		t->type[k] = (int)spk_test_below(rng, 3);
	for (int i = 0; i < rows; i++) {
		t->row[i][HOLDS_ID] = t->row[i][HOLDS_TEXT] = i;
		t->row[i][HOLDS_FIRST] = unique ? i : random_value(rng, first, nulls);
		t->row[i][HOLDS_SECOND] = random_value(rng, second, nulls);
		t->row[i][HOLDS_NUMBER] = random_value(rng, 9, 7);
	}
}

/* rows: of the largest table, about. */
static inline void model_init(struct model *m, int rows, spk_test_rng *rng)
{
	struct spk_buffer ddl = { 0 };

	*m = (struct model){ .dir = spk_test_dir("joins"), .runtime_filters = (enum spk_runtime_filters)spk_test_below(rng, 3) };
	m->family[0] = (int)spk_test_below(rng, SPK_COUNT_OF(families));
	m->family[1] = (int)spk_test_below(rng, SPK_COUNT_OF(families));
	for (int n = 0; n < JOIN_TABLES; n++) {
		int most = spk_test_one_in(rng, 8) ? 1 : spk_test_one_in(rng, 2) ? 15 : rows;

		make_model_table(m, n, (int)spk_test_below(rng, (uint64_t)most + 1), rng);
		write_model_table(m, n, 1 + (int)spk_test_below(rng, 3));
		m->bytes[n] = spk_test_one_in(rng, 2) ? 100 : spk_test_one_in(rng, 2) ? 10000000 : 100000000000;
		spk_buffer_printf(&ddl, NULL, "CREATE TABLE t%d (id%d integer, text%d text, first%d %s, second%d %s, number%d bigint) WITH ('connector' = 'filesystem', 'path' = '%s/t%d', 'format' = 'csv');\n",
			n, n, n, n, families[m->family[0]].name[m->table[n].type[0]], n, families[m->family[1]].name[m->table[n].type[1]], n, m->dir, n);
	}
	m->ddl = strdup(spk_buffer_cstr(&ddl));
	spk_buffer_release(&ddl);
}

static inline void model_release(struct model *m)
{
	for (int n = 0; n < JOIN_TABLES; n++)
		free(m->table[n].row);
	free(m->ddl);
	free(m->dir);
}

/* --- relations --- */

enum compare { COMPARE_EQUAL, COMPARE_NOT_DISTINCT, COMPARE_TRUE, COMPARE_LESS, COMPARE_SUM };

/* left column (op) right column; COMPARE_TRUE: equal, and NULL is false. */
struct conjunct { enum compare compare; int left, right, k; };

/* A filter above: column < k, column = k, IS NULL, IS NOT NULL; or two columns are equal. */
enum test { TEST_NONE, TEST_LESS, TEST_IS, TEST_NULL, TEST_NOT_NULL, TEST_COLUMNS, TESTS };
struct above { enum test test; int column, other, k; };

struct join_tree {
	int table;                         /* a leaf: its table; else -1 */
	enum spk_join_type type;
	enum spk_join_hint hint;
	struct join_tree *side[2];
	int conjuncts;
	struct conjunct conjunct[3];
	struct above above[2];
	int columns;
	enum holds holds[JOIN_COLUMNS_MAX];
	int from[JOIN_COLUMNS_MAX];        /* by column: the table */
};

static inline int random_column(const struct join_tree *t, enum holds holds, spk_test_rng *rng)
{
	int column = -1;

	for (int tries = 0; tries < 50; tries++) {
		column = (int)spk_test_below(rng, (uint64_t)t->columns);
		if (t->holds[column] == holds)
			return column;
	}
	for (column = 0; t->holds[column] != holds; column++)
		;
	return column;
}

static inline struct conjunct random_conjunct(const struct join_tree *t, bool key, spk_test_rng *rng)
{
	static const enum compare keys[] = { COMPARE_EQUAL, COMPARE_EQUAL, COMPARE_EQUAL, COMPARE_NOT_DISTINCT, COMPARE_TRUE }, others[] = { COMPARE_LESS, COMPARE_SUM };
	struct conjunct c = { .compare = key ? keys[spk_test_below(rng, SPK_COUNT_OF(keys))] : others[spk_test_below(rng, 2)], .k = (int)spk_test_below(rng, 16) };
	enum holds holds = !key ? HOLDS_NUMBER : spk_test_one_in(rng, 3) ? HOLDS_SECOND : HOLDS_FIRST;

	c.left = random_column(t->side[0], holds, rng);
	c.right = random_column(t->side[1], holds, rng);
	return c;
}

static inline void join_columns(struct join_tree *t)
{
	bool shows_right = t->type != SPK_JOIN_SEMI && t->type != SPK_JOIN_ANTI && t->type != SPK_JOIN_MARK;

	for (int s = 0; s < (shows_right ? 2 : 1); s++)
		for (int c = 0; c < t->side[s]->columns; c++) {
			t->holds[t->columns] = t->side[s]->holds[c];
			t->from[t->columns++] = t->side[s]->from[c];
		}
	if (t->type == SPK_JOIN_MARK) {
		t->holds[t->columns] = HOLDS_MARK;
		t->from[t->columns++] = -1;
	}
}

static inline struct above random_above(const struct join_tree *t, spk_test_rng *rng)
{
	struct above a = { .test = spk_test_one_in(rng, 3) ? (enum test)(1 + spk_test_below(rng, TESTS - 1)) : TEST_NONE, .k = (int)spk_test_below(rng, 9) };

	do {
		a.column = (int)spk_test_below(rng, (uint64_t)t->columns);
		a.other = (int)spk_test_below(rng, (uint64_t)t->columns);
	} while ((t->holds[a.column] != HOLDS_NUMBER && t->holds[a.column] != HOLDS_ID) || (t->holds[a.other] != HOLDS_NUMBER && t->holds[a.other] != HOLDS_ID));
	return a;
}

static inline struct join_tree *join_leaf(int table)
{
	struct join_tree *t = calloc(1, sizeof *t);

	t->table = table;
	for (int c = 0; c < HOLDS_MARK; c++) {
		t->holds[t->columns] = (enum holds)c;
		t->from[t->columns++] = table;
	}
	return t;
}

/* Tables first .. first + count are its leaves. */
static inline struct join_tree *join_tree_new(int first, int count, spk_test_rng *rng)
{
	struct join_tree *t;
	int left = 1 + (int)spk_test_below(rng, (uint64_t)SPK_MAX(count - 1, 1)), keys;

	if (count == 1)
		return join_leaf(first);
	t = calloc(1, sizeof *t);
	t->table = -1;
	t->type = (enum spk_join_type)spk_test_below(rng, SPK_JOIN_SINGLE + 1);
	t->hint = spk_test_one_in(rng, 2) ? SPK_JOIN_ANY : (enum spk_join_hint)spk_test_below(rng, SPK_JOIN_LOOP + 1);
	t->side[0] = join_tree_new(first, left, rng);
	t->side[1] = join_tree_new(first + left, count - left, rng);
	keys = spk_test_one_in(rng, 6) ? 0 : 1 + (int)spk_test_below(rng, 2);
	for (int k = 0; k < keys; k++)
		t->conjunct[t->conjuncts++] = random_conjunct(t, true, rng);
	if (spk_test_one_in(rng, 3))
		t->conjunct[t->conjuncts++] = random_conjunct(t, false, rng);
	join_columns(t);
	for (int k = 0; k < 2; k++)
		t->above[k] = random_above(t, rng);
	return t;
}

static inline void join_tree_free(struct join_tree *t)
{
	if (!t)
		return;
	join_tree_free(t->side[0]);
	join_tree_free(t->side[1]);
	free(t);
}

/* --- evaluated --- */

struct model_rows { int count, capacity, columns; int32_t *value; bool too_many; };

static inline void model_add(struct model_rows *r, const int32_t *left, int n, const int32_t *right, int m)
{
	if (r->count == r->capacity) {
		r->capacity = r->capacity ? 2 * r->capacity : 64;
		r->value = realloc(r->value, sizeof *r->value * (size_t)r->capacity * (size_t)r->columns);
	}
	for (int i = 0; i < n + m; i++)
		r->value[r->count * r->columns + i] = i < n ? (left ? left[i] : MODEL_NULL) : right ? right[i - n] : MODEL_NULL;
	r->count++;
}

/* 1, 0 or MODEL_NULL. */
static inline int32_t model_compare(const struct conjunct *c, int32_t a, int32_t b)
{
	bool null = a == MODEL_NULL || b == MODEL_NULL;

	switch (c->compare) {
	case COMPARE_EQUAL: return null ? MODEL_NULL : a == b;
	case COMPARE_NOT_DISTINCT: return a == b;
	case COMPARE_TRUE: return !null && a == b;
	case COMPARE_LESS: return null ? MODEL_NULL : a < b;
	case COMPARE_SUM: break;
	}
	return null ? MODEL_NULL : a + b > c->k;
}

static inline int32_t model_meets(const struct join_tree *t, const int32_t *left, const int32_t *right)
{
	int32_t answer = 1;

	for (int k = 0; k < t->conjuncts; k++) {
		int32_t one = model_compare(&t->conjunct[k], left[t->conjunct[k].left], right[t->conjunct[k].right]);

		if (one == 0)
			return 0;
		if (one == MODEL_NULL)
			answer = MODEL_NULL;
	}
	return answer;
}

static inline bool model_passes(const struct join_tree *t, const int32_t *row)
{
	for (int k = 0; k < 2; k++) {
		const struct above *a = &t->above[k];
		int32_t v = row[a->column], w = row[a->other];
		bool pass[TESTS] = { true, v != MODEL_NULL && v < a->k, v == a->k, v == MODEL_NULL, v != MODEL_NULL, v != MODEL_NULL && w != MODEL_NULL && v == w };

		if (!pass[a->test])
			return false;
	}
	return true;
}

/* Drops the rows that the filters above do not let through. */
static inline void model_filter(const struct join_tree *t, struct model_rows *r)
{
	int kept = 0;

	for (int i = 0; i < r->count; i++)
		if (model_passes(t, &r->value[i * r->columns]))
			memmove(&r->value[kept++ * r->columns], &r->value[i * r->columns], sizeof *r->value * (size_t)r->columns);
	r->count = kept;
}

static inline struct model_rows model_leaf(const struct model *m, const struct join_tree *t)
{
	struct model_rows out = { .columns = t->columns };

	for (int i = 0; i < m->table[t->table].rows; i++)
		model_add(&out, m->table[t->table].row[i], HOLDS_MARK, NULL, 0);
	return out;
}

/* What comes of one left row, once it was compared with all right ones. */
static inline void model_left(const struct join_tree *t, struct model_rows *out, const int32_t *l, int n, int m, int hits, bool unknown)
{
	int32_t mark = hits ? 1 : unknown ? MODEL_NULL : 0;

	switch (t->type) {
	case SPK_JOIN_INNER:
	case SPK_JOIN_RIGHT: return;
	case SPK_JOIN_SINGLE: out->too_many = out->too_many || hits > 1; /* fallthrough */
	case SPK_JOIN_LEFT:
	case SPK_JOIN_FULL:
		if (!hits)
			model_add(out, l, n, NULL, m);
		return;
	case SPK_JOIN_SEMI:
	case SPK_JOIN_ANTI:
		if (!hits == (t->type == SPK_JOIN_ANTI))
			model_add(out, l, n, NULL, 0);
		return;
	case SPK_JOIN_MARK: model_add(out, l, n, &mark, 1); return;
	case SPK_JOIN_ASOF:
	case SPK_JOIN_ASOF_LEFT:
	case SPK_JOIN_LOOKUP:
	case SPK_JOIN_LOOKUP_LEFT: break;
	}
}

static inline struct model_rows model_evaluate(const struct model *m, const struct join_tree *t)
{
	struct model_rows left, right, out = { .columns = t->columns };
	bool pairs = t->type != SPK_JOIN_SEMI && t->type != SPK_JOIN_ANTI && t->type != SPK_JOIN_MARK, *hit;

	if (t->table >= 0)
		return model_leaf(m, t);
	left = model_evaluate(m, t->side[0]);
	right = model_evaluate(m, t->side[1]);
	out.too_many = left.too_many || right.too_many;
	hit = calloc((size_t)right.count + 1, sizeof *hit);
	for (int i = 0; i < left.count; i++) {
		const int32_t *l = &left.value[i * left.columns];
		int hits = 0;
		bool unknown = false;

		for (int k = 0; k < right.count; k++) {
			const int32_t *r = &right.value[k * right.columns];
			int32_t meets = model_meets(t, l, r);

			unknown = unknown || meets == MODEL_NULL;
			if (meets != 1)
				continue;
			hits++;
			hit[k] = true;
			if (pairs)
				model_add(&out, l, left.columns, r, right.columns);
		}
		model_left(t, &out, l, left.columns, right.columns, hits, unknown);
	}
	for (int k = 0; k < right.count && (t->type == SPK_JOIN_RIGHT || t->type == SPK_JOIN_FULL); k++)
		if (!hit[k])
			model_add(&out, NULL, left.columns, &right.value[k * right.columns], right.columns);
	free(hit);
	free(left.value);
	free(right.value);
	model_filter(t, &out);
	return out;
}

/* --- as text --- */

static inline void put_model_key(FILE *f, const struct model *m, int which, int table, int32_t v)
{
	const struct family *family = &families[m->family[which]];
	int scale = family->scale[m->table[table].type[which]];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	fprintf(f, family->csv, (int)v + 10);
#pragma GCC diagnostic pop
	if (scale)
		fprintf(f, ".%0*d", scale, 0);
}

static inline struct rows model_text(const struct model *m, const struct join_tree *t, const struct model_rows *r)
{
	struct rows out = { 0 };

	for (int i = 0; i < r->count; i++) {
		char *text = NULL;
		size_t size;
		FILE *f = open_memstream(&text, &size);

		for (int c = 0; c < t->columns; c++) {
			int32_t v = r->value[i * r->columns + c];

			if (c)
				fputc('|', f);
			if (v == MODEL_NULL)
				fputs("NULL", f);
			else if (t->holds[c] == HOLDS_TEXT)
				fprintf(f, "%s%d", v % 3 ? "row " : "the text of row number ", (int)v);
			else if (t->holds[c] == HOLDS_FIRST || t->holds[c] == HOLDS_SECOND)
				put_model_key(f, m, t->holds[c] == HOLDS_SECOND, t->from[c], v);
			else if (t->holds[c] == HOLDS_MARK)
				fputs(v ? "true" : "false", f);
			else
				fprintf(f, "%d", (int)v);
		}
		fclose(f);
		rows_add(&out, text);
		free(text);
	}
	rows_sort(&out);
	return out;
}

/* --- as a logical plan --- */

static inline struct spk_expr *conjunct_expr(struct spk_arena *arena, const struct conjunct *c, const struct spk_schema *left, const struct spk_schema *right)
{
	struct spk_expr *arg[2] = { spk_expr_column(arena, c->left, &left->field[c->left]), spk_expr_column(arena, left->count + c->right, &right->field[c->right]) }, *out, *both[2];
	static const char *const name[] = { "=", "is not distinct from", "=", "<", "+" };
	struct spk_value no = { .type = spk_type(SPK_TYPE_BOOLEAN) }, k = { .type = spk_type(SPK_TYPE_BIGINT), .i64 = c->k };
	spk_error err = { 0 };

	/* Either side may be written first. */
	if (c->k % 2 && c->compare < COMPARE_LESS)
		REQUIRE_OK(spk_expr_call(arena, name[c->compare], (struct spk_expr *[]){ arg[1], arg[0] }, 2, 0, &out, &err), err);
	else
		REQUIRE_OK(spk_expr_call(arena, name[c->compare], arg, 2, 0, &out, &err), err);
	both[0] = out;
	if (c->compare == COMPARE_TRUE) {
		both[1] = spk_expr_literal(arena, no);
		REQUIRE_OK(spk_expr_make(arena, SPK_EXPR_COALESCE, both, 2, false, 0, &out, &err), err);
	} else if (c->compare == COMPARE_SUM) {
		both[1] = spk_expr_literal(arena, k);
		REQUIRE_OK(spk_expr_call(arena, ">", both, 2, 0, &out, &err), err);
	}
	return out;
}

static inline struct spk_expr *above_expr(struct spk_arena *arena, const struct above *a, const struct spk_schema *s)
{
	struct spk_value k = { .type = spk_type(SPK_TYPE_BIGINT), .i64 = a->k };
	struct spk_expr *arg[2] = { spk_expr_column(arena, a->column, &s->field[a->column]), a->test == TEST_COLUMNS ? spk_expr_column(arena, a->other, &s->field[a->other]) : spk_expr_literal(arena, k) }, *out;
	spk_error err = { 0 };

	if (a->test == TEST_NULL || a->test == TEST_NOT_NULL)
		REQUIRE_OK(spk_expr_make(arena, SPK_EXPR_IS_NULL, arg, 1, a->test == TEST_NOT_NULL, 0, &out, &err), err);
	else
		REQUIRE_OK(spk_expr_call(arena, a->test == TEST_LESS ? "<" : "=", arg, 2, 0, &out, &err), err);
	return out;
}

/* The filters above a join: two nodes, or one. */
static inline struct spk_logical *join_above(struct spk_arena *arena, const struct join_tree *t, struct spk_logical *l)
{
	for (int k = 0; k < 2; k++) {
		struct spk_logical *filter;

		if (t->above[k].test == TEST_NONE)
			continue;
		filter = spk_logical_new(arena, SPK_LOGICAL_FILTER, l->schema, &l, 1);
		filter->filter = above_expr(arena, &t->above[k], l->schema);
		l = filter;
	}
	return l;
}

static inline struct spk_schema *join_schema(struct spk_arena *arena, const struct join_tree *t, const struct spk_schema *left, const struct spk_schema *right)
{
	struct spk_schema *s = SPK_NEW(arena, struct spk_schema);
	int n = t->columns;

	s->field = SPK_NEW_ARRAY(arena, struct spk_field, n);
	for (int c = 0; c < n; c++) {
		s->field[c] = c < left->count ? left->field[c] : t->holds[c] == HOLDS_MARK && c == n - 1 ? (struct spk_field){ "mark", spk_type(SPK_TYPE_BOOLEAN), true } : right->field[c - left->count];
		s->field[c].nullable = true;
	}
	s->count = n;
	return s;
}

static inline struct spk_logical *join_logical(struct query *q, const struct join_tree *t)
{
	struct spk_logical *side[2], *l;
	struct spk_expr *list[3];
	spk_error err = { 0 };

	if (t->table >= 0) {
		struct spk_script script;
		char *sql = spk_test_format("SELECT * FROM t%d", t->table);

		REQUIRE_OK(spk_sql_bind(sql, q->catalog, q->conf, q->arena, &script, &err), err);
		free(sql);
		return script.statement[0].plan;
	}
	for (int s = 0; s < 2; s++)
		side[s] = join_logical(q, t->side[s]);
	l = spk_logical_new(q->arena, SPK_LOGICAL_JOIN, join_schema(q->arena, t, side[0]->schema, side[1]->schema), side, 2);
	l->join = t->type;
	l->hint = t->hint;
	for (int k = 0; k < t->conjuncts; k++)
		list[k] = conjunct_expr(q->arena, &t->conjunct[k], side[0]->schema, side[1]->schema);
	if (t->conjuncts == 1)
		l->filter = list[0];
	else if (t->conjuncts > 1)
		REQUIRE_OK(spk_expr_make(q->arena, SPK_EXPR_AND, list, t->conjuncts, false, 0, &l->filter, &err), err);
	return join_above(q->arena, t, l);
}

/* The planner is told what it likes about the tables' sizes. */
static inline void tell_sizes(struct query *q, const struct model *m)
{
	const char *names[16];
	int count = spk_catalog_names(q->catalog, names, 16);

	for (int i = 0; i < count; i++) {
		struct spk_table_statistics *s = SPK_NEW(q->arena, struct spk_table_statistics);

		REQUIRE(s != NULL);
		s->rows = (double)m->bytes[names[i][1] - '0'] / 14;
		spk_table_set_statistics(spk_catalog_table(q->catalog, names[i]), s);
	}
}

/* The tree's plan; the query is closed by the caller in any case. */
static inline spk_status join_plan(struct query *q, struct model *m, const struct join_tree *t, spk_error *err)
{
	struct spk_catalog_hooks hooks = { .check_table = spk_connector_check_table, .describe_file = spk_connector_describe_file };
	struct spk_physical_options options = { .runtime_filters = m->runtime_filters, .adaptive_joins = m->adaptive, .broadcast_bytes = m->broadcast_bytes };
	struct spk_physical_plan *plan;
	struct spk_script script;
	struct spk_logical *root;

	q->arena = spk_arena_new(NULL);
	q->conf = spk_conf_new();
	SPK_TRY_PTR(q->arena && q->conf, err);
	hooks.user = q->conf;
	SPK_TRY(spk_catalog_new(&q->catalog, &hooks, err));
	SPK_TRY(spk_sql_bind(m->ddl, q->catalog, q->conf, q->arena, &script, err));
	tell_sizes(q, m);
	SPK_TRY(spk_optimize(q->arena, join_logical(q, t), NULL, &root, err));
	SPK_TRY(spk_physical_plan_make(q->arena, &root, 1, &options, &plan, err));
	q->plan = plan;
	return SPK_OK;
}

#endif
