"""The second dashboard: where windows are, what the engine and the device do, what the process takes."""

from __future__ import annotations

from frame import Section, board
from grafana_foundation_sdk.models.dashboard import Dashboard
from panels import Panel, Query, buckets, chosen, lines, quantile, rate, rows

WORK = 'stage=~"features|inference"'
SCRAPED = ("Time", "job", "namespace", "container", "endpoint", "pod", "service", "node")


def pipeline() -> Dashboard:
    """Stages, queues, batches, engine, device, process."""
    text = "Inside genred's workers: stages, queue, batches, engine, event loop, GPU, process, and what serves."
    sections = [
        Section("Stages", _stages()),
        Section("Queue and batches", _batches()),
        Section("Engine and device", _engine()),
        Section("Process", _process()),
        Section("What serves", _serves()),
    ]
    return board("genred-pipeline", "genred / 2 Pipeline and device", text, sections)


def _stages() -> list[Panel]:
    stuck = (
        f"(time() - {chosen('genred_stage_last_progress_timestamp_seconds')})"
        f" * ({chosen('genred_stage_windows_in_progress')} >= bool 1)"
    )
    through = [
        Query(f"sum by (stage) ({rate(f'genred_stage_windows_{way}_total')})", f"{{{{stage}}}} {way}")
        for way in ("in", "out")
    ]
    return [
        lines("Windows through the stages", "Windows a second into and out of each stage.", "none", *through),
        lines(
            "Windows in the stages",
            "Where windows are now.",
            "none",
            Query(f"sum by (stage) ({chosen('genred_stage_windows_in_progress')})", "{{stage}}"),
            stacked=True,
        ),
        lines(
            "No progress",
            "How long a stage that has windows has got on with none; nought without windows.",
            "s",
            Query(f"max by (stage) ({stuck})", "{{stage}}"),
        ),
        lines(
            "Time of a batch",
            "In each stage: the half and 95 of a hundred batches are quicker.",
            "s",
            Query(quantile(0.5, "genred_stage_duration_seconds", "stage"), "{{stage}} p50"),
            Query(quantile(0.95, "genred_stage_duration_seconds", "stage"), "{{stage}} p95"),
        ),
    ]


def _batches() -> list[Panel]:
    filled = f"{chosen('genred_queue_windows')} / {chosen('genred_queue_capacity_windows')}"
    windows, batches = (f"sum by (instance) ({rate(f'genred_batch_size_{part}')})" for part in ("sum", "count"))
    return [
        lines(
            "Queue",
            "Share of its room that is taken; at 1 the sources wait for the engine.",
            "percentunit",
            Query(filled, "{{instance}} {{queue}}"),
        ),
        lines("Windows in a batch", "The mean.", "none", Query(f"{windows} / {batches}")),
        buckets(
            "Batch sizes",
            "At the most that is allowed, with a full queue: the engine is the bottleneck.",
            "none",
            "genred_batch_size",
        ),
        lines(
            "Wait of a batch",
            "From its first window to its closing; at most engine.max_wait_ms.",
            "s",
            *[Query(quantile(share, "genred_batch_wait_seconds"), f"p{share * 100:g}") for share in (0.5, 0.95)],
        ),
    ]


def _engine() -> list[Panel]:
    busy = f"sum by (instance) ({rate('genred_stage_duration_seconds_sum', WORK)})"
    return [
        lines(
            "Realtime factor",
            "Seconds of audio scored in a second of work.",
            "none",
            Query(chosen("genred_realtime_factor")),
            width=8,
        ),
        lines(
            "Work of the engine",
            "Seconds of features and inference a second; the workers are the most there can be.",
            "none",
            Query(busy, "work {{instance}}"),
            Query(chosen("genred_engine_workers"), "workers {{instance}}"),
            width=8,
        ),
        lines(
            "Slowest batch now",
            "How long the slowest worker has been at its batch: some seconds, and it hangs.",
            "s",
            Query(chosen("genred_engine_busy_seconds")),
            width=8,
        ),
        lines(
            "Event loop",
            "How late it is. Some tenths: too little CPU, or something blocks.",
            "s",
            Query(chosen("genred_event_loop_lag_seconds")),
        ),
        lines(
            "GPU memory",
            "Of this process's tensors; nothing without a GPU.",
            "bytes",
            Query(chosen("genred_gpu_memory_bytes"), "{{kind}} {{instance}}"),
        ),
    ]


def _process() -> list[Panel]:
    files = f"{chosen('process_open_fds')} / {chosen('process_max_fds')}"
    return [
        lines("CPU", "Cores in use.", "none", Query(rate("process_cpu_seconds_total")), width=8),
        lines(
            "Resident memory",
            "Steady growth is a leak: please report it.",
            "bytes",
            Query(chosen("process_resident_memory_bytes")),
            width=8,
        ),
        lines("Virtual memory", "Address space.", "bytes", Query(chosen("process_virtual_memory_bytes")), width=8),
        lines("Open files", "Share of what is allowed.", "percentunit", Query(files), width=8),
        lines(
            "Up for",
            "Since the start of the process.",
            "s",
            Query(f"time() - {chosen('process_start_time_seconds')}"),
            width=8,
        ),
        lines(
            "Garbage",
            "Collections a second, by generation.",
            "none",
            Query(f"sum by (generation) ({rate('python_gc_collections_total')})", "generation {{generation}}"),
            width=8,
        ),
        lines(
            "Log",
            "A second: messages left out as repeats, and lines lost because nobody took them.",
            "none",
            Query(rate("genred_log_messages_suppressed_total"), "left out {{instance}}"),
            Query(rate("genred_log_lines_lost_total"), "lost {{instance}}"),
        ),
        lines(
            "Samples that are none",
            "NaN, infinite or absurd, a second.",
            "none",
            Query(rate("genred_unusable_samples_total")),
        ),
    ]


def _serves() -> list[Panel]:
    return [
        rows("Versions", "Of genred, by worker.", Query(chosen("genred_build_info")), SCRAPED),
        rows("Devices", "Where the network runs.", Query(chosen("genred_inference_device_info")), SCRAPED),
        rows("Models", "What each worker serves.", Query(chosen("genred_model_info")), SCRAPED),
        lines(
            "Models asked for",
            "In the last five minutes, by what came of it.",
            "none",
            Query(f"sum by (result) (increase({chosen('genred_model_reloads_total')}[5m]))", "{{result}}"),
        ),
    ]
