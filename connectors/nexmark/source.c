/*
 * Connector 'nexmark': one kind of event as a table, made and not read. Positions are numbers of events (of all kinds); rows of a kind
 * go to partitions in turn. Chunks hold no rows, only which events they stand for.
 */
#include "connectors/nexmark/nexmark.h"

#include <stdlib.h>
#include <stdio.h>
#include <strings.h>

#include "core/base/check.h"
#include "core/base/memory.h"
#include "connectors/format/field.h"
#include "connectors/nexmark/event.h"
#include "connectors/nexmark/pace.h"

struct options { enum spk_nexmark_kind kind; int64_t events, seed, event_rate, partitions, rate; };

struct nexmark {
	struct spk_source base;
	struct spk_arena *arena;
	struct options o;                 /* events: INT64_MAX without an end */
	struct spk_nexmark_rules rules;
	enum spk_nexmark_column *column;  /* by column of the batch; COLUMNS: metadata */
	int64_t *position;                /* by partition: the next event that is not fetched */
	char (*name)[24];
	struct spk_pace pace;
};

static struct nexmark *self(const struct spk_source *s)
{
	return spk_container_of(s, struct nexmark, base);
}

/* --- options --- */

static const struct spk_option_spec option_specs[] = {
	{ "nexmark.table", false, false, "person|auction|bid", "Which events; default: what the table's name says." },
	{ "nexmark.events", false, false, NULL, "Number of events of all three kinds; without it there is no end." },
	{ "nexmark.seed", false, false, NULL, "Other seeds give other events (default 1)." },
	{ "nexmark.event-rate", false, false, NULL, "Events per second of event time (default 10000)." },
	{ "nexmark.partitions", false, false, NULL, "Number of partitions (default 1)." },
	{ "nexmark.rate", false, false, NULL, "Rows per second of wall time; default: as fast as they are taken." },
	{ 0 },
};

static spk_status at(const struct spk_table *t, const char *key, spk_status status, spk_error *err)
{
	for (int i = 0; err && i < t->option_count; i++)
		if (!strcmp(t->option[i].key, key))
			err->position = t->option[i].position;
	return status;
}

static spk_status read_number(const struct spk_table *t, const char *key, int64_t by_default, int64_t least, int64_t most, int64_t *out, spk_error *err)
{
	const char *value = spk_format_option(t, key);

	*out = by_default;
	if (!value || (spk_conf_parse_int(value, out, NULL) == SPK_OK && *out >= least && *out <= most))
		return SPK_OK;
	spk_fail(err, SPK_USAGE, "table \"%s\": '%s' = '%s' is not a number between %lld and %lld", t->name, key, value, (long long)least, (long long)most);
	return at(t, key, SPK_USAGE, err);
}

static spk_status read_options(const struct spk_table *t, struct options *o, spk_error *err)
{
	static const char *const kinds[] = { "person", "auction", "bid" };
	const char *kind = spk_format_option(t, "nexmark.table");
	const int64_t many = INT64_MAX / 1000000;

	kind = kind ? kind : t->name;
	o->kind = SPK_NEXMARK_KINDS;
	for (int i = 0; i < SPK_NEXMARK_KINDS; i++)
		if (!strcasecmp(kinds[i], kind))
			o->kind = (enum spk_nexmark_kind)i;
	if (o->kind == SPK_NEXMARK_KINDS) {
		spk_fail(err, SPK_USAGE, "table \"%s\": its name does not say which events it holds", t->name);
		spk_hint(err, "add 'nexmark.table' = 'person', 'auction' or 'bid'");
		return at(t, "connector", SPK_USAGE, err);
	}
	SPK_TRY(read_number(t, "nexmark.events", INT64_MAX, 0, many, &o->events, err));
	SPK_TRY(read_number(t, "nexmark.seed", 1, 0, INT64_MAX, &o->seed, err));
	SPK_TRY(read_number(t, "nexmark.event-rate", 10000, 1, 1000000000, &o->event_rate, err));
	SPK_TRY(read_number(t, "nexmark.partitions", 1, 1, 1024, &o->partitions, err));
	return read_number(t, "nexmark.rate", 0, 0, 1000000000, &o->rate, err);
}

