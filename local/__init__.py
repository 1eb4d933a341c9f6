"""The local run: PostgreSQL, the warehouse and Airflow on one machine, without Docker and without root."""
