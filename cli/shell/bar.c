#include "cli/shell/bar.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/progress.h"
#include "core/base/check.h"

enum { EVERY_MS = 100, AFTER_US = 500000, BAR = 24 };

/* The first row may come on a worker while the main thread draws; nothing is drawn once it has. */
static _Atomic bool hidden;

/* Of the stage that is not complete yet: by what is read while there is something to read, else by tasks. */
static double share(const struct spk_query_progress *now)
{
	if (now->share_read >= 0 && now->share_read < 1)
		return now->share_read;
	return now->tasks ? (double)now->tasks_done / now->tasks : 0;
}

static void draw(void *user, const struct spk_query_progress *now)
{
	struct winsize size = { 0 };
	char line[160], bar[BAR + 1], rows[32];
	int full = (int)(share(now) * BAR);
	size_t width;

	(void)user;
	if (now->elapsed_us < AFTER_US || atomic_load(&hidden))
		return;
	memset(bar, '.', BAR);
	memset(bar, '#', (size_t)SPK_MIN(SPK_MAX(full, 0), BAR));
	bar[BAR] = '\0';
	snprintf(line, sizeof line, "[%s] %3.0f %%  stage %d of %d, %d of %d tasks  %s rows read  %.0f MiB  %.1f s", bar, share(now) * 100, now->stage + 1, now->stages,
		 now->tasks_done, now->tasks, spk_cli_grouped(now->rows_read, rows), (double)now->memory / 1048576, (double)now->elapsed_us / 1e6);
	width = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
	if (strlen(line) >= width)
		line[width - 1] = '\0';
	spk_cli_live(line);
	if (atomic_load(&hidden))
		spk_cli_live(NULL);
}

void spk_shell_bar_begin(struct spk_session *session)
{
	if (!isatty(STDERR_FILENO))
		return;
	atomic_store(&hidden, false);
	spk_session_on_progress(session, EVERY_MS, draw, NULL);
}

void spk_shell_bar_end(struct spk_session *session)
{
	spk_shell_bar_hide();
	spk_session_on_progress(session, 0, NULL, NULL);
}

void spk_shell_bar_hide(void)
{
	if (!atomic_exchange(&hidden, true))
		spk_cli_live(NULL);
}
