"""How many workers, partitions, cells, brokers and clusters a number of streams needs, by stated rules. Pure.

A cell is a consumer group with an input topic and a windows topic of its own; a cluster of brokers holds many cells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from daemon.bench.scale_costs import StreamCost, stream_cost, windows_per_s
from daemon.bench.scale_measured import Assumed, Measured, StreamFormat

TOPICS = 3  # with partitions in the number of the input's: audio, windows, tags
SMALLEST_CLUSTER = 3
PRODUCER_CONNECTIONS = 2  # of a producer of one stream: its partition's leader, and whom it asks about the cluster


@dataclass(frozen=True, slots=True)
class Plan:
    """A deployment. `brokers` is the whole number, in all clusters; `brokers_by` names what decided on it.

    `hot_load` is the load of the worker with the most streams, expected of keys that are hashed to partitions.
    """

    streams: int
    audio: StreamFormat
    cost: StreamCost
    streams_per_worker: float
    hot_load: float
    workers: int
    partitions: int
    cells: int
    cell_workers: int
    clusters: int
    brokers: int
    brokers_by: str
    in_gb_s: float
    out_gb_s: float
    disk_tb: float
    fetches_hz: float

    @property
    def cores(self) -> float:
        """Cores that are busy, on the mean."""
        return self.streams * self.cost.cores


def expected_hottest(mean: float, workers: int) -> float:
    """Streams of the fullest of `workers` workers when keys are hashed, `mean` streams each on the mean.

    Streams of a worker are Poisson distributed; the largest of n normal numbers lies sqrt(2 ln n) deviations up.
    """
    return mean + math.sqrt(2 * math.log(max(workers, 1)) * mean)


def streams_per_worker(streams: int, capacity: float, assumed: Assumed) -> float:
    """The mean load, in streams: at the target, and so that the fullest worker is not too full."""
    mean = assumed.target_load * capacity
    for _ in range(50):  # the number of workers depends on the mean, but slowly
        workers = max(1, math.ceil(streams / mean))
        spread = math.sqrt(2 * math.log(workers))
        root = (math.sqrt(spread**2 + 4 * assumed.hot_load * capacity) - spread) / 2
        mean = min(assumed.target_load * capacity, root**2)
    return mean


def plan(
    streams: int, audio: StreamFormat, measured: Measured, assumed: Assumed, zstd: bool = False, hashed: bool = True
) -> Plan:
    """The deployment for `streams` streams. `hashed`: producers let the key choose the partition."""
    cost = stream_cost(measured, assumed, audio, zstd)
    capacity = windows_per_s(measured, assumed, audio) * assumed.hop_s
    mean = streams_per_worker(streams, capacity, assumed) if hashed else assumed.target_load * capacity
    workers = max(2, math.ceil(streams / mean))
    cells = math.ceil(workers / assumed.cell_workers)
    cell_workers = math.ceil(workers / cells)
    workers = cells * cell_workers
    partitions = cells * math.ceil(cell_workers * assumed.partitions_per_worker)
    mean = streams / workers
    hot = expected_hottest(mean, workers) if hashed else mean
    brokers, why = _brokers(streams, workers, partitions, cost, assumed)
    clusters = max(
        math.ceil(TOPICS * partitions * assumed.replicas / assumed.cluster_partitions),
        math.ceil(brokers / assumed.cluster_brokers),
    )
    clusters = min(clusters, cells)
    brokers = max(brokers, clusters * SMALLEST_CLUSTER)
    return Plan(
        streams=streams,
        audio=audio,
        cost=cost,
        streams_per_worker=mean,
        hot_load=hot / capacity,
        workers=workers,
        partitions=partitions,
        cells=cells,
        cell_workers=cell_workers,
        clusters=clusters,
        brokers=brokers,
        brokers_by=why,
        in_gb_s=streams * cost.in_bytes_per_s / 1e9,
        out_gb_s=streams * cost.out_bytes_per_s / 1e9,
        disk_tb=streams * cost.disk_bytes / 1e12,
        fetches_hz=fetches_hz(workers, partitions, streams, brokers / clusters, cost, assumed),
    )


def fetches_hz(
    workers: int, partitions: int, streams: int, brokers: float, cost: StreamCost, assumed: Assumed
) -> float:
    """Fetches a second of all workers: each asks the brokers that lead its partitions, at most at every record."""
    asked = min(partitions / workers, brokers)
    return min(workers * asked * assumed.reading_hz, streams * cost.records_in_hz)


def _brokers(streams: int, workers: int, partitions: int, cost: StreamCost, assumed: Assumed) -> tuple[int, str]:
    """How many brokers each limit asks for: the largest number, and its name.

    Every byte is written `replicas` times; it leaves a broker once for each other replica and once for each reader:
    the workers read the audio, somebody the results. Producers send a request a record at worst.
    """
    written = streams * (cost.in_bytes_per_s + cost.out_bytes_per_s)
    records_hz = streams * (cost.records_in_hz + cost.records_out_hz)
    fetches = fetches_hz(workers, partitions, streams, SMALLEST_CLUSTER, cost, assumed)
    needs = {
        "disk writes": assumed.replicas * written / (assumed.broker_write_mb_s * 1e6),
        "network": assumed.replicas * written / (assumed.broker_out_mb_s * 1e6),
        "disk space": streams * cost.disk_bytes / (assumed.broker_disk_tb * 1e12),
        "records": records_hz / assumed.broker_records_hz,
        "requests": (records_hz + fetches) / assumed.broker_requests_hz,
        "connections": PRODUCER_CONNECTIONS * streams / assumed.broker_connections,
        "partitions": TOPICS * partitions * assumed.replicas / assumed.broker_partitions,
    }
    why = max(needs, key=lambda name: needs[name])
    return max(SMALLEST_CLUSTER, math.ceil(needs[why])), why
