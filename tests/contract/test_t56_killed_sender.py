"""A node is killed while it sends a burst: of messages that go at most once, those that never left are not held."""
import json
import random
import threading
import time
import urllib.request

from conftest import eventually

OFFER = {"SMSMessage": {"Body": "offer", "MessageType": "PROMOTIONAL"}}   # at most once by default
KILLED = "us-east-1"


def slow(cluster, ms):
    """Lets the provider take messages at once and answer late."""
    rules = [{"name": "slow", "action": {"kind": "delay", "ms": ms}}] if ms else []
    request = urllib.request.Request(
        cluster.sandbox + "/v1/faults", data=json.dumps({"rules": rules}).encode(), method="PUT")
    urllib.request.urlopen(request, timeout=10).close()


def accounting(cluster, app):
    return json.loads(cluster.cli("accounting", "--app", app, "--output", "json").stdout)["total"]


def burst(cluster, app, seconds, first):
    """Sends as much as two listeners take for a while; returns what to wait for."""
    end = time.monotonic() + seconds

    def send(region, first):
        client = cluster.client(region)
        while time.monotonic() < end:
            to = {f"+1{first + k}": {"ChannelType": "SMS"} for k in range(100)}
            first += 100
            try:
                client.send_messages(ApplicationId=app, MessageRequest={
                    "Addresses": to, "MessageConfiguration": OFFER})
            except Exception:
                pass   # nobody acknowledged anything
    threads = [threading.Thread(target=send, args=(region, first + n * 1_000_000)) for n, region in
               enumerate(["eu-west-1", "ap-southeast-2"] * 3)]
    for thread in threads:
        thread.start()
    return threads


def kill_in_a_burst(cluster, app, down, first=2_060_000_000):
    """Kills a sender in a burst and starts it again; returns how many messages reached the provider, how many are held,
    how many of these never reached it, and how many reached it twice."""
    slow(cluster, 100)
    threads = burst(cluster, app, 2.5, first)
    time.sleep(1 + random.random())
    cluster.dev("kill", KILLED)
    time.sleep(down)
    cluster.dev("start", KILLED)
    for thread in threads:
        thread.join()
    slow(cluster, 0)
    eventually(lambda: cluster.ready(KILLED), seconds=60)

    def rest():
        found = accounting(cluster, app)
        return found if found["pending"] == 0 else None
    eventually(rest, seconds=60, every=0.5)
    sent = [message["message_id"] for message in cluster.outbox(app_id=app)]
    listed = json.loads(cluster.cli("held", "list", "--app", app, "--output", "json").stdout)
    held = {message["message_id"] for message in listed["messages"]}
    assert len(held) == accounting(cluster, app)["held"]
    return {"sent": len(sent), "held": len(held), "in_vain": len(held - set(sent)), "twice": len(sent) - len(set(sent))}


def test_what_never_left_is_not_held_and_nothing_goes_twice(cluster):
    try:
        for down in (0.2, 5):   # before and after the others took over what waited there
            found = kill_in_a_burst(cluster, cluster.app("eu-west-1"), down)
            assert found["sent"] > 500, found
            assert (found["in_vain"], found["twice"]) == (0, 0), found
    finally:
        slow(cluster, 0)
        cluster.cli("traffic", "restore", KILLED, "--reason", "the test is over", check=False)
