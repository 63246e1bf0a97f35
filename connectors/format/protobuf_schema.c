/* Descriptor sets: the messages that one of them needs, by way of protobuf-c. */
#include "connectors/format/protobuf.h"

#include <stdio.h>
#include <stdlib.h>

#include "connectors/format/protobuf_descriptor.pb-c.h"

enum { LABEL_REQUIRED = 2, LABEL_REPEATED = 3, MESSAGES = 4096, FIELD_NUMBER_MAX = (1 << 29) - 1 };

/* What the set has, by full name, and what was made of it. */
struct source { const char *name; const SpkPbSet__Message *message; const SpkPbSet__Enum *symbols; bool proto3; struct spk_pb_message *made; struct spk_pb_enum *made_enum; };

struct loading {
	struct spk_arena *arena;
	struct source *source;
	int count, capacity;
};

static const char *const kind_names[19] = {
#define NAME(id, name, number, wire) [number] = name,
	SPK_PB_KIND_LIST(NAME)
#undef NAME
};
static const enum spk_pb_wire kind_wires[19] = {
#define WIRE(id, name, number, wire) [number] = SPK_PB_##wire,
	SPK_PB_KIND_LIST(WIRE)
#undef WIRE
};

const char *spk_pb_kind_name(const struct spk_pb_field *f)
{
	return f->message ? f->message->name : f->symbols ? f->symbols->name : kind_names[f->kind];
}

static spk_status make_message(struct loading *l, struct source *s, const struct spk_pb_message **out, spk_error *err);

/* --- the names of a set --- */

static spk_status add(struct loading *l, const char *scope, const char *name, const SpkPbSet__Message *message, const SpkPbSet__Enum *symbols, bool proto3, const char **full, spk_error *err)
{
	*full = *scope ? spk_arena_printf(l->arena, "%s.%s", scope, name ? name : "") : spk_arena_strdup(l->arena, name ? name : "");
	SPK_TRY_PTR(*full, err);
	if (l->count == l->capacity) {
		int capacity = l->capacity ? l->capacity * 2 : 64;
		struct source *grown = SPK_NEW_ARRAY(l->arena, struct source, capacity);

		SPK_TRY_PTR(grown, err);
		if (l->count)
			memcpy(grown, l->source, sizeof(*grown) * (size_t)l->count);
		l->source = grown;
		l->capacity = capacity;
	}
	l->source[l->count++] = (struct source){ *full, message, symbols, proto3, NULL, NULL };
	return SPK_OK;
}

static spk_status add_messages(struct loading *l, const char *scope, size_t n, SpkPbSet__Message **message, bool proto3, int depth, spk_error *err)
{
	const char *full, *inner;

	if (depth > SPK_CELL_DEPTH || l->count > MESSAGES)
		return spk_fail(err, SPK_DATA, "more messages than can be, or nested deeper");
	for (size_t i = 0; i < n; i++) {
		const SpkPbSet__Message *m = message[i];

		SPK_TRY(add(l, scope, m->name, m, NULL, proto3, &full, err));
		for (size_t k = 0; k < m->n_enum_type; k++)
			SPK_TRY(add(l, full, m->enum_type[k]->name, NULL, m->enum_type[k], proto3, &inner, err));
		SPK_TRY(add_messages(l, full, m->n_nested_type, m->nested_type, proto3, depth + 1, err));
	}
	return SPK_OK;
}

static spk_status add_file(struct loading *l, const SpkPbSet__File *f, spk_error *err)
{
	const char *package = f->package ? f->package : "", *full;
	bool proto3 = f->syntax && !strcmp(f->syntax, "proto3");

	if (f->syntax && !proto3 && strcmp(f->syntax, "proto2"))
		return spk_fail(err, SPK_UNSUPPORTED, "file \"%s\" has syntax \"%s\"; there are proto2 and proto3", f->name ? f->name : "", f->syntax);
	for (size_t i = 0; i < f->n_enum_type; i++)
		SPK_TRY(add(l, package, f->enum_type[i]->name, NULL, f->enum_type[i], proto3, &full, err));
	return add_messages(l, package, f->n_message_type, f->message_type, proto3, 0, err);
}

