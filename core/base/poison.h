/* Memory that is ours but that nobody may touch: AddressSanitizer is told, where there is one. */
#ifndef SPK_CORE_BASE_POISON_H
#define SPK_CORE_BASE_POISON_H

#include "core/base/arena.h"

#if SPK_ARENA_POISONING
#include <sanitizer/asan_interface.h>
#define POISON(p, size) ASAN_POISON_MEMORY_REGION(p, size)
#define UNPOISON(p, size) ASAN_UNPOISON_MEMORY_REGION(p, size)
#else
#define POISON(p, size) ((void)(p), (void)(size))
#define UNPOISON(p, size) ((void)(p), (void)(size))
#endif

#endif
