"""What changes in a company arrives with the next run, and nothing else is written.

Not here, since no list tells it: names that other rows repeat (see ECHOES), and records other than
deals that were deleted."""

import threading

import pytest
from edits import ECHOES, Editor, edit
from harness import (
    QUICK,
    TABLES,
    assert_equals_truth,
    expected_rows,
    field_types,
    parse,
    random_seed,
    sync,
)

SMALL = (
    *(*QUICK, "--deals", "30", "--persons", "30", "--organizations", "20", "--activities", "30"),
    *("--products", "15", "--notes", "25", "--files", "25", "--deleted-deals", "2"),
)
MINUTE, HOUR, DAY = 60, 3600, 86400


# --- what to change ---


def pick(simulator, table, n=0, **wanted):
    """The id of the n-th live row with these values; a function is a condition."""
    for row, flagged in expected_rows(simulator, table).values():
        met = (
            test(row[name]) if callable(test) else row[name] == test
            for name, test in wanted.items()
        )
        if not flagged and all(met):
            n -= 1
            if n < 0:
                return row["id"]
    raise AssertionError(f"no row of {table} with {wanted}")


def some(value):
    return value > 0


def field_key(simulator, table, field_type):
    return next(
        key
        for key, kind in field_types(simulator, table).items()
        if kind == field_type and len(key) == 40
    )


def lines_of(simulator, deal):
    return [line for line in simulator.truth("deal_products") if line["deal_id"] == deal]


OPEN = {"status": "open", "is_archived": False, "is_deleted": False}


def rename_all(s):
    names = {
        "deals": "title",
        "persons": "name",
        "organizations": "name",
        "activities": "subject",
        "products": "name",
        "notes": "content",
        "files": "name",
    }
    operations = [edit(table, pick(s, table), **{name: "new"}) for table, name in names.items()]
    return operations, dict.fromkeys(names, 1)


def rename_in_whole_tables(s):
    names = {
        "users": "name",
        "stages": "name",
        "pipelines": "name",
        "filters": "name",
        "activity_types": "name",
        "currencies": "name",
    }
    operations = [
        edit(table, s.truth(table)[0]["id"], **{name: "new"}) for table, name in names.items()
    ]
    return operations, {table.replace("currencies", "currency"): 1 for table in names}


def add_all(s):
    """Not of tables whose size the simulator's made-up values of others depend on."""
    tables = ["activities", "notes", "files", "filters"]
    operations = [{"op": "add", "entity": table, "attributes": {}} for table in tables]
    return operations, dict.fromkeys(tables, 1)


def move_stage(s):
    deal = pick(s, "deals", **OPEN)
    now = next(row["stage_id"] for row in s.truth("deals") if row["id"] == deal)
    stage = pick(s, "stages", id=lambda value: value != now, pipeline_id=1)
    return [edit("deals", deal, stage_id=stage)], {"deals": 1}


def win_and_reopen(s):
    """Two deals: one is won; one that was won is reopened and so loses its won_time."""
    won = pick(s, "deals", status="won", is_deleted=False, is_archived=False)
    operations = [
        edit("deals", pick(s, "deals", **OPEN), status="won"),
        edit("deals", won, status="open"),
    ]
    return operations, {"deals": 2}


def null_all(s):
    """Values that are taken away become NULL."""
    key = field_key(s, "deals", "monetary")
    deal = pick(s, "deals", custom_fields=lambda value: value[key] is not None, is_archived=False)
    person = pick(s, "persons", job_title=lambda value: value is not None)
    operations = [edit("deals", deal, **{key: None}, value=None, expected_close_date=None)]
    return operations + [edit("persons", person, job_title=None)], {"deals": 1, "persons": 1}


def odd_numbers(s):
    """Digits arrive as sent, whatever a double makes of them."""
    literals = ["9007199254740993", "0.1000", "12345678901234567890.12", "1e400", "-0.0", "1E-7"]
    literals += ["123456789012345678901234567890", "0.30000000000000004"]
    deals = [pick(s, "deals", i, is_archived=False) for i in range(len(literals))]
    return [edit("deals", deal, {"value": literal}) for deal, literal in zip(deals, literals)], {
        "deals": len(literals)
    }


