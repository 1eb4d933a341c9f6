-- From when on each source is to be complete, and in which windows.
SELECT source, start_date, schedule
FROM audit.catchup
ORDER BY source;
