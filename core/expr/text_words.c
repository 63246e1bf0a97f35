/* Functions of texts that other engines have: how far two are apart, and texts within addresses. */
#include "core/base/check.h"
#include "core/base/interrupt.h"
#include "core/base/utf8.h"
#include "core/expr/appender.h"
#include "core/expr/families.h"
#include "core/expr/utf8.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* --- levenshtein --- */

enum { LEVENSHTEIN_MAX = 65536 };  /* characters: the work grows with the product of both lengths */

/* The characters of a text, into a new array. */
static spk_status characters(const struct spk_view *v, struct spk_arena *arena, const char ***out, int *count, spk_error *err)
{
	const char *s = spk_view_data(v), *end = s + v->length;
	int n = 0;

	SPK_TRY_PTR(*out = SPK_NEW_ARRAY(arena, const char *, v->length + 1), err);
	for (; s < end; s = spk_utf8_next(s, end))
		(*out)[n++] = s;
	(*out)[n] = end;
	*count = n;
	return SPK_OK;
}

static bool same_character(const char *const *a, const char *const *b)
{
	return a[1] - a[0] == b[1] - b[0] && memcmp(a[0], b[0], (size_t)(a[1] - a[0])) == 0;
}

/* Characters to be added, left out or replaced: one row of the table of all beginnings after the other. */
static spk_status distance(const char *const *a, int n, const char *const *b, int m, int *row, spk_error *err)
{
	for (int k = 0; k <= m; k++)
		row[k] = k;
	for (int i = 1; i <= n; i++) {
		int corner = row[0];

		SPK_TRY(spk_check_interrupt(err));
		row[0] = i;
		for (int k = 1; k <= m; k++) {
			const int other = corner + !same_character(&a[i - 1], &b[k - 1]);

			corner = row[k];
			row[k] = SPK_MIN(other, SPK_MIN(row[k], row[k - 1]) + 1);
		}
	}
	return SPK_OK;
}

static spk_status levenshtein(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r[2] = { spk_vector_reader(&call->arg[0]), spk_vector_reader(&call->arg[1]) };

	SPK_EACH_CALL_ROW(call, row) {
		const char **text[2];
		int count[2], *table;

		for (int k = 0; k < 2; k++)
			SPK_TRY(characters(SPK_ROW_VIEW(k), call->ev->arena, &text[k], &count[k], err));
		if (count[0] > LEVENSHTEIN_MAX || count[1] > LEVENSHTEIN_MAX) {
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "levenshtein takes texts of %d characters at the most", LEVENSHTEIN_MAX));
			continue;
		}
		SPK_TRY_PTR(table = SPK_NEW_ARRAY(call->ev->arena, int, count[1] + 1), err);
		SPK_TRY(distance(text[0], count[0], text[1], count[1], table, err));
		spk_vector_i32(out)[row] = table[count[1]];
	}
	return SPK_OK;
}

/* --- texts within addresses, as forms of HTML send them --- */

SPK_APPENDER(url_encode)
{
	const char *s = spk_view_data(SPK_ROW_VIEW(0)), *end = s + SPK_ROW_VIEW(0)->length;

	for (; s < end; s++) {
		const bool plain = isalnum((unsigned char)*s) || *s == '-' || *s == '_' || *s == '.' || *s == '*';
		char code[4];

		snprintf(code, sizeof code, "%%%02X", (unsigned char)*s);
		SPK_TRY(spk_buffer_append(to, plain ? s : *s == ' ' ? "+" : code, plain || *s == ' ' ? 1 : 3, err));
	}
	return SPK_OK;
}

static int digit_of(char c) { return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10; }

/* NULL where a percent sign begins no byte, or the bytes are no text. */
SPK_APPENDER(url_decode)
{
	const char *s = spk_view_data(SPK_ROW_VIEW(0)), *end = s + SPK_ROW_VIEW(0)->length;

	for (; s < end && !*null; s++) {
		char c = *s == '+' ? ' ' : *s;

		if (c == '%') {
			*null = end - s < 3 || !isxdigit((unsigned char)s[1]) || !isxdigit((unsigned char)s[2]);
			c = *null ? 0 : (char)(digit_of(s[1]) * 16 + digit_of(s[2]));
			s += 2;
		}
		SPK_TRY(spk_buffer_append(to, &c, 1, err));
	}
	*null = *null || (to->size && (memchr(to->data, 0, to->size) || spk_utf8_valid(to->data, to->size) < to->size));
	return SPK_OK;
}

static const struct spk_function text_words_functions[] = {
	{ .name = "levenshtein", .doc = "How many characters are to be added, left out or replaced to make one text of the other", SPK_ARGS2(TEXT, TEXT), SPK_RESULT(INTEGER), .can_fail = true,
	  .kernel = levenshtein },
	{ .name = "url_encode", .doc = "Flink: as a part of an address, with %XX for what has a meaning there and + for blanks", SPK_ARGS1(TEXT), SPK_RESULT(TEXT), .kernel = url_encode },
	{ .name = "url_decode", .doc = "Flink: what url_encode was made of; NULL where it is nothing of the kind", SPK_ARGS1(TEXT), SPK_RESULT(TEXT), .kernel = url_decode },
};

SPK_FUNCTION_FAMILY(text_words, text_words_functions)
