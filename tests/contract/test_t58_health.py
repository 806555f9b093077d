"""Sending fails from one region: its traffic on that channel moves away, and comes back. What fails everywhere moves
nothing. The cluster has a hold of a few seconds, so that the way back is short."""
import json
import threading
import urllib.request

import pytest
from conftest import BASE, eventually, started

ILL = {"name": "ill", "channel": "SMS", "action": {"kind": "fail", "status": "temporary_failure"}}


class Load:
    """Messages to four countries through every region, until it is stopped."""

    COUNTRIES = ["1206555", "4477009", "4915111", "3361234"]

    def __init__(self, cluster, app):
        self.cluster, self.app, self.stopped = cluster, app, threading.Event()
        regions = ["us-east-1", "eu-west-1", "ap-southeast-2"]
        self.threads = [threading.Thread(target=self.send, args=(region, n)) for n, region in enumerate(regions)]

    def send(self, region, n):
        client, sent = self.cluster.client(region), 0
        while not self.stopped.wait(0.2):
            to = [f"+{country}{(n * 3000 + sent * 4 + k) % 10000:04}" for k, country in enumerate(self.COUNTRIES)]
            try:
                client.send_messages(ApplicationId=self.app, MessageRequest={
                    "Addresses": {a: {"ChannelType": "SMS"} for a in to},
                    "MessageConfiguration": {"SMSMessage": {"Body": "notice", "MessageType": "TRANSACTIONAL"}}})
            except Exception:
                pass   # an election; the next one counts
            sent += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    made = started(tmp_path_factory.mktemp("judged"), BASE + 2000,
                   SIGNALBOX__HEALTH__HOLD_S="12", SIGNALBOX__HEALTH__RAMP="[0.5, 1.0]")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def sender(judged):
    """One app for all: what only one of several apps fails at moves nothing."""
    return judged.app()


def faults(cluster, *rules):
    request = urllib.request.Request(f"{cluster.sandbox}/v1/faults", method="PUT",
                                     data=json.dumps({"rules": rules}).encode(),
                                     headers={"content-type": "application/json"})
    urllib.request.urlopen(request, timeout=10).close()


def plan(cluster):
    return json.loads(cluster.cli("traffic", "plan", "--output", "json").stdout)


def health(cluster):
    return json.loads(cluster.cli("health", "status", "--output", "json").stdout)


def heard(cluster, app, regions):
    return lambda: {m["region"] for m in cluster.outbox(app_id=app)} >= set(regions)


def test_a_channel_leaves_the_region_that_it_fails_from_and_comes_back(judged, sender):
    app = sender
    with Load(judged, app):
        eventually(lambda: {(c["channel"], c["region"]) for c in health(judged)["channels"]} >= {
            ("SMS", "us-east-1"), ("SMS", "eu-west-1")})
        faults(judged, dict(ILL, region="us-east-1"))
        moved = eventually(lambda: (lambda now: now if "SMS" in now["channel_weights"] else None)(plan(judged)), 30)
        assert moved["channel_weights"]["SMS"]["us-east-1"] == 0
        assert moved["channel_weights"]["SMS"]["eu-west-1"] > 0
        assert moved["automatic"] and "send errors" in moved["evidence"]["health"]
        assert moved["regions"]["us-east-1"] == "active", "the other channels stay"
        explained = judged.cli("traffic", "explain", str(moved["epoch"])).stdout
        assert "SMS: us-east-1 33.3 % -> 0.0 %" in explained and "health: us-east-1: send errors" in explained
        alarms = eventually(lambda: [a for a in json.loads(judged.cli("status", "--output", "json").stdout)["alarms"]
                                     if a["name"] == "traffic_moved"])
        assert alarms[0]["subject"] == "SMS from us-east-1"
        view = eventually(lambda: [c for c in health(judged)["channels"]
                                   if c["region"] == "us-east-1" and c["share_per_mille"] < 1000])
        assert view[0]["channel"] == "SMS"
        faults(judged)
        eventually(lambda: plan(judged)["channel_weights"] == {}, seconds=120, every=0.5)
    waiting = "--app", app, "--output", "json"
    # What failed for some time waits for up to as long again.
    eventually(lambda: json.loads(judged.cli("accounting", *waiting).stdout)["total"]["pending"] == 0, seconds=180)


