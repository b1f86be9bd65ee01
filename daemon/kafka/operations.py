"""What a client may do, as brokers tell it: the operations of an ACL, and the questions that aiokafka does not ask."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from aiokafka.protocol.admin import DescribeGroupsRequest_v3, DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

UNKNOWN = -(2**31)  # the broker was not asked, or does not say


class Operation(IntEnum):
    """Kafka's AclOperation, by its number on the wire; the bit of that number is set where it is allowed."""

    READ = 3
    WRITE = 4
    DESCRIBE = 8
    IDEMPOTENT_WRITE = 12

    @property
    def label(self) -> str:
        """As kafka-acls.sh takes it: IdempotentWrite."""
        return self.name.title().replace("_", "")


def operations(bits: int) -> set[Operation] | None:
    """The operations that a broker allows; None when it does not say."""
    return None if bits == UNKNOWN else {operation for operation in Operation if bits >> operation & 1}


class _MetadataResponse(Response):
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            Array(("node_id", Int32), ("host", String("utf-8")), ("port", Int32), ("rack", String("utf-8"))),
        ),
        ("cluster_id", String("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String("utf-8")),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("cluster_authorized_operations", Int32),
    )


class _MetadataRequest(RequestStruct):
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", Array(String("utf-8"))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class AuthorizedMetadataRequest(Request[_MetadataRequest]):
    """Metadata, version 8 (Kafka 2.3 and newer), with what the client may do with each topic and the cluster."""

    API_KEY = 3

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[_MetadataRequest]) -> Any:
        """The request on the wire; it makes no topics."""
        return request_struct_class(self._topics, False, True, True)


class _DescribeGroupsRequest(RequestStruct):
    API_KEY = 15
    API_VERSION = 3
    RESPONSE_TYPE = DescribeGroupsResponse_v3  # aiokafka reads the answer as version 2, without the operations
    SCHEMA = DescribeGroupsRequest_v3.SCHEMA


class AuthorizedGroupRequest(Request[_DescribeGroupsRequest]):
    """A consumer group, version 3 (Kafka 2.3 and newer), with what the client may do with it."""

    API_KEY = 15

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: type[_DescribeGroupsRequest]) -> Any:
        """The request on the wire."""
        return request_struct_class([self._group], True)
