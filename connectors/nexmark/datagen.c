/*
 * Connector 'datagen': rows of any table out of nothing, with Flink's options. Positions are numbers of rows.
 *
 * Unlike Flink's it is deterministic, so that its rows can be replayed: a value is a function of (row, column). Timestamps therefore
 * begin at 2025-01-01 and advance by 'rows-per-second', and are not the machine's time.
 */
#include <stdio.h>

#include "core/base/check.h"
#include "core/base/memory.h"
#include "core/columnar/decimal.h"
#include "connectors/format/field.h"
#include "connectors/nexmark/nexmark.h"
#include "connectors/nexmark/pace.h"

static const int64_t BASE_US = INT64_C(1735689600000000);  /* 2025-01-01 00:00:00 UTC */
enum { KEY_MAX = 192, LENGTH_MAX = 1 << 20 };

/* What stands in one column. */
struct maker {
	bool sequence;
	int64_t low, high;         /* both included; of a sequence: first and last */
	int64_t length;            /* of texts */
	int64_t past_us;           /* of timestamps: at most so long before the row's time */
	double null_rate;
	uint64_t salt;
};

struct datagen {
	struct spk_source base;
	struct spk_arena *arena;
	struct maker *maker;       /* by column of the batch */
	int64_t rows, rate, position;
	struct spk_pace pace;
};

static const struct spk_option_spec options[] = {
	{ "rows-per-second", false, false, NULL, "Rows per second of wall time and of event time (default 10000)." },
	{ "number-of-rows", false, false, NULL, "Rows in all; without it there is no end, unless a sequence has one." },
	{ "fields.", true, false, NULL, "fields.NAME.kind = random|sequence, .min, .max, .start, .end, .length, .max-past, .null-rate" },
	{ 0 },
};

static struct datagen *self(const struct spk_source *s)
{
	return spk_container_of(s, struct datagen, base);
}

/* --- options --- */

static spk_status at(const struct spk_table *t, const char *key, spk_status status, spk_error *err)
{
	for (int i = 0; err && i < t->option_count; i++)
		if (!strcmp(t->option[i].key, key))
			err->position = t->option[i].position;
	return status;
}

static spk_status wrong_value(const struct spk_table *t, const char *key, const char *why, spk_error *err)
{
	spk_fail(err, SPK_USAGE, "table \"%s\": '%s' = '%s' %s", t->name, key, spk_format_option(t, key), why);
	return at(t, key, SPK_USAGE, err);
}

static spk_status read_number(const struct spk_table *t, const char *key, int64_t least, int64_t *out, spk_error *err)
{
	const char *value = spk_format_option(t, key);
	char why[64];

	if (!value || (spk_conf_parse_int(value, out, NULL) == SPK_OK && *out >= least))
		return SPK_OK;
	snprintf(why, sizeof(why), "is not an integer of at least %lld", (long long)least);
	return wrong_value(t, key, least == INT64_MIN ? "is not an integer" : why, err);
}

static spk_status read_field_number(const struct spk_table *t, const char *column, const char *what, int64_t least, int64_t *out, spk_error *err)
{
	char key[KEY_MAX];

	snprintf(key, sizeof(key), "fields.%s.%s", column, what);
	return read_number(t, key, least, out, err);
}

/* The range a type has when none is given. */
static void default_range(struct spk_type type, struct maker *m)
{
	m->low = 0;
	m->high = type.id == SPK_TYPE_SMALLINT ? INT16_MAX : type.id == SPK_TYPE_INTEGER ? INT32_MAX : type.id == SPK_TYPE_BIGINT ? INT64_MAX - 1 : 1000000;
	if (type.id == SPK_TYPE_DECIMAL && type.precision > 0)
		m->high = SPK_MIN(m->high, (int64_t)SPK_MIN(spk_pow10(SPK_MIN(type.precision - type.scale, 18)) - 1, (spk_int128)INT64_MAX));
}

