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


def test_a_kill_between_the_last_page_and_the_end_of_a_table(simulate, tmp_path):
    """All that the table lacks is how many rows it has: the next run notes it, though nothing is due. Else nobody would
    see that somebody emptied it."""
    simulator = simulate(*SMALL, "--files", "10")
    for n in itertools.count(1):
        database = Sqlite(tmp_path / f"{n}.db")
        words = (simulator, database.url, "--tables", "files")
        start_sync(*words, env={"PENSTOCK_FAULT": f"after-commit:{n}"}).communicate()
        if database.state().get("files", {"lists": {}})["lists"].get("all", {}).get("loaded"):
            break
    assert "table:files" not in database.state()
    result = sync(*words)
    assert database.state()["table:files"]["rows"] == 10
    assert result.report["requests"] == 1 and result.rows() == {}
    assert result.tables["files"]["outcome"] == "done"
    assert sync(*words).tables["files"]["outcome"] == "not due"
