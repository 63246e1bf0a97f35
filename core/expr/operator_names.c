/*
 * Calls by the names that PostgreSQL's operators have as functions (int4pl, texteq, jsonb_contains), and operators that are others under the C collation.
 */
#include "core/expr/internal.h"

#include <stdlib.h>

/* X(name, operator, type of the left side, of the right): COUNT where there is none, UNKNOWN where it may be any, ARRAY for text[]. Sorted. */
#define OPERATOR_LIST(O) \
	O("array_eq", "=", UNKNOWN, UNKNOWN) O("array_ge", ">=", UNKNOWN, UNKNOWN) O("array_gt", ">", UNKNOWN, UNKNOWN) \
	O("array_le", "<=", UNKNOWN, UNKNOWN) O("array_lt", "<", UNKNOWN, UNKNOWN) O("array_ne", "<>", UNKNOWN, UNKNOWN) \
	O("arraycontained", "<@", UNKNOWN, UNKNOWN) O("arraycontains", "@>", UNKNOWN, UNKNOWN) \
	O("arrayoverlap", "&&", UNKNOWN, UNKNOWN) O("booleq", "=", BOOLEAN, BOOLEAN) O("boolge", ">=", BOOLEAN, BOOLEAN) \
	O("boolgt", ">", BOOLEAN, BOOLEAN) O("boolle", "<=", BOOLEAN, BOOLEAN) O("boollt", "<", BOOLEAN, BOOLEAN) \
	O("boolne", "<>", BOOLEAN, BOOLEAN) O("bpchar_pattern_ge", ">=", TEXT, TEXT) \
	O("bpchar_pattern_gt", ">", TEXT, TEXT) O("bpchar_pattern_le", "<=", TEXT, TEXT) \
	O("bpchar_pattern_lt", "<", TEXT, TEXT) O("bpchareq", "=", TEXT, TEXT) O("bpcharge", ">=", TEXT, TEXT) \
	O("bpchargt", ">", TEXT, TEXT) O("bpchariclike", "~~*", TEXT, TEXT) O("bpcharicnlike", "!~~*", TEXT, TEXT) \
	O("bpcharicregexeq", "~*", TEXT, TEXT) O("bpcharicregexne", "!~*", TEXT, TEXT) O("bpcharle", "<=", TEXT, TEXT) \
	O("bpcharlike", "~~", TEXT, TEXT) O("bpcharlt", "<", TEXT, TEXT) O("bpcharne", "<>", TEXT, TEXT) \
	O("bpcharnlike", "!~~", TEXT, TEXT) O("bpcharregexeq", "~", TEXT, TEXT) O("bpcharregexne", "!~", TEXT, TEXT) \
	O("byteacat", "||", BYTEA, BYTEA) O("byteaeq", "=", BYTEA, BYTEA) O("byteage", ">=", BYTEA, BYTEA) \
	O("byteagt", ">", BYTEA, BYTEA) O("byteale", "<=", BYTEA, BYTEA) O("bytealike", "~~", BYTEA, BYTEA) \
	O("bytealt", "<", BYTEA, BYTEA) O("byteane", "<>", BYTEA, BYTEA) O("byteanlike", "!~~", BYTEA, BYTEA) \
	O("date_eq", "=", DATE, DATE) O("date_eq_timestamp", "=", DATE, TIMESTAMP) \
	O("date_eq_timestamptz", "=", DATE, TIMESTAMPTZ) O("date_ge", ">=", DATE, DATE) \
	O("date_ge_timestamp", ">=", DATE, TIMESTAMP) O("date_ge_timestamptz", ">=", DATE, TIMESTAMPTZ) \
	O("date_gt", ">", DATE, DATE) O("date_gt_timestamp", ">", DATE, TIMESTAMP) \
	O("date_gt_timestamptz", ">", DATE, TIMESTAMPTZ) O("date_le", "<=", DATE, DATE) \
	O("date_le_timestamp", "<=", DATE, TIMESTAMP) O("date_le_timestamptz", "<=", DATE, TIMESTAMPTZ) \
	O("date_lt", "<", DATE, DATE) O("date_lt_timestamp", "<", DATE, TIMESTAMP) \
	O("date_lt_timestamptz", "<", DATE, TIMESTAMPTZ) O("date_mi", "-", DATE, DATE) \
	O("date_mi_interval", "-", DATE, INTERVAL) O("date_mii", "-", DATE, INTEGER) O("date_ne", "<>", DATE, DATE) \
	O("date_ne_timestamp", "<>", DATE, TIMESTAMP) O("date_ne_timestamptz", "<>", DATE, TIMESTAMPTZ) \
	O("date_pl_interval", "+", DATE, INTERVAL) O("date_pli", "+", DATE, INTEGER) O("datetime_pl", "+", DATE, TIME) \
	O("dcbrt", "||/", COUNT, DOUBLE) O("dpow", "^", DOUBLE, DOUBLE) O("dsqrt", "|/", COUNT, DOUBLE) \
	O("float48div", "/", REAL, DOUBLE) O("float48eq", "=", REAL, DOUBLE) O("float48ge", ">=", REAL, DOUBLE) \
	O("float48gt", ">", REAL, DOUBLE) O("float48le", "<=", REAL, DOUBLE) O("float48lt", "<", REAL, DOUBLE) \
	O("float48mi", "-", REAL, DOUBLE) O("float48mul", "*", REAL, DOUBLE) O("float48ne", "<>", REAL, DOUBLE) \
	O("float48pl", "+", REAL, DOUBLE) O("float4abs", "@", COUNT, REAL) O("float4div", "/", REAL, REAL) \
	O("float4eq", "=", REAL, REAL) O("float4ge", ">=", REAL, REAL) O("float4gt", ">", REAL, REAL) \
	O("float4le", "<=", REAL, REAL) O("float4lt", "<", REAL, REAL) O("float4mi", "-", REAL, REAL) \
	O("float4mul", "*", REAL, REAL) O("float4ne", "<>", REAL, REAL) O("float4pl", "+", REAL, REAL) \
	O("float4um", "-", COUNT, REAL) O("float4up", "+", COUNT, REAL) O("float84div", "/", DOUBLE, REAL) \
	O("float84eq", "=", DOUBLE, REAL) O("float84ge", ">=", DOUBLE, REAL) O("float84gt", ">", DOUBLE, REAL) \
	O("float84le", "<=", DOUBLE, REAL) O("float84lt", "<", DOUBLE, REAL) O("float84mi", "-", DOUBLE, REAL) \
	O("float84mul", "*", DOUBLE, REAL) O("float84ne", "<>", DOUBLE, REAL) O("float84pl", "+", DOUBLE, REAL) \
	O("float8abs", "@", COUNT, DOUBLE) O("float8div", "/", DOUBLE, DOUBLE) O("float8eq", "=", DOUBLE, DOUBLE) \
	O("float8ge", ">=", DOUBLE, DOUBLE) O("float8gt", ">", DOUBLE, DOUBLE) O("float8le", "<=", DOUBLE, DOUBLE) \
	O("float8lt", "<", DOUBLE, DOUBLE) O("float8mi", "-", DOUBLE, DOUBLE) O("float8mul", "*", DOUBLE, DOUBLE) \
	O("float8ne", "<>", DOUBLE, DOUBLE) O("float8pl", "+", DOUBLE, DOUBLE) O("float8um", "-", COUNT, DOUBLE) \
	O("float8up", "+", COUNT, DOUBLE) O("int24div", "/", SMALLINT, INTEGER) O("int24eq", "=", SMALLINT, INTEGER) \
	O("int24ge", ">=", SMALLINT, INTEGER) O("int24gt", ">", SMALLINT, INTEGER) O("int24le", "<=", SMALLINT, INTEGER) \
	O("int24lt", "<", SMALLINT, INTEGER) O("int24mi", "-", SMALLINT, INTEGER) O("int24mul", "*", SMALLINT, INTEGER) \
	O("int24ne", "<>", SMALLINT, INTEGER) O("int24pl", "+", SMALLINT, INTEGER) O("int28div", "/", SMALLINT, BIGINT) \
	O("int28eq", "=", SMALLINT, BIGINT) O("int28ge", ">=", SMALLINT, BIGINT) O("int28gt", ">", SMALLINT, BIGINT) \
	O("int28le", "<=", SMALLINT, BIGINT) O("int28lt", "<", SMALLINT, BIGINT) O("int28mi", "-", SMALLINT, BIGINT) \
	O("int28mul", "*", SMALLINT, BIGINT) O("int28ne", "<>", SMALLINT, BIGINT) O("int28pl", "+", SMALLINT, BIGINT) \
	O("int2abs", "@", COUNT, SMALLINT) O("int2and", "&", SMALLINT, SMALLINT) O("int2div", "/", SMALLINT, SMALLINT) \
	O("int2eq", "=", SMALLINT, SMALLINT) O("int2ge", ">=", SMALLINT, SMALLINT) O("int2gt", ">", SMALLINT, SMALLINT) \
	O("int2le", "<=", SMALLINT, SMALLINT) O("int2lt", "<", SMALLINT, SMALLINT) O("int2mi", "-", SMALLINT, SMALLINT) \
	O("int2mod", "%", SMALLINT, SMALLINT) O("int2mul", "*", SMALLINT, SMALLINT) O("int2ne", "<>", SMALLINT, SMALLINT) \
	O("int2not", "~", COUNT, SMALLINT) O("int2or", "|", SMALLINT, SMALLINT) O("int2pl", "+", SMALLINT, SMALLINT) \
	O("int2shl", "<<", SMALLINT, INTEGER) O("int2shr", ">>", SMALLINT, INTEGER) O("int2um", "-", COUNT, SMALLINT) \
	O("int2up", "+", COUNT, SMALLINT) O("int2xor", "#", SMALLINT, SMALLINT) O("int42div", "/", INTEGER, SMALLINT) \
	O("int42eq", "=", INTEGER, SMALLINT) O("int42ge", ">=", INTEGER, SMALLINT) O("int42gt", ">", INTEGER, SMALLINT) \
	O("int42le", "<=", INTEGER, SMALLINT) O("int42lt", "<", INTEGER, SMALLINT) O("int42mi", "-", INTEGER, SMALLINT) \
	O("int42mul", "*", INTEGER, SMALLINT) O("int42ne", "<>", INTEGER, SMALLINT) O("int42pl", "+", INTEGER, SMALLINT) \
	O("int48div", "/", INTEGER, BIGINT) O("int48eq", "=", INTEGER, BIGINT) O("int48ge", ">=", INTEGER, BIGINT) \
	O("int48gt", ">", INTEGER, BIGINT) O("int48le", "<=", INTEGER, BIGINT) O("int48lt", "<", INTEGER, BIGINT) \
	O("int48mi", "-", INTEGER, BIGINT) O("int48mul", "*", INTEGER, BIGINT) O("int48ne", "<>", INTEGER, BIGINT) \
	O("int48pl", "+", INTEGER, BIGINT) O("int4abs", "@", COUNT, INTEGER) O("int4and", "&", INTEGER, INTEGER) \
	O("int4div", "/", INTEGER, INTEGER) O("int4eq", "=", INTEGER, INTEGER) O("int4ge", ">=", INTEGER, INTEGER) \
	O("int4gt", ">", INTEGER, INTEGER) O("int4le", "<=", INTEGER, INTEGER) O("int4lt", "<", INTEGER, INTEGER) \
	O("int4mi", "-", INTEGER, INTEGER) O("int4mod", "%", INTEGER, INTEGER) O("int4mul", "*", INTEGER, INTEGER) \
	O("int4ne", "<>", INTEGER, INTEGER) O("int4not", "~", COUNT, INTEGER) O("int4or", "|", INTEGER, INTEGER) \
	O("int4pl", "+", INTEGER, INTEGER) O("int4shl", "<<", INTEGER, INTEGER) O("int4shr", ">>", INTEGER, INTEGER) \
	O("int4um", "-", COUNT, INTEGER) O("int4up", "+", COUNT, INTEGER) O("int4xor", "#", INTEGER, INTEGER) \
	O("int82div", "/", BIGINT, SMALLINT) O("int82eq", "=", BIGINT, SMALLINT) O("int82ge", ">=", BIGINT, SMALLINT) \
	O("int82gt", ">", BIGINT, SMALLINT) O("int82le", "<=", BIGINT, SMALLINT) O("int82lt", "<", BIGINT, SMALLINT) \
	O("int82mi", "-", BIGINT, SMALLINT) O("int82mul", "*", BIGINT, SMALLINT) O("int82ne", "<>", BIGINT, SMALLINT) \
	O("int82pl", "+", BIGINT, SMALLINT) O("int84div", "/", BIGINT, INTEGER) O("int84eq", "=", BIGINT, INTEGER) \
	O("int84ge", ">=", BIGINT, INTEGER) O("int84gt", ">", BIGINT, INTEGER) O("int84le", "<=", BIGINT, INTEGER) \
	O("int84lt", "<", BIGINT, INTEGER) O("int84mi", "-", BIGINT, INTEGER) O("int84mul", "*", BIGINT, INTEGER) \
	O("int84ne", "<>", BIGINT, INTEGER) O("int84pl", "+", BIGINT, INTEGER) O("int8abs", "@", COUNT, BIGINT) \
	O("int8and", "&", BIGINT, BIGINT) O("int8div", "/", BIGINT, BIGINT) O("int8eq", "=", BIGINT, BIGINT) \
	O("int8ge", ">=", BIGINT, BIGINT) O("int8gt", ">", BIGINT, BIGINT) O("int8le", "<=", BIGINT, BIGINT) \
	O("int8lt", "<", BIGINT, BIGINT) O("int8mi", "-", BIGINT, BIGINT) O("int8mod", "%", BIGINT, BIGINT) \
	O("int8mul", "*", BIGINT, BIGINT) O("int8ne", "<>", BIGINT, BIGINT) O("int8not", "~", COUNT, BIGINT) \
	O("int8or", "|", BIGINT, BIGINT) O("int8pl", "+", BIGINT, BIGINT) O("int8shl", "<<", BIGINT, INTEGER) \
	O("int8shr", ">>", BIGINT, INTEGER) O("int8um", "-", COUNT, BIGINT) O("int8up", "+", COUNT, BIGINT) \
	O("int8xor", "#", BIGINT, BIGINT) O("integer_pl_date", "+", INTEGER, DATE) \
	O("interval_div", "/", INTERVAL, DOUBLE) O("interval_eq", "=", INTERVAL, INTERVAL) \
	O("interval_ge", ">=", INTERVAL, INTERVAL) O("interval_gt", ">", INTERVAL, INTERVAL) \
	O("interval_le", "<=", INTERVAL, INTERVAL) O("interval_lt", "<", INTERVAL, INTERVAL) \
	O("interval_mi", "-", INTERVAL, INTERVAL) O("interval_mul", "*", INTERVAL, DOUBLE) \
	O("interval_ne", "<>", INTERVAL, INTERVAL) O("interval_pl", "+", INTERVAL, INTERVAL) \
	O("interval_pl_date", "+", INTERVAL, DATE) O("interval_pl_time", "+", INTERVAL, TIME) \
	O("interval_pl_timestamp", "+", INTERVAL, TIMESTAMP) O("interval_pl_timestamptz", "+", INTERVAL, TIMESTAMPTZ) \
	O("interval_um", "-", COUNT, INTERVAL) O("json_array_element", "->", JSON, INTEGER) \
	O("json_array_element_text", "->>", JSON, INTEGER) O("json_extract_path", "#>", JSON, ARRAY) \
	O("json_extract_path_text", "#>>", JSON, ARRAY) O("json_object_field", "->", JSON, TEXT) \
	O("json_object_field_text", "->>", JSON, TEXT) O("jsonb_array_element", "->", JSONB, INTEGER) \
	O("jsonb_array_element_text", "->>", JSONB, INTEGER) O("jsonb_concat", "||", JSONB, JSONB) \
	O("jsonb_contained", "<@", JSONB, JSONB) O("jsonb_contains", "@>", JSONB, JSONB) \
	O("jsonb_delete", "-", JSONB, UNKNOWN) O("jsonb_delete_path", "#-", JSONB, ARRAY) \
	O("jsonb_eq", "=", JSONB, JSONB) O("jsonb_exists", "?", JSONB, TEXT) O("jsonb_exists_all", "?&", JSONB, ARRAY) \
	O("jsonb_exists_any", "?|", JSONB, ARRAY) O("jsonb_extract_path", "#>", JSONB, ARRAY) \
	O("jsonb_extract_path_text", "#>>", JSONB, ARRAY) O("jsonb_ge", ">=", JSONB, JSONB) \
	O("jsonb_gt", ">", JSONB, JSONB) O("jsonb_le", "<=", JSONB, JSONB) O("jsonb_lt", "<", JSONB, JSONB) \
	O("jsonb_ne", "<>", JSONB, JSONB) O("jsonb_object_field", "->", JSONB, TEXT) \
	O("jsonb_object_field_text", "->>", JSONB, TEXT) O("jsonb_path_exists_opr", "@?", JSONB, TEXT) \
	O("jsonb_path_match_opr", "@@", JSONB, TEXT) O("mul_d_interval", "*", DOUBLE, INTERVAL) \
	O("numeric_abs", "@", COUNT, DECIMAL) O("numeric_add", "+", DECIMAL, DECIMAL) \
	O("numeric_div", "/", DECIMAL, DECIMAL) O("numeric_eq", "=", DECIMAL, DECIMAL) \
	O("numeric_ge", ">=", DECIMAL, DECIMAL) O("numeric_gt", ">", DECIMAL, DECIMAL) \
	O("numeric_le", "<=", DECIMAL, DECIMAL) O("numeric_lt", "<", DECIMAL, DECIMAL) \
	O("numeric_mod", "%", DECIMAL, DECIMAL) O("numeric_mul", "*", DECIMAL, DECIMAL) \
	O("numeric_ne", "<>", DECIMAL, DECIMAL) O("numeric_power", "^", DECIMAL, DECIMAL) \
	O("numeric_sub", "-", DECIMAL, DECIMAL) O("numeric_uminus", "-", COUNT, DECIMAL) \
	O("numeric_uplus", "+", COUNT, DECIMAL) O("record_eq", "=", UNKNOWN, UNKNOWN) \
	O("record_ge", ">=", UNKNOWN, UNKNOWN) O("record_gt", ">", UNKNOWN, UNKNOWN) \
	O("record_le", "<=", UNKNOWN, UNKNOWN) O("record_lt", "<", UNKNOWN, UNKNOWN) \
	O("record_ne", "<>", UNKNOWN, UNKNOWN) O("text_ge", ">=", TEXT, TEXT) O("text_gt", ">", TEXT, TEXT) \
	O("text_le", "<=", TEXT, TEXT) O("text_lt", "<", TEXT, TEXT) O("text_pattern_ge", ">=", TEXT, TEXT) \
	O("text_pattern_gt", ">", TEXT, TEXT) O("text_pattern_le", "<=", TEXT, TEXT) \
	O("text_pattern_lt", "<", TEXT, TEXT) O("textcat", "||", TEXT, TEXT) O("texteq", "=", TEXT, TEXT) \
	O("texticlike", "~~*", TEXT, TEXT) O("texticnlike", "!~~*", TEXT, TEXT) O("texticregexeq", "~*", TEXT, TEXT) \
	O("texticregexne", "!~*", TEXT, TEXT) O("textlike", "~~", TEXT, TEXT) O("textne", "<>", TEXT, TEXT) \
	O("textnlike", "!~~", TEXT, TEXT) O("textregexeq", "~", TEXT, TEXT) O("textregexne", "!~", TEXT, TEXT) \
	O("time_eq", "=", TIME, TIME) O("time_ge", ">=", TIME, TIME) O("time_gt", ">", TIME, TIME) \
	O("time_le", "<=", TIME, TIME) O("time_lt", "<", TIME, TIME) O("time_mi_interval", "-", TIME, INTERVAL) \
	O("time_mi_time", "-", TIME, TIME) O("time_ne", "<>", TIME, TIME) O("time_pl_interval", "+", TIME, INTERVAL) \
	O("timedate_pl", "+", TIME, DATE) O("timestamp_eq", "=", TIMESTAMP, TIMESTAMP) \
	O("timestamp_eq_date", "=", TIMESTAMP, DATE) O("timestamp_eq_timestamptz", "=", TIMESTAMP, TIMESTAMPTZ) \
	O("timestamp_ge", ">=", TIMESTAMP, TIMESTAMP) O("timestamp_ge_date", ">=", TIMESTAMP, DATE) \
	O("timestamp_ge_timestamptz", ">=", TIMESTAMP, TIMESTAMPTZ) O("timestamp_gt", ">", TIMESTAMP, TIMESTAMP) \
	O("timestamp_gt_date", ">", TIMESTAMP, DATE) O("timestamp_gt_timestamptz", ">", TIMESTAMP, TIMESTAMPTZ) \
	O("timestamp_le", "<=", TIMESTAMP, TIMESTAMP) O("timestamp_le_date", "<=", TIMESTAMP, DATE) \
	O("timestamp_le_timestamptz", "<=", TIMESTAMP, TIMESTAMPTZ) O("timestamp_lt", "<", TIMESTAMP, TIMESTAMP) \
	O("timestamp_lt_date", "<", TIMESTAMP, DATE) O("timestamp_lt_timestamptz", "<", TIMESTAMP, TIMESTAMPTZ) \
	O("timestamp_mi", "-", TIMESTAMP, TIMESTAMP) O("timestamp_mi_interval", "-", TIMESTAMP, INTERVAL) \
	O("timestamp_ne", "<>", TIMESTAMP, TIMESTAMP) O("timestamp_ne_date", "<>", TIMESTAMP, DATE) \
	O("timestamp_ne_timestamptz", "<>", TIMESTAMP, TIMESTAMPTZ) O("timestamp_pl_interval", "+", TIMESTAMP, INTERVAL) \
	O("timestamptz_eq", "=", TIMESTAMPTZ, TIMESTAMPTZ) O("timestamptz_eq_date", "=", TIMESTAMPTZ, DATE) \
	O("timestamptz_eq_timestamp", "=", TIMESTAMPTZ, TIMESTAMP) O("timestamptz_ge", ">=", TIMESTAMPTZ, TIMESTAMPTZ) \
	O("timestamptz_ge_date", ">=", TIMESTAMPTZ, DATE) O("timestamptz_ge_timestamp", ">=", TIMESTAMPTZ, TIMESTAMP) \
	O("timestamptz_gt", ">", TIMESTAMPTZ, TIMESTAMPTZ) O("timestamptz_gt_date", ">", TIMESTAMPTZ, DATE) \
	O("timestamptz_gt_timestamp", ">", TIMESTAMPTZ, TIMESTAMP) O("timestamptz_le", "<=", TIMESTAMPTZ, TIMESTAMPTZ) \
	O("timestamptz_le_date", "<=", TIMESTAMPTZ, DATE) O("timestamptz_le_timestamp", "<=", TIMESTAMPTZ, TIMESTAMP) \
	O("timestamptz_lt", "<", TIMESTAMPTZ, TIMESTAMPTZ) O("timestamptz_lt_date", "<", TIMESTAMPTZ, DATE) \
	O("timestamptz_lt_timestamp", "<", TIMESTAMPTZ, TIMESTAMP) O("timestamptz_mi", "-", TIMESTAMPTZ, TIMESTAMPTZ) \
	O("timestamptz_mi_interval", "-", TIMESTAMPTZ, INTERVAL) O("timestamptz_ne", "<>", TIMESTAMPTZ, TIMESTAMPTZ) \
	O("timestamptz_ne_date", "<>", TIMESTAMPTZ, DATE) O("timestamptz_ne_timestamp", "<>", TIMESTAMPTZ, TIMESTAMP) \
	O("timestamptz_pl_interval", "+", TIMESTAMPTZ, INTERVAL) O("~<=~", "<=", TEXT, TEXT) O("~<~", "<", TEXT, TEXT) \
	O("~>=~", ">=", TEXT, TEXT) O("~>~", ">", TEXT, TEXT)

