-- Makes the worker known, with all schemas, types and functions; one that is known stays as it is.
SELECT citus_add_node(%(host)s, %(port)s);
