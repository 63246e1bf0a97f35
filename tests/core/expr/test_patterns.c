/*
 * Patterns against slow and simple oracles: regular expressions against libc's POSIX ones, LIKE against a recursive matcher; and
 * templates of any kind must not crash.
 */
#include <regex.h>
#include <stdio.h>

#include "core/expr/regex_program.h"
#include "tests/core/expr/mini.h"
#include "tests/support/test.h"

static int rounds(void)
{
	return spk_test_long() ? 300000 : 15000;
}

/* --- regular expressions --- */

struct pattern { char text[64]; int size; };

static void add(struct pattern *p, const char *s)
{
	p->size += snprintf(p->text + p->size, sizeof p->text - (size_t)p->size, "%s", s);
}

/* A random pattern that means the same to POSIX and to PostgreSQL. */
static void random_pattern(spk_test_rng *rng, struct pattern *p, int depth)
{
	static const char *const atoms[] = { "a", "b", "c", ".", "[ab]", "[^a]", "ab", "ca" }, *const quantifiers[] = { "*", "+", "?", "{2}", "{1,2}", "", "", "" };
	int branches = depth > 0 && spk_test_one_in(rng, 3) ? 2 : 1;

	for (int b = 0; b < branches && p->size < 40; b++) {
		if (b)
			add(p, "|");
		for (int n = 1 + (int)spk_test_below(rng, 3); n > 0 && p->size < 40; n--) {
			if (depth > 0 && spk_test_one_in(rng, 3)) {
				add(p, "(");
				random_pattern(rng, p, depth - 1);
				add(p, ")");
			} else {
				const char *atom = atoms[spk_test_below(rng, 8)];

				add(p, atom);
				if (atom[0] != '[' && atom[1])
					continue;
			}
			add(p, quantifiers[spk_test_below(rng, 8)]);
		}
	}
}

static void like_posix(void)
{
	spk_test_rng rng = spk_test_rng_new(1);
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_regex_matcher matcher = { 0 };

	for (int i = 0; i < rounds(); i++) {
		struct pattern p = { .size = 0 };
		struct spk_regex_match match;
		const struct spk_regex *re;
		char text[16];
		size_t n = spk_test_below(&rng, 10);
		regmatch_t want[1];
		regex_t posix;
		spk_error err = { 0 };
		bool found, expected;

		if (spk_test_one_in(&rng, 8))
			add(&p, "^");
		random_pattern(&rng, &p, 2);
		if (spk_test_one_in(&rng, 8))
			add(&p, "$");
		for (size_t k = 0; k < n; k++)
			text[k] = (char)('a' + spk_test_below(&rng, 3));
		text[n] = 0;
		if (regcomp(&posix, p.text, REG_EXTENDED) != 0)
			continue;
		expected = regexec(&posix, text, 1, want, 0) == 0;
		regfree(&posix);
		if (!CHECK_OK(spk_regex_compile(arena, p.text, (size_t)p.size, "", 0, &re, &err), err))
			continue;
		REQUIRE_OK(spk_regex_find(&matcher, re, text, text + n, text, &found, &match, &err), err);
		if (!CHECK(found == expected && (!found || (match.start[0] == text + want[0].rm_so && match.end[0] == text + want[0].rm_eo))))
			fprintf(stderr, "  /%s/ in \"%s\": %d, libc %d [%d, %d)\n", p.text, text, found, expected, (int)want[0].rm_so, (int)want[0].rm_eo);
		REQUIRE_OK(spk_regex_find(&matcher, re, text, text + n, text, &found, NULL, &err), err);
		CHECK_EQ_INT(found, expected);
		for (int g = 1; found && g <= re->groups; g++)
			CHECK(!match.start[g] || (match.start[g] >= match.start[0] && match.end[g] <= match.end[0] && match.start[g] <= match.end[g]));
		spk_arena_clear(arena);
	}
	spk_regex_matcher_release(&matcher);
	spk_arena_unref(arena);
}

/* Whatever the pattern, there is an answer or an error; time does not explode. */
static void any_pattern(void)
{
	static const char letters[] = "ab()[]{}*+?|^$.\\dwsmMyY12,:-&(?i)";
	spk_test_rng rng = spk_test_rng_new(2);
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_regex_matcher matcher = { 0 };
	static const char text[] = "abaabb aab_12 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

	for (int i = 0; i < rounds(); i++) {
		size_t n = spk_test_below(&rng, 20);
		char *pattern = malloc(n + 1);
		const struct spk_regex *re;
		struct spk_regex_match match;
		spk_error err = { 0 };
		bool found;

		for (size_t k = 0; k < n; k++)
			pattern[k] = spk_test_one_in(&rng, 40) ? (char)spk_test_next(&rng) : letters[spk_test_below(&rng, sizeof letters - 1)];
		if (spk_regex_compile(arena, pattern, n, "gi", spk_test_below(&rng, 3), &re, &err) != SPK_OK)
			CHECK(err.message[0] != 0);
		else
			CHECK_OK(spk_regex_find(&matcher, re, text, text + sizeof text - 1, text, &found, &match, &err), err);
		free(pattern);
		spk_arena_clear(arena);
	}
	spk_regex_matcher_release(&matcher);
	spk_arena_unref(arena);
}

