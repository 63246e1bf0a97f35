/*
 * Dead letters: rows that could not be read or computed, or came too late, kept with their bytes and the reason.
 *
 * With Kafka sinks they go to a topic, in the epoch's transaction: the value is the message as it came, byte for byte; what is known
 * of it is in headers. Else to DIR/dlq/epoch-<n>.jsonl, one object a line, visible when the epoch is committed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/file.h"
#include "connectors/format/field.h"
#include "connectors/format/simdjson_shim.h"
#include "stream/internal.h"

struct letter_context {
	struct spk_job *job;
	const struct spk_exec_output *output;
	int64_t epoch;
	struct spk_buffer *out;      /* file form */
};

typedef spk_status (*letter_writer)(const struct letter_context *c, const struct spk_dead_letter *l, spk_error *err);

static spk_status each_letter(const struct letter_context *c, letter_writer write, spk_error *err)
{
	for (int t = 0; t < c->output->count; t++)
		for (const struct spk_dead_letter *l = c->output->task[t].letters; l; l = l->next)
			SPK_TRY(write(c, l, err));
	return SPK_OK;
}

static const char *partition_name(const struct letter_context *c, const struct spk_dead_letter *l)
{
	const struct spk_source *source = c->job->in.input[l->source].source;

	return l->partition >= 0 ? source->type->partition_name(source, l->partition) : "";
}

/* --- Kafka --- */

static spk_status open_topic(struct spk_job *job, spk_error *err)
{
	static const char *const config[] = { "retention.ms", "-1", "retention.bytes", "-1", "max.message.bytes", "104857600", NULL };
	int partitions;

	if (job->out.dlq_handle >= 0)
		return SPK_OK;
	SPK_TRY(spk_kafka_create_topic(job->out.producer, job->out.dlq_topic, 1, config, err));
	job->out.dlq_limit = spk_kafka_value_limit(job->out.producer, job->out.dlq_topic);
	return spk_kafka_producer_topic(job->out.producer, job->out.dlq_topic, &job->out.dlq_handle, &partitions, err);
}

/* A letter that the topic does not take whole is cut, and says how long it was: a bad row must not stop the job. */
static spk_status write_message(const struct letter_context *c, const struct spk_dead_letter *l, spk_error *err)
{
	const char *name = partition_name(c, l), *slash = strrchr(name, '/');
	size_t size = SPK_MIN((size_t)l->raw.length, c->job->out.dlq_limit);
	char topic[300], position[24], epoch[24], watermark[24], whole[24];
	const char *headers[20] = {
		"sparklet.reason", l->reason, "sparklet.kind", l->late ? "late" : "bad", "sparklet.table", c->job->in.input[l->source].spec.table->name,
		"sparklet.topic", topic, "sparklet.partition", slash ? slash + 1 : "", "sparklet.offset", position, "sparklet.epoch", epoch,
	};
	int n = 14;

	snprintf(topic, sizeof topic, "%.*s", slash ? (int)(slash - name) : (int)strlen(name), name);
	snprintf(position, sizeof position, "%" PRId64, l->position);
	snprintf(epoch, sizeof epoch, "%" PRId64, c->epoch);
	if (l->late) {
		snprintf(watermark, sizeof watermark, "%" PRId64, l->watermark);
		headers[n++] = "sparklet.watermark";
		headers[n++] = watermark;
	}
	if (size < l->raw.length) {
		snprintf(whole, sizeof whole, "%u", l->raw.length);
		headers[n++] = "sparklet.truncated";
		headers[n++] = whole;
	}
	return spk_kafka_produce_one(c->job->out.producer, c->job->out.dlq_handle, 0, NULL, 0, spk_view_data(&l->raw), size, headers, err);
}

/* --- files --- */

static spk_status put_string(struct spk_buffer *out, const char *text, spk_error *err)
{
	return spk_buffer_append_json(out, text, strlen(text), err);
}

static spk_status put_base64(const char *s, size_t n, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_buffer_reserve(out, spk_base64_size(n) + 2, err));
	out->data[out->size++] = '"';
	spk_base64_encode(s, n, out->data + out->size);
	out->size += spk_base64_size(n);
	out->data[out->size++] = '"';
	return SPK_OK;
}

static spk_status write_line(const struct letter_context *c, const struct spk_dead_letter *l, spk_error *err)
{
	const char *raw = spk_view_data(&l->raw), *name = partition_name(c, l);

	SPK_TRY(spk_buffer_printf(c->out, err, "{\"epoch\":%" PRId64 ",\"source\":", c->epoch));
	SPK_TRY(put_string(c->out, c->job->in.input[l->source].spec.table->name, err));
	SPK_TRY(spk_buffer_append_str(c->out, ",\"partition\":", err));
	SPK_TRY(put_string(c->out, name, err));
	SPK_TRY(spk_buffer_printf(c->out, err, ",\"position\":%" PRId64 ",\"late\":%s,\"reason\":", l->position, l->late ? "true" : "false"));
	SPK_TRY(put_string(c->out, l->reason, err));
	if (l->late)
		SPK_TRY(spk_buffer_printf(c->out, err, ",\"watermark\":%" PRId64, l->watermark));
	if (spk_simdjson_is_text(raw, l->raw.length)) {
		SPK_TRY(spk_buffer_append_str(c->out, ",\"raw\":", err));
		SPK_TRY(spk_buffer_append_json(c->out, raw, l->raw.length, err));
	} else {
		SPK_TRY(spk_buffer_append_str(c->out, ",\"raw_base64\":", err));
		SPK_TRY(put_base64(raw, l->raw.length, c->out, err));
	}
	return spk_buffer_append_str(c->out, "}\n", err);
}

