"""The burst limit: used, never broken, whatever the plan and the latency; also by two runs that use one token."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import (
    Simulator,
    Sqlite,
    assert_equals_truth,
    finish_sync,
    run_penstock,
    start_sync,
    sync,
    wait_until,
)
from section4 import company

LIMITS = {"lite": 20, "growth": 40, "premium": 100, "ultimate": 120}  # requests in 2 s
WINDOWS = 3  # that the histories of all deals take at the limit
TABLES = "deals,dealflow"


def options(plan, latency_ms, deals=None):
    """A company whose deals need one request each, under the limits of a plan."""
    rows = company(deals=deals or LIMITS[plan] * WINDOWS, archived=0, users=2)
    limited = [word for word in rows if word != "--no-limits"]
    return [*limited, "--plan", plan, "--latency-ms", str(latency_ms)]


def histories(simulator):
    """How many were asked for, and the seconds from the first to the last."""
    ms = [each["ms"] for each in simulator.requests() if each["path"].endswith("/flow")]
    return len(ms), (ms[-1] - ms[0]) / 1000


def assert_was_polite(simulator):
    stats = simulator.stats()
    assert (stats["burst429"], stats["blocked403"]) == (0, 0), stats


def attempt(plan, latency_ms, folder):
    """How many requests were refused; how many histories were read, in how many seconds; the most under way."""
    folder.mkdir()
    with Simulator(*options(plan, latency_ms)) as simulator:
        words = ("--tables", TABLES, "--state-dir", folder / "state")
        result = finish_sync(start_sync(simulator, Sqlite(folder / "a.db").url, *words))
        assert result.code == 0, result
        stats = simulator.stats()
        assert stats["blocked403"] == 0, stats
        return stats["burst429"], *histories(simulator), stats["max_in_flight"]


def run(plan, latency_ms, folder):
    """Where a machine with too much to do holds up a request for more than the governor's 100 ms, it may be
    refused: then two more runs have to go well."""
    name = f"{plan}-{latency_ms}"
    refused, *found = attempt(plan, latency_ms, folder / name)
    for n in range(2 if refused else 0):
        refused, *found = attempt(plan, latency_ms, folder / f"{name}-{n}")
        assert refused == 0, (plan, latency_ms)
    return found


def test_every_plan(tmp_path):
    """Two at once: they mostly wait, but the governor's 100 ms for delays are not for a machine with too much to do.
    Its window is up to 5 % longer than the server's, and a run begins under the smallest plan's limit."""
    cases = [(plan, latency_ms) for plan in LIMITS for latency_ms in (0, 200)]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda case: run(*case, tmp_path), cases))
    for (plan, latency_ms), (count, seconds, in_flight) in zip(cases, results):
        assert count == LIMITS[plan] * WINDOWS
        assert seconds <= 2.1 * WINDOWS + 1.5, (plan, latency_ms)
        # Requests that the latency keeps under way at that rate.
        assert in_flight >= LIMITS[plan] / 2 * latency_ms / 1000, (plan, latency_ms)


@pytest.mark.parametrize("plan, latency_ms", [("lite", 0), ("ultimate", 200)])
def test_two_runs_of_one_token(simulate, tmp_path, plan, latency_ms):
    """They see each other on this machine, and divide the window."""
    simulator = simulate(*options(plan, latency_ms))
    databases = [Sqlite(tmp_path / f"{name}.db") for name in "ab"]
    runs = [start_sync(simulator, each.url, "--tables", TABLES) for each in databases]
    for process, database in zip(runs, databases):
        result = finish_sync(process)
        assert result.code == 0, result
        assert_equals_truth(simulator, database, TABLES.split(","))
    assert_was_polite(simulator)
    count, seconds = histories(simulator)
    assert count == 2 * LIMITS[plan] * WINDOWS
    assert seconds <= 2 * 2.1 * WINDOWS + 3


def test_two_connections_of_one_token(simulate, tmp_path):
    simulator = simulate(*options("growth", 100))
    (tmp_path / "penstock.yaml").write_text(
        "connections:\n"
        + "".join(
            f"  - {{name: {name}, api_token: env:ACME, api_url: '{simulator.url}', "
            f"destination: 'sqlite:{name}.db', tables: [{TABLES}]}}\n"
            for name in "ab"
        )
    )
    done = run_penstock("sync", cwd=tmp_path, env={"ACME": simulator.token})
    assert done.returncode == 0, done
    assert_was_polite(simulator)
    assert histories(simulator)[0] == 2 * LIMITS["growth"] * WINDOWS


def test_one_command_after_the_other(simulate, tmp_path):
    """Who ends in a full window tells who comes next: not even its first request is refused."""
    lists = 5  # users/me, dealFields, deals, and archived ones before and after them
    simulator = simulate(*options("growth", 0, deals=LIMITS["growth"] - lists))
    url = Sqlite(tmp_path / "a.db").url
    sync(simulator, url, "--tables", TABLES)
    assert len(simulator.requests()) == LIMITS["growth"]
    for command in ("check", "plan", "check"):
        words = ("--to", url, "--api-url", simulator.url)
        done = run_penstock(command, *words, token=simulator.token)
        assert done.returncode == 0, done
    assert_was_polite(simulator)


def test_another_machine_uses_the_token(simulate, tmp_path):
    """It is not seen, so there are refusals; whoever is refused goes on after the wait, or comes back later."""
    simulator = simulate(*options("lite", 0), "--set", "block_seconds=2")
    databases = [Sqlite(tmp_path / f"{name}.db") for name in "ab"]

    def start(database):
        state = ("--state-dir", tmp_path / f"state of {database.url[-4]}")
        return start_sync(simulator, database.url, "--tables", TABLES, *state)

    for process in [start(database) for database in databases]:
        assert finish_sync(process).code in (0, 75)
    for database in databases:
        wait_until(lambda: finish_sync(start(database)).code == 0, what="end of the block")
        assert_equals_truth(simulator, database, TABLES.split(","))
