/* jsonb: its one form, its order, its keys and hashes; texts that are none; text that is broken. */
#include "core/base/fault.h"
#include "core/columnar/hash.h"
#include "core/columnar/jsonb.h"
#include "core/columnar/rowkey.h"
#include "tests/core/columnar/random.h"

static spk_error err;

static char *canonical(struct spk_json_parser *parser, const char *text, size_t size)
{
	struct spk_buffer out = { 0 };
	char *copy = NULL;

	if (spk_jsonb_parse(parser, text, size, &out, &err) == SPK_OK)
		copy = strdup(spk_buffer_cstr(&out));
	spk_buffer_release(&out);
	return copy;
}

/* As PostgreSQL 15 prints them; NULL: refused. */
static const struct { const char *text, *want; } forms[] = {
	{ "1", "1" }, { " 1 ", "1" }, { "-0", "0" }, { "-0.0", "0.0" }, { "1e2", "100" }, { "1.50e1", "15.0" }, { "1E-3", "0.001" }, { "12.5e-1", "1.25" }, { "-1.5e+3", "-1500" }, { "0e5", "0" },
	{ "0.00e1", "0.0" }, { "100e-2", "1.00" }, { "0.05e1", "0.5" }, { "1.10", "1.10" }, { "123456789012345678901234567890.5", "123456789012345678901234567890.5" },
	{ "01", NULL }, { "1.", NULL }, { ".5", NULL }, { "+1", NULL }, { "1e", NULL }, { "1a", NULL }, { "--1", NULL }, { "", NULL }, { "  ", NULL }, { "1 2", NULL }, { "NaN", NULL }, { "1e1000000000", NULL }, { "1e200000", NULL },
	{ "true", "true" }, { "false", "false" }, { "null", "null" }, { "tru", NULL }, { "truex", NULL }, { "True", NULL }, { "nul", NULL },
	{ "\"a\"", "\"a\"" }, { "\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"", "\"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" }, { "\"\\b\\f\\n\\r\\t\\\"\\\\\\/\"", "\"\\b\\f\\n\\r\\t\\\"\\\\/\"" },
	{ "\"\\u0001\\u001f\\u007f\"", "\"\\u0001\\u001f\x7f\"" }, { "\"\\u0000\"", NULL }, { "\"\\ud800\"", NULL }, { "\"\\udc00\"", NULL }, { "\"\\ud800\\u0041\"", NULL }, { "\"\\x\"", NULL }, { "\"a", NULL }, { "\"a\nb\"", NULL }, { "\"\\u12\"", NULL }, { "'a'", NULL },
	{ "[]", "[]" }, { "[ ]", "[]" }, { "[1,2 , 3]", "[1, 2, 3]" }, { "[1,]", NULL }, { "[,1]", NULL }, { "[1 2]", NULL }, { "[", NULL }, { "[1", NULL }, { "]", NULL }, { "[[],[[1]]]", "[[], [[1]]]" },
	{ "{}", "{}" }, { "{\"a\":1}", "{\"a\": 1}" }, { "{\"bb\":1,\"a\":2,\"ab\":3,\"\":4}", "{\"\": 4, \"a\": 2, \"ab\": 3, \"bb\": 1}" }, { "{\"a\":1,\"a\":2}", "{\"a\": 2}" }, { "{\"b\":1,\"a\":1,\"b\":{\"y\":1,\"x\":2},\"a\":3}", "{\"a\": 3, \"b\": {\"x\": 2, \"y\": 1}}" },
	{ "{\"\\u0061\":1,\"a\":2}", "{\"a\": 2}" }, { "{\"\\n\":1,\"b\":2,\"\\\\\":3}", "{\"\\n\": 1, \"\\\\\": 3, \"b\": 2}" }, { "{a:1}", NULL }, { "{\"a\"}", NULL }, { "{\"a\":}", NULL }, { "{\"a\":1,}", NULL }, { "{1:1}", NULL }, { "{\"a\":1", NULL }, { "{", NULL }, { "{,}", NULL },
};

static void there_is_one_form(void)
{
	struct spk_json_parser parser = { 0 };

	for (size_t i = 0; i < SPK_COUNT_OF(forms); i++) {
		char *got = canonical(&parser, forms[i].text, strlen(forms[i].text)), *again;

		if (!forms[i].want) {
			if (!CHECK(!got))
				fprintf(stderr, "  %s gave %s\n", forms[i].text, got);
			free(got);
			continue;
		}
		if (CHECK(got != NULL)) {
			CHECK_EQ_STR(got, forms[i].want);
			again = canonical(&parser, got, strlen(got));
			CHECK_EQ_STR(again, got);
			free(again);
		}
		free(got);
	}
	spk_json_parser_release(&parser);
}

