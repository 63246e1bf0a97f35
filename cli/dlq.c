/*
 * `sparklet dlq`: the rows that could not be read or computed, or came too late.
 *
 * Jobs with Kafka sinks keep them in a topic (the message's bytes, the rest in headers), others in DIR/dlq/epoch-N.jsonl. Both come
 * to one form here: struct letter.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "connectors/format/field.h"
#include "connectors/kafka/producer.h"
#include "core/base/check.h"
#include "core/base/file.h"

enum action { LIST, SHOW, REDRIVE, ACTIONS };
static const char *const actions[] = { "list", "show", "redrive" };

enum { LIST_DEFAULT = 20, REASON_SHOWN = 100 };

/* What is known of a row; texts are NULL where it is not known. Valid while it is being looked at. */
struct letter {
	int64_t epoch, position;       /* 0, -1 unknown */
	const char *source, *partition, *reason;
	bool late;
	const char *raw;
	size_t raw_size;
};

struct reader;
typedef spk_status (*letter_fn)(struct reader *r, const struct letter *l, spk_error *err);

struct reader {
	enum action action;
	int64_t epoch;                 /* only this one; 0: all */
	int64_t last;                  /* only the newest; 0: all */
	int64_t total, late, seen;     /* total, late: of the first pass; seen: of the second */
	letter_fn each;
	struct spk_cli_table *table;
	const char *job, *dir;
	struct spk_kafka_producer *producer;  /* NULL: files */
	const char *topic;
};

/* --- what is done with a letter --- */

static spk_status count(struct reader *r, const struct letter *l, spk_error *err)
{
	(void)err;
	r->total++;
	r->late += l->late;
	return SPK_OK;
}

static spk_status put_cell(struct spk_cli_table *t, const char *text, spk_error *err)
{
	return spk_cli_table_cell(t, text ? text : "?", text ? strlen(text) : 1, err);
}

static spk_status put_row(struct reader *r, const struct letter *l, spk_error *err)
{
	const char *reason = l->reason ? l->reason : "?";
	int n = (int)strnlen(reason, REASON_SHOWN + 1);

	while (n > REASON_SHOWN || (n && n == REASON_SHOWN && ((unsigned char)reason[n] & 0xc0) == 0x80))
		n--;
	SPK_TRY(spk_cli_table_printf(r->table, err, "%" PRId64, l->epoch));
	SPK_TRY(put_cell(r->table, l->source, err));
	SPK_TRY(put_cell(r->table, l->partition, err));
	SPK_TRY(spk_cli_table_printf(r->table, err, "%" PRId64, l->position));
	SPK_TRY(put_cell(r->table, l->late ? "late" : "bad", err));
	return spk_cli_table_printf(r->table, err, "%.*s%s", n, reason, reason[n] ? "..." : "");
}

/* Bytes that are no text are shown as base64, under another name, as in the files. */
static json_t *raw_value(const struct letter *l, const char **name)
{
	char *text;
	json_t *value;

	*name = "raw";
	value = json_stringn(l->raw, l->raw_size);
	if (value)
		return value;
	*name = "raw_base64";
	text = malloc(spk_base64_size(l->raw_size) + 1);
	if (!text)
		return NULL;
	spk_base64_encode(l->raw, l->raw_size, text);
	value = json_stringn(text, spk_base64_size(l->raw_size));
	free(text);
	return value;
}

static spk_status put_object(struct reader *r, const struct letter *l, spk_error *err)
{
	const char *raw_name;
	json_t *raw = raw_value(l, &raw_name);
	json_t *object = json_pack("{sI ss* ss* sI sb ss* so*}", "epoch", (json_int_t)l->epoch, "source", l->source, "partition", l->partition, "position",
				   (json_int_t)l->position, "late", l->late, "reason", l->reason, raw_name, raw);
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	spk_status status = text ? spk_cli_write(text, strlen(text), err) : spk_fail_memory(err);

	(void)r;
	if (status == SPK_OK)
		status = spk_cli_write("\n", 1, err);
	free(text);
	json_decref(object);
	return status;
}

static spk_status put(struct reader *r, const struct letter *l, spk_error *err)
{
	if (r->last && ++r->seen + r->last <= r->total)
		return SPK_OK;
	return r->action == LIST ? put_row(r, l, err) : put_object(r, l, err);
}

static spk_status take(struct reader *r, const struct letter *l, spk_error *err)
{
	return r->epoch && l->epoch != r->epoch ? SPK_OK : r->each(r, l, err);
}

