"""Style augmentation: arrays, images, tensors, samples of torchvision v2, Albumentations, and workers."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from helpers import ROOT, scene
from PIL import Image

from impasto import augment
from impasto.augment import RandomStyle
from impasto.errors import ImpastoError, UsageError
from impasto.system.files import ASSETS

PHOTO = scene(56, 40)


def distance(one: Any, other: Any) -> float:
    return float(np.abs(np.asarray(one, np.float64) - np.asarray(other, np.float64)).mean())


def test_each_picture_of_a_batch_has_a_style_of_its_own() -> None:
    batch = np.stack([PHOTO] * 3)
    painted = RandomStyle(seed=0)(batch)
    assert painted.shape == batch.shape
    assert painted.dtype == np.uint8
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert distance(painted[one], painted[other]) > 4
    np.testing.assert_array_equal(batch, np.stack([PHOTO] * 3))


def test_the_same_seed_paints_the_same_and_another_does_not() -> None:
    first, again, other = RandomStyle(seed=3), RandomStyle(seed=3), RandomStyle(seed=4)
    one, two = first(PHOTO), first(PHOTO)
    np.testing.assert_array_equal(again(PHOTO), one)
    np.testing.assert_array_equal(again(PHOTO), two)
    assert distance(one, two) > 4
    assert distance(other(PHOTO), one) > 4
    assert distance(RandomStyle()(PHOTO), RandomStyle()(PHOTO)) > 1


def test_a_smaller_alpha_stays_nearer_to_the_photo() -> None:
    batch = np.stack([PHOTO] * 6)
    distances = [distance(RandomStyle(alpha, seed=1)(batch), batch) for alpha in (0, 0.5, 1)]
    assert distances[0] < distances[1] < distances[2]


def test_styles_keep_what_a_picture_shows() -> None:
    photo = np.full((96, 96, 3), 0.8, np.float32)
    photo[24:72, 24:72] = 0.2
    for painted in RandomStyle(0.5, seed=2)(np.stack([photo] * 5)):
        gray = painted.mean(2)
        assert np.corrcoef(gray.ravel(), photo.mean(2).ravel())[0, 1] > 0.8


def test_p_is_the_share_of_painted_pictures() -> None:
    batch = np.zeros((60, 8, 8, 3), np.float32) + np.float32(0.3)
    painted = RandomStyle(p=0.3, seed=0, size=32)(batch)
    changed = [bool((one != other).any()) for one, other in zip(painted, batch, strict=True)]
    assert 8 <= sum(changed) <= 28
    np.testing.assert_array_equal(RandomStyle(p=0)(batch), batch)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
def test_kinds_of_numbers_come_back(kind: Any) -> None:
    photo = (
        PHOTO if kind == np.uint8 else PHOTO.astype(np.uint16) * 257 if kind == np.uint16 else PHOTO.astype(kind) / 255
    )
    painted = RandomStyle(seed=5)(photo)
    assert painted.dtype == kind
    top = np.iinfo(kind).max if np.dtype(kind).kind == "u" else 1
    assert distance(painted / top, RandomStyle(seed=5)(PHOTO) / 255) < 0.004


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (33, 31), (224, 20)])
def test_every_size_comes_back(size: tuple[int, int]) -> None:
    assert RandomStyle(seed=0)(np.zeros((*size, 3), np.float32)).shape == (*size, 3)


def test_no_pictures_is_a_batch_as_well() -> None:
    assert RandomStyle()(np.zeros((0, 8, 8, 3), np.uint8)).shape == (0, 8, 8, 3)


def test_a_pil_image_is_painted_as_its_array() -> None:
    painted = RandomStyle(seed=1)(Image.fromarray(PHOTO))
    np.testing.assert_array_equal(np.asarray(painted), RandomStyle(seed=1)(PHOTO))
    assert RandomStyle(seed=1)(Image.fromarray(PHOTO).convert("L")).mode == "RGB"


def test_a_size_sets_how_fine_the_strokes_are() -> None:
    coarse, fine = (RandomStyle(1, seed=7, size=size)(PHOTO) for size in (32, 256))
    assert distance(coarse, PHOTO.mean()) > 0
    assert distance(coarse, fine) > 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomStyle(2), "alpha 2 is not in 0..1"),
        (lambda: RandomStyle(p=-1), "p -1 is not in 0..1"),
        (lambda: RandomStyle(seed=0.5), "seed 0.5 is not a whole number"),  # type: ignore[arg-type]
        (lambda: RandomStyle(engine="painter"), "unknown engine 'painter'"),  # type: ignore[arg-type]
        (lambda: RandomStyle(size=8), "size 8 is not in 32..4096"),
        (lambda: RandomStyle()(np.zeros((8, 8), np.uint8)), "the sample contains no picture"),
        (lambda: RandomStyle()("photo.jpg"), "the sample contains no picture"),
        (lambda: RandomStyle()(np.zeros((8, 8, 1), np.uint8)), "a picture has the shape 8 x 8 x 1"),
        (lambda: RandomStyle()(np.zeros((3, 8, 8), np.uint8)), "a picture has the shape 3 x 8 x 8"),
        (lambda: RandomStyle()(np.zeros((8, 8, 3), np.int64)), "a picture has values of type int64"),
        (lambda: RandomStyle()(np.full((8, 8, 3), 255.0)), "a picture has values in 0..255, not in 0..1"),
        (lambda: RandomStyle()(np.full((8, 8, 3), np.nan)), "a picture has values in nan"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(make: Any, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)) as found:
        make()
    assert found.value.hint or " is no" in str(found.value)


def test_pickles_are_small_and_paint_the_same() -> None:
    transform = RandomStyle(0.7, 0.9, seed=11, size=64)
    first = transform(PHOTO)
    data = pickle.dumps(transform)
    assert len(data) < 500
    copy = pickle.loads(data)
    assert repr(copy) == repr(transform)
    np.testing.assert_array_equal(copy(PHOTO), first)  # a copy begins anew


def test_arrays_are_painted_without_pytorch() -> None:
    code = (
        "import sys, numpy; from impasto.augment import RandomStyle; "
        "RandomStyle()(numpy.zeros((8, 8, 3), 'uint8')); assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process has a network with two threads, which no forked one has."""
    monkeypatch.setenv("IMPASTO_THREADS", "2")
    augment._painter.cache_clear()
    RandomStyle(size=32)(PHOTO)
    monkeypatch.delenv("IMPASTO_THREADS")


