"""What the README's tour promises, typed by real clients."""
import pathlib
import subprocess
import sys

from conftest import BASE, KEY, eventually

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"
SMS = {"SMSMessage": {"Body": "hello", "MessageType": "TRANSACTIONAL"}}


def test_the_boto3_tour_runs(cluster):
    done = subprocess.run([sys.executable, EXAMPLES / "tour.py", "--base-port", str(BASE)],
                          capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "answer: OPT_OUT" in done.stdout


def test_the_cli_tour_runs(cluster):
    done = subprocess.run(["bash", EXAMPLES / "tour.sh"], capture_output=True, text=True, timeout=180,
                          env={**__import__("os").environ, "BASE_PORT": str(BASE)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OPT_OUT" in done.stdout


def test_messages_are_sent_by_more_than_one_region_and_once_each(cluster, app):
    ids = set()
    for region in ("us-east-1", "eu-west-1"):
        to = {f"+1206555{n:04}": {"ChannelType": "SMS"} for n in range(100)}
        got = cluster.client(region).send_messages(
            ApplicationId=app, MessageRequest={"Addresses": to, "MessageConfiguration": SMS})
        ids |= {r["MessageId"] for r in got["MessageResponse"]["Result"].values()}
    assert len(ids) == 200
    sent = eventually(lambda: (lambda got: got if len(got) >= 200 else None)(cluster.outbox(app_id=app)))
    assert {m["message_id"] for m in sent} == ids and len(sent) == 200
    assert len({m["region"] for m in sent}) == 3, "three active regions share the recipients"
    by_address = {}
    for m in sent:
        by_address.setdefault(m["address"], set()).add(m["region"])
    assert all(len(regions) == 1 for regions in by_address.values()), "a recipient keeps its region"


def test_an_opt_out_by_the_operator_holds_at_every_listener(cluster, app):
    cluster.cli("opt-out", "put", "--app", app, "--channel", "SMS", "+12065559999", region="ap-southeast-2")
    for region in ("us-east-1", "eu-west-1"):
        got = cluster.client(region).send_messages(ApplicationId=app, MessageRequest={
            "Addresses": {"+12065559999": {"ChannelType": "SMS"}}, "MessageConfiguration": SMS})
        assert got["MessageResponse"]["Result"]["+12065559999"]["DeliveryStatus"] == "OPT_OUT"
    assert cluster.outbox(app_id=app, address="+12065559999") == []


def test_a_stop_reply_opts_the_sender_out(cluster, app):
    import json
    import urllib.request
    body = json.dumps({"originationNumber": "+12065558888", "destinationNumber": "+12065550000",
                       "messageBody": "Stop please", "inboundMessageId": "in-1"}).encode()
    request = urllib.request.Request(cluster.sandbox + "/inbound", data=body,
                                     headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 202

    def refused():
        got = cluster.client("eu-west-1").send_messages(ApplicationId=app, MessageRequest={
            "Addresses": {"+12065558888": {"ChannelType": "SMS"}}, "MessageConfiguration": SMS})
        return got["MessageResponse"]["Result"]["+12065558888"]["DeliveryStatus"] == "OPT_OUT"
    eventually(refused)


def test_events_are_shown_in_the_order_of_a_messages_life(cluster, app):
    import json
    import urllib.request
    got = cluster.client("us-east-1").send_messages(ApplicationId=app, MessageRequest={
        "Addresses": {"+12065557777": {"ChannelType": "SMS"}}, "MessageConfiguration": SMS,
        "Context": {"order": "17"}})
    sent = got["MessageResponse"]["Result"]["+12065557777"]["MessageId"]

    def shown():
        with urllib.request.urlopen(f"{cluster.sandbox}/events?app_id={app}", timeout=10) as answer:
            records = [json.loads(line) for line in answer.read().decode().splitlines()]
        mine = [r for r in records if r["attributes"]["message_id"] == sent]
        return mine if [r["event_type"] for r in mine] == ["_SMS.BUFFERED", "_SMS.SUCCESS"] else None
    records = eventually(shown)
    assert all(r["attributes"]["order"] == "17" for r in records)
