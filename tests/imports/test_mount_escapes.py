"""Ways out of a mount, none of which leads anywhere: H-54, H-56, K-3.

Outside every mount lies a file `secret`; no call may give its contents, change it, or put anything beside it.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support.mounts import FileGuest
from support.processes import run

from wippy_native import Err, Ok, Runtime

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="symlinks need rights there")

SECRET = b"top secret"


class World:
    """`outside/secret` and, beside it, the mounted `inside`."""

    def __init__(self, root: Path) -> None:
        self.outside = root / "outside"
        self.inside = root / "inside"
        self.secret = self.outside / "secret"
        for folder in (self.outside, self.inside, self.inside / "sub"):
            folder.mkdir()
        self.secret.write_bytes(SECRET)
        (self.inside / "hello.txt").write_bytes(b"hello")

    def is_untouched(self) -> bool:
        return self.secret.read_bytes() == SECRET and [path.name for path in self.outside.iterdir()] == ["secret"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    assert world.is_untouched()


@pytest.fixture
def guest(rt: Runtime, world: World) -> FileGuest:
    return FileGuest(rt, (world.inside, "/data"))


def holds_secret(answer: Any) -> bool:
    return isinstance(answer, Ok) and SECRET in repr(answer.value).encode()


def try_everything(guest: FileGuest, path: str) -> None:
    """Every method on a path that leads out."""
    data = b"overwritten"
    for method, *rest in (
        ("read-file",), ("read-at", 0, 100), ("list-dir",), ("stat",), ("stat-size",), ("write-file", data),
        ("create-new", data), ("append-file", data), ("write-at", 0, data), ("set-size", 0), ("set-modified", 1),
        ("make-dir",), ("remove-file",), ("remove-dir",), ("open-flags", True), ("open-flags", False),
    ):  # fmt: skip
        answer = guest(method, path, *rest)
        assert isinstance(answer, Err), (method, path, answer)


OUT = [
    "/data/../outside/secret", "/data/sub/../../outside/secret", "/data/./../outside/secret",
    "/data/../../../../etc/passwd",
    "/data/sub/../../inside/../outside/secret", "/data/..", "/data/../outside/",
]  # fmt: skip


@pytest.mark.parametrize("path", OUT)
def test_dots(guest: FileGuest, path: str) -> None:
    """H-54."""
    try_everything(guest, path)


@pytest.mark.parametrize("path", ["/../outside/secret", "/sub/../../outside/secret", "/.."])
def test_dots_from_a_mount_at_the_root(rt: Runtime, world: World, path: str) -> None:
    """H-54."""
    try_everything(FileGuest(rt, (world.inside, "/")), path)


def test_absolute_host_paths(guest: FileGuest, world: World) -> None:
    """H-54: what follows the mount's name is relative, whatever it looks like."""
    try_everything(guest, f"/data/{world.secret}")
    try_everything(guest, str(world.secret))


@pytest.mark.parametrize("absolute", [True, False], ids=["absolute", "relative"])
def test_symlinks_of_the_host_that_lead_out(guest: FileGuest, world: World, absolute: bool) -> None:
    """H-54: to a file, to a directory, and in steps."""
    to_file, to_folder = world.inside / "file", world.inside / "folder"
    to_file.symlink_to(world.secret if absolute else Path("../outside/secret"))
    to_folder.symlink_to(world.outside if absolute else Path("../outside"))
    (world.inside / "sub" / "step").symlink_to("../folder")
    for path in (
        "/data/file",
        "/data/folder/secret",
        "/data/folder/",
        "/data/sub/step/secret",
        "/data/sub/../folder/secret",
    ):
        for method, *rest in (
            ("read-file",), ("read-at", 0, 99), ("list-dir",), ("append-file", b"x"), ("write-at", 0, b"x"),
            ("create-new", b"x"), ("write-file", b"x"), ("stat-size",), ("set-size", 0),
        ):  # fmt: skip
            answer = guest(method, path, *rest)
            assert isinstance(answer, Err), (method, path, answer)
    assert guest("remove-file", "/data/file") == Ok(None)


