#!/usr/bin/env python3
"""Impasto for GIMP 3: paint a layer in the style of a painting. GIMP starts this file by its folder's name."""

import sys

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
from gi.repository import Gimp  # noqa: E402
from procedure import PaintPlugIn  # noqa: E402

Gimp.main(PaintPlugIn.__gtype__, sys.argv)
