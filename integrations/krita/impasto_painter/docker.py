"""The docker: choose a style, press Paint, and get the painting as a new layer above."""

from __future__ import annotations

import os
import queue
from typing import TYPE_CHECKING, Any

from krita import DockWidget, Krita

from . import images, layers, link
from .dialog import ask_settings
from .painting import Painting
from .qt import QtCore, QtGui, QtWidgets
from .settings import FOLDER, Settings
from .task import Tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from .task import Task

_TICK = 100  # milliseconds between two checks of a task
_SHOWN = 6000  # milliseconds; time of a message over the picture
_THUMBNAIL = 72  # pixels; side of a thumbnail
_DOUBLE = 10  # slider steps that double the brush size
_COLORS = (
    ("Colors of the painting", "none"),
    ("Keep the layer's colors", "luminance"),
    ("Match colors by histogram", "histogram"),
    ("Match colors by covariance", "coral"),
)
_NAME = QtCore.Qt.ItemDataRole.UserRole
_HORIZONTAL = QtCore.Qt.Orientation.Horizontal


class PainterDocker(DockWidget):
    """The widgets and their actions."""

    def __init__(self) -> None:
        super().__init__()
        self.app = Krita.instance()
        self.settings = Settings(self.app)
        self.tasks = Tasks()
        self.listing: Task | None = None
        self.thumbnails: Task | None = None
        self.painting: Painting | None = None
        self._arrived: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self.setWindowTitle("Impasto")
        self._build()
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(_TICK)
        self._timer.timeout.connect(self._tick)
        tasks = self.tasks  # the docker may be gone when Krita quits
        for signal in (self.destroyed, QtCore.QCoreApplication.instance().aboutToQuit):
            signal.connect(lambda *_: tasks.end())

    def canvasChanged(self, canvas: Any) -> None:  # noqa: N802
        """Do nothing; Krita requires this method. `paint` looks the document up."""

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """List the styles when the docker is first shown."""
        super().showEvent(event)
        if self.listing is None and not self.styles.count():
            self.list_styles()

    # The widgets

    def _build(self) -> None:
        self.styles = QtWidgets.QListWidget()
        self.styles.setViewMode(QtWidgets.QListView.ViewMode.IconMode)
        self.styles.setResizeMode(QtWidgets.QListView.ResizeMode.Adjust)
        self.styles.setMovement(QtWidgets.QListView.Movement.Static)
        self.styles.setUniformItemSizes(True)
        self.styles.setIconSize(QtCore.QSize(_THUMBNAIL, _THUMBNAIL))
        self.styles.setGridSize(QtCore.QSize(_THUMBNAIL + 24, _THUMBNAIL + 28))
        self.styles.setMinimumHeight(_THUMBNAIL + 36)
        self.styles.itemDoubleClicked.connect(lambda _: self.paint())
        self.file = _button("Painting's file…", "Paint in the style of your own picture", self.choose_file)
        self.again = _button("Reload", "List the styles again", self.list_styles)
        self.set = _button("Settings…", "Set the server or the Impasto command", self.ask_settings)
        self.strength, strength = self._slider("strength", 0, 100, 100, "{} %".format)
        self.brush, brush = self._slider("brush", -2 * _DOUBLE, 2 * _DOUBLE, 0, lambda step: f"{_size(step):.2g} ×")
        self.colors = QtWidgets.QComboBox()
        for text, value in _COLORS:
            self.colors.addItem(text, value)
        self.colors.setCurrentIndex(max(0, self.colors.findData(self.settings["colors"])))
        self.bar = QtWidgets.QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.hide()
        self.go = _button("Paint", "Paint the chosen layer, or its selected part, into a new layer", self.paint)
        self.stop = _button("Cancel", "Stop painting; nothing changes", self.cancel)
        self.stop.setEnabled(False)
        self.status = QtWidgets.QLabel()
        self.status.setWordWrap(True)
        form = QtWidgets.QFormLayout()
        form.addRow("Strength", strength)
        form.addRow("Brush size", brush)
        form.addRow("Colors", self.colors)
        body = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(body)
        column.addWidget(self.styles, 1)
        column.addLayout(_row(self.file, self.again, self.set))
        column.addLayout(form)
        column.addLayout(_row(self.go, self.stop))
        column.addWidget(self.bar)
        column.addWidget(self.status)
        self.setWidget(body)

    def _slider(self, name: str, low: int, high: int, default: int, said: Any) -> tuple[Any, Any]:
        slider, label = QtWidgets.QSlider(_HORIZONTAL), QtWidgets.QLabel()
        slider.setRange(low, high)
        slider.valueChanged.connect(lambda value: label.setText(said(value)))
        slider.setValue(self.settings.number(name, default))
        label.setText(said(slider.value()))
        label.setMinimumWidth(label.fontMetrics().horizontalAdvance("0000 %"))
        return slider, _row(slider, label)

    # The styles

    def list_styles(self) -> None:
        """List all styles, then load their thumbnails."""
        for task in (self.listing, self.thumbnails):
            if task is not None:
                task.cancel()
        self.thumbnails = None
        self._say("Looking for Impasto…")
        where = self.settings.where()

        def work(_: Any) -> tuple[Any, str, list[link.Style]]:
            painter = link.connect(*where)
            return painter, painter.version(), painter.styles()

        self.listing = self.tasks.start(work)
        self._timer.start()

    def _show_styles(self, painter: Any, version: str, found: list[link.Style]) -> None:
        chosen = self.chosen() or self.settings["style"]
        self.styles.clear()
        if os.path.isfile(self.settings["file"]):
            self._add_file(self.settings["file"])
        for style in found:
            self._add(style.name, style.title, f"{style.title}\n{style.artist}".strip())
        self._choose(chosen)
        plugin = link.installed(FOLDER).get("version", version)
        self._say(link.mismatch(plugin, version) or f"Impasto {version}: {painter.name}")
        arrived = self._arrived

        def work(go_on: Any) -> None:
            for style in found:
                if not go_on(None):
                    return
                arrived.put((style.name, painter.thumbnail(style)))

        self.thumbnails = self.tasks.start(work)

    def _add(self, name: str, title: str, tip: str) -> Any:
        item = QtWidgets.QListWidgetItem(images.icon(b"", _THUMBNAIL), title)
        item.setData(_NAME, name)
        item.setToolTip(tip)
        self.styles.addItem(item)
        return item

    def _add_file(self, path: str) -> None:
        item = self._item(path) or self._add(path, os.path.basename(path), path)
        with open(path, "rb") as file:
            item.setIcon(images.icon(file.read(), _THUMBNAIL))

    def _item(self, name: str) -> Any:
        items = (self.styles.item(row) for row in range(self.styles.count()))
        return next((item for item in items if item.data(_NAME) == name), None)

    def _choose(self, name: str) -> None:
        self.styles.setCurrentItem(self._item(name) or self.styles.item(0))

    def chosen(self) -> str:
        """Return the name of the chosen style, or a painting's path; "" if none is chosen."""
        item = self.styles.currentItem()
        return item.data(_NAME) if item else ""

    def choose_file(self) -> None:
        """Let the user choose a painting's file as the style."""
        folder = os.path.dirname(self.settings["file"])
        kinds = "Pictures (*.jpg *.jpeg *.png *.webp *.tif *.tiff *.bmp *.gif *.avif *.heic)"
        path = QtWidgets.QFileDialog.getOpenFileName(self, "A painting", folder, kinds)[0]
        if path:
            self.settings["file"] = path
            self._add_file(path)
            self._choose(path)

    def ask_settings(self) -> None:
        """Let the user enter server, key and program, and check whether they answer."""
        if ask_settings(self, self.settings):
            self.list_styles()

    # Painting

    def wish(self) -> link.Wish:
        """Return the settings of the widgets. Raises Trouble if no style is chosen."""
        if not self.chosen():
            raise link.Trouble("no style is chosen", "click one; Reload lists them")
        colors = self.colors.currentData()
        return link.Wish(self.chosen(), self.strength.value(), _size(self.brush.value()), keep_color=colors)

    def paint(self) -> None:
        """Start to paint the chosen layer."""
        if self.painting is not None:
            return
        document = self.app.activeDocument()
        try:
            wish = self.wish()
            source = layers.look(self.app, document, document and document.activeNode())
        except link.Trouble as trouble:
            self._complain(trouble)
            return
        self._remember(wish)
        title = self.styles.currentItem().text()
        self.painting = Painting(self.app, self.tasks, source, wish, title, self.settings.where(), images.from_png)
        self._show_painting()
        self._say("Painting…")
        self._timer.start()

    def _remember(self, wish: link.Wish) -> None:
        self.settings["style"], self.settings["colors"] = wish.style, wish.keep_color
        self.settings["strength"], self.settings["brush"] = str(self.strength.value()), str(self.brush.value())

    def cancel(self) -> None:
        """Stop painting, and discard the result."""
        if self.painting is not None:
            self.painting.task.cancel()
            self._ended("Canceled. Nothing was changed.")

    def _ended(self, line: str) -> None:
        self.painting = None
        self._show_painting()
        self._say(line)

    def _show_painting(self) -> None:
        going = self.painting is not None
        self.go.setEnabled(not going)
        self.stop.setEnabled(going)
        self.bar.setRange(0, 0)
        self.bar.setVisible(going)

    # Called by the timer

    def _tick(self) -> None:
        if self.listing is not None and self.listing.over:
            self._end_listing(self.listing)
        while not self._arrived.empty():
            name, data = self._arrived.get()
            if data and self._item(name):
                self._item(name).setIcon(images.icon(data, _THUMBNAIL))
        if self.painting is not None:
            self._step(self.painting)
        thumbnails = self.thumbnails is not None and not self.thumbnails.over
        if self.listing is None and self.painting is None and not thumbnails and self._arrived.empty():
            self._timer.stop()

    def _end_listing(self, listing: Task) -> None:
        self.listing = None
        try:
            self._show_styles(*listing.result())
        except link.Trouble as trouble:
            self._complain(trouble)

    def _step(self, painting: Painting) -> None:
        share = painting.task.share
        self.bar.setRange(0, 0 if share is None else 100)
        self.bar.setValue(round(100 * (share or 0)))
        try:
            line = painting.step()
        except link.Trouble as trouble:
            self._ended("")
            self._complain(trouble)
        else:
            if line:
                self._ended(line)

    def _say(self, line: str) -> None:
        self.status.setText(line)

    def _complain(self, trouble: link.Trouble) -> None:
        """Show an error here, and over the picture in Krita's way."""
        line = str(trouble)
        self._say(line[:1].upper() + line[1:])
        window = self.app.activeWindow()
        view = window and window.activeView()
        if view and view.document():
            view.showFloatingMessage(self.status.text(), QtGui.QIcon(), _SHOWN, 1)


def _size(step: int) -> float:
    """Return the brush size of a slider step: 0.25 to 4."""
    return 2 ** (step / _DOUBLE)


def _button(text: str, tip: str, pressed: Callable[[], None]) -> Any:
    button = QtWidgets.QPushButton(text)
    button.setToolTip(tip)
    button.clicked.connect(lambda _: pressed())
    return button


def _row(*widgets: Any) -> Any:
    row = QtWidgets.QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget)
    return row
