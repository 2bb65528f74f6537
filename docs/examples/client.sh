#!/bin/sh
# Hand one image in with curl, wait for its verdict, print it, and keep the report.
#
#   VERIPIX_URL=https://veripix.example.org VERIPIX_TOKEN=vpx_... sh client.sh photo.jpg
#
# Needs curl and jq.
set -eu
api="$VERIPIX_URL/api/v1"
key=$(date +%s)-$$

# curl sends it again where the server is busy or the line breaks; by the key it is taken in once.
ask() {
    curl --silent --show-error --fail-with-body --retry 5 --retry-connrefused \
        --header "Authorization: Token $VERIPIX_TOKEN" "$@"
}

submission=$(ask --header "Idempotency-Key: $key" --form "images=@$1" "$api/submissions/")
analysis=$(echo "$submission" | jq --raw-output '.analyses[0].url')

while :; do
    answer=$(ask "$analysis")
    case $(echo "$answer" | jq --raw-output .state) in
        queued | running) sleep 1 ;;
        *) break ;;
    esac
done

echo "$answer" | jq --raw-output '"\(.image.file_name): \(.verdict.label): \(.verdict.reasons[0].sentence)"'
ask --output report.pdf "$(echo "$answer" | jq --raw-output .reports.pdf)"
