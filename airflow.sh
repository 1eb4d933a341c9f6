#!/usr/bin/env bash
# Runs Airflow's command line in the compose stack: ./airflow.sh dags list, ./airflow.sh python -m include seed, ./airflow.sh bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
exec docker compose --progress quiet run --rm --no-deps airflow-cli "$@"
