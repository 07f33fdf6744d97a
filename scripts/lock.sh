#!/usr/bin/env bash
# Renew the universal, hashed locks from their .in files (needs uv on the PATH).
# Arguments go to uv: scripts/lock.sh --upgrade
set -euo pipefail
cd "$(dirname "$0")/.."

# lock NAME [OPTION...]: write NAME.txt from NAME.in
lock() {
  local name=$1
  shift
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --custom-compile-command scripts/lock.sh \
    "$@" "$name.in" --output-file "$name.txt"
}

for name in requirements requirements-local requirements-dev; do
  lock "$name" "$@"
done
# Each image installs its own part of requirements.txt, at the very same versions.
for image in orchestrator agent ui; do
  lock "requirements/$image" --constraints requirements.txt "$@"
done
