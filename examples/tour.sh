#!/usr/bin/env bash
# The tour with the AWS CLI: the same steps as tour.py, typed. Needs `aws` and a running `scripts/dev`.
set -euo pipefail
base=${BASE_PORT:-4100}
export AWS_ACCESS_KEY_ID=AKIASIGNALBOXKIT0001 AWS_SECRET_ACCESS_KEY=signalbox-kit-secret AWS_PAGER=""
virginia() { aws pinpoint --region us-east-1 --endpoint-url "http://127.0.0.1:$((base + 1))" --output json "$@"; }
ireland() { aws pinpoint --region eu-west-1 --endpoint-url "http://127.0.0.1:$((base + 2))" --output json "$@"; }

echo "==> create an app in us-east-1 and enable SMS"
app=$(virginia create-app --create-application-request Name=tour --query ApplicationResponse.Id --output text)
virginia update-sms-channel --application-id "$app" --sms-channel-request Enabled=true,SenderId=TOUR

echo "==> put an endpoint in us-east-1, read it in eu-west-1"
virginia update-endpoint --application-id "$app" --endpoint-id jo \
  --endpoint-request '{"ChannelType":"SMS","Address":"+12065550100","Attributes":{"plan":["gold"]}}'
ireland get-endpoint --application-id "$app" --endpoint-id jo

echo "==> send from eu-west-1"
ireland send-messages --application-id "$app" --message-request \
  '{"Endpoints":{"jo":{}},"MessageConfiguration":{"SMSMessage":{"Body":"Hello","MessageType":"TRANSACTIONAL"}}}'

echo "==> opt out in eu-west-1, send from us-east-1: OPT_OUT"
ireland update-endpoint --application-id "$app" --endpoint-id jo --endpoint-request OptOut=ALL
virginia send-messages --application-id "$app" --message-request \
  '{"Addresses":{"+12065550100":{"ChannelType":"SMS"}},"MessageConfiguration":{"SMSMessage":{"Body":"Still there?"}}}' \
  --query 'MessageResponse.Result.*.DeliveryStatus' --output text

echo "==> what the sandbox's providers got"
curl -s "http://127.0.0.1:$((base + 200))/outbox?app_id=$app"
