/* What the files of connectors/stored share. */
#ifndef SPK_CONNECTORS_STORED_INTERNAL_H
#define SPK_CONNECTORS_STORED_INTERNAL_H

#include "connectors/stored/stored.h"

enum { SPK_STORED_ALIGN = 16, SPK_STORED_MAGIC = 0x524b5053 };

#define SPK_STORED_MANIFEST "manifest.json"
#define SPK_STORED_ROWS "rows-%05d"

/* Freed by the caller; NULL: memory is out. */
char *spk_stored_manifest_path(const char *dir);
char *spk_stored_part_path(const char *dir, int part);

spk_status spk_stored_write_manifest(const char *dir, const struct spk_schema *schema, const struct spk_stored_part *part, int parts, spk_error *err);

#endif
