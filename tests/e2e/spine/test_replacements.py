"""What the provider replaces an object for: our table is its own, read out of the module that it is built from."""

import re
import sys
from collections.abc import Iterator
from functools import cache

import pytest

from handrail.engine import _versions
from handrail.engine._build import _module, _sources, find_go
from handrail.preview._risk.tables import REPLACES

pytestmark = pytest.mark.engine


@cache
def source() -> str:
    """provider/diff.go of the version that is built, without its comments."""
    go = find_go(lambda text: print(text, file=sys.stderr))
    with _sources("kubernetes") as sources:
        text = (_module(go, sources, _versions.KUBERNETES_MODULE) / "pkg/provider/diff.go").read_text()
    return re.sub(r"//.*", "", text)


def inside(text: str) -> str:
    """What stands in the first brackets of a text."""
    begin = re.search(r"[{(]", text)
    assert begin, text
    depth = 0
    for index in range(begin.start(), len(text)):
        depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(text[index], 0)
        if depth == 0:
            return text[begin.end() : index]
    raise AssertionError(f"not closed: {text[:80]}")


def parts(text: str) -> Iterator[str]:
    """The expressions between the commas of a list, those inside of brackets left alone."""
    depth, begin = 0, 0
    for index, letter in enumerate(f"{text},"):
        depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            if part := text[begin:index].strip():
                yield part
            begin = index + 1


def entries(expression: str) -> Iterator[tuple[str, str]]:
    """The keys and values of a map, which may stand under a name of its own."""
    if re.fullmatch(r"\w+", expression):
        expression = source()[source().index(f"var {expression} = ") :]
    for part in parts(inside(expression)):
        key, _, value = part.partition(":")
        yield key.strip().strip('"'), value.strip()


def fields(expression: str) -> set[str]:
    """The fields of a list of properties: literals, other lists, and functions that put them after a prefix."""
    expression = expression.removesuffix("...")
    if literal := re.fullmatch(r'"\.(.*)"', expression):
        return {literal[1]}
    if re.fullmatch(r"\w+", expression):
        return fields(re.search(rf"var {expression} = (\w+[({{].*)", source(), re.DOTALL)[1])  # type: ignore[index]
    if call := re.match(r"(\w+ForceNewProperties)\(", expression):
        body = source()[source().index(f"func {call[1]}(") :].partition("\n}")[0]
        suffixes = re.findall(r'prefix \+ "(\.[\w.]+)"', body)
        return {
            f"{prefix}{suffix}" for each in parts(inside(expression)) for prefix in fields(each) for suffix in suffixes
        }
    return {field for part in parts(inside(expression)) for field in fields(part)}


def outermost(found: set[str]) -> set[str]:
    """Without those that stand below another one of them."""
    return {each for each in found if not any(each.startswith(f"{other}.") for other in found)}


def test_the_table_is_the_providers_own() -> None:
    """Every kind that it names, with every field; nothing of ours beside them."""
    theirs = {
        f"{group or 'core'}/{version}:{kind}": outermost(fields(found))
        for group, versions in entries("forceNew")
        for version, kinds in entries(versions)
        for kind, found in entries(kinds)
    }
    assert {kind: set(found) for kind, found in REPLACES.items()} == theirs


def test_what_always_replaces_is_the_providers_own() -> None:
    """The name and the namespace of every kind, and the values of ConfigMaps and Secrets."""
    body = source()[source().index("func (k *kubeProvider) forceNewProperties") :].partition("\n}")[0]
    assert 'metadataForceNewProperties(".metadata")' in body
    assert fields('metadataForceNewProperties(".metadata")') == {"metadata.name", "metadata.namespace"}
    assert [fields(found) for found in re.findall(r"properties\{[^}]+\}", body)] == [
        {"type", "stringData", "data"}, {"binaryData", "data"}
    ]  # fmt: skip
