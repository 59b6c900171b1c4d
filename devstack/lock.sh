#!/bin/sh
# Writes requirements.lock and requirements-dev.lock from pyproject.toml; pins that still fit stay.
set -eu
cd "$(dirname "$0")/.."

venv=${VENV:-.venv} tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
# Where the virtual environment has no pip of its own, its maker left one here.
PYTHONPATH=$(echo "$PWD/$venv"/pip/usr/share/python-wheels/pip-*.whl) \
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --target "$tools" uv

compile() {
    "$tools/bin/uv" pip compile --quiet pyproject.toml --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-header "$@" >/dev/null
}
compile -o requirements.lock
compile --group dev -o requirements-dev.lock
