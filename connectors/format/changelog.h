/*
 * Changelogs in JSON: what debezium-json, maxwell-json and canal-json share. Each cuts its messages into pieces, one per row: the text of the row, and
 * what became of it; the rows are then read by the JSON decoder in one go.
 */
#ifndef SPK_CONNECTORS_FORMAT_CHANGELOG_H
#define SPK_CONNECTORS_FORMAT_CHANGELOG_H

#include "connectors/format/json.h"
#include "planner/logical/changes.h"

struct spk_source;

#define SPK_CHANGE_TIME_NONE INT64_MIN

/* What a metadata column takes from a message. */
enum spk_message_part { SPK_MESSAGE_INGESTED, SPK_MESSAGE_SOURCE_TIME, SPK_MESSAGE_DATABASE, SPK_MESSAGE_SCHEMA, SPK_MESSAGE_TABLE, SPK_MESSAGE_SOURCE, SPK_MESSAGE_PARTS };

/* Times in microseconds, SPK_CHANGE_TIME_NONE: not there; texts of length 0 likewise. One per message, shared by its rows. */
struct spk_message { int64_t time[2]; struct spk_view text[SPK_MESSAGE_PARTS]; };

/* reason: the message is wrong, and why. row: an object. other: JSON of the other key. */
struct spk_change_piece {
	const char *reason;
	struct spk_view row, other;
	int32_t message, weight;
	int16_t op;
	int64_t commit, own;
	const struct spk_message *about;
};

/* The pieces of a call. */
struct spk_change_pieces { struct spk_change_piece *piece; int count, capacity; struct spk_arena *arena; };

/* What such a decoder knows; the formats' own are behind it. */
struct spk_change_decoder {
	struct spk_decoder base;
	struct spk_arena *arena;
	const struct spk_table *table;
	struct spk_decoder *rows, *others;   /* others: of keys */
	int columns, key_count;              /* key_count 0: rows have weights */
	int *key;                            /* in decoded columns */
	int *part;                           /* by column: enum spk_message_part of a metadata column, -1: none */
	bool skips_errors;                   /* 'FORMAT.ignore-parse-errors' */
	void *user;                          /* the format's own */
};

/* Opens base and decoders; the dialect is borrowed and may be NULL. names: of metadata columns by part, NULL where there is none. */
spk_status spk_change_decoder_open(struct spk_change_decoder **out, const struct spk_format *format, const struct spk_format_spec *spec, const struct spk_json_dialect *dialect,
				   const char *const names[SPK_MESSAGE_PARTS], spk_error *err);
void spk_change_decoder_close(struct spk_decoder *base);
static inline struct spk_change_decoder *spk_change_decoder_of(struct spk_decoder *d) { return spk_container_of((uintptr_t)d, struct spk_change_decoder, base); }

/* A zeroed piece; NULL when memory is out. */
struct spk_change_piece *spk_change_piece_add(struct spk_change_pieces *p, int message);
/* Reads the pieces into the batch. */
spk_status spk_change_pieces_decode(struct spk_change_decoder *d, const struct spk_change_pieces *p, struct spk_batch *batch, struct spk_change_rows *out, struct spk_row_errors *errors, spk_error *err);

/* Calls `cut` for every message; those without value give no row. The rest of decode_changes. */
typedef spk_status (*spk_message_cut)(struct spk_change_decoder *d, struct spk_json_row *r, int message, const struct spk_chunk *chunk, int at, struct spk_change_pieces *out, spk_error *err);
spk_status spk_messages_decode(struct spk_change_decoder *d, spk_message_cut cut, const struct spk_chunk *chunk, int from, int n, struct spk_batch *batch, struct spk_change_rows *out,
			       struct spk_row_errors *errors, spk_error *err);

/* Two rows at the most, as a row that was and one that is. */
int spk_change_two_rows(const struct spk_view *message);

/* --- members of an object, by token --- */

struct spk_json_member { const char *name; uint32_t token; };   /* token 0: not there, or null */
/* The members of the object at token `at`; of two of one name the last. False: malformed, r->reason says why. *end: behind it. */
bool spk_json_members(struct spk_json_row *r, uint32_t at, struct spk_json_member *member, int members, uint32_t *end);
/* The text of the value at a token, strings without quotes but with their escapes. */
struct spk_view spk_json_value_text(struct spk_json_row *r, uint32_t token);
bool spk_json_is_object(const struct spk_json_row *r, uint32_t token);
bool spk_json_text_is(struct spk_json_row *r, uint32_t token, const char *text);
bool spk_json_value_integer(struct spk_json_row *r, uint32_t token, int64_t *out);

/* --- chunk_changes.c --- */

/* The columns of the change behind the table's. */
spk_status spk_change_columns_fill(struct spk_source *s, int partition, const struct spk_change_rows *rows, struct spk_batch *batch, spk_error *err);
/* Connector and format of a changelog fit the table: keys are columns that messages have. */
spk_status spk_changes_check_table(const struct spk_table *table, spk_error *err);

#endif
