"""plan: what a sync spends lies within the range that was told before.

What was spent is the simulator's own count. Companies are made by the seed, from 300 rows a table to some
thousands, with as many deleted, archived and sold as chance wants."""

import json
import random

import pytest
from harness import QUICK, refresh, run_penstock, sync

MOST_TOKENS = 150
FULL_TABLES = [
    "activity_types",
    "currency",
    "filters",
    "pipelines",
    "stages",
    "users",
    "deal_fields",
]
LISTS = ["deals", "persons", "organizations", "activities", "products", "notes", "files"]
TABLES = [*FULL_TABLES, *LISTS, "deal_products"]
PATHS = {
    "deals": ["/api/v2/deals", "/api/v2/deals/archived", "/api/v2/dealFields"],
    "persons": ["/api/v2/persons", "/api/v2/personFields"],
    "organizations": ["/api/v2/organizations", "/api/v2/organizationFields"],
    "activities": ["/api/v2/activities"],
    "products": ["/api/v2/products", "/api/v2/productFields"],
    "notes": ["/v1/notes"],
    "files": ["/v1/files"],
    "deal_products": ["/api/v2/deals/products"],
    "dealflow": ["/v1/deals/{id}/flow"],
    "activity_types": ["/v1/activityTypes"],
    "currency": ["/v1/currencies"],
    "filters": ["/v1/filters"],
    "pipelines": ["/api/v2/pipelines"],
    "stages": ["/api/v2/stages"],
    "users": ["/v1/users"],
    "deal_fields": ["/v1/dealFields"],
}
DAY = 86_400


def size(dice, most):
    """As many companies have 300 to 1,000 as have 3,000 to 10,000."""
    return int(300 * (most / 300) ** dice.random())


def company(seed, most=6000, most_deals=None):
    dice = random.Random(seed)
    options = {table: size(dice, most) for table in LISTS}
    options["deals"] = size(dice, most_deals or most)
    options["deleted"] = dice.choice([0, 2, 10, 30])
    options["archived"] = dice.choice([0, 5, 20, 50])
    options["deals-with-products"] = dice.choice([0, 10, 40, 90])
    return ["--seed", seed, *(word for name in options for word in ("--" + name, options[name]))]


def words(simulator, database, tables, *more):
    return (
        *("--to", database.url, "--api-url", simulator.url, "--json"),
        *("--tables", ",".join(tables), *more),
    )


def plan(simulator, database, tables=TABLES, *more):
    """What it says; and the simulator's word on what it cost."""
    simulator.admin("reset_counters")
    run = run_penstock("plan", *words(simulator, database, tables, *more), token=simulator.token)
    assert run.returncode == 0, run
    report = json.loads(run.stdout)
    spent = simulator.stats()["tokens"]
    assert report["spent_tokens"] == spent <= MOST_TOKENS
    simulator.admin("reset_counters")
    return report


def by_table(report):
    return {table["table"]: table for table in report["tables"]}


def spent_on(stats, table):
    """Tokens and calls."""
    seen = [stats["paths"][path] for path in PATHS[table] if path in stats["paths"]]
    return sum(each["tokens"] for each in seen), sum(each["requests"] for each in seen)


def check(price, stats):
    """All that was spent, within the range of all and of each table."""
    misses = []
    for table in price["tables"]:
        tokens, calls = spent_on(stats, table["table"])
        if not table["tokens_low"] <= tokens <= table["tokens_high"]:
            misses.append(f"{tokens} tokens of {table}")
        if not table["calls_low"] <= calls <= table["calls_high"]:
            misses.append(f"{calls} calls of {table}")
    assert not misses, "\n".join(misses)
    assert price["tokens_low"] <= stats["tokens"] <= price["tokens_high"], (price, stats["tokens"])
    assert price["calls_low"] <= stats["requests"] <= price["calls_high"], price


def check_width(price):
    """At most 20 % of the lower end, or what it costs to make a plan."""
    low, high = price["tokens_low"], price["tokens_high"]
    print(f"{low} - {high}, {(high - low) / low:.1%}")
    assert high - low <= max(0.2 * low, MOST_TOKENS)


# --- first loads ---

# One has 60 % of its activities and notes in one second.
TIES = ("--tie-share", "activities=60", "--tie-share", "notes=60")


