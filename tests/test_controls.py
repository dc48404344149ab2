"""The controls: what is accepted, and what is said of the rest."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest
from helpers import refused, scene
from hypothesis import given
from hypothesis import strategies as st

from impasto.controls import Controls
from impasto.errors import UsageError

PHOTO = scene().astype(np.float32) / 255


@given(
    strength=st.floats(0, 100) | st.integers(0, 100),
    keep_color=st.sampled_from(["none", "luminance", "histogram", "coral"]),
    tone=st.sampled_from(["none", "match"]),
    brush_size=st.floats(0.25, 4),
    boldness=st.floats(0, 100),
    detail=st.floats(0, 100),
    size=st.none() | st.integers(1, 100_000),
    seed=st.integers(0, 2**63 - 1),
)
def test_everything_in_range_is_accepted(**values: object) -> None:
    assert Controls(**values).as_dict() == values  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "code", "words"),
    [
        ({"strength": 300}, "out-of-range", "strength 300 is not in 0..100"),
        ({"strength": -1}, "out-of-range", "strength -1"),
        ({"strength": float("nan")}, "out-of-range", "strength nan"),
        ({"strength": "70"}, "not-a-number", "strength '70'"),
        ({"strength": True}, "not-a-number", "strength True"),
        ({"brush_size": 0.1}, "out-of-range", "brush size 0.1 is not in 0.25..4"),
        ({"size": 0}, "out-of-range", "size 0 is not in 1..100000"),
        ({"size": 10.5}, "not-a-number", "size 10.5"),
        ({"keep_color": "all"}, "unknown-choice", "one of none, luminance, histogram, coral"),
        ({"tone": "bright"}, "unknown-choice", "one of none, match"),
        ({"seed": -1}, "out-of-range", "seed -1"),
    ],
)
def test_what_is_out_of_range_is_named(values: dict[str, object], code: str, words: str) -> None:
    with refused(UsageError, code, words) as caught:
        Controls(**values)  # type: ignore[arg-type]
    assert caught.value.exit_code == 2


def test_controls_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Controls().strength = 3  # type: ignore[misc]


def test_every_control_has_help_and_a_label() -> None:
    for control in fields(Controls):
        assert len(control.metadata["help"]) > 20
        assert control.metadata["label"]


def test_output_size_keeps_proportions() -> None:
    assert Controls().output_size(301, 200) == (301, 200)
    assert Controls(size=600).output_size(300, 200) == (600, 400)
    assert Controls(size=10).output_size(3, 5000) == (1, 10)
