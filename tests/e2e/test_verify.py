"""penstock verify: reads a sample again and says what is not the same. What counts as a difference,
and what does not, follows from the man page; prices are those of the API's documents."""

import json
import re
import sqlite3

import pytest
from harness import QUICK, TABLES, parse, run_penstock, sync

SMALL = (*QUICK, "--size", "small")
FULL = {"activity_types", "currency", "filters", "pipelines", "stages", "users", "deal_fields"}
# Long before any bookmark, so that nothing counts as news.
OLD = "2026-01-05T06:07:08Z"


class Verified:
    def __init__(self, completed):
        self.code, self.stderr = completed.returncode, completed.stderr
        self.report = parse(completed.stdout)
        self.tables = {row["table"]: row for row in self.report["tables"]}
        self.differences = self.report["differences"]

    def __repr__(self):
        return f"exit {self.code}\n{self.report}\n{self.stderr}"

    def found(self, *findings):
        """(table, id, column) of the differences of these kinds."""
        return {
            (row["table"], row["id"], row["column"])
            for row in self.differences
            if row["finding"] in findings
        }


def words(simulator, database, *more):
    url = ("--to", database.url, "--api-url", simulator.url, "--retry-base-ms", 20)
    return ("verify", *url, *more)


def verify(simulator, database, *more, code=0):
    run = run_penstock(*words(simulator, database, "--json", *more), token=simulator.token)
    assert run.stdout, run
    result = Verified(run)
    assert result.code == code, result
    return result


def change(database, sql, *values):
    """By hand, as a person would."""
    with sqlite3.connect(database.path) as connection:
        assert connection.execute(sql, values).rowcount == 1, sql
    connection.close()


def old_id(database, table, where="1"):
    """A live row that nobody touched lately."""
    sql = (
        f"SELECT id FROM {table} WHERE _deleted_at IS NULL AND {where} ORDER BY id LIMIT 1 OFFSET 3"
    )
    return database.query(sql)[0]["id"]


def assert_sums(result):
    kinds = ("equal", "drifted", "newer", "different", "missing", "gone")
    for name, row in result.tables.items():
        assert row["sampled"] == sum(row[kind] for kind in kinds), (name, row)


@pytest.fixture
def loaded(simulate, database):
    simulator = simulate(*SMALL)
    sync(simulator, database.url)
    simulator.advance(3600)
    simulator.admin("reset_counters")
    return simulator


# --- a database that is right ---


def test_equal(loaded, database):
    before = database.path.read_bytes()
    result = verify(loaded, database)
    assert result.report["same"] is True and result.differences == []
    assert set(result.tables) == set(TABLES)
    assert_sums(result)
    for name, row in result.tables.items():
        assert row["sampled"] == row["equal"] > 0, (name, row)
        assert row["rows"] == len(database.live(name)), name
        assert row["deleted"] == len(database.rows(name)) - len(database.live(name)), name
        assert row["note"] is None and row["failed"] is False
        if name in FULL:
            assert row["whole"] is True and row["sampled"] == row["rows"]
    assert database.path.read_bytes() == before


def test_price_is_said_first_and_kept(loaded, database):
    result = verify(loaded, database)
    stats = loaded.stats()
    assert (result.report["requests"], result.report["tokens"]) == (
        stats["requests"],
        stats["tokens"],
    )
    assert result.report["tokens"] <= result.report["tokens_high"]
    assert result.report["requests"] <= result.report["requests_high"]
    said = re.search(r"at most ([\d,]+) requests for ([\d,]+) tokens", result.stderr)
    assert [int(text.replace(",", "")) for text in said.groups()] == [
        result.report["requests_high"],
        result.report["tokens_high"],
    ]
    # users/me, seven full tables, the newest page of each of eight lists, no more than twice that
    # for v2 lists that are longer than a page, lines, two logs
    assert 2 + 5 * 20 + 2 * 5 + 10 + 20 < result.report["tokens"] < 500


def test_large_lists_cost_no_more_than_announced(simulate, database):
    simulator = simulate(
        *(*SMALL, "--deals", 1200, "--persons", 1300, "--notes", 700, "--files", 400),
        *("--activities", 900, "--organizations", 600, "--products", 450),
    )
    sync(simulator, database.url)
    simulator.advance(3600)
    simulator.admin("reset_counters")
    result = verify(simulator, database, "--sample", 250)
    assert result.differences == []
    assert_sums(result)
    stats = simulator.stats()
    assert result.report["tokens"] == stats["tokens"] <= result.report["tokens_high"]
    assert result.report["requests"] == stats["requests"] <= result.report["requests_high"]
    for name in ("deals", "persons", "activities", "organizations", "products", "notes", "files"):
        row = result.tables[name]
        assert row["whole"] is False and 250 <= row["sampled"] < row["rows"], (name, row)


