/*
 * Functions of other dialects that are expressions of PostgreSQL's: the text of each is parsed and bound at its call, $1 standing for the
 * first argument. Those with a kernel of their own are in core/expr.
 */
#include "planner/sql/bind.h"

#include <string.h>

#include "core/expr/function.h"
#include "planner/sql/parse.h"
#include "planner/sql/rewrite.h"

/* Of a document that may be none, by a path: NULL where either does not fit. */
#define JSON_FIRST "jsonb_path_query_first($1, $2, '{}', true)"
#define JSON_OPEN "jsonb_typeof(" JSON_FIRST ") IN ('object', 'array')"
#define JSON_TEXTS(path) "json_to_array(json_compact(jsonb_path_query_array($1, " path ", '{}', true))::json)::text[]"
#define JSON_ALL JSON_TEXTS("$2")
#define JSON_TEXT "CASE WHEN " JSON_OPEN " THEN json_compact(" JSON_FIRST ") ELSE " JSON_FIRST " #>> '{}' END"
/* Those that go by names and places: json_get_str(j, 'a', 0). */
#define JSON_GETTERS(args, path) \
	{ "json_get", args, SPK_TYPE_UNKNOWN, NULL, true, "$1 #> " path }, \
	{ "json_get_json", args, SPK_TYPE_UNKNOWN, NULL, true, "json_compact($1 #> " path ")" }, \
	{ "json_as_text", args, SPK_TYPE_UNKNOWN, NULL, true, "$1 #>> " path }, \
	{ "json_get_str", args, SPK_TYPE_UNKNOWN, NULL, true, "CASE jsonb_typeof($1 #> " path ") WHEN 'string' THEN $1 #>> " path " END" }, \
	{ "json_get_int", args, SPK_TYPE_UNKNOWN, NULL, true, "CASE WHEN jsonb_typeof($1 #> " path ") = 'number' AND $1 #>> " path " ~ '^-?[0-9]{1,18}$' THEN ($1 #>> " path ")::bigint END" }, \
	{ "json_get_float", args, SPK_TYPE_UNKNOWN, NULL, true, "CASE jsonb_typeof($1 #> " path ") WHEN 'number' THEN ($1 #>> " path ")::double precision END" }, \
	{ "json_get_bool", args, SPK_TYPE_UNKNOWN, NULL, true, "CASE jsonb_typeof($1 #> " path ") WHEN 'boolean' THEN ($1 #>> " path ")::boolean END" }, \
	{ "json_contains", args, SPK_TYPE_UNKNOWN, NULL, true, "coalesce($1 #> " path " IS NOT NULL, false)" },
/* Moments as they are, dates as their midnight. */
#define APART "(($3 + INTERVAL '0') - ($2 + INTERVAL '0'))"
#define MONTHS_APART "extract(year FROM age($3 + INTERVAL '0', $2 + INTERVAL '0')) * 12 + extract(month FROM age($3 + INTERVAL '0', $2 + INTERVAL '0'))"
#define BITS_SET "length(replace($1::bigint::bit(64)::text, '0', ''))"
/* Flink's names of types, as far as they differ from PostgreSQL's in capitals. */
#define FLINK_TYPE "CASE pg_typeof($1) WHEN 'integer' THEN 'INT' WHEN 'text' THEN 'STRING' WHEN 'double precision' THEN 'DOUBLE' WHEN 'real' THEN 'FLOAT' WHEN 'bytea' THEN 'BYTES'" \
	" WHEN 'timestamp without time zone' THEN 'TIMESTAMP(6)' WHEN 'timestamp with time zone' THEN 'TIMESTAMP_LTZ(6)' ELSE upper(pg_typeof($1)) END"
/* Every sign by its kind, as ksqlDB masks texts. */
#define MASKED "regexp_replace(regexp_replace(regexp_replace(regexp_replace($1, '[^A-Za-z0-9]', '-', 'g'), '[A-Z]', 'X', 'g'), '[a-z]', 'x', 'g'), '[0-9]', 'n', 'g')"
#define PARTS "string_to_array($1, $2)"
#define URL_QUERY "substring($1 FROM '[?]([^#]*)')"

/* Flink's and others' give the digits of a text's hash. */
#define SHA(name) { name, 1, SPK_TYPE_TEXT, NULL, false, "encode(" name "(convert_to($1, 'UTF8')), 'hex')" },
/* A number of units since 1970; a text is a moment as it is. */
#define MOMENT(name, since) { name, 1, SPK_TYPE_TEXT, NULL, false, "$1::timestamp" }, { name, 1, SPK_TYPE_UNKNOWN, NULL, false, "TIMESTAMP '1970-01-01' + " since },

/* A place in an array; below 0 it counts from the end. */
#define FROM_END(place) "CASE WHEN " place " < 0 THEN cardinality($1) + 1 + " place " ELSE " place " END"
#define MAPS_TOGETHER "map_from_arrays(map_keys($1) || map_keys($2), map_values($1) || map_values($2))"
#define IS_IN(name) { name, 2, SPK_TYPE_ARRAY, NULL, false, "$2 = ANY ($1)" },
#define AT_PLACE(name) { name, 2, SPK_TYPE_ARRAY, NULL, false, "$1[" FROM_END("$2") "]" },

/* A text read by a pattern of Java's, which is the second argument as a template of PostgreSQL's. */
#define SPK_JAVA_TIME "to_timestamp($1, $2)::timestamp"

/* A moment by a pattern of C's strftime, which is turned into a template. */
#define SPK_C_TIME "to_char($1 + INTERVAL '0', $2)"
/* A text read by such a pattern. */
#define SPK_C_READ "(to_timestamp($1, $2))::timestamp"

/* first: type of the first argument; UNKNOWN: any; ARRAY: no map. unit: text of the first argument, NULL: any. json: the first argument is a document or its text, which
 * stands behind all arguments as it was. */
