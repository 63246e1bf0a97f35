/*
 * Cells: the write-back cache of one bucket (or of a whole keyed table's view), a hash table over log-structured memory.
 *
 * A cell is a key, its value and a few flags in one run of bytes. Cells are appended to chunks and do not move, save by
 * spk_cells_evict and spk_cells_compact: pointers into them stay good until one of those, or a change of that very key. A cell that
 * is removed, or outgrows its room, leaves dead bytes behind. Chunks form a queue: eviction takes the oldest, moves what was used
 * since the last time to the newest and drops the rest, which is the CLOCK (second chance) policy without a list of entries.
 *
 * A slot is the low half of the hash and the cell's place: growing the table touches no cell. Not thread-safe.
 */
#ifndef SPK_STATE_CELL_H
#define SPK_STATE_CELL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "sparklet/status.h"

struct spk_memory_account;
struct spk_chunk;

enum spk_cell_flag {
	SPK_CELL_LIVE = 1,       /* in the table */
	SPK_CELL_DIRTY = 2,      /* RocksDB does not have it like this yet */
	SPK_CELL_USED = 4,       /* found by a read since eviction came by */
	SPK_CELL_NEW = 8,        /* the key is known not to be in RocksDB */
};

struct spk_cell {
	uint64_t hash;
	uint32_t size;           /* of the whole cell, a multiple of 16 */
	uint32_t key_size;
	uint32_t value_size;     /* UINT32_MAX: the key has no value */
	uint32_t flags;
	char bytes[];            /* key, value */
};

/* Where the memory of all cells of a view is counted, and how many of them are dirty; `total` over all views of the store. */
struct spk_cell_memory {
	struct spk_memory_account *account;
	_Atomic size_t *total;
	size_t bytes, dirty;
};

struct spk_cell_slot { uint32_t tag, place; };  /* place: chunk << 12 | offset / 16; 0: free */

struct spk_cells {
	struct spk_cell_memory *memory;
	struct spk_cell_slot *slot;
	uint32_t capacity;       /* power of two, or 0 */
	uint32_t count;          /* cells */
	uint32_t live;           /* cells with a value */
	uint32_t dirty;
	size_t bytes, dead;      /* held; of those in removed cells */
	struct spk_chunk **chunk;  /* by number, from 1; NULL: free number */
	uint32_t chunks, chunk_capacity;
	struct spk_chunk *oldest, *newest, *filling;
};

/* Cells in an order of their own are misses: they are asked for so many ahead. */
enum { SPK_CELLS_AHEAD = 12 };
static inline void spk_cell_prefetch(const struct spk_cell *c)
{
	__builtin_prefetch(c);
	__builtin_prefetch((const char *)c + 64);
}

static inline uint32_t spk_cell_tag(uint64_t hash) { return (uint32_t)hash; }
static inline const char *spk_cell_value(const struct spk_cell *c) { return c->bytes + c->key_size; }
static inline uint32_t spk_cell_capacity(const struct spk_cell *c)
{
	return c->size - (uint32_t)offsetof(struct spk_cell, bytes) - c->key_size;
}

void spk_cells_init(struct spk_cells *t, struct spk_cell_memory *memory);
/* Gives all memory back and leaves an empty table. */
void spk_cells_clear(struct spk_cells *t);
/* NULL when it is not there. */
struct spk_cell *spk_cells_find(const struct spk_cells *t, const char *key, uint32_t size, uint64_t hash);
/* First and second step of a lookup that is to come: fetch the slot, then the cell. */
static inline void spk_cells_prefetch_slot(const struct spk_cells *t, uint64_t hash)
{
	if (t->capacity)
		__builtin_prefetch(&t->slot[spk_cell_tag(hash) & (t->capacity - 1)]);
}
void spk_cells_prefetch_cell(const struct spk_cells *t, uint64_t hash);
/* Adds a key that is not there, without a value, with room for one of `room` bytes. */
spk_status spk_cells_add(struct spk_cells *t, const char *key, uint32_t size, uint64_t hash, uint32_t room, struct spk_cell **out, spk_error *err);
/* Gives the cell this value (UINT32_MAX: none) and makes it dirty unless `clean`; *cell may become another one. `data` may lie in a cell. */
spk_status spk_cells_set(struct spk_cells *t, struct spk_cell **cell, const char *data, uint32_t size, bool clean, spk_error *err);
void spk_cells_remove(struct spk_cells *t, struct spk_cell *cell);
/* The cell is in RocksDB now (or gone from it). */
void spk_cells_written(struct spk_cells *t, struct spk_cell *cell);

/* Walks all cells in order of memory: start with *at zeroed; NULL at the end. Nothing may be added or removed meanwhile. */
struct spk_cell_cursor { struct spk_chunk *chunk; uint32_t offset; };
struct spk_cell *spk_cells_next(const struct spk_cells *t, struct spk_cell_cursor *at);
/* The same for the oldest chunk alone. */
struct spk_cell *spk_cells_next_oldest(const struct spk_cells *t, struct spk_cell_cursor *at);
/* Drops the cells of the oldest chunk, but gives those in use a second chance unless `force`. Those it drops must be clean. False
 * when there was no memory for a second chance: part of the chunk is still there. */
bool spk_cells_evict_oldest(struct spk_cells *t, bool force);
/* Moves the live cells together when more than half of the memory is dead. */
void spk_cells_compact(struct spk_cells *t);

#endif
