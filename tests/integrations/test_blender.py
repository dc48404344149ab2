"""The add-on for Blender: its modules without Blender, and all of it in Blender itself, where there is one."""

from __future__ import annotations

import ast
import functools
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from helpers import ROOT, wait_until

from impasto.plugins.hosts import HOSTS
from impasto.plugins.install import install
from impasto.version import __version__

SOURCE = ROOT / "integrations/blender/impasto_paint"
PROGRAM = '''#!{python}
"""Stands for the program: swaps red and blue, and keeps what it got."""
import json, os, shutil, sys
import cv2, numpy as np

HERE = {here!r}
words = sys.argv[1:]
if words == ["--version"]:
    print("impasto {version}")
    sys.exit()
if words[0] == "styles":
    for name, title in (("starry-night", "The Starry Night"), ("udnie", "Udnie")):
        print(json.dumps({{"name": name, "title": title, "artist": "X", "thumbnail": ""}}))
    sys.exit()
json.dump(words, open(os.path.join(HERE, "words.json"), "w"))
source, target = words[1], words[words.index("-o") + 1]
folder, sent = os.path.dirname(source), os.path.join(HERE, "sent")
shutil.rmtree(sent, ignore_errors=True)
shutil.copytree(folder, sent)
trouble = os.environ.get("IMPASTO_TEST_TROUBLE", "")
if trouble == "nothing":
    sys.exit()
if trouble and trouble != "damaged":
    print("a note first", file=sys.stderr)
    sys.exit("impasto: " + trouble + "  (choose another)")

def paint(source, target):
    pixels = cv2.imread(source, cv2.IMREAD_UNCHANGED)
    modes[os.path.basename(source)] = [pixels.shape[2], pixels.dtype.name]
    first[os.path.basename(source)] = pixels[0, 0, :3][::-1].tolist()
    pixels[:, :, :3] = pixels[:, :, 2::-1].copy()
    cv2.imwrite(target, pixels)
    if trouble:
        open(target, "w").write("damaged")

modes, first = {{}}, {{}}
if words[0] == "stylize":
    paint(source, target)
else:
    shutil.copy(source, target)
    text = open(source[:-3] + "mtl").read()
    for line in text.splitlines():
        if line.startswith("map_Kd"):
            name = line.split()[-1]
            paint(os.path.join(folder, name), os.path.join(folder, "painted " + name))
            text = text.replace(line, line.replace(name, "painted " + name))
    open(target[:-3] + "mtl", "w").write("# painted\\n" + text)
    open(target, "w").write(open(source).read().replace("mtllib model.mtl", "mtllib painted.mtl"))
for name, what in (("modes", modes), ("first", first)):
    json.dump(what, open(os.path.join(sent, name + ".json"), "w"))
'''


@functools.cache
def blender() -> list[str]:
    """The words that have Blender run a script; [] if there is no Blender, or only an old one."""
    for python in (os.environ.get("IMPASTO_BPY", ""), *map(str, (ROOT / ".venv-blender").glob("*/python*"))):
        if python and shutil.which(python) and _version([python, "-c", "import bpy; print(*bpy.app.version)"]):
            return [python]
    program = shutil.which("blender")
    return [program, "-b", "--factory-startup", "--python"] if program and _version([program, "--version"]) else []


def _version(words: list[str]) -> bool:
    """Whether what a command says begins with a version that the add-on is for."""
    said = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    found = re.search(r"(\d+)[ .](\d+)", said)
    return found is not None and tuple(map(int, found.groups())) >= (4, 2)


def has_texture() -> bool:
    """Whether this Impasto paints models."""
    return subprocess.run([sys.executable, "-m", "impasto", "texture", "-h"], capture_output=True).returncode == 0


