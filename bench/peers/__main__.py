"""Inside the private network: measures each peer, and prints what it took and what it missed."""

import argparse
import collections
import dataclasses
import datetime
import os
import pathlib
import statistics
import subprocess

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
ERROR_WIDTH = 160


@dataclasses.dataclass
class Result:
    """One peer's runs; what arrived and was asked is that of the last one."""

    peer: object
    runs: list = dataclasses.field(default_factory=list)
    stats: dict = None
    arrived: dict = None

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

    def place(self, server, token):
        """Nothing in it is from another run."""
        self.number += 1
        folder = self.folder / f"peer-{self.number}"
        folder.mkdir()
        name = f"peer{self.number}"
        command = ["psql", "-X", "-q", "-d", f"{server.url}/postgres"]
        subprocess.run([*command, "-c", f"CREATE DATABASE {name}"], check=True)
        return Place(folder, token, f"{server.url}/{name}", self.build)

    def run(self, peer, server, sim, result):
        place = self.place(server, sim.token)
        peer.prepare(place)
        sim.admin("reset_counters")
        env = {**os.environ, **peer.environment(place)}
        result.runs.append(measure.run(peer.command(place), env=env, cwd=place.folder))
        result.stats = sim.stats()
        result.arrived = peer.ids(place)
        drop = ["psql", "-X", "-q", "-d", f"{server.url}/postgres"]
        name = place.database.rpartition("/")[2]
        subprocess.run([*drop, "-c", f"DROP DATABASE {name} WITH (FORCE)"], check=True)

    def measure(self, title, rounds, *options):
        results = [Result(peer) for peer in self.peers]
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        options += ("--now", now, "--set", "old_v1=answers")  # the peers' clock is the machine's
        with Simulator(*options) as sim, Postgres() as server:
            mend_dates(sim)
            self.network.lead_to(sim.url)
            truth = truth_of(sim)
            for _ in range(rounds):
                for result in results:
                    self.run(result.peer, server, sim, result)
        report(title, results, truth)


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


def truth_of(sim):
    """Table → ids of the rows that are there, without the deleted; archived deals apart."""
    truth = {}
    for table in TABLES:
        rows = {key: row for key, (row, gone) in expected_rows(sim, table).items() if not gone}
        archived = {str(key) for key, row in rows.items() if row.get("is_archived")}
        truth[table] = {str(key) for key in rows} - archived
        if archived:
            truth[f"{table}, archived"] = archived
    return truth


# --- the report ---


def report(title, results, truth):
    base = results[0]
    measure.heading(title, "min s", "median s", "max s", "ratio")
    for result in results:
        low, middle, high = measure.spread([run.wall_s for run in result.runs])
        measure.row(name_of(result), low, middle, high, middle / base.median("wall_s"))
    total = sum(map(len, truth.values()))
    columns = ("CPU s", "peak MiB", "requests", "tokens", "rows missed")
    measure.heading(f"What it took, with ratios, for {total:,} rows", *columns)
    for result in results:
        measure.row(name_of(result), *costs(result, base), len(missed(result, truth)))
    print_rows(results, truth)
    print_remarks(results)


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


def print_remarks(results):
    print("\n  Remarks")
    for result in results:
        for remark in [*what_was_seen(result), *result.peer.remarks]:
            print(f"  {result.peer.short}: {remark}")


def what_was_seen(result):
    """Of the last run: from its exit code and from what the simulator counted."""
    if result.last.code:
        lines = [line for line in result.last.errors.splitlines() if line.strip()] or [""]
        yield f"ended with {result.last.code}: {lines[-1].strip()[:ERROR_WIDTH]}"
    asked = collections.Counter()
    for path, counted in result.stats["paths"].items():
        asked[path] = counted["requests"]
    old = {path: n for path, n in asked.items() if path in OLD_PATHS}
    if old:
        yield (
            f"{sum(old.values()):,} of {result.stats['requests']:,} requests go to paths out of"
            f" support since 2026-08-01: {', '.join(sorted(old))}"
        )
    if asked[RECENTS]:
        yield f"{asked[RECENTS]:,} requests to {RECENTS}, which reaches back one month at most"
    if result.stats["burst429"]:
        yield f"{result.stats['burst429']:,} answers 429: faster than the plan allows"


# --- the companies ---

TEN_THOUSANDS = (
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
    try:
        world.measure(
            "First sync, no latency, no limits",
            1 if options.quick else options.rounds,
            *("--plan", "ultimate", "--seats", 100, "--no-limits"),
            *(HUNDREDS if options.quick else TEN_THOUSANDS),
        )
        if not options.quick:
            world.measure(
                "First sync at 200 ms latency under the limits of the plan growth",
                1,
                *("--plan", "growth", "--seats", 20, "--latency-ms", 200),
                *HUNDREDS,
            )
    finally:
        world.network.stop()


if __name__ == "__main__":
    main()
