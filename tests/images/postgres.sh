#!/usr/bin/env bash
# Stands in for the image `postgres` where none can be pulled: this machine's PostgreSQL, mounted, by the
# variables of the official image.
set -euo pipefail

data=/var/lib/postgresql/data
run() { setpriv --reuid=nobody --regid=nogroup --clear-groups -- "$@"; }

chown nobody:nogroup "$data" /var/run/postgresql
chmod 0700 "$data"
if [[ ! -e $data/PG_VERSION ]]; then
    # Read as root, as the official image does.
    install --mode=0400 --owner=nobody "$POSTGRES_PASSWORD_FILE" /tmp/password
    run initdb --pgdata="$data" --username="$POSTGRES_USER" --pwfile=/tmp/password \
        --auth-host=scram-sha-256 --auth-local=trust --no-sync --no-locale --encoding=UTF8
    echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
    echo "create database $POSTGRES_DB" | run postgres --single -D "$data" postgres
fi
exec setpriv --reuid=nobody --regid=nogroup --clear-groups -- postgres -D "$data" -c listen_addresses='*'
