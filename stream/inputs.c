/*
 * Inputs: opens the sources, moves rows into pending chunks, knows which partitions still count for the watermark.
 *
 * Positions, idleness and ends are decided here and written into the epoch's record; a replay takes them from there.
 */
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "stream/internal.h"

enum { FETCH_WAIT_US = 200000, REPLAY_TIMEOUT_US = 60 * 1000000 };

/* --- open and close --- */

static spk_status open_source(struct spk_job *job, int index, spk_error *err)
{
	const struct spk_plan_source *s = &job->spec.plan->source[index];
	const struct spk_source_type *type = spk_source_type(s->table->connector);
	struct spk_input *in = &job->in.input[index];
	const char *ignored;

	if (!type)
		return spk_fail(err, SPK_PLAN, "table \"%s\": connector '%s' cannot be read from", s->table->name, s->table->connector);
	if (!type->replayable && job->out.exactly_once) {
		spk_fail(err, SPK_PLAN, "table \"%s\": connector '%s' cannot be read again, so exactly-once is not possible", s->table->name, type->name);
		return spk_hint(err, "Run it with -s delivery=at-least-once.");
	}
	in->spec = (struct spk_source_spec){ .table = s->table, .column = s->column, .columns = s->columns, .schema = s->schema, .index = index,
		.job = job->spec.name, .conf = job->spec.conf };
	SPK_TRY(type->open(&in->source, &in->spec, err));
	in->partitions = in->source->partitions;
	in->watermark = SPK_WATERMARK_NONE;
	SPK_TRY(spk_alignment_of(s->table, &in->alignment, &ignored, err));
	if (in->alignment.idle_timeout_us < 0)
		in->alignment.idle_timeout_us = job->in.idle_timeout_us;
	in->partition = calloc((size_t)in->partitions + 1, sizeof *in->partition);
	SPK_TRY_PTR(in->partition, err);
	for (int i = 0; i < in->partitions; i++)
		in->partition[i] = (struct spk_input_partition){ .position = SPK_POSITION_START, .bound = INT64_MAX, .watermark = SPK_WATERMARK_NONE };
	return SPK_OK;
}

static spk_status watch_source(struct spk_job *job, struct spk_input *in, spk_error *err)
{
	int fd = in->source->type->wake_fd ? in->source->type->wake_fd(in->source) : -1;

	if (fd < 0)
		return SPK_OK;
	in->wake = event_new(job->base, fd, EV_READ | EV_PERSIST, spk_job_woken, job);
	SPK_TRY_PTR(in->wake, err);
	event_add(in->wake, NULL);
	return SPK_OK;
}

spk_status spk_inputs_open(struct spk_job *job, spk_error *err)
{
	job->in.count = job->spec.plan->sources;
	job->in.input = calloc((size_t)job->in.count + 1, sizeof *job->in.input);
	SPK_TRY_PTR(job->in.input, err);
	job->in.max_rows = spk_conf_epoch_rows(job->spec.conf);
	job->in.max_bytes = spk_conf_epoch_bytes(job->spec.conf);
	job->in.idle_timeout_us = spk_conf_int(job->spec.conf, SPK_CONF_IDLE_TIMEOUT);
	for (int i = 0; i < job->in.count; i++) {
		SPK_TRY(open_source(job, i, err));
		SPK_TRY(watch_source(job, &job->in.input[i], err));
	}
	spk_inputs_group(job);
	return SPK_OK;
}

static void drop_chunks(struct spk_input_partition *p)
{
	for (int i = 0; i < p->chunks; i++)
		spk_chunk_release(&p->chunk[i]);
	p->chunks = 0;
}

void spk_inputs_drop_pending(struct spk_job *job)
{
	for (int i = 0; i < job->in.count; i++)
		for (int p = 0; p < job->in.input[i].partitions; p++)
			drop_chunks(&job->in.input[i].partition[p]);
	job->in.pending_rows = job->in.pending_bytes = 0;
}

void spk_inputs_close(struct spk_job *job)
{
	spk_inputs_drop_pending(job);
	for (int i = 0; i < job->in.count; i++) {
		struct spk_input *in = &job->in.input[i];

		for (int p = 0; p < in->partitions; p++)
			free(in->partition[p].chunk);
		free(in->partition);
		if (in->wake)
			event_free(in->wake);
		if (in->source)
			in->source->type->close(in->source);
	}
	free(job->in.input);
	job->in = (struct spk_inputs){ 0 };
}

