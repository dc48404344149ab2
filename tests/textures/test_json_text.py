"""Other values in the text of a JSON file, and no other character changed."""

from __future__ import annotations

import json
import random

import pytest

from impasto.textures.json_text import changed

TEXT = '\n{ "a" : [ 1 , 2.50, {"b":"\\u00e9 ]}" } ],\t"c": {} , "d": [],\r\n "e" : { "f" : null }\n}  \n'


def test_nothing_changes_without_changes() -> None:
    assert changed(TEXT, {}) == TEXT


def test_a_value_changes_and_nothing_beside_it() -> None:
    assert changed(TEXT, {("a", 1): 7}) == TEXT.replace("2.50", "7")
    assert changed(TEXT, {("a", 2, "b"): "x"}) == TEXT.replace('"\\u00e9 ]}"', '"x"')
    assert changed(TEXT, {("e", "f"): [1, 2]}) == TEXT.replace("null", "[1,2]")


@pytest.mark.parametrize("place", [("c", "new"), ("e", "new"), ("a", 2, "new"), ("new",)])
def test_a_member_is_added(place: tuple[str | int, ...]) -> None:
    expected = json.loads(TEXT)
    within = expected
    for step in place[:-1]:
        within = within[step]
    within["new"] = {"x": [1]}
    assert json.loads(changed(TEXT, {place: {"x": [1]}})) == expected


def test_elements_are_added_in_the_order_of_their_numbers() -> None:
    found = json.loads(changed(TEXT, {("d", 1): "second", ("a", 3): 3, ("d", 0): "first"}))
    assert found["d"] == ["first", "second"]
    assert found["a"][3] == 3


def test_of_two_members_with_one_name_the_last_is_meant_as_readers_take_it() -> None:
    assert changed('{"a": 1, "a": 2}', {("a",): 3}) == '{"a": 1, "a": 3}'


def test_strings_that_hold_brackets_and_escapes_are_passed_over() -> None:
    text = '{"a\\"]": "}{[", "b": "\\\\", "c": 1}'
    assert changed(text, {("c",): 2}) == text.replace("1", "2")
    assert json.loads(changed(text, {('a"]',): 0}))['a"]'] == 0


def test_what_is_written_is_ascii_whatever_it_holds() -> None:
    """Half of a pair of surrogates can be said in JSON, but not written as UTF-8."""
    found = changed('{"a": 1}', {("a",): "é\ud800"})
    assert found.isascii()
    assert json.loads(found)["a"] == "é\ud800"


@pytest.mark.parametrize("place", [("x", "y"), ("a", 0, "y"), ("a", "y"), ("e", 0)])
def test_there_is_no_adding_to_what_is_not_there_or_of_another_kind(place: tuple[str | int, ...]) -> None:
    with pytest.raises(KeyError):
        changed(TEXT, {place: 1})


def test_any_values_of_any_text_change_as_in_the_parsed_one() -> None:
    rng = random.Random(0)

    def value(depth: int) -> object:
        kind = rng.randrange(7 if depth else 5)
        if kind >= 5:
            length = rng.randrange(4)
            found = [value(depth - 1) for _ in range(length)]
            return (
                found
                if kind == 5
                else {rng.choice(("a", "b{", 'c"', "é")) + str(i): one for i, one in enumerate(found)}
            )
        return rng.choice((None, True, -1.5e3, "", "x ,]}", 'quote"', "\\", 12))

    def places(one: object, path: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
        members = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        return [place for key, inner in members for place in [(*path, key), *places(inner, (*path, key))]]

    for _ in range(200):
        root = {"root": value(4)}
        text = json.dumps(root, indent=rng.choice((None, 1, 4)), ensure_ascii=rng.random() < 0.5)
        place = rng.choice(places(root, ()))
        within = expected = json.loads(text)
        for step in place[:-1]:
            within = within[step]
        within[place[-1]] = "new"
        assert json.loads(changed(text, {place: "new"})) == expected
