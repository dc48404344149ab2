"""What is kept of a photo's metadata, corrected, and what says how a picture was made."""

from __future__ import annotations

import io
import re
import struct
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
from helpers import scene
from PIL import Image, ImageCms, ImageOps

from impasto.picture import Picture, exif, iptc, png_text
from impasto.picture.exif import DETAILS, INTEROPERABILITY, POSITION, Exif, Field, text_field
from impasto.picture.metadata import SEGMENT_HEAD, SOURCE_TYPE
from impasto.picture.xmp import NAMESPACES, parse

MADE = {"program": "Impasto", "version": "1", "style": "<&\"ü'"}
NAMES = "".join(f'xmlns:{prefix}="{uri}" ' for prefix, uri in NAMESPACES.items() if prefix not in ("x", "xml", "rdf"))
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")


def packet(attributes: str = "", elements: str = "", names: str = NAMES) -> bytes:
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{NAMESPACES["rdf"]}">'
        f'<rdf:Description rdf:about="" {names}{attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


def saved(file_format: str = "JPEG", size: tuple[int, int] = (64, 40), **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(scene(*size)).save(out, file_format, **options)
    return out.getvalue()


def block(order: exif.Order = "<", **directories: dict[int, Field]) -> bytes:
    """An EXIF block, with `main`, `details`, `position` and `rules`."""
    keys = {"main": 0, "details": DETAILS, "position": POSITION, "rules": INTEROPERABILITY}
    return exif.HEAD + Exif(order, {keys[name]: fields for name, fields in directories.items()}).tobytes()


def exif_of(data: bytes) -> Exif:
    image = Image.open(io.BytesIO(data))
    found = exif.parse(data if image.format == "TIFF" else image.info["exif"])
    assert found is not None
    return found


def xmp_of(data: bytes) -> str:
    found = Image.open(io.BytesIO(data)).info["xmp"]
    return found if isinstance(found, str) else bytes(found).decode()


def painted(data: bytes, file_format: str = "JPEG", *, mark: bool = True, **options: Any) -> bytes:
    picture = Picture.open(data)
    return Picture(**vars(picture) | {"made_with": MADE}).encode(file_format, mark=mark, **options)


def descriptions(text: str | bytes) -> list[dict[str, str]]:
    return [
        dict(element.attrib) for element in ElementTree.fromstring(text).iter(f"{{{NAMESPACES['rdf']}}}Description")
    ]


# The mark.


def test_the_source_type_is_iptc_s() -> None:
    assert SOURCE_TYPE.endswith("/digitalsourcetype/compositeWithTrainedAlgorithmicMedia")
    (ours,) = descriptions(xmp_of(painted(saved())))
    assert ours[f"{{{NAMESPACES['Iptc4xmpExt']}}}DigitalSourceType"] == SOURCE_TYPE
    assert any("ü'" in value for value in ours.values())


def test_the_mark_replaces_what_was_said_of_the_maker() -> None:
    data = painted(saved(xmp=packet('xmp:Rating="5" xmp:CreatorTool="Camera"')))
    theirs, ours = descriptions(xmp_of(data))
    assert theirs[f"{{{NAMESPACES['xmp']}}}Rating"] == "5"
    assert f"{{{NAMESPACES['xmp']}}}CreatorTool" not in theirs
    assert ours[f"{{{NAMESPACES['xmp']}}}CreatorTool"] == "Impasto 1"
    assert xmp_of(painted(data)).count("DigitalSourceType=") == 1


@pytest.mark.parametrize(
    "broken",
    [
        b"garbage",
        b"<a/>",
        b"\xff\xfe",
        b"<x:xmpmeta>",
        b"<a>" * 5000,
        b'<!DOCTYPE a [<!ENTITY b "c">]>' + packet(elements="<dc:source>&b;</dc:source>"),
    ],
)
@pytest.mark.parametrize("mark", [True, False])
def test_a_broken_packet_is_left_out_with_a_note(broken: bytes, mark: bool, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(saved(xmp=broken))
    picture = Picture.open(tmp_path / "photo.jpg")
    with pytest.warns(UserWarning, match="photo.jpg: XMP is left out"):
        data = Picture(**vars(picture) | {"made_with": MADE}).encode("JPEG", mark=mark)
    assert len(descriptions(xmp_of(data)) if mark else []) == mark
    assert broken not in data


# Orientation.


@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("in_exif", [None, 1, 6])
@pytest.mark.parametrize("element", [False, True])
def test_exif_says_how_a_photo_lies_and_without_it_xmp(source: str, in_exif: int | None, element: bool) -> None:
    said = packet("", "<tiff:Orientation>6</tiff:Orientation>") if element else packet('tiff:Orientation="6"')
    if source == "PNG":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt(png_text.PACKET, said.decode())
        options: dict[str, Any] = {"pnginfo": info}
    else:
        options = {"tiffinfo": {700: said}} if source == "TIFF" else {"xmp": said}
    if in_exif:
        options["exif"] = Image.Exif()
        options["exif"][274] = in_exif
        if source == "TIFF":
            options = {"tiffinfo": {274: in_exif, 700: said}}
    picture = Picture.open(saved(source, **options))
    assert (picture.width, picture.height) == ((64, 40) if in_exif == 1 else (40, 64))
    for file_format in FORMATS:
        for mark in (True, False):
            data = Picture(**vars(picture) | {"made_with": MADE}).encode(file_format, mark=mark)
            assert "Orientation" not in xmp_of(data)
            assert ImageOps.exif_transpose(Image.open(io.BytesIO(data))).size == (picture.width, picture.height)
            assert Picture.open(data).width == picture.width


def test_regions_of_faces_turn_with_the_photo() -> None:
    area = '<mwg-rs:Area stArea:x="0.25" stArea:y="0.1" stArea:w="0.5" stArea:h="0.2" stArea:unit="normalized"/>'
    applied = '<mwg-rs:AppliedToDimensions stDim:w="64" stDim:h="40"/>'
    regions = f'<mwg-rs:Regions rdf:parseType="Resource">{applied}{area}</mwg-rs:Regions>'
    turned = xmp_of(Picture.open(saved(xmp=packet('tiff:Orientation="6"', regions))).resized(20, 32).encode("JPEG"))
    # A quarter to the right: what was above is on the right.
    assert 'stArea:x="0.9" stArea:y="0.25" stArea:w="0.2" stArea:h="0.5"' in turned
    assert 'stDim:w="20" stDim:h="32"' in turned


# XMP.


def test_prefixes_stay_and_so_does_what_is_said() -> None:
    names = 'xmlns:mine="urn:mine" xmlns:Dublin="http://purl.org/dc/elements/1.1/" '
    source = packet('mine:a="1&#10;2&quot;"', "<Dublin:title>桜 &lt;&amp;&gt; Zürich</Dublin:title>", names)
    kept = xmp_of(painted(saved(xmp=source)))
    assert 'mine:a="1&#10;2&quot;"' in kept
    assert "<Dublin:title>桜 &lt;&amp;&gt; Zürich</Dublin:title>" in kept
    assert "ns0" not in kept
    assert xmp_of(painted(saved(xmp=kept.encode()), mark=False)) == kept


def test_what_is_added_speaks_of_the_same_thing() -> None:
    source = packet("xmp:Rating='3'").replace(b'rdf:about=""', b'rdf:about="uuid:1234"')
    assert re.findall('rdf:about="([^"]*)"', xmp_of(painted(saved(xmp=source)))) == ["uuid:1234"] * 2


def test_one_prefix_for_two_vocabularies() -> None:
    inner = '<a:b xmlns:a="urn:one">1</a:b><a:b xmlns:a="urn:two">2</a:b>'
    root = ElementTree.fromstring(xmp_of(painted(saved(xmp=packet(elements=inner)))))
    assert root.findtext(".//{urn:one}b") == "1"
    assert root.findtext(".//{urn:two}b") == "2"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_packets_in_any_encoding(encoding: str, wrapped: bool) -> None:
    text = packet(elements="<dc:source>Jürgen 桜</dc:source>").decode()
    if wrapped:
        text = f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>{text}{" " * 99}<?xpacket end="w"?>\n'
    data = text.encode(encoding) + b"\0" * 8
    assert "<dc:source>Jürgen 桜</dc:source>" in parse(data).tobytes().decode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (packet(elements="<dc:source>M\xfcller</dc:source>").decode().encode("latin-1"), "Müller"),
        (
            b'<?xml version="1.0" encoding="shift_jis"?>'
            + packet(elements="<dc:source>X</dc:source>").replace(b"X", "桜".encode("shift_jis")),
            "桜",
        ),
        (packet(elements="<dc:source>a</dc:source>").replace(b"x:xmpmeta", b"x:xapmeta"), "a"),
        (re.sub(rb"</?x:xmpmeta[^>]*>", b"", packet(elements="<dc:source>a</dc:source>")), "a"),
        (packet(elements="<dc:source>a\x01b&#x1;c</dc:source>"), "abc"),
        (packet(elements="<dc:source>a</dc:source>", names=""), "a"),
        (packet(elements="<dc:source>a</dc:source>") + b"\0\0 trailing", "a"),
    ],
)
def test_packets_as_older_programs_write_them(data: bytes, said: str) -> None:
    assert f"<dc:source>{said}</dc:source>" in parse(data).tobytes().decode()


