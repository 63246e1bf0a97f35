#include "connectors/nexmark/pace.h"

#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "core/base/check.h"
#include "core/base/clock.h"

enum { TICK_US = 5000 };

spk_status spk_pace_init(struct spk_pace *p, int64_t rate, spk_error *err)
{
	struct itimerspec tick = { .it_interval.tv_nsec = TICK_US * 1000, .it_value.tv_nsec = TICK_US * 1000 };

	*p = (struct spk_pace){ .rate = rate, .timer = -1 };
	if (!rate)
		return SPK_OK;
	p->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (p->timer < 0 || timerfd_settime(p->timer, 0, &tick, NULL) != 0)
		return spk_fail(err, SPK_IO, "no timer to pace rows with");
	spk_pace_restart(p);
	return SPK_OK;
}

void spk_pace_release(struct spk_pace *p)
{
	if (p->timer >= 0)
		close(p->timer);
	p->timer = -1;
}

void spk_pace_restart(struct spk_pace *p)
{
	p->started_us = spk_clock_monotonic_us();
	p->given = 0;
}

int64_t spk_pace_allowed(struct spk_pace *p, int64_t wait_us)
{
	uint64_t ticks;

	if (!p->rate)
		return INT64_MAX;
	if (read(p->timer, &ticks, sizeof(ticks)) < 0)
		ticks = 0;  /* none since the last time */
	for (;;) {
		int64_t step = SPK_MIN(wait_us, (int64_t)TICK_US);
		int64_t rows = (int64_t)((__int128)(spk_clock_monotonic_us() - p->started_us) * p->rate / 1000000) - p->given;

		if (rows > 0 || wait_us <= 0)
			return SPK_MAX(rows, 0);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ .tv_nsec = step * 1000 }, NULL);
		wait_us -= step;
	}
}
