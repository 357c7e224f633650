"""What a person sees: progress on a terminal, plain lines elsewhere, Ctrl-C, readers that go away.

tmux is the terminal where the picture counts; a pty of our own where bytes, modes and exit codes do."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import termios
import time
import unicodedata

import pytest
from harness import (
    PENSTOCK,
    TABLES,
    assert_equals_truth,
    check_sanitizers,
    environment,
    finish_penstock,
    run_penstock,
    start_penstock,
    wait_until,
)
from unhappy import FAST, SMALL, assert_says, complaint, errors, files, sync, sync_words, tokens_of

ESCAPE = "\x1b"
TOTALS = re.compile(r"\d+/\d+ tables")
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
ADMINISTRATOR = ", administrator"  # ends the line that says who is connected
DONE = re.compile(r"^done in \d+:\d\d: [\d,]+ rows, [\d,]+ requests, [\d,]+ tokens$")


@pytest.fixture
def simulator(simulate):
    """Every answer takes a moment, so that there is something to see."""
    return simulate(*SMALL, "--persons", 2600, "--latency-ms", 120)


def width(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


# --- tmux ---


class Screen:
    """A terminal of so many columns and rows that runs one command and says how it ended."""

    def __init__(self, folder, columns, rows, words, env):
        self.columns = columns
        self.env = {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "TMUX_TMPDIR": str(folder),
            "SHELL": "/bin/sh",
            **env,
        }
        # the trap keeps the shell alive when Ctrl-C reaches all
        command = f"trap : INT; {shlex.join(map(str, words))}; echo code=$?; exec sleep 100"
        (folder / "tmux.conf").write_text(
            "set -g status off\nset -g default-terminal screen-256color\n"
        )
        size = ["-x", str(columns), "-y", str(rows)]
        self.tmux("-f", folder / "tmux.conf", "new-session", "-d", *size, command)

    def tmux(self, *words):
        command = ["tmux", *map(str, words)]
        return subprocess.run(
            command, env=self.env, check=True, text=True, capture_output=True
        ).stdout

    def lines(self, *words):
        """What can be seen; with "-S", "-" also what scrolled away, with "-J" folded lines as one."""
        text = self.tmux("capture-pane", "-p", *words)
        return [line.rstrip() for line in text.rstrip().split("\n")]

    def size(self):
        """As programs see it; tmux tells them a moment after it has folded the lines."""
        (tty,) = self.tmux("display", "-p", "#{pane_tty}").split()
        with open(tty) as file:
            return subprocess.run(
                ["stty", "size"], stdin=file, text=True, capture_output=True
            ).stdout.strip()

    @contextlib.contextmanager
    def stopped(self):
        """While penstock stands still."""
        (shell,) = self.tmux("display", "-p", "#{pane_pid}").split()
        with open(f"/proc/{shell}/task/{shell}/children") as file:
            (child,) = map(int, file.read().split())
        os.kill(child, signal.SIGSTOP)
        yield
        os.kill(child, signal.SIGCONT)

    def is_over(self):
        return any(line.startswith("code=") for line in self.lines())

    def frames(self, timeout=60):
        """Looks again and again until the command has ended; pictures as lists of lines, unfolded."""
        end = time.monotonic() + timeout
        while not self.is_over():
            assert time.monotonic() < end, self.lines()
            yield self.lines("-J")
            time.sleep(0.05)


@pytest.fixture
def screen(tmp_path):
    with contextlib.ExitStack() as stack:

        def start(simulator, database, columns, rows, *words, env={}):
            words = [PENSTOCK, *sync_words(simulator, database.url, *words)]
            env = {
                k: v
                for k, v in environment(simulator.token).items()
                if k.startswith(("PIPEDRIVE", "PENSTOCK"))
            } | env
            screen = Screen(tmp_path, columns, rows, words, env)
            stack.callback(screen.tmux, "kill-server")
            return screen

        yield start


def assert_frame(lines, columns):
    """Nothing of the picture is folded, and there is one picture only."""
    for line in lines:
        is_message = line.endswith(ADMINISTRATOR) or line.startswith("penstock: ")
        assert width(line) <= columns or is_message, line
    assert sum(bool(TOTALS.search(line)) for line in lines) <= 1, lines


def assert_end(lines, columns, *, code=0, tables=TABLES):
    """The line who is connected, the summary, the code; and nothing that the picture left behind."""
    text = "\n".join(lines)
    assert not any(c in text for c in SPINNER + "✓✗■·━╌") and not TOTALS.search(text), text
    assert "\ufffd" not in text and ESCAPE not in text
    assert lines[0].endswith(ADMINISTRATOR)
    header = next(i for i, line in enumerate(lines) if line.startswith("TABLE "))
    assert header == 1 or lines[header - 1].endswith(" a day"), lines[:header]  # the price
    lines = [lines[0], *lines[header:]]
    assert [line.split()[0] for line in lines[2 : 2 + len(tables)]] == list(tables)
    assert all(width(line) <= columns for line in lines[1 : 2 + len(tables)]), lines
    assert lines[-1] == f"code={code}"
    return lines[2 + len(tables) : -1]


@pytest.mark.parametrize("columns, rows", [(40, 30), (80, 24), (120, 40), (80, 8)])
def test_progress_and_summary(simulator, database, screen, columns, rows):
    terminal = screen(simulator, database, columns, rows)
    running = set()
    for lines in terminal.frames():
        assert_frame(lines, columns)
        running |= {TOTALS.search(line)[0] for line in lines if TOTALS.search(line)}
    assert len(running) > 3  # it moved
    rest = assert_end(terminal.lines("-J", "-S", "-"), columns)
    assert DONE.match(" ".join(rest)), rest
    assert all(width(line) <= columns for line in terminal.lines()), (
        "the totals are folded at a blank"
    )


def test_terminal_that_becomes_narrow(simulator, database, screen):
    terminal = screen(simulator, database, 100, 40)
    for count, _ in enumerate(terminal.frames()):
        if count == 12:  # between two pictures: a terminal folds before it says that it did
            with terminal.stopped():
                terminal.tmux("resize-window", "-x", 50, "-y", 40)
                wait_until(lambda: terminal.size() == "40 50")
    assert count > 14
    # Folding pushed the upper lines out of the screen, where nobody can erase them.
    lines = [line for line in terminal.lines("-J") if line and not line.endswith(ADMINISTRATOR)]
    rest = assert_end(["Somebody" + ADMINISTRATOR, *lines], 50)
    assert DONE.match(" ".join(rest)), rest


def test_summary_of_a_failure_on_a_terminal(simulator, database, screen):
    simulator.fault("status", status=503, path="/api/v2/persons", count=0)
    terminal = screen(simulator, database, 80, 30, "--tables", "persons,users")
    for lines in terminal.frames():
        assert_frame(lines, 80)
    rest = assert_end(terminal.lines("-J", "-S", "-"), 80, code=3, tables=["users", "persons"])
    assert rest[0].startswith("failed in 0:0")
    assert_says(rest[1], "penstock: persons: HTTP 503")
    assert rest[2:] == ["penstock: 1 of 2 tables failed"]


def test_rejected_values_are_seen_at_80_columns(simulator, database, screen):
    """They are NULL now: whoever looks at the summary should know."""
    terminal = screen(simulator, database, 80, 30)
    for _ in terminal.frames():
        pass
    header = next(line for line in terminal.lines() if line.startswith("TABLE"))
    assert "REJECTED" in header


def test_interrupt_seen_on_a_terminal(simulator, database, screen):
    terminal = screen(simulator, database, 80, 30)
    pressed = False
    for lines in terminal.frames():
        assert_frame(lines, 80)
        known = any(line.endswith(ADMINISTRATOR) for line in lines)
        if not pressed and known and any(TOTALS.search(line) for line in lines):
            terminal.tmux("send-keys", "C-c")
            pressed = True
    lines = [line for line in terminal.lines("-J", "-S", "-") if line != "^C"]
    (told,) = [line for line in lines if "press Ctrl-C again" in line]
    lines.remove(told)
    rest = assert_end(lines, 80, code=75)
    assert re.match(r"stopped in \d:\d\d", rest[0])
    assert_says(rest[1], "penstock: stopped as asked", "run again to go on from here")
    assert rest[2:] == []


# --- a pty of our own ---


class Terminal:
    """penstock on a terminal of its own; `output` is what it wrote there, byte by byte."""

    def __init__(self, *words, token=None, env=None, columns=80, rows=30, stdout=None):
        terminal = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        self.output = b""
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.modes = termios.tcgetattr(self.master)

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [PENSTOCK, *map(str, words)],
            env=environment(token, terminal | (env or {})),
            stdin=slave,
            stdout=slave if stdout is None else stdout,
            stderr=slave,
            preexec_fn=own_terminal,
        )
        os.close(slave)

    def read(self, condition=lambda text: False, timeout=30):
        """Until the condition holds for the text so far, or the process has ended."""
        end = time.monotonic() + timeout
        while not condition(self.text()):
            assert time.monotonic() < end, self.text()
            if select.select([self.master], [], [], 0.2)[0]:
                try:
                    self.output += os.read(self.master, 65536)
                except OSError:  # the other side is closed
                    break
        return self.text()

    def text(self):
        return self.output.decode(errors="replace")

    def type(self, keys):
        os.write(self.master, keys)

    def finish(self):
        """Its exit code; the terminal's modes must be as they were."""
        self.read()
        code = self.process.wait(30)
        check_sanitizers(self.text())
        assert termios.tcgetattr(self.master) == self.modes
        os.close(self.master)
        return code


