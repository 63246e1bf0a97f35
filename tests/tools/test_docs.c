/* docs/configuration.md is what the configuration table says. */
#include "core/base/conf.h"
#include "tests/support/test.h"

static void configuration_is_current(void)
{
	struct spk_buffer table = {0};
	spk_error err = {0};
	char *path = spk_test_source("docs/configuration.md");
	size_t size = 0;
	char *text = spk_test_slurp(path, &size);

	/* If this fails: make docs */
	CHECK_OK(spk_conf_markdown(&table, &err), err);
	REQUIRE(text != NULL);
	REQUIRE_EQ_INT(size, table.size);
	CHECK_EQ_MEM(text, table.data, size);
	spk_buffer_release(&table);
	free(text);
	free(path);
}

SPK_TEST_SUITE("docs", {"docs/configuration.md is what the table says (else: make docs)", configuration_is_current})
