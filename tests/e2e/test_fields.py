"""Custom fields: names of columns, drift, types, options, modes."""

import contextlib
import sqlite3

import pytest
from harness import assert_equals_truth, parse, refresh, run_penstock, sync
from section4 import asked, company, moment
from stores import DESTINATIONS, open_store

FIELD_LISTS = {
    "deals": "/api/v2/dealFields",
    "persons": "/api/v2/personFields",
    "organizations": "/api/v2/organizationFields",
    "products": "/api/v2/productFields",
}
TABLES = list(FIELD_LISTS)
DAY = 86400


def load(simulate, database, table="persons", *words, fields=(), custom_fields=0):
    """A company of twenty rows and these (name, type) fields; the keys of the fields in order."""
    simulator = simulate(*company(**{table: 20, "custom_fields": custom_fields}))
    keys = [add(simulator, table, *field) for field in fields]
    sync(simulator, database.url, "--tables", table, *words)
    simulator.admin("reset_counters")
    return simulator, keys


def add(simulator, table, name, type, **more):
    return simulator.admin("field_add", entity=table, name=name, type=type, **more)["key"]


def put(simulator, table, id, **raw):
    simulator.advance(60)
    simulator.admin("edit", entity=table, id=id, raw=raw)


def column(database, table, key, part=""):
    return database.fields(table)[key, part]


def stored(database, table, id, key, part=""):
    return database.rows(table)[id][column(database, table, key, part)]


def field_row(database, table, key):
    sql = 'SELECT * FROM _penstock_fields WHERE "table" = ? AND key = ? AND part = ?'
    return database.query(sql, table, key, "")[0]


def options(database, table, key):
    return {each["id"]: each for each in parse(field_row(database, table, key)["options"])}


# --- names ---


def test_columns_are_named_after_the_field(simulate, database):
    names = {
        "Deal source": "deal_source",
        "Größe (m²)": "größe_m2",
        "Источник сделки": "источник_сделки",
        "  spaces -- and / signs!  ": "spaces_and_signs",
    }
    simulator, keys = load(
        simulate, database, "deals", fields=[(name, "varchar") for name in names]
    )
    assert [column(database, "deals", key) for key in keys] == list(names.values())
    assert set(names.values()) <= set(database.columns("deals"))
    assert_equals_truth(simulator, database, ["deals"])


def test_of_fields_with_one_name_the_first_key_gets_the_plain_column(simulate, database):
    simulator = simulate(*company(persons=5))
    keys = ["c" * 40, "a" * 40, "b" * 40]
    for key in keys:
        add(simulator, "persons", "Region", "varchar", key=key)
    sync(simulator, database.url, "--tables", "persons")
    names = [column(database, "persons", key) for key in keys]
    assert names[1] == "region"
    for name, key in ((names[0], keys[0]), (names[2], keys[2])):
        suffix = name.removeprefix("region_")
        assert 0 < len(suffix) <= 8 and key.startswith(suffix)
    # A field that comes later gets another column, even when its key sorts first.
    later = "0" * 40
    add(simulator, "persons", "Region", "varchar", key=later)
    put(simulator, "persons", 1, **{later: '"north"'})
    sync(simulator, database.url, "--tables", "persons")
    assert column(database, "persons", later) not in ("region", *names)
    assert [column(database, "persons", key) for key in keys] == names
    assert_equals_truth(simulator, database, ["persons"])


@pytest.mark.parametrize(
    "table, name", [("deals", "Title"), ("persons", "Name"), ("deals", "_extra")]
)
def test_a_field_named_like_another_column_gets_a_suffix(simulate, database, table, name):
    simulator, keys = load(simulate, database, table, fields=[(name, "varchar")])
    put(simulator, table, 1, **{keys[0]: '"mine"'})
    sync(simulator, database.url, "--tables", table)
    found = column(database, table, keys[0])
    assert found.lower() != name.lower() and stored(database, table, 1, keys[0]) == "mine"
    assert_equals_truth(simulator, database, [table])


