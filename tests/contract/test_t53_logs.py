"""What nodes log: stable names of spans and fields, and nothing of recipients or contents above DEBUG."""
import os
import re

import pytest

from conftest import BASE, REGIONS, Cluster, eventually

ADDRESS, MAIL, BODY, NAME = "+12065550199", "quiet.recipient@example.com", "a body nobody logs", "Unmentioned"
DETAILS = "info,api=debug,replication=debug,sender=debug,service=debug"


@pytest.fixture
def talkative(tmp_path, monkeypatch):
    """A cluster whose own crates log at DEBUG."""
    monkeypatch.setenv("RUST_LOG", DETAILS)
    made = Cluster(tmp_path, BASE + int(os.environ.get("SIGNALBOX_LOGS_OFFSET", "1000")))
    made.start()
    yield made
    made.stop()


def lines(cluster):
    text = "".join((cluster.folder / f"{region}.log").read_text() for region in REGIONS)
    return [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in text.splitlines()]


def test_names_are_stable_and_recipients_stay_out(talkative):
    app, client = talkative.app(), talkative.client("us-east-1")
    client.update_endpoint(ApplicationId=app, EndpointId="e1", EndpointRequest={
        "ChannelType": "EMAIL", "Address": MAIL, "User": {"UserId": "u1", "UserAttributes": {"Name": [NAME]}}})
    client.send_messages(ApplicationId=app, MessageRequest={
        "Addresses": {ADDRESS: {"ChannelType": "SMS"}, "no address": {"ChannelType": "SMS"}},
        "MessageConfiguration": {"SMSMessage": {"Body": BODY, "MessageType": "TRANSACTIONAL"}}})
    client.send_messages(ApplicationId=app, MessageRequest={
        "Endpoints": {"e1": {}}, "MessageConfiguration": {"EmailMessage": {
            "FromAddress": "kit@example.com", "SimpleEmail": {
                "Subject": {"Data": "s"}, "TextPart": {"Data": BODY + " {{User.UserAttributes.Name}}"}}}}})
    eventually(lambda: {m["address"] for m in talkative.outbox(app_id=app)} >= {ADDRESS, MAIL})
    talkative.cli("opt-out", "put", "--app", app, "--channel", "SMS", ADDRESS)
    talkative.cli("traffic", "evacuate", "us-east-1", "--reason", "the test")

    logged = lines(talkative)
    above = [line for line in logged if re.match(r"\S+ +(INFO|WARN|ERROR) ", line)]
    assert any("node started" in line for line in above)
    for secret in (ADDRESS, ADDRESS[1:], MAIL, BODY, NAME, "signalbox-kit-secret"):
        assert [line for line in above if secret in line] == []

    def one(span, *fields):
        assert any(span in line and all(f"{field}=" in line for field in fields) for line in logged), (span, fields)
    one("rest_request", "operation", "request_id", "app", "status")
    one("grpc_call", "method", "action", "caller")
    one("proposal", "group", "submissions", "index")
    one("dispatch", "group", "channel", "class", "count", "epoch")
    one("plan_change", "parent", "author", "epoch")
    one("became leader", "group", "term")
