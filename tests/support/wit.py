"""WIT types for tests: their component text, the values they hold, and components that give a value back as it came.

An echo takes `tuple<T, u64 x 17>`: more than sixteen core values, so that it goes through memory as one pointer, and
the core function returns that same pointer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from hypothesis import strategies as st

import wippy_native as wippy

PAD = (0,) * 17
"""What an echo takes after the value."""

GUEST = """
    (core module $m
        (memory (export "memory") 1)
        (global $next (mut i32) (i32.const 4096))
        (func (export "cabi_realloc") (param i32 i32) (param $align i32) (param $size i32) (result i32)
            (local $start i32)
            (local.set $start (i32.and
                (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
                (i32.sub (i32.const 0) (local.get $align))))
            (global.set $next (i32.add (local.get $start) (local.get $size)))
            (drop (memory.grow (i32.sub
                (i32.shr_u (i32.add (global.get $next) (i32.const 65535)) (i32.const 16))
                (memory.size))))
            (local.get $start))
        BODY)
    (core instance $i (instantiate $m))
    (alias core export $i "memory" (core memory $memory))
    (alias core export $i "cabi_realloc" (core func $realloc))
    (alias core export $i "f" (core func $f))
"""


def component(types: str, params: Sequence[tuple[str, str]], result: str | None, body: str) -> bytes:
    """A component that exports `f`; `types` are its declarations, `body` its core function, exported as `f`."""
    listed = " ".join(f'(param "{name}" {kind})' for name, kind in params)
    given = f"(result {result})" if result else ""
    lift = "(canon lift (core func $f) (memory $memory) (realloc $realloc))"
    return f'(component {types} {GUEST.replace("BODY", body)} (func (export "f") {listed} {given} {lift}))'.encode()


@lru_cache(maxsize=4096)
def echo_component(types: str, kind: str) -> bytes:
    """A component whose `f` returns the value of type `kind`, and seventeen numbers, that it got."""
    padded = f"(tuple {kind} {' '.join(['u64'] * len(PAD))})"
    body = '(func (export "f") (param i32) (result i32) (local.get 0))'
    return component(types, [("x", padded)], padded, body)


@dataclass(frozen=True)
class Wit:
    """A type: declarations its text needs, the text, its name in WIT, and the values that come out as they went in."""

    types: str
    text: str
    wit: str
    values: st.SearchStrategy[object]


def declare(name: str, definition: str, types: str = "") -> tuple[str, str]:
    """A named type: `types` with its declaration, and its text. Component text exports what a signature names."""
    return f'{types}(type ${name}-raw {definition}) (export ${name} "{name}" (type ${name}-raw))\n', f"${name}"


def _integer(name: str, low: int, high: int) -> Wit:
    return Wit("", name, name, st.integers(low, high) | st.sampled_from([low, high]))


PRIMITIVES = [
    Wit("", "bool", "bool", st.booleans()),
    *(_integer(f"u{bits}", 0, 2**bits - 1) for bits in (8, 16, 32, 64)),
    *(_integer(f"s{bits}", -(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)),
    Wit("", "f32", "f32", st.floats(width=32, allow_nan=False)),
    Wit("", "f64", "f64", st.floats(allow_nan=False)),
    Wit("", "char", "char", st.characters(exclude_categories=["Cs"])),
    Wit("", "string", "string", st.text(st.characters(exclude_categories=["Cs"]), max_size=20)),
]

BY_NAME = {kind.wit: kind for kind in PRIMITIVES}


def list_of(element: Wit) -> Wit:
    """`list<element>`; bytes for `u8`."""
    values = st.binary(max_size=40) if element.wit == "u8" else st.lists(element.values, max_size=4)
    return Wit(element.types, f"(list {element.text})", f"list<{element.wit}>", values)


def option_of(some: Wit) -> Wit:
    """`option<some>`; a present option in an option is marked."""
    present = some.values.map(wippy.Some) if some.wit.startswith("option<") else some.values
    return Wit(some.types, f"(option {some.text})", f"option<{some.wit}>", st.none() | present)


def tuple_of(items: Sequence[Wit]) -> Wit:
    text = " ".join(item.text for item in items)
    wit = ", ".join(item.wit for item in items)
    values = st.tuples(*(item.values for item in items))
    return Wit(_merge(items), f"(tuple {text})", f"tuple<{wit}>", values)


def result_of(ok: Wit | None, err: Wit | None) -> Wit:
    text = f"(result{f' {ok.text}' if ok else ''}{f' (error {err.text})' if err else ''})"
    sides = [ok.wit if ok else "_", *([err.wit] if err else [])]
    wit = f"result<{', '.join(sides)}>" if ok or err else "result"
    values = (ok.values if ok else st.none()).map(wippy.Ok) | (err.values if err else st.none()).map(wippy.Err)
    return Wit(_merge([side for side in (ok, err) if side]), text, wit, values)


def record_of(name: str, fields: dict[str, Wit]) -> Wit:
    """A record; `fields` by their WIT names."""
    members = " ".join(f'(field "{field}" {kind.text})' for field, kind in fields.items())
    types, text = declare(name, f"(record {members})", _merge(fields.values()))
    wit = ", ".join(f"{field}: {kind.wit}" for field, kind in fields.items())
    values = st.fixed_dictionaries({field.replace("-", "_"): kind.values for field, kind in fields.items()})
    return Wit(types, text, f"record {{ {wit} }}", values)


def variant_of(name: str, cases: dict[str, Wit | None]) -> Wit:
    members = " ".join(f'(case "{case}"{f" {kind.text}" if kind else ""})' for case, kind in cases.items())
    types, text = declare(name, f"(variant {members})", _merge([kind for kind in cases.values() if kind]))
    wit = ", ".join(f"{case}({kind.wit})" if kind else case for case, kind in cases.items())
    values = st.one_of(
        *(
            st.builds(wippy.Variant, st.just(case), kind.values) if kind else st.just(wippy.Variant(case))
            for case, kind in cases.items()
        )
    )
    return Wit(types, text, f"variant {{ {wit} }}", values)


def enum_of(name: str, labels: Sequence[str]) -> Wit:
    types, text = declare(name, f"(enum {_quoted(labels)})")
    return Wit(types, text, f"enum {{ {', '.join(labels)} }}", st.sampled_from(list(labels)))


def flags_of(name: str, labels: Sequence[str]) -> Wit:
    types, text = declare(name, f"(flags {_quoted(labels)})")
    values = st.frozensets(st.sampled_from(list(labels)))
    return Wit(types, text, f"flags {{ {', '.join(labels)} }}", values)


def _quoted(labels: Sequence[str]) -> str:
    return " ".join(f'"{label}"' for label in labels)


def _merge(kinds: object) -> str:
    """The declarations of several types, each once."""
    lines = dict.fromkeys(line for kind in kinds for line in kind.types.splitlines(keepends=True))  # type: ignore[attr-defined]
    return "".join(lines)


@st.composite
def wit_types(draw: st.DrawFn, depth: int = 3) -> Wit:
    """Any WIT type that is carried, to a depth."""
    counter = iter(range(1000))
    return _draw_type(draw, depth, counter)


def _draw_type(draw: st.DrawFn, depth: int, counter: object) -> Wit:
    plain = ["primitive", "enum", "flags"]
    nested = ["list", "option", "tuple", "result", "record", "variant"]
    kind = draw(st.sampled_from(plain if depth == 0 else [*nested, *plain]))

    def inner() -> Wit:
        return _draw_type(draw, depth - 1, counter)

    def several() -> list[Wit]:
        return [inner() for _ in range(draw(st.integers(1, 4)))]

    name = f"{kind}-x{next(counter)}"  # type: ignore[call-overload]
    match kind:
        case "primitive":
            return draw(st.sampled_from(PRIMITIVES))
        case "enum":
            return enum_of(name, [f"case-n{i}" for i in range(draw(st.sampled_from([1, 2, 256, 257])))])
        case "flags":
            return flags_of(name, [f"flag-n{i}" for i in range(draw(st.integers(1, 32)))])
        case "list":
            return list_of(inner())
        case "option":
            return option_of(inner())
        case "tuple":
            return tuple_of(several())
        case "result":
            sides = [inner() if draw(st.booleans()) else None for _ in range(2)]
            return result_of(*sides)
        case "record":
            return record_of(name, {f"field-n{i}": kind for i, kind in enumerate(several())})
        case _:
            cases = {f"case-n{i}": kind if draw(st.booleans()) else None for i, kind in enumerate(several())}
            return variant_of(name, cases)
