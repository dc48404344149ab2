"""A process that does one piece of work at a time for its parent: `python -m impasto.service.worker`.

It reads frames from standard input and writes frames to standard output. A frame consists of eight bytes of length and
a pickle. The process ends when its standard input ends.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import sys
import threading
from dataclasses import dataclass, field
from typing import IO

from impasto.progress import Progress
from impasto.service.messages import LENGTH, Begun, framed, outcome, packed
from impasto.service.work import Answer, Tell, Work
from impasto.system.memory import keep_freed
from impasto.system.parents import end_with_parent


class _Pipes:
    """The incoming and outgoing frames."""

    def __init__(self, questions: IO[bytes], answers: IO[bytes]) -> None:
        self._questions, self._answers = questions, answers
        self.works: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.going = True
        threading.Thread(target=self._listen, daemon=True).start()

    def say(self, message: object) -> None:
        try:
            self._answers.writelines(framed(packed(message)))
            self._answers.flush()
        except BrokenPipeError:  # the parent is gone
            os._exit(0)

    def tell(self, progress: Progress) -> bool:
        self.say(progress)
        return self.going

    def _listen(self) -> None:
        """Read the messages of the parent: work, or its cancellation. Leave when the parent is gone."""
        while True:
            head = self._questions.read(LENGTH.size)
            wanted = LENGTH.unpack(head)[0] if len(head) == LENGTH.size else -1
            data = self._questions.read(wanted) if wanted > 0 else b""
            if len(data) != wanted:
                os._exit(0)
            self.going = bool(data)
            if data:
                self.works.put(data)
            del data  # release the memory, because the next message may take long


@dataclass(frozen=True)
class _Packed:
    """Work as it has arrived. Unpacking it may fail."""

    data: bytes = field(repr=False)
    megapixels = 0.0

    def run(self, tell: Tell) -> Answer:
        work: Work = pickle.loads(self.data)  # noqa: S301  its parent's
        return work.run(tell)


def _pipes() -> _Pipes:
    """Return standard input and output, and replace them so that no library can read or print there."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return _Pipes(questions, answers)


def warm() -> None:
    """Load the engines and paint a little, so that the first picture takes no longer than others."""
    import cv2
    import numpy as np

    from impasto.painting.stylizer import Stylizer
    from impasto.picture import Picture
    from impasto.styles import builtin
    from impasto.system.sessions import threads

    cv2.setNumThreads(threads())
    Stylizer(next(iter(builtin.cards())))(Picture.from_array(np.full((64, 64, 3), 128, np.uint8)))


def _serve(pipes: _Pipes) -> None:
    """Do one piece of work."""
    work = _Packed(pipes.works.get())
    pipes.say(Begun())
    pipes.say(outcome(work, pipes.tell))


def main() -> None:
    """Do work until the parent is gone."""
    if sys.platform == "linux":  # the system kills a stopped process, which cannot notice the end of its parent
        end_with_parent(signal.SIGKILL)
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to a whole group; the parent decides
        signal.signal(number, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    keep_freed()
    pipes = _pipes()
    warm()
    pipes.say(Begun())
    while True:
        _serve(pipes)


if __name__ == "__main__":
    main()
