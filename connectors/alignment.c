/* Options that any source's table may have. See alignment.h. */
#include "connectors/alignment.h"

#include "core/base/conf.h"
#include "connectors/format/field.h"
#include "planner/logical/state_ttl.h"

#define GROUP "scan.watermark.alignment.group"
#define MAX_DRIFT "scan.watermark.alignment.max-drift"
#define UPDATE_INTERVAL "scan.watermark.alignment.update-interval"
#define IDLE_TIMEOUT "scan.watermark.idle-timeout"

const struct spk_option_spec spk_alignment_options[] = {
	{ GROUP, false, false, NULL, "Tables of one group wait for each other: none is read far ahead of the others' event times. With '" MAX_DRIFT "'." },
	{ MAX_DRIFT, false, false, NULL, "How far ahead of the group's last partition one may be ('30 s') before it waits." },
	{ UPDATE_INTERVAL, false, false, NULL, "Taken from Flink's jobs; it is looked at before every epoch." },
	{ IDLE_TIMEOUT, false, false, NULL, "The table's own 'watermark.idle-timeout' ('10 s'; 0: never idle)." },
	{ SPK_STATE_TTL_OPTION, false, false, NULL, "How long joins and other operators keep what came of the table when it does not change ('1 h'; 0: for good), instead of the job's 'state.ttl'." },
	{ 0 },
};

/* A duration; `preset` when the table does not have it. */
static spk_status duration(const struct spk_table *t, const char *key, int64_t preset, int64_t *us, spk_error *err)
{
	const char *text = spk_format_option(t, key);

	*us = preset;
	if (!text || spk_conf_parse_duration(text, 1000, us, err) == SPK_OK)
		return SPK_OK;
	spk_fail(err, SPK_USAGE, "'%s' = '%s' is not a time", key, text);
	return spk_hint(err, "'10 s', '500 ms', '1 min'");
}

/* Both or neither, over a table that has event times. */
static spk_status check_group(const struct spk_table *t, const struct spk_alignment *a, const char **key, spk_error *err)
{
	*key = a->group ? GROUP : MAX_DRIFT;
	if (!a->group && a->max_drift_us < 0)
		return SPK_OK;
	if (!a->group || !*a->group || a->max_drift_us <= 0) {
		spk_fail(err, SPK_USAGE, "'" GROUP "' and '" MAX_DRIFT "' go together, and neither is empty");
		return spk_hint(err, "'" GROUP "' = 'a', '" MAX_DRIFT "' = '30 s'");
	}
	if (t->time_column < 0) {
		spk_fail(err, SPK_USAGE, "'" GROUP "' is for tables with a WATERMARK");
		return spk_hint(err, "WATERMARK FOR ts AS ts - INTERVAL '4' SECOND");
	}
	return SPK_OK;
}

spk_status spk_alignment_of(const struct spk_table *table, struct spk_alignment *out, const char **key, spk_error *err)
{
	int64_t ignored;

	*key = SPK_STATE_TTL_OPTION;
	SPK_TRY(duration(table, SPK_STATE_TTL_OPTION, 0, &ignored, err));
	*out = (struct spk_alignment){ .group = spk_format_option(table, GROUP) };
	*key = MAX_DRIFT;
	SPK_TRY(duration(table, MAX_DRIFT, -1, &out->max_drift_us, err));
	*key = UPDATE_INTERVAL;
	SPK_TRY(duration(table, UPDATE_INTERVAL, 0, &ignored, err));
	*key = IDLE_TIMEOUT;
	SPK_TRY(duration(table, IDLE_TIMEOUT, -1, &out->idle_timeout_us, err));
	return check_group(table, out, key, err);
}
