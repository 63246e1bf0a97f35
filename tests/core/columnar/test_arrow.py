#!/usr/bin/env python3
"""The Arrow C Data Interface against pyarrow: what it hands us we read right, what we hand it it reads right.

Needs the Python environment of `tools/deps.sh test` and the archives of core/base and core/columnar in $SPARKLET_BUILD.
Not under a sanitizer: an instrumented library cannot be loaded into a plain python; test_arrow.c covers that build.
"""
import ctypes
import datetime
import decimal
import os
import random
import shlex
import subprocess
import sys

SRC = os.environ.get("SPARKLET_SRC") or os.path.dirname(os.path.abspath(__file__)) + "/../../.."
BUILD = os.environ.get("SPARKLET_BUILD") or SRC + "/build"
TMP = os.environ.get("SPARKLET_TMP") or "/tmp"
PYTHON = os.environ.get("SPARKLET_PYTHON")


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


if os.environ.get("SPARKLET_SANITIZER"):
    skip("an instrumented library cannot be loaded into python; test_arrow.c runs under the sanitizer")
if PYTHON and os.path.isabs(PYTHON) and not os.environ.get("SPARKLET_REEXEC"):
    os.environ["SPARKLET_REEXEC"] = "1"
    os.execv(PYTHON, [PYTHON, os.path.abspath(__file__)])
try:
    import pyarrow as pa
except ImportError:
    if os.environ.get("CI"):
        raise
    skip("pyarrow is not installed: run tools/deps.sh test")

ARCHIVES = [f"{BUILD}/lib/libcore_{name}.a" for name in ("columnar", "base")]
if not all(map(os.path.exists, ARCHIVES)):
    skip("core/base and core/columnar are not built: run make tests")


def build_probe():
    out = f"{TMP}/arrow_probe.so"
    subprocess.run([*shlex.split(os.environ.get("CC", "gcc")), "-std=gnu17", "-shared", "-fPIC", "-O1", "-iquote", SRC, "-I", f"{SRC}/include", "-o", out,
                    f"{SRC}/tests/core/columnar/arrow_probe.c", *ARCHIVES, "-lxxhash", "-lm", "-lpthread"], check=True)
    return ctypes.CDLL(out)


PROBE = build_probe()
PROBE.probe_error.restype = PROBE.probe_type.restype = ctypes.c_char_p
PROBE.probe_import.restype = ctypes.c_void_p
PROBE.probe_import.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
PROBE.probe_type.argtypes = [ctypes.c_void_p, ctypes.c_int]
PROBE.probe_free.argtypes = PROBE.probe_batches.argtypes = [ctypes.c_void_p]
PROBE.probe_reencode.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_ulonglong]
PROBE.probe_export_schema.argtypes = PROBE.probe_export.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]


class Struct(ctypes.Structure):
    """Room for an ArrowSchema (72 bytes) or an ArrowArray (80)."""
    _fields_ = [("word", ctypes.c_uint64 * 10)]


def there(batch):
    """Our import of a record batch: an opaque handle."""
    schema, array = Struct(), Struct()
    batch._export_to_c(ctypes.addressof(array), ctypes.addressof(schema))
    handle = PROBE.probe_import(ctypes.addressof(schema), ctypes.addressof(array))
    pa.Schema._import_from_c(ctypes.addressof(schema))      # gives the schema back
    if not handle:
        raise ValueError(PROBE.probe_error().decode())
    return handle


def back(handle, exact=0):
    """What pyarrow reads from our export of it."""
    out = []
    for i in range(PROBE.probe_batches(handle)):
        schema, array = Struct(), Struct()
        assert PROBE.probe_export_schema(handle, exact, ctypes.addressof(schema)) == 0, PROBE.probe_error()
        assert PROBE.probe_export(handle, i, ctypes.addressof(array)) == 0, PROBE.probe_error()
        out.append(pa.RecordBatch._import_from_c(ctypes.addressof(array), ctypes.addressof(schema)))
        out[-1].validate(full=True)
    return pa.Table.from_batches(out)


