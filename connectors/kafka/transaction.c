/*
 * Transactions: one per epoch.
 *
 * Whatever fails between begin and the answer to commit leaves the outcome unknown (exactly-once.md): the producer is then given up,
 * never reused, because a delayed EndTxn could end a later transaction of the same producer.
 *
 * The fault point txn.commit is passed twice per commit: odd passes fail before the commit is sent, even ones lose its answer.
 */
#include "connectors/kafka/producer_internal.h"

#include <time.h>

#include "core/base/clock.h"
#include "core/base/fault.h"
#include "core/base/log.h"

enum {
	FLUSH_MS = 1,
	FLUSH_SLICE_US = 250 * 1000,
	STILL_MS = 10,           /* without a delivery: there may be nothing under way but what waits for flush */
	COMMIT_SLICE_MS = 500,
	MARKERS_US = 5000,       /* after a commit, until the broker has written its markers, about */
	ROW_OVERHEAD = 16,       /* what a batch has of a message beside its key and value, about */
};

static bool says_fenced(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED || code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

/* A transaction that outlived its timeout is ended by the broker, which then fences its producer as if it were a zombie. */
static bool timed_out(const struct spk_kafka_producer *p)
{
	return p->in_transaction && spk_clock_monotonic_us() - p->begun_us >= (int64_t)p->timeout_ms * 1000;
}

spk_status spk_kafka_fail_transaction(struct spk_kafka_producer *p, rd_kafka_error_t *error, const char *doing, spk_error *err)
{
	rd_kafka_resp_err_t code = rd_kafka_error_code(error), cause;
	char reason[512];
	spk_status status;

	cause = rd_kafka_fatal_error(p->client.rk, reason, sizeof(reason));
	if (!cause)
		snprintf(reason, sizeof(reason), "%s", rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
	spk_kafka_poll(&p->client);
	if ((says_fenced(code) || says_fenced(cause)) && p->transactional_id && !timed_out(p)) {
		status = spk_fail(err, SPK_FENCED, "another instance of the job has taken over (transactional id %s)", p->transactional_id);
		spk_hint(err, "stop this one, or the other; %s: %s", doing, reason);
		return spk_kafka_give_up(p, status, err);
	}
	if (timed_out(p))
		status = spk_fail(err, SPK_TIMEOUT, "%s: the transaction took longer than transaction.timeout (%d ms): %s", doing, p->timeout_ms, reason);
	else if (p->client.trouble[0])
		status = spk_fail(err, SPK_UNAVAILABLE, "%s: %s; %s", doing, reason, p->client.trouble);
	else
		status = spk_kafka_fail(err, code, "%s: %s", doing, reason);
	return spk_kafka_give_up(p, status, err);
}

/*
 * A commit is answered before its markers are written; who asks for partitions before they are is told to ask again, which librdkafka 2.0.2 does after
 * 20 ms, and the last millisecond before that its main thread spins. With a backlog that was one CPU second of twenty: so the next transaction is begun a little later.
 */
static void let_markers_be_written(const struct spk_kafka_producer *p)
{
	const int64_t left_us = p->committed_us + MARKERS_US - spk_clock_monotonic_us();
	const struct timespec nap = { .tv_nsec = left_us * 1000 };

	if (p->committed_us && left_us > 0)
		nanosleep(&nap, NULL);
}

spk_status spk_kafka_begin(struct spk_kafka_producer *p, spk_error *err)
{
	rd_kafka_error_t *error;

	/* begin_transaction can hang after a fatal error. */
	SPK_TRY(spk_kafka_check_usable(p, err));
	SPK_TRY(spk_fault(SPK_FAULT_TXN_BEGIN, err));
	p->client.undelivered = RD_KAFKA_RESP_ERR_NO_ERROR;
	p->handed_rows = p->handed_bytes = 0;
	if (p->transactional_id)
		let_markers_be_written(p);
	p->begun_us = spk_clock_monotonic_us();
	if (!p->transactional_id)
		return SPK_OK;
	error = rd_kafka_begin_transaction(p->client.rk);
	if (error)
		return spk_kafka_fail_transaction(p, error, "beginning a transaction", err);
	p->in_transaction = true;
	return SPK_OK;
}

/* Messages that are about a batch for each partition of all topics. */
static int64_t last_batches(struct spk_kafka_producer *p)
{
	const int64_t row = p->handed_rows ? p->handed_bytes / p->handed_rows + ROW_OVERHEAD : ROW_OVERHEAD;
	int64_t partitions = 0;

	for (int i = 0; i < p->topics; i++)
		partitions += p->topic[i].partitions;
	return partitions * SPK_MIN(p->batch_bytes / row + 1, p->batch_rows);
}

/* Until no more than `enough` messages are left, or nothing has moved for `still_ms`, or the time is over. Returns how many are left. */
static int nap_until(struct spk_kafka_producer *p, int64_t enough, int still_ms, int64_t until_us)
{
	const struct timespec nap = { .tv_nsec = 1000 * 1000 };
	int left = rd_kafka_outq_len(p->client.rk), before = left;

	for (int still = 0; left > enough && still < still_ms && spk_clock_monotonic_us() < until_us;) {
		nanosleep(&nap, NULL);
		spk_kafka_poll(&p->client);
		left = rd_kafka_outq_len(p->client.rk);
		still = left == before ? still + 1 : 0;
		before = left;
	}
	return left;
}

/*
 * librdkafka 2.0.2 has one batch of a partition under way at a time (it holds an idempotent producer's limit of five requests against messages). While
 * rd_kafka_flush is called, or when linger.ms is over, its broker thread looks for what else it may send without a pause until
 * the batch is answered: a quarter of the CPU time of a job that copies. Otherwise full batches go out just as early, and the thread sleeps meanwhile. So
 * linger.ms is long, full batches are waited for here, and flush is called for a moment, to let the last ones go.
 */
void spk_kafka_deliver(struct spk_kafka_producer *p, int64_t until_us)
{
	int left = nap_until(p, last_batches(p), STILL_MS, until_us);

	if (left > 0 && rd_kafka_flush(p->client.rk, FLUSH_MS))
		nap_until(p, left - 1, STILL_MS, until_us);
}

/* Failed deliveries stay in the queue until they are served. */
static spk_status flush(struct spk_kafka_producer *p, int64_t deadline, spk_error *err)
{
	for (;;) {
		/* In slices: what went wrong, or a job that is to end, is looked at in between. */
		spk_kafka_deliver(p, SPK_MIN(deadline, spk_clock_monotonic_us() + FLUSH_SLICE_US));
		SPK_TRY(spk_kafka_check_usable(p, err));
		if (p->client.undelivered)
			return spk_kafka_fail_undelivered(p, err);
		if (rd_kafka_outq_len(p->client.rk) == 0)
			return SPK_OK;
		if (spk_kafka_waited(p, deadline))
			return spk_kafka_give_up(p, spk_kafka_fail_wait(&p->client, err, RD_KAFKA_RESP_ERR__TIMED_OUT, "waiting for the delivery of messages"), err);
	}
}

/* In slices: a commit that takes longer goes on in the background, and the next call waits for it again. */
static rd_kafka_error_t *commit_patiently(struct spk_kafka_producer *p, int64_t deadline)
{
	for (;;) {
		rd_kafka_error_t *error = rd_kafka_commit_transaction(p->client.rk, SPK_MIN(COMMIT_SLICE_MS, SPK_MAX(spk_kafka_left_ms(deadline), 1)));

		if (!error || rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__TIMED_OUT || !rd_kafka_error_is_retriable(error) || spk_kafka_waited(p, deadline))
			return error;
		rd_kafka_error_destroy(error);
		spk_kafka_poll(&p->client);
	}
}

static spk_status end_transaction(struct spk_kafka_producer *p, int64_t deadline, spk_error *err)
{
	rd_kafka_error_t *error;

	if (spk_fault(SPK_FAULT_TXN_COMMIT, err))
		return spk_kafka_give_up(p, SPK_IO, err);
	if (p->transactional_id) {
		error = commit_patiently(p, deadline);
		if (error)
			return spk_kafka_fail_transaction(p, error, "committing a transaction", err);
	}
	p->in_transaction = false;
	p->committed_us = spk_clock_monotonic_us();
	if (spk_fault(SPK_FAULT_TXN_COMMIT, err))
		return spk_kafka_give_up(p, SPK_IO, err);
	return SPK_OK;
}

spk_status spk_kafka_commit(struct spk_kafka_producer *p, spk_error *err)
{
	int64_t deadline = spk_clock_monotonic_us() + (int64_t)p->timeout_ms * 1000;

	SPK_TRY(spk_kafka_check_usable(p, err));
	SPK_TRY(flush(p, deadline, err));
	SPK_TRY(end_transaction(p, deadline, err));
	spk_kafka_note_fine(&p->client);
	return SPK_OK;
}
