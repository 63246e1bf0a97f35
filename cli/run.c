/* `sparklet run`: a job until it ends or is told to. */
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/progress.h"
#include "core/base/check.h"

/* A plan whose state is not bounded by time runs, but not without a word. */
static void warn_about_state(const char *job, const struct spk_physical_plan *plan)
{
	for (int i = 0; i < plan->nodes; i++) {
		const struct spk_physical *n = plan->node[i];

		if (!n->state_table || n->bound == SPK_BOUND_TIME || n->bound == SPK_BOUND_IDLE || n->bound == SPK_BOUND_STATELESS)
			continue;
		spk_cli_note("job %s: state %s is not bounded by time: it grows with the number of %s", job, n->state_table, n->bound == SPK_BOUND_KEY ? "keys" : "rows");
		if (spk_physical_way_out(n))
			spk_cli_note("  %s", spk_physical_way_out(n));
	}
}

static void warn_about_queries(const char *job, const struct spk_script *script)
{
	for (int i = 0; i < script->count; i++)
		if ((script->statement[i].kind == SPK_STATEMENT_SELECT && !spk_session_prints(script, &script->statement[i])) || script->statement[i].kind == SPK_STATEMENT_EXPLAIN)
			spk_cli_note("job %s: statement %d is a %s and no part of the job: it is not run (sparklet sql runs it)", job, i + 1, script->statement[i].tag);
}

/* Rows on the terminal and a line that is rewritten there do not go together. */
static bool may_draw(const struct spk_physical_plan *plan)
{
	if (!isatty(STDERR_FILENO))
		return false;
	for (int i = 0; i < plan->sinks; i++)
		if (strcmp(plan->sink[i].table->connector, "print") == 0 && isatty(STDOUT_FILENO))
			return false;
	return true;
}

static spk_status run_job(const struct spk_cli_arguments *a, struct spk_session *session, const struct spk_cli_script *text, const struct spk_cli_job *job, spk_error *err)
{
	struct spk_job_options options = { .name = job->name, .dir = job->dir, .once = a->value[SPK_CLI_ONCE] };
	struct spk_cli_progress progress;
	struct spk_physical_plan *plan;
	struct spk_script script;
	spk_status status;

	SPK_TRY(spk_cli_bind(session, text, &script, err));
	SPK_TRY(spk_session_plan_job(session, &script, &plan, err));
	warn_about_queries(job->name, &script);
	warn_about_state(job->name, plan);
	spk_cli_progress_init(&progress, job->name, may_draw(plan));
	status = spk_session_run_job(session, text->text, plan, &options, spk_cli_progress_update, &progress, err);
	spk_cli_progress_end(&progress, status != SPK_OK ? NULL : spk_cli_signals() ? "stopped" : "done");
	return status;
}

static int run(const struct spk_cli_arguments *a)
{
	struct spk_session *session = NULL;
	struct spk_cli_script text = { 0 };
	struct spk_cli_job job = { 0 };
	spk_error err = { 0 };
	int code = SPK_CLI_DONE;
	spk_status status = spk_cli_script_load(a, a->word[0], &text, &err);

	if (status == SPK_OK)
		status = spk_cli_job_of_file(a, a->word[0], &job, &err);
	if (status == SPK_OK)
		status = spk_cli_session_open(a, &session, &err);
	if (status == SPK_OK) {
		spk_cli_cancel_on_signals(session);
		status = run_job(a, session, &text, &job, &err);
		spk_cli_cancel_on_signals(NULL);
	}
	if (status != SPK_OK)
		code = spk_cli_fail(&text, &err);
	spk_session_free(session);
	spk_cli_job_release(&job);
	spk_cli_script_release(&text);
	return code;
}

const struct spk_cli_command spk_cli_run = {
	.name = "run", .synopsis = "[--once] [--job NAME] [--dir DIR] [-s KEY=VALUE]... FILE.sql", .summary = "run the job of a file", .min_words = 1, .max_words = 1, .run = run,
	.options = SPK_CLI_TAKES(ONCE) | SPK_CLI_TAKES(JOB) | SPK_CLI_TAKES(DIR) | SPK_CLI_TAKES(SET) | SPK_CLI_TAKES(CONFIG),
	.text =
		"Runs all INSERTs of the file as one job until SIGINT or SIGTERM, or until every source is bounded and done. Started again it\n"
		"goes on where it stopped. The first signal ends it in order: epoch, checkpoint, exit 0; a second one at once, which loses\n"
		"nothing either.\n"
		"\n"
		"  sparklet run delays.sql                            job `delays`, its folder is .sparklet/delays\n"
		"  sparklet run --once delays.sql                     what is there now, for cron\n"
		"  sparklet run -s epoch.interval=50ms -s memory.limit=2GiB --job prod-delays delays.sql\n"
		"\n"
		"On a terminal it shows what it does; elsewhere it writes to stderr when something is to be known: trouble, recovery, the end.\n",
};