enum {  /* as the first argument's type */
	FIRST_MAP = SPK_TYPE_COUNT,
	FIRST_PATTERN,          /* a pattern of C's for times */
	BEFORE_INTERVAL,        /* any, the second one being an interval */
	BEFORE_SPELLING,        /* a text, the second one naming a spelling of bytes */
	BEFORE_VALUE,           /* an array, the second one being none */
};

static const struct macro {
	const char *name;
	int args;
	int first;
	const char *unit;
	bool json;
	const char *text;
} macros[] = {
	{ "timestampadd", 3, SPK_TYPE_UNKNOWN, "QUARTER", false, "$3 + $2 * INTERVAL '3 months'" },
	{ "timestampadd", 3, SPK_TYPE_UNKNOWN, NULL, false, "$3 + $2 * ('1 ' || $1)::interval" },
	{ "timestampdiff", 3, SPK_TYPE_UNKNOWN, "MONTH", false, "(" MONTHS_APART ")::integer" },
	{ "timestampdiff", 3, SPK_TYPE_UNKNOWN, "QUARTER", false, "trunc((" MONTHS_APART ") / 3)::integer" },
	{ "timestampdiff", 3, SPK_TYPE_UNKNOWN, "YEAR", false, "extract(year FROM age($3 + INTERVAL '0', $2 + INTERVAL '0'))::integer" },
	{ "timestampdiff", 3, SPK_TYPE_UNKNOWN, NULL, false, "trunc(extract(epoch FROM " APART ") / extract(epoch FROM ('1 ' || $1)::interval))::bigint" },
	{ SPK_MARK_FLOOR, 2, SPK_TYPE_UNKNOWN, NULL, false, "date_trunc($2, $1)" },
	{ SPK_MARK_CEIL, 2, SPK_TYPE_UNKNOWN, NULL, false, "CASE WHEN date_trunc($2, $1) = $1 THEN $1 ELSE date_trunc($2, $1) + CASE $2 WHEN 'QUARTER' THEN '3 months' ELSE '1 ' || $2 END::interval END" },
	{ "round", 2, SPK_TYPE_DOUBLE, NULL, false, "round($1::numeric, $2)::double precision" },
	{ "round", 2, SPK_TYPE_REAL, NULL, false, "round($1::numeric, $2)::real" },
	{ "truncate", 2, SPK_TYPE_DOUBLE, NULL, false, "trunc($1::numeric, $2)::double precision" },
	{ "truncate", 2, SPK_TYPE_UNKNOWN, NULL, false, "trunc($1, $2)" },
	{ "truncate", 1, SPK_TYPE_UNKNOWN, NULL, false, "trunc($1)" },
	{ "unix_timestamp", 2, SPK_TYPE_UNKNOWN, NULL, false, "extract(epoch FROM " SPK_JAVA_TIME ")::bigint" },
	{ "to_timestamp", 2, SPK_TYPE_UNKNOWN, NULL, false, SPK_JAVA_TIME },
	{ "to_timestamp", 2, SPK_TYPE_UNKNOWN, NULL, false, SPK_C_READ },
	{ "to_date", 2, SPK_TYPE_UNKNOWN, NULL, false, SPK_C_READ "::date" },
	{ "str_to_date", 2, SPK_TYPE_UNKNOWN, NULL, false, SPK_C_READ "::date" },
	{ "parse_date", 2, FIRST_PATTERN, NULL, false, "to_date($2, $1)" },
	{ "parse_time", 2, FIRST_PATTERN, NULL, false, "to_timestamp($2, $1)::time" },
	{ "parse_timestamp", 2, FIRST_PATTERN, NULL, false, "to_timestamp($2, $1)" },
	{ "format_date", 2, FIRST_PATTERN, NULL, false, "strftime($2, $1)" },
	{ "format_timestamp", 2, FIRST_PATTERN, NULL, false, "strftime($2, $1)" },
	{ "to_char", 2, SPK_TYPE_TIMESTAMP, NULL, false, SPK_C_TIME },
	{ "to_char", 2, SPK_TYPE_TIMESTAMPTZ, NULL, false, SPK_C_TIME },
	{ "to_char", 2, SPK_TYPE_DATE, NULL, false, SPK_C_TIME },
	{ "strftime", 2, SPK_TYPE_UNKNOWN, NULL, false, SPK_C_TIME },
	{ "format_timestamp", 2, SPK_TYPE_TIMESTAMP, NULL, false, "date_format($1, $2)" },
	{ "format_timestamp", 2, SPK_TYPE_TIMESTAMPTZ, NULL, false, "date_format($1::timestamp, $2)" },
	{ "format_date", 2, SPK_TYPE_DATE, NULL, false, "date_format($1::timestamp, $2)" },
	{ "parse_timestamp", 2, SPK_TYPE_UNKNOWN, NULL, false, SPK_JAVA_TIME },
	{ "stringtotimestamp", 2, SPK_TYPE_UNKNOWN, NULL, false, "trunc(extract(epoch FROM " SPK_JAVA_TIME ") * 1000)::bigint" },
	{ "safe_divide", 2, SPK_TYPE_DECIMAL, NULL, false, "$1 / nullif($2, 0)" },
	{ "safe_divide", 2, SPK_TYPE_UNKNOWN, NULL, false, "$1::double precision / nullif($2, 0)" },
	{ "try_divide", 2, SPK_TYPE_UNKNOWN, NULL, false, "safe_divide($1, $2)" },
	{ "pmod", 2, SPK_TYPE_UNKNOWN, NULL, false, "(($1 % $2) + $2) % $2" },
	{ "zeroifnull", 1, SPK_TYPE_UNKNOWN, NULL, false, "coalesce($1, 0)" },
	{ "nullifzero", 1, SPK_TYPE_UNKNOWN, NULL, false, "nullif($1, 0)" },
	{ "equal_null", 2, SPK_TYPE_UNKNOWN, NULL, false, "$1 IS NOT DISTINCT FROM $2" },
	{ "as_value", 1, SPK_TYPE_UNKNOWN, NULL, false, "$1" },
	{ "e", 0, SPK_TYPE_UNKNOWN, NULL, false, "exp(1.0::double precision)" },
	{ "bit_count", 1, SPK_TYPE_INTEGER, NULL, false, BITS_SET },
	{ "bit_count", 1, SPK_TYPE_BIGINT, NULL, false, BITS_SET },
	{ "typeof", 1, SPK_TYPE_UNKNOWN, NULL, false, FLINK_TYPE },
	{ "mz_now", 0, SPK_TYPE_UNKNOWN, NULL, false, "now()" },
	{ "datetostring", 2, SPK_TYPE_INTEGER, NULL, false, "date_format((DATE '1970-01-01' + $1)::timestamp, $2)" },
	{ "date_format", 2, SPK_TYPE_TEXT, NULL, false, "date_format($1::timestamp, $2)" },
	{ "json_value", 2, SPK_TYPE_UNKNOWN, NULL, true, "CASE WHEN " JSON_OPEN " THEN NULL ELSE " JSON_FIRST " #>> '{}' END" },
	{ "json_value", 4, SPK_TYPE_UNKNOWN, NULL, true,
	  "CASE WHEN $5 IS NULL THEN NULL WHEN $1 IS NULL THEN $4 WHEN " JSON_FIRST " IS NULL THEN $3 WHEN " JSON_OPEN " THEN $4 ELSE " JSON_FIRST " #>> '{}' END" },
	{ "json_query", 2, SPK_TYPE_UNKNOWN, NULL, true, "CASE WHEN " JSON_OPEN " THEN json_compact(" JSON_FIRST ") END" },
	{ "extract_json", 2, SPK_TYPE_UNKNOWN, NULL, true, JSON_ALL },
	{ "get_json_objects", 2, SPK_TYPE_UNKNOWN, NULL, true, JSON_ALL },
	{ "extract_json_string", 2, SPK_TYPE_UNKNOWN, NULL, true, "CASE WHEN jsonb_typeof(" JSON_FIRST ") = 'string' THEN " JSON_FIRST " #>> '{}' END" },
	{ "get_first_json_object", 2, SPK_TYPE_UNKNOWN, NULL, true, "json_compact(" JSON_FIRST ")" },
	{ "get_json_object", 2, SPK_TYPE_UNKNOWN, NULL, true, JSON_TEXT },
	{ "extractjsonfield", 2, SPK_TYPE_UNKNOWN, NULL, true, JSON_TEXT },
	{ "json_extract_string", 2, SPK_TYPE_UNKNOWN, NULL, true, JSON_TEXT },
	JSON_GETTERS(2, "ARRAY[$2::text]")
	JSON_GETTERS(3, "ARRAY[$2::text, $3::text]")
	JSON_GETTERS(4, "ARRAY[$2::text, $3::text, $4::text]")
	{ "parse_json", 1, SPK_TYPE_UNKNOWN, NULL, false, "$1::jsonb" },
	{ "to_json_string", 1, SPK_TYPE_UNKNOWN, NULL, false, "json_compact(to_jsonb($1))" },
	{ "json_unquote", 1, SPK_TYPE_UNKNOWN, NULL, false, "CASE WHEN left($1, 1) = '\"' THEN $1::text::jsonb #>> '{}' ELSE $1 END" },
	{ "json_quote", 1, SPK_TYPE_UNKNOWN, NULL, false, "to_jsonb($1::text)::text" },
	{ "is_json", 1, SPK_TYPE_UNKNOWN, NULL, true, "CASE WHEN $2 IS NOT NULL THEN $1 IS NOT NULL END" },
	{ "is_json_string", 1, SPK_TYPE_UNKNOWN, NULL, true, "$1 IS NOT NULL" },
	{ "json_array_contains", 2, SPK_TYPE_UNKNOWN, NULL, true, "$1 @> to_jsonb(coalesce($2))" },
	{ "json_keys", 1, SPK_TYPE_UNKNOWN, NULL, true, "map_keys($1::text::\"" SPK_MARK_TYPE "\"('MAP<STRING, JSONB>'))" },
	{ "json_items", 1, SPK_TYPE_UNKNOWN, NULL, true, JSON_TEXTS("'$[*]'") },
	{ "json_concat", 2, SPK_TYPE_UNKNOWN, NULL, true, "json_compact($1 || $2::jsonb)" },
	{ "json_exists", 2, SPK_TYPE_UNKNOWN, NULL, true, "coalesce(jsonb_path_exists($1, $2, '{}', true), false)" },
	{ SPK_MARK_IS_JSON, 1, SPK_TYPE_UNKNOWN, NULL, true, "CASE WHEN $2 IS NOT NULL THEN $1 IS NOT NULL END" },
	{ "json_string", 1, SPK_TYPE_UNKNOWN, NULL, false, "to_jsonb($1)::text" },
	{ "to_string", 1, SPK_TYPE_UNKNOWN, NULL, false, "$1::text" },
	{ "array_length", 1, SPK_TYPE_ARRAY, NULL, false, "cardinality($1)" },
	{ "size", 1, SPK_TYPE_ARRAY, NULL, false, "cardinality($1)" },
	{ "length", 1, SPK_TYPE_ARRAY, NULL, false, "cardinality($1)" },
	{ "element_at", 2, FIRST_MAP, NULL, false, "$1[$2]" },
	{ "size", 1, FIRST_MAP, NULL, false, "cardinality($1)" },
	{ "map_contains_key", 2, FIRST_MAP, NULL, false, "$2 = ANY (map_keys($1))" },
	{ "map_contains", 2, FIRST_MAP, NULL, false, "$2 = ANY (map_keys($1))" },
	{ "map_entries", 1, FIRST_MAP, NULL, false, "array_cat($1, NULL)" },
	{ "map_union", 2, FIRST_MAP, NULL, false, MAPS_TOGETHER },
	{ "map_concat", 2, FIRST_MAP, NULL, false, MAPS_TOGETHER },
	{ "as_map", 2, SPK_TYPE_ARRAY, NULL, false, "map_from_arrays($1, $2)" },
	AT_PLACE("element_at") AT_PLACE("array_element") AT_PLACE("array_extract") AT_PLACE("list_element")
	{ "list_append", 2, SPK_TYPE_ARRAY, NULL, false, "array_append($1, $2)" },
	{ "array_push_back", 2, SPK_TYPE_ARRAY, NULL, false, "array_append($1, $2)" },
	{ "list_length", 1, SPK_TYPE_ARRAY, NULL, false, "cardinality($1)" },
	{ "empty", 1, SPK_TYPE_ARRAY, NULL, false, "cardinality($1) = 0" },
	{ "array_empty", 1, SPK_TYPE_ARRAY, NULL, false, "cardinality($1) = 0" },
	{ "array_first", 1, SPK_TYPE_ARRAY, NULL, false, "$1[1]" },
	{ "array_prepend", 2, BEFORE_VALUE, NULL, false, "array_prepend($2, $1)" },
	{ "array_has_all", 2, SPK_TYPE_ARRAY, NULL, false, "$1 @> $2" },
	{ "array_has_any", 2, SPK_TYPE_ARRAY, NULL, false, "$1 && $2" },
	{ "list_has_all", 2, SPK_TYPE_ARRAY, NULL, false, "$1 @> $2" },
	{ "list_has_any", 2, SPK_TYPE_ARRAY, NULL, false, "$1 && $2" },
	{ "arrays_overlap", 2, SPK_TYPE_ARRAY, NULL, false, "$1 && $2" },
	{ "array_union", 2, SPK_TYPE_ARRAY, NULL, false, "array_distinct(array_cat($1, $2))" },
	{ "array_pop_back", 1, SPK_TYPE_ARRAY, NULL, false, "$1[1:cardinality($1) - 1]" },
	{ "array_pop_front", 1, SPK_TYPE_ARRAY, NULL, false, "$1[2:]" },
	{ "array_repeat", 2, SPK_TYPE_UNKNOWN, NULL, false, "array_fill(coalesce($1), ARRAY[$2])" },
	{ "array_compact", 1, SPK_TYPE_ARRAY, NULL, false, "array_remove($1, NULL)" },
	{ "array_any_value", 1, SPK_TYPE_ARRAY, NULL, false, "(array_remove($1, NULL))[1]" },
	{ "array_insert", 3, SPK_TYPE_ARRAY, NULL, false, "array_cat(array_append($1[1:$2 - 1], $3), $1[$2:])" },
	{ "map", 2, SPK_TYPE_ARRAY, NULL, false, "map_from_arrays($1, $2)" },
	{ "map_extract", 2, FIRST_MAP, NULL, false, "ARRAY[$1[$2]]" },
	{ "str_to_map", 1, SPK_TYPE_UNKNOWN, NULL, false, "str_to_map($1, ',', '=')" },
	{ "str_to_map", 3, SPK_TYPE_UNKNOWN, NULL, false, "map_from_arrays(split_parts($1, $2, $3, 1), split_parts($1, $2, $3, 2))" },
	{ "map_length", 1, FIRST_MAP, NULL, false, "cardinality($1)" },
	{ "elt", 3, SPK_TYPE_UNKNOWN, NULL, false, "(ARRAY[$2, $3])[$1]" },
	{ "elt", 4, SPK_TYPE_UNKNOWN, NULL, false, "(ARRAY[$2, $3, $4])[$1]" },
	{ "safe_offset", 1, SPK_TYPE_UNKNOWN, NULL, false, "$1 + 1" },
	{ "safe_ordinal", 1, SPK_TYPE_UNKNOWN, NULL, false, "$1" },
	{ SPK_MARK_COUNT_VALUES, 1, SPK_TYPE_ARRAY, NULL, false, "coalesce(cardinality(array_distinct($1)), 0)::bigint" },
	{ SPK_MARK_FIRST_OF, 2, SPK_TYPE_ARRAY, NULL, false, "$1[1:$2]" },
	{ "nanvl", 2, SPK_TYPE_UNKNOWN, NULL, false, "CASE WHEN $1 = 'NaN' THEN $2 ELSE $1 END" },
	{ "signum", 1, SPK_TYPE_UNKNOWN, NULL, false, "sign($1)" },
	{ "iszero", 1, SPK_TYPE_UNKNOWN, NULL, false, "$1 = 0" },
	IS_IN("array_has") IS_IN("list_contains") IS_IN("array_contains")
	{ "array_slice", 3, SPK_TYPE_ARRAY, NULL, false, "$1[" FROM_END("$2") ":" FROM_END("$3") "]" },
	{ "uuid", 0, SPK_TYPE_UNKNOWN, NULL, false, "gen_random_uuid()::text" },
	{ "array_concat", 2, SPK_TYPE_ARRAY, NULL, false, "array_cat($1, $2)" },
	{ "encode", 2, BEFORE_SPELLING, NULL, false, "encode(convert_to($1, 'UTF8'), $2)" },
	{ "encode", 2, SPK_TYPE_TEXT, NULL, false, "convert_to($1, $2)" },
	{ "decode", 2, SPK_TYPE_BYTEA, NULL, false, "convert_from($1, $2)" },
	{ "unhex", 1, SPK_TYPE_UNKNOWN, NULL, false, "decode($1, 'hex')" },
	{ "mask", 1, SPK_TYPE_UNKNOWN, NULL, false, MASKED },
	{ "find_in_set", 2, SPK_TYPE_UNKNOWN, NULL, false, "coalesce(array_position(string_to_array($2, ','), $1::text), 0 * length($1 || $2))" },
	{ "substring_index", 3, SPK_TYPE_UNKNOWN, NULL, false, "array_to_string(CASE WHEN $3 < 0 THEN (" PARTS ")[cardinality(" PARTS ") + 1 + $3:] ELSE (" PARTS ")[1:$3] END, $2)" },
	{ "substr_index", 3, SPK_TYPE_UNKNOWN, NULL, false, "substring_index($1, $2, $3)" },
	SHA("sha1") SHA("sha224") SHA("sha256") SHA("sha384") SHA("sha512")
	{ "sha2", 2, SPK_TYPE_TEXT, NULL, false, "encode(CASE $2 WHEN 224 THEN sha224(convert_to($1, 'UTF8')) WHEN 256 THEN sha256(convert_to($1, 'UTF8')) WHEN 0 THEN sha256(convert_to($1, 'UTF8'))"
	  " WHEN 384 THEN sha384(convert_to($1, 'UTF8')) WHEN 512 THEN sha512(convert_to($1, 'UTF8')) END, 'hex')" },
	{ "ends_with", 2, SPK_TYPE_UNKNOWN, NULL, false, "right($1, length($2)) = $2" },
	{ "charindex", 2, SPK_TYPE_UNKNOWN, NULL, false, "strpos($2, $1)" },
	{ "nvl2", 3, SPK_TYPE_UNKNOWN, NULL, false, "CASE WHEN $1 IS NOT NULL THEN $2 ELSE $3 END" },
	{ "isnull", 1, SPK_TYPE_UNKNOWN, NULL, false, "$1 IS NULL" },
	{ "isnan", 1, SPK_TYPE_DOUBLE, NULL, false, "$1 = 'NaN'::double precision" },
	{ "isnotnull", 1, SPK_TYPE_UNKNOWN, NULL, false, "$1 IS NOT NULL" },
	{ "date_add", 2, BEFORE_INTERVAL, NULL, false, "$1 + $2" },
	{ "date_sub", 2, BEFORE_INTERVAL, NULL, false, "$1 - $2" },
	{ "timestamp_add", 2, BEFORE_INTERVAL, NULL, false, "$1 + $2" },
	{ "timestamp_sub", 2, BEFORE_INTERVAL, NULL, false, "$1 - $2" },
	{ "add_months", 2, SPK_TYPE_UNKNOWN, NULL, false, "($1 + $2 * INTERVAL '1 month')::date" },
	{ "today", 0, SPK_TYPE_UNKNOWN, NULL, false, "current_date" },
	{ "dayname", 1, SPK_TYPE_UNKNOWN, NULL, false, "to_char($1 + INTERVAL '0', 'FMDay')" },
	{ "monthname", 1, SPK_TYPE_UNKNOWN, NULL, false, "to_char($1 + INTERVAL '0', 'FMMonth')" },
	{ "weekday", 1, SPK_TYPE_UNKNOWN, NULL, false, "extract(isodow FROM $1)::integer - 1" },
	{ "from_days", 1, SPK_TYPE_UNKNOWN, NULL, false, "DATE '1970-01-01' + $1" },
	{ "date_add", 2, SPK_TYPE_UNKNOWN, NULL, false, "$1::date + $2::integer" },
	{ "date_sub", 2, SPK_TYPE_UNKNOWN, NULL, false, "$1::date - $2::integer" },
	{ "datediff", 2, SPK_TYPE_UNKNOWN, NULL, false, "$1::date - $2::date" },
	{ "to_unixtime", 1, SPK_TYPE_UNKNOWN, NULL, false, "trunc(extract(epoch FROM $1))::bigint" },
	{ "unix_timestamp", 1, SPK_TYPE_TIMESTAMP, NULL, false, "trunc(extract(epoch FROM $1))::bigint" },
	{ "unix_timestamp", 1, SPK_TYPE_TIMESTAMPTZ, NULL, false, "trunc(extract(epoch FROM $1))::bigint" },
	{ "unix_millis", 1, SPK_TYPE_UNKNOWN, NULL, false, "trunc(extract(epoch FROM $1) * 1000)::bigint" },
	MOMENT("to_timestamp_seconds", "INTERVAL '1 second' * $1") MOMENT("to_timestamp_millis", "INTERVAL '1 millisecond' * $1")
	MOMENT("to_timestamp_micros", "INTERVAL '1 microsecond' * $1") MOMENT("to_timestamp_nanos", "INTERVAL '1 microsecond' * ($1 / 1000)")
	MOMENT("timestamp_seconds", "INTERVAL '1 second' * $1") MOMENT("timestamp_millis", "INTERVAL '1 millisecond' * $1")
	{ "timestamptostring", 2, SPK_TYPE_UNKNOWN, NULL, false, "date_format(TIMESTAMP '1970-01-01' + INTERVAL '1 millisecond' * $1, $2)" },
	{ "lcase", 1, SPK_TYPE_UNKNOWN, NULL, false, "lower($1)" },
	{ "ucase", 1, SPK_TYPE_UNKNOWN, NULL, false, "upper($1)" },
	{ "bin", 1, SPK_TYPE_UNKNOWN, NULL, false, "CASE WHEN $1 = 0 THEN '0' ELSE ltrim($1::bigint::bit(64)::text, '0') END" },
	{ "hex", 1, SPK_TYPE_SMALLINT, NULL, false, "upper(to_hex($1::integer))" },
	{ "hex", 1, SPK_TYPE_INTEGER, NULL, false, "upper(to_hex($1))" },
	{ "hex", 1, SPK_TYPE_BIGINT, NULL, false, "upper(to_hex($1))" },
	{ "hex", 1, SPK_TYPE_BYTEA, NULL, false, "upper(encode($1, 'hex'))" },
	{ "hex", 1, SPK_TYPE_UNKNOWN, NULL, false, "upper(encode(convert_to($1, 'UTF8'), 'hex'))" },
	{ "len", 1, SPK_TYPE_UNKNOWN, NULL, false, "length($1)" },
	{ "locate", 2, SPK_TYPE_UNKNOWN, NULL, false, "strpos($2, $1)" },
	{ "to_base64", 1, SPK_TYPE_UNKNOWN, NULL, false, "replace(encode(convert_to($1, 'UTF8'), 'base64'), chr(10), '')" },
	{ "from_base64", 1, SPK_TYPE_UNKNOWN, NULL, false, "convert_from(decode($1, 'base64'), 'UTF8')" },
	{ "element", 1, SPK_TYPE_ARRAY, NULL, false, "$1[1]" },
	{ "array_join", 2, SPK_TYPE_ARRAY, NULL, false, "array_to_string($1, $2)" },
	{ "array_join", 3, SPK_TYPE_ARRAY, NULL, false, "array_to_string($1, $2, $3)" },
	{ "array_size", 1, SPK_TYPE_ARRAY, NULL, false, "cardinality($1)" },
	{ "split", 2, SPK_TYPE_UNKNOWN, NULL, false, "string_to_array($1, $2)" },
	{ "is_digit", 1, SPK_TYPE_UNKNOWN, NULL, false, "coalesce($1 ~ '^[0-9]+$', false)" },
	{ "is_alpha", 1, SPK_TYPE_UNKNOWN, NULL, false, "coalesce($1 ~ '^[[:alpha:]]+$', false)" },
	{ "is_decimal", 1, SPK_TYPE_UNKNOWN, NULL, false, "coalesce($1 ~ '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$', false)" },
	{ "last_day", 1, SPK_TYPE_UNKNOWN, NULL, false, "(date_trunc('month', $1) + INTERVAL '1 month' - INTERVAL '1 day')::date" },
	{ "convert_tz", 3, SPK_TYPE_UNKNOWN, NULL, false, "to_char($1::timestamp AT TIME ZONE $2 AT TIME ZONE $3, 'YYYY-MM-DD HH24:MI:SS')" },
	{ "epoch_ms", 1, SPK_TYPE_BIGINT, NULL, false, "to_timestamp_ltz($1, 3)" },
	{ "current_row_timestamp", 0, SPK_TYPE_UNKNOWN, NULL, false, "now()" },
	{ "date_bin", 2, SPK_TYPE_INTERVAL, NULL, false, "date_bin($1, $2, TIMESTAMP '1970-01-01')" },
	{ "digest", 2, SPK_TYPE_BYTEA, NULL, false, "CASE lower($2) WHEN 'md5' THEN decode(md5($1), 'hex') WHEN 'sha224' THEN sha224($1) WHEN 'sha256' THEN sha256($1) WHEN 'sha384' THEN sha384($1)"
	  " WHEN 'sha512' THEN sha512($1) END" },
	{ "digest", 2, SPK_TYPE_UNKNOWN, NULL, false, "digest(convert_to($1, 'UTF8'), $2)" },
	{ "time_bucket", 2, SPK_TYPE_INTERVAL, NULL, false, "date_bin($1, $2, TIMESTAMP '1970-01-01')" },
	{ "url_extract_host", 1, SPK_TYPE_UNKNOWN, NULL, false, "parse_url($1, 'HOST')" },
	{ "url_extract_path", 1, SPK_TYPE_UNKNOWN, NULL, false, "parse_url($1, 'PATH')" },
	{ "url_extract_query", 1, SPK_TYPE_UNKNOWN, NULL, false, "parse_url($1, 'QUERY')" },
	{ "url_extract_protocol", 1, SPK_TYPE_UNKNOWN, NULL, false, "parse_url($1, 'PROTOCOL')" },
	{ "url_extract_fragment", 1, SPK_TYPE_UNKNOWN, NULL, false, "parse_url($1, 'REF')" },
	{ "url_extract_parameter", 2, SPK_TYPE_UNKNOWN, NULL, false, "parse_url($1, 'QUERY', $2)" },
	{ "parse_url", 2, SPK_TYPE_UNKNOWN, NULL, false,
	  "CASE upper($2) WHEN 'PROTOCOL' THEN substring($1 FROM '^([^:/?#]+)://') WHEN 'HOST' THEN substring($1 FROM '^[^:/?#]+://(?:[^/?#@]*@)?([^/:?#]*)')"
	  " WHEN 'AUTHORITY' THEN substring($1 FROM '^[^:/?#]+://([^/?#]*)') WHEN 'USERINFO' THEN substring($1 FROM '^[^:/?#]+://([^/?#@]*)@')"
	  " WHEN 'PATH' THEN substring($1 FROM '^[^:/?#]+://[^/?#]*([^?#]*)') WHEN 'FILE' THEN substring($1 FROM '^[^:/?#]+://[^/?#]*([^#]*)')"
	  " WHEN 'QUERY' THEN " URL_QUERY " WHEN 'REF' THEN substring($1 FROM '#(.*)$') END" },
	{ "parse_url", 3, SPK_TYPE_UNKNOWN, NULL, false, "CASE WHEN upper($2) = 'QUERY' THEN substring('&' || " URL_QUERY " FROM '&' || $3 || '=([^&]*)') END" },
};

