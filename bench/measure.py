"""What every part of the bench needs: a program's process tree measured, rows of figures printed.

Only the ratios mean something: machines differ, and other work on this one shows in min and max.
"""

import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "tests")]

SAMPLE_S = 0.01
PAGE_BYTES = os.sysconf("SC_PAGESIZE")


# --- processes ---


@dataclasses.dataclass
class Measured:
    """One program, with all that it started."""

    code: int
    wall_s: float
    cpu_s: float  # user and system, of those that were waited for
    peak_mib: float
    output: str
    errors: str


def tree_of(root):
    """Ids of root and of all that descend from it, as far as they live."""
    found, fresh = [root], [root]
    while fresh:
        tasks = pathlib.Path(f"/proc/{fresh.pop()}/task")
        try:
            children = [
                int(pid)
                for task in tasks.iterdir()
                for pid in (task / "children").read_text().split()
            ]
        except OSError:
            continue
        found += children
        fresh += children
    return found


def resident_bytes(pid):
    try:
        return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return 0


def high_water_bytes(pid):
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if "VmHWM" in line), 0)


def peak_of(pid):
    """Of one process the kernel remembers the peak; of several only their sum now is known."""
    tree = tree_of(pid)
    together = sum(map(resident_bytes, tree)) if len(tree) > 1 else 0
    return max(together, *map(high_water_bytes, tree))


def run(command, env=None, cwd=None, timeout_s=None):
    """Runs a program to its end. Output goes through files, so that no pipe can stop it."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        began = time.monotonic()
        process = subprocess.Popen(
            list(map(str, command)), env=env, cwd=cwd, stdout=output, stderr=errors
        )
        # Not ru_maxrss: that remembers the size of this interpreter, which the child was forked from.
        peak = 0
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if timeout_s and time.monotonic() - began > timeout_s:
                process.kill()
                timeout_s = None
            peak = max(peak, peak_of(process.pid))
            time.sleep(SAMPLE_S)
        wall_s = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        return Measured(
            code=process.returncode,
            wall_s=wall_s,
            cpu_s=usage.ru_utime + usage.ru_stime,
            peak_mib=peak / 1024 / 1024,
            output=output.read(),
            errors=errors.read(),
        )


# --- figures ---


def heading(title, *columns):
    """columns: of row(), behind the name."""
    print(f"\n{title}")
    print(f"  {'':<38}" + "".join(f"{column:>14}" for column in columns), flush=True)


def row(name, *cells):
    """None is an empty cell."""

    def shown(cell):
        if isinstance(cell, float):
            return f"{cell:,.3f}" if cell < 10 else f"{cell:,.1f}"
        return f"{cell:,}" if isinstance(cell, int) else cell or ""

    print(f"  {name:<38}" + "".join(f"{shown(cell):>14}" for cell in cells), flush=True)


def spread(values):
    """min, median, max"""
    return min(values), statistics.median(values), max(values)


# --- Penstock and its simulator ---


class Bench:
    """What the command line says, and a folder for all that is written."""

    def __init__(self, build, folder, rounds, quick, full):
        self.build, self.folder = build, folder
        self.rounds, self.quick, self.full = rounds, quick, full
        self.penstock = build / "src" / "cli" / "penstock"

    def simulator(self, *options):
        """The tests' simulator of a company whose share of the day is never used up."""
        from harness import Simulator

        return Simulator("--plan", "ultimate", "--seats", "100", "--quiet", *options)

    def free_simulator(self, *options):
        """No limits either: not of the burst window, not of the day."""
        return self.simulator("--no-limits", "--burst", "1000", *options)

    def environment(self, sim, **more):
        """Nothing is remembered from another run."""
        state = tempfile.mkdtemp(prefix="state-", dir=self.folder)
        return {
            **os.environ,
            "PIPEDRIVE_API_TOKEN": sim.token,
            "PENSTOCK_STATE_DIR": state,
            **more,
        }

    def fresh_sqlite(self):
        for name in self.folder.glob("sync.db*"):
            name.unlink()
        return f"sqlite:{self.folder}/sync.db"

    def sync(self, sim, url, *options):
        """Measured, and the result of `sync --json`."""
        command = [self.penstock, "sync", "--json", "-q", "--to", url, "--api-url", sim.url]
        done = run([*command, *options], env=self.environment(sim))
        if done.code != 0:
            raise SystemExit(f"sync ended with {done.code}: {done.output}{done.errors}")
        return done, json.loads(done.output)
