#!/bin/sh
# sh demo_files.sh SCRATCH DEMO
#
# Files that the demo can't use: one it may not read (exit status 2), and one that grows between the plain loop and the
# engines, whose answers then differ (exit status 1).
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
