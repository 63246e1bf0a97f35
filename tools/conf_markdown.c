/* Prints docs/configuration.md from the configuration table, for `make docs`. */
#include <stdio.h>

#include "core/base/conf.h"

int main(void)
{
	struct spk_buffer text = {0};
	spk_error err = {0};

	if (spk_conf_markdown(&text, &err) != SPK_OK) {
		fprintf(stderr, "conf_markdown: %s\n", err.message);
		return 1;
	}
	bool written = fwrite(text.data, 1, text.size, stdout) == text.size && !fflush(stdout);
	spk_buffer_release(&text);
	return written ? 0 : 1;
}
