"""wikipedia: revisions of the tracked pages, from the MediaWiki Action API."""

from datetime import timedelta

from include.source import Attribution, Mart, Range, Source
from include.sources.wikipedia import api
from include.sources.wikipedia.suite import SUITE
from include.subjects import PAGES

SOURCE = Source(
    name="wikipedia",
    subjects=PAGES,
    connections={"mediawiki": "https://{language}.wikipedia.org"},
    pool="mediawiki",
    raw_table="raw.wikipedia_pages",
    core_table="revision",
    suite=SUITE,
    marts=(Mart("daily_wikipedia_page_stats"),),
    clear=("clear_staging", "clear_staged_units"),
    stage=("stage_units", "stage_rows"),
    publish=(
        "close_page_versions",
        "correct_page_versions",
        "open_page_versions",
        "complete_page_ids",
        "note_readings",
        "upsert",
        "remove_unlisted",
        "complete_size_deltas",
    ),
    step=timedelta(seconds=1),
    revision_days=1,
    batch=Range(25, 1, 100),
    observable=api.observable,
    longest_load=api.longest_load,
    conversation=api.conversation,
    read=api.read,
    whole=api.whole,
    problem_of_status=api.problem_of_status,
    attribution=Attribution(
        "Titles, edits and summaries from Wikipedia, by its contributors",
        "https://www.wikipedia.org/",
        "CC BY-SA 4.0",
        "https://creativecommons.org/licenses/by-sa/4.0/",
    ),
)
