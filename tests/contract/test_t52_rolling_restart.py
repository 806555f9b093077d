"""Each region in turn is stopped as an upgrade does and started again, under load: nothing is lost, nothing goes twice,
nobody waits, and every region has its share again without an operator."""
import json
import threading
import time

from conftest import REGIONS, eventually
from test_t50_region_loss import NOTICE, PROMOTION, send

WAIT_MAX = 4.0   # seconds from asking until the provider has it, whatever restarts


def states(cluster):
    for region in REGIONS:   # any listener will do
        done = cluster.cli("traffic", "plan", "--output", "json", region=region, check=False)
        if done.returncode == 0:
            return json.loads(done.stdout)["regions"]
    raise AssertionError("nobody answers")


def test_a_rolling_restart_needs_no_operator_and_nobody_waits(cluster):
    app = cluster.app("eu-west-1")
    eventually(lambda: set(states(cluster).values()) == {"active"})
    asked, promotions, stop = {}, set(), threading.Event()

    def sender(region, first):
        client, n = cluster.client(region), 0
        while not stop.is_set():
            content, began = (PROMOTION if n % 2 else NOTICE), time.time()
            addresses = [f"+1{first + n * 5 + k}" for k in range(5)]
            ids = set(send(client, app, content, addresses).values())
            asked.update({message: began for message in ids})
            promotions.update(ids if content is PROMOTION else ())
            n += 1
            if not ids:
                stop.wait(0.1)   # its listener is closed

    senders = [threading.Thread(target=sender, args=args)
               for args in zip(REGIONS, (2080000000, 3050000000, 4170000000))]
    for thread in senders:
        thread.start()
    try:
        for region in REGIONS:
            before = len(asked)
            eventually(lambda: len(asked) > before + 100, seconds=30)
            cluster.dev("stop", region)
            assert states(cluster)[region] == "evacuated"
            before = len(asked)
            eventually(lambda: len(asked) > before + 200, seconds=30)
            cluster.dev("start", region)
            eventually(lambda: states(cluster)[region] == "active", seconds=60)
    finally:
        stop.set()
        for thread in senders:
            thread.join()

    got = {}

    def all_sent():
        got.clear()
        for message in cluster.outbox(app_id=app):
            got.setdefault(message["message_id"], []).append(message["at_ms"] / 1000)
        return set(asked) <= set(got)
    eventually(all_sent, seconds=60)
    assert [i for i in asked if len(got[i]) > 1] == [], "a stop that was asked for doubles nothing"
    slowest = max(got[i][0] - asked[i] for i in asked)
    assert slowest < WAIT_MAX, f"a message waited {slowest:.1f} s"
    accounting = json.loads(cluster.cli("accounting", "--app", app, "--output", "json").stdout)["total"]
    assert accounting["held"] == 0, accounting

    to = [f"+1720556{n:04}" for n in range(90)]
    send(cluster.client("us-east-1"), app, NOTICE, to)
    eventually(lambda: {m["region"] for m in cluster.outbox(app_id=app) if m["address"] in to} == set(REGIONS))
