"""Faults on request: what a client sees of each kind."""

import http.client
import json
import socket
import time
from urllib.parse import urlsplit

import pytest
from simclient import STEADY

PATH = "/api/v2/persons"


def fault(simulator, kind, **arguments):
    simulator.admin("fault", kind=kind, path=PATH, **arguments)


@pytest.fixture
def real(fresh):
    """The answer that a fault spoils."""
    return fresh.get(PATH)


@pytest.mark.parametrize("status", [400, 402, 403, 404, 408, 410, 500, 501, 502, 503, 504, 524])
def test_status(fresh, status):
    fault(fresh, "status", status=status)
    answer = fresh.get(PATH)
    assert (answer.status, answer.json["success"]) == (status, False)
    assert fresh.get(PATH).status == 200


def test_truncate(fresh, real):
    fault(fresh, "truncate", fraction=0.5)
    with pytest.raises(http.client.IncompleteRead) as caught:
        fresh.get(PATH)
    part = caught.value.partial
    assert real.body.startswith(part)
    assert 0.4 < len(part) / len(real.body) < 0.6


def test_reset(fresh):
    fault(fresh, "reset")
    with pytest.raises(ConnectionResetError):
        fresh.get(PATH)
    assert fresh.get(PATH).status == 200


def test_reset_inside_the_body(fresh):
    fault(fresh, "reset_body", fraction=0.5)
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        fresh.get(PATH)
    assert fresh.get(PATH).status == 200


def test_slow(fresh, real):
    fault(fresh, "slow", bytes_per_second=len(real.body) * 2)
    before = time.monotonic()
    assert fresh.get(PATH).body == real.body
    assert 0.3 < time.monotonic() - before < 2


@pytest.mark.parametrize("status", [200, 502])
def test_html(fresh, status):
    fault(fresh, "html", status=status)
    answer = fresh.get(PATH)
    assert (answer.status, answer.headers.get_content_type()) == (status, "text/html")
    assert b"<html" in answer.body.lower()


def test_null(fresh):
    fault(fresh, "null")
    answer = fresh.get(PATH)
    assert (answer.status, answer.json) == (200, None)


def test_empty(fresh):
    fault(fresh, "empty")
    answer = fresh.get(PATH)
    assert (answer.status, answer.body) == (200, b"")


def test_garbage(fresh):
    fault(fresh, "garbage")
    answer = fresh.get(PATH)
    assert answer.status == 200
    with pytest.raises(ValueError):
        json.loads(answer.body)


def test_bad_utf8(fresh):
    fault(fresh, "bad_utf8")
    answer = fresh.get(PATH)
    assert answer.status == 200
    with pytest.raises(UnicodeDecodeError):
        answer.body.decode()


def test_deep(fresh):
    fault(fresh, "deep", depth=500)
    assert fresh.get(PATH).body.count(b"[" * 400) == 1


def test_pad(fresh, real):
    fault(fresh, "pad", bytes=1_000_000)
    answer = fresh.get(PATH)
    assert len(answer.body) >= 1_000_000
    assert answer.json == real.json


def test_no_id(fresh, real):
    fault(fresh, "no_id")
    rows = fresh.get(PATH).data
    assert "id" not in rows[0]
    assert rows[1:] == real.data[1:]


def test_repeat_cursor(fresh):
    cursor = fresh.get(PATH, limit=5).json["additional_data"]["next_cursor"]
    fault(fresh, "repeat_cursor")
    answer = fresh.get(PATH, limit=5, cursor=cursor)
    assert answer.json["additional_data"]["next_cursor"] == cursor


@pytest.mark.parametrize(
    "kind,text", [("burst429", "Request over limit"), ("daily429", "daily request budget exceeded")]
)
def test_429(fresh, kind, text):
    fault(fresh, kind, retry_after=3939)
    answer = fresh.get(PATH)
    assert answer.status == 429
    assert text in answer.json["error"]
    assert answer.headers["retry-after"] == "3939"


def test_block403(fresh):
    fault(fresh, "block403")
    answer = fresh.get(PATH)
    assert (answer.status, answer.headers.get_content_type()) == (403, "text/html")
    assert b"cloudflare" in answer.body.lower()


@pytest.mark.parametrize("shape,kind", [("string", str), ("object", dict), ("number", int)])
def test_wrong_shape(fresh, shape, kind):
    fault(fresh, "wrong_shape", shape=shape)
    assert isinstance(fresh.get(PATH).data, kind)


def test_success_false(fresh):
    fault(fresh, "success_false")
    answer = fresh.get(PATH)
    assert (answer.status, answer.json["success"]) == (200, False)


def test_latency(fresh, real):
    fault(fresh, "latency", ms=400)
    before = time.monotonic()
    assert fresh.get(PATH).body == real.body
    assert time.monotonic() - before >= 0.4


def test_hang(fresh):
    fault(fresh, "hang", ms=60000)
    with socket.create_connection((urlsplit(fresh.url).hostname, urlsplit(fresh.url).port)) as one:
        request = f"GET {PATH} HTTP/1.1\r\nhost: x\r\nx-api-token: {fresh.token}\r\n\r\n"
        one.sendall(request.encode())
        one.settimeout(0.5)
        with pytest.raises(TimeoutError):
            one.recv(1)
    assert fresh.get(PATH).status == 200, "others are served meanwhile"


def statuses(simulator, count, **query):
    return [simulator.get(PATH, **query).status for _ in range(count)]


def test_nth_and_count(fresh):
    fault(fresh, "status", status=503, nth=3, count=2)
    assert statuses(fresh, 6) == [200, 200, 503, 503, 200, 200]


def test_count_0_is_for_ever(fresh):
    fault(fresh, "status", status=503, count=0)
    assert statuses(fresh, 5) == [503] * 5
    fresh.admin("faults_clear")
    assert statuses(fresh, 2) == [200, 200]


def test_path_and_query_pick_requests(fresh):
    fault(fresh, "status", status=503, query="limit=7", count=0)
    assert fresh.get("/api/v2/deals", limit=7).status == 200
    assert statuses(fresh, 2, limit=8) == [200, 200]
    assert statuses(fresh, 2, limit=7) == [503, 503]


def test_probability(fresh):
    fault(fresh, "status", status=503, probability=0.5)
    hit = statuses(fresh, 200).count(503)
    assert 60 < hit < 140


def test_the_dice_are_the_seeds(start):
    rolls = []
    for simulator in (start(*STEADY), start(*STEADY)):
        fault(simulator, "status", status=503, probability=0.5)
        rolls.append(statuses(simulator, 40))
    assert rolls[0] == rolls[1]


def test_an_unknown_kind_is_refused(fresh):
    answer = fresh.request("POST", "/_sim/fault", {}, b'{"kind":"meteor"}')
    assert (answer.status, answer.json["ok"]) == (400, False)


def test_faults_are_counted(fresh):
    fault(fresh, "status", status=503)
    fresh.admin("reset_counters")
    fresh.get(PATH)
    assert fresh.read("stats")["faults"] == 1
