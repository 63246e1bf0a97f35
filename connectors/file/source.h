/*
 * What the two halves of the file source share: source.c finds the files and cuts them into partitions, read.c reads one.
 *
 * Threads: everything is fixed once the source is open, but for what is found when a file is first read (`data`, `decoder`, `size` of a
 * compressed file, `array`) and the count of its quotes, both under the source's lock; a partition belongs to the task that reads it.
 */
#ifndef SPK_CONNECTORS_FILE_SOURCE_H
#define SPK_CONNECTORS_FILE_SOURCE_H

#include <pthread.h>

#include "connectors/file/file.h"
#include "connectors/file/range.h"
#include "connectors/format/csv.h"

/* Decoders by the header line they were opened for; files with the same header share one. */
struct spk_shared_decoder { struct spk_shared_decoder *next; struct spk_view header; struct spk_decoder *decoder; };

struct spk_source_file {
	const char *path;
	int64_t size;                 /* of what it holds; INT64_MAX: compressed, and its end was not seen yet */
	int64_t data;                 /* where rows begin: behind a byte order mark and a header; -1 not looked yet */
	bool compressed;
	bool array;                   /* a JSON array, whose elements are the rows */
	struct spk_decoder *decoder;
	struct spk_range_file range;  /* known as soon as `data` is */
	struct spk_quote_count quotes;  /* guarded by the source's lock */
};

struct spk_file_part {
	struct spk_source_file *file;
	struct spk_file_bytes *bytes; /* NULL: not open */
	int64_t begin, end;           /* rows that begin in [begin, end) */
	int64_t position;             /* next byte to read; -1: where `begin` leads to was not looked up yet */
	int row_bytes;                /* of a row, about, as seen so far */
	int64_t looked_us;            /* watched: when it was last looked whether there is more */
};

struct spk_file_source {
	struct spk_source base;
	struct spk_source_spec spec;  /* the caller's, with `table` instead of its table */
	struct spk_table table;       /* columns that stand in paths are metadata here */
	struct spk_arena *arena;
	const struct spk_format *format;
	struct spk_csv_options csv;
	bool header;                  /* files begin with one */
	bool indexed;                 /* rows come as pieces with an index */
	struct spk_source_file *file;
	int files;
	struct spk_file_part *part;
	int64_t watch_us, watched_us; /* 'source.monitor-interval', and when new files were last looked for; watch_us 0: never */
	pthread_mutex_t lock;         /* guards what follows, the arena, and of files what is said above */
	struct spk_shared_decoder *decoders;
};

static inline struct spk_file_source *spk_file_source_of(const struct spk_source *s)
{
	return spk_container_of(s, struct spk_file_source, base);
}

/* A decoder for files with that header; length 0: without one. */
spk_status spk_file_source_decoder(const struct spk_file_source *s, struct spk_view header, struct spk_decoder **out, spk_error *err);

/* --- watch.c: files that grow, and files that come --- */

/* Of a watched source, an uncompressed file's rows end at its last line end. */
spk_status spk_file_watch_size(const struct spk_file_source *s, struct spk_source_file *f, spk_error *err);
/* The part has been read to its end: looks for more, when it is time. */
spk_status spk_file_watch_part(const struct spk_file_source *s, struct spk_file_part *p, spk_error *err);
/* The source's `grown`: whether there are files that it does not know. */
bool spk_file_watch_grown(struct spk_source *base);

/* The source's fetch (connector.h): the next piece of a partition as rows. */
spk_status spk_file_source_fetch(struct spk_source *base, int partition, int64_t end, int max_rows, size_t max_bytes, int64_t wait_us, struct spk_chunk *chunk, spk_error *err);

#endif
