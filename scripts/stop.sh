#!/usr/bin/env bash
# Stop everything that scripts/start.sh started, and prove that no process is left.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -x .venv/bin/python ] && .venv/bin/python -c 'import psutil, rich' 2>/dev/null; then
  exec .venv/bin/python -m scripts.stack down
fi

# Without the environment nothing can be stopped in order: end what carries the mark.
mark=QUINTET_STACK=$(printf '%s/.quintet' "$(pwd -P)" | sha256sum | cut -c 1-12)
marked() {
  local file
  for file in /proc/[0-9]*/environ; do
    if { tr '\0' '\n' <"$file" | grep -qxF "$mark"; } 2>/dev/null; then
      file=${file#/proc/}
      printf '%s\n' "${file%/environ}"
    fi
  done
}

if [ -z "$(marked)" ]; then
  echo "Quintet was not running."
  exit 0
fi
echo "The Python environment is gone; ending the processes by their mark."
for signal in TERM KILL; do
  for pid in $(marked); do
    kill "-$signal" "$pid" 2>/dev/null || true
  done
  for _ in $(seq 20); do
    [ -z "$(marked)" ] && break 2
    sleep 0.5
  done
done
left=$(marked)
if [ -n "$left" ]; then
  echo "Still alive: $left. They may belong to another user." >&2
  exit 1
fi
echo "Quintet is stopped and no process is left."
