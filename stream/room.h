/*
 * Room for state caches: as much as memory.limit leaves beside all else that the process has in memory.
 *
 * Accounts tell what was asked for, the system what is there: libraries' own memory, what malloc keeps of freed blocks, code. That is known only when it
 * is there, so the bound of the caches follows it, from epoch to epoch: down by what is too much, up by part of what is left.
 */
#ifndef SPK_STREAM_ROOM_H
#define SPK_STREAM_ROOM_H

#include <stddef.h>

struct spk_room {
	size_t limit;       /* bytes of the process at the most */
	size_t most, least; /* bound of the caches */
};

/* The next bound, of caches that hold `cached` bytes under `bound` while the process has `resident` bytes. */
size_t spk_room_bound(const struct spk_room *room, size_t bound, size_t cached, size_t resident);
/* The bound to begin with, in a process that has `resident` bytes before the first epoch. */
size_t spk_room_begin(const struct spk_room *room, size_t resident);
/* So much of the process is too near to the limit: time to give back what is free. */
size_t spk_room_line(const struct spk_room *room);

#endif
