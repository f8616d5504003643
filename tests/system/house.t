#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The checks that guard the tree must themselves be able to fail: each is given a small tree with one
# thing wrong, and must refuse it for that reason.
set -u

. "$(dirname "$0")/tap.sh"

passes()
{
	name=$1
	shift
	"$@" >"$tmp/out" 2>&1
	result $? "$name"
}

# refuses NAME PATTERN COMMAND...: fails, and says why
refuses()
{
	name=$1 pattern=$2
	shift 2
	bad=1
	"$@" >"$tmp/out" 2>&1 || { grep -q -- "$pattern" "$tmp/out" && bad=0; }
	result $bad "$name"
}

# A tree in order, to be spoilt.
tree()
{
	rm -rf "$tmp/tree"
	mkdir -p "$tmp/tree/core/base" "$tmp/tree/core/mm" "$tmp/tree/include/freehold" "$tmp/tree/scripts"
	cd "$tmp/tree" || exit 1
	printf 'L2 mm/hub+\nL2 mm/high\nL2 mm/left mm/right\nL2 mm/low\nL0 base/*\n' >core/layers
	guarded include/freehold/types.h '#include <stdint.h>'
	guarded core/base/word.h '#include <freehold/types.h>'
	guarded core/base/other.h ''
	guarded core/mm/low.h '#include "base/word.h"' 'int low(int x);'
	for noun in left right high; do
		guarded core/mm/$noun.h '#include "mm/low.h"'
	done
	guarded core/mm/hub.h '#include "mm/high.h"'
	printf '#include "mm/low.h"\n#include "mm/hub.h"\nint low(int x)\n{\n\treturn x;\n}\n' >core/mm/low.c
}

# guarded FILE LINE...
guarded()
{
	file=$1
	shift
	guard=$(echo "$file" | tr 'a-z/.' 'A-Z__')
	{ echo "#ifndef $guard"; echo "#define $guard"; printf '%s\n' "$@"; echo '#endif'; } >"$file"
}

layers() { "$root/scripts/layers" "$tmp/tree"; }

tree
passes 'layers: accepts a tree in order' layers
guarded core/mm/low.h '#include "mm/high.h"'
refuses 'layers: an include upwards' 'core/mm/low.h:3: .*above mm/low' layers
tree
guarded core/mm/left.h '#include "mm/right.h"'
refuses 'layers: an include sideways' 'core/mm/left.h:3: .*one line' layers
tree
guarded core/mm/low.h '#include "mm/hub.h"'
refuses 'layers: the open noun is for .c files only' 'core/mm/low.h:3: .*above mm/low' layers
tree
guarded core/base/word.h '#include "base/other.h"'
guarded core/base/other.h '#include "base/word.h"'
refuses 'layers: a cycle inside a folder' 'closes a cycle: .*base' layers
tree
echo '#include <stdio.h>' >>core/mm/low.c
refuses 'layers: a libc header' 'core/mm/low.c:7: .*<stdio.h>' layers
tree
echo '#include <libfdt.h>' >>core/mm/low.c
refuses 'layers: a library header outside its noun' '<libfdt.h>' layers
tree
printf '#ifdef __x86_64__\n#endif\n' >>core/mm/low.c
refuses 'layers: conditional compilation' 'core/mm/low.c:7: conditional' layers
tree
guarded include/freehold/types.h '#include "base/word.h"'
refuses 'layers: a public header that includes a private one' 'public headers' layers
tree
guarded core/mm/stray.h
refuses 'layers: a noun on no line' 'no line for mm/stray' sh -c "
	echo '#include \"mm/stray.h\"' >>core/mm/high.h; \"$root/scripts/layers\" ."

headers() { "$root/scripts/headers" -C "$tmp/tree" "${CC:-gcc}"; }

tree
passes 'headers: accepts a tree in order' headers
guarded core/mm/low.h 'size_t low(void);'
refuses 'headers: a core header that needs another first' 'mm/low.h" does not compile alone' headers
tree
echo 'struct twice { int x; };' >>include/freehold/types.h
refuses 'headers: a header without a guard' 'types.h> does not compile alone' headers

