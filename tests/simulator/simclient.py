"""A running pipedrive-sim and the requests that tests make of it."""

import http.client
import json
import os
import subprocess
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PENSTOCK_BUILD", REPOSITORY / "build"))
BINARY = BUILD / "simulator" / "pipedrive-sim"

SEED = ("--size", "small", "--seed", "7")
STEADY = (*SEED, "--no-limits", "--frozen-clock", "--deleted", "10")


class Answer:
    """One HTTP answer. Numbers keep their digits: an integer is an int, the rest are Decimals."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body, parse_float=Decimal)

    @property
    def data(self):
        return self.json["data"]


class Simulator:
    def __init__(self, *options):
        self.process = subprocess.Popen(
            [BINARY, "--port", "0", "--quiet", *options], stdout=subprocess.PIPE
        )
        ready = self.process.stdout.readline()
        assert ready, f"pipedrive-sim {' '.join(options)} ended without its ready line"
        self.ready = json.loads(ready)
        self.url = self.ready["url"]
        self.companies = self.ready["companies"]
        self.token = self.companies[0]["token"]
        self.member_token = self.companies[0]["member_token"]
        self.connection = None

    def stop(self):
        self.process.terminate()
        try:
            return self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process.stdout.close()

    def request(self, method, target, headers, body=None):
        if self.connection is None:
            self.connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        try:
            self.connection.request(method, target, body=body, headers=headers)
            return Answer(self.connection.getresponse())
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.connection = None
            raise

    def get(self, path, token=None, **query):
        """GET of an API path; a list's members are joined by commas."""
        return self.request("GET", target(path, query), {"x-api-token": token or self.token})

    def data(self, path, **query):
        answer = self.get(path, **query)
        assert answer.status == 200, (path, query, answer.body[:300])
        return answer.data

    def admin(self, op, **arguments):
        """One operation of the admin API; its result."""
        sent = json.dumps(arguments).encode()
        answer = self.request("POST", f"/_sim/{op}", {"content-type": "application/json"}, sent)
        assert answer.status == 200, (op, arguments, answer.body[:300])
        return answer.json["results"][0]

    def read(self, path, **query):
        answer = self.request("GET", target(f"/_sim/{path}", query), {})
        assert answer.status == 200, (path, answer.body[:300])
        return answer.json

    def truth(self, table, **query):
        answer = self.request("GET", target(f"/_sim/truth/{table}", query), {})
        assert answer.status == 200, (table, answer.body[:300])
        return [json.loads(line, parse_float=Decimal) for line in answer.body.splitlines()]

    def now(self):
        """The simulated time, as v2 writes it."""
        return self.admin("clock", advance=0)["now"]

    def by_cursor(self, path, limit=50, **query):
        """All rows of a v2 list."""
        rows, cursor = [], None
        while True:
            more = {"cursor": cursor} if cursor else {}
            answer = self.get(path, limit=limit, **query, **more)
            assert answer.status == 200, (path, query, answer.body[:300])
            assert len(answer.data) <= limit
            rows += answer.data
            cursor = answer.json["additional_data"]["next_cursor"]
            if cursor is None:
                return rows

    def by_offset(self, path, limit=50, **query):
        """All rows of a v1 list, whichever of the two envelopes it has."""
        rows = []
        while True:
            answer = self.get(path, start=len(rows), limit=limit, **query)
            assert answer.status == 200, (path, query, answer.body[:300])
            rows += answer.data or []
            paging = answer.json["additional_data"]
            paging = paging.get("pagination", paging)
            if not paging["more_items_in_collection"]:
                return rows
            assert paging.get("next_start", len(rows)) == len(rows)


def target(path, query):
    pairs = {
        name: ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        for name, value in query.items()
    }
    return path + ("?" + urlencode(pairs, quote_via=quote, safe=",") if pairs else "")


def ids(rows):
    return [row["id"] for row in rows]
