/*
 * The connector SPI: how rows come in (source) and go out (sink). One connector per folder; connector.c lists them.
 *
 * A source has partitions, each a sequence of rows at positions (Kafka: offsets; a file: byte offsets; a generator: event numbers). Rows
 * at the same positions are the same rows whenever they are read: that is what replay stands on. Reading has two steps on two
 * threads: fetch (loop thread; moves raw rows out of the client into a chunk, never blocks) and decode (worker threads; chunk to
 * batches, only the needed columns).
 *
 * A sink gets encoded blocks (made on worker threads by its encoder) in a fixed order on the loop thread, as part of an epoch.
 */
#ifndef SPK_CONNECTORS_CONNECTOR_H
#define SPK_CONNECTORS_CONNECTOR_H

#include "core/base/conf.h"
#include "core/columnar/batch.h"
#include "core/expr/expr.h"
#include "planner/logical/catalog.h"
#include "connectors/format/format.h"

/* --- options --- */

/* One option a connector or format knows. `prefix`: any key that starts with `name` (properties.). */
struct spk_option_spec { const char *name; bool prefix, required; const char *values; const char *doc; };  /* values: "a|b|c" or NULL */

/* --- chunks: raw rows of one partition --- */

struct spk_chunk {
	struct spk_arena *arena;       /* owns all below; the chunk holds one reference */
	int partition;                 /* index in the source */
	int64_t start, end;            /* positions [start, end); end also covers control records without rows */
	int rows;
	/* By row; at least SPK_CHUNK_PADDING readable bytes follow every raw row. NULL for sources that make batches directly. */
	struct spk_view *raw;
	int64_t *position;
	int64_t *timestamp_us;         /* the source's own time of the row (Kafka timestamp), NULL when it has none */
	struct spk_view *key;          /* message key, length 0 for none; NULL unless the table wants keys */
	struct spk_view *other_key;    /* header that tells the key to or from which the row moved, length 0 for none; NULL unless the table wants it */
	struct spk_view *headers;      /* the message's headers (headers.h); NULL unless the table wants them */
	bool *no_value;                /* the message has no value (a tombstone), which is not an empty one; NULL unless the table wants keys */
	const struct spk_piece *piece; /* files in batch: rows by an index of their fields instead of `raw` and `position`; else NULL */
	int64_t piece_at;              /* position of the piece's first byte */
	size_t bytes;                  /* of all raw rows */
	/* The epoch record's content hash: sum (mod 2^64) over the rows of a hash of position and bytes (and key, where the table wants keys),
	 * so that the sum over an epoch's chunks does not depend on how they were cut. */
	uint64_t hash;
	bool finished;                 /* the partition has reached its end (bounded sources) */
};
enum { SPK_CHUNK_PADDING = 64 };
void spk_chunk_release(struct spk_chunk *chunk);

/* --- sources --- */

/* What a query wants of a table's rows: those for which `expr` is true. Its column i is the table's column[i]. */
struct spk_row_filter { const struct spk_expr *expr; const int *column; int columns; };

struct spk_source_spec {
	const struct spk_table *table;
	const int *column;             /* table columns to read, ascending; the decoded batch has just these */
	int columns;
	const struct spk_schema *schema;   /* of the decoded batch */
	int index;                     /* number of the source in the job, for origins */
	const char *job;
	const struct spk_conf *conf;
	/*
	 * One query reads every partition once, from its start to its end: chunks need no hash, raw rows and positions, a bad row fails with its
	 * place, and a partition may be a part of what it is in a stream (a range of a file). Partitions are in the order of the rows.
	 */
	bool batch;
	struct spk_row_filter filter;  /* batch: a source may leave out rows for which it is not true; expr NULL: all are wanted */
	bool whole_files;              /* batch: no ranges */
	bool *misjudged;               /* batch: set before a fetch fails because a range was begun in the wrong place; whole_files then helps. May be NULL */
};

enum { SPK_POSITION_START = -1, SPK_POSITION_EARLIEST = -2 };  /* where 'scan.startup.mode' says; at the first row there is */

struct spk_source {
	const struct spk_source_type *type;
	const struct spk_source_spec *spec;   /* borrowed; outlives the source */
	int partitions;
	struct spk_decoder *decoder;          /* NULL when the type decodes by itself */
};

/*
 * Which rows of a batch somebody wants, asked while they are decoded: first the columns for which `first` says so are made, then `keep` takes
 * rows out of sel[0..*n), then the others are made of what is left; what is wrong with values that are not made stays unsaid. first NULL: all
 * columns are made before. In batch only.
 */
