/* A growable run of bytes. Zero-initialised is empty and valid. Not thread-safe. */
#ifndef SPK_CORE_BASE_BUFFER_H
#define SPK_CORE_BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sparklet/status.h"

struct spk_memory_account;

struct spk_buffer {
	char *data;
	size_t size, capacity;
	struct spk_memory_account *account;  /* NULL: the account "other" */
};

static inline void spk_buffer_clear(struct spk_buffer *b) { b->size = 0; }
void spk_buffer_release(struct spk_buffer *b);
/* Makes room for `more` bytes after size. */
spk_status spk_buffer_reserve_slow(struct spk_buffer *b, size_t more, spk_error *err);
static inline spk_status spk_buffer_reserve(struct spk_buffer *b, size_t more, spk_error *err)
{
	return b->capacity - b->size >= more ? SPK_OK : spk_buffer_reserve_slow(b, more, err);
}
static inline spk_status spk_buffer_append(struct spk_buffer *b, const void *data, size_t size, spk_error *err)
{
	SPK_TRY(spk_buffer_reserve(b, size, err));
	if (size)
		memcpy(b->data + b->size, data, size);
	b->size += size;
	return SPK_OK;
}
static inline spk_status spk_buffer_append_str(struct spk_buffer *b, const char *s, spk_error *err)
{
	return spk_buffer_append(b, s, strlen(s), err);
}
spk_status spk_buffer_printf(struct spk_buffer *b, spk_error *err, const char *format, ...) SPK_PRINTF(3, 4);
/* Appends the bytes as a JSON string with its quotes; what is not UTF-8 becomes U+FFFD. */
spk_status spk_buffer_append_json(struct spk_buffer *b, const char *text, size_t size, spk_error *err);
/* NUL-terminates without counting the NUL; NULL when memory is out. */
const char *spk_buffer_cstr(struct spk_buffer *b);

#endif
