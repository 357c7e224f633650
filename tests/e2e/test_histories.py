"""Histories of deals cost 40 tokens each, far more than a day has: they are read over days, from where the last run
stopped, and what waits is told. Of a company of 6,000 deals some 1,500 can be read a day."""

import contextlib
import datetime
import json
import re

import pytest
from harness import assert_equals_truth, run_penstock, sync
from spending import BACKFILL, DAY, SMALL, Company, parked

HOUR = 3600
FLOW_COST = 40
SEATS = 20  # BACKFILL each
LARGE = ("--plan", "lite", "--seats", SEATS, "--burst", 100_000)  # and a clock that runs


@pytest.fixture
def company(simulate):
    def start(*options):
        return Company(simulate(*SMALL, *options))

    return start


class Week:
    """A company over days: what it spent at which time, and which deals wait by what was edited and asked for."""

    def __init__(self, simulator, database):
        self.simulator, self.database = simulator, database
        self.requests = []  # (second, tokens, is a history)
        self.seen = 0
        self.deals = {deal["id"]: deal["stage_id"] for deal in simulator.truth("deals")}
        self.stages = sorted(stage["id"] for stage in simulator.truth("stages"))
        self.due = set(self.deals)
        self.rows = 0

    def run(self):
        with self.watch():
            result = sync(self.simulator, self.database.url, code=None)
        self.rows += result.tables["dealflow"]["rows"]
        self.check_share()
        return result

    @contextlib.contextmanager
    def watch(self):
        """Takes note of what is asked for meanwhile."""
        began = seconds(self.simulator.now())
        yield
        asked = [each for each in self.simulator.requests() if each["n"] > self.seen]
        for each in asked:
            self.take(each, began + (each["ms"] - asked[0]["ms"]) / 1000)
        self.seen = asked[-1]["n"]

    def take(self, request, second):
        flow = re.search(r"/deals/(\d+)/flow", request["path"])
        self.requests.append((second, request["tokens"], flow is not None))
        if flow:
            deal = int(flow[1])
            assert deal in self.due, f"the history of deal {deal} was asked for once more"
            self.due.remove(deal)

    def check_share(self):
        """No 24 hours that end with a request see more than the share, nor more histories than their part."""
        first = spent = histories = 0
        for second, tokens, is_history in self.requests:
            spent += tokens
            histories += tokens * is_history
            while self.requests[first][0] <= second - DAY:
                spent -= self.requests[first][1]
                histories -= self.requests[first][1] * self.requests[first][2]
                first += 1
            assert spent <= 2 * SEATS * BACKFILL and histories <= SEATS * BACKFILL

    def move(self, deals):
        """To their next stage, all in one second."""
        self.simulator.admin("clock", freeze=True)
        edits = []
        for deal in deals:
            after = self.stages.index(self.deals[deal]) + 1
            self.deals[deal] = self.stages[after % len(self.stages)]
            edits.append({"op": "edit", "entity": "deals", "id": deal})
            edits[-1]["attributes"] = {"stage_id": self.deals[deal]}
        self.simulator.operations(edits)
        self.simulator.admin("clock", freeze=False)
        self.due.update(deals)

    def outlook(self):
        """Backlog and days, as status and plan tell them alike."""
        words = ("--json", "--to", self.database.url)
        status = json.loads(run_penstock("status", *words).stdout)
        more = ("--api-url", self.simulator.url)
        with self.watch():
            plan = run_penstock("plan", *words, *more, token=self.simulator.token)
        plan = json.loads(plan.stdout)
        assert status["dealflow"] == plan["dealflow"]
        return plan["dealflow"]


def seconds(time):
    return datetime.datetime.fromisoformat(time).timestamp()


def test_a_week(simulate, database):
    """5,000 deals are moved in one second, others while they wait: each is read once for all its moves until then."""
    options = ("--deals", 6000, "--deleted-deals", 0, "--archived", 10, "--activities", 0)
    week = Week(simulate(*LARGE, *options), database)
    deals = sorted(week.deals)
    days = []
    for day in range(9):
        for hour in (0, 7, 10):  # three runs a day
            week.simulator.advance(hour * HOUR)
            result = week.run()
            if result.code == 0:
                break
            parked(result, f"left to do: dealflow ({len(week.due):,} deals); next try: 20")
            assert 0 < result.report["resume_s"] <= DAY + 5
            log = "SELECT outcome, message FROM _penstock_runs WHERE \"table\" = 'dealflow' ORDER BY started_at"
            assert database.query(log)[-1] == {
                "outcome": "parked",
                "message": result.report["message"],
            }
        outlook = week.outlook()
        assert outlook["backlog"] == len(week.due)
        days.append(outlook["days"])
        if result.code == 0:
            break
        if day == 1:
            week.move(deals[:5000])
        if day in (2, 3):
            week.move(deals[day::20])
        week.simulator.advance(8 * HOUR)
    assert_equals_truth(week.simulator, database)
    assert days[-1] == 0 and days[2:] == sorted(days[2:], reverse=True)
    assert week.rows == len(week.simulator.truth("dealflow")), "each line was written once"


def test_runs_at_the_same_time_each_day(simulate, database):
    """What was spent a day ago becomes free by the second, and not a second too early."""
    options = ("--deals", 6000, "--deleted-deals", 0, "--activities", 0)
    week = Week(simulate(*LARGE, *options), database)
    for _ in range(2):
        began = seconds(week.simulator.now())
        parked(week.run())
        week.simulator.advance(int(DAY - (seconds(week.simulator.now()) - began)))
    # Lists of the first load took the rest.
    assert len(week.due) <= 6000 - 2 * SEATS * BACKFILL // FLOW_COST + 50


def test_backlog_and_days(company, database):
    acme = company("--deals", 300)
    words = ("--to", database.url)
    parked(sync(acme.simulator, database.url, code=75))
    status = run_penstock("status", *words)
    backlog = json.loads(run_penstock("status", "--json", *words).stdout)["tables"][-1]["backlog"]
    assert 200 < backlog < 300
    days = -(-backlog // (BACKFILL // 40))
    assert f"dealflow: {backlog:,} deals wait, {days} days at today's budget" in status.stdout
    plan = run_penstock("plan", *words, "--api-url", acme.simulator.url, token=acme.simulator.token)
    assert f"{days} days at today's budget" in plan.stdout


def test_never_catches_up(company, database):
    """150 deals a day are new, 75 can be read."""
    acme = company("--deals", 100)
    simulator = acme.simulator
    for _ in range(4):
        acme.advance(DAY + 60)
        simulator.admin("bulk_add", entity="deals", count=150)
        parked(sync(simulator, database.url, code=75))
    for command in ("status", "plan"):
        more = ("--api-url", simulator.url) if command == "plan" else ()
        run = run_penstock(command, "--to", database.url, *more, token=simulator.token)
        assert "never catches up" in run.stdout, run.stdout
        assert "the next sync takes" not in run.stdout, run.stdout