struct spk_sieve {
	const bool *first;             /* by column of the decoded batch: physical ones, not nested */
	spk_status (*keep)(void *user, const struct spk_batch *batch, int32_t *sel, int *n, spk_error *err);
	void *user;
};
/* The decoded batch with the rows that the sieve keeps selected. */
spk_status spk_sieve_batch(const struct spk_sieve *sieve, struct spk_batch *batch, spk_error *err);

/* What can be told of a table's rows without reading them: for the planner, which only compares. */
struct spk_source_estimate {
	double rows;
	int64_t bytes;      /* uncompressed */
	uint64_t version;   /* another one when what is there may have changed: of files, their names, sizes and times */
};

struct spk_source_type {
	const char *name;              /* the connector option's value */
	const struct spk_option_spec *options;  /* ends with a NULL name */
	bool takes_format;             /* has a 'format' option */
	bool replayable;               /* the same positions give the same rows for ever */
	/* Connects and finds the partitions. May return UNAVAILABLE (retriable): the caller keeps trying and says so. */
	spk_status (*open)(struct spk_source **out, const struct spk_source_spec *spec, spk_error *err);
	/* Name of a partition that is stable over restarts: "topic/3", a file's path. Borrowed from the source. */
	const char *(*partition_name)(const struct spk_source *s, int partition);
	/* Sets where each partition starts (a position, or one of the two above); again at any time to move back. Nothing that was fetched
	 * before is given out after it. Fills resolved[] with the actual positions (may wait for the broker, bounded by 30 s). */
	spk_status (*seek)(struct spk_source *s, const int64_t *position, int64_t *resolved, spk_error *err);
	/* Position where the partition ends now: for --once, scan.bounded.mode and to find out what is gone; INT64_MAX when `bounded_only` and it is unbounded. */
	spk_status (*ends)(struct spk_source *s, bool bounded_only, int64_t *end, spk_error *err);
	/* fd that is readable while there may be rows to fetch; -1: always ready. `fetch` re-arms it. A partition whose last fetch reached its
	 * `end` does not make it readable: fetch once after raising the end. */
	int (*wake_fd)(const struct spk_source *s);
	/*
	 * Moves rows of one partition that are there into *chunk (zeroed by the caller), at most max_rows and about max_bytes, none at or past
	 * `end`. rows == 0 and start == end: nothing there now. Never waits when wait_us is 0; else at most about so long for the first row.
	 * From one thread at a time; of sources that say `parallel_fetch` different partitions from several at once.
	 */
	spk_status (*fetch)(struct spk_source *s, int partition, int64_t end, int max_rows, size_t max_bytes, int64_t wait_us, struct spk_chunk *chunk, spk_error *err);
	bool parallel_fetch;
	/* Rows [from, from + n) of the chunk as a batch; any thread. NULL: by the source's decoder. A sieve (may be NULL) need not be minded: a batch
	 * for which it was has a selection. */
	spk_status (*decode)(struct spk_source *s, const struct spk_chunk *chunk, int from, int n, const struct spk_sieve *sieve, struct spk_row_errors *errors, struct spk_batch **out, spk_error *err);
	/* For rows that are batches already: the next one of the partition (the caller's), NULL at its end. *at is the caller's, 0 at first. Instead
	 * of fetch and decode, in batch queries only; any number of threads. */
	spk_status (*next)(struct spk_source *s, int partition, int64_t *at, struct spk_batch **out, spk_error *err);
	/* Rows and bytes, about, at the cost of a few reads; nothing is open. Fails where opening would. NULL: nothing is known. */
	spk_status (*estimate)(const struct spk_table *table, const struct spk_conf *conf, struct spk_source_estimate *out, spk_error *err);
	/* How many files, or the like, a query with that filter reads, of how many; both 0: nothing worth saying. NULL: never. */
	spk_status (*files)(const struct spk_table *table, const struct spk_row_filter *filter, const struct spk_conf *conf, int *read, int *all, spk_error *err);
	/* What the source knows of its health, for "broker not reachable, still trying": NULL when fine, else a static or owned text. */
	const char *(*trouble)(const struct spk_source *s);
	/* Whether there are more partitions than were found at open; asks the service now and then. NULL: never. */
	bool (*grown)(struct spk_source *s);
	/* A partition whose rows have all been read is idle at once: as with files of an hour each, it is not expected to go on. */
	bool rests;
	/* Rows of a partition not yet fetched, about (lag), -1 unknown. */
	int64_t (*lag)(const struct spk_source *s, int partition);
	/* Tells the outside how far the job is (consumer group offsets for lag tools); best effort, never fails the job nor waits. */
	void (*report)(struct spk_source *s, const int64_t *position);
	void (*close)(struct spk_source *s);
};