def test_what_does_not_hold_for_the_picture_goes_and_sizes_follow() -> None:
    stale = {
        "tiff:Compression": "1",
        "photoshop:ICCProfile": "Adobe RGB (1998)",
        "crs:CropTop": "0.1",
        "xmpNote:HasExtendedXMP": "0123456789ABCDEF0123456789ABCDEF",
        "GCamera:MicroVideoOffset": "2000000",
        "GCamera:MotionPhoto": "1",
        "exif:SubjectArea": "1 2 3 4",
    }
    kept = {"xmp:CreateDate": "2020-01-02T03:04:05", "xmp:Rating": "4", "photoshop:City": "Zürich"}
    sizes = {
        "tiff:ImageWidth": "64",
        "tiff:ImageLength": "40",
        "exif:PixelXDimension": "64",
        "exif:ColorSpace": "65535",
    }
    attributes = " ".join(f'{name}="{value}"' for name, value in (stale | kept | sizes).items())
    elements = (
        "<exif:PixelYDimension>40</exif:PixelYDimension><xmp:Thumbnails><rdf:Alt/></xmp:Thumbnails>"
        '<C:Directory xmlns:C="http://ns.google.com/photos/1.0/container/"><rdf:Seq/></C:Directory>'
        '<g:Version xmlns:g="http://ns.adobe.com/hdr-gain-map/1.0/">1.0</g:Version><dc:format>image/jpeg</dc:format>'
    )
    found = xmp_of(Picture.open(saved(xmp=packet(attributes, elements))).resized(32, 20).encode("WEBP", mark=False))
    for name in (*stale, "Thumbnails", "Directory", "hdr-gain-map"):
        assert name not in found
    for name, value in (
        kept | {"tiff:ImageWidth": "32", "tiff:ImageLength": "20", "exif:PixelXDimension": "32"}
    ).items():
        assert f'{name}="{value}"' in found
    assert "<exif:PixelYDimension>20</exif:PixelYDimension>" in found
    assert 'exif:ColorSpace="1"' in found
    assert "<dc:format>image/webp</dc:format>" in found


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_panoramas_stay_panoramas(file_format: str) -> None:
    said = {"FullPanoWidthPixels": 128, "FullPanoHeightPixels": 64, "CroppedAreaImageWidthPixels": 64}
    said |= {"CroppedAreaImageHeightPixels": 40, "CroppedAreaLeftPixels": 32, "CroppedAreaTopPixels": 12}
    attributes = " ".join(f'GPano:{name}="{value}"' for name, value in said.items())
    source = saved(xmp=packet(f'GPano:ProjectionType="equirectangular" {attributes}'))
    found = xmp_of(Picture.open(source).resized(32, 20).encode(file_format))
    assert 'GPano:ProjectionType="equirectangular"' in found
    for name, value in said.items():
        assert f'GPano:{name}="{value // 2}"' in found


