"""What the bytes lane sends. Made from a fixed seed, so that every run and every peer sends the same."""

from __future__ import annotations

import json
import random
from typing import Any

TEXT = "Hello, world!"

SMALL: dict[str, Any] = {
    "id": 1,
    "name": "Espresso machine",
    "tags": ["kitchen", "coffee", "sale"],
    "price": 249.9,
    "in_stock": True,
}

TARGET = "https://example.com/items/42?page=2&sort=price"

# Three headers that a user adds. The last one differs from request to request in a real application.
USER_HEADERS = {
    "cache-control": "no-store",
    "x-frame-options": "DENY",
    "x-request-id": "7f9c24e5-6d1b-4a43-9f0e-2b1a5c7d8e90",
}
COOKIE_NAME = "session"
COOKIE_VALUE = "c2Vzc2lvbi1vZi1hbGljZS0wMDAxMjM0NTY3ODk"
COOKIE_MAX_AGE = 3600

_WORDS = [
    "amber",
    "basil",
    "cedar",
    "dune",
    "ember",
    "fjord",
    "grove",
    "harbor",
    "iris",
    "jade",
    "kelp",
    "lumen",
    "maple",
    "noble",
    "opal",
    "pearl",
    "quartz",
    "river",
    "sable",
    "thyme",
    "umber",
    "velvet",
    "willow",
    "xenon",
    "yarrow",
    "zephyr",
    "café",
    "naïve",
    "東京",
]


def _order(number: int, rng: random.Random) -> dict[str, Any]:
    return {
        "id": number,
        "uuid": f"{rng.getrandbits(128):032x}",
        "name": " ".join(rng.choices(_WORDS, k=3)),
        "description": " ".join(rng.choices(_WORDS, k=14)) + ".",
        "price": round(rng.uniform(1, 999), 2),
        "weight": rng.random(),
        "quantity": rng.randrange(1000),
        "active": rng.random() < 0.8,
        "discount": None,
        "tags": rng.choices(_WORDS, k=4),
        "shipping": {
            "city": rng.choice(_WORDS).title(),
            "zip": f"{rng.randrange(100000):05d}",
            "geo": {"lat": rng.uniform(-90, 90), "lon": rng.uniform(-180, 180)},
        },
        "created": f"2025-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}T{rng.randrange(24):02d}:15:00Z",
    }


def orders(size: int) -> list[dict[str, Any]]:
    """As many orders as fill `size` bytes of compact JSON."""
    rng = random.Random(size)
    made: list[dict[str, Any]] = []
    filled = 2
    while filled < size:
        made.append(_order(len(made) + 1, rng))
        filled += len(json.dumps(made[-1], ensure_ascii=False, separators=(",", ":")).encode()) + 1
    return made


TEN_KIB = orders(10 * 1024)
ONE_MIB = orders(1024 * 1024)
