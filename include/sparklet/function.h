/*
 * SQL functions and aggregates of your own, in C.
 *
 *   static spk_status shout(struct spk_function_context *context, const struct spk_sql_value *arg, struct spk_sql_value *result, spk_error *err)
 *   {
 *           char *text = spk_function_memory(context, arg[0].text.size + 1, err);
 *           ...
 *           result->text = (struct spk_text){ text, arg[0].text.size + 1 };
 *           return SPK_OK;
 *   }
 *   spk_session_register_function(session, &(struct spk_function_spec){ .name = "shout", .arguments = "text", .returns = "text", .call = shout }, &err);
 *
 * or from SQL, out of a shared library in the folder that the configuration key udf.path names:
 *
 *   CREATE FUNCTION shout(text) RETURNS text LANGUAGE c IMMUTABLE STRICT AS 'libmine.so', 'shout';
 *
 * Functions run on worker threads, several at once. One that is not volatile must give the same for the same arguments: it may be computed
 * ahead, once for many rows, or again.
 *
 * An aggregate keeps a state per group: update takes rows in, merge another state of the same group, final gives the result.
 *
 *   struct mean { double sum; int64_t count; };
 *
 *   static spk_status update(struct spk_function_context *context, void *const *state, const struct spk_sql_column *column, int rows, spk_error *err)
 *   {
 *           for (int i = 0; i < rows; i++) {
 *                   struct mean *m = state[i];
 *                   m->sum += column[0].real[i];
 *                   m->count++;
 *           }
 *           return SPK_OK;
 *   }
 *   ...
 *   spk_session_register_aggregate(session, &(struct spk_aggregate_spec){ .name = "mean", .arguments = "double precision", .returns = "double precision",
 *           .state_size = sizeof(struct mean), .update = update, .merge = merge, .final = final }, &err);
 *
 * or from SQL, over functions that are there already:
 *
 *   CREATE AGGREGATE mean(double precision) (SFUNC = mean_add, STYPE = text, FINALFUNC = mean_of, COMBINEFUNC = mean_merge, INITCOND = '0 0');
 *
 * It is an aggregate like the built-in ones: FILTER, DISTINCT, ORDER BY, OVER, GROUPING SETS, partial aggregation, spilling, streams.
 */
#ifndef SPARKLET_FUNCTION_H
#define SPARKLET_FUNCTION_H

#include "sparklet/session.h"
#include "sparklet/value.h"

struct spk_function_context;

/*
 * One call. *result is not NULL and zero before it; set result->null for NULL. Arguments live until it returns; text that it gives must lie in
 * them, in spk_function_memory or in memory that stays. A failure (spk_fail(err, ...) and its code) fails the query or makes a dead letter.
 */
typedef spk_status (*spk_scalar_function)(struct spk_function_context *context, const struct spk_sql_value *arg, struct spk_sql_value *result, spk_error *err);

/* Memory for the result, given back by the caller of the function (in update and merge: when it returns). NULL: none left; return err's code then. */
SPK_API void *spk_function_memory(struct spk_function_context *context, size_t size, spk_error *err);
/*
 * Memory that a state of an aggregate owns: of `size` bytes from now on, `old_size` before (0: none, `memory` is ignored), what it holds kept; size 0
 * gives it back and returns NULL. It counts to memory.limit. NULL: none left, the old memory stays; return err's code then.
 */
SPK_API void *spk_function_resize(struct spk_function_context *context, void *memory, size_t old_size, size_t size, spk_error *err);
/* spec.user. */
SPK_API void *spk_function_user(const struct spk_function_context *context);

/* Its results: always the same for the same arguments; the same within a statement or epoch; different at every call. */
enum spk_function_volatility { SPK_FUNCTION_IMMUTABLE, SPK_FUNCTION_STABLE, SPK_FUNCTION_VOLATILE };

struct spk_function_spec {
	const char *name;            /* lower case, unless it is to be quoted */
	const char *arguments;       /* SQL types: "integer, text"; "" for none; 8 at the most */
	const char *returns;         /* SQL type */
	enum spk_function_volatility volatility;
	bool called_on_null;         /* else NULL arguments give NULL without a call */
	spk_scalar_function call;
	void *user;                  /* lives as long as the session */
};

/* EXISTS when a function of that name is there already: built-in ones cannot be replaced. UNSUPPORTED for arrays, records and intervals. */
SPK_API spk_status spk_session_register_function(struct spk_session *session, const struct spk_function_spec *spec, spk_error *err);

/* --- aggregates --- */

/*
 * States are `state_size` bytes, aligned to 16, which may be moved: they hold no pointers into themselves. Each is worked on by one thread at a
 * time. A function that fails fails the query, with the aggregate's name before its message.
 */
struct spk_aggregate_spec {
	const char *name;            /* as of functions; the two share their names */
	const char *arguments;       /* SQL types; "": called as name(*); 4 at the most */
	const char *returns;         /* SQL type */
	size_t state_size;           /* bytes, 1 to 4096 */
	bool called_on_null;         /* else rows with a NULL argument do not reach update */
	/* Makes the zeroed state that of no rows. NULL: it is. */
	spk_status (*init)(struct spk_function_context *context, void *state, spk_error *err);
	/* Takes `rows` rows (at least 1) into the states of their groups: state[i] is that of row i; rows of a group have the same. column: one per argument. */
	spk_status (*update)(struct spk_function_context *context, void *const *state, const struct spk_sql_column *column, int rows, spk_error *err);
	/*
	 * Takes in what another state of the group has seen; rows in `from` came after those in `into`. NULL: there is no such thing. Then groups keep
	 * their rows to the end and are not computed in parts; in streams the aggregate is refused.
	 */
	spk_status (*merge)(struct spk_function_context *context, void *into, const void *from, spk_error *err);
	/* The result; as for functions, *result is not NULL and zero before. May be called several times for a state, with more updates between (OVER). */
	spk_status (*final)(struct spk_function_context *context, const void *state, struct spk_sql_value *result, spk_error *err);
	/*
	 * For states that own memory (spk_function_resize), else NULL all three: the state's bytes are all of it. serialize gives bytes that stand for the
	 * state (in spk_function_memory or the state), deserialize makes a zeroed state of them, release gives back what a state owns.
	 */
	spk_status (*serialize)(struct spk_function_context *context, const void *state, struct spk_text *bytes, spk_error *err);
	spk_status (*deserialize)(struct spk_function_context *context, void *state, struct spk_text bytes, spk_error *err);
	void (*release)(struct spk_function_context *context, void *state);
	void *user;                  /* lives as long as the session */
};

/*
 * Errors as of spk_session_register_function; USAGE when functions are missing or state_size is out of range. init and final are called once to
 * see what is the result over no rows.
 */
SPK_API spk_status spk_session_register_aggregate(struct spk_session *session, const struct spk_aggregate_spec *spec, spk_error *err);

#endif
