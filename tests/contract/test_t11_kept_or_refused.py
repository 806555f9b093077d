"""What SendMessages is asked for reaches the provider, or is refused by its name; nothing is dropped in silence. The
members are those of the service model that AWS's SDK brings along, so that none can be forgotten."""
import base64
import json
import urllib.request

import botocore.config
import botocore.session
import pytest
from botocore.exceptions import ClientError

from conftest import KEY, eventually

SMS_TO, EMAIL_TO, URL_TO = "+12065550142", "kept@example.com", "https://hooks.example.com/a"
# The channel on which each message is said. A message that is new in the model fails here until somebody decides.
SAID_ON = {
    "ADMMessage": "ADM", "APNSMessage": "APNS", "BaiduMessage": "BAIDU", "DefaultMessage": "SMS",
    "DefaultPushNotificationMessage": "GCM", "EmailMessage": "EMAIL", "GCMMessage": "GCM", "SMSMessage": "SMS",
    "VoiceMessage": "VOICE",
}
BASE = {
    "SMS": {"SMSMessage": {"Body": "text {{v}}"}},
    "EMAIL": {"EmailMessage": {"SimpleEmail": {"Subject": {"Data": "subject"}, "TextPart": {"Data": "text {{v}}"}}}},
}
RAW = b"From: a@example.com\r\nSubject: raw-mark\r\n\r\nraw"
# Values for members that not every text is right for.
SAMPLES = {
    "MessageType": "PROMOTIONAL", "OriginationNumber": "+12065550143", "FromAddress": "mark-from@example.com",
    "ReplyToAddresses": ["mark-reply@example.com"], "FeedbackForwardingAddress": "mark-feedback@example.com",
    "MediaUrl": "https://example.com/mark.png", "Action": "URL", "Name": "X-Mark", "Charset": "ISO-8859-1",
    "Headers": [{"Name": "X-Mark", "Value": "mark-{{v}}"}], "SilentPush": True, "TimeToLive": 17, "Badge": 17,
    "Data": "mark-data", "Substitutions": {"v": ["mark-value"]}, "Context": {"mark-name": "mark-context"},
}


def leaves(shape, path=()):
    """The members of a structure that hold no other structure, each with its path."""
    for name, member in shape.members.items():
        if member.type_name == "structure":
            yield from leaves(member, (*path, name))
        else:
            yield (*path, name), member.type_name


MODEL = botocore.session.get_session().get_service_model("pinpoint")
REQUEST = MODEL.operation_model("SendMessages").input_shape.members["MessageRequest"]
RECIPIENTS = {
    "Addresses": REQUEST.members["Addresses"].value,
    "Endpoints": REQUEST.members["Endpoints"].value,
}
OF_THE_REQUEST = [(path, kind) for path, kind in leaves(REQUEST) if path[0] not in RECIPIENTS]
OF_A_RECIPIENT = [(where, channel, path[0]) for where, shape in RECIPIENTS.items() for channel in BASE
                  for path, _ in leaves(shape) if path[0] != "ChannelType"]


def sample(path, kind):
    if path[-2:] == ("RawEmail", "Data"):
        return RAW
    if path[-1] == "Data" and kind == "map":
        return {"mark": "mark-data"}
    return SAMPLES.get(path[-1], f"mark-{path[-1].lower()}")


def placed(path, value, base):
    """A copy of `base` that has the value at the path."""
    head, *rest = path
    here = dict(base) if isinstance(base, dict) else {}
    here[head] = placed(rest, value, here.get(head)) if rest else value
    return here


def marks(value):
    """The texts that the provider must be shown for a value."""
    if isinstance(value, bytes):
        return [base64.b64encode(value).decode()]
    if isinstance(value, dict):
        return [mark for inner in value.values() for mark in marks(inner)]
    if isinstance(value, list):
        return [mark for inner in value for mark in marks(inner)]
    return [str(value).replace("{{v}}", "")]


class Sends:
    """An app whose channels are enabled, with an endpoint on each."""

    def __init__(self, cluster, app):
        self.cluster, self.app, self.client = cluster, app, cluster.client("us-east-1")
        for channel, to in (("SMS", SMS_TO), ("EMAIL", EMAIL_TO)):
            self.client.update_endpoint(ApplicationId=app, EndpointId=f"at-{channel}", EndpointRequest={
                "ChannelType": channel, "Address": to})

    def __call__(self, request):
        """Sends, and returns (its status, its text, its message id)."""
        try:
            answer = self.client.send_messages(ApplicationId=self.app, MessageRequest=request)["MessageResponse"]
        except ClientError as refused:
            assert refused.response["Error"]["Code"] == "BadRequestException", refused
            return "REFUSED", refused.response["Error"]["Message"], None
        (result,) = {**answer.get("Result", {}), **answer.get("EndpointResult", {})}.values()
        return result["DeliveryStatus"], result["StatusMessage"], result.get("MessageId")

    def shown(self, message_id):
        """What the provider was shown of a message, as text."""
        def found():
            return [line for line in self.cluster.outbox(app_id=self.app) if line["message_id"] == message_id]
        return json.dumps(eventually(found)[0], ensure_ascii=False)

    def told(self, message_id):
        """What the events tell of a message, as text."""
        def found():
            with urllib.request.urlopen(f"{self.cluster.sandbox}/events?app_id={self.app}", timeout=10) as answer:
                records = answer.read().decode().splitlines()
            return [line for line in records if message_id in line]
        return eventually(found)[0]


