/* Aggregates of a session: their functions between state rows and vectors on one side and what their author sees on the other. */
#include "core/expr/user_aggregate.h"

#include "core/base/memory.h"
#include "core/expr/aggregate_internal.h"
#include "core/expr/sql_value.h"

enum { STATE_MAX = 4096 };

struct head { uint64_t begun, unused; };  /* keeps what follows aligned */

static void *user_state(struct head *h) { return h + 1; }

/* What the functions of one call share. */
struct run {
	const struct spk_user_aggregate *a;
	const struct spk_aggregate_call *call;
	struct spk_function_context context;
	spk_error failed;
};

static struct run run_of(const struct spk_aggregate_call *call, struct spk_arena *arena)
{
	struct spk_memory_account *account = call->account ? call->account : spk_memory_account("aggregates");
	const struct spk_user_aggregate *a = call->aggregate->user;

	return (struct run){ .a = a, .call = call, .context = { a->spec.user, arena, account } };
}

/* A failure of the user's function, under the aggregate's name. */
static spk_status tell(const struct run *r, spk_status status, spk_error *err)
{
	if (status == SPK_OK)
		return SPK_OK;
	if (err) {
		*err = r->failed;
		err->code = status;
	}
	if (!r->failed.message[0])
		spk_fail(err, status, "%s", spk_status_text(status));
	return spk_error_context(err, "aggregate %s", r->a->base.name);
}

static spk_status begin(struct run *r, struct head *h)
{
	if (h->begun)
		return SPK_OK;
	if (r->a->spec.init)
		SPK_TRY(r->a->spec.init(&r->context, user_state(h), &r->failed));
	h->begun = 1;
	return SPK_OK;
}

static void end_run(struct run *r) { spk_arena_unref(r->context.arena); }

/* --- update --- */

struct rows {
	int n;
	int32_t row[SPK_SQL_ROWS];
	void *state[SPK_SQL_ROWS];
	struct spk_sql_room room[SPK_AGGREGATE_ARGS_MAX];
};

static spk_status flush(struct run *r, struct rows *rows, const struct spk_vector *input)
{
	struct spk_sql_column column[SPK_AGGREGATE_ARGS_MAX + 1] = { 0 };
	spk_status status;

	if (!rows->n)
		return SPK_OK;
	for (int i = 0; i < r->call->args; i++)
		spk_sql_column_take(&input[i], rows->row, rows->n, &rows->room[i], &column[i]);
	status = r->a->spec.update(&r->context, rows->state, column, rows->n, &r->failed);
	if (r->context.arena)
		spk_arena_clear(r->context.arena);
	rows->n = 0;
	return status;
}

static bool has_null(const struct run *r, const struct spk_reader *reader, int32_t row)
{
	for (int i = 0; i < r->call->args; i++)
		if (!spk_reader_valid(&reader[i], spk_reader_slot(&reader[i], row)))
			return true;
	return false;
}

static spk_status update_rows(struct run *r, struct rows *rows, char *const *state, const struct spk_vector *input, const int32_t *sel, int n, const int32_t *weight)
{
	const struct spk_aggregate_call *call = r->call;
	struct spk_reader reader[SPK_AGGREGATE_ARGS_MAX];

	for (int i = 0; i < call->args; i++)
		reader[i] = spk_vector_reader(&input[i]);
	for (int i = 0; i < n; i++) {
		const int32_t row = sel ? sel[i] : i;
		struct head *h = SPK_STATE(head, state, i);

		if (!r->a->spec.called_on_null && has_null(r, reader, row))
			continue;
		SPK_TRY(begin(r, h));
		for (int32_t w = weight ? weight[row] : 1; w > 0; w--) {
			rows->row[rows->n] = row;
			rows->state[rows->n++] = user_state(h);
			if (rows->n == SPK_SQL_ROWS)
				SPK_TRY(flush(r, rows, input));
		}
	}
	return flush(r, rows, input);
}

SPK_AGGREGATE_UPDATE(update)
{
	struct run r = run_of(call, NULL);
	struct rows rows = { .n = 0 };
	spk_status status = update_rows(&r, &rows, state, input, sel, n, weight);

	end_run(&r);
	return tell(&r, status, err);
}

/* --- merge --- */

SPK_AGGREGATE_MERGE(merge)
{
	struct run r = run_of(call, NULL);
	spk_status status = SPK_OK;

	for (int i = 0; i < n && status == SPK_OK; i++) {
		struct head *to = SPK_STATE(head, into, i), *other = SPK_STATE(head, from, i);

		if (!other->begun)
			continue;
		status = begin(&r, to);
		if (status == SPK_OK)
			status = r.a->spec.merge(&r.context, user_state(to), user_state(other), &r.failed);
		if (r.context.arena)
			spk_arena_clear(r.context.arena);
	}
	end_run(&r);
	return tell(&r, status, err);
}

/* --- final --- */

static void release_state(struct run *r, struct head *h)
{
	if (h->begun && r->a->spec.release)
		r->a->spec.release(&r->context, user_state(h));
	memset(h, 0, (size_t)r->a->base.state_size);
}

