/* Values as text and back: random round trips against libc and against the parsers, fast paths against general ones, types by name. */
#include <math.h>
#include <stdio.h>

#include "core/columnar/decimal.h"
#include "core/expr/text.h"
#include "tests/core/expr/values.h"
#include "tests/support/test.h"

static int rounds(void)
{
	return spk_test_long() ? 2000000 : 40000;
}

/* --- doubles --- */

static double random_double(spk_test_rng *rng)
{
	union { uint64_t bits; double v; } any = { spk_test_next(rng) };

	switch (spk_test_below(rng, 5)) {
	case 0: return (double)spk_test_between(rng, -1000000000, 1000000000) / pow(10, (double)spk_test_below(rng, 9));
	case 1: return ldexp(1, (int)spk_test_between(rng, -1074, 1023));
	case 2: return spk_test_unit(rng);
	default: return any.v;
	}
}

/* Reads back to the same bits, and no text with fewer digits does. */
static void doubles(void)
{
	spk_test_rng rng = spk_test_rng_new(1);

	for (int i = 0; i < rounds(); i++) {
		double v = random_double(&rng), back;
		char text[SPK_TEXT_MAX + 1], shorter[64];
		int digits = 0, size;
		spk_error err = { 0 };

		if (isnan(v) || isinf(v))
			continue;
		size = spk_text_double(v, text);
		text[size] = 0;
		REQUIRE(size <= 32);
		if (!CHECK(strtod(text, NULL) == v))
			fprintf(stderr, "  %.17g as %s\n", v, text);
		if (CHECK_OK(spk_text_to_value(spk_type(SPK_TYPE_DOUBLE), text, (size_t)size, NULL, &back, &err), err))
			CHECK(memcmp(&back, &v, 8) == 0);
		for (char *p = text; *p && *p != 'e'; p++)
			digits += *p >= '0' && *p <= '9' && (digits > 0 || *p != '0');
		for (char *p = strchr(text, 'e') ? strchr(text, 'e') : text + size; digits > 1 && p > text && p[-1] == '0'; p--)
			digits--;
		if (digits > 1 && fabs(v) >= 2.2250738585072014e-308) {
			snprintf(shorter, sizeof shorter, "%.*e", digits - 2, v);
			CHECK(strtod(shorter, NULL) != v);
		}
	}
}

static void reals(void)
{
	spk_test_rng rng = spk_test_rng_new(2);

	for (int i = 0; i < rounds(); i++) {
		union { uint32_t bits; float v; } any = { (uint32_t)spk_test_next(&rng) };
		char text[SPK_TEXT_MAX + 1];
		float back;
		spk_error err = { 0 };
		int size;

		if (isnan(any.v) || isinf(any.v))
			continue;
		size = spk_text_from_value(spk_type(SPK_TYPE_REAL), &any.v, NULL, text);
		text[size] = 0;
		CHECK(strtof(text, NULL) == any.v);
		if (CHECK_OK(spk_text_to_value(spk_type(SPK_TYPE_REAL), text, (size_t)size, NULL, &back, &err), err))
			CHECK(memcmp(&back, &any.v, 4) == 0);
	}
}

static void bigints(void)
{
	spk_test_rng rng = spk_test_rng_new(3);

	for (int i = 0; i < rounds(); i++) {
		int64_t v = (int64_t)(spk_test_next(&rng) >> spk_test_below(&rng, 64)) * (spk_test_one_in(&rng, 2) ? -1 : 1), back;
		char text[SPK_TEXT_MAX + 1], want[32];
		spk_error err = { 0 };
		int size;

		if (i == 0)
			v = INT64_MIN;
		size = spk_text_bigint(v, text);
		text[size] = 0;
		snprintf(want, sizeof want, "%lld", (long long)v);
		CHECK_EQ_STR(text, want);
		CHECK_OK(spk_text_to_value(spk_type(SPK_TYPE_BIGINT), text, (size_t)size, NULL, &back, &err), err);
		CHECK_EQ_INT(back, v);
	}
}

/* --- every other type: text and back gives the same bytes --- */