def spawn(simulator, database, *words, **more):
    return Terminal(*sync_words(simulator, database.url, *words), token=simulator.token, **more)


COLOR = re.compile(r"\x1b\[[0-9;]*m")


def assert_leaves_no_trace(text):
    """What is switched off is switched on again; the last colour is none."""
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h")
    assert "\x1b[?1049" not in text
    colors = COLOR.findall(text)
    assert not colors or colors[-1] in ("\x1b[0m", "\x1b[m")


def test_colors(simulator, database):
    terminal = spawn(simulator, database, "--tables", "users,pipelines,persons")
    assert terminal.finish() == 0
    assert COLOR.search(terminal.text()) and TOTALS.search(terminal.text())
    assert_leaves_no_trace(terminal.text())


@pytest.mark.parametrize("words, env", [((), {"NO_COLOR": "1"}), (("--no-color",), {})])
def test_no_colors(simulator, database, words, env):
    terminal = spawn(simulator, database, "--tables", "users,persons", *words, env=env)
    assert terminal.finish() == 0
    assert TOTALS.search(terminal.text())  # the picture is drawn all the same
    assert not COLOR.search(terminal.text())


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"TERM": ""}, {"CI": "true"}])
def test_terminal_that_cannot_draw(simulator, database, env):
    terminal = spawn(simulator, database, "--tables", "users,persons", env=env)
    assert terminal.finish() == 0
    text = terminal.text()
    assert not TOTALS.search(text) and "persons: done, " in text
    assert env == {"CI": "true"} or ESCAPE not in text


