/* Functions of a session: registered from C and loaded from a library; NULLs, every type, failures, what is refused. */
#include <stdio.h>

#include "sparklet/frame.h"
#include "sparklet/function.h"
#include "tests/support/test.h"

static struct spk_session *session;
static spk_error err;

static void begin(void)
{
	err = (spk_error){ 0 };
	REQUIRE_OK(spk_session_new(&session, &err), err);
}

static void end(void) { spk_session_free(session); }

static spk_status shout(struct spk_function_context *context, const struct spk_sql_value *arg, struct spk_sql_value *result, spk_error *e)
{
	char *text = spk_function_memory(context, arg[0].text.size + 1, e);

	if (!text)
		return e->code;
	for (size_t i = 0; i < arg[0].text.size; i++)
		text[i] = (char)(arg[0].text.data[i] >= 'a' && arg[0].text.data[i] <= 'z' ? arg[0].text.data[i] - 32 : arg[0].text.data[i]);
	text[arg[0].text.size] = '!';
	result->text = (struct spk_text){ text, arg[0].text.size + 1 };
	return SPK_OK;
}

static spk_status add_all(struct spk_function_context *context, const struct spk_sql_value *arg, struct spk_sql_value *result, spk_error *e)
{
	(void)e;
	result->decimal = (struct spk_decimal){ arg[3].decimal.value + (arg[0].integer + arg[1].integer + (int64_t)arg[2].real + *(int64_t *)spk_function_user(context)) * 100, 2 };
	return SPK_OK;
}

static spk_status or_zero(struct spk_function_context *context, const struct spk_sql_value *arg, struct spk_sql_value *result, spk_error *e)
{
	(void)context;
	(void)e;
	result->integer = arg[0].null ? 0 : arg[0].integer;
	return SPK_OK;
}

static spk_status picky(struct spk_function_context *context, const struct spk_sql_value *arg, struct spk_sql_value *result, spk_error *e)
{
	(void)context;
	if (arg[0].integer == 13)
		return spk_fail(e, SPK_DATA, "13 brings bad luck");
	result->integer = arg[0].integer * 30000;
	return SPK_OK;
}

static spk_status garbage(struct spk_function_context *context, const struct spk_sql_value *arg, struct spk_sql_value *result, spk_error *e)
{
	(void)context;
	(void)arg;
	(void)e;
	result->text = (struct spk_text){ "\xff", 1 };
	return SPK_OK;
}

static void reg(struct spk_function_spec spec) { CHECK_OK(spk_session_register_function(session, &spec, &err), err); }

static void check(const char *query, const char *want)
{
	char *text = NULL;

	if (CHECK_OK(spk_frame_show(spk_frame_sql(session, query), 10, &text, &err), err))
		CHECK_EQ_STR(text, want);
	free(text);
}

static void check_error(const char *query, spk_status code, const char *message)
{
	char *text = NULL;

	err = (spk_error){ 0 };
	CHECK_FAILS(spk_frame_show(spk_frame_sql(session, query), 10, &text, &err), code, err);
	CHECK_HOLDS(err.message, message);
}

static void calls_reach_functions(void)
{
	static int64_t thousand = 1000;

	begin();
	reg((struct spk_function_spec){ .name = "shout", .arguments = "text", .returns = "text", .call = shout });
	reg((struct spk_function_spec){ .name = "add_all", .arguments = "smallint, bigint, real, numeric(10, 2)", .returns = "numeric", .call = add_all, .user = &thousand });
	reg((struct spk_function_spec){ .name = "or_zero", .arguments = "integer", .returns = "bigint", .called_on_null = true, .call = or_zero });
	check("SELECT shout('a word that is long enough') AS s, shout(NULL) AS n", "              s              | n \n-----------------------------+---\n A WORD THAT IS LONG ENOUGH! |\n(1 row)\n");
	check("SELECT add_all(1::smallint, 2, 3.5, 0.25) AS x", "    x    \n---------\n 1006.25\n(1 row)\n");
	check("SELECT sum(or_zero(n)) AS s FROM (VALUES (1), (NULL), (3)) AS t (n)", " s \n---\n 4\n(1 row)\n");
	check("SELECT shout(s) AS s FROM (VALUES ('b'), ('a')) AS t (s) WHERE shout(s) <> 'B!' GROUP BY shout(s)", " s  \n----\n A!\n(1 row)\n");
	end();
}