/* A type's name in a descriptor has a point before it. */
static struct source *find(struct loading *l, const char *name)
{
	name += *name == '.';
	for (int i = 0; i < l->count; i++)
		if (!strcmp(l->source[i].name, name))
			return &l->source[i];
	return NULL;
}

/* --- enums --- */

static spk_status make_enum(struct loading *l, struct source *s, const struct spk_pb_enum **out, spk_error *err)
{
	const SpkPbSet__Enum *e = s->symbols;
	struct spk_pb_enum *made = s->made_enum;

	*out = made;
	if (made)
		return SPK_OK;
	made = SPK_NEW(l->arena, struct spk_pb_enum);
	SPK_TRY_PTR(made, err);
	*made = (struct spk_pb_enum){ s->name, (int)e->n_value, SPK_NEW_ARRAY(l->arena, const char *, e->n_value + 1), SPK_NEW_ARRAY(l->arena, int32_t, e->n_value + 1) };
	SPK_TRY_PTR(made->symbol && made->number, err);
	for (size_t i = 0; i < e->n_value; i++) {
		made->symbol[i] = spk_arena_strdup(l->arena, e->value[i]->name ? e->value[i]->name : "");
		made->number[i] = e->value[i]->number;
		SPK_TRY_PTR(made->symbol[i], err);
	}
	*out = s->made_enum = made;
	return SPK_OK;
}

const char *spk_pb_symbol(const struct spk_pb_enum *e, int32_t number)
{
	for (int i = 0; i < e->count; i++)
		if (e->number[i] == number)
			return e->symbol[i];
	return NULL;
}

bool spk_pb_number(const struct spk_pb_enum *e, const char *s, size_t n, int32_t *out)
{
	for (int i = 0; i < e->count; i++) {
		if (strlen(e->symbol[i]) != n || memcmp(e->symbol[i], s, n))
			continue;
		*out = e->number[i];
		return true;
	}
	return false;
}

/* --- defaults --- */

/* bytes are written with C's escapes. */
static spk_status default_bytes(struct loading *l, const char *text, struct spk_pb_field *out, spk_error *err)
{
	size_t n = strlen(text), size = 0;
	char *copy = spk_arena_zalloc(l->arena, n + 20);

	SPK_TRY_PTR(copy, err);
	for (size_t i = 0; i < n; i++) {
		static const char from[] = "nrt\"'\\", to[] = "\n\r\t\"'\\";
		const char *simple = i + 1 < n && text[i] == '\\' ? strchr(from, text[i + 1]) : NULL;
		unsigned v;

		if (simple) {
			copy[size++] = to[simple - from];
			i++;
		} else if (text[i] == '\\' && sscanf(text + i + 1, "%3o", &v) == 1) {
			copy[size++] = (char)v;
			i += 3;
		} else {
			copy[size++] = text[i];
		}
	}
	out->default_text = copy;
	out->default_size = (uint32_t)size;
	return SPK_OK;
}

static spk_status default_string(struct loading *l, const char *text, struct spk_pb_field *out, spk_error *err)
{
	size_t n = strlen(text);
	char *copy = spk_arena_zalloc(l->arena, n + 20);  /* text is taken with 16 bytes behind it */

	SPK_TRY_PTR(copy, err);
	memcpy(copy, text, n);
	out->default_text = copy;
	out->default_size = (uint32_t)n;
	return SPK_OK;
}

static void default_number(const char *text, struct spk_pb_field *out)
{
	double d = strtod(text, NULL);
	float f = (float)d;
	uint32_t word;
	int32_t symbol;

	switch (out->kind) {
	case SPK_PB_DOUBLE:
		memcpy(&out->default_bits, &d, sizeof(d));
		break;
	case SPK_PB_FLOAT:
		memcpy(&word, &f, sizeof(word));
		out->default_bits = word;
		break;
	case SPK_PB_BOOL:
		out->default_bits = !strcmp(text, "true");
		break;
	case SPK_PB_ENUM:
		if (spk_pb_number(out->symbols, text, strlen(text), &symbol))
			out->default_bits = (uint64_t)(int64_t)symbol;
		break;
	case SPK_PB_UINT64: case SPK_PB_FIXED64K:
		out->default_bits = strtoull(text, NULL, 10);
		break;
	case SPK_PB_SINT32: case SPK_PB_SINT64:
		out->default_bits = spk_wire_zigzag(strtoll(text, NULL, 10));
		break;
	default:
		out->default_bits = (uint64_t)strtoll(text, NULL, 10);
	}
}

