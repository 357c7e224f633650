"""Headers, clocks and settings of the budget that make no sense: each run ends as it should, with what it said it would
do, and the next one goes on to tables that are right."""

import json

import pytest
from harness import (
    Sqlite,
    assert_equals_truth,
    finish_sync,
    run_penstock,
    start_sync,
    sync,
    wait_until,
)
from section4 import Between
from spending import DAY, ME, POOL, SMALL, Company, parked

BURST = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
DAILY = ("x-daily-ratelimit-token-limit", "x-daily-ratelimit-token-remaining")


@pytest.fixture
def company(simulate):
    def start(*options):
        return Company(simulate(*SMALL, *options))

    return start


def all_set_to(value):
    return lambda headers, _: headers | dict.fromkeys((*BURST, *DAILY, "retry-after"), value)


def without(*names):
    return lambda headers, _: {name: headers[name] for name in headers if name not in names}


def in_turns(*changes):
    return lambda headers, n: changes[n % len(changes)](headers, n)


def as_it_is(headers, _):
    return headers


HEADERS = {
    "missing": without(*BURST, *DAILY),
    "negative": all_set_to("-5"),
    "huge": all_set_to("99999999999999999999999"),
    "words": all_set_to("unlimited"),
    "empty": all_set_to(""),
    "decimal": all_set_to("20.5"),
    "more left than there is": lambda headers, _: headers | {DAILY[1]: str(10 * POOL)},
    "coming and going": in_turns(as_it_is, without(*BURST, *DAILY), all_set_to("-1")),
    "no date after a while": lambda headers, n: without("date")(headers, n) if n > 5 else headers,
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS.keys())
def test_headers(company, database, headers):
    """The budget is that of the smallest plan, or what was told last; the rest of the run is not disturbed."""
    acme = company("--deals", 40)
    with Between(acme.simulator, "/", headers=headers) as between:
        result = sync(between, database.url, "--budget", "1500", code=75)
        parked(result, "budget of 750 tokens", "is used up", "left to do: dealflow (")
        assert 750 - 40 <= acme.count() <= 750 + ME
        acme.advance(DAY + 60)
    sync(acme.simulator, database.url)
    assert_equals_truth(acme.simulator, database)


@pytest.mark.parametrize("value", [0, 1, 2])
def test_company_without_tokens(company, database, value):
    """A day of no tokens is no limit anybody has; one of 1 or 2 is believed, until a header says otherwise."""
    acme = company("--deals", 20)
    with Between(acme.simulator, "/", headers=all_set_to(str(value))) as between:
        parked(sync(between, database.url, code=75))
        assert acme.count() <= ME + 20
    acme.advance(DAY + 60)
    sync(acme.simulator, database.url)
    assert_equals_truth(acme.simulator, database)


def test_reserve_larger_than_the_pool(company, tmp_path):
    acme = company("--deals", 20)
    (tmp_path / "penstock.yaml").write_text(
        f"connections:\n  - name: a\n    api_token: env:ACME\n    api_url: {acme.simulator.url}\n"
        "    destination: sqlite:a.db\n    budget: {reserve: 40000}\n"
    )
    run = run_penstock("sync", cwd=tmp_path, env={"ACME": acme.simulator.token})
    assert run.returncode == 75 and acme.count() == ME
    said = "the company has 30,000 tokens a day, of which 40,000 are kept for others: lower that (budget: reserve)"
    assert said in run.stderr


@pytest.mark.parametrize(
    "budget, said",
    [
        ("per_day: 0", "a sync reads nothing: raise it (budget: per_day)"),
        ("reserve: 100%", "lower what is kept for others (budget: reserve)"),
        ("backfill: 0", "no table is loaded for the first time: raise it (budget: backfill)"),
        ("per_day: 2, reserve: 0, backfill: 1", "the next sync takes 1,"),
    ],
)
def test_plan_with_next_to_nothing(company, tmp_path, budget, said):
    acme = company("--deals", 20)
    (tmp_path / "penstock.yaml").write_text(
        f"connections:\n  - name: a\n    api_token: env:ACME\n    api_url: {acme.simulator.url}\n"
        f"    destination: sqlite:a.db\n    budget: {{{budget}}}\n"
    )
    run = run_penstock("plan", cwd=tmp_path, env={"ACME": acme.simulator.token})
    assert run.returncode == 0 and said in run.stdout, run