def test_the_same_seed_asks_the_same(simulate, database):
    simulator = simulate(*SMALL, "--persons", 1300, "--notes", 700)
    sync(simulator, database.url)

    def asked(*more):
        before = simulator.requests(1)[0]["n"]
        verify(simulator, database, "--tables", "persons,notes", *more)
        return [row["query"] for row in simulator.requests() if row["n"] > before]

    assert asked("--seed", 5) == asked("--seed", 5) != asked("--seed", 6)


def test_for_people(loaded, database):
    run = run_penstock(*words(loaded, database), token=loaded.token)
    assert run.returncode == 0
    lines = run.stdout.splitlines()
    assert lines[1].split() == (
        [
            "TABLE",
            "ROWS",
            "DELETED",
            "SAMPLED",
            "EQUAL",
            "DRIFT",
            "NEWER",
            "DIFFERENT",
            "MISSING",
            "GONE",
            "COMPARED",
        ]
    )
    assert [line.split()[0] for line in lines[2 : 2 + len(TABLES)]] == list(TABLES)
    assert re.search(r"--sample 100 --seed \d+$", run.stdout)
    quiet = run_penstock(*words(loaded, database, "--quiet"), token=loaded.token)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


# --- what differs ---


def test_value_changed_by_hand(loaded, database):
    deal = old_id(database, "deals")
    value = database.rows("deals")[deal]["value"]
    change(database, "UPDATE deals SET value = '1234.50' WHERE id = ?", deal)
    result = verify(loaded, database, code=1)
    assert result.found("different") == {("deals", deal, "value")}
    (difference,) = result.differences
    assert float(difference["stored"]) == 1234.5
    assert float(difference["pipedrive"]) == float(value)
    assert result.tables["deals"]["different"] == 1
    assert "sync --all" in result.stderr
    assert_sums(result)

    run = run_penstock(*words(loaded, database, "--tables", "deals"), token=loaded.token)
    assert run.returncode == 1
    assert re.search(rf"deals {deal}, value: stored 1234.5\d*, Pipedrive has ", run.stdout)


def test_every_kind_of_value(loaded, database):
    person = old_id(database, "persons")
    organization = old_id(database, "organizations")
    activity = old_id(database, "activities")
    note = old_id(database, "notes")
    change(database, "UPDATE persons SET emails = '[]' WHERE id = ?", person)
    change(database, "UPDATE persons SET name = name || '!' WHERE id = ?", person)
    change(
        database,
        "UPDATE organizations SET add_time = '2020-01-01 00:00:00' WHERE id = ?",
        organization,
    )
    change(database, "UPDATE activities SET done = 1 - done WHERE id = ?", activity)
    change(database, "UPDATE notes SET content = NULL WHERE id = ?", note)
    result = verify(loaded, database, code=1)
    assert result.found("different") == {
        ("persons", person, "emails"),
        ("persons", person, "name"),
        ("organizations", organization, "add_time"),
        ("activities", activity, "done"),
        ("notes", note, "content"),
    }
    assert result.tables["persons"]["different"] == 1


def test_documents_are_compared_by_value(loaded, database):
    rows = database.query("SELECT id, prices FROM products WHERE prices LIKE '%:%'")
    for row in rows:
        text = json.dumps(
            [dict(reversed(price.items())) for price in json.loads(row["prices"])], indent=1
        )
        change(database, "UPDATE products SET prices = ? WHERE id = ?", text, row["id"])
    assert rows and verify(loaded, database, "--tables", "products").differences == []


def test_custom_field_changed_by_hand(loaded, database):
    columns = list(database.fields("deals").values())
    column, deal = next(
        (column, row["id"])
        for column in columns
        for row in database.query(
            f'SELECT id FROM deals WHERE "{column}" IS NOT NULL AND _deleted_at IS NULL ORDER BY id'
        )[3:]
    )
    change(database, f'UPDATE deals SET "{column}" = NULL WHERE id = ?', deal)
    result = verify(loaded, database, "--tables", "deals", code=1)
    assert result.found("different") == {("deals", deal, column)}
    assert result.differences[0]["stored"] is None


def test_rows_deleted_by_hand(loaded, database):
    gone = {table: old_id(database, table) for table in ("deals", "persons", "notes", "stages")}
    gone["deal_products"] = old_id(database, "deal_products")
    for table, key in gone.items():
        change(database, f"DELETE FROM {table} WHERE id = ?", key)
    result = verify(loaded, database, code=1)
    assert result.found("missing") == {(table, key, None) for table, key in gone.items()}
    for table in gone:
        assert result.tables[table]["missing"] == 1
    assert_sums(result)


