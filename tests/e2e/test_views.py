"""Readable views: what they show, that they follow the tables, and that they stand in nobody's way.

Expected values come from the simulator's truth."""

import itertools
import sqlite3

import pytest
from harness import TABLES, Sqlite, parse, run_penstock, start_sync, sync
from section4 import asked, company

DAY = 86400


def views(database, *words, code=0):
    """What `views --json` said, with the views by their table."""
    done = run_penstock("views", "--to", database.url, "--json", *words)
    assert done.returncode == code, done
    report = parse(done.stdout) if done.stdout else {"views": []}
    report["views"] = {row["table"]: row for row in report["views"]}
    report["stderr"] = done.stderr
    return report


def names(database, kind="view"):
    rows = database.query("SELECT name FROM sqlite_schema WHERE type = ?", kind)
    return {row["name"] for row in rows}


def view(database, table):
    """id → row."""
    return {row["id"]: row for row in database.query(f'SELECT * FROM "{table}_view"')}


def columns(database, table):
    return [row["name"] for row in database.query(f"PRAGMA table_info('{table}_view')")]


def alive(rows):
    return {row["id"]: row for row in rows if not row.get("is_deleted")}


def by_id(rows, column="name"):
    return {row["id"]: row[column] for row in rows}


def add(simulator, table, name, type, **more):
    return simulator.admin("field_add", entity=table, name=name, type=type, **more)["key"]


def put(simulator, table, id, **raw):
    simulator.advance(60)
    simulator.admin("edit", entity=table, id=id, raw=raw)


def option_ids(simulator, table, key):
    """Label → id."""
    for row in simulator.truth({"deals": "deal_fields", "persons": "person_fields"}[table]):
        if row["key"] == key:
            return {each["label"]: each["id"] for each in row["options"]}


# --- what they show ---


def test_names_behind_ids(simulate, database):
    simulator = simulate(
        *company(deals=60, persons=30, organizations=15, activities=30, deleted_deals=20)
    )
    sync(simulator, database.url)
    views(database)
    users = by_id(simulator.truth("users"))
    stages, pipelines = by_id(simulator.truth("stages")), by_id(simulator.truth("pipelines"))
    orgs, persons = by_id(simulator.truth("organizations")), by_id(simulator.truth("persons"))
    truth = alive(simulator.truth("deals"))
    rows = view(database, "deals")
    assert set(rows) == set(truth) == set(database.live("deals"))
    for id, row in rows.items():
        deal = truth[id]
        assert row["owner_id"] == deal["owner_id"]
        assert row["owner_name"] == users.get(deal["owner_id"])
        assert row["creator_name"] == users.get(deal["creator_user_id"])
        assert row["stage_name"] == stages[deal["stage_id"]]
        assert row["pipeline_name"] == pipelines[deal["pipeline_id"]]
        assert row["org_name"] == orgs.get(deal["org_id"])
        assert row["person_name"] == persons.get(deal["person_id"])
    types = {row["key_string"]: row["name"] for row in simulator.truth("activity_types")}
    deals = by_id(simulator.truth("deals"), "title")
    for row in view(database, "activities").values():
        assert row["type_name"] == types.get(row["type"])
        assert row["deal_title"] == deals.get(row["deal_id"])


def test_a_view_has_the_columns_of_its_table(simulate, database):
    simulator = simulate(*company(custom_fields=20, **dict.fromkeys(TABLES[7:12], 5)))
    sync(simulator, database.url)
    report = views(database)
    assert set(report["views"]) == set(TABLES)
    for table in TABLES:
        shown, own = columns(database, table), database.columns(table)
        assert report["views"][table]["columns"] == len(shown)
        assert [name for name in shown if name in own] == [n for n in own if n[0] != "_"]


def primary(entries):
    """Of a list of e-mails or phones."""
    found = [entry for entry in entries if entry["value"]]
    first = [entry for entry in found if entry["primary"]] + found
    return first[0]["value"] if first else None


def test_primary_email_and_phone(simulate, database):
    simulator = simulate(*company(persons=60))
    for id, emails in enumerate(('[{"value":"","primary":true}]', "[]", "null"), 1):
        put(simulator, "persons", id, emails=emails)
    put(
        *(simulator, "persons", 4),
        phones='[{"value":"1","primary":false},{"value":"2","primary":true}]',
    )
    sync(simulator, database.url, "--tables", "persons")
    views(database)
    truth = alive(simulator.truth("persons"))
    rows = view(database, "persons")
    assert set(rows) == set(truth)
    for id, row in rows.items():
        assert row["primary_email"] == primary(truth[id]["emails"] or [])
        assert row["primary_phone"] == primary(truth[id]["phones"] or [])
    assert rows[4]["primary_phone"] == "2"
    assert any(row["primary_email"] for row in rows.values())


