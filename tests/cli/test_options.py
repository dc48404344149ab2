"""Options made from a dataclass of settings, and the words that options take."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import click
from click.testing import CliRunner
from helpers import refused

from impasto.cli.command import Command
from impasto.cli.options import read_duration, read_memory, read_region, settings
from impasto.errors import UsageError
from impasto.painting.regions import Region
from impasto.settings import check, setting


@dataclass(frozen=True)
class Pace:
    speed: float = setting(1.5, "How fast.", 0, 100)
    turns: int | None = setting(None, "How often.", 1, 10_000)
    gait: Literal["walk", "trot"] = setting("walk", "Which gait.")
    shod: bool = setting(True, "With shoes.")
    tired: bool = setting(False, "After a day.")
    weights: tuple[float, ...] = setting((1.0, 2.0), "Of the riders.")
    map_file: Path | None = setting(None, "Where to.")

    def __post_init__(self) -> None:
        check(self)


def typed(*words: str, **chosen: Any) -> tuple[Any, str]:
    """What the verb receives, and what is printed."""
    found: list[Any] = []

    @click.command(cls=Command, context_settings={"show_default": True})
    @settings(Pace, "pace", "Pace", **chosen)
    def ride(pace: Any) -> None:
        found.append(pace)

    outcome = CliRunner().invoke(ride, words, catch_exceptions=True)
    if outcome.exception and not isinstance(outcome.exception, SystemExit):
        raise outcome.exception
    return (found[0] if found else None), outcome.output


def test_nothing_typed_gives_the_defaults() -> None:
    assert typed()[0] == Pace()
    assert typed(only_typed=True)[0] == {}


def test_every_kind_of_field_is_read() -> None:
    text = "--speed 3 --turns 7 --gait trot --no-shod --tired --weights 0.5,4 --map-file a/b"
    words = text.split()
    everything = Pace(3.0, 7, "trot", False, True, (0.5, 4.0), Path("a/b"))
    assert typed(*words)[0] == everything
    assert typed(*words, only_typed=True)[0] == asdict(everything)


def test_the_help_has_text_range_choices_and_defaults() -> None:
    _, text = typed("--help", panels={"turns": "Counting"}, names={"turns": "--rounds"})
    pace = text[text.index("Pace:") : text.index("Counting:")]
    for said in ("How fast. 0 to 100.", "[default: 1.5]", "[walk|trot]", "--shod / --no-shod", "--tired ", "A,B"):
        assert said in pace
    assert "--no-tired" not in text
    assert text.index("Options:") < text.index("Pace:")
    assert "--rounds INTEGER" in text[text.index("Counting:") :]
    assert "default" not in typed("--help", only_typed=True)[1]


def test_an_option_may_be_called_otherwise_or_be_left_out() -> None:
    assert typed("--rounds", "3", names={"turns": "--rounds"})[0].turns == 3
    assert "No such option" in typed("--turns", "3", without=("turns",))[1]


def test_wrong_values_are_refused() -> None:
    with refused(UsageError, "out-of-range", "speed 101"):
        typed("--speed", "101")
    assert "1,x is not a list of numbers" in typed("--weights", "1,x")[1]
    assert "'run' is not one of" in typed("--gait", "run")[1]


def test_the_mask_of_a_region_may_have_an_equals_sign_in_its_name(tmp_path: Path) -> None:
    mask = tmp_path / "a=b.png"
    mask.write_bytes(b"")
    assert read_region(f"{mask}=udnie") == Region(str(mask), "udnie")
    assert read_region("sky.png=my=style") == Region("sky.png", "my=style")
    for wrong in ("sky.png", "=udnie", "sky.png="):
        with refused(UsageError, "malformed", wrong):
            read_region(wrong)


def test_a_region_may_have_a_strength_and_a_brush_size(tmp_path: Path) -> None:
    assert read_region("sky.png=udnie,strength=60,brush-size=2") == Region("sky.png", "udnie", 60, 2)
    assert read_region("person=none") == Region("person", "none")
    assert read_region("faces=strength=40") == read_region("faces=:strength=40") == Region("faces", "", 40)
    painting = tmp_path / "a,strength=4"
    painting.write_bytes(b"")
    assert read_region(f"sky.png={painting}") == Region("sky.png", str(painting))
    for code, wrong in (
        ("not-a-number", "strength=x"),
        ("out-of-range", "strength=101"),
        ("out-of-range", "brush-size=9"),
    ):
        with refused(UsageError, code):
            read_region(f"sky.png=udnie,{wrong}")


def test_amounts_and_durations() -> None:
    assert [read_memory(text) for text in (None, "2GB", "500 mb", "1.5g", "64")] == [
        None,
        2_000_000_000,
        500_000_000,
        1_500_000_000,
        64,
    ]
    assert [read_duration(text, "--for") for text in ("90s", "3m", "1h30m")] == [90, 180, 5400]
    for wrong in ("0", "lots", "-1GB"):
        with refused(UsageError, "malformed", wrong):
            read_memory(wrong)
    for wrong in ("", "0s", "3", "1000h"):
        with refused(UsageError, "malformed", "--for", wrong):
            read_duration(wrong, "--for")


def test_a_value_out_of_range_is_named_by_its_option() -> None:
    with refused(UsageError, "out-of-range", "--velocity 200"):
        typed("--velocity", "200", names={"speed": "--velocity"})
    with refused(UsageError, "out-of-range", "--turns 0"):
        typed("--turns", "0")
