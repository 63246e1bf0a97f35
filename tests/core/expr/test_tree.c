/* Building trees and asking about them: types, nullability, folding, copies, texts, errors with their hints. */
#include <stdio.h>

#include "tests/core/expr/mini.h"
#include "tests/support/test.h"

static struct spk_arena *arena;
static struct spk_field fields[] = {
	{ "price", { .id = SPK_TYPE_BIGINT }, false }, { "name", { .id = SPK_TYPE_TEXT }, true }, { "at", { .id = SPK_TYPE_TIMESTAMP }, false },
	{ "amount", { .id = SPK_TYPE_DECIMAL, .precision = 10, .scale = 2 }, true }, { "ok", { .id = SPK_TYPE_BOOLEAN }, false },
};

enum { PRICE, NAME, AT, AMOUNT, OK };

static struct spk_expr *column(int i)
{
	return spk_expr_column(arena, i, &fields[i]);
}

static struct spk_expr *integer(int32_t v)
{
	return spk_expr_literal(arena, (struct spk_value){ .type = spk_type(SPK_TYPE_INTEGER), .i32 = v });
}

static struct spk_expr *call(const char *name, struct spk_expr *a, struct spk_expr *b)
{
	struct spk_expr *arg[2] = { a, b }, *out = NULL;
	spk_error err = { 0 };

	REQUIRE_OK(spk_expr_call(arena, name, arg, b ? 2 : a ? 1 : 0, 1, &out, &err), err);
	return out;
}

static struct spk_expr *make(enum spk_expr_kind kind, struct spk_expr *a, struct spk_expr *b, struct spk_expr *c)
{
	struct spk_expr *arg[3] = { a, b, c }, *out = NULL;
	spk_error err = { 0 };

	REQUIRE_OK(spk_expr_make(arena, kind, arg, c ? 3 : b ? 2 : 1, false, 1, &out, &err), err);
	return out;
}

static const char *text_of(const struct spk_expr *e)
{
	static char out[512];
	struct spk_buffer text = { 0 };
	spk_error err = { 0 };

	REQUIRE_OK(spk_expr_format(e, &text, &err), err);
	snprintf(out, sizeof out, "%s", spk_buffer_cstr(&text));
	spk_buffer_release(&text);
	return out;
}

static const char *type_of(const struct spk_expr *e)
{
	static char out[64];

	return spk_type_format(e->type, out, sizeof out);
}

static struct spk_expr *rate(void)
{
	struct spk_value v = { .type = spk_type_decimal(3, 3), .i128 = 908 };

	return spk_expr_literal(arena, v);
}

static void texts_and_types(void)
{
	CHECK_EQ_STR(text_of(call(">", call("*", column(PRICE), rate()), integer(10))), "((price::numeric(19,0) * 0.908) > 10.000)");
	CHECK_EQ_STR(type_of(call("*", column(PRICE), rate())), "numeric(22,3)");
	CHECK_EQ_STR(type_of(call("+", column(AMOUNT), integer(1))), "numeric(13,2)");
	CHECK_EQ_STR(type_of(call("/", column(AMOUNT), integer(3))), "numeric");
	CHECK_EQ_STR(type_of(call("round", column(AMOUNT), integer(1))), "numeric(10,1)");
	CHECK_EQ_STR(text_of(call("like", column(NAME), spk_expr_unknown(arena, "it's%"))), "(name LIKE 'it''s%')");
	CHECK_EQ_STR(text_of(make(SPK_EXPR_CASE, column(OK), spk_expr_unknown(arena, "x"), spk_expr_unknown(arena, NULL))), "CASE WHEN ok THEN 'x' END");
	CHECK_EQ_STR(text_of(make(SPK_EXPR_IN, column(PRICE), integer(1), integer(2))), "(price IN (1, 2))");
	CHECK_EQ_STR(text_of(call("lower", column(NAME), NULL)), "lower(name)");
	CHECK_EQ_STR(text_of(call("-", column(AT), spk_expr_unknown(arena, "2024-01-01"))), "(at - '2024-01-01 00:00:00'::timestamp without time zone)");
	CHECK_EQ_STR(text_of(make(SPK_EXPR_COALESCE, column(NAME), spk_expr_unknown(arena, ""), NULL)), "COALESCE(name, '')");
}

static void flattened_logic(void)
{
	struct spk_expr *inner = make(SPK_EXPR_AND, column(OK), call(">", column(PRICE), integer(1)), NULL), *outer = make(SPK_EXPR_AND, inner, column(OK), NULL);

	CHECK_EQ_INT(outer->args, 3);
	CHECK(!outer->nullable);
	CHECK(make(SPK_EXPR_AND, column(OK), NULL, NULL)->kind == SPK_EXPR_COLUMN);
}

