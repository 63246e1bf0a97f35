#include "state/cell.h"

#include <string.h>

#include "core/base/check.h"
#include "core/base/memory.h"

enum {
	CHUNK_SMALLEST = 1024,    /* a table's first; they grow with the table */
	CHUNK_LARGEST = 65536,    /* what 12 bits of 16 bytes can address */
	CELL_LARGE = 8192,        /* from here on a cell has a chunk of its own */
	SLOTS_SMALLEST = 16,
	CHUNKS_MAX = (1 << 20) - 1,
};

struct spk_chunk {
	struct spk_chunk *older, *newer;
	uint32_t number, size;    /* size: of `data` */
	uint32_t used, live;      /* bytes of it handed out, and in live cells */
	_Alignas(16) char data[];
};

/* --- memory --- */

static void *take(struct spk_cells *t, size_t size)
{
	void *p = spk_malloc(t->memory->account, size);

	if (!p)
		return NULL;
	t->bytes += size;
	t->memory->bytes += size;
	atomic_fetch_add_explicit(t->memory->total, size, memory_order_relaxed);
	return p;
}

static void give(struct spk_cells *t, void *p, size_t size)
{
	if (!p)
		return;
	spk_free(t->memory->account, p, size);
	t->bytes -= size;
	t->memory->bytes -= size;
	atomic_fetch_sub_explicit(t->memory->total, size, memory_order_relaxed);
}

static void count_dirty(struct spk_cells *t, int more)
{
	t->dirty += (uint32_t)more;
	t->memory->dirty += (size_t)(ptrdiff_t)more;
}

static spk_status chunk_number(struct spk_cells *t, uint32_t *out, spk_error *err)
{
	if (t->chunks < t->chunk_capacity) {
		for (uint32_t i = 1; i <= t->chunk_capacity; i++)
			if (!t->chunk[i - 1]) {
				*out = i;
				return SPK_OK;
			}
	}
	uint32_t capacity = t->chunk_capacity ? t->chunk_capacity * 2 : 4;

	if (capacity > CHUNKS_MAX)
		return spk_fail(err, SPK_MEMORY_LIMIT, "a state cache has more than %d chunks", CHUNKS_MAX);
	struct spk_chunk **grown = take(t, capacity * sizeof(struct spk_chunk *));

	SPK_TRY_PTR(grown, err);
	memset(grown, 0, capacity * sizeof(struct spk_chunk *));
	if (t->chunk_capacity)
		memcpy(grown, t->chunk, t->chunk_capacity * sizeof(struct spk_chunk *));
	give(t, t->chunk, t->chunk_capacity * sizeof(struct spk_chunk *));
	*out = t->chunk_capacity + 1;
	t->chunk = grown;
	t->chunk_capacity = capacity;
	return SPK_OK;
}

static spk_status chunk_new(struct spk_cells *t, uint32_t data, struct spk_chunk **out, spk_error *err)
{
	uint32_t number = 0;

	SPK_TRY(chunk_number(t, &number, err));
	struct spk_chunk *c = take(t, sizeof(*c) + data);

	SPK_TRY_PTR(c, err);
	*c = (struct spk_chunk){ .older = t->newest, .number = number, .size = data };
	if (t->newest)
		t->newest->newer = c;
	else
		t->oldest = c;
	t->newest = c;
	t->chunk[number - 1] = c;
	t->chunks++;
	*out = c;
	return SPK_OK;
}

static void chunk_free(struct spk_cells *t, struct spk_chunk *c)
{
	SPK_ASSERT(!c->live, "a chunk is freed when no cell of it is in use");
	if (c->older)
		c->older->newer = c->newer;
	else
		t->oldest = c->newer;
	if (c->newer)
		c->newer->older = c->older;
	else
		t->newest = c->older;
	if (t->filling == c)
		t->filling = NULL;
	t->dead -= c->used;
	t->chunk[c->number - 1] = NULL;
	t->chunks--;
	give(t, c, sizeof(*c) + c->size);
}