needs_blender = pytest.mark.skipif(not blender(), reason="there is no Blender 4.2 or later")


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The modules that need no Blender, installed as a user's are."""
    folder = tmp_path_factory.mktemp("addons")
    install(HOSTS["blender"], folder)
    package = type(sys)("impasto_paint")
    package.__path__ = [str(folder / "impasto_paint")]
    sys.modules["impasto_paint"] = package
    names = ("wavefront", "job", "link")
    yield SimpleNamespace(**{name: importlib.import_module(f"impasto_paint.{name}") for name in names})
    for name in [name for name in sys.modules if name.split(".")[0] == "impasto_paint"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """What came of all scenes in one run of Blender: `found` by the scene's name, and what Blender has printed."""
    folder = tmp_path_factory.mktemp("blender")
    (folder / "scripts").mkdir()
    install(HOSTS["blender"], folder / "scripts/addons")
    program, temporary = folder / "impasto", folder / "temporary"
    program.write_text(PROGRAM.format(python=sys.executable, here=str(folder), version=__version__))
    program.chmod(0o755)
    temporary.mkdir()
    values = {
        "BLENDER_USER_SCRIPTS": str(folder / "scripts"),
        "BLENDER_USER_CONFIG": str(folder / "config"),
        "TMPDIR": str(temporary),
        "IMPASTO_TEST_FOLDER": str(folder),
        "IMPASTO_TEST_PROGRAM": str(program),
        "IMPASTO_TEST_PAINTING": str(folder / "a painting.jpg"),
        "IMPASTO_TEST_TEXTURE": "1" if has_texture() else "",
    }
    script = str(Path(__file__).with_name("blender_run.py"))
    ended = subprocess.run(
        [*blender(), script], env=os.environ | values, capture_output=True, text=True, timeout=600, check=False
    )
    said = folder / "said.json"
    assert said.exists(), ended.stdout[-3000:] + ended.stderr[-3000:]
    return SimpleNamespace(found=json.loads(said.read_text()), printed=ended.stdout + ended.stderr)


def of(said: SimpleNamespace, scene: str) -> Any:
    found = said.found[scene]
    assert not str(found).startswith("Traceback"), found
    return found


def triangles(obj: str) -> list[tuple[str, frozenset[str], list[tuple[float, ...]]]]:
    """Material, groups and corners of each triangle of an OBJ file's text."""
    vertices, texels, found, material, groups = [], [], [], "", frozenset()
    for word, *rest in (line.split() for line in obj.splitlines()):
        if word == "v":
            vertices.append(tuple(map(float, rest)))
        elif word == "vt":
            texels.append(tuple(map(float, rest)))
        elif word == "usemtl":
            [material] = rest
        elif word == "g":
            groups = frozenset(rest)
        elif word == "f":
            corners = [tuple(int(number) - 1 for number in corner.split("/")) for corner in rest]
            found.append((material, groups, [vertices[one] + texels[two] for one, two in corners]))
    return found


class TestFiles:
    """OBJ and MTL files, without Blender."""

    @pytest.fixture
    def part(self, plugin):
        return plugin.wavefront.Part(
            "Crate",
            np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.25]]),
            np.array([[0, 1, 2], [0, 2, 3], [1, 2, 3]]),
            np.arange(18).reshape(3, 3, 2) / 32,
            np.array(["wood", "steel", "wood"], object),
            {"left": np.array([True, False, False]), "top": np.array([True, True, False])},
        )

    def test_triangles_keep_their_corners_materials_and_groups(self, plugin, part, tmp_path):
        path = tmp_path / "model.obj"
        maps = {"wood": plugin.wavefront.Map("wood.png"), "steel": plugin.wavefront.Map("steel.png", clamp=True)}
        plugin.wavefront.write(str(path), [part, part], maps)
        found = triangles(path.read_text())
        assert sorted((material, sorted(groups)) for material, groups, _ in found) == sorted(
            2 * [("wood", ["left", "top"]), ("steel", ["top"]), ("wood", [])]
        )
        for material, groups, corners in found:
            row = 1 if material == "steel" else 0 if groups else 2
            wanted = np.hstack([part.positions[part.corners[row]], part.coordinates[row]])
            assert np.allclose(corners, wanted, atol=1e-6)
        assert path.with_suffix(".mtl").read_text() == (
            "newmtl wood\nmap_Kd wood.png\nnewmtl steel\nmap_Kd -clamp on steel.png\n"
        )

    def test_pictures_are_read_back(self, plugin, tmp_path):
        (tmp_path / "out.obj").write_text("# by a program\nmtllib other.mtl\no Crate\n")
        (tmp_path / "other.mtl").write_text("newmtl a\nKd 1 1 1\nmap_Kd -clamp on a b.png\nnewmtl c\n  map_Kd c.png\n")
        found = plugin.wavefront.maps(str(tmp_path / "out.obj"))
        assert found == {"a": str(tmp_path / "a b.png"), "c": str(tmp_path / "c.png")}

    def test_names_without_spaces_that_differ(self, plugin):
        taken = []
        for name in ("wood dark", "wood_dark", "wood/dark", "", "Größe.001"):
            taken.append(plugin.wavefront.token(name, taken))
        assert taken == ["wood_dark", "wood_dark_2", "wood_dark_3", "_", "Größe.001"]


