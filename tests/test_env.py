"""Environment storages, variables and what a call gets: K-10 to K-18, H-40 to H-44."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wippy_native.catalog import Catalog
from wippy_native.config.wasi import EnvMapping
from wippy_native.env import Environment, guest_env
from wippy_native.errors import WippyError
from wippy_native.registry import entry_from_mapping, parse_id


def environment(root: Path, *entries: dict[str, Any]) -> Environment:
    """The environment these entries declare."""
    catalog = Catalog(root)
    failures = catalog.load([entry_from_mapping({**entry, "id": f"app:{entry['id']}"}) for entry in entries])
    assert failures == []
    return catalog.environment


def storage(kind: str, identity: str = "s", **fields: Any) -> dict[str, Any]:
    return {"id": identity, "kind": f"env.storage.{kind}", **fields}


def variable(identity: str = "v", **fields: Any) -> dict[str, Any]:
    return {"id": identity, "kind": "env.variable", "storage": "app:s", **fields}


def test_static(tmp_path: Path) -> None:
    env = environment(tmp_path, storage("static", values={"A": "1"}), variable(variable="A"))
    assert env.get("A") == env.get("app:v") == "1"
    with pytest.raises(WippyError, match="storage is read-only") as caught:
        env.set("A", "2")
    assert caught.value.kind == "PermissionDenied"


def test_os(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read at each access, never written."""
    env = environment(tmp_path, storage("os"), variable(variable="WIPPY_TEST_VALUE"))
    monkeypatch.setenv("WIPPY_TEST_VALUE", "one")
    assert env.get("WIPPY_TEST_VALUE") == "one"
    monkeypatch.setenv("WIPPY_TEST_VALUE", "two")
    assert env.get("WIPPY_TEST_VALUE") == "two"
    with pytest.raises(WippyError, match="storage is read-only"):
        env.set("WIPPY_TEST_VALUE", "3")


def test_memory_and_full_id_as_key(tmp_path: Path) -> None:
    """K-14: without a public name the key is the entry's id."""
    env = environment(tmp_path, storage("memory"), variable("a"), variable("b"))
    env.set("app:a", "1")
    assert env.get("app:a") == "1"
    with pytest.raises(WippyError, match="environment variable not found: app:b"):
        env.get("app:b")


def test_file(tmp_path: Path) -> None:
    """K-10: comments, blanks, no quoting; read at each access; relative to the project's root."""
    file = tmp_path / "conf" / ".env"
    env = environment(
        tmp_path, storage("file", file_path="conf/.env"), variable(variable="KEY"), variable("w", variable="W")
    )
    with pytest.raises(WippyError, match="environment variable not found: KEY"):
        env.get("KEY")
    file.parent.mkdir()
    file.write_text(' KEY = "a b" # comment\n# W=1\nnonsense\nW=x=y\n')
    assert env.get("KEY") == '"a b"'
    assert env.get("W") == "x=y"
    env.set("KEY", "new")
    assert env.get("KEY") == "new"
    assert env.get("W") == "x=y"
    with pytest.raises(WippyError, match="cannot be kept in a file"):
        env.set("KEY", "a # b")


def test_file_auto_create(tmp_path: Path) -> None:
    environment(tmp_path, storage("file", file_path="a/b/.env", auto_create=True, file_mode="0600"))
    assert (tmp_path / "a/b/.env").stat().st_mode & 0o777 == 0o600


def test_router(tmp_path: Path) -> None:
    """K-11, X-8: the first storage wins and its value is kept; writing goes to the first only."""
    env = environment(
        tmp_path,
        storage("router", storages=["app:one", "app:two"]),
        storage("memory", "one"),
        storage("static", "two", values={"A": "second"}),
        variable(variable="A"),
    )
    assert env.get("A") == "second"
    env.set("A", "first")
    assert env.get("A") == "first"


def test_router_stops_at_an_error(tmp_path: Path) -> None:
    """K-11: an error other than not-found stops the search."""
    (tmp_path / ".env").write_bytes(b"\xff")
    env = environment(
        tmp_path,
        storage("router", storages=["app:file", "app:two"]),
        storage("file", "file", file_path=".env"),
        storage("static", "two", values={"A": "x"}),
        variable(variable="A"),
    )
    with pytest.raises(WippyError, match="not UTF-8"):
        env.get("A")


