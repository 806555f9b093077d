"""What a caller is told stays true: of two updates neither undoes the other, and a request that comes again has its
first answer, at whichever listener and whatever changed in between."""
import json
import threading
import uuid

import pytest

from conftest import REGIONS, eventually


def put(cluster, app, endpoint, region="us-east-1", **members):
    cluster.client(region).update_endpoint(ApplicationId=app, EndpointId=endpoint, EndpointRequest=members)


def shown(cluster, app, endpoint, region="us-east-1"):
    return cluster.client(region).get_endpoint(ApplicationId=app, EndpointId=endpoint)["EndpointResponse"]


def at_once(*calls):
    failures = []

    def run(call):
        try:
            call()
        except Exception as error:
            failures.append(error)
    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def send(cluster, app, request, *endpoints, region):
    names = [word for endpoint in endpoints for word in ("--to-endpoint", endpoint)]
    done = cluster.cli("send", "--output", "json", "--app", app, "--channel", "SMS", "--text", "hi", *names,
                       "--request-id", request, region=region, check=False)
    results = json.loads(done.stdout)["results"]
    return {name: (result["status"], result["message_id"]) for name, result in zip(endpoints, results)}


def test_two_members_changed_at_once_in_two_regions_both_survive(cluster, app):
    for i in range(20):
        endpoint, address = f"e{i}", f"{1000 + i:064x}"
        put(cluster, app, endpoint, ChannelType="GCM", Address=f"{i:064x}")
        eventually(lambda: shown(cluster, app, endpoint, "ap-southeast-2"))
        at_once(lambda: put(cluster, app, endpoint, Address=address, User={"UserAttributes": {"plan": ["gold"]}}),
                lambda: put(cluster, app, endpoint, "ap-southeast-2", ChannelType="APNS", User={"UserId": f"u{i}"}))
        for region in REGIONS:
            def both():
                got = shown(cluster, app, endpoint, region)
                return (got["Address"], got["ChannelType"], got["User"]) == (
                    address, "APNS", {"UserId": f"u{i}", "UserAttributes": {"plan": ["gold"]}})
            eventually(both)


@pytest.mark.parametrize("change", ["moved", "deleted", "switched off"])
def test_a_request_that_comes_again_elsewhere_has_its_first_answer(cluster, app, change):
    client = cluster.client("us-east-1")
    names = [f"e{i}" for i in range(8)]
    for i, name in enumerate(names):
        put(cluster, app, name, ChannelType="SMS", Address=f"+1206555{i:04}")
    request = uuid.uuid4().hex
    first = send(cluster, app, request, *names, region="us-east-1")
    assert {status for status, _ in first.values()} == {"accepted"}
    if change == "switched off":
        client.update_sms_channel(ApplicationId=app, SMSChannelRequest={"Enabled": False})
    for i, name in enumerate(names[::2]):
        if change == "moved":
            put(cluster, app, name, Address=f"+1206555{500 + i:04}")
        elif change == "deleted":
            client.delete_endpoint(ApplicationId=app, EndpointId=name)
    for region in REGIONS:
        assert send(cluster, app, request, *names, region=region) == first, region
        assert send(cluster, app, request, *reversed(names), region=region) == first, region


@pytest.mark.parametrize("after", ["another country", "no channel"])
def test_a_national_number_that_is_read_otherwise_by_now_has_its_first_answer(cluster, app, after):
    def read_in(country):
        cluster.cli("channel", "put", "--app", app, "--channel", "SMS", "--default-country", country)

    def sent(region):
        words = [word for number in numbers for word in ("--to", number)]
        done = cluster.cli("send", "--output", "json", "--app", app, "--channel", "SMS", "--text", "hi", *words,
                           "--request-id", request, region=region, check=False)
        return [(result["status"], result["message_id"]) for result in json.loads(done.stdout)["results"]]

    numbers, request = [f"206555{i:04}" for i in range(0, 64, 8)], uuid.uuid4().hex
    read_in("US")
    first = sent("us-east-1")
    assert {status for status, _ in first} == {"accepted"}
    if after == "another country":
        read_in("CN")
    else:
        cluster.cli("channel", "delete", "--app", app, "--channel", "SMS")
    for region in REGIONS:
        assert sent(region) == first, region
