-- How this node logs in to the others as a role. Only a superuser can read it.
INSERT INTO pg_dist_authinfo (nodeid, rolename, authinfo)
VALUES (0, %(role)s, %(authinfo)s);
