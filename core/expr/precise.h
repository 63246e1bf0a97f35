/*
 * Decimal numbers of 60 digits and any exponent: what roots, powers and logarithms of numerics are computed in, so that all 38 digits of a result are
 * right. Errors are a few units of the 60th digit per step. Private to core/expr.
 */
#ifndef SPK_CORE_EXPR_PRECISE_H
#define SPK_CORE_EXPR_PRECISE_H

#include "core/columnar/decimal.h"
#include "core/expr/wide.h"

/* digits * 10^exponent, with a sign; 0 has no digits. */
struct spk_precise { struct spk_wide digits; int exponent; bool negative; };

struct spk_precise spk_precise_of(spk_int128 mantissa, int scale);
struct spk_precise spk_precise_add(struct spk_precise a, struct spk_precise b);
struct spk_precise spk_precise_multiply(struct spk_precise a, struct spk_precise b);
/* 1 / a, for a other than 0. */
struct spk_precise spk_precise_inverse(struct spk_precise a);
/* a^e for a whole e, which may be negative (a is not 0 then). */
struct spk_precise spk_precise_power(struct spk_precise a, int64_t e);
/* e^a, for |a| < 10^6. */
struct spk_precise spk_precise_exp(struct spk_precise a);
/* The natural logarithm of a > 0. */
struct spk_precise spk_precise_ln(struct spk_precise a);
/* Rounded to `scale` digits behind the point, half away from 0; false when that needs more than 38 digits. */
bool spk_precise_round(struct spk_precise a, int scale, spk_int128 *out);

#endif
