"""A preview as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from handrail.core.resources import Token, replace_leaves
from handrail.preview.model import Preview


def dumps(previews: Iterable[Preview]) -> str:
    """A list of previews; a value known only at up is {"known": "at up"}."""

    def leaf(value: Any) -> Any:
        return {"known": "at up"} if isinstance(value, Token) else value

    found = []
    for preview in previews:
        groups = [
            {
                "name": group.name,
                "component": group.component,
                "settings": [asdict(setting) for setting in group.settings],
                "resources": [
                    {"type": item.type, "name": item.name, "inputs": replace_leaves(item.inputs, leaf)}
                    for item in group.items
                ],
                "outputs": replace_leaves(group.outputs, leaf),
                "advisories": list(group.advisories),
            }
            for group in preview.groups
        ]
        head = {"stack": preview.stack, "origin": preview.origin, "about": preview.about, "persona": preview.persona}
        found.append(
            {
                **head,
                "complete": not preview.unseen,
                "unseen": list(preview.unseen),
                "warnings": list(preview.warnings),
                "workloads": groups,
            }
        )
    return json.dumps(found, indent=2)
