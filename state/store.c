/*
 * The store: one RocksDB in a scratch directory, a column family per table.
 *
 * RocksDB's own log is off: what is not in a checkpoint is computed again from the epochs since (exactly once, see stream/). So a
 * write is a memtable insert, and a snapshot must flush the memtables first, which checkpoint_create does only when told to.
 */
#include "state/state.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/memory.h"
#include "state/internal.h"

enum {
	DEFAULT_CACHE = 64 << 20,
	ONLY_HEADERS = 5,              /* of RocksDB's levels of its log */
	PROBE_BYTES = 256 << 10,
	DEFAULT_BLOCK_CACHE = 8 << 20,
	SMALLEST_BLOCK_CACHE = 1 << 20,
	SMALLEST_FILE = 4 << 20,
	FILES_TO_MERGE = 8,
	DEFAULT_INGEST = 4096,    /* cells */
	META_HEAD = 5,            /* bytes of a table's entry before its fingerprint: kind, schema version (big-endian) */
};

static const char meta_prefix[] = "table:";

/* --- keys and errors --- */

int spk_state_prefix(const struct spk_table *table, int shard, int64_t bucket, char out[SPK_STATE_PREFIX_MAX])
{
	out[0] = (char)shard;
	if (table->kind != SPK_TABLE_BUCKETED)
		return 1;
	uint64_t word = __builtin_bswap64((uint64_t)bucket ^ 1ull << 63);

	memcpy(out + 1, &word, 8);
	return SPK_STATE_PREFIX_MAX;
}

int64_t spk_state_bucket_of(const char *key)
{
	uint64_t word;

	memcpy(&word, key + 1, 8);
	return (int64_t)(__builtin_bswap64(word) ^ 1ull << 63);
}

void spk_state_prefix_end(const char *prefix, int size, char *out)
{
	memmove(out, prefix, (size_t)size);
	for (int i = size - 1; i >= 0; i--) {
		unsigned char next = (unsigned char)((unsigned char)out[i] + 1);

		out[i] = (char)next;
		if (next)
			return;
	}
	SPK_ASSERT(false, "shards are small numbers, so a prefix has a successor");
}

spk_status spk_state_fail(const struct spk_store *store, char *message, const char *what, spk_error *err)
{
	bool corrupt = strncmp(message, "Corruption", 10) == 0;
	bool full = strstr(message, "No space left") != NULL;
	spk_status status = spk_fail(err, corrupt ? SPK_CORRUPT : SPK_IO, "state store %s: %s: %s", store->dir, what, message);

	rocksdb_free(message);
	if (full)
		spk_hint(err, "make room on that disk; the job goes on from its last checkpoint");
	return status;
}

/* --- opening --- */

static void set_base_options(struct spk_store *s)
{
	size_t memtables = s->options.block_cache_bytes / 2;
	rocksdb_options_t *o = s->db_options;
	rocksdb_block_based_table_options_t *b = s->block_options;

	rocksdb_options_set_create_if_missing(o, 1);
	/* Its own log is not kept, and ends the process by an assertion when a line comes after one that found the disk full (7.8.3). */
	rocksdb_options_set_info_log_level(o, ONLY_HEADERS);
	rocksdb_options_set_max_background_jobs(o, 2);
	rocksdb_options_set_max_open_files(o, 512);
	rocksdb_options_set_stats_dump_period_sec(o, 0);
	rocksdb_options_set_keep_log_file_num(o, 1);
	rocksdb_options_set_manifest_preallocation_size(o, 64 * 1024);
	/* All memtables together, whatever the number of tables; each may fill half of it before it is flushed. */
	rocksdb_options_set_db_write_buffer_size(o, memtables);
	rocksdb_options_set_write_buffer_size(o, memtables / 2);
	rocksdb_options_set_arena_block_size(o, 64 * 1024);
	/* Reads are for single keys that are often not there: ask a filter before a memtable, a hash before a block. */
	rocksdb_options_set_memtable_prefix_bloom_size_ratio(o, 0.05);
	rocksdb_options_set_memtable_whole_key_filtering(o, 1);
	/* A file's filter and index are made in memory, which RocksDB does not count. */
	rocksdb_options_set_target_file_size_base(o, SPK_MAX(s->options.block_cache_bytes, (size_t)SMALLEST_FILE));
	rocksdb_options_set_compression(o, rocksdb_lz4_compression);
	rocksdb_options_set_level_compaction_dynamic_level_bytes(o, 1);
	/* Files are large, and keys that are in none of them are not looked for: to merge them less often costs little. */
	rocksdb_options_set_level0_file_num_compaction_trigger(o, FILES_TO_MERGE);

	rocksdb_block_based_options_set_block_cache(b, s->block_cache);
	rocksdb_block_based_options_set_cache_index_and_filter_blocks(b, 1);
	rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(b, 1);
	rocksdb_block_based_options_set_filter_policy(b, rocksdb_filterpolicy_create_bloom_full(10));
	rocksdb_block_based_options_set_data_block_index_type(b, rocksdb_block_based_table_data_block_index_type_binary_search_and_hash);
	rocksdb_block_based_options_set_data_block_hash_ratio(b, 0.75);
	rocksdb_block_based_options_set_format_version(b, 5);
	rocksdb_options_set_block_based_table_factory(o, b);
}

