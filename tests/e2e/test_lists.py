"""Lists by offset, the two lists of deals, include fields: what change does to a list while it is read."""

import pytest
from harness import assert_equals_truth, run_penstock, sync
from section4 import (
    ARCHIVED,
    OVERLAP,
    PATHS,
    Between,
    asked,
    company,
    moment,
    one_page_a_run,
    queries,
)

NOTES, FILES = PATHS["notes"], PATHS["files"]


def delete(simulator, entity, ids):
    return lambda: simulator.admin("delete", entity=entity, ids=list(ids))


def assert_nothing_lost(simulator, database, table):
    """Every row that still lives is there; rows that were deleted meanwhile may be."""
    alive = {row["id"] for row in simulator.truth(table) if row["active_flag"]}
    assert alive - database.rows(table).keys() == set()


# --- notes ---


BY_TIME = ("--start-date", "2000-01-01")  # else the first load goes by id


def test_notes_are_first_read_by_id(simulate, database):
    simulator = simulate(*company("--tie-share", "notes=50", notes=1300))
    sync(simulator, database.url, "--tables", "notes")
    walk = queries(simulator, NOTES)
    assert [(each["sort"], each["start"]) for each in walk] == [
        ("id ASC", "0"),
        ("id ASC", "499"),
        ("id ASC", "998"),
    ]
    assert_equals_truth(simulator, database, ["notes"])


def test_notes_advance_by_time(simulate, database):
    simulator = simulate(*company(notes=1300))
    sync(simulator, database.url, "--tables", "notes", *BY_TIME)
    walk = [each for each in queries(simulator, NOTES) if each["limit"] == "500"]
    assert all(each["sort"] == "update_time ASC" for each in walk)
    assert [each["start"] for each in walk] == ["0"] * len(walk)  # never by offset
    since = [each.get("updated_since", "") for each in walk]
    assert since == sorted(since) and len(set(since)) == 3
    assert_equals_truth(simulator, database, ["notes"])


@pytest.mark.parametrize("words", [(), BY_TIME], ids=["by id", "by time"])
@pytest.mark.parametrize("tie", [0, 100])
@pytest.mark.parametrize("how", ["delete", "edit"])
@pytest.mark.parametrize("nth", [3, 4])
def test_notes_that_leave_the_list_pull_no_others_past_the_reader(
    simulate, database, tie, how, nth, words
):
    simulator = simulate(*company("--tie-share", f"notes={tie}", notes=1700))
    ids = [row["id"] for row in simulator.truth("notes")][:450]

    def leave():
        if how == "delete":
            simulator.admin("delete", entity="notes", ids=ids)
        else:
            simulator.advance(5)
            simulator.admin("bulk", entity="notes", count=450)

    with Between(simulator, NOTES, {nth: leave}) as between:
        sync(between, database.url, "--tables", "notes", *words)
    sync(simulator, database.url, "--tables", "notes", *words)
    assert_nothing_lost(simulator, database, "notes")


# --- files ---


def test_files_are_first_read_by_id_in_pages_that_overlap(simulate, database):
    simulator = simulate(*company(files=350))
    sync(simulator, database.url, "--tables", "files")
    walk = queries(simulator, FILES)
    assert {each["sort"] for each in walk} == {"id ASC"}
    assert [each["start"] for each in walk] == ["0", "99", "198", "297"]
    assert_equals_truth(simulator, database, ["files"])


@pytest.mark.parametrize("nth", [2, 3, 4])
@pytest.mark.parametrize("count", [1, 99, 150, 240])
def test_files_deleted_while_the_first_load_reads(simulate, database, nth, count):
    """The list moves up under the reader, maybe away from under it: it steps back until the pages join."""
    simulator = simulate(*company(files=350))
    ids = [row["id"] for row in simulator.truth("files")][:count]
    with Between(simulator, FILES, {nth: delete(simulator, "files", ids)}) as between:
        sync(between, database.url, "--tables", "files")
    assert between.seen < 12
    assert_nothing_lost(simulator, database, "files")