def test_history_goes_first_where_a_packet_is_too_large(tmp_path: Path) -> None:
    history = f"<xmpMM:History><rdf:Seq><rdf:li>{'h' * 40_000}</rdf:li></rdf:Seq></xmpMM:History>"
    large = packet("xmp:Rating='3'", history + f"<dc:description>{'d' * 40_000}</dc:description>")
    (tmp_path / "photo.webp").write_bytes(saved("WEBP", xmp=large))
    picture = Picture.open(tmp_path / "photo.webp")
    with pytest.warns(
        UserWarning, match="photo.webp: a JPEG file stores at most 64 kB of XMP; left out: xmpMM:History$"
    ):
        picture.save(tmp_path / "out.jpg")
    found = xmp_of((tmp_path / "out.jpg").read_bytes())
    assert "d" * 40_000 in found
    assert 'xmp:Rating="3"' in found
    picture.save(tmp_path / "out.png")
    assert "h" * 40_000 in xmp_of((tmp_path / "out.png").read_bytes())


def test_the_largest_properties_go_next() -> None:
    large = packet("xmp:Rating='3'", "".join(f"<dc:p{n}>{'d' * 9_000}</dc:p{n}>" for n in range(12)))
    with pytest.warns(UserWarning, match=r"left out: dc:p\d+, dc:p\d+, dc:p\d+ and 2 more"):
        found = xmp_of(painted(saved("WEBP", xmp=large)))
    assert len(re.findall("<dc:p", found)) == 7
    assert "impasto:settings" in found


