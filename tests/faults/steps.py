"""Steps of the model test: what can happen to a company, as short tuples that keep their meaning when
others are left out.

("edit", 3, 17, 5) names its targets by numbers that are taken modulo what there is. Company turns a
step into operations of the simulator's admin API, and remembers what a sync cannot see: changes that
move no update_time. Those rows are `stale` until they are touched again, or refreshed."""

import hashlib

from edits import edit
from harness import CUSTOM_FIELDS_OF, is_deleted

# What moves update_time when it is edited: attributes with values made of a number.
TEXTS = ("", "a", "x" * 300, "Ünïcödé ✓ 日本", "'; --", '"\\\n\t', "0", "null")
ATTRIBUTES = {
    "deals": ("title", "value", "stage_id", "probability", "status", "expected_close_date"),
    "persons": ("name", "org_id"),
    "organizations": ("name",),
    "activities": ("subject", "done", "due_date", "deal_id"),
    "products": ("name", "description"),
    "notes": ("content", "deal_id"),
    "files": ("description",),
    "stages": ("name",),
    "pipelines": ("name",),
    "filters": ("name",),
    "users": ("phone",),
    "activity_types": ("name",),
    "currencies": ("name",),
}
TIMED = ("deals", "persons", "organizations", "activities", "products", "notes", "files")
WHOLE = ("filters", "stages", "pipelines", "activity_types", "currencies", "users")
# Made-up values of other rows depend on how many persons, products and users there are.
ADDED = ("deals", "notes", "activities", "files", "filters", "currencies")
PURGED = ("deals", "notes", "activities", "files")
CHILD_LINKS = {  # where a merge points children to the winner
    "deals": {"activities": "deal_id", "notes": "deal_id", "files": "deal_id"},
    "persons": dict.fromkeys(("deals", "activities", "notes", "files"), "person_id"),
    "organizations": dict.fromkeys(("deals", "persons", "activities", "notes", "files"), "org_id"),
}
FIELD_TYPES = (
    *("varchar", "text", "int", "double", "date", "daterange", "time", "timerange"),
    *("monetary", "enum", "set", "address", "phone"),
)
OPTIONED = ("enum", "set")
CLOCK = (0, 0, 0, 1, 1, 2, 30, 59, 60, 61, 600, 3600, 6 * 3600, 25 * 3600, 2 * 86400)
MOST_DAYS = 20  # a sequence; deleted deals can be seen for 30


def table_of(entity):
    return {"currencies": "currency"}.get(entity, entity)


def value_for(attribute, n):
    if attribute.endswith("_id"):
        return None  # chosen by the company
    if attribute == "value":
        return (n * 7919 % 10**9) / 100
    if attribute == "probability":
        return n % 101
    if attribute == "status":
        return ("open", "won", "lost")[n % 3]
    if attribute.endswith("_date"):
        return f"2026-{1 + n % 12:02}-{1 + n % 28:02}"
    if attribute == "done":
        return n % 2 == 0
    return TEXTS[n % len(TEXTS)] + str(n)


def custom_value(kind, options, n):
    """A value of a custom field, as v2 takes it; None empties it."""
    if n % 7 == 0:
        return None
    date, time = f"2025-{1 + n % 12:02}-{1 + n % 28:02}", f"{n % 24:02}:{n % 60:02}:00"
    if kind in OPTIONED:
        if not options:
            return None
        chosen = options[n % len(options)]
        return chosen if kind == "enum" else sorted({chosen, options[(n + 1) % len(options)]})
    return {
        "int": n * 1000003,
        "double": n / 8,
        "date": date,
        "daterange": {"value": date, "until": "2026-01-31"},
        "time": {"value": time, "timezone_id": None, "timezone_name": None},
        "timerange": {
            "value": time,
            "until": "23:59:00",
            "timezone_id": None,
            "timezone_name": None,
        },
        "monetary": {"value": n / 4, "currency": "EUR"},
        "address": {"value": f"Street {n}", "country": "Chile"},
    }.get(kind, TEXTS[n % len(TEXTS)] + str(n))


