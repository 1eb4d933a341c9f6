-- So many places, the first one Boston, in three zones.
INSERT INTO core.location (location_name, latitude, longitude, city, country, timezone)
SELECT
    CASE WHEN n = 1 THEN 'Boston' ELSE 'place ' || n END,
    (n %% 170) - 85 + n / 100000.0,
    (n %% 350) - 175 + n / 100000.0,
    'city ' || n,
    'US',
    (ARRAY['America/New_York', 'America/Los_Angeles', 'UTC'])[1 + n %% 3]
FROM generate_series(1, %(count)s) AS n;
