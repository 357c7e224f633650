#!/usr/bin/python3
"""The model test: a company lives, syncs run beside it and are sometimes killed, the API has faults;
in the end the destination equals the company in all that moves update_time, and in everything after a
refresh.

    tests/faults/model.py [--seed N] [--steps N] [--destination sqlite|postgres|mysql] [--jobs N]
    tests/faults/model.py --repeat FILE          a sequence that failed, as it was written

A sequence is a list of steps (steps.py) among which are
  ("sync", all, kill, beside)   runs once; killed at a fault point or moment; beside: the company goes on
  ("fault", kind, n)            until the next run has ended
When one fails it is made as short as still fails, and printed."""

import argparse
import collections
import dataclasses
import json
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent / "e2e")]
from edits import ECHOES  # noqa: E402
from harness import (  # noqa: E402
    PARENT,
    QUICK,
    Simulator,
    compare_with_truth,
    field_types,
    finish_penstock,
    parse,
    run_penstock,
    start_penstock,
)
from crash import memory_folder, wait_for  # noqa: E402
from stores import DESTINATIONS, open_store  # noqa: E402
from steps import TIMED, Company, random_step, table_of  # noqa: E402

TINY = (
    *(
        "--deals",
        "9",
        "--persons",
        "8",
        "--activities",
        "8",
        "--organizations",
        "6",
        "--notes",
        "8",
    ),
    *("--files", "6", "--products", "5", "--users", "3", "--pipelines", "2", "--filters", "5"),
    *("--custom-fields", "6", "--deleted-deals", "1", "--deleted", "10"),
)
# Both settings of each switch that a sync can meet without being refused.
SWITCHES = {
    "archive_moves_update_time": ("on", "off"),
    "merge_moves_children": ("off", "on"),
    "archived_lines": ("on", "off"),
    "deleted_lines": ("off", "on"),
    "invisible": (404, 403),
    "flow_order": ("newest", "oldest"),
    "limit_over_max": ("clamp", "reject"),
    "gated_includes": ("off", 400, 403),
    "deleted_status": ("deleted", "kept"),
    "deleted_get": (200, 404),
    "list_deleted": ("off", "on"),
    "null_sort": ("first", "last"),
    "empty_v1": ("null", "array"),
    "v1_paging": ("spec", "wrapped", "flat"),
    "daily_headers": ("on", "off"),
    "failed_calls_cost": ("on", "off"),
    "old_v1": ("gone", "missing", "answers"),
    "time_fraction": ("off", "on"),
    "unset": ("null", "absent"),
    "contact_sync": ("on", "off"),
    "org_profile": ("on", "off"),
    "revenue_fields": ("on", "off"),
    "activity_outcome": ("on", "off"),
    "nul_chars": ("off", "on"),
}
FAULTS = (
    *({"kind": "status", "status": status} for status in (500, 502, 503)),
    *({"kind": kind} for kind in ("truncate", "reset", "reset_body", "html", "null", "empty")),
    *({"kind": kind} for kind in ("garbage", "bad_utf8", "deep", "success_false", "no_id")),
    *({"kind": "wrong_shape", "shape": shape} for shape in ("string", "object", "number")),
    {"kind": "repeat_cursor", "query": "cursor="},
    {"kind": "burst429", "retry_after": 0},
    {"kind": "daily429", "retry_after": 3600},
)
POINTS = ("before-commit", "after-commit", "after-rows", "after-begin", "before-prepare")
REFRESH = "\n  refresh " in run_penstock("help").stdout
HANG = 90
UNMARKED = ("activity_types", "currencies")  # their rows don't tell that they are deleted
CODES = {None: (0,), "fault": (0, 1, 3, 75), "kill": (0, -9)}


# --- a sequence ---


