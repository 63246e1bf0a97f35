#include "core/expr/locale.h"

#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t made;

static void make(void)
{
	made = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
	if (!made)
		made = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

locale_t spk_locale(void)
{
	pthread_once(&once, make);
	return made;
}
