"""Entry ids: `namespace:name`, split at the first colon."""

from __future__ import annotations

from typing import NamedTuple


class EntryId(NamedTuple):
    """A parsed id; either part may be empty where a user left it out."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}:{self.name}"

    def within(self, namespace: str) -> EntryId:
        """This id, completed with `namespace` if it has none. Rules: R-5, R-7."""
        return self if self.namespace else EntryId(namespace, self.name)


def parse_id(text: str) -> EntryId:
    """Split an id; text without a colon is a name with an empty namespace. Rules: R-2, R-3."""
    namespace, colon, name = text.partition(":")
    return EntryId(namespace, name) if colon else EntryId("", text)
