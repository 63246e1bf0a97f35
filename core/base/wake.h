/*
 * Waking a thread that sleeps in poll() or in an event loop: an eventfd (eventfd(2)) that is readable from spk_wake() until
 * spk_wake_clear(). Any thread may wake, and so may a signal handler: errno is left as it was.
 */
#ifndef SPK_CORE_BASE_WAKE_H
#define SPK_CORE_BASE_WAKE_H

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The descriptor, the caller's to close; -1 with errno when the process has too many. */
static inline int spk_wake_new(void)
{
	return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

static inline void spk_wake(int fd)
{
	const uint64_t one = 1;
	const int saved = errno;
	ssize_t n;

	do
		n = write(fd, &one, sizeof one);
	while (n < 0 && errno == EINTR);  /* EAGAIN: the counter is full, so it is readable anyway */
	errno = saved;
}

static inline void spk_wake_clear(int fd)
{
	const int saved = errno;
	uint64_t count;
	ssize_t n;

	do
		n = read(fd, &count, sizeof count);
	while (n < 0 && errno == EINTR);
	errno = saved;
}

#endif
