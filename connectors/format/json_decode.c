/*
 * Rows of JSON into columns.
 *
 * Members are matched by where they stood in the rows before (`memo`): rows of one source mostly come from one program and look alike,
 * so that a comparison of 16 bytes tells what a member is. What the memo does not know is looked up by hash: exactly, then
 * without regard to case. A row in which a column comes twice, or a value does not fit, is read again by read_carefully, which
 * knows the rules of precedence; all others are read in one pass.
 *
 * A decoder is read-only and shared by threads; the parsers (tables of simdjson) are lent out, one per call.
 */
#include "connectors/format/json.h"

#include <pthread.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/check.h"
#include "core/base/memory.h"

enum { PARSERS = 64, MEMO = 64, LOOK_AHEAD = 8, UNKNOWN = -1 };

/* A member name that the table knows: all its columns are here, so that which of them are read does not change what matches. */
struct name { const char *text; uint32_t length; int32_t column; };

struct json_decoder {
	struct spk_decoder base;
	struct spk_arena *arena;
	struct spk_field_rules rules;
	const struct spk_json_dialect *dialect;
	int columns, ours;                /* ours: those not in skip */
	struct spk_json_target *target;   /* by column of the batch */
	bool *skip;                       /* columns that are not ours: metadata */
	uint32_t mask;                    /* of both tables: a power of two less one */
	struct name *exact, *folded;      /* open addressing; text NULL: free */
	pthread_mutex_t lock;             /* guards what follows */
	struct spk_simdjson *idle[PARSERS];
	int idles;
};

/* A member as it stood in an earlier row of this call: its name's first 16 bytes, the rest, and what it is. */
struct memo { uint64_t low, high; const char *text; uint32_t length; int32_t column; };

/* One call of decode. */
struct walk {
	const struct json_decoder *d;
	struct spk_batch *batch;
	struct spk_simdjson *parser;
	struct spk_json_holes *holes;     /* NULL: nobody asks */
	uint32_t *stamp;                  /* by column: number of the last row that had it, from 1 */
	uint32_t *token;                  /* by column: for read_carefully, the value's token and how it matched */
	uint8_t *match;
	struct spk_day *day;              /* by column */
	int memos, next;                  /* next: the memo that is expected */
	struct memo memo[MEMO];
	struct spk_json_row row;
	char small[SPK_VIEW_INLINE + 20]; /* a row that lies in its view, with the padding it has not there */
};

/* --- names --- */

static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static uint32_t hash_name(const char *s, uint32_t n, bool folded)
{
	char lower[256];

	if (!folded || n > sizeof(lower))
		return (uint32_t)XXH3_64bits(s, n);
	for (uint32_t i = 0; i < n; i++)
		lower[i] = fold(s[i]);
	return (uint32_t)XXH3_64bits(lower, n);
}

static bool same_name(const struct name *name, const char *s, uint32_t n, bool folded)
{
	if (name->length != n)
		return false;
	if (!folded)
		return memcmp(name->text, s, n) == 0;
	for (uint32_t i = 0; i < n; i++)
		if (fold(name->text[i]) != fold(s[i]))
			return false;
	return true;
}

/* The entry of that name, or the free one where it would stand. */
static struct name *find_name(struct name *table, uint32_t mask, const char *s, uint32_t n, bool folded)
{
	uint32_t i = hash_name(s, n, folded) & mask;

	while (table[i].text && !same_name(&table[i], s, n, folded))
		i = (i + 1) & mask;
	return &table[i];
}

/* Names are added in the table's order: of columns that differ by case alone the first gets the folded name. */
static void add_name(struct json_decoder *d, const char *text, int column)
{
	struct name name = { text, (uint32_t)strlen(text), column };
	struct name *exact = find_name(d->exact, d->mask, text, name.length, false);
	struct name *folded = find_name(d->folded, d->mask, text, name.length, true);

	if (!exact->text)
		*exact = name;
	if (!folded->text)
		*folded = name;
}

static int32_t lookup(const struct json_decoder *d, const char *s, uint32_t n, bool *exact)
{
	const struct name *name = find_name(d->exact, d->mask, s, n, false);

	*exact = name->text != NULL;
	if (!name->text)
		name = find_name(d->folded, d->mask, s, n, true);
	return name->text ? name->column : UNKNOWN;
}

