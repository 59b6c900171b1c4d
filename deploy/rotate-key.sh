#!/bin/sh
# Changes SECRET_KEY in .env, in three steps; after each, `docker compose up --detach`. When to take which stands in
# docs/operations.md, "Rotate the key".
#
#   deploy/rotate-key.sh new       makes the next key: all learn to read what it will sign
#   deploy/rotate-key.sh switch    the next one signs, and the one of now is still read
#   deploy/rotate-key.sh end       the old one is nothing any more
set -eu
cd "$(dirname "$0")/.."
umask 077

value_of() { sed -n "s/^$1=//p" .env; }
key=$(value_of SECRET_KEY)
other=$(value_of SECRET_KEY_BEFORE)

case ${1:-} in
new)
    test -z "$other" || { echo "keys are being changed already: switch, or end" >&2; exit 1; }
    other=$(openssl rand -hex 32) ;;
switch)
    test -n "$other" || { echo "there is no other key: begin with new" >&2; exit 1; }
    first=$key; key=$other; other=$first ;;
end)
    other= ;;
*)
    echo "usage: deploy/rotate-key.sh new | switch | end" >&2
    exit 2 ;;
esac
{
    grep -Ev '^SECRET_KEY(_BEFORE)?=' .env
    printf 'SECRET_KEY=%s\nSECRET_KEY_BEFORE=%s\n' "$key" "$other"
} >.env.new
mv .env.new .env
