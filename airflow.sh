#!/usr/bin/env bash
# Runs a command in the compose stack: ./airflow.sh dags replay …, ./airflow.sh python -m include gaps, ./airflow.sh bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
options=(--rm --no-deps)
# Where nobody types it reads nothing: what comes in there are the next commands of a script, as in `… gaps | grep … | sh -e`.
[[ -t 0 ]] || options+=(--no-TTY --interactive=false)
exec docker compose --progress quiet run "${options[@]}" airflow-cli "$@"
