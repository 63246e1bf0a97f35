/* Time zones from abbreviations, TZif files and POSIX rules. See zone.h. */
#include "core/expr/zone.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/check.h"
#include "core/expr/calendar.h"

enum { NAME_MAX_ = 63, ABBREVIATION_MAX = 11, FILE_MAX = 1 << 20, TYPES_MAX = 64 };

/* One side of a daylight saving rule: when it starts, in local time. */
struct change { char kind; int month, week, day; int32_t seconds; };  /* kind: 'M', 'J', '0' (day of year), 0 none */

struct rule { int32_t standard, daylight; char name[2][ABBREVIATION_MAX + 1]; struct change start, end; };

struct kind { int32_t offset; bool daylight; char name[ABBREVIATION_MAX + 1]; };

struct spk_zone {
	struct spk_zone *next;
	char name[NAME_MAX_ + 1];
	int changes, kinds;
	int64_t *when;             /* seconds UTC, ascending */
	uint8_t *which;            /* kind from when[i] on */
	struct kind kind[TYPES_MAX];
	int first;                 /* kind before the first change */
	bool has_rule;
	struct rule rule;          /* after the last change */
};

/* --- POSIX rules: EST5EDT,M3.2.0,M11.1.0 --- */

static const char *read_name(const char *s, char *out)
{
	size_t n = 0;

	if (*s == '<') {
		for (s++; *s && *s != '>'; s++)
			if (n < ABBREVIATION_MAX)
				out[n++] = *s;
		s += *s == '>';
	} else {
		for (; isalpha((unsigned char)*s); s++)
			if (n < ABBREVIATION_MAX)
				out[n++] = *s;
	}
	out[n] = 0;
	return s;
}

/* [+-]hh[:mm[:ss]]; NULL when there is none. */
static const char *read_offset(const char *s, int32_t *seconds)
{
	int sign = 1, part[3] = { 0, 0, 0 };

	if (*s == '+' || *s == '-')
		sign = *s++ == '-' ? -1 : 1;
	if (!isdigit((unsigned char)*s))
		return NULL;
	for (int i = 0; i < 3; i++) {
		for (int digits = 0; isdigit((unsigned char)*s) && digits < 4; digits++)
			part[i] = part[i] * 10 + (*s++ - '0');
		if (*s != ':' || !isdigit((unsigned char)s[1]))
			break;
		s++;
	}
	if (part[0] > 167 || part[1] > 59 || part[2] > 59)
		return NULL;
	*seconds = sign * (part[0] * 3600 + part[1] * 60 + part[2]);
	return s;
}

static const char *read_change(const char *s, struct change *c)
{
	char *end;

	c->seconds = 7200;
	if (*s == 'M') {
		c->kind = 'M';
		c->month = (int)strtol(s + 1, &end, 10);
		c->week = *end == '.' ? (int)strtol(end + 1, &end, 10) : 0;
		c->day = *end == '.' ? (int)strtol(end + 1, &end, 10) : -1;
		if (c->month < 1 || c->month > 12 || c->week < 1 || c->week > 5 || c->day < 0 || c->day > 6)
			return NULL;
	} else if (*s == 'J' || isdigit((unsigned char)*s)) {
		c->kind = *s == 'J' ? 'J' : '0';
		c->day = (int)strtol(s + (*s == 'J'), &end, 10);
		if (c->day < 0 || c->day > 366)
			return NULL;
	} else {
		return NULL;
	}
	return *end == '/' ? read_offset(end + 1, &c->seconds) : end;
}

/* Whole string or nothing. An empty name before the offset is allowed: "+05:30" is such a rule. */
static bool read_rule(const char *s, struct rule *r)
{
	int32_t west;

	memset(r, 0, sizeof *r);
	s = read_offset(read_name(s, r->name[0]), &west);
	if (!s)
		return false;
	r->standard = r->daylight = -west;
	if (!*s)
		return true;
	s = read_name(s, r->name[1]);
	r->daylight = r->standard + 3600;
	if (*s && *s != ',') {
		s = read_offset(s, &west);
		if (!s)
			return false;
		r->daylight = -west;
	}
	if (!*s)
		s = ",M3.2.0,M11.1.0";
	s = read_change(s + 1, &r->start);
	if (!s || *s != ',')
		return false;
	s = read_change(s + 1, &r->end);
	return s && !*s;
}

