-- The responses that an earlier transform of this load left out: it tries them again.
DELETE FROM staging.problem
WHERE load_id = %(load_id)s AND is_unreadable;
