"""Measure the codecs against the standard library, in the same run.

The long case is an answer of `listTagged` for a tag of 24,000 builds; the short
ones are the calls that a hub serves most. Run as a script; it exits 1 if the long
answer is not written at least `REQUIRED` times as fast as by the standard library.
"""

from __future__ import annotations

import json
import sys
import time
import xmlrpc.client
from collections.abc import Callable
from typing import Any

from moromi.wire import jsonrpc
from moromi.wire import xmlrpc as ours
from moromi.wire.listing import Listing

ROWS = 24_000
REQUIRED = 4.0
COLUMNS = (
    *("tag_id", "tag_name", "id", "build_id", "package_id", "package_name", "name", "version", "release"),
    *("epoch", "nvr", "draft", "state", "task_id", "owner_id", "owner_name", "promoter_id", "promoter_name"),
    *("volume_id", "volume_name", "creation_event_id", "creation_time", "start_time", "completion_time"),
    *("promotion_time", "create_event"),
)


def tagged_builds(count: int) -> list[tuple[Any, ...]]:
    """Rows as `listTagged` has them: mostly full columns, some nil, a few of mixed types."""
    rows = []
    for n in range(count):
        name, version, release = f"package-{n % 9000}", f"1.{n % 40}", f"{n % 7}.mr1"
        moment = f"2026-11-{n % 28 + 1:02} 22:53:{n % 60:02}.149969+00:00"
        epoch = 1 if n % 20 == 0 else None
        task = None if n % 50 == 0 else 500_000 + n
        nvr = f"{name}-{version}-{release}"
        rows.append(
            (
                *(7, "dist-1.0", n, n, n % 9000, name, name, version, release, epoch, nvr, False, 1, task),
                *(n % 300, f"user{n % 300}", None, None, 0, "DEFAULT", 900_000 + n),
                *(moment, moment, moment, None, 900_100 + n),
            )
        )
    return rows


def seconds(work: Callable[[], Any], repeat: int) -> float:
    """The best time of one run, in seconds."""
    best = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def compare(title: str, theirs: Callable[[], Any], mine: Callable[[], Any], repeat: int) -> float:
    """Print both times in milliseconds; return how many times as fast ours is."""
    slow, fast = seconds(theirs, repeat), seconds(mine, repeat)
    print(f"{title:<40}{slow * 1e3:>12.3f}{fast * 1e3:>12.3f}{slow / fast:>9.1f}x")
    return slow / fast


def stdlib_encode(value: Any) -> bytes:
    """An answer as the standard library writes it."""
    return xmlrpc.client.dumps((value,), methodresponse=True, allow_none=True).encode()


def stdlib_decode(body: bytes) -> Any:
    """The parameters as the standard library reads them."""
    return xmlrpc.client.loads(body, use_builtin_types=True)[0]


def long_answer() -> float:
    """Compare the listing; return the ratio for writing it."""
    rows = tagged_builds(ROWS)
    listing = Listing(COLUMNS, rows)
    dicts = list(listing)
    body = ours.encode_response(listing)
    if ours.decode_response(body) != dicts or stdlib_decode(body) != (dicts,):
        sys.exit("the listing does not come back as it was")
    print(f"{ROWS} rows of {len(COLUMNS)} columns, {len(body) / 1e6:.1f} MB")
    # The standard library needs a dictionary for each row; ours takes the rows.
    ratio = compare(
        "  rows to bytes, a listing",
        lambda: stdlib_encode([dict(zip(COLUMNS, row, strict=True)) for row in rows]),
        lambda: ours.encode_response(listing),
        3,
    )
    compare("  dictionaries to bytes", lambda: stdlib_encode(dicts), lambda: ours.encode_response(dicts), 3)
    compare("  bytes to dictionaries", lambda: stdlib_decode(body), lambda: ours.decode_response(body), 3)
    json_body = jsonrpc.encode_result(1, listing)
    compare(
        "  rows to JSON (against json)",
        lambda: json.dumps([dict(zip(COLUMNS, row, strict=True)) for row in rows]).encode(),
        lambda: jsonrpc.encode_result(1, listing),
        3,
    )
    compare(
        "  JSON to dictionaries (against json)",
        lambda: json.loads(json_body),
        lambda: jsonrpc.decode_response(json_body),
        3,
    )
    return ratio


def short_calls() -> None:
    """Compare a small call, its answer, and a multicall of a hundred."""
    build = dict(zip(COLUMNS, tagged_builds(1)[0], strict=True))
    named = {"inherit": True, "__starstar": True}
    multicall = [{"methodName": "tagBuild", "params": [7, n, named]} for n in range(100)]
    requests: dict[str, tuple[str, list[Any]]] = {
        "small request": ("listTagged", ["dist-1.0", named]),
        "multicall of 100": ("multiCall", [multicall]),
    }
    for title, (method, params) in requests.items():
        body = ours.encode_request(method, params)
        compare(f"{title} to bytes", *encoders(method, params), 200)
        compare(f"bytes to {title}", *decoders(body), 200)
    compare("one build to bytes", lambda: stdlib_encode(build), lambda: ours.encode_response(build), 500)


def encoders(method: str, params: list[Any]) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Both ways to write a request."""
    return (
        lambda: xmlrpc.client.dumps(tuple(params), method, allow_none=True).encode(),
        lambda: ours.encode_request(method, params),
    )


def decoders(body: bytes) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Both ways to read a request."""
    return lambda: stdlib_decode(body), lambda: ours.decode_request(body)


def main() -> int:
    """Run everything."""
    print(f"{'milliseconds, best run':<40}{'stdlib':>12}{'ours':>12}{'ratio':>10}")
    ratio = long_answer()
    short_calls()
    if ratio < REQUIRED:
        print(f"the listing is written only {ratio:.1f} times as fast (required: {REQUIRED})")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
