/*
 * Bit strings: B'101', bit(n), bit varying(n). A value lies as the text of its digits, in a type that says so (text.h): it is kept, compared, hashed and
 * shown as a text. What calls and casts make of one is told here before they are resolved; to functions of texts it is none.
 */
#include "core/expr/bits.h"

#include <strings.h>

#include "core/expr/families.h"

static struct spk_type bits_type(int kind) { return (struct spk_type){ .id = SPK_TYPE_TEXT, .scale = (int16_t)kind }; }

/* --- kernels --- */

static spk_status not_a_digit(const struct spk_call *call, struct spk_vector *out, int row, const char *s, bool hex, spk_error *err)
{
	const int size = (unsigned char)*s < 0x80 ? 1 : (unsigned char)*s < 0xe0 ? 2 : (unsigned char)*s < 0xf0 ? 3 : 4;

	return spk_call_fail(call, out, row, SPK_DATA, err, "\"%.*s\" is not a valid %s digit", size, s, hex ? "hexadecimal" : "binary");
}

static int hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* Of a text as PostgreSQL reads it: digits, behind a B or as hexadecimal ones behind an X. */
static spk_status of_text(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, r, row);
		const char *s = spk_view_data(v), *end = s + v->length, *wrong = NULL;
		const bool hex = s < end && (*s == 'x' || *s == 'X');
		char *digits = spk_arena_alloc(call->ev->arena, 4 * (size_t)v->length + 1);
		size_t size = 0;

		SPK_TRY_PTR(digits, err);
		s += s < end && (hex || *s == 'b' || *s == 'B');
		for (; s < end && !wrong; s++) {
			const int value = hex_value(*s);

			wrong = value < 0 || (!hex && value > 1) ? s : NULL;
			for (int bit = hex ? 8 : 1; bit && !wrong; bit >>= 1)
				digits[size++] = value & bit ? '1' : '0';
		}
		SPK_TRY(wrong ? not_a_digit(call, out, row, wrong, hex, err) : spk_call_text(call, out, row, digits, size, err));
	}
	return SPK_OK;
}

static spk_status of_number(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	const bool wide = call->arg[0].type.id == SPK_TYPE_BIGINT;
	const int size = wide ? 64 : 32;

	SPK_EACH_CALL_ROW(call, row) {
		const uint64_t v = wide ? (uint64_t)SPK_ARG(int64_t, r, row) : (uint64_t)(int64_t)SPK_ARG(int32_t, r, row);
		char digits[64];

		for (int i = 0; i < size; i++)
			digits[i] = v >> (size - 1 - i) & 1 ? '1' : '0';
		SPK_TRY(spk_call_text(call, out, row, digits, (size_t)size, err));
	}
	return SPK_OK;
}

/* Of bit(n), from digits: cut or filled up behind them; of a number before them, by its sign; of bit varying(n): cut. */
static spk_status resize(const struct spk_call *call, bool fill, bool low, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]), rn = spk_vector_reader(&call->arg[1]);

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, r, row);
		const size_t have = v->length, want = (size_t)SPK_MAX(SPK_ARG(int32_t, rn, row), 0), size = fill ? want : SPK_MIN(want, have), kept = SPK_MIN(size, have);
		const char *s = spk_view_data(v);
		char *digits;

		if (size > SPK_BITS_MAX) {
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "length for type bit cannot exceed %d", SPK_BITS_MAX));
			continue;
		}
		SPK_TRY_PTR(digits = spk_arena_alloc(call->ev->arena, size + 1), err);
		memset(digits, low && have && *s == '1' ? '1' : '0', size);
		memcpy(low ? digits + size - kept : digits, low ? s + have - kept : s, kept);
		SPK_TRY(spk_call_text(call, out, row, digits, size, err));
	}
	return SPK_OK;
}

static spk_status fixed(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return resize(call, true, false, out, err); }
static spk_status lowest(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return resize(call, true, true, out, err); }
static spk_status varying(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return resize(call, false, false, out, err); }

