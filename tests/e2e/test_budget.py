"""The budget: never past the share, whatever happens; and everything arrives in the end."""

import fcntl
import json
import random
import re
import signal
import time

import pytest
from harness import (
    Sqlite,
    SyncResult,
    assert_equals_truth,
    finish_sync,
    random_seed,
    run_penstock,
    start_sync,
    sync,
    wait_until,
)
from spending import BACKFILL, DAY, ME, POOL, RESERVE, SHARE, SMALL, Company, live_deals, parked


@pytest.fixture
def company(simulate):
    def start(*options):
        return Company(simulate(*SMALL, *options))

    return start


def run_refresh(simulator, database, *words):
    return SyncResult(
        run_penstock(
            *("refresh", "--json", "--to", database.url, "--api-url", simulator.url, *words),
            token=simulator.token,
        )
    )


def ledger(state_dir, company=7001):
    return json.loads((state_dir / f"company-{company}.json").read_text())


def booked(state_dir):
    return sum(entry[1] + entry[2] for entry in ledger(state_dir)["entries"])


# --- never past the share, and complete in the end ---


def test_first_load_over_days(company, database):
    """Runs whenever a run says it is worth it; 200 histories of 40 tokens and the lists."""
    acme = company("--deals", 200, "--users", 4)
    runs = 0
    while True:
        result = sync(acme.simulator, database.url, code=None)
        runs += 1
        spent = acme.count()
        assert spent == result.report["tokens"]
        assert acme.in_24_hours() <= SHARE, result
        assert (
            sum(row["tokens"] for row in result.tables.values() if row["table"] == "dealflow")
            <= BACKFILL
        )
        if result.code == 0:
            break
        parked(result, "next try: 20", "left to do: dealflow (")
        assert 0 < result.report["resume_s"] <= DAY + 5
        assert runs < 10
        acme.advance(result.report["resume_s"])
    assert 3 <= runs, "8,000 tokens fit into no two days of 3,000"
    assert_equals_truth(acme.simulator, database)


def test_message_in_the_run_log(company, database):
    acme = company("--deals", 200)
    result = parked(sync(acme.simulator, database.url, code=75))
    row = database.query("SELECT * FROM _penstock_runs WHERE \"table\" = 'dealflow'")[0]
    assert row["outcome"] == "parked" and row["message"] == result.report["message"]
    assert re.search(r"next try: 2026-11-2\dT", row["message"])
    # The lists came first and are complete.
    assert [name for name, row in result.tables.items() if row["outcome"] == "parked"] == [
        "dealflow"
    ]


def test_as_text(company, database):
    acme = company("--deals", 200)
    run = run_penstock(
        *("sync", "--to", database.url, "--api-url", acme.simulator.url), token=acme.simulator.token
    )
    assert run.returncode == 75
    assert (
        "the budget of 3,000 tokens in 24 hours for first loads, full passes and histories is used up"
        in run.stderr
    )
    assert "run again in " in run.stderr


def test_price_of_a_first_load(company, database):
    """Said before anything is loaded, for 10 tokens; not with -q, and not by a later run."""
    acme = company("--deals", 200, "--deleted-deals", 0)
    highest = max(row["id"] for row in acme.simulator.truth("deals"))
    words = ("sync", "--to", database.url, "--api-url", acme.simulator.url)
    run = run_penstock(*words, "--budget", "50%", token=acme.simulator.token)
    assert run.stderr.splitlines()[1] == (
        "penstock: first load: 10 or 20 tokens for 500 rows of a list, and at most "
        f"{highest * 40:,} for the histories of {highest} deals ({-(-highest // 187)} days); it may spend 7,500 a day"
    )
    run = run_penstock(*words, token=acme.simulator.token)
    assert "first load: " not in run.stderr


def test_lists_before_histories(company, database):
    """A first load whose lists alone need most of the backfill: dealflow waits for them."""
    acme = company("--deals", 60, "--activities", 30_000)  # 2,400 for histories, some 650 for lists
    result = parked(sync(acme.simulator, database.url, code=75), "left to do: dealflow (")
    assert result.tables["activities"]["outcome"] == "done"
    assert acme.count() <= BACKFILL + ME


