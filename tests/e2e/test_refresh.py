"""Full passes and deletes: what no list of changes shows arrives, and nothing is deleted
by mistake."""

import itertools
import json
import random
import sqlite3

import pytest
from harness import (
    QUICK,
    TABLES,
    Sqlite,
    assert_equals_truth,
    assert_same_tables,
    compare_with_truth,
    expected_rows,
    random_seed,
    refresh,
    run_penstock,
    start_sync,
    sync,
)
from section4 import ARCHIVED, FLOW, LINES, PATHS, Between, asked, company, moment, queries
from test_oracle import (
    BIG,
    FILES_PAGE,
    V2_PAGE,
    WITHOUT_FLOW,
    bill_of_children,
    bill_of_whole_tables,
    by_id_calls,
    idle_bill,
    pages,
)

DAY = 86400
HOUR = 3600
CDC = list(PATHS)
DRIFT = {  # what moves without moving update_time
    "activities": {"subject": "drift"},
    "deals": {"title": "drift"},
    "persons": {"name": "drift"},
    "organizations": {"name": "drift"},
    "products": {"name": "drift"},
    "notes": {"content": "drift"},
    "files": {"description": "drift"},
}
GONE_FLAG = {"notes": ("active_flag", 1), "files": ("active_flag", 1)}  # else is_deleted, 0
GET_COST = {"notes": 2, "files": 2}


def load(simulate, database, tables, *options, words=(), **rows):
    simulator = simulate(*company(*options, **rows))
    sync(simulator, database.url, "--tables", tables, *words)
    simulator.advance(HOUR)
    simulator.admin("reset_counters")
    return simulator


def alive(simulator, table):
    return sorted(key for key, (_, gone) in expected_rows(simulator, table).items() if not gone)


def flagged(database, table):
    return {key for key, row in database.rows(table).items() if row["_deleted_at"] is not None}


def singles(simulator, table):
    """Ids that were asked for one by one, in order of id."""
    path = PATHS[table] + "/"
    return sorted(
        int(request["path"][len(path) :])
        for request in simulator.requests()
        if request["path"].startswith(path) and request["path"] != ARCHIVED
    )


def pages_read(simulator, table):
    """Requests of the pass: in the order of ids."""
    return [
        q
        for q in queries(simulator, PATHS[table])
        if q.get("sort_by", q.get("sort")) in ("id", "id ASC")
    ]


# --- what it finds ---


@pytest.mark.parametrize("table", CDC)
def test_what_a_pass_finds(simulate, database, table):
    """Deleted and purged rows, and a change that moved no update_time."""
    simulator = load(simulate, database, table, **{table: 30})
    ids = alive(simulator, table)
    deleted, purged, drifted = ids[3:5], ids[8], ids[12]
    simulator.admin("delete", entity=table, ids=deleted)
    simulator.admin("purge", entity=table, ids=[purged])
    simulator.admin("edit", entity=table, id=drifted, attributes=DRIFT[table], touch=False)
    before = database.rows(table)[drifted]
    simulator.advance(HOUR)
    sync(simulator, database.url, "--tables", table)
    if table != "deals":  # those are listed for 30 days
        assert flagged(database, table) == set()
    assert database.rows(table)[drifted] == before
    simulator.admin("reset_counters")
    result = refresh(simulator, database.url, "--tables", table)
    assert flagged(database, table) == {*deleted, purged}
    assert_equals_truth(simulator, database, [table], ignore_rows={table: [purged]})
    assert singles(simulator, table) == (
        [purged] if table == "deals" else sorted([*deleted, purged])
    )
    assert result.tables[table]["missing"] == 1
    # What is missing can be told from what is deleted: its own flag still says alive.
    column, value = GONE_FLAG.get(table, ("is_deleted", 0))
    rows = database.rows(table)
    assert rows[purged][column] == value
    assert all(rows[key][column] != value for key in deleted)
    assert all(rows[key]["_deleted_at"] == rows[key]["update_time"] for key in deleted)
    # Once more: nothing is asked for, and nothing is written.
    simulator.admin("reset_counters")
    again = refresh(simulator, database.url, "--tables", table)
    assert again.rows() == {} and singles(simulator, table) == []
    assert database.query("SELECT * FROM _penstock_pass") == []


def test_a_row_that_comes_back_to_sight_comes_back_to_life(simulate, database):
    simulator = load(simulate, database, "persons", persons=30)
    simulator.fault("status", status=404, path=PATHS["persons"] + "/", count=0)
    lost = alive(simulator, "persons")[5]
    was = expected_rows(simulator, "persons")[lost][0]["update_time"]
    simulator.admin("delete", entity="persons", ids=[lost])
    refresh(simulator, database.url, "--tables", "persons")
    assert flagged(database, "persons") == {lost}
    simulator.admin("faults_clear")
    simulator.admin("undelete", entity="persons", ids=[lost])
    simulator.admin("edit", entity="persons", id=lost, touch=was)
    simulator.advance(1)
    refresh(simulator, database.url, "--tables", "persons")
    assert flagged(database, "persons") == set()


