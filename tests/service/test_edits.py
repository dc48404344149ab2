"""OpenAI's own client against a running service."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import requests
from helpers import file_bytes, scene
from PIL import Image
from services import Running, ThreadHosts, running

from impasto.service.edits import named_in
from impasto.service.hosts import Busy
from impasto.styles.gallery import Gallery

openai = pytest.importorskip("openai")

PHOTO = file_bytes(scene(64, 48))


@pytest.fixture(scope="module")
def client(service: Running) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{service.url}/v1", api_key="any", max_retries=0)


def edited(client: openai.OpenAI, image: object = ("photo.png", PHOTO), **more: object) -> list[np.ndarray]:
    answer = client.images.edit(image=image, **{"model": "light", "prompt": "udnie"} | more)
    pictures = [Image.open(io.BytesIO(base64.b64decode(one.b64_json or ""))) for one in answer.data or []]
    assert all(picture.format == str(more.get("output_format", "png")).upper() for picture in pictures)
    return [np.asarray(picture) for picture in pictures]


def test_a_photo_is_painted(client: openai.OpenAI) -> None:
    (picture,) = edited(client)
    assert picture.shape == (48, 64, 3)
    assert np.abs(picture.astype(int) - scene(64, 48)).mean() > 5


def test_size_format_and_number(client: openai.OpenAI) -> None:
    first, second = edited(client, size="1024x1024", n=2, output_format="jpeg", output_compression=50, quality="high")
    assert first.shape == (768, 1024, 3)
    np.testing.assert_array_equal(first, second)


def test_only_what_the_mask_leaves_clear_is_painted(client: openai.OpenAI) -> None:
    clear = np.full((48, 64, 4), 255, np.uint8)
    clear[:, :32, 3] = 0
    (picture,) = edited(client, mask=("mask.png", file_bytes(clear)))
    np.testing.assert_array_equal(picture[:, 40:], scene(64, 48)[:, 40:])
    assert np.abs(picture[:, :24].astype(int) - scene(64, 48)[:, :24]).mean() > 5


def test_further_images_are_paintings(client: openai.OpenAI) -> None:
    painting = ("painting.png", file_bytes(scene(80, 80, 4)[:, :, ::-1].copy()))
    (one,) = edited(client, [("photo.png", PHOTO), painting], prompt="like this painting")
    (both,) = edited(client, [("photo.png", PHOTO), painting], prompt="udnie")
    assert (one != both).any()


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("starry-night", [("starry-night", 1.0)]),
        ("Paint it like The Starry Night, please", [("starry-night", 1.0)]),
        ("starry-night:0.7, great-wave:0.3", [("starry-night", 0.7), ("great-wave", 0.3)]),
        ("GREAT WAVE and udnie : 2", [("great-wave", 1.0), ("udnie", 2.0)]),
    ],
)
def test_prompts_name_styles(prompt: str, found: list[tuple[str, float]]) -> None:
    assert named_in(prompt, Gallery()) == found


@pytest.mark.parametrize(
    ("more", "code", "word"),
    [
        ({"prompt": "starry knigt"}, "unknown-style", "starry-night"),
        ({"prompt": "like my aunt does"}, "unknown-style", "style"),
        ({"prompt": "udnie:0"}, "zero-weights", "udnie"),
        ({"size": "big"}, "malformed", "1024x1024"),
        ({"n": 11}, "out-of-range", "11"),
        ({"response_format": "url"}, "unknown-choice", "b64_json"),
        ({"image": ("photo.png", b"text")}, "not-a-picture", "photo.png"),
        ({"mask": ("mask.png", PHOTO)}, "nothing-given", "mask"),
    ],
)
def test_errors_are_read_by_the_client(client: openai.OpenAI, more: dict[str, object], code: str, word: str) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        edited(client, **more)
    assert caught.value.code == code
    assert caught.value.status_code in (400, 415, 422)
    assert word in str(caught.value.body) or code == "zero-weights"


def test_pictures_come_in_an_answer_of_known_length(service: Running) -> None:
    files = [("image", ("photo.png", PHOTO))]
    fields = {"prompt": "udnie", "model": "light", "n": "3"}
    answer = requests.post(f"{service.url}/v1/images/edits", data=fields, files=files, timeout=60)
    assert int(answer.headers["content-length"]) == len(answer.content)
    found = answer.json()
    assert (found["size"], found["output_format"], len(found["data"])) == ("64x48", "png", 3)


def test_too_much_at_once_is_what_the_client_knows_it_as() -> None:
    def fail(_: object) -> None:
        raise Busy("5.0 megapixels wait already", 3.2, "ask again")

    with running(ThreadHosts(before=fail)) as full:
        client = openai.OpenAI(base_url=f"{full.url}/v1", api_key="any", max_retries=0)
        with pytest.raises(openai.RateLimitError, match="megapixels wait") as caught:
            edited(client)
    assert caught.value.code == "busy"
    assert caught.value.response.headers["retry-after"] == "4"


def test_models_are_the_engines(client: openai.OpenAI) -> None:
    assert "painter" in [model.id for model in client.models.list()]
    assert client.models.retrieve("light").id == "light"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-image-1")
