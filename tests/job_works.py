"""Work that begins, and waits for its gate to be opened."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from impasto.progress import Progress
from impasto.service.work import Answer, Tell

GATES: dict[str, threading.Event] = {}
BEGUN: dict[str, list[str]] = {}


@dataclass(frozen=True)
class GateWork:
    """Begins, waits until its gate is open or it is to end, and answers with its name."""

    name: str
    megapixels: float = 0.0
    facts: dict[str, object] = field(default_factory=dict)

    def run(self, tell: Tell) -> Answer:
        BEGUN.setdefault(self.name, []).append(self.name)
        gate, step = GATES.setdefault(self.name, threading.Event()), 0
        while not gate.wait(0.01):
            step += 1
            if not tell(Progress(step, 1000, step / 1000, "waits", {"total": 1 / step})):
                return Answer(b"ended early", "text/plain")
        return Answer(f"{self.name} done".encode(), "text/plain", self.facts)
