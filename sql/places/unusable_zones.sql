-- Of the zones, in their order, those that AT TIME ZONE cannot tell local dates by, and why: unknown, another one on each machine, or
-- read as an abbreviation, which knows no summer time. The abbreviations of UTC mean what the zones of these names do.
WITH judged AS (
    SELECT
        zone.number,
        zone.name,
        CASE
            WHEN zone.name IN ('localtime', 'posixrules', 'Factory') OR zone.name ~ '^(posix|right)/'
                THEN 'what it means depends on the machine'
            WHEN known.name IS NULL
                THEN 'PostgreSQL does not know it'
            WHEN abbreviation.abbrev NOT IN ('UTC', 'GMT', 'UCT', 'ZULU')
                THEN format('PostgreSQL reads it as the fixed offset %%s', abbreviation.utc_offset)
        END AS problem
    FROM unnest(%(zones)s::text []) WITH ORDINALITY AS zone (name, number)
    LEFT JOIN pg_timezone_names AS known ON known.name = zone.name
    LEFT JOIN pg_timezone_abbrevs AS abbreviation ON abbreviation.abbrev = upper(zone.name)
)

SELECT number, name, problem FROM judged
WHERE problem IS NOT NULL
ORDER BY number;