/* --- files --- */

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static spk_status take_line(struct reader *r, const char *path, int number, const char *line, size_t size, spk_error *err)
{
	json_error_t why;
	json_t *object = json_loadb(line, size, JSON_ALLOW_NUL, &why);
	const json_t *raw = json_object_get(object, "raw"), *base64 = json_object_get(object, "raw_base64");
	char *bytes = NULL;
	struct letter l = { .epoch = json_integer_value(json_object_get(object, "epoch")), .source = text_of(object, "source"), .partition = text_of(object, "partition"),
		.position = json_integer_value(json_object_get(object, "position")), .reason = text_of(object, "reason"), .late = json_is_true(json_object_get(object, "late")), .raw = "" };
	spk_status status;

	if (!object)
		return spk_fail(err, SPK_CORRUPT, "%s:%d: %s", path, number, why.text);
	if (raw) {
		l.raw = json_string_value(raw);
		l.raw_size = json_string_length(raw);
	} else if (base64 && (bytes = malloc(json_string_length(base64) / 4 * 3 + 4)) && spk_base64_decode(json_string_value(base64), json_string_length(base64), bytes, &l.raw_size)) {
		l.raw = bytes;
	}
	status = l.raw ? take(r, &l, err) : spk_fail(err, SPK_CORRUPT, "%s:%d: no dead letter", path, number);
	free(bytes);
	json_decref(object);
	return status;
}

static spk_status read_one(struct reader *r, const char *path, struct spk_buffer *text, spk_error *err)
{
	const char *at, *end;

	spk_buffer_clear(text);
	SPK_TRY(spk_file_read_all(path, text, err));
	at = text->data;
	end = at + text->size;
	for (int number = 1; at < end; number++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;

		if (stop > at)
			SPK_TRY(take_line(r, path, number, at, (size_t)(stop - at), err));
		at = stop + 1;
	}
	return SPK_OK;
}

/* Names carry the epoch with leading zeros, so their order is that of the epochs. Hidden ones are of epochs not committed. */
static spk_status read_files(struct reader *r, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_dir_entries entries = { 0 };
	struct spk_buffer text = { 0 };
	const char *dir = arena ? spk_arena_printf(arena, "%s/dlq", r->dir) : NULL;
	spk_status status = dir ? spk_dir_list(dir, arena, &entries, err) : spk_fail_memory(err);

	if (status == SPK_NOT_FOUND)
		status = SPK_OK;
	for (int i = 0; i < entries.count && status == SPK_OK; i++) {
		const char *name = entries.name[i], *path;

		if (name[0] == '.' || !strstr(name, ".jsonl"))
			continue;
		path = spk_arena_printf(arena, "%s/%s", dir, name);
		status = path ? read_one(r, path, &text, err) : spk_fail_memory(err);
	}
	spk_buffer_release(&text);
	spk_arena_unref(arena);
	return status;
}

/* --- Kafka --- */

static spk_status take_record(void *user, const struct spk_kafka_record *record, spk_error *err)
{
	const char *epoch = spk_kafka_record_header(record, "sparklet.epoch"), *kind = spk_kafka_record_header(record, "sparklet.kind");
	const char *topic = spk_kafka_record_header(record, "sparklet.topic"), *number = spk_kafka_record_header(record, "sparklet.partition");
	const char *offset = spk_kafka_record_header(record, "sparklet.offset");
	char partition[400];
	struct letter l = { .epoch = epoch ? strtoll(epoch, NULL, 10) : 0, .source = spk_kafka_record_header(record, "sparklet.table"),
		.position = offset ? strtoll(offset, NULL, 10) : -1, .reason = spk_kafka_record_header(record, "sparklet.reason"), .late = kind && strcmp(kind, "late") == 0,
		.raw = record->value ? record->value : "", .raw_size = record->value ? record->size : 0 };

	if (topic && number) {
		snprintf(partition, sizeof partition, "%s/%s", topic, number);
		l.partition = partition;
	}
	return take(user, &l, err);
}

static spk_status read_topic(struct reader *r, spk_error *err)
{
	return spk_kafka_read_records(r->producer, r->topic, -2, take_record, r, err);
}

/* A job makes its dead-letter topic with the first row that needs it. */
static bool topic_exists(const struct reader *r)
{
	int handle, partitions;

	return spk_kafka_producer_topic(r->producer, r->topic, &handle, &partitions, NULL) == SPK_OK;
}

/* --- the command --- */

static spk_status pass(struct reader *r, letter_fn each, spk_error *err)
{
	r->each = each;
	return r->producer ? read_topic(r, err) : read_files(r, err);
}

static spk_status print_summary(const struct reader *r, spk_error *err)
{
	int64_t bad = r->total - r->late;

	SPK_TRY(spk_cli_print(err, "%" PRId64 " dead letter%s: %" PRId64 " late, %" PRId64 " bad", r->total, r->total == 1 ? "" : "s", r->late, bad));
	if (r->last && r->total > r->last)
		SPK_TRY(spk_cli_print(err, "; the newest %" PRId64 " are shown, --last 0 shows all", r->last));
	return spk_cli_print(err, "\n");
}