/* --- positions --- */

static const struct spk_epoch_partition *recorded_partition(const struct spk_epoch_record *r, const char *table, const char *name)
{
	return r ? spk_epoch_find_partition(r, table, name) : NULL;
}

/* A partition that the record does not know came after it: all of it is new, whatever 'scan.startup.mode' says of a table's first rows. */
static int64_t start_of(const struct spk_epoch_record *r, const struct spk_input *in, int partition)
{
	const struct spk_epoch_partition *was = recorded_partition(r, in->spec.table->name, in->source->type->partition_name(in->source, partition));

	if (was)
		return was->end;
	for (int s = 0; r && s < r->sources; s++)
		if (strcmp(r->source[s].table, in->spec.table->name) == 0 && r->source[s].partitions > 0)
			return SPK_POSITION_EARLIEST;
	return SPK_POSITION_START;
}

static void restore_watermark(struct spk_input *in, const struct spk_epoch_record *r)
{
	for (int s = 0; r && s < r->sources; s++)
		if (strcmp(r->source[s].table, in->spec.table->name) == 0)
			in->watermark = r->source[s].watermark;
}

/* A --once run reads what there is now, also of a source that ended before: only what is new of it. */
static spk_status seek_source(struct spk_job *job, struct spk_input *in, const struct spk_epoch_record *record, spk_error *err)
{
	int64_t *at = calloc((size_t)in->partitions + 1, 3 * sizeof *at), *resolved = at + in->partitions, *end = resolved + in->partitions;
	const struct spk_source_type *type = in->source->type;
	int64_t now = spk_clock_monotonic_us();
	spk_status status;

	SPK_TRY_PTR(at, err);
	for (int i = 0; i < in->partitions; i++)
		at[i] = start_of(record, in, i);
	status = type->seek(in->source, at, resolved, err);
	if (status == SPK_OK)
		status = type->ends(in->source, true, end, err);
	for (int i = 0; i < in->partitions && status == SPK_OK; i++) {
		const struct spk_epoch_partition *was = recorded_partition(record, in->spec.table->name, type->partition_name(in->source, i));
		struct spk_input_partition *p = &in->partition[i];

		*p = (struct spk_input_partition){ .position = resolved[i], .bound = was && was->bound != INT64_MAX && !job->spec.once ? was->bound : end[i], .bounded = end[i] != INT64_MAX,
			.watermark = was ? was->watermark : SPK_WATERMARK_NONE, .pace_rows = was ? was->pace_rows : 0, .pace_us = was ? was->pace_us : 0,
			.idle = was && was->idle, .finished = was && was->finished,
			.had_rows = was && was->watermark != SPK_WATERMARK_NONE, .last_rows_us = now, .chunk = p->chunk, .chunk_capacity = p->chunk_capacity };
	}
	restore_watermark(in, record);
	if (status == SPK_OK && job->spec.once)
		status = type->ends(in->source, false, end, err);
	for (int i = 0; i < in->partitions && status == SPK_OK && job->spec.once; i++)
		if (!in->partition[i].bounded)
			in->partition[i].bound = end[i];
	free(at);
	return status;
}

spk_status spk_inputs_seek(struct spk_job *job, const struct spk_epoch_record *record, spk_error *err)
{
	spk_inputs_drop_pending(job);
	for (int i = 0; i < job->in.count; i++) {
		spk_status status = seek_source(job, &job->in.input[i], record, err);

		if (status != SPK_OK) {
			spk_error_context(err, "table \"%s\"", job->in.input[i].spec.table->name);
			return status;
		}
	}
	return SPK_OK;
}

/* Whether what was read up to the record's end is there still. */
static spk_status check_reach(struct spk_input *in, const struct spk_epoch_record *record, int64_t *end, spk_error *err)
{
	spk_status status = in->source->type->ends(in->source, false, end, err);

	if (status == SPK_USAGE)
		return SPK_OK;   /* a generator without an end has all there ever was */
	SPK_TRY(status);
	for (int i = 0; i < in->partitions; i++) {
		const char *name = in->source->type->partition_name(in->source, i);
		const struct spk_epoch_partition *was = recorded_partition(record, in->spec.table->name, name);

		if (!was || was->end <= end[i] || was->finished)
			continue;
		spk_fail(err, SPK_DIVERGED, "table \"%s\": %s was read up to %lld in epoch %lld, but ends at %lld now", in->spec.table->name, name, (long long)was->end,
			 (long long)record->epoch, (long long)end[i]);
		return spk_hint(err, "The topic was deleted and made anew, or lost its end (a file: it was cut). What is there now are other rows: read them by a job of another name (--job).");
	}
	return SPK_OK;
}

