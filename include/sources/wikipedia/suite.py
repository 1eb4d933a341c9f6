"""The audit of Wikipedia loads. Change a limit here; nowhere else is one."""

from include.suite import Check, Limit, Suite

MOST_SET_ASIDE = 0.1
"""A page with more than a tenth of its revisions outside their limits (and more than one of them) is not trusted at all."""

LARGEST_SIZE = 2**31 - 1
"""Bytes: a thousand times the largest page that MediaWiki saves (2 MiB by default)."""

SUITE = Suite(
    name="wikipedia",
    table="staging.revision",
    raw_table="raw.wikipedia_pages",
    key=("page_id", "revision_id"),
    limits=(Limit("revision_size_bytes", 0, LARGEST_SIZE),),
    checks=(
        Check("response_can_be_read", "problem", "a response that can be read"),
        Check(
            "timestamps_inside_window", "outside_window", "window_start <= revision_timestamp < window_end", highest=0
        ),
        Check("no_revision_twice", "twice", "each revision once", highest=0),
        Check(
            "few_revisions_set_aside",
            "too_many_set_aside",
            f"at most one revision, or {MOST_SET_ASIDE:.0%} of them, outside a limit",
            highest=0,
        ),
        Check("every_page_exists", "vanished", "a page that the wiki has and that is not a redirect", is_warning=True),
        Check("page_is_followed_once", "followed_as", "no other followed title leads to this page", is_warning=True),
    ),
    units="wikipedia/units.sql",
    withhold=("wikipedia/withhold_rows.sql", "wikipedia/withhold_units.sql"),
    parameters={"most_set_aside": MOST_SET_ASIDE},
)
