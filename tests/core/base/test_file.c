#include "core/base/file.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/check.h"
#include "core/base/fault.h"
#include "tests/support/test.h"

static char *dir;

/* The path of a name in this test's folder, until the next call but three. */
static const char *in(const char *name)
{
	static char paths[4][512];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void start(const char *name)
{
	free(dir);
	dir = spk_test_dir(name);
}

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

static void check_contents(const char *path, const char *want)
{
	struct spk_buffer b = { 0 };
	spk_error err = { 0 };

	CHECK_OK(spk_file_read_all(path, &b, &err), err);
	CHECK_EQ_STR(spk_buffer_cstr(&b), want);
	spk_buffer_release(&b);
}

static void read_appends(void)
{
	struct spk_buffer b = { 0 };
	spk_error err = { 0 };
	char *block = malloc(300000);

	start("read");
	REQUIRE(block != NULL);
	memset(block, 'z', 300000);
	spk_test_spew(in("big"), block, 300000);
	REQUIRE_OK(spk_buffer_append_str(&b, "head", &err), err);
	CHECK_OK(spk_file_read_all(in("big"), &b, &err), err);
	CHECK_EQ_INT(b.size, 300004);
	CHECK_EQ_MEM(b.data + 4, block, 300000);
	CHECK_FAILS(spk_file_read_all(in("none"), &b, &err), SPK_NOT_FOUND, err);
	CHECK_HOLDS(err.message, in("none"));
	CHECK_HOLDS(err.message, "No such file");
	CHECK_FAILS(spk_file_read_all(dir, &b, &err), SPK_IO, err);
	CHECK_EQ_INT(b.size, 300004);
	CHECK_EQ_INT(spk_fault_set("malloc:1+", NULL), SPK_OK);
	CHECK_FAILS(spk_file_read_all(in("big"), &b, &err), SPK_NO_MEMORY, err);
	spk_fault_set(NULL, NULL);
	CHECK_EQ_INT(b.size, 300004);
	spk_buffer_release(&b);
	free(block);
}

static void write_replaces(void)
{
	spk_error err = { 0 };
	struct stat info;

	start("write");
	CHECK_OK(spk_file_write_atomic(in("f"), "one", 3, &err), err);
	check_contents(in("f"), "one");
	CHECK_OK(spk_file_write_atomic(in("f"), "second", 6, &err), err);
	check_contents(in("f"), "second");
	CHECK_OK(spk_file_write_atomic(in("f"), NULL, 0, &err), err);
	check_contents(in("f"), "");
	CHECK(stat(in("f"), &info) == 0 && (info.st_mode & 0777) == 0600);
	CHECK(!is_there(in("f.tmp")));
	CHECK_FAILS(spk_file_write_atomic(in("no/f"), "x", 1, &err), SPK_NOT_FOUND, err);
	CHECK_OK(spk_dir_create(in("d"), &err), err);
	CHECK_FAILS(spk_file_write_atomic(in("d"), "x", 1, &err), SPK_IO, err);
	CHECK(!is_there(in("d.tmp")));
}

static void write_to_the_working_folder(void)
{
	char before[4096];
	spk_error err = { 0 };

	start("cwd");
	REQUIRE(getcwd(before, sizeof(before)) && chdir(dir) == 0);
	CHECK_OK(spk_file_write_atomic("plain", "x", 1, &err), err);
	CHECK_OK(spk_dir_create("a/b", &err), err);
	REQUIRE(chdir(before) == 0);
	check_contents(in("plain"), "x");
	CHECK(is_there(in("a/b")));
}

/* Before the rename every failure leaves the old file, after it the new one; and never a temporary one. */
static void write_fails_whole(void)
{
	static const struct { const char *fault, *contents; } cases[] = {
		{ "file.write:1", "old" }, { "file.sync:1", "old" }, { "file.rename:1", "old" }, { "file.sync:2", "new" },
	};
	spk_error err = { 0 };

	start("fail");
	for (size_t i = 0; i < SPK_COUNT_OF(cases); i++) {
		REQUIRE_OK(spk_file_write_atomic(in("f"), "old", 3, &err), err);
		CHECK_EQ_INT(spk_fault_set(cases[i].fault, NULL), SPK_OK);
		CHECK_FAILS(spk_file_write_atomic(in("f"), "new", 3, &err), SPK_IO, err);
		CHECK(err.retriable);
		spk_fault_set(NULL, NULL);
		check_contents(in("f"), cases[i].contents);
		CHECK(!is_there(in("f.tmp")));
	}
}

static void only_passing_reasons_are_retriable(void)
{
	spk_error err = { 0 };

	CHECK_FAILS(spk_fail_errno(&err, ENOSPC, "cannot write %s", "x"), SPK_IO, err);
	CHECK(err.retriable);
	CHECK_HOLDS(err.message, "cannot write x: No space left");
	CHECK_FAILS(spk_fail_errno(&err, EACCES, "x"), SPK_IO, err);
	CHECK(!err.retriable);
	CHECK_EQ_INT(spk_fail_errno(NULL, ENOENT, "x"), SPK_NOT_FOUND);
}

static void copies(void)
{
	spk_error err = { 0 };
	char *block = malloc(300000);

	start("copy");
	REQUIRE(block != NULL);
	memset(block, 'q', 299999);
	block[299999] = '\0';
	spk_test_spew(in("from"), block, 299999);
	spk_test_spew(in("to"), "older and shorter", 17);
	CHECK_OK(spk_file_copy(in("from"), in("to"), &err), err);
	check_contents(in("to"), block);
	CHECK_FAILS(spk_file_copy(in("none"), in("to"), &err), SPK_NOT_FOUND, err);
	check_contents(in("to"), block);
	CHECK_FAILS(spk_file_copy(in("from"), in("no/to"), &err), SPK_NOT_FOUND, err);
	CHECK_EQ_INT(spk_fault_set("file.write:2", NULL), SPK_OK);
	CHECK_FAILS(spk_file_copy(in("from"), in("half"), &err), SPK_IO, err);
	CHECK_EQ_INT(spk_fault_set("file.sync:1", NULL), SPK_OK);
	CHECK_FAILS(spk_file_copy(in("from"), in("half"), &err), SPK_IO, err);
	spk_fault_set(NULL, NULL);
	CHECK(!is_there(in("half")));
	free(block);
}

static void copies_onto_itself(void)
{
	spk_error err = { 0 };

	start("self");
	spk_test_spew(in("f"), "precious", 8);
	CHECK_FAILS(spk_file_copy(in("f"), in("f"), &err), SPK_USAGE, err);
	REQUIRE(link(in("f"), in("g")) == 0);
	CHECK_FAILS(spk_file_copy(in("f"), in("g"), &err), SPK_USAGE, err);
	check_contents(in("f"), "precious");
}

static void sizes_and_hashes(void)
{
	char hash[SPK_FILE_HASH_SIZE] = "kept";
	int64_t size = -1;
	spk_error err = { 0 };

	start("hash");
	CHECK_FAILS(spk_file_hash(in("f"), hash, &err), SPK_NOT_FOUND, err);
	CHECK_EQ_STR(hash, "kept");
	CHECK_FAILS(spk_file_size(in("f"), &size, &err), SPK_NOT_FOUND, err);
	CHECK_EQ_INT(size, -1);
	spk_test_spew(in("f"), "", 0);
	CHECK_OK(spk_file_hash(in("f"), hash, &err), err);
	/* The published value of the empty input, seed 0 (xxhash's own sanity tests). */
	CHECK_EQ_STR(hash, "99aa06d3014798d86001c324468d497f");
	spk_test_spew(in("f"), "abc", 3);
	CHECK_OK(spk_file_size(in("f"), &size, &err), err);
	CHECK_EQ_INT(size, 3);
	CHECK_OK(spk_file_hash(in("f"), hash, &err), err);
	CHECK_EQ_INT(strlen(hash), 32);
}

static void folders(void)
{
	spk_error err = { 0 };
	struct stat info;

	start("dirs");
	CHECK_OK(spk_dir_create(in("a/b//c/"), &err), err);
	CHECK_OK(spk_dir_create(in("a/b/c"), &err), err);
	CHECK(stat(in("a/b"), &info) == 0 && (info.st_mode & 0777) == 0700);
	spk_test_spew(in("a/file"), "x", 1);
	CHECK_FAILS(spk_dir_create(in("a/file"), &err), SPK_IO, err);
	CHECK(spk_dir_create(in("a/file/below"), &err) != SPK_OK);
	CHECK(spk_dir_create("", &err) != SPK_OK);
	CHECK_OK(spk_dir_sync(in("a"), &err), err);
	CHECK_FAILS(spk_dir_sync(in("none"), &err), SPK_NOT_FOUND, err);
	CHECK_EQ_INT(spk_fault_set("file.sync:1", NULL), SPK_OK);
	CHECK_FAILS(spk_dir_sync(in("a"), &err), SPK_IO, err);
	spk_fault_set(NULL, NULL);
}

static void removes_all_but_what_links_point_to(void)
{
	char deep[512] = "tree";
	spk_error err = { 0 };

	start("remove");
	spk_test_spew(in("precious"), "x", 1);
	CHECK_OK(spk_dir_create(in("outside"), &err), err);
	spk_test_spew(in("outside/precious"), "x", 1);
	CHECK_OK(spk_dir_create(in("tree/one/two"), &err), err);
	spk_test_spew(in("tree/one/f"), "x", 1);
	REQUIRE(symlink(in("outside"), in("tree/link")) == 0);
	REQUIRE(symlink(in("precious"), in("tree/one/link")) == 0);
	CHECK_OK(spk_dir_remove(in("tree"), &err), err);
	CHECK(!is_there(in("tree")));
	CHECK(is_there(in("precious")) && is_there(in("outside/precious")));
	CHECK_OK(spk_dir_remove(in("tree"), &err), err);
	REQUIRE(symlink(in("outside"), in("link")) == 0);
	CHECK(spk_dir_remove(in("link"), &err) != SPK_OK);
	CHECK(spk_dir_remove(in("precious"), &err) != SPK_OK);
	CHECK(is_there(in("precious")) && is_there(in("outside/precious")));
	for (int i = 0; i < 80; i++)
		strcat(deep, "/d");
	CHECK_OK(spk_dir_create(in(deep), &err), err);
	CHECK_FAILS(spk_dir_remove(in("tree"), &err), SPK_IO, err);
	CHECK_HOLDS(err.message, "nested");
}

static void lists_sorted(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_dir_entries entries = { .count = -1 };
	spk_error err = { 0 };
	char name[32];

	start("list");
	REQUIRE(arena != NULL);
	CHECK_FAILS(spk_dir_list(in("none"), arena, &entries, &err), SPK_NOT_FOUND, err);
	CHECK_EQ_INT(entries.count, -1);
	CHECK_OK(spk_dir_list(dir, arena, &entries, &err), err);
	CHECK_EQ_INT(entries.count, 0);
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "f%02d", i * 7 % 40);
		spk_test_spew(in(name), "", 0);
	}
	CHECK_OK(spk_dir_list(dir, arena, &entries, &err), err);
	REQUIRE_EQ_INT(entries.count, 40);
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "f%02d", i);
		CHECK_EQ_STR(entries.name[i], name);
	}
	CHECK_EQ_INT(spk_fault_set("malloc:1+", NULL), SPK_OK);
	for (int i = 0; i < 20 && !spk_dir_list(dir, arena, &entries, &err); i++) {
	}
	CHECK_EQ_INT(err.code, SPK_NO_MEMORY);
	spk_fault_set(NULL, NULL);
	spk_arena_unref(arena);
	free(dir);
	dir = NULL;
}

SPK_TEST_SUITE("file",
	{"read appends", read_appends},
	{"write replaces", write_replaces},
	{"write to the working folder", write_to_the_working_folder},
	{"a failed write is whole", write_fails_whole},
	{"only passing reasons are retriable", only_passing_reasons_are_retriable},
	{"copies", copies},
	{"refuses to copy onto itself", copies_onto_itself},
	{"sizes and hashes", sizes_and_hashes},
	{"folders", folders},
	{"removes all but what links point to", removes_all_but_what_links_point_to},
	{"lists sorted", lists_sorted})
