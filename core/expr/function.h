/*
 * The function table: every scalar function and operator, by name and argument types. One family per file (arithmetic.c,
 * compare.c, string.c, math.c, time.c, ...), each with a const table; function.c joins them. docs/functions.md is made from it.
 */
#ifndef SPK_CORE_EXPR_FUNCTION_H
#define SPK_CORE_EXPR_FUNCTION_H

#include "core/expr/expr.h"

enum spk_volatility { SPK_IMMUTABLE, SPK_STABLE, SPK_VOLATILE };

enum { SPK_FUNCTION_ARGS_MAX = 8 };

/* Arguments of one call, as a kernel sees it. All vectors have in->rows rows. */
struct spk_call {
	const struct spk_expr *expr;       /* types, constants, prepared data */
	const struct spk_vector *arg;
	int args;
	int rows;                          /* physical rows */
	const int32_t *sel;                /* rows to compute; for a strict function only those without a NULL argument */
	int n;
	struct spk_eval *ev;
};
/* Writes values (and NULLs, by clearing bits after spk_vector_need_valid) of the rows in sel into the FLAT vector *out, which
 * the evaluator initialised. May put another vector in its place instead, in which the rows beside sel are NULL wherever out->valid
 * said so (spk_vector_take and spk_vector_join make such). Failing rows go through spk_call_fail. */
typedef spk_status (*spk_kernel)(const struct spk_call *call, struct spk_vector *out, spk_error *err);
/* A random number of 128 bits, the next one of this call. */
void spk_call_draw(const struct spk_call *call, uint64_t out[2]);
/* Reports that `row` fails: collects it, or fails the evaluation when nobody collects. */
spk_status spk_call_fail(const struct spk_call *call, struct spk_vector *out, int32_t row, spk_status code, spk_error *err, const char *format, ...) SPK_PRINTF(6, 7);
/* The same with an error that something else has made, its hint too. */
spk_status spk_call_fail_with(const struct spk_call *call, struct spk_vector *out, int32_t row, const spk_error *why, spk_error *err);

/*
 * Argument and result types that stand for more than one. UNKNOWN is a value of any type; ARRAY without children an array of
 * any. SPK_ALIKE_SAME: all UNKNOWN arguments and the elements of all such ARRAYs have one type (PostgreSQL's anyelement and
 * anyarray); SPK_ALIKE_COMPATIBLE: they are cast to their common type (anycompatible). A result of these two is of that type.
 *
 * Functions that give a set of rows (generate_series, unnest) are `set_returning`: their kernel gives an ARRAY of the rows'
 * type, and whoever binds the call puts an operator behind it that makes a row of every element (a NULL array gives none). Where
 * the set has several columns the element is a ROW. `unnest` itself is its argument.
 */
enum spk_alike { SPK_ALIKE_NONE, SPK_ALIKE_SAME, SPK_ALIKE_COMPATIBLE };

struct spk_function {
	const char *name;
	const char *doc;                        /* one line for docs/functions.md */
	int args_min, args_max;                 /* args_max -1: variadic of the last type */
	struct spk_type arg[SPK_FUNCTION_ARGS_MAX];
	struct spk_type result;
	/* Result type from argument types when it depends on them (numerics); NULL: `result`. */
	struct spk_type (*result_of)(const struct spk_type *arg, int args);
	bool not_strict;                        /* sees NULL arguments */
	bool total;                             /* cheap and never fails: may be computed on rows with a NULL too (unspecified value) */
	bool common;                            /* arguments of any type are cast to their common type; result UNKNOWN: that type, ARRAY: an array of it */
	enum spk_alike alike;
	bool set_returning;
	bool can_fail;
	bool safe_prepared;                     /* can_fail only by what prepare has looked at: a constant pattern */
	enum spk_volatility volatility;
	spk_kernel kernel;
	/* Called once at bind time, may prepare constant arguments into e->prepared; may be NULL. */
	spk_status (*prepare)(struct spk_arena *arena, struct spk_expr *e, spk_error *err);
};

struct spk_function_family { const struct spk_function *function; int count; const char *title; };
/* All families; *count of them. */
const struct spk_function_family *spk_function_families(int *count);
/* True when any function or aggregate has this name (for "did you mean"). */
bool spk_function_known(const char *name);
/* Closest known name or NULL. */
const char *spk_function_closest(const char *name);
/* docs/functions.md: scalar functions and aggregates. */
spk_status spk_functions_markdown(struct spk_buffer *out, spk_error *err);

#endif