/* --- columns --- */

static bool same_name(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (*a == '_')
			a++;
		while (*b == '_')
			b++;
		if ((*a | 32) != (*b | 32))
			return false;
		if (!*a)
			return true;
	}
}

static enum spk_nexmark_column find_column(enum spk_nexmark_kind kind, const char *name)
{
	if (same_name(name, "ts"))
		name = "date_time";
	for (int i = 0; i < SPK_NEXMARK_COLUMNS; i++)
		if (spk_nexmark_info[i].kind == kind && same_name(spk_nexmark_info[i].name, name))
			return (enum spk_nexmark_column)i;
	return SPK_NEXMARK_COLUMNS;
}

static bool type_fits(enum spk_type_id made, enum spk_type_id declared)
{
	return made == declared || (made == SPK_TYPE_BIGINT && declared == SPK_TYPE_INTEGER) || (made == SPK_TYPE_TIMESTAMP && declared == SPK_TYPE_TIMESTAMPTZ);
}

static spk_status wrong_column(const struct spk_table *t, const struct spk_field *f, enum spk_nexmark_kind kind, enum spk_nexmark_column column, spk_error *err)
{
	char all[256] = "", type[64];
	int used = 0;

	for (int i = 0; i < SPK_NEXMARK_COLUMNS; i++)
		if (spk_nexmark_info[i].kind == kind && used < (int)sizeof(all))
			used += snprintf(all + used, sizeof(all) - (size_t)used, "%s%s %s", used ? ", " : "", spk_nexmark_info[i].name,
			                 spk_type_format(spk_type(spk_nexmark_info[i].type), type, sizeof(type)));
	if (column == SPK_NEXMARK_COLUMNS)
		spk_fail(err, SPK_BIND, "table \"%s\": these events have no column \"%s\"", t->name, f->name);
	else
		spk_fail(err, SPK_BIND, "table \"%s\": column \"%s\" cannot have type %s", t->name, f->name, spk_type_format(f->type, type, sizeof(type)));
	spk_hint(err, "there are: %s", all);
	return SPK_BIND;
}

/* The generator's column of each of the table's; metadata and computed ones have none. */
static spk_status match_column(const struct spk_table *t, enum spk_nexmark_kind kind, int i, enum spk_nexmark_column *out, spk_error *err)
{
	const struct spk_field *f = &t->schema->field[i];

	*out = SPK_NEXMARK_COLUMNS;
	if ((t->computed && t->computed[i]) || (t->metadata && t->metadata[i]))
		return SPK_OK;
	*out = find_column(kind, f->name);
	return *out < SPK_NEXMARK_COLUMNS && type_fits(spk_nexmark_info[*out].type, f->type.id) ? SPK_OK : wrong_column(t, f, kind, *out, err);
}

spk_status spk_nexmark_check_table(const struct spk_table *t, spk_error *err)
{
	enum spk_nexmark_column column;
	struct options o;

	SPK_TRY(read_options(t, &o, err));
	for (int i = 0; i < t->schema->count; i++)
		SPK_TRY(match_column(t, o.kind, i, &column, err));
	return SPK_OK;
}

/* --- opening --- */

static void nexmark_close(struct spk_source *base)
{
	struct nexmark *s;

	if (!base)
		return;
	s = self(base);
	spk_pace_release(&s->pace);
	spk_arena_unref(s->arena);
}

static spk_status init(struct nexmark *s, spk_error *err)
{
	const struct spk_source_spec *spec = s->base.spec;

	s->pace.timer = -1;
	SPK_TRY(read_options(spec->table, &s->o, err));
	s->base.partitions = (int)s->o.partitions;
	s->rules = (struct spk_nexmark_rules){ (uint64_t)s->o.seed, s->o.event_rate, spk_nexmark_tables_new(s->arena) };
	s->column = SPK_NEW_ARRAY(s->arena, enum spk_nexmark_column, spec->columns + 1);
	s->position = SPK_NEW_ARRAY(s->arena, int64_t, s->o.partitions);
	s->name = spk_arena_zalloc_array(s->arena, sizeof(*s->name), (size_t)s->o.partitions);
	SPK_TRY_PTR(s->rules.tables && s->column && s->position && s->name, err);
	for (int i = 0; i < spec->columns; i++)
		SPK_TRY(match_column(spec->table, s->o.kind, spec->column[i], &s->column[i], err));
	for (int i = 0; i < s->base.partitions; i++)
		snprintf(s->name[i], sizeof(s->name[i]), "nexmark/%d", i);
	return spk_pace_init(&s->pace, s->o.rate, err);
}