static spk_status make_options(struct spk_store *s, spk_error *err)
{
	rocksdb_options_t *base = rocksdb_options_create();
	char *message = NULL;

	/* Reachable by text alone: closing drops what is not in a checkpoint, so it need not be flushed. */
	s->db_options = rocksdb_options_create();
	rocksdb_get_options_from_string(base, "avoid_flush_during_shutdown=true", s->db_options, &message);
	rocksdb_options_destroy(base);
	if (message)
		return spk_state_fail(s, message, "options", err);
	s->block_options = rocksdb_block_based_options_create();
	s->block_cache = rocksdb_cache_create_lru(s->options.block_cache_bytes / 2);
	set_base_options(s);
	s->get_options = rocksdb_readoptions_create();
	s->write_options = rocksdb_writeoptions_create();
	rocksdb_writeoptions_disable_WAL(s->write_options, 1);
	return SPK_OK;
}

/* Metrics of a table; "?" when its name cannot be a label. */
static void find_metrics(struct spk_table *t)
{
	char labels[128] = "table=?";

	if (!strpbrk(t->name, ",=") && strlen(t->name) < sizeof(labels) - sizeof("table="))
		snprintf(labels, sizeof(labels), "table=%s", t->name);
	t->reads = spk_metric(SPK_COUNTER, "state_reads_total", labels);
	t->misses = spk_metric(SPK_COUNTER, "state_misses_total", labels);
	t->writes = spk_metric(SPK_COUNTER, "state_writes_total", labels);
}

static struct spk_table *table_new(struct spk_store *s, const char *name)
{
	struct spk_table *t = calloc(1, sizeof(*t));

	if (t && !(t->name = strdup(name))) {
		free(t);
		t = NULL;
	}
	if (t) {
		find_metrics(t);
		t->store = s;
		t->next = s->tables;
		s->tables = t;
	}
	return t;
}

static void table_free(struct spk_table *t)
{
	if (t->cf)
		rocksdb_column_family_handle_destroy(t->cf);
	free(t->name);
	free(t->fingerprint);
	free(t);
}

/* Opens RocksDB with these column families and makes a table of each but the default one. */
static spk_status open_families(struct spk_store *s, int count, char **names, rocksdb_column_family_handle_t **handles, const rocksdb_options_t **options, spk_error *err)
{
	char *message = NULL;
	bool short_of_memory = false;

	for (int i = 0; i < count; i++)
		options[i] = s->db_options;
	s->db = rocksdb_open_column_families(s->db_options, s->dir, count, (const char *const *)names, options, handles, &message);
	if (message)
		return spk_state_fail(s, message, "opening", err);
	for (int i = 0; i < count; i++) {
		if (strcmp(names[i], "default") == 0) {
			s->meta = handles[i];
			continue;
		}
		struct spk_table *t = table_new(s, names[i]);

		if (t) {
			t->cf = handles[i];
			atomic_store(&t->stored, true);
		} else {
			rocksdb_column_family_handle_destroy(handles[i]);
			short_of_memory = true;
		}
	}
	return short_of_memory ? spk_fail(err, SPK_NO_MEMORY, "out of memory while opening state") : SPK_OK;
}

