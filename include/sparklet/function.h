/*
 * SQL functions of your own, in C.
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

/* Memory for the result, given back by the caller of the function. NULL: none left; return err's code then. */
SPK_API void *spk_function_memory(struct spk_function_context *context, size_t size, spk_error *err);
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

#endif
