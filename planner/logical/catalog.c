/* The catalog: a list of names in the order they were made. A session has tens of them, so it is searched from the front. */
#include "planner/logical/catalog.h"

#include <string.h>
#include <strings.h>

#include "core/base/check.h"
#include "core/base/memory.h"

struct entry {
	const char *name;
	const struct spk_table *table;      /* one of the two is set */
	const struct spk_view_def *view;
	struct entry *next;
};

struct function_entry { const char *name; const struct spk_user_function *function; const struct spk_user_aggregate *aggregate; const struct spk_function *expression; struct function_entry *next; };  /* one of the three */

struct type_entry { const char *name; const struct spk_schema *schema; struct type_entry *next; };

struct spk_catalog {
	struct spk_arena *arena;
	struct type_entry *types;
	struct function_entry *functions;
	struct spk_catalog_hooks hooks;
	struct entry *first, **last;
};

void spk_table_set_statistics(const struct spk_table *t, const struct spk_table_statistics *statistics)
{
	((struct spk_table *)(uintptr_t)t)->statistics = statistics;
}

const char *spk_table_option(const struct spk_table *t, const char *key)
{
	for (int i = 0; i < t->option_count; i++)
		if (strcmp(t->option[i].key, key) == 0)
			return t->option[i].value;
	return NULL;
}

spk_status spk_catalog_new(struct spk_catalog **out, const struct spk_catalog_hooks *hooks, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(spk_memory_account("catalog"));
	struct spk_catalog *c;

	SPK_TRY_PTR(arena, err);
	c = SPK_NEW(arena, struct spk_catalog);
	if (!c) {
		spk_arena_unref(arena);
		return spk_fail_memory(err);
	}
	c->arena = arena;
	if (hooks)
		c->hooks = *hooks;
	c->last = &c->first;
	*out = c;
	return SPK_OK;
}

void spk_catalog_free(struct spk_catalog *c)
{
	if (c)
		spk_arena_unref(c->arena);
}

struct spk_arena *spk_catalog_arena(struct spk_catalog *c) { return c->arena; }
const struct spk_catalog_hooks *spk_catalog_hooks(const struct spk_catalog *c) { return &c->hooks; }

static struct entry *find_exact(const struct spk_catalog *c, const char *name)
{
	for (struct entry *e = c->first; e; e = e->next)
		if (strcmp(e->name, name) == 0)
			return e;
	return NULL;
}

/* Exactly, else without regard to case when only one name fits so. */
static const struct entry *find(const struct spk_catalog *c, const char *name)
{
	const struct entry *found = find_exact(c, name);

	for (const struct entry *e = found ? NULL : c->first; e; e = e->next) {
		if (strcasecmp(e->name, name) != 0)
			continue;
		if (found)
			return NULL;
		found = e;
	}
	return found;
}

static spk_status add(struct spk_catalog *c, struct entry entry, bool or_replace, spk_error *err)
{
	struct entry *e = find_exact(c, entry.name);

	if (e && !or_replace) {
		spk_fail(err, SPK_EXISTS, "relation \"%s\" already exists", entry.name);
		return spk_hint(err, "Give it another name, or DROP %s first.", e->table ? "TABLE" : "VIEW");
	}
	if (e && !e->table != !entry.table)
		return spk_fail(err, SPK_EXISTS, "\"%s\" is a %s, not a %s", entry.name, e->table ? "table" : "view", entry.table ? "table" : "view");
	if (e) {
		e->table = entry.table;
		e->view = entry.view;
		return SPK_OK;
	}
	e = spk_arena_copy(c->arena, &entry, sizeof entry);
	SPK_TRY_PTR(e, err);
	*c->last = e;
	c->last = &e->next;
	return SPK_OK;
}

spk_status spk_catalog_add_table(struct spk_catalog *c, struct spk_table *table, bool or_replace, spk_error *err)
{
	return add(c, (struct entry){ .name = table->name, .table = table }, or_replace, err);
}

spk_status spk_catalog_add_view(struct spk_catalog *c, struct spk_view_def *view, bool or_replace, spk_error *err)
{
	return add(c, (struct entry){ .name = view->name, .view = view }, or_replace, err);
}

static struct type_entry **find_type(struct type_entry **at, const char *name)
{
	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	return at;
}

const struct spk_schema *spk_catalog_record(const struct spk_catalog *c, const char *name)
{
	struct type_entry *types = c->types;
	const struct type_entry *e = *find_type(&types, name);
	const struct spk_table *table = e ? NULL : spk_catalog_table(c, name);

	return e ? e->schema : table ? table->schema : NULL;
}

spk_status spk_catalog_add_type(struct spk_catalog *c, const char *name, const struct spk_schema *schema, spk_error *err)
{
	struct type_entry *e;

	if (spk_catalog_record(c, name))
		return spk_fail(err, SPK_EXISTS, "type \"%s\" already exists", name);
	SPK_TRY_PTR(e = SPK_NEW(c->arena, struct type_entry), err);
	*e = (struct type_entry){ spk_arena_strdup(c->arena, name), schema, c->types };
	SPK_TRY_PTR(e->name, err);
	c->types = e;
	return SPK_OK;
}