undef() { "$root/scripts/undef" '' "$tmp/x.o"; }
object() { printf '%s\n' "$@" | ${CC:-gcc} -O1 -ffreestanding -c -x c - -o "$tmp/x.o" || exit 1; }

object 'static const char *const t[] = {"a", "b"};' 'const char *f(int i) { return t[i]; }' \
	'void memset(void *, int, unsigned long);' 'void g(char *p) { memset(p, 0, 9); }'
passes 'undef: accepts constants and memset' undef
object 'int f(void) { static int calls; return ++calls; }'
refuses 'undef: a static variable' 'calls.* writable' undef
object 'int seed = 42;'
refuses 'undef: a global variable' 'seed is a writable' undef
object '__thread int cpu;'
refuses 'undef: a thread-local variable' 'cpu is a writable' undef
object 'int printf(const char *, ...);' 'void f(void) { printf("x"); }'
refuses 'undef: a libc function' 'needs p' undef

if command -v clang-format >/dev/null; then
	cp "$root/.clang-format" "$tmp/"
	printf 'int f(int x)\n{\n\treturn x;\n}\n' >"$tmp/good.c"
	printf 'int f(int x) {\n  return x; }\n' >"$tmp/bad.c"
	passes 'format: accepts kernel style' clang-format --dry-run -Werror "$tmp/good.c"
	refuses 'format: another style' 'clang-formatted' clang-format --dry-run -Werror "$tmp/bad.c"
else
	n=$((n + 1))
	echo "ok $n # SKIP clang-format is not installed"
fi

# The runner's own arithmetic: `tap TEXT STATUS` is a program that prints TEXT and exits so.
tap() { printf '#!/bin/sh\nprintf "%s"\n%s\n' "$1" "$2" >"$tmp/x.t"; chmod +x "$tmp/x.t"; }
run() { (cd "$root" && scripts/test -o "$tmp/b" -t 1 "$tmp/x.t"); }

tap 'ok 1 - a\nok 2 - b # SKIP not here\n1..2\n' 'exit 0'
passes 'test: counts passed and skipped' run
grep -qx '1 passed, 0 failed, 1 skipped' "$tmp/out"
result $? 'test: ends on the count'
tap 'ok 1 - a\nnot ok 2 - b\n1..2\n' 'exit 1'
refuses 'test: a failed case' '^1 passed, 1 failed, 0 skipped$' run
tap 'ok 1 - a\n1..2\n' 'exit 0'
refuses 'test: fewer than planned' 'planned 2 tests, ran 1' run
tap 'ok 1 - a\n' 'exit 0'
refuses 'test: an end before the plan' 'no plan' run
tap 'ok 1 - a\n1..1\n' 'exit 3'
refuses 'test: an exit status that no case explains' 'exit status 3' run
tap 'ok 1 - a\n1..1\n' 'kill -9 $$'
refuses 'test: a death by signal' 'signal 9' run
tap '1..0\n' 'exit 0'
refuses 'test: a program without tests' 'ran no test' run
tap 'ok 1 - a\n' 'sleep 60'
refuses 'test: a program that hangs' 'did not end within 1 s' run

cd "$root" || exit 1
printf '# no example\n```sh\nls\n```\n' >"$tmp/README"
refuses 'readme-example: a text without one' 'no block' \
	scripts/readme-example "$tmp/README" "$tmp" /usr "$tmp/example"
printf '```c\nint main(void) { return 3; }\n```\n' >"$tmp/README"
mkdir -p "$tmp/usr/lib/pkgconfig"
printf 'Name: freehold\nDescription: x\nVersion: 0\n' >"$tmp/usr/lib/pkgconfig/freehold.pc"
scripts/readme-example "$tmp/README" "$tmp" /usr "$tmp/example" >"$tmp/out" 2>&1
[ $? = 3 ]
result $? 'readme-example: an example that fails'

echo "1..$n"
