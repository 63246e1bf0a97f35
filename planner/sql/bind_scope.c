/* Columns by name: PostgreSQL's rules, with a second chance without regard to case, and help when there is no such column. */
#include "planner/sql/bind.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "planner/sql/rewrite.h"

enum { NAMES_MAX = 256, LISTED_MAX = 12 };

/* --- errors --- */

int spk_binder_at(const struct spk_binder *b, int location)
{
	return b->pinned ? b->pinned : spk_source_position(b->source, location);
}

spk_status spk_binder_fail(const struct spk_binder *b, int location, spk_status code, spk_error *err, const char *format, ...)
{
	char text[768];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	spk_fail(err, code, "%s", text);
	if (err)
		err->position = spk_binder_at(b, location);
	return code;
}

spk_status spk_binder_unsupported(const struct spk_binder *b, int location, const char *what, spk_error *err)
{
	return spk_binder_fail(b, location, SPK_UNSUPPORTED, err, "%s %s not supported yet", what, strstr(what, " and ") || strncmp(what, "several ", 8) == 0 ? "are" : "is");
}

spk_status spk_binder_suggest(spk_error *err, const char *name, const char *const *names, int count, const char *what)
{
	const char *closest = spk_closest_name(name, names, count);
	char list[400];
	int n = 0;

	if (!err)
		return SPK_BIND;
	for (int i = 0; !closest && i < count; i++)  /* "pricee" for "price_eur": one begins like the other */
		if (strlen(name) >= 3 && (strncasecmp(names[i], name, strlen(name)) == 0 || (strlen(names[i]) >= 3 && strncasecmp(name, names[i], strlen(names[i])) == 0)))
			closest = names[i];
	if (closest)
		return spk_hint(err, "Did you mean \"%s\"?", closest);
	if (count == 0 || count > LISTED_MAX)
		return err->code;
	for (int i = 0; i < count && n < (int)sizeof list - 1; i++)
		n += snprintf(list + n, sizeof list - (size_t)n, "%s%s", i ? ", " : "", names[i]);
	return spk_hint(err, "%s: %s.", what, list);
}

/* --- lookup --- */

