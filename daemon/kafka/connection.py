"""How every client of the cluster connects, and whether it can: `[kafka]` as aiokafka's arguments."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.conn import AIOKafkaConnection, collect_hosts, create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from daemon.errors import KafkaUnavailable, SettingsError
from daemon.kafka.credentials import TokenFile, password, tls_context
from daemon.kafka.library_log import quieten_library
from daemon.kafka.trouble import explained
from daemon.kafka_settings import KafkaSettings, SaslSettings

MAX_PORT = 65535
PROBE_S = 10.0  # a broker that does not greet within this is called silent
MAX_BROKERS_TRIED = 32


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What a reachable cluster says of itself. `unreachable`: brokers it names, with why they cannot be reached."""

    cluster_id: str
    bootstrap: str  # the address that answered
    brokers: tuple[str, ...]  # host:port, as the cluster advertises them
    unreachable: tuple[str, ...]


def connection_options(settings: KafkaSettings) -> dict[str, Any]:
    """The arguments that AIOKafkaConsumer, AIOKafkaProducer and AIOKafkaClient share.

    Certificates and secrets are read from their files now. Raises SettingsError, which names the key and the file.
    """
    quieten_library()
    _check_addresses(settings.bootstrap_servers)
    options: dict[str, Any] = {
        "bootstrap_servers": list(settings.bootstrap_servers),
        "client_id": settings.client_id,
        "request_timeout_ms": round(settings.request_timeout_s * 1000),
        "security_protocol": security_protocol(settings),
    }
    if settings.tls is not None:
        options["ssl_context"] = tls_context(settings.tls)
    if settings.sasl is not None:
        options |= _sasl_options(settings.sasl)
    return options


def security_protocol(settings: KafkaSettings) -> str:
    """Kafka's name for how the wire is protected."""
    wire = "SSL" if settings.tls is not None else "PLAINTEXT"
    return f"SASL_{wire}" if settings.sasl is not None else wire


async def reachable(settings: KafkaSettings) -> ClusterFacts:
    """What the cluster says of itself, asked of the bootstrap servers, all at once.

    Raises KafkaUnavailable, on one line, when none of them answers, or none of the brokers that they name can be
    reached.
    """
    options = connection_options(settings)
    addresses = [(host, port) for host, port, _ in collect_hosts(options.pop("bootstrap_servers"), randomize=False)]
    options["request_timeout_ms"] = min(options["request_timeout_ms"], round(PROBE_S * 1000))
    answers = await asyncio.gather(*(_ask(host, port, options, settings) for host, port in addresses))
    found = next((answer for answer in answers if not isinstance(answer, str)), None)
    if found is None:
        raise KafkaUnavailable("; ".join(dict.fromkeys(str(answer) for answer in answers)))
    bootstrap, metadata = found
    brokers = [(broker[1], broker[2]) for broker in metadata.brokers][:MAX_BROKERS_TRIED]
    unknown = [broker for broker in brokers if broker not in addresses]
    silent = [answer for answer in await _ask_all(unknown, options, settings) if isinstance(answer, str)]
    if len(silent) == len(brokers):
        raise KafkaUnavailable(f"{bootstrap} answers, its advertised.listeners do not: {silent[0]}")
    return ClusterFacts(
        getattr(metadata, "cluster_id", None) or "unknown",
        bootstrap,
        tuple(_address(host, port) for host, port in brokers),
        tuple(silent),
    )


async def _ask_all(brokers: Sequence[tuple[str, int]], options: dict[str, Any], settings: KafkaSettings) -> list[Any]:
    return list(await asyncio.gather(*(_ask(host, port, options, settings) for host, port in brokers)))


async def _ask(host: str, port: int, options: dict[str, Any], settings: KafkaSettings) -> tuple[str, Any] | str:
    """The address and its metadata; or why there are none, fit to be shown."""
    address, greeted = _address(host, port), False
    connection: AIOKafkaConnection | None = None
    try:
        connection = await create_conn(host, port, **options)
        greeted = True
        metadata = await connection.send(MetadataRequest([], allow_auto_topic_creation=False))
        if not metadata.brokers:  # aiokafka misses the refusal of a bearer token and reads it as the next answer
            return explained(KafkaConnectionError(), address, settings, greeted)
        return address, metadata
    except (OSError, KafkaError, ValueError, AssertionError, NotImplementedError) as error:
        return explained(error, address, settings, greeted)
    finally:
        if connection is not None:
            closed = connection.close()
            if closed is not None:
                await asyncio.wait([closed], timeout=1.0)


def _sasl_options(sasl: SaslSettings) -> dict[str, Any]:
    options: dict[str, Any] = {"sasl_mechanism": sasl.mechanism}
    if sasl.mechanism == "OAUTHBEARER":
        assert sasl.token_file is not None, "the settings check it"
        return options | {"sasl_oauth_token_provider": TokenFile(sasl.token_file)}
    return options | {"sasl_plain_username": sasl.username, "sasl_plain_password": password(sasl)}


def _check_addresses(servers: Sequence[str]) -> None:
    if not servers:
        raise SettingsError('kafka.bootstrap_servers is missing, such as ["localhost:9092"]')
    for server in servers:
        if not 1 <= int(server.rpartition(":")[2]) <= MAX_PORT:
            raise SettingsError(f"kafka.bootstrap_servers: {server}: the port is not one of 1 to {MAX_PORT}")


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
