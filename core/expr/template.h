/*
 * Templates of dates and times ('YYYY-MM-DD HH24:MI:SS', or Java's 'yyyy-MM-dd HH:mm:ss'), compiled to nodes that to_char,
 * to_timestamp, to_date and Flink's date_format share. Private to core/expr.
 */
#ifndef SPK_CORE_EXPR_TEMPLATE_H
#define SPK_CORE_EXPR_TEMPLATE_H

#include "core/columnar/vector.h"

/* X(ID, spelling, most digits when reading). Longer spellings come before their prefixes. */
#define SPK_TEMPLATE_LIST(X) \
	X(AD_DOTS, "A.D.", 0) X(AM_DOTS, "A.M.", 0) X(AD, "AD", 0) X(AM, "AM", 0) X(BC_DOTS, "B.C.", 0) X(BC, "BC", 0) X(CC, "CC", 2) \
	X(DAY, "DAY", 0) X(DDD, "DDD", 3) X(DD, "DD", 2) X(DY, "DY", 0) X(D, "D", 1) \
	X(FF1, "FF1", 1) X(FF2, "FF2", 2) X(FF3, "FF3", 3) X(FF4, "FF4", 4) X(FF5, "FF5", 5) X(FF6, "FF6", 6) \
	X(HH24, "HH24", 2) X(HH12, "HH12", 2) X(HH, "HH", 2) X(IDDD, "IDDD", 3) X(ID, "ID", 1) X(IW, "IW", 2) \
	X(IYYY, "IYYY", 4) X(IYY, "IYY", 3) X(IY, "IY", 2) X(I, "I", 1) X(J, "J", 9) \
	X(MI, "MI", 2) X(MM, "MM", 2) X(MONTH, "MONTH", 0) X(MON, "MON", 0) X(MS, "MS", 3) X(OF, "OF", 0) \
	X(PM_DOTS, "P.M.", 0) X(PM, "PM", 0) X(Q, "Q", 1) X(RM, "RM", 0) X(SSSSS, "SSSSS", 5) X(SSSS, "SSSS", 5) X(SS, "SS", 2) \
	X(TZH, "TZH", 3) X(TZM, "TZM", 2) X(TZ, "TZ", 0) X(US, "US", 6) X(WW, "WW", 2) X(W, "W", 1) \
	X(Y_YYY, "Y,YYY", 5) X(YYYY, "YYYY", 4) X(YYY, "YYY", 3) X(YY, "YY", 2) X(Y, "Y", 1)

enum spk_template_key {
#define SPK_TEMPLATE_ENUM(id, text, digits) SPK_TEMPLATE_##id,
	SPK_TEMPLATE_LIST(SPK_TEMPLATE_ENUM)
#undef SPK_TEMPLATE_ENUM
	SPK_TEMPLATE_TEXT,      /* one character as it is */
};

/* Case of a name as the template spells it. */
enum spk_template_case { SPK_TEMPLATE_UPPER, SPK_TEMPLATE_CAPITAL, SPK_TEMPLATE_LOWER };

struct spk_template_node {
	enum spk_template_key key;
	enum spk_template_case letters;
	bool fill;              /* FM: no padding */
	char ordinal;           /* 'T' or 't': TH or th behind it */
	bool quoted;            /* TEXT: from quotes, or a letter */
	char size;              /* TEXT: its bytes */
	char text[4];
};

struct spk_template { int count; bool exact; struct spk_template_node node[]; };  /* exact: FX */

/* NULL: no memory. */
struct spk_template *spk_template_new(struct spk_arena *arena, const char *s, size_t size);
/* The same from a pattern of Java's SimpleDateFormat. */
struct spk_template *spk_template_new_java(struct spk_arena *arena, const char *s, size_t size);

/* "st", "nd", "rd" or "th" behind digits; returns its length (0 when the last byte is no digit). */
int spk_text_ordinal(const char *digits, int size, bool upper, char *out);

#endif