class TestJob:
    """The program beside Blender, without Blender."""

    def begin(self, plugin, code: str, prepare=lambda folder: []):
        return plugin.job.Job([sys.executable, "-c", code], prepare)

    def test_it_works_in_a_folder_that_is_removed(self, plugin, tmp_path):
        code = f"import sys; open({str(tmp_path / 'out')!r}, 'w').write(sys.argv[1])"
        job = self.begin(plugin, code, lambda folder: [folder])
        job.result()
        assert (tmp_path / "out").read_text() == job.folder
        assert os.path.isdir(job.folder)
        job.close()
        assert not os.path.exists(job.folder)

    def test_cancel_ends_the_program(self, plugin, tmp_path):
        begun = tmp_path / "begun"
        code = f"import os, time; open({str(begun)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
        job = self.begin(plugin, code)
        wait_until(lambda: begun.exists() and begun.read_text())
        assert not job.over
        job.cancel()
        with pytest.raises(plugin.link.Canceled):
            job.result()
        with pytest.raises(ProcessLookupError):
            os.kill(int(begun.read_text()), 0)
        job.close()

    def test_cancel_before_the_program_begins(self, plugin):
        gate = threading.Event()

        def prepare(_: str) -> list[str]:
            gate.wait()
            return []

        job = self.begin(plugin, "raise SystemExit(9)", prepare)
        threading.Timer(0.1, gate.set).start()
        job.cancel()
        with pytest.raises(plugin.link.Canceled):
            job.result()
        job.close()

    def test_trouble_is_the_program_s_line(self, plugin):
        job = self.begin(plugin, "import sys; print('noise', file=sys.stderr); sys.exit('impasto: no  (try)')")
        with pytest.raises(plugin.link.Trouble) as error:
            job.result()
        assert str(error.value) == "no  (try)"
        job.close()

    def test_a_full_disk_is_one_line(self, plugin):
        def prepare(_: str) -> list[str]:
            raise OSError(28, "No space left on device")

        job = self.begin(plugin, "", prepare)
        with pytest.raises(plugin.link.Trouble, match="No space left"):
            job.result()
        job.close()


def test_both_descriptions_agree():
    manifest = dict(re.findall(r'^(\w+) = "(.+)"$', (SOURCE / "blender_manifest.toml").read_text(), re.MULTILINE))
    module = ast.parse((SOURCE / "__init__.py").read_text())
    [info] = [
        ast.literal_eval(node.value)
        for node in module.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "bl_info"
    ]
    assert manifest["version"] == ".".join(map(str, info["version"])) == __version__
    assert manifest["blender_version_min"] == ".".join(map(str, info["blender"]))
    assert (manifest["name"], manifest["id"]) == (info["name"], SOURCE.name)
    assert manifest["tagline"] == info["description"]


def test_wants_nothing_but_blender_s_python():
    own = {path.stem for path in SOURCE.glob("*.py")} | {"link", "png"}
    for path in SOURCE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(), feature_version=(3, 11))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names += [node.module] if not node.level else []
                assert not node.level or (node.module or node.names[0].name).split(".")[0] in own
            for name in names:
                assert name.split(".")[0] in {"bpy", "mathutils", "numpy"} | sys.stdlib_module_names, (path, name)


