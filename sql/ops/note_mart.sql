-- Notes a mart of a source, and how long it may be at most between two looks at what is due for it.
INSERT INTO audit.mart AS known (mart, source, interval_seconds)
VALUES (%(mart)s, %(source)s, %(interval_seconds)s)
ON CONFLICT (mart) DO UPDATE SET source = excluded.source, interval_seconds = excluded.interval_seconds;