/* The result of a state; of one that was not begun that of a state made for it. */
static spk_status result_of(struct run *r, struct head *h, struct spk_sql_value *result)
{
	const size_t size = (size_t)r->a->base.state_size;
	struct head *made = NULL;
	spk_status status;

	if (!h->begun) {
		made = spk_calloc(r->context.account, size);
		SPK_TRY_PTR(made, &r->failed);
		status = begin(r, made);
		if (status != SPK_OK) {
			spk_free(r->context.account, made, size);
			return status;
		}
	}
	status = r->a->spec.final(&r->context, user_state(made ? made : h), result, &r->failed);
	/* Its text may lie in the state. */
	if (made && status == SPK_OK && !result->null && (r->a->result.id == SPK_TYPE_TEXT || r->a->result.id == SPK_TYPE_BYTEA)) {
		char *copy = spk_function_memory(&r->context, result->text.size, &r->failed);

		status = copy ? SPK_OK : r->failed.code;
		if (copy && result->text.size)
			memcpy(copy, result->text.data, result->text.size);
		result->text.data = copy;
	}
	if (made) {
		release_state(r, made);
		spk_free(r->context.account, made, size);
	}
	return status;
}

SPK_AGGREGATE_FINAL(final)
{
	struct run r = run_of(call, arena);

	for (int i = 0; i < n; i++) {
		struct spk_sql_value result = { 0 };

		SPK_TRY(tell(&r, result_of(&r, SPK_STATE(head, state, i), &result), err));
		if (result.null) {
			SPK_TRY(spk_aggregate_null(out, at + i, rows, arena, err));
			continue;
		}
		if (spk_sql_value_put(&result, out, at + i, arena, &r.failed) != SPK_OK)
			return spk_fail(err, r.failed.code, "aggregate %s %s", r.a->base.name, r.failed.message);
	}
	return SPK_OK;
}

/* --- states that own memory, as bytes: a mark, the size, what serialize gave --- */

SPK_AGGREGATE_WRITE(write)
{
	const struct head *h = (const struct head *)(const void *)state;
	const uint8_t begun = h->begun != 0;
	struct run r = run_of(call, NULL);
	struct spk_text bytes = { "", 0 };
	spk_status status = begun ? r.a->spec.serialize(&r.context, h + 1, &bytes, &r.failed) : SPK_OK;
	const uint64_t size = bytes.size;

	status = tell(&r, status, err);
	if (status == SPK_OK)
		status = spk_buffer_append(out, &begun, 1, err);
	if (status == SPK_OK && begun)
		status = spk_buffer_append(out, &size, sizeof size, err);
	if (status == SPK_OK && size)
		status = spk_buffer_append(out, bytes.data, bytes.size, err);
	end_run(&r);
	return status;
}

SPK_AGGREGATE_READ(read)
{
	struct head *h = (struct head *)(void *)state;
	struct run r = run_of(call, NULL);
	spk_status status;
	uint64_t size;

	release_state(&r, h);
	if (*from >= end)
		return spk_aggregate_cut_off(call, err);
	if (!*(*from)++)
		return SPK_OK;
	if (end - *from < (ptrdiff_t)sizeof size)
		return spk_aggregate_cut_off(call, err);
	memcpy(&size, *from, sizeof size);
	*from += sizeof size;
	if ((uint64_t)(end - *from) < size)
		return spk_aggregate_cut_off(call, err);
	status = r.a->spec.deserialize(&r.context, user_state(h), (struct spk_text){ *from, size }, &r.failed);
	h->begun = 1;
	*from += size;
	end_run(&r);
	return tell(&r, status, err);
}

static void release(const struct spk_aggregate_call *call, char *state)
{
	struct run r = run_of(call, NULL);

	release_state(&r, (struct head *)(void *)state);
	end_run(&r);
}

/* --- making --- */

struct spk_type spk_user_aggregate_result(const struct spk_user_aggregate *a) { return a->result; }

static spk_status check(const char *name, const struct spk_aggregate_spec *spec, spk_error *err)
{
	const bool owns = spec->serialize || spec->deserialize || spec->release;

	if (!spec->update || !spec->final)
		return spk_fail(err, SPK_USAGE, "aggregate %s: update and final are needed", name);
	if (owns && !(spec->serialize && spec->deserialize && spec->release))
		return spk_fail(err, SPK_USAGE, "aggregate %s: serialize, deserialize and release are needed together, or none of them", name);
	if (spec->state_size < 1 || spec->state_size > STATE_MAX)
		return spk_fail(err, SPK_USAGE, "aggregate %s: a state of %zu bytes; 1 to %d are possible, more in memory that the state owns", name, spec->state_size, STATE_MAX);
	return SPK_OK;
}

/* Whether the result over no rows is a value. */
static spk_status look_at_none(struct spk_user_aggregate *a, spk_error *err)
{
	const struct spk_aggregate_call call = { .aggregate = &a->base, .step = &a->base };
	struct run r = run_of(&call, NULL);
	struct spk_sql_value result = { 0 };
	struct head none = { 0 };
	spk_status status = result_of(&r, &none, &result);

	a->base.null_unlike_none = status == SPK_OK && !result.null;
	end_run(&r);
	return tell(&r, status, err);
}

spk_status spk_user_aggregate_init(struct spk_user_aggregate *a, const char *name, const struct spk_type *arg, int args, struct spk_type result, const struct spk_aggregate_spec *spec, spk_error *err)
{
	*a = (struct spk_user_aggregate){ .spec = *spec, .result = result };
	SPK_TRY(check(name, spec, err));
	SPK_TRY(spk_user_types_check("aggregate", name, arg, args, result, err));
	a->base = (struct spk_aggregate){ .name = name, .doc = "an aggregate of this session", .args = args, .state_size = (int)((sizeof(struct head) + spec->state_size + 15) / 16 * 16),
		.folds = true, .update = update, .merge = spec->merge ? merge : NULL, .final = final, .user = a };
	for (int i = 0; i < args; i++)
		a->base.arg[i] = arg[i];
	if (spec->release) {
		a->base.write = write;
		a->base.read = read;
		a->base.release = release;
	}
	return look_at_none(a, err);
}
