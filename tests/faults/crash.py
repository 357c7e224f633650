#!/usr/bin/python3
"""The crash harness: runs are disturbed in every way, run again to the end, and what they leave is
compared, cell by cell, with a copy that was never disturbed (tests/e2e/facts.py).

    tests/faults/crash.py [--seed N] [--kills N] [--destination sqlite|postgres|mysql|all]
                          [--scenario NAME] [--jobs N]
    tests/faults/crash.py --seed N --repeat "sqlite children before-commit:7 at:0.0213"

PENSTOCK_BUILD names a build folder with -Dfault_points=true (default: build). A case is a destination,
a scenario (scenarios.py) and blows that hit one run after the other:
  POINT:N                          SIGKILL at the N-th pass of a fault point (src/base/fault.h)
  at:SECONDS                       SIGKILL at that moment
  backend:SECONDS, server:SECONDS  the database's session, the whole server is killed
  cut-database:up:N:reset          the connection to the database is cut at its N-th byte,
  cut-api:down:N:swallowed         that to Pipedrive (proxy.py)
The seed makes the scenarios' edits and the cases; a case that fails is printed as --repeat takes it."""

import argparse
import collections
import contextlib
import dataclasses
import functools
import multiprocessing
import os
import pathlib
import queue
import random
import shutil
import signal
import sys
import tempfile
import time
import urllib.parse

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent / "e2e")]
from facts import assert_same_facts, facts  # noqa: E402
from harness import Simulator, finish_penstock, start_penstock  # noqa: E402
from proxy import DIRECTIONS, MODES, Proxy  # noqa: E402
from scenarios import SCENARIOS  # noqa: E402
from stores import DESTINATIONS, open_store  # noqa: E402

HANG = 90  # seconds that no run may take, whatever happened to it
CHAIN = 0.35  # how often the next run is hit as well
MOST_BLOWS = 5


# --- a world: a scenario on a destination, with its undisturbed copy ---


class World:
    """The simulator stands still in it; every life starts from a copy of `before`."""

    def __init__(self, store, name, seed):
        self.store, self.name = store, name
        self.scenario = SCENARIOS[name]
        self.stack = contextlib.ExitStack()
        # Its own: worlds side by side have the same token, and would wait for each other.
        folder = tempfile.TemporaryDirectory(prefix="penstock-state-")
        self.state_dir = self.stack.enter_context(folder)
        self.simulator = self.stack.enter_context(Simulator(*self.scenario.company))
        self.api = self.proxy_to(self.simulator.url)
        root = store.root.url if hasattr(store, "root") else None
        self.database_proxy = self.proxy_to(root) if root else None
        self.before = None
        if self.scenario.loaded:
            self.before = store.fresh()
            self.finish(self.start(self.before, ("sync", "--dealflow", "all", "--all")), [0])
        self.scenario.change(self.simulator, seed)
        self.learn()

    def proxy_to(self, url):
        parts = urllib.parse.urlsplit(url)
        return self.stack.enter_context(Proxy(parts.hostname, parts.port))

    def close(self):
        self.stack.close()
        if self.before:
            self.store.drop(self.before)

    def destination(self):
        return self.store.copy(self.before) if self.before else self.store.fresh()

    def start(self, database, words=None, env=None, proxied=False):
        api, to = self.simulator.url, database.url
        if proxied:
            api = through(api, self.api)
            to = through(to, self.database_proxy) if self.database_proxy else to
        words = (*(words or self.scenario.words), "--to", to, "--api-url", api)
        words += ("--json", "--retry-base-ms", "5", "--state-dir", self.state_dir)
        return start_penstock(*words, token=self.simulator.token, env=env)

    def finish(self, process, codes):
        """Its end, within HANG; the exit code is one of these."""
        ended = finish_penstock(process, HANG, codes)
        if ended.returncode > 0:
            assert "penstock: " in ended.stderr, f"exit {ended.returncode} without a message"
        return ended

    def learn(self):
        """The undisturbed copy, and what a run passes, takes and sends."""
        log = tempfile.NamedTemporaryFile(mode="r", prefix="penstock-points-")
        database = self.destination()
        with log:
            start = time.monotonic()
            self.finish(self.start(database, env={"PENSTOCK_FAULT_LOG": log.name}), [0])
            self.seconds = time.monotonic() - start
            self.passes = collections.Counter(log.read().split())
        self.expected = facts(database)
        self.store.drop(database)
        self.learn_traffic()

    def learn_traffic(self):
        """Of another run that nobody disturbs, and that leaves the same."""
        database = self.destination()
        self.api.clear()
        if self.database_proxy:
            self.database_proxy.clear()
        self.finish(self.start(database, proxied=True), [0])
        self.api_bytes = dict(self.api.bytes)
        self.database_bytes = dict(self.database_proxy.bytes) if self.database_proxy else None
        assert_same_facts(facts(database), self.expected)
        self.store.drop(database)


def through(url, proxy):
    parts = urllib.parse.urlsplit(url)
    user = f"{parts.username}@" if parts.username else ""
    return urllib.parse.urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{proxy.port}"))


