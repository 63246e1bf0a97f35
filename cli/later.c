/* Commands of the contract that are not built yet: they are listed, say so, and end with exit code 2. */
#include "cli/cli.h"

const struct spk_cli_command spk_cli_dry_run = {
	.name = "dry-run", .synopsis = "[--from OFFSETS|beginning|TIME] [--rows N] FILE.sql", .summary = "print what a job would write; write nothing", .max_words = 1,
	.text = "Runs the job of the file over a bounded range of its sources, prints what it would write, and writes nothing.\n",
};

const struct spk_cli_command spk_cli_replay = {
	.name = "replay", .synopsis = "JOB EPOCH [--sql FILE.sql]", .summary = "compute an epoch again and compare it with its record", .max_words = 2,
	.text = "Computes an epoch again from its recorded offsets, prints its outputs and compares their hash with the record.\n",
};

const struct spk_cli_command spk_cli_diff = {
	.name = "diff", .synopsis = "A.sql B.sql --job JOB --epochs M..N", .summary = "rows that two versions of a query write differently", .max_words = 2,
	.text = "Runs two versions of a query over the same offsets and prints the rows that only one of them writes.\n",
};

const struct spk_cli_command spk_cli_watermarks = {
	.name = "watermarks", .synopsis = "JOB", .summary = "why a window does not close", .max_words = 1,
	.text = "Shows the watermark of every operator and partition, and names the partition that holds it back.\n"
		"Until then: sparklet epochs JOB --last 1 shows the watermark of every partition.\n",
};
