/* Edits of a text, and the way back from what came out of them. */
#include "planner/sql/source.h"

#include <pg_query/pg_query.pb-c.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/check.h"

spk_status spk_edit(struct spk_edits *edits, int start, int end, const char *text, spk_error *err)
{
	if (edits->count == edits->capacity) {
		int capacity = edits->capacity ? edits->capacity * 2 : 16;
		struct spk_edit *grown = SPK_NEW_ARRAY(edits->arena, struct spk_edit, capacity);

		SPK_TRY_PTR(grown, err);
		if (edits->count)
			memcpy(grown, edits->edit, sizeof *grown * (size_t)edits->count);
		edits->edit = grown;
		edits->capacity = capacity;
	}
	SPK_ASSERT(start <= end && text, "an edit replaces a range by a text");
	edits->edit[edits->count++] = (struct spk_edit){ start, end, text };
	return SPK_OK;
}

static int by_start(const void *a, const void *b)
{
	const struct spk_edit *x = a, *y = b;

	return x->start != y->start ? (x->start < y->start ? -1 : 1) : (x->end > y->end) - (x->end < y->end);
}

spk_status spk_edits_apply(struct spk_edits *edits, const char *text, size_t size, const char **out, struct spk_map *map, spk_error *err)
{
	size_t room = size + 1;
	int from = 0, at = 0;
	char *made;

	*map = (struct spk_map){ 0 };
	*out = text;
	if (!edits->count)
		return SPK_OK;
	qsort(edits->edit, (size_t)edits->count, sizeof *edits->edit, by_start);
	for (int i = 0; i < edits->count; i++)
		room += strlen(edits->edit[i].text);
	made = spk_arena_alloc(edits->arena, room);
	map->piece = SPK_NEW_ARRAY(edits->arena, struct spk_map_piece, edits->count * 2 + 1);
	SPK_TRY_PTR(made, err);
	SPK_TRY_PTR(map->piece, err);
	for (int i = 0; i <= edits->count; i++) {
		const struct spk_edit *e = i < edits->count ? &edits->edit[i] : NULL;
		int until = e ? e->start : (int)size;

		if (until < from) {  /* words of two dialects one in the other: no statement of either */
			spk_fail(err, SPK_SYNTAX, "syntax error: this cannot be told from what is around it");
			if (err)
				err->position = until + 1;
			return SPK_SYNTAX;
		}
		map->piece[map->count++] = (struct spk_map_piece){ at, from, true };
		memcpy(made + at, text + from, (size_t)(until - from));
		at += until - from;
		if (!e)
			break;
		map->piece[map->count++] = (struct spk_map_piece){ at, e->start, false };
		memcpy(made + at, e->text, strlen(e->text));
		at += (int)strlen(e->text);
		from = e->end;
	}
	made[at] = 0;
	*out = made;
	return SPK_OK;
}

int spk_map_back(const struct spk_map *map, int at, bool *inserted)
{
	int low = 0, high = map->count;

	if (inserted)
		*inserted = false;
	if (!map->count)
		return at;
	while (high - low > 1) {  /* the last piece that begins at or before `at` */
		int middle = (low + high) / 2;

		if (map->piece[middle].at <= at)
			low = middle;
		else
			high = middle;
	}
	if (map->piece[low].copied)
		return map->piece[low].from + (at - map->piece[low].at);
	if (inserted)
		*inserted = true;
	return map->piece[low].from;
}

int spk_source_position(const struct spk_source *s, int at)
{
	if (at < 0)
		return 0;
	return spk_map_back(&s->to_text, spk_map_back(&s->to_quoted, at, NULL), NULL) + 1;
}

const struct spk_token *spk_source_token(const struct spk_source *s, int quoted_at)
{
	int low = 0, high = s->tokens.count;

	while (low < high) {  /* the first token that ends after the place */
		int middle = (low + high) / 2;

		if (s->tokens.token[middle].end <= quoted_at)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->tokens.count ? &s->tokens.token[low] : NULL;
}

char *spk_token_unquote(const char *text, const struct spk_token *t, struct spk_arena *arena)
{
	const char *from = text + t->start;
	size_t size = (size_t)(t->end - t->start), n = 0;
	char quote = *from;
	char *out;

	if (size < 2 || (quote != '"' && quote != '\''))
		return spk_arena_strndup(arena, from, size);
	out = spk_arena_alloc(arena, size);
	if (!out)
		return NULL;
	for (size_t i = 1; i + 1 < size; i++) {
		out[n++] = from[i];
		if (from[i] == quote)
			i++;
	}
	out[n] = 0;
	return out;
}

const char *spk_source_identifier(const struct spk_source *s, int at, struct spk_arena *arena)
{
	const struct spk_token *t = spk_source_token(s, spk_map_back(&s->to_quoted, at, NULL));

	return t ? spk_token_unquote(s->quoted, t, arena) : NULL;
}

bool spk_token_is_word(const struct spk_tokens *tokens, int i, const char *word)
{
	const struct spk_token *t = i >= 0 && i < tokens->count ? &tokens->token[i] : NULL;
	size_t size = strlen(word);

	return t && (size_t)(t->end - t->start) == size && strncasecmp(tokens->text + t->start, word, size) == 0;
}

spk_status spk_sql_fail(const struct spk_source *s, int quoted_at, spk_status code, spk_error *err, const char *format, ...)
{
	char text[768];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	spk_fail(err, code, "%s", text);
	if (err)
		err->position = spk_map_back(&s->to_text, quoted_at, NULL) + 1;
	return code;
}