def test_terminal_without_unicode(simulator, database):
    terminal = spawn(simulator, database, "--tables", "users,persons", env={"LC_ALL": "C"})
    assert terminal.finish() == 0
    picture = terminal.text().split(ADMINISTRATOR)[1]
    assert picture.isascii() and TOTALS.search(picture)


def test_quiet_on_a_terminal(simulator, database):
    terminal = spawn(simulator, database, "--tables", "users,persons", "-q")
    assert terminal.finish() == 0
    assert terminal.output == b""


def test_json_log_on_a_terminal(simulator, database):
    words = ("--tables", "users,persons", "--log-format", "json", "--json")
    terminal = spawn(simulator, database, *words)
    assert terminal.finish() == 0
    assert ESCAPE not in terminal.text()
    lines = [json.loads(line) for line in terminal.text().splitlines()]
    assert len(lines) > 2 and lines[-1]["outcome"] == "done"


def test_log_lines_and_the_picture_share_a_terminal(simulator, database):
    terminal = spawn(simulator, database, "--tables", "users,persons", "-vv")
    assert terminal.finish() == 0
    # before a line is written the picture is erased, from the first column on
    logged = re.findall(r"([^\n]*)debug request path=[^\r\n]*\r\n", terminal.text())
    assert len(logged) >= 7
    for before in logged:
        assert re.fullmatch(r"(.*\x1b\[K)?\d\d:\d\d:\d\d ", before), before


def test_interrupt(simulator, database):
    terminal = spawn(simulator, database)
    terminal.read(lambda text: re.search("persons +.*500 rows", text))
    terminal.type(b"\x03")
    assert terminal.finish() == 75
    text = terminal.text()
    assert_says(text, "stopping after the pages in hand are committed", "press Ctrl-C again")
    assert_says(text.splitlines()[-1], "stopped as asked", "run again to go on from here")
    assert_leaves_no_trace(text)
    assert 500 <= len(database.rows("persons")) < 2600
    assert not list(database.path.parent.glob("*.penstock-lock"))
    sync(simulator, database.url)
    assert_equals_truth(simulator, database)


