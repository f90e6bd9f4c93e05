#!/bin/sh
# A session, a message and its events, with curl alone.
# Needs OPENAI_BASE_URL, OPENAI_API_KEY and MODEL, as README.md says. Usage: hello.sh [MESSAGE]
set -eu

message=${1:-'Say hello in five words.'}
# The message as JSON text: backslashes and quotes escaped.
text=$(printf '%s' "$message" | sed 's/\\/\\\\/g; s/"/\\"/g')

ask() {
    curl --silent --show-error --fail-with-body \
        --header "Authorization: Bearer $OPENAI_API_KEY" --header 'Content-Type: application/json' "$@"
}

# With `stream` the answer is the session's events, until it rests.
ask --no-buffer "$OPENAI_BASE_URL/agents/sessions" --data "{
  \"environment\": {\"type\": \"none\"},
  \"agent\": {\"model\": \"$MODEL\"},
  \"input\": \"$text\",
  \"stream\": true
}"