@dataclasses.dataclass
class Sequence:
    seed: int  # of the simulator
    switches: dict
    steps: list

    def text(self):
        return json.dumps(dataclasses.asdict(self))

    def script(self):
        changed = {k: v for k, v in self.switches.items() if v != SWITCHES[k][0]}
        lines = [f"simulator: seed {self.seed}, switches {changed}"]
        return "\n".join(lines + [f"  {step!r}" for step in self.steps])


def random_sequence(seed, length):
    dice = random.Random(seed)
    switches = {name: dice.choice(values) for name, values in SWITCHES.items()}
    if dice.random() < 0.3:
        switches = {name: values[0] for name, values in SWITCHES.items()}
    steps = []
    while len(steps) < length:
        steps += [random_step(dice) for _ in range(dice.choice([1, 3, 10, 30]))]
        steps += random_sync(dice)
    return Sequence(dice.randrange(1, 10**6), switches, steps)


def random_sync(dice):
    faults = []
    while dice.random() < 0.3:
        faults.append(("fault", dice.randrange(len(FAULTS)), dice.randrange(1, 40)))
    kill = None
    if dice.random() < 0.4:
        point = f"{dice.choice(POINTS)}:{dice.randint(1, 40)}"
        kill = dice.choice([point, f"at:{dice.uniform(0, 0.1):.4f}"])
    return [*faults, ("sync", dice.random() < 0.3, kill, dice.random() < 0.2)]


class ModelSimulator(Simulator):
    def refused(self, operations):
        """Does them up to the first that is refused; its index, or None."""
        status, body = self.request("POST", "/_sim/", json.dumps(operations))
        return None if status == 200 else parse(body)["index"]


