/*
 * JSON rows drawn at random against jansson, an independent reader: the same values, and the same rows refused.
 * SPARKLET_SEED repeats a run.
 */
#include <jansson.h>
#include <math.h>
#include <strings.h>

#include "tests/connectors/fixture.h"

enum { MEMBERS = 12, TEXT = 8192 };

struct member { char name[40], value[2048]; };
struct drawn { struct member member[MEMBERS]; int members; char text[TEXT]; };

static const char *const names[] = { "a", "b", "amount", "a_name_longer_than_sixteen", "a_name_longer_than_sixteem", "a_name_longer_than", "caf\xc3\xa9", "x y", "" };
static const char *const types[] = { "bigint", "text", "double precision", "boolean", "bigint", "bigint", "text", "text", "bigint" };

/* --- drawing --- */

static void blanks(spk_test_rng *rng, char *out)
{
	static const char *const some[] = { "", "", "", " ", "\t", "\r\n", "  " };

	strcat(out, some[spk_test_below(rng, 7)]);
}

static void draw_string(spk_test_rng *rng, char *out)
{
	static const char *const pieces[] = { "x", "longer piece of text ", "\xc3\xa9", "\xf0\x9f\x98\x80", "\\n", "\\\"", "\\\\", "\\u00e9", "\\ud83d\\ude00", "{", "]", ",", ":", "'", "/", "\\/", "\x7f" };
	int n = (int)spk_test_below(rng, 8);

	strcat(out, "\"");
	while (n--)
		strcat(out, pieces[spk_test_below(rng, SPK_COUNT_OF(pieces))]);
	strcat(out, "\"");
}

static void draw_number(spk_test_rng *rng, char *out)
{
	char text[64];

	switch (spk_test_below(rng, 5)) {
	case 0: snprintf(text, sizeof(text), "%lld", (long long)spk_test_next(rng)); break;
	case 1: snprintf(text, sizeof(text), "%lld", (long long)spk_test_between(rng, -1000, 1000)); break;
	case 2: snprintf(text, sizeof(text), "%.17g", (spk_test_unit(rng) - 0.5) * pow(10, (double)spk_test_between(rng, -300, 300))); break;
	case 3: snprintf(text, sizeof(text), "%lld.%llu", (long long)spk_test_between(rng, -99, 99), (unsigned long long)spk_test_below(rng, 1000000)); break;
	default: snprintf(text, sizeof(text), "%lldE%+d", (long long)spk_test_between(rng, -9, 9), (int)spk_test_between(rng, -20, 20)); break;
	}
	strcat(out, text);
}

static void draw_value(spk_test_rng *rng, int depth, char *out)
{
	int kind = (int)spk_test_below(rng, depth < 4 ? 8 : 6), n = (int)spk_test_below(rng, 4);

	switch (kind) {
	case 0: strcat(out, "null"); return;
	case 1: strcat(out, "true"); return;
	case 2: strcat(out, "false"); return;
	case 3: draw_string(rng, out); return;
	case 4: case 5: draw_number(rng, out); return;
	default: break;
	}
	strcat(out, kind == 6 ? "[" : "{");
	blanks(rng, out);
	for (int i = 0; i < n && strlen(out) < 1000; i++) {
		if (i)
			strcat(out, ",");
		blanks(rng, out);
		if (kind == 7) {
			draw_string(rng, out);
			blanks(rng, out);
			strcat(out, ":");
			blanks(rng, out);
		}
		draw_value(rng, depth + 1, out);
		blanks(rng, out);
	}
	strcat(out, kind == 6 ? "]" : "}");
}

static void draw(spk_test_rng *rng, struct drawn *d)
{
	d->members = (int)spk_test_below(rng, MEMBERS);
	d->text[0] = '\0';
	blanks(rng, d->text);
	strcat(d->text, "{");
	for (int i = 0; i < d->members; i++) {
		struct member *m = &d->member[i];

		strcpy(m->name, names[spk_test_below(rng, SPK_COUNT_OF(names))]);
		if (spk_test_one_in(rng, 4))
			for (char *c = m->name; *c; c++)
				*c = (char)(spk_test_one_in(rng, 2) && (uint8_t)*c < 128 ? toupper(*c) : *c);
		m->value[0] = '\0';
		draw_value(rng, 1, m->value);
		if (i)
			strcat(d->text, ",");
		blanks(rng, d->text);
		sprintf(d->text + strlen(d->text), "\"%s\"", m->name);
		blanks(rng, d->text);
		strcat(d->text, ":");
		blanks(rng, d->text);
		strcat(d->text, m->value);
		blanks(rng, d->text);
	}
	strcat(d->text, "}");
	blanks(rng, d->text);
}