def test_row_flagged_by_hand(loaded, database):
    person = old_id(database, "persons")
    change(database, "UPDATE persons SET _deleted_at = '2026-03-04 05:06:07' WHERE id = ?", person)
    result = verify(loaded, database, code=1)
    assert result.found("flagged") == {("persons", person, None)}
    assert result.tables["persons"]["missing"] == 1 and result.tables["persons"]["deleted"] == 1


def test_a_lost_stretch_is_found(simulate, database):
    """Nobody chooses rows that are not stored: pages of the list itself show that they are lost."""
    simulator = simulate(*SMALL, "--persons", 1300)
    sync(simulator, database.url, "--tables", "persons")
    simulator.advance(3600)
    with sqlite3.connect(database.path) as connection:
        connection.execute(
            "DELETE FROM persons WHERE id IN (SELECT id FROM persons ORDER BY update_time LIMIT 900)"
        )
    connection.close()
    found = []
    for seed in range(10):
        run = words(simulator, database, "--json", "--tables", "persons", "--seed", seed)
        run = Verified(run_penstock(*run, token=simulator.token))
        found.append(run.tables["persons"]["missing"])
        assert run.code == (1 if found[-1] else 0)
    assert max(found) == 200  # a page of nothing but lost rows


def test_lost_rows_inside_a_list(simulate, database):
    simulator = simulate(*SMALL, "--persons", 1300)
    sync(simulator, database.url, "--tables", "persons")
    simulator.advance(3600)
    with sqlite3.connect(database.path) as connection:
        connection.execute("DELETE FROM persons WHERE id % 2 = 0")
    connection.close()
    result = verify(simulator, database, "--tables", "persons", code=1)
    assert result.tables["persons"]["missing"] > 50


# --- what is no difference ---


def test_edited_after_the_sync(loaded, database):
    deal, person, stage = (old_id(database, table) for table in ("deals", "persons", "stages"))
    loaded.admin("edit", entity="deals", id=deal, attributes={"title": "new"})
    loaded.admin("edit", entity="persons", id=person, attributes={"name": "new"})
    loaded.admin("edit", entity="stages", id=stage, attributes={"name": "new"})
    added = loaded.admin("add", entity="notes", attributes={"content": "new"})["id"]
    loaded.admin("delete", entity="deals", id=deal + 1)
    result = verify(loaded, database)
    assert result.found("different", "missing", "flagged", "deleted") == set()
    assert result.tables["deals"]["newer"] == 2
    assert result.tables["persons"]["newer"] == 1
    assert result.tables["stages"]["newer"] == 1
    assert result.tables["notes"]["newer"] == 1 and added not in database.rows("notes")
    assert_sums(result)
    sync(loaded, database.url, "--all")
    assert verify(loaded, database).tables["deals"]["newer"] == 0


def test_edit_that_was_lost(loaded, database):
    """update_time moved, and moved within what the sync promises to have read."""
    person = old_id(database, "persons")
    loaded.admin("edit", entity="persons", id=person, attributes={"name": "lost"}, touch=OLD)
    result = verify(loaded, database, code=1)
    assert ("persons", person, "name") in result.found("different")


def test_drift(loaded, database):
    """Counts move without update_time: a full pass brings them, a sync by bookmark cannot."""
    deal, person = old_id(database, "deals"), old_id(database, "persons")
    loaded.admin("edit", entity="deals", id=deal, attributes={"notes_count": 77}, touch=False)
    loaded.admin("edit", entity="persons", id=person, attributes={"name": "x"}, touch=False)
    change(database, "UPDATE deals SET files_count = 55 WHERE id = ?", deal)
    result = verify(loaded, database, code=1)
    assert ("deals", deal, "files_count") in result.found("drift")
    assert result.found("different") == {("persons", person, "name")}
    assert result.tables["deals"]["drifted"] == 1 and result.tables["deals"]["different"] == 0
    assert_sums(result)
    assert verify(loaded, database, "--tables", "deals").report["same"] is True


def test_a_renamed_stage_drifts_in_the_logs(loaded, database):
    """Lines of a log show names as they read today; the values beside them are ids."""
    move = database.query("SELECT * FROM dealflow WHERE field_key = 'stage_id' LIMIT 1")[0]
    loaded.admin("edit", entity="stages", id=int(move["new_value"]), attributes={"name": "other"})
    result = verify(loaded, database, "--tables", "dealflow", "--sample", 2000)
    assert {column for _, _, column in result.found("drift")} == {"additional_data"}
    assert result.tables["dealflow"]["different"] == 0


