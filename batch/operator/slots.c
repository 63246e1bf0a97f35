/* Gather over many batches, a column at a time. See slots.h. */
#include "batch/operator/slots.h"

spk_status spk_slots_init(struct spk_slots *s, const struct spk_schema *schema, uint32_t capacity, struct spk_arena *arena, spk_error *err)
{
	size_t cells = (size_t)schema->count * capacity + 1;

	*s = (struct spk_slots){ .schema = schema, .capacity = capacity };
	s->column = SPK_NEW_ARRAY(arena, const struct spk_vector *, capacity + 1);
	s->weight = SPK_NEW_ARRAY(arena, const int32_t *, capacity + 1);
	s->data = SPK_NEW_ARRAY(arena, const void *, cells);
	s->valid = SPK_NEW_ARRAY(arena, const uint64_t *, cells);
	s->nullable = SPK_NEW_ARRAY(arena, bool, schema->count + 1);
	SPK_TRY_PTR(s->column && s->weight && s->data && s->valid && s->nullable, err);
	return SPK_OK;
}

void spk_slots_set(struct spk_slots *s, uint32_t i, const struct spk_vector *column, const int32_t *weight)
{
	SPK_ASSERT(i < s->capacity, "a slot there is room for");
	s->column[i] = column;
	s->weight[i] = weight;
	s->weighted = s->weighted || weight;
	for (int c = 0; c < s->schema->count; c++) {
		size_t cell = (size_t)c * s->capacity + i;

		SPK_ASSERT(column[c].layout == SPK_FLAT, "columns of slots are flat");
		s->data[cell] = column[c].data;
		s->valid[cell] = column[c].valid;
		s->nullable[c] = s->nullable[c] || column[c].valid;
	}
}

static inline uint32_t slot_of(uint32_t number) { return number >> SPK_SLOT_BITS; }
static inline uint32_t place_of(uint32_t number) { return number & (SPK_SLOT_ROWS - 1); }

/* By width alone; may alias, since it stands for doubles, views and integers alike. */
#define GATHER_KERNEL(width, kind) \
	typedef kind __attribute__((may_alias, aligned(width < 8 ? width : 8))) cell##width; \
	static void gather##width(void *to, const void *const *data, const uint32_t *number, int n) \
	{ \
		cell##width *restrict out = to; \
		\
		for (int i = 0; i < n; i++) \
			out[i] = ((const cell##width *)data[slot_of(number[i])])[place_of(number[i])]; \
	}
GATHER_KERNEL(1, uint8_t)
GATHER_KERNEL(2, uint16_t)
GATHER_KERNEL(4, uint32_t)
GATHER_KERNEL(8, uint64_t)
GATHER_KERNEL(16, unsigned __int128)

static void gather_values(void *to, int width, const void *const *data, const uint32_t *number, int n)
{
	switch (width) {
	case 1: gather1(to, data, number, n); break;
	case 2: gather2(to, data, number, n); break;
	case 4: gather4(to, data, number, n); break;
	case 8: gather8(to, data, number, n); break;
	case 16: gather16(to, data, number, n); break;
	default: SPK_ASSERT(false, "a width that no type has");
	}
}

static spk_status gather_valid(struct spk_vector *out, const uint64_t *const *valid, const uint32_t *number, int n, struct spk_arena *arena, spk_error *err)
{
	bool plain = true;

	SPK_TRY(spk_vector_need_valid(out, n, arena, err));
	for (int i = 0; i < n; i++) {
		const uint64_t *bits = valid[slot_of(number[i])];

		if (bits && !spk_bit(bits, (int)place_of(number[i]))) {
			spk_bit_clear(out->valid, i);
			plain = false;
		}
	}
	/* Later kernels are faster without a bitmap. */
	if (plain)
		out->valid = NULL;
	return SPK_OK;
}

/* Arrays and records: neighbours of one slot at a time. */
static spk_status gather_nested(struct spk_vector *out, const struct spk_slots *s, int column, const uint32_t *number, int n, struct spk_arena *arena, spk_error *err)
{
	int32_t place[SPK_BATCH_ROWS];

	for (int from = 0, to; from < n; from = to) {
		uint32_t slot = slot_of(number[from]);

		for (to = from; to < n && slot_of(number[to]) == slot; to++)
			place[to] = (int32_t)place_of(number[to]);
		SPK_TRY(spk_vector_gather(out, from, n, &s->column[slot][column], place + from, to - from, true, arena, err));
	}
	return SPK_OK;
}

static spk_status gather_column(struct spk_vector *out, const struct spk_slots *s, int column, const uint32_t *number, int n, struct spk_arena *arena, spk_error *err)
{
	struct spk_type type = s->schema->field[column].type;
	size_t cell = (size_t)column * s->capacity;

	SPK_TRY(spk_vector_init(out, type, n, arena, err));
	if (type.id == SPK_TYPE_ARRAY || type.id == SPK_TYPE_ROW)
		return gather_nested(out, s, column, number, n, arena, err);
	gather_values(out->data, spk_type_width(type), s->data + cell, number, n);
	if (s->nullable[column])
		SPK_TRY(gather_valid(out, s->valid + cell, number, n, arena, err));
	return spk_type_is_view(type) ? spk_views_own(spk_vector_view(out), n, arena, err) : SPK_OK;
}

static spk_status gather_weights(struct spk_batch *out, const struct spk_slots *s, const uint32_t *number, int n, spk_error *err)
{
	int32_t *weight = spk_arena_alloc(out->arena, (size_t)n * sizeof *weight);

	SPK_TRY_PTR(weight, err);
	for (int i = 0; i < n; i++) {
		const int32_t *from = s->weight[slot_of(number[i])];

		weight[i] = from ? from[place_of(number[i])] : 1;
	}
	out->weight = weight;
	return SPK_OK;
}

spk_status spk_slots_gather(const struct spk_slots *s, const uint32_t *number, int n, struct spk_memory_account *account, struct spk_batch **out, spk_error *err)
{
	struct spk_batch *batch;
	spk_status status = SPK_OK;

	SPK_ASSERT(n <= SPK_BATCH_ROWS, "as many rows as a batch has");
	SPK_TRY(spk_batch_new(&batch, s->schema, account, err));
	batch->rows = batch->selected = n;
	for (int c = 0; c < batch->columns && status == SPK_OK; c++)
		status = gather_column(&batch->column[c], s, c, number, n, batch->arena, err);
	if (status == SPK_OK && s->weighted)
		status = gather_weights(batch, s, number, n, err);
	if (status != SPK_OK) {
		spk_batch_unref(batch);
		return status;
	}
	*out = batch;
	return SPK_OK;
}