spk_status spk_inputs_check_reach(struct spk_job *job, const struct spk_epoch_record *record, spk_error *err)
{
	spk_status status = SPK_OK;

	for (int i = 0; i < job->in.count && status == SPK_OK; i++) {
		int64_t *end = calloc((size_t)job->in.input[i].partitions + 1, sizeof *end);

		status = end ? check_reach(&job->in.input[i], record, end, err) : spk_fail_memory(err);
		free(end);
	}
	return status;
}

/* New partitions are read from the next attempt on. Not of an input that has an end: that was decided when it was first read. */
bool spk_inputs_grown(const struct spk_job *job)
{
	for (int i = 0; i < job->in.count && !job->spec.once; i++) {
		const struct spk_input *in = &job->in.input[i];

		if (in->source->type->grown && in->partitions && !in->partition[0].bounded && in->source->type->grown(in->source))
			return true;
	}
	return false;
}

/* --- reading --- */

/* Markers of transactions take positions without rows: those are added to the chunk before, lest a topic of nothing else fills the memory. */
static bool joins(const struct spk_input_partition *p, const struct spk_chunk *chunk)
{
	return chunk->rows == 0 && p->chunks > 0 && p->chunk[p->chunks - 1].end == chunk->start;
}

static spk_status keep_chunk(struct spk_job *job, struct spk_input_partition *p, struct spk_chunk *chunk, spk_error *err)
{
	if (joins(p, chunk)) {
		p->position = p->chunk[p->chunks - 1].end = chunk->end;
		spk_chunk_release(chunk);
		return SPK_OK;
	}
	if (p->chunks == p->chunk_capacity) {
		int capacity = p->chunk_capacity ? 2 * p->chunk_capacity : 8;
		struct spk_chunk *grown = realloc(p->chunk, sizeof *grown * (size_t)capacity);

		if (!grown) {
			spk_chunk_release(chunk);
			return spk_fail_memory(err);
		}
		p->chunk = grown;
		p->chunk_capacity = capacity;
	}
	p->chunk[p->chunks++] = *chunk;
	p->position = chunk->end;
	job->in.pending_rows += chunk->rows;
	job->in.pending_bytes += (int64_t)chunk->bytes;
	if (chunk->rows) {
		p->last_rows_us = spk_clock_monotonic_us();
		p->had_rows = true;
		p->idle = false;
	}
	return SPK_OK;
}

/* One fetch of at most `rows` rows below `end`; *got: something came. */
static spk_status fetch_once(struct spk_job *job, struct spk_input *in, int index, int64_t end, int64_t rows, int64_t bytes, int64_t wait_us, bool *got, spk_error *err)
{
	struct spk_input_partition *p = &in->partition[index];
	struct spk_chunk chunk = { 0 };
	spk_status status = in->source->type->fetch(in->source, index, end, (int)rows, (size_t)bytes, wait_us, &chunk, err);

	*got = false;
	if (status != SPK_OK) {
		spk_chunk_release(&chunk);
		return status;
	}
	if (chunk.finished && p->bounded)
		p->bound = SPK_MIN(p->bound, chunk.end);
	*got = chunk.rows > 0 || chunk.end > chunk.start;
	p->read = chunk.finished;
	if (*got)
		return keep_chunk(job, p, &chunk, err);
	spk_chunk_release(&chunk);
	return SPK_OK;
}

bool spk_inputs_full(const struct spk_job *job)
{
	return job->in.pending_rows >= job->in.max_rows || job->in.pending_bytes >= job->in.max_bytes;
}

/* While a source cannot be reached nothing is known of its partitions: the time does not count as idleness. */
static void note_trouble(struct spk_job *job, struct spk_input *in)
{
	const char *trouble = in->source->type->trouble ? in->source->type->trouble(in->source) : NULL;
	int64_t now = spk_clock_monotonic_us();

	if (!trouble)
		return;
	job->in.trouble = trouble;
	for (int i = 0; i < in->partitions; i++)
		in->partition[i].last_rows_us = now;
}