@pytest.mark.parametrize("seed", range(100, 116))
def test_first_load_without_histories(simulate, database, seed):
    more = TIES if seed == 100 else ()
    simulator = simulate(*QUICK, *company(seed), *more)
    price = plan(simulator, database)
    sync(simulator, database.url, "--tables", ",".join(TABLES))
    check(price, simulator.stats())
    check_width(price)


@pytest.mark.parametrize("seed, deals", [(200, 320), (201, 320), (202, 320), (203, 900)])
def test_first_load_with_histories(simulate, database, seed, deals):
    simulator = simulate(*QUICK, *company(seed, 1000, deals))
    tables = [*TABLES, "dealflow"]
    price = plan(simulator, database, tables)
    sync(simulator, database.url, "--tables", ",".join(tables))
    check(price, simulator.stats())
    check_width(price)


def test_start_date_bounds_it(simulate, database):
    simulator = simulate(*QUICK, *company(300, 3000))
    more = ("--start-date", "2026-05-01")
    price = plan(simulator, database, TABLES, *more)
    sync(simulator, database.url, "--tables", ",".join(TABLES), *more)
    check(price, simulator.stats())


def test_children_without_deals(simulate, database):
    """The lists of deals are read for their lines, so they have a price."""
    simulator = simulate(*QUICK, "--deals", 1700, "--products", 9, "--archived", 40)
    price = plan(simulator, database, ["deal_products"])
    assert list(by_table(price)) == ["deals", "deal_products"]
    sync(simulator, database.url, "--tables", "deal_products")
    check(price, simulator.stats())

    simulator.advance(7 * 3600)
    simulator.admin("bulk", entity="deals", count=900)
    simulator.advance(300)
    price = plan(simulator, database, ["deal_products"])
    sync(simulator, database.url, "--tables", "deal_products")
    check(price, simulator.stats())


@pytest.mark.parametrize("archived", [0, 100])
def test_deals_of_one_kind(simulate, database, archived):
    simulator = simulate(*QUICK, "--deals", 1200, "--products", 9, "--archived", archived)
    price = plan(simulator, database, ["deals", "deal_products"])
    sync(simulator, database.url, "--tables", "deals,deal_products")
    check(price, simulator.stats())


def test_empty_company(simulate, database):
    """Everything fits into a page, so there is no doubt; a page of persons may be asked for twice, if the plan
    forbids some of its names."""
    simulator = simulate(*QUICK, *(word for table in LISTS for word in ("--" + table, 0)))
    price = plan(simulator, database, [*TABLES, "dealflow"])
    sync(simulator, database.url, "--tables", ",".join([*TABLES, "dealflow"]))
    check(price, simulator.stats())
    assert price["tokens_high"] - price["tokens_low"] <= 10 + 10  # and the deals, for the price


def test_wide_rows(simulate, database):
    """350 custom fields: 500 deals are more than an answer may have, and the fields more than a page."""
    simulator = simulate(*QUICK, "--deals", 1500, "--products", 9, "--custom-fields", 350)
    tables = ["deal_fields", "deals", "deal_products"]
    price = plan(simulator, database, tables)
    sync(simulator, database.url, "--tables", ",".join(tables))
    check(price, simulator.stats())
    assert simulator.stats()["paths"]["/api/v2/deals"]["requests"] > 5, "pages were cut"


def purge_most(simulator, table, highest):
    """Of the older half of the ids nearly all are gone for good."""
    ids = [row["id"] for row in simulator.truth(table) if row["id"] <= highest and row["id"] % 10]
    simulator.admin("purge", entity=table, ids=ids)


def test_old_ids_are_rare(simulate, database):
    """What makes the price is looked at: the newest page alone would promise twice as much."""
    simulator = simulate(*QUICK, "--activities", 20000, "--persons", 600, "--files", 4000)
    purge_most(simulator, "activities", 11000)
    purge_most(simulator, "files", 1000)
    tables = ["activities", "persons", "files"]
    price = plan(simulator, database, tables)
    assert by_table(price)["activities"]["rows_high"] < 15000
    sync(simulator, database.url, "--tables", ",".join(tables))
    check(price, simulator.stats())


def test_an_id_far_away(simulate, database):
    """The highest that the simulator has room for, above 1,200 deals: no time is lost in between."""
    simulator = simulate(*QUICK, "--deals", 1200, "--products", 9)
    simulator.admin("add", entity="deals", id=2**31 - 1)
    price = plan(simulator, database, ["deals", "deal_products"])
    sync(simulator, database.url, "--tables", "deals,deal_products")
    check(price, simulator.stats())


