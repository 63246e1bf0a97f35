/* --help on every level, `help`, and the list of commands. */
#include <string.h>

#include "cli/cli.h"
#include "core/base/check.h"

const struct spk_cli_command *const spk_cli_commands[] = {
	&spk_cli_run, &spk_cli_sql, &spk_cli_explain, &spk_cli_check, &spk_cli_dry_run, &spk_cli_epochs, &spk_cli_replay, &spk_cli_diff, &spk_cli_dlq,
	&spk_cli_checkpoint, &spk_cli_history, &spk_cli_state, &spk_cli_watermarks, &spk_cli_version, &spk_cli_help, NULL,
};

static const char overview[] =
	"\n"
	"A job is a file with CREATE TABLE and INSERT INTO ... SELECT statements; it runs epoch by epoch, exactly once.\n"
	"\n"
	"  sparklet sql -c \"SELECT origin, count(*) FROM 'flights.csv' GROUP BY origin\"     query a file\n"
	"  sparklet run delays.sql                                       run a job until Ctrl-C, or until its files are read\n"
	"  sparklet epochs delays --last 3                               what the job did\n"
	"\n"
	"sparklet COMMAND --help shows the options of a command. Exit codes: 0 done; 1 the query or job failed; 2 wrong usage, SQL\n"
	"or configuration; 3 a needed service is not reachable.\n";

const struct spk_cli_command *spk_cli_find(const char *name, spk_error *err)
{
	const char *names[SPK_COUNT_OF(spk_cli_commands)], *closest;
	int count = 0;

	for (; spk_cli_commands[count]; count++) {
		names[count] = spk_cli_commands[count]->name;
		if (strcmp(names[count], name) == 0)
			return spk_cli_commands[count];
	}
	spk_fail(err, SPK_USAGE, "unknown command '%s'", name);
	closest = spk_closest_name(name, names, count);
	if (closest)
		spk_hint(err, "did you mean 'sparklet %s'? sparklet --help lists all commands", closest);
	else
		spk_hint(err, "sparklet --help lists all commands");
	return NULL;
}

static void print_overview(FILE *to)
{
	fprintf(to, "sparklet %s: SQL over Kafka topics, continuously and exactly once, and over files as batch\n\n", spk_version());
	for (int i = 0; spk_cli_commands[i]; i++)
		fprintf(to, "  %-11s %s%s\n", spk_cli_commands[i]->name, spk_cli_commands[i]->summary, spk_cli_commands[i]->run ? "" : " (not built yet)");
	fputs(overview, to);
}

static void print_options(const struct spk_cli_command *c, FILE *to)
{
	fputs("\nOptions\n", to);
#define SHOW(id, name, letter, takes, help) \
	if (c->options & SPK_CLI_TAKES(id) || SPK_CLI_##id == SPK_CLI_HELP) { \
		const char *what = (takes); \
		char left[64]; \
\
		snprintf(left, sizeof left, (letter) ? "-%c, --%s %s" : "%.0d--%s %s", (letter), (name), what ? what : ""); \
		fprintf(to, "  %-26s %s\n", left, (help)); \
	}
	SPK_CLI_OPTION_LIST(SHOW)
#undef SHOW
}

void spk_cli_print_help(const struct spk_cli_command *c, FILE *to)
{
	if (!c) {
		print_overview(to);
		return;
	}
	fprintf(to, "sparklet %s %s\n\n%s", c->name, c->synopsis, c->text);
	if (!c->run)
		fputs("\nThis command is not built yet.\n", to);
	else
		print_options(c, to);
}

static int run_help(const struct spk_cli_arguments *a)
{
	const struct spk_cli_command *c = NULL;
	spk_error err = { 0 };

	if (a->words) {
		c = spk_cli_find(a->word[0], &err);
		if (!c)
			return spk_cli_fail(NULL, &err);
	}
	spk_cli_print_help(c, stdout);
	return SPK_CLI_DONE;
}

const struct spk_cli_command spk_cli_help = {
	.name = "help", .synopsis = "[COMMAND]", .summary = "this list, or the options and examples of a command", .max_words = 1, .run = run_help,
	.text = "Shows what sparklet or one of its commands does.\n",
};

static int run_version(const struct spk_cli_arguments *a)
{
	(void)a;
	printf("sparklet %s\n", spk_version());
	return SPK_CLI_DONE;
}

const struct spk_cli_command spk_cli_version = {
	.name = "version", .synopsis = "", .summary = "the version", .run = run_version, .text = "Prints the version.\n",
};
