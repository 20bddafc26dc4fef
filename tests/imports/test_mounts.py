"""What mounts show and allow: H-50 to H-58, K-1 to K-4."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from support.guests import add_hostuse, add_wat
from support.mounts import FileGuest

from wippy_native import Err, ImportDenied, Ok, RegistryError, Runtime, WippyError

REFUSED = {"read-only", "not-permitted", "access"}
"""What a refused change may be called (H-52, H-53)."""


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A directory with a file, a folder and a file in it."""
    root = tmp_path / "host"
    (root / "sub").mkdir(parents=True)
    (root / "hello.txt").write_text("hello")
    (root / "sub" / "deep.txt").write_text("deep")
    return root


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refused(answer: object) -> bool:
    return isinstance(answer, Err) and answer.value in REFUSED


def test_everyday_work(rt: Runtime, host: Path) -> None:
    """H-56: full preview 2 semantics, seen from both sides."""
    guest = FileGuest(rt, (host, "/data"))
    assert guest("read-file", "/data/hello.txt") == Ok(b"hello")
    assert guest("list-dir", "/data") == Ok([("hello.txt", "regular-file"), ("sub", "directory")])
    assert guest("write-file", "/data/new.bin", bytes(range(256)) * 999) == Ok(None)
    assert (host / "new.bin").read_bytes() == bytes(range(256)) * 999
    assert guest("create-new", "/data/new.bin", b"x") == Err("exist")
    assert guest("append-file", "/data/hello.txt", b" you") == Ok(None)
    assert guest("write-at", "/data/hello.txt", 0, b"J") == Ok(1)
    assert (host / "hello.txt").read_text() == "Jello you"
    assert guest("read-at", "/data/hello.txt", 6, 100) == Ok((b"you", False))
    assert guest("read-at", "/data/hello.txt", 9, 100) == Ok((b"", True))
    assert guest("set-size", "/data/hello.txt", 3) == Ok(None)
    assert guest("stat-size", "/data/hello.txt") == Ok(3)
    assert guest("make-dir", "/data/made") == Ok(None)
    assert guest("rename", "/data/new.bin", "/data/made/moved.bin") == Ok(None)
    assert guest("remove-dir", "/data/made") == Err("not-empty")
    assert guest("remove-file", "/data/made/moved.bin") == Ok(None)
    assert guest("remove-dir", "/data/made") == Ok(None)
    assert guest("set-modified", "/data/hello.txt", 1_000_000_000) == Ok(None)
    assert (host / "hello.txt").stat().st_mtime == 1_000_000_000
    assert guest("stat", "/data/hello.txt").value["kind"] == "regular-file"
    assert guest("same-object", "/data/hello.txt", "/data/sub/../hello.txt") == Ok(True)


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("read-file", "/data/none", "no-entry"),
        ("read-file", "/data/sub", "is-directory"),
        ("read-file", "/data/hello.txt/x", "not-directory"),
        ("list-dir", "/data/hello.txt", "not-directory"),
        ("make-dir", "/data/sub", "exist"),
        ("remove-dir", "/data/hello.txt", "not-directory"),
        ("remove-file", "/data/sub", "is-directory"),
        ("read-file", "/elsewhere/x", "no-preopen"),
        ("read-file", "/dat/hello.txt", "no-preopen"),
        ("read-file", "/data" + "/" + "n" * 300, "name-too-long"),
    ],
)
def test_error_codes(rt: Runtime, host: Path, method: str, path: str, code: str) -> None:
    """H-55."""
    assert FileGuest(rt, (host, "/data"))(method, path) == Err(code)


def test_preopens_are_the_mounts_sorted(rt: Runtime, host: Path) -> None:
    """H-50."""
    assert FileGuest(rt, (host, "/z"), (host / "sub", "/a"), (host, "/m/n"))("preopens") == ["/a", "/m/n", "/z"]
    assert add_hostuse(rt, "preopens", id="app:none")() == []