static spk_status to_number(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	const bool wide = out->type.id == SPK_TYPE_BIGINT;

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, r, row);
		uint64_t n = 0;

		if (v->length > (wide ? 64 : 32)) {
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, wide ? "bigint out of range" : "integer out of range"));
			continue;
		}
		for (uint32_t i = 0; i < v->length; i++)
			n = n << 1 | (spk_view_data(v)[i] == '1');
		if (wide)
			spk_vector_i64(out)[row] = (int64_t)n;
		else
			spk_vector_i32(out)[row] = (int32_t)(uint32_t)n;
	}
	return SPK_OK;
}

static spk_status combine(const struct spk_call *call, char op, const char *word, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader ra = spk_vector_reader(&call->arg[0]), rb = spk_vector_reader(&call->arg[1]);

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *a = &SPK_ARG(struct spk_view, ra, row), *b = &SPK_ARG(struct spk_view, rb, row);
		const char *x = spk_view_data(a), *y = spk_view_data(b);
		char *digits = spk_arena_alloc(call->ev->arena, (size_t)a->length + 1);

		SPK_TRY_PTR(digits, err);
		if (a->length != b->length) {
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "cannot %s bit strings of different sizes", word));
			continue;
		}
		for (uint32_t i = 0; i < a->length; i++)
			digits[i] = (op == '&' ? x[i] == '1' && y[i] == '1' : op == '|' ? x[i] == '1' || y[i] == '1' : x[i] != y[i]) ? '1' : '0';
		SPK_TRY(spk_call_text(call, out, row, digits, a->length, err));
	}
	return SPK_OK;
}

static spk_status bits_and(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return combine(call, '&', "AND", out, err); }
static spk_status bits_or(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return combine(call, '|', "OR", out, err); }
static spk_status bits_xor(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return combine(call, '#', "XOR", out, err); }

static spk_status bits_not(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, r, row);
		char *digits = spk_arena_alloc(call->ev->arena, (size_t)v->length + 1);

		SPK_TRY_PTR(digits, err);
		for (uint32_t i = 0; i < v->length; i++)
			digits[i] = spk_view_data(v)[i] == '1' ? '0' : '1';
		SPK_TRY(spk_call_text(call, out, row, digits, v->length, err));
	}
	return SPK_OK;
}

/* To the left by n, or to the right by -n; the length stays. */
static spk_status shift(const struct spk_call *call, int sign, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]), rn = spk_vector_reader(&call->arg[1]);

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, r, row);
		const int64_t by = (int64_t)sign * SPK_ARG(int32_t, rn, row), size = v->length;
		char *digits = spk_arena_alloc(call->ev->arena, (size_t)size + 1);

		SPK_TRY_PTR(digits, err);
		for (int64_t i = 0; i < size; i++)
			digits[i] = i + by >= 0 && i + by < size ? spk_view_data(v)[i + by] : '0';
		SPK_TRY(spk_call_text(call, out, row, digits, (size_t)size, err));
	}
	return SPK_OK;
}

static spk_status left(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return shift(call, 1, out, err); }
static spk_status right(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return shift(call, -1, out, err); }

static spk_status octets(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	(void)err;
	SPK_EACH_CALL_ROW(call, row)
		spk_vector_i32(out)[row] = (int32_t)((SPK_ARG(struct spk_view, r, row).length + 7) / 8);
	return SPK_OK;
}

static spk_status count_set(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	(void)err;
	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, r, row);
		int64_t n = 0;

		for (uint32_t i = 0; i < v->length; i++)
			n += spk_view_data(v)[i] == '1';
		spk_vector_i64(out)[row] = n;
	}
	return SPK_OK;
}

/* get_bit, and set_bit with a third argument; the first bit is 0. */
static spk_status one_bit(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]), rn = spk_vector_reader(&call->arg[1]), rb = spk_vector_reader(&call->arg[call->args - 1]);

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, r, row);
		const int32_t at = SPK_ARG(int32_t, rn, row), bit = SPK_ARG(int32_t, rb, row);
		char *digits;

		if (at < 0 || at >= (int64_t)v->length) {
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "bit index %d out of valid range (0..%d)", at, (int)v->length - 1));
		} else if (call->args == 2) {
			spk_vector_i32(out)[row] = spk_view_data(v)[at] == '1';
		} else if (bit != 0 && bit != 1) {
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "new bit must be 0 or 1"));
		} else {
			SPK_TRY_PTR(digits = spk_arena_copy(call->ev->arena, spk_view_data(v), v->length), err);
			digits[at] = (char)('0' + bit);
			SPK_TRY(spk_call_text(call, out, row, digits, v->length, err));
		}
	}
	return SPK_OK;
}

