"""The XMP packet that says what made a picture."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from impasto.picture.metadata import IPTC, RDF, SOURCE_TYPE, packet

MADE = {"program": "Impasto", "version": "1", "style": "<&\"ü'"}
PHOTO = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="5" xmp:CreatorTool="Camera"/></rdf:RDF></x:xmpmeta>'
    b'<?xpacket end="w"?>'
)


def descriptions(data: bytes) -> list[dict[str, str]]:
    return [dict(element.attrib) for element in ElementTree.fromstring(data).iter(f"{{{RDF}}}Description")]


def test_the_source_type_is_iptc_s() -> None:
    assert SOURCE_TYPE.endswith("/digitalsourcetype/compositeWithTrainedAlgorithmicMedia")
    (ours,) = descriptions(packet(MADE))
    assert ours[f"{{{IPTC}}}DigitalSourceType"] == SOURCE_TYPE
    assert any("ü'" in value for value in ours.values())


def test_what_the_photo_s_packet_says_is_kept() -> None:
    theirs, ours = descriptions(packet(MADE, PHOTO))
    assert theirs["{http://ns.adobe.com/xap/1.0/}Rating"] == "5"
    assert "{http://ns.adobe.com/xap/1.0/}CreatorTool" not in theirs
    assert ours["{http://ns.adobe.com/xap/1.0/}CreatorTool"] == "Impasto 1"


def test_painting_a_painted_picture_says_it_once() -> None:
    twice = packet(MADE, packet(MADE, PHOTO))
    assert twice.count(b"DigitalSourceType=") == 1


@pytest.mark.parametrize(
    "broken", [b"garbage", b"<a/>", b"\xff\xfe", b'<!DOCTYPE a [<!ENTITY b "c">]><x>&b;</x>', b"<x:xmpmeta>"]
)
def test_a_broken_packet_is_left_out(broken: bytes) -> None:
    assert len(descriptions(packet(MADE, broken))) == 1