def test_the_part_that_did_not_fit_a_segment_is_read() -> None:
    more = packet(elements="<dc:description>桜</dc:description><dc:source>" + "s" * 40_000 + "</dc:source>")
    name = b"0123456789ABCDEF0123456789ABCDEF"
    first = packet(f'xmp:Rating="3" xmpNote:HasExtendedXMP="{name.decode()}"')
    jpeg, segments = saved(xmp=first), b""
    for at in (30_000, 0):  # in any order
        part = b"http://ns.adobe.com/xmp/extension/\0" + name + struct.pack(">II", len(more), at) + more[at:][:30_000]
        segments += b"\xff\xe1" + struct.pack(">H", len(part) + 2) + part
    found = xmp_of(painted(jpeg[:2] + segments + jpeg[2:]))
    assert 'xmp:Rating="3"' in found
    assert "<dc:description>桜</dc:description>" in found
    assert "HasExtendedXMP" not in found


# EXIF.


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("file_format", FORMATS)
def test_fields_keep_their_bytes_and_types(order: exif.Order, file_format: str) -> None:
    numbers = struct.Struct(order + "II").pack
    main = {
        270: text_field("Fête à Zürich – 桜"),
        315: Field(2, 7, b"M\xfcller\0"),
        33432: Field(129, 11, "© Müller\0".encode()),
        40093: Field(1, 8, "Mü桜\0".encode("utf-16-le")),
        282: Field(5, 1, numbers(300, 1)),
    }
    details = {
        33434: Field(5, 1, numbers(1, 125)),
        36867: text_field("2020:01:02 03:04:05"),
        37380: Field(10, 1, numbers(2**32 - 1, 3)),
        37500: Field(7, 40, bytes(range(40))),
        37510: Field(7, 12, b"UNICODE\0\x30\x42\x30\x44"),
        40961: Field(3, 1, struct.pack(order + "H", 65535)),
        42034: Field(5, 4, numbers(24, 1) * 4),
    }
    position = {0: Field(1, 4, b"\2\3\0\0"), 1: text_field("N"), 2: Field(5, 3, numbers(47, 1) * 3)}
    source = saved(exif=block(order, main=main, details=details, position=position))
    found = exif_of(painted(source, file_format))
    assert found.order == order
    for tag, field in main.items():
        if file_format != "TIFF" or tag != 282:
            assert found.directories[0][tag] == field
    assert found.directories[DETAILS] == details | {40961: Field(3, 1, struct.pack(order + "H", 1))}
    assert found.directories[POSITION] == position
    assert (
        Image.open(io.BytesIO(painted(source, file_format))).getexif().get_ifd(DETAILS)[36867] == "2020:01:02 03:04:05"
    )


