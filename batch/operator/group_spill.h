/*
 * Groups that do not fit into memory: by the bits of their hashes to files, and back part by part.
 *
 * A level is a set of bits of the hash, from the top; level 0 is the shard. When memory is short the groups in memory are packed and appended to
 * the file of their part, and the table begins anew. In the end a part's groups are merged from its file, in the order in which they were
 * written; should they not fit either, they are divided by the bits of the next level. Parts come in the order of the hashes.
 *
 * Groups that fold (groups.h) must see their rows one by one in order. So once theirs have been put on disk everything that comes is appended as
 * it is, to a second file of the part.
 */
#ifndef SPK_BATCH_OPERATOR_GROUP_SPILL_H
#define SPK_BATCH_OPERATOR_GROUP_SPILL_H

#include "batch/operator/groups.h"
#include "batch/spill.h"

enum { SPK_GROUP_PARTS = 64 };

/* Files of one level: packed groups, and batches as they came; NULL where nothing is. */
struct spk_group_files { struct spk_spill_run *groups[SPK_GROUP_PARTS], *batches[SPK_GROUP_PARTS]; };

struct spk_group_spill {
	struct spk_groups *groups;
	struct spk_spill_share *share;
	struct spk_op *op;
	int level;                       /* of the files that are written at the moment */
	struct spk_group_files *files;   /* NULL: nothing was put on disk */
};

/* Merges the batch into the groups in memory, or appends it to a file. */
spk_status spk_group_spill_push(struct spk_group_spill *s, struct spk_batch *in, spk_error *err);
static inline bool spk_group_spill_any(const struct spk_group_spill *s) { return s->files != NULL; }
/* Part by part: the part's groups are in memory when `emit` is called, and forgotten behind it. Ends with nothing held. */
spk_status spk_group_spill_each(struct spk_group_spill *s, spk_status (*emit)(void *user, spk_error *err), void *user, spk_error *err);
void spk_group_spill_clear(struct spk_group_spill *s);

#endif
