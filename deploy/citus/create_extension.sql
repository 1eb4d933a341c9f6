-- The extension, in this database; it has to be in shared_preload_libraries of the server.
CREATE EXTENSION IF NOT EXISTS citus;
