"""The two limiters, the gateway's 401, the HTML block (API.md sections 2 and 4)."""

import time

import pytest
from simclient import SEED, STEADY

BURST = {"lite": 20, "growth": 40, "premium": 100, "ultimate": 120}
MULTIPLIER = {"lite": 1, "growth": 2, "premium": 5, "ultimate": 7}
CHEAP = "/v1/users/me"


def until_refused(simulator, count=200):
    """Asks until a 429 comes; that answer and how many went well."""
    for good in range(count):
        answer = simulator.get(CHEAP)
        if answer.status != 200:
            return answer, good
    raise AssertionError(f"{count} requests and no 429")


@pytest.mark.parametrize("plan", BURST)
def test_the_burst_window(start, plan):
    answer, good = until_refused(start(*SEED, "--plan", plan))
    assert (answer.status, good) == (429, BURST[plan])


def test_the_burst_headers(start):
    simulator = start(*SEED, "--plan", "lite")
    headers = [simulator.get(CHEAP).headers for _ in range(3)]
    assert [each["x-ratelimit-limit"] for each in headers] == ["20"] * 3
    assert [each["x-ratelimit-remaining"] for each in headers] == ["19", "18", "17"]
    assert all(0 <= int(each["x-ratelimit-reset"]) <= 2 for each in headers)


@pytest.mark.parametrize("size", [3, 130])
def test_a_chosen_burst_window(start, size):
    """In place of the plan's, smaller or larger than any plan's; a later plan leaves it alone."""
    simulator = start(*SEED, "--plan", "lite", "--burst", str(size))
    simulator.admin("plan", plan="premium")
    answer, good = until_refused(simulator)
    assert (answer.status, good) == (429, size)
    assert answer.headers["x-ratelimit-limit"] == str(size)
    assert answer.headers["x-ratelimit-remaining"] == "0"


def test_the_largest_burst_window_refuses_nobody(start):
    simulator = start(*SEED, "--burst", "1000000")
    answers = [simulator.get(CHEAP) for _ in range(300)]
    assert {answer.status for answer in answers} == {200}
    assert answers[-1].headers["x-ratelimit-limit"] == "1000000"
    assert 1000000 - 300 <= int(answers[-1].headers["x-ratelimit-remaining"]) < 1000000


def test_nothing_is_used_up_without_limits(start):
    """Nothing of the burst window, that is; the tokens of the day are counted still."""
    simulator = start(*SEED, "--plan", "lite", "--no-limits")
    headers = [simulator.get(CHEAP).headers for _ in range(30)]
    assert {each["x-ratelimit-limit"] for each in headers} == {"20"}
    assert {each["x-ratelimit-remaining"] for each in headers} == {"20"}
    left = [int(each["x-daily-ratelimit-token-remaining"]) for each in headers]
    assert left[0] - left[-1] == 2 * 29


def test_limits_that_come_back_start_with_an_empty_window(start):
    simulator = start(*SEED, "--plan", "lite")
    until_refused(simulator)
    simulator.admin("limits", on=False)
    assert simulator.get(CHEAP).headers["x-ratelimit-remaining"] == "20"
    simulator.admin("limits", on=True)
    assert until_refused(simulator)[1] == 20


def test_the_burst_429(start):
    answer, _ = until_refused(start(*SEED, "--plan", "lite"))
    assert answer.json["success"] is False
    assert "Request over limit" in answer.json["error"]
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert int(answer.headers["x-daily-ratelimit-token-remaining"]) > 0


def test_the_window_passes(start):
    simulator = start(*SEED, "--plan", "lite")
    until_refused(simulator)
    time.sleep(2.1)
    assert simulator.get(CHEAP).status == 200


def test_the_burst_is_counted_per_token(start):
    simulator = start(*SEED, "--plan", "lite")
    until_refused(simulator)
    assert simulator.get(CHEAP, token=simulator.member_token).status == 200


def test_ignored_429s_end_in_the_html_block(start):
    simulator = start(*SEED, "--plan", "lite", "--set", "block_grace_ms=0")
    until_refused(simulator)
    for _ in range(10):
        answer = simulator.get(CHEAP)
        if answer.status == 403:
            break
    assert answer.status == 403
    assert answer.headers.get_content_type() == "text/html"
    assert b"cloudflare" in answer.body.lower()
    assert b"<html" in answer.body.lower()


def test_the_block_ends(start):
    settings = ("--set", "block_grace_ms=0", "--set", "block_seconds=1")
    simulator = start(*SEED, "--plan", "lite", *settings)
    until_refused(simulator)
    statuses = [simulator.get(CHEAP).status for _ in range(5)]
    assert statuses[-1] == 403
    time.sleep(2.2)
    assert simulator.get(CHEAP).status == 200


@pytest.mark.parametrize("plan", MULTIPLIER)
@pytest.mark.parametrize("seats", [1, 5])
def test_the_daily_budget(start, plan, seats):
    simulator = start(*SEED, "--plan", plan, "--seats", str(seats))
    headers = simulator.get(CHEAP).headers
    budget = 30000 * MULTIPLIER[plan] * seats
    assert int(headers["x-daily-ratelimit-token-limit"]) == budget
    assert int(headers["x-daily-ratelimit-token-remaining"]) == budget - 2