static bool is_text(const struct spk_value *v, const char *text)
{
	return !v->null && v->view.length == strlen(text) && memcmp(spk_view_data(&v->view), text, strlen(text)) == 0;
}

/* --- patterns of Java's for times --- */

static bool is_pattern(const struct spk_expr *e) { return e->kind == SPK_EXPR_CONSTANT && spk_type_is_view(e->type) && !e->value.null; }

/* Whether minutes stand behind hours, which PostgreSQL's templates would take for months; its own quotes are none of Java's. */
static bool is_java(const struct spk_expr *e)
{
	const char *at = is_pattern(e) ? spk_view_data(&e->value.view) : "", *end = at + (is_pattern(e) ? e->value.view.length : 0);

	if (memchr(at, '"', (size_t)(end - at)))
		return false;
	for (; at + 4 <= end; at++)
		for (int gap = 1; (*at == 'H' || *at == 'h') && gap <= 3 && at + gap + 2 <= end; gap++)
			if (memcmp(at + gap, "mm", 2) == 0)
				return true;
	return false;
}

/* The words of both, the longer ones first. */
static const struct { const char *java, *ours; } java_words[] = {
	{ "yyyy", "YYYY" }, { "yy", "YY" }, { "MM", "MM" }, { "dd", "DD" }, { "HH", "HH24" }, { "hh", "HH12" }, { "mm", "MI" }, { "SSSSSS", "US" }, { "SSS", "MS" }, { "ss", "SS" },
	{ "M", "MM" }, { "d", "DD" }, { "H", "HH24" }, { "h", "HH12" }, { "m", "MI" }, { "s", "SS" }, { "a", "AM" },
};