/* A name as it stands in the row, which may have escapes. */
static spk_status lookup_raw(struct walk *w, uint32_t k, int32_t *column, bool *exact, spk_error *err)
{
	uint32_t n, plain;
	const char *s = spk_json_string(&w->row, k, &n);
	enum spk_json_escape verdict;
	char *copy;

	if (SPK_LIKELY(!w->row.escapes) || !memchr(s, '\\', n)) {
		*column = lookup(w->d, s, n, exact);
		return SPK_OK;
	}
	copy = spk_arena_alloc(w->batch->arena, n);
	SPK_TRY_PTR(copy, err);
	verdict = spk_json_unescape(s, n, copy, &plain);
	if (verdict == SPK_JSON_ESCAPE_BAD) {
		spk_json_unexpected(&w->row, k, "a name with valid escapes");
		return SPK_DATA;
	}
	*column = lookup(w->d, copy, plain, exact);
	return SPK_OK;
}

/* --- the memo --- */

/* The first 16 bytes of a name, what is behind it masked off. Reads 16 bytes: rows are padded. */
static inline void name_words(const char *s, uint32_t n, uint64_t *low, uint64_t *high)
{
	memcpy(low, s, 8);
	memcpy(high, s + 8, 8);
	if (n < 8)
		*low &= (1ull << 8 * n) - 1;
	if (n <= 8)
		*high = 0;
	else if (n < 16)
		*high &= (1ull << 8 * (n - 8)) - 1;
}

static inline bool memo_is(const struct memo *m, const char *s, uint32_t n, uint64_t low, uint64_t high)
{
	return m->length == n && m->low == low && m->high == high && (n <= 16 || memcmp(m->text + 16, s + 16, n - 16) == 0);
}

/* Column of the member whose name is token k. */
static inline spk_status member(struct walk *w, uint32_t k, int32_t *column, spk_error *err)
{
	uint32_t n;
	const char *s = spk_json_string(&w->row, k, &n);
	uint64_t low, high;
	bool exact;
	int last = SPK_MIN(w->next + LOOK_AHEAD, w->memos);

	name_words(s, n, &low, &high);
	for (int i = w->next; i < last; i++) {
		if (SPK_LIKELY(memo_is(&w->memo[i], s, n, low, high))) {
			*column = w->memo[i].column;
			w->next = i + 1;
			return SPK_OK;
		}
	}
	SPK_TRY(lookup_raw(w, k, column, &exact, err));
	if (w->next == w->memos && w->memos < MEMO) {
		w->memo[w->memos++] = (struct memo){ low, high, s, n, *column };
		w->next++;
	}
	return SPK_OK;
}

/* --- rows --- */

/* The name, colon and value that begin at token k are there (whatever the value is) and a token behind them. */
static inline bool member_begins(struct spk_json_row *r, uint32_t k)
{
	if (SPK_UNLIKELY(k + 3 >= r->count || r->text[r->at[k]] != '"'))
		return spk_json_unexpected(r, k + 3 >= r->count ? r->count : k, "a member's name and value");
	return SPK_LIKELY(r->text[r->at[k + 1]] == ':') || spk_json_unexpected(r, k + 1, "':'");
}

/* After a value: false at the end of the object, *k then behind it. DATA when neither follows. */
static inline spk_status member_ends(struct spk_json_row *r, uint32_t *k, bool *more)
{
	char c = *k < r->count ? r->text[r->at[*k]] : '\0';

	*more = c == ',';
	++*k;
	if (SPK_LIKELY(c == ','))
		return SPK_OK;
	if (c != '}') {
		spk_json_unexpected(r, *k - 1, "',' or '}'");
		return SPK_DATA;
	}
	if (*k == r->count)
		return SPK_OK;
	spk_json_unexpected(r, *k, "the end of the row after its object");
	return SPK_DATA;
}

/* *k behind the opening brace; *more: a member follows. */
static inline spk_status object_begins(struct spk_json_row *r, uint32_t *k, bool *more)
{
	*k = 1;
	if (SPK_UNLIKELY(r->text[r->at[0]] != '{')) {
		spk_json_unexpected(r, 0, "a JSON object");
		return SPK_DATA;
	}
	*more = !(r->count > 1 && r->text[r->at[1]] == '}');
	return *more ? SPK_OK : member_ends(r, k, more);
}

