"""A process that does one piece of work at a time for the one that has started it: `python -m impasto.service.worker`.

It reads frames from its standard input and writes frames to its standard output: eight bytes of length, then a pickle.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import sys
import threading
from typing import IO, Any

from impasto.progress import Progress
from impasto.service.messages import LENGTH, Begun, Stop, outcome, packed, step
from impasto.service.work import Work


class _Pipes:
    """The frames that come in and go out."""

    def __init__(self, questions: IO[bytes], answers: IO[bytes]) -> None:
        self._questions, self._answers = questions, answers
        self.works: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self.going = True
        threading.Thread(target=self._listen, daemon=True).start()

    def say(self, message: object) -> None:
        data = packed(message)
        try:
            self._answers.write(LENGTH.pack(len(data)))
            self._answers.write(data)
            self._answers.flush()
        except BrokenPipeError:  # nobody hears
            os._exit(0)

    def tell(self, progress: Progress) -> bool:
        self.say(step(progress))
        return self.going

    def _listen(self) -> None:
        """Hear what is wanted, work or its end; once nobody can want anything any more, leave."""
        while True:
            head = self._questions.read(LENGTH.size)
            data = self._questions.read(*LENGTH.unpack(head)) if len(head) == LENGTH.size else b""
            if not data:
                os._exit(0)
            message: Any = pickle.loads(data)  # noqa: S301  its parent's
            if isinstance(message, Stop):
                self.going = False
            else:
                self.going = True
                self.works.put(message)


def _pipes() -> _Pipes:
    """Standard input and output, out of reach of anything that a library reads or prints."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return _Pipes(questions, answers)


def warm() -> None:
    """Load what paints, and paint a little, so that the first picture takes no longer than others."""
    import cv2
    import numpy as np

    from impasto.painting.stylizer import Stylizer
    from impasto.picture import Picture
    from impasto.styles import builtin
    from impasto.system.sessions import threads

    cv2.setNumThreads(threads())
    Stylizer(next(iter(builtin.cards())))(Picture.from_array(np.full((64, 64, 3), 128, np.uint8)))


def main() -> None:
    """Do work until the parent is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to a whole group or service; the parent decides when to end
        signal.signal(number, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    pipes = _pipes()
    warm()
    pipes.say(Begun())
    while True:
        work = pipes.works.get()
        pipes.say(outcome(work, pipes.tell))


if __name__ == "__main__":
    main()