static spk_status read_maker(const struct spk_table *t, int column, struct maker *m, spk_error *err)
{
	const struct spk_field *f = &t->schema->field[column];
	char key[KEY_MAX];
	const char *kind, *rate;

	*m = (struct maker){ .length = 100, .salt = (uint64_t)(column + 1) * UINT64_C(0xd6e8feb86659fd93) };
	default_range(f->type, m);
	snprintf(key, sizeof(key), "fields.%s.kind", f->name);
	kind = spk_format_option(t, key);
	m->sequence = kind && !strcmp(kind, "sequence");
	if (kind && !m->sequence && strcmp(kind, "random"))
		return wrong_value(t, key, "is neither random nor sequence", err);
	SPK_TRY(read_field_number(t, f->name, m->sequence ? "start" : "min", INT64_MIN, &m->low, err));
	SPK_TRY(read_field_number(t, f->name, m->sequence ? "end" : "max", INT64_MIN, &m->high, err));
	SPK_TRY(read_field_number(t, f->name, "length", 0, &m->length, err));
	SPK_TRY(read_field_number(t, f->name, "max-past", 0, &m->past_us, err));
	snprintf(key, sizeof(key), "fields.%s.null-rate", f->name);
	rate = spk_format_option(t, key);
	if (rate && (spk_conf_parse_double(rate, &m->null_rate, NULL) || m->null_rate < 0 || m->null_rate > 1))
		return wrong_value(t, key, "is not a number from 0 to 1", err);
	if (m->low > m->high || m->length > LENGTH_MAX || m->past_us > INT64_MAX / 1000000)
		return spk_fail(err, SPK_USAGE, "table \"%s\": column \"%s\" has an empty range, or a length of more than %d", t->name, f->name, LENGTH_MAX);
	m->past_us *= 1000;
	return SPK_OK;
}

/* fields.NAME.what: a column and a property that exist. */
static spk_status check_field_option(const struct spk_table *t, const struct spk_option *o, spk_error *err)
{
	static const char *const what[] = { "kind", "min", "max", "start", "end", "length", "max-past", "null-rate" };
	const char *name = o->key + strlen("fields."), *dot = strrchr(name, '.');
	bool column = false;

	for (int i = 0; dot && i < t->schema->count; i++)
		column |= strlen(t->schema->field[i].name) == (size_t)(dot - name) && !strncmp(t->schema->field[i].name, name, (size_t)(dot - name));
	for (size_t i = 0; column && i < SPK_COUNT_OF(what); i++)
		if (!strcmp(what[i], dot + 1))
			return SPK_OK;
	spk_fail(err, SPK_USAGE, "table \"%s\": connector 'datagen' has no option '%s'", t->name, o->key);
	spk_hint(err, column ? "of a field there are: kind, min, max, start, end, length, max-past, null-rate" : "it is 'fields.COLUMN.kind' and so on, with a column of the table");
	return at(t, o->key, SPK_USAGE, err);
}

static bool can_make(struct spk_type type)
{
	return type.id != SPK_TYPE_ARRAY && type.id != SPK_TYPE_ROW && !spk_type_is_json(type) && type.id != SPK_TYPE_INTERVAL && type.id != SPK_TYPE_UUID;
}

static spk_status read_options(const struct spk_table *t, int64_t *rows, int64_t *rate, spk_error *err)
{
	*rows = INT64_MAX;
	*rate = 10000;
	SPK_TRY(read_number(t, "number-of-rows", 0, rows, err));
	return read_number(t, "rows-per-second", 1, rate, err);
}

static bool is_made(const struct spk_table *t, int column)
{
	return !(t->computed && t->computed[column]) && !(t->metadata && t->metadata[column]);
}

