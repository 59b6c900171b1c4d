#!/bin/sh
# Prints the Pythons that Expedite runs on, newest first, a line each: version, and the program itself, whatever link,
# virtual environment or pyenv leads to it.
#
#   pythons.sh [PYTHON]
#
# PYTHON is a name to look for on the PATH, or a path. Without it, all that the PATH has.
set -eu

# A name on the PATH need not work: pyenv puts one there for every version, and lets only the selected ones run.
print_if_it_suits() {
    "$1" -c '
import os, sys, venv
if sys.version_info >= (3, 11):
    print("%d.%d" % sys.version_info[:2], os.path.realpath(sys._base_executable))
' 2>/dev/null || true
}

[ $# -gt 0 ] || set -- python3.14 python3.13 python3.12 python3.11 python3
IFS=:
for name in "$@"; do
    case $name in
    */*) print_if_it_suits "$name" ;;
    *) for folder in $PATH; do print_if_it_suits "$folder/$name"; done ;;
    esac
done
