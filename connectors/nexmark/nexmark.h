/* Sources that make their rows: Nexmark's events, and datagen for any table. See README.md for what is generated. */
#ifndef SPK_CONNECTORS_NEXMARK_NEXMARK_H
#define SPK_CONNECTORS_NEXMARK_NEXMARK_H

#include "connectors/connector.h"

extern const struct spk_source_type spk_nexmark_source, spk_datagen_source;

/* Numbers in their ranges; columns of the table are those of its kind of event. */
spk_status spk_nexmark_check_table(const struct spk_table *table, spk_error *err);
spk_status spk_datagen_check_table(const struct spk_table *table, spk_error *err);

#endif
