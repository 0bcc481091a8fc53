#!/bin/sh
# The log of a Geiger counter: as many lines as the first argument says, five a second.
seed=$$
line=0
while [ "$line" -lt "${1:-10}" ]; do
  line=$((line + 1))
  seed=$(((seed * 1103515245 + 12345) % 2147483648))
  clicks=$((seed / 65536 % 24))
  bar=$(printf '%*s' "$clicks" '' | tr ' ' '|')
  printf '%s  %2d counts  %s\n' "$(date +%H:%M:%S)" "$clicks" "$bar"
  sleep 0.2
done