def _in_a_pool(_: int) -> tuple[str, bytes]:
    return multiprocessing.current_process().name, _SHARED(PHOTO).tobytes()


_SHARED = RandomStyle(seed=2, size=32)


@pytest.mark.usefixtures("two_threads")
def test_forked_processes_draw_different_styles() -> None:
    _SHARED(PHOTO)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = dict(pool.map(_in_a_pool, range(8), chunksize=1))
        pool.close()
        pool.join()  # ended by a signal, a worker may take it for the test's own
    assert len(set(found.values())) == len(found)


class Pictures:
    """A data set of one photo."""

    def __init__(self, transform: Any) -> None:
        self.transform = transform

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        import os

        return self.transform(PHOTO), os.environ.get("IMPASTO_THREADS", ""), index


def check_workers() -> None:
    """Check that the workers of a process, which itself has a network with two threads, draw different styles."""
    import torch

    def epochs(context: str, count: int) -> list[Any]:
        loader = torch.utils.data.DataLoader(
            Pictures(RandomStyle(seed=5, size=32)),  # type: ignore[arg-type]
            batch_size=None,
            num_workers=2,
            multiprocessing_context=context,
            generator=torch.Generator().manual_seed(0),
            timeout=120,
        )
        return [(np.asarray(picture).tobytes(), threads) for _ in range(count) for picture, threads, _ in loader]

    os.environ["IMPASTO_THREADS"] = "2"
    RandomStyle(size=32)(PHOTO)
    del os.environ["IMPASTO_THREADS"]
    first = epochs("fork", 2)
    assert len({picture for picture, _ in first}) == 12
    assert {threads for _, threads in first} == {"1"}
    assert epochs("fork", 2) == first
    assert epochs("spawn", 1) == first[:6]


