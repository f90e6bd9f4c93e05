"""The operations of an OpenAPI document as tools. Usage: openapi_tool.py SPEC_URL [MESSAGE]

The server refuses private addresses unless the operator allows them:
MAINSTAY_TOOLS__PRIVATE_HOSTS_ALLOWED='["127.0.0.1:8080"]'
"""

import os
import sys

from openai import OpenAI

if len(sys.argv) < 2:
    sys.exit(__doc__)
message = sys.argv[2] if len(sys.argv) > 2 else "What can you do? Try one thing that only reads."

client = OpenAI()
# The type is an extension, so it goes into the body as it is.
tool = {"type": "openapi", "label": "api", "spec_url": sys.argv[1], "safety": {}, "approval": "never"}
session = client.beta.agents.sessions.create(
    environment={"type": "none"},
    extra_body={"agent": {"model": os.environ.get("MODEL", "gpt-5-mini"), "tools": [tool]}},
)
with client.beta.agents.sessions.stream(session.id, input=message) as stream:
    stream.with_result_collection()
    for event in stream:
        if event.type == "agent.session.turn.item.done" and event.item.type == "mcp_call":
            print(f"{event.item.name}: {event.item.status}", file=sys.stderr)
    print(stream.get_final_result().output_text)