static void nesting_has_an_end(void)
{
	struct spk_json_parser parser = { 0 };
	char *deep = malloc(20001), *got;

	memset(deep, '[', 10000);
	memset(deep + 10000, ']', 10000);
	got = canonical(&parser, deep, 20000);
	CHECK(!got);
	CHECK_EQ_STR(err.message, "stack depth limit exceeded");
	got = canonical(&parser, deep + 7000, 6000);
	CHECK(got != NULL);
	free(got);
	free(deep);
	spk_json_parser_release(&parser);
}

/* Ascending as PostgreSQL orders jsonb; those in one entry are equal. */
static const char *const ascending[][3] = {
	{ "[]" }, { "null" }, { "\"\"" }, { "\"\\u0001\"" }, { "\"a\"" }, { "\"a\\n\"" }, { "\"ab\"" }, { "\"b\"" }, { "-1e10" }, { "-12" }, { "-2", "-2.0", "-2.00" }, { "-1.5", "-1.50" }, { "-0.001" }, { "0", "0.0", "0.000" }, { "0.001" }, { "0.01", "0.010" }, { "1", "1.0", "1.000" },
	{ "1.001" }, { "1.5" }, { "2" }, { "10" }, { "12", "12.0" }, { "123456789012345678901234567890" }, { "1e100" }, { "false" }, { "true" }, { "[null]" }, { "[\"a\"]" }, { "[1]", "[1.0]" }, { "[true]" }, { "[[]]" }, { "[[1]]" }, { "[{}]" }, { "[1,2]", "[1,2.0]" }, { "[1,3]" },
	{ "[{\"a\":1},2]" }, { "[1,2,3]" }, { "{}" }, { "{\"a\":1}", "{\"a\":1.0}" }, { "{\"a\":2}" }, { "{\"a\":[]}" }, { "{\"b\":1}" }, { "{\"bb\":1}" }, { "{\"c\":0}" }, { "{\"a\":1,\"b\":2}" }, { "{\"a\":1,\"b\":3}" }, { "{\"b\":1,\"aa\":3}" },
};

static struct spk_view value_of(const char *text, struct spk_arena *arena)
{
	struct spk_json_parser parser = { 0 };
	char *s = canonical(&parser, text, strlen(text));
	struct spk_view v = spk_view_str(spk_arena_strdup(arena, s));

	free(s);
	spk_json_parser_release(&parser);
	return v;
}

static int key_order(const struct spk_view *a, const struct spk_view *b)
{
	size_t na = spk_jsonb_key_size(a), nb = spk_jsonb_key_size(b);
	char *ka = malloc(na), *kb = malloc(nb);
	int order;

	CHECK(spk_jsonb_key_write(ka, a) == ka + na);
	CHECK(spk_jsonb_key_write(kb, b) == kb + nb);
	order = memcmp(ka, kb, SPK_MIN(na, nb));
	order = order ? order : (na > nb) - (na < nb);
	free(ka);
	free(kb);
	return (order > 0) - (order < 0);
}

static uint64_t hash_of(const struct spk_view *v, struct spk_arena *arena)
{
	struct spk_vector column;
	uint64_t hash;

	REQUIRE_OK(spk_vector_init_constant(&column, spk_type(SPK_TYPE_JSONB), v, arena, &err), err);
	spk_hash_column(&column, NULL, 1, &hash);
	return hash;
}

static void order_equality_hashes_and_keys_agree(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);

	for (size_t i = 0; i < SPK_COUNT_OF(ascending); i++) {
		for (size_t k = 0; k < SPK_COUNT_OF(ascending); k++) {
			for (int x = 0; x < 3 && ascending[i][x]; x++) {
				for (int y = 0; y < 3 && ascending[k][y]; y++) {
					struct spk_view a = value_of(ascending[i][x], arena), b = value_of(ascending[k][y], arena);
					int want = (i > k) - (i < k), got = spk_jsonb_compare(&a, &b);

					if (!CHECK_EQ_INT((got > 0) - (got < 0), want) || !CHECK_EQ_INT(key_order(&a, &b), want))
						fprintf(stderr, "  %s and %s\n", ascending[i][x], ascending[k][y]);
					CHECK_EQ_INT(hash_of(&a, arena) == hash_of(&b, arena), i == k);
					CHECK_EQ_INT(spk_jsonb_equal(&a, &b), i == k);
				}
			}
		}
	}
	spk_arena_unref(arena);
}

