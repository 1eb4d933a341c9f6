"""The Action API in the sandbox: titles, windows, paging, events, errors."""

from datetime import UTC, datetime
from typing import Any

import pytest
import requests

WINDOW = {"rvstart": "2026-08-01T00:00:00Z", "rvend": "2026-08-31T23:59:59Z"}
ALL = "ids|timestamp|user|userid|size|flags|comment|tags|sha1"


def test_history_is_one_chain_from_the_creation(client: Any) -> None:
    rows = client.history(titles="Cat", rvprop=ALL, rvend="2003-12-31T23:59:59Z")
    assert rows[0]["parentid"] == 0 and rows[0]["timestamp"].startswith("2002-03-")
    assert [row["parentid"] for row in rows[1:]] == [row["revid"] for row in rows[:-1]]
    stamps = [row["timestamp"] for row in rows]
    assert stamps == sorted(stamps)
    revids = [row["revid"] for row in rows]
    assert len(set(revids)) == len(revids) and revids != sorted(revids)
    assert min(row["size"] for row in rows) >= 0
    assert 0.3 < len(rows) / (1.8 * 365) < 7


def test_users_come_in_all_kinds(client: Any) -> None:
    rows = client.history(titles="Cat", rvprop=ALL, rvstart="2025-06-01T00:00:00Z")
    old = [row for row in rows if row.get("anon")]
    new = [row for row in rows if row.get("temp")]
    assert old and all(row["userid"] == 0 and row["timestamp"] < "2025-11-05" for row in old)
    assert new and all(row["user"].startswith("~20") and row["timestamp"] > "2025-11-03" for row in new)
    assert {row["minor"] for row in rows} == {True, False}
    assert all(len(row["sha1"]) == 40 and isinstance(row["tags"], list) for row in rows)
    assert not any("bot" in row for row in rows)


def test_pages_share_no_revision_id(client: Any) -> None:
    cat, dog = ({row["revid"] for row in client.history(titles=title, **WINDOW)} for title in ("Cat", "Dog"))
    assert cat and dog and not cat & dog


def test_both_ends_of_the_window_are_inclusive(client: Any) -> None:
    rows = client.history(titles="Cat", **WINDOW)
    first, last = rows[0]["timestamp"], rows[-1]["timestamp"]
    assert client.history(titles="Cat", rvstart=first, rvend=last) == rows
    shorter = client.history(titles="Cat", rvstart=first, rvend=last.replace(last[-3:], f"{int(last[-3:-1]) - 1:02}Z"))
    assert len(shorter) < len(rows) or int(last[-3:-1]) == 0


def test_older_is_newer_backwards(client: Any) -> None:
    newer = client.history(titles="Cat", **WINDOW)
    older = client.history(titles="Cat", rvdir="older", rvstart=WINDOW["rvend"], rvend=WINDOW["rvstart"])
    assert older == newer[::-1]


@pytest.mark.parametrize("direction", ["newer", "older"])
def test_pages_of_five_hundred_lose_and_repeat_nothing(client: Any, direction: str) -> None:
    start = datetime(2026, 8, 20, tzinfo=UTC)
    # Seven edits share each second, so that a page ends in the middle of one.
    for _ in range(7):
        client.sandbox.add_revisions("Cat", start, 150, 60)
    ends = ["2026-08-20T00:00:00Z", "2026-08-20T23:59:59Z"]
    ends = ends if direction == "newer" else ends[::-1]
    rows = client.history(titles="Cat", rvdir=direction, rvstart=ends[0], rvend=ends[1])
    assert len(rows) >= 1050 and len({row["revid"] for row in rows}) == len(rows)
    first = client.wiki(titles="Cat", prop="revisions", rvlimit="max", rvdir=direction, rvstart=ends[0], rvend=ends[1])
    assert len(first["query"]["pages"][0]["revisions"]) == 500
    following = rows[500]
    stamp = "".join(filter(str.isdigit, following["timestamp"]))
    assert first["continue"] == {"rvcontinue": f"{stamp}|{following['revid']}", "continue": "||"}
    assert "batchcomplete" not in first


def test_exactly_five_hundred_is_complete(client: Any) -> None:
    there = len(client.history(titles="Cat", **WINDOW))
    for count, complete in ((500 - there, True), (1, False)):
        client.sandbox.add_revisions("Cat", datetime(2026, 8, 20, tzinfo=UTC), count, 1)
        body = client.wiki(titles="Cat", prop="revisions", rvlimit="max", rvdir="newer", **WINDOW)
        assert ("batchcomplete" in body, "continue" in body) == (complete, not complete)
        assert len(body["query"]["pages"][0]["revisions"]) == 500


