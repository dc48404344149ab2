"""Impasto's docker for Krita: paint a layer, or its selected part, in the style of a painting."""

from krita import DockWidgetFactory, DockWidgetFactoryBase, Krita

from .docker import PainterDocker

Krita.instance().addDockWidgetFactory(
    DockWidgetFactory("impasto_painter", DockWidgetFactoryBase.DockPosition.DockRight, PainterDocker)
)