@pytest.mark.parametrize("order", ["<", ">"])
def test_deep_tiff_files_have_the_order_of_their_exif(order: exif.Order) -> None:
    samples = np.random.default_rng(0).integers(0, 65536, (9, 7, 3), np.uint16)
    data = Picture(samples, bits=16, exif=block(order, main={271: text_field("Maker")})).encode("TIFF", bits=16)
    np.testing.assert_array_equal(Picture.open(data).samples, samples)
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(data)), samples)


@pytest.mark.parametrize("file_format", FORMATS)
def test_pointers_lead_to_directories(file_format: str) -> None:
    rules = {1: text_field("R03"), 2: Field(7, 4, b"0100")}
    main = {271: text_field("Maker"), 330: Field(4, 1, b"\x70\0\0\0")}
    source = saved(
        exif=block(main=main, details={36864: Field(7, 4, b"0232"), 50000: Field(13, 1, b"\x08\0\0\0")}, rules=rules)
    )
    data = painted(source, file_format)
    found = exif_of(data)
    assert 330 not in found.directories[0]
    assert 50000 not in found.directories[DETAILS]
    assert found.directories[INTEROPERABILITY][1] == text_field("R98")
    assert Image.open(io.BytesIO(data)).getexif().get_ifd(INTEROPERABILITY)[1] == "R98"


def test_a_pointer_to_nothing_is_left_out() -> None:
    data = bytearray(
        block(main={271: text_field("Maker")}, details={36864: Field(7, 4, b"0232")}, rules={1: text_field("R98")})
    )
    data = data.replace(struct.pack("<HHI", INTEROPERABILITY, 4, 1), struct.pack("<HHI", INTEROPERABILITY, 4, 99))
    at = data.index(struct.pack("<HH", INTEROPERABILITY, 4)) + 8
    data[at : at + 4] = struct.pack("<I", 65000)
    found = exif_of(painted(saved(exif=bytes(data))))
    assert INTEROPERABILITY not in found.directories.get(INTEROPERABILITY, {})
    assert INTEROPERABILITY not in found.directories[DETAILS]


def test_the_maker_s_note_stays_where_its_own_offsets_count_from() -> None:
    note = bytes(range(200))
    source = block(main={270: text_field("d" * 300), 271: text_field("Maker")}, details={37500: Field(7, 200, note)})
    before = source.index(note)
    image = Image.open(io.BytesIO(painted(saved(exif=source))))
    assert image.info["exif"].index(note) == before
    with_less = exif.parse(source)
    assert with_less is not None
    del with_less.directories[0][270]
    assert with_less.tobytes().index(note) == before - len(exif.HEAD)