# --- blows ---


def wait_for(process, seconds):
    """Until that moment, or the process's end."""
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        time.sleep(min(0.001, max(0, end - time.monotonic())))


def kill_at_point(world, database, n, point):
    process = world.start(database, env={"PENSTOCK_FAULT": f"{point}:{n}"})
    return world.finish(process, [-9, 0]).returncode == -9


def kill_at_moment(world, database, seconds):
    process = world.start(database)
    wait_for(process, seconds)
    process.kill()
    return world.finish(process, [-9, 0]).returncode == -9


def kill_backend(world, database, seconds):
    """MariaDB's sessions are threads: KILL CONNECTION is the worst that can happen to one alone."""
    process = world.start(database)
    wait_for(process, seconds)
    sessions = []
    while not sessions and process.poll() is None:  # on a busy machine it may not be there yet
        sessions = world.store.sessions(database)
    for session in sessions:
        world.store.kill_session(session)
    ended = world.finish(process, [0, 1])
    world.store.wait_until_ready()
    return ended.returncode == 1


def kill_server(world, database, seconds):
    process = world.start(database)
    wait_for(process, seconds)
    world.store.server.kill()
    try:
        ended = world.finish(process, [0, 1])
    finally:
        world.store.server.start()
    return ended.returncode == 1


def cut_database(world, database, direction, at, mode):
    world.database_proxy.cut(direction, at, mode)
    process = world.start(database, proxied=True)
    world.finish(process, [0, 1])
    return world.database_proxy.done


def cut_api(world, database, direction, at, mode):
    """Requests are repeated: the run still ends well."""
    world.database_proxy and world.database_proxy.clear()
    world.api.cut(direction, at, mode)
    process = world.start(database, proxied=True)
    world.finish(process, [0])
    return world.api.done


BLOWS = {
    "at": (kill_at_moment, float),
    "backend": (kill_backend, float),
    "server": (kill_server, float),
    "cut-database": (cut_database, str, int, str),
    "cut-api": (cut_api, str, int, str),
}


def strike(world, database, blow):
    """Whether it hit the run before its end."""
    kind, *words = blow.split(":")
    func, *types = BLOWS.get(kind, (functools.partial(kill_at_point, point=kind), int))
    arguments = (kind(word) for kind, word in zip(types, words, strict=True))
    hit = func(world, database, *arguments)
    world.store.wait_until_free(database)
    return hit


# --- cases ---

# How many of a hundred blows are of a kind; the rest are fault points.
SHARES = {
    "sqlite": {"at": 35, "cut-api": 10},
    "postgres": {"at": 25, "cut-api": 5, "backend": 8, "server": 2, "cut-database": 20},
    "mysql": {"at": 25, "cut-api": 5, "backend": 8, "server": 2, "cut-database": 20},
}


SERVER_BLOWS = ("backend", "server")


def random_cut(dice, traffic):
    direction = dice.choice(DIRECTIONS)
    # Swallowed connections make a run wait.
    mode = dice.choices(MODES, (5, 4, 1))[0]
    return f"{direction}:{dice.randint(1, traffic[direction])}:{mode}"


def random_blow(world, dice, number):
    kinds = SHARES[world.store.kind]
    if world.store.server is None:  # not ours to kill
        kinds = {kind: share for kind, share in kinds.items() if kind not in SERVER_BLOWS}
    names, weights = zip(*kinds.items(), ("point", 100 - sum(kinds.values())))
    kind = dice.choices(names, weights)[0]
    if kind == "point":
        # Shuffled once, taken in turn: the n-th case has the n-th of all passes.
        pairs = [(point, n) for point, count in sorted(world.passes.items()) for n in range(count)]
        random.Random(world.name).shuffle(pairs)
        point, n = pairs[number % len(pairs)]
        return f"{point}:{n + 1}"
    if kind == "cut-api":
        return f"{kind}:{random_cut(dice, world.api_bytes)}"
    if kind == "cut-database":
        return f"{kind}:{random_cut(dice, world.database_bytes)}"
    return f"{kind}:{dice.uniform(0, 1.05 * world.seconds):.5f}"


def random_blows(world, seed, number):
    dice = random.Random(f"{seed} {world.store.kind} {world.name} {number}")
    blows = [random_blow(world, dice, number)]
    while len(blows) < MOST_BLOWS and dice.random() < CHAIN:
        blows.append(random_blow(world, dice, dice.randrange(10**6)))
    return blows


def live(world, blows):
    """One life: the blows, a run to the end, the comparison. Which blows hit."""
    database = world.destination()
    try:
        hits = [blow for blow in blows if strike(world, database, blow)]
        world.finish(world.start(database), [0])
        database.check()
        assert_same_facts(facts(database), world.expected)
        return hits
    finally:
        world.store.drop(database)


