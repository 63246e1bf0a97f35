#!/usr/bin/env bash
# tools/coverage: lines that ran and did not, by folder, from gcc's counters of a program of two folders.
set -eu
mkdir -p "$SPARKLET_TMP/build/obj" "$SPARKLET_TMP/part/a" "$SPARKLET_TMP/cli"
cd "$SPARKLET_TMP"
printf 'int twice(int x);\nint twice(int x)\n{\n\tif (x > 100)\n\t\treturn 0;\n\treturn 2 * x;\n}\n' > part/a/twice.c
printf 'int twice(int x);\nint main(void)\n{\n\treturn twice(2) - 4;\n}\n' > cli/main.c
for f in part/a/twice cli/main; do
	mkdir -p "build/obj/$(dirname $f)"
	gcc -O0 --coverage -c -o "build/obj/$f.c.o" "$f.c"
done
gcc --coverage -o program build/obj/part/a/twice.c.o build/obj/cli/main.c.o
./program
"$SPARKLET_SRC/tools/coverage" build part/a part/b cli > out
check() { if grep -qE "$1" "$2"; then echo "ok - $2 holds $1"; else echo "not ok - $2 holds $1"; cat "$2"; fi; }
check '^part/a +3 of +4 lines +75.0 %' out
check '^cli +2 of +2 lines +100.0 %' out
check '^total +5 of +6 lines +83.3 %' out
check '^part/a/twice.c: 75.0 %  not run: 5$' build/coverage.txt
if grep -q part/b out; then echo "not ok - a folder without counters is left out"; else echo "ok - a folder without counters is left out"; fi
rm -rf build && mkdir -p build/obj
if "$SPARKLET_SRC/tools/coverage" build cli > out; then echo "not ok - no counters: it fails"; else echo "ok - no counters: it fails"; fi
check 'holds no counters' out
