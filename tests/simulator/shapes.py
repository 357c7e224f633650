"""Compares an answer with the property tree that the OpenAPI documents give for it."""

import json
import re
from decimal import Decimal
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "data" / "openapi"


def load(name):
    return json.loads((DATA / name).read_text(encoding="utf-8"), parse_float=Decimal)


OPERATIONS = [load(row["file"]) for row in load("index.json")]


# The documents disagree with themselves: this get knows fewer field types than its list.
for each in OPERATIONS:
    if each["path"] == "/productFields/{id}":
        each["answer"]["properties"]["data"]["properties"]["field_type"] = {"type": "string"}


def operation(api, path):
    return next(each for each in OPERATIONS if (each["api"], each["path"]) == (api, path))


def parameters(declared, where="query"):
    return {each["name"]: each for each in declared["parameters"] if each["in"] == where}


# API.md section 8, column "null": "no". All else is null in practice, whatever the document says.
NEVER_NULL = re.compile(
    r".*\.(id|is_deleted)"
    r"|v1 /currencies\.data\[\]\.code"
    r"|v1 /dealFields.*\.key"
    r"|v2 /deals/.*products\.data\[\]\.deal_id"
    r"|v2 /stages.*\.pipeline_id"
)

# Members that neither a schema nor an example of the snapshot has, with API.md's reason.
UNDOCUMENTED = re.compile(
    r"v2 /activities.*\.outcome"  # 8.1: in the official client since 2026-09-08
    r"|v2 /.*(address|location)\.formatted_address"  # 8.1, 8.11: migration guide
    r"|v2 /organizations.*\.picture_id"  # 8.11: documentation's changelog
    r"|v1 /recents.*\.data\.[0-9a-f]{40}(_\w+)?"  # 7: v1 records carry custom fields flat
    r"|v1 /recents.*\.data\.(archive_time|billing_frequency(_cycles)?)"  # 10: deals, products
    r"|v1 /recents.*\.data\.(file_type|log_id|project_id|project_name)"  # 8.8: files
    r"|v1 /recents.*\.data\.pinned_to_lead_flag"  # 8.10: notes
    r"|v1 .*\.additional_data"  # 2: every envelope may have it
    r"|v1 .*\.pagination\.next_start"  # 5
)

TYPES = {
    "string": str,
    "integer": int,
    "number": (int, Decimal),
    "boolean": bool,
    "array": list,
    "object": dict,
}

V1_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
V2_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
CLOCK = re.compile(r"\d{2,}:\d\d(:\d\d)?")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# API.md section 6: time-of-day values, not moments.
CLOCK_NAMES = {"due_time", "duration", "next_activity_time", "next_activity_duration"}
V1_MOMENTS = {"last_login", "created", "modified", "timestamp", "since_timestamp"}


def text_pattern(name, node, api):
    """What the text of a property must look like, or None for any text."""
    if node.get("format") == "uuid":
        return UUID
    if name in CLOCK_NAMES:
        return CLOCK
    if name.endswith("_date") or node.get("format") == "date":
        return DAY
    moment = name.endswith("_time") or name == "time" or node.get("format") == "date-time"
    if api == "v1" and (moment or name in V1_MOMENTS):
        return V1_TIME
    return V2_TIME if moment else None


def problems(value, node, api, name="", where="", samples=()):
    """What is wrong with a value, one line each. Samples: the document's examples at this place."""
    if "any_of" in node:
        tries = [problems(value, each, api, name, where, samples) for each in node["any_of"]]
        return min(tries, key=len)
    if value is None:
        fixed = NEVER_NULL.fullmatch(where) and not node.get("nullable")
        return [f"{where}: null"] if fixed else []
    expected = TYPES[node["type"]]
    if not isinstance(value, expected) or isinstance(value, bool) and expected is not bool:
        return [f"{where}: {value!r:.60} is no {node['type']}"]
    if "enum" in node and value not in node["enum"]:
        return [f"{where}: {value!r:.60} is none of {node['enum']}"]
    if isinstance(value, str):
        pattern = text_pattern(name, node, api)
        unset = api == "v1" and value == ""  # API.md section 6
        fits = pattern is None or unset or pattern.fullmatch(value)
        return [] if fits else [f"{where}: {value!r:.60} has another form"]
    if isinstance(value, list) and "items" in node:
        inner = [item for sample in samples if isinstance(sample, list) for item in sample]
        return [
            found
            for item in value
            for found in problems(item, node["items"], api, name, where + "[]", inner)
        ]
    return members(value, node, api, where, samples) if isinstance(value, dict) else []


def members(value, node, api, where, samples):
    """What is wrong inside an object: each member, and members that no document names."""
    known = node.get("properties", {})
    shown = [sample for sample in samples if isinstance(sample, dict)]
    free = node.get("open") or not known and "each" not in node
    found = []
    for key, member in value.items():
        inner = [sample[key] for sample in shown if key in sample]
        child = known.get(key) or node.get("each")
        if child:
            found += problems(member, child, api, key, f"{where}.{key}", inner)
        elif not (free or inner or UNDOCUMENTED.fullmatch(f"{where}.{key}")):
            found.append(f"{where}.{key}: in no document")
    return found


def missing(value, node):
    """Documented properties that an object lacks."""
    return sorted(node.get("properties", {}).keys() - value.keys())