def misfits(s):
    """Values that do not fit are NULL, kept in _extra, and cost nobody else their row."""
    deal, person = pick(s, "deals", is_archived=False), pick(s, "persons")
    operations = [
        edit("deals", deal, {"channel": "9223372036854775808", "value": '"much"'}),
        edit("deals", deal, {field_key(s, "deals", "double"): '"twelve"'}),
        edit("deals", deal, {field_key(s, "deals", "date"): '"2026-02-30"'}),
        edit("persons", person, {"birthday": '"31.12.1999"', "label_ids": '{"odd": [1.50, null]}'}),
    ]
    return operations, {"deals": 1, "persons": 1}


def delete_deal(s):
    return [{"op": "delete", "entity": "deals", "id": pick(s, "deals", products_count=0)}], {
        "deals": 1
    }


def delete_deal_with_lines(s):
    deal = pick(s, "deals", products_count=some)
    return (
        [{"op": "delete", "entity": "deals", "id": deal}],
        {"deals": 1},
        {"deal_products": len(lines_of(s, deal))},
    )


def undelete_deal(s):
    deal = next(row["id"] for row in s.truth("deals") if row["is_deleted"])
    rows = {"deals": 1, "deal_products": len(lines_of(s, deal))}  # never read before
    return [{"op": "undelete", "entity": "deals", "id": deal}], rows


def archive_some(s):
    live = {"is_deleted": False, "is_archived": False}
    ids = [pick(s, "deals", i, **live) for i in range(3)]
    return [{"op": "archive", "ids": ids}], {"deals": 3}


def unarchive_some(s):
    ids = [pick(s, "deals", i, is_deleted=False, is_archived=True) for i in range(2)]
    return [{"op": "unarchive", "ids": ids}], {"deals": 2}


def merge_deals(s):
    """The loser's lines move to the winner: flagged nowhere, re-pointed."""
    loser = pick(s, "deals", products_count=some)
    winner = pick(s, "deals", id=lambda value: value != loser)
    s.set(merge_moves_children="on")
    children = {
        table: sum(row["deal_id"] == loser for row, _ in expected_rows(s, table).values())
        for table in ("activities", "notes", "files", "deal_products")
    }
    operations = [{"op": "merge", "entity": "deals", "winner": winner, "loser": loser}]
    rows = {"deals": 2, **{table: n for table, n in children.items() if n}}
    # Flagged with the loser, and alive again as the winner's.
    return operations, rows, {"deal_products": children["deal_products"]}


def add_line(s):
    deal = pick(s, "deals", products_count=some)
    operation = {"op": "line_add", "deal": deal, "product": pick(s, "products")}
    return [operation], {"deals": 1, "deal_products": 1}


def first_line(s):
    deal = pick(s, "deals", products_count=0)
    operation = {"op": "line_add", "deal": deal, "product": pick(s, "products")}
    return [operation], {"deals": 1, "deal_products": 1}


def remove_line(s):
    deal = pick(s, "deals", products_count=lambda value: value > 1)
    return (
        [{"op": "line_remove", "id": lines_of(s, deal)[0]["id"]}],
        {"deals": 1},
        {"deal_products": 1},
    )


def replace_line(s):
    """The count stays, the line is another."""
    deal = pick(s, "deals", products_count=1)
    return (
        [
            {"op": "line_remove", "id": lines_of(s, deal)[0]["id"]},
            {"op": "line_add", "deal": deal, "product": pick(s, "products")},
        ],
        {"deals": 1, "deal_products": 1},
        {"deal_products": 1},
    )


def remove_all_lines(s):
    deal = pick(s, "deals", products_count=some)
    lines = lines_of(s, deal)
    operations = [{"op": "line_remove", "id": line["id"]} for line in lines]
    return operations, {"deals": 1}, {"deal_products": len(lines)}


def edit_line(s):
    deal = pick(s, "deals", products_count=some)
    line = lines_of(s, deal)[0]["id"]
    operations = [edit("deal_products", line, quantity=77), edit("deals", deal, title="sold")]
    return operations, {"deals": 1, "deal_products": 1}


def shrink_whole_tables(s):
    tables = {"pipelines": 1, "stages": 2, "filters": 3}
    operations = [
        {"op": "delete", "entity": table, "ids": [pick(s, table, i) for i in range(n)]}
        for table, n in tables.items()
    ]
    return operations, {}, tables