static spk_status nexmark_open(struct spk_source **out, const struct spk_source_spec *spec, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct nexmark *s;
	spk_status status;

	SPK_TRY_PTR(arena, err);
	s = SPK_NEW(arena, struct nexmark);
	if (!s) {
		spk_arena_unref(arena);
		return spk_fail_memory(err);
	}
	s->arena = arena;
	s->base = (struct spk_source){ .type = &spk_nexmark_source, .spec = spec };
	status = init(s, err);
	if (status != SPK_OK) {
		nexmark_close(&s->base);
		return status;
	}
	*out = &s->base;
	return SPK_OK;
}

/* --- positions --- */

static const char *nexmark_partition_name(const struct spk_source *s, int partition)
{
	return self(s)->name[partition];
}

static spk_status nexmark_seek(struct spk_source *base, const int64_t *position, int64_t *resolved, spk_error *err)
{
	struct nexmark *s = self(base);

	(void)err;
	for (int i = 0; i < base->partitions; i++)
		s->position[i] = resolved[i] = SPK_MAX(position[i], 0);
	spk_pace_restart(&s->pace);
	return SPK_OK;
}

static spk_status nexmark_ends(struct spk_source *base, bool bounded_only, int64_t *end, spk_error *err)
{
	struct nexmark *s = self(base);

	if (!bounded_only && s->o.events == INT64_MAX) {
		spk_fail(err, SPK_USAGE, "table \"%s\" has no end", base->spec->table->name);
		return spk_hint(err, "add 'nexmark.events' = '...'");
	}
	for (int i = 0; i < base->partitions; i++)
		end[i] = s->o.events;
	return SPK_OK;
}

static int nexmark_wake_fd(const struct spk_source *s)
{
	return self(s)->pace.timer;
}

static const char *nexmark_trouble(const struct spk_source *s)
{
	(void)s;
	return NULL;
}

static int64_t nexmark_lag(const struct spk_source *base, int partition)
{
	struct nexmark *s = self(base);
	int64_t rows, first;

	if (s->o.events == INT64_MAX)
		return -1;
	spk_nexmark_share(s->o.kind, &rows, &first);
	return (s->o.events - s->position[partition]) / SPK_NEXMARK_CYCLE * rows / base->partitions;
}

static void nexmark_report(struct spk_source *s, const int64_t *position)
{
	(void)s;
	(void)position;
}

/* --- fetching --- */

/* The first row of a partition at or after event n; row r of the kind belongs to partition r mod partitions. */
static int64_t first_row(const struct nexmark *s, int partition, int64_t n)
{
	int64_t r = spk_nexmark_row_at(s->o.kind, n), p = s->o.partitions;

	return r + (partition - r % p + p) % p;
}

/* A sum over neighbouring ranges is the range's: where chunks are cut does not matter. */
static uint64_t mark(const struct nexmark *s, int partition, int64_t n)
{
	uint64_t z = (uint64_t)n * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)s->o.seed * UINT64_C(0xd6e8feb86659fd93) ^
	             ((uint64_t)partition << 8 | (uint64_t)s->o.kind) ^ (uint64_t)s->o.event_rate << 20;

	z = (z ^ z >> 32) * UINT64_C(0xbf58476d1ce4e5b9);
	return z ^ z >> 29;
}

