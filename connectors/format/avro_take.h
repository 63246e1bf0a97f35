/* The pieces that Avro data are made of, for those who walk over them. DATA: the datum is malformed, and the cells' reason says how. */
#ifndef SPK_CONNECTORS_FORMAT_AVRO_TAKE_H
#define SPK_CONNECTORS_FORMAT_AVRO_TAKE_H

#include "connectors/format/avro.h"

struct reading { struct spk_cells *c; struct spk_wire *in; };

static inline spk_status torn(struct spk_cells *c)
{
	return spk_cells_bad(c, "the Avro datum ends before its schema does, or holds a number that is too long");
}

static inline bool take_long(struct spk_wire *in, int64_t *out)
{
	uint64_t v;

	if (SPK_UNLIKELY(!spk_wire_varint(in, &v)))
		return false;
	*out = spk_wire_unzigzag(v);
	return true;
}

static inline spk_status take_bytes(struct reading *r, const struct spk_avro_type *type, const char **s, uint32_t *n)
{
	int64_t size = type->size;

	if (type->kind != SPK_AVRO_FIXED && (!take_long(r->in, &size) || size < 0))
		return torn(r->c);
	if (!spk_wire_bytes(r->in, (uint64_t)size, s))
		return torn(r->c);
	*n = (uint32_t)size;
	return SPK_OK;
}

static inline spk_status take_branch(struct reading *r, const struct spk_avro_type *type, int *out)
{
	int64_t branch;

	if (!take_long(r->in, &branch))
		return torn(r->c);
	if (branch < 0 || branch >= type->count)
		return spk_cells_bad(r->c, "the Avro datum names branch %lld of a union that has %d", (long long)branch, type->count);
	*out = (int)branch;
	return SPK_OK;
}

static inline spk_status take_symbol(struct reading *r, const struct spk_avro_type *type, const char **out)
{
	int64_t symbol;

	if (!take_long(r->in, &symbol))
		return torn(r->c);
	if (symbol < 0 || symbol >= type->count)
		return spk_cells_bad(r->c, "the Avro datum names symbol %lld of enum %s, which has %d", (long long)symbol, type->name, type->count);
	*out = type->symbol[symbol];
	return SPK_OK;
}

/* The number of items in the next block of an array or map, 0 at its end. */
static inline spk_status take_block(struct reading *r, uint64_t *count)
{
	int64_t n, size;

	if (!take_long(r->in, &n))
		return torn(r->c);
	if (n < 0 && (n == INT64_MIN || !take_long(r->in, &size)))  /* with the block's size in bytes, which nobody here needs */
		return torn(r->c);
	*count = (uint64_t)(n < 0 ? -n : n);
	return SPK_OK;
}

/* As many items come off what the row may have. */
static inline spk_status take_items(struct reading *r, uint64_t count)
{
	if (count > (uint64_t)r->c->elements)
		return spk_cells_bad(r->c, "the Avro datum claims %llu elements, more than its row can hold", (unsigned long long)count);
	r->c->elements -= (int64_t)count;
	return SPK_OK;
}

/* A big-endian integer in two's complement, of any length; false: it has more than 128 bits. */
bool spk_avro_unscaled(const char *s, uint32_t n, spk_int128 *out);

#endif
