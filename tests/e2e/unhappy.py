"""What the tests of bad input share: a run as a person types it, what it may say, and servers that are no Pipedrive."""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading

from harness import PENSTOCK, check_sanitizers, environment, run_penstock

# Retries follow at once; how long they wait is the business of the unit tests.
FAST = ("--retry-base-ms", "1")
# A company of a few rows, whose lists still have several pages where a test asks for them.
SMALL = ("--plan", "ultimate", "--no-limits", "--frozen-clock", "--custom-fields", "3")
UNREAL = "0123456789abcdef0123456789abcdef01234567"


class Api:
    """A server that is no simulator: what sync() below needs to know of one."""

    def __init__(self, url, token=UNREAL):
        self.url = url
        self.token = token
        self.companies = [{"token": token, "member_token": token}]


def sync_words(api, url, *words):
    return ("sync", "--to", url, "--api-url", api.url, *FAST, *words)


def tokens_of(api):
    return [each[kind] for each in api.companies for kind in ("token", "member_token")]


def assert_secret(text, tokens):
    """No token, and no part of one that would help to guess it."""
    text = text if isinstance(text, bytes) else text.encode()
    for token in tokens:
        for start in range(len(token) - 7):
            assert token[start : start + 8].encode() not in text, text[:2000]


def sync(api, url, *words, code=0, token=None, env=None, cwd=None):
    """Runs as a person would, insists on the exit code, and looks for tokens in what was said."""
    run = run_penstock(*sync_words(api, url, *words), token=token or api.token, env=env, cwd=cwd)
    assert run.returncode == code, (run.returncode, run.stdout, run.stderr)
    assert_secret(run.stdout + run.stderr, [*tokens_of(api), *([token] if token else [])])
    return run


def run_as(program, api, url, *words, **more):
    """sync() for a process with other rights or limits; **more goes to subprocess.run."""
    run = subprocess.run(
        [program, *sync_words(api, url, *words)],
        env=environment(api.token),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        **more,
    )
    check_sanitizers(run.stderr)
    assert_secret(run.stdout + run.stderr, tokens_of(api))
    return run


# --- what was said ---


def is_warning(line):
    return line.startswith("penstock: warning: ")


def is_price(line):
    """A first load says what it costs before it spends."""
    return line.startswith("penstock: first load: ")


def errors(run):
    lines = [x for x in run.stderr.splitlines() if not is_warning(x) and not is_price(x)]
    return [x[10:] for x in lines if x.startswith("penstock: ")]


def warnings(run):
    return [x[19:] for x in run.stderr.splitlines() if is_warning(x)]


def assert_says(text, *words):
    for word in words:
        assert word.lower() in text.lower(), f"no {word!r} in: {text}"


def complaint(run, *words):
    """The one error that was said, with these words in it: what failed, where, what to do next."""
    said = errors(run)
    assert len(said) == 1, (said, run.stderr)
    assert_says(said[0], *words)
    return said[0]


def table_complaint(run, table, *words, of):
    """The error about the one table of so many that failed."""
    said = errors(run)
    assert len(said) == 2, (said, run.stderr)
    assert said[0].startswith(f"{table}: "), said
    assert said[1] == f"1 of {of} tables failed"
    assert_says(said[0], *words)
    return said[0]


def outcomes(run):
    """Table → outcome, from the table that people read."""
    row = re.compile(r"^(\w+) +(done|failed|parked|stopped|not due|not reached)\b", re.MULTILINE)
    return dict(row.findall(run.stdout))


# --- files ---


def files(folder):
    return sorted(path.name for path in pathlib.Path(folder).iterdir())


def dump(path):
    """Everything in a database, as statements; without the note who wrote last."""
    connection = sqlite3.connect(path)
    try:
        return [line for line in connection.iterdump() if "_penstock_epoch" not in line]
    finally:
        connection.close()


@contextlib.contextmanager
def somebody():
    """A folder with a penstock in it, and the keywords that start it as a user who may write nowhere
    else. (Root may write everywhere; whoever is not root is such a user already.)"""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-"))
    folder.chmod(0o755)
    shutil.copy(PENSTOCK, folder)
    rights = {"user": 65534, "group": 65534, "extra_groups": []} if is_root() else {}
    try:
        yield folder, folder / PENSTOCK.name, rights
    finally:
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o700)
        shutil.rmtree(folder)


def is_root():
    return os.geteuid() == 0


# --- servers ---


def answer(status, body=b"", *headers, reason="Reason", length=True):
    """The bytes of an HTTP answer."""
    lines = [f"HTTP/1.1 {status} {reason}", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


@contextlib.contextmanager
def server(*pieces):
    """Answers every connection with these bytes (None: never answers), and closes. Yields an Api."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    held = []

    def serve(connection):
        with contextlib.suppress(OSError), connection:
            while b"\r\n\r\n" not in (bytes_read := connection.recv(65536)) and bytes_read:
                pass
            for piece in pieces:
                connection.sendall(piece)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                if pieces == (None,):
                    held.append(connection)
                else:
                    threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield Api(f"http://127.0.0.1:{listener.getsockname()[1]}")
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for connection in held:
            connection.close()


def closed_port():
    """A port of this machine that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
