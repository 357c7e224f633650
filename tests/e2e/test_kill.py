"""A run that is killed at any moment leaves a state from which the next runs reach the same tables
as an undisturbed one."""

import concurrent.futures
import random
import shutil
import sqlite3
import time

import pytest
from edits import ECHOES, Editor, edit
from facts import assert_same_facts, facts
from harness import (
    QUICK,
    Sqlite,
    assert_equals_truth,
    expected_rows,
    random_seed,
    start_sync,
    sync,
    wait_until,
)

KILLS = 50
WORKERS = 2
# Two pages of each long list: kills fall between them, and more pages would only be more of the same.
COMPANY = (
    *(*QUICK, "--persons", "600", "--notes", "550", "--files", "150", "--deals", "40"),
    *("--activities", "60", "--products", "20", "--organizations", "30", "--latency-ms", "15"),
    *("--deals-with-products", "60", "--archived", "30", "--deleted-deals", "3"),
)
WORDS = ("--dealflow", "all", "--all")


def words_of(database):
    """Lives side by side know nothing of each other: they would wait until they may share the token."""
    return (*WORDS, "--state-dir", database.path.with_suffix(".state"))


def kill_after(simulator, database, seconds):
    """Whether it was killed before its end."""
    process = start_sync(simulator, database.url, *words_of(database))
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        time.sleep(0.001)
    process.kill()
    process.communicate()
    assert process.returncode in (0, -9), process.returncode
    return process.returncode == -9


def recover(path):
    """What a killed writer left is a sound database."""
    if path.exists():
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()


def disturb(simulator, path, before, seed, seconds):
    """One company's life: some kills in a row, then a run to the end. How often it was killed."""
    dice = random.Random(seed)
    database, killed = Sqlite(path), 0
    if before:
        shutil.copy(before, path)
    for _ in range(dice.choice([1, 1, 2, 4])):
        killed += kill_after(simulator, database, dice.uniform(0.05, seconds))
        recover(path)
    sync(simulator, database.url, *words_of(database))
    return database, killed


def check_kills(simulator, tmp_path, before):
    """Many disturbed lives against an undisturbed one; all from the database `before`."""
    seed = random_seed()
    undisturbed = Sqlite(tmp_path / "undisturbed.db")
    if before:
        shutil.copy(before, undisturbed.path)
    start = time.monotonic()
    sync(simulator, undisturbed.url, *WORDS)
    seconds = time.monotonic() - start
    expected = facts(undisturbed)
    assert_equals_truth(simulator, undisturbed, ignore_columns=ECHOES)

    def life(n):
        path = tmp_path / f"{n}.db"
        database, killed = disturb(simulator, path, before, seed + n, seconds)
        try:
            database.check()
            assert_same_facts(facts(database), expected)
        except AssertionError as failure:
            raise AssertionError(f"life {n} of seed {seed}: {failure}") from failure
        path.unlink()
        return killed

    lives = kills = 0
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        while kills < KILLS:
            kills += sum(pool.map(life, range(lives, lives + 2 * WORKERS)))
            lives += 2 * WORKERS
    print(f"{kills} kills in {lives} lives; an undisturbed run takes {seconds:.2f} s")


def test_kills_of_a_first_load(simulate, tmp_path):
    check_kills(simulate(*COMPANY), tmp_path, None)


