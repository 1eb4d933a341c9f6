-- Connections in the metadata database of Airflow 3.3.2: what of them is not encrypted.
SELECT conn_id, host, schema, port
FROM connection
WHERE conn_id = ANY(%(connections)s);
