#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# `freehold lint`: each rule has a board under tests/lint that trips it and a near miss that does not; exit status, forms, manual.
. "$(dirname "$0")/tap.sh"
boards=$root/tests/lint
man=$root/tools/freehold-lint.1.scd

# options FILE: those of its second line; @ is the folder
options()
{
	sed -n "2{s,^// options: ,,;T;s,@,$boards,gp;t;p}" "$1"
}

# lints FILE: its findings as JSON in out; $got is the exit status
lints()
{
	# shellcheck disable=SC2046 # words
	"$freehold" lint --dtb "$1" --format json $(options "$1") >out 2>err
	got=$?
}

# status_of: what the worst finding in out makes of the exit status
status_of()
{
	jq -r '[.findings[].severity] | if index("error") then 4 elif index("warning") then 3 else 0 end' out
}

# ---- boards ----
runs 'all rules' 0 lint --rules
cp out rules
rules=$(sed -n 's/^FH\([0-9]*\)  .*/\1/p' out)
[ "$(echo "$rules" | wc -l)" -ge 70 ] && [ "$rules" = "$(echo "$rules" | sort -nu)" ]
result $? 'there are seventy and more, by number, each once'

for rule in $rules; do
	case $rule in 1*) severity=error ;; 2*) severity=warning ;; *) severity=note ;; esac
	lints "$boards/FH$rule-bad.dts"
	jq -e --arg r "FH$rule" --arg s $severity '[.findings[] | select(.rule == $r)] |
		length > 0 and all(.severity == $s and .text != "" and .cure != "")' out >/dev/null 2>>err && [ $got = "$(status_of)" ]
	result $? "FH$rule: the bad board trips it, as $severity, with a cure"
	lints "$boards/FH$rule-good.dts"
	jq -e --arg r "FH$rule" 'all(.findings[]; .rule != $r and .severity == "note")' out >/dev/null 2>>err && [ $got = 0 ]
	result $? "FH$rule: the near miss has neither it nor anything above a note"
done
for file in "$boards"/FH*.dts; do
	rule=${file##*/FH}
	echo "$rules" | grep -qx "${rule%-*}" || { echo "$file has no rule" >out; false; }
	[ $? = 0 ] || result 1 'boards of rules only'
done
for board in "$root"/boards/*.dts; do
	lints "$board"
	[ $got = 0 ]
	result $? "nothing above a note is said of ${board##*/}"
done

# ---- severities and rules that are off ----
runs 'errors end with 4' 4 lint --dtb "$boards/FH104-bad.dts"
shows 'the text has file, line, rule, node, property and the cure' \
	'FH104-bad.dts:9: error FH104: /reserved-memory/area: size: 33 MiB '
shows 'and counts' '^2 errors, 0 warnings, 0 notes$'
runs 'warnings end with 3' 3 lint --dtb "$boards/FH213-bad.dts"
runs 'notes end with 0' 0 lint --dtb "$boards/FH305-bad.dts"
runs 'what is below --severity does not count' 0 lint --severity error --dtb "$boards/FH213-bad.dts"
shows 'nor is it shown' '^0 errors, 0 warnings, 0 notes$'
runs 'a rule that is off finds nothing' 0 lint --disable FH213,FH104 --dtb "$boards/FH213-bad.dts"
runs 'no such rule' 2 lint --disable FH213,FH999 --ram 1G
says 'is told' 'freehold lint: --disable FH213,FH999: expected rules as FH201,FH301 (--rules shows all)'
runs 'no such severity' 2 lint --severity fatal --ram 1G
runs 'no such form' 2 lint --format xml --ram 1G
runs 'no such file' 2 lint --dtb nowhere.dtb
echo 'this is no tree, whatever it is called' >no.dtb
runs 'no tree' 2 lint --dtb no.dtb
[ ! -s out ]
result $? 'is bad input, and nothing is printed'
runs 'a command line alone' 3 lint --ram 1G --bootargs cma=5M
shows 'has no file' '^warning FH207: bootargs: cma=: 5 MiB becomes 6 MiB: '
if [ -w /dev/full ]; then
	"$freehold" lint --rules >/dev/full 2>err
	[ $? = 1 ]
	result $? 'output that cannot be written'
