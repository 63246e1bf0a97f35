/* `sparklet epochs`: the records of a job's epochs, as text. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "core/base/check.h"

/* The newest `capacity` records, still encoded. */
struct ring {
	struct spk_buffer *record;
	int64_t capacity, count;   /* count: ever added */
};

enum { RING_MAX = 1000000 };

static spk_status print_record(const void *data, size_t size, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_epoch_record *record;
	struct spk_buffer text = { 0 };
	spk_status status = arena ? spk_epoch_decode(data, size, arena, &record, err) : spk_fail_memory(err);

	if (status == SPK_OK)
		status = spk_epoch_format(record, &text, err);
	if (status == SPK_OK)
		status = spk_cli_write(text.data, text.size, err);
	spk_buffer_release(&text);
	spk_arena_unref(arena);
	return status;
}

static spk_status take(void *user, const void *data, size_t size, spk_error *err)
{
	struct ring *r = user;
	struct spk_buffer *slot;

	if (r->capacity == 0) {
		r->count++;
		return print_record(data, size, err);
	}
	slot = &r->record[r->count++ % r->capacity];
	spk_buffer_clear(slot);
	return spk_buffer_append(slot, data, size, err);
}

static spk_status print_ring(struct ring *r, spk_error *err)
{
	for (int64_t i = SPK_MAX(r->count - r->capacity, 0); i < r->count && r->capacity; i++) {
		const struct spk_buffer *slot = &r->record[i % r->capacity];

		SPK_TRY(print_record(slot->data, slot->size, err));
	}
	return r->count ? SPK_OK : spk_cli_print(err, "no epochs yet\n");
}

static spk_status print_epochs(struct spk_session *session, const struct spk_cli_job *job, int64_t last, spk_error *err)
{
	struct ring r = { .capacity = SPK_MIN(last, RING_MAX) };
	struct spk_job_files files = { 0 };
	spk_status status;

	r.record = calloc((size_t)r.capacity + 1, sizeof *r.record);
	SPK_TRY_PTR(r.record, err);
	status = spk_session_open_job(session, job->name, job->dir, &files, err);
	if (status == SPK_OK)
		status = files.log->type->read(files.log, take, &r, err);
	if (status == SPK_OK)
		status = print_ring(&r, err);
	spk_session_close_job(&files);
	for (int64_t i = 0; i < r.capacity; i++)
		spk_buffer_release(&r.record[i]);
	free(r.record);
	return status;
}

static int run(const struct spk_cli_arguments *a)
{
	struct spk_session *session = NULL;
	struct spk_cli_job job = { 0 };
	spk_error err = { 0 };
	int64_t last = 0;
	int code = SPK_CLI_DONE;
	spk_status status = spk_cli_number(a, SPK_CLI_LAST, &last, &err);

	if (status == SPK_OK)
		status = spk_cli_job_named(a, a->word[0], &job, &err);
	if (status == SPK_OK)
		status = spk_cli_session_open(a, &session, &err);
	if (status == SPK_OK)
		status = print_epochs(session, &job, last, &err);
	if (status != SPK_OK)
		code = spk_cli_fail(NULL, &err);
	spk_session_free(session);
	spk_cli_job_release(&job);
	return code;
}

const struct spk_cli_command spk_cli_epochs = {
	.name = "epochs", .synopsis = "JOB [--last N] [--dir DIR]", .summary = "what a job read and wrote, epoch by epoch", .min_words = 1, .max_words = 1, .run = run,
	.options = SPK_CLI_TAKES(LAST) | SPK_CLI_TAKES(DIR) | SPK_CLI_TAKES(SET) | SPK_CLI_TAKES(CONFIG),
	.text =
		"Prints the records of the job's epochs, oldest first: offsets, rows and hashes by partition, watermarks, rows and hashes by\n"
		"sink, late and bad rows, and the newest checkpoint. They go back to the oldest checkpoint that is kept.\n"
		"\n"
		"  sparklet epochs delays --last 3\n",
};
