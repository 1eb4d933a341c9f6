"""What people would use instead: each a script for the Python of a virtual environment of its own, requirements-bench.txt.

A script is told what to do by the JSON document that is its argument, takes its own time, without its start and its imports, and
prints a JSON document at the end. tests/bench/contestants/environment.py makes the environment and runs them.
"""
