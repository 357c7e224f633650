"""One writer at a time, and a run that is asked to stop."""

import os
import re
import signal
import time

import pytest
from harness import (
    QUICK,
    TABLES,
    assert_equals_truth,
    expected_rows,
    finish_sync,
    run_penstock,
    start_sync,
    sync,
    wait_until,
)

# A run of 100 requests, with two pages of each long list.
COMPANY = (
    *(*QUICK, "--persons", "600", "--notes", "550", "--files", "150", "--deals", "70"),
    *("--activities", "600", "--latency-ms", "20"),
)
REFUSED = re.compile(
    r"another penstock \(process (\d+)\b.*? since (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC)"
)
HOLD_MS = 1500  # time enough to do something while a run waits
ROOM = 10  # seconds within which a refusal must come


@pytest.fixture
def simulator(simulate):
    return simulate(*COMPANY)


def answered(simulator, requests):
    return lambda: simulator.stats()["requests"] >= requests


def start_and_wait(simulator, database, *words, requests=12):
    """A run in the middle of its work: so many answers came, the next take their time."""
    simulator.fault("latency", ms=HOLD_MS, nth=requests, count=0)
    process = start_sync(simulator, database.url, *words)
    wait_until(answered(simulator, requests - 1), what="request")
    wait_until(lambda: database.rows("activity_types"), what="committed row")
    assert process.poll() is None
    simulator.admin("faults_clear")
    return process


def assert_refused(result, holder):
    """Exit code 75, and the message says who writes since when."""
    assert result.code == 75, result
    told = REFUSED.search(result.stdout + result.stderr)
    assert told, result
    assert result.report["outcome"] == "stopped"  # no failure
    assert int(told[1]) == holder.pid
    assert abs(time.time() - seconds_of(told[2])) < 60


def seconds_of(text):
    return time.mktime(time.strptime(text, "%Y-%m-%d %H:%M:%S UTC")) - time.timezone


def run_ids(database):
    return {row["_run_id"] for table in TABLES for row in database.rows(table).values()}


def test_a_second_run_is_refused(simulator, database):
    first = start_and_wait(simulator, database)
    start = time.monotonic()
    second = sync(simulator, database.url, code=None)
    assert time.monotonic() - start < ROOM
    assert_refused(second, first)
    assert second.rows() == {}
    assert finish_sync(first).code == 0
    assert_equals_truth(simulator, database)
    assert len(run_ids(database)) == 1
    assert len({run["run_id"] for run in database.query("SELECT * FROM _penstock_runs")}) == 1
    assert sync(simulator, database.url).rows() == {}


def test_another_schema_or_file_is_no_second_writer(simulator, database, tmp_path):
    """Two companies' tables side by side: another prefix waits its turn, another file does not."""
    first = start_and_wait(simulator, database)
    other = sync(simulator, f"sqlite:{tmp_path}/other.db", "--tables", "stages")
    beside = sync(simulator, database.url, "--schema", "other", "--tables", "stages")
    assert other.rows() == beside.rows() == {"stages": len(expected_rows(simulator, "stages"))}
    assert finish_sync(first).code == 0
    assert_equals_truth(simulator, database)


@pytest.mark.parametrize("n", range(3))
def test_of_runs_that_start_together_one_wins(simulator, database, n):
    runs = [start_sync(simulator, database.url) for _ in range(4)]
    results = [finish_sync(run) for run in runs]
    winners = [run for run, result in zip(runs, results, strict=True) if result.code == 0]
    assert len(winners) == 1, results
    for result in results:
        if result.code != 0:
            assert_refused(result, winners[0])
    assert len(run_ids(database)) == 1
    assert_equals_truth(simulator, database)


def test_a_stopped_writer_still_holds(simulator, database):
    first = start_and_wait(simulator, database)
    os.kill(first.pid, signal.SIGSTOP)
    try:
        for _ in range(2):
            start = time.monotonic()
            assert_refused(sync(simulator, database.url, code=None), first)
            assert time.monotonic() - start < ROOM
        stored = database.snapshot(without=())
        assert database.snapshot(without=()) == stored  # nobody writes
        # Readers are not kept out.
        status = run_penstock("status", "--to", database.url, token=simulator.token)
        assert status.returncode == 0, status
    finally:
        os.kill(first.pid, signal.SIGCONT)
    assert finish_sync(first).code == 0
    assert len(run_ids(database)) == 1
    assert_equals_truth(simulator, database)


