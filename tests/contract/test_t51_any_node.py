"""Each node in turn is killed under load and started again: nothing acknowledged is lost, no promotion goes twice."""
import json
import threading

from conftest import REGIONS, eventually
from test_t50_region_loss import NOTICE, PROMOTION, send


def test_every_node_may_be_killed_in_turn(cluster):
    app = cluster.app("eu-west-1")
    acknowledged = {"PROMOTIONAL": set(), "TRANSACTIONAL": set()}
    stop = threading.Event()

    def sender(region, first):
        client, n = cluster.client(region), 0
        while not stop.is_set():
            content = PROMOTION if n % 2 else NOTICE
            addresses = [f"+1{first + n * 5 + k}" for k in range(5)]
            acknowledged[content["SMSMessage"]["MessageType"]].update(send(client, app, content, addresses).values())
            n += 1

    def total():
        return sum(len(ids) for ids in acknowledged.values())

    senders = [threading.Thread(target=sender, args=args)
               for args in zip(REGIONS, (2070000000, 3040000000, 4160000000))]
    for thread in senders:
        thread.start()
    try:
        for region in REGIONS:
            before = total()
            eventually(lambda: total() > before + 100, seconds=30)
            cluster.dev("kill", region)
            before = total()
            eventually(lambda: total() > before + 200, seconds=30)
            cluster.dev("start", region)
            eventually(lambda: cluster.ready(region), seconds=60)
    finally:
        stop.set()
        for thread in senders:
            thread.join()

    def counts():
        seen = {}
        for message in cluster.outbox(app_id=app):
            seen[message["message_id"]] = seen.get(message["message_id"], 0) + 1
        return seen
    eventually(lambda: acknowledged["TRANSACTIONAL"] <= set(counts()), seconds=60)
    assert [i for i in acknowledged["PROMOTIONAL"] if counts().get(i, 0) > 1] == []

    def settled():
        accounting = json.loads(cluster.cli("accounting", "--app", app, "--output", "json").stdout)["total"]
        parts = sum(accounting[k] for k in ("delivered", "failed", "opted_out", "expired", "held", "pending"))
        return accounting if accounting["accepted"] == parts and accounting["pending"] == 0 else None
    accounting = eventually(settled, seconds=60)
    assert accounting["accepted"] >= total()
    missing = sum(1 for i in acknowledged["PROMOTIONAL"] if i not in counts())
    assert missing <= accounting["held"], "a promotion that did not go out is held, for a person to decide"
    for region in REGIONS:
        if '"evacuated"' in cluster.cli("traffic", "plan", "--output", "json").stdout:
            cluster.cli("traffic", "restore", region, "--reason", "the test is over", check=False)