def test_same_ids_same_plan(simulate, database):
    simulator = simulate(*QUICK, *company(301))
    first, second = (plan(simulator, database) for _ in range(2))
    assert first["tables"] == second["tables"]


# --- runs after the first ---


def test_idle_day_and_refresh(simulate, database):
    """A company that changes every day by about as much. On the seventh day all lines are read again, whatever
    changed; a typical day is the eighth."""
    simulator = simulate(
        *QUICK,
        *("--deals", 2500, "--persons", 3000, "--organizations", 1500, "--activities", 5000),
        *("--notes", 800, "--files", 300, "--products", 50, "--pipelines", 2),
    )
    words = ("--tables", ",".join(TABLES))
    sync(simulator, database.url, *words)
    for day in range(8):
        simulator.advance(DAY - 7200)
        for table, count in {"deals": 40, "persons": 120, "activities": 1200, "notes": 20}.items():
            rows = simulator.truth(table)
            first = rows[len(rows) * day // 9]["id"]
            simulator.admin("bulk", entity=table, count=count, from_id=first)
        simulator.advance(7200)
        if day == 6:
            price = plan(simulator, database)
        if day < 7:
            sync(simulator, database.url, *words)
        if day == 6:
            check(price, simulator.stats())
    price = plan(simulator, database)
    sync(simulator, database.url, *words)
    check(price, simulator.stats())
    day = price["day"]
    assert day["tokens_low"] <= simulator.stats()["tokens"] <= day["tokens_high"]

    simulator.advance(600)
    price = plan(simulator, database)
    sync(simulator, database.url, *words)
    assert (
        simulator.stats()["tokens"] == price["idle"]["tokens_low"] == price["idle"]["tokens_high"]
    )
    check(price, simulator.stats())

    simulator.advance(600)
    price = plan(simulator, database)
    refresh(simulator, database.url, *words)
    stats = simulator.stats()
    for table in price["tables"]:
        tokens, _ = spent_on(stats, table["table"])
        assert table["refresh"]["tokens_low"] <= tokens <= table["refresh"]["tokens_high"], table
    assert price["refresh"]["tokens_low"] <= stats["tokens"] <= price["refresh"]["tokens_high"]


MUCH = ("--deals", 2500, "--persons", 3000, "--activities", 2000, "--notes", 1500, "--files", 400)


def change_much(simulator, dice):
    """Imports, and edits of a part of each table, some in one second: as nobody could tell from the week before."""
    for table in ("deals", "persons", "activities", "notes", "files"):
        rows = simulator.truth(table)
        count = int(len(rows) * dice.choice([0.01, 0.3, 0.9]))
        simulator.admin("bulk", entity=table, count=count, from_id=dice.choice(rows)["id"])
    simulator.admin("bulk_add", entity="activities", count=dice.choice([10, 1300, 4000]))
    simulator.admin("bulk_add", entity="persons", count=dice.choice([10, 700]))


@pytest.mark.parametrize("seed", range(4))
def test_much_changed_since_the_last_run(simulate, database, seed):
    dice = random.Random(seed)
    simulator = simulate(*QUICK, *MUCH, "--organizations", 800, "--products", 50, "--seed", seed)
    words = ("--tables", ",".join(TABLES))
    sync(simulator, database.url, *words)
    simulator.advance(8 * 3600)
    change_much(simulator, dice)
    simulator.advance(600)
    price = plan(simulator, database)
    if seed % 2:
        refresh(simulator, database.url, *words)
        price = price["refresh"]
        assert price["tokens_low"] <= simulator.stats()["tokens"] <= price["tokens_high"]
    else:
        sync(simulator, database.url, *words)
        check(price, simulator.stats())


def test_little_is_asked_where_little_can_be(simulate, database):
    """A page, whatever changed: nothing is to be asked. Of a large table it is, since it may be many pages."""
    simulator = simulate(*QUICK, *(word for table in LISTS for word in ("--" + table, 90)))
    sync(simulator, database.url, "--tables", ",".join(TABLES))
    simulator.advance(3600)
    assert plan(simulator, database)["spent_tokens"] == 2
    simulator.admin("bulk_add", entity="persons", count=5000)
    simulator.advance(600)
    sync(simulator, database.url, "--tables", ",".join(TABLES))
    simulator.advance(3600)
    assert plan(simulator, database)["spent_tokens"] == 12