def test_the_first_load_of_files_survives_stops_and_deletes(simulate, database):
    simulator = simulate(*company(files=450))

    def meanwhile(run):
        simulator.advance(7 * 3600)  # a full pass is far away
        ids = [row["id"] for row in simulator.truth("files") if row["active_flag"]]
        delete(simulator, "files", ids[:30])()
        simulator.admin("edit", entity="files", id=ids[40])  # one that was read
        simulator.admin("bulk_add", entity="files", count=2)

    list(one_page_a_run(simulator, database, "files", between=meanwhile))
    assert_nothing_lost(simulator, database, "files")
    # A row that is deleted before a later run is no longer listed, so nothing says so before a full pass.
    gone = {row["id"] for row in simulator.truth("files") if not row["active_flag"]}
    assert_equals_truth(simulator, database, ["files"], ignore_rows={"files": gone})


def change_files(simulator, count):
    """One a second, six hours later: files are due again."""
    simulator.advance(6 * 3600)
    for row in simulator.truth("files")[:count]:
        simulator.operations(
            [
                {"op": "clock", "advance": 1},
                {"op": "edit", "entity": "files", "id": row["id"]},
            ]
        )


def test_files_are_later_read_newest_first_down_to_the_bookmark(simulate, database):
    simulator = simulate(*company(files=450))
    sync(simulator, database.url, "--tables", "files")
    change_files(simulator, 120)
    simulator.admin("reset_counters")
    sync(simulator, database.url, "--tables", "files")
    walk = queries(simulator, FILES)
    assert {each["sort"] for each in walk} == {"update_time DESC"}
    assert len(walk) == 2  # not 5: older pages hold nothing new
    assert_equals_truth(simulator, database, ["files"])


def test_the_bookmark_of_files_moves_once_at_the_end(simulate, database):
    simulator = simulate(*company(files=450))
    sync(simulator, database.url, "--tables", "files")
    bookmark = database.state()["files"]["lists"]["all"]["bookmark"]
    change_files(simulator, 250)
    for requests in (1, 2):  # killed by the budget after so many pages: all of it is read again
        simulator.fault("daily429", path=FILES, nth=requests + 1)
        sync(simulator, database.url, "--tables", "files", code=75)
        simulator.admin("faults_clear")
        assert database.state()["files"]["lists"]["all"]["bookmark"] == bookmark
    sync(simulator, database.url, "--tables", "files")
    end = moment(database.state()["files"]["lists"]["all"]["bookmark"])
    assert end == moment(simulator.now()) - OVERLAP
    assert_equals_truth(simulator, database, ["files"])


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("nth", [2, 3])
@pytest.mark.parametrize("what", ["delete", "edit"])
def test_files_that_move_while_read_newest_first(simulate, database, tied, nth, what):
    simulator = simulate(*company(files=450))
    sync(simulator, database.url, "--tables", "files")
    if tied:
        simulator.advance(6 * 3600)
        simulator.admin("bulk", entity="files", count=300)
    else:
        change_files(simulator, 300)
    simulator.advance(600)  # older than the overlap, which would find them again
    newest = sorted(simulator.truth("files"), key=lambda row: (row["update_time"], row["id"]))
    some = [row["id"] for row in newest[-60:]] + [row["id"] for row in newest[-140:-120]]

    def move():
        simulator.advance(5)
        if what == "delete":
            delete(simulator, "files", some)()
        else:
            simulator.operations([{"op": "edit", "entity": "files", "id": each} for each in some])

    with Between(simulator, FILES, {nth: move}) as between:
        sync(between, database.url, "--tables", "files")
    assert between.seen < 12
    sync(simulator, database.url, "--tables", "files", "--all")
    gone = some if what == "delete" else ()
    assert_equals_truth(simulator, database, ["files"], ignore_rows={"files": gone})


