-- Forgets how this node logs in to the others as a role.
DELETE FROM pg_dist_authinfo
WHERE nodeid = 0 AND rolename = %(role)s;
