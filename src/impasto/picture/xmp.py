"""XMP packets (ISO 16684-1): read as programs wrote them, corrected, and written with their own prefixes."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias
from xml.etree.ElementTree import Element, SubElement
from xml.parsers import expat

NAMESPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xml": "http://www.w3.org/XML/1998/namespace",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "GPano": "http://ns.google.com/photos/1.0/panorama/",
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "impasto": "https://impasto.invalid/ns/1.0/",  # a name, not an address
}

Properties: TypeAlias = Mapping[str, "list[str]"]
"""Values by property names with prefixes, such as dc:creator."""

_DEEPEST = 100


@functools.cache
def full_name(text: str) -> str:
    """Return a property's name with its namespace in braces, from the name with its usual prefix."""
    prefix, _, local = text.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


def full_names(prefix: str, locals_: str) -> set[str]:
    return {full_name(f"{prefix}:{local}") for local in locals_.split()}


_RDF, _DESCRIPTION, _ABOUT, _LI = map(full_name, ("rdf:RDF", "rdf:Description", "rdf:about", "rdf:li"))
_ABOUT_IT = {_ABOUT, "about"}  # older programs omit the prefix
ORIENTATIONS = {full_name("tiff:Orientation"), full_name("exif:Orientation")}
_OURS = {full_name("Iptc4xmpExt:DigitalSourceType"), full_name("xmp:CreatorTool"), full_name("impasto:settings")}

# Records of earlier editing, which are removed first if space is short.
_HISTORY = full_names("xmpMM", "History Pantry Ingredients") | full_names("photoshop", "DocumentAncestors History")

# Compiled at the first use, since most photos do not need it.
_LOCATION = (
    r"(?i)gps|lat+itude|longt?itude|altitude|geotag|iso6709"
    r"|^(city|sub-?location|(geo-?)?location(created|shown|id|name)?|(province|province-?)?state|country(code|name)?"
    r"|worldregion)$"
)

_ALTERNATIVES = {"dc:title", "dc:description", "dc:rights"}
_LISTS = {"dc:creator": "rdf:Seq", "dc:subject": "rdf:Bag"}


class BrokenPacket(ValueError):
    """Report a packet that is not XML, or has what XMP forbids: a document type, or elements nested too deeply."""


