"""Writes vectors.txt: requests as botocore signs them, for src/rest/signature/tests.rs.

    python3 crates/api/tests/sigv4/vectors.py > crates/api/tests/sigv4/vectors.txt

Every request is signed at 2026-01-02T03:04:05Z with the key below.
"""
import datetime as dt
import json
import unittest.mock as mock

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY, SECRET = "AKIASIGNALBOXVECTOR1", "vector/secret+with=signs"
AT = dt.datetime(2026, 1, 2, 3, 4, 5)
BASE = "http://127.0.0.1:4101"
APP = "/v1/apps/00112233445566778899aabbccddeeff"
JSON = {"Content-Type": "application/json"}


class Clock(dt.datetime):
    @classmethod
    def utcnow(cls):
        return AT

    @classmethod
    def now(cls, tz=None):
        return AT if tz is None else AT.replace(tzinfo=tz)


def show(name, method, path, body=b"", headers=None, region="us-east-1", presign=None, service="mobiletargeting"):
    credentials = Credentials(KEY, SECRET)
    if presign:
        signer = botocore.auth.SigV4QueryAuth(credentials, service, region, expires=presign)
    else:
        signer = botocore.auth.SigV4Auth(credentials, service, region)
    request = AWSRequest(method=method, url=BASE + path, data=body, headers=dict(headers or {}))
    if hasattr(botocore.auth, "get_current_datetime"):
        with mock.patch.object(botocore.auth, "get_current_datetime", lambda *a, **k: AT):
            signer.add_auth(request)
    else:
        with mock.patch.object(botocore.auth.datetime, "datetime", Clock):
            signer.add_auth(request)
    print(f"name: {name}")
    print(f"target: {method} {request.url[len(BASE):]}")
    print("header: host: 127.0.0.1:4101")
    for key, value in request.headers.items():
        print(f"header: {key.lower()}: {value.decode() if isinstance(value, bytes) else value}")
    print(f"body: {body.decode()}")
    print()


show("a plain get", "GET", "/v1/apps")
show("a query", "GET", "/v1/apps?page-size=5&token=a%2Bb%20c%2F%3D")
show("a query in another order", "GET", "/v1/apps?token=&page-size=5&b=2&b=1")
show("a body", "POST", "/v1/apps", json.dumps({"Name": "Größe"}).encode(), JSON)
show("a body in utf-8", "POST", "/v1/apps", '{"Name": "Größe"}'.encode(), JSON)
show("an encoded id", "GET", APP + "/endpoints/a%20b%2Fc%2Bd%40e~f%3Ag")
show("an arn", "GET", "/v1/tags/arn%3Aaws%3Amobiletargeting%3Aus-east-1%3A123456789012%3Aapps%2Fabc")
show("another region", "PUT", APP + "/endpoints/e", b"{}", JSON, region="ap-southeast-2")
show("more headers", "GET", "/v1/apps", headers={"X-Kit-Extra": "  two   spaces ", "Accept": "application/json"})
show("a delete", "DELETE", APP)
show("presigned", "GET", "/v1/apps?page-size=1", presign=60)
show("presigned without a query", "GET", APP + "/endpoints/a%20b", presign=3600)
