#!/bin/sh
# A file behind a link, v3 over REST with curl: prints the operation when it is done, then the result.
#
#   AUTHORIZATION="Api-Key ..." sh v3_files.sh https://STT_HOST https://OPERATION_HOST request.json
#
# CURL_CA_BUNDLE names another file of certificates to trust.
set -eu
stt=$1 operations=$2 request=$3

call() {
  curl --silent --show-error --fail-with-body --header "Authorization: $AUTHORIZATION" "$@"
}

id=$(call -d "@$request" "$stt/stt/v3/recognizeFileAsync" | tr -d ' \n' | sed 's/.*"id":"\([^"]*\)".*/\1/')
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  operation=$(call "$operations/operations/$id")
  case $(printf %s "$operation" | tr -d ' \n') in
    *'"done":true'*) break ;;
  esac
  sleep 1
done
printf '%s\n' "$operation"
call "$stt/stt/v3/getRecognition?operation_id=$id"
