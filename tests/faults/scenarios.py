"""Scenarios of the crash harness: what a company and its destination went through before the run
that is disturbed. A row of SCENARIOS is a scenario; steps are functions of the simulator and dice."""

import dataclasses
import random

from edits import Editor, edit
from harness import QUICK, expected_rows

# A few rows of everything: a run takes a twentieth of a second.
TINY = (
    *(*QUICK, "--deals", "12", "--persons", "15", "--activities", "12", "--organizations", "8"),
    *("--notes", "10", "--files", "6", "--products", "6", "--users", "4", "--pipelines", "2"),
    *("--filters", "5", "--custom-fields", "18", "--deleted-deals", "1"),
)
# Lists of more than a page.
PAGES = (*TINY, "--persons", "520", "--notes", "510", "--files", "210")
# Deals whose lines fill more than one call.
CHILDREN = (*TINY, "--deals", "130", "--deals-with-products", "90", "--custom-fields", "3")
# Some pages of deals, whose lines are read before the last of them.
BESIDE = (*TINY, "--deals", "1300", "--deals-with-products", "25", "--custom-fields", "0")
# A long list in small pages that take a while, so that its walk is cut into windows.
WINDOWS = (
    *(*TINY, "--persons", "800", "--set", "page_max=10", "--burst", "1000", "--latency-ms", "8"),
    *("--custom-fields", "0"),
)
# The same for a list by offset, which is read ahead.
AHEAD = (*TINY, "--files", "600", "--set", "page_max=10", "--burst", "1000", "--latency-ms", "8")
ALL = ("sync", "--dealflow", "all", "--all")
REFRESH = ("refresh", "--dealflow", "all")
DUE = ("sync", "--dealflow", "all")  # lists of fields are not due for a day

# Each type of field with one that it may become: every kind of widening.
CHANGES = {
    "int": "varchar",
    "double": "text",
    "date": "varchar",
    "time": "varchar",
    "enum": "text",
    "set": "varchar",
    "monetary": "varchar",
    "varchar": "int",
    "address": "varchar",
    "daterange": "date",
}
NEW_TYPES = ("varchar", "int", "double", "date", "monetary", "daterange", "enum", "set", "time")


def live_ids(simulator, table):
    return [key for key, (_, gone) in expected_rows(simulator, table).items() if not gone]


def random_edits(simulator, dice):
    editor = Editor(simulator, dice.randrange(10**9))
    for _ in range(60):
        editor.edit()
        simulator.advance(dice.choice([0, 0, 1, 30, 300]))


def many_edits(simulator, dice):
    """More than a page of changed rows."""
    for entity, count in (("persons", 505), ("notes", 503), ("files", 120)):
        simulator.advance(60)
        simulator.admin("bulk", entity=entity, count=count)
    random_edits(simulator, dice)


def shrink(simulator, dice):
    """Tables that are read whole lose rows, one of them more than half."""
    shares = {"filters": 0.8, "users": 0.3, "currencies": 0.4, "activity_types": 0.3}
    for entity, share in shares.items():
        ids = live_ids(simulator, {"currencies": "currency"}.get(entity, entity))
        if entity == "users":
            ids = ids[2:]  # the token's own stay
        for key in dice.sample(ids, max(1, int(len(ids) * share))):
            simulator.admin("delete", entity=entity, id=key)
    simulator.admin("delete", entity="stages", id=live_ids(simulator, "stages")[-1])


def new_fields(simulator, dice):
    """Fields that a run meets in a page, whose list it has not read."""
    for entity in ("deals", "persons", "organizations", "products"):
        ids = live_ids(simulator, entity)
        for kind in dice.sample(NEW_TYPES, 4):
            options = {"options": ["a", "b"]} if kind in ("enum", "set") else {}
            simulator.admin(
                "field_add", entity=entity, name=f"New {kind}", type=kind, fill=60, **options
            )
        for key in dice.sample(ids, len(ids) // 2):
            simulator.advance(1)
            simulator.admin("bulk", entity=entity, from_id=key, count=1)


def new_types(simulator, dice):
    """Fields become another type; every row is written again."""
    for entity in ("deals", "persons", "organizations", "products"):
        table = {"deals": "deal_fields", "persons": "person_fields"}.get(entity)
        table = table or {"organizations": "organization_fields"}.get(entity, "product_fields")
        for field in simulator.truth(table):
            if len(field["key"]) == 40 and (kind := CHANGES.get(field["field_type"])):
                simulator.admin("field_type", entity=entity, key=field["key"], type=kind)
        simulator.advance(1)
        simulator.admin("bulk", entity=entity, count=len(live_ids(simulator, entity)))


def new_children(simulator, dice):
    """Lines come and go, stages move, deals are deleted and archived."""
    deals, stages = live_ids(simulator, "deals"), live_ids(simulator, "stages")
    lines, products = live_ids(simulator, "deal_products"), live_ids(simulator, "products")
    dice.shuffle(deals)
    for line in dice.sample(lines, len(lines) // 4):
        simulator.admin("line_remove", id=line)
    for deal in deals[:40]:
        simulator.admin("line_add", deal=deal, product=dice.choice(products))
    simulator.advance(20)
    for deal in deals[30:50]:
        simulator.operations([edit("deals", deal, stage_id=dice.choice(stages))])
    simulator.admin("delete", entity="deals", ids=deals[50:56])
    simulator.admin("archive", ids=deals[54:60])


def after(seconds):
    return lambda simulator, _: simulator.advance(seconds)


@dataclasses.dataclass
class Scenario:
    company: tuple  # options of the simulator
    words: tuple  # the command that is disturbed
    loaded: bool = True  # a first load came before the steps
    steps: tuple = ()

    def change(self, simulator, seed):
        dice = random.Random(seed)
        for step in self.steps:
            step(simulator, dice)


SCENARIOS = {
    "first-load": Scenario(PAGES, ALL, loaded=False),
    "incremental": Scenario(PAGES, ALL, steps=(after(3600), many_edits, after(3600))),
    "sweep": Scenario(TINY, ALL, steps=(after(3600), shrink, random_edits, after(3600))),
    "new-fields": Scenario(TINY, DUE, steps=(after(3600), new_fields, after(3600))),
    "new-types": Scenario(TINY, ALL, steps=(after(3600), new_types, after(3600))),
    "children": Scenario(CHILDREN, ALL, steps=(after(3600), new_children, after(3600))),
    "beside": Scenario(BESIDE, ("sync", "--tables", "deals,deal_products"), loaded=False),
    "windows": Scenario(WINDOWS, ("sync", "--tables", "persons"), loaded=False),
    "ahead": Scenario(AHEAD, ("sync", "--tables", "files"), loaded=False),
    "refresh": Scenario(TINY, REFRESH, steps=(after(3600), shrink, random_edits, after(3600))),
}
