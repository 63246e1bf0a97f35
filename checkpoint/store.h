/*
 * The checkpoint store: durable images of a job's state, and the SPI for other places than a local folder.
 *
 *   DIR/files/<hash>                        contents of table files, named by the XXH3-128 of their bytes, shared between checkpoints
 *   DIR/files/<hash>-<epoch>                of the other files, which are small, of one checkpoint each
 *   DIR/checkpoint-<epoch, 12 digits>.json  manifest: job, epoch, plan, the epoch's record, and every file with size and hash;
 *                                           its last line is the hash of all before it
 *
 * A manifest is written last and atomically, so a half checkpoint is never seen. Files are named by content because RocksDB gives
 * new contents to old names after a restore. Everything is 0700/0600. One thread at a time; several processes may share a store
 * (of one job): files are only removed while nobody else saves or clones (DIR/lock).
 */
#ifndef SPK_CHECKPOINT_STORE_H
#define SPK_CHECKPOINT_STORE_H

#include "checkpoint/epoch.h"

struct spk_checkpoint_file { const char *name; int64_t size; const char *hash; };

struct spk_checkpoint {
	const char *job;
	int64_t epoch, created_us;
	uint64_t plan_hash;
	const struct spk_epoch_record *record;   /* of the epoch at whose end it was taken */
	int files;
	struct spk_checkpoint_file *file;
};

struct spk_checkpoint_store { const struct spk_checkpoint_store_type *type; };

struct spk_checkpoint_store_type {
	const char *name;
	/* Saves the files of folder `snapshot` (NULL: none, a stateless job) as the checkpoint of record->epoch. A failed attempt leaves
	 * no half checkpoint and no files that nobody names. */
	spk_status (*save)(struct spk_checkpoint_store *s, const char *snapshot, struct spk_epoch_record *record, spk_error *err);
	/* Epochs of all checkpoints, ascending, in `arena`. */
	spk_status (*list)(struct spk_checkpoint_store *s, struct spk_arena *arena, int64_t **epoch, int *count, spk_error *err);
	/* Reads a manifest. CORRUPT names the manifest. */
	spk_status (*read)(struct spk_checkpoint_store *s, int64_t epoch, struct spk_arena *arena, struct spk_checkpoint **out, spk_error *err);
	/* Checks manifest and contents of every file. CORRUPT or NOT_FOUND names the checkpoint and the file. */
	spk_status (*verify)(struct spk_checkpoint_store *s, int64_t epoch, spk_error *err);
	/* Verifies, then makes a copy of the files in the new (or empty) folder `target`; it is removed on failure. */
	spk_status (*clone)(struct spk_checkpoint_store *s, int64_t epoch, const char *target, spk_error *err);
	/* Deletes all checkpoints but the newest `keep` (2 at least), then files that no manifest names. *oldest: the oldest one kept (0: none). */
	spk_status (*retain)(struct spk_checkpoint_store *s, int keep, int64_t *oldest, spk_error *err);
	void (*close)(struct spk_checkpoint_store *s);
};

/* What a file of the checkpoint is called in the store, in `arena`. */
char *spk_checkpoint_stored_name(const struct spk_checkpoint_file *f, int64_t epoch, struct spk_arena *arena);

spk_status spk_local_checkpoint_store_open(struct spk_checkpoint_store **out, const char *dir, spk_error *err);

#endif