/* Room for a cell of `size` bytes; its place is *place. Counts as live. */
static spk_status room(struct spk_cells *t, uint32_t size, struct spk_cell **out, uint32_t *place, spk_error *err)
{
	struct spk_chunk *c = t->filling;

	if (size >= CELL_LARGE) {
		SPK_TRY(chunk_new(t, size, &c, err));
	} else if (!c || c->size - c->used < size) {
		uint32_t whole = CHUNK_SMALLEST;

		while (whole - sizeof(*c) < size || (whole < CHUNK_LARGEST && whole < t->bytes / 4))
			whole *= 2;
		SPK_TRY(chunk_new(t, whole - (uint32_t)sizeof(*c), &c, err));
		t->filling = c;
	}
	*out = (struct spk_cell *)(void *)(c->data + c->used);
	*place = c->number << 12 | c->used >> 4;
	c->used += size;
	c->live += size;
	return SPK_OK;
}

void spk_cells_init(struct spk_cells *t, struct spk_cell_memory *memory)
{
	*t = (struct spk_cells){ .memory = memory };
}

void spk_cells_clear(struct spk_cells *t)
{
	struct spk_cell_memory *memory = t->memory;

	memory->dirty -= t->dirty;
	for (struct spk_chunk *c = t->oldest, *next; c; c = next) {
		next = c->newer;
		give(t, c, sizeof(*c) + c->size);
	}
	give(t, t->slot, t->capacity * sizeof(*t->slot));
	give(t, t->chunk, t->chunk_capacity * sizeof(struct spk_chunk *));
	SPK_ASSERT(!t->bytes, "all memory of a cleared table is given back");
	spk_cells_init(t, memory);
}

/* --- slots --- */

static struct spk_chunk *chunk_at(const struct spk_cells *t, uint32_t place) { return t->chunk[(place >> 12) - 1]; }
static struct spk_cell *cell_at(const struct spk_cells *t, uint32_t place)
{
	return (struct spk_cell *)(void *)(chunk_at(t, place)->data + ((place & 4095) << 4));
}

static void slot_insert(struct spk_cells *t, struct spk_cell_slot s)
{
	uint32_t mask = t->capacity - 1, at = s.tag & mask;

	while (t->slot[at].place)
		at = (at + 1) & mask;
	t->slot[at] = s;
}

static spk_status slots_resize(struct spk_cells *t, uint32_t capacity, spk_error *err)
{
	struct spk_cell_slot *old = t->slot;
	uint32_t old_capacity = t->capacity;

	t->slot = take(t, capacity * sizeof(*t->slot));
	if (!t->slot) {
		t->slot = old;
		return spk_fail_memory(err);
	}
	memset(t->slot, 0, capacity * sizeof(*t->slot));
	t->capacity = capacity;
	for (uint32_t i = 0; i < old_capacity; i++)
		if (old[i].place)
			slot_insert(t, old[i]);
	give(t, old, old_capacity * sizeof(*old));
	return SPK_OK;
}

/* The slot of a cell that is in the table. */
static uint32_t slot_of(const struct spk_cells *t, const struct spk_cell *cell)
{
	uint32_t mask = t->capacity - 1, tag = spk_cell_tag(cell->hash), at = tag & mask;

	SPK_ASSERT(cell->flags & SPK_CELL_LIVE, "a cell of the table");
	while (t->slot[at].tag != tag || cell_at(t, t->slot[at].place) != cell)
		at = (at + 1) & mask;
	return at;
}

/* Frees a slot and closes the gap: those behind it move up as long as that brings them no further from home than they may be. */
static void slot_free(struct spk_cells *t, uint32_t gap)
{
	uint32_t mask = t->capacity - 1;

	for (uint32_t at = (gap + 1) & mask; t->slot[at].place; at = (at + 1) & mask) {
		uint32_t home = t->slot[at].tag & mask;

		if (((at - home) & mask) >= ((at - gap) & mask)) {
			t->slot[gap] = t->slot[at];
			gap = at;
		}
	}
	t->slot[gap].place = 0;
}

static bool is_key(const struct spk_cell *c, const char *key, uint32_t size, uint64_t hash)
{
	return c->hash == hash && c->key_size == size && memcmp(c->bytes, key, size) == 0;
}

struct spk_cell *spk_cells_find(const struct spk_cells *t, const char *key, uint32_t size, uint64_t hash)
{
	uint32_t mask = t->capacity - 1, tag = spk_cell_tag(hash);

	if (!t->count)
		return NULL;
	for (uint32_t at = tag & mask; t->slot[at].place; at = (at + 1) & mask)
		if (t->slot[at].tag == tag) {
			struct spk_cell *c = cell_at(t, t->slot[at].place);

			if (is_key(c, key, size, hash))
				return c;
		}
	return NULL;
}