@pytest.fixture(scope="module")
def sends(cluster):
    return Sends(cluster, cluster.app())


def judge(sends, request, path, value):
    status, text, message_id = sends(request)
    if status != "SUCCESSFUL":
        assert status in ("REFUSED", "PERMANENT_FAILURE"), (status, text)
        assert path[-1] in text or (len(path) > 1 and path[-2] in text) or "No channel of type" in text, text
        return
    told = sends.told(message_id) if path[-1] == "Context" else sends.shown(message_id)
    for mark in marks(value):
        assert mark in told, f"{'.'.join(path)} was dropped in silence"


@pytest.mark.parametrize("path, kind", OF_THE_REQUEST, ids=[".".join(path) for path, _ in OF_THE_REQUEST])
def test_every_member_of_a_request_is_kept_or_refused(sends, path, kind):
    value = sample(path, kind)
    channel = SAID_ON[path[1]] if path[0] == "MessageConfiguration" else "SMS"
    whole = path[1:] in (("EmailMessage", "Body"), ("EmailMessage", "RawEmail", "Data"))
    base = {} if whole else BASE.get(channel, {})
    base = {"DefaultMessage": {"Body": "text {{v}}"}} if path[1:2] == ("DefaultMessage",) else base
    to = {"SMS": SMS_TO, "EMAIL": EMAIL_TO, "VOICE": SMS_TO}.get(channel, "token")
    request = {"Addresses": {to: {"ChannelType": channel}}, "MessageConfiguration": base}
    if path[-1] in ("Name", "Value") and "Headers" in path:
        pytest.skip("a header is tried as a whole")
    judge(sends, placed(path, value, request), path, value)


@pytest.mark.parametrize("where, channel, member", OF_A_RECIPIENT)
def test_every_member_of_a_recipient_is_kept_or_refused(sends, where, channel, member):
    value = sample((member,), "string")
    named = {"SMS": SMS_TO, "EMAIL": EMAIL_TO}[channel] if where == "Addresses" else f"at-{channel}"
    configuration = {"ChannelType": channel, member: value} if where == "Addresses" else {member: value}
    request = {where: {named: configuration}, "MessageConfiguration": BASE[channel]}
    judge(sends, request, (where, named, member), value)


CHANNELS = {
    "EmailChannelRequest": ("update_email_channel", "EmailChannelResponse",
                            {"FromAddress": "kit@example.com", "Identity": "arn:aws:ses:x"}),
    "SMSChannelRequest": ("update_sms_channel", "SMSChannelResponse", {}),
}


@pytest.mark.parametrize("shape, member", [(shape, member) for shape in CHANNELS
                                           for member in MODEL.shape_for(shape).members])
def test_every_member_of_a_channel_is_kept_or_refused(sends, shape, member):
    operation, answered, base = CHANNELS[shape]
    value = {"FromAddress": "mark@example.com", "Enabled": True}.get(member, "mark-setting")
    try:
        answer = getattr(sends.client, operation)(ApplicationId=sends.app, **{shape: {**base, member: value}})
    except ClientError as refused:
        assert member in refused.response["Error"]["Message"], refused
        return
    assert answer[answered][member] == value, f"{member} was dropped in silence"


@pytest.mark.parametrize("service, signed_for, call", [
    ("sesv2", "ses", lambda client: client.get_account()),
    ("pinpoint-sms-voice-v2", "sms-voice", lambda client: client.describe_pools()),
    ("ses", "ses", lambda client: client.get_send_quota()),
    ("sns", "sns", lambda client: client.list_topics()),
])
def test_a_request_for_another_service_is_told_which_one_is_not_offered(cluster, service, signed_for, call):
    import boto3
    config = botocore.config.Config(retries={"max_attempts": 1, "mode": "standard"})
    client = boto3.client(service, region_name="us-east-1", endpoint_url=cluster.listener("us-east-1"),
                          config=config, **KEY)
    with pytest.raises(ClientError) as refused:
        call(client)
    response = refused.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 403, response
    assert f"'{signed_for}' isn't offered" in response["Error"]["Message"], response


EMAIL = {"SimpleEmail": {"Subject": {"Data": "s"}, "TextPart": {"Data": "t"}}}