static void nullability(void)
{
	CHECK(!call("=", column(PRICE), integer(1))->nullable);
	CHECK(call("=", column(NAME), spk_expr_unknown(arena, "x"))->nullable);
	CHECK(!make(SPK_EXPR_COALESCE, column(NAME), spk_expr_unknown(arena, "x"), NULL)->nullable);
	CHECK(make(SPK_EXPR_CASE, column(OK), column(NAME), column(NAME))->nullable);
	CHECK(!make(SPK_EXPR_IS_NULL, column(NAME), NULL, NULL)->nullable);
	CHECK(call("/", column(PRICE), integer(0))->nullable);
}

static void questions(void)
{
	struct spk_expr *now = call("now", NULL, NULL), *random = call("random", NULL, NULL), *sum = call("+", integer(1), integer(2));

	CHECK(spk_expr_foldable(sum) && !spk_expr_foldable(now) && !spk_expr_foldable(column(PRICE)));
	CHECK(spk_expr_deterministic(now) && !spk_expr_deterministic(call("<", random, call("random", NULL, NULL))));
	CHECK(spk_expr_can_fail(sum) && !spk_expr_can_fail(call("=", column(PRICE), integer(1))));
	CHECK(!spk_expr_can_fail(call("=", column(AMOUNT), column(PRICE))));
	CHECK(spk_expr_same(call("+", column(PRICE), integer(2)), call("+", column(PRICE), integer(2))));
	CHECK(!spk_expr_same(call("+", column(PRICE), integer(2)), call("+", column(PRICE), integer(3))));
	CHECK(!spk_expr_same(call("+", column(PRICE), integer(2)), call("-", column(PRICE), integer(2))));
	CHECK(call("-", integer(5), NULL)->kind == SPK_EXPR_CONSTANT);
}

static void note(int i, void *user)
{
	*(unsigned *)user |= 1u << i;
}

static void substitution(void)
{
	struct spk_expr *e = call("=", call("lower", column(NAME), NULL), spk_expr_unknown(arena, "x")), *by[5] = { NULL }, *copy;
	unsigned seen = 0;

	by[NAME] = call("upper", column(NAME), NULL);
	copy = spk_expr_substitute(arena, e, by);
	CHECK_EQ_STR(text_of(copy), "(lower(upper(name)) = 'x')");
	CHECK_EQ_STR(text_of(e), "(lower(name) = 'x')");
	spk_expr_columns(copy, note, &seen);
	CHECK_EQ_INT(seen, 1u << NAME);
}

static void fails(const char *name, struct spk_expr *a, struct spk_expr *b, const char *message, const char *hint)
{
	struct spk_expr *arg[2] = { a, b }, *out;
	spk_error err = { 0 };

	if (!CHECK_FAILS(spk_expr_call(arena, name, arg, b ? 2 : 1, 42, &out, &err), SPK_BIND, err))
		return;
	CHECK_EQ_STR(err.message, message);
	CHECK_EQ_INT(err.position, 42);
	CHECK_HOLDS(err.hint, hint);
}

static void errors(void)
{
	struct spk_expr *out, *arg[2];
	spk_error err = { 0 };

	fails("lower", column(PRICE), NULL, "function lower(bigint) does not exist", "lower(text)");
	fails("lowr", column(NAME), NULL, "function lowr(text) does not exist", "Did you mean lower?");
	fails("+", column(NAME), column(PRICE), "operator does not exist: text + bigint", "explicit type casts");
	fails("+", spk_expr_unknown(arena, "1"), spk_expr_unknown(arena, "2"), "operator is not unique: unknown + unknown", "best candidate");
	fails("=", column(PRICE), spk_expr_unknown(arena, "x"), "invalid input syntax for type bigint: \"x\"", "");
	CHECK_FAILS(spk_expr_cast(arena, column(AT), spk_type(SPK_TYPE_BIGINT), true, 5, &out, &err), SPK_BIND, err);
	CHECK_EQ_STR(err.message, "cannot cast type timestamp without time zone to bigint");
	CHECK_FAILS(spk_expr_cast(arena, column(NAME), spk_type(SPK_TYPE_BIGINT), false, 5, &out, &err), SPK_BIND, err);
	CHECK_HOLDS(err.hint, "CAST");
	arg[0] = column(PRICE);
	arg[1] = column(OK);
	CHECK_FAILS(spk_expr_make(arena, SPK_EXPR_AND, arg, 2, false, 9, &out, &err), SPK_BIND, err);
	CHECK_EQ_STR(err.message, "argument of AND must be type boolean, not type bigint");
	arg[0] = column(NAME);
	arg[1] = column(PRICE);
	CHECK_FAILS(spk_expr_make(arena, SPK_EXPR_COALESCE, arg, 2, false, 9, &out, &err), SPK_BIND, err);
	CHECK_EQ_STR(err.message, "COALESCE types text and bigint cannot be matched");
}

