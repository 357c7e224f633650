"""Time windows: updated_since is inclusive, updated_until exclusive, whole seconds only."""

import datetime

import pytest
from shapes import OPERATIONS, parameters
from simclient import STEADY, ids

LISTS = [each for each in OPERATIONS if "updated_since" in parameters(each)]
SINCE = [(each["api"], each["path"].strip("/")) for each in LISTS]
UNTIL = [each["path"].strip("/") for each in LISTS if "updated_until" in parameters(each)]


def later(time, **delta):
    """A v2 or v1 time, moved; as v2 writes it."""
    moment = datetime.datetime.fromisoformat(time.rstrip("Z").replace(" ", "T"))
    return (moment + datetime.timedelta(**delta)).isoformat() + "Z"


def walk(simulator, api, path, **query):
    if api == "v1":
        return simulator.by_offset(f"/v1/{path}", **query)
    return simulator.by_cursor(f"/api/v2/{path}", **query)


def times(rows):
    return sorted(row["update_time"] for row in rows if row["update_time"])


@pytest.mark.parametrize("api,path", SINCE)
def test_updated_since_is_inclusive(steady, api, path):
    rows = walk(steady, api, path)
    middle = times(rows)[len(rows) // 2]
    expected = [row["id"] for row in rows if row["update_time"] and row["update_time"] >= middle]
    found = walk(steady, api, path, updated_since=later(middle))
    assert sorted(ids(found)) == sorted(expected)


@pytest.mark.parametrize("path", UNTIL)
def test_updated_until_is_exclusive(steady, path):
    rows = walk(steady, "v2", path)
    middle = times(rows)[len(rows) // 2]
    expected = [row["id"] for row in rows if row["update_time"] < middle]
    found = walk(steady, "v2", path, updated_until=middle)
    assert ids(found) == expected


@pytest.mark.parametrize("path", UNTIL)
def test_windows_tile(steady, path):
    rows = walk(steady, "v2", path)
    marks = times(rows)[:: len(rows) // 5 + 1] + [later(times(rows)[-1], seconds=1)]
    tiles = [
        row
        for since, until in zip(marks, marks[1:], strict=False)
        for row in walk(steady, "v2", path, updated_since=since, updated_until=until)
    ]
    assert sorted(ids(tiles)) == ids(rows)


@pytest.mark.parametrize("path", UNTIL)
def test_an_empty_window_is_an_empty_array(steady, path):
    second = times(walk(steady, "v2", path))[0]
    query = {"updated_since": second, "updated_until": second}
    answer = steady.get(f"/api/v2/{path}", **query).json
    assert (answer["data"], answer["additional_data"]["next_cursor"]) == ([], None)


BOUNDS = [(path, name) for path in UNTIL for name in ("updated_since", "updated_until")]


@pytest.mark.parametrize("value", ["2026-01-01T10:20:00.000Z", "2026-01-01 10:20:00", "yesterday"])
@pytest.mark.parametrize("path,name", [*BOUNDS, ("products", "updated_since")])
def test_a_time_of_another_form_is_refused(steady, path, value, name):
    answer = steady.get(f"/api/v2/{path}", **{name: value})
    assert (answer.status, answer.json["code"]) == (400, "ERR_SCHEMA_VALIDATION_FAILED")
    assert name in answer.json["error"]


def test_a_fraction_is_no_valid_datetime(steady):
    """The words that were seen live (API.md section 6)."""
    answer = steady.get("/api/v2/deals", updated_since="2026-01-01T10:20:00.500Z")
    assert "not a valid datetime" in answer.json["error"]


def test_products_have_no_updated_until(steady):
    assert "products" not in UNTIL
    assert steady.get("/api/v2/products", updated_until="2026-01-01T10:20:00Z").status == 400


@pytest.mark.parametrize("api,path", SINCE)
def test_a_row_without_update_time_is_in_no_window(start, api, path):
    simulator = start(*STEADY)
    table = path.split("/")[0]
    rows = walk(simulator, api, path)
    simulator.admin("edit", entity=table, id=rows[0]["id"], attributes={}, touch=None)
    found = walk(simulator, api, path, updated_since="2000-01-01T00:00:00Z")
    assert sorted(ids(found)) == sorted(ids(rows[1:]))


def test_notes_by_day(steady):
    rows = steady.by_offset("/v1/notes")
    day = sorted(row["add_time"] for row in rows)[len(rows) // 2][:10]
    found = steady.by_offset("/v1/notes", start_date=day, end_date=day)
    assert day in {row["add_time"][:10] for row in found}
    assert len(found) < len(rows)


def month_before(time):
    year, month = int(time[:4]), int(time[5:7]) - 1
    return f"{year - (month == 0)}-{month or 12:02}{time[7:10]} {time[11:19]}"


def test_recents_reach_back_one_month(steady):
    """The cap is silent: an older since_timestamp answers 200 (API.md section 5)."""
    oldest = month_before(steady.now())
    rows = steady.by_offset("/v1/recents", since_timestamp="2020-01-01 00:00:00", limit=500)
    assert rows
    moments = [row["data"].get("update_time") or row["data"].get("modified") for row in rows]
    assert all(moment >= oldest[:10] for moment in moments)


def test_recents_are_exclusive(steady):
    query = {"items": "note", "limit": 500}
    rows = steady.by_offset("/v1/recents", since_timestamp=month_before(steady.now()), **query)
    middle = sorted(row["data"]["update_time"] for row in rows)[len(rows) // 2]
    found = steady.by_offset("/v1/recents", since_timestamp=middle, **query)
    expected = [row["id"] for row in rows if row["data"]["update_time"] > middle]
    assert sorted(ids(found)) == sorted(expected)


def test_recents_by_item(steady):
    since = month_before(steady.now())
    for item in parameters(next(o for o in OPERATIONS if o["path"] == "/recents"))["items"]["enum"]:
        rows = steady.by_offset("/v1/recents", since_timestamp=since, items=item, limit=500)
        assert {row["item"] for row in rows} <= {item}
    both = steady.by_offset("/v1/recents", since_timestamp=since, items=["deal", "note"], limit=500)
    assert {row["item"] for row in both} == {"deal", "note"}


def test_recents_tell_the_pages_last_time(steady):
    since = month_before(steady.now())
    answer = steady.get("/v1/recents", since_timestamp=since, items="note", limit=3).json
    more = answer["additional_data"]
    assert more["since_timestamp"] == since
    assert more["last_timestamp_on_page"] == max(
        row["data"]["update_time"] for row in answer["data"]
    )