def test_labels_follow_their_options(simulate, database):
    simulator = simulate(*company(persons=5))
    one = add(simulator, "persons", "Choice", "enum", options=["One", "Two", "Three"])
    many = add(simulator, "persons", "Many", "set", options=["Red", "Green", "Blue"])
    ids, colours = option_ids(simulator, "persons", one), option_ids(simulator, "persons", many)
    put(simulator, "persons", 1, **{one: str(ids["One"])})
    put(simulator, "persons", 2, **{one: str(ids["Two"])})
    put(simulator, "persons", 1, **{many: f"[{colours['Blue']},{colours['Red']}]"})
    put(simulator, "persons", 2, **{many: f"[{colours['Green']}]"})
    put(simulator, "persons", 3, **{many: "[]"})
    sync(simulator, database.url, "--tables", "persons")
    assert views(database)["views"]["persons"]["labels"] >= 4  # visible_to, label_ids too
    rows = view(database, "persons")
    assert [rows[id]["choice_label"] for id in (1, 2, 3)] == ["One", "Two", None]
    assert [rows[id]["many_label"] for id in (1, 2, 3)] == ["Blue, Red", "Green", None]
    assert [rows[id]["choice"] for id in (1, 2)] == [ids["One"], ids["Two"]]
    text = database.query("SELECT sql FROM sqlite_schema WHERE name = 'persons_view'")

    simulator.admin("option_relabel", entity="persons", key=one, id=ids["One"], label="Eins")
    simulator.admin("option_remove", entity="persons", key=one, id=ids["Two"])
    simulator.admin("option_remove", entity="persons", key=many, id=colours["Red"])
    simulator.advance(DAY)
    sync(simulator, database.url, "--tables", "persons")
    rows = view(database, "persons")
    assert [rows[id]["choice_label"] for id in (1, 2)] == ["Eins", "Two"]
    assert rows[1]["many_label"] == "Blue, Red"
    # No view changed for it.
    assert text == database.query("SELECT sql FROM sqlite_schema WHERE name = 'persons_view'")
    deleted = database.query(
        "SELECT label FROM _penstock_options WHERE table_name = 'persons' AND is_deleted = 1 "
        "AND column_name IN ('choice', 'many') ORDER BY label"
    )
    assert [row["label"] for row in deleted] == ["Red", "Two"]


def test_labels_of_standard_fields(simulate, database):
    simulator = simulate(*company(deals=40))
    sync(simulator, database.url, "--tables", "deals")
    views(database)
    fields = {row["key"]: row for row in simulator.truth("deal_fields")}
    labels = {each["id"]: each["label"] for each in fields["label"]["options"]}
    visible = {each["id"]: each["label"] for each in fields["visible_to"]["options"]}
    truth = alive(simulator.truth("deals"))
    for id, row in view(database, "deals").items():
        ids = truth[id]["label_ids"]
        assert row["labels"] == (", ".join(labels[each] for each in ids) if ids else None)
        level = truth[id]["visible_to"]  # some have no label
        assert row["visible_to_label"] == visible.get(level, str(level))


def test_custom_fields_that_name_somebody(simulate, database):
    simulator = simulate(*company(deals=5, organizations=5))
    user = add(simulator, "deals", "Engineer", "user")
    org = add(simulator, "deals", "Partner", "org")
    someone, firm = simulator.truth("users")[0], simulator.truth("organizations")[1]
    put(simulator, "deals", 1, **{user: str(someone["id"]), org: str(firm["id"])})
    sync(simulator, database.url)
    views(database)
    row = view(database, "deals")[1]
    assert (row["engineer_name"], row["partner_name"]) == (someone["name"], firm["name"])


def test_without_a_token_and_without_a_call(simulate, database):
    simulator = simulate(*company(deals=5))
    sync(simulator, database.url)
    simulator.admin("reset_counters")
    views(database)
    views(database, "--drop")
    assert asked(simulator) == {}


# --- they follow the tables ---


