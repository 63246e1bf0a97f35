/* When a statement began, and whether it is to end. See statement.h. */
#include "session/statement.h"

#include <stdatomic.h>

#include "core/base/clock.h"
#include "session/internal.h"

bool spk_session_must_stop(struct spk_session *s)
{
	if (atomic_load(&s->cancels) > 0)
		return true;
	s->timed_out = s->timed_out || (s->deadline_us && spk_clock_monotonic_us() >= s->deadline_us);
	return s->timed_out;
}

/* Not once a run has been stopped: what gives up then may need memory for it. */
static bool interrupt(void *user)
{
	struct spk_session *s = user;

	return !s->stopped && spk_session_must_stop(s);
}

void spk_session_begin_statement(struct spk_session *s, struct spk_statement_time *time)
{
	const int64_t timeout_us = spk_conf_int(s->conf, SPK_CONF_STATEMENT_TIMEOUT), now_us = spk_clock_monotonic_us();

	*time = (struct spk_statement_time){ .outermost = !s->in_statement };
	if (!time->outermost)
		return;
	s->in_statement = true;
	s->stopped = s->timed_out = false;
	s->deadline_us = !timeout_us ? 0 : timeout_us > INT64_MAX - now_us ? INT64_MAX : now_us + timeout_us;
	time->before = spk_interrupt_set((struct spk_interrupt){ interrupt, s });
}

spk_status spk_session_end_statement(struct spk_session *s, const struct spk_statement_time *time, spk_status status, spk_error *err)
{
	const bool timed_out = s->timed_out;

	if (time->outermost) {
		spk_interrupt_set(time->before);
		if (status == SPK_CANCELLED && !timed_out)
			atomic_store(&s->cancels, 0);
		s->in_statement = s->stopped = s->timed_out = false;
		s->deadline_us = 0;
	}
	return status == SPK_CANCELLED && timed_out ? spk_fail(err, SPK_CANCELLED, "canceling statement due to statement timeout") : status;
}
