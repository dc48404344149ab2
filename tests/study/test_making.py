"""Studies as they are made: results of folders and engines, bad pictures, a stopped run, and nothing overwritten."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import file_bytes, refused, scene
from studies import make_pictures, make_results, plan_of

from impasto.errors import PictureError, UsageError
from impasto.picture import Picture
from impasto.progress import Progress, Stopped
from impasto.study import making
from impasto.study.answers import COLUMNS, as_table
from impasto.study.gathering import Gathering
from impasto.study.making import Made, make
from impasto.study.pictures import picture_file
from impasto.study.plan import ANSWERS, FILE, PAGE, PICTURES, QUESTIONS, UNPAINTED, Plan, Question, Trial, load_plan
from impasto.study.wording import Wording

Painted = list[tuple[str, str]]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path, Path]:
    """Photos, styles, and two folders of results."""
    return *make_pictures(tmp_path), make_results(tmp_path / "ours", 1), make_results(tmp_path / "theirs", 2)


@pytest.fixture
def made(folders: tuple[Path, Path, Path, Path], tmp_path: Path) -> Callable[..., Made]:
    """Make a study of the two folders of results, in tmp_path/study."""
    photos, styles, *results = folders

    def act(**options: Any) -> Made:
        return make(tmp_path / "study", photos, styles, **{"results": results, "size": 64, **options})

    return act


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> Painted:
    """Engines that paint at once, and a list of what they have painted."""
    found: Painted = []

    def painting_with(name: str) -> Callable[[Path, Picture, float], Picture]:
        def paint(style: Path, photo: Picture, strength: float) -> Picture:
            assert strength == 100
            found.append((name, style.stem))
            return Picture.from_array(np.roll(photo.pixels, len(found), axis=1))

        return paint

    monkeypatch.setattr(making, "painting_with", painting_with)
    return found


def test_results_of_folders_become_scenes(made: Callable[..., Made], tmp_path: Path) -> None:
    found = made()
    plan = found.plan
    assert found.failures == []
    assert plan.conditions == ["ours", "theirs"]
    assert [one.name for one in plan.scenes] == ["beach__dots", "beach__stripes", "street__dots", "street__stripes"]
    assert all(set(one.results) == {"ours", "theirs", UNPAINTED} for one in plan.scenes)
    assert set(plan.photos) == {"beach", "street"}
    assert set(plan.styles) == {"dots", "stripes"}
    for name, (width, height) in plan.pictures.items():
        picture = Picture.open(picture_file(tmp_path / "study", name))
        assert (picture.width, picture.height) == (width, height) == (64, 48)
    given = Picture.open(tmp_path / "theirs" / "street__dots.png").pixels.astype(float)
    shown = picture_file(tmp_path / "study", plan.by_name["street__dots"].results["theirs"])
    assert np.abs(Picture.open(shown).pixels.astype(float) - given).mean() < 16
    assert found.page == tmp_path / "study" / PAGE


def test_every_shown_pair_is_known_again(made: Callable[..., Made]) -> None:
    plan = made().plan
    for one in plan.scenes:
        for a in one.results:
            for b in set(one.results) - {a}:
                trial = Trial(one.name, a, b)
                shown = plan.as_pictures(trial)
                assert plan.as_trial(shown["a"], shown["b"]) == trial
    first, second = plan.scenes[:2]
    assert plan.as_trial(first.results["ours"], second.results["theirs"]) is None
    assert plan.as_trial(first.results["ours"], first.results["ours"]) is None
    assert plan.as_trial(plan.photos["beach"], first.results["ours"]) is None
    assert plan.as_trial(None, 3) is None


def test_results_of_equal_bytes_in_several_scenes_are_told_apart(
    made: Callable[..., Made], folders: tuple[Path, Path, Path, Path]
) -> None:
    photos, _, ours, _ = folders
    for path in ours.iterdir():  # a method that ignores the style
        shutil.copyfile(photos / f"{path.stem.partition('__')[0]}.png", path)
    plan = made().plan
    for one in plan.scenes:
        shown = plan.as_pictures(Trial(one.name, "ours", "theirs"))
        assert plan.as_trial(shown["a"], shown["b"]) == Trial(one.name, "ours", "theirs")


def test_photos_of_equal_bytes_are_scenes_of_their_own(
    folders: tuple[Path, Path, Path, Path], painted: Painted, tmp_path: Path
) -> None:
    photos, styles, *_ = folders
    shutil.copyfile(photos / "beach.png", photos / "copy.png")
    plan = make(tmp_path / "study", photos, styles, engines=["light", "painter"], size=64).plan
    for one in plan.scenes:
        shown = plan.as_pictures(Trial(one.name, "light", "painter"))
        assert plan.as_trial(shown["a"], shown["b"]) == Trial(one.name, "light", "painter")


def test_the_light_engine_and_a_folder(folders: tuple[Path, Path, Path, Path], tmp_path: Path) -> None:
    photos, styles, ours, _ = folders
    for path in ours.iterdir():
        if path.name != "beach__dots.png":
            path.unlink()
    found = make(tmp_path / "study", photos, styles, engines=["light"], results=[ours], size=64, limit=1)
    assert found.failures == []
    assert [(one.name, list(one.results)) for one in found.plan.scenes] == [
        ("beach__dots", ["light", "ours", UNPAINTED])
    ]
    pictures = [
        Picture.open(picture_file(tmp_path / "study", name)).pixels.astype(float)
        for name in found.plan.scenes[0].results.values()
    ]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(pictures[first] - pictures[second]).mean() > 0.03


def test_names_of_pictures_say_nothing(made: Callable[..., Made], tmp_path: Path) -> None:
    plan = made().plan
    files = sorted(path.name for path in (tmp_path / "study" / PICTURES).iterdir())
    assert files == sorted(f"{name}.webp" for name in plan.pictures)
    assert all(re.fullmatch(r"[0-9a-f]{16}\.webp", name) for name in files)
    page = (tmp_path / "study" / PAGE).read_text()
    for told in ("ours", "theirs", "beach", "stripes", UNPAINTED):
        assert f'"{told}"' not in page
        assert f"{told}__" not in page


def test_a_picture_of_the_study_says_nothing_of_its_file(
    made: Callable[..., Made], folders: tuple[Path, Path, Path, Path], tmp_path: Path
) -> None:
    _, _, ours, _ = folders
    path = ours / "beach__dots.png"
    Picture.open(path).save(path.with_suffix(".jpg"))
    path.unlink()
    plan = made().plan
    for name in plan.by_name["beach__dots"].results.values():
        data = picture_file(tmp_path / "study", name).read_bytes()
        for kind in (b"EXIF", b"XMP ", b"ICCP", b"mpasto"):
            assert kind not in data


def test_pictures_are_reduced_and_never_enlarged(made: Callable[..., Made], folders: tuple[Path, ...]) -> None:
    photos, *_ = folders
    (photos / "beach.png").write_bytes(file_bytes(scene(320, 240)))
    plan = made(size=128).plan
    assert plan.pictures[plan.photos["beach"]] == (128, 96)
    assert {plan.pictures[name] for name in plan.by_name["beach__dots"].results.values()} == {(128, 96)}
    assert plan.pictures[plan.photos["street"]] == (64, 48)


@pytest.mark.parametrize(
    "data",
    [b"just text", b"", file_bytes(scene(64, 48))[:900], file_bytes(scene(48, 64)), file_bytes(scene(1, 1))],
    ids=["text", "empty", "truncated", "upright", "one pixel"],
)
def test_a_bad_result_is_reported_and_the_rest_goes_on(
    made: Callable[..., Made], folders: tuple[Path, Path, Path, Path], data: bytes
) -> None:
    (folders[2] / "beach__dots.png").write_bytes(data)
    found = made()
    assert [one.name for one in found.plan.scenes] == ["beach__stripes", "street__dots", "street__stripes"]
    assert any("ours" in line and "beach" in line and "dots" in line for line in found.failures)
    assert load_plan(folders[0].parent / "study") == found.plan


def test_a_scene_without_a_result_is_reported(made: Callable[..., Made], folders: tuple[Path, ...]) -> None:
    (folders[2] / "beach__dots.png").unlink()
    found = made()
    assert "beach__dots" not in found.plan.by_name
    assert len(found.failures) == 1
    assert "beach in dots" in found.failures[0]


def test_a_missing_result_is_reported_where_the_others_make_a_scene(
    folders: tuple[Path, Path, Path, Path], tmp_path: Path
) -> None:
    photos, styles, ours, theirs = folders
    (ours / "beach__dots.png").unlink()
    others = make_results(tmp_path / "others", 3)
    found = make(tmp_path / "study", photos, styles, results=[ours, theirs, others], size=64)
    assert set(found.plan.by_name["beach__dots"].results) == {"theirs", "others", UNPAINTED}
    assert found.failures == []
    assert found.notes == ["ours has no result in 1 of 4 scenes"]


def test_files_that_are_no_result_are_reported(made: Callable[..., Made], folders: tuple[Path, ...]) -> None:
    for name in ("unnamed.png", "beach__nothing.png", "nothing__dots.png", "beach_dots.png"):
        (folders[2] / name).write_bytes(file_bytes(scene(64, 48)))
    (folders[2] / "notes.txt").write_text("mine")
    found = made()
    assert len(found.plan.scenes) == 4
    assert sorted(line.partition(" ")[0] for line in found.failures) == [
        "ours/beach__nothing.png",
        "ours/beach_dots.png",
        "ours/nothing__dots.png",
        "ours/unnamed.png",
    ]


def test_results_of_photos_beyond_the_limit_are_no_failures(made: Callable[..., Made]) -> None:
    found = made(limit=1)
    assert [one.name for one in found.plan.scenes] == ["beach__dots"]
    assert found.failures == []


def test_bad_photos_and_styles_are_reported_and_the_rest_goes_on(
    made: Callable[..., Made], folders: tuple[Path, ...]
) -> None:
    photos, styles, *_ = folders
    (photos / "a.png").write_text("text")
    (photos / "b.png").write_bytes(b"")
    (photos / "beach.jpg").write_bytes((photos / "beach.png").read_bytes())
    (photos / "one__two.png").write_bytes((photos / "beach.png").read_bytes())
    (styles / "dots.png").write_bytes((styles / "dots.png").read_bytes()[:500])
    (styles / "z.png").write_text("text")
    found = made()
    assert [one.name for one in found.plan.scenes] == ["beach__stripes", "street__stripes"]
    told = "\n".join(found.failures)
    for name in ("a.png", "b.png", "beach", "one__two.png", "dots.png", "z.png"):
        assert name in told
    assert set(found.plan.styles) == {"stripes"}


def test_a_photo_of_one_pixel_harms_nobody(folders: tuple[Path, Path, Path, Path], tmp_path: Path) -> None:
    photos, styles, *_ = folders
    (photos / "beach.png").write_bytes(file_bytes(scene(1, 1)))
    found = make(tmp_path / "study", photos, styles, engines=["light", "adain"], size=64)
    assert {"street__dots", "street__stripes"} <= set(found.plan.by_name)
    for one in found.plan.scenes:
        assert {found.plan.pictures[name] for name in one.results.values()} == {
            found.plan.pictures[found.plan.photos[one.photo]]
        }


def test_nothing_to_compare(folders: tuple[Path, Path, Path, Path], tmp_path: Path) -> None:
    photos, styles, ours, theirs = folders
    study, empty = tmp_path / "study", tmp_path / "empty"
    empty.mkdir()
    for options in ({}, {"engines": ["light"]}, {"results": [ours]}):
        with refused(UsageError, "nothing-given", "--engine"):
            make(study, photos, styles, **options)
    for options in ({"engines": ["light", "light"]}, {"results": [ours, tmp_path / "x" / ".." / "ours"]}):
        with refused(UsageError, "name-taken"):
            make(study, photos, styles, **options)
    shutil.copytree(ours, tmp_path / "more" / "light")
    with refused(UsageError, "name-taken", "light"):
        make(study, photos, styles, engines=["light"], results=[tmp_path / "more" / "light"])
    shutil.copytree(ours, tmp_path / UNPAINTED)
    with refused(UsageError, "name-taken", UNPAINTED):
        make(study, photos, styles, results=[ours, tmp_path / UNPAINTED])
    with refused(UsageError, "unknown-choice", "magic", "painter"):
        make(study, photos, styles, engines=["magic", "light"])
    with refused(PictureError, "no-such-folder", "nowhere"):
        make(study, photos, tmp_path / "nowhere", results=[ours, theirs])
    with refused(PictureError, "no-such-folder", "nowhere"):
        make(study, photos, styles, results=[ours, tmp_path / "nowhere"])
    with refused(PictureError, "no-pictures", "empty"):
        make(study, empty, styles, results=[ours, theirs])
    (empty / "bad.png").write_text("text")
    with refused(PictureError, "no-pictures", "bad.png"):
        make(study, empty, styles, results=[ours, theirs])
    for path in theirs.iterdir():
        path.unlink()
    (theirs / "other__thing.png").write_bytes(file_bytes(scene(64, 48)))
    with refused(PictureError, "no-pictures", "other__thing.png"):
        make(study, photos, styles, results=[ours, theirs])
    assert not (study / FILE).exists()


def test_a_stopped_run_goes_on_without_painting_again(
    folders: tuple[Path, Path, Path, Path], painted: Painted, tmp_path: Path
) -> None:
    photos, styles, *_ = folders
    seen: list[Progress] = []

    def watch(now: Progress) -> bool:
        seen.append(now)
        return now.step < 3

    def act(**options: Any) -> Made:
        return make(tmp_path / "study", photos, styles, engines=["light", "painter"], size=64, **options)

    with pytest.raises(Stopped):
        act(on_progress=watch)
    assert [(now.step, now.total, now.fraction) for now in seen] == [(1, 8, 1 / 8), (2, 8, 2 / 8), (3, 8, 3 / 8)]
    assert seen[0].message == "light: beach in dots"
    assert not (tmp_path / "study" / FILE).exists()
    assert len(painted) == 3
    found = act()
    assert len(painted) == 8
    assert len(set(painted)) == 4
    assert len(found.plan.scenes) == 4
    assert act(overwrite=True).plan.scenes == found.plan.scenes
    assert len(painted) == 8
    (photos / "beach.png").write_bytes(file_bytes(scene(64, 48, seed=77)))  # another photo of the same name
    act(overwrite=True)
    assert len(painted) == 12
    act(overwrite=True, seed=1)
    assert len(painted) == 20


def test_a_folder_that_cannot_be_written_to_is_told_before_everything_is_painted(
    folders: tuple[Path, Path, Path, Path], painted: Painted, tmp_path: Path
) -> None:
    photos, styles, *_ = folders
    (tmp_path / "file").write_text("mine")
    with refused(PictureError, "not-a-folder", "file"):
        make(tmp_path / "file", photos, styles, engines=["light", "painter"], size=64)
    assert len(painted) == 0
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_no_write_permission(made: Callable[..., Made], tmp_path: Path) -> None:
    (tmp_path / "study").mkdir(mode=0o500)
    try:
        with refused(PictureError, "no-permission"):
            made()
    finally:
        (tmp_path / "study").chmod(0o700)


def test_a_damaged_picture_of_an_earlier_run_is_made_anew(made: Callable[..., Made], tmp_path: Path) -> None:
    plan = made().plan
    for name in (plan.scenes[0].results["ours"], plan.photos["beach"]):
        path = picture_file(tmp_path / "study", name)
        path.write_bytes(path.read_bytes()[:40])
    again = made(overwrite=True)
    assert again.failures == []
    for name in again.plan.pictures:
        Picture.open(picture_file(tmp_path / "study", name))


def test_a_study_is_replaced_only_if_that_is_asked_for(made: Callable[..., Made], tmp_path: Path) -> None:
    first = made().plan
    (tmp_path / "study" / "mine.txt").write_text("mine")
    with refused(PictureError, "already-there", FILE):
        made()
    assert load_plan(tmp_path / "study") == first
    second = made(overwrite=True, wording=Wording(title="Another")).plan
    assert load_plan(tmp_path / "study") == second
    assert second.title == "Another"
    assert second.study != first.study
    assert (tmp_path / "study" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_study_with_answers_is_never_replaced(made: Callable[..., Made], tmp_path: Path, overwrite: bool) -> None:
    plan = made().plan
    answers = tmp_path / "study" / ANSWERS
    answers.write_text(as_table(COLUMNS))  # a server has begun, and nobody has answered
    plan = made(overwrite=True).plan
    row = ("0" * 16, 1, "beach__dots", "ours", "theirs", 1, "closer", 1, 2.5)
    answers.write_text(as_table(COLUMNS, row))
    with refused(PictureError, "already-there", "answers"):
        made(overwrite=overwrite, size=128)
    assert load_plan(tmp_path / "study") == plan
    assert answers.read_text() == as_table(COLUMNS, row)


def test_a_new_study_in_an_old_folder_has_no_scores_of_the_old_one(
    made: Callable[..., Made], folders: tuple[Path, ...], tmp_path: Path
) -> None:
    made()
    (tmp_path / "study" / "metrics.csv").write_text("method,photo,painting,strength,style\nours,beach,dots,100,0.5\n")
    (folders[2] / "beach__dots.png").write_bytes(file_bytes(scene(64, 48, seed=99)))
    made(overwrite=True)
    assert not (tmp_path / "study" / "metrics.csv").exists()


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    plan = plan_of(["Größe 😀", 'a"b', "</script>"])
    (tmp_path / FILE).write_text(plan.to_json(), encoding="utf-8")
    assert load_plan(tmp_path) == plan
    assert load_plan(tmp_path).by_name["photo1__style0"].results["</script>"]
    assert json.loads(plan.to_json())["format"] == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "damaged-file"),
        ("[]", "damaged-file"),
        ("null", "damaged-file"),
        ("{}", "damaged-file"),
        ('{"format": 1}', "damaged-file"),
        ('{"format": 2, "novel": true}', "other-version"),
    ],
)
def test_a_damaged_plan(tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / FILE).write_text(text)
    with refused(PictureError, code, FILE):
        load_plan(tmp_path)


def test_a_plan_of_which_a_part_is_wrong_is_damaged(tmp_path: Path) -> None:
    whole = json.loads(plan_of().to_json())
    parts = {
        "scenes": [{"photo": "a"}],
        "questions": ["closer"],
        "pictures": {"a": 3},
        "more": 1,
        "trials": "many",
        "repeats": -1,
        "seed": 0.5,
        "title": 3,
        "conditions": ["good", "fair"],
        "photos": {},
        "styles": whole["styles"] | {"style0": "0" * 16},
    }
    away = json.loads(json.dumps(whole).replace(whole["photos"]["photo0"], "../../../../etc/passwd"))
    parts |= {"photos": away["photos"], "pictures": away["pictures"]}
    for name, wrong in parts.items():
        (tmp_path / FILE).write_text(json.dumps(whole | {name: wrong}))
        with refused(PictureError, "damaged-file"):
            load_plan(tmp_path)
    (tmp_path / FILE).write_bytes(plan_of().to_json().encode()[:-30])
    with refused(PictureError, "damaged-file"):
        load_plan(tmp_path)
    (tmp_path / FILE).write_bytes(b"\xff\xfe{}")
    with refused(PictureError, "damaged-file"):
        load_plan(tmp_path)


def test_no_plan(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with refused(UsageError, "no-such-file", str(folder), "impasto study make"):
            load_plan(folder)
    (tmp_path / "file").write_text("text")
    with refused(UsageError, "no-such-file"):
        load_plan(tmp_path / "file")


def _data(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="plan">(.*?)</script>', page, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_the_single_file_has_all_in_it_and_runs_nothing_else(
    made: Callable[..., Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making.secrets, "token_hex", lambda _: "a study")  # it decides which of so few trials come when
    found = made()
    assert found.page
    page = found.page.read_text()
    data = _data(page)
    assert data["served"] is False
    assert set(data["pictures"]) == set(found.plan.pictures)
    for picture in data["pictures"].values():
        kind, _, body = picture["data"].partition(",")
        assert kind == "data:image/webp;base64"
        assert base64.b64decode(body)[8:12] == b"WEBP"
    assert len({json.dumps(order) for order in data["orders"]}) == len(data["orders"])
    assert all(len(order) == found.plan.trials for order in data["orders"])
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)
    assert policy
    assert page.index("Content-Security-Policy") < page.index("<script")
    rules = dict(part.strip().split(" ", 1) for part in policy[1].split(";"))
    assert rules["default-src"] == "'none'"
    for kind, text in (
        ("script-src", re.search(r'<script type="module">(.*?)</script>', page, re.DOTALL)),
        ("style-src", re.search(r"<style>(.*?)</style>", page, re.DOTALL)),
    ):
        assert text
        digest = base64.b64encode(hashlib.sha256(text[1].encode()).digest()).decode()
        assert rules[kind] == f"'sha256-{digest}'"
    assert page.count("<script") == 2
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", page.partition("<body>")[0])
    assert "import " not in page.partition('<script type="module">')[2].partition("\n")[0]


def test_the_wording_reaches_the_page_as_text(made: Callable[..., Made]) -> None:
    nasty = '</script><script>alert("1")</script> 😀 \'"&<!-- \\ \u2028 é'
    questions = (Question("a", f"{nasty}?"), Question("b", "Second?"))
    found = made(wording=Wording(nasty, f"w {nasty}", f"c {nasty}", "<me>@example.org", questions))
    assert found.page
    page = found.page.read_text(encoding="utf-8")
    data = _data(page)
    assert (data["title"], data["welcome"], data["consent"], data["mail"]) == (
        nasty,
        f"w {nasty}",
        f"c {nasty}",
        "<me>@example.org",
    )
    assert data["questions"] == [{"name": "a", "text": f"{nasty}?"}, {"name": "b", "text": "Second?"}]
    assert page.count("<script") == 2
    assert "<!--" not in page
    assert load_plan(found.page.parent).title == nasty


def test_pictures_that_are_too_many_for_one_file(made: Callable[..., Made], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "_LARGEST_PAGE", 1000)
    found = made()
    assert found.page is None
    assert len(found.plan.scenes) == 4


def test_a_page_that_no_longer_belongs_to_the_study_goes(
    made: Callable[..., Made], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made()
    monkeypatch.setattr(making, "_LARGEST_PAGE", 1000)
    made(overwrite=True, size=128)
    assert not (tmp_path / "study" / PAGE).exists()


@pytest.mark.parametrize("trials", [3, 4, 7, 20, 40, 1000])
@pytest.mark.parametrize("share", [0, 10, 40])
def test_a_session_has_the_share_of_repeats_and_catches(made: Callable[..., Made], trials: int, share: int) -> None:
    plan: Plan = made(trials=trials, repeats=share, catches=share, overwrite=True).plan
    shown = plan.trials - plan.repeats - plan.catches
    assert 1 <= shown <= 4  # so many pairs are there
    assert plan.trials <= trials
    assert (plan.repeats > 0, plan.catches > 0) == (share > 0, share > 0)
    assert plan.repeats <= shown
    assert plan.catches <= shown
    if share == 40 and shown == 4 and trials > 7:
        assert plan.repeats == plan.catches == 4


def test_the_questions_are_those_of_the_wording(made: Callable[..., Made]) -> None:
    assert made().plan.questions == list(QUESTIONS)
    calmer = Question("calmer", "Which is calmer?")
    assert made(wording=Wording(questions=(calmer,)), overwrite=True).plan.questions == [calmer]


def test_two_results_of_one_scene(made: Callable[..., Made], folders: tuple[Path, Path, Path, Path]) -> None:
    (folders[2] / "beach__dots.jpg").write_bytes(file_bytes(scene(64, 48), "JPEG"))
    (line,) = made().failures
    assert "another result" in line
    assert "beach__dots" in line


def test_pictures_too_small_to_be_judged(made: Callable[..., Made], folders: tuple[Path, Path, Path, Path]) -> None:
    (folders[0] / "line.png").write_bytes(file_bytes(scene(200, 1)))
    found = made()
    assert "line" not in found.plan.photos
    assert any("line.png is too small" in line for line in found.failures)


@pytest.mark.parametrize("name", ["study.html", "metrics.csv"])
def test_files_of_the_user_are_not_replaced(made: Callable[..., Made], tmp_path: Path, name: str) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / name).write_text("mine")
    with refused(PictureError, "already-there", name):
        made()
    assert (tmp_path / "study" / name).read_text() == "mine"


def test_a_study_that_is_served_is_not_replaced(made: Callable[..., Made], tmp_path: Path) -> None:
    made()
    with Gathering(tmp_path / "study"), refused(UsageError, "in-use", "study"):
        made(overwrite=True)
    made(overwrite=True)


@pytest.mark.parametrize("options", [{"title": " "}, {"mail": "nobody at all"}])
def test_wording_that_helps_nobody(made: Callable[..., Made], options: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        made(wording=Wording(**options))