def test_a_new_field_is_shown_by_the_sync_that_brings_it(simulate, database):
    simulator = simulate(*company(persons=5))
    sync(simulator, database.url, "--tables", "persons")
    views(database)
    key = add(simulator, "persons", "Brand new", "enum", options=["One"])
    put(simulator, "persons", 1, **{key: str(option_ids(simulator, "persons", key)["One"])})
    sync(simulator, database.url, "--tables", "persons")
    assert view(database, "persons")[1]["brand_new_label"] == "One"


@pytest.mark.parametrize(
    "types, values, labels",
    [
        (("enum", "set"), ("{0}", "[{0},{1}]"), ("One", "One, Two")),
        (("set", "enum"), ("[{1},{0}]", "{1}"), ("Two, One", "Two")),
        (("enum", "varchar"), ("{0}", '"words"'), ("One", "words")),
    ],
)
def test_a_change_of_type_is_not_held_up(simulate, database, types, values, labels):
    simulator = simulate(*company(persons=20))
    key = add(simulator, "persons", "Field", types[0], options=["One", "Two"])
    ids = option_ids(simulator, "persons", key)
    values = [value.format(ids["One"], ids["Two"]) for value in values]
    put(simulator, "persons", 1, **{key: values[0]})
    simulator.advance(300)
    sync(simulator, database.url, "--tables", "persons")
    views(database)
    assert view(database, "persons")[1]["field_label"] == labels[0]
    more = {"options": ["One", "Two"]} if types[1] != "varchar" else {}
    simulator.admin("field_type", entity="persons", key=key, type=types[1], **more)
    new = option_ids(simulator, "persons", key) or {}
    for label, id in ids.items():  # the ids of the second kind of choice may be others
        values[1] = values[1].replace(str(id), str(new.get(label, id)))
    put(simulator, "persons", 2, **{key: values[1]})
    simulator.advance(DAY)
    result = sync(simulator, database.url, "--tables", "persons")
    assert result.tables["persons"]["rejected"] == 0
    rows = view(database, "persons")
    assert (rows[1]["field_label"], rows[2]["field_label"]) == labels


def test_numbers_that_become_text(simulate, database):
    simulator = simulate(*company(persons=20))
    key = add(simulator, "persons", "Size", "double")
    put(simulator, "persons", 1, **{key: "0.30000000000000004"})
    sync(simulator, database.url, "--tables", "persons")
    views(database)
    simulator.admin("field_type", entity="persons", key=key, type="varchar")
    put(simulator, "persons", 2, **{key: '"n/a"'})
    simulator.advance(DAY)
    sync(simulator, database.url, "--tables", "persons")
    rows = view(database, "persons")
    assert [str(rows[id]["size"]) for id in (1, 2)] == ["0.30000000000000004", "n/a"]


def test_a_table_that_comes_later_brings_its_names(simulate, database):
    simulator = simulate(*company(deals=10))
    sync(simulator, database.url, "--tables", "deals")
    assert set(views(database)["views"]) == {"deals"}
    assert "owner_name" not in columns(database, "deals")
    sync(simulator, database.url, "--tables", "deals,users")
    users = by_id(simulator.truth("users"))
    assert names(database) == {"deals_view", "users_view"}
    for row in view(database, "deals").values():
        assert row["owner_name"] == users[row["owner_id"]]


def test_a_view_that_a_hand_dropped_comes_back(simulate, database):
    simulator = simulate(*company(deals=5))
    sync(simulator, database.url, "--tables", "deals")
    views(database)
    with sqlite3.connect(database.path) as connection:
        connection.execute("DROP VIEW deals_view")
    connection.close()
    sync(simulator, database.url, "--tables", "deals")
    assert names(database) == {"deals_view"}


def test_fields_as_json(simulate, database):
    simulator = simulate(*company(persons=5, custom_fields=5))
    sync(simulator, database.url, "--tables", "persons", "--custom-fields", "json")
    views(database)
    truth = alive(simulator.truth("persons"))
    for id, row in view(database, "persons").items():
        assert parse(row["custom_fields"]) == truth[id]["custom_fields"]


