/* What the files of the backslash commands share. */
#ifndef SPK_CLI_SHELL_COMMAND_H
#define SPK_CLI_SHELL_COMMAND_H

#include "cli/shell/shell.h"

/* USAGE when there is another argument. */
spk_status spk_shell_no_more(const struct spk_shell_call *c, char *rest, spk_error *err);

spk_status spk_shell_edit(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err);     /* edit.c */
spk_status spk_shell_session(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err);  /* help.c */

#endif
