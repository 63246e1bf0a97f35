/* Calls functions of a session row by row, between vectors and struct spk_sql_value. */
#include "core/expr/user_function.h"

#include "core/base/interrupt.h"
#include "core/expr/kernel.h"
#include "core/expr/sql_value.h"

static spk_status put(const struct spk_call *call, struct spk_vector *out, int32_t row, const struct spk_sql_value *v, spk_error *err)
{
	spk_error failed = { 0 };

	if (v->null)
		return spk_call_null(call, out, row, err);
	if (spk_sql_value_put(v, out, row, call->ev->arena, &failed) == SPK_OK)
		return SPK_OK;
	return spk_call_fail(call, out, row, failed.code, err, "function %s %s", call->expr->function->name, failed.message);
}

static spk_status kernel(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_user_function *f = (const struct spk_user_function *)call->expr->function;
	struct spk_function_context context = { .user = f->user, .arena = call->ev->arena };
	struct spk_sql_value arg[SPK_FUNCTION_ARGS_MAX];
	struct spk_reader reader[SPK_FUNCTION_ARGS_MAX];

	for (int i = 0; i < call->args; i++)
		reader[i] = spk_vector_reader(&call->arg[i]);
	SPK_EACH_CALL_ROW(call, row) {
		struct spk_sql_value result = { 0 };
		spk_error failed = { 0 };
		spk_status status;

		for (int i = 0; i < call->args; i++)
			arg[i] = spk_sql_value_take(&call->arg[i], &reader[i], row);
		SPK_TRY(spk_check_interrupt(err));
		status = f->call(&context, arg, &result, &failed);
		if (status == SPK_OK)
			SPK_TRY(put(call, out, row, &result, err));
		else
			SPK_TRY(spk_call_fail(call, out, row, status, err, "function %s: %s", f->base.name, *failed.message ? failed.message : "it failed and did not say why"));
	}
	return SPK_OK;
}

spk_status spk_user_types_check(const char *what, const char *name, const struct spk_type *arg, int args, struct spk_type result, spk_error *err)
{
	char type[64];

	for (int i = 0; i < args; i++)
		if (!spk_sql_value_holds(arg[i]))
			return spk_fail(err, SPK_UNSUPPORTED, "%s %s: arguments of type %s are not supported", what, name, spk_type_format(arg[i], type, sizeof type));
	if (!spk_sql_value_holds(result) || spk_type_is_json(result))
		return spk_fail(err, SPK_UNSUPPORTED, "%s %s: results of type %s are not supported", what, name, spk_type_format(result, type, sizeof type));
	return SPK_OK;
}

spk_status spk_user_function_init(struct spk_user_function *f, const char *name, const struct spk_type *arg, int args, struct spk_type result, enum spk_volatility volatility, bool called_on_null,
				  spk_scalar_function call, void *user, spk_error *err)
{
	*f = (struct spk_user_function){ .base = { .name = name, .doc = "a function of this session", .args_min = args, .args_max = args, .result = result, .not_strict = called_on_null,
		.can_fail = true, .volatility = volatility, .kernel = kernel }, .call = call, .user = user };
	for (int i = 0; i < args; i++)
		f->base.arg[i] = arg[i];
	return spk_user_types_check("function", name, arg, args, result, err);
}
