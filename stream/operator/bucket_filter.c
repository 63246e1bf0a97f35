/* Which keys a bucketed table surely has nothing of. See bucket_filter.h. */
#include "stream/operator/bucket_filter.h"

#include <string.h>

#include "core/base/check.h"
#include "core/base/memory.h"
#include "core/columnar/hash_filter.h"

struct spk_bucket_keys { int64_t bucket; struct spk_hash_filter keys; };

/* The first one that is not smaller. */
static int place_of(const struct spk_bucket_filter *f, int64_t bucket)
{
	int from = 0, to = f->n;

	while (from < to) {
		const int middle = from + (to - from) / 2;

		if (f->at[middle].bucket < bucket)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static struct spk_bucket_keys *find(const struct spk_bucket_filter *f, int64_t bucket)
{
	const int at = place_of(f, bucket);

	return at < f->n && f->at[at].bucket == bucket ? &f->at[at] : NULL;
}

static spk_status make(struct spk_bucket_filter *f, int64_t bucket, struct spk_bucket_keys **out, spk_error *err)
{
	const int at = place_of(f, bucket);

	if (at < f->n && f->at[at].bucket == bucket) {
		*out = &f->at[at];
		return SPK_OK;
	}
	if (f->n == f->capacity) {
		const int capacity = SPK_MAX(2 * f->capacity, 16);
		struct spk_bucket_keys *grown = spk_realloc(f->account, f->at, sizeof *grown * (size_t)f->capacity, sizeof *grown * (size_t)capacity);

		SPK_TRY_PTR(grown, err);
		f->at = grown;
		f->capacity = capacity;
	}
	memmove(f->at + at + 1, f->at + at, sizeof *f->at * (size_t)(f->n - at));
	f->at[at] = (struct spk_bucket_keys){ .bucket = bucket, .keys = { .account = f->account } };
	f->n++;
	*out = &f->at[at];
	return SPK_OK;
}

spk_status spk_bucket_filter_unknown(struct spk_bucket_filter *f, int64_t bucket, spk_error *err)
{
	struct spk_bucket_keys *b;

	SPK_TRY(make(f, bucket, &b, err));
	spk_hash_filter_unknown(&b->keys);
	return SPK_OK;
}

spk_status spk_bucket_filter_add(struct spk_bucket_filter *f, int64_t bucket, uint64_t hash, spk_error *err)
{
	struct spk_bucket_keys *b;

	SPK_TRY(make(f, bucket, &b, err));
	spk_hash_filter_add(&b->keys, hash);
	return SPK_OK;
}

bool spk_bucket_filter_may(const struct spk_bucket_filter *f, int64_t bucket, uint64_t hash)
{
	const struct spk_bucket_keys *b = find(f, bucket);

	return b && spk_hash_filter_may(&b->keys, hash);
}

void spk_bucket_filter_drop(struct spk_bucket_filter *f, int64_t bucket)
{
	struct spk_bucket_keys *b = find(f, bucket);

	if (!b)
		return;
	spk_hash_filter_release(&b->keys);
	f->n--;
	memmove(b, b + 1, sizeof *b * (size_t)(f->at + f->n - b));
}

void spk_bucket_filter_release(struct spk_bucket_filter *f)
{
	for (int i = 0; i < f->n; i++)
		spk_hash_filter_release(&f->at[i].keys);
	spk_free(f->account, f->at, sizeof *f->at * (size_t)f->capacity);
	*f = (struct spk_bucket_filter){ .account = f->account };
}
