"""Which failures go away when what failed is begun anew, and how often that is tried."""

from __future__ import annotations

from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    InvalidTopicError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnsupportedVersionError,
)

# What a call fails with while brokers are away; aiokafka asserts that it knows one, and then may know none.
AWAY = (KafkaError, OSError, AssertionError)
# Somebody has to do something before these go away.
LASTING = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    InvalidTopicError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnsupportedVersionError,
)
MAX_ATTEMPTS = 5


def goes_away(error: BaseException) -> bool:
    """Whether brokers that are away, or partitions without a leader, are reason enough for `error`."""
    return isinstance(error, OSError | AssertionError | KafkaTimeoutError) or (
        isinstance(error, KafkaError) and error.retriable
    )


class Mending:
    """Counts failures that nothing successful came between."""

    def __init__(self) -> None:
        self._failures = 0

    def succeeded(self) -> None:
        """It worked."""
        self._failures = 0

    def worth_while(self, error: BaseException) -> bool:
        """Whether to begin anew after `error`."""
        self._failures += 1
        return not isinstance(error, LASTING) and self._failures <= MAX_ATTEMPTS
