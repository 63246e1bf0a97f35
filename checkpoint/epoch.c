/* Epoch records: encoding, decoding, comparing. See epoch.h. */
#include "checkpoint/epoch.h"

#include <inttypes.h>
#include <xxhash.h>

#include "checkpoint/epoch_record.pb-c.h"
#include "core/base/check.h"

static const char magic[4] = { 'S', 'P', 'K', 'E' };
enum { CHECKED = 9, HEADER = SPK_EPOCH_HEADER, TRAILER = SPK_EPOCH_TRAILER, BODY_MAX = 64 << 20 };

/* --- to protobuf --- */

static Spk__EpochPartition *pack_partition(struct spk_arena *arena, const struct spk_epoch_partition *p)
{
	Spk__EpochPartition *m = SPK_NEW(arena, Spk__EpochPartition);

	if (!m)
		return NULL;
	spk__epoch_partition__init(m);
	m->name = (char *)(uintptr_t)p->name;
	m->start = p->start;
	m->end = p->end;
	m->rows = p->rows;
	m->hash = p->hash;
	m->watermark = p->watermark;
	m->idle = p->idle;
	m->finished = p->finished;
	m->bound = p->bound;
	m->pace_rows = p->pace_rows;
	m->pace_us = p->pace_us;
	return m;
}

static Spk__EpochSource *pack_source(struct spk_arena *arena, const struct spk_epoch_source *s)
{
	Spk__EpochSource *m = SPK_NEW(arena, Spk__EpochSource);

	if (!m)
		return NULL;
	spk__epoch_source__init(m);
	m->table = (char *)(uintptr_t)s->table;
	m->watermark = s->watermark;
	m->n_partition = (size_t)s->partitions;
	m->partition = SPK_NEW_ARRAY(arena, Spk__EpochPartition *, s->partitions);
	if (!m->partition)
		return NULL;
	for (int i = 0; i < s->partitions; i++)
		if (!(m->partition[i] = pack_partition(arena, &s->partition[i])))
			return NULL;
	return m;
}

static Spk__EpochSink *pack_sink(struct spk_arena *arena, const struct spk_epoch_sink *s)
{
	Spk__EpochSink *m = SPK_NEW(arena, Spk__EpochSink);

	if (!m)
		return NULL;
	spk__epoch_sink__init(m);
	m->table = (char *)(uintptr_t)s->table;
	m->rows = s->rows;
	m->hash = s->hash;
	return m;
}

static Spk__EpochRecord *pack_record(struct spk_arena *arena, const struct spk_epoch_record *r)
{
	Spk__EpochRecord *m = SPK_NEW(arena, Spk__EpochRecord);

	if (!m)
		return NULL;
	spk__epoch_record__init(m);
	m->version = SPK_EPOCH_FORMAT;
	m->job = (char *)(uintptr_t)r->job;
	m->incarnation = r->incarnation;
	m->epoch = r->epoch;
	m->previous_hash = r->previous_hash;
	m->plan_hash = r->plan_hash;
	m->time_us = r->time_us;
	m->late_rows = r->late_rows;
	m->bad_rows = r->bad_rows;
	m->checkpoint = r->checkpoint;
	m->lane = r->lane;
	m->engine = (char *)(uintptr_t)(r->engine ? r->engine : "");
	m->n_source = (size_t)r->sources;
	m->n_sink = (size_t)r->sinks;
	m->source = SPK_NEW_ARRAY(arena, Spk__EpochSource *, r->sources);
	m->sink = SPK_NEW_ARRAY(arena, Spk__EpochSink *, r->sinks);
	if (!m->source || !m->sink)
		return NULL;
	for (int i = 0; i < r->sources; i++)
		if (!(m->source[i] = pack_source(arena, &r->source[i])))
			return NULL;
	for (int i = 0; i < r->sinks; i++)
		if (!(m->sink[i] = pack_sink(arena, &r->sink[i])))
			return NULL;
	return m;
}

static void put_le(char *out, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		out[i] = (char)(v >> 8 * i);
}

static uint64_t get_le(const void *data, int bytes)
{
	uint64_t v = 0;

	for (int i = bytes - 1; i >= 0; i--)
		v = v << 8 | ((const unsigned char *)data)[i];
	return v;
}

