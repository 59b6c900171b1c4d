#!/bin/sh
# Makes the virtual environment VENV (.venv) from requirements-dev.lock, with PYTHON, a name or a path, or with the newest
# Python on the PATH. Does nothing when it has been made from these, here.
set -eu
cd "$(dirname "$0")/.."

lock=requirements-dev.lock venv=${VENV:-.venv}
exec 9<"$lock"
flock 9 # two at once: the second waits, and finds it made

python=$(devstack/pythons.sh ${PYTHON:+"$PYTHON"} | sed 's/^[^ ]* //;q')
if [ -z "$python" ]; then
    if [ -n "${PYTHON:-}" ]; then
        echo "PYTHON=$PYTHON is no Python 3.11 or newer that runs here, with its module venv" >&2
    else
        echo "found no Python 3.11 or newer: install the package python3" >&2
    fi
    exit 1
fi
made_from() { pwd; echo "$python"; cat "$lock"; }
made_from | cmp -s - "$venv/made-from" && exit 0
[ ! -e .devstack/lock ] || flock --nonblock .devstack/lock true ||
    { echo "$venv has to be made again, and make run is running: stop it first" >&2; exit 1; }

echo "making the virtual environment $venv with $("$python" --version) (once, about half a minute)"
rm -rf "$venv"
if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv "$venv"
else
    # Debian's Python without python3-venv: its pip is a package too, and runs from where it is unpacked.
    "$python" -m venv --without-pip "$venv"
    devstack/unpack-packages.sh "$venv/pip" python3-pip-whl
    PYTHONPATH=$(echo "$PWD/$venv"/pip/usr/share/python-wheels/pip-*.whl)
    export PYTHONPATH
fi
"$venv/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes -r "$lock"
made_from >"$venv/made-from"
