#!/usr/bin/env bash
# tools/docs.sh BUILD: writes docs/configuration.md and docs/functions.md from their tables, and BUILD/docs/html, the API manual, from the public
# headers. A warning of doxygen fails it.
set -euo pipefail
build=$1
for table in conf:configuration functions:functions; do
	name=${table#*:}.md
	"$build/tools/${table%:*}_markdown" > "$build/$name"
	cmp -s "$build/$name" "docs/$name" || cp "$build/$name" "docs/$name"
	echo "docs/$name"
done
command -v doxygen > /dev/null || { echo 'no doxygen, so no API manual: tools/deps.sh docs installs it'; exit; }
mkdir -p "$build/docs"
# The headers' comments are plain ones: the filter hands doxygen all that stand before a declaration or behind it.
doxygen - <<-X
	PROJECT_NAME = Sparklet
	INPUT = include/sparklet docs/api.md
	USE_MDFILE_AS_MAINPAGE = docs/api.md
	INPUT_FILTER = "python3 tools/doxygen_filter.py"
	HAVE_DOT = NO
	EXTRACT_ALL = YES
	OPTIMIZE_OUTPUT_FOR_C = YES
	JAVADOC_AUTOBRIEF = YES
	MACRO_EXPANSION = YES
	EXPAND_ONLY_PREDEF = YES
	PREDEFINED = SPK_API= SPK_MUST_CHECK= "SPK_PRINTF(a,b)="
	GENERATE_LATEX = NO
	QUIET = YES
	WARN_IF_UNDOCUMENTED = NO
	WARN_AS_ERROR = FAIL_ON_WARNINGS
	OUTPUT_DIRECTORY = $build/docs
X
echo "$build/docs/html/index.html"