static spk_status write_file(struct letter_context *c, spk_error *err)
{
	struct spk_buffer text = { 0 };
	char path[4096];
	spk_status status;

	c->out = &text;
	snprintf(path, sizeof path, "%s/dlq", c->job->spec.dir);
	status = spk_dir_create(path, err);
	if (status == SPK_OK)
		status = each_letter(c, write_line, err);
	snprintf(path, sizeof path, "%s/dlq/.epoch-%012" PRId64 ".jsonl", c->job->spec.dir, c->epoch);
	if (status == SPK_OK)
		status = spk_file_write_atomic(path, text.data, text.size, err);
	spk_buffer_release(&text);
	return status;
}

spk_status spk_dead_letters_commit(struct spk_job *job, int64_t epoch, spk_error *err)
{
	char hidden[4096], shown[4096];

	if (job->out.producer)
		return SPK_OK;
	snprintf(hidden, sizeof hidden, "%s/dlq/.epoch-%012" PRId64 ".jsonl", job->spec.dir, epoch);
	snprintf(shown, sizeof shown, "%s/dlq/epoch-%012" PRId64 ".jsonl", job->spec.dir, epoch);
	if (rename(hidden, shown) != 0 && errno != ENOENT)
		return spk_fail_errno(err, errno, "cannot rename %s", hidden);
	return SPK_OK;
}

static spk_status settle_file(struct spk_job *job, const char *name, int64_t committed, spk_error *err)
{
	size_t n = strlen(name);
	char path[4096];
	int64_t epoch;

	if (sscanf(name + (name[0] == '.'), "epoch-%12" SCNd64, &epoch) != 1)
		return SPK_OK;
	/* A temporary file that a crash left is of no epoch. */
	if (epoch <= committed && strcmp(name + n - 4, ".tmp") != 0)
		return name[0] == '.' ? spk_dead_letters_commit(job, epoch, err) : SPK_OK;
	snprintf(path, sizeof path, "%s/dlq/%s", job->spec.dir, name);
	return unlink(path) == 0 || errno == ENOENT ? SPK_OK : spk_fail_errno(err, errno, "cannot remove %s", path);
}

spk_status spk_dead_letters_recover(struct spk_job *job, int64_t committed, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	const char *path = arena ? spk_arena_printf(arena, "%s/dlq", job->spec.dir) : NULL;
	struct spk_dir_entries names = { 0 };
	spk_status status = path ? SPK_OK : spk_fail_memory(err);

	if (status == SPK_OK && !job->out.producer && access(path, F_OK) == 0) {
		status = spk_dir_list(path, arena, &names, err);
		for (int i = 0; i < names.count && status == SPK_OK; i++)
			status = settle_file(job, names.name[i], committed, err);
		if (status == SPK_OK)
			status = spk_dir_sync(path, err);
	}
	spk_arena_unref(arena);
	return status;
}

/* --- both --- */

/* The first letter is the error when bad rows are to stop the job. */
static spk_status fail_letter(const struct letter_context *c, const struct spk_dead_letter *l, spk_error *err)
{
	if (l->late)
		return SPK_OK;
	spk_fail(err, SPK_DATA, "%s, position %" PRId64 ": %s", partition_name(c, l), l->position, l->reason);
	return spk_hint(err, "Mend the row's source, or let bad rows go to the dead-letter topic: -s bad.rows=dlq");
}

enum { DLQ, SKIP, FAIL };

spk_status spk_dead_letters_check(struct spk_job *job, const struct spk_exec_output *output, int64_t epoch, spk_error *err)
{
	struct letter_context c = { .job = job, .output = output, .epoch = epoch };

	return spk_conf_int(job->spec.conf, SPK_CONF_BAD_ROWS) == FAIL ? each_letter(&c, fail_letter, err) : SPK_OK;
}

spk_status spk_dead_letters_write(struct spk_job *job, const struct spk_exec_output *output, int64_t epoch, spk_error *err)
{
	struct letter_context c = { .job = job, .output = output, .epoch = epoch };
	int64_t count = 0;

	for (int t = 0; t < output->count; t++)
		count += output->task[t].late + output->task[t].bad;
	if (count == 0 || spk_conf_int(job->spec.conf, SPK_CONF_BAD_ROWS) == SKIP)
		return SPK_OK;
	if (!job->out.producer)
		return write_file(&c, err);
	SPK_TRY(open_topic(job, err));
	return each_letter(&c, write_message, err);
}
