/* Memory runs out at every allocation in turn: building and evaluating must say so, and leave nothing behind. */
#include "core/base/fault.h"
#include "core/expr/aggregate.h"
#include "tests/core/expr/mini.h"
#include "tests/support/test.h"

static const char *const cases[] = {
	"+\tinteger:1\tinteger:2", "/\tnumeric:1.5\tinteger:7", "concat\ttext:this is a longer text\tinteger:5", "regexp_replace\ttext:hello world\t?:(l+)\t?:<\\1>\t?:g", "like\ttext:hello\t?:%l_o",
	"to_char\ttimestamp:2024-01-01\t?:YYYY-MM-DD", "cast text\tnumeric:1.25", "CASE\tboolean:t\ttext:a longer text than twelve\t?:b", "IN\ttext:a longer text than twelve\t?:a longer text than twelve\t?:b",
	"coalesce\ttext:\\N\t?:b", "date_trunc\t?:day\ttimestamp:2024-01-01", "extract\t?:epoch\tinterval:1 day", "AND\tboolean:t\tboolean:f\tboolean:\\N", "greatest\tinteger:1\tbigint:2\tnumeric:3", "cast timestamptz\t?:2024-01-01",
};

static spk_status once(struct spk_arena *arena, const char *text, spk_error *err)
{
	char *line = spk_arena_printf(arena, "%s\t->\t?\t", text);
	struct spk_eval ev = { .arena = arena };
	struct mini_case c;
	struct spk_expr *e;
	struct spk_value v;

	SPK_TRY_PTR(line, err);
	REQUIRE(mini_parse(line, &c));
	SPK_TRY(mini_build(arena, &c, false, NULL, &e, err));
	return spk_expr_constant_value(e, &ev, &v, err);
}

static void expressions(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		bool failed = true;
		int n;

		for (n = 1; failed && n < 1000; n++) {
			struct spk_arena *arena = spk_arena_new(NULL);
			char *fault = spk_test_format("malloc:%d", n);
			spk_error err = { 0 };
			spk_status status;

			REQUIRE(arena != NULL);
			REQUIRE_OK(spk_fault_set(fault, &err), err);
			status = once(arena, cases[i], &err);
			spk_fault_set(NULL, NULL);
			failed = status != SPK_OK;
			if (failed)
				CHECK(status == SPK_NO_MEMORY || status == SPK_MEMORY_LIMIT || status == SPK_IO || status == SPK_BIND);
			free(fault);
			spk_arena_unref(arena);
		}
		CHECK(n < 1000);
	}
}

SPK_TEST_SUITE("memory runs out", { "while building and evaluating", expressions })