@pytest.mark.parametrize("moves", ["on", "off"])
@pytest.mark.parametrize("entity", ["persons", "organizations", "deals"])
def test_a_merge(simulate, database, entity, moves):
    tables = ["deals", "persons", "organizations", "activities", "notes", "files", "deal_products"]
    simulator = load(
        *(simulate, database, ",".join(tables), "--set", f"merge_moves_children={moves}"),
        deals=60,
        persons=30,
        organizations=20,
        activities=60,
        notes=60,
        files=40,
        products=9,
    )
    ids = alive(simulator, entity)
    simulator.admin("merge", entity=entity, winner=ids[2], loser=ids[9])
    simulator.advance(HOUR)
    refresh(simulator, database.url, "--tables", ",".join(tables))
    assert ids[9] in flagged(database, entity)
    ignored = {"deal_products": ["name", "sum"]}
    assert_equals_truth(simulator, database, tables, ignore_columns=ignored)


def test_a_row_without_update_time_that_came_late_is_found(simulate, database):
    simulator = load(simulate, database, "persons", persons=30)
    late = simulator.admin("add", entity="persons")["id"]
    simulator.admin("edit", entity="persons", id=late, touch=None)
    simulator.advance(HOUR)
    sync(simulator, database.url, "--tables", "persons")
    assert late not in database.rows("persons")
    refresh(simulator, database.url, "--tables", "persons")
    assert_equals_truth(simulator, database, ["persons"])


# --- its price ---


def refresh_bill(simulator, tables):
    """An hour after the last run, when nothing changed: the lists of changes, each list by id, full tables."""
    bill = idle_bill(simulator, tables)
    bill_of_whole_tables(simulator, bill, tables)
    for table in ("persons", "organizations", "activities", "products"):
        if table in tables:
            bill.add(PATHS[table], pages(len(alive(simulator, table)), V2_PAGE), 10)
    if "deals" in tables:
        deals = simulator.truth("deals")
        archived = sum(deal["is_archived"] for deal in deals)
        bill.add(PATHS["deals"], pages(len(deals) - archived, V2_PAGE), 10)
        bill.add(ARCHIVED, 2 * pages(archived, V2_PAGE), 20)
        bill_of_children(
            simulator, bill, [t for t in tables if t == "deal_products"], simulator.truth("deals")
        )
    if "notes" in tables:  # pages that overlap by one row
        bill.add("/v1/notes", pages(len(alive(simulator, "notes")) - 1, V2_PAGE - 1), 20)
    if "files" in tables:
        bill.add("/v1/files", by_id_calls(len(alive(simulator, "files")), FILES_PAGE), 20)
    return bill


@pytest.mark.parametrize(
    "options, tables",
    [(("--deals", "70"), TABLES), ((*BIG, "--deals-with-products", "60"), WITHOUT_FLOW)],
    ids=["small", "big"],
)
def test_every_call_and_token(simulate, database, options, tables):
    simulator = simulate(*QUICK, *options)
    words = ("--tables", ",".join(tables))
    sync(simulator, database.url, *words)
    simulator.advance(HOUR)
    simulator.admin("reset_counters")
    refresh_bill(simulator, tables).check(simulator, refresh(simulator, database.url, *words))
    # and one call for each row that is not in a list
    gone = {table: alive(simulator, table)[4:9] for table in CDC if table != "deals"}
    for table, ids in gone.items():
        simulator.admin("delete", entity=table, ids=ids)
    simulator.advance(HOUR)
    simulator.admin("reset_counters")
    bill = refresh_bill(simulator, tables)
    for table, ids in gone.items():
        path = PATHS[table].replace("/api/v1", "/v1") + "/{id}"
        bill.add(path, len(ids), GET_COST.get(table, 1))
    bill.check(simulator, refresh(simulator, database.url, *words))
    for table, ids in gone.items():
        assert set(ids) <= flagged(database, table)


def test_plan_prices_it_and_status_tells_when_it_is_due(simulate, database):
    simulator = load(
        *(simulate, database, "persons,deals,notes,stages,deal_products"),
        persons=1200,
        deals=700,
        notes=900,
        products=9,
        pipelines=2,
        archived=30,
    )
    to = ("--to", database.url, "--json", "--tables", "persons,deals,notes,stages,deal_products")
    words = ("plan", *to, "--api-url", simulator.url)
    plan = json.loads(run_penstock(*words, token=simulator.token).stdout)
    passes = {table["table"]: table["full_pass"] for table in plan["tables"]}
    bill = refresh_bill(simulator, ["persons"]).paths[PATHS["persons"]]
    assert passes["persons"]["tokens"] == bill[1] - 10  # less the call for what changed
    paths = refresh_bill(simulator, ["deals", "deal_products"]).paths
    assert passes["deals"]["tokens"] == paths[PATHS["deals"]][1] - 10 + paths[ARCHIVED][1]
    assert (
        passes["notes"]["tokens"] == refresh_bill(simulator, ["notes"]).paths["/v1/notes"][1] - 20
    )
    assert passes["stages"]["tokens"] == 5
    assert passes["deal_products"]["tokens"] == paths[LINES][1]
    assert plan["full_pass_tokens"] == sum(one["tokens"] for one in passes.values())
    assert not passes["persons"]["due"] and passes["persons"]["due_in_s"] == 14 * DAY - HOUR
    simulator.advance(14 * DAY)
    due = json.loads(run_penstock(*words, token=simulator.token).stdout)
    persons = {table["table"]: table for table in due["tables"]}["persons"]
    assert persons["full_pass"]["due"] and persons["full_pass"]["due_in_s"] == 0
    assert persons["tokens_low"] == passes["persons"]["tokens"] + 10 + 10  # changes, fields
    began = database.state()["persons"]["pass_at"]
    simulator.fault("daily429", path=PATHS["persons"], nth=4)
    sync(simulator, database.url, "--tables", "persons", code=75)
    status = json.loads(run_penstock("status", *to).stdout)
    persons = {table["table"]: table for table in status["tables"]}["persons"]
    assert persons["full_pass_rows"] == 1000 and persons["last_full_pass"] == began
    simulator.admin("faults_clear")
    sync(simulator, database.url, "--tables", "persons")
    status = json.loads(run_penstock("status", *to).stdout)
    persons = {table["table"]: table for table in status["tables"]}["persons"]
    assert "full_pass_rows" not in persons
    assert moment(persons["last_full_pass"]) > moment(began)


