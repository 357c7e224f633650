"""Lists by offset are read ahead where answers take long: pages side by side, taken in order."""

import signal

import pytest
from harness import QUICK, assert_equals_truth, finish_sync, start_sync, sync, wait_until
from section4 import PATHS, queries

# Pages of 20 rows: 106 and 53 calls. 60 ms of 120 requests in 2 s: 4 requests under way are not enough.
COMPANY = (
    *(*QUICK, "--activities", "0", "--persons", "0", "--deals", "0", "--organizations", "0"),
    *("--notes", "1000", "--files", "2000", "--deleted", "0", "--set", "page_max=20"),
)
SLOWLY = (*COMPANY, "--latency-ms", "60")
FILES = PATHS["files"]
BOTH = ("--tables", "files,notes")
TABLES = ["files", "notes"]


def serial_calls(rows):
    """A list whose pages share a row."""
    return -(-(rows - 1) // 19)


def calls(simulator, table):
    return simulator.stats()["paths"].get(f"/v1/{table}", {"requests": 0})["requests"]


def within_two_per_cent(simulator, table, more=0):
    serial = serial_calls(len(simulator.truth(table)))
    assert calls(simulator, table) <= serial + max(1, serial * 2 // 100) + more


def test_reading_ahead_costs_two_per_cent(simulate, database):
    simulator = simulate(*SLOWLY)
    sync(simulator, database.url, *BOTH)
    assert_equals_truth(simulator, database, TABLES)
    assert simulator.stats()["max_in_flight"] >= 3
    for table in TABLES:
        within_two_per_cent(simulator, table)
    starts = [int(each["start"]) for each in queries(simulator, FILES)]
    assert starts != sorted(starts)


@pytest.mark.parametrize(
    "options", [("--files", "95"), ("--latency-ms", "0")], ids=["short", "at once"]
)
def test_page_after_page_where_that_is_as_good(simulate, database, options):
    simulator = simulate(*SLOWLY, "--notes", "0", "--burst", "20", *options)
    sync(simulator, database.url, *BOTH)
    starts = [int(each["start"]) for each in queries(simulator, FILES)]
    assert starts == sorted(set(starts))
    assert calls(simulator, "files") == serial_calls(len(simulator.truth("files")))
    assert_equals_truth(simulator, database, TABLES)


def test_what_changes_while_pages_are_under_way(simulate, database):
    """Rows that go pull the others up, ten times, under pages that were asked for before and after."""
    simulator = simulate(*SLOWLY)
    ids = {table: [row["id"] for row in simulator.truth(table)] for table in TABLES}
    process = start_sync(simulator, database.url, *BOTH)
    for step in range(10):
        wait_until(lambda: calls(simulator, "files") > 10 + 8 * step, what="pages")
        simulator.advance(3)
        for table in TABLES:
            gone = ids[table][30 * step : 30 * step + 3]
            simulator.admin("delete", entity=table, ids=gone)
            simulator.admin("bulk", entity=table, count=5, from_id=ids[table][400])
            simulator.admin("bulk_add", entity=table, count=2)
            if step % 3 == 2:
                simulator.admin("undelete", entity=table, ids=gone[:1])
    assert finish_sync(process).code == 0
    simulator.advance(7 * 3600)
    sync(simulator, database.url, *BOTH)
    # Rows that were deleted behind the reader are known to be gone after a full pass only.
    gone = {
        table: {row["id"] for row in simulator.truth(table) if not row["active_flag"]}
        for table in TABLES
    }
    assert_equals_truth(simulator, database, TABLES, ignore_rows=gone)
    sync(simulator, database.url, *BOTH, command="refresh")
    assert_equals_truth(simulator, database, TABLES)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 503, "count": 3},
        {"kind": "html"},
        {"kind": "burst429", "retry_after": 1},
        {"kind": "reset_body"},
        {"kind": "empty"},
        {"kind": "no_id"},
        {"kind": "wrong_shape", "shape": "object"},
        {"kind": "latency", "ms": 700},
    ],
    ids=lambda fault: fault["kind"],
)
def test_answers_that_fail_in_between(simulate, database, fault):
    simulator = simulate(*SLOWLY)
    simulator.fault(**fault, path=FILES, nth=20)
    sync(simulator, database.url, *BOTH)
    assert_equals_truth(simulator, database, TABLES)


def test_what_only_a_page_ahead_meets_fails_no_table(simulate, database):
    """The walk asks again in its turn. After five pages the first guess leaps over three more."""
    simulator = simulate(*SLOWLY, "--latency-ms", "200", "--files", "300")
    simulator.fault("status", status=404, path=FILES, query=f"start={(5 + 4) * 19}&")
    sync(simulator, database.url, "--tables", "files")
    assert simulator.stats()["faults"] == 1
    assert_equals_truth(simulator, database, ["files"])


def test_a_page_that_is_too_large(simulate, database):
    simulator = simulate(*SLOWLY)
    simulator.fault("pad", path=FILES, nth=20, bytes=40_000_000)
    sync(simulator, database.url, *BOTH)
    assert_equals_truth(simulator, database, TABLES)


@pytest.mark.parametrize("tokens", [202, 502])
def test_tokens_that_run_out(simulate, database, tokens):
    """Each run spends what it may, and reads nothing ahead that lies behind its end."""
    simulator = simulate(*SLOWLY, "--notes", "0")
    words = ("--tables", "files", "--max-tokens", tokens)
    for _ in range(20):
        before = simulator.stats()["tokens"]
        result = sync(simulator, database.url, *words, code=None)
        assert simulator.stats()["tokens"] - before <= tokens
        if result.code == 0:
            break
        assert result.code == 75
    assert result.code == 0
    assert_equals_truth(simulator, database, ["files"])
    within_two_per_cent(simulator, "files", more=1)  # the last run catches up


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_ends_in_between(simulate, database, how):
    simulator = simulate(*SLOWLY)
    process = start_sync(simulator, database.url, *BOTH)
    wait_until(lambda: calls(simulator, "files") > 50, what="half of the pages")
    process.send_signal(how)
    process.communicate()
    walk = database.state()["files"]["lists"]["all"]["walk"]
    ids = sorted(row["id"] for row in simulator.truth("files"))
    # The state speaks of what was stored, in order, and of nothing that was under way.
    assert ids[walk["start"]] == walk["anchor"]
    assert sorted(database.rows("files")) == ids[: walk["start"] + 1]
    gone = ids[3:6]
    simulator.admin("delete", entity="files", ids=gone)
    simulator.advance(120)
    sync(simulator, database.url, *BOTH)
    assert_equals_truth(simulator, database, TABLES, ignore_rows={"files": set(gone)})
