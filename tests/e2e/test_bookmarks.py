"""Bookmarks are watermarks, and the start date: what a walk by update_time remembers and what it loads."""

import datetime

import pytest
from harness import TABLES, assert_equals_truth, sync
from section4 import (
    OVERLAP,
    PATHS,
    Between,
    asked,
    company,
    moment,
    one_page_a_run,
    queries,
    replication_time,
    stamp,
)

BY_TIME = ["deals", "persons", "organizations", "activities", "products", "notes"]
CURSOR = [table for table in BY_TIME if table != "notes"]
UNBOUNDED = ["activity_types", "currency", "filters", "pipelines", "stages", "users", "deal_fields"]
NULLABLE = CURSOR  # tables of which the simulator makes rows without update_time


def lists_of(state, table):
    return state[table]["lists"].values() if table in state else []


def bookmarks(state, table):
    """Every watermark that a state holds: bookmarks, and how far walks under way have come."""
    for each in lists_of(state, table):
        for found in (
            each.get("bookmark"),
            each.get("walk", {}).get("at"),
            each.get("stretch", {}).get("at"),
        ):
            if found:
                yield moment(found)


# --- every bookmark is a watermark, at most T0 less the overlap ---


@pytest.mark.parametrize("table", BY_TIME)
def test_no_bookmark_is_later_than_a_minute_before_the_walk(simulate, database, table):
    simulator = simulate(*company(**{table: 1100}))

    def import_many(run=0):
        simulator.advance(3600)  # the last pages are of this very second
        simulator.admin("bulk", entity=table, count=700 * (run < 3))

    import_many()
    for state in one_page_a_run(simulator, database, table, requests=2, between=import_many):
        assert all(mark <= moment(simulator.now()) - OVERLAP for mark in bookmarks(state, table))
    sync(simulator, database.url, "--tables", table, "--all")
    assert max(bookmarks(database.state(), table)) == moment(simulator.now()) - OVERLAP
    assert_equals_truth(simulator, database, [table])


@pytest.mark.parametrize("table", BY_TIME)
def test_a_run_can_stop_after_any_page(simulate, database, table):
    """A page a run, days between the runs, and edits meanwhile: nothing is lost, no page is read over and over."""
    simulator = simulate(*company(**{table: 1600}))

    def meanwhile(run):
        simulator.advance(86400)
        simulator.operations(
            [
                {"op": "bulk", "entity": table, "count": 3, "from_id": 1 + 200 * run},
                {"op": "bulk_add", "entity": table, "count": 2},
            ]
        )

    rows = [0]
    for state in one_page_a_run(simulator, database, table, between=meanwhile):
        rows.append(len(database.rows(table)))
        assert all(mark <= moment(simulator.now()) - OVERLAP for mark in bookmarks(state, table))
    assert rows == sorted(rows) and len(rows) <= 16
    sync(simulator, database.url, "--tables", table, "--all")
    assert_equals_truth(simulator, database, [table])


@pytest.mark.parametrize("table", BY_TIME)
def test_a_tie_group_larger_than_a_run_is_no_trap(simulate, database, table):
    """A run manages one page, and 1,700 rows have one update_time: the place inside the second is kept in the state."""
    simulator = simulate(*company("--tie-share", f"{table}=85", **{table: 2000}))
    hints = 0
    for state in one_page_a_run(simulator, database, table, most=16):
        walks = [each.get("walk", {}) for each in lists_of(state, table)]
        hints += any("cursor" in walk or "start" in walk for walk in walks)
    assert hints >= 2
    assert_equals_truth(simulator, database, [table])


@pytest.mark.parametrize("table", ["persons", "notes"])
def test_a_bulk_import_within_the_overlap_is_no_trap(simulate, database, table):
    simulator = simulate(*company(**{table: 10}))
    sync(simulator, database.url, "--tables", table)
    simulator.advance(3600)
    simulator.admin("bulk_add", entity=table, count=1700)
    list(
        one_page_a_run(
            simulator, database, table, most=12, between=lambda run: simulator.advance(60)
        )
    )
    assert_equals_truth(simulator, database, [table])


def test_a_tie_group_that_shrinks_between_runs_loses_nobody(simulate, database):
    """Notes: rows that leave the second move the others up, so the offset alone would jump over some."""
    simulator = simulate(*company("--tie-share", "notes=100", notes=1400))

    def meanwhile(run):
        simulator.advance(3600)
        simulator.admin("bulk", entity="notes", count=150, from_id=1 + 150 * run)

    words = ("--start-date", "2000-01-01")  # else a first load goes by id
    list(one_page_a_run(simulator, database, "notes", *words, between=meanwhile))
    assert_equals_truth(simulator, database, ["notes"])


