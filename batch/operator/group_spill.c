/* Groups that do not fit into memory. See group_spill.h. */
#include "batch/operator/group_spill.h"

#include <stdlib.h>

enum {
	FIRST_BITS = 6, LATER_BITS = 5, /* of the hash, by level */
	LEVELS = 1 + (64 - FIRST_BITS) / LATER_BITS,
	SEGMENT = 16384,                /* groups that are sorted by their parts at once */
	TOGETHER = 1024,                /* groups that are merged from a file at once, or so many bytes */
	TOGETHER_BYTES = 512 * 1024,
};

static uint32_t part_of(uint64_t hash, int level)
{
	if (level == 0)
		return (uint32_t)(hash >> (64 - FIRST_BITS));
	return (uint32_t)(hash << (FIRST_BITS + (level - 1) * LATER_BITS) >> (64 - LATER_BITS));
}

static void free_files(struct spk_group_files *f)
{
	for (int i = 0; f && i < SPK_GROUP_PARTS; i++) {
		spk_spill_run_free(f->groups[i]);
		spk_spill_run_free(f->batches[i]);
	}
	free(f);
}

void spk_group_spill_clear(struct spk_group_spill *s)
{
	free_files(s->files);
	s->files = NULL;
	s->level = 0;
}

static spk_status need_files(struct spk_group_spill *s, spk_error *err)
{
	if (s->files)
		return SPK_OK;
	s->files = calloc(1, sizeof *s->files);
	SPK_TRY_PTR(s->files, err);
	return SPK_OK;
}

static spk_status need_run(struct spk_group_spill *s, struct spk_spill_run **run, spk_error *err)
{
	return *run ? SPK_OK : spk_spill_run_make(s->share, run, err);
}

/* --- writing groups --- */

/* A record of the file: the hash, then the packed group. */
static spk_status put_group(struct spk_group_spill *s, uint32_t number, struct spk_record_writer *w, struct spk_buffer *bytes, spk_error *err)
{
	const uint64_t hash = spk_groups_hash(s->groups, number);

	spk_buffer_clear(bytes);
	SPK_TRY(spk_buffer_append(bytes, &hash, sizeof hash, err));
	SPK_TRY(spk_buffer_append(bytes, &hash, sizeof hash, err));   /* keeps what follows aligned */
	SPK_TRY(spk_groups_pack(s->groups, number, bytes, err));
	if (bytes->size > INT32_MAX)
		return spk_fail(err, SPK_MEMORY_LIMIT, "one group's states take more than 2 GiB");
	return spk_record_put(s->share, w, bytes->data, (uint32_t)bytes->size, err);
}

/* The groups number[0..n), which are of one part. */
static spk_status put_part(struct spk_group_spill *s, uint32_t part, const uint32_t *number, int n, struct spk_buffer *bytes, spk_error *err)
{
	struct spk_record_writer w = { .run = NULL };
	spk_status status = need_run(s, &s->files->groups[part], err);

	w.run = s->files->groups[part];
	for (int i = 0; i < n && status == SPK_OK; i++)
		status = put_group(s, number[i], &w, bytes, err);
	if (status == SPK_OK)
		return spk_record_end(s->share, &w, err);
	spk_buffer_release(&w.block);
	return status;
}

/* Groups from, from + 1, ... by their parts, in order within each. */
static spk_status put_segment(struct spk_group_spill *s, uint32_t from, int n, uint32_t *sorted, struct spk_buffer *bytes, spk_error *err)
{
	uint32_t end[SPK_GROUP_PARTS] = { 0 };

	for (int i = 0; i < n; i++)
		end[part_of(spk_groups_hash(s->groups, from + (uint32_t)i), s->level)]++;
	for (int p = 1; p < SPK_GROUP_PARTS; p++)
		end[p] += end[p - 1];
	for (int i = n - 1; i >= 0; i--)
		sorted[--end[part_of(spk_groups_hash(s->groups, from + (uint32_t)i), s->level)]] = from + (uint32_t)i;
	for (uint32_t p = 0; p < SPK_GROUP_PARTS; p++) {
		const uint32_t next = p + 1 < SPK_GROUP_PARTS ? end[p + 1] : (uint32_t)n;

		if (next > end[p])
			SPK_TRY(put_part(s, p, sorted + end[p], (int)(next - end[p]), bytes, err));
	}
	return SPK_OK;
}

