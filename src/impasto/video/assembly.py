"""Prepare and write a clip's file. Problems are found before painting starts, and painted frames are never lost."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from impasto.errors import PictureError, UsageError, write_fault
from impasto.system.files import already_there, part_name
from impasto.video.belongings import Strip, belongings_of, not_held
from impasto.video.containers import first_line, main_video, video_packets
from impasto.video.encoding import EncodedFile, Encoding, losses
from impasto.video.frame_pictures import is_animation
from impasto.video.joining import Company, Piece, join
from impasto.video.reading import Clip, VideoFrame
from impasto.video.streams import cannot_write, faults, side_files

_OF_THE_SYSTEM = (errno.EACCES, errno.EPERM, errno.ENOENT, errno.EROFS, errno.EFBIG, errno.EIO)


class Assembly:
    """The output file of a clip, and everything in it besides the pictures.

    Args:
        path: of the result.
        source: the source clip; None: copy nothing from it.
        sound: copy its sound and subtitles.
        strip_location: remove the place of recording.
        strip_metadata: remove all metadata.
        made_with: the painting's entry for the file's comment; empty: no entry.
        first: the source's first frame, to report what the encoding loses; None: no report.
    Attributes:
        notes: what was converted or left out.
        written: the file's path, after it was written.
    """

    def __init__(
        self,
        path: Path,
        encoding: Encoding,
        *,
        source: Clip | None = None,
        sound: bool = True,
        strip_location: bool = False,
        strip_metadata: bool = False,
        made_with: Mapping[str, object] | None = None,
        first: VideoFrame | None = None,
        overwrite: bool = False,
    ) -> None:
        if path.exists() and not overwrite:
            raise already_there(path)
        self.path, self.encoding, self.overwrite = path, encoding, overwrite
        self.notes: list[str] = []
        self.written: Path | None = None
        self.company = Company(made_with=made_with or {})
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(path, error) from error
        try:
            self._try_encoder()
            self.notes += [f"{path}: {text}" for text in losses(encoding, first)] if first is not None else []
            if source is not None and source.path.is_file() and not is_animation(source.path):
                found = self._collect(source, sound=sound, strip=Strip(strip_location, strip_metadata))
                self.notes += [f"{source.path}: {text}" for text in found]
            self._try_joining()
        except BaseException:
            self.discard()
            raise
        finally:
            self._trial.path.unlink(missing_ok=True)

    def piece_path(self) -> Path:
        """Return the path to which frames are encoded."""
        return part_of(self.path, self.encoding.piece_suffix)

    def _try_encoder(self) -> None:
        """Encode a gray frame to test the encoder."""
        self._trial = Piece(self.piece_path())
        frame = VideoFrame(np.full((*self.encoding.even_size[::-1], 3), 127, np.uint8), Fraction(0))
        try:
            trial = EncodedFile(self._trial.path, self.encoding, self.path)
            try:
                trial.write(frame)
                trial.close()
            except BaseException:
                trial.discard()
                raise
        except PictureError as error:
            if refused_by_system(error.__cause__):
                raise
            raise UsageError(
                f"{self.path} cannot be written with {self.encoding.codec}",
                f"try another --codec or file extension: {first_line(error.__cause__ or error)}",
                code="not-encodable",
            ) from error

    def _collect(self, source: Clip, *, sound: bool, strip: Strip) -> list[str]:
        """Collect everything to copy from the source. Return notes on what is converted or left out."""
        origin = origin_of(source)
        with source.opened() as container:
            belongings = belongings_of(
                container,
                main_video(container),
                origin,
                source.span,
                self.encoding.suffix,
                strip=strip,
            )
        self.company.belongings = belongings
        notes = [*belongings.notes, *not_held(belongings, self.encoding.suffix)]
        if sound:
            self.company.sides = side_files(source.opened, self.path, origin, source.span, notes, strip=strip)
        return notes

    def _try_joining(self) -> None:
        """Write a file of the first packets as a test. Leave out what it cannot store."""
        error = self._fault(self.company)
        if error is None:
            return
        wanted, self.company = self.company, Company(made_with=self.company.made_with)
        error = self._fault(self.company)
        if error is not None:
            wanted.remove_files()
            raise UsageError(
                f"{self.path} cannot be written with {self.encoding.codec}",
                f"try another --codec or file extension: {first_line(error)}",
                code="not-encodable",
            ) from error
        for name in ("said", "picture", "chapters", "covers", "attachments"):
            value = getattr(wanted.belongings, name)
            belongings = replace(self.company.belongings, **{name: value})
            error = self._fault(replace(self.company, belongings=belongings)) if value else None
            if error is None:
                self.company.belongings = belongings
            else:
                label = {"said": "metadata", "picture": "pictures' metadata"}.get(name, name)
                self.notes.append(
                    f"{self.path}: the source's {label} cannot be written and are left out: {first_line(error)}"
                )
        for side in wanted.sides:
            error = self._fault(replace(self.company, sides=[*self.company.sides, side]))
            if error is None:
                self.company.sides.append(side)
            else:
                side.path.unlink(missing_ok=True)
                self.notes.append(
                    f"{self.path}: the {side.label} cannot be written and is left out: {first_line(error)}"
                )

    def _fault(self, company: Company) -> BaseException | None:
        """Return the error that a file with these streams causes, or None."""
        part = part_of(self.path)
        try:
            join(part, [self._trial], self.encoding, company, probe=True)
        except faults() as error:
            if refused_by_system(error):
                raise cannot_write(self.path, error) from error
            return error
        finally:
            part.unlink(missing_ok=True)
        return None

    def finish(self, pieces: Sequence[Piece], *, length: Fraction | None = None, target: Path | None = None) -> None:
        """Join the pieces and put the file in its place.

        Args:
            length: seconds after which sound ends, if the pictures end early; None: sound ends by itself.
            target: another place.
        Raises:
            PictureError: the file cannot be written. If the pictures alone can be written, they are in place.
        """
        part = part_of(self.path)
        place = target or self.path
        try:
            try:
                join(part, pieces, self.encoding, self.company, length=length)
            except faults() as error:
                join(part, pieces, self.encoding, Company(made_with=self.company.made_with))
                self._put_in_place(part, place)
                raise PictureError(
                    f"sound, subtitles and metadata could not be written: {first_line(error)}",
                    f"{place} contains only the painted pictures",
                    code=cannot_write(place, error).code,
                ) from error
            self._put_in_place(part, place)
        except faults() as error:
            raise cannot_write(place, error) from error
        finally:
            part.unlink(missing_ok=True)

    def _put_in_place(self, part: Path, place: Path) -> None:
        if place.exists() and not self.overwrite:
            raise already_there(place)
        os.replace(part, place)
        self.written = place

    def keep(self, pieces: Sequence[Piece], length: Fraction) -> Path | None:
        """Save the painted part of a clip that cannot be finished, under another name. Return its path.

        Returns:
            None if the file is in its place after all.
        """
        if self.written is not None:
            return None
        kept = free_name(self.path)
        try:
            self.finish(pieces, length=length, target=kept)
        except PictureError:
            if not kept.exists():  # no room for a copy: keep the pieces themselves
                for piece in pieces:
                    kept = free_name(self.path, piece.path.suffix)
                    with contextlib.suppress(OSError):
                        os.replace(piece.path, kept)
        return kept if kept.exists() else None

    def discard(self) -> None:
        """Delete temporary files of sound and subtitles."""
        self.company.remove_files()


def origin_of(clip: Clip) -> Fraction:
    """Return the time of a file's first picture, in seconds."""
    with clip.opened() as container:
        video = main_video(container)
        with contextlib.suppress(*faults()):
            for frame in container.decode(video):
                if frame.pts is not None:
                    return Fraction(frame.pts * frame.time_base)
        return Fraction(0) if video.start_time is None else Fraction(video.start_time * video.time_base)


