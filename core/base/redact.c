#include "core/base/redact.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/check.h"

#define MASK "***"

/* Only ever added to, so that readers need no lock. */
struct secret {
	struct secret *next;
	size_t size;
	char value[];
};

static struct secret *_Atomic secrets;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct secret *all(void)
{
	return atomic_load_explicit(&secrets, memory_order_acquire);
}

static bool is_known(const char *value)
{
	for (const struct secret *s = all(); s; s = s->next) {
		if (strcmp(s->value, value) == 0)
			return true;
	}
	return false;
}

void spk_log_redact(const char *value)
{
	size_t size = value ? strlen(value) : 0;
	struct secret *s;

	if (size < SPK_SECRET_MIN)
		return;
	pthread_mutex_lock(&lock);
	s = is_known(value) ? NULL : malloc(sizeof(*s) + size + 1);
	if (s) {
		s->next = all();
		s->size = size;
		memcpy(s->value, value, size + 1);
		atomic_store_explicit(&secrets, s, memory_order_release);
	}
	pthread_mutex_unlock(&lock);
}

/* Size of the longest secret that `text` starts with: of two that share a start, the rest of the longer must not show. */
static size_t secret_at(const struct secret *list, const char *text)
{
	size_t best = 0;

	for (const struct secret *s = list; s; s = s->next) {
		if (s->size > best && *s->value == *text && strncmp(s->value, text, s->size) == 0)
			best = s->size;
	}
	return best;
}

void spk_log_redact_text(char *text)
{
	const struct secret *list = all();
	char *to = text;

	if (!list)
		return;
	for (const char *from = text; *from;) {
		size_t size = secret_at(list, from);

		if (size) {
			memcpy(to, MASK, sizeof(MASK) - 1);
			to += sizeof(MASK) - 1;
			from += size;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

void spk_redact_torn_end(char *text)
{
	size_t size = strlen(text), cut = 0;

	for (const struct secret *s = all(); s; s = s->next) {
		for (size_t n = SPK_MIN(s->size - 1, size); n > cut; n--) {
			if (memcmp(text + size - n, s->value, n) == 0)
				cut = n;
		}
	}
	text[size - cut] = '\0';
}
