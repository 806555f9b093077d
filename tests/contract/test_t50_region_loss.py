"""A region is killed while its customers send: nothing acknowledged is lost, nothing goes twice that must not."""
import threading

from conftest import eventually

PROMOTION = {"SMSMessage": {"Body": "offer", "MessageType": "PROMOTIONAL"}}   # at most once by default
NOTICE = {"SMSMessage": {"Body": "notice", "MessageType": "TRANSACTIONAL"}}   # at least once by default


def send(client, app, content, addresses):
    """Returns the ids of the messages that were acknowledged, by address."""
    try:
        got = client.send_messages(ApplicationId=app, MessageRequest={
            "Addresses": {a: {"ChannelType": "SMS"} for a in addresses}, "MessageConfiguration": content})
    except Exception:
        return {}   # nobody acknowledged anything
    results = got["MessageResponse"]["Result"]
    return {a: r["MessageId"] for a, r in results.items() if r["DeliveryStatus"] == "SUCCESSFUL"}


def test_a_killed_region_loses_nothing_and_doubles_nothing(cluster):
    app = cluster.app("eu-west-1")
    acknowledged = {"PROMOTIONAL": {}, "TRANSACTIONAL": {}}
    stop = threading.Event()

    def sender(region, first):
        client, n = cluster.client(region), 0
        while not stop.is_set():
            content = PROMOTION if n % 2 else NOTICE
            addresses = [f"+1{first + n * 10 + k}" for k in range(10)]
            acknowledged[content["SMSMessage"]["MessageType"]].update(send(client, app, content, addresses))
            n += 1

    senders = [threading.Thread(target=sender, args=args) for args in
               [("us-east-1", 2060000000), ("eu-west-1", 3030000000), ("ap-southeast-2", 4150000000)]]
    for thread in senders:
        thread.start()
    eventually(lambda: len(acknowledged["PROMOTIONAL"]) > 200)
    cluster.dev("kill", "us-east-1")
    before = sum(len(ids) for ids in acknowledged.values())
    eventually(lambda: sum(len(ids) for ids in acknowledged.values()) > before + 400, seconds=30)
    plan = eventually(lambda: (lambda text: text if "evacuated" in text else None)(
        cluster.cli("traffic", "plan", "--output", "json").stdout), seconds=30)
    assert "us-east-1" in plan
    stop.set()
    for thread in senders:
        thread.join()

    # Everything acknowledged goes out through the others; a claimed promotion of the lost region is held, never doubled.
    notices = set(acknowledged["TRANSACTIONAL"].values())
    eventually(lambda: notices <= {m["message_id"] for m in cluster.outbox(app_id=app)}, seconds=40)
    promotions = set(acknowledged["PROMOTIONAL"].values())
    counts = {}
    for m in cluster.outbox(app_id=app):
        counts[m["message_id"]] = counts.get(m["message_id"], 0) + 1
    assert [i for i in promotions if counts.get(i, 0) > 1] == []

    def accounting_closes():
        import json
        accounting = json.loads(cluster.cli("accounting", "--app", app, "--output", "json").stdout)["total"]
        settled = sum(accounting[k] for k in ("delivered", "failed", "opted_out", "expired", "held", "pending"))
        missing = sum(1 for i in promotions if i not in counts)
        return accounting if accounting["accepted"] == settled and accounting["pending"] == 0 and missing <= accounting["held"] else None
    accounting = eventually(accounting_closes, seconds=30)
    assert accounting["accepted"] >= len(notices) + len(promotions)

    cluster.dev("start", "us-east-1")
    eventually(lambda: cluster.ready("us-east-1"), seconds=60)
    cluster.cli("traffic", "restore", "us-east-1", "--reason", "the test is over")
    to = [f"+1720555{n:04}" for n in range(60)]

    def shared_again():
        send(cluster.client("us-east-1"), app, NOTICE, to)
        return "us-east-1" in {m["region"] for m in cluster.outbox(app_id=app) if m["address"] in to}
    eventually(shared_again, seconds=40)


def test_evacuation_by_hand_moves_sending_and_is_in_the_history(cluster, app):
    cluster.cli("traffic", "evacuate", "eu-west-1", "--reason", "maintenance of the test")
    try:
        to = [f"+1970555{n:04}" for n in range(60)]
        ids = set(send(cluster.client("eu-west-1"), app, NOTICE, to).values())
        assert len(ids) == 60
        sent = eventually(lambda: (lambda got: got if ids <= {m["message_id"] for m in got} else None)(
            cluster.outbox(app_id=app)))
        assert "eu-west-1" not in {m["region"] for m in sent if m["message_id"] in ids}
        assert "maintenance of the test" in cluster.cli("traffic", "history").stdout
    finally:
        cluster.cli("traffic", "restore", "eu-west-1", "--reason", "done")
