/*
 * Whole numbers of 640 bits, without a sign: what is left of numerics where 128 bits end (sums of squares times a number of rows, times a
 * power of ten). Results that would not fit wrap around; the callers' bounds say why none does. Private to core/expr.
 */
#ifndef SPK_CORE_EXPR_WIDE_H
#define SPK_CORE_EXPR_WIDE_H

#include <stdbool.h>
#include <stdint.h>

enum { SPK_WIDE_LIMBS = 10 };

typedef unsigned __int128 spk_uint128;

/* Least significant limb first. */
struct spk_wide { uint64_t limb[SPK_WIDE_LIMBS]; };

struct spk_wide spk_wide_of(spk_uint128 v);
struct spk_wide spk_wide_of_limbs(const uint64_t *limb, int limbs);
struct spk_wide spk_wide_add(const struct spk_wide *a, const struct spk_wide *b);
struct spk_wide spk_wide_subtract(const struct spk_wide *a, const struct spk_wide *b);
struct spk_wide spk_wide_multiply(const struct spk_wide *a, const struct spk_wide *b);
struct spk_wide spk_wide_power_of_ten(int n);
int spk_wide_compare(const struct spk_wide *a, const struct spk_wide *b);
bool spk_wide_is_zero(const struct spk_wide *a);
int spk_wide_bits(const struct spk_wide *a);
/* Decimal digits, 1 for 0. */
int spk_wide_digits(const struct spk_wide *a);
/* The quotient, rounded down, and the rest. d is not 0. */
struct spk_wide spk_wide_divide(const struct spk_wide *n, spk_uint128 d, spk_uint128 *rest);
/* The square root, rounded half up; of numbers under 2^254. */
spk_uint128 spk_wide_root(const struct spk_wide *a);
/* False when it needs more than 127 bits. */
bool spk_wide_fits(const struct spk_wide *a, spk_uint128 *out);

#endif
