"""Inside the private network: measures each peer, and prints what it took and what it missed."""

import argparse
import dataclasses
import datetime
import os
import pathlib
import statistics
import subprocess
import time

import measure
from harness import Simulator, expected_rows
from servers import Postgres

from . import PEERS, installed
from .network import PrivateNetwork
from .peer import TABLES, Place

# Out of support since 2026-08-01: they "may still answer". Here they do.
OLD_LISTS = "deals persons organizations activities products pipelines stages deals/{id}/products"
OLD_PATHS = {f"/v1/{path}" for path in OLD_LISTS.split()}
RECENTS = "/v1/recents"
# Whoever reads the first three reads them whole. What /v1/recents says of users is uncertain: the
# schema says an object, connectors expect an array of one, the simulator gives both.
UNTOUCHED = ("deal_products", "activity_types", "currency", "users")
COMPLAINT_WIDTH = 160
BLOCK_S = 11  # the simulator's block_seconds, and some


@dataclasses.dataclass
class Result:
    """One peer's runs; what arrived and was asked is that of the last one."""

    peer: object
    runs: list = dataclasses.field(default_factory=list)
    stats: dict = None
    arrived: dict = None
    complaint: str = ""

    def median(self, name):
        return statistics.median(getattr(run, name) for run in self.runs)

    @property
    def last(self):
        return self.runs[-1]


class World:
    """The network, the database server, and one company at a time."""

    def __init__(self, folder, build, names):
        self.folder, self.build = folder, build
        self.peers = installed(kind for kind in PEERS if kind.short in names)
        venvs = [venv for peer in self.peers for venv in peer.venvs.values()]
        bundles = [
            path for venv in venvs for path in venv.glob("lib/*/site-packages/certifi/*.pem")
        ]
        self.network = PrivateNetwork(folder, bundles)
        self.number = 0
        self.remarks = {peer.short: [] for peer in self.peers}

    def place(self, server, token, in_flight):
        """Nothing in it is from another run."""
        self.number += 1
        folder = self.folder / f"peer-{self.number}"
        folder.mkdir()
        name = f"peer{self.number}"
        command = ["psql", "-X", "-q", "-d", f"{server.url}/postgres"]
        subprocess.run([*command, "-c", f"CREATE DATABASE {name}"], check=True)
        return Place(folder, token, f"{server.url}/{name}", self.build, in_flight)

    def run(self, result, server, sim, in_flight):
        peer, place = result.peer, self.place(server, sim.token, in_flight)
        peer.prepare(place)
        sim.admin("reset_counters")
        env = {**os.environ, **peer.environment(place)}
        result.runs.append(measure.run(peer.command(place), env=env, cwd=place.folder))
        result.stats = sim.stats()
        result.arrived = peer.ids(place)
        result.complaint = peer.complaint(place, result.last) if result.last.code else ""
        drop = ["psql", "-X", "-q", "-d", f"{server.url}/postgres"]
        name = place.database.rpartition("/")[2]
        subprocess.run([*drop, "-c", f"DROP DATABASE {name} WITH (FORCE)"], check=True)
        if result.stats["blocked403"]:
            time.sleep(BLOCK_S)  # the next one uses the same token

    def measure(self, title, rounds, *options, touched=False, in_flight=None):
        """touched: every row was changed within the last weeks. in_flight: as in Place."""
        results = [Result(peer) for peer in self.peers]
        birth = datetime.datetime.now(datetime.timezone.utc)  # the peers' clock is the machine's
        birth -= datetime.timedelta(days=TOUCHED_DAYS if touched else 0)
        options += ("--now", birth.strftime("%Y-%m-%dT%H:%M:%SZ"), "--set", "old_v1=answers")
        with Simulator(*options) as sim, Postgres() as server:
            if touched:
                touch_all(sim)
            mend_dates(sim)
            self.network.lead_to(sim.url)
            truth = truth_of(sim)
            for _ in range(rounds):
                for result in list(results):
                    try:
                        self.run(result, server, sim, in_flight)
                    except subprocess.CalledProcessError as error:
                        results.remove(result)
                        self.remarks[result.peer.short].append(f"not measured: {error}")
        report(title, results, truth)
        for result in results:
            remarks = self.remarks[result.peer.short]
            remarks += [each for each in what_was_seen(result) if each not in remarks]

    def print_remarks(self):
        print("\n  Remarks")
        for peer in self.peers:
            for remark in [*self.remarks[peer.short], *peer.remarks]:
                print(f"  {peer.short}: {remark}")


def mend_dates(sim):
    """No custom field of this company holds a day that the calendar lacks: the tap stops at one."""
    for table in ("deals", "persons", "organizations", "products"):
        edits = []
        for row in sim.truth(table):
            fields = (row.get("custom_fields") or {}).items()
            bad = {key: "2026-02-28" for key, value in fields if value == "2026-02-29"}
            if bad:
                edit = {"op": "edit", "entity": table, "id": row["id"], "touch": False}
                edits.append({**edit, "attributes": bad})
        if edits:
            sim.operations(edits)


TOUCHED_DAYS = 20
TOUCHED_STEPS = 100