def test_symlinks_that_stay_inside_work(guest: FileGuest, world: World) -> None:
    """H-56: links are part of preview 2."""
    assert guest("symlink", "../hello.txt", "/data/sub/link") == Ok(None)
    assert guest("read-link", "/data/sub/link") == Ok("../hello.txt")
    assert guest("read-file", "/data/sub/link") == Ok(b"hello")
    assert guest("stat-link", "/data/sub/link").value["kind"] == "symbolic-link"
    assert guest("stat", "/data/sub/link").value["kind"] == "regular-file"


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../outside/secret", "../../outside/secret", "..", "/", "sub/../../outside"]
)
def test_symlinks_a_guest_makes_lead_nowhere(guest: FileGuest, world: World, target: str) -> None:
    """H-54: absolute ones cannot be made (WASI), others lead out nowhere."""
    made = guest("symlink", target, "/data/link")
    if target.startswith("/"):
        assert isinstance(made, Err)
        assert isinstance(guest("read-link", "/data/link"), Err)
        return
    for path in ("/data/link", "/data/link/secret", "/data/link/outside/secret"):
        for method, *rest in (("read-file",), ("list-dir",), ("append-file", b"x"), ("write-file", b"x")):
            assert isinstance(guest(method, path, *rest), Err), (method, path)


def test_a_loop_of_symlinks(guest: FileGuest) -> None:
    """H-55: ends."""
    guest("symlink", "b", "/data/a")
    guest("symlink", "a", "/data/b")
    assert guest("read-file", "/data/a") == Err("loop")


def test_a_renamed_directory_with_a_symlink_in_it(guest: FileGuest, world: World) -> None:
    """H-54: a link that stayed inside leads out after a move; it is resolved where it is, not where it was."""
    (world.inside / "sub" / "deeper").mkdir()
    assert guest("symlink", "../../hello.txt", "/data/sub/deeper/link") == Ok(None)
    assert guest("read-file", "/data/sub/deeper/link") == Ok(b"hello")
    guest("symlink", "../../outside/secret", "/data/sub/deeper/out")
    assert guest("rename", "/data/sub/deeper", "/data/moved") == Ok(None)
    for name in ("link", "out"):
        answer = guest("read-file", f"/data/moved/{name}")
        assert isinstance(answer, Err), answer
        assert isinstance(guest("append-file", f"/data/moved/{name}", b"x"), Err)


def test_a_renamed_symlink(guest: FileGuest, world: World) -> None:
    """H-54: the advisory's case: the link itself is moved up, under names with and without a trailing slash."""
    guest("symlink", "../../outside", "/data/sub/link")
    for new in ("/data/link", "/data/link2/"):
        guest("rename", "/data/sub/link", new)
        for path in (f"{new.rstrip('/')}/secret", new):
            assert isinstance(guest("read-file", path), Err)
            assert isinstance(guest("list-dir", path), Err)


@pytest.mark.parametrize("method", ["rename", "hard-link"])
@pytest.mark.parametrize("out", ["/data/../outside/secret", "/data/link/secret"])
def test_nothing_comes_in_or_goes_out_by_name(guest: FileGuest, world: World, method: str, out: str) -> None:
    """H-54."""
    (world.inside / "link").symlink_to(world.outside)
    assert isinstance(guest(method, out, "/data/stolen"), Err)
    assert isinstance(guest(method, "/data/hello.txt", out), Err)
    assert isinstance(guest(method, "/data/hello.txt", out.replace("secret", "new")), Err)
    assert not (world.inside / "stolen").exists()


def test_a_hard_link_to_a_symlink_is_no_way_out(guest: FileGuest, world: World) -> None:
    """H-54."""
    (world.inside / "sub" / "link").symlink_to("../../outside/secret")
    guest("hard-link", "/data/sub/link", "/data/copy")
    assert not holds_secret(guest("read-file", "/data/copy"))
    assert not holds_secret(guest("read-file", "/data/sub/../copy"))


def test_links_between_two_mounts(rt: Runtime, world: World) -> None:
    """H-52, H-54: each mount is a world of its own; a link from one into the other leads nowhere."""
    other = world.inside.with_name("other")
    other.mkdir()
    (other / "file").write_bytes(b"other")
    guest = FileGuest(rt, (world.inside, "/a"), (other, "/b", True))
    guest("symlink", "../other/file", "/a/link")
    (world.inside / "absolute").symlink_to("/b/file")
    (world.inside / "real").symlink_to(other / "file")
    for name in ("link", "absolute", "real"):
        assert isinstance(guest("read-file", f"/a/{name}"), Err)
        assert isinstance(guest("write-file", f"/a/{name}", b"x"), Err)
    assert (other / "file").read_bytes() == b"other"