def test_deleted_in_pipedrive(loaded, database):
    """Lists do not show deleted records: they are gone until a full pass."""
    person = old_id(database, "persons")
    loaded.admin("delete", entity="persons", id=person)
    result = verify(loaded, database)
    assert result.found("gone") == {("persons", person, None)}
    assert result.tables["persons"]["gone"] == 1


def test_archived_meanwhile(loaded, database):
    deal = old_id(database, "deals", "is_archived = 0")
    loaded.set(archive_moves_update_time="off")
    loaded.admin("archive", id=deal)
    result = verify(loaded, database, "--tables", "deals")
    assert {column for _, _, column in result.found("drift")} <= {"is_archived", "archive_time"}
    assert result.tables["deals"]["drifted"] == 1


def test_start_date(simulate, database):
    simulator = simulate(*SMALL)
    sync(simulator, database.url, "--start-date", "2026-09-01")
    simulator.advance(3600)
    result = verify(simulator, database)
    assert result.differences == []
    persons = simulator.truth("persons")
    assert len(database.rows("persons")) < len(persons)


def test_start_date_of_the_options_does_not_matter(loaded, database):
    run = run_penstock(*words(loaded, database, "--start-date", "2026-09-01"), token=loaded.token)
    assert run.returncode == 2  # what was loaded is remembered


def test_new_custom_field(loaded, database):
    loaded.admin("field_add", entity="deals", name="Brand new", type="varchar", fill=100)
    result = verify(loaded, database, "--tables", "deals")
    assert result.found("different") == set()
    assert result.report["tokens"] <= result.report["tokens_high"]


@pytest.mark.parametrize("mode", ["keys", "json"])
def test_custom_fields_mode(simulate, database, mode):
    simulator = simulate(*SMALL)
    sync(simulator, database.url, "--tables", "deals,persons", "--custom-fields", mode)
    result = verify(simulator, database, "--tables", "deals,persons")
    assert result.differences == [] and result.tables["deals"]["equal"] > 100


@pytest.mark.parametrize("mode", ["stages", "all"])
def test_logs(simulate, database, mode):
    simulator = simulate(*SMALL)
    sync(simulator, database.url, "--tables", "deals,dealflow", "--dealflow", mode)
    simulator.advance(3600)
    loaded = {row["item_id"] for row in database.query("SELECT item_id FROM dealflow")}
    # edited, synced: with `stages` such lines are not read
    for deal in sorted(loaded):
        simulator.admin("edit", entity="deals", id=deal, attributes={"title": "again"})
    simulator.advance(3600)
    sync(simulator, database.url, "--all", "--tables", "deals,dealflow", "--dealflow", mode)
    simulator.advance(3600)
    more = ("--tables", "dealflow", "--dealflow", mode, "--sample", 500)
    result = verify(simulator, database, *more)
    assert result.tables["dealflow"]["newer"] == (0 if mode == "all" else 10)
    assert result.tables["dealflow"]["equal"] > 10

    with sqlite3.connect(database.path) as connection:
        connection.execute(
            "DELETE FROM dealflow WHERE id IN (SELECT min(id) FROM dealflow GROUP BY item_id)"
        )
    connection.close()
    result = verify(simulator, database, *more, code=1)
    assert result.tables["dealflow"]["missing"] == 10


def test_deals_that_wait_for_their_lines(loaded, database):
    deal = database.query("SELECT deal_id FROM deal_products ORDER BY id LIMIT 1")[0]["deal_id"]
    product = database.query("SELECT id FROM products WHERE _deleted_at IS NULL LIMIT 1")[0]["id"]
    loaded.admin("line_add", deal=deal, product=product)
    result = verify(loaded, database, "--tables", "deal_products", "--sample", 1000)
    assert result.tables["deal_products"]["newer"] == 1
    assert result.differences == []


# --- what cannot be compared ---


def test_nothing_loaded(simulate, database):
    simulator = simulate(*SMALL)
    result = verify(simulator, database)
    assert all(row["note"] == "never loaded" for row in result.tables.values())
    assert result.report["tokens"] == 2
    assert not database.path.exists()
    run = run_penstock(*words(simulator, database), token=simulator.token)
    assert run.stdout.splitlines()[0].endswith(": nothing was compared")


def test_first_load_under_way(simulate, database):
    simulator = simulate(*SMALL, "--persons", 1300)
    simulator.fault("status", status=401, path="/api/v2/persons", nth=3, count=0)
    sync(simulator, database.url, "--tables", "persons", code=4)
    simulator.admin("faults_clear")
    result = verify(simulator, database, "--tables", "persons")
    assert "first load" in result.tables["persons"]["note"]
    assert result.report["tokens"] == 2


