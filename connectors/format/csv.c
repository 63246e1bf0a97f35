/*
 * The format 'csv': its options, and what does the work.
 */
#include "connectors/format/csv.h"

#include "core/base/check.h"
#include "connectors/connector.h"

static const struct spk_option_spec options[] = {
	{ "csv.header", false, false, "true|false", "Whether files begin with the names of the columns (default true); those names decide which field is which." },
	{ "csv.delimiter", false, false, NULL, "One character between fields, or '\\t' (default ',', of *.tsv a tab)." },
	{ "csv.field-delimiter", false, false, NULL, "The same as 'csv.delimiter'." },
	{ "csv.quote", false, false, NULL, "The character around fields that hold others of these (default '\"'); '' means that nothing is quoted." },
	{ "csv.quote-character", false, false, NULL, "The same as 'csv.quote'." },
	{ "csv.escape", false, false, NULL, "What makes a quote inside of quotes a part of the field (default: 'csv.quote', so two quotes are one)." },
	{ "csv.escape-character", false, false, NULL, "The same as 'csv.escape'." },
	{ "csv.null", false, false, NULL, "What an unquoted field must be to be NULL (default: empty)." },
	{ "csv.null-literal", false, false, NULL, "The same as 'csv.null'." },
	{ "csv.disable-quote-character", false, false, "true|false", "true: the same as 'csv.quote' = ''." },
	{ "csv.allow-comments", false, false, "true|false", "true: the same as 'csv.comment' = '#'." },
	{ "csv.write-bigdecimal-in-scientific-notation", false, false, "false", "numerics are always written as plain numbers, with the digits that they have" },
	{ "csv.comment", false, false, NULL, "Lines that begin with this character are left out (default: none are)." },
	{ "csv.ignore-parse-errors", false, false, "true|false", "true: a field that does not fit its column is NULL (default false: its row is a bad one). A row of another number of fields, and a field of an array, record, map or jsonb or of a NOT NULL column that does not fit, are bad ones in any case." },
	{ 0 },
};

/* Options and their other names. */
enum which { DELIMITER, QUOTE, ESCAPE, NULL_TEXT, COMMENT, HEADER };
static const char *const names[][2] = {
	[DELIMITER] = { "csv.delimiter", "csv.field-delimiter" }, [QUOTE] = { "csv.quote", "csv.quote-character" }, [ESCAPE] = { "csv.escape", "csv.escape-character" },
	[NULL_TEXT] = { "csv.null", "csv.null-literal" }, [COMMENT] = { "csv.comment", "csv.comment" }, [HEADER] = { "csv.header", "csv.header" },
};

static const char *option(const struct spk_table *t, enum which which)
{
	const char *value = spk_format_option(t, names[which][0]);

	return value ? value : spk_format_option(t, names[which][1]);
}

static char character(const char *value, char otherwise)
{
	return !value ? otherwise : !strcmp(value, "\\t") ? '\t' : value[0];
}

/* *.tsv, perhaps compressed. */
static bool is_tsv(const char *path)
{
	const char *dot = path ? strrchr(path, '.') : NULL;

	if (dot && (!strcmp(dot, ".gz") || !strcmp(dot, ".zst") || !strcmp(dot, ".zstd")))
		return dot - path >= 4 && !memcmp(dot - 4, ".tsv", 4);
	return dot && !strcmp(dot, ".tsv");
}

static bool is_true(const struct spk_table *t, const char *name)
{
	const char *value = spk_format_option(t, name);

	return value && !strcmp(value, "true");
}

struct spk_csv_options spk_csv_options(const struct spk_table *t)
{
	const char *null = option(t, NULL_TEXT), *header = option(t, HEADER);
	struct spk_csv_options o = { .null = null ? null : "", .header = !header || !strcmp(header, "true") };

	o.delimiter = character(option(t, DELIMITER), is_tsv(spk_format_option(t, "path")) ? '\t' : ',');
	o.quote = character(option(t, QUOTE), is_true(t, "csv.disable-quote-character") ? 0 : '"');
	o.escape = character(option(t, ESCAPE), o.quote);
	o.comment = character(option(t, COMMENT), is_true(t, "csv.allow-comments") ? '#' : 0);
	o.forgiving = is_true(t, "csv.ignore-parse-errors");
	o.null_size = (uint32_t)strlen(o.null);
	o.plain = (!o.quote || o.escape == o.quote) && !o.comment;
	return o;
}

static spk_status refuse(const struct spk_table *t, enum which which, const char *why, spk_error *err)
{
	const char *name = spk_format_option(t, names[which][0]) ? names[which][0] : names[which][1];

	return spk_format_option_failed(t, name, spk_fail(err, SPK_USAGE, "table \"%s\": '%s' = '%s' %s", t->name, name, spk_format_option(t, name), why), err);
}

static bool is_character(const char *value)
{
	return !strcmp(value, "\\t") || (strlen(value) == 1 && !strchr("\r\n", value[0]) && (uint8_t)value[0] < 127);
}

static spk_status check(const struct spk_table *t, const struct spk_conf *conf, spk_error *err)
{
	const char *delimiter = option(t, DELIMITER), *quote = option(t, QUOTE), *escape = option(t, ESCAPE), *comment = option(t, COMMENT), *null = option(t, NULL_TEXT);
	struct spk_csv_options o = spk_csv_options(t);

	(void)conf;
	if (quote && *quote && !is_character(quote))
		return refuse(t, QUOTE, "must be one ASCII character, not a line end, or empty", err);
	if (delimiter && (!is_character(delimiter) || o.delimiter == o.quote))
		return refuse(t, DELIMITER, "must be one ASCII character, not a quote or line end", err);
	if (quote && o.quote == o.delimiter)
		return refuse(t, QUOTE, "must differ from the delimiter", err);
	if (escape && (!is_character(escape) || o.escape == o.delimiter || !o.quote))
		return refuse(t, ESCAPE, o.quote ? "must be one ASCII character, not the delimiter or a line end" : "says nothing without quotes", err);
	if (comment && (!is_character(comment) || o.comment == o.delimiter || o.comment == o.quote))
		return refuse(t, COMMENT, "must be one ASCII character, not the delimiter, a quote or line end", err);
	if (null && (strchr(null, o.delimiter) || (o.quote && strchr(null, o.quote)) || strpbrk(null, "\r\n") || (o.comment && null[0] == o.comment)))
		return refuse(t, NULL_TEXT, "must not hold the delimiter, quotes or line ends, nor begin with a comment", err);
	return SPK_OK;
}

const struct spk_format spk_format_csv = {
	.name = "csv",
	.options = options,
	.check = check,
	.decoder_open = spk_csv_decoder_open,
	.decode = spk_csv_decode,
	.decoder_close = spk_csv_decoder_close,
	.split = spk_csv_split,
	.index = spk_csv_index,
	.decode_piece = spk_csv_decode_piece,
	.encoder_open = spk_csv_encoder_open,
	.encode = spk_csv_encode,
	.file_head = spk_csv_file_head,
	.encoder_close = spk_csv_encoder_close,
};
