"""What the tests of replication share: companies of a few rows, runs of a few pages, and edits between two requests."""

import datetime
import http.client
import http.server
import threading
from urllib.parse import parse_qsl, urlsplit

from harness import QUICK, sync

PATHS = {
    "activities": "/api/v2/activities",
    "deals": "/api/v2/deals",
    "persons": "/api/v2/persons",
    "organizations": "/api/v2/organizations",
    "products": "/api/v2/products",
    "notes": "/api/v1/notes",
    "files": "/api/v1/files",
}
ARCHIVED = "/api/v2/deals/archived"
LINES = "/api/v2/deals/products"
FLOW = "/v1/deals/{id}/flow"  # as /_sim/stats names it
OVERLAP = datetime.timedelta(seconds=60)


def company(*options, **rows):
    """Options of a company that has these rows only; what is not named is empty."""
    empty = dict.fromkeys(
        ("activities", "deals", "persons", "organizations", "products", "notes", "files"), 0
    )
    counts = empty | {"custom_fields": 0, "deleted_deals": 0, "deleted": 0} | rows
    words = [
        word for name, count in counts.items() for word in ("--" + name.replace("_", "-"), count)
    ]
    return [*QUICK, *map(str, words), *map(str, options)]


# --- times ---


def moment(text):
    """A time of the API, of the state or of a table."""
    return datetime.datetime.fromisoformat(text.replace("Z", "").replace(" ", "T"))


def stamp(when):
    """As the API writes times."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def replication_time(row):
    """coalesce(update_time, add_time); None for the rare row that has neither."""
    text = row["update_time"] or row["add_time"]
    return moment(text) if text else None


# --- requests ---


def asked(simulator):
    """Requests by path since reset_counters."""
    return {
        path: seen["requests"]
        for path, seen in simulator.stats()["paths"].items()
        if seen["requests"]
    }


def queries(simulator, path):
    """Parameters of the requests of a path, in order, since reset_counters."""
    return [dict(parse_qsl(r["query"])) for r in simulator.requests() if r["path"] == path]


def one_page_a_run(
    simulator, database, table, *words, requests=1, most=30, between=lambda run: None
):
    """Runs that the day's budget ends after so many requests of the table, until one gets to its end.
    Yields the state after each; between(run) happens before the next."""
    for run in range(most):
        simulator.fault("daily429", path=PATHS[table], nth=requests + 1, retry_after=3600)
        result = sync(simulator, database.url, "--tables", table, *words, code=None)
        simulator.admin("faults_clear")
        assert result.code in (0, 75), result
        yield database.state()
        if result.code == 0:
            return
        between(run)
    raise AssertionError(f"{table} is not at its end after {most} runs")


class Between:
    """Stands before a simulator: the n-th request whose path begins with `path` goes on when actions[n]() is done.
    rewrite(body) changes the answers of that path, headers(dict, n) what the n-th answer says in its headers. Penstock
    and sync() take it for the simulator."""

    def __init__(self, simulator, path, actions=(), rewrite=None, headers=None):
        self.token, self.rewrite, self.headers = simulator.token, rewrite, headers
        self.path, self.actions = path, dict(actions)
        self.origin = urlsplit(simulator.url).netloc
        self.seen, self.lock, self.failures = 0, threading.Lock(), []
        handler = type("Handler", (Forwarder,), {"between": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        assert not self.failures, self.failures
        assert not self.actions, f"only {self.seen} requests for {self.path}"

    def is_about(self, path):
        return urlsplit(path).path.startswith(self.path)

    def meet(self, path):
        with self.lock:
            self.seen += self.is_about(path)
            action = self.actions.pop(self.seen, None)
            try:
                if action:
                    action()
            except AssertionError as failure:  # a thread of the server would only print it
                self.failures.append(failure)


class Forwarder(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    between = None

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.between.meet(self.path)
        connection = http.client.HTTPConnection(self.between.origin, timeout=30)
        connection.request("GET", self.path, headers={"x-api-token": self.headers["x-api-token"]})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if self.between.rewrite and self.between.is_about(self.path):
            body = self.between.rewrite(body)
        headers = {name.lower(): value for name, value in answer.getheaders()}
        if self.between.headers:
            headers = self.between.headers(headers, self.between.seen)
        self.send_response_only(answer.status)
        for name, value in headers.items():
            if name not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
