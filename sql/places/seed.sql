-- Follows a place: new, changed or active again. A place that is as it was is not rewritten.
INSERT INTO core.location AS known (location_name, latitude, longitude, country, region, city, timezone)
VALUES (%(location_name)s, %(latitude)s, %(longitude)s, %(country)s, %(region)s, %(city)s, %(timezone)s)
ON CONFLICT (location_name, latitude, longitude) DO UPDATE SET
    country = excluded.country,
    region = excluded.region,
    city = excluded.city,
    timezone = excluded.timezone,
    is_active = true,
    updated_at = excluded.updated_at
WHERE
    (known.country, known.region, known.city, known.timezone, known.is_active)
    IS DISTINCT FROM (excluded.country, excluded.region, excluded.city, excluded.timezone, true);
