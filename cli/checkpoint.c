/* `sparklet checkpoint`: which checkpoints a job has, and whether they are whole. */
#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "core/base/check.h"
#include "core/expr/text.h"

enum action { LIST, VERIFY, RESTORE, ACTIONS };
static const char *const actions[] = { "list", "verify", "restore" };

struct checkpoints {
	struct spk_checkpoint_store *store;
	struct spk_arena *arena;
	int64_t *epoch;
	int count;
};

/* --- list --- */

static spk_status add_row(struct spk_cli_table *t, const struct spk_checkpoint *c, spk_error *err)
{
	char text[SPK_TEXT_MAX];
	int64_t bytes = 0;

	for (int i = 0; i < c->files; i++)
		bytes += c->file[i].size;
	SPK_TRY(spk_cli_table_printf(t, err, "%" PRId64, c->epoch));
	SPK_TRY(spk_cli_table_cell(t, text, (size_t)spk_text_timestamp(c->created_us - c->created_us % 1000000, text), err));
	SPK_TRY(spk_cli_table_printf(t, err, "%d", c->files));
	SPK_TRY(spk_cli_table_printf(t, err, "%" PRId64, bytes));
	return spk_cli_table_printf(t, err, "%016" PRIx64, c->plan_hash);
}

/* A checkpoint that cannot be read is listed, too: it takes space. */
static spk_status add_damaged(struct spk_cli_table *t, int64_t epoch, spk_error *err)
{
	SPK_TRY(spk_cli_table_printf(t, err, "%" PRId64, epoch));
	SPK_TRY(spk_cli_table_printf(t, err, "damaged"));
	SPK_TRY(spk_cli_table_cell(t, "", 0, err));
	SPK_TRY(spk_cli_table_cell(t, "", 0, err));
	return spk_cli_table_cell(t, "", 0, err);
}

static spk_status list(const struct checkpoints *c, spk_error *err)
{
	static const struct spk_cli_column column[] = { { "epoch", true }, { "made (UTC)", false }, { "files", true }, { "bytes", true }, { "plan", false } };
	struct spk_cli_table *t;
	spk_status status;

	if (c->count == 0)
		return spk_cli_print(err, "no checkpoints yet\n");
	status = spk_cli_table_new(&t, column, (int)SPK_COUNT_OF(column), err);
	SPK_TRY(status);
	for (int i = 0; i < c->count && status == SPK_OK; i++) {
		struct spk_checkpoint *one;

		status = c->store->type->read(c->store, c->epoch[i], c->arena, &one, NULL) == SPK_OK ? add_row(t, one, err) : add_damaged(t, c->epoch[i], err);
	}
	if (status == SPK_OK)
		status = spk_cli_table_end(t, true, err);
	spk_cli_table_free(t);
	return status;
}

/* --- verify --- */

/* All are looked at; the first damage is the error. */
static spk_status verify(const struct checkpoints *c, spk_error *err)
{
	spk_error first = { 0 };
	int bad = 0;

	for (int i = 0; i < c->count; i++) {
		spk_error why = { 0 };

		if (c->store->type->verify(c->store, c->epoch[i], &why) == SPK_OK) {
			SPK_TRY(spk_cli_print(err, "epoch %" PRId64 ": ok\n", c->epoch[i]));
			continue;
		}
		SPK_TRY(spk_cli_print(err, "epoch %" PRId64 ": %s\n", c->epoch[i], why.message));
		if (!bad++)
			first = why;
	}
	if (c->count == 0)
		return spk_cli_print(err, "no checkpoints yet\n");
	if (!bad)
		return SPK_OK;
	spk_fail(err, first.code, "%d of %d checkpoints are damaged", bad, c->count);
	return spk_hint(err, "a start takes the newest one that is whole and computes what came after it again");
}

/* --- the command --- */

static spk_status act(struct spk_session *session, const struct spk_cli_job *job, enum action action, spk_error *err)
{
	struct checkpoints c = { .arena = spk_arena_new(NULL) };
	struct spk_job_files files = { 0 };
	spk_status status = c.arena ? spk_session_open_checkpoints(session, job->name, job->dir, &files, err) : spk_fail_memory(err);

	if (status == SPK_OK) {
		c.store = files.checkpoints;
		status = c.store->type->list(c.store, c.arena, &c.epoch, &c.count, err);
	}
	if (status == SPK_OK)
		status = action == LIST ? list(&c, err) : verify(&c, err);
	spk_session_close_job(&files);
	spk_arena_unref(c.arena);
	return status;
}

static int run(const struct spk_cli_arguments *a)
{
	struct spk_session *session = NULL;
	struct spk_cli_job job = { 0 };
	const char *name;
	spk_error err = { 0 };
	int action, code = SPK_CLI_DONE;
	spk_status status = spk_cli_job_action(a, actions, ACTIONS, &action, &name, &err);

	if (status == SPK_OK && action == RESTORE) {
		status = spk_fail(&err, SPK_UNSUPPORTED, "checkpoint restore is not built yet");
		spk_hint(&err, "a job restores its newest whole checkpoint by itself when it is started");
	}
	if (status == SPK_OK)
		status = spk_cli_job_named(a, name, &job, &err);
	if (status == SPK_OK)
		status = spk_cli_session_open(a, &session, &err);
	if (status == SPK_OK)
		status = act(session, &job, (enum action)action, &err);
	if (status != SPK_OK) {
		fflush(stdout);
		code = spk_cli_fail(NULL, &err);
	}
	spk_session_free(session);
	spk_cli_job_release(&job);
	return code;
}

const struct spk_cli_command spk_cli_checkpoint = {
	.name = "checkpoint", .synopsis = "JOB list|verify|restore [--dir DIR]", .summary = "list or verify a job's checkpoints", .min_words = 2, .max_words = 2, .run = run,
	.options = SPK_CLI_TAKES(DIR) | SPK_CLI_TAKES(SET) | SPK_CLI_TAKES(CONFIG),
	.text =
		"list: epoch, time, files, bytes and plan of every checkpoint that is kept. verify: reads every file of every checkpoint and\n"
		"compares it with its hash; exit code 1 if one is damaged. restore is not built yet. `checkpoint list JOB` is understood, too.\n"
		"\n"
		"  sparklet checkpoint delays list\n"
		"  sparklet checkpoint delays verify\n",
};