static spk_status take_default(struct loading *l, const char *text, struct spk_pb_field *out, spk_error *err)
{
	if (out->kind == SPK_PB_BYTESK)
		return default_bytes(l, text ? text : "", out, err);
	if (out->kind == SPK_PB_STRING)
		return default_string(l, text ? text : "", out, err);
	if (text)
		default_number(text, out);
	else if (out->kind == SPK_PB_ENUM && out->symbols->count)
		out->default_bits = (uint64_t)(int64_t)out->symbols->number[0];
	return SPK_OK;
}

/* --- messages --- */

static spk_status find_type(struct loading *l, const SpkPbSet__Field *f, struct spk_pb_field *out, spk_error *err)
{
	struct source *s;

	if (out->kind != SPK_PB_MESSAGE && out->kind != SPK_PB_ENUM && out->kind != SPK_PB_GROUP)
		return SPK_OK;
	s = find(l, f->type_name ? f->type_name : "");
	if (!s || (out->kind == SPK_PB_ENUM ? !s->symbols : !s->message)) {
		spk_fail(err, SPK_DATA, "type \"%s\" of field \"%s\" is not in the descriptor set", f->type_name ? f->type_name : "", out->name);
		return spk_hint(err, "make it with protoc --include_imports --descriptor_set_out=FILE");
	}
	return out->kind == SPK_PB_ENUM ? make_enum(l, s, &out->symbols, err) : make_message(l, s, &out->message, err);
}

static spk_status make_field(struct loading *l, const SpkPbSet__Field *f, bool proto3, struct spk_pb_field *out, spk_error *err)
{
	bool scalar;

	*out = (struct spk_pb_field){ .name = spk_arena_strdup(l->arena, f->name ? f->name : ""), .number = (uint32_t)f->number, .kind = (enum spk_pb_kind)f->type,
	                              .repeated = f->label == LABEL_REPEATED, .required = f->label == LABEL_REQUIRED, .oneof = f->has_oneof_index ? f->oneof_index : -1 };
	SPK_TRY_PTR(out->name, err);
	if (f->type < 1 || f->type > 18 || f->number < 1 || f->number > FIELD_NUMBER_MAX)
		return spk_fail(err, SPK_DATA, "field \"%s\" has a type or number that is none", out->name);
	out->wire = kind_wires[f->type];
	scalar = out->kind != SPK_PB_STRING && out->kind != SPK_PB_BYTESK && out->kind != SPK_PB_MESSAGE && out->kind != SPK_PB_GROUP;
	out->packed = out->repeated && scalar && (f->options && f->options->has_packed ? f->options->packed : proto3);
	out->presence = !out->repeated && (!proto3 || f->proto3_optional || out->oneof >= 0 || out->kind == SPK_PB_MESSAGE);
	SPK_TRY(find_type(l, f, out, err));
	return take_default(l, f->default_value, out, err);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = ((const struct spk_pb_field *)a)->number, y = ((const struct spk_pb_field *)b)->number;

	return (x > y) - (x < y);
}

/* A message may hold itself: it is known before its fields are made. */
static spk_status make_message(struct loading *l, struct source *s, const struct spk_pb_message **out, spk_error *err)
{
	struct spk_pb_message *m = s->made;
	const SpkPbSet__Message *from = s->message;

	*out = m;
	if (m)
		return SPK_OK;
	*out = m = s->made = SPK_NEW(l->arena, struct spk_pb_message);
	SPK_TRY_PTR(m, err);
	m->name = s->name;
	m->timestamp = !strcmp(s->name, "google.protobuf.Timestamp");
	m->map_entry = from->options && from->options->has_map_entry && from->options->map_entry;
	m->field = SPK_NEW_ARRAY(l->arena, struct spk_pb_field, from->n_field + 1);
	SPK_TRY_PTR(m->field, err);
	for (size_t i = 0; i < from->n_field; i++) {
		if (make_field(l, from->field[i], s->proto3, &m->field[i], err) != SPK_OK)
			return spk_error_context(err, "message \"%s\"", s->name);
		m->required |= m->field[i].required;
	}
	m->count = (int)from->n_field;
	qsort(m->field, from->n_field, sizeof(*m->field), by_number);
	for (int i = 1; i < m->count; i++)
		if (m->field[i].number == m->field[i - 1].number)
			return spk_fail(err, SPK_DATA, "message \"%s\" has two fields of number %u", s->name, m->field[i].number);
	if (m->map_entry && (m->count != 2 || m->field[0].number != 1 || m->field[1].number != 2))
		return spk_fail(err, SPK_DATA, "message \"%s\" is no entry of a map", s->name);
	return SPK_OK;
}

