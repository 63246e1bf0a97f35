/* Bit strings (bits.c). Their types are texts of digits: text.h. All in `arena`; errors are SPK_BIND with err->position = position. */
#ifndef SPK_CORE_EXPR_BITS_H
#define SPK_CORE_EXPR_BITS_H

#include "core/expr/internal.h"
#include "core/expr/text.h"

/* A call some of whose arguments are bit strings, where it means them; *out NULL: it does not. */
spk_status spk_bits_call(struct spk_arena *arena, const char *name, struct spk_expr **arg, int args, int position, struct spk_expr **out, spk_error *err);
/* A cast from bit strings or to them. */
spk_status spk_bits_cast(struct spk_arena *arena, struct spk_expr *e, struct spk_type type, bool explicit_cast, int position, struct spk_expr **out, spk_error *err);

#endif
