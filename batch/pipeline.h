/* Pipelines: the operators of one task, made from the nodes of its stage, and of those stages whose exchanges are left out. */
#ifndef SPK_BATCH_PIPELINE_H
#define SPK_BATCH_PIPELINE_H

#include "batch/operator/operator.h"

/* A stage whose work a task does, and the leaf group of it that it drives. inputs: of the stage, in the scheduler's graph. */
struct spk_pipeline_link { int stage, group, inputs, partition, partitions; };

/*
 * Operators of link[0], the task's own stage, and of those behind it: each writes the exchange that the one before it would read, which is left out.
 * Partition and partitions are those of the last link. `like` has all that is not about operators. op_type: asked first, may be NULL.
 */
spk_status spk_pipeline_new(struct spk_pipeline **out, const struct spk_pipeline *like, const struct spk_pipeline_link *link, int links, const struct spk_op_type *(*op_type)(const struct spk_physical *node), spk_error *err);
/* Gives back what the operators hold; nothing is left but what they counted. */
void spk_pipeline_close(struct spk_pipeline *p);
void spk_pipeline_free(struct spk_pipeline *p);  /* NULL is fine */

#endif
