/* Large blocks of memory. See large.h. */
#include "core/base/large.h"

void *spk_large_alloc(struct spk_memory_account *account, size_t size)
{
	const size_t whole = spk_pool_round(size);
	void *p;

	if (size < SPK_POOL_CHUNK)
		return spk_malloc(account, size);
	if (spk_memory_reserve(account, whole, NULL) != SPK_OK)
		return NULL;
	p = spk_pool_alloc(whole);
	if (!p)
		spk_memory_unreserve(account, whole);
	return p;
}

void spk_large_free(struct spk_memory_account *account, void *p, size_t size)
{
	const size_t whole = spk_pool_round(size);

	if (size < SPK_POOL_CHUNK) {
		spk_free(account, p, size);
		return;
	}
	if (!p)
		return;
	spk_pool_free(p, whole);
	spk_memory_unreserve(account, whole);
}