@pytest.mark.parametrize("orientation", [1, 6])
def test_sizes_in_exif_follow(orientation: int) -> None:
    details = {40962: Field(3, 1, b"\x40\0"), 40963: Field(3, 1, b"\x28\0"), 37396: Field(3, 2, b"\1\0\2\0")}
    source = saved(exif=block(main={274: Field(3, 1, bytes([orientation, 0]))}, details=details))
    picture = Picture.open(source)
    same = exif_of(picture.encode("JPEG"))
    assert (same.number(DETAILS, 40962), same.number(DETAILS, 40963)) == (picture.width, picture.height)
    assert (37396 in same.directories[DETAILS]) == (orientation == 1)
    half = exif_of(picture.resized(picture.width // 2, picture.height // 2).encode("JPEG"))
    assert half.number(DETAILS, 40962) == picture.width // 2
    assert 37396 not in half.directories[DETAILS]


def test_large_exif_is_shrunk_to_what_a_jpeg_holds(tmp_path: Path) -> None:
    details = {37500: Field(7, 50_000, bytes(50_000)), 37510: Field(7, 30_000, b"ASCII\0\0\0" + bytes(29_992))}
    source = saved("WEBP", exif=block(main={315: text_field("Müller")}, details=details))
    (tmp_path / "a.webp").write_bytes(source)
    with pytest.warns(UserWarning, match="a.webp: a JPEG file stores at most 64 kB of EXIF; left out: the maker note"):
        Picture.open(tmp_path / "a.webp").save(tmp_path / "a.jpg")
    found = exif_of((tmp_path / "a.jpg").read_bytes())
    assert found.directories[0][315] == text_field("Müller")
    assert set(found.directories[DETAILS]) & {37500, 37510} == {37510}


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow looks for the density, and says that EXIF is cut short
@pytest.mark.parametrize("cut", range(6, 120, 7))
def test_damaged_exif_refuses_no_photo(cut: int) -> None:
    whole = block(main={271: text_field("A maker"), 274: Field(3, 1, b"\6\0")}, details={36867: text_field("2020")})
    noise = np.random.default_rng(cut).integers(0, 256, 40, np.uint8).tobytes()
    for broken in (whole[:cut], whole[:cut] + noise, whole[:cut] + noise + whole[cut + 40 :]):
        assert painted(saved(exif=broken))


# IPTC, PNG text, comments.

RECORDS = b"".join(
    struct.pack(">BBBH", 0x1C, record, number, len(value)) + value
    for record, number, value in [
        (1, 90, b"\x1b%G"),
        (2, 5, "Fête".encode()),
        (2, 25, "été".encode()),
        (2, 25, b"sun"),
        (2, 80, "Jürgen Müller".encode()),
        (2, 90, "Zürich".encode()),
        (2, 101, b"Switzerland"),
        (2, 120, "桜 in bloom".encode()),
    ]
)


def with_iptc(records: bytes, comment: bytes = b"") -> bytes:
    jpeg = saved(comment=comment)
    segment = iptc.as_resources(records)
    return jpeg[:2] + b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


def test_iptc_stays_in_jpeg_and_tiff() -> None:
    source = with_iptc(RECORDS)
    assert Image.open(io.BytesIO(painted(source))).info["photoshop"][0x0404] == RECORDS
    tiff = painted(source, "TIFF")
    assert Image.open(io.BytesIO(tiff)).tag_v2[33723] == RECORDS
    assert Image.open(io.BytesIO(painted(tiff))).info["photoshop"][0x0404] == RECORDS


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "AVIF"])
def test_iptc_goes_into_xmp_elsewhere(file_format: str, encoding: str) -> None:
    records = (
        RECORDS if encoding == "utf-8" else struct.pack(">BBBH", 0x1C, 2, 80, 13) + "Jürgen Müller".encode(encoding)
    )
    found = xmp_of(painted(with_iptc(records), file_format, mark=False))
    assert "<dc:creator><rdf:Seq><rdf:li>Jürgen Müller</rdf:li></rdf:Seq></dc:creator>" in found
    if encoding == "utf-8":
        assert "<dc:subject><rdf:Bag><rdf:li>été</rdf:li><rdf:li>sun</rdf:li></rdf:Bag></dc:subject>" in found
        assert '<rdf:li xml:lang="x-default">桜 in bloom</rdf:li>' in found
        assert 'photoshop:City="Zürich"' in found


