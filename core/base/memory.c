/*
 * The budget: one atomic total under one limit, and a fixed table of accounts.
 *
 * All counters are relaxed: they order nothing, they only have to add up. The total moves by compare-and-swap and never
 * passes the limit, not even for a moment, so a reservation is never refused because another one was about to be.
 */
#include "core/base/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/interrupt.h"

enum { NAME_MAX_LENGTH = 47, CACHE_LINE = 64, REPORTED = 3 };

struct spk_memory_account {
	_Alignas(CACHE_LINE) _Atomic size_t used;
	struct spk_memory_account *parent;   /* of a meter */
	char name[NAME_MAX_LENGTH + 1];
};

/* Written under `lock`; an account is complete before `count` says so. The first one is "other". */
static struct spk_memory_account accounts[SPK_MEMORY_ACCOUNTS_MAX] = { { .name = "other" } };
static _Atomic int account_count = 1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static _Alignas(CACHE_LINE) _Atomic size_t total_used;
static _Alignas(CACHE_LINE) _Atomic size_t total_peak, recent_peak;
static _Atomic size_t limit = (size_t)1 << 30;

/*
 * The last failure of this thread, if it was a refusal: so that spk_fail_memory can tell an exhausted budget from a failed malloc. What succeeds
 * in between does not count: one of several allocations may be refused before they are looked at together.
 */
static _Thread_local struct { const struct spk_memory_account *account; size_t bytes; bool interrupted; } refused;

static struct spk_memory_account *find(const char *name, int from, int to)
{
	for (int i = from; i < to; i++) {
		if (strncmp(accounts[i].name, name, NAME_MAX_LENGTH) == 0)
			return &accounts[i];
	}
	return NULL;
}

struct spk_memory_account *spk_memory_account(const char *name)
{
	int known = atomic_load_explicit(&account_count, memory_order_acquire);
	struct spk_memory_account *account = find(name, 0, known);
	int now;

	if (account)
		return account;
	pthread_mutex_lock(&lock);
	now = atomic_load_explicit(&account_count, memory_order_relaxed);
	account = find(name, known, now);
	if (!account && now < SPK_MEMORY_ACCOUNTS_MAX) {
		account = &accounts[now];
		snprintf(account->name, sizeof(account->name), "%s", name);
		atomic_store_explicit(&account_count, now + 1, memory_order_release);
	}
	pthread_mutex_unlock(&lock);
	return account ? account : &accounts[0];
}

struct spk_memory_account *spk_memory_meter_new(struct spk_memory_account *parent)
{
	struct spk_memory_account *meter = aligned_alloc(CACHE_LINE, sizeof *meter);

	if (!meter)
		return NULL;
	parent = parent ? parent : &accounts[0];
	memset(meter, 0, sizeof *meter);
	meter->parent = parent;
	memcpy(meter->name, parent->name, sizeof meter->name);
	return meter;
}

void spk_memory_meter_free(struct spk_memory_account *meter)
{
	SPK_ASSERT(!meter || spk_memory_account_used(meter) == 0, "a meter is freed when nothing is held");
	free(meter);
}

void spk_memory_set_limit(size_t bytes)
{
	atomic_store_explicit(&limit, bytes, memory_order_relaxed);
}

size_t spk_memory_limit(void)
{
	return atomic_load_explicit(&limit, memory_order_relaxed);
}

size_t spk_memory_used(void)
{
	return atomic_load_explicit(&total_used, memory_order_relaxed);
}

size_t spk_memory_peak(void)
{
	return atomic_load_explicit(&total_peak, memory_order_relaxed);
}

void spk_memory_peak_restart(void)
{
	atomic_store_explicit(&total_peak, spk_memory_used(), memory_order_relaxed);
}

size_t spk_memory_take_peak(void)
{
	const size_t used = spk_memory_used(), peak = atomic_exchange_explicit(&recent_peak, used, memory_order_relaxed);

	return SPK_MAX(peak, used);
}

size_t spk_memory_account_used(const struct spk_memory_account *account)
{
	account = account ? account : &accounts[0];
	return atomic_load_explicit(&account->used, memory_order_relaxed);
}

bool spk_memory_pressure(int percent)
{
	size_t share = spk_memory_limit() / 100 * (size_t)SPK_MAX(percent, 0);

	return spk_memory_used() > share;
}

struct holding { const struct spk_memory_account *account; size_t bytes; };

static int by_size(const void *a, const void *b)
{
	const struct holding *x = a, *y = b;

	return x->bytes == y->bytes ? strcmp(x->account->name, y->account->name) : x->bytes < y->bytes ? 1 : -1;
}

/* Fills `out` with the accounts that have bytes, largest first. */
static int list_holdings(struct holding out[SPK_MEMORY_ACCOUNTS_MAX])
{
	int known = atomic_load_explicit(&account_count, memory_order_acquire);
	int count = 0;

	for (int i = 0; i < known; i++) {
		size_t bytes = spk_memory_account_used(&accounts[i]);

		if (bytes)
			out[count++] = (struct holding){ &accounts[i], bytes };
	}
	qsort(out, (size_t)count, sizeof(*out), by_size);
	return count;
}

