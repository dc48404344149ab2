"""What decoders remark about a file: one note, with its name, whoever else reads at that time."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path

import PIL
import pytest
from helpers import file_bytes, scene

from impasto import Picture
from impasto.picture.decoder_notes import collected

BAD_EXIF = b"Exif\0\0II*\0\x08\0\0\0\x03\0\x0e\x01\x02\0\x90\1\0\0\x88\x13\0\0"


def test_one_note_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(file_bytes(scene(), "JPEG", exif=BAD_EXIF))
    remark = "EXIF" if int(PIL.__version__.partition(".")[0]) >= 13 else "Truncated File Read"
    for _ in range(2):  # each time, not once for all
        with pytest.warns(UserWarning, match=rf"a\.jpg: .*{remark}") as notes:
            Picture.open(tmp_path / "a.jpg")
        assert len(notes) == 1


def test_threads_do_not_hear_each_other() -> None:
    from PIL import Image

    inside, done = threading.Event(), threading.Event()
    heard: list[str] = []

    def read(name: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with collected(name):
                inside.set()
                done.wait(10)
        heard.append(name)

    thread = threading.Thread(target=read, args=("other",))
    thread.start()
    inside.wait(10)
    with collected("mine"):  # puts the listener in Pillow's place; nothing is said
        pass
    with pytest.warns(UserWarning, match="said here"):
        Image.warnings.warn("said here")  # type: ignore[attr-defined]
    done.set()
    thread.join()
    assert heard == ["other"]
