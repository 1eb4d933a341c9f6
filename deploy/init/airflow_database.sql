-- Airflow's own role and database, beside the warehouse: created where they are missing. The passwords of both roles are set
-- anew each time, so that a changed secret takes effect. Run by psql as a superuser, or as a role that may create roles and
-- databases.
\set ON_ERROR_STOP on
\set airflow_password ''
\set superuser_password ''
\getenv airflow_password AIRFLOW_DB_PASSWORD
\getenv superuser_password POSTGRES_PASSWORD
SET client_min_messages = warning;

SELECT 'CREATE ROLE airflow LOGIN' WHERE to_regrole('airflow') IS NULL \gexec
SELECT format('ALTER ROLE airflow PASSWORD %L', :'airflow_password') WHERE :'airflow_password' <> '' \gexec
-- Over the socket this is the stack's own server; the superuser of another one is not ours to change.
SELECT format('ALTER ROLE postgres PASSWORD %L', :'superuser_password')
WHERE inet_server_addr() IS NULL AND :'superuser_password' <> '' \gexec

-- A managed PostgreSQL's administrator is not a superuser: it may only give a database to a role that it is a member of.
SELECT 'GRANT airflow TO CURRENT_USER' WHERE NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) \gexec
SELECT 'CREATE DATABASE airflow OWNER airflow'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'airflow') \gexec

-- Whoever may connect to a database may make temporary tables in it, and take the advisory locks that Airflow waits for.
SELECT 'GRANT CONNECT ON DATABASE airflow TO airflow; REVOKE ALL ON DATABASE airflow FROM public'
FROM pg_database WHERE datname = 'airflow' AND pg_has_role(datdba, 'USAGE') \gexec
SELECT 'REVOKE ALL ON DATABASE postgres, template1 FROM public' WHERE inet_server_addr() IS NULL \gexec
