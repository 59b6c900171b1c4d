#!/bin/sh
# Builds the image from the Dockerfile, with no Docker, no registry and no root's rights, and writes its files to a tar.
#
#   build-image.sh FOLDER TAR
#
# FOLDER keeps what is made once: a Debian with buildah, which builds as a user of its own, and a stand-in for the base
# image, which no registry is asked for: the same Debian with its Python, and pip. Only root can make and enter it.
set -eu
cd "$(dirname "$0")/../.."
folder=$1 tar=$2
base=$(sed -n 's/^FROM //p' Dockerfile)

# Runs a command in the Debian, as its root: in namespaces of its own, so nothing of it outlives the command, and with its
# root moved, since who is in a chroot may make no user.
enter() {
    unshare --mount --pid --fork --kill-child sh -euc '
        mount --bind "$1" "$1" && cd "$1" && shift
        mount -t proc proc proc && mount --rbind /dev dev && mount --rbind /sys sys
        mkdir -p old && pivot_root . old && cd / && umount -l /old
        exec "$@"' sh "$debian" "$@"
}

debian=$folder/debian
if [ ! -e "$folder/ready" ]; then
    rm -rf "$folder" && mkdir -p "$folder"
    devstack/unpack-packages.sh "$folder/debootstrap" debootstrap
    DEBOOTSTRAP_DIR=$folder/debootstrap/usr/share/debootstrap sh "$folder/debootstrap/usr/sbin/debootstrap" \
        --variant=minbase --include=ca-certificates,python-is-python3,python3,python3-pip trixie "$debian"
    # How this machine reaches others.
    cp -r /etc/apt/apt.conf.d/. "$debian/etc/apt/apt.conf.d/"
    cp -L /etc/resolv.conf /etc/hosts "$debian/etc/"
    cp -L /etc/ssl/certs/ca-certificates.crt "$debian/etc/ssl/certs/"
    [ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$debian/etc/"
    python=$(enter python --version)
    case $base in "python:$(echo "$python" | sed 's/Python \([0-9]*\.[0-9]*\).*/\1/')-slim") ;;
    *) echo "Debian's is $python, and the Dockerfile begins with $base" >&2 && exit 1 ;;
    esac
    # pip as the base image has it, in the place of Debian's, whose packages pip may not touch.
    enter pip install --quiet --ignore-installed --break-system-packages --cert /etc/ssl/certs/ca-certificates.crt pip
    enter dpkg --remove --force-depends python3-pip python3-packaging python3-wheel
    rm "$debian"/usr/lib/python3*/EXTERNALLY-MANAGED
    tar --numeric-owner --directory "$debian" --exclude='./dev/*' --exclude=./old -cf "$folder/base.tar" .
    enter env DEBIAN_FRONTEND=noninteractive sh -c '
        dpkg --remove --force-depends python3-pip >/dev/null 2>&1
        apt-get -qq update && apt-get -qq --fix-broken install --yes --no-install-recommends buildah netavark uidmap'
    enter sh -c 'useradd --create-home builder && echo builder:200000:65536 | tee /etc/subuid >/etc/subgid'
    mkdir -p "$debian/etc/containers"
    echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$debian/etc/containers/policy.json"
    mv "$folder/base.tar" "$debian/home/builder/"
    touch "$folder/ready"
fi

rm -rf "$debian/source" && mkdir "$debian/source"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents --target-directory "$debian/source"
# shellcheck disable=SC2016
enter setpriv --reuid builder --regid builder --init-groups sh -euc '
    export HOME=/home/builder XDG_RUNTIME_DIR=/home/builder/run STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
    mkdir -p "$XDG_RUNTIME_DIR" && cd "$HOME"
    if ! buildah inspect --type image "$1" >/dev/null 2>&1; then
        container=$(buildah from scratch)
        buildah add --quiet "$container" base.tar /
        buildah commit --quiet --rm "$container" "$1"
    fi
    certificates=/etc/ssl/certs/ca-certificates.crt
    buildah build --pull-never --network host --volume $certificates:$certificates:ro \
        --volume /etc/resolv.conf:/etc/resolv.conf:ro --tag expedite --file /source/Dockerfile /source
    container=$(buildah from --pull-never localhost/expedite)
    buildah unshare sh -euc "tar --numeric-owner --directory \"\$(buildah mount $container)\" -cf image.tar ."
    buildah rm "$container"
    buildah prune --force' sh "$base"
mv "$debian/home/builder/image.tar" "$tar"
