#!/bin/sh
# sh busy_port.sh SCRATCH PROGRAM
#
# The service of example 06 on a free port; a second one on the same port must fail and name it; SIGTERM ends the first well.
set -eu
mkdir -p "$1"
output=$1/busy_port
program=$2
: >"$output"
"$program" 0 >"$output" 2>&1 &
pid=$!
trap 'kill -KILL $pid 2>/dev/null || true' EXIT
tries=0
until port=$(sed -n 's/^listening on port \([0-9]*\)$/\1/p' "$output") && [ -n "$port" ]; do
  tries=$((tries + 1))
  if [ $tries -gt 600 ] || ! kill -0 $pid 2>/dev/null; then cat "$output" && echo "it does not listen" && exit 1; fi
  sleep 0.05
done

status=0
said=$("$program" "$port" 2>&1) || status=$?
echo "$said"
if [ "$status" -ne 1 ] || [ "$said" != "cannot listen on port $port: Address already in use" ]; then
  echo "exit status $status; expected 1, and a text that names port $port and what is wrong with it"
  exit 1
fi
kill -TERM $pid
status=0
wait $pid || status=$?
trap - EXIT
cat "$output"
if [ "$status" -ne 0 ] || ! grep -q '^answered 0 requests$' "$output"; then
  echo "exit status $status of the first; expected 0, and the number of its answers"
  exit 1
fi