/* Sequences end the table, also those that are not read. */
static spk_status end_at_sequences(const struct spk_table *t, int64_t *rows, spk_error *err)
{
	for (int c = 0; c < t->schema->count; c++) {
		struct maker m;
		char type[64];

		if (!is_made(t, c))
			continue;
		if (!can_make(t->schema->field[c].type))
			return spk_fail(err, SPK_UNSUPPORTED, "table \"%s\": connector 'datagen' makes no %s (column \"%s\")", t->name,
			                spk_type_format(t->schema->field[c].type, type, sizeof(type)), t->schema->field[c].name);
		SPK_TRY(read_maker(t, c, &m, err));
		if (m.sequence && (uint64_t)m.high - (uint64_t)m.low < (uint64_t)*rows)
			*rows = m.high - m.low + 1;
	}
	return SPK_OK;
}

spk_status spk_datagen_check_table(const struct spk_table *t, spk_error *err)
{
	int64_t rows, rate;

	for (int i = 0; i < t->option_count; i++)
		if (!strncmp(t->option[i].key, "fields.", 7))
			SPK_TRY(check_field_option(t, &t->option[i], err));
	SPK_TRY(read_options(t, &rows, &rate, err));
	return end_at_sequences(t, &rows, err);
}

/* --- opening --- */

static void datagen_close(struct spk_source *base)
{
	if (!base)
		return;
	spk_pace_release(&self(base)->pace);
	spk_arena_unref(self(base)->arena);
}

static spk_status init(struct datagen *s, spk_error *err)
{
	const struct spk_source_spec *spec = s->base.spec;

	s->pace.timer = -1;
	s->base.partitions = 1;
	SPK_TRY(read_options(spec->table, &s->rows, &s->rate, err));
	SPK_TRY(end_at_sequences(spec->table, &s->rows, err));
	s->maker = SPK_NEW_ARRAY(s->arena, struct maker, spec->columns + 1);
	SPK_TRY_PTR(s->maker, err);
	for (int i = 0; i < spec->columns; i++)
		if (is_made(spec->table, spec->column[i]))
			SPK_TRY(read_maker(spec->table, spec->column[i], &s->maker[i], err));
	return spk_pace_init(&s->pace, s->rate, err);
}

static spk_status datagen_open(struct spk_source **out, const struct spk_source_spec *spec, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct datagen *s;
	spk_status status;

	SPK_TRY_PTR(arena, err);
	s = SPK_NEW(arena, struct datagen);
	if (!s) {
		spk_arena_unref(arena);
		return spk_fail_memory(err);
	}
	s->arena = arena;
	s->base = (struct spk_source){ .type = &spk_datagen_source, .spec = spec };
	status = init(s, err);
	if (status != SPK_OK) {
		datagen_close(&s->base);
		return status;
	}
	*out = &s->base;
	return SPK_OK;
}

/* --- positions --- */

static const char *datagen_partition_name(const struct spk_source *s, int partition)
{
	(void)s;
	(void)partition;
	return "datagen/0";
}

static spk_status datagen_seek(struct spk_source *base, const int64_t *position, int64_t *resolved, spk_error *err)
{
	(void)err;
	self(base)->position = resolved[0] = SPK_MAX(position[0], 0);
	spk_pace_restart(&self(base)->pace);
	return SPK_OK;
}

static spk_status datagen_ends(struct spk_source *base, bool bounded_only, int64_t *end, spk_error *err)
{
	if (!bounded_only && self(base)->rows == INT64_MAX) {
		spk_fail(err, SPK_USAGE, "table \"%s\" has no end", base->spec->table->name);
		return spk_hint(err, "add 'number-of-rows' = '...'");
	}
	end[0] = self(base)->rows;
	return SPK_OK;
}

static int datagen_wake_fd(const struct spk_source *s)
{
	return self(s)->pace.timer;
}

static const char *datagen_trouble(const struct spk_source *s)
{
	(void)s;
	return NULL;
}

static int64_t datagen_lag(const struct spk_source *s, int partition)
{
	(void)partition;
	return self(s)->rows == INT64_MAX ? -1 : self(s)->rows - self(s)->position;
}

