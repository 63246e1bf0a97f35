/* The fuzz programs of tests/fuzz for a short while, over their kept inputs; with SPARKLET_LONG=1 for a long one. */
#define SPK_FUZZ_INCLUDED
#include "tests/fuzz/fuzz_avro.c"
#include "tests/fuzz/fuzz_csv.c"
#include "tests/fuzz/fuzz_json.c"
#include "tests/fuzz/fuzz_protobuf.c"
#include "tests/support/test.h"

static void run(const char *corpus, fuzz_function one)
{
	char *path = spk_test_source(corpus);
	uint64_t state = spk_test_seed();

	CHECK(fuzz_path(path, one, spk_test_long() ? 100000 : 400, &state) >= 10);
	free(path);
}

static void json(void) { run("tests/fuzz/corpus/json", fuzz_json_one); }
static void csv(void) { run("tests/fuzz/corpus/csv", fuzz_csv_one); }
static void avro(void) { run("tests/fuzz/corpus/avro", fuzz_avro_one); }
static void protobuf(void) { run("tests/fuzz/corpus/protobuf", fuzz_protobuf_one); }

SPK_TEST_SUITE("fuzz", { "json", json }, { "csv", csv }, { "avro", avro }, { "protobuf", protobuf })