# Each database has columns of its own in every table: PostgreSQL's system columns, InnoDB's.
OWN = {
    "postgres": ["ctid", "XMin", "xmax", "cmin", "cmax", "tableoid"],
    "mysql": ["DB row id", "db_trx_id", "db_roll_ptr", "FTS_DOC_ID"],
    "sqlite": ["rowid", "oid", "_rowid_"],
}


@pytest.mark.parametrize("kind", DESTINATIONS)
def test_a_field_named_like_a_column_of_the_database_itself(simulate, tmp_path, kind):
    with contextlib.closing(open_store(kind, tmp_path)) as store:
        database = store.fresh()
        fields = [(name, "varchar") for name in OWN[kind]]
        simulator, keys = load(simulate, database, "persons", fields=fields)
        put(simulator, "persons", 1, **{key: f'"{key[:4]}"' for key in keys})
        later = [add(simulator, "persons", name, "monetary") for name in OWN[kind]]
        put(simulator, "persons", 2, **{key: '{"value":1,"currency":"EUR"}' for key in later})
        sync(simulator, database.url, "--tables", "persons")
        assert [stored(database, "persons", 1, key) for key in keys] == [key[:4] for key in keys]
        assert_equals_truth(simulator, database, ["persons"])


# How many more fields than these do not fit, by the documents: 1,600 columns (PostgreSQL, "Limits"),
# 1,017 (InnoDB), 2,000 (SQLITE_MAX_COLUMN); persons have some thirty of their own.
MANY = {"postgres": 1500, "mysql": 950, "sqlite": 1900}


@pytest.mark.parametrize("grows", [False, True], ids=["first-load", "later"])
@pytest.mark.parametrize("kind", DESTINATIONS)
def test_more_fields_than_a_table_has_columns(simulate, tmp_path, kind, grows):
    words = ("--tables", "persons,stages")
    with contextlib.closing(open_store(kind, tmp_path)) as store:
        database = store.fresh()
        simulator = simulate(*company(persons=20, custom_fields=0))
        parts = [MANY[kind], 100] if grows else [MANY[kind] + 100]
        for index, count in enumerate(parts):
            if index:
                sync(simulator, database.url, *words)
                simulator.advance(60)
            field = {"op": "field_add", "entity": "persons", "type": "int", "fill": 50}
            simulator.operations([field | {"name": f"{index} {i}"} for i in range(count)])
        simulator.admin("bulk", entity="persons", count=20)
        result = sync(simulator, database.url, *words, "--all", code=3)
        assert result.tables["stages"]["outcome"] == "done"
        assert "more columns than" in result.stderr and "custom_fields: json" in result.stderr
        sync(simulator, database.url, *words, "--all", "--custom-fields", "json")
        assert_equals_truth(simulator, database, ["stages"])


def test_fields_fan_out_as_v1_did(simulate, database):
    wanted = {
        "monetary": ["_currency"],
        "daterange": ["_until"],
        "time": ["_timezone_id"],
        "timerange": ["_until", "_timezone_id"],
        "address": ["_locality", "_country", "_formatted_address", "_parts"],
        "enum": [],
        "set": [],
    }
    fields = [(f"My {type}", type) for type in wanted]
    simulator, keys = load(simulate, database, "persons", fields=fields)
    found = set(database.columns("persons"))
    for (type, suffixes), key in zip(wanted.items(), keys, strict=True):
        main = column(database, "persons", key)
        assert {main, *(main + suffix for suffix in suffixes)} <= found, type
    money = dict(zip(wanted, keys, strict=True))["monetary"]
    put(simulator, "persons", 1, **{money: '{"value":12345678901234.567,"currency":"EUR"}'})
    sync(simulator, database.url, "--tables", "persons")
    assert str(stored(database, "persons", 1, money)) == "12345678901234.567"
    assert stored(database, "persons", 1, money, "currency") == "EUR"