@pytest.mark.parametrize("swapped", ["file", "folder"])
def test_symlinks_swapped_while_the_guest_reads(guest: FileGuest, world: World, swapped: str) -> None:
    """H-54: between a check and a use there is no time; the host swaps a name back and forth as fast as it can."""
    place, spare = world.inside / "place", world.inside / "spare"
    if swapped == "file":
        place.write_bytes(b"harmless")
        path = "/data/place"
    else:
        place.mkdir()
        (place / "secret").write_bytes(b"harmless")
        path = "/data/place/secret"
    link = world.inside / "link"
    link.symlink_to("../outside/secret" if swapped == "file" else "../outside")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            with suppress(OSError):
                os.rename(place, spare)  # noqa: PTH104 - as fast as it goes
                os.rename(link, place)  # noqa: PTH104
                os.rename(place, link)  # noqa: PTH104
                os.rename(spare, place)  # noqa: PTH104

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen = set()
    try:
        for _ in range(1500):
            answer = guest("read-file", path)
            assert not holds_secret(answer)
            seen.add(repr(answer))
            guest("append-file", path, b"!") if len(seen) > 50 else None
    finally:
        stop.set()
        swapper.join()
    assert repr(Ok(b"harmless")) in seen


def test_writes_while_the_host_swaps_symlinks(guest: FileGuest, world: World) -> None:
    """H-54: nor is anything written outside."""
    place, link = world.inside / "place", world.inside / "link"
    place.mkdir()
    link.symlink_to("../outside")
    stop = threading.Event()

    def swap() -> None:
        spare = world.inside / "spare"
        while not stop.is_set():
            with suppress(OSError):
                os.rename(place, spare)  # noqa: PTH104
                os.rename(link, place)  # noqa: PTH104
                os.rename(place, link)  # noqa: PTH104
                os.rename(spare, place)  # noqa: PTH104

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        for index in range(800):
            guest("write-file", "/data/place/secret", b"overwritten")
            guest("create-new", f"/data/place/new{index}", b"x")
            guest("remove-file", "/data/place/secret")
    finally:
        stop.set()
        swapper.join()


def test_the_mounted_directory_may_be_a_symlink_itself(rt: Runtime, world: World) -> None:
    """K-3: what the host configures is the host's business; from inside it is the root."""
    alias = world.inside.with_name("alias")
    alias.symlink_to(world.inside)
    guest = FileGuest(rt, (alias, "/data"))
    assert guest("read-file", "/data/hello.txt") == Ok(b"hello")
    try_everything(guest, "/data/../outside/secret")


def test_proc_and_dev_are_not_reached(guest: FileGuest, world: World) -> None:
    """H-54: magic links of the kernel neither."""
    for index, target in enumerate(("/proc/self/root/etc/passwd", "/proc/self/cwd", "/dev/fd/0", "/proc/self/exe")):
        (world.inside / f"magic{index}").symlink_to(target)
        assert isinstance(guest("read-file", f"/data/magic{index}"), Err)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
def test_a_named_pipe_does_not_hold_a_call_for_ever() -> None:
    """F-50: opening a pipe nobody writes to would block a thread of the host where no limit reaches."""
    program = """
    import os, tempfile
    from pathlib import Path
    from support.mounts import FileGuest
    with tempfile.TemporaryDirectory() as folder:
        os.mkfifo(Path(folder) / "pipe")
        guest = FileGuest(wippy.Runtime(), (Path(folder), "/data"), limits={"max_execution_ms": 300})
        for method in ("read-file", "append-file", "read-at", "write-file", "stat"):
            arguments = {"append-file": (b"x",), "write-file": (b"x",), "read-at": (0, 1)}.get(method, ())
            try:
                print(method, guest(method, "/data/pipe", *arguments))
            except wippy.LimitExceeded:
                print(method, "limit")
    """
    run(program, timeout=20).check()