# --- when it is due ---


def test_a_pass_is_due_every_14_days(simulate, database):
    simulator = load(simulate, database, "persons", persons=30)
    for days, reads in ((13.9, 0), (0.1, 1), (13.9, 0), (0.1, 1)):
        simulator.advance(int(days * DAY))
        simulator.admin("reset_counters")
        sync(simulator, database.url, "--tables", "persons")
        assert len(pages_read(simulator, "persons")) == reads


@pytest.mark.parametrize(
    "setting, reads", [("3d", [0, 1, 0, 1]), ("never", [0, 0, 0, 0]), ("60d", [0] * 4)]
)
def test_the_interval_is_a_setting(simulate, database, tmp_path, setting, reads):
    simulator = load(simulate, database, "persons", persons=30)
    config = tmp_path / "penstock.yaml"
    config.write_text(
        f"connections:\n- {{name: a, api_token: 'env:PIPEDRIVE_API_TOKEN', destination: '{database.url}',"
        f" api_url: '{simulator.url}', tables: [persons], refresh_every: {setting}}}\n"
    )
    for expected in reads:
        simulator.advance(2 * DAY)
        simulator.admin("reset_counters")
        run = run_penstock("sync", "--config", config, token=simulator.token)
        assert run.returncode == 0 and len(pages_read(simulator, "persons")) == expected
    # After a pause of more than 25 days it comes by itself, unless it never shall.
    simulator.advance(26 * DAY)
    simulator.admin("reset_counters")
    run = run_penstock("sync", "--config", config, token=simulator.token)
    assert len(pages_read(simulator, "persons")) == (setting != "never")


def test_after_a_long_pause_without_a_pass_deals_are_warned_about(simulate, database, tmp_path):
    simulator = load(simulate, database, "deals", deals=30)
    config = tmp_path / "penstock.yaml"
    config.write_text(
        f"connections:\n- {{name: a, api_token: 'env:PIPEDRIVE_API_TOKEN', destination: '{database.url}',"
        f" api_url: '{simulator.url}', tables: [deals], refresh_every: never}}\n"
    )
    simulator.advance(26 * DAY)
    run = run_penstock("sync", "--config", config, token=simulator.token)
    assert run.returncode == 0 and "penstock refresh" in run.stderr


# --- stopping and going on ---


@pytest.mark.parametrize("start", [None, "01/01/2020"], ids=["by id", "by time"])
@pytest.mark.parametrize("table", ["persons", "notes", "files"])
def test_a_pass_goes_on_over_many_runs(simulate, database, table, start):
    """No page is read twice, and what incremental runs bring meanwhile counts as seen."""
    rows = 450 if table == "files" else 2300
    words = ("--start-date", start) if start else ()
    simulator = load(simulate, database, table, words=words, **{table: rows})
    ids = alive(simulator, table)
    gone = [ids[7], ids[-7]]
    simulator.admin("delete", entity=table, ids=gone)
    cursors = []
    for run in itertools.count():
        assert run < 40  # a run that asks for two rows at once may lose both answers
        simulator.admin("reset_counters")
        # One request for the changes, one of the pass.
        nth = 2 if table == "files" and run % 2 else 3
        simulator.fault("daily429", path=PATHS[table], nth=nth)
        command = refresh if run == 0 else sync
        result = command(simulator, database.url, "--tables", table, *words, code=None)
        simulator.admin("faults_clear")
        assert result.code in (0, 75), result
        if result.code == 0:
            break
        state = database.state()[table]["pass"]
        assert state["step"] in ("walk", "judge", "ask")
        cursors += [q.get("cursor", q.get("start")) for q in pages_read(simulator, table)[:-1]]
        simulator.admin("add", entity=table)
        simulator.advance(7 * HOUR)
    assert run >= 3 and len(cursors) == len(set(cursors))
    assert flagged(database, table) == set(gone)
    sync(simulator, database.url, "--tables", table, *words)
    assert_equals_truth(simulator, database, [table], ignore_columns={"notes": ["deal"]})


@pytest.mark.parametrize("command", [sync, refresh])
def test_a_refresh_that_ends_early_is_paid_by_the_next_runs(simulate, database, command):
    """All of it, and none of it twice: neither by a sync nor by a second refresh."""
    tables = ["stages", "deals", "persons", "notes", "deal_products"]
    words = ("--tables", ",".join(tables))
    simulator = load(
        *(simulate, database, ",".join(tables)),
        deals=40,
        persons=1200,
        notes=30,
        products=9,
        pipelines=3,
    )
    gone = {table: alive(simulator, table)[2] for table in ("persons", "notes", "stages")}
    for table, row in gone.items():
        simulator.admin("delete", entity=table, ids=[row])
    simulator.fault("daily429", nth=7)
    refresh(simulator, database.url, *words, code=75)
    simulator.admin("faults_clear")
    result = command(simulator, database.url, *words)
    assert ("goes on" in result.stderr) == (command is refresh)
    done = [request for request in simulator.requests() if request["status"] == 200]
    paths = [request["path"] for request in done]
    assert paths.count(LINES) == 1
    # An answer that was under way when the budget ended is asked for again.
    assert paths.count("/api/v2/stages") in (1, 2)
    for table, row in gone.items():
        assert flagged(database, table) == {row}
    simulator.admin("reset_counters")
    sync(simulator, database.url, *words)
    assert LINES not in asked(simulator) and pages_read(simulator, "persons") == []