class Life:
    """One sequence on one destination."""

    def __init__(self, sequence, store):
        self.sequence, self.store = sequence, store
        options = [word for k, v in sequence.switches.items() for word in ("--set", f"{k}={v}")]
        self.simulator = ModelSimulator(*QUICK, *TINY, "--seed", sequence.seed, *options)
        self.database = store.fresh()
        self.company = Company(self.simulator)
        self.process = None
        self.faults = self.syncs = 0

    def close(self):
        if self.process:
            self.process.kill()
            self.process.communicate()
        self.store.drop(self.database)
        self.simulator.stop()

    def run(self):
        for step in self.sequence.steps:
            name, *numbers = step
            if name == "sync":
                self.sync(*numbers)
            elif name == "fault":
                self.fault(*numbers)
            else:
                self.company.step(name, *numbers)
        self.company.flush()
        self.end_run()
        self.simulator.admin("faults_clear")
        self.check()

    # --- runs ---

    def start(self, *words, env=None):
        to = ("--to", self.database.url, "--api-url", self.simulator.url, "--json")
        words = (*words, *to, "--retry-base-ms", "5")
        return start_penstock(*words, token=self.simulator.token, env=env)

    def sync(self, everything, kill, beside):
        self.company.flush()
        self.end_run()
        self.syncs += 1
        kind, _, at = (kill or "").partition(":")
        env = {"PENSTOCK_FAULT": kill} if kill and kind != "at" else None
        words = ("--all",) if everything else ()
        self.process = self.start("sync", "--dealflow", "all", *words, env=env)
        self.codes = {code for why in self.why(kill) for code in CODES[why]}
        if kind == "at":
            wait_for(self.process, float(at))
            self.process.kill()
        if not beside:
            self.end_run()

    def why(self, kill):
        """What may end the run otherwise than well."""
        return [None, *(["fault"] if self.faults else []), *(["kill"] if kill else [])]

    def end_run(self):
        """The run that goes on beside the company, if there is one, and its faults with it."""
        if self.process:
            process, self.process = self.process, None
            finish_penstock(process, HANG, self.codes)
        if self.faults:
            self.faults = 0
            self.simulator.admin("faults_clear")

    def fault(self, kind, n):
        self.company.flush()
        self.end_run()
        self.faults += 1
        self.simulator.admin("fault", nth=n, **FAULTS[kind % len(FAULTS)])

    # --- the end ---

    def check(self):
        self.simulator.advance(120)
        finish_penstock(self.start("sync", "--dealflow", "all", "--all"), HANG, [0])
        self.compare(self.company.stale, self.company.stale_deals)
        again = finish_penstock(self.start("sync", "--dealflow", "all", "--all"), HANG, [0])
        rows = {row["table"]: row["rows"] for row in parse(again.stdout.splitlines()[0])["tables"]}
        assert not any(rows.values()), f"an idle run writes {rows}"
        if REFRESH:
            finish_penstock(self.start("refresh", "--dealflow", "all"), HANG, [0])
            # No list tells that a deal's history grew without its update_time.
            self.compare(set(), self.company.stale_deals, refreshed=True)
        self.database.check()

    def compare(self, stale, stale_deals, refreshed=False):
        with self.database.session():
            rows = self.unsure_rows(stale, stale_deals, refreshed)
            columns = self.unsure_columns()
            problems = compare_with_truth(
                self.simulator, self.database, ignore_columns=columns, ignore_rows=rows
            )
            problems = [problem for problem in problems if not self.is_of_retyped(problem)]
            problems += self.option_problems() + self.unmarked_problems()
            queue = self.database.query('SELECT * FROM "_penstock_parents"')
        when = "after a refresh" if refreshed else "after the last sync"
        assert not problems, f"{when}, {len(problems)} differences:\n" + "\n".join(problems[:10])
        assert not queue, f"{when}, deals wait: {queue}"

    def unsure_rows(self, stale, stale_deals, refreshed):
        """Rows that may differ: table → ids."""
        unsure = collections.defaultdict(set)
        for table, key in stale:
            unsure[table].add(key)
        known = {row["id"] for row in self.simulator.truth("deals")} - stale_deals
        for table, parent in PARENT.items():  # nobody shows the lines of a purged deal any more
            rows = [*self.simulator.truth(table), *self.database.rows(table).values()]
            unsure[table] |= {row["id"] for row in rows if row[parent] not in known}
        for entity in UNMARKED:
            unsure[table_of(entity)] |= self.company.gone[entity]
        if not refreshed:  # lists do not show what was deleted
            for entity in TIMED:
                if entity != "deals":
                    unsure[entity] |= self.company.gone[entity]
        return unsure

    def unsure_columns(self):
        """Copies of other rows' names, and columns of fields that are gone or became another type."""
        unsure = collections.defaultdict(list, {k: list(v) for k, v in ECHOES.items()})
        if self.sequence.switches["gated_includes"] != "off":
            unsure["persons"] += ["marketing_status", "doi_status"]
        for table in ("deals", "persons", "organizations", "products"):
            types = field_types(self.simulator, table)
            for (key, _), column in self.database.fields(table).items():
                if key not in types or key in self.company.retyped:
                    unsure[table].append(column)
        return unsure

    def is_of_retyped(self, problem):
        """A value of a field's former type has parts that the new type knows no columns for."""
        return "has no column for" in problem and any(
            key in problem for key in self.company.retyped
        )

    def unmarked_problems(self):
        """Rows that are gone from the list, though the truth does not say that they are deleted."""
        if self.sequence.switches["list_deleted"] == "on":
            return []
        return [
            f"{table_of(entity)} {key}: deleted, and alive here"
            for entity in UNMARKED
            for key in self.company.gone[entity] & self.database.live(table_of(entity)).keys()
        ]

    def option_problems(self):
        """Options of the fields that there are, as the list of fields that every --all reads has them."""
        problems = []
        for entity, key in self.company.fields:
            wanted = self.company.options_of(entity, key)
            sql = (
                'SELECT options FROM "_penstock_fields" WHERE "table" = ? AND key = ? AND part = ?'
            )
            rows = self.database.query(sql.replace(" key", ' "key"'), entity, key, "")
            options = parse(rows[0]["options"] or "[]") if rows else []
            kept = [option["id"] for option in options if not option.get("deleted")]
            if sorted(kept) != sorted(wanted):
                problems.append(f"{entity} {key}: options {kept}, should be {wanted}")
        return problems