def test_what_fails_from_everywhere_moves_nothing(judged, sender):
    app = sender
    epoch = plan(judged)["epoch"]
    with Load(judged, app):
        faults(judged, dict(ILL, address_contains="+44"))
        held = eventually(lambda: [f for f in health(judged)["findings"] if f["destination"] == "+44"], 60)
        # Thousands of them fail before the finding is told again; the plan stays.
        eventually(lambda: len([f for f in health(judged)["findings"] if f["destination"] == "+44"]) > 1, 60)
        assert {f["advice"] for f in held} == {"hold"}
        faults(judged)
    assert plan(judged)["epoch"] == epoch


def test_one_country_that_fails_from_one_region_leaves_it_alone_and_comes_back(judged, sender):
    app = sender
    with Load(judged, app):
        faults(judged, dict(ILL, region="us-east-1", address_contains="+49"))
        moved = eventually(lambda: (lambda now: now if now["diverted"] else None)(plan(judged)), 60)
        germans, french = ([f"+{country}{n:05}" for n in range(50)] for country in ["49151999", "336129"])
        for to in (germans, french):
            judged.client("us-east-1").send_messages(ApplicationId=app, MessageRequest={
                "Addresses": {address: {"ChannelType": "SMS"} for address in to},
                "MessageConfiguration": {"SMSMessage": {"Body": "x", "MessageType": "TRANSACTIONAL"}}})
        assert moved["diverted"] == [
            {"channel": "SMS", "destination": "+49", "shares_per_mille": {"us-east-1": 0}}]
        assert moved["channel_weights"] == {} and set(moved["regions"].values()) == {"active"}
        explained = judged.cli("traffic", "explain", str(moved["epoch"])).stdout
        assert "SMS to +49: us-east-1 100.0 % of its share -> 0.0 %" in explained
        assert "diverted, SMS to +49: us-east-1 has 0.0 % of its share" in judged.cli("traffic", "plan").stdout
        eventually(lambda: "ELSEWHERE: what goes on SMS to +49, not from us-east-1" in judged.cli("health", "status").stdout)
        alarm = eventually(lambda: [a for a in json.loads(judged.cli("status", "--output", "json").stdout)["alarms"]
                                    if a["name"] == "traffic_moved"])
        assert alarm[0]["subject"] == "SMS to +49 from us-east-1"
        eventually(lambda: all(to in {m["address"] for m in judged.outbox(app_id=app)} for to in germans + french), 60)
        heard = lambda them: {m["region"] for m in judged.outbox(app_id=app) if m["address"] in them}
        assert heard(germans) == {"eu-west-1", "ap-southeast-2"}, "sent while it was away"
        assert heard(french) == {"us-east-1", "eu-west-1", "ap-southeast-2"}
        faults(judged)
        eventually(lambda: plan(judged)["diverted"] == [], seconds=120, every=0.5)


def test_what_is_only_observed_moves_nothing_and_is_told(tmp_path):
    observed = started(tmp_path, BASE + 3000, SIGNALBOX__HEALTH__MODE="observe")
    try:
        app = observed.app()
        with Load(observed, app):
            eventually(lambda: health(observed)["channels"])
            faults(observed, dict(ILL, region="us-east-1"))
            eventually(lambda: [f for f in health(observed)["findings"] if f["advice"] == "shift"], 40)
            alarm = eventually(lambda: [a for a in json.loads(observed.cli("status", "--output", "json").stdout)["alarms"]
                                        if a["name"] == "finding_not_followed"])
            assert "observed" in alarm[0]["text"]
            assert plan(observed)["epoch"] == 1
            assert "nothing moves" in observed.cli("health", "status").stdout
    finally:
        observed.stop()