class Worlds:
    """Worlds of one process, each made when it is first asked for."""

    def __init__(self, seed, private=True):
        self.seed, self.private = seed, private
        tempfile.tempdir = memory_folder()  # of servers, too
        self.folder = tempfile.mkdtemp(prefix="penstock-crash-")
        self.stores, self.worlds = {}, {}

    def get(self, kind, name):
        if kind not in self.stores:
            self.stores[kind] = open_store(kind, self.folder, self.private)
        if (kind, name) not in self.worlds:
            self.worlds[kind, name] = World(self.stores[kind], name, self.seed)
        return self.worlds[kind, name]

    def close(self):
        for thing in (*self.worlds.values(), *self.stores.values()):
            thing.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def memory_folder():
    """A killed process needs no disk to lose nothing: what it wrote, the kernel has."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@dataclasses.dataclass
class Life:
    kind: str
    name: str
    blows: list
    hits: list
    failure: str = None

    def text(self):
        return " ".join((self.kind, self.name, *self.blows))


def try_life(worlds, kind, name, blows_of):
    world = worlds.get(kind, name)
    blows = blows_of(world)
    try:
        return Life(kind, name, blows, live(world, blows))
    except Exception as failure:
        return Life(kind, name, blows, [], f"{type(failure).__name__}: {failure}")


# --- many lives, in processes ---


def work(seed, tasks, results):
    """A worker process: cases until there is None. Its worlds end with it, whatever happens."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops us
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    worlds = Worlds(seed)
    try:
        while task := tasks.get():
            kind, name, number = task
            blows = functools.partial(random_blows, seed=seed, number=number)
            results.put(try_life(worlds, kind, name, blows))
    except Exception as failure:  # a world that cannot be made
        results.put(Life(*task[:2], [], [], f"{type(failure).__name__}: {failure}"))
    finally:
        worlds.close()


class Pool:
    """Worker processes, each with its own simulators and servers."""

    def __init__(self, jobs, seed):
        self.tasks, self.results = multiprocessing.Queue(), multiprocessing.Queue()
        words = (seed, self.tasks, self.results)
        self.workers = [multiprocessing.Process(target=work, args=words) for _ in range(jobs)]
        for worker in self.workers:
            worker.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for worker in self.workers:
            self.tasks.put(None)
            if kind:
                worker.terminate()
        for worker in self.workers:
            worker.join()

    def result(self):
        """The next one; None when no worker lives that could have one."""
        while True:
            with contextlib.suppress(queue.Empty):
                return self.results.get(timeout=1)
            if not any(worker.is_alive() for worker in self.workers):
                return None


class Tally:
    def __init__(self):
        self.lives = 0
        self.hits = collections.Counter()
        self.distinct = set()
        self.failures = []

    def add(self, life):
        self.lives += 1
        for blow in life.hits:
            self.hits[life.kind, life.name, blow.split(":")[0]] += 1
            self.distinct.add((life.kind, life.name, blow))
        if life.failure:
            self.failures.append(life)

    def by(self, index):
        counts = collections.Counter()
        for key, count in self.hits.items():
            counts[key[index]] += count
        return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))

    def report(self):
        print(f"\n{sum(self.hits.values())} kills and cuts in {self.lives} lives,", end=" ")
        print(f"{len(self.distinct)} distinct")
        for title, index in (("destination", 0), ("scenario", 1), ("kind", 2)):
            print(f"  by {title}: {self.by(index)}")
        print(f"mismatches: {len(self.failures)}")


def run_cases(options, tally):
    """Until so many distinct kills happened, or a case failed."""
    kinds = DESTINATIONS if options.destination == "all" else [options.destination]
    names = [options.scenario] if options.scenario else list(SCENARIOS)
    pairs = [(kind, name) for name in names for kind in kinds]
    start = told = time.monotonic()
    given = 0
    with Pool(options.jobs, options.seed) as pool:
        while len(tally.distinct) < options.kills and not tally.failures or given > tally.lives:
            enough = len(tally.distinct) >= options.kills or tally.failures
            while not enough and given - tally.lives < 2 * options.jobs:
                pool.tasks.put((*pairs[given % len(pairs)], given // len(pairs)))
                given += 1
            if (life := pool.result()) is None:
                assert tally.failures, "the workers are gone"
                return
            tally.add(life)
            if time.monotonic() - told > 5:
                told = time.monotonic()
                seconds = int(told - start)
                print(f"{len(tally.distinct)} kills, {tally.lives} lives, {seconds} s", flush=True)


def repeat(options):
    kind, name, *blows = options.repeat.split()
    worlds = Worlds(options.seed)
    try:
        return try_life(worlds, kind, name, lambda _: blows)
    finally:
        worlds.close()


def main():
    parser = argparse.ArgumentParser(description="Kills runs and compares what they leave.")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--destination", choices=[*DESTINATIONS, "all"], default="sqlite")
    parser.add_argument("--scenario", choices=SCENARIOS)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--repeat", metavar="CASE")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what was started
    print(f"seed {options.seed}", flush=True)
    tally = Tally()
    if options.repeat:
        tally.add(repeat(options))
    else:
        run_cases(options, tally)
    tally.report()
    for life in tally.failures:
        print(f"\ntests/faults/crash.py --seed {options.seed} --repeat {life.text()!r}")
        print(life.failure)
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
