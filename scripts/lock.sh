#!/usr/bin/env bash
# Renew the universal, hashed locks from the requirements*.in files (needs uv on the PATH).
set -euo pipefail
cd "$(dirname "$0")/.."
for name in requirements requirements-local requirements-dev; do
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --custom-compile-command scripts/lock.sh \
    "$@" "$name.in" --output-file "$name.txt"
done