CHANGES = [
    *(rename_all, rename_in_whole_tables, add_all, move_stage, win_and_reopen, null_all),
    *(odd_numbers, misfits, delete_deal, delete_deal_with_lines, undelete_deal, archive_some),
    *(unarchive_some, merge_deals, add_line, first_line, remove_line, replace_line),
    *(remove_all_lines, edit_line, shrink_whole_tables),
]


# --- how it should arrive ---

FLOW = ("--dealflow", "all")


def everything(database):
    return database.snapshot(without=())


def touched(before, after):
    """Rows that a run wrote, a table: id → (as it was, as it is)."""
    return {
        table: {
            key: (before[table].get(key), row)
            for key, row in after[table].items()
            if row["_run_id"] != before[table].get(key, {}).get("_run_id")
        }
        for table in TABLES
    }


def without_run(row):
    return row and {name: row[name] for name in row if name not in ("_run_id", "_synced_at")}


def flow_rows(simulator):
    return {key: row for key, (row, _) in expected_rows(simulator, "dealflow").items()}


@pytest.mark.parametrize("minutes", [2, 0], ids=["settled", "this second"])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_arrives_and_nothing_else(simulate, database, change, minutes):
    simulator = simulate(*SMALL)
    sync(simulator, database.url, *FLOW)
    before, history = everything(database), flow_rows(simulator)
    simulator.advance(HOUR)
    operations, rows, *gone = change(simulator)
    simulator.operations(operations)
    simulator.advance(minutes * MINUTE)
    rows["dealflow"] = len(flow_rows(simulator).keys() - history.keys())
    gone = gone[0] if gone else {}
    result = sync(simulator, database.url, *FLOW, "--all")
    assert_equals_truth(simulator, database, ignore_columns=ECHOES)
    changes = touched(before, everything(database))
    for table in TABLES:
        said = result.tables[table]
        assert said["deleted"] == gone.get(table, 0), table
        # A page that is read for one row may bring another's echo.
        if table in ECHOES:
            assert said["rows"] >= rows.get(table, 0), table
        else:
            assert said["rows"] == rows.get(table, 0), table
        assert len(changes[table]) <= said["rows"] + said["deleted"], table
        for key, (old, new) in changes[table].items():
            assert without_run(old) != without_run(new), (table, key)
            assert old is None or new["_synced_at"] > old["_synced_at"], (table, key)
    assert sync(simulator, database.url, *FLOW, "--all").rows() == {}


@pytest.mark.parametrize(
    "table", ["persons", "organizations", "products", "pipelines", "stages", "activity_types"]
)
def test_an_added_row_arrives(simulate, database, table):
    simulator = simulate(*SMALL)
    sync(simulator, database.url)
    old = expected_rows(simulator, table)
    simulator.advance(HOUR)
    simulator.operations([{"op": "add", "entity": table, "attributes": {"name": "new"}}])
    result = sync(simulator, database.url, "--all")
    assert result.tables[table]["rows"] == 1
    # Made-up values of the others depend on how many there are.
    assert_equals_truth(simulator, database, [table], ignore_rows={table: old})


def test_added_deals_bring_their_children(simulate, database):
    simulator = simulate(*SMALL)
    sync(simulator, database.url)
    simulator.advance(HOUR)
    first = simulator.admin("add", entity="deals", attributes={"title": "new"})["id"]
    for product in (1, 2, 3):
        simulator.admin("line_add", deal=first, product=product)
    simulator.admin("bulk_add", entity="deals", count=550)
    result = sync(simulator, database.url, "--tables", "deals,deal_products")
    assert result.tables["deals"]["rows"] == 551
    assert_equals_truth(simulator, database, ["deals", "deal_products"])


@pytest.mark.parametrize("moves", ["on", "off"])
@pytest.mark.parametrize("table, link", [("persons", "person_id"), ("organizations", "org_id")])
def test_merged_contacts(simulate, database, table, link, moves):
    """The winner and what was re-pointed arrive; the loser is no longer in any list."""
    simulator = simulate(*SMALL, "--set", f"merge_moves_children={moves}")
    sync(simulator, database.url)
    simulator.advance(HOUR)
    deals = expected_rows(simulator, "deals").values()
    loser = next(deal[link] for deal, _ in deals if deal[link])
    winner = pick(simulator, table, id=lambda value: value != loser)
    merged = [deal["id"] for deal, _ in deals if deal[link] == loser]
    simulator.operations([{"op": "merge", "entity": table, "winner": winner, "loser": loser}])
    sync(simulator, database.url, "--all")
    # Re-pointed rows that keep their update_time are found by a full pass only.
    stale = [] if moves == "on" else [link, "participants"]
    ignored = {name: [*ECHOES.get(name, []), *stale] for name in TABLES}
    assert_equals_truth(simulator, database, ignore_columns=ignored, ignore_rows={table: [loser]})
    for deal in merged:
        assert database.rows("deals")[deal][link] == (winner if moves == "on" else loser)


