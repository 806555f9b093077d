"""Weights of a destination and of an app: the most specific count, as an operator sets them and takes them away."""
import json

from conftest import eventually

REASON = "--reason", "test"


def shift(cluster, *arguments):
    return json.loads(cluster.cli("traffic", "shift", *arguments, *REASON, "--output", "json").stdout)["plan"]


def regions(cluster, app, country):
    """Sends to forty numbers of a country, and says from where they were sent."""
    to = [f"+{country}{n:05}" for n in range(40)]
    result = cluster.client("us-east-1").send_messages(ApplicationId=app, MessageRequest={
        "Addresses": {address: {"ChannelType": "SMS"} for address in to},
        "MessageConfiguration": {"SMSMessage": {"Body": "hello", "MessageType": "TRANSACTIONAL"}}})
    answers = result["MessageResponse"]["Result"].values()
    assert {answer["DeliveryStatus"] for answer in answers} == {"SUCCESSFUL"}, answers
    sent = lambda: [m for m in cluster.outbox(app_id=app) if m["address"] in to]
    eventually(lambda: {m["address"] for m in sent()} == set(to))
    return {m["region"] for m in sent()}


def test_the_most_specific_weights_count_until_they_are_taken_away(cluster):
    every = {"us-east-1", "eu-west-1", "ap-southeast-2"}
    british, everywhere, pinned = "447700", cluster.app(), cluster.app()
    uk = "--channel", "SMS", "--destination", "+44"
    try:
        plan = shift(cluster, "eu-west-1=1", *uk)
        assert plan["scopes"] == [
            {"app_id": None, "channel": "SMS", "destination": "+44", "weights": {"eu-west-1": 1}}]
        shift(cluster, "ap-southeast-2=1", "--app", pinned)
        assert "SMS to +44: ap-southeast-2 0.0 %, eu-west-1 100.0 %, us-east-1 0.0 %" in cluster.cli("traffic", "plan").stdout
        assert regions(cluster, everywhere, british + "9") == {"eu-west-1"}
        assert regions(cluster, everywhere, "336129") == every
        assert regions(cluster, pinned, british + "8") == {"ap-southeast-2"}
    finally:
        shift(cluster, "--inherit", *uk)
        last = shift(cluster, "--inherit", "--app", pinned)
    assert last["scopes"] == []
    assert regions(cluster, everywhere, british + "7") == every
    refused = cluster.cli("traffic", "shift", "--inherit", *uk, *REASON, check=False)
    assert refused.returncode != 0 and "no weights of its own" in refused.stderr
    wrong = cluster.cli("traffic", "shift", "eu-west-1=1", "--channel", "SMS", "--destination", "+4", *REASON, check=False)
    assert wrong.returncode != 0 and "destination" in wrong.stderr and "calling code" in wrong.stderr
