#!/usr/bin/env bash
# Runs a command in the compose stack: ./airflow.sh dags replay …, ./airflow.sh python -m include gaps, ./airflow.sh bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
exec docker compose --progress quiet run --rm --no-deps airflow-cli "$@"
