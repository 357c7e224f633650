"""A first load equals the simulator's truth, field by field, and costs what the rules of the
README say, to the call."""

import math

import pytest
from edits import edit
from harness import (
    QUICK,
    SYSTEM_COLUMNS,
    TABLES,
    assert_equals_truth,
    compare_row,
    compare_table,
    expected_rows,
    field_types,
    parse,
    sync,
)

SMALL = (*QUICK, "--deals", "40")

# --- every field of every row ---

VARIANTS = {
    "default": ("--deleted", "5"),
    "many custom fields": ("--custom-fields", "60", "--seed", "2"),
    "no custom fields": ("--custom-fields", "0", "--seed", "3"),
    "null update_time": ("--null-update-time", "5", "--seed", "4"),
    "null update_time, nulls last": (
        "--null-update-time",
        "5",
        "--seed",
        "5",
        "--set",
        "null_sort=last",
    ),
    "lists show deleted rows": ("--set", "list_deleted=on", "--deleted", "20", "--seed", "6"),
    "unset keys are missing": ("--set", "unset=absent", "--set", "time_fraction=on", "--seed", "7"),
    "NUL in texts": ("--set", "nul_chars=on", "--seed", "8"),
    "deleted deals keep their status": (
        "--set",
        "deleted_status=kept",
        "--deleted-deals",
        "9",
        "--seed",
        "9",
    ),
    "deleted deals' lines": ("--set", "deleted_lines=on", "--deleted-deals", "9", "--seed", "10"),
    "archived deals' lines are hidden": (
        "--set",
        "archived_lines=off",
        "--archived",
        "50",
        "--seed",
        "11",
    ),
    "fewer standard fields": (
        *("--set", "contact_sync=off", "--set", "org_profile=off", "--set", "revenue_fields=off"),
        *("--set", "activity_outcome=off", "--seed", "12"),
    ),
    "v1 envelopes, flat": ("--set", "v1_paging=flat", "--set", "empty_v1=array", "--seed", "13"),
    "v1 envelopes, wrapped": (
        "--set",
        "v1_paging=wrapped",
        "--set",
        "flow_order=oldest",
        "--seed",
        "14",
    ),
    "empty tables, null": (
        "--notes",
        "0",
        "--files",
        "0",
        "--filters",
        "0",
        "--products",
        "0",
        "--seed",
        "15",
    ),
    "empty tables, arrays": (
        *("--notes", "0", "--files", "0", "--filters", "0", "--activities", "0"),
        *("--set", "empty_v1=array", "--seed", "16"),
    ),
    "an empty company": (
        *("--activities", "0", "--deals", "0", "--persons", "0", "--organizations", "0"),
        *("--products", "0", "--notes", "0", "--files", "0", "--filters", "0", "--pipelines", "0"),
    ),
    "gated include fields": ("--set", "gated_includes=403", "--seed", "17"),
}


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())
def test_first_load_equals_truth(simulate, database, options):
    simulator = simulate(*SMALL, *options)
    result = sync(simulator, database.url)
    assert {table["outcome"] for table in result.report["tables"]} == {"done"}
    ignored = (
        {"persons": ["marketing_status", "doi_status"]} if "gated_includes=403" in options else {}
    )
    assert_equals_truth(simulator, database, ignore_columns=ignored)
    database.check()
    # Nothing is left to do, and nothing waits.
    assert database.query("SELECT * FROM _penstock_parents") == []
    # What was read a first time is not written a second time.
    again = sync(simulator, database.url, "--all")
    assert again.rows() == {}
    assert_equals_truth(simulator, database, ignore_columns=ignored)


def test_rows_columns_and_reports(simulate, database):
    """Counts in every place that tells them."""
    simulator = simulate(*SMALL, "--deleted", "10", "--deleted-deals", "5")
    result = sync(simulator, database.url)
    for table in TABLES:
        wanted = expected_rows(simulator, table)
        stored = database.rows(table)
        flagged = [key for key, row in stored.items() if row["_deleted_at"] is not None]
        assert stored.keys() == wanted.keys(), table
        assert sorted(flagged) == sorted(key for key in wanted if wanted[key][1]), table
        assert result.tables[table]["rows"] == len(wanted), table
        assert database.columns(table)[-4:] == list(SYSTEM_COLUMNS), table
        # Every key that the API sends is a column, custom fields aside: nothing hides in _extra.
        keys = set().union(*(row for row, _ in wanted.values())) - {"custom_fields"}
        assert keys <= set(database.columns(table)), table
    assert result.report["rows"] == sum(len(expected_rows(simulator, table)) for table in TABLES)
    deals = simulator.count()["deals"]
    archived = [row for row in database.rows("deals").values() if row["is_archived"] == 1]
    assert len(database.rows("deals")) == deals["rows"] and len(archived) == deals["archived"] > 0
    # The run log says the same as the report.
    for run in database.query("SELECT * FROM _penstock_runs"):
        said = result.tables[run["table"]]
        shown = {
            name: run[name]
            for name in ("outcome", "rows", "deleted", "rejected", "requests", "tokens")
        }
        assert shown == {name: said[name] for name in shown}, run["table"]
        assert run["is_first_load"] == 1 and run["started_at"] <= run["finished_at"]
    assert {row["_run_id"] for row in database.rows("deals").values()} == {run["run_id"]}


