"""What the test has Blender do: paint images and objects by the installed add-on, and say what came of it.

The program is the stand-in of the test: it swaps red and blue.
"""

import json
import os
import sys
import traceback

import bpy
import numpy as np

import addon_utils  # isort: skip  # bpy brings it

HERE = os.environ["IMPASTO_TEST_FOLDER"]


def pixels(image):
    """H x W x channels, 0 to 255, from the bottom."""
    flat = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(flat)
    return np.rint(flat.reshape(image.size[1], image.size[0], -1) * 255).astype(int)


def picture(name="photo", width=12, height=8, alpha=False, real=False):
    """A generated image whose pixels are noise, painted but not saved."""
    image = bpy.data.images.new(name, width, height, alpha=alpha, float_buffer=real)
    noise = np.random.default_rng(len(name)).integers(0, 256, (height, width, 4)) / 255
    if not alpha:
        noise[:, :, 3] = 1
    image.pixels.foreach_set(noise.astype(np.float32).ravel())
    image.update()
    return image


def material(image=None, name="Wood"):
    """A material with a Principled BSDF, and its Image Texture node."""
    made = bpy.data.materials.new(name)
    if not made.node_tree:
        made.use_nodes = True
    tree = made.node_tree
    node = tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    tree.links.new(node.outputs["Color"], tree.nodes["Principled BSDF"].inputs["Base Color"])
    return made, node


def cube(*materials, name="Crate"):
    """A selected cube, its faces shared among materials."""
    bpy.ops.mesh.primitive_cube_add()
    thing = bpy.context.object
    thing.name = name
    for one in materials:
        thing.data.materials.append(one)
    for index, face in enumerate(thing.data.polygons):
        face.material_index = index % max(len(materials), 1)
    return thing


