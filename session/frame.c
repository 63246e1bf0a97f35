/*
 * Frames, and how one is made from another. Every call is one SELECT over the frame it is called on, with the caller's text in its place:
 * so there is one meaning of an expression, and one set of errors. Plans are bound and optimized at once; nothing is run before an action.
 */
#include "session/frame.h"

#include <stdio.h>
#include <stdlib.h>

#include "planner/sql/sql.h"

#define FRAME_1 "\"frame 1\""
#define FRAME_2 "\"frame 2\""

/* --- lifetimes --- */

static struct spk_frame *frame_new(struct spk_session *s)
{
	struct spk_frame *f = calloc(1, sizeof *f);

	if (!f)
		return NULL;
	f->session = s;
	f->next = s->frames;
	s->frames = f;
	return f;
}

static void release(struct spk_frame *f)
{
	spk_cached_unref(f->cached);
	free(f);
}

void spk_frame_free(struct spk_frame *frame)
{
	struct spk_frame **at;

	if (!frame)
		return;
	for (at = &frame->session->frames; *at != frame;)
		at = &(*at)->next;
	*at = frame->next;
	release(frame);
}

void spk_session_free_frames(struct spk_session *s)
{
	while (s->frames) {
		struct spk_frame *next = s->frames->next;

		release(s->frames);
		s->frames = next;
	}
}

struct spk_frame *spk_frame_of_error(struct spk_session *s, const spk_error *error)
{
	struct spk_frame *f = frame_new(s);

	if (f)
		f->error = *error;
	return f;
}

struct spk_frame *spk_frame_of_null(struct spk_session *s, const char *call, const char *argument)
{
	spk_error error = { 0 };

	spk_fail(&error, SPK_USAGE, "%s: its %s is NULL", call, argument);
	return spk_frame_of_error(s, &error);
}

struct spk_frame *spk_frame_of_plan(struct spk_session *s, struct spk_logical *plan)
{
	spk_error error = { 0 };
	struct spk_logical *optimized;
	struct spk_frame *f;

	if (spk_session_optimize(s, plan, &optimized, &error) != SPK_OK)
		return spk_frame_of_error(s, &error);
	f = frame_new(s);
	if (f)
		f->plan = optimized;
	return f;
}

spk_status spk_frame_check(const struct spk_frame *frame, spk_error *err)
{
	if (!frame)
		return spk_fail(err, SPK_NO_MEMORY, "the frame could not be made: out of memory");
	if (frame->plan)
		return SPK_OK;
	if (err)
		*err = frame->error;
	return frame->error.code;
}

spk_status spk_frame_ready(const struct spk_frame *frame, spk_error *err)
{
	SPK_TRY(spk_frame_check(frame, err));
	if (!frame->groups)
		return SPK_OK;
	spk_fail(err, SPK_USAGE, "group_by(\"%s\") has no rows yet", frame->groups);
	return spk_hint(err, "Say what to compute per group: spk_frame_agg(grouped, \"count(*)\").");
}

/* --- binding --- */

spk_status spk_session_add_frame(struct spk_session *s, const char *name, const struct spk_logical *plan, bool or_replace, spk_error *err)
{
	struct spk_view_def *view = SPK_NEW(spk_catalog_arena(s->catalog), struct spk_view_def);

	SPK_TRY_PTR(view, err);
	*view = (struct spk_view_def){ .name = spk_arena_strdup(spk_catalog_arena(s->catalog), name), .query_text = "(a frame)", .plan = plan };
	SPK_TRY_PTR(view->name, err);
	return spk_catalog_add_view(s->catalog, view, or_replace, err);
}

/* filter("prise > 1"): column "prise" does not exist; the place counts within the caller's text. */
static void explain_error(const struct spk_compose *c, spk_error *error)
{
	int before = (int)strlen(c->before), size = c->fragment ? (int)strlen(c->fragment) : 0, at = error->position - before;

	error->line = 0;
	error->column = error->position = at > 0 && at <= size + 1 ? at : 0;
	if (c->fragment)
		spk_error_context(error, "%s(\"%s\")", c->call, c->fragment);
	else
		spk_error_context(error, "%s", c->call);
}