def test_full_pass_does_not_starve_the_daily_run(company, database):
    """The full pass of deals waits for tokens; lines of deals that changed today are read all the same."""
    acme = company("--deals", 60, "--activities", 3000)
    simulator = acme.simulator
    while sync(simulator, database.url, code=None).code:
        acme.advance(DAY + 60)
    acme.advance(DAY + 60)
    acme.count()
    product = simulator.truth("products")[0]["id"]
    deal = live_deals(simulator)[0]
    line = simulator.admin("line_add", deal=deal, product=product)["id"]
    words = ("--budget", "600")  # 300 for the pass, whose activities alone cost 60
    tables = (
        "--tables",
        "deals,deal_products,activities,persons,files,notes,products,organizations",
    )
    result = run_refresh(simulator, database, *words, *tables)
    assert acme.count() <= 600
    assert result.tables["deal_products"]["outcome"] in ("done", "parked")
    assert line in database.rows("deal_products")
    while result.code:
        parked(result)
        acme.advance(DAY + 60)
        result = run_refresh(simulator, database, *words, *tables)
        assert acme.count() <= 600
    assert_equals_truth(simulator, database, tables[1].split(","))


def test_full_pass_does_not_wait_for_histories(company, database):
    """Half of the backfill (200 tokens) is kept for the pass; its activities alone need that."""
    acme = company("--deals", 200, "--activities", 9000)
    sync(acme.simulator, database.url, "--tables", "deals,activities")
    acme.advance(2 * DAY)
    acme.count()
    result = parked(
        run_refresh(
            *(acme.simulator, database, "--tables", "deals,activities,dealflow"),
            *("--budget", "800"),
        ),
        "left to do: dealflow (",
        "400 tokens in 24 hours for first loads, full passes and histories",
    )
    assert result.tables["activities"]["outcome"] == "done"
    assert 400 - 40 < acme.count()


# --- one run's own limit ---


@pytest.mark.parametrize("most", [0, 1, 2, 3, 57, 200, 1000])
def test_max_tokens(company, database, most):
    acme = company("--deals", 40)
    result = sync(acme.simulator, database.url, "--max-tokens", most, code=75)
    assert acme.count() == result.report["tokens"] <= most
    assert most < 2 or result.report["tokens"] > most - 40, "it stopped before it had to"
    parked(result, f"--max-tokens {most}")
    message = result.report["message"]
    assert ("left to do: " in message) == (most >= ME)
    # Another run helps only where one request goes with asking who one is.
    assert ("run again" in message) == (most > ME + 20)
    assert ("at least" in message) == (most <= ME + 20)
    sync(acme.simulator, database.url)
    assert_equals_truth(acme.simulator, database)


def test_max_tokens_that_suffice(company, database):
    acme = company("--deals", 40)
    result = sync(acme.simulator, database.url, "--max-tokens", 6000)
    assert result.report["tokens"] < 6000


# --- two at once, and kills ---


def test_two_processes(company, tmp_path):
    """Two connections of one company, each into its own database: together one share."""
    acme = company("--deals", 200)
    both = [Sqlite(tmp_path / f"{name}.db") for name in "ab"]
    running = [start_sync(acme.simulator, database.url) for database in both]
    for process in running:
        parked(finish_sync(process))
    assert BACKFILL - 100 < acme.count() <= BACKFILL + 2 * ME


def test_two_connections_of_one_process(company, tmp_path):
    acme = company("--deals", 200)
    (tmp_path / "penstock.yaml").write_text(
        "connections:\n"
        + "".join(
            f"  - {{name: {name}, api_token: env:ACME, api_url: '{acme.simulator.url}', "
            f"destination: 'sqlite:{name}.db'}}\n"
            for name in "ab"
        )
    )
    run = run_penstock("sync", "--json", cwd=tmp_path, env={"ACME": acme.simulator.token})
    assert run.returncode == 75, run
    assert BACKFILL - 100 < acme.count() <= BACKFILL + 2 * ME


def test_kill(company, database, state_dir):
    """What was booked is still counted, and at most a block of it was not spent."""
    acme = company("--deals", 200)
    process = start_sync(acme.simulator, database.url)
    wait_until(lambda: acme.simulator.stats()["tokens"] > 1500)
    process.kill()
    process.communicate()
    spent = acme.count()
    assert spent <= booked(state_dir) <= BACKFILL + ME + 50
    parked(sync(acme.simulator, database.url, code=75))
    acme.count()
    assert acme.in_24_hours() <= BACKFILL + 2 * ME + 70  # and the lists that are loaded


@pytest.mark.parametrize("point", ["ledger-write", "ledger-rename"])
def test_kill_while_booking(company, database, state_dir, point):
    acme = company("--deals", 200)
    nth = random.Random(random_seed()).randrange(3, 40)  # before them users/me is not booked yet
    process = start_sync(acme.simulator, database.url, env={"PENSTOCK_FAULT": f"{point}:{nth}"})
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert acme.count() <= booked(state_dir)
    parked(sync(acme.simulator, database.url, code=75))
    acme.count()
    assert acme.in_24_hours() <= BACKFILL + 2 * ME + 70  # and the lists that are loaded
    acme.advance(DAY + 60)
    sync(acme.simulator, database.url, code=75)
    assert acme.count() > BACKFILL - 200