def test_token_and_budget(loaded, database):
    run = run_penstock(*words(loaded, database), token="0" * 40)
    assert run.returncode == 4 and "401" in run.stderr
    loaded.fault("daily429", path="/api/v2/persons", count=0)
    run = run_penstock(*words(loaded, database), token=loaded.token)
    assert run.returncode == 75


def test_another_company(simulate, database):
    simulator = simulate(*SMALL, "--companies", 2)
    sync(simulator, database.url, "--tables", "stages")
    token = simulator.companies[1]["token"]
    run = run_penstock(*words(simulator, database), token=token)
    assert run.returncode == 2 and "company" in run.stderr


def test_one_table_that_cannot_be_read(loaded, database):
    loaded.fault("status", status=403, path="/api/v1/notes", count=0)
    result = verify(loaded, database, code=1)
    assert result.tables["notes"]["failed"] is True and "403" in result.tables["notes"]["note"]
    assert result.tables["files"]["equal"] > 0
    assert "notes was not compared: " in result.stderr and "not the same" not in result.stderr
    run = run_penstock(*words(loaded, database), token=loaded.token)
    assert run.stdout.splitlines()[0].endswith(": not every table was compared")


def test_cron_is_told_which_tables(loaded, database):
    """With -q nothing but the message is there to read."""
    deals = [old_id(database, "deals", f"id > {above}") for above in (0, 10)]
    for deal in deals:
        change(database, "UPDATE deals SET title = 'mine' WHERE id = ?", deal)
    change(database, "DELETE FROM notes WHERE id = ?", old_id(database, "notes"))
    loaded.fault("status", status=403, path="/api/v1/files", count=0)
    run = run_penstock(*words(loaded, database, "-q", "--sample", 2000), token=loaded.token)
    assert (run.returncode, run.stdout) == (1, "")
    failed, different = run.stderr.splitlines()
    assert failed.startswith("penstock: default: files was not compared: ") and "403" in failed
    assert ": deals (2 different), notes (1 missing): run penstock" in different
    assert "refresh" in different


def test_beside_a_sync(loaded, database):
    """A writer holds the lock all the while."""
    writer = sqlite3.connect(database.path)
    writer.execute("BEGIN IMMEDIATE")
    assert verify(loaded, database).report["same"] is True
    writer.rollback()
    writer.close()


def test_secrets_stay_secret(loaded, database):
    run = run_penstock(*words(loaded, database, "-vv"), token=loaded.token)
    assert loaded.token not in run.stdout + run.stderr


@pytest.mark.parametrize("style", ["stitch", "none"])
def test_other_metadata_columns(simulate, database, style):
    simulator = simulate(*SMALL)
    more = ("--tables", "deals,persons,stages")
    sync(simulator, database.url, *more, "--metadata-columns", style)
    simulator.advance(3600)
    result = verify(simulator, database, *more)
    assert result.differences == [] and result.tables["deals"]["equal"] > 100
    change(database, "DELETE FROM persons WHERE id = (SELECT min(id) FROM persons)")
    assert verify(simulator, database, *more, code=1).tables["persons"]["missing"] == 1


@pytest.mark.parametrize("deletes", ["flag", "remove", "ignore"])
def test_deletes(simulate, database, deletes):
    simulator = simulate(*SMALL, "--deleted-deals", 10)
    more = ("--tables", "deals,deal_products", "--deletes", deletes)
    sync(simulator, database.url, *more)
    for deal in sorted(database.live("deals"))[5:8]:
        simulator.admin("delete", entity="deals", id=deal)
    simulator.advance(3600)
    sync(simulator, database.url, "--all", *more)
    simulator.advance(3600)
    result = verify(simulator, database, *more)
    assert result.found("different", "missing", "flagged", "deleted") == set()
    assert result.tables["deals"]["equal"] > 100


def test_refresh_brings_drift_and_what_is_gone(loaded, database):
    person, deal = old_id(database, "persons"), old_id(database, "deals")
    loaded.admin("delete", entity="persons", id=person)
    change(database, "UPDATE deals SET files_count = 55 WHERE id = ?", deal)
    result = verify(loaded, database)
    assert result.found("gone") == {("persons", person, None)}
    assert result.found("drift") == {("deals", deal, "files_count")}
    words = ("--to", database.url, "--api-url", loaded.url)
    assert run_penstock("refresh", *words, token=loaded.token).returncode == 0
    loaded.advance(3600)
    assert verify(loaded, database).differences == []