static spk_status bind(struct spk_session *s, const struct spk_compose *c, struct spk_logical **out, spk_error *err)
{
	const char *text = spk_arena_printf(s->arena, "%s%s%s", c->before, c->fragment ? c->fragment : "", c->after);
	struct spk_script script;

	SPK_TRY_PTR(text, err);
	for (int i = 0; i < 2; i++)
		if (c->frame[i])
			spk_frame_use(c->frame[i]);
	for (int i = 0; i < 2; i++)
		if (c->frame[i])
			SPK_TRY(spk_session_add_frame(s, i ? "frame 2" : "frame 1", c->frame[i]->plan, true, err));
	SPK_TRY(spk_session_bind(s, text, &script, err));
	if (script.count == 0)
		return spk_fail(err, SPK_SYNTAX, "there is no query in it");
	if (script.count != 1 || script.statement[0].kind != SPK_STATEMENT_SELECT)
		return spk_fail(err, SPK_SYNTAX, "this is more than a part of one query");
	*out = script.statement[0].plan;
	return SPK_OK;
}

spk_status spk_frame_bind(struct spk_session *s, const struct spk_compose *c, struct spk_logical **out, spk_error *err)
{
	struct spk_statement_time time;
	spk_error error = { 0 };
	spk_status status;

	spk_session_begin_statement(s, &time);
	status = spk_session_end_statement(s, &time, bind(s, c, out, &error), &error);
	for (int i = 0; i < 2; i++)
		if (c->frame[i])
			spk_catalog_drop(s->catalog, i ? "frame 2" : "frame 1", true, NULL);
	if (status == SPK_OK)
		return SPK_OK;
	explain_error(c, &error);
	if (err)
		*err = error;
	return status;
}

struct spk_frame *spk_frame_make(const struct spk_compose *c)
{
	const struct spk_frame *known = c->frame[0] ? c->frame[0] : c->frame[1];
	spk_error error = { 0 };
	struct spk_logical *plan;

	if (!known)
		return NULL;
	if (spk_frame_ready(c->frame[0], &error) != SPK_OK || (c->frame[1] && spk_frame_ready(c->frame[1], &error) != SPK_OK) ||
	    spk_frame_bind(known->session, c, &plan, &error) != SPK_OK)
		return spk_frame_of_error(known->session, &error);
	return spk_frame_of_plan(known->session, plan);
}

const char *spk_frame_quoted(struct spk_session *s, const char *name)
{
	char *out = spk_arena_alloc(s->arena, 2 * strlen(name) + 3), *p = out;

	if (!out)
		return NULL;
	*p++ = '"';
	for (; *name; *p++ = *name++)
		if (*name == '"')
			*p++ = '"';
	*p++ = '"';
	*p = 0;
	return out;
}

/* FROM of one frame, under its alias. Begins on a new line: the text before may end in a comment. */
static const char *from_clause(const struct spk_frame *f)
{
	const char *alias = f && f->alias ? spk_frame_quoted(f->session, f->alias) : "\"frame\"";

	return f && alias ? spk_arena_printf(f->session->arena, "\nFROM " FRAME_1 " AS %s", alias) : "";
}

static struct spk_frame *select_from(struct spk_frame *f, const char *call, const char *before, const char *fragment)
{
	return spk_frame_make(&(struct spk_compose){ .call = call, .before = before, .fragment = fragment, .after = from_clause(f), .frame = { f } });
}

/* SELECT * FROM frame, then a clause with the fragment, which may not be missing. */
static struct spk_frame *all_from(struct spk_frame *f, const char *call, const char *clause, const char *fragment)
{
	const char *before = f && !fragment ? "" : f ? spk_arena_printf(f->session->arena, "SELECT *%s %s", from_clause(f), clause) : "";

