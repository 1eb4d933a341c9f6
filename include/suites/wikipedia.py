"""The audit of Wikipedia loads. Change a limit here; nowhere else is one."""

from include.suites import Check, Limit, Suite

SUITE = Suite(
    name="wikipedia",
    table="staging.revision",
    key=("page_id", "revision_id"),
    limits=(Limit("revision_size_bytes", 0, None),),
    mostly=0.99,
    known={},
    checks=(
        Check(
            "timestamps_inside_window",
            "wikipedia/audit/outside_window.sql",
            "window_start <= revision_timestamp < window_end",
        ),
        Check("every_page_is_known", "wikipedia/audit/unknown_pages.sql", "page_id stands in core.tracked_page"),
        Check("every_page_answered", "wikipedia/audit/pages_without_answer.sql", "an answer for each page of the load"),
        Check(
            "every_page_exists",
            "wikipedia/audit/vanished_pages.sql",
            "no page is missing from its wiki or became a redirect",
            is_warning=True,
        ),
    ),
    set_aside="wikipedia/audit/set_aside.sql",
    what_it_was_for="wikipedia/audit/what_it_was_for.sql",
)
