#!/usr/bin/env bash
# Installs what is missing on Debian 12, and nothing else.
#
#   tools/deps.sh         what the build and `make demo` need (Debian packages)
#   tools/deps.sh test    also what `make check`, `make demo-kafka` and `make bench` need: a Java runtime, Kafka's jars,
#                         a Python environment with independent engines to compare with, PostgreSQL's server programs
#   tools/deps.sh cdc     what `make demo-cdc` needs beside that: the jars of Kafka Connect and Debezium
#   tools/deps.sh docs    also what `make docs` needs for the API manual: doxygen
#
# Jars and Python packages go to ${SPARKLET_CACHE:-~/.cache/sparklet}, outside the tree: they survive `make clean` and are shared
# between clones. When everything is there, nothing is printed and nothing asked of the network.
set -euo pipefail

KAFKA=4.1.0
LOG4J=2.25.1
DEBEZIUM=3.3.2.Final       # built by its authors against that Kafka
PYTHON_PACKAGES=(duckdb==1.5.6 pyarrow==26.0.1 confluent-kafka==2.16.1 tpchgen-cli==4.0.0 fastavro==1.13.1 protobuf==7.36.2)
cache=${SPARKLET_CACHE:-${HOME:-~}/.cache/sparklet}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# package:what for[:a file that proves it as well, from whichever package it came]
build_packages='
gcc:C compiler:/usr/bin/gcc
g++:C++ compiler, for the JSON reader:/usr/bin/g++
libc6-dev:C library headers
pkg-config:finds the libraries:/usr/bin/pkg-config
librdkafka-dev:Kafka client
librocksdb-dev:state on disk
libevent-dev:event loop
libprotobuf-c-dev:epoch records and plans
protobuf-c-compiler:the same:/usr/bin/protoc-c
protobuf-compiler:imported .proto files:/usr/bin/protoc
libpg-query-dev:SQL parser
libsimdjson-dev:JSON reader
libcunit1-dev:unit tests
libjansson-dev:configuration and small JSON
libxxhash-dev:hashing
liblz4-dev:compression
libzstd-dev:compression
zlib1g-dev:compression
libcurl4-openssl-dev:HTTP client
libedit-dev:line editing of the shell
'
test_packages='
default-jre-headless:Kafka broker for the tests:/usr/bin/java
maven:fetches Kafka:/usr/bin/mvn
python3:test programs:/usr/bin/python3
python3-venv:test programs
postgresql-15:SQL answers to compare with:/usr/lib/postgresql/15/bin/postgres
'

say() { printf '%s\n' "$*" >&2; }

# missing_packages LIST: the lines of the packages that are not installed
missing_packages() {
	local package reason file asked=() installed
	while IFS=: read -r package reason file; do
		[ -n "$package" ] && asked+=("$package")
	done <<< "$1"
	installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${asked[@]}" 2> /dev/null || true)
	while IFS=: read -r package reason file; do
		[ -z "$package" ] && continue
		[[ $'\n'$installed$'\n' == *$'\n'"installed $package"$'\n'* ]] && continue
		[ -n "$file" ] && [ -x "$file" ] && continue
		printf '%s: %s\n' "$package" "$reason"
	done <<< "$1"
}

install_packages() {
	local lines=$1 names=() as_root=() line
	while read -r line; do
		names+=("${line%%:*}")
		say "missing package $line"
	done <<< "$lines"
	if [ "$(id -u)" != 0 ]; then
		if ! command -v sudo > /dev/null || ! { sudo -n true 2> /dev/null || [ -t 0 ]; }; then
			say "neither root nor sudo: please have them installed: apt-get install --no-install-recommends ${names[*]}"
			exit 1
		fi
		as_root=(sudo)
	fi
	apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 "$@"; }
	apt update
	apt install -y --no-install-recommends "${names[@]}" > /dev/null
}

# jars_complete DIR: every jar that was fetched is still there, with its size
jars_complete() {
	local name size
	[ -s "$1/MANIFEST" ] || return 1
	while read -r size name; do
		[ -f "$1/libs/$name" ] || return 1
	done < "$1/MANIFEST"
	# One stat for all sizes: this runs before every `make check`.
	(cd "$1/libs" && stat -c '%s %n' -- *.jar) | cmp -s - "$1/MANIFEST"
}

# fetch_jars POM TARGET WHAT
fetch_jars() {
	local new=$cache/new.jars.$$
	say "fetching $3 of jars into $cache"
	mkdir -p "$new/libs"
	mvn -q -B -f "$here/$1" -Dkafka.version=$KAFKA -Dlog4j.version=$LOG4J -Ddebezium.version=$DEBEZIUM \
		dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$new/libs" >&2
	(cd "$new/libs" && stat -c '%s %n' -- *.jar) > "$new/MANIFEST"
	rm -rf "$2"
	mv "$new" "$2"
}
fetch_kafka() { fetch_jars kafka-jars.xml "$cache/kafka-$KAFKA" "Kafka $KAFKA: 54 MB"; }
fetch_connect() { fetch_jars connect-jars.xml "$cache/connect-$DEBEZIUM" "Kafka Connect $KAFKA with Debezium $DEBEZIUM: 40 MB"; }

python_complete() {
	local venv=$1 package
	[ -x "$venv/bin/python" ] || return 1
	for package in "${PYTHON_PACKAGES[@]}"; do
		# pip writes RECORD last
		compgen -G "$venv/lib/python3*/site-packages/$(tr - _ <<< "${package%==*}")-${package#*==}.dist-info/RECORD" > /dev/null || return 1
	done
}

fetch_python() {
	local target=$cache/venv new=$cache/new.venv.$$
	say "installing ${PYTHON_PACKAGES[*]} into $cache"
	/usr/bin/python3 -m venv "$new"
	"$new/bin/python" -m pip install -q --disable-pip-version-check "${PYTHON_PACKAGES[@]}" >&2
	rm -rf "$target"
	mv "$new" "$target"         # its python finds its packages by its own place
}

# under_lock CHECK FETCH DIR: two clones may want the same thing at once; the second finds it done
under_lock() {
	"$1" "$3" && return 0
	mkdir -p "$cache"
	(
		flock 9
		"$1" "$3" || "$2"
		"$1" "$3" || { say "$3 is still incomplete"; exit 1; }
	) 9> "$cache/lock"
}

case ${1-} in
'') wanted=$build_packages ;;
test | cdc) wanted=$build_packages$test_packages ;;
docs) wanted=$build_packages'doxygen:API manual of make docs:/usr/bin/doxygen
' ;;
*) say "usage: tools/deps.sh [test | cdc | docs]"; exit 2 ;;
esac

lines=$(missing_packages "$wanted")
[ -z "$lines" ] || install_packages "$lines"
if [ "${1-}" = test ]; then
	trap 'rm -rf "$cache"/new.*.$$' EXIT
	under_lock jars_complete fetch_kafka "$cache/kafka-$KAFKA"
	under_lock python_complete fetch_python "$cache/venv"
fi
if [ "${1-}" = cdc ]; then
	trap 'rm -rf "$cache"/new.*.$$' EXIT
	under_lock jars_complete fetch_kafka "$cache/kafka-$KAFKA"
	under_lock jars_complete fetch_connect "$cache/connect-$DEBEZIUM"
fi
