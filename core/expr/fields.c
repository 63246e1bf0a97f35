#include "core/expr/fields.h"

#include <string.h>
#include <strings.h>

#include "core/expr/calendar.h"

enum spk_time_field spk_time_field(const char *name, size_t size)
{
	static const char *const names[] = {
#define NAMES(id, text) text,
		SPK_TIME_FIELD_LIST(NAMES)
#undef NAMES
	};

	for (int i = 0; i < SPK_FIELD_NONE; i++) {
		for (const char *s = names[i]; *s;) {
			size_t n = strcspn(s, " ");

			if (n == size && strncasecmp(s, name, n) == 0)
				return (enum spk_time_field)i;
			s += n + (s[n] == ' ');
		}
	}
	return SPK_FIELD_NONE;
}

const char *spk_time_field_shown(const char *name, size_t length, char *out, size_t size)
{
	size_t n = 0;

	for (; n < length && n + 1 < size; n++)
		out[n] = (char)(name[n] >= 'A' && name[n] <= 'Z' ? name[n] | 0x20 : name[n]);
	out[n] = 0;
	return out;
}

int64_t spk_iso_year_start(int64_t iso_year)
{
	int64_t fourth = spk_days_from_date(iso_year, 1, 4);  /* always in week 1 */

	return fourth - (spk_weekday(fourth) + 6) % 7;
}

int spk_iso_week(int64_t days, int64_t *iso_year)
{
	/* The Thursday of a week says which year it belongs to. */
	int64_t thursday = days - (spk_weekday(days) + 6) % 7 + 3;
	struct spk_date_parts d = spk_date_from_days(thursday);

	*iso_year = d.year;
	return (int)((days - spk_iso_year_start(d.year)) / 7) + 1;
}
