-- A run that is planned again abandons the loads of its earlier plan that were not published.
UPDATE audit.load
SET status = 'superseded', error = NULL
WHERE
    dag_id = %(dag_id)s
    AND run_id = %(run_id)s
    AND status NOT IN ('published', 'superseded')
RETURNING load_id;
