#!/usr/bin/env bash
# tools/check-layers lets the good tree pass and names each way of breaking it.
set -u
cd "${SPARKLET_TMP:?}"
check="$SPARKLET_SRC/tools/check-layers"
layers=(core/base core/columnar state cli)

plant() {
	rm -rf tree && mkdir -p tree/{core/base,core/columnar,state,cli,include/sparklet,tests/support} && cd tree || exit 1
	local folder
	for folder in core/base core/columnar state cli; do
		echo 'what it owns' > $folder/README.md
		echo 'int x;' > $folder/a.c
		echo 'extern int x;' > $folder/a.h
	done
	printf '#include <stdio.h>\n#include "core/base/a.h"\n#include "state/a.h"\n#include "state/record.pb-c.h"\n#include <sparklet/status.h>\n' > state/a.c
	echo 'syntax = "proto3";' > state/record.proto
	touch include/sparklet/status.h
}

# expect WHAT STATUS TEXT: runs the check in tree/
expect() {
	local out status
	out=$("$check" "${layers[@]}"); status=$?
	if [ $status = "$2" ] && [[ $out == *"$3"* ]]; then
		echo "ok - $1"
	else
		printf 'not ok - %s: status %s, output:\n%s\n' "$1" $status "$out"
	fi
	cd ..
}

plant; expect 'a tree in order passes' 0 ' 0 problems'
plant; echo '#include "state/a.h"' >> core/base/a.c
expect 'an include that goes up is named' 1 'core/base/a.c:2: core/base includes state/a.h of state, a layer above it'
plant; printf '\n  #  include <core/columnar/a.h>\n' > core/base/a.h
expect 'angle brackets and blanks do not hide it' 1 'core/base/a.h:2: core/base includes core/columnar/a.h'
plant; echo '#include "state/record.pb-c.h"' > core/columnar/a.c
expect 'a generated header counts to its layer' 1 'core/columnar/a.c:1: core/columnar includes state/record.pb-c.h of state'
plant; echo '#include "core/base/a.h"' > include/sparklet/status.h
expect 'public headers stand alone' 1 'include/sparklet/status.h:1: include/sparklet includes core/base/a.h of core/base'
plant; echo '#include "../../state/a.h"' > core/base/b.h
expect 'a relative path does not hide it' 1 'core/base/b.h:1: core/base includes ../../state/a.h of state'
plant; echo '#include "tests/support/test.h"' > state/b.c
expect 'the library does not include tests' 1 'state/b.c:1: state includes tests/support/test.h, which is no part of the library'
plant; rm state/README.md
expect 'a folder without README.md is named' 1 'state: has sources but no README.md'
plant; mkdir core/extra; echo 'int y;' > core/extra/y.c
expect 'a folder outside the list is named' 1 'core/extra: has sources but is in no layer'