bool spk_name_fits(const char *have, const char *name, bool exact)
{
	if (exact)
		return strcmp(have, name) == 0;
	for (const char *p = name; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			return false;
	return strcasecmp(have, name) == 0;
}

int spk_schema_lookup(const struct spk_schema *schema, const char *name)
{
	int found = -1;

	for (int exact = 1; exact >= 0 && found == -1; exact--) {
		for (int i = 0; i < schema->count; i++) {
			const char *column = schema->field[i].name;

			if (!spk_name_fits(column, name, exact))
				continue;
			if (found != -1)
				return -2;
			found = i;
		}
	}
	return found;
}

/* Finds the column in all ranges (or only one): how many fit, exactly if any does. */
static int find_column(const struct spk_scope *scope, const struct spk_range *only, const char *name, const struct spk_range **range, int *column)
{
	int found = 0;

	for (int exact = 1; exact >= 0 && !found; exact--) {
		for (int k = 0; k < scope->count; k++) {
			const struct spk_range *r = &scope->range[k];

			for (int i = 0; (only ? only == r : !r->hidden_columns) && i < r->schema->count; i++) {
				const char *have = r->schema->field[i].name;

				if (!spk_name_fits(have, name, exact))
					continue;
				*range = r;
				*column = i;
				found++;
			}
		}
	}
	return found;
}

static const struct spk_range *find_range(const struct spk_scope *scope, const char *alias)
{
	for (int exact = 1; exact >= 0; exact--)
		for (int k = 0; k < scope->count; k++)
			if (scope->range[k].alias && !scope->range[k].hidden_name && spk_name_fits(scope->range[k].alias, alias, exact))
				return &scope->range[k];
	return NULL;
}

/* A range of that name, or of the table of that name under an alias, wherever it is hidden. */
static const struct spk_range *hidden_range(const struct spk_scope *scope, const char *alias, bool seen, bool *renamed)
{
	for (int k = 0; scope && k < scope->count; k++) {
		const struct spk_range *r = &scope->range[k];

		*renamed = r->table && strcmp(r->table, alias) == 0;
		if (*renamed || (r->alias && strcmp(r->alias, alias) == 0 && (r->hidden_name || !seen)))
			return r;
	}
	return NULL;
}

/* PostgreSQL tells a table that is there under an alias, or where it cannot be seen, from one that is not. */
static spk_status no_such_range(const struct spk_binder *b, const struct spk_scope *scope, const char *alias, int location, spk_error *err)
{
	const char *names[NAMES_MAX];
	bool renamed = false;
	const struct spk_range *r = hidden_range(scope, alias, true, &renamed);
	int count = 0;

	for (const struct spk_outer *o = b->outer; o && !r; o = o->next)
		r = hidden_range(o->scope, alias, !o->hidden, &renamed);
	if (r) {
		spk_binder_fail(b, location, SPK_BIND, err, "invalid reference to FROM-clause entry for table \"%s\"", alias);
		return renamed ? spk_hint(err, "Perhaps you meant to reference the table alias \"%s\".", r->alias)
		               : spk_hint(err, "There is an entry for table \"%s\", but it cannot be referenced from this part of the query.", r->alias);
	}
	for (int k = 0; scope && k < scope->count && count < NAMES_MAX; k++)
		if (scope->range[k].alias && !scope->range[k].hidden_name)
			names[count++] = scope->range[k].alias;
	spk_binder_fail(b, location, SPK_BIND, err, "missing FROM-clause entry for table \"%s\"", alias);
	return spk_binder_suggest(err, alias, names, count, "FROM has"), SPK_BIND;
}

spk_status spk_binder_range(const struct spk_binder *b, const struct spk_scope *scope, const char *alias, int location, const struct spk_range **out, spk_error *err)
{
	*out = find_range(scope, alias);
	return *out ? SPK_OK : no_such_range(b, scope, alias, location, err);
}

struct spk_expr *spk_binder_range_column(const struct spk_binder *b, const struct spk_range *r, int column, int position)
{
	struct spk_expr *e = spk_expr_column(b->arena, spk_range_at(r, column), &r->schema->field[column]);

	if (e)
		e->position = position;
	return e;
}

const char *spk_scope_column_name(const struct spk_binder *b, const struct spk_scope *scope, int column)
{
	for (int k = 0; k < scope->count; k++) {
		const struct spk_range *r = &scope->range[k];

		for (int i = 0; i < r->schema->count; i++) {
			if (spk_range_at(r, i) != column)
				continue;
			if (!r->alias)
				return r->schema->field[i].name;
			return spk_arena_printf(b->arena, "%s.%s", r->alias, r->schema->field[i].name);
		}
	}
	return "?";
}

/* --- references --- */

static spk_status no_such_column(struct spk_exprs *x, const PgQuery__ColumnRef *c, const struct spk_range *only, const char *name, spk_error *err)
{
	const char *names[NAMES_MAX];
	const struct spk_token *t;
	int count = 0;

	if (only)
		spk_binder_fail(x->b, c->location, SPK_BIND, err, "column %s.%s does not exist", only->alias, name);
	else
		spk_binder_fail(x->b, c->location, SPK_BIND, err, "column \"%s\" does not exist", name);
	for (int k = 0; x->scope && k < x->scope->count; k++)
		for (int i = 0; (!only || only == &x->scope->range[k]) && i < x->scope->range[k].schema->count && count < NAMES_MAX; i++)
			if (*x->scope->range[k].schema->field[i].name)
				names[count++] = x->scope->range[k].schema->field[i].name;
	if (err && !spk_closest_name(name, names, count)) {
		t = spk_source_token(x->b->source, spk_map_back(&x->b->source->to_quoted, c->location, NULL));
		if (t && x->b->source->quoted[t->start] == '"' && !only)
			return spk_hint(err, "A string is written in single quotes: '%s'.", name), SPK_BIND;
	}
	spk_binder_suggest(err, name, names, count, "Columns here");
	return SPK_BIND;
}

/* A column of a scope around this one. */
static spk_status outer_column(struct spk_exprs *x, const PgQuery__ColumnRef *c, struct spk_outer *o, const struct spk_range *r, int column, struct spk_expr **out, spk_error *err)
{
	if (o->barred) {
		spk_binder_fail(x->b, c->location, SPK_BIND, err, "invalid reference to FROM-clause entry for table \"%s\"", r->alias ? r->alias : "?");
		return spk_hint(err, "The combining JOIN type must be INNER or LEFT for a LATERAL reference.");
	}
	*out = spk_expr_outer(x->b->arena, o->number, spk_range_at(r, column), &r->schema->field[column]);
	SPK_TRY_PTR(*out, err);
	(*out)->position = spk_binder_at(x->b, c->location);
	o->used = true;
	return SPK_OK;
}

/* In the scope of the expression, else in those around it; *o: which of them, NULL the first. Returns how many fit there. */
static int look_up(const struct spk_exprs *x, const char *alias, const char *name, struct spk_outer **o, const struct spk_range **only, const struct spk_range **range, int *column)
{
	const struct spk_scope *scope = x->scope;
	struct spk_outer *next = x->b->outer;

	for (*o = NULL;; *o = next, next = next->next, scope = (*o)->scope) {
		bool seen = scope && !(*o && (*o)->hidden);
		int found = 0;

		if (seen && alias)
			*only = find_range(scope, alias);
		if (seen && (!alias || *only))
			found = find_column(scope, *only, name, range, column);
		if (found || *only || !next)
			return found;
	}
}

/* --- whole rows --- */

static spk_status present_row(const struct spk_exprs *x, const struct spk_range *r, const struct spk_outer *o, struct spk_expr **row, spk_error *err)
{
	const struct spk_field field = { "?present?", spk_type(SPK_TYPE_BOOLEAN), true };
	struct spk_expr *present = o ? spk_expr_outer(x->b->arena, o->number, r->present - 1, &field) : spk_expr_column(x->b->arena, r->present - 1, &field);

	SPK_TRY_PTR(present, err);
	present->position = (*row)->position;
	return spk_binder_row_if_present(x->b, present, row, err);
}

/* Of a function that gives no rows but values: the value, which goes by the name that was written. */
static spk_status plain_value(struct spk_exprs *x, const PgQuery__ColumnRef *c, const struct spk_range *r, struct spk_outer *o, struct spk_expr **out, spk_error *err)
{
	if (o)
		return outer_column(x, c, o, r, 0, out, err);
	*out = spk_binder_range_column(x->b, r, 0, spk_binder_at(x->b, c->location));
	SPK_TRY_PTR(*out, err);
	(*out)->name = r->alias;
	return SPK_OK;
}

static spk_status whole_row(struct spk_exprs *x, const PgQuery__ColumnRef *c, const struct spk_range *r, struct spk_outer *o, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **field = SPK_NEW_ARRAY(x->b->arena, struct spk_expr *, r->schema->count + 1);
	struct spk_schema *names = spk_schema_new(x->b->arena, r->schema->count);

	SPK_TRY_PTR(field && names, err);
	if (r->scalar)
		return plain_value(x, c, r, o, out, err);
	if (r->filled && !r->present)
		return spk_binder_unsupported(x->b, c->location, "the whole row of a table that an outer join may leave without one", err);
	for (int i = 0; i < r->schema->count; i++) {
		if (o)
			SPK_TRY(outer_column(x, c, o, r, i, &field[i], err));
		else
			SPK_TRY_PTR(field[i] = spk_binder_range_column(x->b, r, i, spk_binder_at(x->b, c->location)), err);
		names->field[i] = (struct spk_field){ r->schema->field[i].name, field[i]->type, true };
	}
	SPK_TRY(spk_binder_call(x->b, "row of", field, r->schema->count, c->location, out, err));
	(*out)->type.children = names;
	return r->filled ? present_row(x, r, o, out, err) : SPK_OK;
}

/* A table's name where a value belongs: its row. */
static spk_status find_whole_row(struct spk_exprs *x, const PgQuery__ColumnRef *c, const char *name, struct spk_expr **out, spk_error *err)
{
	const struct spk_range *r = x->scope ? find_range(x->scope, name) : NULL;

	*out = NULL;
	if (r)
		return whole_row(x, c, r, NULL, out, err);
	for (struct spk_outer *o = x->b->outer; o; o = o->next)
		if (!o->hidden && (r = find_range(o->scope, name)))
			return whole_row(x, c, r, o, out, err);
	return SPK_OK;
}

static spk_status too_many_names(const struct spk_binder *b, const PgQuery__ColumnRef *c, spk_error *err)
{
	const char *all = spk_node_string(c->fields[0]), *name;

	for (size_t i = 1; i < c->n_fields && all; i++)
		all = (name = spk_node_string(c->fields[i])) ? spk_arena_printf(b->arena, "%s.%s", all, name) : spk_arena_printf(b->arena, "%s.*", all);
	return spk_binder_fail(b, c->location, SPK_BIND, err, "improper qualified name (too many dotted names): %s", all ? all : "");
}

static spk_status check_qualifiers(struct spk_exprs *x, const PgQuery__ColumnRef *c, spk_error *err)
{
	const char *schema = c->n_fields == 3 ? spk_node_string(c->fields[0]) : "public";

	if (c->n_fields > 4)
		return too_many_names(x->b, c, err);
	if (c->n_fields == 4)
		return spk_binder_fail(x->b, c->location, SPK_BIND, err, "cross-database references are not implemented: %s.%s.%s.%s", spk_node_string(c->fields[0]),
			spk_node_string(c->fields[1]), spk_node_string(c->fields[2]), spk_node_string(c->fields[3]));
	if (!schema || strcmp(schema, "public") != 0) {
		const char *table = spk_node_string(c->fields[1]);

		return spk_binder_fail(x->b, c->location, SPK_BIND, err, table && x->scope && find_range(x->scope, table) ? "invalid reference to FROM-clause entry for table \"%s\""
			: "missing FROM-clause entry for table \"%s\"", table ? table : "*");
	}
	return SPK_OK;
}

/* The first `parts` names are a column that holds records, by itself or behind its table. */
static bool is_record(const struct spk_exprs *x, const PgQuery__ColumnRef *c, size_t parts)
{
	const char *name = spk_node_string(c->fields[parts - 1]), *alias = parts > 1 ? spk_node_string(c->fields[0]) : NULL;
	const struct spk_range *only = NULL, *range = NULL;
	struct spk_outer *outer;
	int column;

	return name && look_up(x, alias, name, &outer, &only, &range, &column) == 1 && range->schema->field[column].type.id == SPK_TYPE_ROW;
}

/* bid.price of a column `bid`, as Flink has it; PostgreSQL wants (bid).price. *out is NULL where no column is meant. */
static spk_status field_of_column(struct spk_exprs *x, const PgQuery__ColumnRef *c, struct spk_expr **out, spk_error *err)
{
	PgQuery__ColumnRef column = *c;
	PgQuery__Node node = PG_QUERY__NODE__INIT;
	PgQuery__AIndirection field = PG_QUERY__A__INDIRECTION__INIT;
	size_t parts = c->n_fields > 2 && is_record(x, c, 2) ? 2 : 1;

	*out = NULL;
	if (parts == 1 && !is_record(x, c, 1))
		return SPK_OK;
	column.n_fields = parts;
	node.node_case = PG_QUERY__NODE__NODE_COLUMN_REF;
	node.column_ref = &column;
	field.arg = &node;
	field.indirection = c->fields + parts;
	field.n_indirection = c->n_fields - parts;
	return spk_binder_indirection(x, &field, out, err);
}

spk_status spk_binder_column(struct spk_exprs *x, const PgQuery__ColumnRef *c, struct spk_expr **out, spk_error *err)
{
	const char *name = c->n_fields ? spk_node_string(c->fields[c->n_fields - 1]) : NULL;
	const char *alias = c->n_fields > 1 ? spk_node_string(c->fields[c->n_fields - 2]) : NULL;
	const struct spk_range *only = NULL, *range = NULL;
	struct spk_outer *outer;
	int column = 0, found;

	*out = NULL;
	for (int i = 0; name && c->n_fields == 1 && x->param_name && i < x->params; i++)
		if (strcmp(x->param_name[i], name) == 0)
			return *out = x->param[i], SPK_OK;
	if (!name && c->n_fields == 2) {  /* t.* as a value */
		SPK_TRY(find_whole_row(x, c, alias, out, err));
		return *out ? SPK_OK : no_such_range(x->b, x->scope, alias, c->location, err);
	}
	if (!name)
		return spk_binder_fail(x->b, c->location, SPK_BIND, err, "\"*\" can only stand alone in a SELECT list and in count(*)");
	found = c->n_fields > 2 ? 0 : look_up(x, alias, name, &outer, &only, &range, &column);
	if (!found && !only) {
		SPK_TRY(spk_binder_named_window(x, c, out, err));
		if (*out)
			return SPK_OK;
		SPK_TRY((alias ? field_of_column(x, c, out, err) : find_whole_row(x, c, name, out, err)));
		if (*out)
			return SPK_OK;
	}
	SPK_TRY(check_qualifiers(x, c, err));
	found = found ? found : look_up(x, alias, name, &outer, &only, &range, &column);
	if (!found && !x->scope && !x->b->outer)
		return spk_binder_fail(x->b, c->location, SPK_BIND, err, "%s cannot have columns: \"%s\"", x->clause, name);
	if (!found && alias && !only)
		return no_such_range(x->b, x->scope, alias, c->location, err);
	if (!found)
		return no_such_column(x, c, only, name, err);
	if (found > 1)
		return spk_binder_fail(x->b, c->location, SPK_BIND, err, "column reference \"%s\" is ambiguous", name);
	if (outer)
		return outer_column(x, c, outer, range, column, out, err);
	*out = spk_binder_range_column(x->b, range, column, spk_binder_at(x->b, c->location));
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

/* --- all columns --- */

static spk_status range_columns(struct spk_exprs *x, const PgQuery__ColumnRef *c, const struct spk_range *r, struct spk_outer *o, struct spk_expr **out, int *count, spk_error *err)
{
	for (int i = 0; i < r->schema->count; i++, ++*count) {
		if (o)
			SPK_TRY(outer_column(x, c, o, r, i, &out[*count], err));
		else
			SPK_TRY_PTR(out[*count] = spk_binder_range_column(x->b, r, i, spk_binder_at(x->b, c->location)), err);
	}
	return SPK_OK;
}

/* The range of that name in the scope of the expression or one around it, which *o is then. */
static spk_status named_range(struct spk_exprs *x, const char *alias, int location, const struct spk_range **out, struct spk_outer **o, spk_error *err)
{
	*o = NULL;
	*out = x->scope ? find_range(x->scope, alias) : NULL;
	for (struct spk_outer *next = x->b->outer; !*out && next; next = next->next) {
		*o = next;
		*out = next->hidden ? NULL : find_range(next->scope, alias);
	}
	return *out ? SPK_OK : no_such_range(x->b, x->scope, alias, location, err);
}

bool spk_is_star(const PgQuery__Node *n)
{
	if (n->node_case == PG_QUERY__NODE__NODE_A_INDIRECTION)
		return n->a_indirection->n_indirection && n->a_indirection->indirection[n->a_indirection->n_indirection - 1]->node_case == PG_QUERY__NODE__NODE_A_STAR;
	return n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && n->column_ref->n_fields &&
	       n->column_ref->fields[n->column_ref->n_fields - 1]->node_case == PG_QUERY__NODE__NODE_A_STAR;
}

/* (record).* */
static spk_status record_fields(struct spk_exprs *x, const PgQuery__AIndirection *a, struct spk_expr ***out, int *count, spk_error *err)
{
	const int location = spk_node_location(a->arg);
	PgQuery__AIndirection record = *a;
	struct spk_expr *e;
	char type[64];

	record.n_indirection--;
	SPK_TRY(spk_binder_indirection(x, &record, &e, err));
	if (e->type.id != SPK_TYPE_ROW || !e->type.children)
		return spk_binder_fail(x->b, location, SPK_BIND, err, "type %s is not composite", spk_type_format_bare(e->type, type, sizeof type));
	SPK_TRY_PTR(*out = SPK_NEW_ARRAY(x->b->arena, struct spk_expr *, e->type.children->count + 1), err);
	for (*count = 0; *count < e->type.children->count; ++*count) {
		SPK_TRY(spk_expr_field(x->b->arena, e, *count, spk_binder_at(x->b, location), &(*out)[*count], err));
		(*out)[*count]->name = e->type.children->field[*count].name;
	}
	return SPK_OK;
}

spk_status spk_binder_star(struct spk_exprs *x, const PgQuery__Node *n, struct spk_expr ***out, int *count, spk_error *err)
{
	const PgQuery__ColumnRef *c = n->column_ref;
	const struct spk_range *only = NULL;
	struct spk_outer *o = NULL;
	int room = 0;

	*count = 0;
	if (n->node_case == PG_QUERY__NODE__NODE_A_INDIRECTION)
		return record_fields(x, n->a_indirection, out, count, err);
	if (c->n_fields > 2)
		return spk_binder_unsupported(x->b, c->location, "a name with more than two parts", err);
	if (c->n_fields == 2)
		SPK_TRY(named_range(x, spk_node_string(c->fields[0]), c->location, &only, &o, err));
	if (!only && (!x->scope || !x->scope->count))
		return spk_binder_fail(x->b, c->location, SPK_BIND, err, "SELECT * with no tables specified is not valid");
	for (int k = 0; !only && k < x->scope->count; k++)
		room += x->scope->range[k].schema->count;
	SPK_TRY_PTR(*out = SPK_NEW_ARRAY(x->b->arena, struct spk_expr *, (only ? only->schema->count : room) + 1), err);
	if (only)
		return range_columns(x, c, only, o, *out, count, err);
	for (int k = 0; k < x->scope->count; k++)
		if (!x->scope->range[k].hidden_columns)
			SPK_TRY(range_columns(x, c, &x->scope->range[k], NULL, *out, count, err));
	return SPK_OK;
}
