#!/bin/sh
# Creates .venv with the exact versions of requirements.lock and installs shelfmind in editable mode.
set -eu

fits() { "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; }

chosen=""
for candidate in "${PYTHON:-python3}" python3.11 python3.12 python3.10; do
    if command -v "$candidate" >/dev/null 2>&1 && fits "$candidate"; then chosen=$candidate; break; fi
done
if [ -z "$chosen" ]; then
    echo "shelfmind needs Python 3.10, 3.11 or 3.12; found: $(${PYTHON:-python3} --version 2>&1 || echo none)." >&2
    echo "Install one (Debian, Ubuntu: apt-get install python3), or set its path: make PYTHON=/path/to/python3.11 ..." >&2
    exit 2
fi

make_venv() { rm -rf .venv && "$chosen" -m venv .venv >/dev/null 2>&1; }

if ! make_venv; then
    version=$("$chosen" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    as_root=""
    [ "$(id -u)" = 0 ] || as_root="sudo -n"
    echo "$chosen has no venv module; trying to install $version with apt-get"
    if ! { $as_root apt-get update -qq && $as_root apt-get install -y -qq "$version" && make_venv; } >/dev/null 2>&1; then
        echo "Cannot create a virtual environment. Install the venv module, then run the command again:" >&2
        echo "    sudo apt-get install $version" >&2
        exit 2
    fi
fi

echo "installing the packages of requirements.lock into .venv (MindSpore takes about 2.7 GB)"
# Installing MindSpore takes as long as everything else together, so two processes run in parallel. The lock file lists every
# package: nothing is resolved.
install() { .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r "$1"; }
awk '/^[a-z]/ { own = /^mindspore==/ } own' requirements.lock >.venv/mindspore.lock
awk '/^[a-z]/ { own = /^mindspore==/ } !own' requirements.lock >.venv/others.lock
install .venv/mindspore.lock &
install .venv/others.lock || { wait; exit 1; }
wait $! || exit 1
.venv/bin/python -m pip --disable-pip-version-check check
# Compile on all cores; pip uses only one. Templates that are not valid Python, and other packages' tests, are skipped.
.venv/bin/python -m compileall -q -j 0 -x '/(tests|_akg)/' .venv/lib >/dev/null 2>&1 || true
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
