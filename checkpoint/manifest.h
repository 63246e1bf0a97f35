/* The text form of a checkpoint's manifest. See store.h. */
#ifndef SPK_CHECKPOINT_MANIFEST_H
#define SPK_CHECKPOINT_MANIFEST_H

#include "checkpoint/store.h"

/* The manifest of `record` with these files. */
spk_status spk_manifest_write(struct spk_epoch_record *record, int64_t created_us, const struct spk_checkpoint_file *file, int files, struct spk_buffer *out, spk_error *err);
/* Parses and checks it; everything in `arena`. */
spk_status spk_manifest_read(const char *data, size_t size, struct spk_arena *arena, struct spk_checkpoint **out, spk_error *err);

#endif
