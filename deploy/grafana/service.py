"""The first dashboard: is the service doing what it promises, for how many streams, how late, and is audio lost."""

from __future__ import annotations

from frame import Section, board
from grafana_foundation_sdk.models.dashboard import Dashboard
from panels import Panel, Query, buckets, chosen, figure, fixed, lines, quantile, rate

LOST = 'reason=~"overrun|skipped|format_changed|position|grid"'
DROPPED = "genred_audio_dropped_seconds_total"
LATENCY = "genred_end_to_end_latency_seconds"


def service() -> Dashboard:
    """Rate, errors, latency, lag, realtime factor, conservation of seconds."""
    text = "What genred does for its streams: rate, errors, latency, lag, headroom, and where all audio went."
    sections = [
        Section("Now", _now()),
        Section("Audio and windows", _audio()),
        Section("Latency and lag", _latency()),
        Section("Errors", _errors()),
        Section("Kafka group", _group()),
    ]
    return board("genred-service", "genred / 1 Service", text, sections)


def _now() -> list[Panel]:
    received = f"sum({rate('genred_audio_received_seconds_total')})"
    lost = f"(sum({rate(DROPPED, LOST)}) + sum({rate('genred_audio_gap_seconds_total')}))"
    return [
        figure("Workers", "Workers that answer.", "none", f"count({chosen('genred_build_info')})"),
        figure("Streams", "Streams that are heard.", "none", f"sum({chosen('genred_live_streams')})"),
        figure(
            "Stalled",
            "Sources that should give audio and do not.",
            "none",
            f"sum({chosen('genred_stalled_streams')})",
            warning=1,
        ),
        figure("Audio", "Seconds of audio that come in a second.", "none", received),
        figure("Lost", "Share of the audio that is lost.", "percentunit", f"{lost} / {received}", warning=0.01),
        figure("Latency p99", "From a window's end to its result.", "s", quantile(0.99, LATENCY), warning=5),
        figure(
            "Lag",
            "Audio that waits in Kafka.",
            "s",
            f"max({chosen('genred_consumer_lag_audio_seconds')})",
            warning=30,
        ),
        figure(
            "Headroom",
            "How much faster than the audio comes the slowest engine is; under 1: it falls behind.",
            "none",
            f"min({chosen('genred_realtime_factor')} / ({rate('genred_audio_received_seconds_total')} > 0))",
            warning=1,
            under=True,
        ),
    ]


def _audio() -> list[Panel]:
    fates = [Query(f"sum({rate(f'genred_audio_{fate}_seconds_total')})", fate) for fate in ("tagged", "silent", "gap")]
    fates.append(Query(f"sum({rate(DROPPED)})", "dropped"))
    where = lines(
        "Where the audio goes", "Seconds of audio a second, by what became of them; together what is received.", "none",
        *fates, stacked=True,
    )  # fmt: skip
    unaccounted = (
        f"sum by (instance) ({chosen('genred_audio_received_seconds_total')})"
        f" - sum by (instance) ({chosen('genred_audio_tagged_seconds_total')})"
        f" - sum by (instance) ({chosen('genred_audio_silent_seconds_total')})"
        f" - sum by (instance) ({chosen('genred_audio_gap_seconds_total')})"
        f" - sum by (instance) ({chosen(DROPPED)})"
        f" - sum by (instance) ({chosen('genred_audio_in_flight_seconds')})"
    )
    return [
        fixed(where, {"tagged": "green", "silent": "blue", "gap": "orange", "dropped": "red"}),
        lines(
            "Audio received",
            "Seconds of audio a second, by worker: the streams that it hears in real time.",
            "none",
            Query(f"sum by (instance) ({rate('genred_audio_received_seconds_total')})"),
            stacked=True,
        ),
        lines(
            "Dropped, by reason",
            "Seconds a second. overrun and skipped: too little computing power.",
            "none",
            Query(f"sum by (reason) ({rate(DROPPED)})", "{{reason}}"),
            stacked=True,
        ),
        lines(
            "Missing audio",
            "Seconds a second that never came: filled where short, untagged where not.",
            "none",
            Query(f"sum by (handling) ({rate('genred_audio_missing_seconds_total')})", "{{handling}}"),
        ),
        lines(
            "In flight",
            "Seconds of received audio of which nothing is decided yet.",
            "s",
            Query(chosen("genred_audio_in_flight_seconds")),
            width=8,
        ),
        lines(
            "Unaccounted",
            "Received less everything that became of it. Anything but nought is a defect.",
            "s",
            Query(unaccounted),
            width=8,
            least=None,
        ),
        lines(
            "Windows",
            "Windows a second, by outcome.",
            "none",
            Query(f"sum by (outcome) ({rate('genred_windows_total')})", "{{outcome}}"),
            stacked=True,
            width=8,
        ),
    ]