static spk_status open_rocksdb(struct spk_store *s, bool there, spk_error *err)
{
	char *only[] = { "default" }, **names = only, *message = NULL;
	size_t count = 1;

	if (there)
		names = rocksdb_list_column_families(s->db_options, s->dir, &count, &message);
	if (message)
		return spk_state_fail(s, message, "listing tables", err);
	rocksdb_column_family_handle_t **handles = calloc(count, sizeof(*handles));
	const rocksdb_options_t **options = calloc(count, sizeof(*options));
	spk_status status = handles && options ? open_families(s, (int)count, names, handles, options, err)
	                                       : spk_fail(err, SPK_NO_MEMORY, "out of memory while opening state");

	free(handles);
	free(options);
	if (there)
		rocksdb_list_column_families_destroy(names, count);
	return status;
}

/* Reads a table's kind, version and fingerprint, if it has any. */
static spk_status read_meta(struct spk_table *t, spk_error *err)
{
	struct spk_store *s = t->store;
	struct spk_buffer key = { 0 };
	char *message = NULL;
	size_t size = 0;

	SPK_TRY(spk_buffer_printf(&key, err, "%s%s", meta_prefix, t->name));
	char *meta = rocksdb_get_cf(s->db, s->get_options, s->meta, key.data, key.size, &size, &message);

	spk_buffer_release(&key);
	if (message)
		return spk_state_fail(s, message, "reading a table's description", err);
	if (!meta)
		return SPK_OK;
	if (size < META_HEAD || (unsigned char)meta[0] > SPK_TABLE_BUCKETED) {
		rocksdb_free(meta);
		return spk_fail(err, SPK_CORRUPT, "state store %s: the description of table '%s' is not readable", s->dir, t->name);
	}
	const unsigned char *v = (const unsigned char *)meta + 1;

	t->kind = meta[0] ? SPK_TABLE_BUCKETED : SPK_TABLE_KEYED;
	t->version = (int)((uint32_t)v[0] << 24 | (uint32_t)v[1] << 16 | (uint32_t)v[2] << 8 | v[3]);
	t->fingerprint = calloc(1, size - META_HEAD + 1);
	if (t->fingerprint)
		memcpy(t->fingerprint, meta + META_HEAD, size - META_HEAD);
	rocksdb_free(meta);
	return t->fingerprint ? SPK_OK : spk_fail(err, SPK_NO_MEMORY, "out of memory while opening state");
}

static spk_status write_meta(struct spk_table *t, spk_error *err)
{
	struct spk_store *s = t->store;
	struct spk_buffer key = { 0 }, value = { 0 };
	uint32_t version = (uint32_t)t->version;
	char head[META_HEAD] = { (char)t->kind, (char)(version >> 24), (char)(version >> 16), (char)(version >> 8), (char)version };
	char *message = NULL;
	spk_status status = spk_buffer_printf(&key, err, "%s%s", meta_prefix, t->name);

	if (status == SPK_OK)
		status = spk_buffer_append(&value, head, sizeof(head), err);
	if (status == SPK_OK)
		status = spk_buffer_append_str(&value, t->fingerprint, err);
	if (status == SPK_OK)
		status = spk_fault(SPK_FAULT_STATE_WRITE, err);
	if (status == SPK_OK) {
		rocksdb_put_cf(s->db, s->write_options, s->meta, key.data, key.size, value.data, value.size, &message);
		if (message)
			status = spk_state_fail(s, message, "writing a table's description", err);
	}
	spk_buffer_release(&key);
	spk_buffer_release(&value);
	return status;
}