def test_enum_and_set_hold_option_ids(simulate, database):
    simulator = simulate(*company(persons=5))
    keys = [
        add(simulator, "persons", type, type, options=["One", "Two"]) for type in ("enum", "set")
    ]
    lists = simulator.truth("person_fields")
    ids = {row["key"]: [each["id"] for each in row["options"]] for row in lists if row["options"]}
    one, two = ids[keys[0]][0], ids[keys[1]]
    put(simulator, "persons", 1, **{keys[0]: str(one), keys[1]: str(two)})
    sync(simulator, database.url, "--tables", "persons")
    assert stored(database, "persons", 1, keys[0]) == one
    assert parse(stored(database, "persons", 1, keys[1])) == two


# --- names are permanent ---


def test_a_rename_changes_the_list_and_never_the_column(simulate, database):
    simulator, keys = load(simulate, database, fields=[("Alpha", "varchar")])
    simulator.admin("field_rename", entity="persons", key=keys[0], name="Beta")
    put(simulator, "persons", 1, **{keys[0]: '"x"'})
    simulator.advance(DAY)
    sync(simulator, database.url, "--tables", "persons")
    row = field_row(database, "persons", keys[0])
    assert (row["name"], row["column"]) == ("Beta", "alpha")
    assert stored(database, "persons", 1, keys[0]) == "x"
    assert "beta" not in database.columns("persons")


@pytest.mark.parametrize("tables", [(), ("persons",)])
def test_names_survive_a_reset(simulate, database, tables):
    fields = [("Region", "varchar"), ("Region", "double"), ("Alpha", "varchar")]
    simulator, keys = load(simulate, database, fields=fields)
    before = database.fields("persons")
    simulator.admin("field_rename", entity="persons", key=keys[2], name="Beta")
    plain = next(key for key in keys if before[key, ""] == "region")
    simulator.admin("field_remove", entity="persons", key=plain)
    reset = run_penstock("reset", "default", *tables, "--yes", "--to", database.url)
    assert reset.returncode == 0 and database.columns("persons") == []
    sync(simulator, database.url, "--tables", "persons")
    assert database.fields("persons") == before
    assert_equals_truth(simulator, database, ["persons"])


# --- fields that come and go ---


@pytest.mark.parametrize("table", TABLES)
def test_an_unknown_key_in_a_page_fetches_that_list_of_fields_first(simulate, database, table):
    simulator = simulate(*company(custom_fields=3, **dict.fromkeys(TABLES, 20)))
    sync(simulator, database.url, "--tables", ",".join(TABLES))
    simulator.admin("reset_counters")
    key = add(simulator, table, "Brand new", "double")
    put(simulator, table, 2, **{key: "0.30000000000000004"})
    result = sync(simulator, database.url, "--tables", ",".join(TABLES))
    seen = asked(simulator)
    assert {path: seen.get(path, 0) for path in FIELD_LISTS.values()} == {
        path: int(each == table) for each, path in FIELD_LISTS.items()
    }
    assert column(database, table, key) == "brand_new"
    assert str(stored(database, table, 2, key)) == "0.30000000000000004"
    assert result.tables[table]["rejected"] == 0
    assert_equals_truth(simulator, database, TABLES)


def test_a_list_of_fields_is_tried_again_while_others_wait_for_credit(simulate, database):
    """The page that waits for it holds the credit that they need: nothing else would wake the run."""
    simulator = simulate(*company(custom_fields=3, **dict.fromkeys(TABLES, 20)))
    tables = ("--tables", ",".join(TABLES))
    sync(simulator, database.url, *tables)
    put(simulator, "persons", 2, **{add(simulator, "persons", "Brand new", "double"): "0.3"})
    simulator.fault("status", status=503, path=FIELD_LISTS["persons"])
    sync(simulator, database.url, *tables, "--memory-mib", "1", timeout=30)
    assert simulator.stats()["faults"] == 1
    assert_equals_truth(simulator, database, TABLES)


