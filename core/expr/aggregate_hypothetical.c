/*
 * Hypothetical-set aggregates: rank, dense_rank, percent_rank, cume_dist of a row that is not there, among the rows of the group. Its
 * values are the direct arguments; its key is encoded as those of the rows are, so that ranking is comparing bytes.
 */
#include "core/expr/aggregate_direct.h"

enum { SORTS_MAX = 16 };

struct counts { size_t rows, before, before_distinct, not_after; };

/* Encodes the direct arguments as a sort key. */
static spk_status encode_hypothetical(const struct spk_aggregate_call *call, const struct spk_vector *direct, struct spk_row_keys *keys, spk_error *err)
{
	struct spk_vector vector[SORTS_MAX];
	struct spk_field field[SORTS_MAX];
	struct spk_schema schema = { call->sorts, field };
	const struct spk_batch batch = { .schema = &schema, .columns = call->sorts, .column = vector, .selected = 1 };
	struct spk_key_column column[SORTS_MAX];

	for (int i = 0; i < call->sorts; i++) {
		vector[i] = direct[i];
		field[i] = (struct spk_field){ call->aggregate->name, direct[i].type, true };
		column[i] = (struct spk_key_column){ i, direct[i].type, call->sort[i].descending, call->sort[i].nulls_first };
	}
	keys->bytes.account = call->account;
	return spk_row_keys_encode(keys, &batch, column, call->sorts, false, err);
}

static void count_rows(const struct spk_sorted *rows, const char *key, uint32_t size, struct counts *c)
{
	for (size_t i = 0; i < rows->count; i++) {
		const int order = spk_record_compare_key(rows->row[i].record, key, size);

		if (order > 0)
			break;
		c->not_after++;
		if (order == 0)
			continue;
		c->before++;
		c->before_distinct += i == 0 || !spk_record_same_key(rows->row[i].record, rows->row[i - 1].record);
	}
}

static spk_status count_group(const struct spk_aggregate_call *call, const struct spk_ordered_set *s, struct spk_arena *arena, struct counts *out, spk_error *err)
{
	struct spk_vector direct[SORTS_MAX];
	struct spk_row_keys keys = { 0 };
	struct spk_sorted rows;
	spk_status status;
	uint32_t size;

	*out = (struct counts){ .rows = s->rows.count };
	if (call->sorts > SORTS_MAX)
		return spk_fail(err, SPK_UNSUPPORTED, "%s with more than %d arguments", call->aggregate->name, SORTS_MAX);
	if (!s->rows.count)
		return SPK_OK;
	SPK_TRY(spk_rows_sort(call, &s->rows, arena, &rows, err));
	SPK_TRY(spk_direct_values(call, s, arena, direct, err));
	status = encode_hypothetical(call, direct, &keys, err);
	if (status == SPK_OK) {
		const char *key = spk_row_key(&keys, 0, &size);

		count_rows(&rows, key, size, out);
	}
	spk_row_keys_release(&keys);
	return status;
}

#define FINAL(name, store, value) \
	SPK_AGGREGATE_FINAL(name) \
	{ \
		struct spk_arena *scratch = spk_arena_new(call->account); \
		spk_status status = SPK_OK; \
		\
		(void)rows; \
		(void)arena; \
		SPK_TRY_PTR(scratch, err); \
		for (int i = 0; i < n && status == SPK_OK; i++) { \
			struct counts c; \
			\
			spk_arena_clear(scratch); \
			status = count_group(call, SPK_STATE(spk_ordered_set, state, i), scratch, &c, err); \
			store(out)[at + i] = value; \
		} \
		spk_arena_unref(scratch); \
		return status; \
	}
FINAL(final_rank, spk_vector_i64, (int64_t)c.before + 1)
FINAL(final_dense_rank, spk_vector_i64, (int64_t)c.before_distinct + 1)
FINAL(final_percent_rank, spk_vector_f64, c.rows ? (double)c.before / (double)c.rows : 0)
FINAL(final_cume_dist, spk_vector_f64, (double)(c.not_after + 1) / (double)(c.rows + 1))

#define SET(name_, doc_, result_, final_) \
	{ .name = name_, .doc = doc_, .kind = SPK_AGGREGATE_HYPOTHETICAL, .result_of = result_, .never_null = true, SPK_ORDERED_SET_STATE, .final = final_ }

static const struct spk_aggregate aggregates[] = {
	SET("rank", "Rank that a row of these values would have in the group, with gaps", spk_type_bigint, final_rank),
	SET("dense_rank", "Rank that a row of these values would have in the group, without gaps", spk_type_bigint, final_dense_rank),
	SET("percent_rank", "Relative rank that a row of these values would have in the group, 0 to 1", spk_type_double, final_percent_rank),
	SET("cume_dist", "Share of the rows up to a row of these values, that one included", spk_type_double, final_cume_dist),
};

SPK_AGGREGATE_FAMILY(hypothetical, aggregates)
