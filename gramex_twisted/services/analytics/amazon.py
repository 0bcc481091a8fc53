"""Amazon: one message of SNS for a batch, or a record of Firehose for each request. Pure.

Source: API references of Amazon SNS (Publish) and Amazon Data Firehose (PutRecordBatch).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from gramex_twisted.config.analytics import Aws
from gramex_twisted.services.analytics.sinks import Asking, EventSink, together
from gramex_twisted.services.sigv4 import Credentials, sign
from gramex_twisted.services.upstream.asking import Answer

SUFFIX = ".fifo"


class AmazonSink(EventSink):
    """What both have in common."""

    service = ""

    def __init__(self, options: Aws) -> None:
        super().__init__(options)
        self.region = options.place
        self.credentials = Credentials(options.key, options.secret, options.token)
        self.url = options.endpoint or f"https://{self.service}.{self.region}.{domain(self.region)}/"

    def signed(self, headers: dict[str, str], body: bytes, when: datetime) -> Asking:
        """A request, signed."""
        sent = sign("POST", self.url, headers, body, self.credentials, self.region, self.service, when)
        return Asking(self.url, sent, body)

    def may_pass(self, answer: Answer) -> bool:
        """See Sink. Amazon tells of too many requests by 400."""
        return super().may_pass(answer) or (answer.code == 400 and b"Throttl" in answer.body)


class SnsSink(AmazonSink):
    """Publishes to a topic."""

    service = "sns"

    def __init__(self, options: Aws) -> None:
        super().__init__(options)
        self.topic = options.topic or ""

    def request(self, key: str, records: Sequence[bytes], when: datetime) -> Asking:
        """See Sink."""
        message = together(records)
        fields = {"Action": "Publish", "Version": "2010-03-31", "TopicArn": self.topic, "Message": message.decode()}
        if self.topic.endswith(SUFFIX):
            fields["MessageGroupId"] = "analytics"
            fields["MessageDeduplicationId"] = hashlib.sha256(message).hexdigest()
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        return self.signed(headers, urlencode(fields).encode(), when)


class FirehoseSink(AmazonSink):
    """Puts records into a stream, a line of JSON each."""

    service = "firehose"

    def __init__(self, options: Aws) -> None:
        super().__init__(options)
        self.stream = options.stream or ""

    def request(self, key: str, records: Sequence[bytes], when: datetime) -> Asking:
        """See Sink."""
        data = [{"Data": base64.b64encode(record + b"\n").decode()} for record in records]
        body = orjson.dumps({"DeliveryStreamName": self.stream, "Records": data})
        target = "Firehose_20150804.PutRecordBatch"
        return self.signed({"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}, body, when)

    def left(self, records: Sequence[bytes], answer: Answer) -> Sequence[bytes]:
        """See Sink. Firehose may take some of a batch."""
        try:
            told: Any = orjson.loads(answer.body)
            results = told["RequestResponses"] if told["FailedPutCount"] else []
            return [record for record, result in zip(records, results, strict=False) if result.get("ErrorCode")]
        except (ValueError, KeyError, TypeError, AttributeError):
            return ()


def amazon_sink(options: Aws) -> AmazonSink:
    """The sink of a channel ``aws:``."""
    return SnsSink(options) if options.topic else FirehoseSink(options)


def domain(region: str) -> str:
    """Where the services of a region are."""
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