/* What most values are, without a call; false: nothing was done. */
static inline bool store_common(struct walk *w, uint32_t k, int32_t column, int row)
{
	const struct spk_json_row *r = &w->row;
	struct spk_vector *v = &w->batch->column[column];
	const char *s = r->text + r->at[k];
	struct spk_type type = w->d->target[column].type;
	uint32_t n;

	if (type.id == SPK_TYPE_BIGINT)
		return spk_json_plain_integer(s, spk_vector_i64(v) + row, &s);
	if (*s != '"' || r->escapes)
		return false;
	s = spk_json_string(r, k, &n);
	if (type.id == SPK_TYPE_TEXT && !type.precision)
		spk_vector_view(v)[row] = spk_view_padded(s, n);
	else if (type.id != SPK_TYPE_TIMESTAMP || !spk_field_timestamp(s, n, &w->day[column], spk_vector_i64(v) + row))
		return false;
	return true;
}

static spk_status store_dialect(struct walk *w, uint32_t *k, int32_t column, int row, spk_error *err)
{
	const struct spk_json_dialect *dialect = w->d->dialect;
	bool hole = false;

	SPK_TRY(dialect->store(dialect, &w->row, k, &w->d->target[column], &w->d->rules, &w->batch->column[column], row, w->batch->rows, w->batch->arena, &hole, err));
	if (!hole)
		return SPK_OK;
	if (w->holes) {
		w->holes->bits[row * w->holes->bytes + column / 8] |= (uint8_t)(1 << column % 8);
		w->holes->any = true;
	}
	return spk_field_null(&w->batch->column[column], row, w->batch->rows, w->batch->arena, err);
}

static inline spk_status store(struct walk *w, uint32_t *k, int32_t column, int row, spk_error *err)
{
	if (SPK_UNLIKELY(w->d->dialect != NULL))
		return store_dialect(w, k, column, row, err);
	if (SPK_LIKELY(store_common(w, *k, column, row))) {
		++*k;
		return SPK_OK;
	}
	return spk_json_store(&w->row, k, &w->d->target[column], &w->d->rules, &w->batch->column[column], row, w->batch->rows,
	                      w->batch->arena, err);
}

/* All members in one pass. *again: the row needs read_carefully. */
static spk_status read_quickly(struct walk *w, int row, int *found, bool *again, spk_error *err)
{
	struct spk_json_row *r = &w->row;
	uint32_t k, stamp = (uint32_t)row + 1;
	int32_t column;
	bool more;

	*found = 0;
	w->next = 0;
	SPK_TRY(object_begins(r, &k, &more));
	while (more) {
		if (!member_begins(r, k))
			return SPK_DATA;
		SPK_TRY(member(w, k, &column, err));
		k += 2;
		if (column < 0) {
			if (r->text[r->at[k]] == '"' && !r->escapes)
				k++;
			else if (!spk_json_skip(r, &k, 1))
				return SPK_DATA;
		} else {
			*again = w->stamp[column] == stamp;
			if (SPK_UNLIKELY(*again))
				return SPK_OK;
			w->stamp[column] = stamp;
			++*found;
			*again = true;  /* a value that does not fit may be followed by one that does */
			SPK_TRY(store(w, &k, column, row, err));
			*again = false;
		}
		SPK_TRY(member_ends(r, &k, &more));
	}
	return SPK_OK;
}

enum { NO_MATCH, FOLDED_MATCH, EXACT_MATCH };

/* For each column the value that counts: of members with its exact name the last, else the last that differs by case. */
static spk_status choose_values(struct walk *w, spk_error *err)
{
	struct spk_json_row *r = &w->row;
	uint32_t k;
	bool more;

	memset(w->match, NO_MATCH, (size_t)w->d->columns);
	SPK_TRY(object_begins(r, &k, &more));
	while (more) {
		int32_t column = UNKNOWN;
		bool exact;

		if (!member_begins(r, k))
			return SPK_DATA;
		SPK_TRY(lookup_raw(w, k, &column, &exact, err));
		k += 2;
		if (column >= 0 && (exact || w->match[column] != EXACT_MATCH)) {
			w->match[column] = exact ? EXACT_MATCH : FOLDED_MATCH;
			w->token[column] = k;
		}
		if (!spk_json_skip(r, &k, 1))
			return SPK_DATA;
		SPK_TRY(member_ends(r, &k, &more));
	}
	return SPK_OK;
}

static spk_status read_carefully(struct walk *w, int row, int *found, spk_error *err)
{
	*found = 0;
	if (w->holes)
		memset(w->holes->bits + row * w->holes->bytes, 0, (size_t)w->holes->bytes);
	SPK_TRY(choose_values(w, err));
	for (int c = 0; c < w->d->columns; c++) {
		uint32_t k = w->token[c];

		w->stamp[c] = 0;
		if (w->match[c] == NO_MATCH)
			continue;
		if (w->batch->column[c].valid)
			spk_bit_set(w->batch->column[c].valid, row);
		SPK_TRY(store(w, &k, c, row, err));
		w->stamp[c] = (uint32_t)row + 1;
		++*found;
	}
	return SPK_OK;
}

