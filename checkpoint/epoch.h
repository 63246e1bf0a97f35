/*
 * Epoch records: what an epoch read, when, and what it wrote, in a form that can be kept and checked.
 *
 * Encoded, numbers little-endian: "SPKE", format version (1 byte), length of the body (4), low half of the XXH3-64 of these
 * nine bytes (4), body (protobuf, epoch_record.proto), XXH3-64 of all before (8). That last hash is what the next record's
 * previous_hash must be: the records form a chain. The header has a check of its own, so that a changed length in a log is not
 * taken for a record that was cut off.
 */
#ifndef SPK_CHECKPOINT_EPOCH_H
#define SPK_CHECKPOINT_EPOCH_H

#include "core/base/arena.h"
#include "core/base/buffer.h"

enum { SPK_EPOCH_FORMAT = 1, SPK_EPOCH_HEADER = 13, SPK_EPOCH_TRAILER = 8 };

struct spk_epoch_partition {
	const char *name;
	int64_t start, end, rows;
	uint64_t hash;
	int64_t watermark;
	bool idle, finished;
	int64_t bound;
	int64_t pace_rows, pace_us;
};

struct spk_epoch_source {
	const char *table;
	int64_t watermark;
	int partitions;
	struct spk_epoch_partition *partition;
};

struct spk_epoch_sink { const char *table; int64_t rows; uint64_t hash; };

struct spk_epoch_record {
	const char *job;
	int64_t incarnation, epoch;
	uint64_t previous_hash, plan_hash;
	int64_t time_us;
	int sources;
	struct spk_epoch_source *source;
	int sinks;
	struct spk_epoch_sink *sink;
	int64_t late_rows, bad_rows;
	int64_t checkpoint;
	int lane;
	const char *engine;
	uint64_t hash;            /* of the encoded record; set by encode and decode */
};

/* Appends the encoded record and sets record->hash. */
spk_status spk_epoch_encode(struct spk_epoch_record *record, struct spk_buffer *out, spk_error *err);
/* Strings and arrays in `arena`; the record must fill `size`. CORRUPT says what is wrong; a newer format is UNSUPPORTED. */
spk_status spk_epoch_decode(const void *data, size_t size, struct spk_arena *arena, struct spk_epoch_record **out, spk_error *err);
/* Size of the record that begins at `data`, from its header alone (it may be more than `size`); 0 when there is no header. */
size_t spk_epoch_size(const void *data, size_t size);
/*
 * Whether a replay did what the record says: the same rows read, written, late and bad. DIVERGED names epoch, source partition or
 * sink, both figures and the likely cause. Partitions are matched by name: new ones may have come since, as long as they gave no rows.
 */
spk_status spk_epoch_compare(const struct spk_epoch_record *recorded, const struct spk_epoch_record *replayed, spk_error *err);
/* A partition of a table, by their names; NULL when the record does not know it. */
const struct spk_epoch_partition *spk_epoch_find_partition(const struct spk_epoch_record *record, const char *table, const char *name);
/* A deep copy in `arena`. */
struct spk_epoch_record *spk_epoch_copy(const struct spk_epoch_record *record, struct spk_arena *arena);
/* Human-readable, several lines. */
spk_status spk_epoch_format(const struct spk_epoch_record *record, struct spk_buffer *out, spk_error *err);

#endif
