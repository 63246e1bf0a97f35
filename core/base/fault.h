/*
 * Named fault points: places where tests make the program fail or die on purpose.
 *
 * SPARKLET_FAULT=point:n[:action] in the environment (or spk_fault_set in a test) arms the n-th pass (from 1; n+ means
 * every pass from the n-th) of a point with an action: fail (default: the call returns an error), kill (SIGKILL to
 * itself), sleep=MS. Several are separated by commas. Compiled in always: an unarmed point costs one relaxed load.
 */
#ifndef SPK_CORE_BASE_FAULT_H
#define SPK_CORE_BASE_FAULT_H

#include <stdint.h>

#include "sparklet/status.h"

/* X(id, "name", what fails there). Layers add theirs here, so that tests can sweep them all. */
#define SPK_FAULT_LIST(X) \
	X(MALLOC, "malloc", "an allocation of the arena or the budget") \
	X(TASK_START, "task.start", "a task fails before its first batch") \
	X(TASK_FINISH, "task.finish", "a task fails after its last batch") \
	X(SHUFFLE_WRITE, "shuffle.write", "writing a shuffle block") \
	X(SHUFFLE_FETCH, "shuffle.fetch", "reading a shuffle block: it is lost") \
	X(STATE_READ, "state.read", "reading from RocksDB") \
	X(STATE_WRITE, "state.write", "writing to RocksDB") \
	X(STATE_SNAPSHOT, "state.snapshot", "RocksDB checkpoint") \
	X(SOURCE_READ, "source.read", "fetching from a source") \
	X(SPILL_WANTED, "spill.wanted", "memory is short: an operator that can spill does") \
	X(SPILL_WRITE, "spill.write", "writing a block of spilled rows") \
	X(SPILL_READ, "spill.read", "reading a block of spilled rows") \
	X(SPILL_DAMAGE, "spill.damage", "no failure: a byte of a block that was just written is another one then") \
	X(FILE_WRITE, "file.write", "write to a file") \
	X(FILE_SYNC, "file.sync", "fsync of a file or folder") \
	X(FILE_RENAME, "file.rename", "rename of a finished file") \
	X(EPOCH_BEGIN, "epoch.begin", "start of an epoch") \
	X(EPOCH_COMPUTED, "epoch.computed", "after the plan ran, before producing") \
	X(TXN_BEGIN, "txn.begin", "begin_transaction") \
	X(TXN_PRODUCED, "txn.produced", "after all outputs were produced, before the record") \
	X(TXN_RECORD, "txn.record", "after the epoch record was produced, before the commit") \
	X(TXN_COMMIT, "txn.commit", "commit_transaction: its answer is lost") \
	X(TXN_COMMITTED, "txn.committed", "after the commit") \
	X(CHECKPOINT_FLUSH, "checkpoint.flush", "flush of dirty state") \
	X(CHECKPOINT_COPY, "checkpoint.copy", "copy of a file into the store") \
	X(CHECKPOINT_MANIFEST, "checkpoint.manifest", "writing the manifest") \
	X(CHECKPOINT_DONE, "checkpoint.done", "after the manifest, before its pointer is in a record") \
	X(CHECKPOINT_TRUNCATE, "checkpoint.truncate", "truncation of older lineage") \
	X(RECOVERY_CLONE, "recovery.clone", "cloning a checkpoint") \
	X(RECOVERY_REPLAY, "recovery.replay", "replay of an epoch")

enum spk_fault {
#define SPK_FAULT_ENUM(id, name, text) SPK_FAULT_##id,
	SPK_FAULT_LIST(SPK_FAULT_ENUM)
#undef SPK_FAULT_ENUM
	SPK_FAULT_COUNT
};

extern _Atomic unsigned spk_fault_armed;  /* how many points are armed */

/* Arms points from a specification as in SPARKLET_FAULT (NULL or "" disarms all and resets the pass counters). */
spk_status spk_fault_set(const char *specification, spk_error *err);
/* Arms what SPARKLET_FAULT says, if it is set: for programs, at their start. */
spk_status spk_fault_load_environment(spk_error *err);
/* Passes of a point since the last spk_fault_set; only counted while anything is armed. Ends an n-th-failure sweep. */
int64_t spk_fault_passes(enum spk_fault point);
spk_status spk_fault_hit(enum spk_fault point, spk_error *err);
const char *spk_fault_name(enum spk_fault point);

/* Passes the point: SPK_OK unless it is armed for this pass; then a retriable error of code SPK_IO naming the point. */
static inline spk_status spk_fault(enum spk_fault point, spk_error *err)
{
	return __atomic_load_n((unsigned *)(void *)&spk_fault_armed, __ATOMIC_RELAXED) ? spk_fault_hit(point, err) : SPK_OK;
}

#endif