def change_much(simulator):
    """Something of every kind, at several times, more than a page of some."""
    deals = [key for key, wanted in expected_rows(simulator, "deals").items() if not wanted[1]]
    lines = list(expected_rows(simulator, "deal_products"))
    field = simulator.admin("field_add", entity="deals", name="New", type="varchar")["key"]
    steps = [
        [{"op": "bulk", "entity": "persons", "count": 550}],
        [{"op": "bulk", "entity": "notes", "count": 520}],
        [edit("deals", deal, title="new", **{field: "value"}) for deal in deals[:20]],
        [edit("deals", deal, stage_id=2) for deal in deals[10:30]],
        [{"op": "line_remove", "id": line} for line in lines[::3]],
        [{"op": "line_add", "deal": deal, "product": 3} for deal in deals[5:15]],
        [
            {"op": "delete", "entity": "deals", "ids": deals[:4]},
            {"op": "archive", "ids": deals[20:25]},
        ],
        [
            {"op": "bulk", "entity": "files", "count": 120},
            {"op": "bulk_add", "entity": "deals", "count": 15},
        ],
        [{"op": "delete", "entity": "filters", "ids": [1, 2]}],
    ]
    for step in steps:
        simulator.advance(600)
        simulator.operations(step)
    simulator.advance(600)


def test_kills_of_a_later_run(simulate, tmp_path):
    simulator = simulate(*COMPANY)
    database = Sqlite(tmp_path / "before.db")
    sync(simulator, database.url, *WORDS)
    change_much(simulator)
    check_kills(simulator, tmp_path, database.path)


@pytest.mark.parametrize("n", range(6))
def test_a_killed_run_and_a_changed_company(simulate, database, n):
    """Between the kills and the run to the end the company goes on."""
    seed = random_seed() + n
    simulator = simulate(*COMPANY)
    editor, dice = Editor(simulator, seed), random.Random(seed)
    for _ in range(4):
        kill_after(simulator, database, dice.uniform(0.1, 0.7))
        for _ in range(15):
            editor.edit()
            simulator.advance(dice.choice([0, 0, 1, 5000]))
    sync(simulator, database.url, *WORDS)
    simulator.advance(120)
    sync(simulator, database.url, *WORDS)
    assert_equals_truth(simulator, database, ignore_columns=ECHOES)
    database.check()


def is_under_way(database, table):
    try:
        runs = database.query('SELECT finished_at FROM _penstock_runs WHERE "table" = ?', table)
    except sqlite3.Error:  # not there yet
        return False
    return any(run["finished_at"] is None for run in runs)


def test_a_killed_run_is_told_in_the_log(simulate, database):
    """Its rows of _penstock_runs never finish, and the next run says that nobody is at work there."""
    simulator = simulate(*COMPANY)
    process = start_sync(simulator, database.url, *WORDS)
    wait_until(lambda: is_under_way(database, "dealflow"), what="a commit in the midst of a table")
    process.kill()
    finish = process.communicate()
    assert process.returncode == -9, finish
    left = database.query("SELECT DISTINCT outcome FROM _penstock_runs WHERE finished_at IS NULL")
    assert [run["outcome"] for run in left] == ["running"]
    sync(simulator, database.url, *WORDS)
    runs = database.query("SELECT * FROM _penstock_runs")
    ids = sorted({run["run_id"] for run in runs})
    assert len(ids) == 2
    unfinished = [run for run in runs if run["finished_at"] is None]
    assert unfinished and {run["outcome"] for run in unfinished} == {"interrupted"}
    assert len({run["run_id"] for run in unfinished}) == 1
    last = [run for run in runs if run["run_id"] != unfinished[0]["run_id"]]
    assert {run["outcome"] for run in last} == {"done"}


def test_no_run_after_a_kill_reads_what_was_committed(simulate, database):
    """A first load that is killed again and again still ends, and reads no page twice that it had."""
    simulator = simulate(*COMPANY)
    tables = ("--tables", "persons,notes,deals,dealflow")
    kills = 0
    while True:
        process = start_sync(simulator, database.url, *tables, "--dealflow", "all")
        time.sleep(0.3 + 0.05 * kills)  # a busy machine needs longer to start
        process.kill()
        process.communicate()
        if process.returncode == 0:
            break
        kills += 1
        assert kills < 60, "no progress"
    result = sync(simulator, database.url, *tables, "--dealflow", "all")
    assert result.rows() == {}
    assert_equals_truth(simulator, database, ["persons", "notes", "deals", "dealflow"])