static spk_status fill_missing(struct walk *w, int row, spk_error *err)
{
	for (int c = 0; c < w->d->columns; c++)
		if (w->stamp[c] != (uint32_t)row + 1 && !w->d->skip[c])
			SPK_TRY(spk_field_null(&w->batch->column[c], row, w->batch->rows, w->batch->arena, err));
	return SPK_OK;
}

static spk_status decode_row(struct walk *w, const struct spk_view *raw, int row, struct spk_row_errors *errors, spk_error *err)
{
	bool no_memory, again = false;
	const char *text = spk_view_data(raw);
	int found = 0;
	spk_status status;

	if (SPK_UNLIKELY(raw->length <= SPK_VIEW_INLINE))
		text = memcpy(w->small, raw->inlined, sizeof(raw->inlined));
	if (!spk_json_row_init(&w->row, w->parser, text, raw->length, &no_memory)) {
		if (no_memory)
			return spk_fail(err, SPK_NO_MEMORY, "no memory to read a JSON row of %u bytes", raw->length);
		return spk_field_row_failed(w->batch, row, w->row.reason, errors, err);
	}
	status = read_quickly(w, row, &found, &again, err);
	if (SPK_UNLIKELY(again) && (status == SPK_OK || status == SPK_DATA))
		status = read_carefully(w, row, &found, err);
	if (SPK_UNLIKELY(status == SPK_DATA))
		return spk_field_row_failed(w->batch, row, w->row.reason, errors, err);
	SPK_TRY(status);
	return SPK_LIKELY(found == w->d->ours) ? SPK_OK : fill_missing(w, row, err);
}

/* --- parsers --- */

static struct spk_simdjson *borrow_parser(struct json_decoder *d)
{
	struct spk_simdjson *p = NULL;

	pthread_mutex_lock(&d->lock);
	if (d->idles)
		p = d->idle[--d->idles];
	pthread_mutex_unlock(&d->lock);
	return p ? p : spk_simdjson_new();
}

enum { PARSER_KEPT = 1 << 20 };  /* one that grew larger than this for a giant row is not kept */

static void give_parser_back(struct json_decoder *d, struct spk_simdjson *p)
{
	bool keep = spk_simdjson_bytes(p) <= PARSER_KEPT;

	pthread_mutex_lock(&d->lock);
	keep = keep && d->idles < PARSERS;
	if (keep)
		d->idle[d->idles++] = p;
	pthread_mutex_unlock(&d->lock);
	if (!keep)
		spk_simdjson_free(p);
}

/* --- the format's functions --- */

static spk_status walk_init(struct walk *w, struct json_decoder *d, struct spk_batch *batch, int n, spk_error *err)
{
	w->d = d;
	w->batch = batch;
	w->memos = w->next = 0;
	memset(w->small, 0, sizeof(w->small));
	batch->rows = batch->selected = n;
	SPK_TRY(spk_field_init_columns(batch, n, d->skip, true, err));
	w->stamp = SPK_NEW_ARRAY(batch->arena, uint32_t, d->columns);
	w->token = SPK_NEW_ARRAY(batch->arena, uint32_t, d->columns);
	w->match = SPK_NEW_ARRAY(batch->arena, uint8_t, d->columns);
	w->day = SPK_NEW_ARRAY(batch->arena, struct spk_day, d->columns);
	SPK_TRY_PTR(w->stamp && w->token && w->match && w->day, err);
	w->parser = borrow_parser(d);
	SPK_TRY_PTR(w->parser, err);
	return SPK_OK;
}

spk_status spk_json_decode(struct spk_decoder *base, const struct spk_view *raw, int n, struct spk_batch *batch, struct spk_row_errors *errors, spk_error *err)
{
	return spk_json_decode_holes(base, raw, n, batch, NULL, errors, err);
}

spk_status spk_json_decode_holes(struct spk_decoder *base, const struct spk_view *raw, int n, struct spk_batch *batch, struct spk_json_holes *holes, struct spk_row_errors *errors, spk_error *err)
{
	struct json_decoder *d = spk_container_of(base, struct json_decoder, base);
	spk_status status = SPK_OK;
	struct walk w;

	SPK_TRY(walk_init(&w, d, batch, n, err));
	w.holes = holes;
	for (int i = 0; i < n && status == SPK_OK; i++) {
		if (SPK_LIKELY(i + 1 < n))
			spk_field_fetch_ahead(&raw[i + 1]);
		status = decode_row(&w, &raw[i], i, errors, err);
	}
	give_parser_back(d, w.parser);
	SPK_TRY(status);
	return spk_field_finish(batch, d->skip, true, &d->rules, errors, err);
}

