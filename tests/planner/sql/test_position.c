/*
 * White space and comments mean nothing: put anywhere between tokens, they change no plan, and the place of an error moves with
 * its token. This holds through every rewrite, so it is a test of the map from rewritten text to the user's.
 */
#include "core/base/check.h"
#include "planner/sql/source.h"
#include "tests/planner/corpus.h"
#include "tests/planner/support.h"

/* The user's text cut into tokens: start of each in the original and in the mutated text. */
struct variant {
	char *text;
	int count;
	int from[512], to[512];
};

static const char *random_gap(spk_test_rng *rng)
{
	static const char *const gaps[] = { " ", "\n", "\t", "\r\n", " -- it's `a` \"comment\"\n", "/* one /* in */ ' another */", "\n\n   ", " /**/ ", "-- \xc3\xa4\n" };

	return gaps[spk_test_below(rng, sizeof gaps / sizeof gaps[0])];
}

/* Tokens of the text after the backquotes were made quotes: the same places, as no quote is doubled here. */
static void cut(const char *text, struct variant *v, struct spk_arena *arena)
{
	struct spk_source s = { .text = text, .size = strlen(text) };
	spk_error err = { 0 };

	v->count = 0;
	if (!CHECK_OK(spk_sql_backquotes(&s, arena, &err), err) || !CHECK_OK(spk_sql_scan(&s, arena, &err), err))
		return;
	for (int i = 0; i < s.tokens.count && v->count < 512; i++)
		v->from[v->count++] = spk_map_back(&s.to_text, s.tokens.token[i].start, NULL);
}

static void vary(const char *text, struct variant *v, spk_test_rng *rng)
{
	size_t size = strlen(text) + (size_t)(v->count + 1) * 3 * 40 + 1;
	char *at = v->text = malloc(size);
	int done = 0;

	for (int i = 0; i <= v->count; i++) {
		int until = i < v->count ? v->from[i] : (int)strlen(text);

		memcpy(at, text + done, (size_t)(until - done));
		at += until - done;
		done = until;
		/* A comment line before us must have ended. */
		for (uint64_t k = i < v->count ? spk_test_below(rng, 3) : 0; k > 0; k--)
			at = stpcpy(at, random_gap(rng));
		if (i < v->count)
			v->to[i] = (int)(at - v->text);
	}
	*at = 0;
}

static void the_plan_stays(void)
{
	spk_test_rng rng = spk_test_rng_new(1);
	int rounds = spk_test_long() ? 2000 : 40;

	for (int r = 0; r < rounds; r++) {
		for (size_t i = 0; i < sizeof corpus_good / sizeof corpus_good[0]; i++) {
			struct session *a = session_new(), *b = session_new();
			struct variant v;
			char *want, *got;

			cut(corpus_good[i], &v, a->arena);
			vary(corpus_good[i], &v, &rng);
			want = bind_text(a, corpus_good[i], false, false);
			got = bind_text(b, v.text, false, false);
			if (!CHECK_EQ_STR(got, want))
				fprintf(stderr, "in: %s\n", v.text);
			free(want);
			free(got);
			free(v.text);
			session_free(a);
			session_free(b);
		}
	}
}

static void the_place_of_an_error_follows_its_token(void)
{
	spk_test_rng rng = spk_test_rng_new(2);
	int rounds = spk_test_long() ? 2000 : 40;

	for (int r = 0; r < rounds; r++) {
		for (size_t i = 0; i < sizeof corpus_wrong / sizeof corpus_wrong[0]; i++) {
			struct session *a = session_new(), *b = session_new();
			struct spk_script script;
			spk_error before, after;
			struct variant v;
			int token = -1;

			cut(corpus_wrong[i], &v, a->arena);
			vary(corpus_wrong[i], &v, &rng);
			CHECK(session_bind(a, corpus_wrong[i], &script, &before) != SPK_OK);
			CHECK_EQ_INT(session_bind(b, v.text, &script, &after), before.code);
			for (int k = 0; k < v.count; k++)
				if (v.from[k] == before.position - 1)
					token = k;
			if (!CHECK(token >= 0) || !CHECK_EQ_INT(after.position, v.to[token] + 1) || !CHECK_EQ_STR(after.message, before.message))
				fprintf(stderr, "in: %s\n", v.text);
			free(v.text);
			session_free(a);
			session_free(b);
		}
	}
}

/* Line and column count what a person sees: lines by \n, columns by characters. */
static void lines_and_columns_agree_with_the_position(void)
{
	static const struct { const char *text; int position, line, column; } list[] = {
		{ "abc", 1, 1, 1 }, { "abc", 4, 1, 4 }, { "a\nbc", 3, 2, 1 }, { "a\r\nbc", 5, 2, 2 }, { "\xc3\xa4\xe2\x82\xac x", 7, 1, 4 }, { "", 1, 1, 1 }, { "a", 99, 1, 2 },
	};

	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		spk_error err = { .position = list[i].position };

		spk_sql_place(list[i].text, &err);
		CHECK_EQ_INT(err.line, list[i].line);
		CHECK_EQ_INT(err.column, list[i].column);
	}
}

/* Edits of one text, applied and traced back, against a slow model: a map byte by byte. */
static void edits_lead_back(void)
{
	spk_test_rng rng = spk_test_rng_new(3);

	for (int r = 0; r < 300; r++) {
		struct spk_arena *arena = spk_arena_new(NULL);
		struct spk_edits edits = { .arena = arena };
		struct spk_map map;
		spk_error err = { 0 };
		char text[40], made[400];
		int back[400], n = 0, at = 0, size = (int)spk_test_below(&rng, sizeof text - 1);
		bool inserted;
		const char *out;

		for (int i = 0; i < size; i++)
			text[i] = (char)('a' + i % 26);
		text[size] = 0;
		while (at <= size && spk_test_below(&rng, 4)) {
			int start = at + (int)spk_test_below(&rng, 5), end = start + (int)spk_test_below(&rng, 4);
			const char *put = (const char *[]){ "", "X", "YYYY" }[spk_test_below(&rng, 3)];

			if (end > size)
				break;
			CHECK_OK(spk_edit(&edits, start, end, put, &err), err);
			for (; at < start; at++) {
				back[n] = at;
				made[n++] = text[at];
			}
			for (const char *p = put; *p; p++) {
				back[n] = -1 - start;
				made[n++] = *p;
			}
			at = SPK_MAX(end, start);
			if (end == start && at < size) {  /* keep clear of the next edit's start */
				back[n] = at;
				made[n++] = text[at++];
			}
		}
		for (; at < size; at++) {
			back[n] = at;
			made[n++] = text[at];
		}
		made[n] = 0;
		CHECK_OK(spk_edits_apply(&edits, text, (size_t)size, &out, &map, &err), err);
		CHECK_EQ_STR(out, made);
		for (int i = 0; i < n; i++) {
			int got = spk_map_back(&map, i, &inserted);

			CHECK_EQ_INT(got, back[i] < 0 ? -1 - back[i] : back[i]);
			CHECK_EQ_INT(inserted, back[i] < 0);
		}
		CHECK_EQ_INT(spk_map_back(&map, n, NULL) <= size, true);
		spk_arena_unref(arena);
	}
}

SPK_TEST_SUITE("sql positions", { "the plan stays", the_plan_stays },
	{ "the place of an error follows its token", the_place_of_an_error_follows_its_token },
	{ "lines and columns agree with the position", lines_and_columns_agree_with_the_position }, { "edits lead back", edits_lead_back })
