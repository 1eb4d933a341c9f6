"""The commands that people type to Airflow: `airflow dags backfill`, as Airflow 2 had it, and `airflow dags replay`."""
