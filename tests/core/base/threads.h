/* Runs one function in several threads at once and waits for all. CHECKs belong to the thread that calls this. */
#ifndef SPK_TESTS_CORE_BASE_THREADS_H
#define SPK_TESTS_CORE_BASE_THREADS_H

#include <pthread.h>
#include <stdint.h>

#include "tests/support/test.h"

enum { THREADS = 4 };

static inline void run_threads(void *(*main)(void *index))
{
	pthread_t thread[THREADS];

	for (intptr_t i = 0; i < THREADS; i++)
		REQUIRE_EQ_INT(pthread_create(&thread[i], NULL, main, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

#endif
