#!/usr/bin/env bash
# Brings both databases, the administrator, the connections and the pools to what the settings say. Safe to run again, at every `up`.
set -euo pipefail
cd /opt/airflow

fail() { echo "airflow-init: $*" >&2; exit 1; }

[[ "${DW_APIS:-real}" =~ ^(real|sandbox)$ ]] || fail "DW_APIS=$DW_APIS is not known: use real or sandbox"
# A checkout under a strict umask is readable for its owner only.
for folder in config dags include plugins sql; do
    [[ -z "$(find "$folder" ! -readable -print -quit)" ]] ||
        fail "user $(id -u) cannot read the folder $folder: set AIRFLOW_UID in .env to the owner of the checkout (id -u)"
done

if [[ -n "${WAREHOUSE_ADMIN_URL:-}" ]]; then
    psql --quiet --no-psqlrc --dbname "$WAREHOUSE_ADMIN_URL" --file deploy/init/airflow_database.sql
    python -m include bootstrap
fi
python -m include migrate
[[ -z "${DW_SEED_FILE:-}" ]] || python -m include seed "$DW_SEED_FILE"

python deploy/init/airflow_objects.py