class Packet:
    """A packet's RDF, and its prefixes for namespaces."""

    def __init__(self) -> None:
        self.rdf = Element(_RDF)
        self.prefixes: dict[str, str] = {}

    def tobytes(self) -> bytes:
        """Return the packet in UTF-8, with the wrapper by which programs find it."""
        prefixes = _distinct(self.prefixes, self.rdf)
        names = "".join(f' xmlns:{prefix}="{uri.translate(_ENTITIES)}"' for uri, prefix in prefixes.items())
        text: list[str] = []
        _write(self.rdf, prefixes, text, names)
        body = f'<x:xmpmeta xmlns:x="{NAMESPACES["x"]}">{"".join(text)}</x:xmpmeta>'
        head = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        return head + body.encode("utf-8", "replace") + b'\n<?xpacket end="w"?>'

    def properties(self) -> list[tuple[Element, str, Element | None]]:
        """Return each property: its description, its name, and its element, or None if it is an attribute."""
        found: list[tuple[Element, str, Element | None]] = []
        for description in self.rdf:
            found += [(description, name, None) for name in description.attrib if name not in _ABOUT_IT]
            found += [(description, child.tag, child) for child in description]
        return found

    def structures(self) -> Iterator[Element]:
        """Yield the elements that have properties."""
        return (element for element in self.rdf.iter() if len(element) or element.attrib)

    def leave_out(self, unwanted: Callable[[str], bool]) -> None:
        """Remove each property whose name is unwanted, at any depth."""
        _leave_out(self.rdf, unwanted)
        self.rdf[:] = [each for each in self.rdf if len(each) or set(each.attrib) - _ABOUT_IT]

    def orientation(self) -> int | None:
        """Return the orientation, 1..8; None if it is not given."""
        for element in self.rdf.iter():
            for name in ORIENTATIONS:
                text = element.get(name) or (element.text if element.tag == name else None) or ""
                if text.strip() in tuple("12345678"):
                    return int(text)
        return None

    def add(self, properties: Properties) -> None:
        """Add properties that the packet does not have yet."""
        said = {name for _, name, _ in self.properties()}
        new = {name: values for name, values in properties.items() if full_name(name) not in said}
        if not new:
            return
        description = self._description()
        for name, values in new.items():
            if name in _ALTERNATIVES:
                items = SubElement(SubElement(description, full_name(name)), full_name("rdf:Alt"))
                SubElement(items, _LI, {full_name("xml:lang"): "x-default"}).text = values[0]
            elif name in _LISTS:
                items = SubElement(SubElement(description, full_name(name)), full_name(_LISTS[name]))
                for value in values:
                    SubElement(items, _LI).text = value
            else:
                description.set(full_name(name), values[0])

    def mark(self, properties: Mapping[str, str]) -> None:
        """Record how the picture was made, and replace earlier records."""
        self.leave_out(lambda name: name in _OURS)
        description = self._description()
        for key, value in properties.items():
            description.set(full_name(key), value)

    def _description(self) -> Element:
        """Add a new description of the same subject: Adobe's programs refuse a packet about two subjects."""
        about = (each.get(name, "") for each in self.rdf for name in (_ABOUT, "about"))
        return SubElement(self.rdf, _DESCRIPTION, {_ABOUT: next(filter(None, about), "")})

    def within(self, most: int) -> tuple[bytes, list[str]]:
        """Return the packet in at most `most` bytes, and the names of the properties that were removed for that.

        History is removed first, then the largest properties, until the rest fits. The record of how the picture was
        made stays.
        """
        data = self.tobytes()
        out: list[str] = []
        if len(data) > most:
            history = {name for _, name, _ in self.properties()} & _HISTORY
            out += [self._short(name) for name in sorted(history)]
            self.leave_out(lambda name: name in history)
            data = self.tobytes()
        while len(data) > most and (sizes := sorted(self._sizes(), reverse=True)):
            excess, gone = len(data) - most, set()
            for size, name in sizes:
                if excess <= 0:
                    break
                excess -= size
                gone.add(name)
                out.append(self._short(name))
            self.leave_out(gone.__contains__)
            data = self.tobytes()
        return data, out

    def _sizes(self) -> Iterator[tuple[int, str]]:
        for description, name, element in self.properties():
            if name not in _OURS:
                yield (len(description.attrib[name]) if element is None else sum(map(_size, element.iter()))), name

    def _short(self, name: str) -> str:
        uri, _, local = name[1:].rpartition("}")
        return f"{self.prefixes.get(uri, '')}:{local}".lstrip(":")


def names_location(name: str) -> bool:
    """Return True if the name of a property, a text or a clip's metadata stands for a place.

    >>> [names_location(name) for name in ("exif:GPSLatitude", "location-eng", "exif:SubjectLocation", "City")]
    [True, True, False, True]
    """
    last = re.split(r"[:}/]", name)[-1]
    if "/geo/wgs84_pos#" in name:
        return True
    return bool(re.search(_LOCATION, last)) or bool(
        re.match(r"(com\.apple\.quicktime\.)?location\b|.xyz$", last.lower())
    )


def parse(data: bytes) -> Packet:
    """Read a packet in any XML encoding, wrapped or bare, with any padding.

    Raises:
        BrokenPacket: the packet cannot be read.
    """
    text = re.sub(_CONTROLS, "", _text(data))
    begin = re.search(r"<(?!\?|!--)", text)
    body = text[begin.start() : text.rfind(">") + 1] if begin else ""
    if body.startswith("<!"):
        raise BrokenPacket("it declares a document type")
    packet, stack = Packet(), [Element("")]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(stack) > _DEEPEST:
            raise BrokenPacket("its elements are nested too deeply")
        stack.append(SubElement(stack[-1], _braced(name), {_braced(key): value for key, value in attributes.items()}))

    def end(_: str) -> None:
        stack.pop()

    def characters(text: str) -> None:
        if len(stack[-1]):
            last = stack[-1][-1]
            last.tail = (last.tail or "") + text
        else:
            stack[-1].text = (stack[-1].text or "") + text

    def prefixed(prefix: str | None, uri: str) -> None:
        if prefix and uri and len(stack) > 1:
            packet.prefixes.setdefault(uri, prefix)

    parser = expat.ParserCreate("utf-8", "}")
    parser.buffer_text, parser.buffer_size = True, 1 << 20
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartNamespaceDeclHandler = characters, prefixed
    try:
        parser.Parse(f"<_{_USUAL}>{body}</_>".encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        raise BrokenPacket(f"it is not XML: {error}") from error
    rdf = next(stack[0].iter(_RDF), None)
    if rdf is None:
        raise BrokenPacket("it contains no RDF")
    rdf.tail = None
    packet.rdf = rdf
    return packet


# Declarations around a packet, for packets that omit those of usual prefixes.
_USUAL = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items() if prefix != "xml")

