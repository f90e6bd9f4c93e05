/** Agents and sessions, with the TypeScript SDK. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import OpenAI, { BadRequestError, NotFoundError } from "openai";

import { lookup, say, Server } from "./server.ts";

let server: Server;
let client: OpenAI;

before(async () => {
  server = await Server.start();
  client = server.client();
});
after(async () => await server.stop());

async function newSession(agent: object = {}): Promise<string> {
  const session = await client.beta.agents.sessions.create({
    environment: { type: "none" },
    agent: { model: "scripted", ...agent },
  });
  return session.id;
}

/** The events of a session behind a number, up to its rest. */
async function history(session: string, startingAfter: number): Promise<OpenAI.Beta.Agents.AgentSessionEvent[]> {
  const stream = await client.beta.agents.sessions.events.stream(session, undefined, {
    query: { starting_after: startingAfter },
  });
  const events: OpenAI.Beta.Agents.AgentSessionEvent[] = [];
  for await (const event of stream) {
    events.push(event);
    if (event.type === "agent.session.idle") break;
  }
  return events;
}

const numberOf = (event: object): number => (event as { sequence_number: number }).sequence_number;

test("an agent's life", async () => {
  const agents = client.beta.agents;
  const made = await agents.create({ model: "scripted", name: "Clerk", metadata: { team: "billing" } });
  assert.deepEqual(await agents.retrieve(made.id), made);
  const changed = await agents.update(made.id, { name: "Bookkeeper" });
  assert.equal(changed.name, "Bookkeeper");
  assert.equal((await agents.delete(made.id)).deleted, true);
  await assert.rejects(agents.retrieve(made.id), NotFoundError);
});

test("a list is paged through", async () => {
  const made: string[] = [];
  for (let n = 0; n < 5; n++) {
    made.push((await client.beta.agents.create({ model: "scripted", name: `number ${n}` })).id);
  }
  const found: string[] = [];
  for await (const agent of client.beta.agents.list({ limit: 2, order: "asc" })) found.push(agent.id);
  assert.deepEqual(found.filter((id) => made.includes(id)), made);
});

test("functions are run by the SDK, and the turn's answer is collected", async () => {
  const session = await newSession({ tools: [lookup] });
  const seen: unknown[] = [];
  const stream = client.beta.agents.sessions.stream(session, {
    input: say({ calls: [{ name: "lookup", arguments: { id: 1 } }] }, { text: "It is Ada.", pieces: 3 }),
    toolHandlers: {
      lookup: (given) => {
        seen.push(given);
        return { name: "Ada" };
      },
    },
  });
  assert.equal((await stream.finalResult()).output_text, "It is Ada.");
  assert.deepEqual(seen, [{ id: 1 }]);
  const turns = await client.beta.agents.sessions.turns.list(session);
  assert.deepEqual(turns.data.map((turn) => turn.status), ["completed"]);
  const types: string[] = [];
  for await (const item of client.beta.agents.sessions.items.list(session, { order: "asc", limit: 1 })) {
    types.push(item.type);
  }
  assert.deepEqual(types, ["message", "function_call", "function_call_output", "message"]);
});

test("a creation stream ends with the session's rest", async () => {
  const stream = await client.beta.agents.sessions.create({
    environment: { type: "none" },
    agent: { model: "scripted" },
    input: say({ text: "One, two.", pieces: 2 }),
    stream: true,
  });
  const text: string[] = [];
  const types: string[] = [];
  for await (const event of stream) {
    types.push(event.type);
    if (event.type === "agent.session.turn.output_text.delta") text.push(event.delta);
  }
  assert.equal(text.join(""), "One, two.");
  assert.equal(types.at(0), "agent.session.created");
  assert.equal(types.at(-1), "agent.session.idle");
});

test("a stream goes on behind any event, over a restart too", async () => {
  const session = await newSession();
  const spoken = client.beta.agents.sessions.stream(session, { input: say({ text: "One, two.", pieces: 2 }) });
  assert.equal((await spoken.finalResult()).output_text, "One, two.");
  const whole = await history(session, 0);
  const durable = whole.filter((event) => !event.type.endsWith(".delta"));
  await server.restart();
  for (const [index, event] of durable.slice(0, -1).entries()) {
    const rest = await history(session, numberOf(event));
    const expected = durable.slice(index + 1).map((later) => later.event_id);
    const got = rest.filter((later) => !later.type.endsWith(".delta")).map((later) => later.event_id);
    assert.deepEqual(got, expected, `behind ${event.type}`);
  }
});

test("a call that the client answers waits over a power cut", async () => {
  const session = await newSession({ tools: [lookup] });
  const sessions = client.beta.agents.sessions;
  const input = say({ calls: [{ name: "lookup", arguments: { id: 7 } }] }, { text: "Thank you." });
  for await (const event of sessions.stream(session, { input })) {
    if (event.type === "agent.session.requires_action") break;
  }
  await server.restart();
  const waiting = await sessions.retrieve(session);
  assert.equal(waiting.status, "requires_action");
  const [action] = waiting.required_actions;
  assert(action?.type === "function_call");
  const answer = {
    type: "agent.session.input.tool_result" as const,
    turn_id: action.turn_id,
    call_id: action.call_id,
    success: true,
    output: "seven",
  };
  const { sequence_number: last } = waiting as unknown as { sequence_number: number };
  await sessions.events.create(session, { events: [answer], "Idempotency-Key": "answer-7" });
  await sessions.events.create(session, { events: [answer], "Idempotency-Key": "answer-7" });
  const rest = await history(session, last);
  assert.equal(rest.filter((event) => event.type === "agent.session.turn.completed").length, 1);
  const items = await sessions.items.list(session, { limit: 1 });
  assert.equal(JSON.stringify(items.data[0]).includes("Thank you."), true);
});

test("errors are the SDK's, and name the parameter", async () => {
  await assert.rejects(client.beta.agents.sessions.retrieve("nothing"), NotFoundError);
  const asked = { environment: { type: "none" }, agent: { model: "scripted", colour: "blue" } };
  await assert.rejects(client.beta.agents.sessions.create(asked as never), (error) => {
    assert(error instanceof BadRequestError);
    assert.equal(error.param, "agent.colour");
    assert.equal(error.code, "unknown_parameter");
    return true;
  });
});