/* Reads up to `rows` rows of a partition, if it is to be read, and about as many bytes as one of `partitions` may. */
static spk_status fetch_some(struct spk_job *job, struct spk_input *in, int index, int64_t rows, int64_t partitions, bool *got, spk_error *err)
{
	struct spk_input_partition *p = &in->partition[index];

	*got = false;
	if (p->waits || p->position >= p->bound || rows <= 0 || spk_inputs_full(job))
		return SPK_OK;
	p->asked = true;
	return fetch_once(job, in, index, p->bound, SPK_MIN(rows, job->in.max_rows - job->in.pending_rows), SPK_MAX((job->in.max_bytes - job->in.pending_bytes) / partitions, 1), 0, got, err);
}

/* Every partition gets its share, so that a busy one cannot starve the others, whatever the size of its rows. */
static spk_status fetch_shares(struct spk_job *job, int partitions, spk_error *err)
{
	spk_inputs_share(job);
	for (int i = 0; i < job->in.count; i++) {
		struct spk_input *in = &job->in.input[i];

		in->held = false;
		for (int p = 0; p < in->partitions; p++) {
			const int64_t before = job->in.pending_rows;
			bool got;

			in->held = in->held || in->partition[p].waits;
			in->partition[p].asked = false;
			SPK_TRY(fetch_some(job, in, p, in->partition[p].share, partitions--, &got, err));
			in->partition[p].short_of_share = job->in.pending_rows - before < in->partition[p].share;
		}
		note_trouble(job, in);
	}
	return SPK_OK;
}

/* What is left goes to whoever has more. */
static spk_status fetch_more(struct spk_job *job, int partitions, bool *any, spk_error *err)
{
	const int64_t share = SPK_MAX((job->in.max_rows - job->in.pending_rows) / SPK_MAX(partitions, 1), 1);

	*any = false;
	spk_inputs_find_last(job);
	for (int i = 0; i < job->in.count; i++) {
		struct spk_input *in = &job->in.input[i];

		for (int p = 0; p < in->partitions; p++) {
			const bool ahead = spk_input_is_ahead(job, in, &in->partition[p]);
			bool got;

			in->held = in->held || ahead;
			SPK_TRY(fetch_some(job, in, p, ahead ? 0 : share, 1, &got, err));
			*any = *any || got;
		}
	}
	return SPK_OK;
}

/* Nothing came because nobody asked: that is no idleness. */
static void note_unasked(struct spk_job *job)
{
	const int64_t now = spk_clock_monotonic_us();

	for (int i = 0; i < job->in.count; i++)
		for (int p = 0; p < job->in.input[i].partitions; p++)
			if (!job->in.input[i].partition[p].asked)
				job->in.input[i].partition[p].last_rows_us = now;
}

spk_status spk_inputs_fetch(struct spk_job *job, spk_error *err)
{
	int partitions = 0;
	bool any = true;

	spk_inputs_align(job);
	job->in.trouble = NULL;
	for (int i = 0; i < job->in.count; i++)
		partitions += job->in.input[i].partitions;
	SPK_TRY(fetch_shares(job, partitions, err));
	while (any && !spk_inputs_full(job))
		SPK_TRY(fetch_more(job, partitions, &any, err));
	note_unasked(job);
	return SPK_OK;
}

/* Waits until partition `index` has been read up to `end`. */
static spk_status fetch_range(struct spk_job *job, struct spk_input *in, int index, int64_t end, spk_error *err)
{
	int64_t deadline = spk_clock_monotonic_us() + REPLAY_TIMEOUT_US;
	struct spk_input_partition *p = &in->partition[index];

	while (p->position < end) {
		bool got;

		SPK_TRY(fetch_once(job, in, index, end, 1 << 20, 64 << 20, FETCH_WAIT_US, &got, err));
		if (got)
			deadline = spk_clock_monotonic_us() + REPLAY_TIMEOUT_US;
		else if (spk_job_stopping(job))
			return spk_fail(err, SPK_CANCELLED, "stopped while recovering");
		else if (spk_clock_monotonic_us() > deadline) {
			spk_fail(err, SPK_TIMEOUT, "%s: no rows at %lld for a minute; the record says that there are rows up to %lld", in->source->type->partition_name(in->source, index),
				 (long long)p->position, (long long)end);
			if (err)
				err->retriable = true;
			return SPK_TIMEOUT;
		}
	}
	return SPK_OK;
}

