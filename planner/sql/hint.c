/*
 * Hints: SELECT BROADCAST(t) and its like in a comment that begins with a plus, behind the word SELECT. They say how the joins of that
 * SELECT are run in which the named item of FROM is one side. What a hint does not know is a comment.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "planner/sql/bind.h"

static const struct { const char *name; enum spk_join_hint hint; } names[] = {
	{ "broadcast", SPK_JOIN_BROADCAST }, { "broadcastjoin", SPK_JOIN_BROADCAST }, { "mapjoin", SPK_JOIN_BROADCAST },
	{ "shuffle_hash", SPK_JOIN_SHUFFLE_HASH }, { "merge", SPK_JOIN_MERGE }, { "mergejoin", SPK_JOIN_MERGE }, { "shuffle_merge", SPK_JOIN_MERGE },
	{ "loop", SPK_JOIN_LOOP }, { "shuffle_replicate_nl", SPK_JOIN_LOOP },
};

/* The hint comment behind the SELECT of `s`; NULL: none. */
static const struct spk_hint_comment *find_comment(const struct spk_binder *b, const PgQuery__SelectStmt *s)
{
	const struct spk_source *source = b->source;
	int at = s->n_target_list ? spk_select_location(s) : -1, place = at < 0 ? -1 : spk_map_back(&source->to_quoted, at, NULL);
	const struct spk_hint_comment *found = NULL;
	int select = -1;

	for (int i = 0; i < source->tokens.count && source->tokens.token[i].start < place; i++)
		if (source->tokens.token[i].kind == PG_QUERY__TOKEN__SELECT)
			select = source->tokens.token[i].start;
	for (int i = 0; i < source->hints && select >= 0; i++)
		if (source->hint[i].start > select && source->hint[i].start < place)
			found = &source->hint[i];
	return found;
}

static const char *word(const char *p, char *out, size_t size)
{
	size_t n = 0;

	for (; isalnum((unsigned char)*p) || *p == '_' || *p == '.' || *p == '"'; p++)
		if (n + 1 < size && *p != '"')
			out[n++] = *p;
	out[n] = 0;
	return p;
}

static const char *blanks(const char *p)
{
	while (isspace((unsigned char)*p) || *p == ',')
		p++;
	return p;
}

static spk_status add_hint(const struct spk_binder *b, enum spk_join_hint hint, const char *alias, const struct spk_hint **list, spk_error *err)
{
	struct spk_hint *h = SPK_NEW(b->arena, struct spk_hint);

	SPK_TRY_PTR(h, err);
	h->hint = hint;
	h->next = *list;
	SPK_TRY_PTR(h->alias = spk_arena_strdup(b->arena, alias), err);
	*list = h;
	return SPK_OK;
}

spk_status spk_binder_hints(const struct spk_binder *b, const PgQuery__SelectStmt *s, const struct spk_hint **out, spk_error *err)
{
	const struct spk_hint_comment *c = b->source->hints ? find_comment(b, s) : NULL;
	char name[64], alias[64];

	*out = NULL;
	for (const char *p = c ? blanks(c->text) : ""; *p; p = blanks(p)) {
		enum spk_join_hint hint = SPK_JOIN_ANY;
		const char *after = word(p, name, sizeof name);

		if (after == p) {
			p++;
			continue;
		}
		for (size_t i = 0; i < SPK_COUNT_OF(names); i++)
			if (strcasecmp(names[i].name, name) == 0)
				hint = names[i].hint;
		p = blanks(after);
		if (*p != '(')
			continue;
		for (p = blanks(p + 1); *p && *p != ')'; p = blanks(p)) {
			const char *end = word(p, alias, sizeof alias);

			if (end == p) {
				p++;
				continue;
			}
			if (hint != SPK_JOIN_ANY)
				SPK_TRY(add_hint(b, hint, alias, out, err));
			p = end;
		}
	}
	return SPK_OK;
}

enum spk_join_hint spk_binder_hint_of(const struct spk_binder *b, const struct spk_scope *left, const struct spk_scope *right)
{
	for (const struct spk_hint *h = b->hint; h; h = h->next) {
		const struct spk_scope *side[2] = { left, right };

		for (int i = 0; i < 2; i++)
			if (side[i]->count == 1 && side[i]->range[0].alias && strcasecmp(side[i]->range[0].alias, h->alias) == 0)
				return h->hint;
	}
	return SPK_JOIN_ANY;
}
