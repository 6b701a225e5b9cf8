#!/usr/bin/env bash
# Prepares a folder for docker/compose.yaml, as root: one_machine.sh FOLDER
#
# Makes what is missing and changes nothing that is there: folders, secrets, the configuration (of
# docs/samples; edit it) and `environment`, the file for `docker compose --env-file`.
set -euo pipefail

folder=${1:-}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Of Airflow and the stages it starts; of the services, which only read, but for the console's record of who asked.
stages=10001 services=10002

stop() { echo "one_machine: $*" >&2; exit 1; }
[[ $folder == /* && $folder != *[[:space:]:]* ]] || stop "expected an absolute path without spaces and colons: one_machine.sh /srv/foresite"
((EUID == 0)) || stop "the folders belong to the users of the containers: run it as root"
socket=${FORESITE_DOCKER_SOCKET:-/var/run/docker.sock}
[[ -S $socket ]] || stop "no engine's socket at $socket: start Docker, or name it by FORESITE_DOCKER_SOCKET"
client=${FORESITE_DOCKER_CLIENT:-$(command -v docker)} || stop "no Docker client: install one, or name it by FORESITE_DOCKER_CLIENT"

# secret NAME OWNER: what standard input says, unless it is there.
secret() {
    local path=$folder/secrets/$1
    # Read to its end in any case: what writes it would fail otherwise.
    if [[ -e $path ]]; then cat >/dev/null; else (umask 077 && cat >"$path"); fi
    chown "$2" "$path"
    chmod 0440 "$path"
}

# random [BYTES]
random() { head --bytes="${1:-32}" /dev/urandom | base64 | tr '+/' '-_' | tr --delete '\n'; }

install --directory --mode=0755 "$folder"
install --directory --mode=0755 --owner=$stages --group=$stages "$folder"/{airflow,data,data/landing,results}
# The console writes there, the stages delete what is old.
install --directory --mode=2775 --owner=$services --group=$stages "$folder"/data/logins
install --directory --mode=0755 --owner=$services --group=$services "$folder"/cache{,/anomaly,/maintenance,/capacity}
install --directory --mode=0700 "$folder"/postgres
install --directory --mode=0711 "$folder"/secrets
[[ -e $folder/configuration ]] || cp --recursive "$here/docs/samples" "$folder/configuration"

random | tr --delete '=_-' | secret database-password 0:0
password=$(<"$folder/secrets/database-password")
# Airflow would take a newline for a part of it.
printf '%s' "postgresql+psycopg2://airflow:$password@postgres/airflow" | secret database-url $stages:$stages
random | secret fernet-key $stages:$stages
random 64 | secret jwt-secret $stages:$stages
random | secret api-secret-key $stages:$stages
# Airflow's API server asks with it, the console compares.
random | secret console-token $stages:$services
random | secret serve-token $services:$services
if [[ ! -e $folder/airflow/passwords.json ]]; then
    (umask 077 && printf '{"admin": "%s"}\n' "$(random | cut --characters=1-20)" >"$folder/airflow/passwords.json")
    chown $stages:$stages "$folder/airflow/passwords.json"
fi
[[ -e $folder/environment ]] || cat >"$folder/environment" <<ENVIRONMENT
FORESITE_DIR=$folder
FORESITE_START_DATE=$(date --utc +%Y-%m-%dT%H:00:00+00:00)
FORESITE_DOCKER_CLIENT=$client
FORESITE_DOCKER_SOCKET=$socket
FORESITE_DOCKER_GROUP=$(stat --dereference --format=%g "$socket")
ENVIRONMENT
echo "docker compose --project-name foresite --env-file $folder/environment --file $here/docker/compose.yaml up --detach"
