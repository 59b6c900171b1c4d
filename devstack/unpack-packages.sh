#!/bin/sh
# Downloads Debian packages, with what they need that the machine lacks, and unpacks all of it into a
# folder of its own. Nothing is installed on the machine: no root is needed, and no server starts by itself.
#
#   unpack-packages.sh FOLDER PACKAGES [OWN [SUITE]]
#
# PACKAGES are names with spaces between them. OWN is an extended regular expression: packages with such names are
# unpacked even if the machine has them. SUITE is another suite of Debian (trixie, sid): then all that is needed is
# unpacked, down to the C library. FOLDER appears complete or not at all, also when two do this at once.
set -eu

folder=$1 package=$2 own=${3:-$2} suite=${4:-}
for tool in apt-get dpkg; do
    command -v "$tool" >/dev/null || { echo "this machine has no $tool to get $package with" >&2; exit 1; }
done

mkdir -p "$(dirname "$folder")"
unpacked=$(mktemp -d "$folder.XXXXXX")
apt=$(mktemp -d)
trap 'rm -rf "$unpacked" "$apt"' EXIT
trap 'exit 1' HUP INT TERM

mkdir -p "$apt/lists/partial" "$apt/archives/partial"
awk -v own="^Package: ($own)\n" 'BEGIN { RS = ""; ORS = "\n\n" } $0 !~ own' /var/lib/dpkg/status >"$apt/status"

if [ -n "$suite" ]; then
    : >"$apt/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main" \
        >"$apt/sources.list"
fi

# An apt with its own lists and cache: the machine's may be empty, old, or not ours to write.
private_apt() {
    apt-get -qq -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt" \
        -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1 -o Acquire::Retries=3 \
        ${suite:+-o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=-} "$@"
}

# Some source of the machine that cannot be reached need not be the one that has the package.
private_apt update || true
private_apt install --yes --no-install-recommends --download-only $package >"$apt/said" 2>&1 ||
    { cat "$apt/said" >&2; exit 1; }
if [ -n "$suite" ]; then
    # As Debian lays them out since 12, whatever an older package says: programs see the tree's usr alone.
    mkdir "$unpacked/usr"
    for each in bin sbin lib lib64; do
        mkdir "$unpacked/usr/$each"
        ln -s "usr/$each" "$unpacked/$each"
    done
fi
for deb in "$apt"/archives/*.deb; do
    dpkg --fsys-tarfile "$deb" | tar --extract --keep-directory-symlink --directory "$unpacked"
done

chmod 755 "$unpacked"
mv -T "$unpacked" "$folder" 2>/dev/null || [ -d "$folder" ] # somebody else was faster