static size_t java_word(const char *at, const char *end)
{
	size_t k = 0;

	while (k < SPK_COUNT_OF(java_words) && ((size_t)(end - at) < strlen(java_words[k].java) || memcmp(at, java_words[k].java, strlen(java_words[k].java)) != 0))
		k++;
	return k;
}

/* Whether a letter stands behind some %; in a template that came of one none does. */
static bool is_c(const struct spk_expr *e)
{
	const char *at = is_pattern(e) ? spk_view_data(&e->value.view) : "", *end = at + (is_pattern(e) ? e->value.view.length : 0);

	for (; at + 1 < end; at++)
		if (*at == '%' && ((at[1] | 0x20) >= 'a' && (at[1] | 0x20) <= 'z'))
			return true;
	return false;
}

static const struct { char word; const char *ours; } c_words[] = {
	{ 'Y', "YYYY" }, { 'y', "YY" }, { 'm', "MM" }, { 'd', "DD" }, { 'e', "FMDD" }, { 'H', "HH24" }, { 'I', "HH12" }, { 'M', "MI" }, { 'S', "SS" }, { 'f', "US" }, { 'L', "MS" }, { 'j', "DDD" }, { 'p', "AM" },
	{ 'b', "Mon" }, { 'B', "FMMonth" }, { 'a', "Dy" }, { 'A', "FMDay" }, { 'F', "YYYY-MM-DD" }, { 'T', "HH24:MI:SS" }, { 'R', "HH24:MI" }, { 'D', "MM/DD/YY" },
};

