"""Edits of a simulated company, for tests of what a run makes of them."""

import random

from harness import TABLES, expected_rows

# Copies of other rows' names: they change while their own row's update_time stands still.
ECHOES = {
    "dealflow": ["additional_data"],
    "notes": ["deal", "person", "organization", "user"],
    "files": ["deal_name", "person_name", "org_name", "product_name"],
    "deal_products": ["name", "sum"],
}


def edit(entity, row, raw=None, **attributes):
    return {"op": "edit", "entity": entity, "id": row, "attributes": attributes, "raw": raw or {}}


class Editor:
    """Random edits whose every effect moves an update_time (or an archive flag)."""

    def __init__(self, simulator, seed):
        self.simulator = simulator
        self.random = random.Random(seed)
        truth = {table: expected_rows(simulator, table) for table in TABLES}
        self.ids = {table: list(rows) for table, rows in truth.items()}
        self.deleted = {key for key, (_, flagged) in truth["deals"].items() if flagged}
        self.archived = {key for key, (row, _) in truth["deals"].items() if row["is_archived"]}
        self.lines = {key: row["deal_id"] for key, (row, _) in truth["deal_products"].items()}
        self.count = 0

    def any(self, table):
        return self.random.choice(self.ids[table])

    def deal(self):
        return self.random.choice([key for key in self.ids["deals"] if key not in self.deleted])

    def operation(self):
        """One operation, or None where the dice fell badly."""
        self.count += 1
        text = f"edit {self.count}"
        what = self.random.randrange(14)
        if what < 3:
            return edit("deals", self.deal(), title=text)
        if what < 5:
            return edit("deals", self.deal(), stage_id=self.any("stages"))
        if what == 5:
            return edit("persons", self.any("persons"), name=text)
        if what == 6:
            return edit("organizations", self.any("organizations"), name=text)
        if what == 7:
            return edit("activities", self.any("activities"), subject=text)
        if what == 8:
            return edit("notes", self.any("notes"), content=text)
        if what == 9:  # not persons: made-up values of others depend on how many there are
            return {"op": "add", "entity": self.random.choice(["deals", "notes"])}
        if what == 10:
            return {"op": "line_add", "deal": self.deal(), "product": self.any("products")}
        if what == 11:
            lines = [line for line, deal in self.lines.items() if deal not in self.deleted]
            line = self.random.choice(lines)
            del self.lines[line]
            return {"op": "line_remove", "id": line}
        if what == 12:
            deal = self.deal()
            self.archived ^= {deal}
            return {"op": "archive" if deal in self.archived else "unarchive", "id": deal}
        if self.random.random() < 0.5 and self.deleted:
            deal = self.random.choice(sorted(self.deleted))
            self.deleted.remove(deal)
            return {"op": "undelete", "entity": "deals", "id": deal}
        deal = self.deal()
        self.deleted.add(deal)
        return {"op": "delete", "entity": "deals", "id": deal}

    def edit(self):
        operation = self.operation()
        result = self.simulator.operations([operation])[0]
        if operation["op"] == "add":
            self.ids[operation["entity"]].append(result["id"])
        if operation["op"] == "line_add":
            self.lines[result["id"]] = operation["deal"]
