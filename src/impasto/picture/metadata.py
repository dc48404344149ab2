"""Metadata: what is kept of a photo's own, and what says how a picture was made.

That is an XMP packet with IPTC's digital source type.

https://cv.iptc.org/newscodes/digitalsourcetype/: `compositeWithTrainedAlgorithmicMedia` is a photograph
that a trained model has changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from PIL import ExifTags, Image

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
XMP = "http://ns.adobe.com/xap/1.0/"
IMPASTO = "https://impasto.invalid/ns/1.0/"  # a name, not an address

# Of a photo's EXIF, what says something about the photo; the rest describes the old file's layout.
_KEPT_TAGS = {270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 18246, 18249, 33432, 34665, 34853, *range(40091, 40096)}
SUB_DIRECTORIES = (34665, 34853)  # camera settings, position
_EXIF_IFD, _COLOR_SPACE, _EXIF_WIDTH, _EXIF_HEIGHT = 34665, 40961, 40962, 40963

for _prefix, _namespace in (
    ("rdf", RDF),
    ("Iptc4xmpExt", IPTC),
    ("xmp", XMP),
    ("impasto", IMPASTO),
    ("x", "adobe:ns:meta/"),
):
    ElementTree.register_namespace(_prefix, _namespace)


def settings_text(made_with: Mapping[str, object]) -> str:
    """The settings as one line of JSON."""
    return json.dumps(made_with, ensure_ascii=False, sort_keys=True)


def comment_text(made_with: Mapping[str, object]) -> str:
    """The settings and IPTC's digital source type, for files whose comment is all that they hold: clips and GIFs."""
    return settings_text({"digital_source_type": SOURCE_TYPE, **made_with})


def program_text(made_with: Mapping[str, object]) -> str:
    """The program and its version."""
    return f"{made_with.get('program', 'Impasto')} {made_with.get('version', '')}".strip()


def packet(made_with: Mapping[str, object], photo_packet: bytes | None = None) -> bytes:
    """The XMP packet of a painted picture; what the photo's own packet says is kept.

    Args:
        made_with: program, version, style, controls: anything that JSON holds.
        photo_packet: the photo's XMP, if it has any; one that cannot be read is left out.
    """
    root = _parse(photo_packet)
    rdf = root.find(f"{{{RDF}}}RDF")
    if rdf is None:
        rdf = ElementTree.SubElement(root, f"{{{RDF}}}RDF")
    ours = {f"{{{IPTC}}}DigitalSourceType", f"{{{XMP}}}CreatorTool", f"{{{IMPASTO}}}settings"}
    for description in rdf.iter(f"{{{RDF}}}Description"):
        for name in ours & set(description.attrib):
            del description.attrib[name]
        for child in [child for child in description if child.tag in ours]:
            description.remove(child)
    ElementTree.SubElement(
        rdf,
        f"{{{RDF}}}Description",
        {
            f"{{{RDF}}}about": "",
            f"{{{IPTC}}}DigitalSourceType": SOURCE_TYPE,
            f"{{{XMP}}}CreatorTool": program_text(made_with),
            f"{{{IMPASTO}}}settings": settings_text(made_with),
        },
    )
    body = ElementTree.tostring(root, encoding="utf-8")
    return b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n' + body + b'\n<?xpacket end="w"?>'


def _parse(photo_packet: bytes | None) -> ElementTree.Element:
    if photo_packet and b"<!DOCTYPE" not in photo_packet and b"<!ENTITY" not in photo_packet:
        try:
            root = ElementTree.fromstring(photo_packet.strip(b"\0 \n"))
        except (ElementTree.ParseError, ValueError):
            root = None
        if root is not None and root.tag == "{adobe:ns:meta/}xmpmeta":
            return root
    return ElementTree.Element("{adobe:ns:meta/}xmpmeta")


def read_exif(image: Image.Image) -> tuple[int, bytes]:
    """How the picture must be turned (1: not at all) and its EXIF block without what no longer holds."""
    try:
        exif = image.getexif()
        orientation = int(exif.get(ExifTags.Base.Orientation, 1))
        kept = Image.Exif()
        for tag in _KEPT_TAGS & set(exif):
            kept[tag] = exif.get_ifd(tag) if tag in SUB_DIRECTORIES else exif[tag]
        details = kept.get(_EXIF_IFD)
        if isinstance(details, dict):
            for tag in (_EXIF_WIDTH, _EXIF_HEIGHT):
                details.pop(tag, None)
            details[_COLOR_SPACE] = 1  # sRGB
        return (orientation if 1 <= orientation <= 8 else 1), (kept.tobytes() if len(kept) else b"")
    except Exception:  # EXIF written by broken software is no reason to refuse the photo
        return 1, b""


def read_xmp(info: Mapping[Any, Any]) -> bytes:
    packet = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    return packet.encode() if isinstance(packet, str) else bytes(packet)


def read_dpi(info: Mapping[Any, Any]) -> tuple[float, float] | None:
    try:
        across, down = (float(value) for value in info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if 1 <= across <= 1e5 and 1 <= down <= 1e5 else None