def test_custom_fields_have_readable_columns(simulate, database):
    """Every part of every field has a column of its own; options are kept with their labels."""
    simulator = simulate(*SMALL)
    sync(simulator, database.url)
    for table in ("deals", "persons", "organizations", "products"):
        fields = database.fields(table)
        assert len(set(fields.values())) == len(fields)
        custom = {key for key in field_types(simulator, table) if len(key) == 40}
        assert {key for key, _ in fields} == custom
        assert set(fields.values()) <= set(database.columns(table))
        assert not any(key in column for (key, _), column in fields.items())
    rows = database.query("SELECT * FROM _penstock_fields WHERE part = '' AND \"table\" = 'deals'")
    stored = {row["key"]: parse(row["options"]) for row in rows if row["options"]}
    for field in simulator.truth("deal_fields"):
        if len(field["key"]) == 40 and field["field_type"] in ("enum", "set"):
            labels = {(option["id"], option["label"]) for option in field["options"]}
            kept = {(option["id"], option["label"]) for option in stored[field["key"]]}
            assert labels == kept, field["name"]


@pytest.mark.parametrize("mode", ["keys", "json"])
def test_other_forms_of_custom_fields(simulate, database, mode):
    simulator = simulate(*SMALL)
    sync(simulator, database.url, "--custom-fields", mode)
    assert_equals_truth(simulator, database)
    for table in ("deals", "persons", "organizations", "products"):
        keys = {key for key in field_types(simulator, table) if len(key) == 40}
        columns = set(database.columns(table))
        if mode == "keys":
            assert keys <= columns and "custom_fields" not in columns
        else:
            assert not keys & columns and "custom_fields" in columns
            assert database.fields(table) == {}


def test_the_comparison_sees_a_changed_cell(simulate, database):
    """The oracle itself: a wrong value, a wrong flag, a missing and an extra row are all told."""
    simulator = simulate(*SMALL)
    sync(simulator, database.url)
    for table in TABLES:
        wanted = expected_rows(simulator, table)
        key = next(key for key in wanted if not wanted[key][1])
        context = (database.columns(table), database.fields(table), field_types(simulator, table))
        row = database.rows(table)[key]
        assert compare_row("", table, *wanted[key], row, context) == []
        for column in set(row) - {"_synced_at", "_run_id"}:
            wrong = '{"key": 1}' if column == "_extra" else 7 if row[column] is None else None
            told = compare_row("", table, *wanted[key], row | {column: wrong}, context)
            assert len(told) == 1, (table, column, told)


# --- requests and tokens ---

LIST_COST = {"deals": 10, "persons": 10, "organizations": 10, "activities": 10, "products": 10}
FIELDS = {"deals": "dealFields", "persons": "personFields", "organizations": "organizationFields"}
FIELDS["products"] = "productFields"
WHOLE = {
    "activity_types": ("/v1/activityTypes", 20),
    "currency": ("/v1/currencies", 20),
    "filters": ("/v1/filters", 20),
    "users": ("/v1/users", 20),
    "pipelines": ("/api/v2/pipelines", 5),
    "stages": ("/api/v2/stages", 5),
    "deal_fields": ("/v1/dealFields", 20),
}
V2_PAGE = V1_PAGE = 500
FILES_PAGE = 100


class Bill:
    """Calls and tokens a path, as the simulator counts them."""

    def __init__(self):
        self.paths = {}

    def add(self, path, calls, cost):
        if calls:
            before = self.paths.get(path, (0, 0))
            self.paths[path] = (before[0] + calls, before[1] + calls * cost)

    def total(self):
        return tuple(map(sum, zip(*self.paths.values())))

    def check(self, simulator, result):
        stats = simulator.stats()
        told = {path: (at["requests"], at["tokens"]) for path, at in stats["paths"].items()}
        assert told == self.paths
        assert (stats["requests"], stats["tokens"]) == self.total()
        assert (result.report["requests"], result.report["tokens"]) == self.total()
        # users/me belongs to no table.
        tables = result.report["tables"]
        assert sum(table["tokens"] for table in tables) == self.total()[1] - 2
        assert sum(table["requests"] for table in tables) == self.total()[0] - 1


def pages(rows, size):
    return max(1, math.ceil(rows / size))


