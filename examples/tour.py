#!/usr/bin/env python3
"""The tour: what an application does with Signalbox, through boto3 and two regions.

    pip install boto3
    python3 examples/tour.py                    # against `scripts/dev`
    python3 examples/tour.py --base-port 5100   # against a cluster on other ports

Nothing here is Signalbox's own but `endpoint_url`.
"""
import argparse
import json
import sys
import time
import urllib.parse
import urllib.request

import boto3

KEY = {"aws_access_key_id": "AKIASIGNALBOXKIT0001", "aws_secret_access_key": "signalbox-kit-secret"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-port", type=int, default=4100, help="as given to `signalbox dev` (default: 4100)")
    base = parser.parse_args().base_port

    # Two listeners of one cluster. A request is signed for a region's name; a listener takes any of its cluster's.
    virginia = boto3.client("pinpoint", region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{base + 1}", **KEY)
    ireland = boto3.client("pinpoint", region_name="eu-west-1", endpoint_url=f"http://127.0.0.1:{base + 2}", **KEY)
    sandbox = f"http://127.0.0.1:{base + 200}"

    step("create an app in us-east-1 and enable EMAIL and SMS")
    app = virginia.create_app(CreateApplicationRequest={"Name": "tour"})["ApplicationResponse"]["Id"]
    virginia.update_email_channel(ApplicationId=app, EmailChannelRequest={
        "Enabled": True, "FromAddress": "hello@example.com",
        "Identity": "arn:aws:ses:us-east-1:000000000000:identity/example.com"})
    virginia.update_sms_channel(ApplicationId=app, SMSChannelRequest={"Enabled": True, "SenderId": "TOUR"})
    print("    app", app)

    step("put an endpoint in us-east-1, read it in eu-west-1")
    virginia.update_endpoint(ApplicationId=app, EndpointId="jo", EndpointRequest={
        "ChannelType": "EMAIL", "Address": "jo@example.com", "Attributes": {"plan": ["gold"]},
        "User": {"UserId": "jo", "UserAttributes": {"FirstName": ["Jo"]}}})
    endpoint = eventually(lambda: ireland.get_endpoint(ApplicationId=app, EndpointId="jo")["EndpointResponse"])
    print("    read in eu-west-1:", endpoint["Address"], endpoint["Attributes"])

    step("send to addresses from us-east-1 and to the endpoint from eu-west-1")
    numbers = [f"+1206555{1000 + n}" for n in range(6)]
    sms = virginia.send_messages(ApplicationId=app, MessageRequest={
        "Addresses": {number: {"ChannelType": "SMS"} for number in numbers},
        "MessageConfiguration": {"SMSMessage": {"Body": "Your parcel is here.", "MessageType": "TRANSACTIONAL"}}})
    email = ireland.send_messages(ApplicationId=app, MessageRequest={
        "Endpoints": {"jo": {}},
        "MessageConfiguration": {"EmailMessage": {"SimpleEmail": {
            "Subject": {"Data": "Hello {{User.UserAttributes.FirstName}}"},
            "TextPart": {"Data": "You have the {{Attributes.plan}} plan."}}}}})
    wanted = [r["MessageId"] for r in sms["MessageResponse"]["Result"].values()]
    wanted.append(email["MessageResponse"]["EndpointResult"]["jo"]["MessageId"])
    sent = eventually(lambda: (lambda got: got if len(got) == len(wanted) else None)(outbox(sandbox, app)))
    for message in sent:
        print(f"    {message['channel']:<6}{message['address']:<16} sent by {message['region']}, plan {message['epoch']}")

    step("opt a recipient out in eu-west-1, send from us-east-1")
    gone = numbers[0]
    ireland.update_endpoint(ApplicationId=app, EndpointId="gone", EndpointRequest={
        "ChannelType": "SMS", "Address": gone, "OptOut": "ALL"})
    refused = virginia.send_messages(ApplicationId=app, MessageRequest={
        "Addresses": {gone: {"ChannelType": "SMS"}},
        "MessageConfiguration": {"SMSMessage": {"Body": "Still there?", "MessageType": "PROMOTIONAL"}}})
    status = refused["MessageResponse"]["Result"][gone]["DeliveryStatus"]
    print("    answer:", status, "- the sandbox still has", len(outbox(sandbox, app)), "messages")
    if status != "OPT_OUT" or len(outbox(sandbox, app)) != len(wanted):
        sys.exit("the opt-out was not kept")

    print(f"\nDone. See what the providers got on {sandbox}/?app_id={app}")


def step(text):
    print(f"\n==> {text}")


def outbox(sandbox, app):
    """What the sandbox's providers got for this app."""
    with urllib.request.urlopen(f"{sandbox}/outbox?{urllib.parse.urlencode({'app_id': app})}", timeout=10) as answer:
        return [json.loads(line) for line in answer.read().decode().splitlines()]


def eventually(probe, seconds=15):
    """Asks until there is an answer: another region learns of a change within a round trip or so."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = probe()
            if found:
                return found
        except Exception as error:
            if time.monotonic() > deadline:
                raise error
        if time.monotonic() > deadline:
            sys.exit("the cluster did not get there in time")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
