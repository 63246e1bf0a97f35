/* The list of formats. */
#include "connectors/format/format.h"

#include <string.h>

#include "core/base/check.h"

static const struct spk_format *const formats[] = {
	&spk_format_json, &spk_format_csv, &spk_format_debezium_json, &spk_format_raw,
};

const struct spk_format *spk_format(const char *name)
{
	for (size_t i = 0; i < SPK_COUNT_OF(formats); i++)
		if (!strcmp(formats[i]->name, name))
			return formats[i];
	return NULL;
}

const char *spk_format_names(void)
{
	return "json, csv, debezium-json, raw";
}
