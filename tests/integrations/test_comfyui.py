"""The node pack for ComfyUI, against a stand-in for ComfyUI: with its schema of nodes, and as it was before that."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import scene
from integrations.comfy_host import OWN_WIDGETS, PACK, Host, Interrupted, load, run_workflow, widgets
from PIL import Image

import impasto
from impasto.controls import Controls
from impasto.engines.by_name import ENGINES
from impasto.errors import ImpastoError, PictureError, UsageError
from impasto.optimization.recipe import RECIPES
from impasto.painting.stylizer import Stylizer
from impasto.progress import Progress
from impasto.version import __version__

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

WORKFLOWS = sorted((PACK / "example_workflows").glob("*.json"))
NAMED = [("great-wave", 1.0)]
QUICK = {"recipe": "fast", "iterations": 3, "style": NAMED}


def image(count: int = 1, width: int = 72, height: int = 48) -> torch.Tensor:
    """An IMAGE: B x H x W x 3."""
    return torch.from_numpy(np.stack([scene(width, height, seed) for seed in range(count)]) / np.float32(255))


@pytest.fixture(params=[True, False], ids=["schema", "mappings"])
def host(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Host:
    return load(monkeypatch, request.param)


@pytest.fixture
def present(monkeypatch: pytest.MonkeyPatch) -> Host:
    return load(monkeypatch, schema=True)


def test_the_nodes_are_registered_by_their_names(host: Host) -> None:
    names = {"LoadStyle", "PaintingStyle", "BlendStyles", "Stylize", "Optimize", "Enlarge"}
    assert set(host.nodes) == set(host.names) == {f"Impasto{name}" for name in names}
    assert all(name.endswith(" (Impasto)") for name in host.names.values())


def test_both_kinds_of_nodes_declare_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    new, old = load(monkeypatch, schema=True), load(monkeypatch, schema=False)
    for name in new.nodes:
        assert new.inputs(name) == old.inputs(name)
        assert list(new.nodes[name].RETURN_TYPES) == list(old.nodes[name].RETURN_TYPES)


@pytest.mark.parametrize("name", ["strength", "brush_size", "boldness", "detail", "keep_color", "tone"])
@pytest.mark.parametrize("node", ["ImpastoStylize", "ImpastoOptimize"])
def test_widgets_are_the_controls_own(present: Host, node: str, name: str) -> None:
    control = {one.name: one for one in fields(Controls)}[name]
    kind, shown = present.inputs(node)[name]
    assert shown["default"] == control.default
    assert shown["tooltip"] == control.metadata["help"]
    if kind == "FLOAT":
        assert (shown["min"], shown["max"]) == (control.metadata["low"], control.metadata["high"])
    else:
        for choice in kind:
            Controls(**{name: choice})


def test_choices_are_what_impasto_has(present: Host, painting: Path) -> None:
    assert present.inputs("ImpastoStylize")["engine"][0] == list(ENGINES)
    assert present.inputs("ImpastoOptimize")["recipe"][0] == list(RECIPES)
    gallery = impasto.Gallery()
    assert present.inputs("ImpastoLoadStyle")["name"][0] == gallery.names()
    gallery.add("mine", painting)
    assert "mine" in present.inputs("ImpastoLoadStyle")["name"][0]


def test_stylize_gives_the_librarys_picture(host: Host) -> None:
    photo = image()
    (painted,) = host.run("ImpastoStylize", image=photo, style=NAMED, strength=70.0, keep_color="luminance")
    wanted = impasto.stylize(photo[0].numpy(), "great-wave", strength=70, keep_color="luminance")
    assert painted.shape == photo.shape
    assert painted.dtype == torch.float32
    assert np.abs(painted[0].numpy() - wanted.pixels).max() < 1e-6
    assert host.progress[-1] == 1


def test_a_loaded_style_comes_with_its_painting(host: Host) -> None:
    style, painting = host.run("ImpastoLoadStyle", name="starry-night")
    assert style == [("starry-night", 1.0)]
    entry = impasto.Gallery().get("starry-night")
    assert np.array_equal((painting[0].numpy() * 255).round(), np.asarray(Image.open(entry.thumbnail).convert("RGB")))


def test_a_painting_is_a_style(host: Host) -> None:
    photo, painting = image(), image(1, 90, 80).flip(3)
    (style,) = host.run("ImpastoPaintingStyle", painting=painting)
    (painted,) = host.run("ImpastoStylize", image=photo, style=style)
    wanted = impasto.stylize(photo[0].numpy(), painting[0].numpy())
    assert np.abs(painted[0].numpy() - wanted.pixels).max() < 1e-6


def test_paintings_of_a_batch_are_blended_in_equal_parts(present: Host) -> None:
    (style,) = present.run("ImpastoPaintingStyle", painting=image(3))
    assert [weight for _, weight in style] == [1, 1, 1]


def test_a_blend_of_blends_weighs_each_style_once(host: Host) -> None:
    (inner,) = host.run("ImpastoBlendStyles", style_1=NAMED, style_2=[("udnie", 1.0)], weight_1=0.5, weight_2=0.5)
    (style,) = host.run("ImpastoBlendStyles", style_1=inner, style_2=[("devil", 1.0)], weight_1=1.0, weight_2=0.5)
    assert dict(style) == {"great-wave": 0.5, "udnie": 0.5, "devil": 0.5}
    photo = image()
    (painted,) = host.run("ImpastoStylize", image=photo, style=style, engine="light")
    wanted = impasto.stylize(photo[0].numpy(), {"great-wave": 1, "udnie": 1, "devil": 1}, engine="light")
    assert np.abs(painted[0].numpy() - wanted.pixels).max() < 1e-5


def test_a_blend_of_nothing_is_refused(present: Host) -> None:
    with pytest.raises(UsageError, match="sum to 0"):
        present.run("ImpastoBlendStyles", style_1=NAMED, style_2=NAMED, weight_1=0.0, weight_2=0.0)


def test_a_style_of_the_users_that_has_changed_is_loaded_anew(host: Host, painting: Path) -> None:
    gallery = impasto.Gallery()
    gallery.add("mine", painting)
    asked = getattr(host.nodes["ImpastoLoadStyle"], "IS_CHANGED", host.nodes["ImpastoLoadStyle"].fingerprint_inputs)
    before = asked(name="mine")
    assert asked(name="mine") == before
    gallery.add("mine", scene(64, 64, 3), replace=True)
    assert asked(name="mine") != before


# Masks.


def painted_where(photo: torch.Tensor, painted: torch.Tensor) -> np.ndarray:
    return (painted - photo).abs().amax(dim=3).numpy() > 1e-6


@pytest.mark.parametrize("shape", [(48, 72), (1, 48, 72), (1, 24, 36)], ids=["plain", "batch", "half the size"])
def test_white_of_the_mask_is_painted(host: Host, shape: tuple[int, ...]) -> None:
    mask = torch.zeros(shape)
    mask[..., : shape[-1] // 2] = 1
    photo = image()
    (painted,) = host.run("ImpastoStylize", image=photo, style=NAMED, mask=mask)
    found = painted_where(photo, painted)[0]
    assert found[:, :34].mean() > 0.95
    assert not found[:, 38:].any()


def test_every_image_of_a_batch_may_have_its_own_mask(present: Host) -> None:
    photo, mask = image(2), torch.zeros(2, 48, 72)
    mask[1] = 1
    (painted,) = present.run("ImpastoStylize", image=photo, style=NAMED, engine="light", mask=mask)
    first, second = painted_where(photo, painted)
    assert not first.any()
    assert second.mean() > 0.95


def test_the_mask_of_an_image_without_transparency_means_no_mask(present: Host) -> None:
    photo, absent = image(), torch.zeros(1, 64, 64)  # as ComfyUI's Load Image gives it
    (painted,) = present.run("ImpastoStylize", image=photo, style=NAMED, engine="light", mask=absent)
    assert painted_where(photo, painted).mean() > 0.95
    (painted,) = present.run("ImpastoStylize", image=photo, style=NAMED, engine="light", mask=torch.zeros(1, 48, 72))
    assert not painted_where(photo, painted).any()


# Batches.


def test_a_style_is_read_once_for_a_batch(present: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(Stylizer, "__init__", _counted(Stylizer.__init__, made))
    (painted,) = present.run("ImpastoStylize", image=image(3), style=NAMED, engine="light")
    assert len(painted) == 3
    assert len(made) == 1
    assert present.progress == sorted(present.progress)


def _counted(function: Callable[..., None], calls: list[object]) -> Callable[..., None]:
    def counted(*args: Any, **options: Any) -> None:
        calls.append(args)
        function(*args, **options)

    return counted


def test_frames_of_a_clip_are_painted_alike(present: Host) -> None:
    """A disk moves on the right: what stands still on the left stays as it is painted."""
    clip = image(1, 160, 96).repeat(4, 1, 1, 1)
    for frame in range(4):
        rows, columns = torch.meshgrid(torch.arange(96), torch.arange(160), indexing="ij")
        clip[frame][(columns - 152 + 8 * frame) ** 2 + (rows - 48) ** 2 < 300] = torch.tensor([0.9, 0.2, 0.1])
    changes = {}
    for alike in (False, True):
        (painted,) = present.run("ImpastoStylize", image=clip, style=NAMED, engine="light", clip=alike)
        changes[alike] = (painted[1:, :, :80] - painted[:-1, :, :80]).abs().mean().item()
    assert changes[True] < 0.1 * changes[False]


# The optimizer and the enlarger.


def test_optimize_paints_in_inference_mode_and_shows_how_far_it_is(host: Host) -> None:
    photo = image()
    (painted,) = host.run("ImpastoOptimize", image=photo, **{**QUICK, "iterations": 12})
    assert painted.shape == photo.shape
    assert painted_where(photo, painted).mean() > 0.95
    assert host.progress == sorted(host.progress)
    assert len(host.progress) > 10
    assert host.progress[-1] == 1
    kind, preview, side = host.previews[0]
    assert (kind, preview.mode, side) == ("JPEG", "RGB", 512)
    assert host.room[0] > 0  # ComfyUI is asked to unload models


def test_optimize_leaves_what_the_mask_does_not_cover(present: Host) -> None:
    photo, mask = image(), torch.zeros(1, 48, 72)
    mask[:, :, :36] = 1
    (painted,) = present.run("ImpastoOptimize", image=photo, mask=mask, **QUICK)
    found = painted_where(photo, painted)[0]
    assert found[:, :34].mean() > 0.9
    assert not found[:, 38:].any()
    (painted,) = present.run("ImpastoOptimize", image=photo, mask=0 * mask, **QUICK)
    assert not painted_where(photo, painted).any()


@pytest.mark.parametrize(("given", "wanted"), [(0, (48, 72)), (144, (96, 144))])
def test_a_size_of_0_is_the_images_own(present: Host, given: int, wanted: tuple[int, int]) -> None:
    (painted,) = present.run("ImpastoOptimize", image=image(), size=given, **QUICK)
    assert painted.shape[1:3] == wanted


@pytest.mark.parametrize(
    ("computes_on", "wanted"), [("cpu", "cpu"), ("cuda:1", "cuda:1"), ("mps", "mps"), ("xpu", "cpu"), ("meta", "cpu")]
)
def test_the_optimizer_computes_where_comfyui_does(
    present: Host, monkeypatch: pytest.MonkeyPatch, computes_on: str, wanted: str
) -> None:
    from impasto.optimization import optimize

    asked = []

    def fake(photo: Any, style: Any, *, device: str, **_: Any) -> Any:
        asked.append(device)
        return impasto.Optimization(photo)

    monkeypatch.setattr(optimize, "optimize", fake)
    present.computes_on = computes_on
    present.run("ImpastoOptimize", image=image(), **QUICK)
    assert asked == [wanted]


@pytest.mark.parametrize("scale", ["2", "4"])
def test_enlarge_gives_the_librarys_picture(host: Host, scale: str) -> None:
    photo = image(2)
    (large,) = host.run("ImpastoEnlarge", image=photo, scale=scale, kind="painting")
    wanted = impasto.enlarge(photo[1].numpy(), int(scale), kind="painting")
    assert large.shape == (2, 48 * int(scale), 72 * int(scale), 3)
    assert np.abs(large[1].numpy() - wanted.pixels).max() < 1e-6


def test_alpha_is_kept(present: Host) -> None:
    alpha = torch.linspace(0.2, 1, 72).expand(1, 48, 72).unsqueeze(3)
    photo = torch.cat([image(), alpha], dim=3)
    (painted,) = present.run("ImpastoStylize", image=photo, style=NAMED, engine="light")
    assert torch.equal(painted[..., 3:], alpha)


# Being stopped.


@pytest.mark.parametrize(
    ("node", "values"),
    [
        ("ImpastoOptimize", {**QUICK, "iterations": 40}),
        ("ImpastoStylize", {"style": NAMED, "engine": "light"}),
        ("ImpastoEnlarge", {}),
    ],
)
def test_a_canceled_job_ends_as_comfyui_wants_it(host: Host, node: str, values: dict[str, Any]) -> None:
    host.stop_at = 0.02
    given = image(8)
    before = given.clone()
    with pytest.raises(Interrupted):
        host.run(node, image=given, **values)
    assert host.progress[-1] < 0.3
    assert not host.stopped  # the stop is used up: the next job runs
    assert torch.equal(given, before)


def test_a_large_image_is_stopped_while_it_is_painted(present: Host) -> None:
    present.stop_at = 0.3
    with pytest.raises(Interrupted):
        present.run("ImpastoStylize", image=image(1, 1800, 1200), style=NAMED, engine="light")
    assert present.progress[-1] < 0.9


# What is refused: one line, that says what to do.


@pytest.mark.parametrize(
    ("node", "values", "words"),
    [
        ("ImpastoStylize", {"image": torch.zeros(48, 72, 3)}, "[48, 72, 3]"),
        ("ImpastoStylize", {"image": torch.zeros(1, 3, 48, 72)}, "[1, 3, 48, 72]"),
        ("ImpastoStylize", {"image": torch.zeros(0, 48, 72, 3)}, "empty"),
        ("ImpastoStylize", {"image": torch.zeros(1, 4, 4, 3, dtype=torch.uint8)}, "uint8"),
        ("ImpastoStylize", {"image": torch.full((1, 48, 72, 3), float("nan"))}, "no numbers"),
        ("ImpastoStylize", {"mask": torch.zeros(3, 48, 72)}, "3 masks for 1 images"),
        ("ImpastoStylize", {"mask": torch.zeros(1, 1, 48, 72)}, "[1, 1, 48, 72]"),
        ("ImpastoStylize", {"mask": torch.full((48, 72), float("nan"))}, "no numbers"),
        ("ImpastoStylize", {"style": [("great-wav", 1.0)]}, "did you mean 'great-wave'?"),
        ("ImpastoStylize", {"strength": 300.0}, "0..100"),
        ("ImpastoStylize", {"keep_color": "oil"}, "coral"),
        ("ImpastoStylize", {"engine": "oil"}, "painter"),
        ("ImpastoOptimize", {"recipe": "oil"}, "faithful"),
        ("ImpastoOptimize", {"image": torch.zeros(1, 4, 4, 3)}, "4 x 4"),
        ("ImpastoEnlarge", {"scale": "7"}, "scale"),
        ("ImpastoEnlarge", {"kind": "etching"}, "painting"),
        ("ImpastoLoadStyle", {"name": "great-wav"}, "did you mean 'great-wave'?"),
    ],
)
def test_bad_input_gets_one_line(host: Host, node: str, values: dict[str, Any], words: str) -> None:
    given = {"image": image(), "style": NAMED} if node in ("ImpastoStylize", "ImpastoOptimize") else {}
    given |= {"image": image()} if node == "ImpastoEnlarge" else {}
    with pytest.raises(ImpastoError) as caught:
        host.run(node, **{**given, **values})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert " --" not in str(caught.value)  # options of a command line do not help in ComfyUI


def test_values_a_little_beyond_the_range_are_cut_off(present: Host) -> None:
    beyond = image() * 1.4 - 0.2  # as sharpening and enlarging leave them
    (painted,) = present.run("ImpastoStylize", image=beyond, style=NAMED, strength=0.0)
    assert torch.equal(painted, beyond.clamp(0, 1))


def test_too_little_memory_gets_a_line_for_comfyui(present: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Stylizer, "_painted", fail)
    with pytest.raises(PictureError, match="smaller before this node") as caught:
        present.run("ImpastoStylize", image=image(), style=NAMED)
    assert "--size" not in str(caught.value)


def _without_impasto(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "impasto", None)


def _with_a_broken_impasto(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "impasto.painting.stylizer", None)


def _with_another_impasto(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(impasto, "__version__", "7.3.0")


@pytest.mark.parametrize("schema", [True, False])
@pytest.mark.parametrize(
    ("change", "words", "advice"),
    [
        (_without_impasto, "Impasto is not installed in ComfyUI's Python", ["pip", "install", "impasto"]),
        (_with_a_broken_impasto, "impasto.painting.stylizer", ["pip", "install", "impasto"]),
        (_with_another_impasto, "Impasto 7.3.0 is installed", ["impasto", "plugins", "install", "comfyui"]),
    ],
)
def test_without_the_right_impasto_the_nodes_say_what_to_type(
    monkeypatch: pytest.MonkeyPatch, schema: bool, change: Callable[..., None], words: str, advice: list[str]
) -> None:
    complete = load(monkeypatch, schema)
    order = {node: widgets(complete, node) for node in complete.nodes}
    change(monkeypatch)
    host = load(monkeypatch, schema)  # ComfyUI starts all the same
    assert {node: widgets(host, node) for node in host.nodes} == order  # and the page keeps what a workflow holds
    required = {"image": image(), "painting": image(), "style": NAMED, "style_1": NAMED, "style_2": NAMED}
    for node in host.nodes:
        values = {name: required.get(name, "60") for name in host.inputs(node)}
        with pytest.raises(RuntimeError) as caught:
            host.run(node, **values)
        line = str(caught.value)
        assert words in line
        assert "\n" not in line
        assert shlex.split(line.rpartition("  (")[2].rstrip(")"))[-len(advice) :] == advice
    asked = host.nodes["ImpastoLoadStyle"].fingerprint_inputs
    assert asked(name="mine") == asked(name="mine")


# The workflows.


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_fits_the_nodes(present: Host, path: Path) -> None:
    graph = json.loads(path.read_text(encoding="utf-8"))
    nodes = {node["id"]: node for node in graph["nodes"]}
    assert graph["version"] == 0.4
    assert graph["last_node_id"] == max(nodes)
    assert graph["last_link_id"] == max(link[0] for link in graph["links"])
    for node in nodes.values():
        kind = node["type"]
        if kind in OWN_WIDGETS:
            continue
        declared = present.inputs(kind)
        assert {one["name"] for one in node["inputs"]} == set(declared)
        values = dict(zip(widgets(present, kind), node.get("widgets_values", []), strict=True))
        for name, value in values.items():
            type_, shown = declared[name]
            if isinstance(type_, list):
                assert value in type_, name
            elif type_ in ("FLOAT", "INT"):
                assert shown["min"] <= value <= shown["max"], name
    for number, origin, slot, target, place, type_ in graph["links"]:
        assert nodes[target]["inputs"][place]["link"] == number
        assert nodes[target]["inputs"][place]["type"] == type_
        assert number in nodes[origin]["outputs"][slot]["links"]
        if nodes[origin]["type"] in present.nodes:
            assert present.nodes[nodes[origin]["type"]].RETURN_TYPES[slot] == type_


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs(host: Host, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from impasto.optimization import optimize

    whole = optimize.optimize

    def short(*args: Any, on_progress: Callable[[Progress], bool], **options: Any) -> Any:
        return whole(*args, on_progress=lambda now: on_progress(now) and now.step < 3, **{**options, "size": 72})

    monkeypatch.setattr(optimize, "optimize", short)
    photo = image()

    def load_image(title: str) -> tuple[torch.Tensor, torch.Tensor]:
        return (image(1, 100, 90).flip(3) if title == "Painting" else photo), torch.zeros(1, 64, 64)

    (saved,) = run_workflow(path, host, load_image)
    enlarged = 2 if "enlarge" in path.stem else 1
    assert saved.shape == (1, 48 * enlarged, 72 * enlarged, 3)
    assert (saved[:, ::enlarged, ::enlarged] - photo).abs().mean() > 0.02


def test_every_workflow_has_a_picture() -> None:
    assert len(WORKFLOWS) == 3
    for path in WORKFLOWS:
        with Image.open(path.with_suffix(".jpg")) as picture:
            assert picture.width >= 400
    assert sum(file.stat().st_size for file in PACK.rglob("*") if file.suffix in (".json", ".jpg", ".py")) < 150_000


# The pack's papers.


def test_the_pack_says_what_comfyuis_registry_asks_for() -> None:
    project = tomllib.loads((PACK / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == __version__
    assert f'VERSION = "{__version__}"' in (PACK / "installed.py").read_text(encoding="utf-8")
    assert re.fullmatch(r"[a-z][a-z-]{2,99}", project["project"]["name"])
    assert "comfyui" not in project["project"]["name"]
    comfy = project["tool"]["comfy"]
    assert comfy["PublisherId"]
    assert comfy["DisplayName"]
    assert comfy["requires-comfyui"].startswith(">=")
    needed = (PACK / "requirements.txt").read_text(encoding="utf-8").split()
    assert project["project"]["dependencies"] == needed
    assert needed == [f"impasto=={__version__.rpartition('.')[0]}.*"]
