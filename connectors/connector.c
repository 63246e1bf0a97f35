/* The list of connectors. */
#include "connectors/connector.h"

#include "connectors/callback/callback.h"
#include "core/base/check.h"

extern const struct spk_source_type spk_kafka_source, spk_upsert_kafka_source, spk_file_source, spk_nexmark_source, spk_datagen_source, spk_stored_source;
extern const struct spk_sink_type spk_kafka_sink, spk_upsert_kafka_sink, spk_file_sink, spk_print_sink, spk_blackhole_sink;

static const struct spk_source_type *const sources[] = { &spk_kafka_source, &spk_file_source, &spk_nexmark_source, &spk_datagen_source, &spk_stored_source, &spk_upsert_kafka_source };
static const struct spk_sink_type *const sinks[] = {
	&spk_kafka_sink, &spk_upsert_kafka_sink, &spk_file_sink, &spk_print_sink, &spk_blackhole_sink,
};

const struct spk_source_type *spk_source_type(const char *connector)
{
	for (size_t i = 0; connector && i < SPK_COUNT_OF(sources); i++)
		if (!strcmp(sources[i]->name, connector))
			return sources[i];
	return NULL;
}

const struct spk_sink_type *spk_sink_type(const char *connector)
{
	for (size_t i = 0; connector && i < SPK_COUNT_OF(sinks); i++)
		if (!strcmp(sinks[i]->name, connector))
			return sinks[i];
	return NULL;
}

const struct spk_sink_type *spk_table_sink_type(const struct spk_table *table)
{
	return table->consumer ? &spk_callback_sink : spk_sink_type(table->connector);
}

struct spk_source_estimate spk_connector_estimate(const struct spk_table *table, const struct spk_conf *conf)
{
	const struct spk_source_type *type = spk_source_type(table->connector);
	struct spk_source_estimate found;

	if (type && type->estimate && type->estimate(table, conf, &found, NULL) == SPK_OK)
		return found;
	return (struct spk_source_estimate){ -1, -1, 0 };
}

int spk_connector_names(const char **names, int capacity)
{
	int n = 0;

	for (size_t i = 0; i < SPK_COUNT_OF(sources) && n < capacity; i++)
		names[n++] = sources[i]->name;
	for (size_t i = 0; i < SPK_COUNT_OF(sinks) && n < capacity; i++)
		if (!spk_source_type(sinks[i]->name))
			names[n++] = sinks[i]->name;
	return n;
}

void spk_connector_files(const struct spk_table *table, const struct spk_row_filter *filter, const struct spk_conf *conf, int *read, int *all)
{
	const struct spk_source_type *type = table->connector ? spk_source_type(table->connector) : NULL;

	*read = *all = 0;
	if (type && type->files && type->files(table, filter, conf, read, all, NULL) != SPK_OK)
		*read = *all = 0;
}
