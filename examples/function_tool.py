"""A function that the client runs, in two steps: ask, and bring the result whenever it is there.

Usage: function_tool.py [MESSAGE]           asks; ends when the session waits for the function
       function_tool.py --resume SESSION    runs the function and brings its result
"""

import json
import os
import sys

from openai import OpenAI

CUSTOMERS = {1: "Ada Lovelace", 2: "Grace Hopper"}

LOOKUP = {
    "type": "function",
    "name": "lookup",
    "description": "Finds a customer's name by number.",
    "parameters": {
        "type": "object",
        "properties": {"id": {"type": "integer", "description": "The customer's number"}},
        "required": ["id"],
        "additionalProperties": False,
    },
}

client = OpenAI()
sessions = client.beta.agents.sessions


def ask(message: str) -> None:
    session = sessions.create(
        environment={"type": "none"},
        agent={"model": os.environ.get("MODEL", "gpt-5-mini"), "tools": [LOOKUP]},
    )
    with sessions.events.stream(session.id) as events:
        sessions.events.create(session.id, events=[user_message(message)])
        for event in events:
            if event.type in ("agent.session.requires_action", "agent.session.idle"):
                break
    # The session now costs nothing. The server may be stopped, the machine restarted.
    print(f"python examples/function_tool.py --resume {session.id}")


def resume(session: str) -> None:
    waiting = sessions.retrieve(session).required_actions
    results = [result(action) for action in waiting if action.type == "function_call"]
    with sessions.events.stream(session) as events:
        sessions.events.create(session, events=results)
        for event in events:
            if event.type == "agent.session.turn.output_text.delta":
                print(event.delta, end="", flush=True)
            if event.type == "agent.session.idle":
                print()
                break


def result(action):
    # An SDK of the API may show arguments as text or as an object.
    arguments = action.arguments
    arguments = json.loads(arguments) if isinstance(arguments, str) else arguments
    name = CUSTOMERS.get(arguments["id"])
    return {
        "type": "agent.session.input.tool_result",
        "turn_id": action.turn_id,
        "call_id": action.call_id,
        "success": name is not None,
        **({"output": name} if name else {"error": {"message": "there is no such customer"}}),
    }


def user_message(text: str):
    content = [{"type": "input_text", "text": text}]
    return {"type": "agent.session.input.message", "input": [{"role": "user", "content": content}]}


if sys.argv[1:2] == ["--resume"]:
    resume(sys.argv[2])
else:
    ask(sys.argv[1] if len(sys.argv) > 1 else "Who is customer 1?")
