"""Both pagers: complete, no duplicates, in order."""

import base64
import json

import pytest
from shapes import OPERATIONS, parameters
from simclient import STEADY, Simulator, ids

SORTED = [
    (each["path"].strip("/"), key)
    for each in OPERATIONS
    if each["api"] == "v2" and "{" not in each["path"] and "sort_by" in parameters(each)
    for key in parameters(each)["sort_by"]["enum"]
]
LISTS = sorted({path for path, _ in SORTED} - {"deals/products"})


@pytest.fixture(scope="module")
def tied():
    """Half of each big table shares one second, and some rows have no update_time."""
    tables = ("activities", "deals", "organizations", "persons", "products")
    shares = [part for table in tables for part in ("--tie-share", f"{table}=50")]
    simulator = Simulator(*STEADY, *shares, "--null-update-time", "3")
    yield simulator
    simulator.stop()


def shown(simulator, path):
    """Ids that a list must show, from the admin's truth."""
    rows = simulator.truth(path.split("/")[0])
    archived = path == "deals/archived"
    return [
        row["id"]
        for row in rows
        if not row["is_deleted"] and row.get("is_archived", False) is archived
    ]


def extra(simulator, path):
    if path != "deals/products":
        return {}
    return {"deal_ids": shown(simulator, "deals")[:100]}


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", [7, 100, 500])
def test_a_walk_is_complete(steady, path, limit):
    assert ids(steady.by_cursor(f"/api/v2/{path}", limit)) == shown(steady, path)


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("path,key", [pair for pair in SORTED if pair[1] != "name"])
def test_a_walk_is_sorted(tied, path, key, direction):
    """Names aside: nobody says how the API collates them."""
    query = extra(tied, path)
    rows = tied.by_cursor(f"/api/v2/{path}", 7, sort_by=key, sort_direction=direction, **query)
    values = [row[key] for row in rows if row[key] is not None]
    assert values == sorted(values, reverse=direction == "desc")


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("path,key", [pair for pair in SORTED if pair[0] in LISTS])
def test_a_sorted_walk_is_complete(tied, path, key, direction):
    rows = tied.by_cursor(f"/api/v2/{path}", 7, sort_by=key, sort_direction=direction)
    assert sorted(ids(rows)) == shown(tied, path)


@pytest.mark.parametrize("table", ["activities", "deals", "organizations", "persons", "products"])
def test_ties_are_there(tied, table):
    """The walks above met a second with many rows, and rows without update_time."""
    times = [row["update_time"] for row in tied.truth(table)]
    assert max(map(times.count, set(times) - {None})) >= len(times) * 0.25
    assert times.count(None) == 3


def test_an_edit_during_an_ascending_walk_loses_nothing(fresh):
    """Keyset cursors: an edited row moves to the end and is seen twice (API.md section 5)."""
    fresh.admin("clock", advance=60)
    query = {"sort_by": "update_time", "limit": 10}
    first = fresh.get("/api/v2/persons", **query).json
    fresh.admin("edit", entity="persons", id=first["data"][0]["id"], attributes={"name": "moved"})
    seen = ids(first["data"])
    cursor = first["additional_data"]["next_cursor"]
    while cursor:
        page = fresh.get("/api/v2/persons", **query, cursor=cursor).json
        seen += ids(page["data"])
        cursor = page["additional_data"]["next_cursor"]
    assert seen[0] == seen[-1]
    assert sorted(set(seen)) == shown(fresh, "persons")


def test_the_cursor_is_a_keyset(steady):
    """API.md section 5: base64url JSON with field, fieldValue, sortDirection, id."""
    answer = steady.get("/api/v2/persons", limit=3, sort_by="update_time").json
    cursor = answer["additional_data"]["next_cursor"]
    assert "=" not in cursor and "+" not in cursor and "/" not in cursor
    marker = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    last = answer["data"][-1]
    assert marker == {
        "field": "update_time",
        "fieldValue": last["update_time"],
        "sortDirection": "asc",
        "id": last["id"],
    }


def test_a_cursor_that_is_none_is_refused(steady):
    assert steady.get("/api/v2/deals", cursor="nonsense").status == 400


def test_the_default_limit_is_100(steady):
    assert len(steady.data("/api/v2/persons")) == 100
    assert len(steady.data("/v1/recents", since_timestamp="2026-01-01 00:00:00")) == 100


@pytest.mark.parametrize("table", ["notes", "files"])
@pytest.mark.parametrize("limit", [7, 100])
def test_an_offset_walk_is_complete(steady, table, limit):
    alive = [row["id"] for row in steady.truth(table) if row["active_flag"]]
    assert sorted(ids(steady.by_offset(f"/v1/{table}", limit))) == alive