	if (f && !fragment)
		return spk_frame_of_null(f->session, call, "text");
	return spk_frame_make(&(struct spk_compose){ .call = call, .before = before ? before : "", .fragment = fragment, .after = "\n", .frame = { f } });
}

/* --- rows and columns --- */

struct spk_frame *spk_frame_select(struct spk_frame *frame, const char *expressions)
{
	return frame && !expressions ? spk_frame_of_null(frame->session, "select", "text") : select_from(frame, "select", "SELECT ", expressions);
}

struct spk_frame *spk_frame_filter(struct spk_frame *frame, const char *condition) { return all_from(frame, "filter", "WHERE ", condition); }
struct spk_frame *spk_frame_sort(struct spk_frame *frame, const char *keys) { return all_from(frame, "sort", "ORDER BY ", keys); }
struct spk_frame *spk_frame_distinct(struct spk_frame *frame) { return select_from(frame, "distinct", "SELECT DISTINCT *", NULL); }

struct spk_frame *spk_frame_table(struct spk_session *session, const char *name)
{
	spk_error error = { 0 };
	struct spk_logical *plan;
	struct spk_compose c = { .call = "table", .before = "SELECT * FROM ", .fragment = name ? spk_frame_quoted(session, name) : NULL, .after = "" };

	if (!c.fragment)
		return name ? NULL : spk_frame_of_null(session, "table", "name");
	return spk_frame_bind(session, &c, &plan, &error) == SPK_OK ? spk_frame_of_plan(session, plan) : spk_frame_of_error(session, &error);
}

struct spk_frame *spk_frame_sql(struct spk_session *session, const char *query)
{
	spk_error error = { 0 };
	struct spk_logical *plan;
	struct spk_compose c = { .call = "sql", .before = "", .fragment = query, .after = "" };

	if (!query)
		return spk_frame_of_null(session, "sql", "text");
	return spk_frame_bind(session, &c, &plan, &error) == SPK_OK ? spk_frame_of_plan(session, plan) : spk_frame_of_error(session, &error);
}

/* A list of the frame's columns, one of them replaced by `text` (NULL: left out), into `out`. */
static spk_status put_columns(const struct spk_frame *f, const bool *replaced, const char *text, struct spk_buffer *out, spk_error *err)
{
	bool any = false;

	for (int i = 0; i < f->plan->schema->count; i++) {
		const char *name = spk_frame_quoted(f->session, f->plan->schema->field[i].name);

		SPK_TRY_PTR(name, err);
		if (replaced[i] && !text)
			continue;
		SPK_TRY(spk_buffer_printf(out, err, "%s%s", any ? ", " : "", replaced[i] ? text : name));
		any = true;
	}
	return SPK_OK;
}

/* SELECT the list that put_columns makes, where the fragment is the replacing text. */
static struct spk_frame *select_columns(struct spk_frame *f, const char *call, const char *fragment, const bool *replaced, const char *text)
{
	struct spk_buffer list = { 0 };
	struct spk_frame *out = NULL;
	spk_error error = { 0 };

	if (put_columns(f, replaced, text, &list, &error) == SPK_OK && spk_buffer_append(&list, "", 1, &error) == SPK_OK)
		out = list.size > 1 ? spk_frame_make(&(struct spk_compose){ .call = call, .before = "SELECT ", .fragment = spk_arena_strdup(f->session->arena, list.data), .after = from_clause(f), .frame = { f } }) : NULL;
	if (!out && list.size == 1) {
		spk_fail(&error, SPK_USAGE, "%s(\"%s\") leaves no column", call, fragment);
		out = spk_frame_of_error(f->session, &error);
	}
	spk_buffer_release(&list);
	return out;
}

static struct spk_frame *no_column(const struct spk_frame *f, const char *call, const char *name)
{
	spk_error error = { 0 };

	spk_fail(&error, SPK_BIND, "%s(\"%s\"): column \"%s\" does not exist", call, name, name);
	return spk_frame_of_error(f->session, &error);
}

struct spk_frame *spk_frame_with_column(struct spk_frame *frame, const char *name, const char *expression)
{
	spk_error error = { 0 };
	struct spk_logical *plan;
	const char *before, *after;
	int at;