/* Local seconds since 1970 at which the change happens in a year. */
static int64_t change_at(const struct change *c, int64_t year)
{
	int64_t days = spk_days_from_date(year, 1, 1);

	if (c->kind == 'J') {
		days += c->day - 1 + (spk_is_leap(year) && c->day > 59);
	} else if (c->kind == '0') {
		days += c->day;
	} else {
		int64_t first = spk_days_from_date(year, c->month, 1);
		int day = (c->day - spk_weekday(first) + 7) % 7 + (c->week - 1) * 7;

		while (day >= spk_days_in_month(year, c->month))
			day -= 7;
		days = first + day;
	}
	return days * 86400 + c->seconds;
}

static bool rule_is_daylight(const struct rule *r, int64_t seconds)
{
	int64_t day = (seconds + r->standard) / 86400, year, start, end;

	if (!r->start.kind)
		return false;
	year = spk_date_from_days((seconds + r->standard) % 86400 < 0 ? day - 1 : day).year;
	start = change_at(&r->start, year) - r->standard;
	end = change_at(&r->end, year) - r->daylight;
	return start < end ? seconds >= start && seconds < end : seconds >= start || seconds < end;
}

/* --- TZif files --- */

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const unsigned char *p)
{
	return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

struct counts { size_t utc, std, leap, times, types, chars; };

static struct counts read_counts(const unsigned char *p)
{
	return (struct counts){ be32(p + 20), be32(p + 24), be32(p + 28), be32(p + 32), be32(p + 36), be32(p + 40) };
}

static size_t block_size(struct counts c, size_t width)
{
	return c.times * (width + 1) + c.types * 6 + c.chars + c.leap * (width + 4) + c.std + c.utc;
}

static bool plausible(const unsigned char *p, size_t left)
{
	struct counts c;

	if (left < 44 || memcmp(p, "TZif", 4) != 0)
		return false;
	c = read_counts(p);
	return c.times < 100000 && c.types > 0 && c.types <= TYPES_MAX && c.chars < 4096 && c.leap < 4096 && c.std < 4096 && c.utc < 4096;
}

static void read_footer(struct spk_zone *z, const unsigned char *p, const unsigned char *end)
{
	char text[128];
	size_t n = 0;

	if (p >= end || *p != '\n')
		return;
	for (p++; p < end && *p != '\n' && n + 1 < sizeof text; p++)
		text[n++] = (char)*p;
	text[n] = 0;
	z->has_rule = n > 0 && read_rule(text, &z->rule);
}

/* Takes the 64-bit block of a file (all files of the last decade have it). */
static bool read_tzif(struct spk_zone *z, const unsigned char *p, size_t size)
{
	const unsigned char *end = p + size, *types, *names;
	struct counts c;
	size_t skip;

	if (!plausible(p, size) || p[4] < '2')
		return false;
	skip = 44 + block_size(read_counts(p), 4);
	if (skip > size || !plausible(p + skip, size - skip))
		return false;
	p += skip;
	c = read_counts(p);
	p += 44;
	if ((size_t)(end - p) < block_size(c, 8))
		return false;
	z->when = calloc(c.times + 1, sizeof *z->when);
	z->which = calloc(c.times + 1, 1);
	if (!z->when || !z->which)
		return false;
	types = p + c.times * 9;
	names = types + c.types * 6;
	for (size_t i = 0; i < c.times; i++) {
		z->when[i] = be64(p + i * 8);
		z->which[i] = p[c.times * 8 + i];
		if (z->which[i] >= c.types)
			return false;
	}
	for (size_t i = 0; i < c.types; i++) {
		z->kind[i].offset = (int32_t)be32(types + i * 6);
		z->kind[i].daylight = types[i * 6 + 4];
		if (types[i * 6 + 5] < c.chars)
			snprintf(z->kind[i].name, sizeof z->kind[i].name, "%.*s", ABBREVIATION_MAX, (const char *)names + types[i * 6 + 5]);
	}
	z->changes = (int)c.times;
	z->kinds = (int)c.types;
	while (z->first < z->kinds - 1 && z->kind[z->first].daylight)
		z->first++;
	read_footer(z, p + block_size(c, 8), end);
	return true;
}

static bool load_file(struct spk_zone *z, const char *name)
{
	const char *dir = getenv("TZDIR");
	char path[512];
	unsigned char *data;
	size_t size;
	bool ok = false;
	FILE *f;

	if (name[0] == '/' || strstr(name, "..") || !isalpha((unsigned char)name[0]))
		return false;
	snprintf(path, sizeof path, "%s/%s", dir && *dir ? dir : "/usr/share/zoneinfo", name);
	f = fopen(path, "rb");
	if (!f)
		return false;
	data = malloc(FILE_MAX);
	if (data) {
		size = fread(data, 1, FILE_MAX, f);
		ok = read_tzif(z, data, size);
	}
	free(data);
	fclose(f);
	return ok;
}

/* --- abbreviations (PostgreSQL's default set) --- */

static const struct { char name[6]; int16_t minutes; } abbreviations[] = {
	{ "ACDT", 630 }, { "ACSST", 630 }, { "ACST", 570 }, { "ACT", -300 }, { "ACWST", 525 }, { "ADT", -180 }, { "AEDT", 660 },
	{ "AESST", 660 }, { "AEST", 600 }, { "AFT", 270 }, { "AKDT", -480 }, { "AKST", -540 }, { "ALMST", 420 }, { "ALMT", 360 },
	{ "AMT", -240 }, { "AST", -240 }, { "AWSST", 540 }, { "AWST", 480 }, { "AZOST", 0 }, { "AZOT", -60 }, { "BDST", 120 },
	{ "BDT", 360 }, { "BNT", 480 }, { "BORT", 480 }, { "BOT", -240 }, { "BRA", -180 }, { "BRST", -120 }, { "BRT", -180 },
	{ "BST", 60 }, { "BTT", 360 }, { "CADT", 630 }, { "CAST", 570 }, { "CCT", 480 }, { "CDT", -300 }, { "CEST", 120 },
	{ "CET", 60 }, { "CETDST", 120 }, { "CHADT", 825 }, { "CHAST", 765 }, { "CHUT", 600 }, { "CLST", -180 }, { "COT", -300 },
	{ "CST", -360 }, { "CXT", 420 }, { "DDUT", 600 }, { "EAT", 180 }, { "EDT", -240 }, { "EEST", 180 }, { "EET", 120 },
	{ "EETDST", 180 }, { "EGST", 0 }, { "EGT", -60 }, { "EST", -300 }, { "FET", 180 }, { "FJST", 780 }, { "FJT", 720 },
	{ "FNST", -60 }, { "FNT", -120 }, { "GALT", -360 }, { "GAMT", -540 }, { "GFT", -180 }, { "GILT", 720 }, { "GMT", 0 },
	{ "HKT", 480 }, { "HST", -600 }, { "ICT", 420 }, { "IDT", 180 }, { "IRT", 210 }, { "IST", 120 }, { "JAYT", 540 },
	{ "JST", 540 }, { "KDT", 600 }, { "KGST", 360 }, { "KST", 540 }, { "LHST", 630 }, { "LIGT", 600 }, { "MART", -570 },
	{ "MDT", -360 }, { "MEST", 120 }, { "MESZ", 120 }, { "MET", 60 }, { "METDST", 120 }, { "MEZ", 60 }, { "MHT", 720 },
	{ "MMT", 390 }, { "MPT", 600 }, { "MSD", 240 }, { "MST", -420 }, { "MUST", 300 }, { "MUT", 240 }, { "MVT", 300 },
	{ "MYT", 480 }, { "NDT", -150 }, { "NFT", -210 }, { "NPT", 345 }, { "NST", -210 }, { "NZDT", 780 }, { "NZST", 720 },
	{ "NZT", 720 }, { "PDT", -420 }, { "PET", -300 }, { "PGT", 600 }, { "PHT", 480 }, { "PKST", 360 }, { "PKT", 300 },
	{ "PMDT", -120 }, { "PMST", -180 }, { "PONT", 660 }, { "PST", -480 }, { "PWT", 540 }, { "PYST", -180 }, { "RET", 240 },
	{ "SADT", 630 }, { "SAST", 120 }, { "SCT", 240 }, { "TAHT", -600 }, { "TFT", 300 }, { "TJT", 300 }, { "TOT", 780 },
	{ "TRUT", 600 }, { "TVT", 720 }, { "UCT", 0 }, { "ULAST", 540 }, { "UT", 0 }, { "UTC", 0 }, { "UYST", -120 },
	{ "UYT", -180 }, { "UZST", 360 }, { "UZT", 300 }, { "VUT", 660 }, { "WADT", 480 }, { "WAKT", 720 }, { "WAST", 420 },
	{ "WAT", 60 }, { "WDT", 540 }, { "WET", 0 }, { "WETDST", 60 }, { "WFT", 720 }, { "WGST", -120 }, { "WGT", -180 },
	{ "XJT", 360 }, { "YAPT", 600 }, { "YEKST", 360 }, { "Z", 0 }, { "ZULU", 0 },
};

/* Those whose offset has changed with time: as their zones have it. */
static const struct { char name[6]; const char *zone; } moving[] = {
	{ "ART", "America/Argentina/Buenos_Aires" }, { "ARST", "America/Argentina/Buenos_Aires" }, { "CLT", "America/Santiago" },
	{ "GYT", "America/Guyana" }, { "PYT", "America/Asuncion" }, { "VET", "America/Caracas" }, { "DAVT", "Antarctica/Davis" },
	{ "MAWT", "Antarctica/Mawson" }, { "AMST", "Asia/Yerevan" }, { "ANAST", "Asia/Anadyr" }, { "ANAT", "Asia/Anadyr" },
	{ "AZST", "Asia/Baku" }, { "AZT", "Asia/Baku" }, { "GEST", "Asia/Tbilisi" }, { "GET", "Asia/Tbilisi" },
	{ "IRKST", "Asia/Irkutsk" }, { "IRKT", "Asia/Irkutsk" }, { "KGT", "Asia/Bishkek" }, { "KRAST", "Asia/Krasnoyarsk" },
	{ "KRAT", "Asia/Krasnoyarsk" }, { "LKT", "Asia/Colombo" }, { "MAGST", "Asia/Magadan" }, { "MAGT", "Asia/Magadan" },
	{ "NOVST", "Asia/Novosibirsk" }, { "NOVT", "Asia/Novosibirsk" }, { "OMSST", "Asia/Omsk" }, { "OMST", "Asia/Omsk" },
	{ "PETST", "Asia/Kamchatka" }, { "PETT", "Asia/Kamchatka" }, { "SGT", "Asia/Singapore" }, { "TMT", "Asia/Ashgabat" },
	{ "ULAT", "Asia/Ulaanbaatar" }, { "VLAST", "Asia/Vladivostok" }, { "VLAT", "Asia/Vladivostok" },
	{ "YAKST", "Asia/Yakutsk" }, { "YAKT", "Asia/Yakutsk" }, { "YEKT", "Asia/Yekaterinburg" }, { "FKST", "Atlantic/Stanley" },
	{ "FKT", "Atlantic/Stanley" }, { "LHDT", "Australia/Lord_Howe" }, { "MSK", "Europe/Moscow" },
	{ "VOLT", "Europe/Volgograd" }, { "IOT", "Indian/Chagos" }, { "CKT", "Pacific/Rarotonga" }, { "EASST", "Pacific/Easter" },
	{ "EAST", "Pacific/Easter" }, { "KOST", "Pacific/Kosrae" }, { "LINT", "Pacific/Kiritimati" }, { "NUT", "Pacific/Niue" },
	{ "TKT", "Pacific/Fakaofo" },
};

static bool load_abbreviation(struct spk_zone *z)
{
	for (size_t i = 0; i < SPK_COUNT_OF(abbreviations); i++) {
		if (strcasecmp(z->name, abbreviations[i].name) != 0)
			continue;
		z->kinds = 1;
		z->kind[0].offset = abbreviations[i].minutes * 60;
		snprintf(z->kind[0].name, sizeof z->kind[0].name, "%s", z->name[1] ? abbreviations[i].name : "UTC");
		return true;
	}
	for (size_t i = 0; i < SPK_COUNT_OF(moving); i++)
		if (strcasecmp(z->name, moving[i].name) == 0)
			return load_file(z, moving[i].zone);
	return false;
}

static bool load_rule(struct spk_zone *z)
{
	z->has_rule = read_rule(z->name, &z->rule);
	if (!z->has_rule)
		return false;
	z->kinds = 1;
	z->kind[0].offset = z->rule.standard;
	snprintf(z->kind[0].name, sizeof z->kind[0].name, "%s", z->rule.name[0]);
	return true;
}

/* --- the cache --- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct spk_zone *zones;
static char missing[256][NAME_MAX_ + 1];  /* names that are none, lately: garbage in a column is not worth a file access per row */

static char *missing_slot(const char *name)
{
	unsigned h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return missing[(h >> 8) % SPK_COUNT_OF(missing)];
}

static struct spk_zone *load(const char *name)
{
	struct spk_zone *z = strcmp(missing_slot(name), name) == 0 ? NULL : calloc(1, sizeof *z);

	if (!z)
		return NULL;
	snprintf(z->name, sizeof z->name, "%s", name);
	if (load_abbreviation(z) || load_file(z, z->name) || load_rule(z)) {
		z->next = zones;
		zones = z;
		return z;
	}
	free(z->when);
	free(z->which);
	free(z);
	snprintf(missing_slot(name), NAME_MAX_ + 1, "%s", name);
	return NULL;
}

const struct spk_zone *spk_zone_find(const char *name, size_t size)
{
	static _Thread_local const struct spk_zone *last;
	char text[NAME_MAX_ + 1];
	struct spk_zone *z;

	if (last && strncmp(last->name, name, size) == 0 && last->name[size] == 0)
		return last;
	if (size == 0 || size > NAME_MAX_)
		return NULL;
	memcpy(text, name, size);
	text[size] = 0;
	pthread_mutex_lock(&lock);
	for (z = zones; z && strcmp(z->name, text) != 0;)
		z = z->next;
	if (!z)
		z = load(text);
	pthread_mutex_unlock(&lock);
	if (z)
		last = z;
	return z;
}

/* --- asking --- */

static int64_t floor_seconds(int64_t us)
{
	int64_t s = us / SPK_USEC_PER_SEC;

	return us % SPK_USEC_PER_SEC < 0 ? s - 1 : s;
}

/* Index of the last change at or before `seconds`, -1 before the first. */
static int change_before(const struct spk_zone *z, int64_t seconds)
{
	int low = 0, high = z->changes;

	while (low < high) {
		int middle = (low + high) / 2;

		if (z->when[middle] <= seconds)
			low = middle + 1;
		else
			high = middle;
	}
	return low - 1;
}

static int32_t offset_at(const struct spk_zone *z, int64_t seconds, const char **name)
{
	int i = change_before(z, seconds);
	const struct kind *k;

	if (z->has_rule && i == z->changes - 1) {
		bool summer = rule_is_daylight(&z->rule, seconds);

		*name = z->rule.name[summer];
		return summer ? z->rule.daylight : z->rule.standard;
	}
	k = &z->kind[i < 0 ? z->first : z->which[i]];
	*name = k->name;
	return k->offset;
}

int32_t spk_zone_offset_at(const struct spk_zone *zone, int64_t us)
{
	const char *name;

	return offset_at(zone, floor_seconds(us), &name);
}

const char *spk_zone_abbreviation(const struct spk_zone *zone, int64_t us)
{
	const char *name;

	offset_at(zone, floor_seconds(us), &name);
	return name;
}

int64_t spk_zone_to_utc(const struct spk_zone *zone, int64_t local_us)
{
	int64_t local = floor_seconds(local_us);
	const char *name;
	/* A day to either side no zone's offset reaches; no zone changes twice in between. */
	int32_t before = offset_at(zone, local - 86400, &name), after = offset_at(zone, local + 86400, &name);
	int32_t chosen = before;

	/* In an overlap both fit, in a gap neither does. */
	if (before != after && offset_at(zone, local - after, &name) == after)
		chosen = after;
	return local_us - chosen * SPK_USEC_PER_SEC;
}
