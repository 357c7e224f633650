"""The program itself: its ready line, its end, its options, many clients at once."""

import concurrent.futures
import json
import signal
import socket
import subprocess
import time
import urllib.request

import pytest
from simclient import BINARY, STEADY


def run(*options):
    return subprocess.run([BINARY, *options], capture_output=True, text=True, timeout=10)


def test_the_ready_line(steady):
    """The contract of simulator/README.md."""
    assert steady.ready.keys() >= {"url", "companies"}
    company = steady.companies[0]
    assert company.keys() >= {"company_id", "domain", "token", "user_id", "member_token"}
    assert len(company["token"]) == len(company["member_token"]) == 40
    assert company["token"] != company["member_token"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(number):
    process = subprocess.Popen(
        [BINARY, "--port", "0", *STEADY, "--quiet"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert json.loads(process.stdout.readline())
    process.send_signal(number)
    rest, notes = process.communicate(timeout=10)
    assert (process.returncode, rest, notes) == (0, b"", b"")


@pytest.mark.parametrize(
    "options",
    [
        ["--nonsense"],
        ["--size", "huge"],
        ["--plan", "free"],
        ["--set", "nonsense=on"],
        ["--set", "closed=perhaps"],
        ["--port", "x"],
        ["--now", "yesterday"],
        ["--users", "1"],
        ["--tie-share", "moons=5"],
        ["--burst", "0"],
        ["--burst", "1000001"],
    ],
)
def test_a_wrong_option_is_refused(options):
    ended = run("--port", "0", *options)
    assert ended.returncode not in (0, -signal.SIGSEGV, -signal.SIGABRT)
    assert ended.stdout == ""
    assert ended.stderr


def test_a_chosen_port(start):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert start(*STEADY, "--port", str(port)).url == f"http://127.0.0.1:{port}"


def test_a_taken_port_is_told(steady):
    ended = run("--port", steady.url.rpartition(":")[2])
    assert ended.returncode != 0
    assert (ended.stdout, bool(ended.stderr)) == ("", True)


def test_many_clients_at_once(steady):
    def ask(number):
        request = urllib.request.Request(
            f"{steady.url}/api/v2/deals?limit={number % 50 + 1}",
            headers={"x-api-token": steady.token},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return len(json.load(answer)["data"])

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        assert [*pool.map(ask, range(200))] == [number % 50 + 1 for number in range(200)]


def test_latency_does_not_queue(start):
    """Ten calls of 300 ms side by side take little more than one."""
    simulator = start(*STEADY, "--latency-ms", "300")

    def ask(_):
        headers = {"x-api-token": simulator.token}
        request = urllib.request.Request(f"{simulator.url}/v1/users/me", headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status

    before = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        assert {*pool.map(ask, range(10))} == {200}
    assert 0.3 <= time.monotonic() - before < 1.5
    assert simulator.read("stats")["max_in_flight"] >= 5


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_it_is_read_only(steady, method):
    answer = steady.request(method, "/api/v2/deals/1", {"x-api-token": steady.token}, b"{}")
    assert answer.status in (404, 405, 501)
    assert steady.get("/api/v2/deals/1").status == 200
