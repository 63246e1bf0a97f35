/* The epoch log in a Kafka topic: one transaction with the outputs, aborted records invisible, old ones deleted. Real broker. */
#include <stdio.h>
#include <time.h>

#include "tests/checkpoint/support.h"
#include "tests/support/kafka.h"

/* A job of its own name with a topic for its outputs. */
struct job {
	struct spk_option option[1];
	struct spk_table table;
	char *name, *id, *topic, *epochs;
	struct spk_kafka_producer *producer;
	struct spk_epoch_log *log;
	int output;
};

static spk_status open_producer(struct job *j, const char *id, spk_error *err)
{
	struct spk_kafka_producer_spec spec = { .table = &j->table, .transactional_id = id };

	return spk_kafka_producer_open(&j->producer, &spec, err);
}

static void open_log(struct job *j, const char *id)
{
	int partitions;
	spk_error err = { 0 };

	REQUIRE_OK(open_producer(j, id, &err), err);
	REQUIRE_OK(spk_kafka_producer_topic(j->producer, j->topic, &j->output, &partitions, &err), err);
	REQUIRE_OK(spk_kafka_epoch_log_open(&j->log, j->producer, j->name, &err), err);
}

static void close_log(struct job *j)
{
	if (j->log)
		j->log->type->close(j->log);
	j->log = NULL;
	spk_kafka_producer_close(j->producer);
	j->producer = NULL;
}

static void job_init(struct job *j, const char *stem)
{
	*j = (struct job){ .name = spk_test_topic_name(stem) };
	j->id = spk_test_format("sparklet.%s", j->name);
	j->epochs = spk_test_format("__sparklet.%s.epochs", j->name);
	j->topic = spk_test_topic_name(stem);
	j->option[0] = (struct spk_option){ "properties.bootstrap.servers", spk_test_kafka(), 0 };
	j->table = (struct spk_table){ .name = "out", .connector = "kafka", .option = j->option, .option_count = 1, .time_column = -1 };
	spk_test_topic_create(j->topic, 1, NULL);
}

static void job_release(struct job *j)
{
	close_log(j);
	spk_test_topic_delete(j->topic);
	spk_test_topic_delete(j->epochs);
	free(j->name);
	free(j->id);
	free(j->epochs);
	free(j->topic);
}

/* One epoch: an output row and the record. */
static spk_status commit(struct job *j, int64_t epoch, bool stop_before_commit, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_buffer bytes = { 0 };
	char row[32];
	int n = snprintf(row, sizeof row, "row %d", (int)epoch);
	spk_status status;

	encode_record(plain_record(arena, epoch, 0), &bytes);
	status = j->log->type->begin(j->log, err);
	if (status == SPK_OK)
		status = spk_kafka_produce_one(j->producer, j->output, 0, NULL, 0, row, (size_t)n, NULL, err);
	if (status == SPK_OK)
		status = j->log->type->append(j->log, epoch, bytes.data, bytes.size, err);
	if (status == SPK_OK && !stop_before_commit)
		status = j->log->type->commit(j->log, err);
	spk_buffer_release(&bytes);
	spk_arena_unref(arena);
	return status;
}

/* The log has these epochs, and the output topic one committed row for each from 1 on. */
static void check_epochs(struct job *j, int64_t first, int64_t last)
{
	struct spk_test_records rows = spk_test_consume(j->topic, true);

	check_log(j->log, first, last);
	CHECK_EQ_INT(rows.count, last);
	for (size_t i = 0; i < rows.count; i++) {
		char *want = spk_test_format("row %d", (int)i + 1);

		CHECK_EQ_STR(rows.at[i].value, want);
		free(want);
	}
	spk_test_records_release(&rows);
}

/* --- tests --- */

static void keeps_what_is_committed(void)
{
	struct job j;
	spk_error err = { 0 };

	job_init(&j, "log-plain");
	open_log(&j, j.id);
	check_epochs(&j, 1, 0);
	for (int64_t e = 1; e <= 4; e++)
		REQUIRE_OK(commit(&j, e, false, &err), err);
	check_epochs(&j, 1, 4);
	close_log(&j);
	open_log(&j, j.id);
	check_epochs(&j, 1, 4);
	REQUIRE_OK(commit(&j, 5, false, &err), err);
	check_epochs(&j, 1, 5);
	job_release(&j);
}

/* An epoch that was never committed: its row and its record are in the topics, but nobody sees them. */
static void aborted_records_are_invisible(void)
{
	struct spk_test_records all;
	struct job j;
	spk_error err = { 0 };

	job_init(&j, "log-aborted");
	open_log(&j, j.id);
	REQUIRE_OK(commit(&j, 1, false, &err), err);
	REQUIRE_OK(commit(&j, 2, true, &err), err);
	check_epochs(&j, 1, 1);
	/* The next instance settles it. */
	close_log(&j);
	open_log(&j, j.id);
	check_epochs(&j, 1, 1);
	REQUIRE_OK(commit(&j, 2, false, &err), err);
	check_epochs(&j, 1, 2);
	all = spk_test_consume(j.epochs, false);
	CHECK(all.count >= 2);
	spk_test_records_release(&all);
	job_release(&j);
}

