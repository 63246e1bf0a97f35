/* Scalar functions that a session brings: include/sparklet/function.h. They are functions like those of the table, found through the catalog. */
#ifndef SPK_CORE_EXPR_USER_FUNCTION_H
#define SPK_CORE_EXPR_USER_FUNCTION_H

#include "core/expr/function.h"
#include "sparklet/function.h"

struct spk_user_function {
	struct spk_function base;
	spk_scalar_function call;
	void *user;
};

/* Fills `f`; everything it points to is borrowed. UNSUPPORTED for a type that struct spk_sql_value has no place for. */
spk_status spk_user_function_init(struct spk_user_function *f, const char *name, const struct spk_type *arg, int args, struct spk_type result, enum spk_volatility volatility, bool called_on_null,
				  spk_scalar_function call, void *user, spk_error *err);
/* UNSUPPORTED for types that functions and aggregates (`what`) cannot have. */
spk_status spk_user_types_check(const char *what, const char *name, const struct spk_type *arg, int args, struct spk_type result, spk_error *err);

#endif