def _latency() -> list[Panel]:
    age = f"time() - ({chosen('genred_last_window_published_timestamp_seconds')} > 0)"
    need = f"sum by (instance) ({rate('genred_audio_received_seconds_total')})"
    return [
        lines(
            "Latency",
            "From the end of a window to its acknowledged result.",
            "s",
            *[Query(quantile(share, LATENCY), f"p{share * 100:g}") for share in (0.5, 0.95, 0.99)],
        ),
        buckets("Latency, all of it", "With [tracing], the dots lead to traces.", "s", LATENCY),
        lines(
            "Lag in audio",
            "Seconds of audio that wait in Kafka; a gap: the brokers do not answer.",
            "s",
            Query(chosen("genred_consumer_lag_audio_seconds")),
        ),
        lines(
            "Lag in records",
            "Records behind the committed offset; a gap: the brokers do not answer.",
            "none",
            Query(f"sum by (topic, partition) ({chosen('genred_consumer_lag_records')})", "{{topic}} {{partition}}"),
        ),
        lines(
            "Realtime factor and need",
            "What each engine can score in a second, and what comes in a second.",
            "none",
            Query(chosen("genred_realtime_factor"), "can {{instance}}"),
            Query(need, "needs {{instance}}"),
        ),
        lines("Age of the last result", "Since a worker last published a window.", "s", Query(age)),
    ]


def _errors() -> list[Panel]:
    firing = 'sum by (alertname, severity) (ALERTS{alertname=~"Genred.+", alertstate="firing"})'
    return [
        lines(
            "Errors",
            "In the last five minutes, by stage and type.",
            "none",
            Query(
                f"sum by (stage, error_type) (increase({chosen('genred_errors_total')}[5m]))",
                "{{stage}} {{error_type}}",
            ),
        ),
        lines(
            "Dead letters",
            "Records put aside in the last five minutes, by reason.",
            "none",
            Query(f"sum by (reason) (increase({chosen('genred_dead_letters_total')}[5m]))", "{{reason}}"),
        ),
        lines(
            "Streams and sources",
            "Streams heard, sources that stall, and sources that have failed for good.",
            "none",
            Query(f"sum({chosen('genred_live_streams')})", "streams"),
            Query(f"sum({chosen('genred_stalled_streams')})", "stalled"),
            Query(f"sum({chosen('genred_failed_sources')})", "failed"),
            width=8,
        ),
        lines(
            "Sources reopened",
            "In the last five minutes, by kind.",
            "none",
            Query(f"sum by (kind) (increase({chosen('genred_source_restarts_total')}[5m]))", "{{kind}}"),
            width=8,
        ),
        lines("Firing alerts", "Docs: docs/alerts.md.", "none", Query(firing, "{{severity}} {{alertname}}"), width=8),
    ]


def _group() -> list[Panel]:
    return [
        lines(
            "Owned partitions",
            "Input partitions, by worker.",
            "none",
            Query(chosen("genred_owned_partitions")),
            stacked=True,
        ),
        lines(
            "Rebalances and take-overs",
            "In the last five minutes.",
            "none",
            Query(f"max(increase({chosen('genred_rebalances_total')}[5m]))", "rebalances"),
            Query(f"sum by (past) (increase({chosen('genred_takeovers_total')}[5m]))", "taken over, past {{past}}"),
        ),
        lines(
            "Take-over time",
            "From an assignment to the first own record: how long a partition is silent.",
            "s",
            Query(
                f"sum({chosen('genred_takeover_seconds_sum')}) / sum({chosen('genred_takeover_seconds_count')})", "mean"
            ),
        ),
        lines(
            "Read again and left out",
            "Records a second.",
            "none",
            Query(f"sum({rate('genred_replayed_records_total')})", "read again"),
            Query(f"sum({rate('genred_skipped_records_total')})", "left out"),
        ),
    ]
