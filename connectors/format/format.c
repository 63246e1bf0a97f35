/* The list of formats. */
#include "connectors/format/format.h"

#include <string.h>

#include "core/base/check.h"

const struct spk_format *const spk_formats[] = {
	&spk_format_json, &spk_format_csv, &spk_format_debezium_json, &spk_format_changelog_json, &spk_format_maxwell_json, &spk_format_canal_json, &spk_format_raw, &spk_format_avro, &spk_format_avro_confluent, &spk_format_protobuf, NULL,
};

const struct spk_format *spk_format(const char *name)
{
	for (int i = 0; spk_formats[i]; i++)
		if (!strcmp(spk_formats[i]->name, name))
			return spk_formats[i];
	return NULL;
}

bool spk_format_has_weights(const struct spk_format *format) { return format == &spk_format_debezium_json || format == &spk_format_changelog_json; }

const char *spk_format_names(void)
{
	return "json, csv, debezium-json, changelog-json, maxwell-json, canal-json, raw, avro, avro-confluent, protobuf";
}
