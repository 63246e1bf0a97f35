/*
 * A hash table of groups: from encoded keys to rows of memory that hold a group's key and its payload (the states of its aggregates).
 *
 * Groups have numbers 0, 1, 2, ... in the order in which they were added. A row is the hash, a note (eight bytes of the caller's), the key (of
 * one size for all groups, or with the size before it and what is longer than SPK_GROUP_KEY_INLINE elsewhere), then the payload at a multiple
 * of 16. Note and payload are zeroed when the group is new. So a look-up that finds its group touches a slot (8 bytes: 32 bits of the hash and
 * the number) and the row, and both are asked for ahead. Rows lie in chunks that do not move, but for the first one while it is small.
 *
 * Zeroed and then spk_group_table_init it is empty. Everything is reserved from its account. Not thread-safe.
 */
#ifndef SPK_BATCH_OPERATOR_GROUP_TABLE_H
#define SPK_BATCH_OPERATOR_GROUP_TABLE_H

#include "core/columnar/rowkey.h"

struct spk_key_block;

enum { SPK_GROUP_KEY_INLINE = 28 };

struct spk_group_table {
	struct spk_memory_account *account;
	uint32_t key_size;              /* of every key, or SPK_KEY_VARIES */
	uint32_t payload_at, row_size;  /* where the payload is in a row; bytes of a row */
	uint32_t count;
	uint32_t usual;                 /* groups that there were before clear, 0: room for them has been asked for */
	uint64_t *slot;                 /* 32 bits of the hash << 32 | number + 1; 0 free */
	uint32_t capacity;              /* of slot: 0 or a power of two */
	uint32_t shift;                 /* rows of a chunk are 1 << shift */
	uint32_t first;                 /* rows that the first chunk has room for */
	uint32_t chunks, chunk_capacity;
	char **chunk;
	struct spk_key_block *key_block;/* of long keys, the newest first */
	char *key_next, *key_end;       /* what is free of it */
};

#define SPK_KEY_VARIES UINT32_MAX

void spk_group_table_init(struct spk_group_table *t, uint32_t key_size, uint32_t payload, struct spk_memory_account *account);
void spk_group_table_release(struct spk_group_table *t);
/* Forgets all groups. Keeps memory that is small. */
void spk_group_table_clear(struct spk_group_table *t);

/*
 * Makes room for `more` groups, whose keys have `bytes` bytes together: the next put of so many cannot fail. MEMORY_LIMIT when the budget
 * refuses: then nothing has changed but the room.
 */
spk_status spk_group_table_room(struct spk_group_table *t, int more, uint64_t bytes, spk_error *err);
/* number[i]: the group of key pick[i] (NULL: i), whose hash is hash[i], for i < n; those that are new are added. There must be room. */
void spk_group_table_put(struct spk_group_table *t, const struct spk_row_keys *keys, const int32_t *pick, int n, const uint64_t *hash, uint32_t *number);

static inline char *spk_group_row(const struct spk_group_table *t, uint32_t number)
{
	return t->chunk[number >> t->shift] + (size_t)(number & ((1u << t->shift) - 1)) * t->row_size;
}
static inline uint64_t spk_group_hash(const char *row) { return *(const uint64_t *)(const void *)row; }
static inline int64_t *spk_group_note(char *row) { return (int64_t *)(void *)(row + 8); }
static inline char *spk_group_payload(const struct spk_group_table *t, uint32_t number) { return spk_group_row(t, number) + t->payload_at; }
const char *spk_group_key(const struct spk_group_table *t, uint32_t number, uint32_t *size);

/* Bytes a group that putting them in order takes, with the numbers. */
enum { SPK_GROUP_ORDER_BYTES = 36 };
/*
 * The groups' numbers in the order of their hashes, then of their keys: an order that depends on nothing but the groups. `order` has room for
 * count numbers.
 */
spk_status spk_group_table_order(const struct spk_group_table *t, uint32_t *order, spk_error *err);

#endif