def test_a_kill_right_after_a_refresh_was_asked_for(simulate, database):
    simulator = load(simulate, database, "persons,notes,stages", persons=30, notes=30, pipelines=3)
    gone = {table: alive(simulator, table)[2] for table in ("persons", "notes", "stages")}
    for table, row in gone.items():
        simulator.admin("delete", entity=table, ids=[row])
    process = start_sync(
        *(simulator, database.url, "--tables", "persons,notes,stages"),
        env={"PENSTOCK_FAULT": "after-commit:2"},  # who we are, what is owed
        command="refresh",
    )
    process.communicate()
    assert process.returncode == -9
    sync(simulator, database.url, "--tables", "persons,notes,stages")
    assert {table: flagged(database, table) for table in gone} == {
        table: {row} for table, row in gone.items()
    }


def test_a_stale_cursor_begins_the_walk_again(simulate, database):
    simulator = load(simulate, database, "persons", persons=1200)
    gone = alive(simulator, "persons")[3]
    simulator.admin("delete", entity="persons", ids=[gone])
    simulator.fault("daily429", path=PATHS["persons"], nth=3)
    refresh(simulator, database.url, "--tables", "persons", code=75)
    simulator.admin("faults_clear")
    simulator.fault("status", status=400, path=PATHS["persons"], query="cursor=")
    sync(simulator, database.url, "--tables", "persons")
    assert flagged(database, "persons") == {gone}
    assert_equals_truth(simulator, database, ["persons"])


KILL_TABLES = ["deals", "persons", "organizations", "notes", "files", "deal_products"]


def kill_company(simulate, tmp_path, *words):
    """A loaded database, and a company in which much has changed since without a trace."""
    before = Sqlite(tmp_path / "before.db")
    simulator = load(
        *(simulate, before, ",".join(KILL_TABLES), "--archived", "40"),
        words=words,
        deals=40,
        persons=30,
        organizations=20,
        notes=25,
        files=20,
        products=9,
    )
    for table in ("deals", "persons", "organizations", "notes", "files"):
        ids = alive(simulator, table)
        simulator.admin("delete", entity=table, ids=ids[1:3])
        simulator.admin("purge", entity=table, ids=[ids[6]])
        simulator.admin("edit", entity=table, id=ids[9], attributes=DRIFT[table], touch=False)
    ids = alive(simulator, "persons")
    simulator.admin("merge", entity="persons", winner=ids[0], loser=ids[20])
    simulator.advance(HOUR)
    return simulator, before


def copy_of(database, path):
    path.write_bytes(database.path.read_bytes())
    return Sqlite(path)


def snapshot(database):
    """Missing rows are flagged with the time of the run that noticed."""
    tables = database.snapshot(KILL_TABLES)
    for row in itertools.chain.from_iterable(rows.values() for rows in tables.values()):
        if row["_deleted_at"] not in (None, row.get("update_time")):
            row["_deleted_at"] = "a time"
    return tables


@pytest.mark.parametrize("deletes", ["flag", "remove"])
@pytest.mark.parametrize("point", ["before-commit", "after-commit"])
def test_kills_during_a_pass(simulate, tmp_path, point, deletes):
    words = ("--deletes", deletes, "--tables", ",".join(KILL_TABLES))
    simulator, before = kill_company(simulate, tmp_path, "--deletes", deletes)
    undisturbed = copy_of(before, tmp_path / "undisturbed.db")
    refresh(simulator, undisturbed.url, *words)
    expected = snapshot(undisturbed)
    for n in itertools.count(1, 2):
        database = copy_of(before, tmp_path / f"{n}.db")
        process = start_sync(
            *(simulator, database.url, *words),
            env={"PENSTOCK_FAULT": f"{point}:{n}"},
            command="refresh",
        )
        process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -9
        result = refresh(simulator, database.url, *words)
        assert "anew" not in result.stderr, result
        database.check()
        assert_same_tables(snapshot(database), expected, KILL_TABLES)
        assert database.query("SELECT * FROM _penstock_pass") == []
        assert all("pass" not in state for state in database.state().values())
    assert n > 20


# --- start date ---


@pytest.mark.parametrize("nulls", [0, 5])
@pytest.mark.parametrize("table", ["deals", "persons", "notes", "files"])
def test_rows_before_the_start_date_are_neither_loaded_nor_suspected(
    simulate, database, table, nulls
):
    options = ("--null-update-time", nulls) if nulls and table in ("deals", "persons") else ()
    words = ("--start-date", "2026-06-01")
    simulator = load(simulate, database, table, *options, words=words, **{table: 120})
    before = database.rows(table)
    assert 0 < len(before) < len(alive(simulator, table))
    gone = sorted(before)[1]
    simulator.admin("delete", entity=table, ids=[gone])
    outside = [key for key in alive(simulator, table) if key not in before]
    simulator.admin("purge", entity=table, ids=[outside[0]])
    simulator.admin("reset_counters")
    refresh(simulator, database.url, "--tables", table, *words)
    assert database.rows(table).keys() == before.keys()
    assert flagged(database, table) - {k for k, r in before.items() if r["_deleted_at"]} == {gone}
    assert singles(simulator, table) == ([] if table == "deals" else [gone])