spk_status spk_inputs_fetch_recorded(struct spk_job *job, const struct spk_epoch_record *record, spk_error *err)
{
	for (int i = 0; i < job->in.count; i++) {
		struct spk_input *in = &job->in.input[i];

		for (int p = 0; p < in->partitions; p++) {
			const struct spk_epoch_partition *was = recorded_partition(record, in->spec.table->name, in->source->type->partition_name(in->source, p));

			/* It came later: nothing waited for it then. */
			in->partition[p].finished = !was;
			if (!was)
				continue;
			if (was->start != in->partition[p].position)
				return spk_fail(err, SPK_DIVERGED, "epoch %lld, %s: the record begins at %lld, the one before ended at %lld", (long long)record->epoch, was->name,
						(long long)was->start, (long long)in->partition[p].position);
			SPK_TRY(fetch_range(job, in, p, was->end, err));
			in->partition[p].idle = was->idle;
			in->partition[p].finished = was->finished;
		}
	}
	return SPK_OK;
}

/* --- what still counts --- */

bool spk_inputs_at_end(const struct spk_job *job)
{
	for (int i = 0; i < job->in.count; i++)
		for (int p = 0; p < job->in.input[i].partitions; p++)
			if (job->in.input[i].partition[p].position < job->in.input[i].partition[p].bound)
				return false;
	return true;
}

static bool has_rows(const struct spk_input_partition *p)
{
	/* Only the first can be without. */
	return p->chunks > 1 || (p->chunks == 1 && p->chunk[0].rows > 0);
}

/*
 * Whether the partition should be idle: nothing came for the timeout; or, at the end of a --once run, nothing ever came; or all has been read of one that is
 * not expected to go on.
 */
static bool is_idle(const struct spk_job *job, const struct spk_input *in, const struct spk_input_partition *p, int64_t now_us, bool at_end)
{
	const int64_t timeout = in->alignment.idle_timeout_us;

	if (p->finished || has_rows(p))
		return false;
	if (in->source->type->rests && !p->bounded)
		return p->read || p->idle || p->position >= p->bound;
	if (job->spec.once)
		return p->idle || (at_end && !p->had_rows);
	return p->idle || (timeout > 0 && !job->in.trouble && now_us - p->last_rows_us >= timeout);
}

/* The watermark that the source would have with the flags as they are, from what it has seen so far. */
static int64_t watermark_now(const struct spk_input *in)
{
	struct spk_run_partition *part = calloc((size_t)in->partitions + 1, sizeof *part);
	struct spk_run_source s = { .partitions = in->partitions, .partition = part, .watermark = in->watermark };
	int64_t mark;

	for (int i = 0; part && i < in->partitions; i++)
		part[i] = (struct spk_run_partition){ .idle = in->partition[i].idle, .finished = in->partition[i].finished, .watermark = in->partition[i].watermark };
	mark = part ? spk_run_source_watermark_after(&s) : in->watermark;
	free(part);
	return mark;
}

bool spk_inputs_judge(struct spk_job *job, int64_t now_us)
{
	bool at_end = spk_inputs_at_end(job), moves = false;

	for (int i = 0; i < job->in.count; i++) {
		struct spk_input *in = &job->in.input[i];

		for (int k = 0; k < in->partitions; k++) {
			struct spk_input_partition *p = &in->partition[k];

			p->finished = p->bounded && p->position >= p->bound;
			p->idle = is_idle(job, in, p, now_us, at_end);
		}
		moves = moves || watermark_now(in) > in->watermark;
	}
	return moves;
}

int64_t spk_inputs_lag(const struct spk_job *job)
{
	int64_t sum = 0;

	for (int i = 0; i < job->in.count; i++) {
		const struct spk_source *s = job->in.input[i].source;

		if (!s || !s->type->lag)
			return -1;
		for (int p = 0; p < job->in.input[i].partitions; p++) {
			const int64_t lag = s->type->lag(s, p);

			if (lag < 0)
				return -1;
			sum += lag;
		}
	}
	return sum;
}
