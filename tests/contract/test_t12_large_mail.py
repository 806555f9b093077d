"""Mails that are larger than an entry of the log: up to 7 MB by REST and 10 MiB by gRPC they arrive as they were given;
more is refused for good, with the limit."""
import base64
import hashlib
import json
import random
import re

import pytest
from botocore.exceptions import ClientError

from conftest import eventually

MAIL_MAX = 10 * 1024 * 1024
# Enough of them to be in several partitions.
RECIPIENTS = [f"large-{n}@example.com" for n in range(4)]


def raw(size):
    """A mail of exactly so many bytes, none like another."""
    head = b"From: a@example.com\r\nSubject: large\r\n\r\n"
    return head + random.Random(size).randbytes(size - len(head))


def digest(data):
    return hashlib.sha256(data).hexdigest(), len(data)


def arrived(cluster, app, to):
    """The payload that the sandbox was shown for a recipient."""
    lines = eventually(lambda: cluster.outbox(app_id=app, address=to), seconds=60)
    assert len(lines) == 1
    payload = lines[0]["payload"]
    return json.loads(payload) if isinstance(payload, str) else payload


def send_raw(cluster, app, path, *more, check=True):
    to = [part for address in RECIPIENTS[:2] for part in ("--to", address)]
    return cluster.cli("send", "--app", app, "--channel", "EMAIL", "--raw", str(path), *to, *more, check=check)


def test_a_raw_mail_of_5_mb_by_rest_arrives_byte_for_byte(cluster, app):
    mail = raw(5_000_000)
    answer = cluster.client("us-east-1").send_messages(ApplicationId=app, MessageRequest={
        "Addresses": {to: {"ChannelType": "EMAIL"} for to in RECIPIENTS},
        "MessageConfiguration": {"EmailMessage": {"RawEmail": {"Data": mail}}}})
    results = answer["MessageResponse"]["Result"]
    assert {result["StatusCode"] for result in results.values()} == {200}, results
    # A message's id begins with its partition.
    assert len({result["MessageId"][:4] for result in results.values()}) > 1
    for to in RECIPIENTS:
        data = arrived(cluster, app, to)["RawEmail"]
        assert digest(base64.b64decode(data)) == digest(mail)


def test_a_mail_in_parts_is_filled_in_however_large(cluster, app):
    text, html = "t" * 2_000_000 + "{{Name}}", "<p>" + "h" * 3_000_000 + "{{Name}}</p>"
    answer = cluster.client("eu-west-1").send_messages(ApplicationId=app, MessageRequest={
        "Addresses": {to: {"ChannelType": "EMAIL", "Substitutions": {"Name": [to]}} for to in RECIPIENTS[:2]},
        "MessageConfiguration": {"EmailMessage": {"SimpleEmail": {
            "Subject": {"Data": "large"}, "TextPart": {"Data": text}, "HtmlPart": {"Data": html}}}}})
    results = answer["MessageResponse"]["Result"]
    assert {result["StatusCode"] for result in results.values()} == {200}, results
    for to in RECIPIENTS[:2]:
        payload = arrived(cluster, app, to)
        assert payload["TextPart"] == text.replace("{{Name}}", to)
        assert payload["HtmlPart"] == html.replace("{{Name}}", to)


def test_a_mail_of_10_mib_by_grpc_arrives_and_is_sent_once(cluster, app, tmp_path):
    mail = raw(MAIL_MAX)
    path = tmp_path / "mail"
    path.write_bytes(mail)
    request = ("--request-id", f"{random.getrandbits(128):032x}", "--output", "json")
    first = json.loads(send_raw(cluster, app, path, *request).stdout)
    again = json.loads(send_raw(cluster, app, path, *request).stdout)
    assert first == again
    for to in RECIPIENTS[:2]:
        data = arrived(cluster, app, to)["RawEmail"]
        assert digest(base64.b64decode(data)) == digest(mail)


@pytest.mark.parametrize("size", [MAIL_MAX + 1, MAIL_MAX + 2 * 1024 * 1024])
def test_a_larger_one_is_refused_for_good(cluster, app, tmp_path, size):
    path = tmp_path / "mail"
    path.write_bytes(raw(size))
    refused = send_raw(cluster, app, path, check=False)
    assert refused.returncode != 0
    assert re.search(r"10485760|11534336", refused.stderr), refused.stderr
    assert re.search(r"\((invalid argument|out of range),", refused.stderr), refused.stderr
    assert cluster.outbox(app_id=app) == []


def test_a_body_over_7_mb_is_refused_for_good(cluster, app):
    with pytest.raises(ClientError) as refused:
        cluster.client("us-east-1").send_messages(ApplicationId=app, MessageRequest={
            "Addresses": {RECIPIENTS[0]: {"ChannelType": "EMAIL"}},
            "MessageConfiguration": {"EmailMessage": {"RawEmail": {"Data": raw(6_000_000)}}}})
    response = refused.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert str(7 * 1024 * 1024) in response["Error"]["Message"]