/*
 * For a type's open: the format that the table names ('format', 'value.format', or by a file's ending), its options taken from the table.
 * UNSUPPORTED when it cannot be read (written). `header` as in spk_format_spec. Columns with METADATA FROM are not the format's: spk_source_decode
 * fills 'offset', 'partition', 'timestamp' from the chunk, 'topic' and 'file.path' ('file.name') from the partition's name.
 */
spk_status spk_source_open_format(struct spk_source *s, struct spk_view header, spk_error *err);
void spk_source_close_format(struct spk_source *s);
/* keyed.c: for sources whose messages have keys: a decoder of 'key.format' and 'value.format' ('format'). The chunks must have `key`. */
spk_status spk_keyed_decoder_open(struct spk_decoder **out, const struct spk_format_spec *spec, spk_error *err);
/* The `check` of the value's format over the columns of the value alone. */
spk_status spk_keyed_check_value(const struct spk_table *table, const struct spk_format *format, const struct spk_conf *conf, spk_error *err);
/* Decodes by the type or by the source's format; sets origin and computes nothing else. n <= SPK_BATCH_ROWS. */
spk_status spk_source_decode(struct spk_source *s, const struct spk_chunk *chunk, int from, int n, struct spk_row_errors *errors, struct spk_batch **out, spk_error *err);
/* The same with only the rows selected that the sieve keeps; NULL: all. */
spk_status spk_source_decode_sieved(struct spk_source *s, const struct spk_chunk *chunk, int from, int n, const struct spk_sieve *sieve, struct spk_row_errors *errors, struct spk_batch **out, spk_error *err);

/* How many of n messages from `from` on make no more rows than a batch may have; at least one. */
int spk_source_fits(const struct spk_source *s, const struct spk_chunk *chunk, int from, int n);
/* What the generic decode does with a decoder: for types that have several. */
spk_status spk_chunk_decode(struct spk_source *s, struct spk_decoder *d, const struct spk_chunk *chunk, int from, int n, const struct spk_sieve *sieve, struct spk_row_errors *errors, struct spk_batch **out, spk_error *err);

/* --- sinks --- */

/* Encoded rows of one task, in order; made on a worker thread, read-only then, kept until the epoch is committed. */
struct spk_sink_block {
	struct spk_sink_block *next;
	int task;                      /* which task of the sink's stage made it */
	int rows;
	struct spk_buffer value, key;  /* the rows' bytes, one after the other; `key` stays empty without keys */
	uint32_t *value_end, *key_end; /* by row: row i's value is value.data[value_end[i-1], value_end[i]); likewise key */
	uint8_t *flags;                /* by row, NULL: all 0 */
	int32_t *partition;            /* by row: target partition, NULL: the sink chooses by task */
	int capacity;
	struct spk_batch **batch;      /* for sinks that take rows as they are (callback): references; the ends above are 0 then */
	int batches, batch_capacity;
	uint64_t hash;                 /* sum over rows of the hash of key and value: order does not matter */
};
/* A block is made by calloc; give its buffers an account before the first row if they are to be counted by name. */
enum { SPK_ROW_HAS_KEY = 1, SPK_ROW_TOMBSTONE = 2 };
void spk_sink_block_free(struct spk_sink_block *block);  /* this one only; NULL is fine */

struct spk_sink_spec {
	const struct spk_table *table;
	const struct spk_schema *schema;   /* of the rows to write: the table's columns, in order */
	int index;                         /* number of the sink in the job */
	int writer;                        /* which of the job's sinks that write to one place ('path') this is, from 0 */
	const char *job;
	const struct spk_conf *conf;
	struct spk_kafka_producer *producer;  /* the job's producer, when the job has Kafka sinks; else NULL */
	bool once;                         /* this process reads what is there and exits */
	bool retracts;                     /* the query takes rows back: weights of -1 will come. print then writes envelopes only */
};

struct spk_sink {
	const struct spk_sink_type *type;
	const struct spk_sink_spec *spec;
	struct spk_encoder *encoder;       /* NULL when the type encodes by itself (blackhole) */
	/* Set by spk_sink_open_format: the columns of message keys ('key.fields', else the PRIMARY KEY where the type upserts), ascending; of a
	 * PARTITIONED BY table those columns as they were named, which the value is without: the key is the path of the row's folder then. */
	int *key, keys, *value, values;    /* value: the columns of the value, all unless 'value.fields-include' = 'EXCEPT_KEY' */
	struct spk_schema key_schema, value_schema;
	struct spk_encoder *key_encoder;   /* NULL: rows have no keys */
	bool tombstones;                   /* a row of weight -1 is a key without a value; else the encoder sees the weights */
	struct spk_arena *arena;           /* of these; owned */
};

