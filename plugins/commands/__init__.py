"""`airflow dags backfill`, as Airflow 2 had it: creates a backfill of Airflow 3 and waits for its runs."""


class Refused(Exception):
    """One line for the user on why there is no backfill, or none to wait for; exit code 2."""
