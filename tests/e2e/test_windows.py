"""Long walks are cut into windows that are read side by side, where answers take long."""

import signal

import pytest
from edits import edit
from harness import QUICK, assert_equals_truth, finish_sync, start_sync, sync, wait_until
from section4 import PATHS, queries

# Pages of 20 rows: 200 calls for activities. 30 ms of 120 requests in 2 s: 2 requests under way are not enough.
COMPANY = (
    *(*QUICK, "--activities", "4000", "--persons", "1000", "--deals", "0", "--organizations", "1"),
    *("--notes", "0", "--files", "0", "--set", "page_max=20"),
)
SLOWLY = (*COMPANY, "--latency-ms", "30")
ACTIVITIES = PATHS["activities"]
ONLY = ("--tables", "activities")


def calls(simulator, path=ACTIVITIES):
    return simulator.stats()["paths"][path]["requests"]


def serial_calls(simulate, *more):
    """What the same list costs where answers come at once, so that nothing is cut."""
    simulator = simulate(*COMPANY, "--latency-ms", "0", "--burst", "20", *more)
    rows = len(simulator.truth("activities"))
    return -(-rows // 20) + 2  # and a look at either end


def heads_of_windows(simulator):
    """Requests that begin somewhere else than at the beginning or at a cursor."""
    asked = queries(simulator, ACTIVITIES)
    return [each for each in asked if "updated_since" in each and "cursor" not in each]


def windows(database):
    """Those of activities in the state; the first one, too."""
    state = database.state()["activities"]["lists"]["all"]
    walk = state.get("walk", {})
    return [walk, *walk.get("windows", [])]


@pytest.mark.parametrize("tie", [(), ("--tie-share", "activities=60")], ids=["even", "one second"])
def test_windows_cost_two_per_cent(simulate, database, tie):
    serial = serial_calls(simulate, *tie)
    simulator = simulate(*SLOWLY, *tie)
    sync(simulator, database.url, *ONLY)
    assert_equals_truth(simulator, database, ["activities"])
    assert len(heads_of_windows(simulator)) >= 1
    assert simulator.stats()["max_in_flight"] >= 2
    assert calls(simulator) <= serial * 1.02


def test_short_lists_are_read_in_one_piece(simulate, database):
    simulator = simulate(*SLOWLY, "--activities", "70")
    sync(simulator, database.url, *ONLY)
    assert heads_of_windows(simulator) == []
    assert_equals_truth(simulator, database, ["activities"])


def test_no_cut_where_answers_come_at_once(simulate, database):
    simulator = simulate(*COMPANY, "--burst", "20")
    sync(simulator, database.url, *ONLY)
    assert heads_of_windows(simulator) == []


def test_edits_while_windows_are_read(simulate, database):
    simulator = simulate(*SLOWLY)
    ids = [row["id"] for row in simulator.truth("activities")]
    process = start_sync(simulator, database.url, *ONLY)
    wait_until(lambda: calls_so_far(simulator) > 20, what="pages")
    for i, key in enumerate(ids[:: len(ids) // 40]):
        simulator.advance(3)
        simulator.operations([edit("activities", key, subject=f"edit {i}")])
    assert finish_sync(process).code == 0
    simulator.advance(120)
    sync(simulator, database.url, *ONLY)
    assert_equals_truth(simulator, database, ["activities"])


def calls_so_far(simulator):
    return simulator.stats()["paths"].get(ACTIVITIES, {"requests": 0})["requests"]


def test_a_killed_run_leaves_its_windows(simulate, database):
    serial = serial_calls(simulate)
    simulator = simulate(*SLOWLY)
    process = start_sync(simulator, database.url, *ONLY)
    wait_until(lambda: calls_so_far(simulator) > serial // 2, what="half of the pages")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    left = windows(database)
    assert len(left) > 1
    assert [window["until"] for window in left[:-1]] == [window["from"] for window in left[1:]]
    before = calls(simulator)
    simulator.advance(120)
    sync(simulator, database.url, *ONLY)
    assert_equals_truth(simulator, database, ["activities"])
    assert windows(database) == [{}]
    # What was committed is not read again; a page a window was under way, and one more walk catches up.
    assert calls(simulator) - before <= serial - serial // 3


def test_a_bookmark_speaks_of_no_gap(simulate, database):
    """Whenever the run stops, everything older than the bookmark is there."""
    simulator = simulate(*SLOWLY)
    process = start_sync(simulator, database.url, *ONLY)
    wait_until(lambda: calls_so_far(simulator) > 90, what="pages")
    process.send_signal(signal.SIGTERM)
    assert finish_sync(process).code == 75
    bookmark = database.state()["activities"]["lists"]["all"]["bookmark"]
    stored = database.rows("activities")
    older = [row["id"] for row in simulator.truth("activities") if row["update_time"] < bookmark]
    assert older and [key for key in older if key not in stored] == []


# --- a server that does not heed the bounds ---


def test_ignored_windows_in_a_first_load(simulate, database):
    simulator = simulate(*SLOWLY, "--set", "windows=ignored")
    result = sync(simulator, database.url, *ONLY)
    assert "does not heed updated_since" in result.stderr
    assert_equals_truth(simulator, database, ["activities"])
    assert calls(simulator) <= serial_calls(simulate) + 1


def test_ignored_windows_later(simulate, database):
    simulator = simulate(*COMPANY, "--activities", "100")
    sync(simulator, database.url, *ONLY)
    simulator.advance(3600)
    simulator.admin("bulk", entity="activities", count=3)
    simulator.set(windows="ignored")
    before = calls(simulator)
    result = sync(simulator, database.url, "--tables", "activities,persons", code=3)
    assert "does not heed updated_since" in result.tables["activities"]["message"]
    assert calls(simulator) - before <= 10  # some tries, not the whole list
    simulator.set(windows="heeded")
    sync(simulator, database.url, "--tables", "activities,persons")
    assert_equals_truth(simulator, database, ["activities", "persons"])


def test_windows_of_an_earlier_run_that_are_ignored_now(simulate, database):
    simulator = simulate(*SLOWLY)
    process = start_sync(simulator, database.url, *ONLY)
    wait_until(lambda: calls_so_far(simulator) > 90, what="pages")
    process.kill()
    process.communicate()
    simulator.set(windows="ignored")
    result = sync(simulator, database.url, *ONLY, code=1)
    assert "does not heed updated_since" in result.tables["activities"]["message"]
    simulator.set(windows="heeded")
    sync(simulator, database.url, *ONLY)
    assert_equals_truth(simulator, database, ["activities"])
