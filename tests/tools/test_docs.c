/* docs/configuration.md and docs/functions.md are what their tables say. */
#include "core/base/conf.h"
#include "core/expr/function.h"
#include "tests/support/test.h"

/* If this fails: make docs */
static void check_current(const char *name, spk_status (*write)(struct spk_buffer *out, spk_error *err))
{
	struct spk_buffer table = {0};
	spk_error err = {0};
	char *path = spk_test_source(name);
	size_t size = 0;
	char *text = spk_test_slurp(path, &size);

	CHECK_OK(write(&table, &err), err);
	REQUIRE(text != NULL);
	REQUIRE_EQ_INT(size, table.size);
	CHECK_EQ_MEM(text, table.data, size);
	spk_buffer_release(&table);
	free(text);
	free(path);
}

static void configuration_is_current(void)
{
	check_current("docs/configuration.md", spk_conf_markdown);
}

static void functions_are_current(void)
{
	check_current("docs/functions.md", spk_functions_markdown);
}

SPK_TEST_SUITE("docs",
	{"docs/configuration.md is what the table says (else: make docs)", configuration_is_current},
	{"docs/functions.md is what the table says (else: make docs)", functions_are_current})
