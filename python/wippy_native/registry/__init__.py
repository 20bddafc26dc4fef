"""Reading a registry: definition files, in YAML or JSON, to entries that remember their places."""

from .entries import Entry, entry_from_mapping
from .loader import Registry, read_registry
from .references import EntryId, parse_id
from .tree import SourceLimits

__all__ = ["Entry", "EntryId", "Registry", "SourceLimits", "entry_from_mapping", "parse_id", "read_registry"]
