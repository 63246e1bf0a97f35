/* The floor program's two halves: floor.c talks to Kafka and writes JSON, decode.cpp reads JSON. */
#ifndef SPK_BENCH_FLOOR_H
#define SPK_BENCH_FLOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(id, "member", kind): the columns of Nexmark's bid that q0 passes on. */
#define FLOOR_COLUMN_LIST(X) \
	X(AUCTION, "auction", NUMBER) \
	X(BIDDER, "bidder", NUMBER) \
	X(PRICE, "price", NUMBER) \
	X(DATE_TIME, "dateTime", TIME) \
	X(EXTRA, "extra", TEXT)

enum floor_column {
#define FLOOR_ENUM(id, name, kind) FLOOR_##id,
	FLOOR_COLUMN_LIST(FLOOR_ENUM)
#undef FLOOR_ENUM
	FLOOR_COLUMNS
};

enum { FLOOR_PADDING = 64 };

struct floor_bid {
	int64_t auction, bidder, price;
	int64_t date_time_us;
	const char *extra;             /* unescaped; lies in the decoder's memory until the next row */
	size_t extra_size;
};

struct floor_decoder;

struct floor_decoder *floor_decoder_new(unsigned columns);   /* bit i: column i is wanted */
void floor_decoder_free(struct floor_decoder *d);
/* One JSON object with FLOOR_PADDING readable bytes behind it; false when it is not what it should be. */
bool floor_decode(struct floor_decoder *d, const char *json, size_t size, struct floor_bid *out);

#ifdef __cplusplus
}
#endif
#endif
