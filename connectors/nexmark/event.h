/*
 * Nexmark events (Tucker, Tufte, Papadimos, Maier: "NEXMark", 2002; proportions and hot keys as in Apache Beam's generator).
 *
 * Event n is a person, an auction or a bid by n mod 50: 1, 3 and 46 of each 50. Every value is a function of (seed, n, column) alone,
 * so any range of any columns can be made at any time and comes out the same.
 */
#ifndef SPK_CONNECTORS_NEXMARK_EVENT_H
#define SPK_CONNECTORS_NEXMARK_EVENT_H

#include "core/columnar/batch.h"

enum spk_nexmark_kind { SPK_NEXMARK_PERSON, SPK_NEXMARK_AUCTION, SPK_NEXMARK_BID, SPK_NEXMARK_KINDS };
enum { SPK_NEXMARK_CYCLE = 50 };

/* X(KIND, COLUMN, "name", type, function): all columns there are. */
#define SPK_NEXMARK_LIST(X) \
	X(PERSON, ID, "id", BIGINT) X(PERSON, NAME, "name", TEXT) X(PERSON, EMAIL, "email_address", TEXT) \
	X(PERSON, CARD, "credit_card", TEXT) X(PERSON, CITY, "city", TEXT) X(PERSON, STATE, "state", TEXT) \
	X(PERSON, TIME, "date_time", TIMESTAMP) X(PERSON, EXTRA, "extra", TEXT) \
	X(AUCTION, ID, "id", BIGINT) X(AUCTION, ITEM, "item_name", TEXT) X(AUCTION, DESCRIPTION, "description", TEXT) \
	X(AUCTION, INITIAL, "initial_bid", BIGINT) X(AUCTION, RESERVE, "reserve", BIGINT) X(AUCTION, TIME, "date_time", TIMESTAMP) \
	X(AUCTION, EXPIRES, "expires", TIMESTAMP) X(AUCTION, SELLER, "seller", BIGINT) X(AUCTION, CATEGORY, "category", BIGINT) \
	X(AUCTION, EXTRA, "extra", TEXT) \
	X(BID, AUCTION, "auction", BIGINT) X(BID, BIDDER, "bidder", BIGINT) X(BID, PRICE, "price", BIGINT) \
	X(BID, CHANNEL, "channel", TEXT) X(BID, URL, "url", TEXT) X(BID, TIME, "date_time", TIMESTAMP) X(BID, EXTRA, "extra", TEXT)

enum spk_nexmark_column {
#define SPK_NEXMARK_ENUM(kind, column, name, type) SPK_NEXMARK_##kind##_##column,
	SPK_NEXMARK_LIST(SPK_NEXMARK_ENUM)
#undef SPK_NEXMARK_ENUM
	SPK_NEXMARK_COLUMNS
};

struct spk_nexmark_info { enum spk_nexmark_kind kind; const char *name; enum spk_type_id type; };
extern const struct spk_nexmark_info spk_nexmark_info[SPK_NEXMARK_COLUMNS];

/* Tables made once per source, read-only then. */
struct spk_nexmark_tables;
/* In `arena`, which the batches must hold: texts point into it. NULL when memory is out. */
const struct spk_nexmark_tables *spk_nexmark_tables_new(struct spk_arena *arena);

struct spk_nexmark_rules {
	uint64_t seed;
	int64_t event_rate;            /* events per second of event time */
	const struct spk_nexmark_tables *tables;
};

/* How many rows of a kind there are in 50 events, and which of the 50 is the first. */
void spk_nexmark_share(enum spk_nexmark_kind kind, int64_t *rows, int64_t *first);
/* Number of the event that is row r of its kind, and the first row at or after event n. */
int64_t spk_nexmark_event_of(enum spk_nexmark_kind kind, int64_t r);
int64_t spk_nexmark_row_at(enum spk_nexmark_kind kind, int64_t n);
int64_t spk_nexmark_time_us(const struct spk_nexmark_rules *rules, int64_t n);

/* The column's values for events event[0..rows) into a vector that was made for them. */
spk_status spk_nexmark_fill(const struct spk_nexmark_rules *rules, enum spk_nexmark_column column, const int64_t *event, int rows, struct spk_vector *out, struct spk_arena *arena, spk_error *err);

#endif