def png(*chunks: tuple[bytes, bytes], late: bool = False) -> bytes:
    data = saved("PNG")
    made = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    at = len(data) - 12 if late else 33
    return data[:at] + made + data[at:]


@pytest.mark.parametrize("late", [False, True])
def test_text_stays_in_png(late: bool) -> None:
    source = png(
        (b"tEXt", b"Author\0J\xfcrgen"),
        (b"zTXt", b"Comment\0\0" + zlib.compress(b"long " * 99)),
        (b"iTXt", "Title\0\0\0ja\0題\0桜".encode()),
        (b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(b'{"nodes": []}')),
        (b"tEXt", b"Thumb::Size\x0012"),
        late=late,
    )
    image = Image.open(io.BytesIO(painted(source, "PNG")))
    image.load()
    texts = image.text  # type: ignore[attr-defined]
    assert {key: str(texts[key]) for key in ("Author", "Comment", "Title", "workflow")} == {
        "Author": "Jürgen",
        "Comment": "long " * 99,
        "Title": "桜",
        "workflow": '{"nodes": []}',
    }
    assert "Thumb::Size" not in texts
    found = xmp_of(painted(source, "WEBP"))
    assert "<rdf:li>Jürgen</rdf:li>" in found
    assert '<rdf:li xml:lang="x-default">桜</rdf:li>' in found


@pytest.mark.parametrize("old", [False, True])
def test_what_imagemagick_hides_in_text_is_understood(old: bool) -> None:
    def raw(name: str, data: bytes) -> tuple[bytes, bytes]:
        digits = "\n".join(re.findall(".{1,72}", data.hex()))
        return b"zTXt", f"Raw profile type {name}\0\0".encode() + zlib.compress(
            f"\n{name}\n{len(data):8}\n{digits}\n".encode()
        )

    resources = iptc.as_resources(RECORDS).removeprefix(iptc.PHOTOSHOP)
    main = {274: Field(3, 1, b"\6\0"), 315: text_field("Müller")}
    said, rating = block(main=main), packet('xmp:Rating="4"')
    hidden = [raw("exif", said), raw("xmp", rating)]
    if old:
        hidden = [raw("APP1", SEGMENT_HEAD + rating), raw("APP1", exif.HEAD + said.removeprefix(exif.HEAD))]
    source = png(*hidden, raw("iptc", resources))
    picture = Picture.open(source)
    assert picture.width == 40
    data = picture.encode("JPEG")
    assert exif_of(data).directories[0][315] == text_field("Müller")
    assert Image.open(io.BytesIO(data)).info["photoshop"][0x0404] == RECORDS
    assert 'xmp:Rating="4"' in xmp_of(data)


def test_comments_stay() -> None:
    source = with_iptc(RECORDS, "Für Jürgen".encode())
    assert Image.open(io.BytesIO(painted(source))).info["comment"] == "Für Jürgen".encode()
    assert Picture.open(painted(source, "PNG")).texts == (("Comment", "Für Jürgen"),)
    assert Image.open(io.BytesIO(painted(painted(source, "PNG")))).info["comment"] == "Für Jürgen".encode()


# The place.


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_place_is_kept_unless_it_shall_not_be(file_format: str, tmp_path: Path) -> None:
    attributes = 'exif:GPSLatitude="47,22.5N" photoshop:City="Zürich" xmp:Rating="4"'
    elements = (
        '<Iptc4xmpExt:LocationShown><rdf:Bag><rdf:li Iptc4xmpExt:City="Zürich"/></rdf:Bag></Iptc4xmpExt:LocationShown>'
    )
    source = with_iptc(RECORDS)
    directories = {"main": {271: text_field("Maker")}, "position": {1: text_field("N")}}
    picture = Picture(
        **vars(Picture.open(source))
        | {"exif": block(**directories), "xmp": packet(attributes, elements)}
        | {"texts": (("exif:GPSLatitude", "47"), ("Author", "Jürgen"))}
    )
    data = picture.encode(file_format)
    assert POSITION in exif_of(data).directories
    assert 'exif:GPSLatitude="47,22.5N"' in xmp_of(data)
    ending = {"JPEG": "jpg"}.get(file_format, file_format.lower())
    picture.save(tmp_path / f"a.{ending}", strip_location=True)
    data = (tmp_path / f"a.{ending}").read_bytes()
    found = exif_of(data)
    assert POSITION not in found.directories
    assert found.directories[0][271] == text_field("Maker")
    assert 'xmp:Rating="4"' in xmp_of(data)
    for said in ("GPS", "Zürich", "Switzerland"):
        assert said.encode() not in data
    again = Picture.open(data)
    assert again.without_location().metadata == again.metadata


