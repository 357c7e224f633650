"""Intervals and order: what a run asks for, and when."""

import re
from itertools import chain

import pytest
from harness import assert_equals_truth, run_penstock, sync
from section4 import LINES, asked, company

HOUR, DAY = 3600, 86400
ME = {"/v1/users/me": 1}
HOT = dict.fromkeys(
    [
        "/api/v2/deals",
        "/api/v2/persons",
        "/api/v2/organizations",
        "/api/v2/activities",
        "/api/v2/products",
        "/v1/notes",
    ],
    1,
)
ARCHIVED = {"/api/v2/deals/archived": 1, "/v1/files": 1}
FULL = dict.fromkeys(
    [
        "/v1/activityTypes",
        "/v1/currencies",
        "/v1/filters",
        "/api/v2/pipelines",
        "/api/v2/stages",
        "/v1/users",
        "/v1/dealFields",
        "/api/v2/dealFields",
        "/api/v2/personFields",
        "/api/v2/organizationFields",
        "/api/v2/productFields",
    ],
    1,
)
PRICE = {"hot": 2 + 5 * 10 + 20, "archived": 20 + 20, "full": 5 * 20 + 2 * 5 + 4 * 10}
ROWS = dict.fromkeys(
    ("activities", "deals", "persons", "organizations", "products", "notes", "files"), 20
)


@pytest.fixture
def simulator(simulate):
    return simulate(*company(custom_fields=3, deals_with_products=50, **ROWS))


def run(simulator, database, *words):
    """What a run asked for."""
    simulator.admin("reset_counters")
    sync(simulator, database.url, *words)
    return asked(simulator), simulator.stats()["tokens"]


def test_an_idle_run_is_cheap(simulator, database):
    sync(simulator, database.url)
    assert run(simulator, database) == (ME | HOT, PRICE["hot"])
    for pause, more, price in [
        (6 * HOUR - 60, {}, 0),
        (60, ARCHIVED, PRICE["archived"]),
        (6 * HOUR - 60, {}, 0),
        (60, ARCHIVED, PRICE["archived"]),
        (12 * HOUR, ARCHIVED | FULL, PRICE["archived"] + PRICE["full"]),
        (HOUR, {}, 0),
    ]:
        simulator.advance(pause)
        found = run(simulator, database)
        assert found == (ME | HOT | more, PRICE["hot"] + price), pause


def test_all_reads_everything_now(simulator, database):
    sync(simulator, database.url)
    seen, tokens = run(simulator, database, "--all")
    assert seen == ME | HOT | ARCHIVED | FULL | {LINES: 1}
    assert tokens == sum(PRICE.values()) + 10
    assert_equals_truth(simulator, database)


# Lists of fields are read by tables that are asked for, so they may have to wait for them.
LATE_LISTS = dict.fromkeys(
    ["/api/v2/personFields", "/api/v2/organizationFields", "/api/v2/productFields"], 1
)
EARLY = {path: 1 for path in FULL if path not in LATE_LISTS}


@pytest.mark.parametrize(
    "every, hours",
    [
        ("{hot: 2h}", [{}, HOT, {}, HOT]),
        ("{archived: 2h}", [HOT, HOT | ARCHIVED, HOT, HOT | ARCHIVED]),
        ("{full: 2h}", [HOT, HOT | FULL, HOT, HOT | FULL]),
        (
            "{hot: 3h, archived: 1h, full: 2h}",
            [ARCHIVED, ARCHIVED | EARLY, ARCHIVED | HOT | LATE_LISTS],
        ),
    ],
)
def test_intervals_are_a_setting(simulator, database, tmp_path, every, hours):
    (tmp_path / "penstock.yaml").write_text(
        f"connections:\n  - {{name: acme, api_token: 'env:ACME', destination: '{database.url}',"
        f" api_url: '{simulator.url}', every: {every}}}\n"
    )
    for wanted in [None, *hours]:
        result = run_penstock("sync", cwd=tmp_path, env={"ACME": simulator.token})
        assert result.returncode == 0, result.stderr
        assert wanted is None or asked(simulator) == ME | wanted
        simulator.admin("reset_counters")
        simulator.advance(HOUR)


def test_a_walk_that_was_interrupted_goes_on_at_once(simulate, database):
    simulator = simulate(*company(files=350))
    sync(simulator, database.url, "--tables", "files")
    simulator.advance(6 * HOUR)
    simulator.admin("bulk", entity="files", count=350)
    simulator.fault("daily429", path="/api/v1/files", nth=2)
    sync(simulator, database.url, "--tables", "files", code=75)
    simulator.admin("faults_clear")
    sync(simulator, database.url, "--tables", "files")
    assert_equals_truth(simulator, database, ["files"])


def test_the_order_of_a_first_load(simulator, database):
    """Full tables, then the lists, then the children of deals; the log tells the order of sending."""
    result = sync(simulator, database.url, "-vv")
    sent = re.findall(r"/api/(v[12]/[A-Za-z/]+)", result.stderr)
    first = [path for path in dict.fromkeys(sent) if "Fields" not in path and "/me" not in path]
    tables = [
        [
            "v1/activityTypes",
            "v1/currencies",
            "v1/filters",
            "v2/pipelines",
            "v2/stages",
            "v1/users",
        ],
        ["v2/deals/archived", "v2/persons", "v2/organizations", "v2/activities", "v2/products"],
        ["v1/notes", "v1/files"],
    ]
    assert first[:6] == tables[0]
    assert set(chain(*tables)) <= set(first)
    assert {"v2/deals/products", "v1/deals/"} == set(first[-2:])
