#!/usr/bin/env bash
# Everything that must hold before a change is shared; needs nothing but Python.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/environment.sh
. scripts/environment.sh

PARTS="static unit contract integration chaos e2e"
CODE="shared orchestrator agent ui scripts"

usage() {
  say "Usage: scripts/test.sh [PART...]    parts: $PARTS; none means all, with coverage"
}

step() {
  local name=$1 began=$SECONDS
  shift
  say "== $name"
  "$@" || fail "$name failed; its output is above. To see it alone: ${*//.venv\/bin\//}"
  say "   $((SECONDS - began)) s"
}

# Tests drive the dashboard in a real browser.
find_chromium() {
  local name
  for name in ${CHROMIUM:+"$CHROMIUM"} chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null 2>&1; then
      CHROMIUM=$(command -v "$name")
      export CHROMIUM
      return
    fi
  done
  return 1
}

need_chromium() {
  find_chromium && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "Installing chromium for the browser tests ..."
    apt-get update -qq >/dev/null || true
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium \
      >/dev/null || fail "chromium could not be installed; the message of apt-get is above."
    find_chromium && return
  fi
  fail "the browser tests need chromium. As root: apt-get install -y chromium
Or set CHROMIUM to the path of a Chromium or Chrome."
}

static() {
  # shellcheck disable=SC2086 # a list of folders
  {
    step "ruff format" .venv/bin/ruff format --check .
    step "ruff check" .venv/bin/ruff check .
    step "mypy" .venv/bin/mypy --strict $CODE
    step "lint-imports" .venv/bin/lint-imports
    step "shellcheck" .venv/bin/shellcheck -x scripts/*.sh .ci/run
  }
}

# Those of the given parts that have tests.
folders() {
  local part
  for part in "$@"; do
    if [ -n "$(find "tests/$part" -name 'test_*.py' -print -quit 2>/dev/null)" ]; then
      say "tests/$part"
    fi
  done
}

everything() {
  local rest
  need_chromium
  static
  # One process: starting a second costs more than the whole suite.
  say "== unit tests"
  .venv/bin/pytest tests/unit --cov --cov-report= --cov-fail-under=0
  # One process too: Schemathesis gives its cases one name, of which xdist would run the first.
  say "== contract tests"
  .venv/bin/pytest tests/contract --cov --cov-append --cov-report= --cov-fail-under=0
  rest=$(folders integration chaos e2e)
  say "== all other tests, and the coverage of all"
  # shellcheck disable=SC2086 # a list of folders
  .venv/bin/pytest -n 2 --dist loadfile --cov --cov-append $rest
}

# No test may reach a person's own servers or spend their money.
unset ANTHROPIC_API_KEY ANTHROPIC_AUTH_TOKEN ANTHROPIC_BASE_URL
unset DATABASE_URL DATA_DATABASE_URL REDIS_URL QUINTET_API_URL QUINTET_HOME
export QUINTET_ENV_FILE= # and no .env: tests and what they start run beside it

for part in "$@"; do
  case " $PARTS " in
    *" $part "*) ;;
    *)
      usage
      exit 2
      ;;
  esac
done

prepare_environment requirements.txt requirements-local.txt requirements-dev.txt
[ "$#" != 0 ] || everything
for part in "$@"; do
  if [ "$part" = static ]; then
    static
    continue
  fi
  [ "$part" != e2e ] || need_chromium
  say "== $part tests"
  # Two processes pay off where a test mostly waits for servers.
  case "$part" in
    integration) .venv/bin/pytest -n 2 --dist worksteal "tests/$part" ;;
    *) .venv/bin/pytest "tests/$part" ;;
  esac
done
