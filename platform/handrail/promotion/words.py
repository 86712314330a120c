"""What a promotion did, in a sentence of its reader's."""

from __future__ import annotations

from dataclasses import dataclass

from handrail.personas._persona import nouns
from handrail.promotion.pins import WHOLE, same, told
from handrail.promotion.places import Place
from handrail.releases import Release


@dataclass(frozen=True, slots=True)
class Words:
    """What happened, in a sentence of a reader's."""

    place: Place
    reader: str | None

    @property
    def what(self) -> str:
        """As `service checkout`."""
        definition = self.place.definition()
        mine = nouns().get(self.reader or self.place.context.owner.persona, {})
        noun = mine.get(definition.name, definition.name) if definition else "workload"
        return f"{noun} {self.place.workload}"

    def unchanged(self, current: Release) -> str:
        """Nothing was to do."""
        canary = f", with a canary of {told(current.canary)} at {current.canary.weight}%" if current.canary else ""
        return f"{self.what} runs {told(current)} in {self.place.environment} already{canary}: nothing changes"

    def promoted(self, before: Release | None, after: Release, weight: int | None) -> str:
        """It was promoted, as a whole or as a canary."""
        where = self.place.environment
        if after.canary and weight is not None and weight < WHOLE:
            moved = f", {before.canary.weight}% until now" if before and before.canary else ""
            share = f"{weight}% of the requests" if weight else "no requests yet (it runs dark)"
            return (
                f"{self.what} in {where}: the canary {told(after.canary)} gets {share}{moved}; {told(after)} the rest"
            )
        instead = f", in place of {told(before)}" if before and before.pins and not same(before, after) else ""
        source = f" from {after.source}" if after.source else ""
        return f"{self.what} in {where} becomes {told(after)}{source}{instead}"
