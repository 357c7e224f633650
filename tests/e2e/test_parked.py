"""A run that the day's budget ends: exit code 75, everything read so far is kept, and when to come back is told to the
person, to machines and in the run log; the same in every destination."""

import contextlib
import datetime

import pytest
from harness import assert_equals_truth, sync
from section4 import PATHS, Between, company, moment
from spending import parked
from stores import DESTINATIONS, open_store

TABLES = ["persons", "notes"]
WORDS = ("--tables", "persons,notes")
SAID = ("persons: HTTP 429", "budget of today is used up", "next run goes on from here")
PERSONS = PATHS["persons"]
HOUR = 3600
SLOW = 60  # a run's seconds on a machine with too much to do
STATED = 5430  # seconds


def says_nothing(headers, _):
    return {name: headers[name] for name in headers if name != "retry-after"}


# Headers of every answer, and the seconds until the next try: as stated, or until the next full hour.
REASONS = {"a 429 that says when": (None, STATED), "a 429 that does not": (says_nothing, HOUR)}


@pytest.fixture(params=DESTINATIONS)
def database(request, tmp_path):
    with contextlib.closing(open_store(request.param, tmp_path)) as store:
        database = store.fresh()
        yield database
        store.drop(database)


def log_of(database, table):
    """The newest row of the run log about a table."""
    rows = database.query(
        'SELECT * FROM _penstock_runs WHERE "table" = ? ORDER BY finished_at, started_at', table
    )
    return rows[-1]


@pytest.mark.parametrize("reason", REASONS)
def test_a_daily_429_parks_the_run(simulate, database, reason):
    headers, seconds = REASONS[reason]
    simulator = simulate(*company(persons=1600, notes=20))  # it is 12:00 all the time
    simulator.fault("daily429", path=PERSONS, nth=4, count=0, retry_after=STATED)
    with Between(simulator, "/", headers=headers) as between:
        result = parked(sync(between, database.url, *WORDS, code=75), *SAID)

    # The clock stands; a run's own time goes on, by the seconds that it takes.
    told = moment(result.report["message"].rsplit("next try: ", 1)[1])
    due = moment(simulator.now()) + datetime.timedelta(seconds=seconds)
    assert 0 <= (told - due).total_seconds() < SLOW, result.report["message"]
    assert abs(result.report["resume_s"] - seconds) < SLOW
    log = log_of(database, "persons")
    assert log["outcome"] == "parked" and log["message"] == result.report["message"]

    stored, state = database.rows("persons"), database.state()
    assert 1000 <= len(stored) < 1600
    assert state["persons"]["lists"]["all"]["walk"]["at"]
    again = parked(sync(simulator, database.url, *WORDS, code=75), *SAID)
    assert database.rows("persons") == stored and again.report["requests"] <= 4

    simulator.admin("faults_clear")
    simulator.admin("reset_counters")
    simulator.advance(seconds)
    sync(simulator, database.url, *WORDS)
    assert simulator.stats()["paths"][PERSONS]["requests"] <= 3, "it goes on from there"
    assert log_of(database, "persons")["outcome"] == "done"
    assert_equals_truth(simulator, database, TABLES)