static spk_status nexmark_fetch(struct spk_source *base, int partition, int64_t end, int max_rows, size_t max_bytes, int64_t wait_us, struct spk_chunk *chunk, spk_error *err)
{
	struct nexmark *s = self(base);
	int64_t start = s->position[partition], last, rows, r = first_row(s, partition, start);

	end = SPK_MIN(end, s->o.events);
	last = end > start ? first_row(s, partition, end) : r;
	rows = SPK_MIN((last - r) / s->o.partitions, (int64_t)max_rows);
	rows = SPK_MIN(SPK_MIN(rows, (int64_t)(max_bytes / 100 + 1)), rows ? spk_pace_allowed(&s->pace, wait_us) : 0);
	chunk->partition = partition;
	chunk->start = chunk->end = start;
	if (rows == (last - r) / s->o.partitions)
		chunk->end = SPK_MAX(start, end);
	else if (rows)
		chunk->end = spk_nexmark_event_of(s->o.kind, r + (rows - 1) * s->o.partitions) + 1;
	chunk->rows = (int)rows;
	chunk->bytes = (size_t)rows * 100;
	chunk->hash = mark(s, partition, chunk->end) - mark(s, partition, start);
	chunk->finished = chunk->end >= s->o.events;
	chunk->arena = spk_arena_new(NULL);
	SPK_TRY_PTR(chunk->arena, err);
	s->position[partition] = chunk->end;
	s->pace.given += rows;
	return SPK_OK;
}

/* --- decoding --- */

static spk_status set_origin(const struct nexmark *s, const struct spk_chunk *chunk, const int64_t *event, struct spk_batch *b, spk_error *err)
{
	static const struct spk_view nothing[SPK_BATCH_ROWS];
	struct spk_origin *o = SPK_NEW(b->arena, struct spk_origin);

	SPK_TRY_PTR(o, err);
	*o = (struct spk_origin){ s->base.spec->index, chunk->partition, event, nothing };
	b->origin = o;
	return SPK_OK;
}

static spk_status fill(const struct nexmark *s, const struct spk_chunk *chunk, int from, int n, struct spk_batch *b, spk_error *err)
{
	int64_t r = first_row(s, chunk->partition, chunk->start) + from * s->o.partitions;
	int64_t *event = spk_arena_alloc_vector(b->arena, sizeof(*event) * (size_t)n);

	SPK_TRY_PTR(event, err);
	SPK_TRY(spk_arena_hold(b->arena, s->arena, err));
	for (int i = 0; i < n; i++, r += s->o.partitions)
		event[i] = spk_nexmark_event_of(s->o.kind, r);
	for (int c = 0; c < b->columns; c++) {
		if (s->column[c] == SPK_NEXMARK_COLUMNS)
			continue;
		SPK_TRY(spk_vector_init(&b->column[c], b->schema->field[c].type, n, b->arena, err));
		SPK_TRY(spk_nexmark_fill(&s->rules, s->column[c], event, n, &b->column[c], b->arena, err));
	}
	return set_origin(s, chunk, event, b, err);
}

static spk_status nexmark_decode(struct spk_source *base, const struct spk_chunk *chunk, int from, int n, const struct spk_sieve *sieve, struct spk_row_errors *errors, struct spk_batch **out, spk_error *err)
{
	struct spk_batch *b;
	spk_status status;

	(void)sieve;
	(void)errors;
	SPK_TRY(spk_batch_new(&b, base->spec->schema, spk_memory_account("decoded input"), err));
	b->rows = b->selected = n;
	status = fill(self(base), chunk, from, n, b, err);
	if (status != SPK_OK) {
		spk_batch_unref(b);
		return status;
	}
	*out = b;
	return SPK_OK;
}

const struct spk_source_type spk_nexmark_source = {
	.name = "nexmark",
	.options = option_specs,
	.replayable = true,
	.open = nexmark_open,
	.partition_name = nexmark_partition_name,
	.seek = nexmark_seek,
	.ends = nexmark_ends,
	.wake_fd = nexmark_wake_fd,
	.fetch = nexmark_fetch,
	.parallel_fetch = true,
	.decode = nexmark_decode,
	.trouble = nexmark_trouble,
	.lag = nexmark_lag,
	.report = nexmark_report,
	.close = nexmark_close,
};