/* --- what must come out --- */

/* The member that counts for a column, by the contract's words: exact name before any case, of several the last. */
static const struct member *chosen(const struct drawn *d, const char *name)
{
	const struct member *exact = NULL, *folded = NULL;

	for (int i = 0; i < d->members; i++) {
		bool other = false;

		if (!strcmp(d->member[i].name, name))
			exact = &d->member[i];
		/* Another column may have the name as it stands. */
		for (size_t k = 0; k < SPK_COUNT_OF(names); k++)
			other |= !strcmp(names[k], d->member[i].name) && strcmp(names[k], name) != 0;
		if (!other && !strcasecmp(d->member[i].name, name))
			folded = &d->member[i];
	}
	return exact ? exact : folded;
}

static bool integer_of(const json_t *v, long long *out)
{
	double real = json_number_value(v);

	*out = json_integer_value(v);
	if (json_is_integer(v))
		return true;
	*out = (long long)real;
	return json_is_real(v) && fabs(real) < 1e15 && real == floor(real);
}

/* Whether the value fits and what then stands in the column; NULL: it must be refused. `unsure`: rounding decides, no claim. */
static const char *expected(const char *type, const char *text, bool *unsure)
{
	static char out[TEXT];
	json_t *v = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	const char *result = out;
	long long integer;
	char *end;

	*unsure = !v;
	if (json_is_null(v)) {
		strcpy(out, "NULL");
	} else if (!strcmp(type, "text")) {
		snprintf(out, sizeof(out), "%s", json_is_string(v) ? json_string_value(v) : text);
	} else if (!strcmp(type, "boolean")) {
		strcpy(out, json_is_true(v) ? "true" : "false");
		result = json_is_boolean(v) ? out : NULL;
		*unsure |= json_is_string(v);
	} else if (json_is_string(v)) {
		*unsure = true;
	} else if (!strcmp(type, "bigint")) {
		result = integer_of(v, &integer) ? out : NULL;
		snprintf(out, sizeof(out), "%lld", integer);
		*unsure |= json_is_real(v) && (fabs(json_real_value(v)) >= 1e15 || (result && json_real_value(v) == 0));
	} else {
		double real = json_is_integer(v) ? strtod(text, &end) : json_real_value(v);

		result = json_is_number(v) ? out : NULL;
		out[spk_text_double(real, out)] = '\0';
		*unsure |= json_is_number(v) && real != 0 && fabs(real) < 1e-300;
	}
	json_decref(v);
	return result;
}

static void check_row(struct fx *f, int row, const struct drawn *d)
{
	const char *got = fx_row(f, row);
	bool must_fail = false, any_unsure = false;
	int c = 0;

	for (size_t i = 0; i < SPK_COUNT_OF(names); i++) {
		const struct member *m = chosen(d, names[i]);
		bool unsure = false;

		if (c == f->wanted_count || strcmp(f->wanted_field[c].name, names[i]))
			continue;
		c++;
		if (m && !expected(types[i], m->value, &unsure) && !unsure)
			must_fail = true;
		any_unsure |= unsure;
	}
	if (any_unsure && got[0] == '!')
		return;
	if (must_fail != (got[0] == '!')) {
		CHECK_EQ_STR(d->text, got);
		return;
	}
	CHECK(true);
	for (c = 0; c < f->wanted_count && !must_fail; c++) {
		const struct member *m = chosen(d, f->wanted_field[c].name);
		char value[TEXT];
		bool unsure = false;
		const char *want = m ? expected(types[f->wanted[c]], m->value, &unsure) : "NULL";

		fx_value(&f->batch->column[c], row, value, sizeof(value));
		if (!unsure && strcmp(value, want ? want : "") != 0) {
			CHECK_EQ_STR(d->text, f->wanted_field[c].name);
			CHECK_EQ_STR(value, want);
		}
	}
}

