"""A stream that is left in the middle and resumed. Usage: resume_stream.py [MESSAGE]

The number of the last event is all that a client keeps; it may come back as another process, or after
the server was killed and started again.
"""

import os
import sys

from openai import OpenAI

message = sys.argv[1] if len(sys.argv) > 1 else "Tell a story in five sentences."

client = OpenAI()
sessions = client.beta.agents.sessions
session = sessions.create(environment={"type": "none"}, agent={"model": os.environ.get("MODEL", "gpt-5-mini")})
content = [{"type": "input_text", "text": message}]
send = {"type": "agent.session.input.message", "input": [{"role": "user", "content": content}]}

with sessions.events.stream(session.id) as events:
    sessions.events.create(session.id, events=[send])
    for event in events:
        last = event.to_dict()["sequence_number"]
        if event.type == "agent.session.turn.in_progress":
            break
print(f"left behind event {last}", file=sys.stderr)

with sessions.events.stream(session.id, extra_query={"starting_after": last}) as events:
    for event in events:
        assert event.to_dict()["sequence_number"] >= last
        if event.type == "agent.session.turn.output_text.delta":
            print(event.delta, end="", flush=True)
        if event.type == "agent.session.idle":
            print()
            break