def test_a_stopped_writer_that_dies_gives_way(simulator, database):
    first = start_and_wait(simulator, database)
    os.kill(first.pid, signal.SIGSTOP)
    assert_refused(sync(simulator, database.url, code=None), first)
    first.kill()
    first.communicate()
    sync(simulator, database.url)
    assert_equals_truth(simulator, database)
    database.check()


# --- asked to stop ---


def stop_in_the_middle(simulator, database, sign, requests):
    process = start_and_wait(simulator, database, requests=requests)
    start = time.monotonic()
    process.send_signal(sign)
    result = finish_sync(process)
    return result, time.monotonic() - start


@pytest.mark.parametrize("requests", [12, 25, 40, 75])
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_stopping_keeps_what_was_read(simulate, database, sign, requests):
    simulator = simulate(*COMPANY)
    result, seconds = stop_in_the_middle(simulator, database, sign, requests)
    assert result.code == 75 and result.report["outcome"] == "stopped", result
    assert seconds < 3
    # What it says it wrote is there.
    for table in TABLES:
        assert len(database.rows(table)) == result.tables[table]["rows"], table
    outcomes = {name: row["outcome"] for name, row in result.tables.items()}
    assert set(outcomes.values()) <= {"done", "stopped"} and "stopped" in outcomes.values()
    done = [table for table in TABLES if outcomes[table] == "done"]
    assert_equals_truth(simulator, database, done)
    logged = {run["table"]: run for run in database.query("SELECT * FROM _penstock_runs")}
    for table in TABLES:
        if logged.get(table):
            assert logged[table]["outcome"] == outcomes[table], table
            assert logged[table]["rows"] == result.tables[table]["rows"], table
            assert logged[table]["finished_at"] is not None
    # The next run goes on: no page is read twice, but for those that were under way.
    answered_pages = simulator.stats()["requests"]
    again = sync(simulator, database.url)
    assert_equals_truth(simulator, database)
    database.check()
    for table in TABLES:
        total = result.tables[table]["rows"] + again.tables[table]["rows"]
        assert total == len(expected_rows(simulator, table)), table
    whole = sync(simulator, f"sqlite:{database.path}.again")
    # Once more: the lists of fields, and who the token belongs to.
    under_way = simulator.stats()["max_in_flight"] + 4 + 1
    assert answered_pages + again.report["requests"] <= whole.report["requests"] + under_way
    print(
        f"{answered_pages} + {again.report['requests']} requests, {whole.report['requests']} alone"
    )


def test_a_second_signal_quits_at_once(simulate, database):
    """Whatever the server does; what was committed is safe."""
    simulator = simulate(*COMPANY)
    process = start_and_wait(simulator, database)
    simulator.fault("hang", count=0, ms=60000)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    start = time.monotonic()
    process.communicate(timeout=20)
    assert time.monotonic() - start < 1
    assert process.returncode == 75
    simulator.admin("faults_clear")
    sync(simulator, database.url)
    assert_equals_truth(simulator, database)
    database.check()


def test_one_signal_stops_a_run_that_waits(simulate, database):
    """For a server that does not answer, nobody waits."""
    simulator = simulate(*COMPANY)
    simulator.fault("hang", count=0, nth=10, ms=60000)
    process = start_sync(simulator, database.url)
    wait_until(answered(simulator, 9), what="request")
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    start = time.monotonic()
    result = finish_sync(process)
    assert time.monotonic() - start < 2
    assert result.code == 75, result
    simulator.admin("faults_clear")
    sync(simulator, database.url)
    assert_equals_truth(simulator, database)


def test_stopping_before_the_first_answer(simulate, database):
    simulator = simulate(*COMPANY)
    simulator.fault("hang", count=0, ms=60000)
    process = start_sync(simulator, database.url)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    result = finish_sync(process)
    assert result.code == 75, result
    assert not database.path.exists() or database.snapshot() == {table: {} for table in TABLES}