void spk_cells_prefetch_cell(const struct spk_cells *t, uint64_t hash)
{
	uint32_t mask = t->capacity - 1, tag = spk_cell_tag(hash);

	if (!t->count)
		return;
	for (uint32_t at = tag & mask; t->slot[at].place; at = (at + 1) & mask)
		if (t->slot[at].tag == tag) {
			__builtin_prefetch(cell_at(t, t->slot[at].place));
			return;
		}
}

/* --- cells --- */

/* Bytes of a cell, or 0 when it would be too large. */
static uint32_t cell_size(uint32_t key, uint32_t value)
{
	uint64_t size = offsetof(struct spk_cell, bytes) + (uint64_t)key + value;

	return size > UINT32_MAX / 2 ? 0 : (uint32_t)((size + 15) & ~15ull);
}

static spk_status too_large(uint32_t key, uint32_t value, spk_error *err)
{
	return spk_fail(err, SPK_DATA, "a state entry of %u + %u bytes is too large (the bound is 2 GiB)", key, value);
}

spk_status spk_cells_add(struct spk_cells *t, const char *key, uint32_t size, uint64_t hash, uint32_t value_room, struct spk_cell **out, spk_error *err)
{
	uint32_t bytes = cell_size(size, value_room), place;
	struct spk_cell *c;

	if (!bytes)
		return too_large(size, value_room, err);
	if ((uint64_t)t->count * 4 >= (uint64_t)t->capacity * 3)
		SPK_TRY(slots_resize(t, t->capacity ? t->capacity * 2 : SLOTS_SMALLEST, err));
	SPK_TRY(room(t, bytes, &c, &place, err));
	*c = (struct spk_cell){ .hash = hash, .size = bytes, .key_size = size, .value_size = UINT32_MAX, .flags = SPK_CELL_LIVE };
	memcpy(c->bytes, key, size);
	slot_insert(t, (struct spk_cell_slot){ .tag = spk_cell_tag(hash), .place = place });
	t->count++;
	*out = c;
	return SPK_OK;
}

/* Takes a cell's bytes off the live ones; the slot is the caller's business. */
static void bury(struct spk_cells *t, struct spk_cell *cell, uint32_t place)
{
	chunk_at(t, place)->live -= cell->size;
	t->dead += cell->size;
	cell->flags = 0;
}

/* Moves the cell to room for a value of `value_room` bytes; the old bytes stay readable until chunks are freed. */
static spk_status move(struct spk_cells *t, struct spk_cell **cell, uint32_t value_room, spk_error *err)
{
	struct spk_cell *old = *cell, *c;
	uint32_t bytes = cell_size(old->key_size, value_room), place;

	if (!bytes)
		return too_large(old->key_size, value_room, err);
	SPK_TRY(room(t, bytes, &c, &place, err));
	uint32_t at = slot_of(t, old);

	memcpy(c, old, offsetof(struct spk_cell, bytes) + old->key_size);
	if (old->value_size != UINT32_MAX)
		memcpy(c->bytes + c->key_size, spk_cell_value(old), SPK_MIN(old->value_size, value_room));
	c->size = bytes;
	bury(t, old, t->slot[at].place);
	t->slot[at].place = place;
	*cell = c;
	return SPK_OK;
}

spk_status spk_cells_set(struct spk_cells *t, struct spk_cell **cell, const char *data, uint32_t size, bool clean, spk_error *err)
{
	struct spk_cell *c = *cell;
	bool had = c->value_size != UINT32_MAX, has = size != UINT32_MAX;

	if (has) {
		uint32_t capacity = spk_cell_capacity(c);

		/* A value that grows will grow again: half as much more. One that shrank a lot gives its room back. */
		if (size > capacity)
			SPK_TRY(move(t, cell, had && size < UINT32_MAX / 4 ? size + size / 2 : size, err));
		else if (capacity > 256 && capacity / 4 > size)
			SPK_TRY(move(t, cell, size, err));
		c = *cell;
		if (size)
			memmove(c->bytes + c->key_size, data, size);
	}
	c->value_size = size;
	t->live += (uint32_t)has - (uint32_t)had;
	if (!clean && !(c->flags & SPK_CELL_DIRTY)) {
		c->flags |= SPK_CELL_DIRTY;
		count_dirty(t, 1);
	}
	return SPK_OK;
}