/* Makes the directory unless it is there; *there: it holds a database. Anything else in it is not ours to touch. */
static spk_status check_dir(const char *dir, bool *there, spk_error *err)
{
	struct spk_dir_entries entries;

	SPK_TRY(spk_dir_create(dir, err));
	struct spk_arena *arena = spk_arena_new(NULL);

	SPK_TRY_PTR(arena, err);
	spk_status status = spk_dir_list(dir, arena, &entries, err);

	*there = false;
	if (status == SPK_OK) {
		for (int i = 0; i < entries.count; i++)
			*there |= strcmp(entries.name[i], "CURRENT") == 0;
		if (entries.count && !*there)
			status = spk_fail(err, SPK_EXISTS, "%s is not empty and holds no state", dir);
	}
	spk_arena_unref(arena);
	return status;
}

/* Room for what RocksDB writes at once when it opens: what it does without is not an error but an assertion. */
static spk_status probe_room(const struct spk_store *s, spk_error *err)
{
	char *path, *zeros;
	spk_status status;

	if (asprintf(&path, "%s/.room", s->dir) < 0)
		return spk_fail_memory(err);
	zeros = calloc(1, PROBE_BYTES);
	status = zeros ? spk_file_write_atomic(path, zeros, PROBE_BYTES, err) : spk_fail_memory(err);
	unlink(path);
	free(zeros);
	free(path);
	return status;
}

static spk_status open_store(struct spk_store *s, spk_error *err)
{
	bool there = false;

	SPK_TRY(spk_memory_reserve(s->rocksdb_account, s->options.block_cache_bytes, err));
	s->reserved = s->options.block_cache_bytes;
	SPK_TRY(check_dir(s->dir, &there, err));
	SPK_TRY(probe_room(s, err));
	SPK_TRY(make_options(s, err));
	SPK_TRY(open_rocksdb(s, there, err));
	for (struct spk_table *t = s->tables; t; t = t->next)
		SPK_TRY(read_meta(t, err));
	return spk_image_open(s, err);
}

spk_status spk_store_open(struct spk_store **out, const char *dir, const struct spk_store_options *options, spk_error *err)
{
	struct spk_store *s = calloc(1, sizeof(*s));

	if (!s || !(s->dir = strdup(dir))) {
		free(s);
		return spk_fail(err, SPK_NO_MEMORY, "out of memory while opening state");
	}
	s->options = *options;
	spk_store_bound_cache(s, options->cache_bytes ? options->cache_bytes : DEFAULT_CACHE);
	if (!s->options.block_cache_bytes)
		s->options.block_cache_bytes = DEFAULT_BLOCK_CACHE;
	if (!s->options.ingest_cells)
		s->options.ingest_cells = DEFAULT_INGEST;
	s->options.block_cache_bytes = SPK_MAX(s->options.block_cache_bytes, (size_t)SMALLEST_BLOCK_CACHE);
	s->cache_account = spk_memory_account("state cache");
	s->rocksdb_account = spk_memory_account("rocksdb");
	pthread_mutex_init(&s->lock, NULL);
	spk_status status = open_store(s, err);

	if (status == SPK_OK)
		*out = s;
	else
		spk_store_close(s);
	return status;
}

void spk_store_close(struct spk_store *s)
{
	if (!s)
		return;
	SPK_ASSERT(!s->views, "views are closed before their store");
	for (struct spk_table *t = s->tables, *next; t; t = next) {
		next = t->next;
		table_free(t);
	}
	spk_image_close(s);
	if (s->meta)
		rocksdb_column_family_handle_destroy(s->meta);
	if (s->db)
		rocksdb_close(s->db);
	if (s->get_options)
		rocksdb_readoptions_destroy(s->get_options);
	if (s->write_options)
		rocksdb_writeoptions_destroy(s->write_options);
	if (s->block_options)
		rocksdb_block_based_options_destroy(s->block_options);
	if (s->block_cache)
		rocksdb_cache_destroy(s->block_cache);
	if (s->db_options)
		rocksdb_options_destroy(s->db_options);
	spk_memory_unreserve(s->rocksdb_account, s->reserved);
	pthread_mutex_destroy(&s->lock);
	free(s->dir);
	free(s);
}

/* --- tables --- */

struct spk_table *spk_store_table(struct spk_store *s, const char *name)
{
	pthread_mutex_lock(&s->lock);
	struct spk_table *t = s->tables;

