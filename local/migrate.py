"""`airflow db migrate` for a database that is yet to come: it is run when a line is read, and Airflow was imported meanwhile."""

import runpy
import sys
from importlib import import_module

# What `airflow db` of Airflow 3.3.2 imports when it is run, which takes more than a second.
import_module("airflow.cli.commands.db_command")

if sys.stdin.readline():
    sys.argv = ["airflow", "db", "migrate"]
    runpy.run_module("airflow", run_name="__main__")