def test_no_revision_in_the_window_means_no_key(client: Any) -> None:
    page = client.page(titles="Cat", rvstart="1999-01-01T00:00:00Z", rvend="1999-12-31T00:00:00Z", rvdir="newer")
    assert "revisions" not in page and page["pageid"] > 0


def test_nothing_is_served_from_the_future(client: Any) -> None:
    future = {"rvstart": "2026-11-22T10:30:16Z", "rvend": "2027-12-31T00:00:00Z"}
    assert client.history(titles="Cat", **future) == []
    client.sandbox.now = datetime(2027, 12, 31, tzinfo=UTC)
    assert client.history(titles="Cat", **future)


def test_without_list_parameters_each_page_has_its_latest(client: Any) -> None:
    newest = client.history(titles="Cat", rvstart="2026-06-01T00:00:00Z")[-1]
    body = client.wiki(titles="Cat|Dog", prop="revisions")
    assert [len(page["revisions"]) for page in body["query"]["pages"]] == [1, 1]
    assert body["batchcomplete"] is True
    assert body["query"]["pages"][0]["revisions"][0]["revid"] == newest["revid"]
    assert newest["timestamp"] > "2026-11"


@pytest.mark.parametrize("extra", [{"rvlimit": 5}, {"rvdir": "newer"}, {"rvstart": "2026-01-01T00:00:00Z"}])
def test_several_pages_do_not_mix_with_list_parameters(client: Any, extra: dict[str, Any]) -> None:
    response = client.get("/w/api.php", action="query", format="json", titles="A|B", prop="revisions", **extra)
    assert response.status_code == 200 and response.json()["error"]["code"] == "invalidparammix"
    assert response.headers["MediaWiki-API-Error"] == "invalidparammix"


def test_titles_are_normalised(client: Any) -> None:
    query = client.wiki(titles="canis_lupus", prop="info")["query"]
    assert query["normalized"] == [{"fromencoded": False, "from": "canis_lupus", "to": "Canis lupus"}]
    assert query["pages"][0]["title"] == "Canis lupus"
    assert "normalized" not in client.wiki(titles="Canis lupus", prop="info")["query"]


@pytest.mark.parametrize("title", ['O\'Neill "x"', "100% A;B--", "🧹 Besen/Ä/..", "AC/DC & Co.", "A+B=C?", "日本"])
def test_titles_are_only_data(client: Any, title: str) -> None:
    page = client.page(titles=title)
    assert page["title"] == title and page["revisions"]


def test_a_missing_page_has_no_pageid(client: Any) -> None:
    assert client.page(titles="Nonexistent page") == {"ns": 0, "title": "Nonexistent page", "missing": True}
    client.sandbox.delete_page("Cat")
    assert client.page(titles="Cat") == {"ns": 0, "title": "Cat", "missing": True}


def test_a_move_keeps_the_page_id(client: Any) -> None:
    before = client.page(titles="Kiev")
    rows = client.history(titles="Kiev", **WINDOW)
    client.sandbox.move_page("Kiev", "Kyiv")
    assert client.page(titles="Kyiv")["pageid"] == before["pageid"]
    assert client.page(pageids=before["pageid"])["title"] == "Kyiv"
    assert client.history(titles="Kyiv", **WINDOW) == rows
    assert client.page(titles="Kiev")["pageid"] != before["pageid"]
    query = client.wiki(titles="kiev", redirects=1, prop="revisions")["query"]
    assert query["redirects"] == [{"from": "Kiev", "to": "Kyiv"}]
    assert query["pages"][0]["pageid"] == before["pageid"]


def test_a_move_without_redirect_leaves_nothing(client: Any) -> None:
    client.sandbox.move_page("Kiev", "Kyiv", leave_redirect=False)
    assert client.page(titles="Kiev")["missing"] is True


def test_a_circle_of_redirects_ends(client: Any) -> None:
    client.sandbox.redirect_page("A", "B")
    client.sandbox.redirect_page("B", "A")
    query = client.wiki(titles="A", redirects=1, prop="info")["query"]
    assert query["redirects"] == [{"from": "A", "to": "B"}]
    assert query["pages"][0]["title"] == "B" and query["pages"][0]["redirect"] is True