/* As a template of PostgreSQL's, in which everything else stands between quotes. */
static spk_status translate_c(const struct spk_binder *b, struct spk_expr **pattern, int location, spk_error *err)
{
	const char *at = spk_view_data(&(*pattern)->value.view), *end = at + (*pattern)->value.view.length, *text = "";

	for (size_t k; at < end; at++) {
		const bool word = *at == '%' && at + 1 < end && at[1] != '%';

		for (k = 0; word && k < SPK_COUNT_OF(c_words) && c_words[k].word != at[1]; k++)
			;
		if (word && k == SPK_COUNT_OF(c_words)) {
			spk_binder_fail(b, location, SPK_UNSUPPORTED, err, "a time by the pattern %%%c is not supported", at[1]);
			return spk_hint(err, "There are %%Y %%m %%d %%H %%M %%S %%f and %%L, %%y %%e %%I %%p %%j %%a %%A %%b %%B %%F %%T %%R %%D; or a template of PostgreSQL's: 'YYYY-MM-DD'."), SPK_UNSUPPORTED;
		}
		at += *at == '%' && at + 1 < end;
		SPK_TRY_PTR(text = word ? spk_arena_printf(b->arena, "%s%s", text, c_words[k].ours) : spk_arena_printf(b->arena, *at == '"' || *at == '\\' ? "%s\"\\%c\"" : "%s\"%c\"", text, *at), err);
	}
	SPK_TRY_PTR(*pattern = spk_expr_unknown(b->arena, text), err);
	return SPK_OK;
}

