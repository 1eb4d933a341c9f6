"""Plain Python of the warehouse: no module here imports Airflow."""
