"""A session and a message, with the official SDK. Usage: hello.py [MESSAGE]"""

import os
import sys

from openai import OpenAI

message = sys.argv[1] if len(sys.argv) > 1 else "Say hello in five words."

client = OpenAI()
session = client.beta.agents.sessions.create(
    environment={"type": "none"},
    agent={"model": os.environ.get("MODEL", "gpt-5-mini"), "instructions": "Be brief."},
)
with client.beta.agents.sessions.stream(session.id, input=message) as stream:
    print(stream.get_final_result().output_text)
print(f"go on with: mainstay chat --session {session.id}", file=sys.stderr)
