#!/usr/bin/env bash
# Start all of Quintet on this machine: scripts/start.sh [--demo]
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/environment.sh
. scripts/environment.sh

case "$#:${1:-}" in
  0: | 1:--demo) ;;
  *)
    say "Usage: scripts/start.sh [--demo]"
    say "Starts PostgreSQL, Valkey, the orchestrator, five agents and the dashboard, and returns"
    say "when all are ready. --demo then runs a sample task. scripts/stop.sh stops everything."
    [ "${1:-}" = --help ] || [ "${1:-}" = -h ] || exit 2
    exit 0
    ;;
esac

prepare_environment requirements.txt requirements-local.txt
exec "$VENV/bin/python" -m scripts.stack up "$@"