/* A table of all the names, some of them wanted. */
static void draw_table(spk_test_rng *rng, struct fx *f)
{
	char wanted[1024] = "";

	fx_open(f, "");
	for (size_t k = 0; k < SPK_COUNT_OF(names); k++) {
		struct spk_field *field = &f->field[f->schema.count++];

		*field = (struct spk_field){ names[k], { 0 }, true };
		REQUIRE_OK(spk_type_parse(types[k], &field->type, &f->err), f->err);
		if (spk_test_one_in(rng, 2)) {
			strcat(wanted, ",");
			strcat(wanted, names[k]);
		}
	}
	fx_want(f, spk_test_one_in(rng, 3) ? "*" : wanted + (wanted[0] == ','));
}

/* Several rows a call: what a decoder learns from one must not be believed of the next. */
static void random_rows_have_the_values_that_jansson_sees(void)
{
	enum { ROWS = 8 };
	spk_test_rng rng = spk_test_rng_new(1);
	int rounds = spk_test_long() ? 20000 : 600;
	static struct drawn d[ROWS];
	const char *text[ROWS];

	for (int i = 0; i < rounds; i++) {
		struct fx f;

		draw_table(&rng, &f);
		for (int k = 0; k < ROWS; k++) {
			json_t *whole;

			draw(&rng, &d[k]);
			text[k] = d[k].text;
			whole = json_loads(d[k].text, JSON_ALLOW_NUL, NULL);
			REQUIRE(whole != NULL || strstr(d[k].text, "e+") || strstr(d[k].text, "e-"));
			json_decref(whole);
		}
		fx_decode(&f, &spk_format_json, text, NULL, ROWS);
		for (int k = 0; k < ROWS; k++)
			check_row(&f, k, &d[k]);
		fx_close(&f);
	}
}

/* --- damaged rows --- */

static void damage(spk_test_rng *rng, char *text, size_t *size)
{
	static const char chars[] = "{}[]:,\"\\ \n\t0123456789eE+-.tfnul\x01\x7f\xc3\xa9\xf0\xff";
	size_t at = spk_test_below(rng, *size + 1);

	switch (spk_test_below(rng, 3)) {
	case 0:
		if (at < *size)
			memmove(text + at, text + at + 1, --*size - at);
		break;
	case 1:
		if (at < *size)
			text[at] = chars[spk_test_below(rng, sizeof(chars) - 1)];
		break;
	default:
		memmove(text + at + 1, text + at, (*size)++ - at);
		text[at] = chars[spk_test_below(rng, sizeof(chars) - 1)];
	}
	text[*size] = '\0';
}

/* With no column to read a row is bad exactly when it is not a JSON object. */
static void damaged_rows_are_refused_when_jansson_refuses_them(void)
{
	spk_test_rng rng = spk_test_rng_new(2);
	int rounds = spk_test_long() ? 500000 : 20000, refused = 0;
	static struct drawn d;
	struct spk_decoder *decoder;
	struct fx f;

	fx_open(&f, "zz bigint");
	fx_want(&f, "");
	REQUIRE_OK(spk_format_json.decoder_open(&decoder, &f.spec, &f.err), f.err);
	for (int i = 0; i < rounds; i++) {
		const char *text = d.text;
		size_t size;
		json_error_t why;
		json_t *whole;
		bool fine;
		struct spk_arena *arena = spk_arena_new(NULL);

		draw(&rng, &d);
		size = strlen(d.text);
		for (int k = (int)spk_test_below(&rng, 3); k >= 0; k--)
			damage(&rng, d.text, &size);
		whole = json_loadb(d.text, size, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &why);
		REQUIRE_OK(fx_decode_with(&f, decoder, fx_raw(arena, &text, &size, 1), 1), f.err);
		fine = f.errors.count == 0;
		refused += !fine;
		/* jansson also refuses numbers out of a double's range and lone surrogates; both are JSON. */
		if (fine != json_is_object(whole) && !(fine && !whole && (json_error_code(&why) == json_error_numeric_overflow || strcasestr(d.text, "\\ud"))))
			CHECK_EQ_STR(d.text, fine ? why.text : fx_row(&f, 0));
		json_decref(whole);
		spk_arena_unref(arena);
	}
	CHECK(refused > rounds / 10);
	CHECK(refused < rounds);
	spk_format_json.decoder_close(decoder);
	fx_close(&f);
}

SPK_TEST_SUITE("json property",
	{ "random rows have the values that jansson sees", random_rows_have_the_values_that_jansson_sees },
	{ "damaged rows are refused when jansson refuses them", damaged_rows_are_refused_when_jansson_refuses_them })