	while (t && strcmp(t->name, name) != 0)
		t = t->next;
	pthread_mutex_unlock(&s->lock);
	return t;
}

static const char *kind_name(enum spk_table_kind kind) { return kind == SPK_TABLE_BUCKETED ? "bucketed" : "keyed"; }

/* The table is there already: it must mean the same. */
static spk_status check_same(const struct spk_table *t, enum spk_table_kind kind, int version, const char *fingerprint, spk_error *err)
{
	if (!t->fingerprint)
		return spk_fail(err, SPK_CORRUPT, "state table '%s' has no description", t->name);
	if (t->kind == kind && t->version == version && strcmp(t->fingerprint, fingerprint) == 0)
		return SPK_OK;
	spk_status status = spk_fail(err, SPK_BIND, "state table '%s' holds %s state of version %d, '%s', not %s state of version %d, '%s'",
	                             t->name, kind_name(t->kind), t->version, t->fingerprint, kind_name(kind), version, fingerprint);

	spk_hint(err, "the query changed: run it under a new job name, or rebuild this table");
	return status;
}

static spk_status create_table(struct spk_store *s, const char *name, enum spk_table_kind kind, int version, const char *fingerprint, struct spk_table **out, spk_error *err)
{
	char *message = NULL;
	struct spk_table *t = table_new(s, name);

	if (!t || !(t->fingerprint = strdup(fingerprint)))
		return spk_fail(err, SPK_NO_MEMORY, "out of memory while adding a state table");
	t->kind = kind;
	t->version = version;
	*out = t;
	t->cf = rocksdb_create_column_family(s->db, s->db_options, name, &message);
	if (message)
		return spk_state_fail(s, message, "adding a table", err);
	return write_meta(t, err);
}

/* @locks: s->lock held */
static void unlink_table(struct spk_store *s, struct spk_table *t)
{
	struct spk_table **at = &s->tables;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
}

spk_status spk_store_add_table(struct spk_store *s, const char *name, enum spk_table_kind kind, int schema_version, const char *fingerprint, spk_error *err)
{
	struct spk_table *t = spk_store_table(s, name), *made = NULL;

	if (!*name || strcmp(name, "default") == 0)
		return spk_fail(err, SPK_USAGE, "'%s' cannot be the name of a state table", name);
	if (t) {
		SPK_TRY(check_same(t, kind, schema_version, fingerprint, err));
		t->added = true;
		return SPK_OK;
	}
	pthread_mutex_lock(&s->lock);
	spk_status status = create_table(s, name, kind, schema_version, fingerprint, &made, err);

	if (status == SPK_OK) {
		made->added = true;
	} else if (made) {
		char *message = NULL;

		if (made->cf)
			rocksdb_drop_column_family(s->db, made->cf, &message);
		rocksdb_free(message);
		unlink_table(s, made);
		table_free(made);
	}
	pthread_mutex_unlock(&s->lock);
	return status;
}

spk_status spk_store_each_table(struct spk_store *s, spk_status (*each)(void *user, const char *name, enum spk_table_kind kind, int schema_version, const char *fingerprint, bool added, spk_error *err), void *user, spk_error *err)
{
	for (struct spk_table *t = s->tables; t; t = t->next)
		SPK_TRY(each(user, t->name, t->kind, t->version, t->fingerprint ? t->fingerprint : "", t->added, err));
	return SPK_OK;
}

spk_status spk_store_drop_table(struct spk_store *s, const char *name, spk_error *err)
{
	struct spk_table *t = spk_store_table(s, name);
	char *message = NULL;

	if (!t)
		return SPK_OK;
	SPK_ASSERT(!t->shards, "a table that is dropped has no views");
	SPK_TRY(spk_fault(SPK_FAULT_STATE_WRITE, err));
	struct spk_buffer key = { 0 };

	SPK_TRY(spk_buffer_printf(&key, err, "%s%s", meta_prefix, t->name));
	rocksdb_drop_column_family(s->db, t->cf, &message);
	if (!message)
		rocksdb_delete_cf(s->db, s->write_options, s->meta, key.data, key.size, &message);
	spk_buffer_release(&key);
	if (message)
		return spk_state_fail(s, message, "dropping a table", err);
	pthread_mutex_lock(&s->lock);
	unlink_table(s, t);
	pthread_mutex_unlock(&s->lock);
	spk_image_forget(s, name, UINT64_MAX);
	table_free(t);
	return SPK_OK;
}

