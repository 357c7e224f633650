"""airbyte-source-pipedrive: the source alone. Destinations are not on PyPI, so what it brings are the
JSON lines that it writes; a destination would come on top."""

import json
import subprocess

from .peer import BEFORE_ALL, SAME_NAMES, Peer, Unavailable, python_of

PYTHON = "3.10"


class Airbyte(Peer):
    name = "airbyte-source-pipedrive 2.3.7 alone"
    short = "airbyte"
    requirements = ("airbyte",)
    tables = SAME_NAMES | {"currency": "currencies"}
    remarks = (
        "writes JSON lines to a file: loading them is not in its figures",
        "50 rows a page (manifest.yaml); asks for the products of each deal singly",
        "its default of 10 workers is blocked at 200 ms under the plan growth: 4 are set there",
        "does not start on Python 3.11 (mutable default in extractor.py), the newest that it allows",
    )

    def python(self):
        found = python_of(PYTHON)
        if not found:
            raise Unavailable(f"needs Python {PYTHON}, which this machine lacks")
        return found

    def prepare(self, place):
        folder = place.folder
        config = {"api_token": place.token, "replication_start_date": BEFORE_ALL}
        if place.in_flight:
            config["num_workers"] = place.in_flight
        (folder / "config.json").write_text(json.dumps(config))
        command = [self.program("airbyte", "source-pipedrive"), "discover"]
        command += ["--config", folder / "config.json"]
        found = subprocess.run(command, capture_output=True, text=True, check=True)
        said = map(json.loads, found.stdout.splitlines())
        catalog = next(m["catalog"] for m in said if m["type"] == "CATALOG")
        streams = [
            {"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
            for stream in catalog["streams"]
            if stream["name"] in self.tables.values()
        ]
        (folder / "catalog.json").write_text(json.dumps({"streams": streams}))

    def command(self, place):
        source = self.program("airbyte", "source-pipedrive")
        read = f"{source} read --config config.json --catalog catalog.json"
        return ["bash", "-c", f"exec {read} >rows.jsonl"]

    def ids(self, place):
        ours = {theirs: name for name, theirs in self.tables.items()}
        found = {}
        for message in messages(place, "RECORD"):
            record = message["record"]
            found.setdefault(ours[record["stream"]], set()).add(str(record["data"].get("id")))
        return found

    def complaint(self, place, run):
        errors = [message["trace"].get("error") for message in messages(place, "TRACE")]
        return next((error["internal_message"] for error in errors if error), run.errors)


def messages(place, kind):
    with open(place.folder / "rows.jsonl") as lines:
        yield from (each for each in map(json.loads, lines) if each["type"] == kind)