static void errors_are_told(void)
{
	begin();
	reg((struct spk_function_spec){ .name = "picky", .arguments = "integer", .returns = "smallint", .call = picky });
	reg((struct spk_function_spec){ .name = "garbage", .arguments = "", .returns = "text", .call = garbage, .volatility = SPK_FUNCTION_VOLATILE });
	check_error("SELECT picky(n) FROM (VALUES (13)) AS t (n)", SPK_DATA, "function picky: 13 brings bad luck");
	check_error("SELECT picky(n) FROM (VALUES (2)) AS t (n)", SPK_DATA, "function picky gave 60000, which does not fit its type");
	check_error("SELECT garbage()", SPK_DATA, "function garbage gave text that is not UTF-8");
	check_error("SELECT picky()", SPK_BIND, "function picky takes 1 arguments, not 0");
	check_error("SELECT picky(true)", SPK_BIND, "argument 1 of function picky must be integer, not boolean");
	CHECK_FAILS(spk_session_register_function(session, &(struct spk_function_spec){ .name = "lower", .arguments = "text", .returns = "text", .call = shout }, &err), SPK_EXISTS, err);
	CHECK_FAILS(spk_session_register_function(session, &(struct spk_function_spec){ .name = "picky", .arguments = "text", .returns = "text", .call = shout }, &err), SPK_EXISTS, err);
	CHECK_FAILS(spk_session_register_function(session, &(struct spk_function_spec){ .name = "f", .arguments = "text[]", .returns = "text", .call = shout }, &err), SPK_UNSUPPORTED, err);
	CHECK_FAILS(spk_session_register_function(session, &(struct spk_function_spec){ .name = "f", .arguments = "text", .returns = "nonsense", .call = shout }, &err), SPK_BIND, err);
	CHECK_FAILS(spk_session_register_function(session, &(struct spk_function_spec){ .name = "f", .arguments = "text", .returns = "int, int", .call = shout }, &err), SPK_USAGE, err);
	end();
}

static void libraries_are_loaded(void)
{
	char *dir = spk_test_dir("udf"), *include = spk_test_source("include");

	begin();
	spk_test_run(NULL, "printf '%%s' '#include \"sparklet/function.h\"\nspk_status twice(struct spk_function_context *c, const struct spk_sql_value *a, struct spk_sql_value *r, spk_error *e) "
		"{ (void)c; (void)e; r->integer = 2 * a[0].integer; return SPK_OK; }' > %s/u.c", dir);
	REQUIRE_EQ_INT(spk_test_run(NULL, "cc -shared -fPIC -I%s -o %s/libu.so %s/u.c", include, dir, dir), 0);
	CHECK_FAILS(spk_session_execute(session, "CREATE FUNCTION twice(int) RETURNS int LANGUAGE c AS 'libu.so', 'twice'", &err), SPK_USAGE, err);
	CHECK_HOLDS(err.message, "udf.path");
	CHECK_FAILS(spk_session_execute(session, "SET \"udf.path\" = '/tmp'", &err), SPK_USAGE, err);
	CHECK_OK(spk_session_set(session, "udf.path", dir, &err), err);
	CHECK_OK(spk_session_execute(session, "CREATE FUNCTION twice(int) RETURNS int LANGUAGE c IMMUTABLE STRICT AS 'libu.so', 'twice'", &err), err);
	check("SELECT twice(21) AS x", " x  \n----\n 42\n(1 row)\n");
	CHECK_FAILS(spk_session_execute(session, "CREATE FUNCTION twice(int) RETURNS int LANGUAGE c AS 'libu.so', 'twice'", &err), SPK_EXISTS, err);
	CHECK_OK(spk_session_execute(session, "CREATE OR REPLACE FUNCTION twice(int) RETURNS int LANGUAGE c AS 'libu.so'", &err), err);
	CHECK_FAILS(spk_session_execute(session, "CREATE FUNCTION f(int) RETURNS int LANGUAGE c AS 'libu.so', 'thrice'", &err), SPK_NOT_FOUND, err);
	CHECK_FAILS(spk_session_execute(session, "CREATE FUNCTION f(int) RETURNS int LANGUAGE c AS '../libu.so', 'twice'", &err), SPK_USAGE, err);
	CHECK_FAILS(spk_session_execute(session, "CREATE FUNCTION f(int) RETURNS int LANGUAGE c AS 'none.so', 'twice'", &err), SPK_NOT_FOUND, err);
	CHECK_FAILS(spk_session_execute(session, "CREATE FUNCTION f(int) RETURNS int LANGUAGE plpython3u AS 'SELECT 1'", &err), SPK_UNSUPPORTED, err);
	end();
	free(dir);
	free(include);
}

SPK_TEST_SUITE("functions of a session",
	{"calls reach functions, with every kind of value", calls_reach_functions},
	{"errors are told", errors_are_told},
	{"libraries are loaded from udf.path alone", libraries_are_loaded})
