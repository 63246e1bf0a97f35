/* Prints docs/functions.md from the function table, for `make docs`. */
#include <stdio.h>

#include "core/expr/function.h"

int main(void)
{
	struct spk_buffer text = {0};
	spk_error err = {0};

	if (spk_functions_markdown(&text, &err) != SPK_OK) {
		fprintf(stderr, "functions_markdown: %s\n", err.message);
		return 1;
	}
	bool written = fwrite(text.data, 1, text.size, stdout) == text.size && !fflush(stdout);
	spk_buffer_release(&text);
	return written ? 0 : 1;
}