def constant_rate(clip: Clip) -> Fraction:
    """Return a constant rate, in frames a second up to 120, at which a clip of variable rate loses no frame."""
    if clip.fps is not None or not clip.path.is_file():
        return clip.rate
    if is_animation(clip.path):
        times = {frame.time for frame in clip.frames((16, 16))}
    else:
        with clip.opened() as container:
            packets = video_packets(container, main_video(container))
            shown = (p for p in packets if not isinstance(p, Exception) and not p.is_discard)
            times = {p.pts * p.time_base for p in shown if p.pts is not None}
    gaps = [later - earlier for earlier, later in pairwise(sorted(times))]
    if all(Fraction(3, 4) < gap * clip.rate < Fraction(5, 4) for gap in gaps):
        return clip.rate
    shortest = min((gap for gap in gaps if gap >= Fraction(1, 120)), default=1 / clip.rate)
    return (1 / shortest).limit_denominator(1001)


def refused_by_system(error: BaseException | None) -> bool:
    """Return True if the disk is full or not writable, False if the file cannot store a stream."""
    if error is None:
        return False
    return write_fault(error) == "disk-full" or getattr(error, "errno", None) in _OF_THE_SYSTEM


def part_of(path: Path, suffix: str | None = None) -> Path:
    """Return the temporary path of a clip. It keeps the ending, from which FFmpeg derives the format."""
    return path.with_name(part_name(path.stem, suffix or path.suffix))


def free_name(path: Path, suffix: str | None = None) -> Path:
    """Return an unused path that marks the file as unfinished."""
    suffix = path.suffix if suffix is None else suffix
    stem = path.stem[:60]
    names = (f"{stem}-unfinished{number}{suffix}" for number in ("", *(f"-{n}" for n in range(2, 1000))))
    return next(place for name in names if not (place := path.with_name(name)).exists())