fi

runs 'the command line of a source' 3 lint --dtb "$boards/FH207-bad.dts"
shows 'has its line' 'FH207-bad.dts:6: warning FH207: bootargs: cma=: 5 MiB'

# ---- a compiled tree has no lines, and the same findings ----
dtc -q -I dts -O dtb -o board.dtb "$boards/FH113-bad.dts"
lints "$boards/FH113-bad.dts"
jq '[.findings[] | del(.file, .line)]' out >one
lints board.dtb
jq '.findings' out >two
cmp -s one two
result $? 'a .dtb and its source give the same findings'

# ---- SARIF ----
runs 'SARIF' 4 lint --format sarif --dtb "$boards/FH113-bad.dts"
jq -e '.version == "2.1.0" and (.runs | length == 1) and .runs[0].tool.driver.name == "freehold lint"' out >/dev/null
result $? 'one run of version 2.1.0'
jq -e '.runs[0].tool.driver.rules | length >= 70 and all(.shortDescription.text != "" and .fullDescription.text != "" and
	(.defaultConfiguration.level | IN("error", "warning", "note")))' out >/dev/null
result $? 'all rules, described'
jq -e '.runs[0] as $r | $r.results | length > 0 and all(. as $f | $r.tool.driver.rules[$f.ruleIndex].id == $f.ruleId and
	$r.tool.driver.rules[$f.ruleIndex].defaultConfiguration.level == $f.level and ($f.message.text | length > 0))' out >/dev/null
result $? 'results point at their rules'
jq -e '[.runs[0].results[] | select(.ruleId == "FH113")][0].locations[0] |
	.physicalLocation.artifactLocation.uri and .physicalLocation.region.startLine == 19 and
	.logicalLocations[0].fullyQualifiedName == "/soc/camera@10000000/memory-region"' out >/dev/null
result $? 'and at line, node and property'
runs 'SARIF of what has nothing to tell' 0 lint --format sarif --dtb "$boards/FH207-good.dts"
jq -e '.runs[0].results == []' out >/dev/null
result $? 'has no results'

# ---- what a kernel makes of it ----
cat >two.dts <<'END'
/dts-v1/;
/ { #address-cells = <2>; #size-cells = <2>;
	memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0x40000000>; };
	reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
		fw@50000000 { no-map; reg = <0 0x50000000 0 0x100000 0 0x58000000 0 0x200000>; };
	};
};
END
runs 'two ranges of firmware, like 6.12' 0 lint --dtb two.dts --like 6.12
! grep -q FH219 out
result $? 'both are reserved'
runs 'like 7' 3 lint --dtb two.dts --like 7
shows 'the second is not' 'FH219: /reserved-memory/fw@50000000: reg: 2 ranges, and only the first, 0x50000000-0x500fffff, is reserved: the others are memory for everybody'

# ---- boot's last line ----
runs 'boot counts findings' 0 boot --dtb "$boards/FH213-bad.dts"
shows 'in one line' '^lint: 0 errors, 1 warning, 0 notes: see .freehold lint.$'
runs 'of a healthy board' 0 boot --dtb "$boards/FH207-good.dts"
! grep -q '^lint:' out
result $? 'it says nothing'

# ---- the manual ----
missing=
for rule in $rules; do
	title=$(sed -n "s/^FH$rule  [a-z]*  *//p" rules)
	grep -qF "*FH$rule* $title" "$man" || missing="$missing FH$rule"
done
[ -z "$missing" ] || echo "not in the manual:$missing" >out
[ -z "$missing" ]
result $? 'the manual has each rule by number and title'
[ "$(grep -c '^\*FH[0-9]*\*' "$man")" = "$(echo "$rules" | wc -l)" ]
result $? 'and no other'
echo "1..$n"