static void assignment(void)
{
	struct spk_type five = { .id = SPK_TYPE_TEXT, .precision = 5 };
	struct spk_value long_text = { .type = spk_type(SPK_TYPE_TEXT), .view = spk_view_str("too long") }, v;
	struct spk_expr *e = spk_expr_literal(arena, long_text), *cast;
	struct spk_eval ev = { .arena = arena };
	spk_error err = { 0 };

	REQUIRE_OK(spk_expr_cast(arena, e, five, false, 0, &cast, &err), err);
	CHECK_FAILS(spk_expr_constant_value(cast, &ev, &v, &err), SPK_DATA, err);
	CHECK_EQ_STR(err.message, "value too long for type character varying(5)");
	REQUIRE_OK(spk_expr_cast(arena, e, five, true, 0, &cast, &err), err);
	REQUIRE_OK(spk_expr_constant_value(cast, &ev, &v, &err), err);
	CHECK_EQ_STR(mini_text(arena, v, NULL), "too l");
}

static void common_types(void)
{
	static const struct { struct spk_type a, b; const char *common; } cases[] = {
		{ { .id = SPK_TYPE_INTEGER }, { .id = SPK_TYPE_BIGINT }, "bigint" }, { { .id = SPK_TYPE_DOUBLE }, { .id = SPK_TYPE_DECIMAL, .scale = -1 }, "double precision" },
		{ { .id = SPK_TYPE_UNKNOWN }, { .id = SPK_TYPE_DATE }, "date" }, { { .id = SPK_TYPE_UNKNOWN }, { .id = SPK_TYPE_UNKNOWN }, "text" },
		{ { SPK_TYPE_DECIMAL, 10, 2, NULL }, { SPK_TYPE_DECIMAL, 12, 2, NULL }, "numeric(12,2)" }, { { SPK_TYPE_DECIMAL, 10, 2, NULL }, { SPK_TYPE_DECIMAL, 10, 3, NULL }, "numeric" },
		{ { .id = SPK_TYPE_INTEGER }, { SPK_TYPE_DECIMAL, 10, 2, NULL }, "numeric" }, { { .id = SPK_TYPE_DATE }, { .id = SPK_TYPE_TIMESTAMPTZ }, "timestamp with time zone" },
		{ { .id = SPK_TYPE_TEXT, .precision = 5 }, { .id = SPK_TYPE_TEXT }, "text" },
	};
	struct spk_type out;
	spk_error err = { 0 };
	char shown[64];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (CHECK_OK(spk_expr_common_type(cases[i].a, cases[i].b, &out, 0, &err), err))
			CHECK_EQ_STR(spk_type_format(out, shown, sizeof shown), cases[i].common);
		if (CHECK_OK(spk_expr_common_type(cases[i].b, cases[i].a, &out, 0, &err), err))
			CHECK_EQ_STR(spk_type_format(out, shown, sizeof shown), cases[i].common);
	}
	CHECK_FAILS(spk_expr_common_type(spk_type(SPK_TYPE_BOOLEAN), spk_type(SPK_TYPE_INTEGER), &out, 3, &err), SPK_BIND, err);
}

static void clock_and_zone(void)
{
	struct spk_eval ev = { .arena = arena, .now_us = 1720094400000000, .timezone = "America/New_York" };
	struct spk_value v;
	spk_error err = { 0 };

	REQUIRE_OK(spk_expr_constant_value(call("now", NULL, NULL), &ev, &v, &err), err);
	CHECK_EQ_STR(mini_text(arena, v, ev.timezone), "2024-07-04 08:00:00-04");
	REQUIRE_OK(spk_expr_constant_value(call("current_date", NULL, NULL), &ev, &v, &err), err);
	CHECK_EQ_STR(mini_text(arena, v, NULL), "2024-07-04");
	ev.timezone = "Nowhere/Land";
	CHECK_FAILS(spk_expr_constant_value(call("current_date", NULL, NULL), &ev, &v, &err), SPK_USAGE, err);
}

static void documentation(void)
{
	struct spk_buffer text = { 0 };
	spk_error err = { 0 };

	CHECK_OK(spk_functions_markdown(&text, &err), err);
	CHECK_HOLDS(spk_buffer_cstr(&text), "| `lower(text)`: text | In lower case |");
	CHECK_HOLDS(spk_buffer_cstr(&text), "## Aggregates");
	spk_buffer_release(&text);
	CHECK(spk_function_known("DATE_TRUNC") && spk_function_known("sum") && !spk_function_known("nothing"));
	CHECK_EQ_STR(spk_function_closest("date_trunk"), "date_trunc");
}

#define WITH_ARENA(name) \
	static void name##_test(void) \
	{ \
		arena = spk_arena_new(NULL); \
		name(); \
		spk_arena_unref(arena); \
	}
#define TESTS(X) X(texts_and_types) X(flattened_logic) X(nullability) X(questions) X(substitution) X(errors) X(assignment) X(common_types) X(clock_and_zone) X(documentation)
TESTS(WITH_ARENA)

#define TEST(name) { #name, name##_test },
SPK_TEST_SUITE("expression trees", TESTS(TEST))