def test_a_namespace_changes_under_the_same_id(client: Any) -> None:
    before = client.page(titles="Cat")["pageid"]
    assert client.sandbox.change_namespace("Cat", 118) == "Draft:Cat"
    page = client.page(pageids=before)
    assert (page["ns"], page["title"]) == (118, "Draft:Cat")


def test_a_hidden_user_is_gone_from_its_row_only(client: Any) -> None:
    rows = client.history(titles="Cat", rvprop=ALL, **WINDOW)
    client.sandbox.hide_user(rows[1]["revid"])
    after = client.history(titles="Cat", rvprop=ALL, **WINDOW)
    assert after[1]["userhidden"] is True and not {"user", "userid", "anon", "temp"} & set(after[1])
    assert after[0] == rows[0] and after[2:] == rows[2:]


def test_revisions_by_their_id(client: Any) -> None:
    row = client.history(titles="Cat", **WINDOW)[0]
    assert client.page(revids=row["revid"], rvprop="ids|timestamp|flags|comment|user")["revisions"] == [row]
    assert client.wiki(revids=12345, prop="revisions")["query"]["badrevids"] == {
        "12345": {"revid": 12345, "missing": True}
    }


def test_only_the_asked_properties_come(client: Any) -> None:
    assert list(client.page(titles="Cat", rvprop="ids|size")["revisions"][0]) == ["revid", "parentid", "size"]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"action": "bogus"}, "badvalue"),
        ({"titles": "A", "pageids": "1"}, "invalidparammix"),
        ({"titles": "A", "rvstart": "yesterday"}, "badtimestamp"),
        ({"titles": "A", "rvlimit": "many"}, "badinteger"),
        ({"titles": "A", "rvcontinue": "x"}, "badcontinue"),
        ({"titles": "A", "rvcontinue": "20261399000000|1"}, "badcontinue"),
        ({"titles": "|".join(map(str, range(51)))}, "toomanyvalues"),
        ({"titles": "A", "maxlag": "-1"}, "maxlag"),
    ],
)
def test_errors_ride_on_a_200(client: Any, params: dict[str, str], code: str) -> None:
    query = {"action": "query", "prop": "revisions", "format": "json", "formatversion": 2} | params
    response = client.get("/w/api.php", **query)
    assert response.status_code == 200
    assert response.json()["error"]["code"] == code and "servedby" in response.json()
    assert response.headers.get("Retry-After") == ("5" if code == "maxlag" else None)


def test_a_limit_beyond_the_maximum_is_cut_with_a_warning(client: Any) -> None:
    client.sandbox.add_revisions("Cat", datetime(2026, 8, 20, tzinfo=UTC), 501, 1)
    body = client.wiki(titles="Cat", prop="revisions", rvlimit=501)
    assert len(body["query"]["pages"][0]["revisions"]) == 500
    assert body["warnings"]["revisions"]["warnings"].endswith("must be between 1 and 500.")


def test_formatversion_one(client: Any) -> None:
    body = client.wiki(titles="é_x", prop="revisions", formatversion=1)
    ((key, page),) = body["query"]["pages"].items()
    assert body["batchcomplete"] == "" and key == str(page["pageid"])
    assert body["query"]["normalized"] == [{"from": "é_x", "to": "É x"}]


def test_without_format_the_response_is_not_json(client: Any) -> None:
    response = client.get("/w/api.php", action="query", titles="Cat")
    assert response.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("agent", ["", "python-requests/2.32.0"])
def test_a_bare_agent_is_forbidden(client: Any, agent: str) -> None:
    response = requests.get(f"{client.sandbox.url}/w/api.php", headers={"User-Agent": agent}, timeout=10)
    assert response.status_code == 403


@pytest.mark.parametrize(
    ("agent", "allowed"), [("Mozilla/5.0", 10), (None, 200), ("tool/1 (me@example.org) httpx/1", 200)]
)
def test_the_rate_depends_on_the_agent(limited: Any, agent: str | None, allowed: int) -> None:
    if agent:
        limited.session.headers["User-Agent"] = agent
    query = {"action": "query", "format": "json", "meta": ""}
    responses = [limited.get("/w/api.php", **query) for _ in range(allowed + 1)]
    assert [response.status_code for response in responses] == [200] * allowed + [429]
    assert responses[-1].headers["Retry-After"] == "45"
    limited.sandbox.now = datetime(2026, 11, 22, 10, 31, tzinfo=UTC)
    assert limited.get("/w/api.php", **query).status_code == 200