_CONTROLS = (
    "(?i)[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]"
    r"|&#(?:x0*(?:[0-8bcef]|1[0-9a-f])|0*(?:[0-8]|1[124-9]|2\d|3[01]));"
)


def _text(data: bytes) -> str:
    """Decode a packet. Its first bytes tell the encoding (ISO 16684-1, 7.3.2)."""
    head = data.lstrip(b" \t\r\n")[:4] if data[:1] != b"\0" else data[:4]
    for start, encoding in (
        (b"\xff\xfe\0\0", "utf-32"),
        (b"\0\0\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
        (b"<\0\0\0", "utf-32-le"),
        (b"\0\0\0<", "utf-32-be"),
        (b"<\0", "utf-16-le"),
        (b"\0<", "utf-16-be"),
    ):
        if head.startswith(start):
            return data.decode(encoding, "ignore").lstrip("\ufeff")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        declared = re.match(rb"""\s*<\?xml[^>]*encoding=["']([\w.-]+)""", data)
        try:
            return data.decode(declared[1].decode() if declared else "cp1252", "replace")
        except LookupError:
            return data.decode("cp1252", "replace")


_TEXT_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_ENTITIES = _TEXT_ENTITIES | str.maketrans({'"': "&quot;", "\n": "&#10;", "\t": "&#9;"})


def _braced(name: str) -> str:
    return "{" + name if "}" in name else name


def _leave_out(element: Element, unwanted: Callable[[str], bool]) -> None:
    for name in [name for name in element.attrib if unwanted(name)]:
        del element.attrib[name]
    element[:] = [child for child in element if not unwanted(child.tag)]
    for child in element:
        _leave_out(child, unwanted)


def _size(element: Element) -> int:
    return 2 * len(element.tag) + len(element.text or "") + sum(map(len, (*element.attrib, *element.attrib.values())))


def value_of(element: Element, name: str) -> str | None:
    """Return a simple property of a description or a structure: an attribute, or an element with text."""
    full = full_name(name)
    if full in element.attrib:
        return element.attrib[full]
    child = element.find(full)
    return None if child is None or len(child) else (child.text or "").strip()


def put(element: Element, name: str, value: str) -> None:
    """Change an existing simple property."""
    full = full_name(name)
    if full in element.attrib:
        element.set(full, value)
    else:
        child = element.find(full)
        if child is not None:
            child.text = value


def number_in(element: Element, name: str) -> float | None:
    """Return a property's number, if it is below 1e9."""
    try:
        number = float(value_of(element, name) or "")
    except ValueError:
        return None
    return number if abs(number) < 1e9 else None


def _distinct(known: Mapping[str, str], rdf: Element) -> dict[str, str]:
    """Return a unique prefix for each namespace in use: the packet's own, the usual one, or a numbered one."""
    used = dict.fromkeys(
        name[1:].partition("}")[0]
        for element in rdf.iter()
        for name in (element.tag, *element.attrib)
        if name[:1] == "{"
    )
    usual = {uri: prefix for prefix, uri in NAMESPACES.items()}
    taken: dict[str, str] = {}
    for uri in used:
        if uri == NAMESPACES["xml"]:
            continue
        wanted = known.get(uri) or usual.get(uri) or "ns"
        prefix, number = wanted, 1
        while prefix in taken.values() or prefix in ("x", "xml"):
            number += 1
            prefix = f"{wanted}{number}"
        taken[uri] = prefix
    return taken


def _write(element: Element, prefixes: Mapping[str, str], out: list[str], names: str = "") -> None:
    def named(name: str) -> str:
        uri, _, local = name[1:].rpartition("}") if name[:1] == "{" else ("", "", name)
        prefix = "xml" if uri == NAMESPACES["xml"] else prefixes.get(uri, "")
        return f"{prefix}:{local}" if prefix else local

    tag = named(element.tag)
    attributes = "".join(f' {named(key)}="{value.translate(_ENTITIES)}"' for key, value in element.attrib.items())
    out.append(f"<{tag}{names}{attributes}>" + (element.text or "").translate(_TEXT_ENTITIES))
    for child in element:
        _write(child, prefixes, out)
    out.append(f"</{tag}>" + (element.tail or "").translate(_TEXT_ENTITIES))
