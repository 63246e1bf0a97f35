/* How long state is kept. See state_ttl.h. */
#include "planner/logical/state_ttl.h"

#include "core/base/check.h"
#include "core/base/conf.h"

/* The option was checked when the table was made. */
static int64_t of_table(const struct spk_table *table, int64_t preset)
{
	const char *text = spk_table_option(table, SPK_STATE_TTL_OPTION);
	int64_t us;

	return text && spk_conf_parse_duration(text, 1000, &us, NULL) == SPK_OK ? us : preset;
}

int64_t spk_logical_state_ttl(const struct spk_logical *l, int64_t preset)
{
	int64_t longest = -1, us;

	if (l->kind == SPK_LOGICAL_SCAN)
		return of_table(l->table, preset);
	for (int i = 0; i < l->inputs && longest; i++) {
		us = spk_logical_state_ttl(l->input[i], preset);
		longest = us ? SPK_MAX(longest, us) : 0;
	}
	return longest < 0 ? preset : longest;
}
