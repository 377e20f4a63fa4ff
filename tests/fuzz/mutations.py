"""Changes of a file: of its bytes, of its text, and of the numbers and structure in the text."""

import random
import re
from collections.abc import Callable

Mutation = Callable[[bytes, random.Random], bytes]

NUMBERS = [
    b"0", b"-1", b"1", b"-0.5", b"1e-05", b"1e400", b"nan", b"NaN", b"inf", b"-Infinity", b"Infinity",
    b"0x10", b"2147483648", b"-9223372036854775809", b"18446744073709551616", b"1" * 400, b"7" * 5_000,
    b"1_000", b"1,5", "\u0663".encode(), b"", b"true", b"null", b'"5"', b"[]", b"{}", b"5:00",
    b"00:00:01.000",
]  # fmt: skip
TEXTS = [
    b"\x00", b"\r", b"\n", b"\r\n", b"\t", b"\xa0", "\u00a0".encode(), "\u0085".encode(), "\u2028".encode(),
    "\ufeff".encode(), b"\xff\xfe", b"\x1b[31m", b"\\ud800", b"\\u0000", "\U0001f600".encode(), b'"', b"'",
    b"<", b"</", b"&amp;", b"&", b"]]>", b"-->", b";", b";;", b",", b"{", b"}", b"[", b"]", b"[" * 3_000,
    b'{"a":' * 3_000, b"item [9]:", b"PAR1", b"OggS", b"RIFF", b"a" * 100_000,
]  # fmt: skip
EDGES = [0, 1, 2, 3, 4, 8, 16, 0x7F, 0x80, 0xFF]


def mutate(content: bytes, chance: random.Random) -> bytes:
    """One to four changes of `content`; the same for the same state of `chance`."""
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        content = chance.choice(MUTATIONS)(content, chance)
    return content[: 4 * 2**20]


def _flip_bit(content: bytes, chance: random.Random) -> bytes:
    if not content:
        return content
    position = chance.randrange(len(content))
    return _replace(content, position, position + 1, bytes([content[position] ^ (1 << chance.randrange(8))]))


def _flip_bit_near_start(content: bytes, chance: random.Random) -> bytes:
    """Headers are short, so a change anywhere seldom meets one."""
    return _flip_bit(content[:200], chance) + content[200:]


def _set_byte(content: bytes, chance: random.Random) -> bytes:
    position = chance.randrange(len(content) + 1)
    return _replace(content, position, position + 1, bytes([chance.choice(EDGES)]))


def _set_integer(content: bytes, chance: random.Random) -> bytes:
    """Replace 2, 4 or 8 bytes near the start by a number at the edge of its range, in either byte order."""
    size = chance.choice([2, 4, 8])
    position = chance.randrange(min(len(content), 400) + 1)
    top = 2 ** (8 * size)
    value = chance.choice([0, 1, 2, top - 1, top // 2, top // 2 - 1, top // 4, chance.randrange(top)])
    return _replace(
        content, position, position + size, value.to_bytes(size, chance.choice(["little", "big"]))
    )


def _cut_end(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _delete_part(content: bytes, chance: random.Random) -> bytes:
    start, end = _part(content, chance)
    return content[:start] + content[end:]


def _repeat_part(content: bytes, chance: random.Random) -> bytes:
    start, end = _part(content, chance)
    return content[:end] + content[start:end] * chance.choice([1, 2, 50]) + content[end:]


def _move_part(content: bytes, chance: random.Random) -> bytes:
    start, end = _part(content, chance)
    rest = content[:start] + content[end:]
    position = chance.randrange(len(rest) + 1)
    return rest[:position] + content[start:end] + rest[position:]


def _insert_text(content: bytes, chance: random.Random) -> bytes:
    position = chance.randrange(len(content) + 1)
    return _replace(content, position, position, chance.choice(TEXTS))


def _replace_number(content: bytes, chance: random.Random) -> bytes:
    found = list(re.finditer(rb"-?\d+(\.\d+)?", content[:20_000]))
    if not found:
        return _insert_text(content, chance)
    number = chance.choice(found)
    return _replace(content, number.start(), number.end(), chance.choice(NUMBERS))


def _replace_token(content: bytes, chance: random.Random) -> bytes:
    """Replace a word, or a quoted text with its quotes, by a number or by odd text."""
    found = list(re.finditer(rb'"[^"\n]*"|\w+', content[:20_000]))
    if not found:
        return _insert_text(content, chance)
    token = chance.choice(found)
    return _replace(content, token.start(), token.end(), chance.choice(NUMBERS + TEXTS))


def _swap_lines(content: bytes, chance: random.Random) -> bytes:
    lines = content.split(b"\n")
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


def _part(content: bytes, chance: random.Random) -> tuple[int, int]:
    start = chance.randrange(len(content) + 1)
    return start, min(len(content), start + chance.choice([1, 2, 4, 16, 64, 300, 4_000]))


def _replace(content: bytes, start: int, end: int, new: bytes) -> bytes:
    return content[:start] + new + content[end:]


MUTATIONS: list[Mutation] = [
    _flip_bit,
    _flip_bit_near_start,
    _set_byte,
    _set_integer,
    _cut_end,
    _delete_part,
    _repeat_part,
    _move_part,
    _insert_text,
    _replace_number,
    _replace_token,
    _swap_lines,
]
