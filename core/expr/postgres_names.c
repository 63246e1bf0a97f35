/*
 * Names of PostgreSQL 15's functions and types that are not here: so that a use of one is refused as what it is, not as a name that nobody
 * knows. Operators' and types' inner functions (int4pl, textin) are left out.
 */
#include "core/expr/internal.h"

#include <stdlib.h>

/* Sorted. */
static const char *const names[] = {
	"abbrev", "area", "array_to_tsvector", "bound_box", "box", "center", "cidr", "circle", "col_description", "convert", "current_database",
	"current_query", "current_setting", "currval", "datemultirange", "daterange", "diagonal", "diameter", "enum_first", "enum_last", "enum_range",
	"family", "format_type", "get_current_ts_config", "getdatabaseencoding", "has_schema_privilege", "has_table_privilege",
	"hashtext", "hashtextextended", "height", "host", "hostmask", "inet", "inet_client_addr", "inet_merge", "inet_same_family", "inet_server_addr",
	"int4multirange", "int4range", "int8multirange", "int8range", "is_normalized", "isclosed", "isempty", "ishorizontal", "isopen", "isparallel",
	"isperp", "isvertical", "json_to_tsvector", "jsonb_to_tsvector", "lastval", "like_escape", "line", "lower_inc", "lower_inf", "lseg", "macaddr",
	"macaddr8_set7bit", "masklen", "money", "multirange", "netmask", "network", "nextval", "normalize", "notlike", "npoints", "nummultirange",
	"numnode", "numrange", "obj_description", "path", "pg_backend_pid", "pg_client_encoding", "pg_collation_for", "pg_column_size",
	"pg_current_xact_id", "pg_database_size", "pg_get_expr", "pg_get_viewdef", "pg_relation_size", "pg_sleep",
	"pg_sleep_for", "pg_sleep_until", "pg_table_size", "pg_total_relation_size", "phraseto_tsquery", "plainto_tsquery", "point", "polygon",
	"query_to_xml", "querytree", "radius", "range_agg", "range_intersect_agg", "range_merge", "set_config", "set_masklen", "setseed", "setval",
	"setweight", "similar_escape", "similar_to_escape", "slope", "strip", "table_to_xml", "timeofday", "to_ascii", "to_regclass", "to_regcollation",
	"to_regnamespace", "to_regoper", "to_regoperator", "to_regproc", "to_regprocedure", "to_regrole", "to_regtype", "to_tsquery", "to_tsvector",
	"ts_debug", "ts_delete", "ts_filter", "ts_headline", "ts_lexize", "ts_parse", "ts_rank", "ts_rank_cd", "ts_rewrite", "ts_stat", "ts_token_type",
	"tsmultirange", "tsquery_phrase", "tsrange", "tstzmultirange", "tstzrange", "tsvector_to_array", "txid_current", "upper_inc", "upper_inf",
	"version", "websearch_to_tsquery", "width", "xml_is_well_formed", "xml_is_well_formed_content", "xml_is_well_formed_document", "xmlagg",
	"xmlcomment", "xmlconcat", "xmlelement", "xmlexists", "xmlforest", "xmlparse", "xmlpi", "xmlroot", "xmlserialize", "xmlvalidate", "xpath",
	"xpath_exists",
};

static const char *const types[] = {
	"box", "cid", "cidr", "circle", "datemultirange", "daterange", "inet", "int2vector", "int4multirange", "int4range", "int8multirange",
	"int8range", "line", "lseg", "macaddr", "macaddr8", "money", "nummultirange", "numrange", "oid", "oidvector", "path", "pg_lsn", "pg_snapshot",
	"point", "polygon", "refcursor", "regclass", "regcollation", "regconfig", "regdictionary", "regnamespace", "regoper", "regoperator", "regproc",
	"regprocedure", "regrole", "regtype", "tid", "time with time zone", "timetz", "tsmultirange", "tsquery", "tsrange", "tstzmultirange", "tstzrange",
	"tsvector", "txid_snapshot", "xid", "xid8", "xml",
};

static int compare(const void *name, const void *entry)
{
	return strcmp(name, *(const char *const *)entry);
}

bool spk_postgres_has(const char *name)
{
	return bsearch(name, names, SPK_COUNT_OF(names), sizeof names[0], compare) != NULL;
}

bool spk_postgres_has_type(const char *name)
{
	return bsearch(name, types, SPK_COUNT_OF(types), sizeof types[0], compare) != NULL;
}