	if (!frame || spk_frame_ready(frame, &error) != SPK_OK)
		return frame ? spk_frame_of_error(frame->session, &error) : NULL;
	if (!name || !expression)
		return spk_frame_of_null(frame->session, "with_column", name ? "expression" : "name");
	/* The new value is bound by itself first, so that an error speaks of it alone. */
	before = "SELECT *, ";
	after = spk_arena_printf(frame->session->arena, "\nAS %s%s", spk_frame_quoted(frame->session, name), from_clause(frame));
	if (!after)
		return NULL;
	if (spk_frame_bind(frame->session, &(struct spk_compose){ .call = "with_column", .before = before, .fragment = expression, .after = after, .frame = { frame } }, &plan, &error) != SPK_OK)
		return spk_frame_of_error(frame->session, &error);
	at = spk_schema_find(frame->plan->schema, name);
	if (at < 0)
		return spk_frame_of_plan(frame->session, plan);
	/* In the place of the old one: take the last column there. */
	struct spk_schema *schema = SPK_NEW(frame->session->arena, struct spk_schema);
	struct spk_logical *project;
	int columns = frame->plan->schema->count;

	if (!schema || !(schema->field = SPK_NEW_ARRAY(frame->session->arena, struct spk_field, columns)) ||
	    !(project = spk_logical_new(frame->session->arena, SPK_LOGICAL_PROJECT, schema, &plan, 1)) ||
	    !(project->expr = SPK_NEW_ARRAY(frame->session->arena, struct spk_expr *, columns)))
		return NULL;
	schema->count = project->expr_count = columns;
	for (int i = 0; i < columns; i++) {
		int from = i == at ? columns : i;

		schema->field[i] = plan->schema->field[from];
		project->expr[i] = spk_expr_column(frame->session->arena, from, &plan->schema->field[from]);
		if (!project->expr[i])
			return NULL;
	}
	return spk_frame_of_plan(frame->session, project);
}

/* Marks the columns of a list "a, b" in `marked`; the name of one that is not there, else NULL. */
static const char *mark_columns(const struct spk_frame *f, const char *list, bool *marked)
{
	char *copy = spk_arena_strdup(f->session->arena, list), *rest = copy;

	while (copy && rest) {
		char *name = rest, *end = strchr(rest, ',');
		int at;

		rest = end ? end + 1 : NULL;
		end = end ? end : name + strlen(name);
		while (*name == ' ')
			name++;
		while (end > name && end[-1] == ' ')
			end--;
		*end = 0;
		at = spk_schema_find(f->plan->schema, name);
		if (at < 0)
			return name;
		marked[at] = true;
	}
	return NULL;
}

struct spk_frame *spk_frame_drop(struct spk_frame *frame, const char *columns)
{
	spk_error error = { 0 };
	const char *missing;
	bool *marked;

	if (!frame || spk_frame_ready(frame, &error) != SPK_OK)
		return frame ? spk_frame_of_error(frame->session, &error) : NULL;
	if (!columns)
		return spk_frame_of_null(frame->session, "drop", "list of columns");
	marked = SPK_NEW_ARRAY(frame->session->arena, bool, frame->plan->schema->count + 1);
	if (!marked)
		return NULL;
	missing = mark_columns(frame, columns, marked);
	return missing ? no_column(frame, "drop", missing) : select_columns(frame, "drop", columns, marked, NULL);
}

struct spk_frame *spk_frame_rename(struct spk_frame *frame, const char *column, const char *name)
{
	spk_error error = { 0 };
	const char *text;
	bool *marked;
	int at;

