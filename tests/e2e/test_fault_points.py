"""Kills right before and right after the commits of a run, where no clock has to hit the moment.

Needs a build with -Dfault_points=true, as script/test makes one (src/base/fault.h)."""

import itertools

import pytest
from facts import assert_same_facts, facts
from harness import QUICK, Sqlite, start_sync, sync
from test_kill import WORDS, recover

SMALL = (*QUICK, "--deals", "10", "--persons", "20", "--activities", "20", "--notes", "10")
EVERY = 3  # commits; the random kills of test_kill hit the others


@pytest.mark.parametrize("point", ("before-commit", "after-commit"))
def test_a_kill_at_a_commit(simulate, tmp_path, point):
    simulator = simulate(*SMALL)
    undisturbed = Sqlite(tmp_path / "undisturbed.db")
    sync(simulator, undisturbed.url, *WORDS)
    expected = facts(undisturbed)
    for n in itertools.count(1, EVERY):
        database = Sqlite(tmp_path / f"{n}.db")
        process = start_sync(
            simulator, database.url, *WORDS, env={"PENSTOCK_FAULT": f"{point}:{n}"}
        )
        process.communicate()
        if process.returncode == 0:  # the run has fewer commits than that
            break
        assert process.returncode == -9, f"{point}:{n}"
        recover(database.path)
        sync(simulator, database.url, *WORDS)
        database.check()
        assert_same_facts(facts(database), expected)
    assert n > 30, "the run was killed at every third of its commits"
