/*
 * Files that a query's filter leaves. What stands in a file's path is known before the file is opened: a condition is computed with it, as far as
 * it can be, and a file for whose rows it cannot be true is not read. A condition that cannot be computed now (by now(), with a mistake in a
 * path) leaves the file to whoever reads it.
 */
#include "connectors/file/file.h"

#include "core/base/check.h"

struct pruner {
	const struct spk_table *table;   /* path columns have metadata "path.KEY" */
	const struct spk_row_filter *filter;
	const char *timezone;
	struct spk_arena *work;          /* of the file at hand */
};

static const char *path_key(const struct spk_table *t, int column)
{
	const char *metadata = t->metadata ? t->metadata[column] : NULL;

	return metadata && strncmp(metadata, "path.", 5) == 0 ? metadata + 5 : NULL;
}

/* The columns that stand in the path as constants, by column of the filter; the others as they are. *known: all could be had. */
static spk_status take_values(const struct pruner *p, const char *file, struct spk_expr **by, bool *known, spk_error *err)
{
	*known = true;
	for (int i = 0; i < p->filter->columns; i++) {
		const struct spk_field *f = &p->table->schema->field[p->filter->column[i]];
		const char *key = path_key(p->table, p->filter->column[i]);
		struct spk_vector v;

		if (key && spk_path_column(file, key, f->type, p->timezone, &v, p->work, NULL) != SPK_OK) {
			*known = false;
			return SPK_OK;
		}
		by[i] = key ? spk_expr_literal(p->work, spk_vector_value(&v, 0)) : spk_expr_column(p->work, i, f);
		SPK_TRY_PTR(by[i], err);
	}
	return SPK_OK;
}

static bool is_never_true(const struct spk_expr *e)
{
	return e->kind == SPK_EXPR_CONSTANT && (e->value.null || !e->value.boolean);
}

/* Whether some part of a conjunction is not true, whatever the other columns hold. */
static spk_status rules_out(const struct pruner *p, const struct spk_expr *e, struct spk_expr *const *by, bool *out, spk_error *err)
{
	struct spk_expr *with;

	for (int i = 0; e->kind == SPK_EXPR_AND && i < e->args && !*out; i++)
		SPK_TRY(rules_out(p, e->arg[i], by, out, err));
	if (e->kind == SPK_EXPR_AND || *out)
		return SPK_OK;
	with = spk_expr_substitute(p->work, e, by);
	SPK_TRY_PTR(with, err);
	spk_expr_fold(p->work, &with);
	*out = is_never_true(with);
	return SPK_OK;
}

static spk_status look_at_file(const struct pruner *p, const char *file, bool *drop, spk_error *err)
{
	struct spk_expr **by = SPK_NEW_ARRAY(p->work, struct spk_expr *, p->filter->columns + 1);
	bool known;

	*drop = false;
	SPK_TRY_PTR(by, err);
	SPK_TRY(take_values(p, file, by, &known, err));
	return known ? rules_out(p, p->filter->expr, by, drop, err) : SPK_OK;
}

spk_status spk_files_prune(const struct spk_table *table, const struct spk_row_filter *filter, const struct spk_conf *conf, struct spk_files *files, spk_error *err)
{
	struct pruner p = { .table = table, .filter = filter, .timezone = conf ? spk_conf_text(conf, SPK_CONF_TIMEZONE) : NULL };
	bool any = false;
	int kept = 0;
	spk_status status = SPK_OK;

	for (int i = 0; i < filter->columns; i++)
		any = any || path_key(table, filter->column[i]);
	if (!any)
		return SPK_OK;
	p.work = spk_arena_new(NULL);
	SPK_TRY_PTR(p.work, err);
	for (int i = 0; i < files->count && status == SPK_OK; i++) {
		bool drop;

		spk_arena_clear(p.work);
		status = look_at_file(&p, files->path[i], &drop, err);
		files->path[kept] = files->path[i];
		kept += status == SPK_OK && !drop;
	}
	files->count = kept;
	spk_arena_unref(p.work);
	return status;
}
