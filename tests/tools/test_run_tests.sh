#!/usr/bin/env bash
# tools/run-tests: what counts as passed, as failed and as neither.
set -u
cd "${SPARKLET_TMP:?}"
mkdir -p build/tests && cd build/tests || exit 1

# program NAME: a test program from stdin
program() { { echo '#!/usr/bin/env bash'; cat; } > "$1"; chmod +x "$1"; }
# cunit TESTS FAILED ASSERTS: what CUnit prints at the end
cunit() {
	cat <<-X
		Run Summary:    Type  Total    Ran Passed Failed Inactive
		              suites      1      1    n/a      0        0
		               tests      $1      $1      $(($1 - $2))      $2        0
		             asserts      $3      $3      $3      0      n/a

		Elapsed time =    0.000 seconds
	X
}
declare -f cunit > cunit.bash

program test_good <<< '. ./cunit.bash; cunit 3 0 7'
program test_bad <<< '. ./cunit.bash; echo told why; cunit 3 1 7; exit 1'
program test_idle <<< '. ./cunit.bash; cunit 1 0 0'
program test_crash <<< '. ./cunit.bash; cunit 2 0 5; kill -SEGV $$'
program test_slow <<< 'sleep 30 & sleep 30'
program test_silent <<< 'true'
program test_tap.sh <<< 'echo ok 1; echo "ok - 2"; echo "not ok 3"'
program test_plain.sh <<< 'true'
program test_plain_bad.sh <<< 'echo told why; exit 3'
program test_skip.sh <<< 'echo no database here; exit 77'
program test_environment.sh <<'X'
[ -d "$SPARKLET_TMP" ] && [ "$SPARKLET_BIN" = "$SPARKLET_BUILD/sparklet" ] && [ -f "$SPARKLET_SRC/Makefile" ] && [ -z "${MAKEFLAGS-}" ]
X

# The programs expect their folder as the working directory; run-tests gives them the source tree.
sed -i "1a cd '$PWD'" test_*

# expect STATUS LAST_LINE TEXT PROGRAM...
expect() {
	local out status want_status=$1 last=$2 text=$3
	shift 3
	out=$("$SPARKLET_SRC/tools/run-tests" --build "$SPARKLET_TMP/build" --timeout 1 "${@/#/$PWD/}" 2>&1); status=$?
	if [ $status = "$want_status" ] && [ "$(tail -n 1 <<< "$out")" = "$last" ] && [[ $out == *"$text"* ]]; then
		echo "ok - $*: $last"
	else
		printf 'not ok - %s: status %s\n%s\n' "$*" $status "$out"
	fi
}

expect 0 '3 passed, 0 failed' 'Run Summary:' test_good
expect 1 '2 passed, 1 failed' 'told why' test_bad
expect 1 '1 passed, 1 failed' 'ran no asserts' test_idle
expect 1 '2 passed, 1 failed' 'killed by SIGSEGV' test_crash
expect 1 '0 passed, 1 failed' 'took more than 1.0 s' test_slow
expect 1 '0 passed, 1 failed' 'ran no asserts' test_silent
expect 1 '2 passed, 1 failed' 'not ok 3' test_tap.sh
expect 0 '1 passed, 0 failed' 'test_plain.sh' test_plain.sh
expect 1 '0 passed, 1 failed' 'exit status 3' test_plain_bad.sh
expect 0 '1 passed, 0 failed' 'skipped: ' test_plain.sh test_skip.sh
expect 1 '0 passed, 1 failed' 'checks nothing' test_skip.sh
expect 0 '1 passed, 0 failed' 'test_environment' test_environment.sh
expect 1 '3 passed, 1 failed' 'exit status 3' test_good test_plain_bad.sh
expect 1 '0 passed, 1 failed' 'no such test' test_not_there