def test_routers_in_a_circle(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    failures = catalog.load(
        entry_from_mapping({"id": f"app:{a}", "kind": "env.storage.router", "storages": [f"app:{b}"]})
        for a, b in ("ab", "bc", "ca")
    )
    assert failures
    assert "contain themselves" in str(failures[0])


def test_empty_is_unset_and_default_applies(tmp_path: Path) -> None:
    """K-16, K-17."""
    env = environment(tmp_path, storage("static", values={"A": ""}), variable(variable="A", default="d"))
    assert env.get("A") == "d"


def test_readonly_variable(tmp_path: Path) -> None:
    """K-18."""
    env = environment(tmp_path, storage("memory"), variable(variable="A", readonly=True))
    with pytest.raises(WippyError, match="environment variable is read-only") as caught:
        env.set("A", "1")
    assert caught.value.kind == "PermissionDenied"


def test_public_names_are_unique(tmp_path: Path) -> None:
    """K-14."""
    catalog = Catalog(tmp_path)
    entries = [storage("memory"), variable("a", variable="X"), variable("b", variable="X")]
    (failure,) = catalog.load([entry_from_mapping({**entry, "id": f"app:{entry['id']}"}) for entry in entries])
    assert failure.entry == "app:b"
    assert "environment variable name is already used: X" in str(failure)


def test_unknown_name_is_suggested(tmp_path: Path) -> None:
    env = environment(tmp_path, storage("memory"), variable(variable="API_KEY"))
    with pytest.raises(WippyError, match='did you mean "API_KEY"'):
        env.get("API_KEI")


def mapping(identity: str, name: str, required: bool = False) -> EnvMapping:
    return EnvMapping(parse_id(identity), name, required)


def test_guest_env(tmp_path: Path) -> None:
    """H-30, H-40, H-41: sorted by name, unset ones skipped, resolved at each call."""
    env = environment(tmp_path, storage("memory"), variable("a"), variable("b", default="B"), variable("c"))
    resolve = guest_env("app:f", env, [mapping("app:b", "Z"), mapping("app:a", "A"), mapping("app:no", "N")])
    assert callable(resolve)
    assert resolve() == (("Z", "B"),)
    env.set("app:a", "1")
    assert resolve() == (("A", "1"), ("Z", "B"))


def test_guest_env_that_cannot_change_is_kept(tmp_path: Path) -> None:
    """Until an entry of the environment changes."""
    env = environment(
        tmp_path,
        storage("router", storages=["app:t"]),
        storage("static", "t", values={"A": "1"}),
        variable(variable="A"),
    )
    resolve = guest_env("app:f", env, [mapping("app:v", "X")])
    assert callable(resolve)
    assert resolve() == (("X", "1"),)
    assert resolve() is resolve()
    env.discard("app:v")
    assert resolve() == ()
    assert guest_env("app:f", env, []) == ()


@pytest.mark.parametrize("identity", ["app:nope", "app:v"])
def test_required(tmp_path: Path, identity: str) -> None:
    """H-41: unknown or unset."""
    env = environment(tmp_path, storage("static"), variable(variable="A"))
    resolve = guest_env("app:f", env, [mapping(identity, "X", required=True)])
    assert callable(resolve)
    with pytest.raises(WippyError, match=f"required wasi env variable not found: {identity}") as caught:
        resolve()
    assert (caught.value.kind, caught.value.entry, caught.value.retryable) == ("NotFound", "app:f", False)


def test_required_with_default(tmp_path: Path) -> None:
    """H-42."""
    env = environment(tmp_path, storage("static"), variable(variable="A", default="d"))
    resolve = guest_env("app:f", env, [mapping("app:v", "X", required=True)])
    assert callable(resolve)
    assert resolve() == (("X", "d"),)


def test_storage_failure(tmp_path: Path) -> None:
    """H-43."""
    (tmp_path / ".env").mkdir()
    env = environment(tmp_path, storage("file", file_path=".env"), variable(variable="A"))
    resolve = guest_env("app:f", env, [mapping("app:v", "X")])
    assert callable(resolve)
    with pytest.raises(WippyError, match="failed to resolve wasi env mapping: app:v: ") as caught:
        resolve()
    assert caught.value.kind == "Internal"


def test_refusal_comes_after_the_environment(tmp_path: Path) -> None:
    """F-42: env before mounts."""
    env = environment(tmp_path, storage("static"))
    refusal = WippyError("wasi mount filesystem not found: app:x")
    both = guest_env("app:f", env, [mapping("app:no", "X", required=True)], refusal)
    only = guest_env("app:f", env, [], refusal)
    assert callable(both)
    assert callable(only)
    with pytest.raises(WippyError, match="required wasi env"):
        both()
    with pytest.raises(WippyError, match="wasi mount filesystem"):
        only()