/* Everything in memory to files. */
static spk_status spill_groups(void *user, spk_error *err)
{
	struct spk_group_spill *s = user;
	uint32_t *sorted = malloc(SEGMENT * sizeof *sorted);
	struct spk_buffer bytes = { .account = s->op->pipeline->account };
	spk_status status = sorted ? need_files(s, err) : spk_fail_memory(err);

	for (uint32_t from = 0; from < spk_groups_count(s->groups) && status == SPK_OK; from += SEGMENT)
		status = put_segment(s, from, (int)SPK_MIN(spk_groups_count(s->groups) - from, (uint32_t)SEGMENT), sorted, &bytes, err);
	spk_buffer_release(&bytes);
	free(sorted);
	if (status == SPK_OK) {
		spk_groups_clear(s->groups);
		spk_groups_start_small(s->groups);
	}
	return status;
}

/* --- taking batches --- */

/* Rows of the batch to the files of their parts, as they are. */
static spk_status append_batch(struct spk_group_spill *s, const struct spk_batch *in, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&in->column[SPK_PARTIAL_HASH]);
	int32_t part[SPK_BATCH_ROWS], sel[SPK_BATCH_ROWS];
	int count[SPK_GROUP_PARTS] = { 0 };
	struct spk_batch some = *in;

	SPK_EACH_ROW(in, i, row) {
		part[i] = (int32_t)part_of((uint64_t)((const int64_t *)r.data)[spk_reader_slot(&r, row)], s->level);
		count[part[i]]++;
	}
	for (int p = 0; p < SPK_GROUP_PARTS; p++) {
		int n = 0;

		if (!count[p])
			continue;
		SPK_EACH_ROW(in, i, row)
			if (part[i] == p)
				sel[n++] = row;
		some.sel = sel;
		some.selected = n;
		SPK_TRY(need_run(s, &s->files->batches[p], err));
		SPK_TRY(spk_spill_put(s->share, s->files->batches[p], &some, err));
	}
	return SPK_OK;
}

/* One group cannot be divided, nor can what is left of the hash at the end. */
static bool can_spill(const struct spk_group_spill *s)
{
	return s->share->spill && spk_groups_count(s->groups) > 1 && s->level < LEVELS;
}

/* Groups, and what it takes to put them in order in the end. */
static size_t held(const struct spk_group_spill *s)
{
	return spk_groups_bytes(s->groups) + (size_t)spk_groups_count(s->groups) * SPK_GROUP_ORDER_BYTES;
}

/* For so many rows, and `more` bytes of keys and states. */
static spk_status make_room(struct spk_group_spill *s, int rows, size_t more, spk_error *err)
{
	return can_spill(s) ? spk_spill_room(s->share, held(s), (size_t)rows * s->groups->table.row_size + more, spill_groups, s, err) : SPK_OK;
}

spk_status spk_group_spill_push(struct spk_group_spill *s, struct spk_batch *in, spk_error *err)
{
	spk_status status;

	SPK_TRY(make_room(s, in->selected, 0, err));
	if (s->files && s->groups->open_at)
		return append_batch(s, in, err);
	status = spk_groups_room_for(s->groups, in, err);
	if (can_spill(s) && spk_spill_refused(s->share, status, spk_groups_count(s->groups))) {
		SPK_TRY(spk_spill_now(s->share, spill_groups, s, err));
		if (s->groups->open_at)
			return append_batch(s, in, err);
		status = spk_groups_room_for(s->groups, in, err);
	}
	SPK_TRY(status);
	return spk_groups_absorb(s->groups, s->op, in, err);
}

/* --- back, part by part --- */

/* Packed groups that were read from a file and wait to be merged together. */
struct waiting { struct spk_packed_group group[TOGETHER]; int n; struct spk_arena *arena; };

static spk_status restore(struct spk_group_spill *s, struct waiting *w, spk_error *err)
{
	size_t bytes = 0;
	bool changed;
	spk_status status;

	if (!w->n)
		return SPK_OK;
	for (int i = 0; i < w->n; i++)
		bytes += w->group[i].size;
	SPK_TRY(make_room(s, w->n, bytes, err));
	status = spk_groups_restore(s->groups, w->group, w->n, &changed, err);
	if (!changed && can_spill(s) && spk_spill_refused(s->share, status, spk_groups_count(s->groups))) {
		SPK_TRY(spk_spill_now(s->share, spill_groups, s, err));
		status = spk_groups_restore(s->groups, w->group, w->n, &changed, err);
	}
	w->n = 0;
	spk_arena_clear(w->arena);
	return status;
}

