-- What an earlier audit of this load withheld: the load is judged anew.
DELETE FROM audit.withheld
WHERE load_id = %(load_id)s;
