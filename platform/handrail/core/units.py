"""Quantities as people write them, parsed once into types that carry their unit.

A bare number has no unit and is refused, except for `Cpu`, where Kubernetes' own reading is cores.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

_NUMBER = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([A-Za-z%]*)", re.ASCII)


@dataclass(frozen=True, order=True, slots=True)
class Quantity:
    """A whole number of a base unit; `str()` gives Kubernetes' own spelling.

    Args:
        amount: how many of the base unit that the subclass names; never negative.
    """

    amount: int

    noun: ClassVar[str]
    hint: ClassVar[str]
    units: ClassVar[dict[str, int]]
    bare: ClassVar[int | None] = None

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read what a person wrote.

        Raises:
            ValueError: the text is no such quantity, or is finer than the base unit.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(f"is not {cls.noun}: write {cls.hint}")
        amount = sum((cls._part(number, unit) for number, unit in cls._parts(str(value).strip())), Decimal(0))
        if amount != amount.to_integral_value():
            raise ValueError(f"is finer than {cls.noun} can be: write {cls.hint}")
        return cls(int(amount))

    @classmethod
    def _parts(cls, text: str) -> list[tuple[str, str]]:
        match = _NUMBER.fullmatch(text)
        if match is None:
            raise ValueError(f"is not {cls.noun}: write {cls.hint}")
        return [(match[1], match[2])]

    @classmethod
    def _part(cls, number: str, unit: str) -> Decimal:
        factor = cls.units.get(unit) if unit else cls.bare
        if factor is None:
            raise ValueError(f"has {'the unit ' + unit if unit else 'no unit'}: write {cls.hint}")
        return Decimal(number) * factor

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        types: Any = "string" if cls.bare is None else ["string", "number"]
        return {"type": types, "description": f"{cls.noun}: {cls.hint}"}


class Percent(Quantity):
    """A share, in millionths of one per cent's hundredth: `70%`, `99.95%`. Base unit: 0.0001 %."""

    noun = "a percentage"
    hint = "a number and %, as 70%"
    units: ClassVar[dict[str, int]] = {"%": 10_000}

    @classmethod
    def parse(cls, value: object) -> Self:
        share = Quantity.parse.__func__(cls, value)  # type: ignore[attr-defined]
        if share.amount > 1_000_000:
            raise ValueError("is more than 100%")
        return share  # type: ignore[no-any-return]

    @property
    def whole(self) -> int:
        """Whole per cent, rounded down: 0 to 100."""
        return self.amount // 10_000

    def __str__(self) -> str:
        return f"{Decimal(self.amount) / 10_000:f}%"


class Duration(Quantity):
    """A length of time: `300ms`, `90s`, `2h`, `1h30m`, `7d`. Base unit: milliseconds."""

    noun = "a length of time"
    hint = "a number and ms, s, m, h or d, as 300ms or 2h"
    units: ClassVar[dict[str, int]] = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

    @classmethod
    def _parts(cls, text: str) -> list[tuple[str, str]]:
        parts = [(match[1], match[2]) for match in _NUMBER.finditer(text)]
        if not parts or "".join(number + unit for number, unit in parts) != text.replace(" ", ""):
            raise ValueError(f"is not {cls.noun}: write {cls.hint}")
        return parts

    @property
    def seconds(self) -> int:
        """Whole seconds, rounded up: a limit never becomes 0."""
        return -(-self.amount // 1000)

    def __str__(self) -> str:
        for unit in ("d", "h", "m", "s"):
            if self.amount and self.amount % self.units[unit] == 0:
                return f"{self.amount // self.units[unit]}{unit}"
        return f"{self.amount}ms"


class Memory(Quantity):
    """An amount of memory or storage: `512MiB`, `16GiB`, `16Gi`, `1GB`. Base unit: bytes."""

    noun = "an amount of memory"
    hint = "a number and MiB, GiB or TiB, as 512MiB or 16GiB"
    units: ClassVar[dict[str, int]] = {
        **{prefix + end: 1024**power for power, prefix in enumerate(("Ki", "Mi", "Gi", "Ti"), 1) for end in ("", "B")},
        **{prefix + "B": 1000**power for power, prefix in enumerate(("k", "M", "G", "T"), 1)},
    }

    def __str__(self) -> str:
        for unit in ("Ti", "Gi", "Mi", "Ki"):
            if self.amount and self.amount % self.units[unit] == 0:
                return f"{self.amount // self.units[unit]}{unit}"
        return str(self.amount)


class Cpu(Quantity):
    """Processor time: `1500m`, `2`, `0.5`. Base unit: thousandths of a core."""

    noun = "an amount of cpu"
    hint = "cores or thousandths, as 2, 0.5 or 1500m"
    units: ClassVar[dict[str, int]] = {"m": 1}
    bare = 1000

    def __str__(self) -> str:
        return str(self.amount // 1000) if self.amount % 1000 == 0 else f"{self.amount}m"