class TestTensors:
    @pytest.fixture(autouse=True)
    def torch(self) -> Any:
        return pytest.importorskip("torch")

    def test_a_tensor_is_painted_as_its_array(self, torch: Any) -> None:
        for shape in ((40, 56, 3), (2, 40, 56, 3)):
            pictures = np.broadcast_to(PHOTO, shape).copy()
            tensor = torch.from_numpy(pictures).movedim(-1, -3)
            painted = RandomStyle(seed=1)(tensor)
            assert painted.shape == tensor.shape
            assert painted.dtype == torch.uint8
            np.testing.assert_array_equal(painted.movedim(-3, -1).numpy(), RandomStyle(seed=1)(pictures))

    @pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64"])
    def test_floats_keep_their_kind(self, torch: Any, name: str) -> None:
        tensor = (torch.from_numpy(PHOTO).movedim(-1, 0) / 255).to(getattr(torch, name)).requires_grad_()
        painted = RandomStyle(seed=1)(tensor)
        assert painted.dtype == tensor.dtype
        assert not painted.requires_grad
        array = RandomStyle(seed=1)(PHOTO) / 255
        assert distance(painted.float().movedim(0, -1).numpy(), array) < 0.01

    def test_normalized_tensors_are_refused(self, torch: Any) -> None:
        with pytest.raises(UsageError, match="apply RandomStyle before normalization"):
            RandomStyle()(torch.full((3, 8, 8), -2.0))
        with pytest.raises(UsageError, match="a picture has the shape 1 x 8 x 8"):
            RandomStyle()(torch.zeros(1, 8, 8))

    def test_of_a_sample_only_the_picture_is_painted(self, torch: Any) -> None:
        class Sample(NamedTuple):
            image: Any
            target: dict[str, Any]

        boxes, mask, image = torch.ones(2, 4), torch.ones(1, 40, 56), torch.from_numpy(PHOTO).movedim(-1, 0)
        sample = Sample(image, {"boxes": boxes, "masks": [mask], "label": 3, "name": "scene"})
        painted = RandomStyle(seed=0)(sample)
        assert isinstance(painted, Sample)
        assert not torch.equal(painted.image, image)
        assert painted.target["boxes"] is boxes
        assert painted.target["masks"][0] is mask
        assert (painted.target["label"], painted.target["name"]) == (3, "scene")
        picture, label = RandomStyle(seed=0)(Image.fromarray(PHOTO), torch.tensor(1))
        np.testing.assert_array_equal(np.asarray(picture), painted.image.movedim(0, -1).numpy())
        assert label.item() == 1

    def test_workers_draw_different_styles_and_repeat_them(self) -> None:
        # In a process of its own: this one has the threads of other tests, which a forked process may wait for.
        environment = {name: value for name, value in os.environ.items() if name != "IMPASTO_THREADS"}
        environment["PYTHONPATH"] = os.pathsep.join(map(str, (ROOT / "src", ROOT / "tests")))
        code = "import test_augment; test_augment.check_workers()"
        subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=400)