/* --- the table: the names hold blanks, so that nobody writes them --- */

#define BITS(name_, RESULT, kernel_, doc_, ...) { .name = name_, .doc = doc_, __VA_ARGS__, SPK_RESULT(RESULT), .can_fail = true, .kernel = kernel_ }
#define SURE(name_, RESULT, kernel_, doc_, ...) { .name = name_, .doc = doc_, __VA_ARGS__, SPK_RESULT(RESULT), .kernel = kernel_ }

static const struct spk_function bits_functions[] = {
	BITS("bits of text", TEXT, of_text, "B'101', X'1f', '101'::varbit: a bit string from its digits", SPK_ARGS1(TEXT)),
	SURE("bits of number", TEXT, of_number, "5::bit(4): the bits of a number, the highest first", SPK_ARGS1(INTEGER)),
	SURE("bits of number", TEXT, of_number, "5::bit(4): the bits of a number, the highest first", SPK_ARGS1(BIGINT)),
	BITS("bits fixed", TEXT, fixed, "bits::bit(n): cut, or filled up behind, to a length", SPK_ARGS2(TEXT, INTEGER)),
	BITS("bits lowest", TEXT, lowest, "5::bit(4): cut, or filled up before by the first bit, to a length", SPK_ARGS2(TEXT, INTEGER)),
	SURE("bits varying", TEXT, varying, "bits::varbit(n): cut to a length", SPK_ARGS2(TEXT, INTEGER)),
	BITS("integer of bits", INTEGER, to_number, "bits::integer: the number whose bits these are", SPK_ARGS1(TEXT)),
	BITS("bigint of bits", BIGINT, to_number, "bits::bigint: the number whose bits these are", SPK_ARGS1(TEXT)),
	BITS("bits and", TEXT, bits_and, "bits & bits: those that are set in both", SPK_ARGS2(TEXT, TEXT)),
	BITS("bits or", TEXT, bits_or, "bits \\| bits: those that are set in one", SPK_ARGS2(TEXT, TEXT)),
	BITS("bits xor", TEXT, bits_xor, "bits # bits: those that differ", SPK_ARGS2(TEXT, TEXT)),
	SURE("bits not", TEXT, bits_not, "~ bits: those that are not set", SPK_ARGS1(TEXT)),
	SURE("bits left", TEXT, left, "bits << n: moved to the left", SPK_ARGS2(TEXT, INTEGER)),
	SURE("bits right", TEXT, right, "bits >> n: moved to the right", SPK_ARGS2(TEXT, INTEGER)),
	SURE("bits octets", INTEGER, octets, "octet_length(bits): number of bytes that they fill", SPK_ARGS1(TEXT)),
	SURE("bits set", BIGINT, count_set, "bit_count(bits): number of bits that are set", SPK_ARGS1(TEXT)),
	BITS("bits at", INTEGER, one_bit, "get_bit(bits, n): the n-th bit, from 0", SPK_ARGS2(TEXT, INTEGER)),
	BITS("bits with", TEXT, one_bit, "set_bit(bits, n, bit): with another n-th bit", SPK_ARGS3(TEXT, INTEGER, INTEGER)),
};

SPK_FUNCTION_FAMILY(bits, bits_functions)

/* --- calls --- */