@pytest.mark.parametrize("bad", ["-1", "many", "1.5", "1e3", "", "20%", str(2**31), "9" * 30])
def test_bad_max_tokens(company, database, bad):
    acme = company("--deals", 0)
    run = run_penstock(
        *("sync", f"--max-tokens={bad}", "--to", database.url, "--api-url", acme.simulator.url),
        token=acme.simulator.token,
    )
    assert run.returncode == 2 and "--max-tokens" in run.stderr, run
    assert acme.count() == 0


def test_huge_max_tokens(company, database):
    acme = company("--deals", 20)
    sync(acme.simulator, database.url, "--max-tokens", 2**31 - 1)
    assert_equals_truth(acme.simulator, database)


@pytest.mark.parametrize(
    "headers", [without("date"), lambda headers, _: headers | {"date": "yesterday"}]
)
def test_server_that_tells_no_time(company, database, headers):
    """No bookmark can be set without the server's time, so nothing is read."""
    acme = company("--deals", 20)
    with Between(acme.simulator, "/", headers=headers) as between:
        result = sync(between, database.url, code=1)
        assert "does not say what time it is" in result.report["error"]["message"]
        assert acme.count() == ME
    sync(acme.simulator, database.url)
    assert_equals_truth(acme.simulator, database)


def shift_record(state_dir, seconds):
    """As if the record were so much younger, or older: what a clock that jumped leaves behind."""
    path = state_dir / "company-7001.json"
    record = json.loads(path.read_text())
    record["entries"] = [[at + seconds, *spent] for at, *spent in record["entries"]]
    path.write_text(json.dumps(record))


@pytest.mark.parametrize("days", [1, 3650])
def test_record_from_the_future(company, database, state_dir, days):
    """It counts for a day from now, and no longer."""
    acme = company("--deals", 100)
    parked(sync(acme.simulator, database.url, code=75))
    acme.count()
    shift_record(state_dir, days * DAY)
    parked(sync(acme.simulator, database.url, code=75))
    assert acme.count() <= ME + 100
    acme.advance(DAY + 60)
    sync(acme.simulator, database.url)
    assert_equals_truth(acme.simulator, database)


def test_a_second_with_more_rows_than_a_run_may_read(company, database):
    """A bulk import of 30,000 rows, 60 pages; each run may read 25. (A million: tests/unit/test_walk_million.c.)"""
    acme = company("--deals", 0, "--activities", 10)
    words = ("--tables", "activities")
    sync(acme.simulator, database.url, *words)
    acme.advance(3600)
    acme.simulator.admin("bulk_add", entity="activities", count=30_000)
    acme.advance(3600)
    acme.count()
    for _ in range(2):
        parked(sync(acme.simulator, database.url, *words, "--max-tokens", 252, code=75))
    sync(acme.simulator, database.url, *words)
    assert acme.count() <= 3 * ME + 62 * 10, "no page is read for nothing"
    assert_equals_truth(acme.simulator, database, ["activities"])


def test_smaller_burst_in_mid_run_of_two(simulate, tmp_path):
    """The one that is refused tells the other, which would ignore the server's wait and get the token blocked."""
    simulator = simulate(
        *("--plan", "ultimate", "--seats", 1000, "--deals", 30, "--activities", 0),
        *("--latency-ms", 50),
    )
    databases = [Sqlite(tmp_path / f"{name}.db") for name in "ab"]
    only = ("--tables", "deals,dealflow")
    runs = [start_sync(simulator, each.url, *only) for each in databases]
    wait_until(lambda: simulator.stats()["requests"] > 12)
    simulator.admin("plan", plan="lite", seats=1000)
    for process, each in zip(runs, databases):
        assert finish_sync(process).code == 0
        assert_equals_truth(simulator, each, ["deals", "dealflow"])
    assert simulator.stats()["blocked403"] == 0


def test_smaller_burst_in_mid_run(simulate, database):
    """From 120 requests in 2 s to 20: what was under way is refused once, and the run goes on at the new rate."""
    simulator = simulate(
        *("--plan", "ultimate", "--seats", 1000, "--deals", 400, "--activities", 0),
        *("--latency-ms", 100),
    )
    process = start_sync(simulator, database.url)
    wait_until(lambda: simulator.stats()["requests"] > 300)
    simulator.admin("plan", plan="lite", seats=1000)
    result = finish_sync(process)
    assert result.code == 0, result
    assert simulator.stats()["burst429"] <= 120 and simulator.stats()["blocked403"] == 0
    assert_equals_truth(simulator, database)
