/* `sparklet explain`: logical and physical plans of queries, the physical plan of a job, row counts with --analyze. */
#include <string.h>

#include "cli/profile.h"
#include "cli/shell/bar.h"
#include "core/base/check.h"

struct explain {
	struct spk_session *session;
	struct spk_script script;
	bool json, analyze;
	int shown;
};

static spk_status drop_batch(void *user, struct spk_batch *batch, spk_error *err)
{
	(void)user;
	(void)batch;
	(void)err;
	return SPK_OK;
}

/* Runs it and drops the rows. */
static spk_status profile(struct explain *x, const struct spk_physical_plan *plan, const struct spk_query_profile **out, spk_error *err)
{
	SPK_TRY(spk_session_run_query(x->session, plan, drop_batch, NULL, NULL, err));
	*out = spk_session_profile(x->session);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

/* {"plan":[...],"profile":{...}}: what `sparklet explain --format json` gives, and how it went. */
static spk_status put_json(struct explain *x, const struct spk_physical_plan *plan, bool analyze, struct spk_buffer *out, spk_error *err)
{
	const struct spk_query_profile *p;

	if (!analyze)
		return spk_physical_format_json(plan, out, err);
	SPK_TRY(profile(x, plan, &p, err));
	SPK_TRY(spk_physical_format_json(plan, out, err));
	out->size -= 2;   /* "}" and newline */
	SPK_TRY(spk_buffer_append_str(out, ",\"profile\":", err));
	SPK_TRY(spk_cli_profile_json(p, out, err));
	return spk_buffer_append_str(out, "}\n", err);
}

static spk_status put_query(struct explain *x, const struct spk_statement *s, struct spk_buffer *out, spk_error *err)
{
	bool analyze = x->analyze || s->analyze;
	const struct spk_query_profile *p;
	struct spk_physical_plan *plan;
	struct spk_logical *optimized;

	if (!x->json) {
		SPK_TRY(spk_session_optimize(x->session, s->plan, &optimized, err));
		SPK_TRY(spk_buffer_append_str(out, "Logical plan\n", err));
		SPK_TRY(spk_logical_format(optimized, true, out, err));
	}
	spk_session_time(x->session, analyze);
	SPK_TRY(spk_session_plan_query(x->session, s->plan, &plan, err));
	if (x->json)
		return put_json(x, plan, analyze, out, err);
	SPK_TRY(spk_buffer_append_str(out, "\nPhysical plan\n", err));
	if (!analyze)
		return spk_physical_format(plan, NULL, NULL, out, err);
	SPK_TRY(profile(x, plan, &p, err));
	return spk_cli_profile_text(p, out, err);
}

static spk_status put_job(struct explain *x, struct spk_buffer *out, spk_error *err)
{
	struct spk_physical_plan *plan;

	if (x->analyze) {
		spk_fail(err, SPK_UNSUPPORTED, "--analyze of a job is not built yet");
		return spk_hint(err, "it is there for queries; sparklet run FILE.sql --once runs the job, sparklet epochs JOB shows its rows");
	}
	SPK_TRY(spk_session_plan_job(x->session, &x->script, &plan, err));
	if (x->json)
		return spk_physical_format_json(plan, out, err);
	SPK_TRY(spk_buffer_append_str(out, "Physical plan of the job\n", err));
	SPK_TRY(spk_physical_format(plan, NULL, NULL, out, err));
	SPK_TRY(spk_buffer_append_str(out, "\n", err));
	return spk_physical_format_state(plan, out, err);
}

static bool is_query(const struct spk_statement *s)
{
	return s->kind == SPK_STATEMENT_SELECT || (s->kind == SPK_STATEMENT_EXPLAIN && s->plan->kind != SPK_LOGICAL_SINK);
}

/* An EXPLAIN of an INSERT counts as the INSERT. */
static bool is_insert(struct spk_statement *s)
{
	if (s->kind == SPK_STATEMENT_EXPLAIN && s->plan->kind == SPK_LOGICAL_SINK)
		s->kind = SPK_STATEMENT_INSERT;
	return s->kind == SPK_STATEMENT_INSERT;
}

static spk_status put_all(struct explain *x, struct spk_buffer *out, spk_error *err)
{
	bool inserts = false;

	for (int i = 0; i < x->script.count; i++) {
		struct spk_statement *s = &x->script.statement[i];

		inserts = is_insert(s) || inserts;
		if (!is_query(s))
			continue;
		if (x->shown++ && !x->json)
			SPK_TRY(spk_buffer_append_str(out, "\n", err));
		SPK_TRY(put_query(x, s, out, err));
	}
	if (inserts) {
		if (x->shown++ && !x->json)
			SPK_TRY(spk_buffer_append_str(out, "\n", err));
		return put_job(x, out, err);
	}
	if (x->shown)
		return SPK_OK;
	spk_fail(err, SPK_USAGE, "there is no query and no INSERT to explain");
	return spk_hint(err, "sparklet explain -c 'SELECT ...', or a file with one");
}

static spk_status choose_format(const struct spk_cli_arguments *a, struct explain *x, spk_error *err)
{
	const char *format = a->value[SPK_CLI_PLAN_FORMAT];

	x->analyze = a->value[SPK_CLI_ANALYZE];
	x->json = format && strcmp(format, "json") == 0;
	if (format && !x->json && strcmp(format, "text") != 0) {
		spk_fail(err, SPK_USAGE, "--format %s: a plan is written as text or json", format);
		return spk_hint(err, "--format text or --format json");
	}
	return SPK_OK;
}

static spk_status explain(struct explain *x, const struct spk_cli_script *text, spk_error *err)
{
	struct spk_buffer out = { 0 };
	spk_status status = spk_cli_bind(x->session, text, &x->script, err);

	if (status == SPK_OK)
		status = put_all(x, &out, err);
	if (status == SPK_OK)
		status = spk_cli_write(out.data, out.size, err);
	spk_buffer_release(&out);
	return status;
}

static int run(const struct spk_cli_arguments *a)
{
	struct spk_cli_script text = { 0 };
	struct explain x = { 0 };
	spk_error err = { 0 };
	int code = SPK_CLI_DONE;
	spk_status status = choose_format(a, &x, &err);

	if (status == SPK_OK && !a->words && !a->value[SPK_CLI_COMMAND]) {
		status = spk_fail(&err, SPK_USAGE, "explain: neither -c QUERY nor FILE.sql is given");
		spk_hint(&err, "usage: sparklet explain %s", a->command->synopsis);
	}
	if (status == SPK_OK)
		status = spk_cli_script_load(a, a->words ? a->word[0] : NULL, &text, &err);
	if (status == SPK_OK)
		status = spk_cli_session_open(a, &x.session, &err);
	if (status == SPK_OK) {
		spk_cli_cancel_on_signals(x.session);
		spk_shell_bar_begin(x.session);
		status = explain(&x, &text, &err);
		spk_shell_bar_end(x.session);
		spk_cli_cancel_on_signals(NULL);
	}
	if (status != SPK_OK)
		code = spk_cli_fail(&text, &err);
	spk_session_free(x.session);
	spk_cli_script_release(&text);
	return code;
}

const struct spk_cli_command spk_cli_explain = {
	.name = "explain", .synopsis = "[--analyze] [--format text|json] (-c QUERY | FILE.sql)", .summary = "show how a query or job is computed", .max_words = 1, .run = run,
	.options = SPK_CLI_TAKES(COMMAND) | SPK_CLI_TAKES(ANALYZE) | SPK_CLI_TAKES(PLAN_FORMAT) | SPK_CLI_TAKES(SET) | SPK_CLI_TAKES(CONFIG),
	.text =
		"For queries the optimized logical plan and the physical one; for a file with INSERTs the physical plan of the job: its\n"
		"stages, what retracts, which state there is and what bounds it. Connects to nothing, but for --analyze.\n"
		"\n"
		"  sparklet explain -c \"SELECT origin, avg(dep_delay) FROM 'flights.csv' GROUP BY origin\"\n"
		"  sparklet explain --analyze -c \"SELECT count(*) FROM 'flights.csv'\"\n"
		"  sparklet explain delays.sql --format json\n",
};
