/*
 * Secrets by value. spk_log_redact and spk_log_redact_text (log.h) are implemented here; both may be called from any thread.
 *
 * Values shorter than SPK_SECRET_MIN bytes are not masked: masking every "1" would destroy the text and hide nothing.
 */
#ifndef SPK_CORE_BASE_REDACT_H
#define SPK_CORE_BASE_REDACT_H

#include "core/base/log.h"

enum { SPK_SECRET_MIN = 4 };

/* For a text that was redacted after it was cut off: removes the start of a secret at its end, which redaction by value
 * cannot see. */
void spk_redact_torn_end(char *text);

#endif