@pytest.mark.parametrize("entity", ["deal", "organization", "person", "product"])
@pytest.mark.parametrize("limit", [7, 500])
def test_an_offset_walk_of_fields_is_complete(steady, entity, limit):
    """Subfields have no id (API.md section 8.4)."""
    keys = [row["key"] for row in steady.by_offset(f"/v1/{entity}Fields", limit)]
    assert keys == [row["key"] for row in steady.truth(f"{entity}_fields")]


@pytest.mark.parametrize("path", ["notes", "files"])
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("key", ["id", "update_time"])
def test_v1_sort(steady, path, direction, key):
    rows = steady.by_offset(f"/v1/{path}", 20, sort=f"{key} {direction}")
    values = [row[key] for row in rows if row[key] is not None]
    assert values == sorted(values, reverse=direction == "DESC")


def test_offset_paging_shifts(fresh):
    """A row deleted during the walk moves the rest up, so one is not seen (API.md section 5)."""
    whole = ids(fresh.by_offset("/v1/notes"))
    fresh.admin("delete", entity="notes", id=whole[0])
    rest = fresh.by_offset("/v1/notes")
    assert ids(fresh.data("/v1/notes", start=10, limit=1)) == [whole[11]]
    assert ids(rest) == whole[1:]


def test_the_wrapped_envelope(steady):
    paging = steady.get("/v1/notes", start=20, limit=10).json["additional_data"]["pagination"]
    assert paging == {"start": 20, "limit": 10, "more_items_in_collection": True, "next_start": 30}


def test_the_flat_envelope(steady):
    """As the dealFields schema has it: no wrapper, no next_start (API.md section 5)."""
    paging = steady.get("/v1/dealFields", start=2, limit=10).json["additional_data"]
    assert paging == {"start": 2, "limit": 10, "more_items_in_collection": True}


def test_the_last_page_has_no_next_start(steady):
    last = len(steady.by_offset("/v1/notes")) - 1
    paging = steady.get("/v1/notes", start=last).json["additional_data"]["pagination"]
    assert paging["more_items_in_collection"] is False
    assert "next_start" not in paging


def test_files_come_a_hundred_at_most(start):
    simulator = start(*STEADY, "--files", "150", "--deleted", "0")
    assert len(simulator.data("/v1/files", limit=500)) == 100


@pytest.mark.parametrize(
    "path", ["users", "currencies", "activityTypes", "filters", "activityFields", "noteFields"]
)
def test_unpaged_v1_lists_come_whole(steady, path):
    """They declare no limit, and v1 does not mind one."""
    assert steady.data(f"/v1/{path}", limit=1) == steady.data(f"/v1/{path}")


def test_more_lines_than_a_page_for_one_deal(start):
    simulator = start(*STEADY, "--big-deal-lines", "120")
    deal = simulator.truth("deals")[0]["id"]
    lines = simulator.by_cursor(f"/api/v2/deals/{deal}/products", 50)
    assert len(set(ids(lines))) == 120
    assert lines == simulator.by_cursor("/api/v2/deals/products", 50, deal_ids=[deal])


def test_deal_ids_is_one_parameter(steady):
    """Comma-joined, at most 100 (API.md section 8.5)."""
    wanted = [row["id"] for row in steady.truth("deals") if not row["is_deleted"]]
    lines = steady.by_cursor("/api/v2/deals/products", deal_ids=wanted[:100])
    assert {line["deal_id"] for line in lines} <= set(wanted[:100])
    too_many = [*range(1, 102)]
    assert steady.get("/api/v2/deals/products", deal_ids=too_many).status == 400


@pytest.mark.parametrize("path", LISTS)
def test_ids_picks_rows(steady, path):
    if path in ("pipelines", "stages"):
        assert steady.get(f"/api/v2/{path}", ids="1").status == 400
        return
    wanted = shown(steady, path)[2:5]
    assert ids(steady.data(f"/api/v2/{path}", ids=[*wanted, 999999])) == wanted


def test_changelog_pages(steady):
    """The newest is first in the published sample; the cursor leads through all of it."""
    deal = steady.truth("deals")[0]["id"]
    path = f"/v1/deals/{deal}/changelog"
    times = [row["time"] for row in steady.by_cursor(path, 1)]
    assert times == sorted(times, reverse=True)
    assert steady.by_cursor(path, 1) == steady.data(path, limit=500)
