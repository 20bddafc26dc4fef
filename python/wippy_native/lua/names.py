"""The names that `modules` of a Lua entry may hold. Rules: L-3, L-6."""

from __future__ import annotations

from ..suggest import did_you_mean

MODULES = (
    "base64", "ctx", "env", "fs", "funcs", "hash", "http_client", "json", "logger", "text", "time", "uuid", "yaml",
)  # fmt: skip
"""What `require` gives here."""

GLOBALS = ("channel", "coroutine", "errors", "payload", "process")
"""Globals that may be listed all the same."""

UNSUPPORTED = frozenset(
    {
        "cloudstorage", "compress", "contract", "crypto", "events", "eventbus", "excel", "exec", "expr", "html", "http",
        "io", "jwt", "loader", "metrics", "ostime", "otel", "process_options", "queue", "registry", "security", "sql",
        "store", "stream", "subscription", "system", "template", "templates", "treesitter", "upstream", "websocket",
    }
)  # fmt: skip
"""Modules of the platform that are not here: `require` of one fails when it is called."""


def unsupported(name: str) -> tuple[str, str] | None:
    """What to warn of a declared module, and a hint; None for one that is there."""
    if name in MODULES or name in GLOBALS:
        return None
    text = f'module "{name}" is not supported here; require("{name}") will fail'
    if name in UNSUPPORTED:
        return text, f"the modules here are {', '.join(MODULES)}"
    return text, did_you_mean(name, (*MODULES, *GLOBALS)) or f"the modules here are {', '.join(MODULES)}"
