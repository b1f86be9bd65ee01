"""Who this client is and whom it trusts: the TLS context, secrets from files, bearer tokens. Nothing here is logged."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaConnectionError

from daemon.errors import SettingsError
from daemon.kafka_settings import SaslSettings, TlsSettings

MAX_SECRET_BYTES = 64 * 1024  # bearer tokens with many claims are long; a file larger than this holds no secret
PLACE = "kafka.sasl"


def tls_context(tls: TlsSettings) -> ssl.SSLContext:
    """TLS 1.2 or newer to brokers whose authority is trusted. SettingsError names the key and the file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = tls.check_hostname
    _trust(context, tls.ca_file)
    if tls.cert_file is not None and tls.key_file is not None:
        _show(context, tls.cert_file, tls.key_file, tls.key_password.get_secret_value() if tls.key_password else "")
    return context


def password(sasl: SaslSettings) -> str:
    """The password, from its file as that is now. SettingsError when the file has none."""
    if sasl.password is not None:
        return sasl.password.get_secret_value()
    assert sasl.password_file is not None, "the settings check that one of the two is there"
    return read_secret(sasl.password_file, f"{PLACE}.password_file")


def read_secret(path: Path, key: str) -> str:
    """The secret in a file, without the white space around it. SettingsError names `key` and the file."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SECRET_BYTES + 1)
        secret = content.decode().strip()
    except OSError as error:
        raise SettingsError(f"{key}: {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{key}: {path} is not text: is it the right file?") from None
    if len(content) > MAX_SECRET_BYTES:
        raise SettingsError(f"{key}: {path} is larger than {MAX_SECRET_BYTES} bytes: is it the right file?")
    if not secret or not secret.isprintable():
        raise SettingsError(f"{key}: {path} {'holds more than one line' if secret else 'is empty'}")
    return secret


class TokenFile(AbstractTokenProvider):
    """OAUTHBEARER tokens: the file as it is at each connection, so that whoever renews it is followed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        read_secret(path, f"{PLACE}.token_file")  # say now what would fail at every connection

    async def token(self) -> str:
        """The present token. KafkaConnectionError, after which aiokafka tries again, when it cannot be read."""
        try:
            return await asyncio.to_thread(read_secret, self._path, f"{PLACE}.token_file")
        except SettingsError as error:
            raise KafkaConnectionError(str(error)) from error


def _trust(context: ssl.SSLContext, ca_file: Path | None) -> None:
    if ca_file is None:
        context.load_default_certs()
        return
    try:
        context.load_verify_locations(ca_file)
    except ssl.SSLError:
        raise SettingsError(f"kafka.tls.ca_file: {ca_file} holds no certificates in PEM form") from None
    except OSError as error:
        raise SettingsError(f"kafka.tls.ca_file: {ca_file} cannot be read: {error.strerror}") from None


def _show(context: ssl.SSLContext, cert_file: Path, key_file: Path, key_password: str) -> None:
    """Present this client's certificate. Never asks on the terminal for a password: an empty one is tried."""
    for key, path in (("cert_file", cert_file), ("key_file", key_file)):
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            raise SettingsError(f"kafka.tls.{key}: {path} cannot be read: {error.strerror}") from None
    try:
        context.load_cert_chain(cert_file, key_file, key_password)
    except (ssl.SSLError, ValueError) as error:
        why = (
            "they do not belong together" if "MISMATCH" in str(error) else "not PEM, or kafka.tls.key_password is wrong"
        )
        raise SettingsError(f"kafka.tls.key_file: {key_file} does not go with {cert_file}: {why}") from None