	if (!frame || spk_frame_ready(frame, &error) != SPK_OK)
		return frame ? spk_frame_of_error(frame->session, &error) : NULL;
	if (!column || !name)
		return spk_frame_of_null(frame->session, "rename", column ? "new name" : "column");
	at = spk_schema_find(frame->plan->schema, column);
	if (at < 0)
		return no_column(frame, "rename", column);
	marked = SPK_NEW_ARRAY(frame->session->arena, bool, frame->plan->schema->count + 1);
	text = spk_arena_printf(frame->session->arena, "%s AS %s", spk_frame_quoted(frame->session, column), spk_frame_quoted(frame->session, name));
	if (!marked || !text)
		return NULL;
	marked[at] = true;
	return select_columns(frame, "rename", column, marked, text);
}

struct spk_frame *spk_frame_alias(struct spk_frame *frame, const char *name)
{
	spk_error error = { 0 };
	struct spk_frame *f;

	if (!frame || spk_frame_ready(frame, &error) != SPK_OK)
		return frame ? spk_frame_of_error(frame->session, &error) : NULL;
	if (!name)
		return spk_frame_of_null(frame->session, "alias", "name");
	f = frame_new(frame->session);
	if (!f)
		return NULL;
	f->plan = frame->plan;
	f->alias = spk_arena_strdup(frame->session->arena, name);
	return f->alias ? f : NULL;
}

struct spk_frame *spk_frame_limit(struct spk_frame *frame, int64_t rows, int64_t offset)
{
	char clause[64];

	snprintf(clause, sizeof clause, "LIMIT %lld OFFSET %lld", (long long)rows, (long long)offset);
	return all_from(frame, "limit", "", clause);
}

struct spk_frame *spk_frame_sample(struct spk_frame *frame, double fraction, int64_t seed)
{
	char clause[96];

	snprintf(clause, sizeof clause, "TABLESAMPLE BERNOULLI (%.17g) REPEATABLE (%lld)", fraction * 100, (long long)seed);
	return all_from(frame, "sample", "", clause);
}

/* --- groups and windows --- */

struct spk_frame *spk_frame_group_by(struct spk_frame *frame, const char *expressions)
{
	const char *all = expressions ? expressions : "";
	const char *before = frame ? spk_arena_printf(frame->session->arena, "SELECT count(*)%s%s", from_clause(frame), *all ? " GROUP BY " : "") : "";
	struct spk_frame *f = spk_frame_make(&(struct spk_compose){ .call = "group_by", .before = before ? before : "", .fragment = all, .after = "\n", .frame = { frame } });

	if (!f || !f->plan)
		return f;
	f->plan = frame->plan;
	f->alias = frame->alias;
	f->groups = spk_arena_strdup(frame->session->arena, all);
	return f->groups ? f : NULL;
}

/* Groups come first among the columns, but where they are sets of groups: then the aggregates say what is wanted. */
static bool is_plain_list(const char *groups)
{
	static const char *const sets[] = { "rollup", "cube", "grouping", "(" };

	groups += strspn(groups, " \t\n");
	for (size_t i = 0; i < SPK_COUNT_OF(sets); i++)
		if (strncasecmp(groups, sets[i], strlen(sets[i])) == 0)
			return false;
	return true;
}

struct spk_frame *spk_frame_agg(struct spk_frame *grouped, const char *aggregates)
{
	struct spk_frame from;
	const char *before, *after;
	spk_error error = { 0 };
	bool plain;

	if (!grouped || spk_frame_check(grouped, &error) != SPK_OK)
		return grouped ? spk_frame_of_error(grouped->session, &error) : NULL;
	if (!aggregates)
		return spk_frame_of_null(grouped->session, "agg", "text");
	plain = grouped->groups && *grouped->groups && is_plain_list(grouped->groups);
	before = spk_arena_printf(grouped->session->arena, "SELECT %s%s", plain ? grouped->groups : "", plain ? "\n, " : "");
	after = grouped->groups && *grouped->groups ? spk_arena_printf(grouped->session->arena, "%s GROUP BY %s\n", from_clause(grouped), grouped->groups) : from_clause(grouped);
	if (!before || !after)
		return NULL;
	from = *grouped;
	from.groups = NULL;
	from.copied = true;
	return spk_frame_make(&(struct spk_compose){ .call = "agg", .before = before, .fragment = aggregates, .after = after, .frame = { &from } });
}