/* As a template of PostgreSQL's; letters that it has no word for, and what stands in quotes, stay as they are. */
static spk_status translate(struct spk_arena *arena, struct spk_expr **pattern, spk_error *err)
{
	const char *at = spk_view_data(&(*pattern)->value.view), *end = at + (*pattern)->value.view.length;
	char *out = spk_arena_alloc(arena, 4 * (size_t)(end - at) + 1), *to = out;
	bool quoted = false;

	SPK_TRY_PTR(out, err);
	while (at < end) {
		const size_t k = quoted ? SPK_COUNT_OF(java_words) : java_word(at, end);

		quoted = quoted != (*at == '\'');
		if (k < SPK_COUNT_OF(java_words)) {
			memcpy(to, java_words[k].ours, strlen(java_words[k].ours));
			to += strlen(java_words[k].ours);
			at += strlen(java_words[k].java);
		} else {
			*to++ = *at == '\'' ? '"' : *at;
			at++;
		}
	}
	*to = 0;
	SPK_TRY_PTR(*pattern = spk_expr_unknown(arena, out), err);
	return SPK_OK;
}

/* Whether the argument is a constant that names a spelling of bytes as a text. */
static bool is_spelling(const struct spk_expr *e)
{
	return is_pattern(e) && (is_text(&e->value, "hex") || is_text(&e->value, "base64") || is_text(&e->value, "escape"));
}

