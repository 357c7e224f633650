"""Two runs on one connection of a server, and one that is paused while another takes over: refused or
fenced, nothing mixed, nobody hangs. For SQLite see tests/e2e/test_concurrent.py."""

import os
import random
import signal
import time

import pytest
from harness import assert_equals_truth, finish_sync, random_seed, sync
from stores import DESTINATIONS, open_store
from test_concurrent import COMPANY, ROOM, assert_refused, run_ids, start_and_wait


@pytest.fixture(params=[kind for kind in DESTINATIONS if kind != "sqlite"])
def store(request, tmp_path):
    store = open_store(request.param, tmp_path)
    yield store
    store.close()


@pytest.fixture
def database(store):
    database = store.fresh()
    yield database
    store.drop(database)


def assert_refused_at_once(simulator, database, holder):
    start = time.monotonic()
    refused = sync(simulator, database.url, code=None)
    assert time.monotonic() - start < ROOM
    assert_refused(refused, holder)
    assert refused.rows() == {}


def test_a_second_run_is_refused(simulate, database):
    simulator = simulate(*COMPANY, "--latency-ms", "400")  # it must not end while the other asks
    first = start_and_wait(simulator, database)
    assert_refused_at_once(simulator, database, first)
    assert finish_sync(first).code == 0
    assert_equals_truth(simulator, database)
    assert len(run_ids(database)) == 1


@pytest.mark.parametrize("n", range(3))
def test_a_paused_run_is_taken_over(simulate, store, database, n):
    """Its session ends at the server, as when its machine sleeps: it must not go on where it was."""
    simulator = simulate(*COMPANY)
    first = start_and_wait(simulator, database, requests=8 + 6 * n)
    time.sleep(random.Random(random_seed()).random() * 0.05)  # anywhere, also inside a commit
    os.kill(first.pid, signal.SIGSTOP)
    try:
        assert_refused_at_once(simulator, database, first)
        for session in store.sessions(database):
            store.end_session(session)
        store.wait_until_free(database)
        second = sync(simulator, database.url)
    finally:
        os.kill(first.pid, signal.SIGCONT)
    late = finish_sync(first)
    assert late.code in (1, 75) and "run again" in late.report["error"]["message"], late
    assert_equals_truth(simulator, database)
    assert second.code == 0 and sync(simulator, database.url).rows() == {}