/* Lost before it was sent, or its answer lost: the log tells which, outputs and record together. */
static void an_ambiguous_commit_can_be_settled(void)
{
	struct job j;
	spk_error err = { 0 };

	job_init(&j, "log-ambiguous");
	open_log(&j, j.id);
	REQUIRE_OK(commit(&j, 1, false, &err), err);
	for (int pass = 1; pass <= 2; pass++) {
		char *fault = spk_test_format("txn.commit:%d", pass);

		REQUIRE_OK(spk_fault_set(fault, &err), err);
		CHECK(commit(&j, 2, false, &err) != SPK_OK);
		spk_fault_set(NULL, NULL);
		CHECK(commit(&j, 2, false, &err) != SPK_OK);
		close_log(&j);
		open_log(&j, j.id);
		check_epochs(&j, 1, pass);
		free(fault);
	}
	REQUIRE_OK(commit(&j, 3, false, &err), err);
	check_epochs(&j, 1, 3);
	job_release(&j);
}

static void a_zombie_is_fenced(void)
{
	struct job old, new;
	spk_error err = { 0 };

	job_init(&old, "log-zombie");
	open_log(&old, old.id);
	REQUIRE_OK(commit(&old, 1, false, &err), err);
	REQUIRE_OK(commit(&old, 2, true, &err), err);
	new = old;
	new.log = NULL;
	open_log(&new, new.id);
	CHECK_FAILS(old.log->type->commit(old.log, &err), SPK_FENCED, err);
	CHECK(err.fatal);
	check_epochs(&new, 1, 1);
	REQUIRE_OK(commit(&new, 2, false, &err), err);
	check_epochs(&new, 1, 2);
	close_log(&old);
	job_release(&new);
}

static int64_t first_offset(const struct job *j)
{
	int64_t low, high;

	spk_test_topic_range(j->epochs, 0, &low, &high);
	return low;
}

static void forgets_what_is_old(void)
{
	struct job j;
	spk_error err = { 0 };

	job_init(&j, "log-truncate");
	open_log(&j, j.id);
	for (int64_t e = 1; e <= 6; e++)
		REQUIRE_OK(commit(&j, e, false, &err), err);
	CHECK_OK(j.log->type->truncate(j.log, 1, &err), err);
	CHECK_EQ_INT(first_offset(&j), 0);
	CHECK_OK(j.log->type->truncate(j.log, 4, &err), err);
	/* It may be done in the background. */
	for (int i = 0; i < 600 && first_offset(&j) == 0; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	struct epochs e = { 0 };

	CHECK_OK(j.log->type->read(j.log, note_epoch, &e, &err), err);
	REQUIRE_EQ_INT(e.count, 3);
	CHECK(e.epoch[0] == 4 && e.epoch[2] == 6);
	REQUIRE_OK(commit(&j, 7, false, &err), err);
	check_epochs(&j, 4, 7);
	job_release(&j);
}

static void works_without_transactions(void)
{
	struct job j;
	spk_error err = { 0 };

	job_init(&j, "log-idempotent");
	open_log(&j, NULL);
	for (int64_t e = 1; e <= 3; e++)
		REQUIRE_OK(commit(&j, e, false, &err), err);
	check_epochs(&j, 1, 3);
	job_release(&j);
}

static void foreign_records_are_named(void)
{
	struct epochs e = { 0 };
	struct job j;
	spk_error err = { 0 };

	job_init(&j, "log-foreign");
	open_log(&j, j.id);
	REQUIRE_OK(commit(&j, 1, false, &err), err);
	spk_test_produce_lines(j.epochs, 0, "hello");
	spk_test_flush();
	CHECK_FAILS(j.log->type->read(j.log, note_epoch, &e, &err), SPK_CORRUPT, err);
	CHECK_HOLDS(err.message, j.epochs);
	CHECK_HOLDS(err.message, "offset 2");
	CHECK_EQ_INT(e.count, 1);
	job_release(&j);
}

SPK_TEST_SUITE("epoch log in Kafka",
	{ "keeps what is committed", keeps_what_is_committed },
	{ "aborted records are invisible", aborted_records_are_invisible },
	{ "an ambiguous commit can be settled", an_ambiguous_commit_can_be_settled },
	{ "a zombie is fenced", a_zombie_is_fenced },
	{ "forgets what is old", forgets_what_is_old },
	{ "works without transactions", works_without_transactions },
	{ "foreign records are named", foreign_records_are_named })