def first_load_calls(rows):
    """A v2 list: its pages, and where there is more than one a look at its other end."""
    return pages(rows, V2_PAGE) + (1 if rows > V2_PAGE else 0)


def by_id_calls(rows, size):
    """Pages that overlap by one row."""
    return pages(rows - 1, size - 1)


def bill_of_me_and_fields(simulator, bill, tables):
    bill.add("/v1/users/me", 1, 2)
    for table in tables:
        if table in FIELDS:
            truth = field_types(simulator, table)
            bill.add("/api/v2/" + FIELDS[table], pages(len(truth), V2_PAGE), 10)


def bill_of_whole_tables(simulator, bill, tables):
    for table, (path, cost) in WHOLE.items():
        if table in tables:
            rows = (
                len(simulator.truth(table))
                if table in ("pipelines", "stages", "deal_fields")
                else 0
            )
            bill.add(path, pages(rows, V2_PAGE), cost)


def bill_of_children(simulator, bill, tables, deals):
    """deals: those whose lines and flow are due, as the truth has them."""
    hidden = simulator.switches()["archived_lines"] == "off"
    lines, flow = {}, {}
    for line in simulator.truth("deal_products"):
        lines[line["deal_id"]] = lines.get(line["deal_id"], 0) + 1
    for line in simulator.truth("dealflow"):
        flow[line["item_id"]] = flow.get(line["item_id"], 0) + 1
    deals = [deal for deal in deals if not deal["is_deleted"]]
    if "deal_products" in tables:
        sold = [deal for deal in deals if deal["products_count"] > 0]
        sold.sort(key=lambda deal: deal["update_time"], reverse=True)  # newest first
        for i in range(0, len(sold), 100):
            group = sold[i : i + 100]
            missing = [deal for deal in group if hidden and deal["is_archived"]]
            shown = sum(lines[deal["id"]] for deal in group if deal not in missing)
            # Deals whose lines differ from their count are asked for alone.
            bill.add(
                "/api/v2/deals/products",
                pages(shown, V2_PAGE) + (len(missing) if len(group) > 1 else 0),
                10,
            )
    if "dealflow" in tables:
        for deal in deals:
            bill.add("/v1/deals/{id}/flow", pages(flow.get(deal["id"], 0), V1_PAGE), 40)


def first_load_bill(simulator, tables=TABLES):
    bill = Bill()
    bill_of_me_and_fields(simulator, bill, tables)
    bill_of_whole_tables(simulator, bill, tables)
    for table in ("persons", "organizations", "activities", "products"):
        if table in tables:
            bill.add("/api/v2/" + table, first_load_calls(len(expected_rows(simulator, table))), 10)
    deals = simulator.truth("deals")
    archived = sum(deal["is_archived"] for deal in deals)
    if "deals" in tables:
        bill.add("/api/v2/deals", first_load_calls(len(deals) - archived), 10)
        bill.add(
            "/api/v2/deals/archived", first_load_calls(archived) + pages(archived, V2_PAGE), 20
        )
    if "notes" in tables:
        bill.add("/v1/notes", by_id_calls(len(expected_rows(simulator, "notes")), V1_PAGE), 20)
    if "files" in tables:
        bill.add("/v1/files", by_id_calls(len(expected_rows(simulator, "files")), FILES_PAGE), 20)
    bill_of_children(simulator, bill, tables, deals)
    return bill


def idle_bill(simulator, tables=TABLES):
    """Nothing changed since a minute ago: one call a list that is asked every run."""
    bill = Bill()
    bill.add("/v1/users/me", 1, 2)
    for table in LIST_COST:
        if table in tables:
            bill.add("/api/v2/" + table, 1, 10)
    if "notes" in tables:
        bill.add("/v1/notes", 1, 20)
    return bill


def after_6_hours_bill(simulator, tables=TABLES):
    bill = idle_bill(simulator, tables)
    if "deals" in tables:
        bill.add("/api/v2/deals/archived", 1, 20)
    if "files" in tables:
        bill.add("/v1/files", 1, 20)
    return bill


def after_24_hours_bill(simulator, tables=TABLES):
    bill = after_6_hours_bill(simulator, tables)
    bill.paths.pop("/v1/users/me")
    bill_of_me_and_fields(simulator, bill, tables)
    bill_of_whole_tables(simulator, bill, tables)
    return bill


