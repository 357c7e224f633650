#!/usr/bin/python3
"""Private database servers for tests: starts them, runs a command, ends them.

    tests/servers.py postgres mariadb -- COMMAND…      the command finds URLs in its environment
    tests/servers.py postgres                       until Ctrl-C; prints the URLs

PENSTOCK_TEST_POSTGRES and PENSTOCK_TEST_MARIADB are URLs of an administrator without a database
name; what is already set is used as it is. Each server lives in a folder under /tmp, listens on a
free port of 127.0.0.1 and on a socket in that folder, and has its own process id; nothing of an
installed server is touched. They write nothing through to the disk: what a killed server had
committed is in the kernel's memory all the same, and tests kill servers, not machines.

As a module: `with Postgres() as server: server.url, server.pid, server.kill(), server.start()`."""

import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

READY_SECONDS = 60


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """One server in its own folder. Neither kind runs as root: then a user of its package does."""

    user = None
    name = None

    def __init__(self, environment=None):
        """environment: more variables for the server, as text by name."""
        self.environment = {**os.environ, **(environment or {})}
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"penstock-{self.name}-"))
        self.port = free_port()
        self.process = None
        self.log = self.folder / "log"
        if os.getuid() == 0:
            shutil.chown(self.folder, self.user)
        self.run(*self.install_command())
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def as_user(self):
        if os.getuid() != 0:
            return {}
        entry = pwd.getpwnam(self.user)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def options(self):
        """A session of its own, so that Ctrl-C reaches the tests first."""
        return {
            "cwd": self.folder,
            "stdin": subprocess.DEVNULL,
            "start_new_session": True,
            **self.as_user(),
        }

    def run(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, **self.options())
        if done.returncode:
            raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr}")

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.server_command(),
                stdout=log,
                stderr=log,
                env=self.environment,
                **self.options(),
            )
        deadline = time.monotonic() + READY_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} does not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def answers(self):
        return subprocess.run(self.ping_command(), capture_output=True).returncode == 0

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        """As a power cut would: no chance to write anything."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.kill()

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(Server):
    user = name = "postgres"
    variable = "PENSTOCK_TEST_POSTGRES"
    stop_signal = signal.SIGINT  # "fast": ends sessions

    @staticmethod
    def tool(name):
        return str(max(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}")))

    @property
    def url(self):
        return f"postgres://postgres@127.0.0.1:{self.port}"

    def install_command(self):
        options = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
        return self.tool("initdb"), f"--pgdata={self.folder}/data", "--no-sync", *options

    def server_command(self):
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "shared_buffers": "64MB",
            "max_connections": 60,
            "log_timezone": "UTC",
            "fsync": "off",
            "full_page_writes": "off",
            "autovacuum": "off",  # else it looks into each of hundreds of small databases, again and again
        }
        words = [f"--{name}={value}" for name, value in settings.items()]
        return self.tool("postgres"), "-D", f"{self.folder}/data", *words

    def ping_command(self):
        return self.tool("pg_isready"), "-h", "127.0.0.1", "-p", str(self.port)

    def kill(self):
        """With its children, each of which leads a session of its own: as long as one of them
        lives, the next start finds the shared memory in use."""
        children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children")
        pids = [int(word) for word in children.read_text().split()]
        super().kill()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        while any(pathlib.Path(f"/proc/{pid}").exists() for pid in pids):
            time.sleep(0.01)


class MariaDb(Server):
    user = "mysql"
    name = "mariadb"
    variable = "PENSTOCK_TEST_MARIADB"
    stop_signal = signal.SIGTERM

    @property
    def url(self):
        return f"mysql://root@127.0.0.1:{self.port}"

    def install_command(self):
        options = ("--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db")
        return "mariadb-install-db", *options, f"--datadir={self.folder}/data"

    def server_command(self):
        settings = {
            "datadir": f"{self.folder}/data",
            "tmpdir": self.folder,  # a server that starts empties it, whoever else uses it
            "port": self.port,
            "bind-address": "127.0.0.1",
            "socket": f"{self.folder}/socket",
            "pid-file": f"{self.folder}/pid",
            "innodb-buffer-pool-size": "64M",
            "innodb-log-file-size": "48M",
            "innodb-flush-log-at-trx-commit": 2,
            "innodb-flush-method": "nosync",
            "innodb-doublewrite": 0,
        }
        words = [f"--{name}={value}" for name, value in settings.items()]
        return shutil.which("mariadbd") or "/usr/sbin/mariadbd", "--no-defaults", *words

    def ping_command(self):
        address = ("--host=127.0.0.1", f"--port={self.port}", "--user=root")
        return "mariadb-admin", "--no-defaults", *address, "ping"


KINDS = {kind.name: kind for kind in (Postgres, MariaDb)}


def main(words):
    cut = words.index("--") if "--" in words else len(words)
    names, command = words[:cut], words[cut + 1 :]
    if not (names or command) or any(name not in KINDS for name in names):
        sys.exit(__doc__)
    servers = []
    environment = dict(os.environ)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        for kind in (KINDS[name] for name in names):
            if kind.variable not in environment:
                servers.append(kind())
                environment[kind.variable] = servers[-1].url
        if command:
            return subprocess.run(command, env=environment).returncode
        for name in names:
            print(f"{KINDS[name].variable}={environment[KINDS[name].variable]}", flush=True)
        signal.pause()
    except KeyboardInterrupt:
        return 130
    finally:
        for server in servers:
            server.remove()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
