"""What the test has Krita do: paint layers of several kinds by the installed plug-in, and say what came of it."""

import json
import os
import time

from impasto_painter import images, layers, link
from impasto_painter.painting import Painting
from impasto_painter.settings import Settings
from impasto_painter.task import Tasks
from krita import InfoObject, Krita, Selection

SRGB = "sRGB-elle-V2-srgbtrc.icc"
APP = Krita.instance()
TASKS = Tasks()


def paint(document, node, wish):
    """The line that the user reads."""
    try:
        source = layers.look(APP, document, node)
        where = Settings(APP).where()
        painting = Painting(APP, TASKS, source, wish, "Udnie", where, images.from_png)
        while not (line := painting.step()):
            time.sleep(0.02)
    except link.Trouble as trouble:
        return str(trouble)
    document.waitForDone()
    return line


def read(node, area):
    return list(bytes(node.projectionPixelData(*area)))


def kinds():
    """Of each kind of layer, what painting it says."""
    document = APP.createDocument(96, 64, "kinds", "RGBA", "U8", SRGB, 72.0)
    root = document.rootNode()
    empty = document.createNode("empty", "paintlayer")
    group = document.createGroupLayer("group")
    vector = document.createVectorLayer("vector")
    fill = document.createFillLayer("fill", "color", InfoObject(), Selection())
    invert = document.createFilterLayer("invert", APP.filter("invert"), Selection())
    for node in (empty, group, vector, fill, invert):
        root.addChildNode(node, None)
    document.waitForDone()
    found = {
        node.name(): paint(document, node, link.Wish("udnie", engine="light"))
        for node in (empty, group, vector, invert)
    }
    group.addChildNode(document.topLevelNodes()[0].duplicate(), None)
    document.refreshProjection()
    document.waitForDone()
    group.setLocked(True)
    found["filled group"] = paint(document, group, link.Wish("udnie", engine="light"))
    mask = document.createFilterMask("mask", APP.filter("invert"), Selection())
    document.topLevelNodes()[0].addChildNode(mask, None)
    found["mask"] = paint(document, mask, link.Wish("udnie", engine="light"))
    found["layers"] = [node.name() for node in document.topLevelNodes()]
    document.close()
    return found


def photo():
    """The photo of strength 0 comes back as it was, and a selection becomes the new layer's opacity."""
    document = APP.openDocument(os.environ["IMPASTO_TEST_PHOTO"])
    document.waitForDone()
    node = document.topLevelNodes()[0]
    area = (0, 0, document.width(), document.height())
    before = read(node, area)
    found = {"whole": paint(document, node, link.Wish("udnie", engine="light", strength=0, detail=100))}
    same = document.topLevelNodes()[1]
    found["farthest"] = max(abs(a - b) for a, b in zip(read(same, area), before, strict=True))
    selection = Selection()
    selection.select(20, 10, 30, 20, 255)
    document.setSelection(selection)
    found["part"] = paint(document, node, link.Wish("udnie", engine="light"))
    above = [one for one in document.topLevelNodes() if one.type() == "paintlayer"][1]
    box = above.bounds()
    found["box"] = [box.x(), box.y(), box.width(), box.height()]
    found["kept"] = read(node, area) == before
    found["open"] = len(APP.documents())
    found["no style"] = paint(document, node, link.Wish("nosuch"))
    document.close()
    return found


def spaces():
    """In documents of other color spaces, white at strength 0 stays white."""
    found = {}
    for model, depth in (("RGBA", "U16"), ("RGBA", "F32"), ("CMYKA", "U8"), ("LABA", "U16"), ("GRAYA", "U8")):
        profile = SRGB if model == "RGBA" else APP.profiles(model, depth)[0]
        document = APP.createDocument(96, 64, "space", model, depth, profile, 72.0)
        node = document.topLevelNodes()[0]
        said = paint(document, node, link.Wish("udnie", engine="light", strength=0))
        painted = document.topLevelNodes()[1]
        area = (0, 0, 96, 64)
        seen = layers.convert(
            APP,
            bytes(painted.projectionPixelData(*area)),
            layers.Area(*area),
            layers.Space(painted.colorModel(), painted.colorDepth(), painted.colorProfile()),
            layers.srgb(8),
        )
        found[model + depth] = [said, painted.colorModel(), painted.colorDepth(), min(seen)]
        document.close()
    return found


def main(_):
    Settings(APP)["address"] = os.environ.get("IMPASTO_TEST_ADDRESS", "")
    said = {"kinds": kinds(), "photo": photo(), "spaces": spaces()}
    with open(os.environ["IMPASTO_TEST_SAID"], "w") as file:
        json.dump(said, file)
