"""Import Krita's Qt: PyQt5 up to Krita 5, PyQt6 from Krita 6."""

try:
    from PyQt5 import QtCore, QtGui, QtWidgets
except ImportError:
    from PyQt6 import QtCore, QtGui, QtWidgets

__all__ = ["QtCore", "QtGui", "QtWidgets"]