void spk_memory_each(void (*each)(const char *name, size_t bytes, void *user), void *user)
{
	struct holding holdings[SPK_MEMORY_ACCOUNTS_MAX];
	int count = list_holdings(holdings);

	for (int i = 0; i < count; i++)
		each(holdings[i].account->name, holdings[i].bytes, user);
}

static spk_status fail_limit(const struct spk_memory_account *account, size_t bytes, spk_error *err)
{
	struct holding holdings[SPK_MEMORY_ACCOUNTS_MAX];
	char largest[REPORTED * (NAME_MAX_LENGTH + 32)] = "none";
	int count = SPK_MIN(list_holdings(holdings), REPORTED);
	size_t at = 0;

	for (int i = 0; i < count; i++)
		at += (size_t)snprintf(largest + at, sizeof(largest) - at, "%s%s %zu", i ? ", " : "",
		                       holdings[i].account->name, holdings[i].bytes);
	spk_fail(err, SPK_MEMORY_LIMIT, "%s asks for %zu bytes, but %zu of %zu are in use; the largest: %s", account->name,
	         bytes, spk_memory_used(), spk_memory_limit(), largest);
	if (err)
		err->retriable = true;
	spk_hint(err, "raise the limit with -s memory.limit=..., or lower parallelism, epoch.max.rows or state.cache");
	return SPK_MEMORY_LIMIT;
}

spk_status spk_fail_memory(spk_error *err)
{
	const struct spk_memory_account *account = refused.account;
	const bool interrupted = refused.interrupted;

	refused.account = NULL;
	refused.interrupted = false;
	if (interrupted)
		return spk_fail(err, SPK_CANCELLED, "the query was cancelled");
	if (account)
		return fail_limit(account, refused.bytes, err);
	return spk_fail(err, SPK_NO_MEMORY, "out of memory: the system gave none (%zu bytes reserved of %zu)",
	                spk_memory_used(), spk_memory_limit());
}

static void raise_peak(_Atomic size_t *at, size_t used)
{
	size_t peak = atomic_load_explicit(at, memory_order_relaxed);

	while (used > peak && !atomic_compare_exchange_weak_explicit(at, &peak, used, memory_order_relaxed, memory_order_relaxed)) {
	}
}

spk_status spk_memory_reserve(struct spk_memory_account *account, size_t bytes, spk_error *err)
{
	size_t used = spk_memory_used();

	account = account ? account : &accounts[0];
	if (spk_fault(SPK_FAULT_MALLOC, NULL)) {
		refused.account = NULL;
		refused.interrupted = false;
		return spk_fail_memory(err);
	}
	if (spk_interrupted()) {
		refused.interrupted = true;
		return err ? spk_fail_memory(err) : SPK_CANCELLED;
	}
	do {
		size_t max = spk_memory_limit();

		if (used > max || bytes > max - used) {
			refused.account = account;
			refused.bytes = bytes;
			refused.interrupted = false;
			return err ? spk_fail_memory(err) : SPK_MEMORY_LIMIT;
		}
	} while (!atomic_compare_exchange_weak_explicit(&total_used, &used, used + bytes, memory_order_relaxed,
	                                                memory_order_relaxed));
	for (struct spk_memory_account *a = account; a; a = a->parent)
		atomic_fetch_add_explicit(&a->used, bytes, memory_order_relaxed);
	raise_peak(&total_peak, used + bytes);
	raise_peak(&recent_peak, used + bytes);
	return SPK_OK;
}

void spk_memory_unreserve(struct spk_memory_account *account, size_t bytes)
{
	account = account ? account : &accounts[0];
	for (struct spk_memory_account *a = account; a; a = a->parent) {
		size_t before = atomic_fetch_sub_explicit(&a->used, bytes, memory_order_relaxed);

		SPK_ASSERT(before >= bytes, "more memory given back than was reserved");
	}
	atomic_fetch_sub_explicit(&total_used, bytes, memory_order_relaxed);
}

/* The system gave nothing for what was reserved: no refusal. */
static void give_back(struct spk_memory_account *account, size_t bytes)
{
	spk_memory_unreserve(account, bytes);
	refused.account = NULL;
	refused.interrupted = false;
}

void *spk_malloc(struct spk_memory_account *account, size_t size)
{
	void *p;

	if (spk_memory_reserve(account, size, NULL))
		return NULL;
	p = malloc(size ? size : 1);
	if (!p)
		give_back(account, size);
	return p;
}

void *spk_calloc(struct spk_memory_account *account, size_t size)
{
	void *p;

	if (spk_memory_reserve(account, size, NULL))
		return NULL;
	/* calloc and not memset: fresh pages from the system are zero already. */
	p = calloc(1, size ? size : 1);
	if (!p)
		give_back(account, size);
	return p;
}

void *spk_realloc(struct spk_memory_account *account, void *p, size_t old_size, size_t new_size)
{
	size_t more = new_size > old_size ? new_size - old_size : 0;
	void *moved;

	if (more && spk_memory_reserve(account, more, NULL))
		return NULL;
	moved = realloc(p, new_size ? new_size : 1);
	if (!moved)
		give_back(account, more);
	else if (moved && new_size < old_size)
		spk_memory_unreserve(account, old_size - new_size);
	return moved;
}

void spk_free(struct spk_memory_account *account, void *p, size_t size)
{
	if (!p)
		return;
	free(p);
	spk_memory_unreserve(account, size);
}
