/* Functions about their arguments rather than their values: types, NULLs. */
#include "core/expr/families.h"
#include "core/expr/internal.h"

/* A type's name without precision and scale, as PostgreSQL's regtype shows it. */
static const char *bare_name(struct spk_type type, char *out, size_t size)
{
	struct spk_type element = spk_type_element(type);

	if (type.id == SPK_TYPE_TEXT && type.precision > 0)
		return spk_type_is_padded(type) ? "character" : "character varying";
	if (type.id == SPK_TYPE_ARRAY && element.id == SPK_TYPE_TEXT && element.precision > 0)
		return "character varying[]";
	if (type.id != SPK_TYPE_ARRAY || spk_type_is_nested(element))
		return spk_type_format(spk_type_bare(type), out, size);
	return spk_type_format(spk_type_array(element.id), out, size);
}

static spk_status pg_typeof(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	char name[64];
	const char *shown = bare_name(call->arg[0].type, name, sizeof name);

	SPK_EACH_CALL_ROW(call, row)
		SPK_TRY(spk_call_text(call, out, row, shown, strlen(shown), err));
	return SPK_OK;
}

/* How many arguments are NULL, or are not. */
static spk_status count_nulls(const struct spk_call *call, bool null, struct spk_vector *out)
{
	SPK_EACH_CALL_ROW(call, row)
		spk_vector_i32(out)[row] = 0;
	for (int k = 0; k < call->args; k++) {
		const struct spk_reader r = spk_vector_reader(&call->arg[k]);

		SPK_EACH_CALL_ROW(call, row)
			spk_vector_i32(out)[row] += spk_arg_is_null(&r, row) == null;
	}
	return SPK_OK;
}

static spk_status num_nulls(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	(void)err;
	return count_nulls(call, true, out);
}

static spk_status num_nonnulls(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	(void)err;
	return count_nulls(call, false, out);
}

#define NULLS(name_, doc_) \
	{ .name = #name_, .doc = doc_, .args_min = 1, .args_max = -1, .arg = { SPK_T(UNKNOWN) }, SPK_RESULT(INTEGER), .not_strict = true, .kernel = name_ }

static const struct spk_function about_functions[] = {
	{ .name = "pg_typeof", .doc = "The name of the argument's type", SPK_ARGS1(UNKNOWN), SPK_RESULT(TEXT), .not_strict = true, .kernel = pg_typeof },
	NULLS(num_nulls, "How many arguments are NULL"),
	NULLS(num_nonnulls, "How many arguments are not NULL"),
};

SPK_FUNCTION_FAMILY(about, about_functions)
