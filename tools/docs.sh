#!/usr/bin/env bash
# tools/docs.sh BUILD: writes docs/configuration.md and docs/functions.md from their tables, and BUILD/docs/html from the public headers if
# doxygen is installed.
set -euo pipefail
build=$1
for table in conf:configuration functions:functions; do
	name=${table#*:}.md
	"$build/tools/${table%:*}_markdown" > "$build/$name"
	cmp -s "$build/$name" "docs/$name" || cp "$build/$name" "docs/$name"
	echo "docs/$name"
done
if command -v doxygen > /dev/null; then
	mkdir -p "$build/docs"
	doxygen - <<-X
		PROJECT_NAME = Sparklet
		INPUT = include/sparklet README.md
		USE_MDFILE_AS_MAINPAGE = README.md
		EXTRACT_ALL = YES
		OPTIMIZE_OUTPUT_FOR_C = YES
		JAVADOC_AUTOBRIEF = YES
		MACRO_EXPANSION = YES
		EXPAND_ONLY_PREDEF = YES
		PREDEFINED = SPK_API= SPK_MUST_CHECK= "SPK_PRINTF(a,b)="
		GENERATE_LATEX = NO
		QUIET = YES
		WARN_IF_UNDOCUMENTED = NO
		OUTPUT_DIRECTORY = $build/docs
	X
	echo "$build/docs/html/index.html"
else
	echo 'no doxygen, so no API manual'
fi