/* --- the message that is wanted --- */

static const char *last_part(const char *name)
{
	const char *dot = strrchr(name, '.'), *dollar = strrchr(name, '$');

	dot = dollar > dot ? dollar : dot;
	return dot ? dot + 1 : name;
}

static spk_status not_found(const struct loading *l, const char *name, int fitting, spk_error *err)
{
	char names[400] = "";
	int used = 0;

	for (int i = 0; i < l->count && used < 300; i++)
		if (l->source[i].message && !(l->source[i].message->options && l->source[i].message->options->map_entry))
			used += snprintf(names + used, sizeof(names) - (size_t)used, "%s%.80s", used ? ", " : "", l->source[i].name);
	spk_fail(err, SPK_NOT_FOUND, fitting ? "'%s' may be more than one message of the descriptor set" : "there is no message '%s' in the descriptor set", name);
	return spk_hint(err, "there are: %s", *names ? names : "none");
}

static spk_status choose(struct loading *l, const char *name, const struct spk_pb_message **out, spk_error *err)
{
	struct source *s = find(l, name);
	int fitting = 0;

	for (int i = 0; i < l->count && (!s || !s->message); i++) {
		if (!l->source[i].message || strcmp(last_part(l->source[i].name), last_part(name)))
			continue;
		fitting++;
	}
	for (int i = 0; i < l->count && fitting == 1; i++)
		if (l->source[i].message && !strcmp(last_part(l->source[i].name), last_part(name)))
			s = &l->source[i];
	if (!s || !s->message)
		return not_found(l, name, fitting, err);
	return make_message(l, s, out, err);
}

spk_status spk_pb_load(struct spk_arena *arena, const char *bytes, size_t size, const char *name, const struct spk_pb_message **out, spk_error *err)
{
	SpkPbSet__Set *set = spk_pb_set__set__unpack(NULL, size, (const uint8_t *)bytes);
	struct loading l = { .arena = arena };
	spk_status status = SPK_OK;

	if (!set || !set->n_file) {
		spk_pb_set__set__free_unpacked(set, NULL);
		spk_fail(err, SPK_DATA, "the file is no descriptor set");
		return spk_hint(err, "make it with protoc --include_imports --descriptor_set_out=FILE");
	}
	for (size_t i = 0; status == SPK_OK && i < set->n_file; i++)
		status = add_file(&l, set->file[i], err);
	if (status == SPK_OK)
		status = choose(&l, name, out, err);
	spk_pb_set__set__free_unpacked(set, NULL);
	return status;
}

/* --- asking --- */

const struct spk_pb_field *spk_pb_find(const struct spk_pb_message *m, uint32_t number, int guess)
{
	int low = 0, high = m->count - 1;

	if (SPK_LIKELY(guess < m->count && m->field[guess].number == number))
		return &m->field[guess];
	while (low <= high) {
		int middle = (low + high) / 2;

		if (m->field[middle].number == number)
			return &m->field[middle];
		if (m->field[middle].number < number)
			low = middle + 1;
		else
			high = middle - 1;
	}
	return NULL;
}

static const char *field_name(const void *user, int i)
{
	return ((const struct spk_pb_message *)user)->field[i].name;
}

const struct spk_pb_field *spk_pb_find_name(const struct spk_pb_message *m, const char *name)
{
	int i = spk_find_field(name, m->count, field_name, m);

	return i < 0 ? NULL : &m->field[i];
}