WITHOUT_FLOW = [table for table in TABLES if table != "dealflow"]
BIG = (
    "--persons",
    "1700",
    "--deals",
    "1200",
    "--notes",
    "1300",
    "--files",
    "450",
    "--activities",
    "501",
)
BILLED = {
    "small": (("--deals", "70"), TABLES),
    "small, seed 2": (("--deals", "70", "--seed", "2"), TABLES),
    "hidden lines": (
        ("--deals", "60", "--set", "archived_lines=off", "--archived", "40"),
        WITHOUT_FLOW,
    ),
    "big": ((*BIG, "--deals-with-products", "60"), WITHOUT_FLOW),
    "big, seed 3": ((*BIG, "--archived", "55", "--seed", "3"), WITHOUT_FLOW),
    "a page exactly": (
        (
            "--persons",
            "500",
            "--organizations",
            "501",
            "--activities",
            "499",
            "--deleted",
            "0",
            "--files",
            "100",
        )
        + ("--notes", "500", "--deals", "100", "--deleted-deals", "0"),
        WITHOUT_FLOW,
    ),
    "one row more": (
        ("--files", "101", "--notes", "501", "--deleted", "0", "--deals", "20"),
        TABLES,
    ),
    "ties": (
        (
            "--notes",
            "1600",
            "--persons",
            "1200",
            "--tie-share",
            "notes=70",
            "--tie-share",
            "persons=80",
        )
        + (
            "--deals",
            "20",
        ),
        WITHOUT_FLOW,
    ),
    "a deal with 1,200 lines": (("--deals", "100", "--big-deal-lines", "1200"), WITHOUT_FLOW),
    "some tables": (("--deals", "30"), ["stages", "deals", "persons", "notes"]),
}


@pytest.mark.parametrize("options, tables", BILLED.values(), ids=BILLED.keys())
def test_every_call_and_token(simulate, database, options, tables):
    simulator = simulate(*QUICK, *options)
    words = ("--tables", ",".join(tables))
    first_load_bill(simulator, tables).check(simulator, sync(simulator, database.url, *words))
    assert_equals_truth(simulator, database, tables)
    for hours, bill in ((1, idle_bill), (6, after_6_hours_bill), (24, after_24_hours_bill)):
        simulator.advance(hours * 3600)
        simulator.admin("reset_counters")
        result = sync(simulator, database.url, *words)
        bill(simulator, tables).check(simulator, result)
        assert result.rows() == {}
    for table in tables:
        assert compare_table(simulator, database, table) == []


def test_a_week_later_all_lines_are_read_again(simulate, database):
    simulator = simulate(*QUICK, "--deals", "300", "--deals-with-products", "80")
    tables = ["deals", "deal_products"]
    sync(simulator, database.url, "--tables", ",".join(tables))
    simulator.advance(7 * 86400)
    simulator.admin("reset_counters")
    bill = after_24_hours_bill(simulator, tables)
    bill_of_children(simulator, bill, tables, simulator.truth("deals"))
    bill.check(simulator, sync(simulator, database.url, "--tables", ",".join(tables)))


def test_changed_deals_cost_their_children(simulate, database):
    """100 deals with products a call; a call for the log of each deal that moved stage."""
    simulator = simulate(*QUICK, "--deals", "350", "--deals-with-products", "80", "--archived", "0")
    tables = ["deals", "deal_products", "dealflow"]
    words = ("--tables", ",".join(tables))
    sync(simulator, database.url, *words)
    simulator.advance(3600)
    deals = [row for row, flagged in expected_rows(simulator, "deals").values() if not flagged]
    titled, moved = deals[:230], deals[225:235]
    stages = {deal["id"]: 1 if deal["stage_id"] != 1 else 2 for deal in moved}
    simulator.operations(
        [edit("deals", deal["id"], title="new") for deal in titled]
        + [edit("deals", deal, stage_id=stage) for deal, stage in stages.items()]
    )
    simulator.advance(60)
    simulator.admin("reset_counters")
    bill = idle_bill(simulator, tables)
    changed = [
        row for row in simulator.truth("deals") if row["id"] in {d["id"] for d in deals[:235]}
    ]
    bill_of_children(simulator, bill, ["deal_products"], changed)
    bill_of_children(simulator, bill, ["dealflow"], moved)
    bill.check(simulator, sync(simulator, database.url, *words))
    assert sum(deal["products_count"] > 0 for deal in changed) > 100


@pytest.mark.parametrize("null_sort, probes", [("first", 1), ("last", 2)])
def test_rows_without_update_time_cost_one_walk_by_id(simulate, database, null_sort, probes):
    """The first page (or, with nulls last, a look at the other end) shows them; ids do the rest."""
    simulator = simulate(
        *(*QUICK, "--persons", "1100", "--null-update-time", "3", "--set", f"null_sort={null_sort}")
    )
    result = sync(simulator, database.url, "--tables", "persons")
    rows = len(expected_rows(simulator, "persons"))
    bill = Bill()
    bill_of_me_and_fields(simulator, bill, ["persons"])
    bill.add("/api/v2/persons", probes + pages(rows, V2_PAGE), 10)
    bill.check(simulator, result)
    assert_equals_truth(simulator, database, ["persons"])