static int64_t timestamp_unit(const struct spk_format_spec *spec)
{
	static const int64_t unit[] = { 1000000, 1000, 1 };
	const char *option = spk_format_option(spec->table, "json.timestamp-unit");

	if (option)
		return !strcmp(option, "s") ? unit[0] : !strcmp(option, "us") ? unit[2] : unit[1];
	return spec->conf ? unit[spk_conf_int(spec->conf, SPK_CONF_JSON_TIMESTAMP_UNIT)] : unit[1];
}

static spk_status add_names(struct json_decoder *d, const struct spk_format_spec *spec, spk_error *err)
{
	const struct spk_table *t = spec->table;
	uint32_t size = 8;
	int next = 0;

	while (size < 2 * (uint32_t)t->schema->count)
		size *= 2;
	d->mask = size - 1;
	d->exact = SPK_NEW_ARRAY(d->arena, struct name, size);
	d->folded = SPK_NEW_ARRAY(d->arena, struct name, size);
	SPK_TRY_PTR(d->exact && d->folded, err);
	for (int i = 0; i < t->schema->count; i++) {
		bool wanted = next < spec->columns && spec->column[next] == i;

		if (!(t->computed && t->computed[i]) && !(t->metadata && t->metadata[i])) {
			const char *name = spk_arena_strdup(d->arena, t->schema->field[i].name);

			SPK_TRY_PTR(name, err);
			add_name(d, name, wanted ? next : UNKNOWN);
		} else if (wanted) {
			d->skip[next] = true;
		}
		next += wanted;
	}
	d->ours = d->columns;
	for (int i = 0; i < d->columns; i++)
		d->ours -= d->skip[i];
	return SPK_OK;
}

static spk_status decoder_init(struct json_decoder *d, const struct spk_format_spec *spec, spk_error *err)
{
	d->columns = spec->columns;
	d->rules = spk_field_rules(spec->conf);
	d->rules.timestamp_unit_us = timestamp_unit(spec);
	d->target = SPK_NEW_ARRAY(d->arena, struct spk_json_target, spec->columns);
	d->skip = SPK_NEW_ARRAY(d->arena, bool, spec->columns);
	SPK_TRY_PTR(d->target && d->skip, err);
	for (int i = 0; i < spec->columns; i++) {
		const struct spk_field *f = &spec->schema->field[i];

		d->target[i] = (struct spk_json_target){ spk_field_read_type(f->type, true), f->type, spk_arena_strdup(d->arena, f->name) };
		SPK_TRY_PTR(d->target[i].name, err);
	}
	return add_names(d, spec, err);
}

struct spk_simdjson *spk_json_borrow_parser(struct spk_decoder *base)
{
	return borrow_parser(spk_container_of(base, struct json_decoder, base));
}

void spk_json_give_parser_back(struct spk_decoder *base, struct spk_simdjson *p)
{
	give_parser_back(spk_container_of(base, struct json_decoder, base), p);
}

spk_status spk_json_decoder_open_as(struct spk_decoder **out, const struct spk_format_spec *spec, const struct spk_json_dialect *dialect, spk_error *err)
{
	struct spk_arena *arena;
	struct json_decoder *d;
	spk_status status;

	arena = spk_arena_new(NULL);
	SPK_TRY_PTR(arena, err);
	d = SPK_NEW(arena, struct json_decoder);
	status = d ? SPK_OK : spk_fail_memory(err);
	if (status == SPK_OK) {
		d->base.format = &spk_format_json;
		d->dialect = dialect;
		d->arena = arena;
		status = decoder_init(d, spec, err);
	}
	if (status != SPK_OK) {
		spk_arena_unref(arena);
		return status;
	}
	pthread_mutex_init(&d->lock, NULL);
	*out = &d->base;
	return SPK_OK;
}

void spk_json_decoder_close(struct spk_decoder *base)
{
	struct json_decoder *d;

	if (!base)
		return;
	d = spk_container_of(base, struct json_decoder, base);
	for (int i = 0; i < d->idles; i++)
		spk_simdjson_free(d->idle[i]);
	pthread_mutex_destroy(&d->lock);
	spk_arena_unref(d->arena);
}