static void round_trips(void)
{
	static const enum spk_type_id ids[] = { SPK_TYPE_BOOLEAN, SPK_TYPE_SMALLINT, SPK_TYPE_INTEGER, SPK_TYPE_DECIMAL, SPK_TYPE_DATE, SPK_TYPE_TIME, SPK_TYPE_TIMESTAMP, SPK_TYPE_TIMESTAMPTZ, SPK_TYPE_INTERVAL, SPK_TYPE_UUID };
	static const char *const zones[] = { NULL, "UTC", "Asia/Kolkata", "America/St_Johns" };
	spk_test_rng rng = spk_test_rng_new(4);
	struct spk_arena *arena = spk_arena_new(NULL);

	for (int i = 0; i < rounds(); i++) {
		struct spk_type type = spk_type(ids[spk_test_below(&rng, sizeof ids / sizeof ids[0])]);
		struct spk_value v, back = { 0 };
		const char *zone = zones[spk_test_below(&rng, 4)];
		char text[SPK_TEXT_MAX + 1];
		spk_error err = { 0 };
		int size;

		if (type.id == SPK_TYPE_DECIMAL && spk_test_one_in(&rng, 2))
			type = spk_type_decimal(20, 4);
		v = values_one(&rng, type, arena);
		size = spk_text_from_value(type, spk_value_bytes(&v), zone, text);
		REQUIRE(size > 0 && size <= SPK_TEXT_MAX);
		text[size] = 0;
		back.type = type;
		if (CHECK_OK(spk_text_to_value(type, text, (size_t)size, zone, &back.boolean, &err), err) &&
		    !CHECK(memcmp(spk_value_bytes(&v), spk_value_bytes(&back), (size_t)spk_type_width(type)) == 0))
			fprintf(stderr, "  %s\n", text);
	}
	spk_arena_unref(arena);
}

/* The longest texts there are fit. */
static void longest(void)
{
	struct spk_interval v = { INT32_MIN, INT32_MIN, INT64_MIN };
	char text[SPK_TEXT_MAX + 1];
	int size = spk_text_from_value(spk_type(SPK_TYPE_INTERVAL), &v, NULL, text);
	spk_int128 d = -(spk_pow10(38) - 1);

	text[size] = 0;
	CHECK_EQ_STR(text, "-178956970 years -8 mons -2147483648 days -2562047788:00:54.775808");
	CHECK(spk_text_from_value(spk_type_decimal(38, 38), &d, NULL, text) <= SPK_TEXT_MAX);
}

/* --- the fast timestamp parser against the general one --- */

static void fast_timestamps(void)
{
	spk_test_rng rng = spk_test_rng_new(5);
	int taken = 0;

	for (int i = 0; i < rounds(); i++) {
		char text[64];
		int n = snprintf(text, sizeof text, "%04d-%02d-%02d%c%02d:%02d:%02d", (int)spk_test_between(&rng, 0, 9999), (int)spk_test_between(&rng, 0, 13), (int)spk_test_between(&rng, 0, 32),
		                 spk_test_one_in(&rng, 2) ? 'T' : ' ', (int)spk_test_between(&rng, 0, 24), (int)spk_test_between(&rng, 0, 60), (int)spk_test_between(&rng, 0, 60));
		int64_t fast, general;
		bool zoned;
		spk_error err = { 0 };

		if (spk_test_one_in(&rng, 2))
			n += snprintf(text + n, sizeof text - (size_t)n, ".%0*d", (int)spk_test_between(&rng, 1, 6), (int)spk_test_between(&rng, 0, 9));
		switch (spk_test_below(&rng, 5)) {
		case 0: n += snprintf(text + n, sizeof text - (size_t)n, "Z"); break;
		case 1: n += snprintf(text + n, sizeof text - (size_t)n, "+%02d", (int)spk_test_between(&rng, 0, 16)); break;
		case 2: n += snprintf(text + n, sizeof text - (size_t)n, "-%02d:%02d", (int)spk_test_between(&rng, 0, 15), (int)spk_test_between(&rng, 0, 60)); break;
		default: break;
		}
		if (spk_test_one_in(&rng, 10))
			text[spk_test_below(&rng, (uint64_t)n)] = (char)spk_test_between(&rng, 32, 126);
		if (!spk_text_parse_timestamp_fast(text, (size_t)n, &fast, &zoned))
			continue;
		taken++;
		/* A blank in front keeps the general parser from trying the fast way first, but trimming takes it off: two do not help, words do. */
		snprintf(text + n, sizeof text - (size_t)n, " AD");
		if (CHECK_OK(spk_text_to_value(spk_type(SPK_TYPE_TIMESTAMPTZ), text, strlen(text), NULL, &general, &err), err) && !CHECK_EQ_INT(fast, general))
			fprintf(stderr, "  %s\n", text);
	}
	CHECK(taken > rounds() / 4);
}