def test_a_bulk_edit_within_one_second(simulate, database):
    """More rows than a page have one update_time."""
    simulator = simulate(*QUICK, "--persons", "1600", "--deals", "20", "--notes", "1300")
    tables = ["persons", "notes"]
    words = ("--tables", ",".join(tables))
    sync(simulator, database.url, *words)
    simulator.advance(HOUR)
    simulator.operations(
        [
            {"op": "bulk", "entity": "persons", "count": 1400},
            {"op": "bulk", "entity": "notes", "count": 1200},
        ]
    )
    for _ in range(2):
        simulator.advance(2 * MINUTE)
        result = sync(simulator, database.url, *words)
        assert_equals_truth(simulator, database, tables, ignore_columns=ECHOES)
    assert result.rows() == {}


def test_no_call_for_a_deal_that_lost_its_lines(simulate, database):
    """Count 0, or deleted: what is stored is flagged, nothing is asked."""
    simulator = simulate(*SMALL)
    words = ("--tables", "deals,deal_products")
    sync(simulator, database.url, *words)
    simulator.advance(HOUR)
    deals = [pick(simulator, "deals", i, products_count=some, is_archived=False) for i in (0, 1)]
    lines = {deal: lines_of(simulator, deal) for deal in deals}
    for line in lines[deals[0]]:
        simulator.admin("line_remove", id=line["id"])
    simulator.admin("delete", entity="deals", id=deals[1])
    simulator.admin("reset_counters")
    result = sync(simulator, database.url, *words)
    assert "/api/v2/deals/products" not in simulator.stats()["paths"]
    stored = database.rows("deal_products")
    assert all(
        stored[line["id"]]["_deleted_at"] is not None for deal in deals for line in lines[deal]
    )
    assert result.tables["deal_products"]["deleted"] == sum(map(len, lines.values()))
    # A deleted deal's lines are flagged with it.
    deleted_at = database.rows("deals")[deals[1]]["_deleted_at"]
    assert {stored[line["id"]]["_deleted_at"] for line in lines[deals[1]]} == {deleted_at}


def test_a_deal_comes_back_to_life_with_its_lines(simulate, database):
    simulator = simulate(*SMALL)
    sync(simulator, database.url)
    deal = pick(simulator, "deals", products_count=some, is_archived=False)
    for op in ("delete", "undelete", "delete", "undelete"):
        simulator.advance(HOUR)
        simulator.admin(op, entity="deals", id=deal)
        sync(simulator, database.url)
        alive = op == "undelete"
        assert (database.rows("deals")[deal]["_deleted_at"] is None) == alive
        lines = [row for row in database.rows("deal_products").values() if row["deal_id"] == deal]
        assert lines and all((line["_deleted_at"] is None) == alive for line in lines)
        assert_equals_truth(simulator, database)


