-- The places are copied to every node, for joins and for the foreign key; with them go the functions of their triggers.
SELECT create_reference_table('core.location')
WHERE 'core.location'::regclass NOT IN (SELECT logicalrelid FROM pg_dist_partition);