def test_unspent_tokens_go_back(company, database, state_dir):
    acme = company("--deals", 20)
    sync(acme.simulator, database.url)
    assert booked(state_dir) == acme.count()


def test_paused_process_does_not_hang_others(company, tmp_path, state_dir):
    acme = company("--deals", 200)
    process = start_sync(acme.simulator, Sqlite(tmp_path / "a.db").url)
    wait_until(lambda: acme.simulator.stats()["tokens"] > 500)
    process.send_signal(signal.SIGSTOP)
    try:
        parked(sync(acme.simulator, Sqlite(tmp_path / "b.db").url, code=75))
    finally:
        process.send_signal(signal.SIGCONT)
    finish_sync(process)
    assert acme.count() <= BACKFILL + 2 * ME


def test_record_that_somebody_holds(company, database, state_dir):
    """A process that was stopped in the middle of a booking: it is waited for once, not for every table."""
    acme = company("--deals", 20)
    state_dir.mkdir()
    with open(state_dir / "company-7001.json.lock", "w") as lock:
        began = time.monotonic()
        process = start_sync(acme.simulator, database.url)
        wait_until(lambda: acme.simulator.stats()["tokens"] > 100)
        fcntl.flock(lock, fcntl.LOCK_EX)
        parked(finish_sync(process), "another penstock holds the record of spent tokens")
        assert time.monotonic() - began < 15
    sync(acme.simulator, database.url)
    assert_equals_truth(acme.simulator, database)


# --- what the pool is ---


def test_headers_missing(company, database):
    """Without them the pool is that of the smallest plan, or what the settings say."""
    acme = company("--deals", 200, "--set", "daily_headers=off")
    parked(sync(acme.simulator, database.url, code=75))
    assert BACKFILL - 40 <= acme.count() <= BACKFILL + ME


def test_headers_missing_and_tokens_given(company, tmp_path):
    acme = company("--deals", 200, "--set", "daily_headers=off")
    (tmp_path / "penstock.yaml").write_text(
        f"connections:\n  - name: a\n    api_token: env:ACME\n    api_url: {acme.simulator.url}\n"
        "    destination: sqlite:a.db\n    budget: {tokens: 20000, per_day: 10%, backfill: 25%}\n"
    )
    run = run_penstock("sync", "--json", cwd=tmp_path, env={"ACME": acme.simulator.token})
    assert run.returncode == 75, run
    assert 500 - 40 <= acme.count() <= 500 + ME


def test_headers_vanish_in_mid_run(company, database):
    acme = company("--deals", 400, "--seats", 2)
    process = start_sync(acme.simulator, database.url)
    wait_until(lambda: acme.simulator.stats()["tokens"] > 1000)
    acme.simulator.set(daily_headers="off")
    parked(finish_sync(process))
    assert 2 * BACKFILL - 40 <= acme.count() <= 2 * BACKFILL + ME


def test_smaller_plan_in_mid_run(simulate, database):
    simulator = simulate(
        *("--plan", "ultimate", "--seats", 1, "--burst", 100_000, "--frozen-clock"), "--deals", 500
    )
    process = start_sync(simulator, database.url)
    wait_until(lambda: simulator.stats()["tokens"] > 1000)
    simulator.admin("plan", plan="lite", seats=1)
    before = simulator.stats()["tokens"]
    parked(finish_sync(process))
    # What was under way when the plan changed, and nothing that was booked under the larger one.
    assert simulator.stats()["tokens"] <= max(BACKFILL + ME, before + 250 * 40)
    tokens = simulator.stats()["tokens"]
    parked(sync(simulator, database.url, code=75))
    # Of the daily part: what changed, and the rest of the lines of 200 deals, a call for a hundred.
    assert simulator.stats()["tokens"] <= tokens + ME + 70 + 2 * 10


def test_reserve_is_left_for_people(company, database):
    """Others spent most of the day: what is left is read from every answer."""
    acme = company("--deals", 200)
    acme.simulator.admin("budget", used=POOL - RESERVE - 1000)
    result = parked(
        sync(acme.simulator, database.url, "--budget", "100%", code=75), "tokens left of its day"
    )
    assert RESERVE <= acme.left()
    assert (
        0 < result.report["resume_s"] <= 3600
    )  # nobody knows when the day is new: the next full hour
    acme.count()
    acme.advance(DAY + 60)
    sync(acme.simulator, database.url, "--budget", "100%", code=None)
    assert acme.count() > 3000