@pytest.mark.parametrize("mode", ["stages", "all", "off"])
def test_dealflow_reads_the_deals_that_its_mode_means(simulate, database, mode):
    simulator = simulate(*SMALL)
    words = ("--dealflow", mode)
    if mode == "off":
        words += ("--tables", ",".join(table for table in TABLES if table != "dealflow"))
        sync(simulator, database.url, "--dealflow", "off")
        assert "/v1/deals/{id}/flow" not in simulator.stats()["paths"]
        assert database.rows("dealflow") == {}
        return
    sync(simulator, database.url, *words)
    assert_equals_truth(simulator, database)
    titled, moved, deleted = (pick(simulator, "deals", i, **OPEN) for i in range(3))
    stages = {row["stage_id"] for row in simulator.truth("deals") if row["id"] in (titled, moved)}
    stage = pick(simulator, "stages", id=lambda value: value not in stages)
    steps = [
        ([edit("deals", titled, title="one")], {"stages": [], "all": [titled]}),
        ([edit("deals", moved, stage_id=stage)], {"stages": [moved], "all": [moved]}),
        ([{"op": "delete", "entity": "deals", "id": deleted}], {"stages": [], "all": []}),
        # Every line of a log that is read is stored, the title's too.
        ([edit("deals", titled, stage_id=stage)], {"stages": [titled], "all": [titled]}),
    ]
    for operations, read in steps:
        simulator.advance(HOUR)
        simulator.operations(operations)
        simulator.advance(MINUTE)
        simulator.admin("reset_counters")
        sync(simulator, database.url, *words)
        paths = simulator.stats()["paths"]
        assert paths.get("/v1/deals/{id}/flow", {"requests": 0})["requests"] == len(read[mode])
        stored = database.rows("dealflow")
        for line in simulator.truth("dealflow"):
            if line["item_id"] in read[mode]:
                assert line["id"] in stored, line
    assert_equals_truth(simulator, database, ignore_columns=ECHOES)


@pytest.mark.parametrize("flow", ["stages", "all"])
def test_a_second_edit_within_the_second_of_a_read(simulate, database, flow):
    """Its update_time is what was stored already: the overlap settles it, children included."""
    simulator = simulate(*SMALL)
    sync(simulator, database.url, "--dealflow", flow)
    simulator.advance(HOUR)
    deal = pick(simulator, "deals", 0, products_count=some, is_archived=False, status="open")
    person = pick(simulator, "persons")
    stages = [pick(simulator, "stages", i) for i in (1, 2)]
    for n in range(2):
        line = lines_of(simulator, deal)[0]["id"]
        simulator.operations(
            [
                edit("deals", deal, title=f"title {n}", stage_id=stages[n]),
                edit("persons", person, name=f"name {n}"),
                {"op": "line_remove", "id": line},
                {"op": "line_add", "deal": deal, "product": 1 + n},
            ]
        )
        sync(simulator, database.url, "--dealflow", flow)
    simulator.advance(2 * MINUTE)
    sync(simulator, database.url, "--dealflow", flow)
    assert_equals_truth(simulator, database, ignore_columns=ECHOES)


# --- custom fields ---


def column_of(database, table, key, part=""):
    return database.fields(table).get((key, part))


def field_row(database, table, key):
    sql = "SELECT * FROM _penstock_fields WHERE \"table\" = ? AND key = ? AND part = ''"
    return database.query(sql, table, key)[0]


def values(database, table, column):
    return {key: row[column] for key, row in database.rows(table).items()}


CUSTOM_TABLES = ["deals", "persons", "organizations", "products"]


@pytest.mark.parametrize("table", CUSTOM_TABLES)
def test_a_new_field_becomes_a_column_at_once(simulate, database, table):
    """Its unknown key fetches the list of fields before the page commits."""
    simulator = simulate(*SMALL)
    sync(simulator, database.url, "--tables", table)
    columns = database.columns(table)
    simulator.advance(HOUR)
    field = simulator.admin("field_add", entity=table, name="Deal source (new)", type="varchar")
    row = pick(simulator, table)
    simulator.operations([edit(table, row, **{field["key"]: "fair"})])
    simulator.admin("reset_counters")
    result = sync(simulator, database.url, "--tables", table)
    column = column_of(database, table, field["key"])
    assert column == "deal_source_new"
    assert set(database.columns(table)) == {*columns, column}
    assert values(database, table, column)[row] == "fair"
    assert result.rows() == {table: 1}
    assert simulator.stats()["tokens"] == 2 + 10 + 10  # users/me, the list, the list of fields
    assert_equals_truth(simulator, database, [table])


def test_the_name_of_a_new_field_never_takes_a_column(simulate, database):
    simulator = simulate(*SMALL, "--custom-fields", "0")
    names = ["Stage", "Title", "id", "_Run id", "Stage", "STAGE", "stage currency", "9 lives", "!?"]
    sync(simulator, database.url, "--tables", "deals")
    before = database.snapshot(["deals"])
    deal = pick(simulator, "deals", is_archived=False)
    keys = []
    for name in names:
        simulator.advance(HOUR)
        kind = "monetary" if name == "Stage" else "varchar"
        keys.append(simulator.admin("field_add", entity="deals", name=name, type=kind)["key"])
        value = {"value": 12.5, "currency": "EUR"} if kind == "monetary" else name
        simulator.operations([edit("deals", deal, **{keys[-1]: value})])
        sync(simulator, database.url, "--tables", "deals")
        assert_equals_truth(simulator, database, ["deals"])
    fields = database.fields("deals")
    assert {key for key, _ in fields} == set(keys)
    assert len({column.lower() for column in database.columns("deals")}) == len(
        database.columns("deals")
    )
    standard = set(next(iter(before["deals"].values())))
    assert not standard & set(fields.values())


