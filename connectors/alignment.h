/*
 * Options that any connector's table may have, those about its watermark under Flink's names:
 *
 *   scan.watermark.alignment.group            sources of one group wait for each other
 *   scan.watermark.alignment.max-drift        a partition that is so far ahead of the last one of its group is not read until that has come closer
 *   scan.watermark.alignment.update-interval  taken, but it is looked at before every epoch
 *   scan.watermark.idle-timeout               the table's own 'watermark.idle-timeout'
 *   state.ttl                                 the table's own 'state.ttl', which the planner reads (planner/logical/state_ttl.h); here it is only checked
 */
#ifndef SPK_CONNECTORS_ALIGNMENT_H
#define SPK_CONNECTORS_ALIGNMENT_H

#include "connectors/connector.h"

/* group NULL: waits for nobody. idle_timeout_us -1: that of the configuration. */
struct spk_alignment { const char *group; int64_t max_drift_us, idle_timeout_us; };

extern const struct spk_option_spec spk_alignment_options[];

/* Reads them; `group` is the table's own text. USAGE errors name the option in *key (NULL: none in particular). */
spk_status spk_alignment_of(const struct spk_table *table, struct spk_alignment *out, const char **key, spk_error *err);

#endif