static bool takes(const struct macro *m, struct spk_expr *const *arg)
{
	const struct spk_type type = arg[0]->type;

	if (m->first == FIRST_MAP)
		return spk_type_is_map(type);
	if (m->first == BEFORE_INTERVAL)
		return arg[1]->type.id == SPK_TYPE_INTERVAL;
	if (m->first == BEFORE_VALUE)
		return type.id == SPK_TYPE_ARRAY && arg[1]->type.id != SPK_TYPE_ARRAY;
	if (m->first == FIRST_PATTERN)
		return is_c(arg[0]);
	if (m->first == BEFORE_SPELLING)
		return type.id == SPK_TYPE_TEXT && is_spelling(arg[1]);
	return m->first == SPK_TYPE_UNKNOWN || (m->first == (int)type.id && !spk_type_is_map(type));
}

/* Whether the second argument is a pattern of C's, to be translated. */
static bool takes_c(const struct macro *m) { return strcmp(m->text, SPK_C_TIME) == 0 || strstr(m->text, SPK_C_READ); }

static const struct macro *find_macro(const char *name, struct spk_expr *const *arg, int args)
{
	for (size_t i = 0; i < SPK_COUNT_OF(macros); i++) {
		const struct macro *m = &macros[i];

		if (strcmp(m->name, name) != 0 || m->args != args || (args && !takes(m, arg)))
			continue;
		if (strstr(m->text, SPK_JAVA_TIME) && (!is_pattern(arg[1]) || (strcmp(m->text, SPK_JAVA_TIME) == 0 && !is_java(arg[1]))))
			continue;  /* PostgreSQL's own, if anyone's */
		if (takes_c(m) && !is_c(arg[1]))
			continue;
		if (!m->unit || (arg[0]->kind == SPK_EXPR_CONSTANT && is_text(&arg[0]->value, m->unit)))
			return m;
	}
	return NULL;
}

