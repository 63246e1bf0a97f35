/* A schema registry over HTTP, by libcurl. */
#include "connectors/format/registry.h"

#include <curl/curl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/check.h"
#include "core/base/interrupt.h"
#include "core/base/log.h"

enum { CONNECT_MS = 5000, ANSWER_MS = 10000, ANSWER_MAX = 16 << 20, URLS = 8, REFERENCES = 128, REFERENCES_DEPTH = 16 };

struct spk_registry {
	pthread_mutex_t lock;            /* over all below */
	CURL *curl;
	struct curl_slist *headers;
	char *url[URLS];
	int urls, good;                  /* good: the one that answered last */
	char *shown;                     /* of the url, without credentials */
	char *table;
	struct spk_buffer answer;
	char trouble[CURL_ERROR_SIZE];
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_begin(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* --- opening --- */

static size_t take_answer(char *data, size_t size, size_t n, void *user)
{
	struct spk_registry *r = user;

	if (r->answer.size + size * n > ANSWER_MAX || spk_buffer_append(&r->answer, data, size * n, NULL) != SPK_OK)
		return 0;
	return size * n;
}

/* Asked about once a second while an answer is waited for: whether the work has been cancelled. */
static int progress(void *user, curl_off_t to_get, curl_off_t got, curl_off_t to_send, curl_off_t sent)
{
	(void)user, (void)to_get, (void)got, (void)to_send, (void)sent;
	return spk_interrupted();
}

/* user:password@ is not for other eyes. */
static char *without_credentials(const char *url)
{
	const char *host = strstr(url, "://"), *at, *end;
	char *copy = malloc(strlen(url) + 1);

	host = host ? host + 3 : url;
	end = host + strcspn(host, "/?#");
	at = memchr(host, '@', (size_t)(end - host));
	if (copy)
		sprintf(copy, "%.*s%s", (int)(host - url), url, at ? at + 1 : host);
	if (copy && at) {
		char secret[256];

		snprintf(secret, sizeof(secret), "%.*s", (int)(at - host), host);
		spk_log_redact(secret);
	}
	return copy;
}

static spk_status take_urls(struct spk_registry *r, const struct spk_registry_spec *spec, spk_error *err)
{
	const char *p = spec->url;

	while (*p && r->urls < URLS) {
		size_t n = strcspn(p, ", ");

		while (n && p[n - 1] == '/')
			n--;
		if (strncmp(p, "http://", 7) && strncmp(p, "https://", 8)) {
			spk_fail(err, SPK_USAGE, "table \"%s\": '%.*s' is no address of a schema registry", spec->table, (int)SPK_MIN(n, (size_t)80), p);
			return spk_hint(err, "write it as http://host:port or https://host:port");
		}
		r->url[r->urls] = strndup(p, n);
		SPK_TRY_PTR(r->url[r->urls], err);
		r->urls++;
		p += strcspn(p, ", ");
		p += strspn(p, ", /");
	}
	r->shown = without_credentials(r->url[0]);
	SPK_TRY_PTR(r->shown, err);
	return SPK_OK;
}

static spk_status add_header(struct spk_registry *r, const char *text, spk_error *err)
{
	struct curl_slist *longer = curl_slist_append(r->headers, text);

	SPK_TRY_PTR(longer, err);
	r->headers = longer;
	return SPK_OK;
}

static spk_status set_up(struct spk_registry *r, const struct spk_registry_spec *spec, spk_error *err)
{
	char bearer[4096];

	SPK_TRY(add_header(r, "Accept: application/vnd.schemaregistry.v1+json, application/json", err));
	SPK_TRY(add_header(r, "Content-Type: application/vnd.schemaregistry.v1+json", err));
	if (spec->token) {
		if ((size_t)snprintf(bearer, sizeof(bearer), "Authorization: Bearer %s", spec->token) >= sizeof(bearer))
			return spk_fail(err, SPK_USAGE, "table \"%s\": the registry's token is longer than 4 KB", spec->table);
		spk_log_redact(spec->token);
		SPK_TRY(add_header(r, bearer, err));
	}
	if (spec->user_info) {
		const char *password = strchr(spec->user_info, ':');

		if (password)
			spk_log_redact(password + 1);
		curl_easy_setopt(r->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(r->curl, CURLOPT_USERPWD, spec->user_info);
	}
	curl_easy_setopt(r->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(r->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(r->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(r->curl, CURLOPT_TIMEOUT_MS, (long)ANSWER_MS);
	curl_easy_setopt(r->curl, CURLOPT_HTTPHEADER, r->headers);
	curl_easy_setopt(r->curl, CURLOPT_ERRORBUFFER, r->trouble);
	curl_easy_setopt(r->curl, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(r->curl, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(r->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(r->curl, CURLOPT_XFERINFOFUNCTION, progress);
	return SPK_OK;
}

spk_status spk_registry_open(struct spk_registry **out, const struct spk_registry_spec *spec, spk_error *err)
{
	struct spk_registry *r = calloc(1, sizeof(*r));
	spk_status status;

	SPK_TRY_PTR(r, err);
	pthread_mutex_init(&r->lock, NULL);
	pthread_once(&curl_once, curl_begin);
	status = take_urls(r, spec, err);
	r->curl = status == SPK_OK ? curl_easy_init() : NULL;
	r->table = strdup(spec->table);
	if (status == SPK_OK && !(r->curl && r->table))
		status = spk_fail_memory(err);
	if (status == SPK_OK)
		status = set_up(r, spec, err);
	if (status != SPK_OK) {
		spk_registry_close(r);
		return status;
	}
	*out = r;
	return SPK_OK;
}

void spk_registry_close(struct spk_registry *r)
{
	if (!r)
		return;
	if (r->curl)
		curl_easy_cleanup(r->curl);
	curl_slist_free_all(r->headers);
	for (int i = 0; i < r->urls; i++)
		free(r->url[i]);
	free(r->shown);
	free(r->table);
	spk_buffer_release(&r->answer);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* --- asking --- */

/* One request to one url; *code: HTTP's. false: no answer, r->trouble says why. */
static bool ask_one(struct spk_registry *r, const char *base, const char *path, const char *body, long *code)
{
	char url[2048];
	CURLcode status;

	if ((size_t)snprintf(url, sizeof(url), "%s%s", base, path) >= sizeof(url)) {
		snprintf(r->trouble, sizeof(r->trouble), "its address is too long");
		return false;
	}
	spk_buffer_clear(&r->answer);
	*r->trouble = '\0';
	curl_easy_setopt(r->curl, CURLOPT_URL, url);
	if (body)
		curl_easy_setopt(r->curl, CURLOPT_COPYPOSTFIELDS, body);
	else
		curl_easy_setopt(r->curl, CURLOPT_HTTPGET, 1L);
	status = curl_easy_perform(r->curl);
	if (status != CURLE_OK) {
		if (!*r->trouble)
			snprintf(r->trouble, sizeof(r->trouble), "%s", curl_easy_strerror(status));
		return false;
	}
	curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, code);
	if (*code < 500 && *code != 429)
		return true;
	snprintf(r->trouble, sizeof(r->trouble), "it answers %ld", *code);
	return false;
}

/* The registry's own words on what is wrong; into out. */
static const char *complaint(struct spk_registry *r, char *out, size_t size)
{
	json_t *json = json_loadb(r->answer.data ? r->answer.data : "", r->answer.size, 0, NULL);
	const char *message = json_string_value(json_object_get(json, "message"));

	snprintf(out, size, "%s%.300s", message ? ": " : "", message ? message : "");
	json_decref(json);
	spk_log_redact_text(out);
	return out;
}

/* A request to the url that answered last, else to the others. Answers below 400 are OK. */
static spk_status ask(struct spk_registry *r, const char *doing, const char *path, const char *body, spk_error *err)
{
	char why[400];
	long code = 0;
	bool answered = false;

	for (int i = 0; i < r->urls && !answered; i++) {
		int at = (r->good + i) % r->urls;

		answered = ask_one(r, r->url[at], path, body, &code);
		if (answered)
			r->good = at;
	}
	SPK_TRY(answered ? SPK_OK : spk_check_interrupt(err));
	if (!answered) {
		spk_log_redact_text(r->trouble);
		spk_fail(err, SPK_UNAVAILABLE, "schema registry %s (table \"%s\"): %s: %.200s", r->shown, r->table, doing, r->trouble);
		return spk_hint(err, "check that it runs and that the url is right");
	}
	if (code < 400)
		return SPK_OK;
	complaint(r, why, sizeof(why));
	if (code == 401 || code == 403) {
		spk_fail(err, SPK_USAGE, "schema registry %s (table \"%s\"): %s: refused (%ld)%s", r->shown, r->table, doing, code, why);
		return spk_hint(err, "check 'basic-auth.user-info' or 'bearer-auth.token' of the format");
	}
	return spk_fail(err, code == 404 ? SPK_NOT_FOUND : SPK_USAGE, "schema registry %s (table \"%s\"): %s: answered %ld%s", r->shown, r->table, doing, code, why);
}

static spk_status odd_answer(struct spk_registry *r, const char *doing, spk_error *err)
{
	return spk_fail(err, SPK_UNAVAILABLE, "schema registry %s (table \"%s\"): %s: its answer is none of a schema registry", r->shown, r->table, doing);
}

spk_status spk_registry_ping(struct spk_registry *r, spk_error *err)
{
	spk_status status;

	pthread_mutex_lock(&r->lock);
	status = ask(r, "asking what kinds of schemas there are", "/schemas/types", NULL, err);
	pthread_mutex_unlock(&r->lock);
	return status == SPK_NOT_FOUND ? SPK_OK : status;   /* it answers, if not to this */
}

/* Schemas with those that they refer to. seen: "subject/version" of those that are there; its size bounds how many. */
struct gathering { struct spk_registry *r; const char *kind; json_t *seen; struct spk_buffer *texts; };

static spk_status gather(struct gathering *g, const char *what, int depth, spk_error *err);

static spk_status gather_reference(struct gathering *g, const json_t *reference, int depth, spk_error *err)
{
	const char *subject = json_string_value(json_object_get(reference, "subject"));
	long long version = json_integer_value(json_object_get(reference, "version"));
	char key[512], path[1024], doing[640], *escaped;

	snprintf(key, sizeof(key), "%s/%lld", subject ? subject : "", version);
	if (json_object_get(g->seen, key))
		return SPK_OK;
	if (depth >= REFERENCES_DEPTH || json_object_size(g->seen) >= REFERENCES || json_object_set_new(g->seen, key, json_true()))
		return spk_fail(err, SPK_UNSUPPORTED, "the schema refers to more than %d others, or more than %d deep", REFERENCES, REFERENCES_DEPTH);
	escaped = curl_easy_escape(g->r->curl, subject ? subject : "", 0);
	SPK_TRY_PTR(escaped, err);
	snprintf(path, sizeof(path), "/subjects/%s/versions/%lld", escaped, version);
	curl_free(escaped);
	snprintf(doing, sizeof(doing), "asking for version %lld of subject '%.400s'", version, subject ? subject : "");
	SPK_TRY(ask(g->r, doing, path, NULL, err));
	return gather(g, doing, depth + 1, err);
}

/* The schema of the registry's last answer behind those that it needs. */
static spk_status gather(struct gathering *g, const char *what, int depth, spk_error *err)
{
	json_t *json = json_loadb(g->r->answer.data ? g->r->answer.data : "", g->r->answer.size, 0, NULL);
	const char *text = json_string_value(json_object_get(json, "schema")), *type = json_string_value(json_object_get(json, "schemaType"));
	const json_t *references = json_object_get(json, "references");
	spk_status status = SPK_OK;

	if (!text)
		status = odd_answer(g->r, what, err);
	else if (type && strcmp(type, g->kind))
		status = spk_fail(err, SPK_UNSUPPORTED, "the schema is %.20s, not %s", type, g->kind);
	for (size_t i = 0; status == SPK_OK && i < json_array_size(references); i++)
		status = gather_reference(g, json_array_get(references, i), depth, err);
	if (status == SPK_OK)
		status = spk_buffer_append(g->texts, text, strlen(text) + 1, err);
	json_decref(json);
	return status;
}

spk_status spk_registry_schema(struct spk_registry *r, uint32_t id, const char *kind, struct spk_buffer *texts, spk_error *err)
{
	struct gathering g = { r, kind, json_object(), texts };
	char path[64], doing[64];
	spk_status status;

	SPK_TRY_PTR(g.seen, err);
	snprintf(path, sizeof(path), "/schemas/ids/%u", id);
	snprintf(doing, sizeof(doing), "asking for schema %u", id);
	spk_buffer_clear(texts);
	pthread_mutex_lock(&r->lock);
	status = ask(r, doing, path, NULL, err);
	if (status == SPK_OK)
		status = gather(&g, doing, 0, err);
	pthread_mutex_unlock(&r->lock);
	json_decref(g.seen);
	return status;
}

/* With the lock. */
static spk_status post_schema(struct spk_registry *r, const char *subject, const char *body, uint32_t *id, spk_error *err)
{
	char *escaped = curl_easy_escape(r->curl, subject, 0), path[1024], doing[300];
	json_t *json;
	json_int_t found;

	SPK_TRY_PTR(escaped, err);
	snprintf(path, sizeof(path), "/subjects/%s/versions", escaped);
	curl_free(escaped);
	snprintf(doing, sizeof(doing), "registering the schema of subject '%s'", subject);
	SPK_TRY(ask(r, doing, path, body, err));
	json = json_loadb(r->answer.data ? r->answer.data : "", r->answer.size, 0, NULL);
	found = json_is_integer(json_object_get(json, "id")) ? json_integer_value(json_object_get(json, "id")) : -1;
	json_decref(json);
	if (found < 0 || found > UINT32_MAX)
		return odd_answer(r, doing, err);
	*id = (uint32_t)found;
	return SPK_OK;
}

spk_status spk_registry_register(struct spk_registry *r, const char *subject, const char *kind, const char *schema, uint32_t *id, spk_error *err)
{
	json_t *json = strcmp(kind, "AVRO") ? json_pack("{s:s, s:s}", "schema", schema, "schemaType", kind) : json_pack("{s:s}", "schema", schema);
	char *body = json ? json_dumps(json, JSON_COMPACT) : NULL;
	spk_status status;

	json_decref(json);
	SPK_TRY_PTR(body, err);
	pthread_mutex_lock(&r->lock);
	status = post_schema(r, subject, body, id, err);
	pthread_mutex_unlock(&r->lock);
	free(body);
	return status;
}
