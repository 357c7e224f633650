"""What the state remembers, and the promises about versions and exact values that rest on it."""

import contextlib
import re
import sqlite3

import pytest
from harness import QUICK, TABLES, assert_equals_truth, run_penstock, sync
from section4 import PATHS, Between, company
from stores import DESTINATIONS, open_store

ROWS = dict.fromkeys(
    ("activities", "deals", "persons", "organizations", "products", "notes", "files"), 30
)
LOADED = [*ROWS, "pipelines", "deal_fields", "users", "deal_products", "dealflow"]


def by_hand(database, *statements):
    """What a person does to the database behind our back."""
    connection = sqlite3.connect(database.path)
    for statement, *values in statements:
        connection.execute(statement, values)
    connection.commit()
    connection.close()


def load(simulate, database, *options, tables=TABLES, **rows):
    simulator = simulate(*company(*options, **(rows or ROWS)))
    sync(simulator, database.url, "--tables", ",".join(tables))
    return simulator


# --- whose database it is ---


def test_another_companys_token_is_refused(simulate, database):
    simulator = simulate(*QUICK, "--companies", 2)
    sync(simulator, database.url, "--tables", "persons,pipelines")
    before = database.snapshot(without=()), database.state()
    other = simulator.companies[1]["token"]
    result = sync(simulator, database.url, token=other, code=2)
    for company_id in (7001, 7002):
        assert str(company_id) in result.stderr
    assert (database.snapshot(without=()), database.state()) == before
    assert database.columns("deals") == []
    check = run_penstock("check", "--to", database.url, "--api-url", simulator.url, token=other)
    assert check.returncode == 2 and "another company" in check.stderr
    sync(simulator, database.url, "--tables", "persons,pipelines")


def test_the_company_the_user_and_access_are_remembered(simulate, database):
    simulator = load(simulate, database, tables=["pipelines"])
    remembered = database.state()["connection"]
    assert remembered["company_id"] == 7001
    assert remembered["user_id"] == simulator.companies[0]["user_id"]
    assert {each["app"] for each in remembered["access"]} >= {"global", "sales"}


def test_another_user_of_the_company_is_welcome_and_warned_about(simulate, database):
    simulator = load(simulate, database, tables=["persons"])
    result = sync(simulator, database.url, "--tables", "persons", token=simulator.member_token)
    assert "not an administrator" in result.stderr
    assert_equals_truth(simulator, database, ["persons"])


# --- tables that are no longer what they were ---


def dropped(table):
    return [(f'DROP TABLE "{table}"',)]


def truncated(table):
    return [(f'DELETE FROM "{table}"',)]


def shortened(table):
    return [(f'DELETE FROM "{table}" WHERE id IN (SELECT id FROM "{table}" LIMIT 2)',)]


def replaced(table, database):
    """Somebody's copy, of the same columns."""
    sql = database.query("SELECT sql FROM sqlite_master WHERE name = ?", table)[0]["sql"]
    create = re.sub(r"/\*.*?\*/", "", sql, flags=re.DOTALL)
    create = re.sub(r'CREATE TABLE\s+("?)' + table + r'("?)', r"CREATE TABLE copy", create, count=1)
    return [
        (create,),
        (f'INSERT INTO copy SELECT * FROM "{table}" WHERE id % 2 = 0',),
        (f'DROP TABLE "{table}"',),
        (f'ALTER TABLE copy RENAME TO "{table}"',),
    ]


@pytest.mark.parametrize("what", [dropped, truncated, shortened, replaced])
def test_a_table_that_changed_behind_our_back_is_loaded_anew_with_a_warning(
    simulate, database, what
):
    simulator = load(simulate, database)
    assert set(LOADED) <= {table for table in TABLES if database.rows(table)}
    simulator.advance(3600)
    for table in LOADED:
        before = database.snapshot([each for each in TABLES if each != table], without=())
        by_hand(database, *(what(table, database) if what is replaced else what(table)))
        result = sync(simulator, database.url)
        warnings = [line for line in result.stderr.splitlines() if "loaded anew" in line]
        assert len(warnings) == 1 and table in warnings[0], result
        assert_equals_truth(simulator, database, [table])
        # The others are left as they are, and the next run finds all as it should be.
        assert database.snapshot(before, without=()) == before
        result = sync(simulator, database.url)
        assert "loaded anew" not in result.stderr and result.rows() == {}, table


