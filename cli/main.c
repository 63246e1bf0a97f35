/* The program `sparklet`: finds the command and runs it. */
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>

#include "cli/cli.h"
#include "core/base/fault.h"
#include "core/base/log.h"
#include "core/base/resident.h"

static int run_command(const struct spk_cli_command *command, int argc, char **argv)
{
	struct spk_cli_arguments a;
	spk_error err = { 0 };

	if (!command->run && !(argc && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0))) {
		spk_fail(&err, SPK_UNSUPPORTED, "%s is not built yet", command->name);
		spk_hint(&err, "sparklet --help shows what is there; what it will do: sparklet %s --help", command->name);
		return spk_cli_fail(NULL, &err);
	}
	if (command->run && spk_cli_parse(command, argc, argv, &a, &err) != SPK_OK)
		return spk_cli_fail(NULL, &err);
	if (!command->run || a.value[SPK_CLI_HELP]) {
		spk_cli_print_help(command, stdout);
		return SPK_CLI_DONE;
	}
	return command->run(&a);
}

static int run_program(int argc, char **argv)
{
	const struct spk_cli_command *command;
	spk_error err = { 0 };

	if (spk_fault_load_environment(&err) != SPK_OK)
		return spk_cli_fail(NULL, &err);
	if (argc < 2) {
		spk_cli_print_help(NULL, stderr);
		return SPK_CLI_WRONG;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		command = &spk_cli_help;
	else if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
		command = &spk_cli_version;
	else
		command = spk_cli_find(argv[1], &err);
	return command ? run_command(command, argc - 2, argv + 2) : spk_cli_fail(NULL, &err);
}

static void no_reader(int number) { (void)number; }

int main(int argc, char **argv)
{
	spk_error err = { 0 };
	int code;

	/*
	 * Large blocks go back to the system when they are freed, whatever was freed before: the heap would keep them, full of holes. Those of an epoch's
	 * size stay, as the next one wants them: touching new pages was an eighth of a copying job's CPU time.
	 */
	mallopt(M_MMAP_THRESHOLD, 4 << 20);
	mallopt(M_TRIM_THRESHOLD, 16 << 20);
	mallopt(M_TOP_PAD, 1 << 20);
	spk_resident_own();
	signal(SIGPIPE, no_reader);  /* ignored here, but not by the programs that are started: pagers, \! */
	setlocale(LC_CTYPE, "C.UTF-8");  /* for the width of characters in tables; nothing else depends on it */
	code = run_program(argc, argv);
	if (code == SPK_CLI_DONE && spk_cli_flush(&err) != SPK_OK)
		code = spk_cli_fail(NULL, &err);
	spk_log_flush();
	return code;
}
