/* The families of functions, each in a file of its own. A new family is one line here. */
#ifndef SPK_CORE_EXPR_FAMILIES_H
#define SPK_CORE_EXPR_FAMILIES_H

#include "core/expr/function.h"

/* X(id, title): struct spk_function_family spk_<id>_family(void) gives its table. */
#define SPK_FUNCTION_FAMILY_LIST(X) \
	X(compare, "Comparison") \
	X(choice, "Choice") \
	X(about, "Types and NULLs") \
	X(arithmetic, "Arithmetic") \
	X(decimal, "Arithmetic of numerics") \
	X(math, "Mathematics") \
	X(degrees, "Mathematics: degrees") \
	X(numeric, "Mathematics of numerics") \
	X(numeric_whole, "Mathematics of numerics: divisors, factorials, buckets") \
	X(string, "Strings: length, case, parts") \
	X(edit, "Strings: joining and changing") \
	X(format_text, "Strings: format()") \
	X(quote, "Strings: quoting and escapes") \
	X(bytes, "Bytes: hashes and encodings") \
	X(bytea, "Bytes: parts, bits, search") \
	X(bits, "Bit strings") \
	X(like, "LIKE") \
	X(regex, "Regular expressions") \
	X(similar, "SIMILAR TO") \
	X(regex_parts, "Regular expressions: parts") \
	X(uuid, "UUIDs") \
	X(sizes, "Numbers of bytes") \
	X(text_words, "Strings: as other engines measure and write them") \
	X(time, "Dates and times: arithmetic") \
	X(extract, "Dates and times: fields") \
	X(truncate, "Dates and times: truncation and construction") \
	X(zone, "Dates and times: clock, zones, epoch numbers") \
	X(format, "Dates and times to text by templates") \
	X(template, "Dates and times from text by templates") \
	X(number_format, "Numbers by templates") \
	X(jsonb_access, "jsonb: parts, containment") \
	X(jsonb_build, "jsonb: making") \
	X(jsonb_edit, "jsonb: changing") \
	X(jsonb_path, "jsonb: paths") \
	X(jsonb_sets, "jsonb: sets of rows") \
	X(array, "Arrays: elements, slices, lengths") \
	X(array_shape, "Arrays of several dimensions") \
	X(array_edit, "Arrays: joining and changing") \
	X(array_order, "Arrays: order") \
	X(array_search, "Arrays and records: search and comparison") \
	X(array_text, "Arrays and text") \
	X(map, "Maps") \
	X(row, "Records") \
	X(series, "Sets of rows") \
	X(limit, "Numbers of rows")

#define SPK_FUNCTION_FAMILY_DECLARE(id, title) struct spk_function_family spk_##id##_family(void);
SPK_FUNCTION_FAMILY_LIST(SPK_FUNCTION_FAMILY_DECLARE)
#undef SPK_FUNCTION_FAMILY_DECLARE

/* Defines the accessor of a family over its table; the title comes from the list. */
#define SPK_FUNCTION_FAMILY(id, table) \
	struct spk_function_family spk_##id##_family(void) \
	{ \
		return (struct spk_function_family){ .function = table, .count = (int)(sizeof(table) / sizeof((table)[0])) }; \
	}

#endif
