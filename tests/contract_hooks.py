"""What schemathesis cannot guess: pictures, and names of styles."""

from __future__ import annotations

from typing import Any

import schemathesis
from helpers import file_bytes, scene
from hypothesis import strategies

PICTURES = [file_bytes(scene(40, 24)), file_bytes(scene(24, 32), "JPEG"), file_bytes(scene(16, 16), "WEBP")]
STYLES = ["udnie", "starry-night:0.5", "no-such-style", "none", "../udnie"]

schemathesis.openapi.format("binary", strategies.sampled_from([*PICTURES, PICTURES[0][:60], b"", b"text"]))


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    if isinstance(body, dict):
        for name in ("style", "region_style", "prompt"):
            given = body.get(name)
            if isinstance(given, list):
                body[name] = [STYLES[len(str(one)) % len(STYLES)] if isinstance(one, str) else one for one in given]
            elif isinstance(given, str):
                body[name] = STYLES[len(given) % len(STYLES)]
        if "engine" in body:
            body["engine"] = "light"
    return body
