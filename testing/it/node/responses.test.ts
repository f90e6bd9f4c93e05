/** Responses and Conversations, with the TypeScript SDK. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import OpenAI, { BadRequestError, NotFoundError } from "openai";

import { lookup, say, Server } from "./server.ts";

type Event = OpenAI.Responses.ResponseStreamEvent;

const model = "scripted";
const tool = { ...lookup, strict: true };

let server: Server;
let client: OpenAI;

before(async () => {
  server = await Server.start();
  client = server.client();
});
after(async () => await server.stop());

async function all(stream: AsyncIterable<Event>): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

const textOf = (events: Event[]): string =>
  events.map((event) => (event.type === "response.output_text.delta" ? event.delta : "")).join("");

test("a response is made, kept and deleted", async () => {
  const made = await client.responses.create({ model, input: say({ text: "Good day." }), metadata: { a: "b" } });
  assert.equal(made.output_text, "Good day.");
  assert.equal(made.status, "completed");
  const kept = await client.responses.retrieve(made.id);
  assert.equal(kept.output_text, "Good day.");
  assert.deepEqual(kept.metadata, { a: "b" });
  const input = await client.responses.inputItems.list(made.id);
  assert.deepEqual(input.data.map((item) => item.type), ["message"]);
  await client.responses.delete(made.id);
  await assert.rejects(client.responses.retrieve(made.id), NotFoundError);
});

test("a stream numbers its events and ends completed", async () => {
  const input = say({ text: "One, two, three.", pieces: 3 });
  const events = await all(await client.responses.create({ model, input, stream: true }));
  assert.equal(textOf(events), "One, two, three.");
  assert.equal(events.at(0)?.type, "response.created");
  const last = events.at(-1);
  assert(last?.type === "response.completed");
  assert.equal(last.response.output_text ?? textOf(events), "One, two, three.");
  const numbers = events.map((event) => event.sequence_number);
  assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b));
});

test("the SDK's stream helper puts the response together", async () => {
  const stream = client.responses.stream({ model, input: say({ text: "Put together.", pieces: 4 }) });
  assert.equal((await stream.finalResponse()).output_text, "Put together.");
});

test("a response in the background outlives the server, and its stream goes on", async () => {
  const input = say({ text: "Slow and steady.", delay_ms: 300, pieces: 2 });
  const made = await client.responses.create({ model, input, background: true, stream: true });
  let id = "";
  let seen = -1;
  for await (const event of made) {
    seen = event.sequence_number;
    if (event.type === "response.created") id = event.response.id;
    if (event.type === "response.in_progress") break;
  }
  await server.restart();
  const rest = await all(await client.responses.retrieve(id, { stream: true, starting_after: seen }));
  assert.equal(rest.every((event) => event.sequence_number > seen), true);
  assert.equal(rest.at(-1)?.type, "response.completed");
  assert.equal((await client.responses.retrieve(id)).output_text, "Slow and steady.");
});

test("a response in the background is cancelled", async () => {
  const input = say({ text: "Never said.", delay_ms: 20_000 });
  const made = await client.responses.create({ model, input, background: true });
  assert.equal((await client.responses.cancel(made.id)).status, "cancelled");
  assert.equal((await client.responses.retrieve(made.id)).status, "cancelled");
});

test("responses follow each other, in branches too", async () => {
  const first = await client.responses.create({ model, input: say({ text: "One." }) });
  const chained = (text: string) =>
    client.responses.create({ model, input: say({ text }), previous_response_id: first.id });
  const [left, right] = [await chained("Left."), await chained("Right.")];
  assert.equal(left.previous_response_id, first.id);
  assert.deepEqual([left.output_text, right.output_text], ["Left.", "Right."]);
  const unknown = client.responses.create({ model, input: "Hello", previous_response_id: "resp_nothing" });
  await assert.rejects(unknown, (error) => error instanceof OpenAI.APIError && error.param === "previous_response_id");
});

test("a function's output goes on from where the call was made", async () => {
  const input = say({ calls: [{ name: "lookup", arguments: { id: 3 } }] }, { text: "It is Ada." });
  const asked = await client.responses.create({ model, input, tools: [tool] });
  const [call] = asked.output;
  assert(call?.type === "function_call");
  assert.deepEqual(JSON.parse(call.arguments), { id: 3 });
  const answered = await client.responses.create({
    model,
    previous_response_id: asked.id,
    input: [{ type: "function_call_output", call_id: call.call_id, output: "Ada" }],
    tools: [tool],
  });
  assert.equal(answered.output_text, "It is Ada.");
});

test("a conversation keeps what was said in it", async () => {
  const conversation = await client.conversations.create({ metadata: { topic: "tea" } });
  await client.responses.create({ model, input: say({ text: "Noted." }), conversation: conversation.id });
  const roles: string[] = [];
  for await (const item of client.conversations.items.list(conversation.id, { order: "asc", limit: 1 })) {
    if (item.type === "message") roles.push(item.role);
  }
  assert.deepEqual(roles, ["user", "assistant"]);
  const changed = await client.conversations.update(conversation.id, { metadata: { topic: "coffee" } });
  assert.deepEqual(changed.metadata, { topic: "coffee" });
  assert.equal((await client.conversations.delete(conversation.id)).deleted, true);
  await assert.rejects(client.conversations.retrieve(conversation.id), NotFoundError);
});

test("nothing is kept of a response that is not stored", async () => {
  const made = await client.responses.create({ model, input: say({ text: "Off the record." }), store: false });
  assert.equal(made.output_text, "Off the record.");
  await assert.rejects(client.responses.retrieve(made.id), NotFoundError);
});

test("unknown parameters are refused by name", async () => {
  const asked = client.responses.create({ model, input: "Hello", colour: "blue" } as never);
  await assert.rejects(asked, (error) => error instanceof BadRequestError && error.param === "colour");
});