def test_a_renamed_field_keeps_its_column(simulate, database):
    simulator = simulate(*SMALL)
    sync(simulator, database.url)
    key = field_key(simulator, "deals", "varchar")
    column, columns = column_of(database, "deals", key), database.columns("deals")
    simulator.admin("field_rename", entity="deals", key=key, name="Quite another name")
    simulator.advance(DAY)  # lists of fields are read once a day
    sync(simulator, database.url)
    assert field_row(database, "deals", key)["name"] == "Quite another name"
    assert field_row(database, "deals", key)["column"] == column
    assert database.columns("deals") == columns
    assert_equals_truth(simulator, database)


@pytest.mark.parametrize("hours", [1, 25], ids=["before the list is due", "after"])
def test_a_removed_field_keeps_its_column_and_values(simulate, database, hours):
    simulator = simulate(*SMALL)
    sync(simulator, database.url)
    key = field_key(simulator, "persons", "varchar")
    column = column_of(database, "persons", key)
    before = values(database, "persons", column)
    row = next(row for row, value in before.items() if value is not None)
    simulator.admin("field_remove", entity="persons", key=key)
    simulator.advance(hours * HOUR)
    simulator.operations([edit("persons", row, name="edited")])
    result = sync(simulator, database.url)
    assert result.rows()["persons"] == 1
    assert database.rows("persons")[row]["name"] == "edited"
    assert values(database, "persons", column) == before
    simulator.advance(25 * HOUR)
    sync(simulator, database.url)
    assert field_row(database, "persons", key)["is_active"] == 0
    assert values(database, "persons", column) == before


TYPE_CHANGES = {
    "double to varchar": ("double", "varchar", '"twelve"'),
    "date to varchar": ("date", "varchar", '"next week"'),
    "enum to varchar": ("enum", "varchar", '"other"'),
    "varchar to double": ("varchar", "double", "12.50"),
    "double to monetary": ("double", "monetary", '{"value":12.5,"currency":"EUR"}'),
    "varchar to address": ("varchar", "address", '{"value":"1 Road","country":"Peru"}'),
    "monetary to double": ("monetary", "double", "7.25"),
    "time to varchar": ("time", "varchar", '"noon"'),
}


@pytest.mark.parametrize("old, new, literal", TYPE_CHANGES.values(), ids=TYPE_CHANGES.keys())
def test_a_type_change_widens(simulate, database, old, new, literal):
    """Old values stay what they are, new ones fit."""
    simulator = simulate(*SMALL)
    sync(simulator, database.url)
    key = field_key(simulator, "deals", old)
    column = column_of(database, "deals", key)
    before = values(database, "deals", column)
    row = pick(simulator, "deals", **OPEN)
    simulator.admin("field_type", entity="deals", key=key, type=new)
    simulator.advance(DAY)
    simulator.operations([edit("deals", row, {key: literal})])
    result = sync(simulator, database.url)
    assert result.tables["deals"]["outcome"] == "done" and result.tables["deals"]["rejected"] == 0
    assert column_of(database, "deals", key) == column
    after = values(database, "deals", column)
    sent = parse(literal)
    if isinstance(sent, dict):
        part = next(part for part in sent if part != "value")
        assert values(database, "deals", column_of(database, "deals", key, part))[row] == sent[part]
        sent = sent["value"]
    assert str(after.pop(row)) in (str(sent), str(sent).rstrip("0"))
    before.pop(row)
    assert {k: None if v is None else str(v) for k, v in after.items()} == {
        k: None if v is None else str(v) for k, v in before.items()
    }
    assert (
        database.rows("deals")[row]["_extra"] is None
        or key not in database.rows("deals")[row]["_extra"]
    )


