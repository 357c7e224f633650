"""The aims in tokens, by the simulator's own count, for a company of 50,000 deals and more.

A tenth of its rows is loaded here; bench/run loads all of them. What a day costs does not depend on the rows that it
does not touch, so the days are those of the whole company."""

import math
import sys

import pytest
from harness import ROOT, Sqlite

sys.path.insert(0, str(ROOT / "bench"))
import aims
from test_oracle import FILES_PAGE, V1_PAGE, by_id_calls, first_load_calls, pages

SCALE = 10
# users/me, 7 tables that are read whole, 4 lists of fields, a page of products.
FIXED = 2 + 5 * 20 + 2 * 5 + 4 * 10 + 10


def in_windows(calls):
    """A list that is read in several windows of time, or ahead, may take so many more than one walk."""
    return calls + max(1, calls // 50)


def most_calls(rows, archived):
    """The most calls for the lists of a first load of so many rows: path → calls, price of one."""
    normal, sold = rows["deals"] - archived, math.ceil(rows["deals"] * 0.4)
    return {
        "/api/v2/deals": (in_windows(first_load_calls(normal)), 10),
        "/api/v2/deals/archived": (
            in_windows(first_load_calls(archived) + pages(archived, 500)),
            20,
        ),
        "/api/v2/deals/products": (pages(sold, 100), 10),  # 5 lines a deal: a page
        "/v1/notes": (in_windows(by_id_calls(rows["notes"], V1_PAGE)), 20),
        "/v1/files": (in_windows(by_id_calls(rows["files"], FILES_PAGE)), 20),
    } | {
        f"/api/v2/{table}": (in_windows(first_load_calls(rows[table])), 10)
        for table in ("persons", "organizations", "activities")
    }


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    database = Sqlite(tmp_path_factory.mktemp("tokens") / "crm.db")
    with aims.Company(database.url, SCALE) as company:
        company.sync()
        yield company


@pytest.fixture(scope="module")
def loaded(company):
    """What the first load wrote and asked, before anything else happens. Tests may run in any order."""
    return company.simulator.stats()["paths"], dict(company.rows)


def test_first_load(company, loaded):
    """No list takes more calls than the arithmetic says, and by that the whole company is within the aim."""
    paths, written = loaded
    counted = company.simulator.count()
    rows = {table: counted[table]["rows"] for table in aims.ROWS}
    assert rows == {table: rows // SCALE for table, rows in aims.ROWS.items()}
    assert rows == {table: written[table] for table in rows}
    calls = most_calls(rows, counted["deals"]["archived"])
    for path, (most, cost) in calls.items():
        assert paths[path]["requests"] <= most, path
        assert paths[path]["tokens"] == paths[path]["requests"] * cost, path
    assert sum(seen["tokens"] for path, seen in paths.items() if path not in calls) == FIXED
    whole = most_calls(aims.ROWS, aims.ROWS["deals"] // 5)
    assert FIXED + sum(calls * cost for calls, cost in whole.values()) <= aims.AIM_FIRST_LOAD


def test_idle_hours(company, loaded):
    """Four of the 24 also ask for archived deals and files, and one for what is read whole."""
    hours = company.idle_hours()
    assert sum(hours) <= 24 * aims.AIM_IDLE_HOUR
    assert sum(cost <= aims.AIM_IDLE_HOUR for cost in hours) == 20
    assert company.rows == {}


def test_busy_day(company, loaded):
    assert company.busy_day() <= aims.AIM_DAY
    assert {table: company.rows[table] for table in aims.TOUCHED} == aims.TOUCHED