void spk_cells_written(struct spk_cells *t, struct spk_cell *cell)
{
	SPK_ASSERT(cell->flags & SPK_CELL_DIRTY, "a dirty cell was written");
	count_dirty(t, -1);
	cell->flags &= ~(uint32_t)(SPK_CELL_DIRTY | SPK_CELL_NEW);
	if (cell->value_size == UINT32_MAX)
		cell->flags |= SPK_CELL_NEW;
}

void spk_cells_remove(struct spk_cells *t, struct spk_cell *cell)
{
	uint32_t at = slot_of(t, cell);

	t->live -= cell->value_size != UINT32_MAX;
	count_dirty(t, cell->flags & SPK_CELL_DIRTY ? -1 : 0);
	t->count--;
	bury(t, cell, t->slot[at].place);
	slot_free(t, at);
}

/* --- walking and eviction --- */

static struct spk_cell *next_in_chunk(struct spk_cell_cursor *at)
{
	while (at->offset < at->chunk->used) {
		struct spk_cell *c = (struct spk_cell *)(void *)(at->chunk->data + at->offset);

		at->offset += c->size;
		if (c->flags & SPK_CELL_LIVE)
			return c;
	}
	return NULL;
}

struct spk_cell *spk_cells_next(const struct spk_cells *t, struct spk_cell_cursor *at)
{
	if (!at->chunk)
		at->chunk = t->oldest;
	while (at->chunk) {
		struct spk_cell *c = next_in_chunk(at);

		if (c)
			return c;
		if (!at->chunk->newer)
			return NULL;
		*at = (struct spk_cell_cursor){ .chunk = at->chunk->newer };
	}
	return NULL;
}

struct spk_cell *spk_cells_next_oldest(const struct spk_cells *t, struct spk_cell_cursor *at)
{
	at->chunk = t->oldest;
	return at->chunk ? next_in_chunk(at) : NULL;
}

/* Gives memory of slots back when few are in use. */
static void shrink_slots(struct spk_cells *t)
{
	uint32_t capacity = t->capacity;

	while (capacity > SLOTS_SMALLEST && (uint64_t)t->count * 8 < capacity)
		capacity /= 2;
	/* Half as full as it may get at most; when there is no memory for it the old one does. */
	if (capacity * 2 < t->capacity)
		(void)slots_resize(t, capacity * 2, NULL);
}

bool spk_cells_evict_oldest(struct spk_cells *t, bool force)
{
	struct spk_chunk *chunk = t->oldest;
	struct spk_cell_cursor at = { .chunk = chunk };

	if (t->filling == chunk)
		t->filling = NULL;
	for (struct spk_cell *c; (c = next_in_chunk(&at)) != NULL;) {
		bool keep = c->flags & SPK_CELL_USED && !force;

		c->flags &= ~(uint32_t)SPK_CELL_USED;
		if (keep) {
			if (move(t, &c, c->value_size == UINT32_MAX ? 0 : c->value_size, NULL) != SPK_OK)
				return false;
			continue;
		}
		SPK_ASSERT(!(c->flags & SPK_CELL_DIRTY), "dirty cells are written before they are dropped");
		spk_cells_remove(t, c);
	}
	chunk_free(t, chunk);
	shrink_slots(t);
	return true;
}

void spk_cells_compact(struct spk_cells *t)
{
	if (t->bytes < CHUNK_LARGEST / 4 || t->dead < t->bytes / 2)
		return;
	struct spk_chunk *last = t->newest;

	t->filling = NULL;
	for (struct spk_chunk *chunk = t->oldest, *next; chunk; chunk = next) {
		struct spk_cell_cursor at = { .chunk = chunk };
		bool moved = true;

		next = chunk == last ? NULL : chunk->newer;
		/* Chunks that are mostly in use stay where they are. */
		if ((uint64_t)chunk->live * 4 > (uint64_t)chunk->used * 3)
			continue;
		for (struct spk_cell *c; moved && (c = next_in_chunk(&at)) != NULL;)
			moved = move(t, &c, spk_cell_capacity(c), NULL) == SPK_OK;
		if (!moved)
			return;
		chunk_free(t, chunk);
	}
	shrink_slots(t);
}
