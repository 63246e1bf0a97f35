/* The floor program's two halves: floor.c talks to Kafka and writes JSON, decode.cpp reads JSON. */
#ifndef SPK_BENCH_FLOOR_H
#define SPK_BENCH_FLOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(id, "member"): the columns of Nexmark's bid that q0 passes on, and behind them those of persons and auctions that q8 needs. */
#define FLOOR_COLUMN_LIST(X) \
	X(AUCTION, "auction") \
	X(BIDDER, "bidder") \
	X(PRICE, "price") \
	X(DATE_TIME, "dateTime") \
	X(EXTRA, "extra") \
	X(ID, "id") \
	X(SELLER, "seller") \
	X(NAME, "name")

enum floor_column {
#define FLOOR_ENUM(id, name) FLOOR_##id,
	FLOOR_COLUMN_LIST(FLOOR_ENUM)
#undef FLOOR_ENUM
	FLOOR_COLUMNS
};

enum { FLOOR_PADDING = 64, FLOOR_BID = (1 << (FLOOR_EXTRA + 1)) - 1 };  /* BID: all that q0 passes on */

/* What was asked for of a row; the rest is zero. */
struct floor_row {
	int64_t auction, bidder, price, id, seller;
	int64_t date_time_us;
	const char *extra, *name;      /* unescaped; lie in the decoder's memory until the next row */
	size_t extra_size, name_size;
};

struct floor_decoder;

struct floor_decoder *floor_decoder_new(unsigned columns);   /* bit i: column i is wanted */
void floor_decoder_free(struct floor_decoder *d);
/* One JSON object with FLOOR_PADDING readable bytes behind it; false when it is not what it should be. */
bool floor_decode(struct floor_decoder *d, const char *json, size_t size, struct floor_row *out);

#ifdef __cplusplus
}
#endif
#endif