def touch_all(sim):
    """A change to every row, spread over the days until now: within the month that /v1/recents
    reaches back, so that those who read it have the same work as the others."""
    ids = {table: sorted(expected_rows(sim, table)) for table in TABLES if table not in UNTOUCHED}
    for step in range(TOUCHED_STEPS):
        edits = []
        for table, all_ids in ids.items():
            size = -(-len(all_ids) // TOUCHED_STEPS)
            for key in all_ids[step * size : (step + 1) * size][:1]:
                edits.append({"op": "bulk", "entity": table, "from_id": key, "count": size})
        clock = {"op": "clock", "advance": TOUCHED_DAYS * 86400 // TOUCHED_STEPS}
        sim.operations([*edits, clock])


def truth_of(sim):
    """Table → ids of the rows that are there, without the deleted; archived deals apart."""
    truth = {}
    deals = {row["id"] for row in sim.truth("deals")}  # the simulator keeps lines of purged ones
    for table in TABLES:
        rows = {key: row for key, (row, gone) in expected_rows(sim, table).items() if not gone}
        if table == "deal_products":
            rows = {key: row for key, row in rows.items() if row["deal_id"] in deals}
        archived = {str(key) for key, row in rows.items() if row.get("is_archived")}
        truth[table] = {str(key) for key in rows} - archived
        if archived:
            truth[f"{table}, archived"] = archived
    return truth


# --- the report ---


def report(title, results, truth):
    base = results[0]
    total = sum(map(len, truth.values()))
    measure.heading(f"{title}: {total:,} rows", "min s", "median s", "max s", "ratio", "rows/s")
    for result in results:
        low, middle, high = measure.spread([run.wall_s for run in result.runs])
        speed = round((total - len(missed(result, truth))) / middle)
        measure.row(name_of(result), low, middle, high, middle / base.median("wall_s"), speed)
    measure.heading(
        "What it took, with ratios", "CPU s", "peak MiB", "requests", "tokens", "rows missed"
    )
    for result in results:
        measure.row(name_of(result), *costs(result, base), len(missed(result, truth)))
    print_rows(results, truth)


def name_of(result):
    return result.peer.name + (" (failed)" if result.last.code else "")


def costs(result, base):
    yield with_ratio(result.median("cpu_s"), base.median("cpu_s"))
    yield with_ratio(result.median("peak_mib"), base.median("peak_mib"))
    for name in ("requests", "tokens"):
        yield with_ratio(result.stats[name], base.stats[name])


def with_ratio(value, base):
    ratio = value / base
    shown = f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"
    return f"{shown} ×{ratio:.1f}" if ratio < 10 else f"{shown} ×{ratio:,.0f}"


def missed(result, truth):
    return [(group, key) for group, ids in truth.items() for key in ids - arrived(result, group)]


def arrived(result, group):
    return result.arrived.get(group.partition(",")[0], set())


def print_rows(results, truth):
    names = [result.peer.short for result in results]
    measure.heading("Rows that arrived, of those that are there", "there", *names)
    for group, ids in truth.items():
        known = group.partition(",")[0]
        cells = [
            len(ids & arrived(result, group)) if known in result.peer.tables else "no such table"
            for result in results
        ]
        measure.row(group, len(ids), *cells)


def what_was_seen(result):
    """Of the last run: from its exit code and from what the simulator counted."""
    if result.last.code:
        yield f"ended with {result.last.code}: {result.complaint[:COMPLAINT_WIDTH]}"
    asked = {path for path, counted in result.stats["paths"].items() if counted["requests"]}
    if asked & OLD_PATHS:
        yield f"asks paths out of support since 2026-08-01: {', '.join(sorted(asked & OLD_PATHS))}"
    if RECENTS in asked:
        yield f"asks {RECENTS}, which reaches back one month at most"
    if result.stats["burst429"]:
        yield "was answered 429: faster than the plan allows"
    if result.stats["blocked403"]:
        yield "was blocked (403) for asking on in spite of 429"


# --- the companies ---

MANY = (
    *("--deals", 2000, "--persons", 4000, "--organizations", 1500, "--activities", 10_000),
    *("--notes", 800, "--files", 300, "--products", 100),
)
HUNDREDS = (
    *("--deals", 150, "--persons", 300, "--organizations", 100, "--activities", 800),
    *("--notes", 60, "--files", 30, "--products", 30),
)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--peers", required=True)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    options.folder.chmod(0o755)
    world = World(options.folder, options.build, options.peers.split(","))
    free = ("--plan", "ultimate", "--seats", 100, "--no-limits")
    growth = ("--plan", "growth", "--seats", 20, "--latency-ms", 200)  # 40 requests in 2 s
    try:
        if options.quick:
            world.measure("First sync", 1, *free, *HUNDREDS, touched=True)
        else:
            title = "First sync, all rows changed this month"
            world.measure(title, options.rounds, *free, *MANY, touched=True)
            title += ", 200 ms latency, plan growth"
            world.measure(title, 1, *growth, *HUNDREDS, touched=True, in_flight=4)
            world.measure("First sync, a company of years", options.rounds, *free, *MANY)
        world.print_remarks()
    finally:
        world.network.stop()


if __name__ == "__main__":
    main()
