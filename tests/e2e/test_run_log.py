"""_penstock_runs is a log of late: 90 days, and at most 16,000 rows (a thousand runs of all tables)."""

import sqlite3

from harness import QUICK, sync

SMALL = (*QUICK, "--size", "small")
WORDS = ("--all", "--tables", "stages,users")
DAY = 86400


def runs(database):
    sql = (
        "SELECT run_id, count(*) AS n FROM _penstock_runs GROUP BY run_id ORDER BY min(started_at)"
    )
    return {row["run_id"]: row["n"] for row in database.query(sql)}


def test_by_age(simulate, database):
    simulator = simulate(*SMALL)
    sync(simulator, database.url, *WORDS)
    (first,) = runs(database)
    simulator.advance(60 * DAY)
    sync(simulator, database.url, *WORDS)
    simulator.advance(30 * DAY - 3600)
    sync(simulator, database.url, *WORDS)
    assert len(runs(database)) == 3  # not yet 90 days
    simulator.advance(2 * 3600)
    sync(simulator, database.url, *WORDS)
    assert len(runs(database)) == 3 and first not in runs(database)
    assert set(runs(database).values()) == {2}


def test_by_number(simulate, database):
    simulator = simulate(*SMALL)
    sync(simulator, database.url, *WORDS)
    (first,) = runs(database)
    with sqlite3.connect(database.path) as connection:
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 16500)"
            " INSERT INTO _penstock_runs SELECT format('2026-11-19T%05d', i), 'stages',"
            " '2026-11-19 00:00:00', '2026-11-19 00:00:01', 'done', 0, 0, 0, 0, 1, 5, NULL FROM n"
        )
    connection.close()
    for _ in range(3):
        sync(simulator, database.url, *WORDS)
        simulator.advance(10)
    left = runs(database)
    # the newest stay; a run's own last rows come after it tidied up
    assert 16_000 <= sum(left.values()) <= 16_002
    assert first in left and "2026-11-19T16500" in left and "2026-11-19T00400" not in left


def test_a_large_backlog_goes_step_by_step(simulate, database):
    simulator = simulate(*SMALL)
    sync(simulator, database.url, *WORDS)
    with sqlite3.connect(database.path) as connection:
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)"
            " INSERT INTO _penstock_runs SELECT format('2025-01-01T%05d', i), 'stages',"
            " '2025-01-01 00:00:00', '2025-01-01 00:00:01', 'done', 0, 0, 0, 0, 1, 5, NULL FROM n"
        )
    connection.close()
    old = "SELECT count(*) AS n FROM _penstock_runs WHERE started_at < '2026-01-01'"
    left = []
    for _ in range(3):
        simulator.advance(10)
        sync(simulator, database.url, *WORDS)
        left.append(database.query(old)[0]["n"])
    assert left == [1500, 500, 0]