def test_a_table_that_lost_nothing_is_not_loaded_anew(simulate, database):
    simulator = load(simulate, database)
    for entity in ("persons", "notes"):
        simulator.admin("delete", entity=entity, id=1)
    simulator.admin("delete", entity="deals", id=next(iter(database.live("deals"))))
    by_hand(database, ("VACUUM",), ("UPDATE persons SET name = NULL WHERE id = 2",))
    assert "loaded anew" not in sync(simulator, database.url).stderr


def test_a_column_that_a_person_added_is_left_alone(simulate, database):
    simulator = simulate(*company(persons=30))
    key = simulator.admin("field_add", entity="persons", name="Size", type="double")["key"]
    simulator.admin("edit", entity="persons", id=1, raw={key: "0.30000000000000004"})
    sync(simulator, database.url, "--tables", "persons")
    by_hand(
        database,
        ("ALTER TABLE persons ADD COLUMN score TEXT DEFAULT 'none'",),
        ("ALTER TABLE persons ADD COLUMN Comment INTEGER",),
        ("UPDATE persons SET score = 'A' || id, Comment = 7 WHERE id <= 10",),
    )
    mine = database.query("SELECT id, score, Comment FROM persons ORDER BY id")

    def unchanged():
        found = database.query("SELECT id, score, Comment FROM persons ORDER BY id")
        return found[: len(mine)] == mine

    simulator.admin("bulk", entity="persons", count=30)
    sync(simulator, database.url, "--tables", "persons")
    assert unchanged()
    # also when a type is widened, which may rebuild the table
    simulator.admin("field_type", entity="persons", key=key, type="varchar")
    simulator.admin("field_add", entity="persons", name="Another", type="monetary")
    simulator.advance(86400)
    simulator.admin("edit", entity="persons", id=2, raw={key: '"big"'})
    sync(simulator, database.url, "--tables", "persons")
    assert unchanged()
    assert database.rows("persons")[1]["size"] == "0.30000000000000004"
    assert database.rows("persons")[2]["size"] == "big"


def test_a_new_field_does_not_take_a_column_that_a_person_added(simulate, database):
    simulator = load(simulate, database, tables=["persons"], persons=10)
    by_hand(
        database,
        ("ALTER TABLE persons ADD COLUMN score TEXT",),
        ("UPDATE persons SET score = 'mine'",),
    )
    key = simulator.admin("field_add", entity="persons", name="Score", type="varchar")["key"]
    simulator.advance(60)
    simulator.admin("edit", entity="persons", id=1, raw={key: '"theirs"'})
    sync(simulator, database.url, "--tables", "persons")
    assert {row["score"] for row in database.rows("persons").values()} == {"mine"}
    assert database.rows("persons")[1][database.fields("persons")[key, ""]] == "theirs"


# --- what is written ---


def test_an_identical_reread_writes_nothing(simulate, database):
    simulator = simulate(*QUICK, "--custom-fields", 34, "--null-update-time", 2)
    sync(simulator, database.url)
    before = database.snapshot(without=())
    for words in (("--all",), ()):
        simulator.advance(3600)
        result = sync(simulator, database.url, *words)
        assert result.rows() == {}
        assert database.snapshot(without=()) == before  # _synced_at and _run_id included


@pytest.mark.parametrize(
    "table, column",
    [("persons", "name"), ("deals", "title"), ("notes", "content"), ("products", "name")],
)
def test_an_older_version_never_overwrites(simulate, database, table, column):
    simulator = load(simulate, database, tables=[table])
    times = {"older": "2030-01-01 00:00:00", "equal": None, "unknown": "NULL"}
    ids = dict(zip(times, list(database.live(table))[:3], strict=True))
    now = simulator.now().replace("T", " ").replace("Z", "")
    for name, id in ids.items():
        simulator.admin("edit", entity=table, id=id)
        stored = times[name] or now
        by_hand(
            database,
            (
                f'UPDATE "{table}" SET "{column}" = ?, update_time = ? WHERE id = ?',
                "by hand",
                None if stored == "NULL" else stored,
                id,
            ),
        )
    sync(simulator, database.url, "--tables", table)
    rows = database.rows(table)
    assert rows[ids["older"]][column] == "by hand"
    assert rows[ids["older"]]["update_time"] == "2030-01-01 00:00:00"
    truth = {row["id"]: row[column] for row in simulator.truth(table)}
    for name in ("equal", "unknown"):
        assert rows[ids[name]][column] == truth[ids[name]]


EXACT = [
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "0.30000000000000004",
    "12345678901234.567",
    "0.1",
    "1e3",
    "123456789012345678901234567890",
    "3.14159265358979323846264338327950288",
]


