# shellcheck shell=bash
# The Python environment of this checkout: sourced by start.sh and test.sh from the root.

VENV=.venv
UV_VERSION=0.13.8
NEEDED_KB=$((2 * 1024 * 1024))
# wheels exist for these; 3.11 is what the locks were made with
SUPPORTED='import ssl, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))'

say() { printf '%s\n' "$*"; }

fail() {
  printf 'Quintet: %s\n' "$*" >&2
  exit 1
}

# Print a Python that is new enough; $PYTHON wins.
find_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.13 python3.14 python3 python; do
    if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c "$SUPPORTED" 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  fail "needs Python 3.11 to 3.14, and none was found. On Debian or Ubuntu:
  apt-get install -y python3 python3-venv
Or set PYTHON to the path of one."
}

make_venv() {
  local python
  # A moved checkout has programs in its .venv that still point to the old place.
  if "$VENV/bin/python" -c "$SUPPORTED" 2>/dev/null &&
    grep -qsF "$(pwd -P)/$VENV" "$VENV/bin/activate"; then
    return
  fi
  python=$(find_python)
  if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    fail "$python has no venv module. On Debian or Ubuntu:
  apt-get install -y python3-venv
(or the package of your version, such as python3.12-venv), then start again."
  fi
  say "Making $VENV with $("$python" -V) ..."
  "$python" -m venv --clear "$VENV" || fail "could not make $VENV; the message is above."
}

check_disk() {
  local free
  free=$(df -Pk . | awk 'NR == 2 { print $4 }')
  if [ "${free:-$NEEDED_KB}" -lt "$NEEDED_KB" ]; then
    fail "the first installation needs about 2 GB, and only $((free / 1024)) MB are free here.
Make room, then start again."
  fi
}

# One line for each file that decides what is installed: its digest and its name.
fingerprints() {
  "$VENV/bin/python" - "$@" <<'PYTHON'
import hashlib, pathlib, sys
for name in sys.argv[1:]:
    print(hashlib.sha256(pathlib.Path(name).read_bytes()).hexdigest(), name)
PYTHON
}

# The quick way; needs nothing but what pip can fetch.
install_with_uv() {
  "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION" &&
    UV_SYSTEM_CERTS=1 "$VENV/bin/uv" pip install --quiet --python "$VENV/bin/python" \
      --require-hashes "$@"
}

install_with_pip() {
  "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes "$@"
}

# Make .venv hold what the given lock files say, and the `quintet` command.
prepare_environment() {
  local stamp=$VENV/quintet-installed wanted kept file began=$SECONDS
  local -a locks=()
  make_venv
  wanted=$(fingerprints "$@" pyproject.toml requirements.in)
  if [ -f "$stamp" ] && ! grep -qvxFf "$stamp" <<<"$wanted"; then
    return
  fi
  check_disk
  for file in "$@"; do
    locks+=(-r "$file")
  done
  say "Installing $* (the first time this takes a minute) ..."
  kept=$(cut -d ' ' -f 2 <<<"$wanted" | sed 's/^/ /' | grep -vFf - "$stamp" 2>/dev/null || true)
  rm -f "$stamp"
  if ! install_with_uv "${locks[@]}"; then
    say "uv could not install them; trying pip, which is slower ..."
    install_with_pip "${locks[@]}" || fail "the packages could not be installed; pip's message is
above. Check the network, or the proxy and certificate settings of pip, then start again."
  fi
  "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -e . ||
    fail "the packages are there, but Quintet itself could not be installed; pip's message is above."
  printf '%s\n' ${kept:+"$kept"} "$wanted" >"$stamp"
  say "Installed in $((SECONDS - began)) s."
}
