"""YAML that somebody wrote to do harm, or by mistake, and the two ways Handrail reads YAML."""

import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from handrail.core.documents import load
from handrail.core.errors import HandrailError
from handrail.core.models import read
from handrail.organisation import Context
from handrail.organisation.load import FILE, load_organisation
from handrail.organisation.model import Organisation
from handrail.personas._workloads import read_workloads

ROOT = Path(__file__).parents[1]
ACME = ROOT / "stacks" / "acme"
ORGANISATION = ACME / "platform" / "acme_platform" / FILE
TEAMS = ("payments", "storefront", "fraud", "assist", "churn")
SAMPLES = {team: (ACME / team / "workloads.yaml").read_text() for team in TEAMS} | {FILE: ORGANISATION.read_text()}


class Reader:
    """Reads YAML as workloads.yaml of a team of acme, as its organisation.yaml, or as a stack's releases."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="handrail-hostile-")
        self.root = Path(self._folder.name)
        self._acme = read(load(ORGANISATION), Organisation)

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def workloads(self, text: bytes, team: str = "payments") -> HandrailError | None:
        """What is wrong with it; None where it is a plan."""
        file = self.root / "workloads.yaml"
        file.write_bytes(text)
        return _error(lambda: read_workloads(file, Context(self._acme, "dev", team, self.root, f"{team}-dev"), {}))

    def organisation(self, text: bytes) -> HandrailError | None:
        """What is wrong with it; None where it is an organisation."""
        (self.root / FILE).write_bytes(text)
        load_organisation.cache_clear()
        return _error(lambda: load_organisation(self.root))


def _error(call: Callable[[], object]) -> HandrailError | None:
    try:
        call()
    except HandrailError as error:
        assert error.problems
        assert str(error).strip()
        return error
    return None


# every kind of scalar, with what Python's numbers, dates and text trip over
SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(10**30), 10**30), st.floats(), st.text(max_size=20),
    st.sampled_from([
        "", " ", "0", "-1", "1e400", ".inf", "-.inf", ".nan", "70%", "101%", "1.5", "10Mi", "1e9Gi", "99999999999999h",
        "250ms", "0s", "2d", "a/b", "a/b/c", "../..", "s3://", "models:/x@y", "models:/x/4", "0 2 * * *", "* * * * * *",
        "x" * 300, "\u202e", "\U0001f600", "\x7f", "\u2028", "l4", "small", "v1", "public", "yes", "2024-01-01", "10.0.0.0/8",
    ]),
)  # fmt: skip


def _words() -> list[str]:
    found: set[str] = set()

    def walk(value: Any) -> None:
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(key, str):
                found.add(key)
            if isinstance(item, dict | list):
                walk(item)

    for text in SAMPLES.values():
        walk(yaml.safe_load(text))
    return sorted(found)


WORDS = st.sampled_from(_words()) | st.text(max_size=6)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=12
)
ANY_TEXT = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(alphabet="{}[]:,&*!|>-?'\"#%@`~<= \n\tab1.", max_size=200).map(str.encode),
)


@st.composite
def misshapen(draw: st.DrawFn) -> tuple[str, bytes]:
    """A sample of acme with values of any kind in place of some of its own, or words added or taken away."""
    name = draw(st.sampled_from(sorted(SAMPLES)))
    data = yaml.safe_load(SAMPLES[name])
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.randoms(use_true_random=False))
        holder, key = _somewhere(data, place)
        action = draw(st.sampled_from(["replace", "replace", "add", "remove"]))
        if action == "remove":
            del holder[key]
        elif action == "add" and isinstance(holder, dict):
            holder[draw(WORDS)] = draw(VALUES)
        else:
            holder[key] = draw(VALUES)
    return name, yaml.safe_dump(data, allow_unicode=True, sort_keys=False).encode("utf-8", "surrogatepass")


def _somewhere(data: Any, place: random.Random) -> tuple[Any, Any]:
    """A mapping or list of the data and one of its keys or indexes."""
    found: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
            found.append((value, key))
            if isinstance(item, dict | list):
                walk(item)

    walk(data)
    return place.choice(found) if found else ({"": None}, "")


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    """A sample of acme with bytes of it cut out, written twice, moved, or replaced."""
    name = draw(st.sampled_from(sorted(SAMPLES)))
    text = SAMPLES[name].encode()
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        piece = draw(
            st.sampled_from(
                [b"", text[start:end] * 2, b"\t", b"\x00", b": ", b"\n- ", b"&a ", b"*a", b"<<: ", b"{", b"!!int "]
            )
            | st.binary(max_size=8)
            | SCALARS.map(lambda value: str(value).encode("utf-8", "surrogatepass"))
        )
        text = text[:start] + piece + text[end:]
    return name, text


def check(reader: Reader, name: str, text: bytes) -> None:
    """Reading it ends in a value or in a HandrailError that names its file; anything else is raised."""
    error = reader.organisation(text) if name == FILE else reader.workloads(text, name)
    if error is not None:
        assert any(problem.where for problem in error.problems) or ":" in str(error), str(error)
