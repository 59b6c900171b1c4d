#!/bin/sh
# Runs a program with another Debian's /usr in the place of this machine's, for itself alone: where a file lies is
# the same for it as for all others, and nothing is left when it ends. To be called by `unshare --mount`.
#
#   within-tree.sh TREE FOLDER PROGRAM [ARGUMENT...]
#
# FOLDER, below /usr, is where the program starts.
set -eu
tree=$1 folder=$2
shift 2
mount --bind "$tree/usr" /usr
cd "$folder"
exec "$@"