static spk_status act(struct reader *r, spk_error *err)
{
	static const struct spk_cli_column column[] = { { "epoch", true }, { "source", false }, { "partition", false }, { "position", true }, { "kind", false }, { "reason", false } };
	spk_status status;

	if (r->producer && !topic_exists(r))
		return r->action == LIST ? spk_cli_print(err, "no dead letters: there is no topic %s\n", r->topic) : SPK_OK;
	SPK_TRY(pass(r, count, err));
	if (r->action == SHOW)
		return pass(r, put, err);
	if (r->total == 0)
		return spk_cli_print(err, "no dead letters\n");
	SPK_TRY(spk_cli_table_new(&r->table, column, (int)SPK_COUNT_OF(column), err));
	status = pass(r, put, err);
	if (status == SPK_OK)
		status = spk_cli_table_end(r->table, false, err);
	if (status == SPK_OK)
		status = print_summary(r, err);
	spk_cli_table_free(r->table);
	return status;
}

static spk_status open_and_act(struct spk_session *session, const struct spk_cli_job *job, struct reader *r, spk_error *err)
{
	struct spk_job_files files = { 0 };
	const char *configured;
	struct spk_buffer topic = { 0 };
	spk_status status;

	SPK_TRY(spk_session_open_job(session, job->name, job->dir, &files, err));
	configured = spk_conf_text(spk_session_conf(session), SPK_CONF_DLQ_TOPIC);  /* job.sql may have set it */
	r->job = job->name;
	r->dir = job->dir;
	r->producer = files.producer;
	status = *configured ? spk_buffer_append_str(&topic, configured, err) : spk_buffer_printf(&topic, err, "%s.dlq", job->name);
	r->topic = spk_buffer_cstr(&topic);
	if (status == SPK_OK)
		status = r->topic ? act(r, err) : spk_fail_memory(err);
	spk_buffer_release(&topic);
	spk_session_close_job(&files);
	return status;
}

static int run(const struct spk_cli_arguments *a)
{
	struct spk_session *session = NULL;
	struct spk_cli_job job = { 0 };
	struct reader r = { 0 };
	const char *name;
	spk_error err = { 0 };
	int action, code = SPK_CLI_DONE;
	spk_status status = spk_cli_job_action(a, actions, ACTIONS, &action, &name, &err);

	if (status == SPK_OK && action == REDRIVE) {
		status = spk_fail(&err, SPK_UNSUPPORTED, "dlq redrive is not built yet");
		spk_hint(&err, "sparklet dlq %s show prints the rows as they came", name);
	}
	if (status == SPK_OK) {
		r.action = (enum action)action;
		r.last = action == LIST ? LIST_DEFAULT : 0;
		status = spk_cli_number(a, SPK_CLI_LAST, &r.last, &err);
	}
	if (status == SPK_OK)
		status = spk_cli_number(a, SPK_CLI_EPOCH, &r.epoch, &err);
	if (status == SPK_OK)
		status = spk_cli_job_named(a, name, &job, &err);
	if (status == SPK_OK)
		status = spk_cli_session_open(a, &session, &err);
	if (status == SPK_OK)
		status = open_and_act(session, &job, &r, &err);
	if (status != SPK_OK)
		code = spk_cli_fail(NULL, &err);
	spk_session_free(session);
	spk_cli_job_release(&job);
	return code;
}

const struct spk_cli_command spk_cli_dlq = {
	.name = "dlq", .synopsis = "JOB list|show|redrive [--last N] [--epoch N] [--dir DIR]", .summary = "the rows that a job could not process", .min_words = 2, .max_words = 2,
	.run = run, .options = SPK_CLI_TAKES(LAST) | SPK_CLI_TAKES(EPOCH) | SPK_CLI_TAKES(DIR) | SPK_CLI_TAKES(SET) | SPK_CLI_TAKES(CONFIG),
	.text =
		"Rows that could not be read or computed (bad), or came after the watermark had passed (late), from the job's dead-letter topic,\n"
		"or from DIR/dlq for a job without Kafka. list: where each came from and why it is there, the newest 20 unless --last says\n"
		"otherwise. show: JSON objects with the row itself in \"raw\" (\"raw_base64\" when it is no text). redrive is not built yet.\n"
		"`dlq list JOB` is understood, too.\n"
		"\n"
		"  sparklet dlq delays list\n"
		"  sparklet dlq delays show --last 3 | jq .\n"
		"  sparklet dlq delays show | jq -r 'select(.late | not).raw'\n",
};
