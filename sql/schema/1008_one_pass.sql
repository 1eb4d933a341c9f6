-- A response of Open-Meteo is parsed once, for its hours and for the units that it names.
CREATE TYPE staging.open_meteo_response AS (
    hourly json,
    hourly_units json
);
COMMENT ON TYPE staging.open_meteo_response IS 'What is read of an Open-Meteo response.';

ALTER TYPE staging.open_meteo_hourly ALTER ATTRIBUTE "time" TYPE text CASCADE;
COMMENT ON TYPE staging.open_meteo_hourly IS
'The "hourly" object of an Open-Meteo response, in the service''s names and units; times are UTC, an array as it is written.';
