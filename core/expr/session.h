/* The session's time zone inside a kernel. A NULL zone is UTC. Private to core/expr. */
#ifndef SPK_CORE_EXPR_SESSION_H
#define SPK_CORE_EXPR_SESSION_H

#include "core/expr/calendar.h"
#include "core/expr/kernel.h"
#include "core/expr/zone.h"

static inline spk_status spk_zone_of_session(const char *name, const struct spk_zone **zone, spk_error *err)
{
	*zone = NULL;
	if (!name || strcmp(name, "UTC") == 0)
		return SPK_OK;
	*zone = spk_zone_find(name, strlen(name));
	return *zone ? SPK_OK : spk_fail(err, SPK_USAGE, "time zone \"%s\" not recognized", name);
}

static inline spk_status spk_session_zone(const struct spk_call *call, const struct spk_zone **zone, spk_error *err)
{
	return spk_zone_of_session(call->ev->timezone, zone, err);
}

static inline int64_t spk_session_local(const struct spk_zone *zone, int64_t us)
{
	return zone && spk_timestamp_finite(us) ? us + spk_zone_offset_at(zone, us) * SPK_USEC_PER_SEC : us;
}

static inline int64_t spk_session_utc(const struct spk_zone *zone, int64_t local)
{
	return zone && spk_timestamp_finite(local) ? spk_zone_to_utc(zone, local) : local;
}

#endif
