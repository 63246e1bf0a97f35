/*
 * A schema registry over HTTP (Confluent's interface, which Karapace, Redpanda and Apicurio have too): schemas by id, and the registering of one.
 *
 * A call waits for the answer, 10 s at the most, and so belongs on a worker thread or at the start; calls of several threads go one after
 * the other. What is away or overloaded is UNAVAILABLE (retriable); refused credentials are USAGE; an id or subject that is not there is NOT_FOUND.
 */
#ifndef SPK_CONNECTORS_FORMAT_REGISTRY_H
#define SPK_CONNECTORS_FORMAT_REGISTRY_H

#include "core/base/buffer.h"

struct spk_registry;

/* All borrowed during open only; user_info ("user:password") and token may be NULL. `url`: http or https, several separated by commas, of which the
 * first that answers is taken. The secrets are masked in logs from then on. */
struct spk_registry_spec { const char *url, *user_info, *token, *table; };

/* Nothing is connected yet. USAGE: an url that is none. */
spk_status spk_registry_open(struct spk_registry **out, const struct spk_registry_spec *spec, spk_error *err);
void spk_registry_close(struct spk_registry *r);  /* NULL is fine */
/* Whether it answers, with these credentials. */
spk_status spk_registry_ping(struct spk_registry *r, spk_error *err);
/* The texts of the schema of that id and kind ("AVRO") and of those that it refers to, each before those that need it and NUL-terminated, into *texts.
 * UNSUPPORTED: it is of another kind, or refers to too many. */
spk_status spk_registry_schema(struct spk_registry *r, uint32_t id, const char *kind, struct spk_buffer *texts, spk_error *err);
/* Registers the schema under the subject, or finds it there. USAGE: the registry does not take it, with its reason. */
spk_status spk_registry_register(struct spk_registry *r, const char *subject, const char *kind, const char *schema, uint32_t *id, spk_error *err);

#endif