static uint32_t header_check(const void *header) { return (uint32_t)XXH3_64bits(header, CHECKED); }

/* Room for a record whose body has that size. */
static spk_status make_room(struct spk_buffer *out, size_t body, int64_t epoch, spk_error *err)
{
	if (body > BODY_MAX)
		return spk_fail(err, SPK_UNSUPPORTED, "the record of epoch %" PRId64 " would have %zu bytes; at most %d are supported", epoch, body, BODY_MAX);
	return spk_buffer_reserve(out, HEADER + body + TRAILER, err);
}

spk_status spk_epoch_encode(struct spk_epoch_record *record, struct spk_buffer *out, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	Spk__EpochRecord *m = arena ? pack_record(arena, record) : NULL;
	size_t body = m ? spk__epoch_record__get_packed_size(m) : 0;
	spk_status status = m ? make_room(out, body, record->epoch, err) : spk_fail_memory(err);

	if (status == SPK_OK) {
		char *at = out->data + out->size;

		memcpy(at, magic, sizeof magic);
		at[4] = SPK_EPOCH_FORMAT;
		put_le(at + 5, body, 4);
		put_le(at + CHECKED, header_check(at), 4);
		spk__epoch_record__pack(m, (uint8_t *)at + HEADER);
		record->hash = XXH3_64bits(at, HEADER + body);
		put_le(at + HEADER + body, record->hash, 8);
		out->size += HEADER + body + TRAILER;
	}
	spk_arena_unref(arena);
	return status;
}

/* --- from protobuf --- */

size_t spk_epoch_size(const void *data, size_t size)
{
	uint64_t body;

	if (size < HEADER || memcmp(data, magic, sizeof magic) != 0 || get_le((const char *)data + CHECKED, 4) != header_check(data))
		return 0;
	body = get_le((const char *)data + 5, 4);
	return body > BODY_MAX ? 0 : HEADER + (size_t)body + TRAILER;
}

static bool unpack_source(struct spk_arena *arena, const Spk__EpochSource *m, struct spk_epoch_source *s)
{
	*s = (struct spk_epoch_source){ spk_arena_strdup(arena, m->table), m->watermark, (int)m->n_partition, SPK_NEW_ARRAY(arena, struct spk_epoch_partition, m->n_partition) };
	if (!s->table || !s->partition)
		return false;
	for (int i = 0; i < s->partitions; i++) {
		const Spk__EpochPartition *p = m->partition[i];

		s->partition[i] = (struct spk_epoch_partition){ spk_arena_strdup(arena, p->name), p->start, p->end, p->rows, p->hash, p->watermark, p->idle, p->finished, p->bound, p->pace_rows, p->pace_us };
		if (!s->partition[i].name)
			return false;
	}
	return true;
}

static struct spk_epoch_record *unpack_record(struct spk_arena *arena, const Spk__EpochRecord *m)
{
	struct spk_epoch_record *r = SPK_NEW(arena, struct spk_epoch_record);

	if (!r)
		return NULL;
	*r = (struct spk_epoch_record){ .job = spk_arena_strdup(arena, m->job), .incarnation = m->incarnation, .epoch = m->epoch, .previous_hash = m->previous_hash,
		.plan_hash = m->plan_hash, .time_us = m->time_us, .sources = (int)m->n_source, .sinks = (int)m->n_sink, .late_rows = m->late_rows,
		.bad_rows = m->bad_rows, .checkpoint = m->checkpoint, .lane = m->lane, .engine = spk_arena_strdup(arena, m->engine) };
	r->source = SPK_NEW_ARRAY(arena, struct spk_epoch_source, r->sources);
	r->sink = SPK_NEW_ARRAY(arena, struct spk_epoch_sink, r->sinks);
	if (!r->job || !r->engine || !r->source || !r->sink)
		return NULL;
	for (int i = 0; i < r->sources; i++)
		if (!unpack_source(arena, m->source[i], &r->source[i]))
			return NULL;
	for (int i = 0; i < r->sinks; i++) {
		r->sink[i] = (struct spk_epoch_sink){ spk_arena_strdup(arena, m->sink[i]->table), m->sink[i]->rows, m->sink[i]->hash };
		if (!r->sink[i].table)
			return NULL;
	}
	return r;
}

