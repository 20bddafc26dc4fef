"""What one call may use.

The runtime's limits are ceilings: an entry may lower them in its `limits:` block, never raise them. The defaults let
ordinary guests run and stop a runaway one before it hurts the process; time is unlimited by default, as the entry
format has it (`limits.max_execution_ms: 0`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

MIB = 1024 * 1024
_INT64 = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Ceilings for every function of a runtime. All are positive integers; 0 means "none" only where said.

    Raises `ValueError` for a negative value, or for 0 where a limit is needed; `TypeError` for another type.
    Rules: F-50, F-51, F-52.
    """

    max_execution_ms: int = 0
    """Milliseconds a call may take, waits included; 0 is no limit."""
    max_memory_bytes: int = 1024 * MIB
    """Bytes of linear memory of one instance."""
    max_table_elements: int = 100_000
    """Elements of each table of one instance. The instance pool has room for 100,000, so more has no effect."""
    max_result_bytes: int = 1024 * MIB
    """Bytes a result may take when it becomes Python objects."""
    max_output_bytes: int = 64 * 1024
    """Bytes of stdout and stderr kept for the log in one call."""
    max_call_depth: int = 64
    """How deep functions may call each other through `funcs`; runtime only."""
    max_calls: int = 10_000_000
    """`funcs` calls under one root call; 0 is no limit; runtime only."""
    max_module_bytes: int = 256 * MIB
    """Bytes of a module file."""
    max_sockets: int = 64
    """Sockets of `wasi:sockets` that one instance has open at once."""
    max_http_requests: int = 64
    """HTTP requests of one instance under way at once; one is until its response was read."""
    max_received_bytes: int = 1024 * MIB
    """Bytes one call receives over sockets and in bodies of responses; 0 is no limit."""
    max_sent_bytes: int = 1024 * MIB
    """Bytes one call sends over sockets and in bodies of requests; 0 is no limit."""
    max_response_header_bytes: int = 64 * 1024
    """Bytes of the head of one HTTP response."""
    max_response_body_bytes: int = 0
    """Bytes of the body of one HTTP response; 0 is no limit of its own."""
    max_response_ms: int = 0
    """Milliseconds from the start of one HTTP request to the end of its response; 0 is no limit."""
    max_total_sockets: int = 4096
    """Sockets that all instances of the runtime have open at once; runtime only."""
    max_total_http_requests: int = 10_000
    """HTTP requests of all instances under way at once; runtime only."""
    max_total_received_bytes: int = 0
    """Bytes all calls of the runtime receive in its life; 0 is no limit; runtime only."""
    max_total_sent_bytes: int = 0
    """Bytes all calls of the runtime send in its life; 0 is no limit; runtime only."""

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"Limits({name}=...): expected an integer, got {value!r}")
            if value >= _INT64:
                raise ValueError(f"Limits({name}={value}): expected a 64-bit integer")
            if value < 0 or (value == 0 and name not in UNLIMITED_AT_ZERO):
                raise ValueError(f"Limits({name}={value}): expected {_wanted(name)}")

    def lowered(self, wanted: dict[str, int]) -> Limits:
        """These limits with the entry's lower values. A value over the ceiling has no effect."""
        values = asdict(self)
        for name, value in wanted.items():
            ceiling = values[name]
            if value and name in UNLIMITED_AT_ZERO and not ceiling:
                values[name] = value
            elif value:
                values[name] = min(value, ceiling)
        return Limits(**values)


UNLIMITED_AT_ZERO = frozenset(
    {
        "max_execution_ms", "max_calls", "max_received_bytes", "max_sent_bytes", "max_response_body_bytes",
        "max_response_ms", "max_total_received_bytes", "max_total_sent_bytes",
    }
)  # fmt: skip
RUNTIME_ONLY = frozenset(
    {
        "max_call_depth", "max_calls", "max_total_sockets", "max_total_http_requests", "max_total_received_bytes",
        "max_total_sent_bytes",
    }
)  # fmt: skip
LIMIT_NAMES = tuple(field.name for field in fields(Limits))


def _wanted(name: str) -> str:
    return "0 (no limit) or more" if name in UNLIMITED_AT_ZERO else "at least 1"
