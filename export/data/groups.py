"""Things that belong together, from pairs of them. Pure."""

from collections.abc import Iterable


def connected(n: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The groups of 0..n-1 that `pairs` connect, each sorted, in the order of their first members; all n are in one."""
    parent = list(range(n))

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for left, right in pairs:
        low, high = sorted((root(left), root(right)))
        parent[high] = low
    groups: dict[int, list[int]] = {}
    for item in range(n):
        groups.setdefault(root(item), []).append(item)
    return list(groups.values())


def chained(keys: Iterable[str | None]) -> list[tuple[int, int]]:
    """Pairs that connect the items with the same key; None connects nothing."""
    first: dict[str, int] = {}
    return [(first.setdefault(key, item), item) for item, key in enumerate(keys) if key is not None]