def test_values_arrive_as_sent(simulate, database):
    simulator = simulate(*company(deals=len(EXACT) + 3))
    key = simulator.admin("field_add", entity="deals", name="Size", type="double")["key"]
    ids = [row["id"] for row in simulator.truth("deals")]
    for id, literal in zip(ids, EXACT, strict=False):
        simulator.admin("edit", entity="deals", id=id, raw={"value": literal, key: literal})
    result = sync(simulator, database.url, "--tables", "deals")
    assert result.tables["deals"]["rejected"] == 0
    rows = database.rows("deals")
    for id, literal in zip(ids, EXACT, strict=False):
        for column in ("value", "size"):
            found = rows[id][column]
            digits = repr(found) if isinstance(found, float) else str(found)
            assert digits == literal or (literal == "1e3" and float(digits) == 1000.0)
    assert_equals_truth(simulator, database, ["deals"])


@pytest.mark.parametrize(
    "column, literal",
    [
        ("channel", "9223372036854775808"),
        ("channel", "99.5"),
        ("channel", "1e2"),
        ("channel", '"many"'),
        ("expected_close_date", '"2026-02-29"'),
        ("value", '"twelve"'),
        ("title", '{"a":[1,2.50]}'),
    ],
)
def test_a_value_that_does_not_fit_is_kept_in_extra_and_counted(
    simulate, database, column, literal
):
    simulator = simulate(*company(deals=5))
    id = simulator.truth("deals")[1]["id"]
    simulator.admin("edit", entity="deals", id=id, raw={column: literal})
    result = sync(simulator, database.url, "--tables", "deals")
    row = database.rows("deals")[id]
    assert row[column] is None
    assert re.sub(r"\s", "", row["_extra"]) == f'{{"{column}":{literal}}}'
    # The list of archived deals is read twice; this one is not archived.
    assert result.tables["deals"]["rejected"] == 1
    runs = database.query("SELECT rejected FROM _penstock_runs WHERE \"table\" = 'deals'")
    assert [each["rejected"] for each in runs] == [1]

    simulator.advance(60)
    simulator.admin("edit", entity="deals", id=id, raw={column: "null"})
    sync(simulator, database.url, "--tables", "deals")
    assert database.rows("deals")[id]["_extra"] is None


# Numbers that a database has no digits for, and what _extra holds: PostgreSQL's documents would
# have to hold them as its columns.
TOO_LONG = {
    "mysql": ("1" * 41, "1" * 41),
    "postgres": ("1e140000", '"1e140000"'),
}


@pytest.mark.parametrize("kind", [kind for kind in DESTINATIONS if kind in TOO_LONG])
def test_a_value_that_only_this_database_cannot_hold_is_counted_too(simulate, tmp_path, kind):
    literal, kept = TOO_LONG[kind]
    simulator = simulate(*company(deals=1200))
    ids = [row["id"] for row in simulator.truth("deals") if not row["is_archived"]]
    # one in the first page, one in the last, and one that no database has a column for
    for id, values in (
        (ids[0], {"value": literal}),
        (ids[-1], {"value": literal}),
        (ids[1], {"channel": literal}),
    ):
        simulator.admin("edit", entity="deals", id=id, raw=values)
    with contextlib.closing(open_store(kind, tmp_path)) as store:
        database = store.fresh()
        result = sync(simulator, database.url, "--tables", "deals")
        rows = database.rows("deals")
        for id in (ids[0], ids[-1]):
            assert rows[id]["value"] is None
            assert re.sub(r"\s", "", rows[id]["_extra"]) == f'{{"value":{kept}}}'
        assert re.sub(r"\s", "", rows[ids[1]]["_extra"]) == f'{{"channel":{kept}}}'
        assert result.tables["deals"]["rejected"] == 3
        runs = database.query("SELECT rejected FROM _penstock_runs WHERE \"table\" = 'deals'")
        assert [each["rejected"] for each in runs] == [3]


def test_unknown_keys_are_kept_in_extra(simulate, database):
    simulator = simulate(*company(persons=5))
    news = '"shoe_size":44.50,"more":{"a":[1,9007199254740993]},"nothing":null,'

    def newer_api(body):
        return body.replace(b'"data":[{', b'"data":[{' + news.encode(), 1)

    with Between(simulator, PATHS["persons"], rewrite=newer_api) as between:
        sync(between, database.url, "--tables", "persons")
    extra = [row["_extra"] for row in database.rows("persons").values() if row["_extra"]]
    assert extra == ['{"shoe_size":44.50,"more":{"a":[1,9007199254740993]}}']
    assert "shoe_size" not in database.columns("persons")