CHANGES: dict[str, tuple[object, ...]] = {
    "write-file": ("/ro/hello.txt", b"x"),
    "create-new": ("/ro/new.txt", b"x"),
    "append-file": ("/ro/hello.txt", b"x"),
    "write-at": ("/ro/hello.txt", 0, b"x"),
    "set-size": ("/ro/hello.txt", 0),
    "set-modified": ("/ro/hello.txt", 5),
    "make-dir": ("/ro/made",),
    "rename": ("/ro/hello.txt", "/ro/other.txt"),
    "remove-file": ("/ro/hello.txt",),
    "remove-dir": ("/ro/empty",),
    "symlink": ("hello.txt", "/ro/link"),
    "hard-link": ("/ro/hello.txt", "/ro/link"),
}


def snapshot(root: Path) -> list[tuple[str, int, bytes]]:
    return [
        (str(path), path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in sorted(root.rglob("*"))
    ]


@pytest.mark.parametrize("method", CHANGES)
def test_a_read_only_mount_refuses_every_change(rt: Runtime, host: Path, method: str) -> None:
    """H-52: and everything below it."""
    (host / "empty").mkdir()
    before = snapshot(host)
    guest = FileGuest(rt, (host, "/ro", True))
    arguments = CHANGES[method]
    assert refused(guest(method, *arguments)), guest(method, *arguments)
    deeper = [a.replace("/ro/", "/ro/sub/../") if isinstance(a, str) else a for a in arguments]
    assert refused(guest(method, *deeper))
    assert guest("read-file", "/ro/hello.txt") == Ok(b"hello")
    assert snapshot(host) == before


@pytest.mark.parametrize("method", CHANGES)
@pytest.mark.parametrize("mode", ["0444", "0555"])
def test_a_filesystem_whose_mode_forbids_writing(rt: Runtime, host: Path, method: str, mode: str) -> None:
    """H-53, K-1: though the mount would allow it."""
    (host / "empty").mkdir()
    before = snapshot(host)
    guest = FileGuest(rt, (host, "/ro"), mode=mode)
    assert refused(guest(method, *CHANGES[method]))
    assert guest("read-file", "/ro/hello.txt") == Ok(b"hello")
    assert snapshot(host) == before


def test_a_filesystem_whose_mode_forbids_reading(rt: Runtime, host: Path) -> None:
    """H-53, K-1: never readable by accident."""
    guest = FileGuest(rt, (host, "/data"), mode="0300")
    try:
        assert isinstance(guest("read-file", "/data/hello.txt"), Err)
    except WippyError as error:
        assert "app:fs0" in str(error)  # noqa: PT017 - either is right


def test_open_flags_tell_the_rights(rt: Runtime, host: Path) -> None:
    """H-56."""
    guest = FileGuest(rt, (host, "/ro", True), (host, "/rw"))
    assert "read" in guest("open-flags", "/rw/hello.txt", True).value
    assert "write" in guest("open-flags", "/rw/hello.txt", True).value
    assert guest("open-flags", "/ro/hello.txt", False).value == ["read"]
    assert refused(guest("open-flags", "/ro/hello.txt", True))


def test_two_mounts_of_one_directory_with_different_rights(rt: Runtime, host: Path) -> None:
    """H-57: each keeps its own, whichever is used first."""
    guest = FileGuest(rt, (host, "/rw"), (host, "/ro", True))
    assert guest("write-file", "/rw/shared", b"1") == Ok(None)
    assert guest("read-file", "/ro/shared") == Ok(b"1")
    assert refused(guest("write-file", "/ro/shared", b"2"))
    assert guest("write-file", "/rw/shared", b"3") == Ok(None)
    assert guest("same-object", "/rw/shared", "/ro/shared") == Ok(True)


@pytest.mark.parametrize("method", ["rename", "hard-link"])
def test_rights_do_not_move_between_mounts(rt: Runtime, host: Path, tmp_path: Path, method: str) -> None:
    """H-52: a file of a read-only mount cannot be brought to where it may be written, nor anything put among them."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine").write_text("mine")
    guest = FileGuest(rt, (host, "/ro", True), (other, "/rw"))
    for old, new in (("/ro/hello.txt", "/rw/taken"), ("/rw/mine", "/ro/put"), ("/ro/hello.txt", "/rw/mine")):
        assert isinstance(guest(method, old, new), Err), (old, new)
    assert names(other) == ["mine"]
    assert names(host) == ["hello.txt", "sub"]


def test_one_directory_read_only_and_writable_with_links_between(rt: Runtime, host: Path) -> None:
    """H-52: through the read-only view nothing changes, not even names."""
    guest = FileGuest(rt, (host, "/ro", True), (host / "sub", "/rw"))
    assert isinstance(guest("hard-link", "/ro/hello.txt", "/rw/grabbed"), Err)
    assert isinstance(guest("rename", "/ro/hello.txt", "/rw/grabbed"), Err)
    assert (host / "hello.txt").read_text() == "hello"


def test_nested_guest_paths(rt: Runtime, host: Path, tmp_path: Path) -> None:
    """H-57: a mount inside the path of another is a mount of its own."""
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "in.txt").write_text("inner")
    guest = FileGuest(rt, (host, "/data", True), (inner, "/data/sub/box"))
    assert guest("read-file", "/data/sub/box/in.txt") == Ok(b"inner")
    assert guest("write-file", "/data/sub/box/new", b"x") == Ok(None)
    assert refused(guest("write-file", "/data/sub/new", b"x"))
    assert not (host / "sub" / "box").exists()


@pytest.mark.parametrize("guests", [("/a", "/a/"), ("/a/b", "/a/./b"), ("/a", "/x/../a"), ("/", "//")])
def test_equal_guest_paths_are_refused(rt: Runtime, host: Path, guests: tuple[str, str]) -> None:
    """H-57, F-60: after cleaning."""
    with pytest.raises(RegistryError, match=r"wasi\.mounts\[\d?\]?\.?guest must be unique|must be unique"):
        FileGuest(rt, *((host, path) for path in guests))("preopens")


def test_the_root_as_a_mount(rt: Runtime, host: Path) -> None:
    """H-50."""
    guest = FileGuest(rt, (host, "/"))
    assert guest("preopens") == ["/"]
    assert guest("read-file", "/hello.txt") == Ok(b"hello")


@pytest.mark.parametrize(
    "path", ["/data/sub/", "/data/sub//", "/data/sub//..//sub", "/data/./sub", "/data/sub/.", "/data/sub/../sub"]
)
def test_spellings_of_a_directory(rt: Runtime, host: Path, path: str) -> None:
    """H-54."""
    assert FileGuest(rt, (host, "/data"))("list-dir", path) == Ok([("deep.txt", "regular-file")])


def test_a_trailing_slash_after_a_file(rt: Runtime, host: Path) -> None:
    """H-55: as POSIX has it, a file is no directory; and nothing is created that way."""
    guest = FileGuest(rt, (host, "/data"))
    assert isinstance(guest("read-file", "/data/hello.txt/"), Err)
    assert isinstance(guest("write-file", "/data/new/", b"x"), Err)
    assert not (host / "new").exists()


@pytest.mark.parametrize("name", ["a\0b", "\0", "hello.txt\0.png"])
def test_names_with_nul(rt: Runtime, host: Path, name: str) -> None:
    """H-54: refused, never cut."""
    guest = FileGuest(rt, (host, "/data"))
    assert isinstance(guest("read-file", f"/data/{name}"), Err)
    assert isinstance(guest("write-file", f"/data/{name}", b"x"), Err)
    assert names(host) == ["hello.txt", "sub"]


@pytest.mark.parametrize("length", [255, 256, 5000, 100_000])
def test_very_long_names(rt: Runtime, host: Path, length: int) -> None:
    """H-55."""
    guest = FileGuest(rt, (host, "/data"))
    answer = guest("write-file", "/data/" + "n" * length, b"x")
    assert answer == (Ok(None) if length == 255 else Err("name-too-long"))


@pytest.mark.parametrize(
    "name", ["ünïcödé", "日本語", "with space", "-dash", "new\nline", "😀", "a\\b", "%2e%2e", "~", "$HOME"]
)
def test_unusual_names(rt: Runtime, host: Path, name: str) -> None:
    """H-54: taken as they are."""
    guest = FileGuest(rt, (host, "/data"))
    assert guest("write-file", f"/data/{name}", b"x") == Ok(None)
    assert (host / name).read_bytes() == b"x"
    assert (name, "regular-file") in guest("list-dir", "/data").value


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are bytes on Linux only")
def test_names_that_are_no_utf_8(rt: Runtime, host: Path) -> None:
    """H-55: the rest of the directory stays usable; nothing panics."""
    (host / os.fsdecode(b"bad\xff\xfe")).write_bytes(b"x")
    guest = FileGuest(rt, (host, "/data"))
    listed = guest("list-dir", "/data")
    if isinstance(listed, Ok):
        assert {"hello.txt", "sub"} <= {name for name, _ in listed.value}
    else:
        assert listed.value == "illegal-byte-sequence"
    assert guest("read-file", "/data/hello.txt") == Ok(b"hello")


def test_a_filesystem_that_is_not_there(rt: Runtime) -> None:
    """H-51: said when the function is called, as entries may come later."""
    wasi = {"mounts": [{"fs": "app:later", "guest": "/data"}]}
    function = add_hostuse(rt, "read-file", wasi=wasi)
    with pytest.raises(WippyError, match="wasi mount filesystem not found: app:later") as caught:
        function("/data/x")
    assert (caught.value.kind, caught.value.entry) == ("NotFound", "app:f")


def test_a_filesystem_that_comes_later(rt: Runtime, host: Path) -> None:
    """H-51."""
    add_hostuse(rt, "read-file", wasi={"mounts": [{"fs": "app:later", "guest": "/data"}]})
    rt.add_entry({"id": "app:later", "kind": "fs.directory", "directory": str(host)})
    assert rt.call("app:f", "/data/hello.txt") == b"hello"


def test_a_directory_that_vanishes(rt: Runtime, host: Path) -> None:
    """H-51: one clear error, and no host path in it that the guest's owner need not know."""
    guest = FileGuest(rt, (host, "/data"))
    assert guest("read-file", "/data/hello.txt") == Ok(b"hello")
    host.rename(host.with_name("moved"))
    with pytest.raises(WippyError, match="/data") as caught:
        guest("read-file", "/data/hello.txt")
    assert str(host) not in str(caught.value)
    host.with_name("moved").rename(host)
    assert guest("read-file", "/data/hello.txt") == Ok(b"hello")


def test_mounts_without_the_group_reach_nobody(rt: Runtime, host: Path) -> None:
    """H-58."""
    rt.add_entry({"id": "app:fs", "kind": "fs.directory", "directory": str(host)})
    wasi = {"mounts": [{"fs": "app:fs", "guest": "/data"}]}
    with pytest.raises(ImportDenied):
        add_hostuse(rt, "preopens", imports=("wasi:cli",), wasi=wasi)()
    assert add_wat(rt, "add", "add", id="app:add", wasi=wasi)(1, 2) == 3


def test_descriptors_do_not_leak(rt: Runtime, host: Path) -> None:
    """H-50: thousands of calls leave no file open."""
    guest = FileGuest(rt, (host, "/data"), (host / "sub", "/sub"))
    guest("read-file", "/data/hello.txt")
    folder = Path("/dev/fd")
    before = len(names(folder))
    for _ in range(500):
        assert guest("read-file", "/data/hello.txt") == Ok(b"hello")
        assert guest("read-file", "/data/none") == Err("no-entry")
    assert len(names(folder)) <= before + 5
