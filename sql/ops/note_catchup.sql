-- Notes from when on a source is to be complete, in which windows, and how long the longest of them is.
INSERT INTO audit.catchup AS known (source, start_date, schedule, interval_seconds)
VALUES (%(source)s, %(start_date)s, %(schedule)s, %(interval_seconds)s)
ON CONFLICT (source) DO UPDATE SET
    start_date = excluded.start_date,
    schedule = excluded.schedule,
    interval_seconds = excluded.interval_seconds;