@pytest.mark.parametrize("table", BY_TIME)
def test_updated_since_is_inclusive(simulate, database, table):
    simulator = simulate(*company(**{table: 20}))
    sync(simulator, database.url, "--tables", table)
    bookmark = stamp(moment(simulator.now()) - OVERLAP)
    assert all(each["bookmark"] == bookmark for each in lists_of(database.state(), table))
    # A change of the bookmark's own second that becomes visible late.
    simulator.admin("edit", entity=table, id=next(iter(database.live(table))), touch=bookmark)
    assert sync(simulator, database.url, "--tables", table, "--all").rows() == {table: 1}
    assert_equals_truth(simulator, database, [table])


@pytest.mark.parametrize("table", BY_TIME)
def test_edits_after_t0_belong_to_the_next_walk(simulate, database, table):
    """Rows that are edited again and again while they are read neither get lost nor keep the walk from ending."""
    simulator = simulate(*company(**{table: 1600}))
    t0 = moment(simulator.now())

    def edit():
        simulator.advance(30)
        simulator.admin("bulk", entity=table, count=600)

    with Between(simulator, PATHS[table], dict.fromkeys(range(2, 5), edit)) as between:
        sync(between, database.url, "--tables", table)
    assert between.seen < 20
    if table != "deals":  # whose second list begins after the first of these edits
        assert set(bookmarks(database.state(), table)) == {t0 - OVERLAP}
    sync(simulator, database.url, "--tables", table, "--all")
    assert_equals_truth(simulator, database, [table])


def test_t0_survives_a_resume_over_days(simulate, database):
    """A walk by id shows rows as they are when they are read, so what it promises dates from its beginning."""
    simulator = simulate(*company("--null-update-time", 3, persons=1600))
    t0 = simulator.now()
    days = []

    def meanwhile(run):
        days.append(simulator.advance(86400))
        simulator.admin("edit", entity="persons", id=1 + run, attributes={"name": f"Edited {run}"})

    for state in one_page_a_run(simulator, database, "persons", between=meanwhile, requests=2):
        walk = state["persons"]["lists"]["all"].get("walk", {})
        assert walk.get("t0", t0) in (t0, days[-1] if days else t0)
        if walk.get("mode") == "id":
            assert walk["t0"] == t0
    assert len(days) >= 2
    assert_equals_truth(simulator, database, ["persons"])


@pytest.mark.parametrize("now", ["2001-03-04T05:06:07Z", "2099-03-04T05:06:07Z"])
def test_this_machines_clock_is_never_used(simulate, database, now):
    simulator = simulate("--plan", "ultimate", "--no-limits", "--now", now)  # its clock runs
    sync(simulator, database.url)
    simulator.advance(600)
    simulator.admin("edit", entity="activities", id=3, attributes={"subject": "Later"})
    sync(simulator, database.url)
    assert_equals_truth(simulator, database)
    low, high = moment(now) - 2 * OVERLAP, moment(simulator.now()) + OVERLAP
    times = [row["_synced_at"] for table in TABLES for row in database.rows(table).values()]
    for run in database.query("SELECT * FROM _penstock_runs"):
        times += [run["started_at"], run["finished_at"]]
    times += [
        text
        for table in BY_TIME
        for each in lists_of(database.state(), table)
        for text in [each["bookmark"]]
    ]
    assert times and [text for text in times if not low <= moment(text) <= high] == []
    assert sync(simulator, database.url).report["requests"] == 7  # nothing else is due


# --- rows without update_time ---


@pytest.mark.parametrize("null_sort", ["first", "last"])
@pytest.mark.parametrize("rows", [40, 1100])
def test_rows_without_update_time_are_loaded(simulate, database, null_sort, rows):
    simulator = simulate(
        *company(
            "--null-update-time",
            5,
            "--set",
            f"null_sort={null_sort}",
            **dict.fromkeys(NULLABLE, rows),
        )
    )
    assert all(
        count["null_update_time"] == 5
        for table, count in simulator.count().items()
        if table in NULLABLE
    )
    sync(simulator, database.url, "--tables", ",".join(NULLABLE))
    assert_equals_truth(simulator, database, NULLABLE)


@pytest.mark.parametrize("null_sort", ["first", "last"])
@pytest.mark.parametrize("words", [(), ("--start-date", "2026-01-01")])
def test_the_look_for_rows_without_update_time_survives_a_stop(
    simulate, database, null_sort, words
):
    simulator = simulate(
        *company("--null-update-time", 5, "--set", f"null_sort={null_sort}", persons=1100)
    )
    list(one_page_a_run(simulator, database, "persons", *words, most=12))
    expected = {
        row["id"]
        for row in simulator.truth("persons")
        if not words or replication_time(row) >= datetime.datetime(2026, 1, 1)
    }
    assert database.rows("persons").keys() == expected


@pytest.mark.parametrize("null_sort", ["first", "last"])
def test_the_look_costs_one_page_each_way_and_a_walk_by_id_only_if_needed(
    simulate, database, null_sort
):
    simulator = simulate(*company("--set", f"null_sort={null_sort}", persons=1100))
    sync(simulator, database.url, "--tables", "persons")
    seen = queries(simulator, PATHS["persons"])
    assert len(seen) <= 4 and all(query["sort_by"] == "update_time" for query in seen)


