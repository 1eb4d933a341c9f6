-- Notes from when on a source is to be complete, and in which windows.
INSERT INTO audit.catchup AS known (source, start_date, schedule)
VALUES (%(source)s, %(start_date)s, %(schedule)s)
ON CONFLICT (source) DO UPDATE SET start_date = excluded.start_date, schedule = excluded.schedule;