def test_fields_that_come_in_the_middle_of_a_load(simulate, database):
    simulator = simulate(*company(persons=1600))
    ids = [row["id"] for row in simulator.truth("persons")]
    simulator.operations([{"op": "edit", "entity": "persons", "id": each} for each in ids[300:]])
    key = add(simulator, "persons", "Late", "varchar", fill=40)
    assert key
    sync(simulator, database.url, "--tables", "persons")
    assert_equals_truth(simulator, database, ["persons"])


@pytest.mark.parametrize("pause", [60, DAY])
def test_the_column_of_a_deleted_field_keeps_its_values(simulate, database, pause):
    """Whether the list of fields is due by then or the missing key is the first that is heard of it."""
    simulator, keys = load(simulate, database, fields=[("Gone", "monetary"), ("Stays", "varchar")])
    for id in (1, 2):
        put(simulator, "persons", id, **{keys[0]: '{"value":5.5,"currency":"EUR"}', keys[1]: '"a"'})
    sync(simulator, database.url, "--tables", "persons")
    simulator.admin("field_remove", entity="persons", key=keys[0])
    simulator.advance(pause)
    put(simulator, "persons", 1, **{keys[1]: '"b"'})
    sync(simulator, database.url, "--tables", "persons")
    assert [stored(database, "persons", id, keys[1]) for id in (1, 2)] == ["b", "a"]
    for id in (1, 2):
        assert stored(database, "persons", id, keys[0]) == 5.5
        assert stored(database, "persons", id, keys[0], "currency") == "EUR"
    assert field_row(database, "persons", keys[0])["is_active"] == 0
    assert field_row(database, "persons", keys[1])["is_active"] == 1


def test_a_value_that_is_unset_becomes_null(simulate, database):
    simulator, keys = load(simulate, database, fields=[("Set", "varchar")])
    put(simulator, "persons", 1, **{keys[0]: '"a"'})
    sync(simulator, database.url, "--tables", "persons")
    put(simulator, "persons", 1, **{keys[0]: "null"})
    sync(simulator, database.url, "--tables", "persons")
    assert stored(database, "persons", 1, keys[0]) is None


def test_options_are_remembered_with_those_that_were_deleted(simulate, database):
    simulator = simulate(*company(persons=5))
    key = add(simulator, "persons", "Choice", "enum", options=["One", "Two", "Three"])
    sync(simulator, database.url, "--tables", "persons")
    one, two, three = options(database, "persons", key)
    simulator.admin("option_remove", entity="persons", key=key, id=one)
    simulator.admin("option_relabel", entity="persons", key=key, id=two, label="Zwei")
    four = simulator.admin("option_add", entity="persons", key=key, label="Four")["id"]
    simulator.advance(DAY)
    sync(simulator, database.url, "--tables", "persons")
    found = options(database, "persons", key)
    assert {id: each["label"] for id, each in found.items()} == {
        one: "One",
        two: "Zwei",
        three: "Three",
        four: "Four",
    }
    assert [id for id, each in found.items() if each.get("deleted")] == [one]


# --- types ---

LITERALS = ["0.30000000000000004", "9007199254740993", "9223372036854775807", "12345678901234.567"]