/* A record: to the groups that wait, or on to the next level's files when the groups before it had to go there and must stay in front. */
static spk_status take_record(struct spk_group_spill *s, const char *data, uint32_t size, struct waiting *w, spk_error *err)
{
	char *copy = spk_arena_copy(w->arena, data, size);
	uint64_t hash;

	SPK_TRY_PTR(copy, err);
	if (size < 2 * sizeof hash)
		return spk_fail(err, SPK_CORRUPT, "a record of groups on disk is cut off");
	memcpy(&hash, copy, sizeof hash);
	w->group[w->n++] = (struct spk_packed_group){ hash, copy + 2 * sizeof hash, size - 2 * (uint32_t)sizeof hash };
	return w->n == TOGETHER || spk_arena_bytes(w->arena) > TOGETHER_BYTES ? restore(s, w, err) : SPK_OK;
}

static spk_status read_groups(struct spk_group_spill *s, struct spk_spill_run *run, spk_error *err)
{
	struct spk_record_reader reader = { .run = run };
	struct waiting *w = calloc(1, sizeof *w);
	spk_status status = w && (w->arena = spk_arena_new(s->groups->meter)) ? SPK_OK : spk_fail_memory(err);
	const char *data = "";
	uint32_t size;

	while (status == SPK_OK && run) {
		status = spk_record_get(s->share, &reader, &data, &size, err);
		if (status != SPK_OK || !data)
			break;
		status = take_record(s, data, size, w, err);
	}
	if (status == SPK_OK)
		status = restore(s, w, err);
	spk_buffer_release(&reader.block);
	if (w)
		spk_arena_unref(w->arena);
	free(w);
	return status;
}

static spk_status read_batches(struct spk_group_spill *s, struct spk_spill_run *run, spk_error *err)
{
	struct spk_spill_cursor cursor = { .run = run };

	while (run) {
		struct spk_batch *batch;
		spk_status status;

		SPK_TRY(spk_spill_get(s->share, &cursor, s->op->plan->input[0]->schema, &batch, err));
		if (!batch)
			return SPK_OK;
		status = spk_group_spill_push(s, batch, err);
		spk_batch_unref(batch);
		SPK_TRY(status);
	}
	return SPK_OK;
}

static spk_status each_part(struct spk_group_spill *s, spk_status (*emit)(void *user, spk_error *err), void *user, spk_error *err);

/* One part: its groups are read, and emitted or divided again. */
static spk_status one_part(struct spk_group_spill *s, struct spk_spill_run *groups, struct spk_spill_run *batches, spk_status (*emit)(void *user, spk_error *err), void *user, spk_error *err)
{
	SPK_TRY(read_groups(s, groups, err));
	SPK_TRY(read_batches(s, batches, err));
	if (s->files)
		return each_part(s, emit, user, err);
	SPK_TRY(emit(user, err));
	spk_groups_clear(s->groups);
	return SPK_OK;
}

/* The parts of the level at hand; what is still in memory goes to them first. */
static spk_status each_part(struct spk_group_spill *s, spk_status (*emit)(void *user, spk_error *err), void *user, spk_error *err)
{
	struct spk_group_files *files;
	spk_status status = spill_groups(s, err);

	files = s->files;
	s->files = NULL;
	s->level++;
	for (int p = 0; p < SPK_GROUP_PARTS && status == SPK_OK && !s->op->done; p++) {
		struct spk_spill_run **of[] = { &files->groups[p], &files->batches[p] };

		if (*of[0] || *of[1])
			status = one_part(s, *of[0], *of[1], emit, user, err);
		for (size_t i = 0; i < SPK_COUNT_OF(of); i++) {
			spk_spill_run_free(*of[i]);
			*of[i] = NULL;
		}
	}
	s->level--;
	free_files(files);
	return status;
}

spk_status spk_group_spill_each(struct spk_group_spill *s, spk_status (*emit)(void *user, spk_error *err), void *user, spk_error *err)
{
	return each_part(s, emit, user, err);
}
