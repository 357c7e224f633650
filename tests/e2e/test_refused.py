"""Servers that refuse for ever: each run ends by itself, says when to come back, and leaves a state from which the next
one goes on once it is let in. (A day's 429 is in test_parked.py.)"""

from harness import Sqlite, assert_equals_truth, finish_sync, run_penstock, start_sync, sync
from section4 import PATHS, company
from spending import parked

ME = "/api/v1/users/me"
PERSONS = PATHS["persons"]
TABLES = ["persons", "notes"]
WORDS = ("--tables", "persons,notes")


def refusals(simulator, status):
    return [each for each in simulator.requests() if each["status"] == status]


def test_burst_429_for_ever(simulate, tmp_path):
    """20 tries 2 s apart, and the other table is there; also where the very first request is refused."""
    simulators = {path: simulate(*company(persons=30, notes=10)) for path in (ME, PERSONS)}
    databases = {path: Sqlite(tmp_path / f"{path[-2:]}.db") for path in simulators}
    for path, simulator in simulators.items():
        simulator.fault("burst429", path=path, count=0)
    # Tokens of simulators are alike: with one folder they would wait for each other.
    words = {path: (*WORDS, "--state-dir", tmp_path / path[-2:]) for path in simulators}
    runs = {
        path: start_sync(simulator, databases[path].url, *words[path])
        for path, simulator in simulators.items()
    }
    for path, simulator in simulators.items():
        result = finish_sync(runs[path])
        parked(result, "HTTP 429", "too many requests in a short time", "same token", "next try: 2")
        assert result.report["resume_s"] >= 60, "it was refused for longer than that"
        tries = refusals(simulator, 429)
        assert len(tries) == 20
        assert tries[-1]["ms"] - tries[0]["ms"] >= 19 * 2000
        if path == PERSONS:
            assert result.tables["notes"]["outcome"] == "done"
        simulator.admin("faults_clear")
        sync(simulator, databases[path].url, *words[path])
        assert_equals_truth(simulator, databases[path], TABLES)


def test_html_block_that_lasts(simulate, database):
    """It begins in the middle of a walk and lasts for three runs: nobody is asked twice, nothing is lost."""
    simulator = simulate(*company(persons=1600, notes=10))
    simulator.fault("block403", path=PERSONS, nth=4, count=0)
    words = ("HTTP 403", "firewall blocks this token", "same token", "next try: 2")
    result = parked(sync(simulator, database.url, *WORDS, code=75), *words)
    assert 3600 <= result.report["resume_s"] + 60 and len(refusals(simulator, 403)) == 1
    log = database.query("SELECT * FROM _penstock_runs WHERE \"table\" = 'persons'")[-1]
    assert log["outcome"] == "parked" and log["message"] == result.report["message"]
    stored, state = database.snapshot(TABLES), database.state()
    assert 1000 <= len(stored["persons"]) < 1600

    simulator.admin("faults_clear")
    simulator.fault("block403", count=0)
    for _ in range(2):
        simulator.admin("reset_counters")
        result = parked(sync(simulator, database.url, *WORDS, code=75), *words)
        assert result.report["requests"] == 1
        assert (database.snapshot(TABLES), database.state()) == (stored, state)
    words = ("check", "--to", database.url, "--api-url", simulator.url)
    assert run_penstock(*words, token=simulator.token).returncode == 75

    simulator.admin("faults_clear")
    simulator.admin("reset_counters")
    sync(simulator, database.url, *WORDS)
    assert simulator.stats()["paths"][PERSONS]["requests"] <= 3, "it goes on from there"
    assert_equals_truth(simulator, database, TABLES)