def test_a_change_of_type_widens_and_keeps_every_digit(simulate, database):
    simulator, (key,) = load(simulate, database, fields=[("Size", "double")])
    for id, literal in enumerate(LITERALS, 1):
        put(simulator, "persons", id, **{key: literal})
    sync(simulator, database.url, "--tables", "persons")
    assert [str(stored(database, "persons", id, key)) for id in (1, 2, 3, 4)] == LITERALS

    simulator.admin("field_type", entity="persons", key=key, type="varchar")
    put(simulator, "persons", 5, **{key: '"n/a"'})
    simulator.advance(DAY)
    result = sync(simulator, database.url, "--tables", "persons")
    simulator.admin("field_type", entity="persons", key=key, type="double")
    put(simulator, "persons", 6, **{key: "12.50"})
    simulator.advance(DAY)
    again = sync(simulator, database.url, "--tables", "persons")
    assert result.tables["persons"]["rejected"] == again.tables["persons"]["rejected"] == 0
    found = [stored(database, "persons", id, key) for id in range(1, 7)]
    assert found == [*LITERALS, "n/a", "12.50"]
    assert all(row["_extra"] is None for row in database.rows("persons").values())
    assert column(database, "persons", key) == "size"


@pytest.mark.parametrize(
    "types, values",
    [
        (("varchar", "enum"), ('"text"', "7")),
        (("varchar", "double"), ('"text"', "12345678901234.567")),
        (("date", "daterange"), ('"2026-01-02"', '{"value":"2026-01-03","until":"2026-02-03"}')),
        (("monetary", "double"), ('{"value":1.5,"currency":"EUR"}', "2.5")),
        (("double", "monetary"), ("1.5", '{"value":2.5,"currency":"EUR"}')),
        (("enum", "set"), ("7", "[7,8]")),
        (("set", "varchar"), ("[7,8]", '"text"')),
        (("date", "varchar"), ('"2026-01-02"', '"soon"')),
    ],
)
def test_changes_of_type_lose_no_value(simulate, database, types, values):
    simulator = simulate(*company(persons=20))
    key = add(simulator, "persons", "Field", types[0])
    put(simulator, "persons", 1, **{key: values[0]})
    simulator.advance(300)  # the overlap does not read it again, in a shape that is no longer true
    sync(simulator, database.url, "--tables", "persons")
    simulator.admin("field_type", entity="persons", key=key, type=types[1])
    put(simulator, "persons", 2, **{key: values[1]})
    simulator.advance(DAY)
    result = sync(simulator, database.url, "--tables", "persons")
    assert result.tables["persons"]["rejected"] == 0
    main = [stored(database, "persons", id, key) for id in (1, 2)]
    for value, literal in zip(main, map(parse, values), strict=True):
        wanted = literal["value"] if isinstance(literal, dict) else literal
        found = parse(value) if isinstance(wanted, list) else value
        assert str(found) == str(wanted)
    for part in ("currency", "until"):
        if part in values[1]:
            assert stored(database, "persons", 2, key, part) == parse(values[1])[part]


def test_a_text_that_becomes_a_number_and_a_text_again(simulate, database):
    """Each value stays as it was sent; the column never narrows."""
    simulator, (key,) = load(simulate, database, fields=[("Size", "varchar")])
    values = {1: ("varchar", '"12 apples"'), 2: ("double", "0.10"), 3: ("varchar", '"007"')}
    for row, (field_type, literal) in values.items():
        simulator.admin("field_type", entity="persons", key=key, type=field_type)
        put(simulator, "persons", row, **{key: literal})
        simulator.advance(DAY)
        result = sync(simulator, database.url, "--tables", "persons")
        assert result.tables["persons"]["rejected"] == 0
    refresh(simulator, database.url, "--tables", "persons")  # reads old values in the new shape
    found = [stored(database, "persons", row, key) for row in values]
    assert found == ["12 apples", "0.10", "007"]


def test_a_pass_brings_the_values_of_a_field_that_comes_back(simulate, database):
    """Hidden for a while, or read by a user who did not see it: its old values moved no update_time."""
    simulator, (key,) = load(simulate, database, fields=[("Size", "varchar")])
    put(simulator, "persons", 1, **{key: '"12"'})
    simulator.advance(300)
    sync(simulator, database.url, "--tables", "persons")
    with sqlite3.connect(database.path) as connection:
        connection.execute(f'UPDATE persons SET "{column(database, "persons", key)}" = NULL')
    connection.close()
    simulator.advance(DAY)
    sync(simulator, database.url, "--tables", "persons")
    assert stored(database, "persons", 1, key) is None
    refresh(simulator, database.url, "--tables", "persons")
    assert stored(database, "persons", 1, key) == "12"
    assert_equals_truth(simulator, database, ["persons"])


