"""The digest of an OpenAPI document, and what is read of oasdiff's answer: without oasdiff."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.core.errors import DocumentError, EngineError
from handrail.releases.api import ApiBreak, api_digest, breaking_changes, read_changes

YAML = b"""\
# the orders of a shop
openapi: 3.0.3
info: {title: orders, version: "1"}
paths:
  /orders:
    get:
      responses: {"200": {description: all of them}}
"""

# what oasdiff 1.11.7 wrote of two documents, in one line
RECORDED = """\
[{"id":"response-optional-property-removed","text":"removed the optional property 'note' from the response with the \
'200' status","level":2,"operation":"GET","path":"/orders/{id}","source":"new.json","section":"paths"},\
{"id":"api-removed-without-deprecation","text":"api removed without deprecation","level":3,"operation":"DELETE",\
"operationId":"drop","path":"/orders/{id}","source":"old.json","section":"paths"},\
{"id":"api-schema-removed","text":"removed the schema 'Note'","level":3,"section":"components"},\
{"id":"new-required-request-parameter","text":"added the new required 'query' request parameter 'tenant'","level":3,\
"operation":"GET","path":"/orders","source":"new.json","section":"paths"}]
"""


def test_layout_comments_order_and_notation_do_not_count() -> None:
    """Two texts that say the same have one digest."""
    data = yaml.safe_load(YAML)
    reordered = dict(reversed(data.items()))
    same = [YAML, json.dumps(data).encode(), json.dumps(reordered, indent="\t").encode(), yaml.dump(reordered).encode()]
    assert len({api_digest(text) for text in same}) == 1
    assert api_digest(YAML).startswith("sha256:")
    assert len(api_digest(YAML)) == len("sha256:") + 64


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"all of them", b"every one"),
        (b"/orders:", b"/order:"),
        (b'version: "1"', b'version: "2"'),
        (b'"200"', b'"201"'),
    ],
)
def test_what_a_document_says_counts(old: bytes, new: bytes) -> None:
    """Each word of it, descriptions included: the digest is of a document, not of a promise."""
    assert api_digest(YAML.replace(old, new)) != api_digest(YAML)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(extension=PLAIN, indent=st.sampled_from([None, 2, "\t"]), escaped=st.booleans())
@settings(deadline=None)
def test_any_json_has_one_digest(extension: Any, indent: Any, escaped: bool) -> None:
    """Whatever its text: escapes as well, which YAML does not take."""
    data = {"openapi": "3.0.3", "info": {}, "paths": {}, "x-any": {"y": extension}}
    text = json.dumps(data, indent=indent, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    assert api_digest(text) == api_digest(json.dumps(data).encode())


@given(text=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"openapi: '3.0'\n{text}".encode()))
@settings(deadline=None)
def test_any_bytes_are_a_document_or_an_error_for_people(text: bytes) -> None:
    """Never another exception."""
    try:
        assert api_digest(text).startswith("sha256:")
    except DocumentError as error:
        assert error.problems


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- openapi: 3.0.3", "1:1: is no OpenAPI document: it holds no mapping"),
        ("", "1:1: is no OpenAPI document: it holds no mapping"),
        ("info: {}\n", "1:1: openapi: is no OpenAPI 3 document\n    given:   nothing"),
        ("info: {}\nopenapi: 2.0.0\n", "2:10: openapi: is no OpenAPI 3 document\n    given:   2.0.0"),
        ("openapi: 3.0\n", "1:10: openapi: is no OpenAPI 3 document\n    given:   3.0\n    allowed: a version as text"),
        ('swagger: "2.0"\n', "1:10: swagger: is no OpenAPI 3 document\n    given:   2.0"),
        ("openapi: 3.0.3\npaths: [a]\n", "2:8: paths: must hold paths\n    given:   ['a']"),
        ("openapi: 3.0.3\npaths: {}\n", "1:1: info: must hold title and version\n    given:   nothing"),
        ("openapi: 3.0.3\ninfo: {}\n", "1:1: paths: must hold paths\n    given:   nothing"),
        ("openapi: 3.0.3\ninfo: {}\npaths: {a: {}, x-b: 1}\n", "3:9: paths.a: is no path\n    given:   a"),
        (
            "openapi: 3.0.3\ninfo: {}\npaths: {/a: [], /b: null}\n",
            "3:17: paths./b: must hold methods\n    given:   None",
        ),
        (
            "openapi: 3.0.3\npaths: {a: {$ref: b.yaml}}\n",
            "2:19: paths.a.$ref: refers to something outside the document",
        ),
        ("openapi: 3.0.3\nopenapi: 3.0.3\n", "2:1: openapi: is written twice"),
        ('{"openapi": "3.0.3", "openapi": "3.0.3"}', "1:22: openapi: is written twice"),
        ('{\n\t"openapi": "2"}', "2:13: openapi: is no OpenAPI 3 document"),
        ('{"x": "\\ud83d\\ude00",\n "openapi": "2"}', "1:1: openapi: is no OpenAPI 3 document"),
        ("openapi: 3.0.3\n: [", "is not YAML"),
        ('{"openapi": "3.0.3", "x": ' + "[" * 100 + "]" * 100 + "}", "is nested too deeply"),
        ('{"openapi": "3.0.3", "x": ' + "[" * 100_000 + "]" * 100_000 + "}", "is nested too deeply"),
        ('{"openapi": "3.0.3", "x": "' + "y" * 5_000_000 + '"}', "is too large"),
    ],
)
def test_what_is_no_openapi_document(text: str, said: str) -> None:
    """Is told with its place, for both documents at once."""
    with pytest.raises(DocumentError) as caught:
        breaking_changes(text.encode(), text.encode(), names=("old.yaml", "new.yaml"))
    assert said in str(caught.value)
    assert {problem.where.file for problem in caught.value.problems if problem.where} == {"old.yaml", "new.yaml"}


def test_oasdiffs_answer_is_read() -> None:
    """Errors before warnings, then by path and method; what has no path stands first."""
    assert read_changes(RECORDED) == (
        ApiBreak("api-schema-removed", "error", "removed the schema 'Note'", "", "", "components"),
        ApiBreak(
            "new-required-request-parameter",
            "error",
            "added the new required 'query' request parameter 'tenant'",
            "GET",
            "/orders",
            "paths",
        ),
        ApiBreak(
            "api-removed-without-deprecation",
            "error",
            "api removed without deprecation",
            "DELETE",
            "/orders/{id}",
            "paths",
        ),
        ApiBreak(
            "response-optional-property-removed",
            "warning",
            "removed the optional property 'note' from the response with the '200' status",
            "GET",
            "/orders/{id}",
            "paths",
        ),
    )
    assert [str(each) for each in read_changes(RECORDED)][:2] == [
        "components: removed the schema 'Note'",
        "GET /orders: added the new required 'query' request parameter 'tenant'",
    ]
    assert [each.breaking for each in read_changes(RECORDED)] == [True, True, True, False]


@pytest.mark.parametrize("text", ["[]", "null"])
def test_no_change(text: str) -> None:
    """Is an empty answer."""
    assert read_changes(text) == ()


@pytest.mark.parametrize(
    "text", ["", "no differences", "{}x", '[{"id": "a"}]', '[{"id": "a", "text": "b", "level": 7}]', "[3]", "7"]
)
def test_an_answer_that_is_not_understood(text: str) -> None:
    """Is an error that says which oasdiff to take: never "nothing breaks"."""
    with pytest.raises(EngineError, match="handrail engine install --oasdiff"):
        read_changes(text)
