"""Named styles: the built-in ones are lawful and whole, the user's survive anything."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import file_bytes, refused, scene

from impasto.engines.base import StyleVector
from impasto.engines.by_name import engine_of
from impasto.errors import StyleError, UsageError
from impasto.picture import Picture
from impasto.styles.gallery import Gallery
from impasto.styles.store import check_name, write_pictures


def test_built_in_styles_are_free_labelled_and_small() -> None:
    gallery = Gallery(painter=engine_of("light"))
    entries = gallery.entries()
    assert len(entries) >= 20
    assert {"starry-night", "great-wave", "the-scream", "udnie"} <= set(gallery.names())
    for entry in entries:
        assert entry.builtin
        assert entry.title
        assert entry.artist
        assert entry.kind
        assert max(int(year) for year in re.findall(r"\d{4}", entry.year)) <= 1930
        died = re.search(r"public domain: published by \d{4}, the artist died in (\d{4})", entry.license)
        assert died
        assert int(died[1]) <= 1955
        assert entry.thumbnail.stat().st_size <= 30_000
        vector = gallery.vector(entry.name)
        changes = np.abs(vector.changes)
        own = entry.name != "impression-sunrise" and not entry.card  # collections are learned by the painter alone
        assert changes.any() == own  # filters of its own
        assert changes.sum() <= 0.02 * changes.size


def test_built_in_vectors_are_those_of_this_painter() -> None:
    light = engine_of("light")
    cards = json.loads((Path(light.folder).parent / "gallery" / "gallery.json").read_text())
    assert cards["light"] == light.id
    gallery = Gallery(painter=light)
    vectors = [gallery.vector(name).embedding for name in gallery.names()]
    near = light.encode(gallery.picture(gallery.get("udnie")).pixels).embedding
    distances = [np.linalg.norm(near - other) for other in vectors]
    assert int(np.argmin(distances)) == gallery.names().index("udnie")
    assert np.isfinite(vectors).all()


def test_a_painting_becomes_a_style_and_goes_again(painting: Path) -> None:
    gallery = Gallery()
    entry = gallery.add("my-style", painting, artist="Me", year="2026")
    assert (entry.title, entry.artist, entry.year, entry.builtin) == ("my-style", "Me", "2026", False)
    assert "my-style" in gallery
    expected = engine_of().encode(Picture.open(painting).pixels)
    np.testing.assert_array_equal(Gallery().vector("my-style").numbers, expected.numbers)
    gallery.remove("my-style")
    assert "my-style" not in gallery
    assert list(gallery.folder.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["", "My-Style", "a b", "../up", "a/b", "-a", "a--b", "a_b", "none", "con", "com1", "x" * 65, "ä", "a\n", ".a"],
)
def test_names_that_are_no_names(name: str, painting: Path) -> None:
    with refused(UsageError, "bad-name"):
        check_name(name)
    with refused(UsageError, "bad-name"):
        Gallery().add(name, painting)


def test_a_clash_is_refused(painting: Path) -> None:
    gallery = Gallery()
    with refused(UsageError, "built-in", "udnie"):
        gallery.add("udnie", painting)
    gallery.add("mine", painting)
    with refused(UsageError, "name-taken", "mine"):
        gallery.add("mine", painting)
    gallery.add("mine", painting, title="Second", replace=True)
    assert gallery.get("mine").title == "Second"


def test_of_two_at_once_the_second_is_told_of_the_first(painting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def meanwhile(*words: Any) -> None:
        monkeypatch.setattr("impasto.styles.gallery.write_pictures", write_pictures)
        Gallery().add("mine", painting, title="First")
        write_pictures(*words)

    monkeypatch.setattr("impasto.styles.gallery.write_pictures", meanwhile)
    with refused(UsageError, "name-taken", "mine"):
        Gallery().add("mine", painting)
    assert Gallery().get("mine").title == "First"


def test_built_in_styles_stay_and_unknown_ones_are_guessed() -> None:
    gallery = Gallery()
    with refused(UsageError, "built-in", "udnie"):
        gallery.remove("udnie")
    with refused(UsageError, "unknown-style", "starry-nite", "did you mean 'starry-night'?"):
        gallery.get("starry-nite")
    with refused(UsageError, "unknown-style", "qqqq") as caught:
        gallery.remove("qqqq")
    assert "did you mean" not in caught.value.message


def test_a_long_painting_is_kept_small() -> None:
    gallery = Gallery()
    gallery.add("wide", np.zeros((10, 3000, 3), np.uint8))
    stored = gallery.picture(gallery.get("wide"))
    assert (stored.width, stored.height) == (1280, 4)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("style.json", b"{"),
        ("style.json", b"[]"),
        ("style.json", b'{"format": 2}'),
        ("style.json", None),
        ("painter.npy", b"\x93NUMPY garbage"),
        ("painter.npy", "wrong shape"),
        ("painter.npy", "pickle"),
        ("picture.png", None),
        ("thumbnail.jpg", None),
    ],
)
def test_a_damaged_style_is_reported_and_the_rest_works(painting: Path, file: str, content: object) -> None:
    gallery = Gallery()
    gallery.add("good", painting)
    gallery.add("bad", painting)
    path = gallery.folder / "bad" / file
    if content is None:
        path.unlink()
    elif content == "wrong shape":
        np.save(path, np.zeros(3, np.float32))
    elif content == "pickle":
        np.save(path, np.array([print], dtype=object), allow_pickle=True)
    else:
        path.write_bytes(content)  # type: ignore[arg-type]
    (problem,) = gallery.problems()
    assert problem.startswith("your style bad is damaged: ")
    assert "\n" not in problem
    assert "bad" not in gallery.names()
    assert {"good", "udnie"} <= set(gallery.names())
    with refused(StyleError, "damaged-file", "impasto styles remove bad"):
        gallery.get("bad")
    gallery.remove("bad")
    assert gallery.problems() == []


def test_a_gallery_folder_that_is_a_file_takes_nothing_down(tmp_path: Path, painting: Path) -> None:
    blocked = tmp_path / "styles"
    blocked.write_text("no folder")
    gallery = Gallery(blocked)
    assert len(gallery.names()) >= 20
    with refused(StyleError, "not-writable"):
        gallery.add("mine", painting)


def test_foreign_folders_are_reported_not_used(home: Path) -> None:
    (home / "styles" / "Not A Style").mkdir(parents=True)
    (problem,) = Gallery().problems()
    assert "does not have a style's name" in problem


def test_every_engine_has_a_vector_of_its_own(painting: Path) -> None:
    light = engine_of("light")
    Gallery().add("mine", painting)
    folder = Gallery().folder / "mine"
    assert not (folder / "vector.npy").exists()
    for engine, file in ((light, "vector.npy"), (engine_of(), "painter.npy")):
        vector = Gallery(painter=engine).vector("mine")
        np.testing.assert_array_equal(vector.numbers, engine.encode(Picture.open(painting).pixels).numbers)
        np.testing.assert_array_equal(np.load(folder / file), vector.numbers)
    learned = StyleVector(np.ones(266, np.float32), np.ones(5152, np.float32))
    Gallery().add("learned", painting, vector=learned)
    np.testing.assert_array_equal(Gallery().vector("learned").numbers, learned.numbers)


@pytest.mark.parametrize("engine", ["painter", "light"])
@pytest.mark.parametrize("lost", [True, False])
def test_vectors_of_an_older_encoder_are_made_anew(painting: Path, engine: str, lost: bool) -> None:
    gallery = Gallery(painter=engine_of(engine))
    gallery.add("mine", painting)
    fresh, folder = gallery.vector("mine"), gallery.folder / "mine"
    file = folder / ("vector.npy" if engine == "light" else "painter.npy")
    if lost:
        file.unlink()
    else:
        card = json.loads((folder / "style.json").read_text())
        (folder / "style.json").write_text(json.dumps(card | {"encoders": {engine: "another"}}))
        np.save(file, np.zeros(512, np.float32))
    np.testing.assert_array_equal(gallery.vector("mine").numbers, fresh.numbers)
    np.testing.assert_array_equal(np.load(file), fresh.numbers)
    assert gallery.problems() == []


def test_a_folder_from_before_there_were_two_engines(painting: Path) -> None:
    light = engine_of("light")
    gallery = Gallery(painter=light)
    gallery.add("mine", painting)
    kept = np.arange(512, dtype=np.float32)
    np.save(gallery.folder / "mine" / "vector.npy", kept)
    card = json.loads((gallery.folder / "mine" / "style.json").read_text())
    del card["encoders"]
    (gallery.folder / "mine" / "style.json").write_text(json.dumps(card | {"painter": light.id}))
    np.testing.assert_array_equal(gallery.vector("mine").numbers, kept)
    expected = engine_of().encode(Picture.open(painting).pixels)
    np.testing.assert_array_equal(Gallery().vector("mine").numbers, expected.numbers)
    np.testing.assert_array_equal(gallery.vector("mine").numbers, kept)


def test_collections_belong_to_the_painter_that_ships() -> None:
    """Their filters are changes of its weights: with other weights they are to be learned again."""
    painter = engine_of("painter")
    found = json.loads((painter.folder.parent / "gallery" / "collections.json").read_text())
    assert found["styles"]
    for style in found["styles"]:
        assert painter.facts["sha256"]["painter.safetensors"].startswith(style["card"]["painter"])
        assert Gallery().vector(style["name"]).changes.any()
        assert style["card"]["paintings"]["count"] >= 10


def test_named_styles_filters_belong_to_the_painter_that_ships() -> None:
    painter = engine_of("painter")
    found = json.loads((painter.folder.parent / "gallery" / "painter-filters.json").read_text())
    assert painter.facts["sha256"]["painter.safetensors"].startswith(found["painter"])
    with np.load(painter.folder.parent / "gallery" / "painter-filters.npz") as filters:
        assert set(filters.files) == set(found["styles"])
    for name in found["styles"]:
        assert len(Gallery().vector(name).changes) > 5152, name  # more than modulations


def test_a_title_is_the_file_s_name_if_the_style_s_name_comes_from_it(home: Path, tmp_path: Path) -> None:
    for file, name, title in (
        ("Almond_Blossom.png", "almond-blossom", "Almond Blossom"),
        ("Almond_Blossom.png", "mine", "mine"),
        ("图.png", "mine-too", "mine-too"),
    ):
        (tmp_path / file).write_bytes(file_bytes(scene(80, 64)))
        assert Gallery().add(name, tmp_path / file).title == title
