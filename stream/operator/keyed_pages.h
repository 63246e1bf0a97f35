/* Pages of kept rows, in a state table and in memory. Of keyed_rows.c and hashed_rows.c alone. */
#ifndef SPK_STREAM_OPERATOR_KEYED_PAGES_H
#define SPK_STREAM_OPERATOR_KEYED_PAGES_H

#include "stream/operator/keyed_rows.h"

enum { SPK_ROWS_PAGE_BYTES = 2048 };

/* What a row takes of its page. */
static inline uint32_t spk_kept_row_bytes(const struct spk_keyed_rows *k, uint32_t size)
{
	return (uint32_t)(sizeof size + sizeof(int64_t) * (k->met ? 2 : 1)) + size;
}

/* The page of that number, NULL: it is not at hand. */
struct spk_rows_page *spk_rows_page(const struct spk_row_group *g, uint32_t number);
/* One that was not. Pointers to pages got before are no longer valid. */
spk_status spk_rows_page_new(struct spk_row_group *g, uint32_t number, struct spk_arena *arena, struct spk_rows_page **out, spk_error *err);
/* A row without a page. */
spk_status spk_rows_append(struct spk_row_group *g, const struct spk_kept_row *row, struct spk_arena *arena, spk_error *err);
/* Puts row number `row` behind the page's others. */
void spk_rows_link(const struct spk_keyed_rows *k, struct spk_row_group *g, struct spk_rows_page *p, uint32_t row);

/* --- in the table: several at once --- */

struct spk_rows_requests;
/* None yet; NULL when memory is out. */
struct spk_rows_requests *spk_rows_requests(struct spk_keyed_rows *k);
void spk_rows_requests_release(struct spk_keyed_rows *k);
/* Reads a page, by now or with others later. */
spk_status spk_rows_request(struct spk_keyed_rows *k, struct spk_rows_requests *p, struct spk_row_group *g, uint32_t page, struct spk_arena *arena, spk_error *err);
/* Reads those that were asked for. */
spk_status spk_rows_get(struct spk_keyed_rows *k, struct spk_rows_requests *p, struct spk_arena *arena, spk_error *err);
/* Writes a page, NULL: one without rows; or deletes it. By now or with others later. */
spk_status spk_rows_put_page(struct spk_keyed_rows *k, struct spk_rows_requests *p, struct spk_row_group *g, uint32_t number, const struct spk_rows_page *page, struct spk_arena *arena, spk_error *err);
spk_status spk_rows_put_gone(struct spk_keyed_rows *k, struct spk_rows_requests *p, struct spk_row_group *g, uint32_t number, struct spk_arena *arena, spk_error *err);
/* Writes the only page of a key, with one row. By now or with others later. */
spk_status spk_rows_put_first(struct spk_keyed_rows *k, struct spk_rows_requests *p, struct spk_row_group *g, const struct spk_kept_row *row, struct spk_arena *arena, spk_error *err);
/* Writes those that are left. */
spk_status spk_rows_put(struct spk_keyed_rows *k, struct spk_rows_requests *p, spk_error *err);

/* --- by hash (hashed_rows.c) --- */

/* Adds to what was asked for the pages that part and become one when that comes and goes; the list is then ascending, each page once. */
spk_status spk_hashed_rows_settle(struct spk_row_group *g, struct spk_arena *arena, spk_error *err);
spk_status spk_hashed_rows_add(const struct spk_keyed_rows *k, struct spk_row_group *g, const struct spk_kept_row *row, struct spk_arena *arena, spk_error *err);
void spk_hashed_rows_take(const struct spk_keyed_rows *k, struct spk_row_group *g, const char *bytes, uint32_t size, int64_t weight, int64_t *taken);
/* Pages that have become too few or empty go into others, where they are at hand. */
void spk_hashed_rows_shrink(const struct spk_keyed_rows *k, struct spk_row_group *g);

#endif