struct spk_frame *spk_frame_window(struct spk_frame *frame, const char *functions, const char *window)
{
	const char *after = frame ? spk_arena_printf(frame->session->arena, "%s WINDOW w AS (%s\n)", from_clause(frame), window ? window : "") : "";

	if (frame && !functions)
		return spk_frame_of_null(frame->session, "window", "text");
	return spk_frame_make(&(struct spk_compose){ .call = "window", .before = "SELECT *, ", .fragment = functions, .after = after ? after : "", .frame = { frame } });
}

/* --- two frames --- */

static const char *join_words(const char *type)
{
	static const char *const words[][2] = { { "inner", "INNER JOIN" }, { "left", "LEFT JOIN" }, { "right", "RIGHT JOIN" }, { "full", "FULL JOIN" }, { "cross", "CROSS JOIN" },
		{ "semi", "EXISTS" }, { "anti", "NOT EXISTS" } };

	for (size_t i = 0; i < SPK_COUNT_OF(words); i++)
		if (type && strcasecmp(type, words[i][0]) == 0)
			return words[i][1];
	return NULL;
}

static struct spk_frame *wrong_type(struct spk_frame *left, const char *type)
{
	spk_error error = { 0 };

	spk_fail(&error, SPK_USAGE, "join: there is no \"%s\" join", type ? type : "");
	spk_hint(&error, "inner, left, right, full, cross, semi or anti.");
	return spk_frame_of_error(left->session, &error);
}

struct spk_frame *spk_frame_join(struct spk_frame *left, struct spk_frame *right, const char *type, const char *condition)
{
	const char *words = join_words(type), *l, *r, *before;
	bool exists = words && strstr(words, "EXISTS");
	struct spk_arena *arena;

	if (!left || !right)
		return NULL;
	if (!words)
		return wrong_type(left, type);
	if (!condition && !exists && !strstr(words, "CROSS"))
		return spk_frame_of_null(left->session, "join", "condition");
	arena = left->session->arena;
	l = left->alias ? spk_frame_quoted(left->session, left->alias) : "l";
	r = right->alias ? spk_frame_quoted(left->session, right->alias) : "r";
	if (exists)
		before = spk_arena_printf(arena, "SELECT %s.* FROM " FRAME_1 " AS %s WHERE %s (SELECT 1 FROM " FRAME_2 " AS %s WHERE ", l, l, words, r);
	else
		before = spk_arena_printf(arena, "SELECT * FROM " FRAME_1 " AS %s %s " FRAME_2 " AS %s%s", l, words, r, condition ? " ON " : "");
	if (!before)
		return NULL;
	return spk_frame_make(&(struct spk_compose){ .call = "join", .before = before, .fragment = condition ? condition : exists ? "true" : NULL, .after = exists ? "\n)" : "\n", .frame = { left, right } });
}

struct spk_frame *spk_frame_join_using(struct spk_frame *left, struct spk_frame *right, const char *type, const char *columns)
{
	const char *words = join_words(type), *before;

	if (!left || !right)
		return NULL;
	if (!words || strstr(words, "EXISTS") || strstr(words, "CROSS"))
		return wrong_type(left, type);
	if (!columns)
		return spk_frame_of_null(left->session, "join_using", "list of columns");
	before = spk_arena_printf(left->session->arena, "SELECT * FROM " FRAME_1 " AS l %s " FRAME_2 " AS r USING (", words);
	if (!before)
		return NULL;
	return spk_frame_make(&(struct spk_compose){ .call = "join_using", .before = before, .fragment = columns, .after = "\n)", .frame = { left, right } });
}

struct spk_frame *spk_frame_union(struct spk_frame *a, struct spk_frame *b)
{
	if (!a || !b)
		return NULL;
	return spk_frame_make(&(struct spk_compose){ .call = "union", .before = "SELECT * FROM " FRAME_1 " UNION ALL SELECT * FROM " FRAME_2, .after = "", .frame = { a, b } });
}