static void no_crash(void)
{
	static const enum spk_type_id ids[] = { SPK_TYPE_BOOLEAN, SPK_TYPE_INTEGER, SPK_TYPE_DOUBLE, SPK_TYPE_REAL, SPK_TYPE_DECIMAL, SPK_TYPE_DATE, SPK_TYPE_TIME, SPK_TYPE_TIMESTAMP, SPK_TYPE_TIMESTAMPTZ, SPK_TYPE_INTERVAL, SPK_TYPE_UUID, SPK_TYPE_BYTEA, SPK_TYPE_TEXT };
	static const char letters[] = "0123456789 -+:./TZPYMDHS,eEinfa janfebBCAMx\\\"@";
	spk_test_rng rng = spk_test_rng_new(6);

	for (int i = 0; i < rounds(); i++) {
		union { char bytes[16]; spk_int128 align; } out;
		size_t n = spk_test_below(&rng, 24);
		char *text = malloc(n + 1);
		spk_error err = { 0 };

		for (size_t k = 0; k < n; k++)
			text[k] = spk_test_one_in(&rng, 30) ? (char)spk_test_next(&rng) : letters[spk_test_below(&rng, sizeof letters - 1)];
		if (spk_text_to_value(spk_type(ids[spk_test_below(&rng, sizeof ids / sizeof ids[0])]), text, n, NULL, &out, &err) != SPK_OK)
			CHECK(err.message[0] != 0);
		free(text);
	}
}

/* --- types by name --- */

static void type_names(void)
{
	static const struct { const char *name, *shown; } good[] = {
		{ "int", "integer" }, { "INTEGER", "integer" }, { "int8", "bigint" }, { "double  precision", "double precision" }, { "float", "double precision" }, { "float(10)", "real" },
		{ "varchar(10)", "character varying(10)" }, { "character varying ( 20 )", "character varying(20)" }, { "VARCHAR(2147483647)", "text" }, { "string", "text" },
		{ "numeric", "numeric" }, { "decimal(10, 2)", "numeric(10,2)" }, { "DECIMAL(38)", "numeric(38,0)" }, { "numeric(5,6)", "numeric(5,6)" }, { "timestamp(3)", "timestamp without time zone" },
		{ "timestamp(3) with time zone", "timestamp with time zone" }, { "TIMESTAMP_LTZ(3)", "timestamp with time zone" }, { "bytes", "bytea" }, { "bool", "boolean" },
	};
	static const char *const bad[] = { "", "inte ger", "numeric(0)", "numeric(1001)", "numeric(5,1001)", "numeric(5,-1001)", "varchar(0)", "numeric(1", "numeric(a)", "int8s", "decimal(1,2,3)" };
	struct spk_type type;
	spk_error err = { 0 };
	char shown[64];

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		if (CHECK_OK(spk_type_parse(good[i].name, &type, &err), err))
			CHECK_EQ_STR(spk_type_format(type, shown, sizeof shown), good[i].shown);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK_FAILS(spk_type_parse(bad[i], &type, &err), SPK_BIND, err);
	CHECK_FAILS(spk_type_parse("numeric(40,39)", &type, &err), SPK_UNSUPPORTED, err);
	CHECK_FAILS(spk_type_parse("numeric(5,-1)", &type, &err), SPK_UNSUPPORTED, err);
	CHECK_FAILS(spk_type_parse("Macaddr", &type, &err), SPK_UNSUPPORTED, err);
	CHECK_EQ_STR(err.message, "type macaddr is not supported");
	CHECK_FAILS(spk_type_parse("integr", &type, &err), SPK_BIND, err);
	CHECK_HOLDS(err.hint, "integer");
}

SPK_TEST_SUITE("values as text",
	{ "doubles: the shortest that reads back", doubles }, { "reals", reals }, { "bigints", bigints }, { "other types come back", round_trips },
	{ "the longest texts", longest }, { "fast timestamps are the general ones", fast_timestamps }, { "no text crashes a parser", no_crash }, { "types by name", type_names })