struct spk_sink_type {
	const char *name;
	const struct spk_option_spec *options;
	bool takes_format;
	bool upserts;                      /* can take changes by key (needs PRIMARY KEY) */
	bool deltas;                       /* can take +/- rows without a key (print, debezium-json) */
	bool transactional;                /* its writes are part of the job's Kafka transaction */
	spk_status (*open)(struct spk_sink **out, const struct spk_sink_spec *spec, spk_error *err);
	/* Rows of a batch (weights: -1 rows come before +1 rows of the same key) appended to *block; worker thread. Rows that cannot be
	 * encoded are reported in errors. NULL: by the sink's encoder and key columns. */
	spk_status (*encode)(struct spk_sink *s, const struct spk_batch *batch, struct spk_sink_block *block, struct spk_row_errors *errors, spk_error *err);
	/* An epoch on the loop thread: write blocks in order, prepare (all is durable, nothing visible), then, after the epoch's record is
	 * committed, commit. commit is idempotent and is also called by recovery for the last committed epoch. abort drops what was written. */
	spk_status (*write)(struct spk_sink *s, int64_t epoch, const struct spk_sink_block *block, spk_error *err);
	spk_status (*prepare)(struct spk_sink *s, int64_t epoch, spk_error *err);
	spk_status (*commit)(struct spk_sink *s, int64_t epoch, spk_error *err);
	void (*abort)(struct spk_sink *s, int64_t epoch);
	/* After a restart: epochs up to `committed` count, everything later is dropped. */
	spk_status (*recover)(struct spk_sink *s, int64_t committed, spk_error *err);
	void (*close)(struct spk_sink *s);
};

/* For a type's open, see spk_source_open_format; the struct is zeroed but for type and spec. Close also after a failed open. */
spk_status spk_sink_open_format(struct spk_sink *s, spk_error *err);
void spk_sink_close_format(struct spk_sink *s);
/* Encodes by the type or by the format: keys from the PRIMARY KEY (or 'key.fields') columns. Fills hash. */
spk_status spk_sink_encode(struct spk_sink *s, const struct spk_batch *batch, struct spk_sink_block *block, struct spk_row_errors *errors, spk_error *err);
/* The same with an encoder of the type's own, without keys: rows as often as their weights say, counts and hash. */
spk_status spk_sink_encode_with(struct spk_encoder *e, const struct spk_batch *batch, struct spk_sink_block *block, spk_error *err);
spk_status spk_sink_block_reserve(struct spk_sink_block *block, int more_rows, spk_error *err);

/* --- registry --- */

/* NULL when there is none of that name (or it cannot be a source / sink). */
const struct spk_source_type *spk_source_type(const char *connector);
const struct spk_sink_type *spk_sink_type(const char *connector);
/* Of a table: also that of one whose rows go to a function (connectors/callback). */
const struct spk_sink_type *spk_table_sink_type(const struct spk_table *table);
/* Names of all connectors, at most `capacity`; returns their number. */
int spk_connector_names(const char **names, int capacity);
/* Rows and bytes that a table's source has, about; rows < 0: nothing is known (no such connector, not finite, files that cannot be read). */
struct spk_source_estimate spk_connector_estimate(const struct spk_table *table, const struct spk_conf *conf);
/* How many files of a table a query with that filter reads (source's `files`); where it cannot be told both are 0. */
void spk_connector_files(const struct spk_table *table, const struct spk_row_filter *filter, const struct spk_conf *conf, int *read, int *all);
/* What changes a table's sink can take: by key, or as +/- rows. For the planner. */
spk_status spk_connector_sink_takes(const struct spk_table *table, bool *upserts, bool *deltas, spk_error *err);
/* The format of a table; *out is NULL for a connector without one. Fails on unknown names and where it is missing. */
spk_status spk_connector_format(const struct spk_table *table, const struct spk_format **out, spk_error *err);
/* The catalog's check_table hook: connector known, options known and right (with suggestions), required ones there, format known and its
 * options right, denylisted keys refused, paths inside files.root. `conf` is the user pointer. */
spk_status spk_connector_check_table(const struct spk_table *table, void *conf, spk_error *err);
/*
 * The catalog's describe_file hook. Options are those of the format and 'filesystem' without what is before the point, some by other names
 * too (delim, nullstr), and: schema ('a bigint, b text': the columns), types (the same, over what was found), sample_rows (per file, 4096),
 * sample_files (4). Columns in paths come last.
 */
spk_status spk_connector_describe_file(const struct spk_file_request *file, struct spk_arena *arena, struct spk_table **out, void *conf, spk_error *err);

#endif
