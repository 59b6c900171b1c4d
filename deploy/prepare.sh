#!/bin/sh
# Makes what `docker compose up` asks for, where it is not there yet: .env with secrets of its own, and a certificate
# to try it with, which no browser trusts. Run again after an upgrade, it adds the secrets that are new.
#
#   deploy/prepare.sh [HOST]    the name that customers reach it by; localhost
set -eu
cd "$(dirname "$0")/.."
host=${1:-localhost}
case $host in
*[!0-9.]*) kind=DNS ;;
*) kind=IP ;;
esac
umask 077

if [ ! -e .env ]; then
    echo "PUBLIC_URL=https://$host" >.env
    echo "made .env"
fi
[ -z "$(tail -c 1 .env)" ] || echo >>.env # its last line was not ended
for secret in SECRET_KEY POSTGRES_PASSWORD RABBITMQ_PASSWORD GRAFANA_PASSWORD; do
    grep -q "^$secret=" .env || echo "$secret=$(openssl rand -hex 32)" >>.env
done

certificates=deploy/proxy/certificates
mkdir -p $certificates
if ! ls $certificates/*.pem >/dev/null 2>&1; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj "/CN=$host" \
        -addext "subjectAltName=$kind:$host" -keyout $certificates/new.key -out $certificates/new.crt 2>/dev/null
    cat $certificates/new.crt $certificates/new.key >$certificates/new
    rm $certificates/new.key $certificates/new.crt
    mv $certificates/new $certificates/expedite.pem
    echo "made $certificates/expedite.pem, signed by nobody: put your own in its place"
fi
