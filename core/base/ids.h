/* Typed ids: a stage number cannot be passed where a shuffle number is meant. */
#ifndef SPK_CORE_BASE_IDS_H
#define SPK_CORE_BASE_IDS_H

#include <stdbool.h>
#include <stdint.h>

#define SPK_ID_LIST(X) \
	X(stage)      /* part of a physical plan between exchanges */ \
	X(shuffle)    /* one exchange's data; made by the runtime alone */ \
	X(partition)  /* a stage's task index, from 0 */ \
	X(task)       /* one attempt-independent unit of work in a run */ \
	X(attempt)    /* from 0 */ \
	X(shard)      /* fixed hash bucket of keys, 0..SPK_SHARDS-1 */ \
	X(lane)       /* which process of a job, 0 for now */

#define SPK_ID_TYPE(name) struct spk_##name##_id { int32_t value; };
SPK_ID_LIST(SPK_ID_TYPE)
#undef SPK_ID_TYPE

struct spk_epoch_id { int64_t value; };  /* from 1 per job; 0 is "before the first" */

#define SPK_ID_FUNCTIONS(name) \
	static inline struct spk_##name##_id spk_##name##_id(int32_t value) { return (struct spk_##name##_id){ value }; } \
	static inline bool spk_##name##_same(struct spk_##name##_id a, struct spk_##name##_id b) { return a.value == b.value; }
SPK_ID_LIST(SPK_ID_FUNCTIONS)
#undef SPK_ID_FUNCTIONS

enum { SPK_SHARDS = 64 };  /* a job has this many for life; a task owns a range of them */

#endif