@pytest.fixture
def spent(start):
    """A company whose day has one list call left."""
    simulator = start(*SEED, "--frozen-clock", "--plan", "lite", "--seats", "1")
    simulator.admin("budget", used=30000 - 10)
    return simulator


def test_the_daily_429(spent):
    assert spent.get("/api/v2/deals").status == 200
    answer = spent.get("/api/v2/deals")
    assert answer.status == 429
    assert answer.json == {
        "success": False,
        "error": "daily request budget exceeded",
        "errorCode": 429,
        "error_info": "Please check developers.pipedrive.com",
    }
    assert answer.headers["x-daily-ratelimit-token-remaining"] == "0"


def test_the_daily_429_says_when_the_day_ends(spent):
    spent.get("/api/v2/deals")
    wait = int(spent.get("/api/v2/deals").headers["retry-after"])
    hour, minute, second = map(int, spent.now()[11:19].split(":"))
    midnight = 24 * 3600 - (hour * 60 + minute) * 60 - second
    assert abs(wait - midnight) <= 1
    spent.admin("clock", advance=wait - 60)
    assert spent.get("/api/v2/deals").status == 429
    spent.admin("clock", advance=120)
    assert spent.get("/api/v2/deals").status == 200


def test_the_daily_budget_is_the_companys(spent):
    spent.get("/api/v2/deals")
    assert spent.get("/api/v2/deals", token=spent.member_token).status == 429


def test_the_daily_budget_is_not_another_companys(start):
    simulator = start(*SEED, "--companies", "2", "--plan", "lite", "--seats", "1")
    simulator.admin("budget", company=simulator.companies[0]["company_id"], used=30000)
    other = simulator.companies[1]["token"]
    assert simulator.get("/api/v2/deals").status == 429
    assert simulator.get("/api/v2/deals", token=other).status == 200


def test_the_price_is_flat(steady):
    """The same whatever the page size (API.md section 4)."""
    prices = []
    for limit in (1, 500):
        steady.admin("reset_counters")
        steady.get("/api/v2/deals", limit=limit)
        prices.append(steady.read("stats")["tokens"])
    assert prices == [10, 10]


@pytest.mark.parametrize("path", ["/v1/users/me", "/v1/notes", "/api/v2/deals", "/api/v2/deals/1"])
@pytest.mark.parametrize("token", ["f" * 40, "short"])
def test_the_gateways_401(steady, path, token):
    answer = steady.get(path, token=token)
    assert (answer.status, answer.headers["x-401-by-gw"]) == (401, "true")
    assert answer.json == {
        "success": False,
        "error": "unauthorized access",
        "errorCode": 401,
        "error_info": "Please check developers.pipedrive.com",
    }


def test_no_token_is_401(steady):
    assert steady.request("GET", "/v1/users/me", {}).status == 401


@pytest.mark.parametrize(
    "target,headers",
    [
        ("/v1/users/me?api_token={}", {}),
        ("/v1/users/me", {"Authorization": "Bearer {}"}),
        ("/v1/users/me", {"X-API-Token": "{}"}),
    ],
)
def test_three_ways_to_send_the_token(steady, target, headers):
    headers = {name: value.format(steady.token) for name, value in headers.items()}
    assert steady.request("GET", target.format(steady.token), headers).status == 200


def test_a_rotated_token_is_dead(fresh):
    new = fresh.admin("rotate_token")["token"]
    assert len(new) == 40
    assert fresh.get(CHEAP).status == 401
    assert fresh.get(CHEAP, token=new).status == 200
    assert fresh.get(CHEAP, token=fresh.member_token).status == 200
    assert fresh.admin("rotate_token")["token"] not in (new, fresh.token)
    assert fresh.get(CHEAP, token=new).status == 401


def test_only_the_companys_token_rotates(start):
    simulator = start(*STEADY, "--companies", "2")
    other = simulator.companies[1]
    new = simulator.admin("rotate_token", company=other["company_id"])["token"]
    assert simulator.get(CHEAP).status == 200
    assert simulator.get(CHEAP, token=other["token"]).status == 401
    assert simulator.get(CHEAP, token=new).status == 200


def test_every_answer_has_a_correlation_id(steady):
    found = {
        steady.get(path).headers["x-correlation-id"] for path in (CHEAP, "/api/v2/deals", "/v1/x")
    }
    assert len(found) == 3 and None not in found


def test_the_date_header_is_the_simulated_clock(fresh):
    fresh.admin("clock", set="2026-11-21T08:09:10Z", freeze=True)
    assert fresh.get(CHEAP).headers["date"] == "Sat, 21 Nov 2026 08:09:10 GMT"


def test_the_token_never_appears_in_the_log(steady):
    steady.request("GET", f"/v1/users/me?api_token={steady.token}", {})
    assert steady.token not in str(steady.read("requests", last=5))
