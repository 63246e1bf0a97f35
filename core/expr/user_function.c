/* Calls functions of a session row by row, between vectors and struct spk_sql_value. */
#include "core/expr/user_function.h"

#include "core/base/utf8.h"
#include "core/columnar/decimal.h"
#include "core/expr/kernel.h"

struct spk_function_context { const struct spk_user_function *function; struct spk_arena *arena; };

void *spk_function_memory(struct spk_function_context *context, size_t size, spk_error *err)
{
	void *p = spk_arena_alloc(context->arena, size + 1);

	if (!p)
		spk_fail_memory(err);
	return p;
}

void *spk_function_user(const struct spk_function_context *context) { return context->function->user; }

/* --- values --- */

static struct spk_sql_value take(const struct spk_vector *v, const struct spk_reader *r, int32_t row)
{
	uint32_t slot = spk_reader_slot(r, row);
	struct spk_sql_value out = { .null = !spk_reader_valid(r, slot) };
	const struct spk_view *view;

	if (out.null)
		return out;
	switch (v->type.id) {
	case SPK_TYPE_BOOLEAN: out.boolean = ((const uint8_t *)r->data)[slot]; break;
	case SPK_TYPE_SMALLINT: out.integer = ((const int16_t *)r->data)[slot]; break;
	case SPK_TYPE_INTEGER:
	case SPK_TYPE_DATE: out.integer = ((const int32_t *)r->data)[slot]; break;
	case SPK_TYPE_REAL: out.real = (double)((const float *)r->data)[slot]; break;
	case SPK_TYPE_DOUBLE: out.real = ((const double *)r->data)[slot]; break;
	case SPK_TYPE_DECIMAL: spk_decimal_unpack(v->type, ((const spk_int128 *)r->data)[slot], &out.decimal.value, &out.decimal.scale); break;
	case SPK_TYPE_TEXT:
	case SPK_TYPE_BYTEA:
	case SPK_TYPE_JSONB:
		view = &((const struct spk_view *)r->data)[slot];
		out.text = (struct spk_text){ spk_view_data(view), view->length };
		break;
	default: out.integer = ((const int64_t *)r->data)[slot];
	}
	return out;
}

static bool narrow(int64_t from, int64_t low, int64_t high, const struct spk_call *call, struct spk_vector *out, int32_t row, spk_status *status, spk_error *err)
{
	if (from >= low && from <= high)
		return true;
	*status = spk_call_fail(call, out, row, SPK_DATA, err, "function %s gave %lld, which does not fit its type", call->expr->function->name, (long long)from);
	return false;
}

static spk_status put_text(const struct spk_call *call, struct spk_vector *out, int32_t row, const struct spk_text *text, spk_error *err)
{
	const char *copy = text->data;

	if (out->type.id == SPK_TYPE_TEXT && spk_utf8_valid(text->data, text->size) != text->size)
		return spk_call_fail(call, out, row, SPK_DATA, err, "function %s gave text that is not UTF-8", call->expr->function->name);
	if (text->size > SPK_VIEW_INLINE)
		SPK_TRY_PTR(copy = spk_arena_copy(call->ev->arena, text->data, text->size), err);
	spk_vector_view(out)[row] = spk_view(text->size ? copy : "", (uint32_t)text->size);
	return SPK_OK;
}

static spk_status put(const struct spk_call *call, struct spk_vector *out, int32_t row, const struct spk_sql_value *v, spk_error *err)
{
	spk_status status = SPK_OK;

	if (v->null)
		return spk_call_null(call, out, row, err);
	switch (out->type.id) {
	case SPK_TYPE_BOOLEAN: spk_vector_bool(out)[row] = v->boolean; break;
	case SPK_TYPE_SMALLINT:
		if (narrow(v->integer, INT16_MIN, INT16_MAX, call, out, row, &status, err))
			spk_vector_i16(out)[row] = (int16_t)v->integer;
		break;
	case SPK_TYPE_INTEGER:
	case SPK_TYPE_DATE:
		if (narrow(v->integer, INT32_MIN, INT32_MAX, call, out, row, &status, err))
			spk_vector_i32(out)[row] = (int32_t)v->integer;
		break;
	case SPK_TYPE_REAL: spk_vector_f32(out)[row] = (float)v->real; break;
	case SPK_TYPE_DOUBLE: spk_vector_f64(out)[row] = v->real; break;
	case SPK_TYPE_DECIMAL:
		if (v->decimal.scale < 0 || v->decimal.scale > SPK_DECIMAL_DIGITS || !spk_decimal_store(out->type, v->decimal.value, v->decimal.scale, &spk_vector_i128(out)[row]))
			status = spk_call_fail(call, out, row, SPK_DATA, err, "function %s gave a numeric that does not fit its type", call->expr->function->name);
		break;
	case SPK_TYPE_TEXT:
	case SPK_TYPE_BYTEA:
		return put_text(call, out, row, &v->text, err);
	default: spk_vector_i64(out)[row] = v->integer;
	}
	return status;
}

/* --- the kernel --- */

static spk_status kernel(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_user_function *f = (const struct spk_user_function *)call->expr->function;
	struct spk_function_context context = { f, call->ev->arena };
	struct spk_sql_value arg[SPK_FUNCTION_ARGS_MAX];
	struct spk_reader reader[SPK_FUNCTION_ARGS_MAX];

	for (int i = 0; i < call->args; i++)
		reader[i] = spk_vector_reader(&call->arg[i]);
	SPK_EACH_CALL_ROW(call, row) {
		struct spk_sql_value result = { 0 };
		spk_error failed = { 0 };
		spk_status status;

		for (int i = 0; i < call->args; i++)
			arg[i] = take(&call->arg[i], &reader[i], row);
		status = f->call(&context, arg, &result, &failed);
		if (status == SPK_OK)
			SPK_TRY(put(call, out, row, &result, err));
		else
			SPK_TRY(spk_call_fail(call, out, row, status, err, "function %s: %s", f->base.name, failed.message));
	}
	return SPK_OK;
}

static bool has_place(struct spk_type type, bool result)
{
	return !spk_type_is_nested(type) && type.id != SPK_TYPE_INTERVAL && type.id != SPK_TYPE_UNKNOWN && !(result && type.id == SPK_TYPE_JSONB);
}

spk_status spk_user_function_init(struct spk_user_function *f, const char *name, const struct spk_type *arg, int args, struct spk_type result, enum spk_volatility volatility, bool called_on_null,
				  spk_scalar_function call, void *user, spk_error *err)
{
	char type[64];

	*f = (struct spk_user_function){ .base = { .name = name, .doc = "a function of this session", .args_min = args, .args_max = args, .result = result, .not_strict = called_on_null,
		.can_fail = true, .volatility = volatility, .kernel = kernel }, .call = call, .user = user };
	for (int i = 0; i < args; i++) {
		f->base.arg[i] = arg[i];
		if (!has_place(arg[i], false))
			return spk_fail(err, SPK_UNSUPPORTED, "function %s: arguments of type %s are not supported", name, spk_type_format(arg[i], type, sizeof type));
	}
	if (!has_place(result, true))
		return spk_fail(err, SPK_UNSUPPORTED, "function %s: results of type %s are not supported", name, spk_type_format(result, type, sizeof type));
	return SPK_OK;
}