# --- Start Date ---


def start_date_company(simulate, *options, rows=300):
    return simulate(
        *company(
            "--null-update-time",
            10,
            "--deals-with-products",
            60,
            *options,
            **dict.fromkeys(PATHS, rows),
        )
    )


def middle(simulator, table, share=0.5):
    """A day that parts the rows of a table."""
    times = sorted(filter(None, map(replication_time, simulator.truth(table))))
    return datetime.datetime.combine(times[int(len(times) * share)].date(), datetime.time())


def assert_loaded_since(simulator, database, table, start):
    wanted = {row["id"] for row in simulator.truth(table) if replication_time(row) >= start}
    assert database.rows(table).keys() == wanted, table


@pytest.mark.parametrize("form", ["%m/%d/%Y", "%Y-%m-%d"])
def test_start_date_bounds_the_tables_by_their_replication_value(simulate, database, form):
    simulator = start_date_company(simulate)
    start = middle(simulator, "persons")
    sync(simulator, database.url, "--start-date", start.strftime(form))
    for table in PATHS:
        assert_loaded_since(simulator, database, table, start)
    assert_equals_truth(simulator, database, UNBOUNDED)
    # Children follow their deals: every line of a deal that was taken, whatever its own time.
    deals = database.live("deals").keys()
    lines = {row["id"] for row in simulator.truth("deal_products") if row["deal_id"] in deals}
    flow = {row["id"] for row in simulator.truth("dealflow") if row["item_id"] in deals}
    assert (
        database.rows("deal_products").keys() == lines and database.rows("dealflow").keys() == flow
    )


def test_a_start_date_in_the_future_is_told(simulate, database):
    """2042 for 2024 would be a green run without a row."""
    simulator = start_date_company(simulate)
    run = sync(simulator, database.url, "--tables", "persons", "--start-date", "2042-01-31")
    assert "start date is in the future" in run.stderr and database.rows("persons") == {}
    run = sync(simulator, database.url, "--tables", "persons", "--start-date", "2024-01-31")
    assert "future" not in run.stderr and database.rows("persons")


def test_a_lowered_start_date_loads_the_missing_stretch(simulate, database):
    simulator = start_date_company(simulate)
    late, early = middle(simulator, "persons", 0.7), middle(simulator, "persons", 0.3)
    sync(simulator, database.url, "--start-date", stamp(late)[:10])
    sync(simulator, database.url, "--start-date", stamp(early)[:10])
    for table in PATHS:
        assert_loaded_since(simulator, database, table, early)
    sync(simulator, database.url)  # and without one: everything
    assert_equals_truth(simulator, database)


@pytest.mark.parametrize("table", BY_TIME)
def test_a_lowered_start_date_costs_only_the_stretch(simulate, database, table):
    simulator = simulate(*company(**{table: 3000}))
    late, early = middle(simulator, table, 0.4), middle(simulator, table, 0.3)
    sync(simulator, database.url, "--tables", table, "--start-date", stamp(late)[:10])
    simulator.admin("reset_counters")
    sync(simulator, database.url, "--tables", table, "--start-date", stamp(early)[:10])
    price = 20 if table == "notes" else 10
    archived = 20 if table == "deals" else 0  # not due but for the stretch
    # What is new since the bookmark, and one page for the stretch.
    assert simulator.stats()["tokens"] <= 2 + 2 * price + archived
    simulator.admin("reset_counters")
    sync(simulator, database.url, "--tables", table, "--start-date", stamp(early)[:10])
    assert simulator.stats()["tokens"] == 2 + price
    assert_loaded_since(simulator, database, table, early)


@pytest.mark.parametrize("table", ["persons", "products", "notes"])
def test_a_stretch_can_stop_after_any_page(simulate, database, table):
    simulator = simulate(*company(**{table: 2500}))
    start = middle(simulator, table, 0.9)
    sync(simulator, database.url, "--tables", table, "--start-date", stamp(start)[:10])
    list(
        one_page_a_run(
            simulator, database, table, requests=2, between=lambda run: simulator.advance(7200)
        )
    )
    assert_equals_truth(simulator, database, [table])


def test_a_raised_start_date_changes_nothing(simulate, database):
    simulator = start_date_company(simulate)
    start = middle(simulator, "persons", 0.3)
    sync(simulator, database.url, "--start-date", stamp(start)[:10])
    before = database.snapshot(without=())
    simulator.admin("reset_counters")
    result = sync(
        simulator, database.url, "--start-date", stamp(middle(simulator, "persons", 0.7))[:10]
    )
    assert result.rows() == {} and database.snapshot(without=()) == before
    assert sum(asked(simulator).values()) == 7
