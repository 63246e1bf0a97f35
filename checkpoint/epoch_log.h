/*
 * The epoch log: where epoch records are kept, in the same atomic step as the outputs they tell of.
 *
 *   kafka   topic __sparklet.<job>.epochs in the cluster of the job's sinks; record and outputs in one transaction
 *   file    DIR/epochs.log, appended and fsync'd, for jobs without Kafka sinks; outputs become visible after it (idempotently)
 *
 * One thread at a time: that of the commit while one is under way, else the loop's.
 */
#ifndef SPK_CHECKPOINT_EPOCH_LOG_H
#define SPK_CHECKPOINT_EPOCH_LOG_H

#include "checkpoint/epoch.h"
#include "connectors/kafka/producer.h"

struct spk_epoch_log { const struct spk_epoch_log_type *type; };

struct spk_epoch_log_type {
	const char *name;
	/* Calls `each` with every committed record's bytes, oldest first. */
	spk_status (*read)(struct spk_epoch_log *log, spk_status (*each)(void *user, const void *data, size_t size, spk_error *err), void *user, spk_error *err);
	spk_status (*begin)(struct spk_epoch_log *log, spk_error *err);
	/* Adds the record to what commit will make final. */
	spk_status (*append)(struct spk_epoch_log *log, int64_t epoch, const void *data, size_t size, spk_error *err);
	/* FENCED: another instance has taken over. Any other failure: it is not known whether the epoch was committed. */
	spk_status (*commit)(struct spk_epoch_log *log, spk_error *err);
	/* Forgets records of epochs before `epoch`; best effort. */
	spk_status (*truncate)(struct spk_epoch_log *log, int64_t epoch, spk_error *err);
	void (*close)(struct spk_epoch_log *log);
};

/* Borrows the producer. Makes the topic when it is missing. */
spk_status spk_kafka_epoch_log_open(struct spk_epoch_log **out, struct spk_kafka_producer *producer, const char *job, spk_error *err);
/* Takes the lock PATH.lock: EXISTS (fatal) names the process that has it. A record that a crash cut off is dropped; CORRUPT names file and byte. */
spk_status spk_file_epoch_log_open(struct spk_epoch_log **out, const char *path, spk_error *err);

/* For looking only: no lock, nothing is cut, and only read and close may be called. */
spk_status spk_file_epoch_log_open_readonly(struct spk_epoch_log **out, const char *path, spk_error *err);

#endif