@pytest.mark.parametrize("point", ("prepared", "before-commit", "after-commit"))
def test_a_kill_in_the_middle_of_a_change(simulate, tmp_path, point):
    simulator = simulate(*company(persons=5, deals=5))
    loaded = Sqlite(tmp_path / "loaded.db")
    sync(simulator, loaded.url, "--tables", "persons,deals,users")
    views(loaded)
    before = columns(loaded, "persons")
    key = add(simulator, "persons", "Brand new", "varchar")
    put(simulator, "persons", 1, **{key: '"x"'})
    for n in itertools.count(1):
        database = Sqlite(tmp_path / f"{n}.db")
        with sqlite3.connect(loaded.path) as source, sqlite3.connect(database.path) as copy:
            source.backup(copy)
        source.close()
        copy.close()
        process = start_sync(
            simulator,
            database.url,
            *("--tables", "persons,deals,users"),
            env={"PENSTOCK_FAULT": f"{point}:{n}"},
        )
        process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -9, f"{point}:{n}"
        assert columns(database, "persons") in (before, [*before, "brand_new"])
        assert len(view(database, "persons")) == 5
        sync(simulator, database.url, "--tables", "persons,deals,users")
        assert view(database, "persons")[1]["brand_new"] == "x"
        assert names(database) == names(loaded)
        database.check()
    assert n > 2


# --- reset, and the end ---


def test_reset_of_a_table_takes_its_view_and_its_names(simulate, database):
    simulator = simulate(*company(deals=10, persons=10))
    sync(simulator, database.url)
    views(database)
    before = {table: columns(database, table) for table in TABLES}
    done = run_penstock("reset", "default", "persons", "--yes", "--to", database.url)
    assert done.returncode == 0
    assert "persons_view" not in names(database)
    assert len(view(database, "deals")) == 10
    assert "person_name" not in columns(database, "deals")
    sync(simulator, database.url)
    assert {table: columns(database, table) for table in TABLES} == before


def test_views_come_back_after_a_reset_of_everything(simulate, database):
    simulator = simulate(*company(deals=10))
    key = add(simulator, "deals", "Choice", "enum", options=["One"])
    put(simulator, "deals", 1, **{key: str(option_ids(simulator, "deals", key)["One"])})
    sync(simulator, database.url)
    views(database)
    assert run_penstock("reset", "default", "--yes", "--to", database.url).returncode == 0
    assert names(database) == set()
    sync(simulator, database.url)
    assert names(database) == {f"{table}_view" for table in TABLES}
    assert view(database, "deals")[1]["choice_label"] == "One"


def test_drop_ends_it(simulate, database):
    simulator = simulate(*company(deals=5))
    sync(simulator, database.url, "--tables", "deals,users")
    views(database)
    assert views(database, "--drop")["dropped"] == 2
    sync(simulator, database.url, "--tables", "deals,users", "--all")
    assert names(database) == set()
    assert views(database, "--drop")["dropped"] == 0


# --- where they cannot be ---


def test_nothing_to_look_at(database):
    report = views(database, code=2)
    assert "run penstock sync first" in report["stderr"]
    assert not database.path.exists()
    assert views(database, "--drop")["dropped"] == 0


def test_somebody_elses_view_of_that_name(simulate, database):
    simulator = simulate(*company(deals=5))
    sync(simulator, database.url, "--tables", "deals,users")
    with sqlite3.connect(database.path) as connection:
        connection.execute("CREATE VIEW deals_view AS SELECT 'mine' AS id")
    connection.close()
    report = views(database, code=2)
    assert "view deals_view: somebody else's" in report["stderr"]
    assert "rename it" in report["stderr"]
    assert set(report["views"]) == {"users"}
    result = sync(simulator, database.url, "--tables", "deals,users", "--all")
    assert result.stderr.count("view deals_view: somebody else's") == 1
    assert database.query("SELECT * FROM deals_view") == [{"id": "mine"}]
    assert views(database, "--drop")["dropped"] == 1
    assert database.query("SELECT * FROM deals_view") == [{"id": "mine"}]


def test_beside_another_connection(simulate, tmp_path):
    simulator = simulate(*company(deals=5))
    plain, acme = Sqlite(tmp_path / "crm.db"), Sqlite(tmp_path / "crm.db", "acme_")
    for words in ((), ("--schema", "acme")):
        sync(simulator, plain.url, "--tables", "deals,users", *words)
    views(acme, "--schema", "acme")
    assert names(plain) == {"acme_deals_view", "acme_users_view"}
    rows = plain.query("SELECT owner_name FROM acme_deals_view")
    assert len(rows) == 5 and all(row["owner_name"] for row in rows)
    views(plain)
    views(acme, "--schema", "acme", "--drop")
    assert names(plain) == {"deals_view", "users_view"}
