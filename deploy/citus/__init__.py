"""Distributing the weather over a Citus cluster: the statements and what runs them."""
