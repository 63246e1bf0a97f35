/* What a running job tells on stderr: a live line on a terminal, a few lines elsewhere, a summary at the end. */
#ifndef SPK_CLI_PROGRESS_H
#define SPK_CLI_PROGRESS_H

#include "cli/cli.h"

struct spk_cli_progress {
	const char *job;
	bool live;                       /* there is a terminal to draw on */
	struct spk_job_progress last;
	int64_t first_epoch;             /* what was there before this run; -1: not yet known */
	int64_t trouble_since_us;        /* 0: none */
	int64_t told_us;                 /* when trouble was last told */
	char trouble[256];
	int64_t sample_us, sample_rows;  /* where rows a second are counted from; 0: not yet */
	bool sampled;                    /* there was a whole second */
	double rate;
	int64_t drawn_us;
};

/* "27,024" */
const char *spk_cli_grouped(int64_t v, char out[32]);

void spk_cli_progress_init(struct spk_cli_progress *p, const char *job, bool live);
/* A progress function of spk_session_run_job: `user` is the struct. Loop thread. */
void spk_cli_progress_update(void *user, const struct spk_job_progress *now);
/* Takes the live line away; with a `word` ("done", "stopped") prints the summary. */
void spk_cli_progress_end(struct spk_cli_progress *p, const char *word);

#endif
