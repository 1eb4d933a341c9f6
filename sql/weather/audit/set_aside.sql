-- Quarantined rows of the load, in words: place, hour, limit, value and raw row.
SELECT
    format(
        '%%s at %%s: %%s is %%s (raw id %%s of raw.weather_observations)',
        location.location_name, quarantine.row_key ->> 'observed_at', quarantine.expectation, quarantine.value, quarantine.raw_id
    )
FROM audit.quarantine AS quarantine
LEFT JOIN core.location AS location ON (quarantine.row_key ->> 'location_id')::bigint = location.location_id
WHERE quarantine.load_id = %(load_id)s
ORDER BY quarantine.raw_id, quarantine.row_key
LIMIT 3;
