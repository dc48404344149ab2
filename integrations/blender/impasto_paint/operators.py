"""Paint the textures of objects, and single images."""

import os
from typing import Any

import bpy
from bpy.props import CollectionProperty, StringProperty

from . import model, pictures
from .job import Job
from .link import Canceled, Trouble
from .settings import ImpastoRegion, brush_size, chosen, command, keep_color, strength, style_text
from .styles import DEFAULT

_TICK = 0.1  # seconds between two checks of the program
_ABSENT = Trouble("Impasto is not found", "type: pip install impasto, then: impasto plugins install blender")
_SHARED = ("strength", "brush_size", "keep_color")


class _Running:
    """The only running job. A second one would paint images that the first is about to replace."""

    job: Job | None = None


class _Painting:
    """An operator that paints: in the background, or at once if Blender has no window.

    Subclasses define two methods. `begin` returns a function that writes the files. `finish` gets the job's folder and
    returns a line for the user.
    """

    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012  Blender's class attributes are so
    _timer: Any = None

    def invoke(self, context: Any, _: Any) -> set[str]:
        settings = context.scene.impasto
        if not self.properties.is_property_set("style"):
            self.style = chosen(settings)
        for name in _SHARED:
            if not self.properties.is_property_set(name):
                setattr(self, name, getattr(settings, name))
        self.ask(settings)
        return self.execute(context)

    def execute(self, context: Any) -> set[str]:
        try:
            words = command(context)
            if not words:
                raise _ABSENT
            self._job = _Running.job = Job(words, self.begin(context))
        except (Trouble, OSError, MemoryError) as error:
            self.report({"ERROR"}, str(error) or "There is too little memory")
            return {"CANCELLED"}
        if bpy.app.background or self.options.is_repeat or self.options.is_repeat_last:
            return self._end(context)  # a repeated operator must not become modal again
        self._timer = context.window_manager.event_timer_add(_TICK, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        if self._job.over:
            return self._end(context)
        if event.type == "ESC" and event.value == "PRESS":
            self._job.cancel()
            return self._end(context)
        context.workspace.status_text_set(f"Impasto paints {self.what}: {self._job.seconds:.0f} s    Esc: cancel")
        return {"PASS_THROUGH"}

    def cancel(self, context: Any) -> None:
        """Cancel the job; Blender calls this when it quits or opens another file."""
        self._forget(context)

    def _end(self, context: Any) -> set[str]:
        try:
            self._job.result()
            self.report({"INFO"}, self.finish(context, self._job.folder))
        except Canceled:
            self.report({"INFO"}, "Canceled. Nothing was changed.")
            return {"CANCELLED"}
        except Trouble as trouble:
            self.report({"ERROR"}, str(trouble))
            return {"CANCELLED"}
        finally:
            self._forget(context)
        return {"FINISHED"}

    def _forget(self, context: Any) -> None:
        self._job.close()
        _Running.job = None
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            context.workspace.status_text_set(None)

    def warn(self, lines: list[str]) -> None:
        for line in lines:
            self.report({"WARNING"}, line)

    def words(self) -> list[str]:
        """Return the options that both verbs of the program share."""
        options = {"--strength": self.strength, "--brush-size": self.brush_size, "--keep-color": self.keep_color}
        texts = {name: value if isinstance(value, str) else f"{value:g}" for name, value in options.items()}
        return ["--style", self.style or DEFAULT, *(word for pair in texts.items() for word in pair)]

    @property
    def label(self) -> str:
        """Return the style's name for the names of images."""
        style = self.style or DEFAULT
        return os.path.splitext(os.path.basename(style))[0]


class IMPASTO_OT_paint_material(_Painting, bpy.types.Operator):  # noqa: N801
    bl_idname = "impasto.paint_material"
    bl_label = "Paint Textures with Impasto"
    bl_description = "Paint the base color images of the selected objects, without seams, into new images"

    style: style_text("A style's name, or a painting's file")
    strength: strength()
    brush_size: brush_size()
    keep_color: keep_color()
    regions: CollectionProperty(type=ImpastoRegion, options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: Any) -> bool:
        return _free(cls) and bool(_meshes(context))

    def draw(self, _: Any) -> None:
        """Draw nothing to adjust afterwards: each change would paint again, and Blender would freeze meanwhile."""

    def ask(self, settings: Any) -> None:
        """Take the panel's regions."""
        if not self.properties.is_property_set("regions"):
            for one in settings.regions:
                region = self.regions.add()
                region.kind, region.name, region.style = one.kind, one.name, one.style

    def begin(self, context: Any) -> Any:
        things = _meshes(context)
        for thing in things:
            thing.update_from_editmode()
        groups = [one.name for one in self.regions if one.kind == "group"]
        missing = [name for name in groups if all(name not in thing.vertex_groups for thing in things)]
        if missing:
            raise Trouble(f"the selected objects have no vertex group {missing[0]}", "check the regions")
        found = self._model = model.take(things, context.evaluated_depsgraph_get(), groups)
        self.warn(found.left)
        self.what = _counted(len(found.images))
        options = [*self.words(), *self._regions()]

        def prepare(folder: str) -> list[str]:
            return ["texture", found.write(folder), "-o", os.path.join(folder, model.OUTPUT), *options]

        return prepare

    def finish(self, _: Any, folder: str) -> str:
        names, left = self._model.show(folder, self.label)
        self.warn(left)
        return f"Painted {_counted(len(names))}: {', '.join(names)}"

    def _regions(self) -> list[str]:
        words = []
        for one in self.regions:
            names = self._model.tokens if one.kind == "material" else self._model.groups
            if one.name not in names:
                raise Trouble(f"the selected objects have no painted material {one.name}", "check the regions")
            words += ["--region", f"{one.kind}:{names[one.name]}={one.style or 'none'}"]
        return words


class IMPASTO_OT_paint_image(_Painting, bpy.types.Operator):  # noqa: N801
    bl_idname = "impasto.paint_image"
    bl_label = "Paint Image with Impasto"
    bl_description = "Paint the image as a flat picture into a new image"

    image: StringProperty(name="Image", description="Its name; empty: the editor's image", options={"SKIP_SAVE"})
    style: style_text("A style's name, or a painting's file")
    strength: strength()
    brush_size: brush_size()
    keep_color: keep_color()

    @classmethod
    def poll(cls, _: Any) -> bool:
        return _free(cls)

    def draw(self, _: Any) -> None:
        """Draw nothing to adjust afterwards: each change would paint again, and Blender would freeze meanwhile."""

    def ask(self, _: Any) -> None:
        """Do nothing: this operator needs no more settings of the panel."""

    def begin(self, context: Any) -> Any:
        image = bpy.data.images.get(self.image) if self.image else shown_image(context)
        if image is None:
            raise Trouble(f"there is no image {self.image}".strip(), "open one in the Image Editor")
        picture = self._picture = pictures.take(image)
        self._name = self.what = image.name
        options = [*self.words(), "--bits", str(picture.bits)]

        def prepare(folder: str) -> list[str]:
            path = os.path.join(folder, "image.png")
            picture.write(path)
            return ["stylize", path, "-o", os.path.join(folder, model.PAINTED), *options]

        return prepare

    def finish(self, context: Any, folder: str) -> str:
        before = bpy.data.images.get(self._name)
        if before is None:
            raise Trouble(f"the image {self._name} is gone", "undo what removed it")
        name = f"{self._name} ({self.label})"
        image = pictures.add(os.path.join(folder, model.PAINTED), name, before, self._picture)
        for area in context.screen.areas if context.screen else ():
            if area.type == "IMAGE_EDITOR" and area.spaces.active.image == before:
                area.spaces.active.image = image
        return f"Painted the image {image.name}"


class IMPASTO_OT_add_region(bpy.types.Operator):  # noqa: N801
    bl_idname = "impasto.add_region"
    bl_label = "Add Region"
    bl_description = "Give a material or a vertex group a style of its own"
    bl_options = {"INTERNAL", "UNDO"}  # noqa: RUF012

    def execute(self, context: Any) -> set[str]:
        settings = context.scene.impasto
        settings.regions.add()
        settings.region = len(settings.regions) - 1
        return {"FINISHED"}


class IMPASTO_OT_remove_region(bpy.types.Operator):  # noqa: N801
    bl_idname = "impasto.remove_region"
    bl_label = "Remove Region"
    bl_description = "Remove the chosen region"
    bl_options = {"INTERNAL", "UNDO"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: Any) -> bool:
        return bool(context.scene.impasto.regions)

    def execute(self, context: Any) -> set[str]:
        settings = context.scene.impasto
        settings.regions.remove(settings.region)
        settings.region = max(0, settings.region - 1)
        return {"FINISHED"}


CLASSES = (IMPASTO_OT_paint_material, IMPASTO_OT_paint_image, IMPASTO_OT_add_region, IMPASTO_OT_remove_region)


def shown_image(context: Any) -> Any:
    """Return the image in the editor under the mouse; None elsewhere."""
    space = context.space_data
    return space.image if space and space.type == "IMAGE_EDITOR" else None


def register() -> None:
    for one in CLASSES:
        bpy.utils.register_class(one)


def unregister() -> None:
    if _Running.job is not None:
        _Running.job.close()
    for one in reversed(CLASSES):
        bpy.utils.unregister_class(one)


def _free(operator: Any) -> bool:
    if _Running.job is not None:
        operator.poll_message_set("Impasto is already painting; press Esc to cancel")
    return _Running.job is None


def _meshes(context: Any) -> list[Any]:
    """List the selected mesh objects, the active one first; only the active one if none is selected."""
    objects = context.view_layer.objects
    things = [thing for thing in objects.selected if thing.type == "MESH"]
    active = objects.active
    if active is not None and active.type == "MESH" and (active in things or not things):
        return [active, *(thing for thing in things if thing != active)]
    return things


def _counted(count: int) -> str:
    return f"{count} image{'s' if count != 1 else ''}"
