"""The nodes: load a style, get it from a painting, blend styles, stylize, optimize, enlarge.

The nodes import Impasto only when they need it. So without Impasto, ComfyUI still starts and keeps the workflows.
"""

from contextlib import suppress
from dataclasses import replace

from .host import Watch, device, io, make_room, working
from .installed import CONTROLS, ENLARGE, RECIPE, problem
from .tensors import to_image, to_masks, to_pictures

_CATEGORY = "Impasto"
_LOOKS = ("strength", "brush_size", "boldness", "keep_color", "tone", "detail")  # controls of Stylize and Optimize

Style = io.Custom("IMPASTO_STYLE")
"""Passed between nodes: a list of (name or painting, weight), as `impasto.stylize` takes it."""

_MASK = "White is painted, black stays unchanged. Without a mask, everything is painted."


def _choices(name, options, default, tooltip):
    """Make a combo of the choices on this computer. If Impasto is missing, make a text field that keeps the choice."""
    if problem():
        return io.String.Input(name)
    return io.Combo.Input(name, options=options(), default=default, tooltip=tooltip)


class LoadStyle(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        def names():
            from impasto.styles.gallery import Gallery

            return Gallery().names()

        return io.Schema(
            node_id="ImpastoLoadStyle",
            display_name="Load Style (Impasto)",
            category=_CATEGORY,
            description="A style of the gallery: built in, or added by you (impasto styles add).",
            inputs=[_choices("name", names, "starry-night", "To list all styles, type: impasto styles")],
            outputs=[Style.Output(display_name="style"), io.Image.Output(display_name="painting")],
        )

    @classmethod
    def fingerprint_inputs(cls, name):
        """Return a value that changes when the user's style changes, by learning or replacement."""
        if problem():
            return ""
        from impasto.styles.gallery import Gallery

        return Gallery().state(name)

    @classmethod
    def execute(cls, name):
        with working():
            from impasto.styles.gallery import Gallery

            gallery = Gallery()
            painting = gallery.picture(gallery.get(name))
            return io.NodeOutput([(name, 1.0)], to_image([painting]))


class PaintingStyle(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ImpastoPaintingStyle",
            display_name="Style from Painting (Impasto)",
            category=_CATEGORY,
            description="The style of any painting. A batch of paintings gives an equal blend.",
            inputs=[io.Image.Input("painting")],
            outputs=[Style.Output(display_name="style")],
        )

    @classmethod
    def execute(cls, painting):
        with working():
            return io.NodeOutput([(picture, 1.0) for picture in to_pictures(painting)])


class BlendStyles(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        weight = {"default": 1.0, "min": 0.0, "max": 1.0, "step": 0.05}
        return io.Schema(
            node_id="ImpastoBlendStyles",
            display_name="Blend Styles (Impasto)",
            category=_CATEGORY,
            description="Blend styles by their weights. Inputs that are not connected do not count.",
            inputs=[
                Style.Input("style_1"),
                Style.Input("style_2"),
                Style.Input("style_3", optional=True),
                Style.Input("style_4", optional=True),
                *(
                    io.Float.Input(f"weight_{i}", tooltip=f"Weight of style {i}, relative to the others.", **weight)
                    for i in range(1, 5)
                ),
            ],
            outputs=[Style.Output(display_name="style")],
        )

    @classmethod
    def execute(cls, style_1, style_2, weight_1, weight_2, weight_3, weight_4, style_3=None, style_4=None):
        given = ((style_1, weight_1), (style_2, weight_2), (style_3, weight_3), (style_4, weight_4))
        with working():
            from impasto.errors import UsageError

            if not any(weight for style, weight in given if style):
                raise UsageError("the weights of the styles sum to 0", "give at least one style a weight above 0")
            return io.NodeOutput([part for style, weight in given if style for part in _shares(style, weight)])


class Stylize(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        def engines():
            from impasto.engines.by_name import ENGINES

            return list(ENGINES)

        return io.Schema(
            node_id="ImpastoStylize",
            display_name="Stylize (Impasto)",
            category=_CATEGORY,
            description="Paint images in a style. Takes about a second for each image.",
            inputs=[
                io.Image.Input("image"),
                Style.Input("style"),
                io.Mask.Input("mask", optional=True, tooltip=_MASK),
                *(CONTROLS.widget(io, name) for name in _LOOKS),
                _choices("engine", engines, "painter", "light is five times as fast, and plainer."),
                io.Boolean.Input(
                    "clip",
                    default=False,
                    tooltip="Paint the images as frames of one clip, without flicker.",
                ),
            ],
            outputs=[io.Image.Output()],
        )

    @classmethod
    def execute(cls, image, style, engine, clip, mask=None, **looks):
        with working():
            from impasto.controls import Controls
            from impasto.engines.by_name import engine_of
            from impasto.painting.stylizer import Stylizer

            pictures = to_pictures(image)
            masks = to_masks(mask, pictures)
            stylizer = Stylizer(style, controls=Controls(**CONTROLS.read(looks)), painter=engine_of(engine))
            watch, painted = Watch(len(pictures)), []
            paint = _alike(stylizer, pictures[0]) if clip else stylizer
            for picture, share in zip(pictures, masks, strict=True):
                painted.append(_inside(share, paint(picture, watch), picture))
                watch.image_done()
            return io.NodeOutput(to_image(painted))


class Optimize(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        def recipes():
            from impasto.optimization.recipe import RECIPES

            return list(RECIPES)

        return io.Schema(
            node_id="ImpastoOptimize",
            display_name="Optimize (Impasto)",
            category=_CATEGORY,
            description="Paint images by optimizing their pixels. Takes minutes each, and gives real strokes.",
            inputs=[
                io.Image.Input("image"),
                Style.Input("style"),
                io.Mask.Input("mask", optional=True, tooltip=_MASK),
                _choices("recipe", recipes, "default", "fast takes the least time; faithful keeps more of the photo."),
                RECIPE.widget(io, "iterations", zero="the recipe's number"),
                *(CONTROLS.widget(io, name) for name in _LOOKS),
                CONTROLS.widget(io, "size", zero="the image's own size"),
            ],
            outputs=[io.Image.Output()],
        )

    @classmethod
    def execute(cls, image, style, recipe, iterations, mask=None, **controls):
        with working():
            from impasto.optimization.recipe import find_recipe

            pictures = to_pictures(image)
            masks = to_masks(mask, pictures)
            chosen, controls = find_recipe(recipe), CONTROLS.read(controls)
            if iterations:
                chosen = replace(chosen, iterations=iterations)
            watch, painted = Watch(len(pictures)), []
            for picture, share in zip(pictures, masks, strict=True):
                painted.append(_optimized(picture, style, share, chosen, watch, controls))
                watch.image_done()
            return io.NodeOutput(to_image(painted))


class Enlarge(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        def kinds():
            from impasto.enlarging.options import KINDS
            from impasto.enlarging.store import own_names
            from impasto.system.files import NoHome

            own = []
            with suppress(NoHome):
                own = own_names()
            return [*KINDS, *own]

        return io.Schema(
            node_id="ImpastoEnlarge",
            display_name="Enlarge (Impasto)",
            category=_CATEGORY,
            description="Enlarge images, with the detail of photographs or paintings. Colors do not change.",
            inputs=[
                io.Image.Input("image"),
                ENLARGE.widget(io, "scale"),
                _choices("kind", kinds, "photo", "Kind of image: a photograph or a painting."),
                ENLARGE.widget(io, "strength"),
            ],
            outputs=[io.Image.Output()],
        )

    @classmethod
    def execute(cls, image, **options):
        with working():
            from impasto.enlarging.enlarge import Enlarger

            pictures = to_pictures(image)
            enlarge = Enlarger(**ENLARGE.read(options))
            watch, large = Watch(len(pictures)), []
            for picture in pictures:
                large.append(enlarge(picture, watch))
                watch.image_done()
            return io.NodeOutput(to_image(large))


NODES = [LoadStyle, PaintingStyle, BlendStyles, Stylize, Optimize, Enlarge]


def _shares(style, weight):
    """Scale the weights of a style's parts to this sum."""
    total = sum(share for _, share in style)
    return [(source, weight * share / total) for source, share in style]


def _alike(stylizer, first):
    """Return a function that paints a clip's frames with the first frame's statistics, until the scene changes."""
    from impasto.engines.shot import Shot
    from impasto.pixels.arrays import filled

    compose = stylizer.for_frames(filled(first.samples, first.alpha), Shot(frames=1))

    def paint(frame, _):
        return replace(frame, samples=compose(filled(frame.samples, frame.alpha)))

    return paint


def _inside(share, painted, photo):
    """Mix: the painted picture where the mask is white, the photo where it is black."""
    if share is None:
        return painted
    return replace(painted, samples=photo.pixels + share[:, :, None] * (painted.pixels - photo.pixels))


def _optimized(photo, style, share, recipe, watch, controls):
    """Optimize one picture where the mask is white."""
    from impasto.optimization.optimize import optimize
    from impasto.painting.regions import Region

    how = {"recipe": recipe, "device": device(), "on_progress": watch, "on_memory": make_room, **controls}
    if share is None or share.min() == 1:
        return optimize(photo, style, **how).picture
    if share.max() == 0:
        return optimize(photo, style, **{**how, "strength": 0.0}).picture
    return optimize(photo, style, regions=[Region(1 - share, "none")], **how).picture
