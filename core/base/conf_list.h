/*
 * Every configuration key, once. X(ID, name, kind, unit, default, min, max, doc). For ENUM `unit` lists the values
 * separated by '|' and default is one of them. Units: "" none, "bytes", "ms", "s". min/max are in base units as text
 * ("" = none); default is text as a user would write it.
 */
#ifndef SPK_CORE_BASE_CONF_LIST_H
#define SPK_CORE_BASE_CONF_LIST_H

#define SPK_CONF_LIST(X) \
	X(PARALLELISM, "parallelism", INT, "", "0", "0", "1024", "Tasks per stage that reads an exchange; 0: one per core.") \
	X(POOL_SIZE, "pool.size", INT, "", "0", "0", "1024", "Worker threads; 0: one per core.") \
	X(SHUFFLE_PARTITIONS, "shuffle.partitions", INT, "", "0", "0", "64", "Partitions of a batch exchange; 0: parallelism, or more, so that one fits what a task may hold of memory.limit.") \
	X(SHUFFLE_TARGET, "shuffle.target.bytes", BYTES, "bytes", "1MiB", "0", "", "Neighbouring partitions of a batch exchange are read by one task up to so many bytes; 0: each by its own.") \
	X(SKEW_BYTES, "shuffle.skew.bytes", BYTES, "bytes", "8MiB", "0", "", "A partition of a join's larger side is read by several tasks when it has more bytes, and shuffle.skew.factor times the median; 0: never.") \
	X(SKEW_FACTOR, "shuffle.skew.factor", DOUBLE, "", "4", "1", "1000000", "See shuffle.skew.bytes.") \
	X(BATCH_ROWS, "batch.rows", INT, "", "4096", "1", "4096", "Rows of a batch at the most; smaller only for tests.") \
	X(MEMORY_LIMIT, "memory.limit", BYTES, "bytes", "1GiB", "33554432", "", "The one budget for state caches, hash tables, queues and RocksDB; of a job that sparklet runs, for the whole process: caches of state get what is left.") \
	X(CACHE_PERCENT, "cache.percent", INT, "%", "30", "1", "90", "Share of memory.limit that cached frames may hold; beyond it they go to disk.") \
	X(FRAMES_CHECKPOINT_COST, "frames.checkpoint.cost", INT, "", "10000000", "0", "", "Row operations: a frame that is used again and costs at least so many to compute again is kept when that is cheaper than computing it for every use; 0: never.") \
	X(UDF_PATH, "udf.path", TEXT, "", "", "", "", "Folder that CREATE FUNCTION ... LANGUAGE c loads libraries from; empty: none are loaded. SET cannot change it.") \
	X(SPILL_DIR, "spill.dir", TEXT, "", "", "", "", "Where queries put what does not fit memory.limit; empty: the system's temporary folder.") \
	X(EPOCH_INTERVAL, "epoch.interval", DURATION, "ms", "100ms", "0", "", "Time between epoch starts; 0: as soon as the last one is done.") \
	X(EPOCH_MAX_ROWS, "epoch.max.rows", INT, "", "32768", "1", "16777216", "Rows of one epoch at the most, over all sources; in proportion fewer where memory.limit is under 256MiB.") \
	X(EPOCH_MAX_BYTES, "epoch.max.bytes", BYTES, "bytes", "16MiB", "65536", "", "Input bytes of one epoch at the most, over all sources; in proportion fewer where memory.limit is under 256MiB.") \
	X(CHECKPOINT_INTERVAL, "checkpoint.interval", DURATION, "ms", "30s", "0", "", "Time between checkpoints; 0: after every epoch.") \
	X(CHECKPOINT_RETAIN, "checkpoint.retain", INT, "", "3", "2", "1000", "Checkpoints kept.") \
	X(EPOCHS_RETAIN, "epochs.retain", INT, "", "5000", "0", "", "Epoch records kept at the least, also behind the oldest checkpoint: for looking back, and for starting over when no checkpoint is whole.") \
	X(CHECKPOINT_DIR, "checkpoint.dir", TEXT, "", "", "", "", "Where checkpoints are stored, in a folder per job; empty: DIR/checkpoints of the job.") \
	X(EXACTLY_ONCE, "delivery", ENUM, "exactly-once|at-least-once", "exactly-once", "", "", "exactly-once: outputs and epoch record in one transaction; at-least-once: no transactions, lower latency.") \
	X(BAD_ROWS, "bad.rows", ENUM, "dlq|skip|fail", "dlq", "", "", "What happens to a row that cannot be read or computed.") \
	X(DLQ_TOPIC, "dlq.topic", TEXT, "", "", "", "", "Dead-letter topic; empty: <job>.dlq. Jobs without Kafka sinks write to DIR/dlq.") \
	X(IDLE_TIMEOUT, "watermark.idle-timeout", DURATION, "ms", "5s", "0", "", "A partition without data for so long does not hold the watermark; 0: never idle.") \
	X(EMIT, "emit", ENUM, "auto|on-close|on-update", "auto", "", "", "When windowed results are written: at the close of the window or every epoch.") \
	X(EMIT_INTERVAL, "emit.interval", DURATION, "ms", "0", "0", "", "With emit = 'on-update': changes of windows that are open come so often, by the times of epochs; 0: with every epoch.") \
	X(EMIT_LATENESS, "emit.allowed-lateness", DURATION, "ms", "0", "0", "", "Windows take late rows for so long after their close, and change then: for sinks that take updates.") \
	X(STATE_TTL, "state.ttl", DURATION, "ms", "0", "0", "", "State by key goes when the key has not changed for so long, by the watermark where there is one, else by the times of epochs; results may change then; 0: never. Tables may say otherwise.") \
	X(STATE_CACHE, "state.cache", BYTES, "bytes", "0", "0", "", "Upper bound of the write-back cache of state; 0: half of memory.limit.") \
	X(TXN_TIMEOUT, "transaction.timeout", DURATION, "ms", "60s", "1000000", "", "Kafka transaction timeout, and how long a commit may take.") \
	X(KAFKA_RETRY, "kafka.retry", DURATION, "ms", "0", "0", "", "How long to keep trying to reach a broker at start; 0: for ever.") \
	X(KAFKA_DISCOVERY, "kafka.discovery", DURATION, "ms", "30s", "0", "", "Time between looks for partitions that were added to a topic; 0: at start only.") \
	X(RETRY_MAX, "retry.max", INT, "", "3", "0", "100", "Attempts after the first for a task that failed transiently.") \
	X(RETRY_BACKOFF, "retry.backoff", DURATION, "ms", "50ms", "0", "", "First wait before a retry; doubles, with jitter.") \
	X(STATEMENT_TIMEOUT, "statement_timeout", DURATION, "ms", "0", "0", "", "A batch query that runs longer is cancelled; 0: never. PostgreSQL's name and meaning.") \
	X(RECURSION_MAX, "recursion.max", INT, "", "1000000", "1", "", "Rounds that WITH RECURSIVE may take before it fails.") \
	X(SEED, "seed", INT, "", "0", "0", "", "Seed of everything that draws lots (retry jitter, sampling); 0: fixed default.") \
	X(TIMEZONE, "timezone", TEXT, "", "UTC", "", "", "Session time zone for timestamptz text and casts.") \
	X(LOG_LEVEL, "log.level", TEXT, "", "warn", "", "", "error, warn, info, debug or trace; per target: 'warn,stream=debug'.") \
	X(LOG_FILE, "log.file", TEXT, "", "", "", "", "File for the log; empty: stderr.") \
	X(EVENT_LOG, "event.log", BOOL, "", "true", "", "", "Write DIR/events.jsonl.") \
	X(STATISTICS_DIR, "statistics.dir", TEXT, "", "", "", "", "Folder where ANALYZE keeps its statistics, a file for each table, and where later sessions find them; empty: they are the session's.") \
	X(HISTORY_DIR, "history.dir", TEXT, "", "", "", "", "Folder for the event logs of batch queries, one file each, for sparklet history; empty: none is kept.") \
	X(HISTORY_RETAIN, "history.retain", INT, "", "100", "1", "100000", "Event logs of queries kept in history.dir: the newest.") \
	X(METRICS_REPORTER, "metrics.reporter", ENUM, "none|console|file|prometheus", "none", "", "", "Reports all metrics: as a line of changes in the log, as JSON lines in metrics.file, or as Prometheus text in metrics.file.") \
	X(METRICS_INTERVAL, "metrics.interval", DURATION, "ms", "10s", "10000", "", "Time between two reports of metrics.") \
	X(METRICS_FILE, "metrics.file", TEXT, "", "", "", "", "File that metrics are reported to.") \
	X(FILES_ROOT, "files.root", TEXT, "", "", "", "", "When set, paths in SQL must lie in this folder.") \
	X(FILES_RANGE, "files.range", BYTES, "bytes", "32MiB", "0", "", "A batch query reads larger files in ranges of about so many bytes, side by side; 0: every file from one end to the other.") \
	X(BROADCAST_BYTES, "join.broadcast.bytes", BYTES, "bytes", "64MiB", "1", "", "The kept side of a join is read whole by every task up to so many bytes, and up to an eighth of memory.limit; else both sides are exchanged by their keys.") \
	X(ADAPTIVE_JOINS, "join.adaptive", BOOL, "", "true", "", "", "Whether a join without a hint is settled when its kept side is complete, by its real size, and not by estimates.") \
	X(SORT_RANGES, "sort.ranges", ENUM, "auto|always|never", "auto", "", "", "When a sort is merged by several tasks, each a range of the keys, and not by one; auto: where several tasks take the sorted rows, and they are many.") \
	X(RUNTIME_FILTERS, "join.runtime-filters", ENUM, "auto|always|never", "auto", "", "", "When a scan leaves out rows that meet nothing in a join's other side, which is read before: auto: where it is expected to pay.") \
	X(JSON_TIMESTAMP_UNIT, "json.timestamp-unit", ENUM, "s|ms|us", "ms", "", "", "Unit of timestamps that come as JSON numbers.") \
	X(GROUP_ID, "kafka.group.id", TEXT, "", "", "", "", "Consumer group that lag tools see; empty: sparklet.<job>.")

#endif
