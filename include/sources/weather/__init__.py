"""weather: hourly weather of the tracked places, from Open-Meteo."""

from datetime import timedelta

from include.rollup import roll_up_due_days
from include.source import Attribution, Mart, Range, Source
from include.sources.weather import api
from include.sources.weather.suite import SUITE
from include.subjects import PLACES

SOURCE = Source(
    name="weather",
    subjects=PLACES,
    connections={
        "open_meteo": "https://api.open-meteo.com",
        "open_meteo_archive": "https://archive-api.open-meteo.com",
    },
    pool="open_meteo",
    raw_table="raw.weather_observations",
    core_table="weather",
    suite=SUITE,
    marts=(Mart("daily_weather_aggregates", roll_up_due_days),),
    clear=("clear_staging", "clear_staged_units"),
    stage=("stage_rows",),
    prepare=("ensure_partitions",),
    publish=("upsert", "note_due_days", "roll_up_days"),
    step=timedelta(hours=1),
    revision_days=5,
    batch=Range(100, 1, 500),
    observable=api.observable,
    longest_load=api.longest_load,
    conversation=api.conversation,
    read=api.read,
    whole=api.whole,
    problem_of_status=api.problem_of_status,
    attribution=Attribution(
        "Weather data by Open-Meteo.com",
        "https://open-meteo.com/",
        "CC BY 4.0",
        "https://creativecommons.org/licenses/by/4.0/",
    ),
)
