/*
 * librdkafka starts its threads by thrd_create, which gcc's ThreadSanitizer does not know, so that its allocator fails in them. These take
 * the place of libc's in every program that is linked with this file; there, too, a thrd_t is a pthread_t. Only linked with SAN=thread.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

struct start { thrd_start_t run; void *arg; };

static void *run_thread(void *arg)
{
	struct start s = *(struct start *)arg;

	free(arg);
	return (void *)(intptr_t)s.run(s.arg);
}

__attribute__((visibility("default"))) int thrd_create(thrd_t *thread, thrd_start_t run, void *arg)
{
	struct start *s = malloc(sizeof *s);

	if (!s)
		return thrd_nomem;
	*s = (struct start){ run, arg };
	if (pthread_create(thread, NULL, run_thread, s) == 0)
		return thrd_success;
	free(s);
	return thrd_error;
}

__attribute__((visibility("default"))) int thrd_join(thrd_t thread, int *result)
{
	void *value;

	if (pthread_join(thread, &value))
		return thrd_error;
	if (result)
		*result = (int)(intptr_t)value;
	return thrd_success;
}