def test_options_follow_without_touching_a_record(simulate, database):
    simulator = simulate(*SMALL)
    sync(simulator, database.url)
    key = field_key(simulator, "deals", "enum")
    options = next(f["options"] for f in simulator.truth("deal_fields") if f["key"] == key)
    relabelled, removed = options[0]["id"], options[1]["id"]
    simulator.admin("option_relabel", entity="deals", key=key, id=relabelled, label='New "label"')
    simulator.admin("option_remove", entity="deals", key=key, id=removed)
    added = simulator.admin("option_add", entity="deals", key=key, label="Added")["id"]
    before = everything(database)
    simulator.advance(DAY)
    result = sync(simulator, database.url)
    assert result.rows() == {"deal_fields": 1}
    assert everything(database)["deals"] == before["deals"]
    options_now = parse(field_row(database, "deals", key)["options"])
    stored = {option["id"]: option for option in options_now}
    assert stored[relabelled]["label"] == 'New "label"'
    assert stored[removed]["label"] == options[1]["label"] and stored[removed]["deleted"] is True
    assert stored[added] == {"id": added, "label": "Added"}
    assert_equals_truth(simulator, database, ["deal_fields"])


# --- a company that never rests ---

SWITCHES = {
    "defaults": {},
    "archiving is silent": {"archive_moves_update_time": "off"},
    "logs oldest first": {"flow_order": "oldest"},
    "no lines of archived deals": {"archived_lines": "off"},
    "empty v1 lists are arrays": {"empty_v1": "array"},
    "flat v1 envelopes": {"v1_paging": "flat"},
    "wrapped v1 envelopes": {"v1_paging": "wrapped"},
    "deleted deals keep their status": {"deleted_status": "kept"},
    "nulls first": {"null_sort": "first"},
    "nulls last": {"null_sort": "last"},
}


def ignored(switches):
    columns = dict(ECHOES)
    if switches.get("archive_moves_update_time") == "off":
        columns["deals"] = ["is_archived", "archive_time"]
    return columns


@pytest.mark.parametrize("switches", SWITCHES.values(), ids=SWITCHES.keys())
def test_rounds_of_random_edits(simulate, database, switches):
    """Some edits, a run; at the end nothing is missing."""
    seed = random_seed()
    simulator = simulate(*SMALL, "--null-update-time", "2" if "null_sort" in switches else "0")
    simulator.set(**switches)
    editor = Editor(simulator, seed)
    sync(simulator, database.url, "--dealflow", "all")
    for _ in range(8):
        for _ in range(editor.random.randrange(12)):
            editor.edit()
            simulator.advance(editor.random.choice([0, 0, 1, 40, 3000]))
        words = editor.random.choice([(), ("--all",)])
        sync(simulator, database.url, "--dealflow", "all", *words)
    sync(simulator, database.url, "--dealflow", "all", "--all")
    assert_equals_truth(simulator, database, ignore_columns=ignored(switches))
    simulator.advance(2 * MINUTE)
    sync(simulator, database.url, "--dealflow", "all", "--all")
    assert sync(simulator, database.url, "--dealflow", "all", "--all").rows() == {}


@pytest.mark.parametrize("switches", SWITCHES.values(), ids=SWITCHES.keys())
def test_a_company_that_changes_while_it_is_read(simulate, database, switches):
    """Edits between any two requests of a first and of a later run; one more run, and all is there."""
    seed = random_seed()
    options = [option for option in SMALL if option != "--frozen-clock"]
    nulls = "2" if "null_sort" in switches else "0"
    options += ["--null-update-time", nulls, "--latency-ms", "15", "--jitter-ms", "10"]
    simulator = simulate(*options)
    simulator.set(**switches)
    editor = Editor(simulator, seed)
    stop = threading.Event()
    failures = []

    def work():
        try:
            while not stop.wait(0.004):
                editor.edit()
        except Exception as failure:  # noqa: BLE001 - told by the test
            failures.append(failure)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        runs = 0
        while not failures and (runs < 3 or editor.count < 100):
            sync(simulator, database.url, "--dealflow", "all", "--all")
            runs += 1
    finally:
        stop.set()
        worker.join()
    assert not failures
    simulator.advance(2)  # the last edits' second is over
    sync(simulator, database.url, "--dealflow", "all", "--all")
    assert_equals_truth(simulator, database, ignore_columns=ignored(switches))
    database.check()