spk_status spk_epoch_decode(const void *data, size_t size, struct spk_arena *arena, struct spk_epoch_record **out, spk_error *err)
{
	size_t whole = spk_epoch_size(data, size);
	const unsigned char *at = data;
	struct spk_epoch_record *r;
	Spk__EpochRecord *m;
	uint64_t hash;

	if (whole == 0)
		return spk_fail(err, SPK_CORRUPT, "not an epoch record (%zu bytes)", size);
	if (at[4] != SPK_EPOCH_FORMAT)
		return spk_fail(err, SPK_UNSUPPORTED, "epoch record of format %d; this program reads format %d", at[4], SPK_EPOCH_FORMAT);
	if (whole != size)
		return spk_fail(err, SPK_CORRUPT, "epoch record of %zu bytes where %zu are given", whole, size);
	hash = XXH3_64bits(data, whole - TRAILER);
	if (hash != get_le(at + whole - TRAILER, 8))
		return spk_fail(err, SPK_CORRUPT, "epoch record with a wrong checksum");
	m = spk__epoch_record__unpack(NULL, whole - HEADER - TRAILER, at + HEADER);
	if (!m)
		return spk_fail(err, SPK_CORRUPT, "epoch record that does not parse");
	r = unpack_record(arena, m);
	spk__epoch_record__free_unpacked(m, NULL);
	SPK_TRY_PTR(r, err);
	r->hash = hash;
	*out = r;
	return SPK_OK;
}

struct spk_epoch_record *spk_epoch_copy(const struct spk_epoch_record *record, struct spk_arena *arena)
{
	struct spk_arena *scratch = spk_arena_new(NULL);
	Spk__EpochRecord *m = scratch ? pack_record(scratch, record) : NULL;
	struct spk_epoch_record *copy = m ? unpack_record(arena, m) : NULL;

	if (copy)
		copy->hash = record->hash;
	spk_arena_unref(scratch);
	return copy;
}

/* --- comparing --- */

static const struct spk_epoch_source *find_source(const struct spk_epoch_record *r, const char *table)
{
	for (int i = 0; i < r->sources; i++)
		if (strcmp(r->source[i].table, table) == 0)
			return &r->source[i];
	return NULL;
}

static const struct spk_epoch_partition *find_partition(const struct spk_epoch_source *s, const char *name)
{
	for (int i = 0; s && i < s->partitions; i++)
		if (strcmp(s->partition[i].name, name) == 0)
			return &s->partition[i];
	return NULL;
}

const struct spk_epoch_partition *spk_epoch_find_partition(const struct spk_epoch_record *record, const char *table, const char *name)
{
	return find_partition(find_source(record, table), name);
}

static spk_status compare_partition(int64_t epoch, const char *table, const struct spk_epoch_partition *was, const struct spk_epoch_partition *is, spk_error *err)
{
	if (!is) {
		spk_fail(err, SPK_DIVERGED, "epoch %" PRId64 ", table \"%s\": %s, of which %" PRId64 " rows were read then, is not there any more", epoch, table, was->name, was->rows);
		spk_hint(err, "Its rows are needed to rebuild the state. If the query does not read it any more, start it under a new job name (--job).");
		return SPK_DIVERGED;
	}
	if (was->start != is->start || was->end != is->end)
		return spk_fail(err, SPK_DIVERGED, "epoch %" PRId64 ", table \"%s\": %s was read at [%" PRId64 ", %" PRId64 "), the record says [%" PRId64 ", %" PRId64 ")", epoch,
				table, was->name, is->start, is->end, was->start, was->end);
	if (was->rows == is->rows && was->hash == is->hash)
		return SPK_OK;
	spk_fail(err, SPK_DIVERGED, "epoch %" PRId64 ", table \"%s\": the %" PRId64 " rows of %s at [%" PRId64 ", %" PRId64 ") are not the %" PRId64 " that were read then", epoch,
		 table, is->rows, was->name, was->start, was->end, was->rows);
	spk_hint(err, "The source was compacted, has expired, was changed, or was deleted and made again. Its rows of that range are needed to rebuild the state.");
	return SPK_DIVERGED;
}