def test_a_day_that_may_be_new_soon(simulate, database):
    """Nothing that is waited for would tell whether it is: the run ends at once, and the next one sees."""
    running = [word for word in SMALL if word != "--frozen-clock"]
    simulator = simulate(*running, "--deals", 20, "--now", "2026-11-20T23:59:30Z")
    simulator.admin("budget", used=POOL - RESERVE)
    result = parked(sync(simulator, database.url, code=75), "next try: 2026-11-21T00:00:00Z")
    assert result.report["resume_s"] <= 30 and simulator.now() < "2026-11-20T23:59:45Z"
    simulator.advance(60)
    sync(simulator, database.url)
    assert_equals_truth(simulator, database)


def test_others_spend_while_it_runs(company, database):
    acme = company("--deals", 500, "--latency-ms", 5)
    process = start_sync(acme.simulator, database.url, "--budget", "100%")
    wait_until(lambda: acme.simulator.stats()["tokens"] > 1000)
    acme.simulator.admin("budget", used=POOL - RESERVE - 200)
    before = acme.simulator.stats()["tokens"]
    parked(finish_sync(process))
    # Requests that were under way may still be paid; afterwards the reserve holds.
    assert acme.simulator.stats()["tokens"] - before <= 200 + 250 * 40
    after = acme.simulator.stats()["tokens"]
    parked(sync(acme.simulator, database.url, "--budget", "100%", code=75))
    assert acme.simulator.stats()["tokens"] <= after + ME + 200  # what is left above the reserve


def test_everybody_else_spent_it_all(company, database):
    acme = company("--deals", 20)
    acme.simulator.admin("budget", used=POOL)
    result = parked(sync(acme.simulator, database.url, code=75), "HTTP 429", "next try: 20")
    assert result.report["resume_s"] > 0
    acme.advance(DAY + 60)
    sync(acme.simulator, database.url)
    assert_equals_truth(acme.simulator, database)


def test_commands_that_ask_are_booked(company, database, state_dir):
    """check, plan, discover and verify are always allowed, and count."""
    acme = company("--deals", 20)
    sync(acme.simulator, database.url)
    for command in ("check", "plan", "discover", "verify"):
        words = ("--to", database.url, "--api-url", acme.simulator.url)
        run_penstock(command, *words, token=acme.simulator.token)
        acme.count()
        assert booked(state_dir) == acme.in_24_hours(), command


@pytest.mark.parametrize("command", ["plan", "verify"])
def test_commands_that_fail_are_booked(company, database, state_dir, command):
    acme = company("--deals", 20)
    sync(acme.simulator, database.url)
    acme.advance(3600)
    acme.simulator.fault("daily429", path="/api/v2/organizations", retry_after=3600, count=0)
    words = ("--to", database.url if command == "verify" else database.url + "2")
    run = run_penstock(command, *words, "--api-url", acme.simulator.url, token=acme.simulator.token)
    assert run.returncode == 75 and "organizations: HTTP 429" in run.stderr, run
    acme.count()
    assert booked(state_dir) >= acme.in_24_hours()


def test_connections_that_break(company, database, state_dir):
    """The server may have taken the request: each that is sent is booked, also one that is sent again."""
    acme = company("--deals", 40, "--latency-ms", 5)
    acme.simulator.fault("reset", probability=0.2)
    for _ in range(3):
        result = sync(acme.simulator, database.url, "--all", "-v", code=None)
        assert "closed without an answer" in result.stderr and "callback" not in result.stderr
        acme.advance(600)
    acme.count()
    assert booked(state_dir) == acme.in_24_hours()
    acme.simulator.admin("faults_clear")
    acme.advance(DAY)
    sync(acme.simulator, database.url, "--all", "--budget", "100%")
    assert_equals_truth(acme.simulator, database)


# --- the daily run ---


def test_backfill_does_not_starve_the_daily_run(company, database):
    """Histories use up their part; what changes is still read on the same day, at every run."""
    acme = company("--deals", 300)
    parked(sync(acme.simulator, database.url, code=75))
    for hour in range(1, 5):
        acme.advance(3600)
        simulator = acme.simulator
        simulator.admin(
            "edit", entity="persons", id=hour, attributes={"name": f"Person of hour {hour}"}
        )
        result = parked(sync(simulator, database.url, code=75), "left to do: dealflow (")
        assert result.tables["persons"]["outcome"] == "done"
        assert database.rows("persons")[hour]["name"] == f"Person of hour {hour}"
    acme.count()
    assert acme.in_24_hours() <= SHARE