/* --- LIKE --- */

static bool slow_like(const char *s, const char *p)
{
	if (!*p)
		return !*s;
	if (*p == '%')
		return slow_like(s, p + 1) || (*s && slow_like(s + 1, p));
	if (*p == '\\')
		p++;
	else if (*p == '_')
		return *s && slow_like(s + 1, p + 1);
	return *s == *p && slow_like(s + 1, p + 1);
}

static void likes(void)
{
	static const char letters[] = "ab%_ab%_ab\\";
	spk_test_rng rng = spk_test_rng_new(3);

	for (int i = 0; i < rounds(); i++) {
		struct spk_arena *arena = spk_arena_new(NULL);
		struct spk_expr *arg[2], *e;
		struct spk_eval ev = { .arena = arena };
		struct spk_value v;
		char s[12] = "", p[12] = "";
		spk_error err = { 0 };

		for (size_t k = 0, n = spk_test_below(&rng, 10); k < n; k++)
			s[k] = "ab%_\\"[spk_test_below(&rng, spk_test_one_in(&rng, 4) ? 5 : 2)];
		for (size_t k = 0, n = spk_test_below(&rng, 9); k < n; k++)
			p[k] = letters[spk_test_below(&rng, sizeof letters - 1)];
		if (strlen(p) && p[strlen(p) - 1] == '\\')
			p[strlen(p) - 1] = 'a';
		arg[0] = spk_expr_unknown(arena, s);
		arg[1] = spk_expr_unknown(arena, p);
		REQUIRE_OK(spk_expr_call(arena, "like", arg, 2, 0, &e, &err), err);
		REQUIRE_OK(spk_expr_constant_value(e, &ev, &v, &err), err);
		if (!CHECK_EQ_INT(v.boolean, slow_like(s, p)))
			fprintf(stderr, "  '%s' like '%s'\n", s, p);
		spk_arena_unref(arena);
	}
}

/* --- templates --- */

static void templates(void)
{
	static const char letters[] = "YMDHSIWQJCTVRNFLGP09.,:- \"\\'aphdyms24FMTHtzE$S<";
	static const struct { const char *name, *type, *value; } calls[] = {
		{ "to_char", "timestamp", "2024-02-29 13:14:15.123456" }, { "to_char", "interval", "-1 year 2 mons -3 days 04:05:06" }, { "to_char", "numeric", "-1234567.891" }, { "to_char", "bigint", "0" },
		{ "to_char", "double precision", "1e20" }, { "date_format", "timestamp", "0044-03-15 BC" }, { "to_timestamp", "text", "2024-02-29 13:14:15.5 PM BC +05" }, { "to_date", "text", "1st February 2024" },
		{ "to_number", "text", "-12,345.67PR" },
	};
	spk_test_rng rng = spk_test_rng_new(4);

	for (int i = 0; i < rounds(); i++) {
		struct spk_arena *arena = spk_arena_new(NULL);
		struct spk_eval ev = { .arena = arena };
		struct mini_arg a = { .text = NULL };
		struct spk_value v, text = { .type = spk_type(SPK_TYPE_TEXT) };
		struct spk_expr *arg[2], *e;
		char template[40];
		size_t n = spk_test_below(&rng, sizeof template), which = spk_test_below(&rng, sizeof calls / sizeof calls[0]);
		spk_error err = { 0 };

		for (size_t k = 0; k < n; k++)
			template[k] = letters[spk_test_below(&rng, sizeof letters - 1)];
		snprintf(a.type, sizeof a.type, "%s", calls[which].type);
		a.text = spk_arena_strdup(arena, calls[which].value);
		REQUIRE_OK(mini_value(arena, &a, NULL, &v, &err), err);
		text.view = spk_view(spk_arena_copy(arena, template, n), (uint32_t)n);
		arg[0] = spk_expr_literal(arena, v);
		arg[1] = spk_expr_literal(arena, text);
		REQUIRE_OK(spk_expr_call(arena, calls[which].name, arg, 2, 0, &e, &err), err);
		if (spk_expr_constant_value(e, &ev, &v, &err) != SPK_OK)
			CHECK((err.code == SPK_DATA || err.code == SPK_UNSUPPORTED) && err.message[0]);
		spk_arena_unref(arena);
	}
}

SPK_TEST_SUITE("patterns and templates", { "regular expressions as libc's", like_posix }, { "any regular expression", any_pattern }, { "LIKE as a recursive matcher", likes }, { "any template", templates })
