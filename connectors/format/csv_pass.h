/*
 * One pass over a piece of CSV, as a template: included by csv_index.c once per instruction set, with
 *
 *   PASS                        the function's name
 *   PASS_TARGET                 its target attribute
 *   PASS_MASKS(p, s)            struct masks of the 64 bytes at p: byte k is bit k
 *   PASS_INSIDE(bits)           running exclusive or of the bits, from bit 0 upwards
 *   PASS_PLACES(out, bits, base)   writes base + the number of every bit; may write SPK_CSV_SLACK - 64 too many
 *
 * Inside of quotes is what an odd number of quotes stands before: the running exclusive or of the quotes' bits, whose last bit
 * is carried on.
 */

#define PASS_JOIN_(a, b) a##b
#define PASS_JOIN(a, b) PASS_JOIN_(a, b)

/* `kept`: the bits of bytes that belong to the piece. */
static inline __attribute__((always_inline)) PASS_TARGET void PASS_JOIN(PASS, _block)(struct spk_csv_scan *s, struct carry *c, uint32_t at, uint64_t kept)
{
	struct masks m = PASS_MASKS(s->data + at, s);
	uint64_t quote = m.quote & c->quoting & kept, inside = PASS_INSIDE(quote) ^ c->inside, ends = (m.delimiter | m.line_end) & ~inside & kept;
	uint64_t wrong = (quote & ~inside) << 1 | c->closed;

	/* Opening quotes stand behind the end of a field, and an end stands behind closing ones. */
	c->odd |= quote & inside & ~(ends << 1 | c->ended);
	wrong &= ~ends & kept;
	if (SPK_UNLIKELY(wrong != 0))
		c->odd |= !only_line_ends(s, at, wrong);
	c->strange |= m.strange & kept;
	c->inside = (uint64_t)((int64_t)inside >> 63);
	c->ended = ends >> 63;
	c->closed = (quote & ~inside) >> 63;
	s->line_ends += (size_t)__builtin_popcountll(m.line_end & ends);
	PASS_PLACES(s->place + s->places, ends, at);
	s->places += (size_t)__builtin_popcountll(ends);
}

static PASS_TARGET void PASS(struct spk_csv_scan *s)
{
	struct carry c = { .ended = 1, .quoting = s->quote ? ~UINT64_C(0) : 0 };
	uint32_t at = 0;

	for (; s->size - at >= 64 && s->places < s->room; at += 64)
		PASS_JOIN(PASS, _block)(s, &c, at, ~UINT64_C(0));
	if (at < s->size && s->places < s->room) {
		PASS_JOIN(PASS, _block)(s, &c, at, (UINT64_C(1) << (s->size - at)) - 1);
		at = s->size;
	}
	s->at = at;
	s->open = c.inside != 0;
	s->odd = c.odd != 0;
	s->strange = c.strange != 0;
}

#undef PASS
#undef PASS_TARGET
#undef PASS_MASKS
#undef PASS_INSIDE
#undef PASS_PLACES