static void keys_come_back(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_buffer out = { 0 };

	for (size_t i = 0; i < SPK_COUNT_OF(ascending); i++) {
		struct spk_view v = value_of(ascending[i][0], arena);
		size_t size = spk_jsonb_key_size(&v);
		char *key = malloc(size), *inverted = malloc(size);

		spk_jsonb_key_write(key, &v);
		for (size_t k = 0; k < size; k++)
			inverted[k] = (char)~key[k];
		for (int flip = 0; flip < 2; flip++) {
			const char *from = flip ? inverted : key;

			spk_buffer_clear(&out);
			CHECK(spk_jsonb_key_read(from, from + size, flip ? (char)~0 : 0, &out, &err) == from + size);
			CHECK_EQ_INT(out.size, v.length);
			CHECK_EQ_MEM(out.data, spk_view_data(&v), v.length);
		}
		for (size_t cut = 0; cut < size; cut++) {
			char *shorter = malloc(cut + 1);

			memcpy(shorter, key, cut);
			CHECK(!spk_jsonb_key_read(shorter, shorter + cut, 0, &out, &err));
			CHECK_EQ_INT(err.code, SPK_CORRUPT);
			free(shorter);
		}
		free(key);
		free(inverted);
	}
	spk_buffer_release(&out);
	spk_arena_unref(arena);
}

/* What is no jsonb value must not be read past its end (ASan watches), whatever it looks like. */
static void broken_text_is_survived(void)
{
	spk_test_rng rng = spk_test_rng_new(1);
	static const char letters[] = "{}[],: \"\\u12.ntf-";

	for (int round = 0; round < 20000; round++) {
		size_t n = 1 + spk_test_below(&rng, 20);
		char *text = malloc(n);
		struct spk_view v;
		struct spk_jsonb_iterator i;

		for (size_t k = 0; k < n; k++)
			text[k] = letters[spk_test_below(&rng, sizeof letters - 1)];
		v = spk_view(text, (uint32_t)n);
		CHECK(spk_jsonb_skip(text, text + n) <= text + n);
		for (i = spk_jsonb_iterator(text, text + n); spk_jsonb_next(&i);)
			;
		spk_jsonb_compare(&v, &v);
		spk_jsonb_key_size(&v);
		free(text);
	}
}

static void members_and_elements_are_found(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_view v = value_of("{\"a\":1,\"b\\n\":[10,20,\"x\"],\"cc\":{\"d\":null}}", arena);
	const char *p = spk_view_data(&v), *end = p + v.length, *value, *value_end, *inner, *inner_end;

	CHECK_EQ_INT(spk_jsonb_count(p, end), 3);
	REQUIRE(spk_jsonb_member(p, end, "b\n", 2, &value, &value_end));
	CHECK_EQ_INT(value_end - value, 13);
	REQUIRE(spk_jsonb_element(value, value_end, -1, &inner, &inner_end));
	CHECK_EQ_MEM(inner, "\"x\"", 3);
	REQUIRE(spk_jsonb_element(value, value_end, 1, &inner, &inner_end));
	CHECK_EQ_MEM(inner, "20", 2);
	CHECK(!spk_jsonb_element(value, value_end, 3, &inner, &inner_end));
	CHECK(!spk_jsonb_element(value, value_end, -4, &inner, &inner_end));
	CHECK(!spk_jsonb_member(p, end, "b", 1, &value, &value_end));
	CHECK(!spk_jsonb_member(p, end, "d", 1, &value, &value_end));
	REQUIRE(spk_jsonb_member(p, end, "cc", 2, &value, &value_end));
	CHECK_EQ_MEM(value, "{\"d\": null}", 11);
	spk_arena_unref(arena);
}

static void memory_that_runs_out_is_told(void)
{
	struct spk_json_parser parser = { 0 };
	const char *text = "{\"b\":[1,2,{\"z\":1,\"a\":\"\\u00e9\"}],\"a\":1e3}";
	int failures = 0;

	for (int nth = 1; nth < 100; nth++) {
		char *specification = spk_test_format("malloc:%d+", nth), *got;  /* a buffer asks twice */

		REQUIRE_OK(spk_fault_set(specification, &err), err);
		got = canonical(&parser, text, strlen(text));
		REQUIRE_OK(spk_fault_set(NULL, &err), err);
		free(specification);
		failures += !got;
		spk_json_parser_release(&parser);
		if (got) {
			CHECK_EQ_STR(got, "{\"a\": 1000, \"b\": [1, 2, {\"a\": \"\xc3\xa9\", \"z\": 1}]}");
			free(got);
			break;
		}
	}
	CHECK(failures >= 2);
}

SPK_TEST_SUITE("core/columnar/jsonb",
	{"there is one form", there_is_one_form},
	{"nesting has an end", nesting_has_an_end},
	{"order, equality, hashes and keys agree", order_equality_hashes_and_keys_agree},
	{"keys come back", keys_come_back},
	{"broken text is survived", broken_text_is_survived},
	{"members and elements are found", members_and_elements_are_found},
	{"memory that runs out is told", memory_that_runs_out_is_told})