@needs_blender
class TestBlender:
    """Blender paints by the stand-in, which swaps red and blue."""

    def test_the_painting_is_a_new_image(self, said):
        found = of(said, "whole")
        assert found["said"] == "FINISHED"
        assert found["name"] == "photo (udnie)"
        assert found["size"] == [12, 8]
        assert found["swapped"]
        assert found["packed"] == 1
        assert found["path"].startswith("//")
        assert found["space"] == "sRGB"
        assert "photo" in found["images"]
        assert found["kept"]
        assert found["fake"]

    def test_what_the_program_gets(self, said):
        found = of(said, "whole")
        words = found["words"]
        assert (words[0], os.path.basename(words[1])) == ("texture", "model.obj")
        options = dict(zip(words[2::2], words[3::2], strict=True))
        assert os.path.basename(options.pop("-o")) == "painted.obj"
        assert options == {"--style": "udnie", "--strength": "70", "--brush-size": "0.5", "--keep-color": "coral"}
        assert found["mtl"] == "newmtl Wood\nmap_Kd photo.png\n"
        cube = triangles(found["obj"])
        assert len(cube) == 12
        corners = np.array([corners for _, _, corners in cube])
        assert (np.abs(corners[:, :, :3]) == 1).all()
        assert ((corners[:, :, 3:] >= 0) & (corners[:, :, 3:] <= 1)).all()

    def test_the_painting_is_saved_with_the_file(self, said):
        assert of(said, "saved") is True

    def test_undo_brings_the_image_back(self, said):
        assert of(said, "undo") == ["photo (udnie)", "photo"]

    @pytest.mark.parametrize(
        ("kind", "line"), [("tiles", "UDIM tiles"), ("movie", "is a movie"), ("missing", "missing.png")]
    )
    def test_what_cannot_be_painted_gets_a_line_and_the_others_go_on(self, said, kind, line):
        found = of(said, "kinds")
        assert found[kind] == ["FINISHED", "photo (udnie)", kind]
        assert re.search(rf"Warning: the image {kind} .*{line}", said.printed)
        assert line in found[f"{kind} alone"]
        assert "\n" not in found[f"{kind} alone"]

    def test_opacity(self, said):
        found = of(said, "alphas")
        assert found["STRAIGHT"] == ["FINISHED", "STRAIGHT", True, True, {"photo.png": [4, "uint8"]}]
        assert found["CHANNEL_PACKED"] == ["FINISHED", "CHANNEL_PACKED", True, True, {"photo.png": [3, "uint8"]}]
        assert found["NONE"] == ["FINISHED", "NONE", None, True, {"photo.png": [3, "uint8"]}]

    @pytest.mark.parametrize(
        ("name", "channels", "back"), [("opaque", 3, [1, 0, 0.5, 1]), ("half", 4, [0.5, 0, 0.25, 0.5])]
    )
    def test_floating_point_goes_out_as_srgb_with_16_bits(self, said, name, channels, back):
        done, modes, first, found = of(said, "real")[name]
        assert done == "FINISHED"
        assert modes == {"photo.png": [channels, "uint16"]}
        half = (1.055 * 0.5 ** (1 / 2.4) - 0.055) * 65535
        assert np.abs(np.subtract(first["photo.png"], [half, 0, 65535])).max() <= 1
        assert np.allclose(found, back, atol=1e-3)

    def test_the_color_space_stays(self, said):
        assert of(said, "spaces") == ["FINISHED", "Non-Color", True]

    def test_images_without_repetition_are_clamped(self, said):
        found = of(said, "extensions")
        assert {name: "-clamp on" in text for name, text in found.items()} == {
            "REPEAT": False, "MIRROR": False, "EXTEND": True, "CLIP": True,
        }  # fmt: skip

    @pytest.mark.parametrize("way", ["reroute", "hue", "mix", "diffuse", "emission", "group"])
    def test_ways_to_the_base_color(self, said, way):
        assert of(said, "nodes")[way] == ["FINISHED", "photo (udnie)"]

    def test_an_image_that_is_no_base_color_stays(self, said):
        found = of(said, "nodes")
        assert "no image as its base color" in found["normal"][0]
        assert found["normal"][1] == "photo"

    @pytest.mark.parametrize("way", ["box", "generated"])
    def test_an_image_that_no_uv_map_places_stays(self, said, way):
        line, image = of(said, "nodes")[way]
        assert "no UV map places the image photo" in line
        assert image == "photo"

    def test_bumps_stay_where_they_share_the_image(self, said):
        found = of(said, "nodes")
        assert found["bump"] == ["FINISHED", "photo"]
        assert found["bump base"] == ["photo (udnie)", "UVMAP"]

    def test_texture_coordinates_are_those_that_render(self, said):
        found = of(said, "coordinates")
        assert found["default"] == found["named"] == ["vt 0.5 0.5"]
        assert found["rendered"] == ["vt 0.25 0.25"]
        [moved] = found["moved"]
        assert np.allclose([float(number) for number in moved.split()[1:]], [-1, -1], atol=1e-5)
        assert "has no UV map Absent" in found["absent"]

    def test_regions(self, said):
        found = of(said, "regions")
        assert found["said"] == "FINISHED"
        wanted = ["--region", "material:Steel___2__cold=none", "--region", "group:upper_half=great-wave"]
        assert found["words"][-4:] == wanted
        cube = triangles(found["obj"])
        assert {material for material, _, _ in cube} == {"Wood", "Steel___2__cold"}
        assert "newmtl Steel___2__cold\nmap_Kd steel.png\n" in found["mtl"]
        for _, groups, corners in cube:
            assert groups == (frozenset(["upper_half"]) if all(corner[2] > 0 for corner in corners) else frozenset())
        assert sum(bool(groups) for _, groups, _ in cube) == 2
        assert "no vertex group nose" in found["no group"]
        assert "Glass" in found["no material"]

    def test_several_objects(self, said):
        found = of(said, "several")
        assert found["said"] == "FINISHED"
        assert found["shown"] == ["photo (udnie)"] * 2
        assert found["same"]
        names = [line for line in found["obj"].splitlines() if line.startswith("o ")]
        assert names == ["o Second", "o Crate"]
        cube = triangles(found["obj"])
        assert len(cube) == 12 + 2 * 24  # the modifier makes 24 quadrilaterals of 6
        assert {material for material, _, _ in cube} == {"Plain", "Wood"}
        places = np.array([corners for material, _, corners in cube if material == "Plain"])[:, :, 0]
        assert 3 < places.min() < places.max() < 7
        assert "Warning: the object Bare has no UV map" in said.printed
        assert "the object Bare has no UV map" in found["bare"]

    def test_trouble_is_one_line_and_changes_nothing(self, said):
        found = of(said, "troubles")
        assert found["program"] == ["Error: the style is gone  (choose another)", "photo", ["photo"]]
        for way in ("no result", "damaged"):
            line, shown, images = found[way]
            assert line.startswith("Error: Impasto has not painted")
            assert "\n" not in line
            assert (shown, images) == ("photo", ["photo"])
        assert "cannot be run" in found["absent"]
        assert found["again"] == "FINISHED"
        assert "poll() failed" in found["nothing"]

    def test_a_flat_picture(self, said):
        found = of(said, "flat")
        assert found["said"] == ["FINISHED"]
        assert found["names"] == ["photo", "photo (a painting)"]
        assert found["swapped"]
        assert found["words"][0] == "stylize"
        assert os.path.isabs(found["words"][found["words"].index("--style") + 1])
        assert found["node"] == "photo"
        assert found[""] == "Error: there is no image  (open one in the Image Editor)"
        assert "no image absent" in found["absent"]

    def test_styles_are_listed_by_the_program(self, said):
        found = of(said, "listing")
        assert found["first"] == "starry-night"
        assert found["items"] == [["starry-night", "The Starry Night", "X"], ["udnie", "Udnie", "X"]]
        assert found["chosen"] == "udnie"

    def test_nothing_stays_behind(self, said):
        assert of(said, "folders") == []
        assert of(said, "menus") == [[], False, False]

    def test_the_program_itself(self, said):
        found = of(said, "for_real")
        assert found["flat"] == ["FINISHED"]
        assert found["flat size"] == [64, 64]
        assert found["flat changed"]

    def test_the_program_itself_over_an_object(self, said):
        if not has_texture():
            pytest.skip("this Impasto does not paint models")
        found = of(said, "for_real")
        assert found["whole"] == "FINISHED"
        assert found["size"] == [64, 64]
        assert found["changed"]
        assert found["none"] == "FINISHED"
        assert found["none same"]
