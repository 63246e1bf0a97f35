/* The locale that text functions work in, whatever the host process has set: UTF-8 letters, a point for decimals. */
#ifndef SPK_CORE_EXPR_LOCALE_H
#define SPK_CORE_EXPR_LOCALE_H

#include <locale.h>

/* C.UTF-8 (or the C locale where that is missing); made once per process, never freed, any thread. */
locale_t spk_locale(void);

#endif
