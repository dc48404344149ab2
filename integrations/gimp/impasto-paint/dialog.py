"""The dialog: styles with thumbnails, and GIMP's own widgets for the arguments."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import gi
from link import Trouble

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import GdkPixbuf, GimpUi, Gio, GLib, Gtk, Pango  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from link import Program, Server, Style

    Find = Callable[[Any], Server | Program]

SIDE = 96  # pixels; side of a thumbnail
WIDTH = 120  # pixels; width of a title
SCALES = ("strength", "brush-size", "boldness", "detail")


def ask(procedure: Any, config: Any, find: Find) -> bool:
    """Let the user change config; return True to paint.

    Args:
        find: returns the server or program for a config; raises Trouble.
    """
    GimpUi.init("impasto-paint")
    dialog = GimpUi.ProcedureDialog.new(procedure, config, "Impasto")
    dialog.set_ok_label("_Paint")
    for name in SCALES:
        dialog.get_scale_entry(name, 1)
    dialog.fill_box("server-box", ["server", "key"])
    dialog.get_label("server-title", "Server", False, False)
    dialog.fill_expander("server-expander", "server-title", False, "server-box")
    chooser = Chooser(config, find)
    dialog.get_content_area().pack_start(chooser.widget, True, True, 0)
    dialog.fill(["strength", "brush-size", "boldness", "keep-color", "tone", "detail", "server-expander"])
    chosen: bool = dialog.run()
    chooser.close()
    dialog.destroy()
    return chosen


class Chooser:
    """The styles as pictures. A click sets the arguments `style` and `painting`; their changes move the selection.

    Attributes:
        widget: the widget for a dialog.
    """

    def __init__(self, config: Any, find: Find) -> None:
        self.config, self.find = config, find
        self.styles: list[Style] = []
        self.store = Gtk.ListStore(GdkPixbuf.Pixbuf, str, str, str)  # thumbnail, title, name, tooltip
        self.view = _icon_view(self.store)
        self.view.connect("selection-changed", self._picked)
        for name in ("style", "painting"):
            config.connect(f"notify::{name}", self._follow)
        scrolled = Gtk.ScrolledWindow(
            width_request=740,
            height_request=290,
            hscrollbar_policy=Gtk.PolicyType.NEVER,
            shadow_type=Gtk.ShadowType.IN,
        )
        scrolled.add(self.view)
        self.file = Gtk.FileChooserButton(title="Choose a painting", action=Gtk.FileChooserAction.OPEN)
        pictures = Gtk.FileFilter()
        pictures.add_mime_type("image/*")
        self.file.set_filter(pictures)
        self.file.connect("file-set", lambda file: config.set_property("painting", file.get_file()))
        own = Gtk.Box(spacing=6)
        own.add(Gtk.Label(label="O_wn painting", use_underline=True, mnemonic_widget=self.file))
        own.pack_start(self.file, True, True, 0)
        self.trouble = Gtk.Label(wrap=True, max_width_chars=80, xalign=0, selectable=True)
        again = Gtk.Button(label="Look again", halign=Gtk.Align.START)
        again.connect("clicked", self._fill)
        self.excuse = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self.excuse.add(self.trouble)
        self.excuse.add(again)
        self.widget = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, border_width=12)
        self.widget.pack_start(scrolled, True, True, 0)
        self.widget.add(self.excuse)
        self.widget.add(own)
        self.widget.show_all()
        self._fill()

    def close(self) -> None:
        """Stop loading thumbnails."""
        self.styles = []

    def _fill(self, _button: Any = None) -> None:
        self.styles = []
        self.store.clear()
        try:
            hand = self.find(self.config)
            self.styles = hand.styles()
        except Trouble as trouble:
            self.trouble.set_text(str(trouble))
            self.excuse.show()
            return
        self.excuse.hide()
        blank = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, True, 8, SIDE, SIDE)
        blank.fill(0)
        for style in self.styles:
            self.store.append([blank, style.title, style.name, GLib.markup_escape_text(_tooltip(style))])
        self._follow()
        threading.Thread(target=self._load, args=(hand, self.styles), daemon=True).start()

    def _load(self, hand: Server | Program, styles: list[Style]) -> None:
        for number, style in enumerate(styles):
            if styles is not self.styles:
                return
            with contextlib.suppress(Trouble):  # without a thumbnail, the title still names the style
                GLib.idle_add(self._show, styles, number, hand.thumbnail(style))

    def _show(self, styles: list[Style], number: int, thumbnail: bytes) -> None:
        if styles is self.styles:
            with contextlib.suppress(GLib.Error):
                self.store[number][0] = _pixbuf(thumbnail)

    def _picked(self, _view: Any) -> None:
        if not (name := self._selected()):
            return
        if self.config.get_property("style") != name:
            self.config.set_property("style", name)
        if self.config.get_property("painting"):
            self.config.set_property("painting", None)

    def _follow(self, *_: Any) -> None:
        painting = self.config.get_property("painting")
        if painting:
            self.file.set_file(painting)
        elif self.file.get_file():
            self.file.unselect_all()
        wanted = "" if painting else self.config.get_property("style")
        if self._selected() == wanted:
            return
        self.view.unselect_all()
        for row in self.store:
            if row[2] == wanted:
                self.view.select_path(row.path)
                self.view.scroll_to_path(row.path, False, 0, 0)

    def _selected(self) -> str:
        paths = self.view.get_selected_items()
        return self.store[paths[0]][2] if paths else ""


def _icon_view(store: Any) -> Any:
    view = Gtk.IconView(model=store, tooltip_column=3, item_padding=4)
    thumbnail = Gtk.CellRendererPixbuf(height=SIDE)
    title = Gtk.CellRendererText(
        width=WIDTH,
        wrap_width=WIDTH,
        wrap_mode=Pango.WrapMode.WORD_CHAR,
        alignment=Pango.Alignment.CENTER,
        xalign=0.5,
        yalign=0,
    )
    for renderer, attribute, column in ((thumbnail, "pixbuf", 0), (title, "text", 1)):
        view.pack_start(renderer, False)
        view.add_attribute(renderer, attribute, column)
    return view


def _tooltip(style: Style) -> str:
    return f"{style.title}, {style.artist}" if style.artist else style.title


def _pixbuf(data: bytes) -> Any:
    stream = Gio.MemoryInputStream.new_from_bytes(GLib.Bytes.new(data))
    return GdkPixbuf.Pixbuf.new_from_stream_at_scale(stream, SIDE, SIDE, True, None)
