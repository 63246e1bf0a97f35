/* Samples of ANALYZE: which rows are in, and what their values tell. See analyze.h. */
#include "session/analyze.h"

#include <stdlib.h>

#include "core/base/check.h"

/* --- which rows --- */

struct sampling { const struct spk_sampler *sampler; uint64_t row; };

static spk_status sampling_begin(void *state, const struct spk_callback *c, struct spk_memory_account *account, spk_error *err)
{
	(void)account;
	(void)err;
	*(struct sampling *)state = (struct sampling){ .sampler = (const struct spk_sampler *)c };
	return SPK_OK;
}

/* splitmix64 (Steele, Lea, Flood 2014) of the row's number. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static spk_status sampling_push(void *state, struct spk_batch *in, const struct spk_callback_out *out, spk_error *err)
{
	struct sampling *s = state;
	struct spk_vector *chosen;
	struct spk_batch *wide;
	spk_status status;

	SPK_TRY(spk_batch_derive(&wide, in, s->sampler->base.schema, err));
	memcpy(wide->column, in->column, sizeof *in->column * (size_t)in->columns);
	chosen = &wide->column[in->columns];
	status = spk_vector_init(chosen, spk_type(SPK_TYPE_BOOLEAN), in->rows, wide->arena, err);
	if (status == SPK_OK) {
		SPK_EACH_ROW(in, i, row)
			spk_vector_bool(chosen)[row] = mix(s->row++) <= s->sampler->most;
		status = out->emit(out->op, wide, err);
	}
	spk_batch_unref(wide);
	return status;
}

static spk_status sampling_finish(void *state, const struct spk_callback_out *out, spk_error *err)
{
	(void)state;
	(void)out;
	(void)err;
	return SPK_OK;
}

static void sampling_end(void *state) { (void)state; }

const struct spk_callback_type spk_sampler_type = {
	.name = "Sample", .state_size = sizeof(struct sampling), .begin = sampling_begin, .push = sampling_push, .finish = sampling_finish, .end = sampling_end,
};

/* --- what they tell --- */

bool spk_analyze_is_text(struct spk_type type) { return type.id == SPK_TYPE_TEXT; }

bool spk_analyze_is_number(struct spk_type type)
{
	double ignored;

	return spk_statistics_number(&(struct spk_value){ .type = type }, &ignored);
}

/* A value and how often it is there. */
struct value { double number; struct spk_view text; int64_t count; };

static int by_value(const void *a, const void *b)
{
	const struct value *x = a, *y = b;
	uint32_t n = SPK_MIN(x->text.length, y->text.length);
	int order = x->number < y->number ? -1 : x->number > y->number;

	if (order)
		return order;
	order = n ? memcmp(spk_view_data(&x->text), spk_view_data(&y->text), n) : 0;
	return order ? order : (x->text.length > y->text.length) - (x->text.length < y->text.length);
}

/* The most common first; equally common ones in their order, so that the same are kept each time. */
static int by_count(const void *a, const void *b)
{
	const struct value *x = a, *y = b;

	return x->count != y->count ? (x->count < y->count) - (x->count > y->count) : by_value(a, b);
}

/* The sample's values, sorted, each once. */
static spk_status count_values(const struct spk_vector *values, int row, struct value **out, int *count, int64_t *total, spk_error *err)
{
	struct spk_reader outer = spk_vector_reader(values);
	uint32_t slot = spk_reader_slot(&outer, row);
	const struct spk_vector *child = spk_vector_children(values);
	const int32_t *offset = outer.data;
	int n = spk_reader_valid(&outer, slot) ? offset[slot + 1] - offset[slot] : 0, kept = 0;
	struct value *value = calloc((size_t)n + 1, sizeof *value);

	SPK_TRY_PTR(value, err);
	for (int i = 0; i < n; i++) {
		struct spk_value v = spk_vector_value(child, offset[slot] + i);

		value[i].count = 1;
		if (spk_analyze_is_text(v.type))
			value[i].text = v.view;
		else if (!spk_statistics_number(&v, &value[i].number))
			value[i].number = 0;
	}
	qsort(value, (size_t)n, sizeof *value, by_value);
	for (int i = 0; i < n; i++) {
		if (kept && by_value(&value[kept - 1], &value[i]) == 0)
			value[kept - 1].count++;
		else
			value[kept++] = value[i];
	}
	*out = value;
	*count = kept;
	*total = n;
	return SPK_OK;
}

