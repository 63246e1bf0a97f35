/*
 * The kernels of csv_column.c as a template, included once per instruction set with
 *
 *   NAME(x)                        x with the set's name
 *   TARGET                         its target attribute
 *   WHOLE(s, n, out)               1 to 16 digits
 *   AROUND_POINT(s, n, scale, out) digits, a point that was found there, `scale` digits; n <= 9
 *   DATE(s, out)                   'YYYY-MM-DD'
 *
 * A kernel's loop: where the field lies, what quotes have to say, NULL, the value. TAKE(f, out) sets one value or says false.
 */

#define KERNEL(name, value_type, prepare, TAKE) \
	static inline __attribute__((always_inline)) TARGET spk_status NAME(name##_rows)(struct spk_csv_work *w, const struct spk_csv_target *t, int row, int end, bool odd, spk_error *err) \
	{ \
		const struct spk_csv_options *o = &w->d->options; \
		const size_t stride = (size_t)w->piece->stride; \
		const uint32_t *place = w->piece->place + (size_t)(w->from + row) * stride + t->field; \
		struct spk_vector *v = &w->batch->column[t->column]; \
		value_type *out = v->data; \
		const char *data = w->piece->data; \
		const int quote = o->quote ? (uint8_t)o->quote : -1; \
		const uint32_t null_size = o->null_size; \
		prepare; \
		for (; row < end; row++, place += stride) { \
			uint32_t begin = place[0] + 1; \
			struct field f = { data + begin, place[1] - begin, false }; \
			if (SPK_UNLIKELY((uint8_t)*f.s == quote) || odd) { \
				spk_status status; \
				f = field_with_quotes(w, f, row, &status, err); \
				if (status == SPK_DATA) \
					continue; \
				SPK_TRY(status); \
			} \
			if (SPK_UNLIKELY(f.n == null_size) && !f.quoted && spk_csv_is_null(o, f.s, f.n)) { \
				SPK_TRY(spk_field_null(v, row, w->batch->rows, w->batch->arena, err)); \
				continue; \
			} \
			if (SPK_UNLIKELY(!TAKE(f, &out[row]))) \
				SPK_TRY(store_other(w, t, f, row, err)); \
		} \
		return SPK_OK; \
	} \
	static TARGET spk_status NAME(name)(struct spk_csv_work *w, const struct spk_csv_target *t, int row, int end, spk_error *err) \
	{ \
		return w->piece->odd ? NAME(name##_rows)(w, t, row, end, true, err) : NAME(name##_rows)(w, t, row, end, false, err); \
	}

/* [-] and 1 to 16 digits. */
static inline TARGET bool NAME(take_bigint)(struct field f, int64_t *out)
{
	bool negative = *f.s == '-';
	uint64_t v;

	if (!WHOLE(f.s + negative, f.n - negative, &v))
		return false;
	*out = negative ? -(int64_t)v : (int64_t)v;
	return true;
}

static inline TARGET bool NAME(take_integer)(struct field f, int32_t *out)
{
	int64_t v;

	if (!NAME(take_bigint)(f, &v) || v != (int32_t)v)
		return false;
	*out = (int32_t)v;
	return true;
}

static inline TARGET bool NAME(take_smallint)(struct field f, int16_t *out)
{
	int64_t v;

	if (!NAME(take_bigint)(f, &v) || v != (int16_t)v)
		return false;
	*out = (int16_t)v;
	return true;
}

static inline TARGET bool NAME(take_date)(struct field f, int32_t *out)
{
	return f.n == 10 && DATE(f.s, out);
}

static inline TARGET bool NAME(decimal_with_point)(struct decimal d, const char *s, uint32_t n, uint64_t *out)
{
	uint64_t whole, fraction;

	if (SPK_LIKELY(n <= 9))
		return AROUND_POINT(s, n, d.scale, out);
	if (n - d.scale - 1 > d.most || !WHOLE(s, n - d.scale - 1, &whole) || !WHOLE(s + n - d.scale, d.scale, &fraction))
		return false;
	*out = whole * d.power + fraction;
	return true;
}

static inline TARGET bool NAME(take_decimal)(struct decimal d, struct field f, spk_int128 *out)
{
	bool negative = *f.s == '-';
	const char *s = f.s + negative;
	uint32_t n = f.n - negative;
	uint64_t v;
	int64_t sign;

	if (SPK_LIKELY(n > d.scale + 1 && d.scale && s[n - d.scale - 1] == '.')) {
		if (!NAME(decimal_with_point)(d, s, n, &v))
			return false;
	} else {
		if (n > d.most || !WHOLE(s, n, &v))
			return false;
		v *= d.power;
	}
	if (v >= d.limit)
		return false;
	v = negative ? -v : v;
	sign = (int64_t)v >> 63;
	memcpy(out, &v, sizeof(v));
	memcpy((char *)out + sizeof(v), &sign, sizeof(sign));
	return true;
}

#define TAKE_DECIMAL(f, out) NAME(take_decimal)(decimal, f, out)
#define TAKE_VIEW(f, out) take_view(plain, f, out)
#define TAKE_TIMESTAMP(f, out) spk_field_timestamp((f).s, (f).n, day, out)
#define TAKE_NOTHING(f, out) ((void)(out), false)

KERNEL(column_smallint, int16_t, , NAME(take_smallint))
KERNEL(column_integer, int32_t, , NAME(take_integer))
KERNEL(column_bigint, int64_t, , NAME(take_bigint))
KERNEL(column_date, int32_t, , NAME(take_date))
KERNEL(column_boolean, uint8_t, , take_boolean)
KERNEL(column_double, double, , take_double)
KERNEL(column_decimal, spk_int128, struct decimal decimal = decimal_of(t->type), TAKE_DECIMAL)
KERNEL(column_text, struct spk_view, struct plain plain = plain_of(t->type), TAKE_VIEW)
KERNEL(column_timestamp, int64_t, struct spk_day *day = &w->day[t - w->d->target], TAKE_TIMESTAMP)
KERNEL(column_other, char, , TAKE_NOTHING)

static spk_csv_kernel *NAME(kernel_for)(struct spk_type type)
{
	switch (type.id) {
	case SPK_TYPE_SMALLINT: return NAME(column_smallint);
	case SPK_TYPE_INTEGER: return NAME(column_integer);
	case SPK_TYPE_BIGINT: return NAME(column_bigint);
	case SPK_TYPE_DATE: return NAME(column_date);
	case SPK_TYPE_BOOLEAN: return NAME(column_boolean);
	case SPK_TYPE_DOUBLE: return NAME(column_double);
	case SPK_TYPE_DECIMAL: return type.scale >= 0 ? NAME(column_decimal) : NAME(column_other);
	case SPK_TYPE_TEXT: return NAME(column_text);
	case SPK_TYPE_TIMESTAMP: return NAME(column_timestamp);
	default: return NAME(column_other);
	}
}

#undef KERNEL
#undef NAME
#undef TARGET
#undef WHOLE
#undef AROUND_POINT
#undef DATE
#undef TAKE_DECIMAL
#undef TAKE_VIEW
#undef TAKE_TIMESTAMP
#undef TAKE_NOTHING
