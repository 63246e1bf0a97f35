/* The type of maps, which is an array of entries with a mark (core/columnar/type.h). */
#ifndef SPK_CORE_EXPR_MAP_H
#define SPK_CORE_EXPR_MAP_H

#include "core/columnar/vector.h"

/* Keys are values that are compared as they are: neither arrays nor records nor documents. */
static inline bool spk_type_may_be_key(struct spk_type t) { return !spk_type_is_nested(t) && !spk_type_is_json(t) && t.id != SPK_TYPE_UNKNOWN; }
/* MAP<key, value>, its children in `arena`. */
spk_status spk_type_map_of(struct spk_arena *arena, struct spk_type key, struct spk_type value, struct spk_type *out, spk_error *err);
/* *twice: whether two of the keys in rows [first, end), none of which is NULL, are equal. */
spk_status spk_map_keys_repeat(const struct spk_vector *keys, int first, int end, struct spk_arena *arena, bool *twice, spk_error *err);

#endif
