#!/usr/bin/env bash
# bench/flink.sh: a Flink for `make bench-nexmark PEER=flink`, in the cache of test dependencies; prints its folder. Its wheels hold
# the distribution, Maven has the connector. When it is there, nothing is asked of the network.
set -euo pipefail

FLINK=2.3.0
CONNECTOR=5.0.0-2.2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${SPARKLET_CACHE:-${HOME:-~}/.cache/sparklet}
target=$cache/flink-$FLINK-$CONNECTOR
new=$cache/new.flink.$$

if [ ! -f "$target/complete" ]; then
	trap 'rm -rf "$new"' EXIT
	mkdir -p "$new/wheels" "$new/jars"
	echo "fetching Flink $FLINK (330 MB) into $cache" >&2
	# Their Python requirements are not needed: only the jars and scripts in them are.
	"$cache/venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps --target "$new/wheels" "apache-flink==$FLINK" "apache-flink-libraries==$FLINK" >&2
	mvn -q -B -f "$here/flink-jars.xml" -Dflink.version=$FLINK -Dconnector.version=$CONNECTOR dependency:copy-dependencies "-DoutputDirectory=$new/jars" >&2
	mkdir "$new/flink"
	mv "$new/wheels/pyflink"/{bin,lib,opt,conf} "$new/flink"
	mv "$new/jars"/*.jar "$new/flink/lib"
	touch "$new/flink/complete"
	rm -rf "$target"
	mv "$new/flink" "$target"
fi
echo "$target"
