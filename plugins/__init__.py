"""What needs Airflow's API: the operators of the DAGs and what they share."""