def round_trip(array, type_name, want_type, seed=None, field_metadata=None):
    field = pa.field("x", array.type, metadata=field_metadata)
    handle = there(pa.RecordBatch.from_arrays([array], schema=pa.schema([field])))
    try:
        got_name = PROBE.probe_type(handle, 0).decode()
        assert got_name == type_name, f"{array.type} came as {got_name}, not {type_name}"
        if seed is not None:
            for i in range(PROBE.probe_batches(handle)):
                assert PROBE.probe_reencode(handle, i, seed) == 0, PROBE.probe_error()
        table = back(handle)
    finally:
        PROBE.probe_free(handle)
    # The export outlives all handles of ours.
    column = table.column(0).combine_chunks()
    assert column.type == want_type, f"{array.type} went out as {column.type}, not {want_type}"
    return column


D = decimal.Decimal
NOW = datetime.datetime(2024, 2, 29, 13, 14, 15, 123456)
OLD = datetime.datetime(1890, 1, 1, 0, 0, 0, 1)
TEXT = ["", "a", "twelve bytes", "thirteen byte", "längerer Text mit Ümlauten", None, "x" * 300]
BYTES = [None if t is None else t.encode() + b"\0\xff" for t in TEXT]
MDN = pa.month_day_nano_interval()

RECORD = pa.struct([("a", pa.int32()), ("b", pa.string())])

