/* What stands in Nexmark events. */
#include "connectors/nexmark/event.h"

#include "core/base/check.h"

enum {
	PERSONS = 1, AUCTIONS = 3, BIDS = SPK_NEXMARK_CYCLE - PERSONS - AUCTIONS,
	HOT_AUCTION = 2, HOT_BIDDER = 4, HOT_SELLER = 4,   /* one in so many is not the hot one */
	HOT_STRIDE = 100,                                  /* each hundredth id is hot while it is among the newest hundred */
	FIRST_ID = 1000, AHEAD = 10,                       /* ids may be this far ahead of what was generated */
	ACTIVE_PEOPLE = 1000, OPEN_AUCTIONS = 100,
	FIRST_CATEGORY = 10, CATEGORIES = 5,
	PERSON_BYTES = 200, AUCTION_BYTES = 500, BID_BYTES = 100,  /* aimed at by `extra` */
	HOT_CHANNELS = 4, CHANNELS = 10000,
	PRICE_STEPS = 6 * 1024,
};

static const int64_t BASE_MS = INT64_C(1735689600000);  /* 2025-01-01 00:00:00 UTC */

struct channel { struct spk_view name, url; };
struct spk_nexmark_tables {
	double price[PRICE_STEPS + 2];                     /* 100 * 10^(i / 1024) */
	struct channel channel[HOT_CHANNELS + CHANNELS];
};

const struct spk_nexmark_info spk_nexmark_info[SPK_NEXMARK_COLUMNS] = {
#define SPK_NEXMARK_INFO(kind, column, name, type) [SPK_NEXMARK_##kind##_##column] = { SPK_NEXMARK_##kind, name, SPK_TYPE_##type },
	SPK_NEXMARK_LIST(SPK_NEXMARK_INFO)
#undef SPK_NEXMARK_INFO
};

/* --- lots: splitmix64 (Steele, Lea, Flood 2014) from a start that is different for every event and column --- */

struct lots { uint64_t state; };

