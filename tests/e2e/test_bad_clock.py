"""A server's Date that is wrong for a while: the runs that believe it end as they should, and the ones after it find
everything that changed meanwhile. (That this machine's clock does not matter is in test_bookmarks.py.)"""

import datetime
import email.utils

import pytest
from edits import edit
from harness import TABLES, assert_equals_truth, start_sync, sync, wait_until
from section4 import PATHS, Between, company, moment
from spending import DAY, SMALL, Company, parked

YEAR = 365 * DAY
BY_TIME = ("activities", "deals", "persons", "organizations", "products", "notes", "files")
ROWS = dict.fromkeys(BY_TIME, 30)


def off_by(seconds, answers=None):
    """Headers whose Date is wrong by so much, in the answers of these numbers only."""

    def change(headers, n):
        if answers and n not in answers:
            return headers
        date = email.utils.parsedate_to_datetime(headers["date"])
        wrong = date + datetime.timedelta(seconds=seconds)
        return headers | {"date": email.utils.format_datetime(wrong, usegmt=True)}

    return change


def sync_off_by(seconds, simulator, database, *words, answers=None, **more):
    with Between(simulator, "/", headers=off_by(seconds, answers)) as between:
        return sync(between, database.url, *words, **more)


def change_everything(simulator, after=3600):
    """An hour later, a row of each table."""
    simulator.advance(after)
    for table in BY_TIME:
        names = {"activities": "subject", "notes": "content"}
        row = simulator.truth(table)[-1]
        change = {names.get(table, "name"): "Changed"}
        if table == "deals":  # histories are read where the stage moved
            change = {"stage_id": row["stage_id"] % 5 + 1}
        simulator.operations([edit(table, row["id"], **change)])
    simulator.admin("edit", entity="pipelines", id=1, attributes={"name": "Changed"})


def latest(database):
    lists = [each for table in BY_TIME for each in database.state()[table]["lists"].values()]
    return max(moment(each["bookmark"]) for each in lists)


@pytest.mark.parametrize("before", ["first load", "later"])
@pytest.mark.parametrize("seconds", [YEAR, 2 * DAY, 7200])
def test_far_ahead_once(simulate, database, seconds, before):
    """What changed between that run and the next is read by the next; whatever is due after a day was due."""
    simulator = simulate(*company("--custom-fields", 3, **ROWS))
    if before == "later":
        sync(simulator, database.url)
        simulator.advance(3600)
    sync_off_by(seconds, simulator, database)
    assert latest(database) > moment(simulator.now()), "the test is none"
    change_everything(simulator)
    result = sync(simulator, database.url)
    assert result.stderr.count("the server's clock is behind what an earlier run was told") == 1
    due = [name for name in TABLES if name not in ("files", "pipelines")]  # the others after hours
    assert_equals_truth(simulator, database, due)
    assert latest(database) < moment(simulator.now())
    simulator.advance(DAY)
    sync(simulator, database.url)
    assert_equals_truth(simulator, database)


@pytest.mark.parametrize("before", ["first load", "later"])
@pytest.mark.parametrize("seconds", [600, 7200, 3 * DAY])
def test_ahead_once_and_found_out_too_late(simulate, database, seconds, before):
    """By the next run that time has come, and nothing shows that the clock was wrong."""
    simulator = simulate(*company("--custom-fields", 3, **ROWS))
    if before == "later":
        sync(simulator, database.url)
        simulator.advance(DAY)
    sync_off_by(seconds, simulator, database)
    simulator.advance(300)
    change_everything(simulator, after=0)
    simulator.advance(seconds + DAY)
    sync(simulator, database.url)
    assert_equals_truth(simulator, database)


@pytest.mark.parametrize("seconds", [YEAR, -30 * DAY, 600])
@pytest.mark.parametrize("answers", [[1], [3], [5, 6, 7], range(4, 99)])
def test_some_answers_are_off(simulate, database, seconds, answers):
    """The earliest time that a run was told is the one that it believes."""
    simulator = simulate(*company(**ROWS))
    sync_off_by(seconds, simulator, database, answers=answers)
    assert latest(database) < moment(simulator.now())
    change_everything(simulator)
    sync(simulator, database.url)
    simulator.advance(DAY)
    sync(simulator, database.url)
    assert_equals_truth(simulator, database)


def test_far_ahead_once_costs_no_year(simulate, database):
    """Tokens that were spent "next year" count for a day from now."""
    acme = Company(simulate(*SMALL, "--deals", 100))
    parked(sync_off_by(YEAR, acme.simulator, database, code=75), "next try: 2027")
    acme.count()
    result = parked(sync(acme.simulator, database.url, code=75), "next try: 2026")
    assert 0 < result.report["resume_s"] <= DAY + 5
    acme.advance(DAY + 60)
    sync(acme.simulator, database.url)
    assert_equals_truth(acme.simulator, database)


def test_a_history_that_failed_next_year_is_read_again(simulate, database):
    """What waits for another try does not wait until then."""
    simulator = simulate(*company(deals=6, archived=0))
    simulator.fault("null", path="/v1/deals/3/flow", count=0)
    sync_off_by(YEAR, simulator, database, "--tables", "deals,dealflow", code=None)
    simulator.admin("faults_clear")
    simulator.advance(60)
    sync(simulator, database.url, "--tables", "deals,dealflow")
    assert_equals_truth(simulator, database, ["deals", "dealflow"])


def test_an_idle_run_after_it_costs_what_it_always_costs(simulate, database):
    """The wrong run is forgotten by the first right one."""
    simulator = simulate(*company(**ROWS))
    sync(simulator, database.url)
    sync_off_by(YEAR, simulator, database)
    simulator.advance(600)
    sync(simulator, database.url)
    simulator.advance(600)
    result = sync(simulator, database.url)
    assert result.report["requests"] == 7 and "clock" not in result.stderr


def activities(database):
    return database.state()["activities"]["lists"]["all"]


def test_a_cut_that_lies_in_a_time_to_come(simulate, database):
    """The window before it is read while the one behind it waits: what changes then belongs to the first."""
    pages = ("--set", "page_max=20", "--latency-ms", "30")
    simulator = simulate(*company(*pages, activities=400))
    only = ("--tables", "activities")
    half_way = "updated_since=206"  # to 2106
    row = simulator.truth("activities")[0]
    simulator.fault("hang", path=PATHS["activities"], query=half_way)
    with Between(simulator, "/", headers=off_by(80 * YEAR)) as between:
        process = start_sync(between, database.url, *only)
        wait_until(lambda: between.seen > 10, what="pages")
        wait_until(lambda: activities(database).get("walk", {}).get("done"), what="first window")
        process.kill()
        process.communicate()
    simulator.advance(3600)
    simulator.operations([edit("activities", row["id"], subject="Changed")])
    simulator.advance(3600)
    for _ in range(2):
        sync(simulator, database.url, *only)
    assert_equals_truth(simulator, database, ["activities"])