static void datagen_report(struct spk_source *s, const int64_t *position)
{
	(void)s;
	(void)position;
}

static spk_status datagen_fetch(struct spk_source *base, int partition, int64_t end, int max_rows, size_t max_bytes, int64_t wait_us, struct spk_chunk *chunk, spk_error *err)
{
	struct datagen *s = self(base);
	int64_t rows = SPK_MAX(SPK_MIN(SPK_MIN(end, s->rows) - s->position, (int64_t)max_rows), 0);

	rows = SPK_MIN(SPK_MIN(rows, (int64_t)(max_bytes / 100 + 1)), rows ? spk_pace_allowed(&s->pace, wait_us) : 0);
	chunk->partition = partition;
	chunk->start = s->position;
	chunk->end = s->position + rows;
	chunk->rows = (int)rows;
	chunk->bytes = (size_t)rows * 100;
	chunk->hash = (uint64_t)rows * UINT64_C(0x9e3779b97f4a7c15);
	chunk->finished = chunk->end >= s->rows;
	chunk->arena = spk_arena_new(NULL);
	SPK_TRY_PTR(chunk->arena, err);
	s->position += rows;
	s->pace.given += rows;
	return SPK_OK;
}

/* --- values --- */

/* splitmix64 of row and column. */
static uint64_t lot(const struct maker *m, int64_t row, uint64_t more)
{
	uint64_t z = ((uint64_t)row + more * UINT64_C(0xa0761d6478bd642f)) * UINT64_C(0x9e3779b97f4a7c15) ^ m->salt;

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static int64_t number(const struct maker *m, int64_t row)
{
	uint64_t span = (uint64_t)m->high - (uint64_t)m->low + 1;

	if (m->sequence)
		return m->low + row;
	return (int64_t)((uint64_t)m->low + (span ? (uint64_t)((unsigned __int128)lot(m, row, 0) * span >> 64) : lot(m, row, 0)));
}

static double fraction(const struct maker *m, int64_t row)
{
	double low = (double)m->low;

	return m->sequence ? low + (double)row : low + (double)(lot(m, row, 0) >> 11) * 0x1p-53 * ((double)m->high - low);
}

static int64_t row_time(const struct datagen *s, const struct maker *m, int64_t row)
{
	int64_t us = BASE_US + (int64_t)((__int128)row * 1000000 / s->rate);

	return m->past_us ? us - (int64_t)((unsigned __int128)lot(m, row, 0) * (uint64_t)m->past_us >> 64) : us;
}

/* Hexadecimal digits as Flink's, or a sequence's number. */
static spk_status make_text(const struct maker *m, int64_t row, struct spk_view *out, struct spk_arena *arena, spk_error *err)
{
	static const char hex[] = "0123456789abcdef";
	int64_t n = m->length;
	char number_text[24], *p;

	if (m->sequence)
		n = snprintf(number_text, sizeof(number_text), "%lld", (long long)(m->low + row));
	p = spk_arena_alloc(arena, (size_t)n + 1);
	SPK_TRY_PTR(p, err);
	for (int64_t i = 0; i < n; i++)
		p[i] = m->sequence ? number_text[i] : hex[lot(m, row, (uint64_t)i / 16 + 1) >> (i % 16 * 4) & 15];
	*out = spk_view(p, (uint32_t)n);
	return SPK_OK;
}

static spk_status make_value(const struct datagen *s, const struct maker *m, int64_t row, struct spk_vector *v, int i, spk_error *err)
{
	switch (v->type.id) {
	case SPK_TYPE_BOOLEAN: spk_vector_bool(v)[i] = (uint8_t)(lot(m, row, 0) & 1); break;
	case SPK_TYPE_REAL: spk_vector_f32(v)[i] = (float)fraction(m, row); break;
	case SPK_TYPE_DOUBLE: spk_vector_f64(v)[i] = fraction(m, row); break;
	case SPK_TYPE_DECIMAL:
		if (!spk_decimal_store(v->type, number(m, row), 0, spk_vector_i128(v) + i))
			return spk_fail(err, SPK_DATA, "a number of 'datagen' does not fit its column");
		break;
	case SPK_TYPE_DATE: spk_vector_i32(v)[i] = (int32_t)(row_time(s, m, row) / INT64_C(86400000000)); break;
	case SPK_TYPE_TIME: spk_vector_i64(v)[i] = row_time(s, m, row) % INT64_C(86400000000); break;
	case SPK_TYPE_TIMESTAMP: case SPK_TYPE_TIMESTAMPTZ: spk_vector_i64(v)[i] = row_time(s, m, row); break;
	default:
		spk_field_store_integer(v->type, number(m, row), (char *)v->data + (size_t)i * (size_t)spk_type_width(v->type));
	}
	return SPK_OK;
}

static spk_status fill_column(const struct datagen *s, const struct maker *m, int64_t first, struct spk_batch *b, int column, spk_error *err)
{
	struct spk_vector *v = &b->column[column];
	uint64_t null_below = (uint64_t)(m->null_rate * 0x1p53);

	SPK_TRY(spk_vector_init(v, b->schema->field[column].type, b->rows, b->arena, err));
	for (int i = 0; i < b->rows; i++) {
		int64_t row = first + i;

		if (null_below && lot(m, row, 0x6e756c6c) >> 11 < null_below)
			SPK_TRY(spk_field_null(v, i, b->rows, b->arena, err));
		else if (spk_type_is_view(v->type))
			SPK_TRY(make_text(m, row, spk_vector_view(v) + i, b->arena, err));
		else
			SPK_TRY(make_value(s, m, row, v, i, err));
	}
	return SPK_OK;
}

static spk_status fill(const struct datagen *s, const struct spk_chunk *chunk, int from, struct spk_batch *b, spk_error *err)
{
	static const struct spk_view nothing[SPK_BATCH_ROWS];
	struct spk_origin *o = SPK_NEW(b->arena, struct spk_origin);
	int64_t *offset = spk_arena_alloc_vector(b->arena, sizeof(*offset) * (size_t)b->rows), first = chunk->start + from;

	SPK_TRY_PTR(o && offset, err);
	for (int i = 0; i < b->rows; i++)
		offset[i] = first + i;
	*o = (struct spk_origin){ s->base.spec->index, 0, offset, nothing };
	b->origin = o;
	for (int c = 0; c < b->columns; c++)
		if (is_made(s->base.spec->table, s->base.spec->column[c]))
			SPK_TRY(fill_column(s, &s->maker[c], first, b, c, err));
	return SPK_OK;
}

static spk_status datagen_decode(struct spk_source *base, const struct spk_chunk *chunk, int from, int n, const struct spk_sieve *sieve, struct spk_row_errors *errors, struct spk_batch **out, spk_error *err)
{
	struct spk_batch *b;
	spk_status status;

	(void)sieve;
	(void)errors;
	SPK_TRY(spk_batch_new(&b, base->spec->schema, spk_memory_account("decoded input"), err));
	b->rows = b->selected = n;
	status = fill(self(base), chunk, from, b, err);
	if (status != SPK_OK) {
		spk_batch_unref(b);
		return status;
	}
	*out = b;
	return SPK_OK;
}

const struct spk_source_type spk_datagen_source = {
	.name = "datagen",
	.options = options,
	.replayable = true,
	.open = datagen_open,
	.partition_name = datagen_partition_name,
	.seek = datagen_seek,
	.ends = datagen_ends,
	.wake_fd = datagen_wake_fd,
	.fetch = datagen_fetch,
	.decode = datagen_decode,
	.trouble = datagen_trouble,
	.lag = datagen_lag,
	.report = datagen_report,
	.close = datagen_close,
};
