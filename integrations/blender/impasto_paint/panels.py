"""The panels in the sidebars, and the menu entries."""

from typing import Any

import bpy

from . import model
from .operators import shown_image
from .settings import GALLERY


class _Panel:
    bl_category = "Impasto"
    bl_region_type = "UI"

    def draw_style(self, settings: Any) -> None:
        """Draw the settings of both panels."""
        layout = self.layout
        for line in filter(None, (GALLERY.trouble, GALLERY.note)):
            layout.label(text=line, icon="ERROR")
        column = layout.column(align=True)
        column.active = not settings.painting
        column.template_icon_view(settings, "style", show_labels=True, scale=5)
        column.prop(settings, "style", text="")
        layout.prop(settings, "painting")
        column = layout.column(align=True)
        column.prop(settings, "strength", slider=True)
        column.prop(settings, "brush_size", slider=True)
        layout.prop(settings, "keep_color")


class IMPASTO_PT_object(_Panel, bpy.types.Panel):  # noqa: N801
    bl_label = "Impasto"
    bl_space_type = "VIEW_3D"

    def draw(self, context: Any) -> None:
        settings = context.scene.impasto
        self.draw_style(settings)
        self.layout.operator("impasto.paint_material", text="Paint Textures", icon="BRUSH_DATA")


class IMPASTO_PT_regions(_Panel, bpy.types.Panel):  # noqa: N801
    bl_label = "Regions"
    bl_space_type = "VIEW_3D"
    bl_parent_id = "IMPASTO_PT_object"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: Any) -> None:
        settings, row = context.scene.impasto, self.layout.row()
        row.template_list("UI_UL_list", "impasto_regions", settings, "regions", settings, "region", rows=2)
        column = row.column(align=True)
        column.operator("impasto.add_region", text="", icon="ADD")
        column.operator("impasto.remove_region", text="", icon="REMOVE")
        if settings.region >= len(settings.regions):
            return
        region, column = settings.regions[settings.region], self.layout.column()
        column.prop(region, "kind")
        if region.kind == "material":
            column.prop_search(region, "name", bpy.data, "materials", text="Material")
        elif context.object is not None and context.object.type == "MESH":
            column.prop_search(region, "name", context.object, "vertex_groups", text="Group")
        column.prop(region, "style")


class IMPASTO_PT_image(_Panel, bpy.types.Panel):  # noqa: N801
    bl_label = "Impasto"
    bl_space_type = "IMAGE_EDITOR"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return shown_image(context) is not None

    def draw(self, context: Any) -> None:
        self.draw_style(context.scene.impasto)
        column, thing = self.layout.column(), context.view_layer.objects.active
        if thing is not None and thing.type == "MESH" and shown_image(context) in model.images_of(thing):
            column.operator("impasto.paint_material", text="Paint without Seams", icon="BRUSH_DATA")
        column.operator("impasto.paint_image", text="Paint as a Flat Picture", icon="IMAGE_DATA")


CLASSES = (IMPASTO_PT_object, IMPASTO_PT_regions, IMPASTO_PT_image)


def register() -> None:
    for one in CLASSES:
        bpy.utils.register_class(one)
    bpy.types.VIEW3D_MT_object.append(_in_object_menu)
    bpy.types.IMAGE_MT_image.append(_in_image_menu)


def unregister() -> None:
    bpy.types.IMAGE_MT_image.remove(_in_image_menu)
    bpy.types.VIEW3D_MT_object.remove(_in_object_menu)
    for one in reversed(CLASSES):
        bpy.utils.unregister_class(one)


def _in_object_menu(menu: Any, _: Any) -> None:
    menu.layout.separator()
    menu.layout.operator("impasto.paint_material")


def _in_image_menu(menu: Any, _: Any) -> None:
    menu.layout.separator()
    menu.layout.operator("impasto.paint_image")