# --- the guard ---


def test_a_pass_that_misses_more_than_half_asks_before_it_spends(simulate, database):
    simulator = load(simulate, database, "persons,products", persons=40, products=9)
    gone = alive(simulator, "persons")[:21]
    simulator.admin("delete", entity="persons", ids=gone)
    words = ("--tables", "persons,products")
    result = refresh(simulator, database.url, *words, code=3)
    assert "--yes" in result.stderr and "21 of 40" in result.stderr
    assert flagged(database, "persons") == set() and singles(simulator, "persons") == []
    # The pass is not read again for the answer.
    simulator.admin("reset_counters")
    sync(simulator, database.url, *words, code=3)
    sync(simulator, database.url, *words, "--yes")
    assert pages_read(simulator, "persons") == [] and singles(simulator, "persons") == gone
    assert flagged(database, "persons") == set(gone)
    # Without an answer for a day, it begins anew: it may have been a passing fault.
    more = alive(simulator, "persons")[:15]
    simulator.admin("delete", entity="persons", ids=more)
    simulator.advance(HOUR)
    refresh(simulator, database.url, *words, "--yes")
    assert flagged(database, "persons") == {*gone, *more}


def test_a_question_without_an_answer_is_asked_anew_after_a_day(simulate, database):
    simulator = load(simulate, database, "persons", persons=40)
    rows = expected_rows(simulator, "persons")
    gone = alive(simulator, "persons")[:21]
    simulator.admin("delete", entity="persons", ids=gone)
    simulator.advance(14 * DAY)
    sync(simulator, database.url, "--tables", "persons", code=1)
    simulator.admin("undelete", entity="persons", ids=gone)
    for key in gone:
        was = rows[key][0]["update_time"]
        simulator.admin("edit", entity="persons", id=key, touch=was)
    sync(simulator, database.url, "--tables", "persons", code=1)
    simulator.advance(DAY)
    sync(simulator, database.url, "--tables", "persons")
    assert flagged(database, "persons") == set()


@pytest.mark.parametrize("lost, reads", [(10, 1), (11, 2), (20, 2)])
def test_a_small_table_is_read_twice(simulate, database, lost, reads):
    simulator = load(simulate, database, "persons", persons=20)
    gone = alive(simulator, "persons")[:lost]
    simulator.admin("delete", entity="persons", ids=gone)
    refresh(simulator, database.url, "--tables", "persons")
    assert len(pages_read(simulator, "persons")) == reads
    assert flagged(database, "persons") == set(gone)


def test_what_a_second_reading_shows_is_not_asked_for(simulate, database):
    simulator = load(simulate, database, "persons", persons=20)
    gone = alive(simulator, "persons")[:15]
    simulator.admin("delete", entity="persons", ids=gone)
    come_back = {3: lambda: simulator.admin("undelete", entity="persons", ids=gone)}
    with Between(simulator, PATHS["persons"], come_back) as between:
        refresh(between, database.url, "--tables", "persons")
    assert singles(simulator, "persons") == [] and flagged(database, "persons") == set()


@pytest.mark.parametrize("words", [(), ("--yes",)])
@pytest.mark.parametrize("rows", [12, 40])
def test_an_empty_list_never_sweeps(simulate, database, rows, words):
    """Of a small table each row is asked for: what is called deleted then is deleted. Absence alone is not."""
    simulator = load(simulate, database, "persons", persons=rows)
    ids = alive(simulator, "persons")
    simulator.admin("purge", entity="persons", ids=ids[1:])
    simulator.admin("delete", entity="persons", ids=ids[:1])
    code = 0 if rows == 12 else 1
    result = refresh(simulator, database.url, "--tables", "persons", *words, code=code)
    assert flagged(database, "persons") == ({ids[0]} if rows == 12 else set())
    if rows == 40:
        assert "nothing was deleted" in result.stderr and singles(simulator, "persons") == []


# --- who asks ---


def hide(simulator, table, ids):
    """Only their owner sees them, and administrators."""
    for key in ids:
        simulator.admin(
            "edit", entity=table, id=key, attributes={"visible_to": 1, "owner_id": 900}, touch=False
        )


@pytest.mark.parametrize("status", ["404", "403"])
def test_a_change_of_visibility_is_no_delete(simulate, database, status):
    simulator = simulate(*company("--set", f"invisible={status}", persons=40))
    words = ("--tables", "persons")
    sync(simulator, database.url, *words, token=simulator.member_token)
    before = database.snapshot(["persons"])
    hidden = sorted(database.live("persons"))[:5]
    hide(simulator, "persons", hidden)
    simulator.advance(HOUR)
    for _ in range(2):
        simulator.admin("reset_counters")
        result = refresh(simulator, database.url, *words, token=simulator.member_token)
        assert singles(simulator, "persons") == hidden
        assert database.snapshot(["persons"]) == before
        assert result.tables["persons"]["missing"] == (5 if status == "404" else 0)
    # What is deleted is known to be, whoever asks.
    known = max(database.live("persons"))
    simulator.admin("delete", entity="persons", ids=[known])
    refresh(simulator, database.url, *words, token=simulator.member_token)
    assert flagged(database, "persons") == {known}


@pytest.mark.parametrize("words, gone", [((), False), (("--yes",), False)])
def test_another_user_deletes_nothing_by_absence(simulate, database, words, gone):
    """The member is no administrator: not even with --yes."""
    simulator = load(simulate, database, "persons", persons=40)
    hide(simulator, "persons", alive(simulator, "persons")[:5])
    result = refresh(
        simulator, database.url, "--tables", "persons", *words, token=simulator.member_token
    )
    assert flagged(database, "persons") == set()
    assert result.tables["persons"]["missing"] >= 5