def live(sequence, store):
    """None, or what went wrong; and the life, for its counts."""
    life = Life(sequence, store)
    try:
        life.run()
        return None, life
    except AssertionError as failure:
        return str(failure), life
    finally:
        life.close()


# --- shrinking ---


def shrink(sequence, fails, seconds=600):
    """The shortest sequence that still fails: chunks go, then single steps, then switches."""
    end = time.monotonic() + seconds
    size = len(sequence.steps) // 2
    while size >= 1 and time.monotonic() < end:
        start, before = 0, len(sequence.steps)
        while start < len(sequence.steps) and time.monotonic() < end:
            steps = sequence.steps[:start] + sequence.steps[start + size :]
            shorter = dataclasses.replace(sequence, steps=steps)
            if fails(shorter):
                sequence = shorter
            else:
                start += size
        if size > 1 or len(sequence.steps) == before:
            size //= 2
    for name, values in SWITCHES.items():
        if sequence.switches[name] != values[0] and time.monotonic() < end:
            simpler = dataclasses.replace(sequence, switches=sequence.switches | {name: values[0]})
            sequence = simpler if fails(simpler) else sequence
    return sequence


def report(sequence, failure, store, seconds):
    """What a person needs to see: the shortest script, its failure, a file to repeat it."""
    short = shrink(sequence, lambda one: live(one, store)[0] is not None, seconds)
    failure = live(short, store)[0] or failure
    file = tempfile.NamedTemporaryFile("w", prefix="penstock-model-", suffix=".json", delete=False)
    with file:
        file.write(short.text())
    return f"{short.script()}\n{failure}\ntests/faults/model.py --repeat {file.name}"


# --- the command ---


def open_folder(kind):
    folder = tempfile.mkdtemp(prefix="penstock-model-", dir=memory_folder())
    return folder, open_store(kind, folder)


def close_folder(folder, store):
    store.close()
    shutil.rmtree(folder, ignore_errors=True)


def check_sequences(store, seed, steps, length=100, shrink_seconds=600, told=lambda counts: None):
    """Sequences until so many steps were taken; raises with the report of the first that fails."""
    counts = collections.Counter()
    number = 0
    while counts["steps"] < steps:
        sequence = random_sequence(f"{seed} {number}", length)
        failure, life = live(sequence, store)
        if failure:
            text = report(sequence, failure, store, shrink_seconds)
            raise AssertionError(f"sequence {number} of seed {seed}:\n{text}")
        counts["sequences"] += 1
        counts["steps"] += len(sequence.steps)
        counts["syncs"] += life.syncs
        counts["refused"] += life.company.failed
        number += 1
        told(counts)
    return counts


def main():
    parser = argparse.ArgumentParser(description="Lets companies live, and compares.")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--steps", type=int, default=10000)
    parser.add_argument("--length", type=int, default=100, help="steps of a sequence")
    parser.add_argument("--destination", choices=DESTINATIONS, default="sqlite")
    parser.add_argument("--repeat", metavar="FILE", type=pathlib.Path)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what was started
    folder, store = open_folder(options.destination)
    try:
        if options.repeat:
            failure = live(Sequence(**json.loads(options.repeat.read_text())), store)[0]
            print(failure or "no difference")
            return 1 if failure else 0
        print(f"seed {options.seed}", flush=True)
        start = time.monotonic()
        counts = check_sequences(
            store, options.seed, options.steps, options.length, told=lambda counts: None
        )
        print(f"{dict(counts)} in {time.monotonic() - start:.0f} s: no difference")
        return 0
    except AssertionError as failure:
        print(failure)
        return 1
    finally:
        close_folder(folder, store)


if __name__ == "__main__":
    sys.exit(main())