bool spk_catalog_drop_type(struct spk_catalog *c, const char *name)
{
	struct type_entry **e = find_type(&c->types, name);

	if (!*e)
		return false;
	*e = (*e)->next;
	return true;
}

static struct function_entry *find_function(const struct spk_catalog *c, const char *name)
{
	struct function_entry *e = c->functions;

	while (e && strcmp(e->name, name) != 0)
		e = e->next;
	return e;
}

bool spk_catalog_knows(const struct spk_catalog *c, const char *name) { return find_function(c, name) != NULL; }

const struct spk_user_function *spk_catalog_function(const struct spk_catalog *c, const char *name)
{
	const struct function_entry *e = find_function(c, name);

	return e ? e->function : NULL;
}

const struct spk_user_aggregate *spk_catalog_aggregate(const struct spk_catalog *c, const char *name)
{
	const struct function_entry *e = find_function(c, name);

	return e ? e->aggregate : NULL;
}

const struct spk_function *spk_catalog_expression(const struct spk_catalog *c, const char *name)
{
	const struct function_entry *e = find_function(c, name);

	return e ? e->expression : NULL;
}

static spk_status add_function(struct spk_catalog *c, struct function_entry entry, bool or_replace, spk_error *err)
{
	const char *what = entry.aggregate ? "AGGREGATE" : "FUNCTION";
	struct function_entry *e = find_function(c, entry.name);

	if (spk_function_known(entry.name))
		return spk_fail(err, SPK_EXISTS, "function \"%s\" is built in and cannot be replaced", entry.name);
	if (e && (!or_replace || !e->aggregate != !entry.aggregate)) {
		spk_fail(err, SPK_EXISTS, "%s \"%s\" already exists", e->aggregate ? "aggregate" : "function", entry.name);
		if (!e->aggregate != !entry.aggregate)
			return spk_hint(err, "DROP %s makes room for it.", e->aggregate ? "AGGREGATE" : "FUNCTION");
		return spk_hint(err, "CREATE OR REPLACE %s takes the place of the old one.", what);
	}
	if (e) {
		e->function = entry.function;
		e->aggregate = entry.aggregate;
		e->expression = entry.expression;
		return SPK_OK;
	}
	e = spk_arena_copy(c->arena, &entry, sizeof entry);
	SPK_TRY_PTR(e, err);
	e->next = c->functions;
	c->functions = e;
	return SPK_OK;
}

spk_status spk_catalog_add_function(struct spk_catalog *c, const struct spk_user_function *f, bool or_replace, spk_error *err)
{
	return add_function(c, (struct function_entry){ .name = f->base.name, .function = f }, or_replace, err);
}

spk_status spk_catalog_add_expression(struct spk_catalog *c, const struct spk_function *f, bool or_replace, spk_error *err)
{
	return add_function(c, (struct function_entry){ .name = f->name, .expression = f }, or_replace, err);
}

spk_status spk_catalog_add_aggregate(struct spk_catalog *c, const struct spk_user_aggregate *a, bool or_replace, spk_error *err)
{
	return add_function(c, (struct function_entry){ .name = a->base.name, .aggregate = a }, or_replace, err);
}

bool spk_catalog_drop_function(struct spk_catalog *c, const char *name)
{
	struct function_entry **at = &c->functions;

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	if (!*at)
		return false;
	*at = (*at)->next;
	return true;
}

int spk_catalog_function_names(const struct spk_catalog *c, const char **names, int capacity)
{
	int count = 0;

	for (const struct function_entry *e = c->functions; e && count < capacity; e = e->next)
		names[count++] = e->name;
	return count;
}

spk_status spk_catalog_drop(struct spk_catalog *c, const char *name, bool if_exists, spk_error *err)
{
	const struct entry *found = find(c, name);
	struct entry **at = &c->first;

	if (!found && if_exists)
		return SPK_OK;
	if (!found)
		return spk_fail(err, SPK_NOT_FOUND, "\"%s\" does not exist", name);
	while (*at != found)
		at = &(*at)->next;
	*at = found->next;
	if (!*at)
		c->last = at;
	return SPK_OK;
}

const struct spk_table *spk_catalog_table(const struct spk_catalog *c, const char *name)
{
	const struct entry *e = find(c, name);

	return e ? e->table : NULL;
}

const struct spk_view_def *spk_catalog_view(const struct spk_catalog *c, const char *name)
{
	const struct entry *e = find(c, name);

	return e ? e->view : NULL;
}

int spk_catalog_names(const struct spk_catalog *c, const char **names, int capacity)
{
	int count = 0;

	for (const struct entry *e = c->first; e && count < capacity; e = e->next)
		names[count++] = e->name;
	return count;
}