@pytest.mark.parametrize("budget", ["0", "0%", "9"])
def test_budget_of_nothing(company, database, budget):
    """Who am I is asked (2 tokens), nothing else."""
    acme = company("--deals", 20)
    parked(
        sync(acme.simulator, database.url, "--budget", budget, code=75),
        f"the budget of {budget.strip('%')} tokens in 24 hours is less than a request costs",
        "per_day",
    )
    assert acme.count() == ME
    sync(acme.simulator, database.url)
    assert_equals_truth(acme.simulator, database)


@pytest.mark.parametrize("bad", ["101%", "100.01%", "-1", "20 %", "abc", "%", "1e3", "99999999999"])
def test_bad_share(company, database, bad):
    run = run_penstock("sync", f"--budget={bad}", "--to", database.url, token="x")
    assert run.returncode == 2 and "--budget takes a share such as 20%" in run.stderr, run


# --- clocks ---


@pytest.mark.parametrize("jump", [-30 * DAY, -7200, 7200])
def test_clock_jumps_in_mid_run(company, database, jump):
    acme = company("--deals", 200)
    process = start_sync(acme.simulator, database.url)
    wait_until(lambda: acme.simulator.stats()["tokens"] > 1000)
    acme.simulator.advance(jump)
    parked(finish_sync(process))
    assert acme.count() <= BACKFILL + ME
    acme.simulator.advance(-jump)
    parked(sync(acme.simulator, database.url, code=75))
    assert acme.count() <= ME + 70  # every run asks the seven lists for what changed


def test_clock_goes_back_between_runs(company, database):
    """What was spent in the future was spent; what was read in the future is read again, from the daily part."""
    acme = company("--deals", 200)
    parked(sync(acme.simulator, database.url, code=75))
    acme.count()
    acme.simulator.advance(-3 * DAY)
    result = parked(sync(acme.simulator, database.url, code=75))
    assert acme.count() <= ME + 300 and 0 < result.report["resume_s"] <= DAY + 5
    acme.simulator.advance(DAY + 60)
    parked(sync(acme.simulator, database.url, code=75))
    assert acme.count() > BACKFILL - 100


# --- the record of what was spent ---


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\0" * 100, b'{"company_id":7002,"limit":0,"entries":[]}', b"[1]" * 20_000]
    + [b'{"company_id":7001,"limit":0,"entries":[[1,-5,0]]}', b'{"company_id":7001,"limit":0}'],
    ids=("empty", "cut", "zeros", "another company's", "no JSON", "negative", "no entries"),
)
def test_damaged_record(company, database, state_dir, content):
    acme = company("--deals", 20)
    state_dir.mkdir()
    path = state_dir / "company-7001.json"
    path.write_bytes(content)
    result = sync(acme.simulator, database.url)
    assert "was damaged and is now" in result.stderr
    assert path.with_name(path.name + ".damaged").read_bytes() == content
    assert booked(state_dir) == acme.count()


def test_no_folder_for_the_record(company, database, tmp_path):
    """A container with a read-only home: the destination remembers, with one warning a run."""
    acme = company("--deals", 200)
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, no folder")
    words = ("--state-dir", blocked / "state")
    result = parked(sync(acme.simulator, database.url, *words, code=75))
    assert result.stderr.count("remembered in this destination only") == 1
    assert acme.count() <= BACKFILL + ME
    parked(sync(acme.simulator, database.url, *words, code=75))
    assert acme.count() <= ME + 70  # every run asks the seven lists for what changed
    acme.advance(DAY + 60)
    parked(sync(acme.simulator, database.url, *words, code=75))
    assert BACKFILL - 100 < acme.count() <= BACKFILL + 300  # and the lists of the day


def test_record_holds_no_secret(company, database, state_dir):
    acme = company("--deals", 20)
    sync(acme.simulator, database.url)
    for path in state_dir.iterdir():
        assert acme.simulator.token not in path.name + path.read_text()
        assert path.stat().st_mode & 0o077 == 0
    assert ledger(state_dir)["limit"] == POOL


def test_companies_do_not_share(simulate, tmp_path, state_dir):
    simulator = simulate(*SMALL, "--companies", 2, "--deals", 200)
    for i, company in enumerate(simulator.companies):
        parked(sync(simulator, Sqlite(tmp_path / f"{i}.db").url, token=company["token"], code=75))
        assert simulator.stats()["companies"][i]["tokens"] > BACKFILL - 100
