/* Room for state caches. See room.h. */
#include "stream/room.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/base/resident.h"
#include "stream/internal.h"

enum {
	LOOK_US = 20000,        /* between two looks at the process */
	TRIM_PAUSE = 20,        /* times as long as malloc took to give back it is left alone */
	LEAST_CACHE = 64,       /* this part of memory.limit caches keep however little room there is */
	BLOCK_CACHE = 64 << 20,
	PATIENCE = 10,          /* looks that find too much though the caches are at their least, before that is said */
	MIB = 1 << 20,
};

/* What an epoch takes for a while comes on top of what is seen between two. */
size_t spk_room_line(const struct spk_room *room) { return room->limit / 16 * 13; }

static size_t within(const struct spk_room *room, size_t bound)
{
	return SPK_MIN(SPK_MAX(bound, room->least), room->most);
}

/* A quarter is left for epochs, until it is seen what they take: caches fill within few of them. */
size_t spk_room_begin(const struct spk_room *room, size_t resident)
{
	const size_t taken = resident + room->limit / 4, line = spk_room_line(room);

	return within(room, line > taken ? line - taken : 0);
}

size_t spk_room_bound(const struct spk_room *room, size_t bound, size_t cached, size_t resident)
{
	const size_t line = spk_room_line(room), low = room->limit / 16 * 11;
	/* The caches were told so already, and will give way with their next call. */
	const size_t told = cached > bound ? cached - bound : 0;

	if (resident > line + told) {
		const size_t less = resident - line - told, from = SPK_MIN(bound, cached);

		bound = from > less ? from - less : 0;
	} else if (resident < low) {
		bound += (low - resident) / 4;
	}
	return within(room, bound);
}

/* Once in a job's life. */
static void warn(struct spk_job *job, size_t resident)
{
	job->room.warned = true;
	SPK_LOG(WARN, "stream", "job %s: the process has %zu MiB in memory with the caches of its state at their least (%zu MiB): memory.limit = %zuMiB is not enough for it; raise it, or lower epoch.max.rows and epoch.max.bytes",
	        job->spec.name, resident / MIB, job->room.bounds.least / MIB, job->room.bounds.limit / MIB);
}

spk_status spk_job_open_store(struct spk_job *job, spk_error *err)
{
	const size_t limit = (size_t)spk_conf_int(job->spec.conf, SPK_CONF_MEMORY_LIMIT), cache = (size_t)spk_conf_int(job->spec.conf, SPK_CONF_STATE_CACHE);
	const struct spk_store_options options = { .cache_bytes = cache ? cache : limit / 2, .block_cache_bytes = SPK_MIN(limit / 8, (size_t)BLOCK_CACHE) };

	job->room.bounds = (struct spk_room){ .limit = limit, .most = options.cache_bytes, .least = SPK_MIN(options.cache_bytes, limit / LEAST_CACHE) };
	SPK_TRY(spk_store_open(&job->store, job->state_dir, &options, err));
	if (spk_resident_owned())
		spk_store_bound_cache(job->store, spk_room_begin(&job->room.bounds, spk_resident_bytes()));
	return SPK_OK;
}

void spk_job_make_room(struct spk_job *job)
{
	const int64_t now = spk_clock_monotonic_us();
	const struct spk_room *bounds = &job->room.bounds;
	size_t resident, bound, peak;

	if (!job->store || !spk_resident_owned() || now - job->room.looked_us < LOOK_US)
		return;
	job->room.looked_us = now;
	peak = spk_memory_take_peak();
	resident = spk_resident_bytes();
	if (resident > spk_room_line(bounds) && now >= job->room.trim_us) {
		spk_resident_trim();
		job->room.trim_us = now + TRIM_PAUSE * (spk_clock_monotonic_us() - now);
		/* What an epoch takes on its way is gone now, and comes back with the next. */
		resident = spk_resident_bytes() + (peak - SPK_MIN(spk_memory_used(), peak));
	}
	bound = spk_room_bound(bounds, spk_store_cache_bound(job->store), spk_store_cached(job->store), resident);
	SPK_LOG(DEBUG, "room", "resident %zu, accounts %zu, caches %zu of %zu, next %zu", resident, spk_memory_used(), spk_store_cached(job->store), spk_store_cache_bound(job->store), bound);
	spk_store_bound_cache(job->store, bound);
	job->room.over = bound == bounds->least && resident > bounds->limit ? job->room.over + 1 : 0;
	if (job->room.over >= PATIENCE && !job->room.warned)
		warn(job, resident);
}