def test_an_unusable_date_is_kept_in_extra(simulate, database):
    simulator, (key,) = load(simulate, database, fields=[("When", "date")])
    put(simulator, "persons", 1, **{key: '"2026-02-29"'})
    result = sync(simulator, database.url, "--tables", "persons")
    assert result.tables["persons"]["rejected"] == 1
    row = database.rows("persons")[1]
    assert row["when"] is None and parse(row["_extra"]) == {"custom_fields": {key: "2026-02-29"}}


# --- modes ---


def test_mode_keys_names_columns_after_the_keys(simulate, database):
    fields = [("Alpha", "varchar"), ("Price", "monetary")]
    simulator, keys = load(simulate, database, "persons", "--custom-fields", "keys", fields=fields)
    assert column(database, "persons", keys[0]) == keys[0]
    assert column(database, "persons", keys[1], "currency") == f"{keys[1]}_currency"
    put(simulator, "persons", 1, **{keys[0]: '"a"'})
    sync(simulator, database.url, "--tables", "persons", "--custom-fields", "keys")
    assert_equals_truth(simulator, database, ["persons"])


def test_mode_json_holds_them_in_one_column_and_asks_for_no_list(simulate, database):
    simulator, _ = load(simulate, database, "persons", "--custom-fields", "json", custom_fields=17)
    assert FIELD_LISTS["persons"] not in asked(simulator)
    rows = database.rows("persons")
    for row in simulator.truth("persons"):
        assert parse(rows[row["id"]]["custom_fields"]) == row["custom_fields"]
        assert rows[row["id"]]["_extra"] is None
    key = add(simulator, "persons", "New", "varchar")
    put(simulator, "persons", 1, **{key: '"a"'})
    sync(simulator, database.url, "--tables", "persons", "--custom-fields", "json")
    assert parse(database.rows("persons")[1]["custom_fields"])[key] == "a"
    assert FIELD_LISTS["persons"] not in asked(simulator)


@pytest.mark.parametrize("modes", [("json", "names"), ("names", "json"), ("json", "keys")])
def test_old_rows_are_read_again_for_fields_older_than_the_first_load(simulate, database, modes):
    simulator, _ = load(simulate, database, "persons", "--custom-fields", modes[0], custom_fields=5)
    simulator.advance(3600)
    result = sync(simulator, database.url, "--tables", "persons", "--custom-fields", modes[1])
    assert "read anew" in result.stderr
    rows, fields = database.rows("persons"), database.fields("persons")
    for truth in simulator.truth("persons"):
        row, values = rows[truth["id"]], truth["custom_fields"]
        assert parse(row["custom_fields"]) == values
        for key, value in values.items():
            main = value["value"] if isinstance(value, dict) else value
            assert str(row[fields[key, ""]]) == str(main)
    again = sync(simulator, database.url, "--tables", "persons", "--custom-fields", modes[1])
    assert again.rows() == {} and "read anew" not in again.stderr


def test_old_rows_are_not_read_again_for_a_younger_field(simulate, database):
    simulator, _ = load(simulate, database, "persons", custom_fields=5)
    simulator.advance(DAY)
    add(simulator, "persons", "Young", "varchar")
    before = database.state()["persons"]["lists"]["all"]["bookmark"]
    result = sync(simulator, database.url, "--tables", "persons")
    assert result.rows() == {} and "young" in database.columns("persons")
    assert moment(database.state()["persons"]["lists"]["all"]["bookmark"]) > moment(before)