def scene(**options):
    """An empty file, and what is always there: a cube with one material and one image."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    addon_utils.enable("impasto_paint", default_set=True)
    bpy.context.preferences.addons["impasto_paint"].preferences.program = os.environ["IMPASTO_TEST_PROGRAM"]
    image = picture(**options)
    wood, node = material(image)
    return cube(wood), wood, node, image


def paint(**options):
    """What the operator returns, or the error that it reports; and the words that the program got."""
    log = os.path.join(HERE, "words.json")
    if os.path.exists(log):
        os.remove(log)
    try:
        [said] = bpy.ops.impasto.paint_material("EXEC_DEFAULT", True, **{"style": "udnie", **options})
    except RuntimeError as error:
        said = str(error).strip()
    return said, json.loads(read("words.json")) if os.path.exists(log) else []


def read(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return file.read()


def sent(name):
    """A file that the program got."""
    return read(f"sent/{name}")


def swapped(new, old):
    return bool((pixels(new) == pixels(old)[:, :, [2, 1, 0, *range(3, pixels(old).shape[2])]]).all())


def whole():
    _, _, node, image = scene(alpha=True)
    before = pixels(image)
    said, words = paint(strength=70, brush_size=0.5, keep_color="coral")
    new = node.image
    return {
        "said": said,
        "words": words,
        "name": new.name,
        "size": list(new.size),
        "swapped": swapped(new, image),
        "packed": len(new.packed_files),
        "path": new.filepath,
        "space": new.colorspace_settings.name,
        "kept": bool((pixels(image) == before).all()),
        "fake": image.use_fake_user,
        "images": sorted(one.name for one in bpy.data.images),
        "obj": sent("model.obj"),
        "mtl": sent("model.mtl"),
    }


def saved():
    """The painting is in the .blend file."""
    _, _, node, _ = scene()
    paint()
    before = pixels(node.image)
    path = os.path.join(HERE, "saved.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    return bool((pixels(bpy.data.images["photo (udnie)"]) == before).all())


def undo():
    scene()
    bpy.ops.ed.undo_push(message="before")
    paint()
    after = bpy.data.materials["Wood"].node_tree.nodes["Image Texture"].image.name
    bpy.ops.ed.undo()
    return [after, bpy.data.materials["Wood"].node_tree.nodes["Image Texture"].image.name]


def kinds():
    """Of each kind of image, what painting says, and what it shows then."""
    found = {}
    for kind in ("tiles", "movie", "missing"):
        thing, _, node, _ = scene()
        odd = bpy.data.images.new(kind, 8, 8, tiled=kind == "tiles")
        if kind == "movie":
            odd.source = "MOVIE"
        if kind == "missing":
            odd.source, odd.filepath = "FILE", os.path.join(HERE, "missing.png")
        other, shows = material(odd, "Odd")
        thing.data.materials.append(other)
        thing.data.polygons[0].material_index = 1
        said, _ = paint()
        found[kind] = [said, node.image.name, shows.image.name]
        node.image = odd
        found[f"{kind} alone"] = paint()[0]
    return found


def alphas():
    found = {}
    for mode in ("STRAIGHT", "CHANNEL_PACKED", "NONE"):
        _, _, node, image = scene(alpha=True)
        image.alpha_mode = mode
        before = pixels(image)
        said, _ = paint()
        found[mode] = [said, node.image.alpha_mode, swapped(node.image, image) if mode != "NONE" else None]
        found[mode] += [bool((pixels(node.image)[:, :, 2] == before[:, :, 0]).all()), json.loads(sent("modes.json"))]
    return found


def real():
    """Floating point: linear numbers, multiplied by the opacity, go out as sRGB of 16 bits, and come back."""
    found = {}
    for name, first in (("opaque", [0.5, 0, 1, 1]), ("half", [0.25, 0, 0.5, 0.5])):
        _, _, node, image = scene(alpha=name == "half", real=True)
        image.pixels.foreach_set(np.tile(np.array(first, np.float32), 12 * 8))
        said, _ = paint()
        found[name] = [
            said,
            json.loads(sent("modes.json")),
            json.loads(sent("first.json")),
            list(node.image.pixels)[:4],
        ]
    return found


def spaces():
    _, _, node, image = scene()
    image.colorspace_settings.name = "Non-Color"
    said, _ = paint()
    return [said, node.image.colorspace_settings.name, swapped(node.image, image)]


def extensions():
    found = {}
    for extension in ("REPEAT", "EXTEND", "CLIP", "MIRROR"):
        _, _, node, _ = scene()
        node.extension = extension
        paint()
        found[extension] = sent("model.mtl")
    return found


def nodes():
    """Ways from an image to the base color: the image that is shown afterwards."""
    found = {}

    def way(name, build):
        _, wood, node, _ = scene()
        tree = wood.node_tree
        shader = tree.nodes["Principled BSDF"]
        build(tree, node, shader)
        said, _ = paint()
        found[name] = [said, node.image.name if node.image else ""]
        return tree

    def between(kind, back, to="Color"):
        def build(tree, node, shader):
            one = tree.nodes.new(kind)
            tree.links.new(node.outputs["Color"], one.inputs[back])
            tree.links.new(one.outputs[0 if to is None else to], shader.inputs["Base Color"])

        return build

    def mix(tree, node, shader):
        one = tree.nodes.new("ShaderNodeMix")
        one.data_type = "RGBA"
        mask = tree.nodes.new("ShaderNodeTexImage")
        mask.image = picture("mask")
        tree.links.new(mask.outputs["Color"], one.inputs[0])
        second = next(socket for socket in one.inputs if socket.name == "B" and socket.type == "RGBA")
        tree.links.new(node.outputs["Color"], second)
        color = next(socket for socket in one.outputs if socket.type == "RGBA")
        tree.links.new(color, shader.inputs["Base Color"])

    def lone(kind):
        def build(tree, node, shader):
            one = tree.nodes.new(kind)
            tree.nodes.remove(shader)
            tree.links.new(node.outputs["Color"], one.inputs["Color"])
            tree.links.new(one.outputs[0], tree.nodes["Material Output"].inputs["Surface"])

        return build

    def grouped(tree, node, shader):
        inner = bpy.data.node_groups.new("Inner", "ShaderNodeTree")
        inner.interface.new_socket("In", in_out="INPUT", socket_type="NodeSocketColor")
        inner.interface.new_socket("Out", in_out="OUTPUT", socket_type="NodeSocketColor")
        ends = inner.nodes.new("NodeGroupInput"), inner.nodes.new("NodeGroupOutput")
        inner.links.new(ends[0].outputs[0], ends[1].inputs[0])
        group = tree.nodes.new("ShaderNodeGroup")
        group.node_tree = inner
        tree.links.new(node.outputs["Color"], group.inputs[0])
        tree.links.new(group.outputs[0], shader.inputs["Base Color"])

    def normal_only(tree, node, shader):
        one = tree.nodes.new("ShaderNodeNormalMap")
        tree.links.remove(node.outputs["Color"].links[0])
        tree.links.new(node.outputs["Color"], one.inputs["Color"])
        tree.links.new(one.outputs[0], shader.inputs["Normal"])

    def box(tree, node, shader):
        node.projection = "BOX"

    def generated(tree, node, shader):
        one = tree.nodes.new("ShaderNodeTexCoord")
        tree.links.new(one.outputs["Generated"], node.inputs["Vector"])

    way("reroute", between("NodeReroute", 0, None))
    way("hue", between("ShaderNodeHueSaturation", "Color"))
    way("mix", mix)
    way("diffuse", lone("ShaderNodeBsdfDiffuse"))
    way("emission", lone("ShaderNodeEmission"))
    way("group", grouped)
    way("normal", normal_only)
    way("box", box)
    way("generated", generated)

    def bumpy(tree, node, shader):
        one = tree.nodes.new("ShaderNodeBump")
        tree.links.new(node.outputs["Color"], one.inputs["Height"])
        tree.links.new(one.outputs[0], shader.inputs["Normal"])
        mapped = tree.nodes.new("ShaderNodeUVMap")
        tree.links.new(mapped.outputs[0], node.inputs["Vector"])

    tree = way("bump", bumpy)
    base = tree.nodes["Principled BSDF"].inputs["Base Color"].links[0].from_node
    found["bump base"] = [base.image.name, base.inputs["Vector"].links[0].from_node.type]
    return found


def coordinates():
    """Texture coordinates that the program gets: of the map that renders, another one, and moved ones."""
    thing, wood, node, _ = scene()
    tree, found = wood.node_tree, {}
    thing.data.uv_layers.new(name="Other")
    layer, other = thing.data.uv_layers
    other.data.foreach_set("uv", np.full(2 * len(thing.data.loops), 0.25, np.float32))
    layer.data.foreach_set("uv", np.full(2 * len(thing.data.loops), 0.5, np.float32))
    layer.active_render = True

    def texels():
        said, _ = paint()
        return sorted({line for line in sent("model.obj").splitlines() if line.startswith("vt ")}) or said

    found["default"] = texels()
    other.active_render = True
    found["rendered"] = texels()
    named = tree.nodes.new("ShaderNodeUVMap")
    named.uv_map = layer.name
    tree.links.new(named.outputs[0], node.inputs["Vector"])
    found["named"] = texels()
    moving = tree.nodes.new("ShaderNodeMapping")
    moving.inputs["Scale"].default_value = 4, 2, 1
    moving.inputs["Location"].default_value = 1, 0, 0
    moving.inputs["Rotation"].default_value = 0, 0, np.pi
    tree.links.new(named.outputs[0], moving.inputs["Vector"])
    tree.links.new(moving.outputs[0], node.inputs["Vector"])
    found["moved"] = texels()
    named.uv_map = "Absent"
    found["absent"] = paint()[0]
    return found


def regions():
    """Materials and vertex groups with styles of their own; names that OBJ files cannot hold."""
    thing, _, _, _ = scene()
    other, _ = material(picture("steel"), "Steel = 2, cold")
    thing.data.materials.append(other)
    thing.data.polygons[0].material_index = 1
    group = thing.vertex_groups.new(name="upper half")
    group.add([vertex.index for vertex in thing.data.vertices if vertex.co.z > 0], 0.9, "REPLACE")
    group.add([vertex.index for vertex in thing.data.vertices if vertex.co.z < 0], 0.4, "REPLACE")
    wanted = [
        {"kind": "material", "name": other.name, "style": "none"},
        {"kind": "group", "name": "upper half", "style": "great-wave"},
    ]
    said, words = paint(regions=wanted)
    found = {"said": said, "words": words, "obj": sent("model.obj"), "mtl": sent("model.mtl")}
    found["no group"] = paint(regions=[{"kind": "group", "name": "nose", "style": "none"}])[0]
    found["no material"] = paint(regions=[{"kind": "material", "name": "Glass", "style": "none"}])[0]
    return found


def several():
    """Objects that share an image and a material; one without UV map; one that is not a mesh; a modifier."""
    _, wood, node, image = scene()
    plain, shows = material(image, "Plain")
    second = cube(plain, name="Second")
    second.location = 5, 0, 0
    second.scale = 2, 2, 2
    second.modifiers.new("Mirrored", "SUBSURF").levels = 1
    bare = cube(wood, name="Bare")
    bare.data.uv_layers.remove(bare.data.uv_layers[0])
    bpy.ops.object.light_add()
    for thing in bpy.data.objects:
        thing.select_set(True)
    bpy.context.view_layer.objects.active = second
    said, _ = paint()
    result = {"said": said, "shown": [node.image.name, shows.image.name], "same": node.image == shows.image}
    result |= {"obj": sent("model.obj"), "images": sorted(one.name for one in bpy.data.images)}
    for thing in bpy.data.objects:
        thing.select_set(thing == bare)
    bpy.context.view_layer.objects.active = bare
    return {**result, "bare": paint()[0]}


def troubles():
    found = {}
    _, _, node, _ = scene()
    os.environ["IMPASTO_TEST_TROUBLE"] = "the style is gone"
    found["program"] = [paint()[0], node.image.name, [one.name for one in bpy.data.images]]
    os.environ["IMPASTO_TEST_TROUBLE"] = "nothing"
    found["no result"] = [paint()[0], node.image.name, [one.name for one in bpy.data.images]]
    os.environ["IMPASTO_TEST_TROUBLE"] = "damaged"
    found["damaged"] = [paint()[0], node.image.name, [one.name for one in bpy.data.images]]
    del os.environ["IMPASTO_TEST_TROUBLE"]
    preferences = bpy.context.preferences.addons["impasto_paint"].preferences
    preferences.program = os.path.join(HERE, "no such program")
    found["absent"] = paint()[0]
    preferences.program = os.environ["IMPASTO_TEST_PROGRAM"]
    found["again"] = paint()[0]
    bpy.context.view_layer.objects.active.select_set(False)
    bpy.context.view_layer.objects.active = None
    found["nothing"] = paint()[0]
    return found


def flat():
    """Images without objects."""
    scene(alpha=True)
    image, found = bpy.data.images["photo"], {}
    found["said"] = list(bpy.ops.impasto.paint_image(image="photo", style=os.environ["IMPASTO_TEST_PAINTING"]))
    found["names"] = sorted(one.name for one in bpy.data.images)
    found["swapped"] = swapped(bpy.data.images["photo (a painting)"], image)
    found["words"] = json.loads(read("words.json"))
    found["node"] = bpy.data.materials["Wood"].node_tree.nodes["Image Texture"].image.name
    for wrong in ("", "absent"):
        try:
            bpy.ops.impasto.paint_image(image=wrong, style="udnie")
        except RuntimeError as error:
            found[wrong] = str(error).strip()
    return found


def folders():
    """Nothing stays among the temporary files."""
    import tempfile

    return [name for name in os.listdir(tempfile.gettempdir()) if name.startswith("impasto-")]


def listing():
    """The styles, once the program has listed them."""
    import time

    scene()
    gallery = sys.modules["impasto_paint.settings"].GALLERY
    settings = bpy.context.scene.impasto
    first = settings.style
    gallery._listing.result()
    while gallery._look() is not None:
        time.sleep(0.01)
    settings.style = "udnie"
    return {"first": first, "items": [item[:3] for item in gallery.items], "chosen": settings.style}


def menus():
    """The add-on leaves nothing behind."""
    scene()
    addon_utils.disable("impasto_paint")
    left = [name for name in dir(bpy.types) if "impasto" in name.lower()]
    return [left, hasattr(bpy.types.Scene, "impasto"), "paint_material" in dir(bpy.ops.impasto)]


def for_real():
    """The program itself, over a cube, and over an image; of one color, so that there is no seam to mend."""
    _, _, node, image = scene(width=64, height=64)
    image.pixels.foreach_set(np.tile(np.array([0.6, 0.4, 0.2, 1], np.float32), 64 * 64))
    bpy.context.preferences.addons["impasto_paint"].preferences.program = ""
    found = {"flat": list(bpy.ops.impasto.paint_image(image="photo", style="udnie"))}
    new = bpy.data.images["photo (udnie)"]
    found["flat size"], found["flat changed"] = list(new.size), bool((pixels(new) != pixels(image)).any())
    bpy.data.images.remove(new)
    if os.environ.get("IMPASTO_TEST_TEXTURE"):
        found["whole"] = paint()[0]
        found["size"], found["changed"] = list(node.image.size), bool((pixels(node.image) != pixels(image)).any())
        wanted = [{"kind": "material", "name": "Wood", "style": "none"}]
        node.image = image
        found["none"] = paint(regions=wanted)[0]
        found["none same"] = bool((pixels(node.image) == pixels(image)).all())
    return found


SCENES = (whole, saved, undo, kinds, alphas, real, spaces, extensions, nodes, coordinates, regions, several, troubles)
SCENES += (flat, listing, folders, menus, for_real)


def main():
    said = {"version": list(bpy.app.version)}
    for one in SCENES:
        if os.environ.get("IMPASTO_TEST_ONLY", one.__name__) != one.__name__:
            continue
        try:
            said[one.__name__] = one()
        except Exception:
            said[one.__name__] = traceback.format_exc()
    with open(os.path.join(HERE, "said.json"), "w", encoding="utf-8") as file:
        json.dump(said, file, indent=1)


main()