@pytest.mark.parametrize("paging", ["spec", "wrapped", "flat"])
@pytest.mark.parametrize("empty", ["null", "array"])
def test_every_envelope_of_v1_is_understood(simulate, database, paging, empty):
    options = ("--set", f"v1_paging={paging}", "--set", f"empty_v1={empty}")
    simulator = simulate(*company(*options, files=150, notes=600, custom_fields=700))
    tables = ["files", "notes", "deal_fields"]
    sync(simulator, database.url, "--tables", ",".join(tables))
    assert_equals_truth(simulator, database, tables)
    simulator.advance(100000)
    assert sync(simulator, database.url, "--tables", ",".join(tables)).rows() == {}


# --- deal_fields ---


def test_deal_fields_are_read_whole_and_a_field_that_is_gone_is_flagged(simulate, database):
    simulator = simulate(*company(custom_fields=600))
    result = sync(simulator, database.url, "--tables", "deal_fields", "--start-date", "2026-11-19")
    subfields = [row for row in simulator.truth("deal_fields") if row["id"] is None]
    assert subfields and result.tables["deal_fields"]["rejected"] == 0
    starts = [each["start"] for each in queries(simulator, "/api/v1/dealFields")]
    assert starts == ["0", "500", "1000"] and 1000 < len(simulator.truth("deal_fields")) <= 1500
    assert_equals_truth(simulator, database, ["deal_fields"])

    gone = next(row for row in simulator.truth("deal_fields") if row["edit_flag"] and row["id"])
    simulator.admin("field_remove", entity="deals", key=gone["key"])
    simulator.advance(86400)
    now = moment(simulator.now())
    result = sync(simulator, database.url, "--tables", "deal_fields")
    assert result.tables["deal_fields"]["deleted"] == 1
    row = database.rows("deal_fields")[gone["id"]]
    assert now <= moment(row["_deleted_at"]) < now + OVERLAP and row["name"] == gone["name"]
    assert_equals_truth(simulator, database, ["deal_fields"])


# --- deals: two lists ---


def deal_lists(simulator):
    """Which list was asked, request after request."""
    paths = [each["path"] for each in simulator.requests()]
    return ["archived" if path == ARCHIVED else "normal" for path in paths if "/deals" in path]


def test_the_two_lists_of_deals_have_a_bookmark_each(simulate, database):
    simulator = simulate(*company(deals=100, archived=30))
    sync(simulator, database.url, "--tables", "deals")
    assert deal_lists(simulator) == ["archived", "normal", "archived"]
    first = database.state()["deals"]["lists"]
    simulator.advance(3600)
    sync(simulator, database.url, "--tables", "deals")
    second = database.state()["deals"]["lists"]
    assert second["archived"]["bookmark"] == first["archived"]["bookmark"]
    assert moment(second["normal"]["bookmark"]) == moment(simulator.now()) - OVERLAP
    assert deal_lists(simulator) == ["archived", "normal", "archived", "normal"]
    assert_equals_truth(simulator, database, ["deals"])


@pytest.mark.parametrize("moves, nulls", [("on", 0), ("off", 0), ("off", 60)])
@pytest.mark.parametrize("nth", range(1, 9))
def test_deals_that_change_lists_during_the_first_load(simulate, database, moves, nulls, nth):
    """Between any two requests some deals are archived and some come back: none is lost."""
    options = ("--set", f"archive_moves_update_time={moves}", "--null-update-time", nulls)
    simulator = simulate(*company(*options, deals=1300, archived=45))
    deals = simulator.truth("deals")
    normal = [row["id"] for row in deals if not row["is_archived"]]
    archived = [row["id"] for row in deals if row["is_archived"]]

    def move():
        simulator.advance(1)
        simulator.admin("archive", ids=normal[::9])
        simulator.admin("unarchive", ids=archived[::9])

    with Between(simulator, PATHS["deals"], {nth: move}) as between:
        sync(between, database.url, "--tables", "deals")
    stale = () if moves == "on" else ("is_archived", "archive_time")
    simulator.advance(6 * 3600)
    sync(simulator, database.url, "--tables", "deals")
    assert_equals_truth(simulator, database, ["deals"], ignore_columns={"deals": stale})


