/* The line that shows how far a query is, while it takes long and somebody watches. */
#ifndef SPK_CLI_SHELL_BAR_H
#define SPK_CLI_SHELL_BAR_H

#include "cli/cli.h"

/* Queries of the session draw it on stderr from now on, when that is a terminal. */
void spk_shell_bar_begin(struct spk_session *session);
void spk_shell_bar_end(struct spk_session *session);
/* Rows are about to be printed: it goes away until the next query. Any thread. */
void spk_shell_bar_hide(void);

#endif