/* Values far more common than the average, as PostgreSQL 15 has it (analyze.c): by a quarter, and seen twice; all when there are few. */
static int choose_commons(const struct spk_column_statistics *s, const struct value *value, int count, int64_t total)
{
	double usual = (double)total / SPK_MAX(s->distinct, 1);
	int n = 0;

	if (count <= SPK_ANALYZE_COMMONS && s->distinct <= count + 0.5)
		return count;
	while (n < SPK_MIN(count, SPK_ANALYZE_COMMONS) && value[n].count >= 2 && (double)value[n].count > 1.25 * usual)
		n++;
	return n;
}

static spk_status keep_commons(struct spk_column_statistics *s, const struct value *value, int n, double sampled, bool text, struct spk_arena *arena, spk_error *err)
{
	struct spk_common_value *common = SPK_NEW_ARRAY(arena, struct spk_common_value, n + 1);

	SPK_TRY_PTR(common, err);
	for (int i = 0; i < n; i++) {
		common[i] = (struct spk_common_value){ .number = value[i].number, .part = (double)value[i].count / SPK_MAX(sampled, 1) };
		if (text)
			SPK_TRY_PTR(common[i].text = spk_arena_strndup(arena, spk_view_data(&value[i].text), value[i].text.length), err);
	}
	s->common = common;
	s->commons = n;
	return SPK_OK;
}

/* Bounds between which equally many of the rows lie whose values are sorted in value[0 .. count). */
static spk_status keep_histogram(struct spk_column_statistics *s, const struct value *value, int count, struct spk_arena *arena, spk_error *err)
{
	int64_t total = 0, before = 0;
	double *bound;
	int at = 0;

	for (int i = 0; i < count; i++)
		total += value[i].count;
	if (count < 2)
		return SPK_OK;
	s->buckets = (int)SPK_MIN(total - 1, SPK_ANALYZE_BUCKETS);
	SPK_TRY_PTR(bound = SPK_NEW_ARRAY(arena, double, s->buckets + 1), err);
	for (int b = 0; b <= s->buckets; b++) {
		int64_t wanted = (total - 1) * b / s->buckets;

		while (before + value[at].count <= wanted)
			before += value[at++].count;
		bound[b] = value[at].number;
	}
	s->bound = bound;
	return SPK_OK;
}

static spk_status digest(struct spk_column_statistics *s, struct value *value, int count, int64_t total, double sampled, bool text, struct spk_arena *arena, spk_error *err)
{
	int commons;

	/* A value that the sample has is there: the sketch may miss by some percent. */
	s->distinct = SPK_MAX(s->distinct, count);
	qsort(value, (size_t)count, sizeof *value, by_count);
	commons = choose_commons(s, value, count, total);
	SPK_TRY(keep_commons(s, value, commons, sampled, text, arena, err));
	qsort(value + commons, (size_t)(count - commons), sizeof *value, by_value);
	return text ? SPK_OK : keep_histogram(s, value + commons, count - commons, arena, err);
}

spk_status spk_analyze_sample(struct spk_column_statistics *s, const struct spk_vector *values, int row, double sampled, struct spk_arena *arena, spk_error *err)
{
	struct value *value = NULL;
	int64_t total = 0;
	int count = 0;
	spk_status status;

	SPK_TRY(count_values(values, row, &value, &count, &total, err));
	status = digest(s, value, count, total, sampled, spk_analyze_is_text(spk_type_element(values->type)), arena, err);
	free(value);
	return status;
}