static inline uint64_t draw(struct lots *l)
{
	uint64_t z = l->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Uniform in [0, n), n > 0. */
static inline int64_t below(struct lots *l, int64_t n)
{
	return (int64_t)((unsigned __int128)draw(l) * (uint64_t)n >> 64);
}

static inline struct lots lots_for(const struct spk_nexmark_rules *rules, int column, int64_t event)
{
	struct lots l = { rules->seed * UINT64_C(0xd6e8feb86659fd93) + (uint64_t)column };

	l.state = draw(&l) ^ (uint64_t)event * UINT64_C(0xa0761d6478bd642f);
	draw(&l);
	return l;
}

/* --- numbers of events --- */

void spk_nexmark_share(enum spk_nexmark_kind kind, int64_t *rows, int64_t *first)
{
	*rows = kind == SPK_NEXMARK_PERSON ? PERSONS : kind == SPK_NEXMARK_AUCTION ? AUCTIONS : BIDS;
	*first = kind == SPK_NEXMARK_PERSON ? 0 : kind == SPK_NEXMARK_AUCTION ? PERSONS : PERSONS + AUCTIONS;
}

int64_t spk_nexmark_event_of(enum spk_nexmark_kind kind, int64_t r)
{
	int64_t rows, first;

	spk_nexmark_share(kind, &rows, &first);
	return r / rows * SPK_NEXMARK_CYCLE + first + r % rows;
}

int64_t spk_nexmark_row_at(enum spk_nexmark_kind kind, int64_t n)
{
	int64_t rows, first, within;

	spk_nexmark_share(kind, &rows, &first);
	within = n % SPK_NEXMARK_CYCLE - first;
	within = within < 0 ? 0 : within > rows ? rows : within;
	return n / SPK_NEXMARK_CYCLE * rows + within;
}

static int64_t time_ms(const struct spk_nexmark_rules *rules, int64_t n)
{
	return BASE_MS + (int64_t)((__int128)n * 1000 / rules->event_rate);
}

int64_t spk_nexmark_time_us(const struct spk_nexmark_rules *rules, int64_t n)
{
	return time_ms(rules, n) * 1000;
}

/* --- ids: those that exist when event n happens --- */

static int64_t newest_person(int64_t n)
{
	return n / SPK_NEXMARK_CYCLE;
}

static int64_t newest_auction(int64_t n)
{
	return spk_nexmark_row_at(SPK_NEXMARK_AUCTION, n + 1) - 1;
}

static int64_t some_person(struct lots *l, int64_t n)
{
	int64_t people = newest_person(n) + 1, active = SPK_MIN(people, ACTIVE_PEOPLE);

	return people - active + below(l, active + AHEAD);
}

static int64_t some_auction(struct lots *l, int64_t n)
{
	int64_t newest = newest_auction(n), oldest = SPK_MAX(newest - OPEN_AUCTIONS, 0);

	return oldest + below(l, newest - oldest + 1 + AHEAD);
}

static int64_t hot(int64_t newest)
{
	return newest / HOT_STRIDE * HOT_STRIDE;
}

/* Between 100 and 10^8, its logarithm uniform: from a table of products, which any machine computes alike, as it may not a power. */
static int64_t price(const struct spk_nexmark_rules *rules, struct lots *l)
{
	uint64_t lot = draw(l);
	uint32_t step = (uint32_t)((lot >> 32) * PRICE_STEPS >> 32), part = (uint32_t)lot;
	const double *p = &rules->tables->price[step];

	return (int64_t)(p[0] + (p[1] - p[0]) * ((double)part / 4294967296.0) + 0.5);
}

static int64_t expiry_us(const struct spk_nexmark_rules *rules, struct lots *l, int64_t n)
{
	int64_t horizon = (int64_t)OPEN_AUCTIONS * SPK_NEXMARK_CYCLE / AUCTIONS * 1000 / rules->event_rate * 2;

	return (time_ms(rules, n) + 1 + below(l, SPK_MAX(horizon, 1))) * 1000;
}

static int64_t number(const struct spk_nexmark_rules *rules, enum spk_nexmark_column column, struct lots *l, int64_t n)
{
	switch (column) {
	case SPK_NEXMARK_PERSON_ID: return FIRST_ID + newest_person(n);
	case SPK_NEXMARK_AUCTION_ID: return FIRST_ID + newest_auction(n);
	case SPK_NEXMARK_AUCTION_INITIAL: case SPK_NEXMARK_BID_PRICE: return price(rules, l);
	case SPK_NEXMARK_AUCTION_EXPIRES: return expiry_us(rules, l, n);
	case SPK_NEXMARK_AUCTION_CATEGORY: return FIRST_CATEGORY + below(l, CATEGORIES);
	case SPK_NEXMARK_AUCTION_SELLER: return FIRST_ID + (below(l, HOT_SELLER) ? hot(newest_person(n)) : some_person(l, n));
	case SPK_NEXMARK_BID_AUCTION: return FIRST_ID + (below(l, HOT_AUCTION) ? hot(newest_auction(n)) : some_auction(l, n));
	case SPK_NEXMARK_BID_BIDDER: return FIRST_ID + (below(l, HOT_BIDDER) ? hot(newest_person(n)) + 1 : some_person(l, n));
	case SPK_NEXMARK_AUCTION_RESERVE: {
		/* Above the initial bid, whose lots are drawn again. */
		struct lots initial = lots_for(rules, SPK_NEXMARK_AUCTION_INITIAL, n);

		return price(rules, &initial) + price(rules, l);
	}
	default: return spk_nexmark_time_us(rules, n);
	}
}

/* --- texts --- */

/* Eight lower-case letters out of eight random bytes: each byte times 26, the upper half. */
static inline uint64_t eight_letters(uint64_t lot)
{
	const uint64_t even = UINT64_C(0x00ff00ff00ff00ff);

	return (((lot & even) * 26 >> 8 & even) | ((lot >> 8 & even) * 26 & ~even)) + UINT64_C(0x6161616161616161);
}

/* Writes up to 7 letters more than asked for. */
static char *letters(char *p, struct lots *l, int64_t n)
{
	for (int64_t i = 0; i < n; i += 8) {
		uint64_t eight = eight_letters(draw(l));

		memcpy(p + i, &eight, 8);
	}
	return p + n;
}

static char *text(char *p, const char *s)
{
	size_t n = strlen(s);

	memcpy(p, s, n);
	return p + n;
}

/* 3 to most - 1 letters with blanks among them. */
static char *words(char *p, struct lots *l, int most)
{
	int64_t n = 3 + below(l, most - 3);
	char *end = letters(p, l, n);

	for (char *c = p + 1; c < end - 1; c++)
		if (below(l, 13) == 0)
			*c = ' ';
	return end;
}

/* Fills a record of `have` bytes up to `want` on average, give or take a fifth of what is missing. */
static char *extra(char *p, struct lots *l, int64_t have, int64_t want)
{
	int64_t missing = SPK_MAX(want - have, 10), spread = missing / 5;

	return letters(p, l, missing - spread + below(l, 2 * spread));
}

static const char *const first_name[] = { "Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter" };
static const char *const last_name[] = { "Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris" };
static const char *const cities[] = { "Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne" };
static const char *const states[] = { "AZ", "CA", "ID", "OR", "WA", "WY" };

#define ONE_OF(l, names) (names)[below(l, (int64_t)SPK_COUNT_OF(names))]

static char *card(char *p, struct lots *l)
{
	for (int i = 0; i < 16; i++) {
		if (i && i % 4 == 0)
			*p++ = ' ';
		*p++ = (char)('0' + (i % 4 ? below(l, 10) : 1 + below(l, 9)));
	}
	return p;
}

enum { TEXT_MOST = 640 };  /* the longest text, and what letters() may write beyond */

static char *make_text(enum spk_nexmark_column column, struct lots *l, char *p)
{
	switch (column) {
	case SPK_NEXMARK_PERSON_NAME:
		p = text(p, ONE_OF(l, first_name));
		*p++ = ' ';
		return text(p, ONE_OF(l, last_name));
	case SPK_NEXMARK_PERSON_EMAIL:
		p = letters(p, l, 3 + below(l, 4));
		*p++ = '@';
		p = letters(p, l, 3 + below(l, 2));
		return text(p, ".com");
	case SPK_NEXMARK_PERSON_CARD: return card(p, l);
	case SPK_NEXMARK_PERSON_CITY: return text(p, ONE_OF(l, cities));
	case SPK_NEXMARK_PERSON_STATE: return text(p, ONE_OF(l, states));
	case SPK_NEXMARK_PERSON_EXTRA: return extra(p, l, 85, PERSON_BYTES);
	case SPK_NEXMARK_AUCTION_ITEM: return words(p, l, 20);
	case SPK_NEXMARK_AUCTION_DESCRIPTION: return words(p, l, 100);
	case SPK_NEXMARK_AUCTION_EXTRA: return extra(p, l, 110, AUCTION_BYTES);
	default: return extra(p, l, 32, BID_BYTES);
	}
}

/* --- channels --- */

static uint32_t reverse_bits(uint32_t v)
{
	uint32_t r = 0;

	for (int i = 0; i < 32; i++, v >>= 1)
		r = r << 1 | (v & 1);
	return r;
}

static bool make_channel(struct channel *c, int i, struct spk_arena *arena)
{
	static const char *const hot_name[HOT_CHANNELS] = { "Google", "Facebook", "Baidu", "Apple" };
	struct lots l = { (uint64_t)i + 1 };
	const char *name = i < HOT_CHANNELS ? hot_name[i] : spk_arena_printf(arena, "channel-%d", i - HOT_CHANNELS);
	int32_t id = (int32_t)reverse_bits((uint32_t)(i - HOT_CHANNELS));
	char path[3][16];
	const char *url;

	for (int k = 0; k < 3; k++)
		*letters(path[k], &l, 3 + below(&l, 3)) = '\0';
	/* Nine of ten that are not hot say in the query which channel they are. */
	if (i >= HOT_CHANNELS && below(&l, 10))
		url = spk_arena_printf(arena, "https://www.nexmark.com/%s/%s/%s/item.htm?query=1&channel_id=%lld", path[0], path[1], path[2],
		                       (long long)(id < 0 ? -(int64_t)id : id));
	else
		url = spk_arena_printf(arena, "https://www.nexmark.com/%s/%s/%s/item.htm?query=1", path[0], path[1], path[2]);
	if (!name || !url)
		return false;
	*c = (struct channel){ spk_view_str(name), spk_view_str(url) };
	return true;
}

const struct spk_nexmark_tables *spk_nexmark_tables_new(struct spk_arena *arena)
{
	struct spk_nexmark_tables *t = SPK_NEW(arena, struct spk_nexmark_tables);
	const double step = 1.0022511482929128;  /* 10^(1/1024) */

	if (!t)
		return NULL;
	t->price[0] = 100;
	for (size_t i = 1; i < SPK_COUNT_OF(t->price); i++)
		t->price[i] = t->price[i - 1] * step;
	for (int i = 0; i < HOT_CHANNELS + CHANNELS; i++)
		if (!make_channel(&t->channel[i], i, arena))
			return NULL;
	return t;
}

/* One lot for both columns of a channel. */
static const struct channel *channel_of(const struct spk_nexmark_rules *rules, int64_t n)
{
	struct lots l = lots_for(rules, SPK_NEXMARK_BID_CHANNEL, n);
	int64_t i = below(&l, 2) ? below(&l, HOT_CHANNELS) : HOT_CHANNELS + below(&l, CHANNELS);

	return &rules->tables->channel[i];
}

/* --- columns --- */

static spk_status fill_text(const struct spk_nexmark_rules *rules, enum spk_nexmark_column column, const int64_t *event, int rows, struct spk_view *out, struct spk_arena *arena, spk_error *err)
{
	enum { BLOCK = 64 << 10 };
	char *p = NULL, *end = NULL;

	for (int i = 0; i < rows; i++) {
		struct lots l = lots_for(rules, (int)column, event[i]);
		char *stop;

		if (end - p < TEXT_MOST) {
			p = spk_arena_alloc(arena, BLOCK);
			SPK_TRY_PTR(p, err);
			end = p + BLOCK;
		}
		stop = make_text(column, &l, p);
		out[i] = spk_view(p, (uint32_t)(stop - p));
		if (stop - p > SPK_VIEW_INLINE)
			p = stop;
	}
	return SPK_OK;
}

spk_status spk_nexmark_fill(const struct spk_nexmark_rules *rules, enum spk_nexmark_column column, const int64_t *event, int rows, struct spk_vector *out, struct spk_arena *arena, spk_error *err)
{
	bool url = column == SPK_NEXMARK_BID_URL;

	if (url || column == SPK_NEXMARK_BID_CHANNEL) {
		for (int i = 0; i < rows; i++)
			spk_vector_view(out)[i] = url ? channel_of(rules, event[i])->url : channel_of(rules, event[i])->name;
		return SPK_OK;
	}
	if (spk_type_is_view(out->type))
		return fill_text(rules, column, event, rows, spk_vector_view(out), arena, err);
	for (int i = 0; i < rows; i++) {
		struct lots l = lots_for(rules, (int)column, event[i]);
		int64_t v = number(rules, column, &l, event[i]);

		if (out->type.id == SPK_TYPE_INTEGER)
			spk_vector_i32(out)[i] = (int32_t)v;
		else
			spk_vector_i64(out)[i] = v;
	}
	return SPK_OK;
}