class Company:
    """What the simulator's company is, as far as steps need to know."""

    def __init__(self, simulator):
        self.simulator = simulator
        self.switches = simulator.switches()
        self.ids, self.next, self.gone = {}, {}, {}
        for entity in ATTRIBUTES:
            rows = {row["id"]: row for row in simulator.truth(table_of(entity))}
            self.gone[entity] = {
                key for key, row in rows.items() if is_deleted(table_of(entity), row)
            }
            self.ids[entity] = [key for key in rows if key not in self.gone[entity]]
            self.next[entity] = max(rows, default=0) + 1000
            if entity == "deals":
                self.archived = {key for key, row in rows.items() if row["is_archived"]}
        lines = simulator.truth("deal_products")
        self.lines = {row["id"]: row["deal_id"] for row in lines}
        self.fields = {}  # (entity, key) → [type, options]; those that were added here
        self.retyped = set()  # keys whose type changed: values were made up anew
        self.stale = set()  # (table, id): changed without update_time
        self.stale_deals = set()  # whose lines and history are
        self.elapsed = 0
        self.made = 0
        self.waiting = []  # operations for flush()
        self.unknown = False  # some of them make ids that are not known yet
        self.steps = self.failed = 0

    # --- operations ---

    def flush(self):
        """Does what waits, in as few calls as can be. What the simulator refuses is left out."""
        while self.waiting:
            refused = self.simulator.refused(self.waiting)
            if refused is None:
                self.waiting.clear()
            else:
                self.failed += 1
                del self.waiting[: refused + 1]
            self.learn_ids()

    def learn_ids(self):
        """Of lines and options, which the simulator gave."""
        if self.unknown:
            lines = self.simulator.truth("deal_products")
            self.lines = {row["id"]: row["deal_id"] for row in lines}
            for (entity, key), field in self.fields.items():
                if field[0] in OPTIONED:
                    field[1] = self.options_of(entity, key)
            self.unknown = False

    def do(self, op, **arguments):
        self.waiting.append({"op": op, **arguments})
        self.unknown |= op in ("line_add", "option_add")

    def step(self, name, *numbers):
        self.steps += 1
        getattr(self, name)(*numbers)

    def pick(self, entity, n):
        ids = self.ids[entity]
        return ids[n % len(ids)] if ids else None

    def touched(self, entity, key):
        """It has a new update_time, unless it was purged."""
        if key not in self.ids[entity] and key not in self.gone[entity]:
            return
        self.stale.discard((table_of(entity), key))
        if entity == "deals":
            self.stale_deals.discard(key)

    # --- steps ---

    def clock(self, n):
        seconds = CLOCK[n % len(CLOCK)]
        if self.elapsed + seconds <= MOST_DAYS * 86400:
            self.elapsed += seconds
            self.do("clock", advance=seconds)

    def edit(self, which, row, n):
        entities = TIMED * 3 + WHOLE
        entity = entities[which % len(entities)]
        key = self.pick(entity, row)
        attribute = ATTRIBUTES[entity][n % len(ATTRIBUTES[entity])]
        value = value_for(attribute, n)
        if attribute.endswith("_id"):
            target = {"stage_id": "stages", "org_id": "organizations"}.get(attribute, "deals")
            value = self.pick(target, n)
        if key is None or value is None:
            return
        self.waiting.append(edit(entity, key, **{attribute: value}))
        self.touched(entity, key)

    def custom(self, row, which, n):
        """A custom field of a row gets a value."""
        if not self.fields:
            return
        entity, key = list(self.fields)[which % len(self.fields)]
        kind, options = self.fields[entity, key]
        target = self.pick(entity, row)
        if target is not None:
            self.waiting.append(edit(entity, target, **{key: custom_value(kind, options, n)}))
            self.touched(entity, target)

    def silent(self, which, row, n):
        """A change that moves no update_time."""
        entity = TIMED[which % len(TIMED)]
        key = self.pick(entity, row)
        attribute = ATTRIBUTES[entity][0]
        if key is None:
            return
        self.do("edit", entity=entity, id=key, attributes={attribute: f"silent {n}"}, touch=False)
        self.stale.add((table_of(entity), key))
        if entity == "deals":  # its history tells of the change
            self.stale_deals.add(key)

    def bulk(self, which, row, count):
        """Many rows in one second."""
        entity = TIMED[which % len(TIMED)]
        first = self.pick(entity, row)
        if first is None:
            return
        self.do("bulk", entity=entity, from_id=first, count=1 + count % 30)
        hit = [key for key in sorted(self.ids[entity]) if key >= first][: 1 + count % 30]
        for key in hit:
            self.touched(entity, key)

    def add(self, which, n):
        entity = ADDED[which % len(ADDED)]
        key = self.next[entity]
        self.next[entity] += 1 + n % 3
        self.do("add", entity=entity, id=key, attributes={})
        self.ids[entity].append(key)

    def delete(self, which, row):
        entities = TIMED + WHOLE[:5]
        entity = entities[which % len(entities)]
        # A pass that sees no row, or half of a large table, deletes nothing: section "shrink guard".
        key = self.pick(entity, row)
        if key is None or len(self.ids[entity]) < 4:
            return
        if entity in ("stages", "pipelines") and len(self.ids[entity]) < 3:
            return
        self.do("delete", entity=entity, id=key)
        self.ids[entity].remove(key)
        self.gone[entity].add(key)
        self.touched(entity, key)

    def undelete(self, which, row):
        entity = TIMED[which % len(TIMED)]
        gone = sorted(self.gone[entity])
        if gone:
            key = gone[row % len(gone)]
            self.do("undelete", entity=entity, id=key)
            self.gone[entity].remove(key)
            self.ids[entity].append(key)
            self.touched(entity, key)

    def purge(self, which, row):
        entity = PURGED[which % len(PURGED)]
        key = self.pick(entity, row)
        if key is None or len(self.ids[entity]) < 4:
            return
        self.do("purge", entity=entity, id=key)
        self.ids[entity].remove(key)
        self.stale.add((table_of(entity), key))

    def archive(self, row):
        """Or the way back."""
        key = self.pick("deals", row)
        if key is None:
            return
        self.do("unarchive" if key in self.archived else "archive", id=key)
        self.archived ^= {key}
        if self.switches["archive_moves_update_time"] == "on":
            self.touched("deals", key)
        else:
            self.stale.add(("deals", key))
            self.stale_deals.add(key)

    def merge(self, which, one, other):
        entity = list(CHILD_LINKS)[which % len(CHILD_LINKS)]
        winner, loser = self.pick(entity, one), self.pick(entity, other)
        if winner == loser or len(self.ids[entity]) < 4:
            return
        self.flush()  # to see whose children move
        for table, link in CHILD_LINKS[entity].items():
            for row in self.simulator.truth(table):
                if row[link] != loser:
                    continue
                if self.switches["merge_moves_children"] == "on":
                    self.touched(table, row["id"])
                else:
                    self.stale.add((table, row["id"]))
        self.do("merge", entity=entity, winner=winner, loser=loser)
        self.ids[entity].remove(loser)
        self.gone[entity].add(loser)
        self.touched(entity, winner)
        self.touched(entity, loser)
        if entity == "deals":
            for line, deal in self.lines.items():
                if deal == loser:
                    self.lines[line] = winner

    def line_add(self, row, product):
        deal, product = self.pick("deals", row), self.pick("products", product)
        if deal is not None and product is not None:
            self.do("line_add", deal=deal, product=product)
            self.touched("deals", deal)

    def line_edit(self, n, quantity):
        if self.lines:
            line = list(self.lines)[n % len(self.lines)]
            self.waiting.append(edit("deal_products", line, quantity=1 + quantity % 50))
            self.touched("deals", self.lines[line])

    def line_remove(self, n):
        if self.lines:
            line = list(self.lines)[n % len(self.lines)]
            self.do("line_remove", id=line)
            self.touched("deals", self.lines.pop(line))

    def field_add(self, which, kind, n):
        entity = list(CUSTOM_FIELDS_OF)[which % len(CUSTOM_FIELDS_OF)]
        kind = FIELD_TYPES[kind % len(FIELD_TYPES)]
        self.made += 1
        key = hashlib.sha1(f"{entity} {self.made} {n}".encode()).hexdigest()
        options = {"options": ["red", "green", "blue"]} if kind in OPTIONED else {}
        # Some share their name, some are called as a standard column.
        name = ("Score", "Title", "Name", "Größe", f"Field {n}")[n % 5]
        self.do("field_add", entity=entity, name=name, type=kind, key=key, **options)
        self.flush()
        self.fields[entity, key] = [kind, self.options_of(entity, key)]

    def options_of(self, entity, key):
        """Ids of a field's options."""
        for row in self.simulator.truth(CUSTOM_FIELDS_OF[entity]):
            if row["key"] == key:
                return [option["id"] for option in row.get("options") or ()]
        return []

    def with_field(self, n, optioned=False):
        """A field that was added, or None."""
        fields = [key for key, (kind, _) in self.fields.items() if not optioned or kind in OPTIONED]
        return fields[n % len(fields)] if fields else (None, None)

    def field_rename(self, n, name):
        entity, key = self.with_field(n)
        if key:
            self.do("field_rename", entity=entity, key=key, name=f"Renamed {name}")

    def field_remove(self, n):
        entity, key = self.with_field(n)
        if key:
            self.do("field_remove", entity=entity, key=key)
            del self.fields[entity, key]

    def field_type(self, n, kind):
        entity, key = self.with_field(n)
        kind = FIELD_TYPES[kind % len(FIELD_TYPES)]
        if key and kind not in OPTIONED and self.fields[entity, key][0] != kind:
            self.do("field_type", entity=entity, key=key, type=kind)
            self.fields[entity, key] = [kind, []]
            self.retyped.add(key)

    def option_add(self, n, label):
        entity, key = self.with_field(n, optioned=True)
        if key:
            self.do("option_add", entity=entity, key=key, label=f"Label {label}")

    def option_relabel(self, n, which, label):
        entity, key = self.with_field(n, optioned=True)
        if key and self.fields[entity, key][1]:
            options = self.fields[entity, key][1]
            option = options[which % len(options)]
            self.do("option_relabel", entity=entity, key=key, id=option, label=f"New {label}")

    def option_remove(self, n, which):
        entity, key = self.with_field(n, optioned=True)
        if key and self.fields[entity, key][1]:
            options = self.fields[entity, key][1]
            option = options.pop(which % len(options))
            self.do("option_remove", entity=entity, key=key, id=option)


# How often each step is taken, and how many numbers it has.
WEIGHTS = {
    "edit": (30, 3),
    "clock": (22, 1),
    "custom": (12, 3),
    "bulk": (3, 3),
    "add": (6, 2),
    "delete": (5, 2),
    "undelete": (3, 2),
    "purge": (1, 2),
    "silent": (2, 3),
    "archive": (5, 1),
    "merge": (2, 3),
    "line_add": (4, 2),
    "line_edit": (3, 2),
    "line_remove": (3, 1),
    "field_add": (3, 3),
    "field_rename": (1, 2),
    "field_remove": (1, 1),
    "field_type": (1, 2),
    "option_add": (1, 2),
    "option_relabel": (1, 3),
    "option_remove": (1, 2),
}


def random_step(dice):
    name = dice.choices(list(WEIGHTS), [weight for weight, _ in WEIGHTS.values()])[0]
    return (name, *(dice.randrange(1000) for _ in range(WEIGHTS[name][1])))
