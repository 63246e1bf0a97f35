#include "connectors/format/simdjson_shim.h"

#include <charconv>
#include <cstring>
#include <new>

#include <simdjson.h>

using simdjson::error_code;
using simdjson::internal::dom_parser_implementation;

extern "C" const char spk_simdjson_no_memory[] = "out of memory";

struct spk_simdjson {
	std::unique_ptr<dom_parser_implementation> parser;
};

/* stage1 needs room for a token per byte, in steps so that a slowly growing row does not mean a table per row. */
static error_code make_room(struct spk_simdjson *p, size_t size)
{
	size_t capacity = 4096;

	if (p->parser->capacity() >= size)
		return simdjson::SUCCESS;
	while (capacity < size)
		capacity *= 2;
	return p->parser->set_capacity(capacity);
}

static const char *describe(error_code code)
{
	switch (code) {
	case simdjson::SUCCESS: return nullptr;
	case simdjson::MEMALLOC: return spk_simdjson_no_memory;
	case simdjson::EMPTY: return "empty, expected a JSON object";
	case simdjson::UTF8_ERROR: return "invalid UTF-8";
	case simdjson::UNCLOSED_STRING: return "a string is not closed";
	case simdjson::UNESCAPED_CHARS: return "a control character inside a string is not escaped";
	case simdjson::CAPACITY: return "longer than a JSON text may be";
	default: return "not JSON";
	}
}

extern "C" struct spk_simdjson *spk_simdjson_new(void)
{
	std::unique_ptr<spk_simdjson> p(new (std::nothrow) spk_simdjson);

	if (!p || simdjson::get_active_implementation()->create_dom_parser_implementation(4096, 1, p->parser) != simdjson::SUCCESS)
		return nullptr;
	return p.release();
}

extern "C" void spk_simdjson_free(struct spk_simdjson *p)
{
	delete p;
}

extern "C" size_t spk_simdjson_bytes(const struct spk_simdjson *p)
{
	return p->parser->capacity() * sizeof(uint32_t) + sizeof(*p);
}

extern "C" const char *spk_simdjson_index(struct spk_simdjson *p, const char *data, size_t size, struct spk_json_index *out)
{
	error_code code;

	if (size == 0)
		return describe(simdjson::EMPTY);
	if (size > simdjson::SIMDJSON_MAXSIZE_BYTES)
		return describe(simdjson::CAPACITY);
	code = make_room(p, size);
	if (code == simdjson::SUCCESS)
		code = p->parser->stage1(reinterpret_cast<const uint8_t *>(data), size, simdjson::stage1_mode::regular);
	if (code != simdjson::SUCCESS)
		return describe(code);
	*out = { p->parser->structural_indexes.get(), p->parser->n_structural_indexes };
	return nullptr;
}

extern "C" bool spk_simdjson_double(const char *s, size_t size, double *out)
{
	std::from_chars_result r = std::from_chars(s, s + size, *out);

	return r.ec == std::errc() && r.ptr == s + size;
}

extern "C" bool spk_simdjson_is_text(const char *s, size_t size)
{
	return !memchr(s, 0, size) && simdjson::validate_utf8(s, size);
}
