#!/bin/sh
# Makes .venv from requirements-dev.lock; does nothing when it has been made from this lock, here.
set -eu
cd "$(dirname "$0")/.."

lock=requirements-dev.lock stamp=.venv/made-from
exec 9<"$lock"
flock 9 # two at once: the second waits, and finds it made
{ pwd; cat "$lock"; } | cmp -s - "$stamp" && exit 0

suits() { "$1" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
for python in python3.11 python3.12 python3.13 python3 none; do
    suits "$python" && break
done
[ "$python" != none ] || { echo "found no Python 3.11 or newer: install the package python3" >&2; exit 1; }

echo "making the virtual environment .venv with $("$python" --version) (once, about half a minute)"
rm -rf .venv
if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv .venv
else
    # Debian's Python without python3-venv: its pip is a package too, and runs from where it is unpacked.
    "$python" -m venv --without-pip .venv
    devstack/unpack-packages.sh .venv/pip python3-pip-whl
    PYTHONPATH=$(echo "$PWD"/.venv/pip/usr/share/python-wheels/pip-*.whl)
    export PYTHONPATH
fi
.venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r "$lock"
{ pwd; cat "$lock"; } >"$stamp"