struct named { const char *name, *op; enum spk_type_id side[2]; };

static const struct named operators[] = {
#define ENTRY(name_, op_, left_, right_) { name_, op_, { SPK_TYPE_##left_, SPK_TYPE_##right_ } },
	OPERATOR_LIST(ENTRY)
#undef ENTRY
};

static int compare(const void *name, const void *entry)
{
	return strcmp(name, ((const struct named *)entry)->name);
}

const char *spk_operator_of(const char *name, const struct spk_type *type, int args, struct spk_type *want)
{
	const struct named *n = bsearch(name, operators, SPK_COUNT_OF(operators), sizeof operators[0], compare);
	const enum spk_type_id *side = n && n->side[0] == SPK_TYPE_COUNT ? n->side + 1 : n ? n->side : NULL;

	if (!n || args != (side == n->side ? 2 : 1))
		return NULL;
	for (int i = 0; i < args; i++) {
		if (side[i] == SPK_TYPE_UNKNOWN)
			want[i] = type[i];
		else if (side[i] == SPK_TYPE_ARRAY)
			want[i] = spk_type_array(SPK_TYPE_TEXT);
		else
			want[i] = type[i].id == side[i] ? type[i] : spk_type(side[i]);
		if (!spk_can_coerce(type[i], want[i]))
			return NULL;
	}
	return n->op;
}
