/*
 * Literals that stand for a time of which only the statement's run knows: 'now', 'tomorrow', 'today 10:30', 'tomorrow EST'.
 */
#include <ctype.h>
#include <strings.h>

#include "core/expr/internal.h"
#include "core/expr/text_parse.h"
#include "core/expr/zone.h"

struct piece { const char *s; size_t size; };

enum word { NONE, NOW, TODAY, TOMORROW, YESTERDAY };

static struct piece trim(const char *s, const char *end)
{
	while (s < end && isspace((unsigned char)*s))
		s++;
	while (end > s && isspace((unsigned char)end[-1]))
		end--;
	return (struct piece){ s, (size_t)(end - s) };
}

static enum word word_of(struct piece p)
{
	static const char *const words[] = { [NOW] = "now", [TODAY] = "today", [TOMORROW] = "tomorrow", [YESTERDAY] = "yesterday" };

	for (enum word w = NOW; w <= YESTERDAY; w++)
		if (p.size == strlen(words[w]) && strncasecmp(p.s, words[w], p.size) == 0)
			return w;
	return NONE;
}

/* A day's word before or behind something else; *rest: that. */
static enum word split(struct piece all, struct piece *rest)
{
	const char *end = all.s + all.size, *p = all.s;
	enum word w = word_of(all);

	*rest = (struct piece){ end, 0 };
	if (w != NONE)
		return w;
	while (p < end && !isspace((unsigned char)*p))
		p++;
	*rest = trim(p, end);
	w = word_of((struct piece){ all.s, (size_t)(p - all.s) });
	if (w != NONE)
		return w == NOW ? NONE : w;
	for (p = end; p > all.s && !isspace((unsigned char)p[-1]);)
		p--;
	*rest = trim(all.s, p);
	w = word_of((struct piece){ p, (size_t)(end - p) });
	return w == NOW ? NONE : w;
}

/* now() of the type, or the day in the session's zone. */
static spk_status make_day(struct spk_arena *arena, enum word word, int position, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *pair[2];

	SPK_TRY(spk_expr_call(arena, "now", NULL, 0, position, out, err));
	if (word == NOW)
		return SPK_OK;
	SPK_TRY(spk_expr_cast(arena, *out, spk_type(SPK_TYPE_DATE), true, position, &pair[0], err));
	*out = pair[0];
	if (word == TODAY)
		return SPK_OK;
	pair[1] = spk_expr_literal(arena, (struct spk_value){ .type = spk_type(SPK_TYPE_INTEGER), .i32 = word == TOMORROW ? 1 : -1 });
	SPK_TRY_PTR(pair[1], err);
	return spk_expr_call(arena, "+", pair, 2, position, out, err);
}

/* The day at the time of day, or its midnight in a zone, that `rest` says; *known: it says either. */
static spk_status add_rest(struct spk_arena *arena, struct piece rest, struct spk_type type, int position, struct spk_expr **day, bool *known, spk_error *err)
{
	struct spk_value time = { .type = spk_type(SPK_TYPE_TIME) }, name = { .type = spk_type(SPK_TYPE_TEXT), .view = spk_view(rest.s, (uint32_t)rest.size) };
	struct spk_expr *pair[2];

	*known = true;
	if (!rest.size)
		return SPK_OK;
	if (isdigit((unsigned char)*rest.s) && spk_text_parse_time(rest.s, rest.size, &time.i64, NULL) == SPK_OK) {
		pair[0] = *day;
		SPK_TRY_PTR(pair[1] = spk_expr_literal(arena, time), err);
		return spk_expr_call(arena, "+", pair, 2, position, day, err);
	}
	if (type.id == SPK_TYPE_TIMESTAMPTZ && isalpha((unsigned char)*rest.s) && spk_zone_find(rest.s, rest.size)) {
		SPK_TRY_PTR(pair[0] = spk_expr_literal(arena, name), err);
		SPK_TRY(spk_expr_cast(arena, *day, spk_type(SPK_TYPE_TIMESTAMP), true, position, &pair[1], err));
		return spk_expr_call(arena, "timezone", pair, 2, position, day, err);
	}
	*known = false;
	return SPK_OK;
}

spk_status spk_expr_clock_literal(struct spk_arena *arena, const struct spk_view *text, struct spk_type type, int position, bool *found, struct spk_expr **out, spk_error *err)
{
	const char *s = spk_view_data(text);
	struct spk_expr *day;
	struct piece rest;
	enum word word;

	*found = false;
	if (type.id != SPK_TYPE_DATE && type.id != SPK_TYPE_TIMESTAMP && type.id != SPK_TYPE_TIMESTAMPTZ && type.id != SPK_TYPE_TIME)
		return SPK_OK;
	word = split(trim(s, s + text->length), &rest);
	if (word == NONE || (type.id == SPK_TYPE_TIME && word != NOW))
		return SPK_OK;
	SPK_TRY(make_day(arena, word, position, &day, err));
	SPK_TRY(add_rest(arena, rest, type, position, &day, found, err));
	return *found ? spk_expr_cast(arena, day, type, true, position, out, err) : SPK_OK;
}