@pytest.mark.parametrize("moves", ["on", "off"])
def test_deals_that_change_lists_while_a_first_load_waits_for_its_budget(simulate, database, moves):
    simulator = simulate(
        *company("--set", f"archive_moves_update_time={moves}", deals=1300, archived=45)
    )

    ids = [row["id"] for row in simulator.truth("deals")]

    def meanwhile(run):
        simulator.advance(86400)
        simulator.admin("archive", ids=ids[1 + run :: 40])
        simulator.admin("edit", entity="deals", id=ids[5 + run])

    list(one_page_a_run(simulator, database, "deals", between=meanwhile))
    stale = () if moves == "on" else ("is_archived", "archive_time")
    sync(simulator, database.url, "--tables", "deals", "--all")
    assert_equals_truth(simulator, database, ["deals"], ignore_columns={"deals": stale})


# --- include fields ---

GATED = ["marketing_status", "doi_status"]


@pytest.mark.parametrize("status", ["400", "403"])
def test_gated_include_fields_are_dropped_and_remembered(simulate, database, status):
    simulator = simulate(*company("--set", f"gated_includes={status}", persons=50))
    result = sync(simulator, database.url, "--tables", "persons")
    seen = queries(simulator, PATHS["persons"])
    assert [GATED[0] in each["include_fields"] for each in seen] == [True, False]
    assert database.state()["persons"]["gated"] is True
    assert "left out" in result.stderr
    assert_equals_truth(simulator, database, ["persons"], ignore_columns={"persons": GATED})

    simulator.admin("reset_counters")
    simulator.admin("edit", entity="persons", id=3)
    sync(simulator, database.url, "--tables", "persons")
    assert [
        GATED[0] in each["include_fields"] for each in queries(simulator, PATHS["persons"])
    ] == [False]
    check = run_penstock(
        "check", "--to", database.url, "--api-url", simulator.url, token=simulator.token
    )
    assert check.returncode == 0
    assert all(f"persons.{name}" in check.stdout for name in GATED)


@pytest.mark.parametrize("status", ["400", "403"])
def test_columns_of_fields_that_become_gated_stay_as_they_are(simulate, database, status):
    simulator = simulate(*company(persons=50))
    sync(simulator, database.url, "--tables", "persons")
    before = database.rows("persons")
    assert any(row[name] is not None for row in before.values() for name in GATED)
    simulator.set(gated_includes=status)
    simulator.admin("bulk", entity="persons", count=50)
    assert sync(simulator, database.url, "--tables", "persons").rows() == {"persons": 50}
    for key, row in database.rows("persons").items():
        assert [row[name] for name in GATED] == [before[key][name] for name in GATED]


@pytest.mark.parametrize("status", [400, 403])
def test_a_refusal_for_another_reason_gates_nothing(simulate, database, status):
    """A refused request fails the table; the retry without the gated names costs one call and proves nothing."""
    simulator = simulate(*company(persons=50, products=10))
    simulator.fault("status", status=status, path=PATHS["persons"], count=0)
    result = sync(simulator, database.url, "--tables", "persons,products", code=3)
    assert asked(simulator)[PATHS["persons"]] == 2
    assert result.tables["persons"]["outcome"] == "failed"
    simulator.admin("faults_clear")
    sync(simulator, database.url, "--tables", "persons,products")
    assert database.state()["persons"]["gated"] is False
    assert_equals_truth(simulator, database, ["persons", "products"])


def test_a_cursor_that_the_server_no_longer_knows_gates_nothing(simulate, database):
    simulator = simulate(*company("--tie-share", "persons=100", persons=1700))
    states = one_page_a_run(simulator, database, "persons")
    while "cursor" not in next(states)["persons"]["lists"]["all"].get("walk", {}):
        pass
    states.close()
    simulator.fault("status", status=400, path=PATHS["persons"], query="cursor=", count=2)
    sync(simulator, database.url, "--tables", "persons")
    assert database.state()["persons"]["gated"] is False
    assert_equals_truth(simulator, database, ["persons"])
