#!/bin/sh
# sh interrupt.sh SCRATCH SIGNAL STATUS READY EXPECT PROGRAM [ARGUMENT...]
#
# Starts PROGRAM, waits until its output matches READY, sends it SIGNAL (INT, TERM), and expects that it ends with STATUS and
# an output that matches EXPECT: what is under way is finished, and the end is a normal one. Both are extended regular
# expressions; nothing depends on how fast the program is.
set -eu
scratch=$1 signal=$2 expected=$3 ready=$4 expect=$5 program=$6
shift 6

mkdir -p "$scratch"
output=$scratch/${program##*/}.$signal
: >"$output"
"$program" "$@" >"$output" 2>&1 &
pid=$!
trap 'kill -KILL $pid 2>/dev/null || true' EXIT

tries=0
until grep -Eq -- "$ready" "$output"; do
  tries=$((tries + 1))
  if [ $tries -gt 1000 ] || ! kill -0 $pid 2>/dev/null; then
    cat "$output"
    echo "$program: nothing matches '$ready' before it ended, or within 50 s"
    exit 1
  fi
  sleep 0.05
done
sleep 0.2 # between two rows of a table nobody listens, for a moment
kill -"$signal" $pid
status=0
wait $pid || status=$?
trap - EXIT

cat "$output"
if [ "$status" -ne "$expected" ]; then
  echo "$program: exit status $status after SIG$signal, expected $expected"
  exit 1
fi
if ! grep -Eq -- "$expect" "$output"; then
  echo "$program: nothing above matches '$expect'"
  exit 1
fi
