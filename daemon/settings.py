"""The settings: frozen, read once from TOML, environment and flags. The only reader of the environment."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import EnvSettingsSource

from daemon.errors import SettingsError
from daemon.frozen import Frozen
from daemon.kafka_settings import KafkaSettings, KafkaSinkSettings, KafkaSourceSettings
from daemon.source_settings import SinkSettings, SourceSettings
from daemon.telemetry_settings import MetricsSettings, TracingSettings

ENV_PREFIX = "GENRED_"
ENV_FOR_TESTS = "GENRED_TEST_"
MAX_SETTINGS_BYTES = 1 << 20


class GpuSettings(Frozen):
    """How a GPU is used; nothing of it matters on a CPU."""

    backend: Annotated[Literal["cuda", "tensorrt"], Field(description="Who computes the network.")] = "cuda"
    cuda_graphs: Annotated[bool, Field(description="Launch a whole network as one; not for models with a carry.")] = (
        False
    )
    engine_cache: Annotated[Path | None, Field(description="Folder for TensorRT's engines.")] = None
    resample: Annotated[Literal["device", "host"], Field(description="Where audio is resampled.")] = "device"


class EngineSettings(Frozen):
    """How windows are scored."""

    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:N.")] = (
        "auto"
    )
    threads: Annotated[int, Field(ge=0, le=1024, description="Workers on a CPU; 0: one a usable core.")] = 0
    max_batch: Annotated[int, Field(ge=0, le=1024, description="Most windows scored together; 0: by trying.")] = 0
    precision: Annotated[
        Literal["fp32", "tf32", "fp16", "bf16"],
        Field(description="What networks compute in. On a CPU: fp32, or bf16 with genred[openvino]."),
    ] = "fp32"
    gpu: GpuSettings = GpuSettings()
    max_wait_ms: Annotated[float, Field(ge=0, le=10_000, description="Longest wait for a batch to fill.")] = 0.0
    queue_windows: Annotated[int, Field(ge=1, le=1 << 20, description="Windows in flight before sources wait.")] = 64


class WindowSettings(Frozen):
    """How streams are cut. Window and hop come from the model's card unless set."""

    window_s: Annotated[float | None, Field(gt=0, le=600, description="Seconds; a multiple of hop_s.")] = None
    hop_s: Annotated[float | None, Field(gt=0, le=600, description="Seconds from window to window.")] = None
    silence_dbfs: Annotated[float, Field(ge=-200, le=0, description="Windows below this RMS level are silent.")] = -60.0
    max_fill_s: Annotated[float, Field(ge=0, le=10, description="Missing audio filled with silence, per hop.")] = 0.05


class TagSettings(Frozen):
    """How windows become a stream's tags."""

    horizon_s: Annotated[float, Field(gt=0, le=3600, description="Age of the oldest window that counts.")] = 30.0
    half_life_s: Annotated[float, Field(gt=0, le=3600, description="Age at which a window counts half.")] = 10.0
    min_score: Annotated[float, Field(ge=0, le=1, description="Below it there is no tag: unknown.")] = 0.2
    release: Annotated[float, Field(gt=0, le=1, description="A shown tag stays down to min_score times this.")] = 0.75
    switch_margin: Annotated[float, Field(ge=0, le=1, description="Lead that a new top tag needs.")] = 0.05
    max_tags: Annotated[int, Field(ge=1, le=1000, description="Most tags published.")] = 5
    all_labels: Annotated[bool, Field(description="Publish every label of the model, not only genres.")] = False


