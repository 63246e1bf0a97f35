#!/usr/bin/env bash
# tools/docs.sh BUILD: writes docs/configuration.md from the configuration table, and BUILD/docs/html from the public headers if
# doxygen is installed.
set -euo pipefail
build=$1
"$build/tools/conf_markdown" > "$build/configuration.md"
cmp -s "$build/configuration.md" docs/configuration.md || cp "$build/configuration.md" docs/configuration.md
echo docs/configuration.md
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