@pytest.mark.parametrize("message, own, named", [
    ({"RawEmail": {"Data": RAW}, **EMAIL}, {}, "SimpleEmail"),
    ({"RawEmail": {"Data": RAW}, "Body": "b"}, {}, "Body"),
    ({"RawEmail": {"Data": RAW}, "ReplyToAddresses": ["r@example.com"]}, {}, "ReplyToAddresses"),
    ({"RawEmail": {"Data": RAW}}, {"BodyOverride": "mine"}, "BodyOverride"),
    ({"Body": "b", **EMAIL}, {}, "EmailMessage.Body"),
])
def test_what_another_member_would_hide_is_refused(sends, message, own, named):
    status, text, _ = sends({"Addresses": {EMAIL_TO: {"ChannelType": "EMAIL", **own}},
                             "MessageConfiguration": {"EmailMessage": message}})
    assert status == "REFUSED" and named in text, (status, text)


def test_a_request_that_is_larger_than_a_command_is_sent(sends):
    to = {f"many-{n}@example.com": {"ChannelType": "EMAIL", "Substitutions": {"v": [f"{n}-" + "x" * 60_000]}}
          for n in range(100)}
    answer = sends.client.send_messages(ApplicationId=sends.app, MessageRequest={
        "Addresses": to, "MessageConfiguration": BASE["EMAIL"]})["MessageResponse"]["Result"]
    assert {result["DeliveryStatus"] for result in answer.values()} == {"SUCCESSFUL"}


def sms(body, **values):
    return {"Addresses": {SMS_TO: {"ChannelType": "SMS"}}, "MessageConfiguration": {"SMSMessage": {
        "Body": body, "Substitutions": {name: [value] for name, value in values.items()}}}}


@pytest.mark.parametrize("body, status, named", [
    ("{{#if v}}[a]{{/if}}", "REFUSED", "SMSMessage.Body"),
    ("[{{v", "REFUSED", "{{v"),
    ("[{{v}]", "REFUSED", "SMSMessage.Body"),
    ("{{..}}", "REFUSED", "SMSMessage.Body"),
    ("{{v}}{{v}}", "PERMANENT_FAILURE", "1600"),
    ("{{none}}", "PERMANENT_FAILURE", "empty"),
])
def test_what_cannot_be_sent_is_not_answered_successful(sends, body, status, named):
    got, text, _ = sends(sms(body, v="x" * 801))
    assert got == status and named in text, (got, text)


def mail(subject="s", headers=(), value="v"):
    simple = {"Subject": {"Data": subject}, "TextPart": {"Data": "t"},
              "Headers": [{"Name": name, "Value": text} for name, text in headers]}
    return {"Addresses": {EMAIL_TO: {"ChannelType": "EMAIL"}}, "MessageConfiguration": {"EmailMessage": {
        "SimpleEmail": simple, "Substitutions": {"v": [value]}}}}


BREAKS = ["a\r\nBcc: x@example.com", "a\nb", "a\rb", "a\u2028b", "a\u0085b", "a\x00b"]


@pytest.mark.parametrize("broken", BREAKS)
@pytest.mark.parametrize("request_of, status, named", [
    (lambda broken: mail(subject=broken), "REFUSED", "Subject"),
    (lambda broken: mail(subject="{{v}}", value=broken), "PERMANENT_FAILURE", "subject"),
    (lambda broken: mail(headers=[("X-A", broken)]), "REFUSED", "Headers"),
    (lambda broken: mail(headers=[(broken, "a")]), "REFUSED", "Headers"),
    (lambda broken: mail(headers=[("X-A", "{{v}}")], value=broken), "PERMANENT_FAILURE", "header"),
    (lambda broken: {**sms("b"), "TraceId": broken}, "REFUSED", "TraceId"),
    (lambda broken: placed(("MessageConfiguration", "SMSMessage", "SenderId"), broken, sms("b")), "REFUSED", "SenderId"),
])
def test_no_line_break_becomes_a_header(sends, request_of, status, named, broken):
    got, text, _ = sends(request_of(broken))
    assert got == status and named in text, (got, text)


@pytest.mark.parametrize("name", ["From", "to", "Subject", "BCC", "Content-Type", "DKIM-Signature", "a b", "a:", "ü", ""])
def test_a_header_that_the_mail_itself_decides_is_refused(sends, name):
    status, text, _ = sends(mail(headers=[(name, "v")]))
    assert status == "REFUSED" and "Headers[0].Name" in text, (status, text)


@pytest.mark.parametrize("charset", ["UTF-8", "utf-8", "US-ASCII"])
def test_a_charset_that_the_mail_goes_out_in_is_accepted(sends, charset):
    request = mail()
    simple = request["MessageConfiguration"]["EmailMessage"]["SimpleEmail"]
    simple["Subject"]["Charset"] = simple["TextPart"]["Charset"] = charset
    assert sends(request)[0] == "SUCCESSFUL"
