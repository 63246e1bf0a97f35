/* `sparklet check`: everything short of running. Binds and plans, connects to nothing, and compares the plan with the newest checkpoint's. */
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "core/base/check.h"
#include "core/base/file.h"

struct check {
	struct spk_session *session;
	struct spk_script script;
	struct spk_cli_job job;
	struct spk_arena *arena;
};

static const char *bound_text(enum spk_state_bound bound)
{
	switch (bound) {
	case SPK_BOUND_TIME: return "the watermark";
	case SPK_BOUND_IDLE: return "the keys that change within state.ttl";
	case SPK_BOUND_KEY: return "the number of keys";
	case SPK_BOUND_NOTHING: return "nothing: grows with the rows";
	case SPK_BOUND_STATELESS: break;
	}
	return "no state";
}

/* The newest checkpoint of the job; *out stays NULL when there is none. */
static spk_status newest(struct check *c, const struct spk_checkpoint **out, spk_error *err)
{
	struct spk_job_files files = { 0 };
	struct spk_checkpoint *found = NULL;
	int64_t *epoch;
	int count;
	spk_status status;

	if (access(c->job.dir, F_OK) != 0)
		return SPK_OK;
	SPK_TRY(spk_session_open_checkpoints(c->session, c->job.name, c->job.dir, &files, err));
	status = files.checkpoints->type->list(files.checkpoints, c->arena, &epoch, &count, err);
	if (status == SPK_OK && count)
		status = files.checkpoints->type->read(files.checkpoints, epoch[count - 1], c->arena, &found, err);
	spk_session_close_job(&files);
	*out = found;
	return status;
}

static spk_status print_state(const struct spk_physical_plan *plan, const char *verdict, spk_error *err)
{
	static const struct spk_cli_column column[] = { { "operator", false }, { "state table", false }, { "bounded by", false }, { "verdict", false } };
	struct spk_cli_table *table;
	spk_status status;

	SPK_TRY(spk_cli_table_new(&table, column, (int)SPK_COUNT_OF(column), err));
	status = SPK_OK;
	for (int i = 0; i < plan->nodes && status == SPK_OK; i++) {
		const struct spk_physical *n = plan->node[i];

		if (!n->state_table)
			continue;
		status = spk_cli_table_printf(table, err, "%s #%d", spk_physical_kind_name(n->kind), n->id);
		if (status == SPK_OK)
			status = spk_cli_table_printf(table, err, "%s", n->state_table);
		if (status == SPK_OK)
			status = spk_cli_table_printf(table, err, "%s", bound_text(n->bound));
		if (status == SPK_OK)
			status = spk_cli_table_printf(table, err, "%s", verdict);
	}
	if (status == SPK_OK && spk_cli_table_rows(table))
		status = spk_cli_table_end(table, false, err);
	else if (status == SPK_OK)
		status = spk_cli_print(err, "no state\n");
	spk_cli_table_free(table);
	return status;
}

/* What becomes of the state. A verdict per operator needs fingerprints in the manifest, which are not there yet. */
static spk_status print_verdict(struct check *c, const struct spk_physical_plan *plan, spk_error *err)
{
	const struct spk_checkpoint *last = NULL;
	char verdict[96] = "new";

	SPK_TRY(newest(c, &last, err));
	if (last && last->plan_hash == plan->hash)
		snprintf(verdict, sizeof verdict, "kept (plan unchanged)");
	else if (last)
		snprintf(verdict, sizeof verdict, "plan changed since epoch %lld", (long long)last->epoch);
	SPK_TRY(print_state(plan, verdict, err));
	if (last && last->plan_hash != plan->hash)
		return spk_cli_print(err, "note: %s has state of another plan (checkpoint of epoch %lld); sparklet run --dir with a new folder starts afresh\n", c->job.dir,
				     (long long)last->epoch);
	return SPK_OK;
}

static spk_status check_job(struct check *c, spk_error *err)
{
	struct spk_physical_plan *plan;

	SPK_TRY(spk_session_plan_job(c->session, &c->script, &plan, err));
	SPK_TRY(spk_cli_print(err, "job %s: %d source%s, %d sink%s, plan %016llx\n", c->job.name, plan->sources, plan->sources == 1 ? "" : "s", plan->sinks,
			      plan->sinks == 1 ? "" : "s", (unsigned long long)plan->hash));
	return print_verdict(c, plan, err);
}

static spk_status check_statements(struct check *c, spk_error *err)
{
	int inserts = 0, queries = 0;

	for (int i = 0; i < c->script.count; i++) {
		const struct spk_statement *s = &c->script.statement[i];
		struct spk_physical_plan *plan;

		inserts += s->kind == SPK_STATEMENT_INSERT;
		if (s->kind != SPK_STATEMENT_SELECT)
			continue;
		queries++;
		SPK_TRY(spk_session_plan_query(c->session, s->plan, &plan, err));
	}
	if (inserts)
		SPK_TRY(check_job(c, err));
	return spk_cli_print(err, "ok: %d statement%s, %d INSERT%s, %d quer%s\n", c->script.count, c->script.count == 1 ? "" : "s", inserts, inserts == 1 ? "" : "s", queries,
			     queries == 1 ? "y" : "ies");
}

static int run(const struct spk_cli_arguments *a)
{
	struct spk_cli_script text = { 0 };
	struct check c = { .arena = spk_arena_new(NULL) };
	spk_error err = { 0 };
	int code = SPK_CLI_DONE;
	spk_status status = c.arena ? spk_cli_script_load(a, a->word[0], &text, &err) : spk_fail_memory(&err);

	if (status == SPK_OK)
		status = spk_cli_job_of_file(a, a->word[0], &c.job, &err);
	if (status == SPK_OK)
		status = spk_cli_session_open(a, &c.session, &err);
	if (status == SPK_OK)
		status = spk_cli_bind(c.session, &text, &c.script, &err);
	if (status == SPK_OK)
		status = check_statements(&c, &err);
	if (status != SPK_OK)
		code = spk_cli_fail(&text, &err);
	spk_session_free(c.session);
	spk_cli_job_release(&c.job);
	spk_arena_unref(c.arena);
	spk_cli_script_release(&text);
	return code;
}

const struct spk_cli_command spk_cli_check = {
	.name = "check", .synopsis = "[--job NAME] [--dir DIR] [-s KEY=VALUE]... FILE.sql", .summary = "find mistakes before a job is started", .min_words = 1, .max_words = 1,
	.run = run, .options = SPK_CLI_TAKES(JOB) | SPK_CLI_TAKES(DIR) | SPK_CLI_TAKES(SET) | SPK_CLI_TAKES(CONFIG),
	.text =
		"Parses, binds and plans without connecting to anything. For every operator with state: its table, what bounds it, and what\n"
		"becomes of the state in the job's folder: new, kept, or of another plan.\n"
		"\n"
		"  sparklet check delays.sql\n",
};
