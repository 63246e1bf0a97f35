/*
 * Relations stored in a folder, for longer than the process that computed them: what spk_frame_checkpoint writes and connector 'checkpoint' reads.
 *
 *   DIR/rows-<part>     the part's rows, block behind block (core/base/block.h, core/columnar/serialize.h), each on a border of 16 bytes;
 *                       a block's `run` is the part, its `number` the place in units of 16
 *   DIR/manifest.json   columns, rows, bytes of every part; its last line is the hash of all before it
 *
 * The manifest is written last and atomically, after everything else was synced: without one a folder holds nothing. A stored relation never
 * changes. It is for the same build and kind of machine: `format` in the manifest counts up when the form of the blocks changes.
 *
 * Errors: CORRUPT names the file and the place. Fault points: file.write, file.sync, file.rename.
 */
#ifndef SPK_CONNECTORS_STORED_STORED_H
#define SPK_CONNECTORS_STORED_STORED_H

#include "connectors/connector.h"

extern const struct spk_source_type spk_stored_source;

/* --- what there is --- */

struct spk_stored_column { const char *name, *type; bool nullable; };
struct spk_stored_part { int64_t rows, bytes; };
struct spk_stored {
	int columns;
	struct spk_stored_column *column;
	int parts;
	struct spk_stored_part *part;
	int64_t rows, bytes;
};
/* Reads the manifest; all in `arena`. NOT_FOUND where there is none. */
spk_status spk_stored_describe(const char *dir, struct spk_arena *arena, struct spk_stored **out, spk_error *err);

/* --- writing --- */

struct spk_stored_writer;

/*
 * Makes the folder, and locks it against other writers. EXISTS when it holds a relation; the schema is borrowed. _begin: so many empty parts, whatever
 * was written before. Parts are written by one thread each; _restart forgets what an earlier attempt at one wrote.
 */
spk_status spk_stored_writer_new(struct spk_stored_writer **out, const char *dir, const struct spk_schema *schema, spk_error *err);
spk_status spk_stored_begin(struct spk_stored_writer *w, int parts, spk_error *err);
spk_status spk_stored_restart(struct spk_stored_writer *w, int part, spk_error *err);
spk_status spk_stored_add(struct spk_stored_writer *w, int part, const struct spk_batch *batch, spk_error *err);
/* Everything is on the disk, and then there. */
spk_status spk_stored_commit(struct spk_stored_writer *w, spk_error *err);
/* Without a commit, nothing stays of it. NULL is fine. */
void spk_stored_writer_free(struct spk_stored_writer *w);

#endif
