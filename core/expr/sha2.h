/* SHA-1 and SHA-2 (FIPS 180-4). Private to core/expr. */
#ifndef SPK_CORE_EXPR_SHA2_H
#define SPK_CORE_EXPR_SHA2_H

#include <stddef.h>

enum { SPK_SHA2_MAX = 64 };

/* `bits` is 160 (SHA-1), 224, 256, 384 or 512; writes bits / 8 bytes. */
void spk_sha2(int bits, const void *data, size_t size, unsigned char *out);

#endif
