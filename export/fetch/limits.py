"""How much, how long and how often: every bound of a run of `genred export fetch`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds; sizes in bytes, times in seconds.

    workers: links at once; per_host: of these, at one host. max_duration_s: longer recordings are cut there.
    timeout_s: to connect in, and without a byte. link_s: for one link, with all its tries.
    retries: tries after the first that bring no byte. backoff_s: before the first retry; doubled with each.
    """

    workers: int = 4
    per_host: int = 2
    max_bytes: int = 200_000_000
    max_duration_s: float = 1200.0
    timeout_s: float = 30.0
    link_s: float = 900.0
    retries: int = 4
    backoff_s: float = 1.0
    longest_wait_s: float = 120.0