# values, their Arrow type, our type, the Arrow type that comes back, and how the values come back (None: as they are)
CASES = [
    ([True, False, None, True], pa.bool_(), "boolean", pa.bool_(), None),
    ([1, -128, None, 127], pa.int8(), "smallint", pa.int16(), None),
    ([1, 255, None], pa.uint8(), "smallint", pa.int16(), None),
    ([1, -32768, None, 32767], pa.int16(), "smallint", pa.int16(), None),
    ([1, 65535, None], pa.uint16(), "integer", pa.int32(), None),
    ([1, -2**31, None, 2**31 - 1], pa.int32(), "integer", pa.int32(), None),
    ([1, 2**32 - 1, None], pa.uint32(), "bigint", pa.int64(), None),
    ([1, -2**63, None, 2**63 - 1], pa.int64(), "bigint", pa.int64(), None),
    ([1, 2**64 - 1, None], pa.uint64(), "numeric(20,0)", pa.decimal128(20, 0), lambda v: D(v)),
    ([1.5, -0.25, None, 65504.0], pa.float16(), "real", pa.float32(), None),
    ([1.5, -0.25, None, float("inf")], pa.float32(), "real", pa.float32(), None),
    ([0.1, -1e300, None, float("-inf")], pa.float64(), "double precision", pa.float64(), None),
    ([D("1.25"), D("-99999999.99"), None], pa.decimal128(10, 2), "numeric(10,2)", pa.decimal128(10, 2), None),
    ([D("1.25"), D("-" + "9" * 36 + ".99"), None], pa.decimal128(38, 2), "numeric(38,2)", pa.decimal128(38, 2), None),
    ([D("1.25"), D("-" + "9" * 36 + ".99"), None], pa.decimal256(60, 2), "numeric(38,2)", pa.decimal128(38, 2), None),
    (TEXT, pa.string(), "text", pa.string(), None),
    (TEXT, pa.large_string(), "text", pa.string(), None),
    (TEXT, pa.string_view(), "text", pa.string(), None),
    (BYTES, pa.binary(), "bytea", pa.binary(), None),
    (BYTES, pa.large_binary(), "bytea", pa.binary(), None),
    (BYTES, pa.binary_view(), "bytea", pa.binary(), None),
    ([b"abc", None, b"\0\1\2"], pa.binary(3), "bytea", pa.binary(), None),
    ([NOW.date(), OLD.date(), None], pa.date32(), "date", pa.date32(), None),
    ([NOW.date(), OLD.date(), None], pa.date64(), "date", pa.date32(), None),
    ([datetime.time(1, 2, 3), None], pa.time32("s"), "time without time zone", pa.time64("us"), None),
    ([datetime.time(1, 2, 3, 4000), None], pa.time32("ms"), "time without time zone", pa.time64("us"), None),
    ([datetime.time(1, 2, 3, 4), None], pa.time64("us"), "time without time zone", pa.time64("us"), None),
    ([datetime.time(1, 2, 3, 4), None], pa.time64("ns"), "time without time zone", pa.time64("us"), None),
    ([NOW.replace(microsecond=0), None], pa.timestamp("s"), "timestamp without time zone", pa.timestamp("us"), None),
    ([NOW.replace(microsecond=5000), None], pa.timestamp("ms"), "timestamp without time zone", pa.timestamp("us"), None),
    ([NOW, OLD, None], pa.timestamp("us"), "timestamp without time zone", pa.timestamp("us"), None),
    ([NOW, OLD, None], pa.timestamp("ns"), "timestamp without time zone", pa.timestamp("us"), None),
    ([NOW, OLD, None], pa.timestamp("us", "UTC"), "timestamp with time zone", pa.timestamp("us", "UTC"),
     lambda v: v.replace(tzinfo=datetime.timezone.utc)),
    ([pa.MonthDayNano([1, -2, 3000]), None], MDN, "interval", MDN, None),
    ([datetime.timedelta(seconds=5), None], pa.duration("s"), "interval", MDN, lambda v: pa.MonthDayNano([0, 0, v // datetime.timedelta(microseconds=1) * 1000])),
    ([datetime.timedelta(microseconds=-5), None], pa.duration("us"), "interval", MDN, lambda v: pa.MonthDayNano([0, 0, v // datetime.timedelta(microseconds=1) * 1000])),
    ([datetime.timedelta(microseconds=7), None], pa.duration("ns"), "interval", MDN, lambda v: pa.MonthDayNano([0, 0, v // datetime.timedelta(microseconds=1) * 1000])),
    ([None, None], pa.null(), "text", pa.string(), None),
    ([[1, None, 3], [], None, [4]], pa.list_(pa.int32()), "integer[]", pa.list_(pa.int32()), None),
    ([["a", None], ["longer than twelve bytes"], None, []], pa.large_list(pa.string()), "text[]", pa.list_(pa.string()), None),
    ([[1, 2], None, [3, None]], pa.list_(pa.int8(), 2), "smallint[]", pa.list_(pa.int16()), None),
    ([[True, None, False], [], None], pa.list_(pa.bool_()), "boolean[]", pa.list_(pa.bool_()), None),
    ([[D("1.25"), None], [D("-7.00")]], pa.list_(pa.decimal128(10, 2)), "numeric(10,2)[]", pa.list_(pa.decimal128(10, 2)), None),
    ([[NOW, None], [OLD]], pa.list_(pa.timestamp("ns")), "timestamp without time zone[]", pa.list_(pa.timestamp("us")), None),
    ([{"a": 1, "b": "x"}, None, {"a": None, "b": "longer than twelve bytes"}], RECORD, "record", RECORD, None),
    ([[{"a": 1, "b": "x"}, None], [], None, [{"a": None, "b": None}]], pa.list_(RECORD), "record[]", pa.list_(RECORD), None),
    ([{"r": {"a": 1, "b": "x"}, "l": [1.5]}, {"r": None, "l": None}, None], pa.struct([("r", RECORD), ("l", pa.list_(pa.float64()))]), "record",
     pa.struct([("r", RECORD), ("l", pa.list_(pa.float64()))]), None),
    ([[("k", 1), ("another", None)], [], None], pa.map_(pa.string(), pa.int64()), "record[]",
     pa.list_(pa.field("entries", pa.struct([pa.field("key", pa.string()), pa.field("value", pa.int64())]))), lambda v: [{"key": k, "value": w} for k, w in v]),
]


def check_values(values, arrow_type, ours, out_type, how):
    want = [v if v is None or how is None else how(v) for v in values]
    array = pa.array(values, arrow_type)
    for seed in (None, 1, 2, 3):
        assert round_trip(array, ours, out_type, seed).to_pylist() == want, arrow_type
    # Slices: offsets other than 0, on and off byte borders.
    rng = random.Random(str(arrow_type))
    picks = [rng.randrange(len(values)) for _ in range(300)]
    long_array = pa.array([values[i] for i in picks], arrow_type)
    long_want = [want[i] for i in picks]
    for start, length in ((0, 300), (1, 17), (8, 100), (63, 237), (130, 0), (299, 1)):
        part = long_array.slice(start, length)
        assert round_trip(part, ours, out_type, seed=start).to_pylist() == long_want[start:start + length], (arrow_type, start, length)
    # Without any NULL, there may be no bitmap.
    some = [v for v in values if v is not None]
    if some:
        assert round_trip(pa.array(some, arrow_type), ours, out_type).to_pylist() == [v for v in want if v is not None]


def check_dictionary(index_type):
    dictionary = pa.array(["one", None, "a value longer than twelve", "two"])
    array = pa.DictionaryArray.from_arrays(pa.array([3, 0, None, 2, 1, 0, 2], index_type), dictionary)
    want = ["two", "one", None, "a value longer than twelve", None, "one", "a value longer than twelve"]
    assert round_trip(array, "text", pa.string()).to_pylist() == want
    assert round_trip(array.slice(2, 4), "text", pa.string()).to_pylist() == want[2:6]
    numbers = pa.DictionaryArray.from_arrays(pa.array([1, 0, None], index_type), pa.array([10, 20, 30]).slice(1))
    assert round_trip(numbers, "bigint", pa.int64()).to_pylist() == [30, 20, None]


def check_several_batches():
    n = 10000
    batch = pa.RecordBatch.from_pydict({"i": pa.array(range(n)), "t": pa.array([f"row number {i} of many" if i % 7 else None for i in range(n)])})
    for part in (batch, batch.slice(4095, 4097), batch.slice(3)):
        handle = there(part)
        assert PROBE.probe_batches(handle) == -(-part.num_rows // 4096)
        table = back(handle)
        PROBE.probe_free(handle)
        assert table.to_pydict() == part.to_pydict()


def check_jsonb():
    """jsonb keeps its type on the way through pyarrow; JSON of others is text, since it may have another form."""
    jsonb = {"ARROW:extension:name": "arrow.json", "ARROW:extension:metadata": "", "sparklet:type": "jsonb"}
    values = ['{"a": 1}', None, "[1, 2, 3, 4, 5, 6]"]
    array = pa.array(values, pa.string())
    field = pa.field("x", pa.string(), metadata=jsonb)
    handle = there(pa.RecordBatch.from_arrays([array], schema=pa.schema([field])))
    assert PROBE.probe_type(handle, 0) == b"jsonb"
    table = back(handle)
    PROBE.probe_free(handle)
    assert "json" in str(table.schema.field(0).type), table.schema
    assert table.column(0).combine_chunks().storage.to_pylist() == values
    again = there(table.to_batches()[0])
    assert PROBE.probe_type(again, 0) == b"jsonb"
    PROBE.probe_free(again)
    foreign = pa.ExtensionArray.from_storage(pa.json_(), array)
    handle = there(pa.RecordBatch.from_arrays([foreign], ["x"]))
    assert PROBE.probe_type(handle, 0) == b"text"
    PROBE.probe_free(handle)


def check_refusals():
    for array in (pa.array([[[1]], [[2]]]), pa.array([1, 1, 2]).run_end_encode() if hasattr(pa.Array, "run_end_encode") else pa.array([[[1]]]), pa.array([[1], [2]], pa.list_view(pa.int32()))):
        try:
            there(pa.RecordBatch.from_arrays([array], ["the column"]))
        except ValueError as e:
            assert "the column" in str(e) and "+" in str(e), e
        else:
            raise AssertionError(f"{array.type} was not refused")
    for array in (pa.array([D("1" * 39)], pa.decimal256(39, 0)), pa.array([2**62], pa.timestamp("s"))):
        try:
            there(pa.RecordBatch.from_arrays([array], ["the column"]))
        except ValueError as e:
            assert "the column" in str(e) and "out of range" in str(e), e
        else:
            raise AssertionError(f"{array} was not refused")


def main():
    tests = [(f"{case[1]}", check_values, case) for case in CASES]
    tests += [(f"dictionary of {t}", check_dictionary, (t,)) for t in
              (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())]
    tests += [("several batches", check_several_batches, ()), ("jsonb", check_jsonb, ()), ("refusals", check_refusals, ())]
    failed = 0
    before = pa.total_allocated_bytes()
    for number, (name, check, arguments) in enumerate(tests, 1):
        try:
            check(*arguments)
            print(f"ok {number} - {name}")
        except Exception as e:      # one type's failure must not hide the others'
            failed += 1
            print(f"not ok {number} - {name}: {type(e).__name__}: {e}")
    # All that pyarrow lent us was released.
    lost = pa.total_allocated_bytes() - before
    print(f"{'ok' if lost == 0 else 'not ok'} {len(tests) + 1} - {lost} bytes of pyarrow's still held")
    sys.exit(1 if failed or lost else 0)


main()
