"""What a network normalizes by comes out, and may be given."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from networks import foreign_norm, trained
from onnx import helper

from impasto.exchange.export import to_onnx
from impasto.exchange.statistics import expose_statistics
from impasto.system.sessions import Model

PHOTO = np.random.default_rng(0).normal(0.3, 2, (1, 3, 20, 30)).astype(np.float32)


@pytest.mark.parametrize("opset", [13, 18])  # from 18 on axes are an input
def test_statistics_come_out_and_are_taken_as_far_as_they_are_trusted(opset: int) -> None:
    model = onnx.load_from_string(foreign_norm(opset))
    assert expose_statistics(model)
    onnx.checker.check_model(model)
    exposed, plain = Model(model.SerializeToString), Model(lambda: foreign_norm(opset))
    nothing = np.zeros(6, np.float32)
    painted, own = exposed.run({"x": PHOTO, "given": nothing, "trust": np.array(0, np.float32)})
    np.testing.assert_allclose(painted, plain.run({"x": PHOTO})[0], atol=1e-5)
    mean, square = PHOTO.mean((0, 2, 3)), np.square(PHOTO).mean((0, 2, 3))
    np.testing.assert_allclose(own, np.concatenate([mean, square]), rtol=1e-5)
    given = np.concatenate([mean + 1, square + 4])
    painted, again = exposed.run({"x": PHOTO, "given": given, "trust": np.array(0.5, np.float32)})
    np.testing.assert_array_equal(again, own)
    mean, square = (part[:, None, None] for part in (mean + 0.5, square + 2))
    wanted = 0.2 * (PHOTO - mean) / np.sqrt(square - mean**2 + 1e-5) + 0.5
    np.testing.assert_allclose(painted, wanted, atol=1e-5)


def test_a_file_that_takes_them_already_stays_as_it_is() -> None:
    data = to_onnx(trained(), ["s"], {})
    model = onnx.load_from_string(data)
    assert not expose_statistics(model)
    assert model == onnx.load_from_string(data)


def test_what_cannot_be_exposed_is_left_alone() -> None:
    old = onnx.load_from_string(foreign_norm(9))
    computed = onnx.load_from_string(foreign_norm())
    computed.graph.node.insert(0, helper.make_node("Neg", ["scale"], ["computed"]))
    computed.graph.node[1].input[1] = "computed"
    none = onnx.load_from_string(foreign_norm())
    none.graph.node[0].CopyFrom(helper.make_node("Relu", ["x"], ["y"]))
    for model in (old, computed, none):
        before = model.SerializeToString()
        assert not expose_statistics(model)
        assert model.SerializeToString() == before
    assert expose_statistics(computed, width=3)  # of a scale that the network computes