# All of it.

MARKERS = ("EXIFMARK", "GPSMARK", "XMPMARK", "IPTCMARK", "COMMENTMARK", "TEXTMARK", "NOTEMARK", "RIGHTSMARK")


def telling(file_format: str) -> bytes:
    """A photo whose file says the markers in every form that its format has, with a profile and a thumbnail."""
    fields = {315: text_field("EXIFMARK"), 33432: text_field("RIGHTSMARK"), 274: Field(3, 1, b"\6\0")}
    notes = {37500: Field(7, 8, b"NOTEMARK"), 37510: Field(7, 19, b"ASCII\0\0\0COMMENTMARK")}
    said = block(main=fields, details=notes, position={29: text_field("GPSMARK")})
    told = packet('photoshop:City="XMPMARK" xmp:Rating="4"')
    records = b"\x1c\2\x78\0\x08IPTCMARK"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    if file_format == "TIFF":
        out = io.BytesIO()
        tags = [(315, "s", 0, "EXIFMARK", True), (33432, "s", 0, "RIGHTSMARK", True), (270, "s", 0, "TEXTMARK", True)]
        tags += [(700, 1, len(told), told, True), (33723, 7, len(records), records, True)]
        tifffile.imwrite(out, scene(64, 40), extratags=tags, iccprofile=profile, photometric="rgb", metadata=None)
        return out.getvalue()
    if file_format == "PNG":
        texts = [(b"tEXt", b"Author\0TEXTMARK"), (b"zTXt", b"Note\0\0" + zlib.compress(b"COMMENTMARK"))]
        texts.append((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + told))
        return png(*texts, (b"eXIf", said.removeprefix(exif.HEAD)))
    data = saved(file_format, exif=said, xmp=told, icc_profile=profile, dpi=(240, 240))
    if file_format != "JPEG":
        return data
    segments = [(0xED, iptc.as_resources(records)), (0xFE, b"COMMENTMARK")]
    parts = b"".join(struct.pack(">BBH", 0xFF, marker, len(one) + 2) + one for marker, one in segments)
    return data[:2] + parts + data[2:]


@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("target", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_nothing_of_the_photo_s_own_is_left_if_it_shall_not_be(source: str, target: str) -> None:
    data = telling(source)
    said = [marker for marker in MARKERS if marker.encode() in unpacked_texts(painted(data, target))]
    assert {"EXIFMARK", "XMPMARK"} <= set(said)  # they come along otherwise
    for mark in (True, False):
        result = painted(data, target, mark=mark, strip_metadata=True)
        found = unpacked_texts(result)
        for marker in (*MARKERS, "GPS", "Rating"):
            assert marker.encode() not in found
        assert (SOURCE_TYPE.encode() in found) is mark
        picture = Picture.open(result)
        before = Picture.open(data)
        assert (picture.width, picture.height) == (before.width, before.height)  # turned as EXIF said
        assert bool(picture.profile) is bool(before.profile)
        assert not picture.without_metadata().exif


def unpacked_texts(data: bytes) -> bytes:
    """A file's bytes, and what is said in a PNG file's compressed texts."""
    texts = png_text.read(data) if data.startswith(b"\x89PNG") else []
    return data + repr(texts).encode()
