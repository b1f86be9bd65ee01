"""What went wrong with a broker, in one line for people: what, where, what to do. No secret ever comes into it."""

from __future__ import annotations

import socket
import ssl

from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from daemon.kafka_settings import KafkaSettings, SaslSettings

HOSTNAME_MISMATCH, IP_MISMATCH = 62, 64  # OpenSSL's X509_V_ERR_*


def explained(error: BaseException, address: str, settings: KafkaSettings, greeted: bool) -> str:
    """Why the broker at `address` cannot be used. `greeted`: it had taken the connection, TLS and login."""
    cause = error.__cause__ if isinstance(error, KafkaError) and error.__cause__ is not None else error
    if isinstance(error, KafkaError) and (refusal := _login_refusal(error, address, settings.sasl)):
        return refusal
    if isinstance(cause, ssl.SSLError):
        return _tls_trouble(cause, address)
    if isinstance(cause, TimeoutError):
        return f"{address} does not answer: is it a broker, does a firewall drop the connection, or is it overloaded?"
    if isinstance(cause, ConnectionRefusedError):
        return f"{address} refuses the connection: start the broker, or correct kafka.bootstrap_servers"
    if isinstance(cause, socket.gaierror):
        return f"{address}: there is no host of this name ({cause.strerror}): correct kafka.bootstrap_servers"
    if isinstance(cause, KafkaError | EOFError | ConnectionError):
        return _hung_up(address, settings, greeted)
    if isinstance(cause, OSError):
        return f"{address} cannot be reached: {cause.strerror or cause}"
    return f"{address} does not answer as a Kafka broker does ({type(cause).__name__}): correct kafka.bootstrap_servers"


def _login_refusal(error: KafkaError, address: str, sasl: SaslSettings | None) -> str | None:
    if isinstance(error, IllegalSaslStateError):
        return f"{address} asks for no login: remove [kafka.sasl], or use the broker's SASL port"
    if isinstance(error, UnsupportedSaslMechanismError):
        offered = str(error).partition("mechanisms are: ")[2] or "others"
        return f"{address} does not take kafka.sasl.mechanism {sasl.mechanism if sasl else ''}: it takes {offered}"
    if isinstance(error, SaslAuthenticationFailed | AuthenticationFailedError):
        return _wrong_login(address, sasl)
    return None


def _wrong_login(address: str, sasl: SaslSettings | None) -> str:
    if sasl is None or sasl.mechanism == "OAUTHBEARER":
        return f"{address} refuses the token: renew kafka.sasl.token_file"
    where = "password" if sasl.password_file is None else "password_file"
    return (
        f"{address}: authentication failed for user {sasl.username!r} by {sasl.mechanism}: "
        f"correct kafka.sasl.username and kafka.sasl.{where}"
    )


def _tls_trouble(error: ssl.SSLError, address: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in (HOSTNAME_MISMATCH, IP_MISMATCH):
            return (
                f"{address}: the broker's certificate names other hosts: use one of them, or kafka.tls.check_hostname"
            )
        return (
            f"{address}: the broker's certificate is not trusted ({error.verify_message}): "
            "set kafka.tls.ca_file to the authority that signed it"
        )
    reason = (error.reason or "").upper()
    if "ALERT" in reason and "VERSION" not in reason:
        return (
            f"{address} refuses this client's certificate: set kafka.tls.cert_file and key_file to one that it trusts"
        )
    return f"{address}: TLS failed ({error.reason or 'no answer'}): does the broker speak TLS on this port?"


def _hung_up(address: str, settings: KafkaSettings, greeted: bool) -> str:
    """A broker that is spoken to in the wrong way says nothing: it closes the connection."""
    sasl = settings.sasl
    if greeted and sasl is not None:
        return _wrong_login(address, sasl)
    if greeted:
        return f"{address} closes the connection: it wants a login, [kafka.sasl], or lets nobody in"
    if settings.tls is not None:
        return f"{address} closes the connection during the TLS handshake: does the broker speak TLS on this port?"
    return f"{address} closes the connection at once: does the broker want TLS ([kafka.tls]), or is it no broker?"