/* bits: which arguments are bit strings, bit i for argument i. result: SPK_TEXT_BITS, SPK_TEXT_VARBITS; 0: what the function gives. */
static const struct meaning { const char *name; int least, most, bits; const char *function; int result; } meanings[] = {
	{ "&", 2, 2, 3, "bits and", SPK_TEXT_BITS }, { "|", 2, 2, 3, "bits or", SPK_TEXT_BITS }, { "#", 2, 2, 3, "bits xor", SPK_TEXT_BITS },
	{ "~", 1, 1, 1, "bits not", SPK_TEXT_BITS }, { "<<", 2, 2, 1, "bits left", SPK_TEXT_BITS }, { ">>", 2, 2, 1, "bits right", SPK_TEXT_BITS },
	{ "||", 2, 2, 3, "||", SPK_TEXT_VARBITS }, { "substring", 2, 3, 1, "substring", SPK_TEXT_BITS }, { "overlay", 3, 4, 3, "overlay", SPK_TEXT_BITS },
	{ "position", 2, 2, 3, "position", 0 }, { "length", 1, 1, 1, "length", 0 }, { "bit_length", 1, 1, 1, "length", 0 }, { "octet_length", 1, 1, 1, "bits octets", 0 },
	{ "bit_count", 1, 1, 1, "bits set", 0 }, { "get_bit", 2, 2, 1, "bits at", 0 }, { "set_bit", 3, 3, 1, "bits with", SPK_TEXT_BITS },
	{ "=", 2, 2, 3, "=", 0 }, { "<>", 2, 2, 3, "<>", 0 }, { "!=", 2, 2, 3, "!=", 0 }, { "<", 2, 2, 3, "<", 0 }, { "<=", 2, 2, 3, "<=", 0 }, { ">", 2, 2, 3, ">", 0 },
	{ ">=", 2, 2, 3, ">=", 0 },
};

/* Of a node that was just made: its type. */
static void give_type(struct spk_expr *e, struct spk_type type)
{
	e->type = type;
	if (e->kind == SPK_EXPR_CONSTANT)
		e->value.type = type;
}

/* The same value under another type. The expression below keeps its own, by which it is known again (GROUP BY). */
static spk_status as_type(struct spk_arena *arena, struct spk_expr *e, struct spk_type type, struct spk_expr **out, spk_error *err)
{
	const bool constant = e->kind == SPK_EXPR_CONSTANT;

	SPK_TRY_PTR(*out = constant ? spk_arena_copy(arena, e, sizeof *e) : spk_expr_node(arena, SPK_EXPR_COALESCE, type, &e, 1, e->position), err);
	(*out)->nullable = e->nullable;
	give_type(*out, type);
	return SPK_OK;
}

static bool fits(const struct meaning *m, const char *name, struct spk_expr *const *arg, int args)
{
	if (strcasecmp(m->name, name) != 0 || args < m->least || args > m->most)
		return false;
	for (int i = 0; i < args; i++)
		if ((m->bits >> i & 1) && !spk_type_is_bits(arg[i]->type) && arg[i]->type.id != SPK_TYPE_UNKNOWN)
			return false;
	return true;
}

spk_status spk_bits_call(struct spk_arena *arena, const char *name, struct spk_expr **arg, int args, int position, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *own[4];
	const struct meaning *m = NULL;
	bool any = false;

	*out = NULL;
	for (int i = 0; i < args; i++)
		any = any || spk_type_is_bits(arg[i]->type);
	for (size_t i = 0; i < SPK_COUNT_OF(meanings) && any && !m; i++)
		m = fits(&meanings[i], name, arg, args) ? &meanings[i] : NULL;
	if (!m)
		return SPK_OK;
	for (int i = 0; i < args; i++) {
		own[i] = arg[i];
		if (!(m->bits >> i & 1))
			continue;
		SPK_TRY(spk_bits_cast(arena, arg[i], bits_type(SPK_TEXT_VARBITS), true, position, &own[i], err));
		SPK_TRY(as_type(arena, own[i], spk_type(SPK_TYPE_TEXT), &own[i], err));
	}
	SPK_TRY(spk_expr_call(arena, m->function, own, args, position, out, err));
	if (m->result)
		give_type(*out, bits_type(m->result));
	return SPK_OK;
}

/* --- casts --- */

