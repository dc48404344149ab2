"""Write docs/decisions/index.md, the list of all decisions by room, from the heads of their files."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "decisions"
_ABOUT = """# Decisions

Each file states one decision: its context, what was decided, and what was measured.
A superseded decision names its successor. The sections are [rooms](../../CONTRIBUTING.md#the-rooms), which are
packages of `src/impasto`, and the folders `tools` and `web`. `python tools/site/decisions.py` writes this index.

"""


@dataclass(frozen=True)
class Decision:
    """A decision's head: its file, number and title, date, rooms, and status in Markdown."""

    path: Path
    number: int
    title: str
    date: str
    rooms: tuple[str, ...]
    status: str


def decisions() -> list[Decision]:
    """Read all decisions, in the order of their numbers.

    Raises:
        ValueError: a file has no title, or no table with date, room and status.
    """
    return [_decision(path) for path in sorted(FOLDER.glob("[0-9]*.md"))]


def _decision(path: Path) -> Decision:
    text = path.read_text(encoding="utf-8")
    title = re.match(r"# (\d+)\. (.+)\n", text)
    facts = dict(re.findall(r"^\| (Date|Room|Status) \| (.+) \|$", text, re.M))
    if title is None or set(facts) != {"Date", "Room", "Status"}:
        raise ValueError(f"{path.name}: a decision begins with its number, title, date, room and status")
    rooms = tuple(room.strip(" `") for room in facts["Room"].split(","))
    return Decision(path, int(title[1]), title[2], facts["Date"], rooms, facts["Status"])


def index() -> str:
    """Return the index as Markdown: a table a room, in the order of the alphabet."""
    by_room: dict[str, list[Decision]] = defaultdict(list)
    for decision in decisions():
        for room in decision.rooms:
            by_room[room].append(decision)
    rooms = sorted(by_room)
    contents = " · ".join(f"[{room}](#{room})" for room in rooms)
    parts = [f"{_ABOUT}{contents}\n"]
    for room in rooms:
        rows = [f"| {d.number} | [{d.title}]({d.path.name}) | {d.date} | {d.status} |" for d in by_room[room]]
        parts.append("\n".join([f"## {room}\n", "| | decision | date | status |", "|---|---|---|---|", *rows, ""]))
    return "\n".join(parts)


if __name__ == "__main__":
    (FOLDER / "index.md").write_text(index(), encoding="utf-8")