/* --- flush and snapshot --- */

spk_status spk_store_flush(struct spk_store *s, spk_error *err)
{
	for (struct spk_state_view *view = s->views; view; view = view->next) {
		SPK_TRY(spk_state_write_view(view, err));
		spk_image_forget(s, view->table->name, spk_view_shards(view));
		SPK_TRY(spk_state_trim(view, err));
	}
	return SPK_OK;
}

static spk_status take_rocksdb(struct spk_store *s, const char *dir, spk_error *err)
{
	char *message = NULL;
	rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(s->db, &message);

	if (message)
		return spk_state_fail(s, message, "preparing a snapshot", err);
	/* 0: flush the memtables always. Without a log they are nowhere else. */
	rocksdb_checkpoint_create(checkpoint, dir, 0, &message);
	rocksdb_checkpoint_object_destroy(checkpoint);
	return message ? spk_state_fail(s, message, "taking a snapshot", err) : SPK_OK;
}

/* The directory is RocksDB's to make, so the image comes last, under its name at once. */
static spk_status add_image(const char *image, const char *dir, spk_error *err)
{
	char *to;
	spk_status status;

	if (asprintf(&to, "%s/%s", dir, SPK_IMAGE_FILE) < 0)
		return spk_fail_memory(err);
	status = rename(image, to) == 0 ? SPK_OK : spk_fail_errno(err, errno, "cannot rename %s to %s", image, to);
	free(to);
	return status;
}

static spk_status snapshot_with_image(struct spk_store *s, bool cells, uint64_t imaged, const char *part, const char *dir, spk_error *err)
{
	spk_status status;

	SPK_TRY(spk_image_write(s, cells, imaged, part, err));
	status = take_rocksdb(s, dir, err);
	if (status == SPK_OK) {
		status = add_image(part, dir, err);
		if (status != SPK_OK)
			spk_dir_remove(dir, NULL);
	}
	if (status != SPK_OK)
		unlink(part);
	else
		s->imaged = imaged;
	return status;
}

spk_status spk_store_snapshot(struct spk_store *s, const char *dir, spk_error *err)
{
	uint64_t imaged;
	const bool cells = spk_image_wanted(s, &imaged);
	spk_status status;
	char *part;

	if (!cells) {
		SPK_TRY(spk_store_flush(s, err));
		s->imaged = imaged = 0;
	}
	SPK_TRY(spk_fault(SPK_FAULT_STATE_SNAPSHOT, err));
	if (!cells && !spk_image_is_left(s))
		return take_rocksdb(s, dir, err);
	if (asprintf(&part, "%s/%s.part", s->dir, SPK_IMAGE_FILE) < 0)
		return spk_fail_memory(err);
	status = snapshot_with_image(s, cells, imaged, part, dir, err);
	free(part);
	return status;
}

void spk_store_bound_cache(struct spk_store *s, size_t bytes)
{
	atomic_store_explicit(&s->cache_bound, bytes, memory_order_relaxed);
}

size_t spk_store_cache_bound(const struct spk_store *s)
{
	return atomic_load_explicit(&s->cache_bound, memory_order_relaxed);
}

size_t spk_store_cached(const struct spk_store *s)
{
	return atomic_load_explicit(&s->cached, memory_order_relaxed);
}

int64_t spk_store_bytes(const struct spk_store *store)
{
	static const char *const properties[] = { "rocksdb.estimate-live-data-size", "rocksdb.cur-size-all-mem-tables" };
	int64_t bytes = (int64_t)spk_store_cached(store);

	for (const struct spk_table *t = store->tables; t; t = t->next)
		for (size_t i = 0; i < SPK_COUNT_OF(properties); i++) {
			uint64_t value = 0;

			if (rocksdb_property_int_cf(store->db, t->cf, properties[i], &value) == 0)
				bytes += (int64_t)value;
		}
	return bytes;
}
