/*
 * jsonpath: PostgreSQL 15's path language over jsonb. A path is compiled once (jsonb_path_parse.c) to a
 * read-only tree, which threads share, and run over values (jsonb_path_run.c). Private to core/expr.
 */
#ifndef SPK_CORE_EXPR_JSONB_PATH_H
#define SPK_CORE_EXPR_JSONB_PATH_H

#include "core/expr/jsonb.h"
#include "core/expr/regex_program.h"
#include "core/expr/template.h"
#include "core/expr/zone.h"

/* X(ID, "as messages name it"); from EQ to GE the comparisons, from AND on the predicates */
#define SPK_PATH_NODE_LIST(X) \
	X(ROOT, "$") X(CURRENT, "@") X(LAST, "LAST") X(LITERAL, "") X(VARIABLE, "") \
	X(KEY, ".key") X(ANY_KEY, ".*") X(ANY_ELEMENT, "[*]") X(INDEX, "[]") X(ANY_DEPTH, "**") X(FILTER, "?") \
	X(TYPE, "type") X(SIZE, "size") X(ABS, "abs") X(FLOOR, "floor") X(CEILING, "ceiling") X(DOUBLE, "double") X(DATETIME, "datetime") X(KEYVALUE, "keyvalue") \
	X(PLUS, "+") X(MINUS, "-") X(ADD, "+") X(SUBTRACT, "-") X(MULTIPLY, "*") X(DIVIDE, "/") X(MODULO, "%") \
	X(AND, "&&") X(OR, "||") X(NOT, "!") X(IS_UNKNOWN, "is unknown") X(EXISTS, "exists") X(STARTS_WITH, "starts with") X(LIKE_REGEX, "like_regex") \
	X(EQ, "==") X(NE, "<>") X(LT, "<") X(LE, "<=") X(GT, ">") X(GE, ">=")

enum spk_path_kind {
#define SPK_PATH_ENUM(id, text) SPK_PATH_##id,
	SPK_PATH_NODE_LIST(SPK_PATH_ENUM)
#undef SPK_PATH_ENUM
};

struct spk_path_node;
struct spk_path_range { const struct spk_path_node *from, *to; };  /* to NULL: the one subscript */

struct spk_path_node {
	enum spk_path_kind kind;
	const struct spk_path_node *next;          /* the accessor behind this one */
	const struct spk_path_node *left, *right;  /* operands; FILTER: left */
	struct spk_json literal;                   /* LITERAL: a jsonb value */
	const char *name;                          /* KEY, VARIABLE; LIKE_REGEX: the pattern; DATETIME: the template's text */
	size_t name_size;
	struct spk_path_range *range;              /* INDEX */
	int ranges;
	uint32_t first, last;                      /* ANY_DEPTH: levels */
	const struct spk_regex *regex;
	char flags[6];                             /* LIKE_REGEX: as PostgreSQL shows them */
	const struct spk_template *template;       /* DATETIME: NULL without one */
};

struct spk_path { bool lax; const struct spk_path_node *root; };

/* Compiles a path into `arena`. SPK_DATA with PostgreSQL's message. */
spk_status spk_path_compile(struct spk_arena *arena, const char *s, size_t size, const struct spk_path **out, spk_error *err);

/* Appends the path as PostgreSQL shows it. */
spk_status spk_path_print(const struct spk_path *path, struct spk_buffer *out, spk_error *err);

static inline bool spk_path_is_predicate(const struct spk_path_node *n) { return n->kind >= SPK_PATH_AND && !n->next; }

/* --- running --- */

/* A sequence of values. */
struct spk_path_list { struct spk_json *item; int count, capacity; };

struct spk_path_run {
	const struct spk_path *path;
	struct spk_arena *arena;          /* lists and values that are made; cleared by the caller */
	struct spk_json root, vars;       /* vars.p NULL: there are none, and all are null */
	struct spk_regex_matcher matcher;
	bool loose;                       /* structural errors do not count here */
	int last;                         /* size of the innermost array that is subscripted, -1 outside of any */
	int depth;
	char message[256];                /* of an error in the data, as PostgreSQL words it */
	bool zoned;                       /* a _tz function: what has a zone and what has none are compared in this one (NULL: UTC) */
	const struct spk_zone *zone;
	bool hard;                        /* which is not to be silent, nor make a predicate unknown */
	spk_error failure;                /* code set: out of memory and the like */
};

enum spk_path_result { SPK_PATH_OK, SPK_PATH_NOT_FOUND, SPK_PATH_ERROR };

/* The sequence that the path gives for run->root; list NULL: only whether it gives something. After ERROR see failure, then message. */
enum spk_path_result spk_path_run(struct spk_path_run *run, struct spk_path_list *list);

#endif