static spk_status no_cast(const struct spk_expr *e, struct spk_type type, int position, spk_error *err)
{
	char from[64], to[64];

	return spk_bind_fail(err, position, "cannot cast type %s to %s", spk_type_format_bare(e->type, from, sizeof from), spk_type_format_bare(type, to, sizeof to));
}

/* A literal's digits are looked at now. */
static spk_status of_literal(struct spk_arena *arena, struct spk_expr **e, int position, spk_error *err)
{
	struct spk_eval ev = { .arena = arena };
	struct spk_value v;
	spk_status status = spk_expr_constant_value(*e, &ev, &v, err);

	if (status == SPK_DATA && err) {
		err->code = SPK_BIND;
		err->position = position;
	}
	SPK_TRY(status == SPK_DATA ? SPK_BIND : status);
	SPK_TRY_PTR(*e = spk_expr_literal(arena, v), err);
	(*e)->position = position;
	return SPK_OK;
}

static spk_status to_bits(struct spk_arena *arena, struct spk_expr *e, struct spk_type type, bool explicit_cast, int position, struct spk_expr **out, spk_error *err)
{
	const bool number = e->type.id == SPK_TYPE_INTEGER || e->type.id == SPK_TYPE_BIGINT, literal = e->type.id == SPK_TYPE_UNKNOWN;

	if (spk_type_is_bits(e->type))
		return as_type(arena, e, type, out, err);
	if (!literal && (!explicit_cast || (number ? type.scale == SPK_TEXT_VARBITS : e->type.id != SPK_TYPE_TEXT)))
		return no_cast(e, type, position, err);
	if (literal && e->kind == SPK_EXPR_CONSTANT && e->value.null) {
		*out = spk_expr_literal(arena, (struct spk_value){ .type = type, .null = true });
		return *out ? SPK_OK : spk_fail_memory(err);
	}
	if (!number)
		SPK_TRY(spk_expr_cast(arena, e, spk_type(SPK_TYPE_TEXT), true, position, &e, err));
	SPK_TRY(spk_expr_call(arena, number ? "bits of number" : "bits of text", &e, 1, position, out, err));
	if (literal && e->kind == SPK_EXPR_CONSTANT)
		SPK_TRY(of_literal(arena, out, e->position ? e->position : position, err));
	give_type(*out, type);
	return SPK_OK;
}

spk_status spk_bits_cast(struct spk_arena *arena, struct spk_expr *e, struct spk_type type, bool explicit_cast, int position, struct spk_expr **out, spk_error *err)
{
	if (spk_type_is_bits(type))
		return to_bits(arena, e, type, explicit_cast, position, out, err);
	if (!explicit_cast || (type.id != SPK_TYPE_TEXT && (e->type.scale == SPK_TEXT_VARBITS || (type.id != SPK_TYPE_INTEGER && type.id != SPK_TYPE_BIGINT))))
		return no_cast(e, type, position, err);
	SPK_TRY(as_type(arena, e, spk_type(SPK_TYPE_TEXT), out, err));
	if (type.id == SPK_TYPE_TEXT)
		return spk_expr_cast(arena, *out, type, true, position, out, err);
	return spk_expr_call(arena, type.id == SPK_TYPE_INTEGER ? "integer of bits" : "bigint of bits", out, 1, position, out, err);
}

spk_status spk_bits_resize(struct spk_arena *arena, struct spk_type type, int length, int position, struct spk_expr **e, spk_error *err)
{
	const bool number = (*e)->kind == SPK_EXPR_CALL && strcmp((*e)->function->name, "bits of number") == 0;
	const struct spk_value v = { .type = spk_type(SPK_TYPE_INTEGER), .i32 = length };
	struct spk_expr *arg[2];

	SPK_TRY(as_type(arena, *e, spk_type(SPK_TYPE_TEXT), &arg[0], err));
	SPK_TRY_PTR(arg[1] = spk_expr_literal(arena, v), err);
	SPK_TRY(spk_expr_call(arena, type.scale == SPK_TEXT_VARBITS ? "bits varying" : number ? "bits lowest" : "bits fixed", arg, 2, position, e, err));
	give_type(*e, type);
	return SPK_OK;
}
