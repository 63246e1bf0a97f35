/* The process in memory. See resident.h. */
#include "core/base/resident.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static _Atomic bool owned;

void spk_resident_own(void) { atomic_store(&owned, true); }
bool spk_resident_owned(void) { return atomic_load(&owned); }

/* /proc/self/statm: all pages, then those in memory. */
size_t spk_resident_bytes(void)
{
	char text[128], *second;
	const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	strtoull(text, &second, 10);
	return (size_t)strtoull(second, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

void spk_resident_trim(void) { malloc_trim(0); }
