/*
 * Spill space: what does not fit the memory budget, on disk for as long as a query runs.
 *
 *   area   a folder of one query, DIR/sparklet-spill-PID-START-N (START: the process's start time, so that a number used again is no
 *          mistake), 0700. It is made at the first write and removed with the area. A process that dies leaves it behind: making an
 *          area removes the folders of processes that are gone, which is known for sure by a lock on the folder.
 *   run    blocks in the order in which they were appended, by one thread. Once they are all there any number of threads may read it.
 *   block  bytes, lz4-compressed where that helps, behind a header with their length and an XXH3 checksum over all of it.
 *
 * All runs of an area share a few files, so that thousands of runs need no thousands of descriptors. What a freed run took is given back
 * to the file system at once, where it can punch holes.
 *
 * Errors: CORRUPT names file and block; retriable, since whoever wrote it may do so again. IO for a full disk, with the way out; it is not retriable, since trying again would only fill the
 * disk once more. Fault points: spill.write, spill.read, spill.damage.
 * Threads: an area may be used by any number at once.
 */
#ifndef SPK_CORE_BASE_SPILLFILE_H
#define SPK_CORE_BASE_SPILLFILE_H

#include <stdint.h>

#include "core/base/buffer.h"

struct spk_spill_area;
struct spk_spill_run;

enum {
	SPK_SPILL_BLOCK = 256 * 1024,        /* what writers aim at; what a merge reads at once from each of its runs */
	SPK_SPILL_BLOCK_MAX = 1 << 30,       /* bytes of a block at the most */
};

/* `directory` NULL or "": the system's temporary one (TMPDIR, else /tmp). Fails when there is no such folder. */
spk_status spk_spill_area_new(struct spk_spill_area **out, const char *directory, spk_error *err);
/* Removes the folder and all in it. Its runs must have been freed. NULL is fine. */
void spk_spill_area_free(struct spk_spill_area *area);
/* The folder, or NULL as long as nothing was written. */
const char *spk_spill_area_path(const struct spk_spill_area *area);

/* A name for a folder of its own below the area's, which goes with it; the caller makes it. */
spk_status spk_spill_area_folder(struct spk_spill_area *area, char *path, size_t size, spk_error *err);

struct spk_spill_usage {
	int64_t written, read;   /* bytes on disk, as they were compressed; over the area's life */
	int64_t held, peak;      /* bytes on disk now, and at the most */
	int64_t runs;            /* made so far */
};
void spk_spill_area_usage(const struct spk_spill_area *area, struct spk_spill_usage *out);

spk_status spk_spill_run_new(struct spk_spill_run **out, struct spk_spill_area *area, spk_error *err);
void spk_spill_run_free(struct spk_spill_run *run);  /* NULL is fine */
/* Appends one block of 1 to SPK_SPILL_BLOCK_MAX bytes. `scratch` is for the compressed bytes: keep it from call to call. */
spk_status spk_spill_run_append(struct spk_spill_run *run, const void *data, size_t size, struct spk_buffer *scratch, spk_error *err);
int64_t spk_spill_run_blocks(const struct spk_spill_run *run);
/* Bytes on disk of the whole run. */
int64_t spk_spill_run_stored(const struct spk_spill_run *run);
/* Bytes of block `i` as they were appended. */
size_t spk_spill_run_size(const struct spk_spill_run *run, int64_t i);
/* Reads block `i` to `to`, which has room for spk_spill_run_size bytes, and checks it. Tells the system that the next one will be read. */
spk_status spk_spill_run_read(const struct spk_spill_run *run, int64_t i, void *to, struct spk_buffer *scratch, spk_error *err);

/* Room that `scratch` needs for blocks of `size` bytes: to be reserved before memory runs out. */
size_t spk_spill_scratch(size_t size);

#endif
