/* Functions that come from Flink, where PostgreSQL has nothing to compare with: answers by Flink's documentation. */
#include "tests/core/expr/mini.h"
#include "tests/support/test.h"

static const char *const cases[] = {
	"hour\ttimestamp:2024-02-29 13:14:15.9\t->\tbigint\t13", "minute\ttimestamp:2024-02-29 13:14:15.9\t->\tbigint\t14", "second\ttimestamp:2024-02-29 13:14:15.9\t->\tbigint\t15",
	"year\tdate:2024-02-29\t->\tbigint\t2024", "quarter\tdate:2024-02-29\t->\tbigint\t1", "month\tdate:2024-02-29\t->\tbigint\t2", "week\tdate:2024-02-29\t->\tbigint\t9",
	"dayofyear\tdate:2024-02-29\t->\tbigint\t60", "dayofmonth\tdate:2024-02-29\t->\tbigint\t29", "dayofweek\tdate:2024-03-03\t->\tbigint\t1", "hour\ttime:23:59:59\t->\tbigint\t23",
	"date_format\ttimestamp:2024-02-09 03:04:05.678\t?:yyyy-MM-dd HH:mm:ss.SSS\t->\ttext\t2024-02-09 03:04:05.678", "date_format\ttimestamp:2024-02-09 15:04:05\t?:d/M/yy h:mm a\t->\ttext\t9/2/24 3:04 PM",
	"date_format\ttimestamp:2024-02-09 15:04:05\t?:EEEE, d MMMM yyyy 'at' HH'h'\t->\ttext\tFriday, 9 February 2024 at 15h", "date_format\ttimestamp:2024-02-09 15:04:05\t?:yyyyMMdd\t->\ttext\t20240209",
	"regexp_extract\ttext:foothebar\t?:foo(.*?)(bar)\tinteger:2\t->\ttext\tbar", "regexp_extract\ttext:foothebar\t?:foo(.*?)(bar)\tinteger:1\t->\ttext\tthe", "regexp_extract\ttext:foothebar\t?:x(y)\tinteger:1\t->\ttext\t\\N",
	"regexp_extract\ttext:https://x/?channel_id=42&y=1\t?:(&|^)channel_id=([^&]*)\tinteger:2\t->\ttext\t\\N", "regexp_extract\ttext:a=1&channel_id=42&y=1\t?:(&|^)channel_id=([^&]*)\tinteger:2\t->\ttext\t42",
	"regexp_extract\ttext:channel_id=42\t?:(&|^)channel_id=([^&]*)\tinteger:2\t->\ttext\t42", "regexp\ttext:hello\t?:^h.*o$\t->\tboolean\ttrue",
	"split_index\ttext:https://www.nexmark.com/a/b/c\t?:/\tinteger:3\t->\ttext\ta", "split_index\ttext:a,b\t?:,\tinteger:2\t->\ttext\t\\N", "split_index\ttext:a,b\t?:,\tinteger:0\t->\ttext\ta",
	"to_timestamp_ltz\tbigint:1700000000123\tinteger:3\t->\ttimestamp with time zone\t2023-11-14 22:13:20.123+00", "to_timestamp_ltz\tbigint:1700000000\tinteger:0\t->\ttimestamp with time zone\t2023-11-14 22:13:20+00",
	"to_timestamp\ttext:2024-02-29 01:02:03\t->\ttimestamp without time zone\t2024-02-29 01:02:03", "to_date\ttext:2024-02-29\t->\tdate\t2024-02-29",
	"unix_timestamp\ttext:1970-01-02 00:00:00\t->\tbigint\t86400", "from_unixtime\tbigint:86400\t->\ttext\t1970-01-02 00:00:00", "from_unixtime\tbigint:86400\t?:dd.MM.yyyy\t->\ttext\t02.01.1970",
	"startswith\ttext:hello\t?:he\t->\tboolean\ttrue", "endswith\ttext:hello\t?:lo\t->\tboolean\ttrue", "endswith\ttext:lo\t?:hello\t->\tboolean\tfalse", "contains\ttext:hello\t?:ell\t->\tboolean\ttrue",
	"instr\ttext:hello\t?:l\t->\tinteger\t3", "like\ttext:a_b\t?:a#_b\t?:#\t->\tboolean\ttrue", "rand\t->\t?\t", "if\tinteger:1\t->\t?\t!function if(integer) does not exist",
};

static void all_cases(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct spk_eval ev = { .arena = arena, .now_us = 1700000000000000 };
		struct mini_case c;
		struct spk_expr *e;
		struct spk_value v;
		spk_error err = { 0 };
		char type[64];

		REQUIRE(mini_parse(spk_arena_strdup(arena, cases[i]), &c));
		if (c.fails) {
			CHECK_FAILS(mini_build(arena, &c, false, NULL, &e, &err), SPK_BIND, err);
			CHECK_EQ_STR(err.message, c.expected);
			continue;
		}
		if (!CHECK_OK(mini_build(arena, &c, false, NULL, &e, &err), err) || !CHECK_OK(spk_expr_constant_value(e, &ev, &v, &err), err))
			continue;
		if (strcmp(c.name, "rand") == 0) {
			CHECK(v.f64 >= 0 && v.f64 < 1);
			continue;
		}
		CHECK_EQ_STR(spk_type_format(e->type, type, sizeof type), c.type);
		if (!CHECK(v.null == c.null && (v.null || strcmp(mini_text(arena, v, NULL), c.expected) == 0)))
			fprintf(stderr, "  %s gave %s\n", cases[i], v.null ? "NULL" : mini_text(arena, v, NULL));
	}
	spk_arena_unref(arena);
}

SPK_TEST_SUITE("functions of Flink", { "answers", all_cases })
