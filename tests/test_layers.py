"""The map in CONTRIBUTING stays true: an import leads to a lower floor or, except among stages, to a neighbour."""

import ast
from pathlib import Path

import pytest

import triage

ROOT = Path(triage.__file__).parent
STAGES = ("mail", "understand", "cases", "advice", "alerts")
FLOOR = {
    "cli": 10,
    "demo": 9,
    "web": 5,
    "daemon": 9,
    "service": 9,
    "mailboxes": 8,
    "mailbox": 7,
    "suspects": 1,
    "requeue": 6,
    "redeciding": 6,
    "lanes": 0,
    "watcher": 0,
    "polling": 6,
    "pipeline": 5,
    "judging": 4,
    "judges": 5,
    "replies": 4,
    "telling": 3,
    "digests": 4,
    "couriers": 5,
    "watching": 4,
    "health": 4,
    "delivery": 4,
    "rendering": 4,
    "actions": 3,
    "regrouping": 3,
    "advising": 3,
    "teaching": 4,
    "forgetting": 3,
    "drift": 2,
    "searching": 3,
    "people": 2,
    "shown": 4,
    "answering": 4,
    "reports": 3,
    "learn": 3,
    **dict.fromkeys(STAGES, 2),
    "store": 1,
    "config": 1,
    "secret": 1,
    "systemd": 0,
    "installation": 0,
    "types": 0,
    "labels": 0,
    "business_days": 0,
    "findings": 0,
    "glossary": 0,
    "lookalikes": 0,
    "phrases": 0,
    "orphans": 0,
    "errors": 0,
    "log": 0,
}


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("triage"):
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "triage" else [node.module]
            )
            found.update(names)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names if alias.name.startswith("triage."))
    return {room(name) for name in found if room(name) in FLOOR}


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_only_go_down(path):
    here = path.relative_to(ROOT).with_suffix("").parts[0]
    if here in {"__init__", "__main__"}:
        return
    assert here in FLOOR, f"{here} has no floor yet: add it to the map"
    for there in imports(path) - {here}:
        assert FLOOR[there] <= FLOOR[here], f"{path.name} climbs from {here} to {there}"
        assert not (here in STAGES and there in STAGES), f"{path.name}: the stage {here} knows the stage {there}"


def test_no_file_is_two_ideas():
    long = {p.name: n for p in ROOT.rglob("*.py") if (n := len(p.read_text(encoding="utf-8").splitlines())) > 450}
    assert long == {}
