/* INSERT as a batch query whose rows go to a sink at once, final ones only. */
#include <stdlib.h>
#include <string.h>

#include "connectors/connector.h"
#include "session/internal.h"

enum { BLOCK_BYTES = 1 << 20 };

struct insert {
	struct spk_sink_spec spec;
	struct spk_sink *sink;
	struct spk_sink_block *block;
	int64_t number, rows;
};

/* --- the query: all columns of the table in order, those that are not given are NULL --- */

static spk_status whole_rows(struct spk_arena *arena, const struct spk_logical *insert, struct spk_logical **out, spk_error *err)
{
	const struct spk_schema *want = insert->table->schema, *in = insert->input[0]->schema;
	struct spk_logical *l = spk_logical_new(arena, SPK_LOGICAL_PROJECT, want, insert->input, 1);

	SPK_TRY_PTR(l, err);
	l->position = insert->position;
	l->expr_count = want->count;
	l->expr = SPK_NEW_ARRAY(arena, struct spk_expr *, want->count);
	SPK_TRY_PTR(l->expr, err);
	for (int i = 0; i < in->count; i++)
		l->expr[insert->column ? insert->column[i] : i] = spk_expr_column(arena, i, &in->field[i]);
	for (int i = 0; i < want->count; i++) {
		if (!l->expr[i])
			l->expr[i] = spk_expr_literal(arena, (struct spk_value){ .type = want->field[i].type, .null = true });
		SPK_TRY_PTR(l->expr[i], err);
	}
	*out = l;
	return SPK_OK;
}

/* --- the sink --- */

static spk_status refuse(const struct spk_logical *insert, spk_error *err)
{
	spk_fail(err, SPK_USAGE, "INSERT INTO %s: rows for connector '%s' are written by a job, exactly once", insert->table->name, insert->table->connector);
	spk_hint(err, "sparklet run FILE.sql runs it as such, with --once up to what is there now");
	if (err)
		err->position = insert->position;
	return SPK_USAGE;
}

static spk_status open_sink(struct insert *s, const struct spk_logical *insert, const struct spk_conf *conf, const char *owner, spk_error *err)
{
	const struct spk_sink_type *type = spk_table_sink_type(insert->table);

	if (!type)
		return spk_fail(err, SPK_PLAN, "table \"%s\": connector '%s' cannot be written to", insert->table->name, insert->table->connector);
	if (type->transactional)
		return refuse(insert, err);
	s->spec = (struct spk_sink_spec){ .table = insert->table, .schema = insert->table->schema, .job = owner, .conf = conf, .once = true };
	return type->open(&s->sink, &s->spec, err);
}

static spk_status new_block(struct insert *s, spk_error *err)
{
	spk_sink_block_free(s->block);
	s->block = calloc(1, sizeof *s->block);
	SPK_TRY_PTR(s->block, err);
	return SPK_OK;
}

static spk_status write_block(struct insert *s, spk_error *err)
{
	if (s->block->rows == 0)
		return SPK_OK;
	SPK_TRY(s->sink->type->write(s->sink, s->number, s->block, err));
	s->rows += s->block->rows;
	return new_block(s, err);
}

static spk_status take_batch(void *user, struct spk_batch *batch, spk_error *err)
{
	struct insert *s = user;

	SPK_TRY(spk_sink_encode(s->sink, batch, s->block, NULL, err));
	return s->block->value.size >= BLOCK_BYTES ? write_block(s, err) : SPK_OK;
}

static spk_status finish(struct insert *s, spk_error *err)
{
	SPK_TRY(write_block(s, err));
	SPK_TRY(s->sink->type->prepare(s->sink, s->number, err));
	return s->sink->type->commit(s->sink, s->number, err);
}

/* --- both --- */

static spk_status run(struct insert *s, struct spk_session *session, struct spk_arena *arena, const struct spk_logical *insert, const char *owner, spk_error *err)
{
	struct spk_physical_plan *plan;
	struct spk_logical *query = NULL;
	spk_status status;

	SPK_TRY(whole_rows(arena, insert, &query, err));
	if (insert->table->rows)
		return spk_session_fill_table(session, insert->table, query, &s->rows, err);
	SPK_TRY(spk_session_plan_query(session, query, &plan, err));
	SPK_TRY(open_sink(s, insert, spk_session_conf(session), owner, err));
	SPK_TRY(new_block(s, err));
	status = spk_session_run_query(session, plan, take_batch, s, NULL, err);
	if (status == SPK_OK)
		status = finish(s, err);
	if (status != SPK_OK)
		s->sink->type->abort(s->sink, s->number);
	return status;
}

spk_status spk_session_insert(struct spk_session *session, const struct spk_logical *insert, const char *owner, int64_t number, int64_t *rows, spk_error *err)
{
	struct insert s = { .number = number };
	struct spk_arena *arena = spk_arena_new(NULL);
	spk_status status = arena ? run(&s, session, arena, insert, owner, err) : spk_fail_memory(err);

	*rows = s.rows;
	if (s.sink)
		s.sink->type->close(s.sink);
	spk_sink_block_free(s.block);
	spk_arena_unref(arena);
	return status;
}