def test_an_administrator_with_other_rights_deletes_by_absence_only_with_yes(simulate, database):
    simulator = load(simulate, database, "persons", persons=40)
    purged = alive(simulator, "persons")[4]
    simulator.admin("purge", entity="persons", ids=[purged])

    def other_rights(body):
        return body.replace(b'"permission_set_id":"', b'"permission_set_id":"0')

    words = ("--tables", "persons")
    with Between(simulator, "/api/v1/users/me", rewrite=other_rights) as between:
        refresh(between, database.url, *words)
        assert flagged(database, "persons") == set()
        simulator.advance(HOUR)
        refresh(between, database.url, *words, "--yes")
        assert flagged(database, "persons") == {purged}


# --- deals ---


@pytest.mark.parametrize("moves", ["on", "off"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_deals_that_change_lists_during_a_pass_are_no_suspects(simulate, database, moves, nth):
    simulator = load(
        *(
            simulate,
            database,
            "deals",
            "--archived",
            "50",
            "--set",
            f"archive_moves_update_time={moves}",
        ),
        deals=60,
    )
    rows = {key: row for key, (row, _) in expected_rows(simulator, "deals").items()}
    archived = [key for key, row in rows.items() if row["is_archived"] and not row["is_deleted"]]
    normal = [key for key, row in rows.items() if not row["is_archived"] and not row["is_deleted"]]

    def swap():
        simulator.admin("archive", ids=normal[:10])
        simulator.admin("unarchive", ids=archived[:10])

    # The first request asks for what changed (the archive's turn has not come).
    with Between(simulator, "/api/v2/deals", {nth + 1: swap}) as between:
        refresh(between, database.url, "--tables", "deals")
    assert singles(simulator, "deals") == [] and flagged(database, "deals") == set()
    simulator.advance(HOUR)
    refresh(simulator, database.url, "--tables", "deals")
    assert_equals_truth(simulator, database, ["deals"])


def test_a_pass_queues_only_the_children_of_deals_that_changed(simulate, database):
    simulator = load(simulate, database, "deals,dealflow", deals=30)
    refresh(simulator, database.url, "--tables", "deals,dealflow")
    assert FLOW not in asked(simulator)
    deal = next(row for row in simulator.truth("deals") if not row["is_deleted"])
    stage = 1 if deal["stage_id"] != 1 else 2
    simulator.advance(HOUR)
    simulator.admin(
        "edit", entity="deals", id=deal["id"], attributes={"stage_id": stage}, touch=False
    )
    simulator.advance(HOUR)
    sync(simulator, database.url, "--tables", "deals,dealflow")
    assert FLOW not in asked(simulator)
    refresh(simulator, database.url, "--tables", "deals,dealflow")
    assert asked(simulator)[FLOW] == 1
    assert_equals_truth(simulator, database, ["deals", "dealflow"])


def test_a_deal_that_changed_without_a_trace_shows_its_log(simulate, database):
    """With `dealflow: all` every deal that changed is read, also where only the pass sees the change."""
    words = ("--tables", "deals,dealflow", "--dealflow", "all")
    simulator = load(simulate, database, "deals,dealflow", words=words[2:], deals=30)
    deal = alive(simulator, "deals")[4]
    simulator.admin("edit", entity="deals", id=deal, attributes={"title": "drift"}, touch=False)
    simulator.advance(HOUR)
    refresh(simulator, database.url, *words)
    assert asked(simulator)[FLOW] == 1
    assert_equals_truth(simulator, database, ["deals", "dealflow"])


def test_a_refresh_reads_the_lines_of_all_deals(simulate, database):
    tables = "deals,deal_products"
    simulator = load(simulate, database, tables, deals=60, products=9)
    line = alive(simulator, "deal_products")[2]
    simulator.operations(
        [
            {
                "op": "edit",
                "entity": "deal_products",
                "id": line,
                "attributes": {"quantity": 77},
                "touch_deal": False,
            }
        ]
    )
    sync(simulator, database.url, "--tables", tables)
    assert LINES not in asked(simulator)
    refresh(simulator, database.url, "--tables", tables)
    assert asked(simulator)[LINES] == 1
    assert_equals_truth(simulator, database, ["deals", "deal_products"])


# --- deletes: flag, remove, ignore ---


def test_deletes_remove(simulate, database):
    tables = ["deals", "persons", "notes", "stages", "deal_products"]
    words = ("--deletes", "remove", "--tables", ",".join(tables))
    simulator = load(
        *(simulate, database, ",".join(tables), "--deleted-deals", "6"),
        words=words[:2],
        deals=40,
        persons=30,
        notes=30,
        products=9,
        pipelines=3,
    )
    wanted = {table: alive(simulator, table) for table in tables}
    assert {table: sorted(database.rows(table)) for table in tables} == wanted
    persons, deals = (
        wanted["persons"],
        [d["id"] for d in simulator.truth("deals") if d["products_count"] and not d["is_deleted"]],
    )
    simulator.admin("delete", entity="persons", ids=persons[1:3])
    simulator.admin("purge", entity="persons", ids=persons[5:6])
    simulator.admin("delete", entity="notes", ids=wanted["notes"][1:2])
    simulator.admin("delete", entity="deals", ids=deals[1:2])
    simulator.admin("delete", entity="stages", ids=wanted["stages"][-1:])
    line = next(r["id"] for r in simulator.truth("deal_products") if r["deal_id"] == deals[3])
    simulator.admin("line_remove", id=line)
    simulator.advance(HOUR)
    result = refresh(simulator, database.url, *words, "--all")
    for table in tables:  # what is missing is flagged, never removed
        extra = persons[5:6] if table == "persons" else []
        assert sorted(database.rows(table)) == sorted([*alive(simulator, table), *extra]), table
        assert flagged(database, table) == set(extra)
    assert result.tables["persons"]["deleted"] == 3 and result.tables["stages"]["deleted"] == 1
    assert "anew" not in sync(simulator, database.url, *words).stderr


@pytest.mark.parametrize("table", ["deals", "persons", "stages", "deal_products"])
def test_a_kill_after_rows_were_removed_is_no_loss(simulate, tmp_path, table):
    tables = "deals,deal_products" if table == "deal_products" else table
    words = ("--deletes", "remove", "--tables", tables)
    before = Sqlite(tmp_path / "before.db")
    rows = {"deals": 40, "persons": 30, "products": 9, "pipelines": 3}
    simulator = load(simulate, before, tables, words=words[:2], **rows)
    gone = alive(simulator, table)[:3]
    if table == "deal_products":
        simulator.admin("delete", entity="deals", ids=[before.rows(table)[gone[0]]["deal_id"]])
    else:
        simulator.admin("delete", entity=table, ids=gone)
    simulator.advance(HOUR)
    for n in itertools.count(1):
        database = copy_of(before, tmp_path / f"{n}.db")
        process = start_sync(
            *(simulator, database.url, *words, "--all"),
            env={"PENSTOCK_FAULT": f"after-commit:{n}"},
            command="refresh",
        )
        process.communicate()
        if process.returncode == 0:
            break
        result = refresh(simulator, database.url, *words, "--all")
        assert "anew" not in result.stderr, (n, result)
        assert_equals_truth(
            simulator, database, tables.split(","), ignore_rows={"deals": gone_deals(simulator)}
        )
    assert n > 2


def gone_deals(simulator):
    """Not there, where deletes are removed."""
    return [key for key, (_, gone) in expected_rows(simulator, "deals").items() if gone]


def test_deletes_ignore(simulate, database):
    tables = ["deals", "persons", "stages", "deal_products"]
    words = ("--deletes", "ignore", "--tables", ",".join(tables))
    simulator = load(
        *(simulate, database, ",".join(tables)),
        words=words[:2],
        deals=40,
        persons=30,
        products=9,
        pipelines=3,
    )
    before = {table: database.rows(table).keys() for table in tables}
    for table in ("deals", "persons", "stages"):
        simulator.admin("delete", entity=table, ids=alive(simulator, table)[1:3])
    simulator.admin("line_remove", id=alive(simulator, "deal_products")[-1])
    simulator.admin(
        "edit",
        entity="persons",
        id=alive(simulator, "persons")[9],
        attributes=DRIFT["persons"],
        touch=False,
    )
    simulator.advance(HOUR)
    refresh(simulator, database.url, *words, "--all")
    for table in tables:
        assert database.rows(table).keys() == before[table] and flagged(database, table) == set()
    assert singles(simulator, "persons") == []  # nobody wants to know
    gone = {key for key, row in database.rows("deals").items() if row["is_deleted"]}
    assert gone == set(gone_deals(simulator)) and len(gone) == 2  # what lists tell is told
    assert "drift" in {row["name"] for row in database.rows("persons").values()}


# --- a table that is loaded anew ---


def test_loading_anew_may_take_more_than_one_run(simulate, database):
    """What was lost is noticed once, not in each run until the end."""
    simulator = load(simulate, database, "persons", persons=2300)
    with sqlite3.connect(database.path) as connection:
        connection.execute("DELETE FROM persons")
    connection.close()
    for run in range(8):
        simulator.fault("daily429", path=PATHS["persons"], nth=3)
        result = sync(simulator, database.url, "--tables", "persons", code=None)
        simulator.admin("faults_clear")
        assert ("anew" in result.stderr) == (run == 0)
        if result.code == 0:
            break
    assert run > 1
    assert_equals_truth(simulator, database, ["persons"])


# --- other names of the system columns; a reset ---


@pytest.mark.parametrize("style", ["stitch", "fivetran", "airbyte", "none"])
def test_a_pass_with_other_metadata_columns(simulate, database, style):
    words = ("--metadata-columns", style)
    simulator = load(simulate, database, "persons,deals", words=words, persons=30, deals=20)
    flag = {"stitch": "_sdc_deleted_at", "airbyte": "_ab_cdc_deleted_at"}.get(style, "_deleted_at")
    for table in ("persons", "deals"):
        ids = alive(simulator, table)
        simulator.admin("delete", entity=table, ids=ids[1:3])
        simulator.admin("purge", entity=table, ids=[ids[5]])
    refresh(simulator, database.url, "--tables", "persons,deals", *words)
    for table in ("persons", "deals"):
        rows, ids = database.rows(table), sorted(database.rows(table))
        gone = {key for key, (_, deleted) in expected_rows(simulator, table).items() if deleted}
        if style == "none":  # what is missing stays, since nothing could flag it
            missing = set(ids) - set(alive(simulator, table))
            assert len(missing) == 1 and not gone & set(ids)
        else:
            flags = {key for key, row in rows.items() if row[flag]}
            assert (
                flags - gone
                and not gone - flags
                and len(flags) == len(ids) - len(alive(simulator, table))
            )


def test_a_reset_forgets_what_a_pass_saw(simulate, database):
    simulator = load(simulate, database, "persons", persons=1200)
    simulator.fault("daily429", path=PATHS["persons"], nth=3)
    refresh(simulator, database.url, "--tables", "persons", code=75)
    simulator.admin("faults_clear")
    assert database.query("SELECT * FROM _penstock_pass") != []
    run = run_penstock("reset", "--to", database.url, "--yes")
    assert run.returncode == 0 and database.query("SELECT * FROM _penstock_pass") == []


# --- whatever happens ---


class Life:
    """Random changes, with and without a trace, between runs that are sometimes killed or out of budget."""

    TABLES = ("deals", "persons", "organizations", "activities", "products", "notes", "files")
    ALL = (*TABLES, "deal_products")
    DELETES = 6  # a table, so that no guard asks

    def __init__(self, simulator, database, seed):
        self.simulator, self.database = simulator, database
        self.dice = random.Random(seed)
        self.deletes = dict.fromkeys(self.TABLES, self.DELETES)
        self.log = []

    def any(self, table):
        return self.dice.choice(alive(self.simulator, table))

    def drift(self):
        table = self.dice.choice(self.TABLES)
        attributes = {key: f"{self.dice.random()}" for key in DRIFT[table]}
        touch = self.dice.random() < 0.5
        self.simulator.admin(
            "edit", entity=table, id=self.any(table), attributes=attributes, touch=touch
        )

    def move(self):
        """A deal between its lists."""
        deal = self.any("deals")
        row = expected_rows(self.simulator, "deals")[deal][0]
        self.simulator.admin("unarchive" if row["is_archived"] else "archive", id=deal)

    def add(self):
        table = self.dice.choice(self.TABLES)
        key = self.simulator.admin("add", entity=table)["id"]
        if self.dice.random() < 0.2 and table not in ("notes", "files"):
            self.simulator.admin("edit", entity=table, id=key, touch=None)

    def remove(self):
        table = self.dice.choice(self.TABLES)
        self.deletes[table] -= 1
        if self.deletes[table] >= 0:
            op = self.dice.choice(["delete", "delete", "purge"])
            self.simulator.admin(op, entity=table, id=self.any(table))

    def undelete(self):
        table = self.dice.choice(self.TABLES)
        flag = "is_deleted" if table not in GONE_FLAG else "active_flag"
        gone = [r["id"] for r in self.simulator.truth(table) if r[flag] is (flag == "is_deleted")]
        if gone:
            self.simulator.admin("undelete", entity=table, id=self.dice.choice(gone))

    def merge(self):
        table = self.dice.choice(["persons", "organizations", "deals"])
        self.deletes[table] -= 1
        if self.deletes[table] >= 0:
            winner, loser = self.dice.sample(alive(self.simulator, table), 2)
            self.simulator.admin("merge", entity=table, winner=winner, loser=loser)

    def time(self):
        self.simulator.advance(self.dice.choice([1, 5, 61, HOUR, 7 * HOUR, DAY, 15 * DAY]))

    def run(self, command=None):
        """Killed at a commit, stopped by the budget, or neither."""
        command = command or self.dice.choice(["sync", "sync", "refresh"])
        words = ("--tables", ",".join(self.ALL))
        kind = self.dice.random()
        env = {}
        if kind < 0.3:
            env = {"PENSTOCK_FAULT": f"before-commit:{self.dice.randint(1, 25)}"}
        elif kind < 0.5:
            self.simulator.fault("daily429", nth=self.dice.randint(2, 25), retry_after=100)
        process = start_sync(self.simulator, self.database.url, *words, env=env, command=command)
        _, stderr = process.communicate()
        self.simulator.admin("faults_clear")
        assert process.returncode in (0, 75, -9), stderr
        assert "Sanitizer" not in stderr and "anew" not in stderr, stderr

    def step(self):
        steps = [self.drift, self.drift, self.move, self.add, self.remove, self.undelete]
        steps += [self.merge, self.time, self.time, self.run, self.run]
        step = self.dice.choice(steps)
        self.log.append(step.__name__)
        step()


@pytest.mark.parametrize("moves", ["on", "off"])
@pytest.mark.parametrize("start", [None, "2020-01-01"])
def test_whatever_happens_a_refresh_sets_it_right(simulate, database, moves, start):
    seed = random_seed()
    switches = ("archive_moves_update_time", "merge_moves_children")
    options = [word for name in switches for word in ("--set", f"{name}={moves}")]
    simulator = simulate(
        *company(
            *options,
            deals=40,
            persons=40,
            organizations=40,
            activities=40,
            products=40,
            notes=40,
            files=40,
        ),
        *("--archived", "30", "--seed", str(seed)),
    )
    words = ("--tables", ",".join(Life.ALL), *(("--start-date", start) if start else ()))
    sync(simulator, database.url, *words)
    life = Life(simulator, database, seed)
    for _ in range(60):
        life.step()
    simulator.advance(HOUR)
    refresh(simulator, database.url, *words)
    simulator.advance(HOUR)
    refresh(simulator, database.url, *words)
    database.check()
    deals = {deal["id"] for deal in simulator.truth("deals")}
    # The simulator keeps the lines of a deal that is purged.
    orphans = [r["id"] for r in simulator.truth("deal_products") if r["deal_id"] not in deals]
    problems = compare_with_truth(
        simulator, database, Life.ALL, ignore_rows={"deal_products": orphans}
    )
    assert not problems, (seed, life.log, problems[:20])