bool spk_is_macro(const char *name, struct spk_expr *const *arg, int args) { return find_macro(name, arg, args) != NULL; }

/* A cast that gives NULL where it fails: the chain of casts that came of it, down to its argument. */
static spk_status forgive(struct spk_arena *arena, const struct spk_expr *arg, struct spk_expr **e, spk_error *err)
{
	struct spk_expr *copy;

	if (*e == arg || (*e)->kind != SPK_EXPR_CAST)
		return SPK_OK;
	SPK_TRY_PTR(copy = spk_arena_copy(arena, *e, sizeof **e), err);
	copy->forgiving = copy->nullable = true;
	SPK_TRY_PTR(copy->arg = spk_arena_copy(arena, copy->arg, sizeof(struct spk_expr *)), err);
	*e = copy;
	return forgive(arena, arg, &copy->arg[0], err);
}

spk_status spk_binder_try_cast(const struct spk_binder *b, struct spk_expr *arg, struct spk_type type, int location, struct spk_expr **out, spk_error *err)
{
	SPK_TRY(spk_binder_known(b, &arg, err));
	SPK_TRY(spk_expr_cast(b->arena, arg, type, true, spk_binder_at(b, location), out, err));
	return forgive(b->arena, arg, out, err);
}

/* The text as a tree: of this binder's arena, and of no text that the user knows. */
static spk_status parse_text(const struct macro *m, struct spk_arena *arena, const PgQuery__Node **out, struct spk_source *source, spk_error *err)
{
	PgQuery__ParseResult *parsed;

	*source = (struct spk_source){ .sql = spk_arena_printf(arena, "SELECT %s", m->text) };
	SPK_TRY_PTR(source->sql, err);
	source->text = source->quoted = source->tokens.text = source->sql;
	SPK_TRY(spk_sql_parse(source, arena, &parsed, err));
	*out = parsed->stmts[0]->stmt->select_stmt->target_list[0]->res_target->val;
	return SPK_OK;
}

/* The first argument becomes jsonb, NULL where it is none; what it was is put behind the others. */
static spk_status read_document(const struct spk_binder *b, struct spk_expr ***arg, int args, int location, spk_error *err)
{
	struct spk_expr **more = SPK_NEW_ARRAY(b->arena, struct spk_expr *, args + 1);

	SPK_TRY_PTR(more, err);
	memcpy(more, *arg, sizeof *more * (size_t)args);
	more[args] = more[0];
	*arg = more;
	return spk_binder_try_cast(b, more[0], spk_type(SPK_TYPE_JSONB), location, &more[0], err);
}

spk_status spk_binder_macro(struct spk_exprs *x, const char *name, struct spk_expr **arg, int args, int location, struct spk_expr **out, spk_error *err)
{
	const struct macro *m = find_macro(name, arg, args);
	struct spk_source *source = SPK_NEW(x->b->arena, struct spk_source);
	struct spk_binder b = *x->b;
	struct spk_exprs inner = *x;
	const PgQuery__Node *tree = NULL;

	SPK_TRY_PTR(source, err);
	if (m->json)
		SPK_TRY(read_document(x->b, &arg, args++, location, err));
	if (strstr(m->text, SPK_JAVA_TIME))
		SPK_TRY(translate(x->b->arena, &arg[1], err));
	if (takes_c(m))
		SPK_TRY(translate_c(x->b, &arg[1], location, err));
	SPK_TRY(parse_text(m, b.arena, &tree, source, err));
	b.pinned = spk_binder_at(x->b, location);
	b.source = source;
	inner.b = &b;
	inner.param = arg;
	inner.param_name = NULL;
	inner.params = args;
	SPK_TRY(spk_binder_expr(&inner, tree, out, err));
	return spk_binder_check_repeats(x->b, name, arg, args, *out, location, err);
}