/* What was read then must be read again; what is new since (a partition that was added) must not have given rows. */
static spk_status compare_inputs(const struct spk_epoch_record *recorded, const struct spk_epoch_record *replayed, spk_error *err)
{
	for (int i = 0; i < recorded->sources; i++) {
		const struct spk_epoch_source *was = &recorded->source[i], *is = find_source(replayed, was->table);

		for (int p = 0; p < was->partitions; p++)
			SPK_TRY(compare_partition(recorded->epoch, was->table, &was->partition[p], find_partition(is, was->partition[p].name), err));
	}
	for (int i = 0; i < replayed->sources; i++) {
		const struct spk_epoch_source *is = &replayed->source[i], *was = find_source(recorded, is->table);

		for (int p = 0; p < is->partitions; p++)
			if (is->partition[p].rows && !find_partition(was, is->partition[p].name))
				return spk_fail(err, SPK_DIVERGED, "epoch %" PRId64 ", table \"%s\": %" PRId64 " rows of %s, which the record does not name", recorded->epoch,
						is->table, is->partition[p].rows, is->partition[p].name);
	}
	return SPK_OK;
}

/* Sink number `i` by name, else the first of that name: two INSERTs may write to one table. */
static const struct spk_epoch_sink *find_sink(const struct spk_epoch_record *r, int i, const char *table)
{
	if (i < r->sinks && strcmp(r->sink[i].table, table) == 0)
		return &r->sink[i];
	for (i = 0; i < r->sinks; i++)
		if (strcmp(r->sink[i].table, table) == 0)
			return &r->sink[i];
	return NULL;
}

static spk_status hint_output(const struct spk_epoch_record *recorded, const struct spk_epoch_record *replayed, spk_error *err)
{
	spk_hint(err, recorded->plan_hash != replayed->plan_hash
			      ? "The query has changed since. Run the old one, or start under a new job name (--job)."
			      : "The input is the same, so the query is not deterministic, or another version of the program wrote the record. Sums of floats over what "
				"joins, windows or aggregates give depend on the number of tasks: if 'parallelism' has changed, start with the one before.");
	return SPK_DIVERGED;
}

static spk_status compare_outputs(const struct spk_epoch_record *recorded, const struct spk_epoch_record *replayed, spk_error *err)
{
	static const struct spk_epoch_sink none = { .table = "" };

	for (int i = 0; i < SPK_MAX(recorded->sinks, replayed->sinks); i++) {
		const char *table = i < recorded->sinks ? recorded->sink[i].table : replayed->sink[i].table;
		const struct spk_epoch_sink *was = find_sink(recorded, i, table), *is = find_sink(replayed, i, table);

		was = was ? was : &none;
		is = is ? is : &none;
		if (was->rows == is->rows && was->hash == is->hash)
			continue;
		spk_fail(err, SPK_DIVERGED, "epoch %" PRId64 ", sink \"%s\": replay writes %" PRId64 " rows (hash %016" PRIx64 "), then it was %" PRId64 " (hash %016" PRIx64 ")",
			 recorded->epoch, table, is->rows, is->hash, was->rows, was->hash);
		return hint_output(recorded, replayed, err);
	}
	if (recorded->late_rows == replayed->late_rows && recorded->bad_rows == replayed->bad_rows)
		return SPK_OK;
	spk_fail(err, SPK_DIVERGED, "epoch %" PRId64 ": replay finds %" PRId64 " late and %" PRId64 " bad rows, then it was %" PRId64 " and %" PRId64, recorded->epoch,
		 replayed->late_rows, replayed->bad_rows, recorded->late_rows, recorded->bad_rows);
	return hint_output(recorded, replayed, err);
}

spk_status spk_epoch_compare(const struct spk_epoch_record *recorded, const struct spk_epoch_record *replayed, spk_error *err)
{
	SPK_TRY(compare_inputs(recorded, replayed, err));
	return compare_outputs(recorded, replayed, err);
}
