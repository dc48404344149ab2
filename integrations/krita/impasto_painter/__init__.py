"""Impasto's docker for Krita: a layer, or the selected part of it, painted in the style of a painting."""

from krita import DockWidgetFactory, DockWidgetFactoryBase, Krita

from .docker import PainterDocker

Krita.instance().addDockWidgetFactory(
    DockWidgetFactory("impasto_painter", DockWidgetFactoryBase.DockPosition.DockRight, PainterDocker)
)