def test_second_interrupt(simulator, database):
    simulator.fault("hang", ms=20_000, path="/api/v2/persons", nth=3, count=0)
    terminal = spawn(simulator, database, "--tables", "persons")
    terminal.read(lambda text: "500 rows" in text)
    terminal.type(b"\x03")
    terminal.type(b"\x03")
    assert terminal.finish() in (75, 130)
    assert_leaves_no_trace(terminal.text())
    database.check()


def test_interrupt_before_the_first_answer(simulator, database):
    simulator.fault("hang", ms=20_000, path="/api/v1/users/me", count=0)
    terminal = spawn(simulator, database)
    terminal.read(lambda text: simulator.stats()["faults"] or simulator.stats()["max_in_flight"])
    start = time.monotonic()
    terminal.type(b"\x03")
    assert terminal.finish() == 75
    assert time.monotonic() - start < 5
    assert_says(terminal.text(), "run again")
    assert files(database.path.parent) == []


def test_interrupt_while_waiting_for_a_limit(simulator, database):
    simulator.fault("burst429", path="/api/v2/persons", retry_after=50, count=0)
    terminal = spawn(simulator, database, "--tables", "persons")
    terminal.read(lambda text: "waits" in text)
    start = time.monotonic()
    terminal.type(b"\x03")
    assert terminal.finish() == 75
    assert time.monotonic() - start < 5


# --- no terminal ---


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_stop_without_a_terminal(simulator, database, sign):
    process = start_penstock(*sync_words(simulator, database.url), token=simulator.token)
    wait_until(lambda: simulator.stats()["requests"] > 20)
    process.send_signal(sign)
    run = finish_penstock(process)
    assert run.returncode == 75
    assert_says(run.stderr.splitlines()[-1], "stopped as asked", "run again")
    assert ESCAPE not in run.stdout + run.stderr
    sync(simulator, database.url)
    assert_equals_truth(simulator, database, ["persons", "deals"])


def test_plain_lines(simulator, database):
    run = sync(simulator, database.url)
    text = run.stdout + run.stderr
    assert ESCAPE not in text and "\r" not in text and not TOTALS.search(text)
    first, price, *lines = run.stderr.splitlines()
    assert first.endswith(ADMINISTRATOR)
    assert price.startswith("penstock: first load: ")
    line = re.compile(r"(\w+): done, [\d,]+ rows?, [\d,]+ tokens")
    assert sorted(line.fullmatch(each)[1] for each in lines) == sorted(TABLES)
    header, *rows, total = run.stdout.splitlines()
    assert header.split()[:3] == ["TABLE", "OUTCOME", "ROWS"]
    assert [row.split()[0] for row in rows] == list(TABLES)
    assert DONE.match(total)
    assert all(each == each.rstrip() for each in run.stdout.splitlines())


def test_quiet(simulator, database):
    run = sync(simulator, database.url, "--tables", "users", "-q")
    assert run.stdout + run.stderr == ""
    simulator.fault("status", status=500, path="/api/v2/pipelines", count=0)
    run = sync(simulator, database.url, "--tables", "users,pipelines", "-q", "--all", code=3)
    assert run.stdout == ""
    assert errors(run)[0].startswith("pipelines: HTTP 500")
    assert len(run.stderr.splitlines()) == 2


def test_quiet_and_json(simulator, database):
    run = sync(simulator, database.url, "--tables", "users", "-q", "--json")
    assert json.loads(run.stdout)["outcome"] == "done" and run.stderr == ""


def test_verbose_tells_what_happens_and_twice_each_request(simulator, database):
    words = ("--tables", "users,persons")
    simulator.fault("status", status=500, path="/api/v2/persons", count=1)
    once = sync(simulator, database.url, *words, "-v").stderr
    assert re.search(r"debug failure table=persons error=.*HTTP 500.* action=", once), once
    assert "/api/v1/users/me" not in once
    twice = sync(simulator, database.url, *words, "-vv").stderr
    assert "debug table table=users state=" in twice and "debug request path=" in twice