class HttpSettings(Frozen):
    """Metrics and health."""

    enabled: Annotated[bool, Field(description="Whether to serve them.")] = True
    host: Annotated[str, Field(description="Address to listen on; loopback unless you mean it.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="TCP port; 0: any free one.")] = 9464


class HealthSettings(Frozen):
    """When the process gives itself up, for its supervisor to start it anew."""

    stuck_after_s: Annotated[
        float,
        Field(ge=1, le=86_400, description="A batch, or the event loop, that takes so long ends the process."),
    ] = 60.0


class LogSettings(Frozen):
    """What is logged, on standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Field(description="Least level.")] = "info"
    format: Annotated[Literal["auto", "text", "json"], Field(description="auto: text on a terminal, else JSON.")] = (
        "auto"
    )


class Settings(BaseSettings):
    """Everything that can be set. Unknown keys are refused."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    model: Annotated[str, Field(description="A shipped model's name or the path of an ONNX file.")] = "musicnn-msd"
    models: Annotated[tuple[str, ...], Field(max_length=16, description="Several, instead of model.")] = ()
    model_results: Annotated[
        Literal["each", "merged"], Field(description="Of several models: a result each, or one with all their labels.")
    ] = "each"
    model_watch_s: Annotated[
        float, Field(ge=0, le=3600, description="How often model files are looked at for changes; 0: only on SIGHUP.")
    ] = 5.0
    engine: EngineSettings = EngineSettings()
    windows: WindowSettings = WindowSettings()
    tags: TagSettings = TagSettings()
    http: HttpSettings = HttpSettings()
    health: HealthSettings = HealthSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    tracing: TracingSettings = TracingSettings()
    kafka: KafkaSettings = KafkaSettings()
    sources: Annotated[tuple[SourceSettings, ...], Field(description="Where audio comes from.")] = ()
    sinks: Annotated[tuple[SinkSettings, ...], Field(description="Where results go.")] = ()
    drain_timeout_s: Annotated[float, Field(gt=0, le=3600, description="Longest drain after a signal.")] = 20.0

    @model_validator(mode="after")
    def _streams_are_distinct(self) -> Self:
        named = [source for source in self.sources if not isinstance(source, KafkaSourceSettings)]
        names = [source.stream for source in named if source.stream is not None]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"sources: stream {twice[0]!r} is named twice")
        return self

    @model_validator(mode="after")
    def _kafka_is_complete(self) -> Self:
        sources = [source for source in self.sources if isinstance(source, KafkaSourceSettings)]
        if len(sources) > 1:
            raise ValueError("sources: at most one of kind kafka; run a second daemon for another topic")
        if (sources or any(isinstance(sink, KafkaSinkSettings) for sink in self.sinks)) and (
            not self.kafka.bootstrap_servers
        ):
            raise ValueError('kafka.bootstrap_servers is missing, such as ["localhost:9092"]')
        return self

    @property
    def model_names(self) -> tuple[str, ...]:
        """Every model that is to be served, the main one first."""
        return self.models or (self.model,)

    @model_validator(mode="after")
    def _models_are_distinct(self) -> Self:
        twice = sorted({name for name in self.models if self.models.count(name) > 1})
        if twice:
            raise ValueError(f"models: {twice[0]!r} is named twice")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load_settings` hands in: it orders flags over environment over file."""
        return (init_settings,)


def load_settings(path: Path | None, flags: Mapping[str, Any]) -> Settings:
    """The effective settings: `flags` (nested keys) over the environment over the TOML file over defaults.

    Raises SettingsError, one line a problem, naming the file and the key.
    """
    where = str(path) if path else "settings"
    from_file = _read_toml(path) if path else {}
    from_environment = EnvSettingsSource(Settings)()
    _refuse_unknown_variables(os.environ)
    try:
        return Settings(**_merged(_merged(from_file, from_environment), flags))
    except ValidationError as error:
        raise SettingsError("\n".join(_problem(where, problem) for problem in error.errors())) from None


def service_manager() -> Mapping[str, str]:
    """What systemd says to the services that it starts: where it listens, and how often it wants to hear from them."""
    names = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def masked(settings: Settings) -> dict[str, Any]:
    """The settings as plain values, secrets masked."""
    return settings.model_dump(mode="json")


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_SETTINGS_BYTES:
            raise SettingsError(f"{path}: larger than {MAX_SETTINGS_BYTES} bytes; is it a settings file?")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from error


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` on top of `base`, tables merged key by key."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, Mapping) else value
    return merged


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    """A misspelt variable must not pass in silence."""
    for name in sorted(environment):
        if not name.startswith(ENV_PREFIX) or name.startswith(ENV_FOR_TESTS):
            continue
        key = name.removeprefix(ENV_PREFIX).split("__")[0].lower()
        if key not in Settings.model_fields:
            known = ", ".join(sorted(Settings.model_fields))
            raise SettingsError(f"environment variable {name}: there is no setting {key!r}; known: {known}")


def _problem(where: str, problem: Mapping[str, Any]) -> str:
    key = ".".join(str(part) for part in problem["loc"]) or "settings"
    text = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        text = "unknown setting"
    return f"{where}: {key}: {text}"
