"""Give every picture of a run a unique name: a.jpg and a.png cannot both become a.webp."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from impasto.batch.job import PaintJob
from impasto.system.names import folded, longest_name, shortened, told_apart
from impasto.system.places import identity
from impasto.system.remote import is_url

if TYPE_CHECKING:
    from impasto.batch.ledger import Ledger


def with_own_names(jobs: Sequence[PaintJob], ledger: Ledger | None = None) -> list[PaintJob]:
    """Return the jobs, with other targets where two jobs would share one.

    The first photo keeps the name. The second one gets its own ending before the new one: a.png.webp. Names do not
    depend on the order in which photos arrive. One exception: pictures of an earlier run keep their names.

    Args:
        jobs: in the order in which they get names. A photo that is named twice is painted once.
        ledger: the record of earlier runs. Pictures of other photos are not replaced.
    """
    jobs = _once(jobs)
    photos = {identity(job.photo) for job in jobs}
    names = _Names(ledger, photos)
    first = [job for job in jobs if names.keeps(job)]
    same_ending = [job for job in jobs if PurePath(job.photo).suffix == PurePath(job.target).suffix]
    order = dict.fromkeys([*first, *same_ending, *jobs])
    targets = {job: names.take(job) for job in order}
    return [replace(job, target=targets[job]) for job in jobs]


def _once(jobs: Sequence[PaintJob]) -> list[PaintJob]:
    found: dict[tuple[str, str], PaintJob] = {}
    for job in jobs:
        place = job.photo if is_url(job.photo) else os.path.abspath(job.photo)
        found.setdefault((place, job.target), job)
    return list(found.values())


class _Names:
    """The names in use, and the rules for new ones."""

    def __init__(self, ledger: Ledger | None, photos: set[object]) -> None:
        self.ledger, self.photos = ledger, photos
        self._limits: dict[str, int] = {}
        self._taken: dict[str, list[str]] = {}  # by the form in which a file system may compare names

    def keeps(self, job: PaintJob) -> bool:
        """Return True if an earlier run painted the photo under one of its possible names."""
        if self.ledger is None or is_url(job.target):
            return False
        for target in self._candidates(job):
            known = self.ledger.is_for(target, job.photo)
            if not known:  # an unknown photo ends the search; another photo's name is passed over
                if known is None:
                    return False
                continue
            return True
        return False

    def take(self, job: PaintJob) -> str:
        for target in self._candidates(job):
            if self._is_free(target, job):
                self._taken.setdefault(folded(target), []).append(target)
                return target
        raise AssertionError("there is always another number")

    def _is_free(self, target: str, job: PaintJob) -> bool:
        here = identity(target)
        if here is not None and target == job.target and here == identity(job.photo):  # `collisions` refuses it later
            return True
        rivals = self._taken.get(folded(target), [])
        if target in rivals or (rivals and not is_url(target) and not self._apart(target, rivals)):
            return False
        if here is not None and here in self.photos:
            return False
        if self.ledger is None or (is_url(target) and target == job.target):
            return True
        return self.ledger.is_for(target, job.photo) is not False

    @staticmethod
    def _apart(target: str, rivals: Sequence[str]) -> bool:
        folder, name = Path(target).parent, Path(target).name
        return all(Path(rival).name == name or told_apart(folder, name, Path(rival).name) for rival in rivals)

    def _candidates(self, job: PaintJob) -> Iterator[str]:
        """Yield the name, one with the photo's ending, and numbered ones, each short enough for its folder."""
        folder, slash, name = job.target.rpartition("/" if is_url(job.target) else os.sep)
        if folder not in self._limits:
            self._limits[folder] = 240 if is_url(job.target) else longest_name(Path(folder or slash or "."))
        target, own = PurePath(name), PurePath(job.photo).suffix
        names = [name]
        if own != target.suffix and target.suffix:
            names.append(f"{target.stem}{own}{target.suffix}")
        for text in names:
            yield f"{folder}{slash}{shortened(text, self._limits[folder])}"
        number = 2
        while True:
            text = f"{target.stem}-{number}{target.suffix}"
            yield f"{folder}{slash}{shortened(text, self._limits[folder])}"
            number += 1