def test_json_log(simulator, database):
    simulator.fault("status", status=500, path="/api/v2/stages", count=0)
    words = ("--tables", "users,persons,stages", "--log-format", "json")
    member = simulator.member_token
    run = sync(simulator, database.url, *words, "-vv", code=3, token=member)
    lines = [json.loads(line) for line in run.stderr.splitlines()]
    assert all({"time", "level", "event"} <= line.keys() for line in lines)
    assert {line["level"] for line in lines} <= {"debug", "info", "warn", "error"}
    told = [line for line in lines if line["level"] != "debug"]
    assert {line.get("connection") for line in told} == {"default"}
    progress = [line for line in lines if line["event"] == "progress"]
    assert {line["table"] for line in progress} == {"users", "persons", "stages"}
    (failed,) = [line for line in lines if line.get("code") == "table"]
    assert_says(failed["message"], "stages", "HTTP 500")
    assert [
        line for line in lines if line["level"] == "warn" and "administrator" in line["message"]
    ]


def test_json_report(simulator, database):
    run = sync(simulator, database.url, "--json")
    assert run.stdout.count("\n") == 1
    report = json.loads(run.stdout)
    assert report["outcome"] == "done"
    assert [table["table"] for table in report["tables"]] == list(TABLES)


# --- readers that go away ---


def closed_pipe():
    """The end to write into a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.parametrize(
    "words",
    [["sync"], ["sync", "--json"], ["check"], ["discover"], ["discover", "--json"], ["plan"], ["status"], ["help"]],
    ids=" ".join,
)  # fmt: skip
def test_reader_that_went_away(simulator, database, words):
    more = [] if words == ["help"] else ["--to", database.url, *FAST]
    if words[0] not in ("help", "status"):
        more += ["--api-url", simulator.url]
    if words[0] != "help":
        more += ["--tables", "users,pipelines"]
    writer = closed_pipe()
    process = subprocess.Popen(
        [PENSTOCK, *words, *more],
        env=environment(simulator.token),
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    stderr = process.communicate(timeout=60)[1]
    check_sanitizers(stderr)
    assert process.returncode in ((0,) if words[0] == "sync" else (0, -signal.SIGPIPE))
    assert "penstock:" not in stderr and "Broken pipe" not in stderr
    if words[0] == "sync":  # the run is not the reader's business
        assert_equals_truth(simulator, database, ["users", "pipelines"])


def test_head(simulator, database):
    words = [PENSTOCK, *sync_words(simulator, database.url, "--tables", "users", "--json")]
    command = f"set -o pipefail; {shlex.join(map(str, words))} | head -1"
    env = environment(simulator.token)
    run = subprocess.run(
        ["bash", "-c", command], env=env, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0 and json.loads(run.stdout)["outcome"] == "done"
    assert errors(run) == []


def test_reader_of_the_log_that_went_away(simulator, database):
    """penstock sync 2>&1 | head -1: the run goes on."""
    writer = closed_pipe()
    words = [PENSTOCK, *sync_words(simulator, database.url, "--tables", "users,pipelines", "-vv")]
    run = subprocess.run(
        words, env=environment(simulator.token), stdout=writer, stderr=writer, timeout=60
    )
    os.close(writer)
    assert run.returncode == 0
    assert_equals_truth(simulator, database, ["users", "pipelines"])


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)], ids=str)
def test_started_without_standard_streams(simulator, database, closed):
    """The next file that is opened would be one of them: nothing may be printed into a database."""
    words = [PENSTOCK, *sync_words(simulator, database.url, "--tables", "users,pipelines", "-vv")]

    def close():
        for descriptor in closed:
            os.close(descriptor)

    run = subprocess.run(
        words,
        env=environment(simulator.token),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=close,
        timeout=60,
    )
    check_sanitizers(run.stderr)
    assert run.returncode == (1 if 1 in closed else 0)
    if 2 not in closed:
        complaint(run, "cannot write to standard output")
    database.check()
    assert_equals_truth(simulator, database, ["users", "pipelines"])


def test_disk_of_the_summary_is_full(simulator, database):
    words = [PENSTOCK, *sync_words(simulator, database.url, "--tables", "users")]
    env = environment(simulator.token)
    with open("/dev/full", "w") as full:
        run = subprocess.run(
            words, env=env, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert run.returncode == 1
    complaint(run, "cannot write to standard output", "No space left")
    assert_equals_truth(simulator, database, ["users"])
    assert not any(token in run.stderr for token in tokens_of(simulator))


def test_status_needs_no_terminal(simulator, database):
    sync(simulator, database.url, "--tables", "users")
    run = run_penstock("status", "--to", database.url, "--tables", "users")
    assert run.returncode == 0 and ESCAPE not in run.stdout
