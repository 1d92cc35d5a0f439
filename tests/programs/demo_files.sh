#!/bin/sh
# sh demo_files.sh SCRATCH DEMO
#
# Files that the demo can't use: one it may not read (exit status 2), and one that grows between the plain loop and the
# engines, whose answers then differ (exit status 1). And large ones: lines that are long or too long, and so much text that it is
# interrupted before it has read it for the first time.
set -u
scratch=$1 demo=$2
mkdir -p "$scratch"
file=$scratch/text.txt

expect() { # expect STATUS REGEX
  cat "$scratch/output"
  [ "$status" -eq "$1" ] || { echo "exit status $status, expected $1"; exit 1; }
  grep -Eq -- "$2" "$scratch/output" || { echo "nothing above matches '$2'"; exit 1; }
}

printf 'to be or not to be\n' >"$file"
chmod 000 "$file"
as_others= # root reads everything, unless it lets that go
[ -r "$file" ] && as_others='setpriv --inh-caps=-dac_override,-dac_read_search --bounding-set=-dac_override,-dac_read_search'
if [ -z "$as_others" ] || $as_others true 2>/dev/null; then
  $as_others "$demo" "$file" >"$scratch/output" 2>&1
  status=$?
  expect 2 'text\.txt: Permission denied$'
fi
chmod 644 "$file"

# Its first line of output says that the plain loop has read the file; the engines have seconds of it before them.
{ "$demo" --repeat 30000 --seconds 0.1 "$file"; echo $? >"$scratch/status"; } | {
  IFS= read -r line
  printf 'question\n' >>"$file"
  cat
} >"$scratch/output" 2>&1
status=$(cat "$scratch/status")
expect 1 '^THE ANSWERS DIFFER from a plain loop.s: '

large=$scratch/large.txt
yes 'to be or not to be' | head -c 20000000 >"$large"
tr '\n' ' ' <"$large" >"$scratch/one_line.txt"
"$demo" "$scratch/one_line.txt" >"$scratch/output" 2>&1
status=$?
expect 2 'one_line.txt: it has a line of more than 16 MiB'
# Two thousand of these a second would be too much for any machine.
head -c 2000000 "$large" | tr '\n' ' ' >"$scratch/one_line.txt"
"$demo" --repeat 1 --seconds 0.1 "$scratch/one_line.txt" >"$scratch/output" 2>&1
status=$?
expect 0 '^Both answers are the same'
expect 0 '^  batches of 100 ms '
rm "$scratch/one_line.txt"

set --
while [ $# -lt 400 ]; do set -- "$@" "$large"; done
sh "${0%/*}/interrupt.sh" "$scratch" INT 130 '^reading the text \.\.\.$' '^Interrupted: ' "$demo" "$@" || exit 1
if grep -q '^Text: ' "$scratch/${demo##*/}.INT"; then echo "it went on after it was interrupted" && exit 1; fi
rm "$large"
