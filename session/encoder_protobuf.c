/* Encoders of protobuf-c messages: its descriptors say where fields lie, as SPK_STRUCT does for ours. */
#include <protobuf-c/protobuf-c.h>

#include "session/dataset.h"

/* X(protobuf type, kind, form): uint32 and up go to bigint, since SQL has no unsigned numbers. */
#define PROTOBUF_LIST(X) \
	X(INT32, i32, PLAIN) X(SINT32, i32, PLAIN) X(SFIXED32, i32, PLAIN) X(ENUM, i32, PLAIN) \
	X(INT64, i64, PLAIN) X(SINT64, i64, PLAIN) X(SFIXED64, i64, PLAIN) \
	X(UINT32, i64, U32) X(FIXED32, i64, U32) X(UINT64, i64, U64) X(FIXED64, i64, U64) \
	X(FLOAT, f32, PLAIN) X(DOUBLE, f64, PLAIN) X(BOOL, boolean, C_INT_BOOL) X(STRING, text, C_STRING) X(BYTES, bytes, BINARY)

static bool plain_kind(ProtobufCType type, struct spk_member *m)
{
	switch (type) {
#define PROTOBUF_CASE(type, kind_, form_) case PROTOBUF_C_TYPE_##type: m->kind = SPK_KIND_##kind_; m->form = SPK_FORM_##form_; return true;
	PROTOBUF_LIST(PROTOBUF_CASE)
#undef PROTOBUF_CASE
	default: return false;
	}
}

static size_t item_size(enum spk_kind kind)
{
	return kind == SPK_KIND_i32 || kind == SPK_KIND_f32 ? 4 : 8;
}

static spk_status make_encoder(struct spk_session *s, const ProtobufCMessageDescriptor *d, int depth, const struct spk_struct_encoder **out, spk_error *err);

static spk_status make_member(struct spk_session *s, const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f, int depth, struct spk_member *m, spk_error *err)
{
	bool repeated = f->label == PROTOBUF_C_LABEL_REPEATED;

	*m = (struct spk_member){ .name = f->name, .offset = f->offset, .set = f->offset };
	if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		return spk_fail(err, SPK_UNSUPPORTED, "field %s of message %s: oneof is not supported", f->name, d->name);
	if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
		if (repeated)
			return spk_fail(err, SPK_UNSUPPORTED, "field %s of message %s: repeated messages are not supported", f->name, d->name);
		m->kind = SPK_KIND_nested;
		m->form = SPK_FORM_POINTER;
		return make_encoder(s, f->descriptor, depth + 1, &m->nested, err);
	}
	if (!plain_kind(f->type, m))
		return spk_fail(err, SPK_UNSUPPORTED, "field %s of message %s: its type is not supported", f->name, d->name);
	if (repeated) {
		if (m->form != SPK_FORM_PLAIN)
			return spk_fail(err, SPK_UNSUPPORTED, "field %s of message %s: only repeated signed and floating-point numbers are supported", f->name, d->name);
		m->element = m->kind;
		m->element_size = item_size(m->kind);
		m->kind = SPK_KIND_array;
		m->count = f->quantifier_offset;
		return SPK_OK;
	}
	/* A field that may be absent: strings by NULL, others by has_... */
	if (f->label == PROTOBUF_C_LABEL_OPTIONAL && (f->quantifier_offset || f->type == PROTOBUF_C_TYPE_STRING)) {
		m->kind = (enum spk_kind)(m->kind + 1);
		m->set = f->quantifier_offset ? f->quantifier_offset : f->offset;
		if (m->form == SPK_FORM_PLAIN)
			m->form = SPK_FORM_C_HAS;
	}
	return SPK_OK;
}

static spk_status make_encoder(struct spk_session *s, const ProtobufCMessageDescriptor *d, int depth, const struct spk_struct_encoder **out, spk_error *err)
{
	enum { DEPTH_MAX = 32 };
	struct spk_struct_encoder *e = SPK_NEW(s->arena, struct spk_struct_encoder);
	struct spk_member *m = SPK_NEW_ARRAY(s->arena, struct spk_member, d->n_fields + 1);

	SPK_TRY_PTR(e && m, err);
	if (depth > DEPTH_MAX)
		return spk_fail(err, SPK_UNSUPPORTED, "message %s holds itself", d->name);
	for (unsigned i = 0; i < d->n_fields; i++)
		SPK_TRY(make_member(s, d, &d->fields[i], depth, &m[i], err));
	*e = (struct spk_struct_encoder){ .name = d->name, .size = d->sizeof_message, .members = (int)d->n_fields, .member = m, .protobuf = d };
	*out = e;
	return SPK_OK;
}

spk_status spk_encoder_of_protobuf(struct spk_session *session, const void *descriptor, const struct spk_struct_encoder **out, spk_error *err)
{
	const ProtobufCMessageDescriptor *d = descriptor;

	if (!d || d->magic != PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC)
		return spk_fail(err, SPK_USAGE, "this is no descriptor of a protobuf-c message");
	return make_encoder(session, d, 0, out, err);
}
