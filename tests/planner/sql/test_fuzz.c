/* Whatever the text, binding ends with a plan or an error that has a place in it; nothing crashes and nothing is "internal". */
#include "core/base/check.h"
#include "tests/planner/corpus.h"
#include "tests/planner/support.h"

enum { SIZE = 4096 };

static const char *any(spk_test_rng *rng)
{
	size_t good = sizeof corpus_good / sizeof corpus_good[0], wrong = sizeof corpus_wrong / sizeof corpus_wrong[0];
	uint64_t i = spk_test_below(rng, good + wrong);

	return i < good ? corpus_good[i] : corpus_wrong[i - good];
}

static const char *random_token(spk_test_rng *rng)
{
	static const char *const tokens[] = { "(", ")", ",", ";", "'", "\"", "`", "$$", "--", "/*", "*/", " AS ", " FROM ", " SELECT ", " NULL ", "::", "[", "]", "<", ">",
		" WHERE ", " UNION ", " TABLE(", " WATERMARK FOR ", " METADATA ", " ARRAY<", " AND ", "*", "-", "+", ".", "1", "0", "9999999999", "1e999", " price ", " bid ",
		" GROUP BY ", " ORDER BY ", " LIMIT ", " INTERVAL ", "E'\\", "U&'", "\xc3\xa4", "\x80", "\x01", "$1", ":", "?", "=>", " DISTINCT ", " WITH ", " (VALUES (", " CASE ", " END ",
		" PRIMARY KEY (", " NOT ENFORCED", " COMMENT 'x'", " PARTITION BY ", " DESCRIPTOR(", " SESSION(", " QUALIFY ", " IN ", " LIKE ", " BETWEEN ", " count(", " DEFAULT ", "\n", "\t" };

	return tokens[spk_test_below(rng, sizeof tokens / sizeof tokens[0])];
}

/* Puts bytes [from, from + size) of `with` in place of [at, at + old) of text. */
static void splice(char *text, size_t at, size_t old, const char *with, size_t size)
{
	size_t length = strlen(text);

	if (length - old + size >= SIZE)
		return;
	memmove(text + at + size, text + at + old, length - at - old + 1);
	memcpy(text + at, with, size);
}

static void mutate(char *text, spk_test_rng *rng)
{
	size_t length = strlen(text), at = (size_t)spk_test_below(rng, length + 1), run = (size_t)spk_test_below(rng, 12);
	const char *other = any(rng), *token = random_token(rng);

	run = SPK_MIN(run, length - at);
	switch (spk_test_below(rng, 7)) {
	case 0: text[at] = 0; break;                                            /* cut off */
	case 1: splice(text, at, run, "", 0); break;                            /* take out */
	case 2: splice(text, at, 0, token, strlen(token)); break;               /* put in */
	case 3: splice(text, at, run, token, strlen(token)); break;
	case 4: {                                                                /* double */
		char copy[12];

		memcpy(copy, text + at, run);
		splice(text, at, 0, copy, run);
		break;
	}
	case 5:                                                                 /* the end of another one */
		text[at] = 0;
		other += spk_test_below(rng, strlen(other));
		splice(text, at, 0, other, strlen(other));
		break;
	default:
		if (at < length)
			text[at] = (char)spk_test_between(rng, 1, 127);
	}
}

static void check(struct session *s, const char *text)
{
	struct spk_buffer out = { 0 };
	struct spk_script script;
	spk_error err, ignored = { 0 };
	spk_status status = session_bind(s, text, &script, &err);

	if (status == SPK_OK) {
		for (int i = 0; i < script.count; i++) {
			struct spk_logical *plan = script.statement[i].plan;

			if (!plan)
				continue;
			free(plan_text(plan, true));
			if (!CHECK_OK(spk_optimize(s->arena, plan, NULL, &plan, &err), err))
				fprintf(stderr, "in: %s\n", text);
			free(plan_text(plan, true));
		}
		return;
	}
	if (!CHECK(status != SPK_INTERNAL && err.code == status && err.message[0]) || !CHECK(err.position > 0 && err.position <= (int)strlen(text) + 1) ||
	    !CHECK(err.line > 0 && err.column > 0))
		fprintf(stderr, "in: %s\n%s\n", text, err.message);
	CHECK_OK(spk_sql_format_error("f.sql", text, &err, &out, &ignored), ignored);
	spk_buffer_release(&out);
}

static void mutations_never_crash(void)
{
	spk_test_rng rng = spk_test_rng_new(1);
	int rounds = spk_test_long() ? 100000 : 1500;
	char text[SIZE];

	for (int r = 0; r < rounds; r++) {
		struct session *s = session_new();

		snprintf(text, sizeof text, "%s", any(&rng));
		for (uint64_t k = spk_test_below(&rng, 5); k > 0; k--) {
			char copy[SIZE];

			memcpy(copy, text, sizeof copy);
			mutate(copy, &rng);
			memcpy(text, copy, sizeof text);
		}
		check(s, text);
		session_free(s);
	}
}

static void every_truncation_is_fine(void)
{
	for (size_t i = 0; i < sizeof corpus_good / sizeof corpus_good[0]; i++) {
		for (size_t n = 0; n <= strlen(corpus_good[i]); n++) {
			struct session *s = session_new();
			char *text = strndup(corpus_good[i], n);

			check(s, text);
			free(text);
			session_free(s);
		}
	}
}

/* Random walks through tokens alone: the grammar's darker corners. */
static void token_salad_never_crashes(void)
{
	spk_test_rng rng = spk_test_rng_new(2);
	int rounds = spk_test_long() ? 100000 : 1500;

	for (int r = 0; r < rounds; r++) {
		struct session *s = session_new();
		char text[1024] = "";

		for (uint64_t k = 1 + spk_test_below(&rng, 20); k > 0; k--)
			strncat(text, random_token(&rng), sizeof text - strlen(text) - 1);
		check(s, text);
		session_free(s);
	}
}

SPK_TEST_SUITE("sql fuzz", { "mutations never crash", mutations_never_crash }, { "every truncation is fine", every_truncation_is_fine },
	{ "token salad never crashes", token_salad_never_crashes })
