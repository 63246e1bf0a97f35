/*
 * A JSON array as a file: its elements are the rows. They may be spread over lines, so they are found by brackets and strings; what is in
 * them is the decoder's to check.
 */
#include "connectors/format/json.h"

#include "core/base/check.h"

static bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

bool spk_json_array_begins(const char *data, size_t size, size_t *at)
{
	const char *p = skip_blanks(data, data + size);

	*at = (size_t)(p - data) + 1;
	return p < data + size && *p == '[';
}

/* Behind the string that begins at p; NULL: not here. */
static const char *string_end(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '"')
			return p + 1;
		p += *p == '\\';
	}
	return NULL;
}

/* Behind the value that begins at p; NULL: not here. */
static const char *value_end(const char *p, const char *end, bool last)
{
	int64_t depth = 0;

	while (p && p < end) {
		char c = *p;

		if (c == '"') {
			p = string_end(p, end);
			if (depth == 0)
				return p;
			continue;
		}
		if (depth == 0 && (c == ',' || c == ']' || c == '}' || is_blank(c)))
			return p;
		depth += (c == '{' || c == '[') - (c == '}' || c == ']');
		p++;
		if (depth == 0 && (c == '}' || c == ']'))
			return p;
	}
	return p && last && depth == 0 ? end : NULL;
}

static spk_status wrong(const char *expected, const char *p, const char *data, spk_error *err)
{
	return spk_fail(err, SPK_DATA, "a JSON array goes on with '%c' where %s should be (byte %lld of this piece)", *p, expected, (long long)(p - data));
}

spk_status spk_json_split_array(const char *data, size_t size, bool first, bool last, struct spk_view *rows, int max_rows, int *n, size_t *used, bool *ended, spk_error *err)
{
	const char *p = data, *end = data + size, *stop;
	bool value = first, comma = false;

	*n = 0;
	*used = 0;
	*ended = false;
	while (*n < max_rows && (p = skip_blanks(p, end)) < end) {
		if (*p == ']') {
			if (comma)
				return wrong("an element", p, data, err);
			stop = skip_blanks(p + 1, end);
			*ended = true;
			*used = size;
			return stop == end ? SPK_OK : wrong("nothing", stop, data, err);
		}
		if (*p == ',' && !value) {
			value = comma = true;
			p++;
			continue;
		}
		if (!value || *p == ',' || *p == '}')
			return wrong(value ? "an element" : "',' or ']'", p, data, err);
		stop = value_end(p, end, last);
		if (!stop)
			break;
		if (stop - p > UINT32_MAX)
			return spk_fail(err, SPK_DATA, "an element of a JSON array is longer than 4 GiB");
		rows[(*n)++] = spk_view_far(p, (uint32_t)(stop - p));
		p = stop;
		*used = (size_t)(p - data);
		value = comma = false;
	}
	if (last && *n < max_rows)
		return spk_fail(err, SPK_DATA, "a JSON array does not end");
	return SPK_OK;
}