class TestTorchvision:
    @pytest.fixture(autouse=True)
    def v2(self) -> Any:
        """Torchvision; where its compiled part does not fit PyTorch's build, its Python part alone."""
        torch = pytest.importorskip("torch")
        found = importlib.util.find_spec("torchvision")
        if found is None:
            pytest.skip("torchvision is not installed")
        if "torchvision" not in sys.modules:
            source = (Path(str(found.origin)).parent / "_meta_registrations.py").read_text()
            operators = set(re.findall(r'(?:register_meta\("|torchvision::)(\w+)"', source))
            self.library = torch.library.Library("torchvision", "FRAGMENT")
            for name in operators:
                if not hasattr(torch.ops.torchvision, name):
                    self.library.define(f"{name}(Tensor of) -> Tensor")
        from torchvision.transforms import v2

        return v2

    def test_it_stands_in_a_composition(self, v2: Any) -> None:
        import torch
        from torchvision import tv_tensors

        image = tv_tensors.Image(torch.from_numpy(PHOTO).movedim(-1, 0))
        boxes = tv_tensors.BoundingBoxes([[1, 2, 9, 8]], format="XYXY", canvas_size=(40, 56))
        mask = tv_tensors.Mask(torch.ones(1, 40, 56))
        transform = v2.Compose([v2.RandomHorizontalFlip(1), RandomStyle(seed=0), v2.ToDtype(torch.float32, scale=True)])
        painted, target = transform(image, {"boxes": boxes, "mask": mask, "label": 2, "other": torch.ones(3, 4, 4)})
        assert type(painted) is tv_tensors.Image
        assert painted.dtype == torch.float32
        assert painted.shape == image.shape
        assert type(target["boxes"]) is tv_tensors.BoundingBoxes
        assert target["boxes"].tolist() == [[47, 2, 55, 8]]  # turned, not painted
        assert type(target["mask"]) is tv_tensors.Mask
        assert torch.equal(target["mask"], mask)
        assert torch.equal(target["other"], torch.ones(3, 4, 4))
        alone = RandomStyle(seed=0)(np.ascontiguousarray(PHOTO[:, ::-1])) / 255
        assert distance(painted.movedim(0, -1).numpy(), alone) < 1e-6


class TestAlbumentations:
    def test_it_stands_in_a_composition(self) -> None:
        library = pytest.importorskip("albumentations")
        mask = np.ones((40, 56), np.uint8)
        transform = library.Compose(
            [library.HorizontalFlip(p=1), RandomStyle(seed=0).for_albumentations()],
            bbox_params=library.BboxParams("pascal_voc", label_fields=["labels"]),
        )
        found = transform(image=PHOTO, mask=mask, bboxes=[[1, 2, 9, 8]], labels=[1])
        np.testing.assert_array_equal(found["image"], RandomStyle(seed=0)(np.ascontiguousarray(PHOTO[:, ::-1])))
        np.testing.assert_array_equal(found["mask"], mask)
        np.testing.assert_allclose(found["bboxes"], [[47, 2, 55, 8]], atol=1e-4)

    def test_p_is_albumentations_own(self) -> None:
        library = pytest.importorskip("albumentations")
        transform = library.Compose([RandomStyle(p=0.5, size=32).for_albumentations()], seed=0)
        changed = [bool((transform(image=PHOTO)["image"] != PHOTO).any()) for _ in range(40)]
        assert 10 <= sum(changed) <= 30

    def test_it_pickles(self) -> None:
        pytest.importorskip("albumentations")
        copy = pickle.loads(pickle.dumps(RandomStyle(seed=4).for_albumentations()))
        np.testing.assert_array_equal(copy(image=PHOTO)["image"], RandomStyle(seed=4)(PHOTO))

    def test_without_it_the_error_says_how_to_install_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "albumentations", None)
        with pytest.raises(ImpastoError, match="Albumentations is not installed") as found:
            RandomStyle().for_albumentations()
        assert found.value.hint == "pip install albumentations"


def test_the_shipped_distribution_is_small_and_that_of_paintings() -> None:
    assert sum(path.stat().st_size for path in (ASSETS / "augment").iterdir()) < 20_000
    found = augment._paintings("light")
    assert found.root.shape[0] == len(found.mean)
    draws = np.stack([found.draw(np.random.default_rng(index)) for index in range(400)])
    deviation = np.sqrt(np.square(found.root).sum(1))
    np.testing.assert_allclose(draws.mean(0), found.mean, atol=float(deviation.max()) * 0.25)
    assert np.median(draws.std(0) / deviation) == pytest.approx(1, abs=0.1)
