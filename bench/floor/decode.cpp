// A row out of JSON by simdjson's on-demand parser, straight into a plain struct: as little as can be done.
#include "bench/floor/floor.h"

#include <simdjson.h>

#include <cstdlib>
#include <new>

namespace od = simdjson::ondemand;

struct floor_decoder {
	od::parser parser;
	unsigned columns;
};

extern "C" floor_decoder *floor_decoder_new(unsigned columns)
{
	floor_decoder *d = new (std::nothrow) floor_decoder();

	if (d)
		d->columns = columns;
	return d;
}

extern "C" void floor_decoder_free(floor_decoder *d)
{
	delete d;
}

// Days from 1970-01-01 to a date of the Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms").
static int64_t days(int64_t year, unsigned month, unsigned day)
{
	year -= month <= 2;
	const int64_t era = year / 400;
	const int64_t of_era = year - era * 400;
	const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static unsigned digits(const char *p, int n)
{
	unsigned v = 0;

	for (int i = 0; i < n; i++)
		v = v * 10 + static_cast<unsigned>(p[i] - '0');
	return v;
}

// YYYY-MM-DD HH:MM:SS[.f]
static bool parse_time(std::string_view s, int64_t *out)
{
	if (s.size() < 19 || s.size() > 26)
		return false;
	const char *p = s.data();
	int64_t seconds = days(digits(p, 4), digits(p + 5, 2), digits(p + 8, 2)) * 86400 + digits(p + 11, 2) * 3600 + digits(p + 14, 2) * 60 + digits(p + 17, 2);
	int64_t fraction = 0;

	for (size_t i = 20; i < 26; i++)
		fraction = fraction * 10 + (i < s.size() ? p[i] - '0' : 0);
	*out = seconds * 1000000 + fraction;
	return true;
}

static bool take_number(od::object &o, const char *name, int64_t *out)
{
	return o.find_field_unordered(name).get_int64().get(*out) == simdjson::SUCCESS;
}

static bool take_time(od::object &o, const char *name, int64_t *out)
{
	std::string_view text;

	return o.find_field_unordered(name).get_string().get(text) == simdjson::SUCCESS && parse_time(text, out);
}

static bool take_text(od::object &o, const char *name, const char **out, size_t *out_size)
{
	std::string_view text;

	if (o.find_field_unordered(name).get_string().get(text) != simdjson::SUCCESS)
		return false;
	*out = text.data();
	*out_size = text.size();
	return true;
}

extern "C" bool floor_decode(floor_decoder *d, const char *json, size_t size, floor_row *out)
{
	const unsigned wanted = d->columns;
	od::document document;
	od::object o;

	if (d->parser.iterate(json, size, size + FLOOR_PADDING).get(document) || document.get_object().get(o))
		return false;
	return (!(wanted & 1u << FLOOR_AUCTION) || take_number(o, "auction", &out->auction)) &&
	       (!(wanted & 1u << FLOOR_BIDDER) || take_number(o, "bidder", &out->bidder)) &&
	       (!(wanted & 1u << FLOOR_PRICE) || take_number(o, "price", &out->price)) &&
	       (!(wanted & 1u << FLOOR_DATE_TIME) || take_time(o, "dateTime", &out->date_time_us)) &&
	       (!(wanted & 1u << FLOOR_ID) || take_number(o, "id", &out->id)) &&
	       (!(wanted & 1u << FLOOR_SELLER) || take_number(o, "seller", &out->seller)) &&
	       (!(wanted & 1u << FLOOR_NAME) || take_text(o, "name", &out->name, &out->name_size)) &&
	       (!(wanted & 1u << FLOOR_EXTRA) || take_text(o, "extra", &out->extra, &out->extra_size));
}
