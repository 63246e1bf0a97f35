/*
 * Time zones: names, abbreviations and offsets to seconds east of UTC. Named zones are read from the system's TZif files
 * (RFC 8536) by a reader of our own: libc's zone is one per process and cannot be asked about another.
 *
 * Zones are found once and kept for the life of the process, read-only: the only cache of core/expr. Threads: any.
 */
#ifndef SPK_CORE_EXPR_ZONE_H
#define SPK_CORE_EXPR_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spk_zone;

/* "UTC", "Europe/Berlin", "PST", "+05:30", "EST5EDT"; NULL: no such zone. */
const struct spk_zone *spk_zone_find(const char *name, size_t size);
/* Seconds east of UTC at an instant (microseconds UTC). */
int32_t spk_zone_offset_at(const struct spk_zone *zone, int64_t us);
/* Local time to UTC. In a gap the offset before it counts, in an overlap the one after, as in PostgreSQL. */
int64_t spk_zone_to_utc(const struct spk_zone *zone, int64_t local_us);
/* Abbreviation in force at an instant ("CEST"); "" when the zone is a bare offset. */
const char *spk_zone_abbreviation(const struct spk_zone *zone, int64_t us);
/* "+05:30" from seconds east of UTC, hours alone when that is all; at most 9 bytes. */
int spk_text_offset(int32_t seconds, char *out);

#endif
