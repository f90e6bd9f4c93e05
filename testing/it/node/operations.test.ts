/** Every operation of the TypeScript SDK, against the real binary: the last test looks whether one was left out. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";

import OpenAI, { ConflictError, NotFoundError } from "openai";

import { Watched } from "./operations.ts";
import { lookup, say, Server, type Step } from "./server.ts";

/** What is refused, and how: docs/compatibility.md says why. */
const REFUSED = {
  "beta.agents.environments.create": "unsupported",
  "beta.agents.environments.files.prepare": "not_found",
  "beta.agents.environments.files.upload": "not_found",
  "chat.completions.delete": "not_found",
  "chat.completions.list": "method_not_allowed",
  "chat.completions.messages.list": "not_found",
  "chat.completions.retrieve": "not_found",
  "chat.completions.update": "not_found",
  "models.delete": "method_not_allowed",
};
const model = "scripted";
const none = { type: "none" as const };

type Heard = { body: string; headers: IncomingHttpHeaders };
const heard: Heard[] = [];
const hook = createServer(async (request, response) => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  heard.push({ body: Buffer.concat(parts).toString(), headers: request.headers });
  response.end();
});

let server: Server;
let watched: Watched;
let client: OpenAI;

before(async () => {
  hook.listen(0, "127.0.0.1");
  await once(hook, "listening");
  server = await Server.start([hookHost()]);
  watched = new Watched(server.client());
  client = watched.client;
});
after(async () => {
  hook.close();
  await server.stop();
});

const hookHost = (): string => `127.0.0.1:${(hook.address() as AddressInfo).port}`;

async function idsOf(list: AsyncIterable<object>): Promise<string[]> {
  const ids: string[] = [];
  for await (const one of list) ids.push((one as { id: string }).id);
  return ids;
}

/** An upload whose refusal comes before it was read may end with its connection instead. */
async function refused(path: string, ask: () => Promise<unknown>): Promise<void> {
  do await assert.rejects(ask());
  while (!watched.refused.has(path));
}

const gone = (asked: Promise<unknown>) => assert.rejects(asked, NotFoundError);

async function turn(session: string, ...steps: Step[]) {
  const toolHandlers = { lookup: () => "Ada" };
  return await client.beta.agents.sessions.stream(session, { input: say(...steps), toolHandlers }).finalResult();
}

async function newSession(agent: object = {}): Promise<string> {
  const made = await client.beta.agents.sessions.create({ environment: none, agent: { model, ...agent } });
  return made.id;
}

test("agents", async () => {
  const { agents } = client.beta;
  const made = await agents.create({ model, name: "Clerk" });
  assert.equal((await agents.update(made.id, { name: "Chief" })).name, "Chief");
  assert.equal((await agents.retrieve(made.id)).name, "Chief");
  assert.deepEqual(await idsOf(agents.list({ limit: 1 })), [made.id]);
  assert.equal((await agents.delete(made.id)).deleted, true);
  await gone(agents.retrieve(made.id));
});

test("sessions, their events, turns, items and traces", async () => {
  const { sessions } = client.beta.agents;
  const session = await newSession({ tools: [lookup] });
  const result = await turn(session, { calls: [{ name: "lookup", arguments: { id: 1 } }] }, { text: "It is Ada." });
  assert.equal(result.output_text, "It is Ada.");
  assert.deepEqual((await sessions.update(session, { metadata: { team: "books" } })).metadata, { team: "books" });
  assert.equal((await sessions.retrieve(session)).status, "idle");
  assert.deepEqual(await idsOf(sessions.list({ limit: 1 })), [session]);
  const [first] = await idsOf(sessions.turns.list(session));
  assert(first);
  assert.equal((await sessions.turns.retrieve(first, { session_id: session })).status, "completed");
  const items = await idsOf(sessions.items.list(session, { order: "asc" }));
  assert.deepEqual(await idsOf(sessions.turns.items.list(first, { session_id: session, order: "asc" })), items);
  assert.equal(items.length, 4);
  assert.deepEqual(await idsOf(sessions.traces.list(session)), [first]);
  const cancel = { type: "agent.session.input.cancel" as const };
  const events = await sessions.events.stream(session, undefined, { query: { starting_after: 0 } });
  for await (const event of events) if (event.type === "agent.session.idle") break;
  await sessions.events.create(session, { events: [cancel] });
  assert.equal((await sessions.delete(session)).deleted, true);
  await gone(sessions.retrieve(session));
});

test("artifacts", async () => {
  const { sessions } = client.beta.agents;
  const session = await newSession({ tools: [{ type: "files" }] });
  const write = { name: "write_file", arguments: { path: "artifacts/report.md", content: "# Grüße" } };
  const result = await turn(session, { calls: [write] }, { text: "Written." });
  const left = sessions.artifacts.forResult(result);
  const path = "/workspace/artifacts/report.md";
  assert.equal(await (await left.content(path)).text(), "# Grüße");
  const [id] = await idsOf(sessions.artifacts.list(session));
  assert(id);
  const of = { session_id: session };
  assert.equal((await sessions.artifacts.retrieve(id, of)).path, path);
  assert.equal(await (await sessions.artifacts.content(id, of)).text(), "# Grüße");
  assert.equal((await sessions.artifacts.delete(id, of)).deleted, true);
  await gone(sessions.artifacts.content(id, of));
});

test("subagents", async () => {
  const { subagents } = client.beta.agents.sessions;
  const session = await newSession({ multi_agent: { enabled: true } });
  const create = { name: "create_subagent", arguments: { task: say({ text: "Seven." }) } };
  const wait = { name: "wait_for_subagents", arguments: { subagent_ids: ["{{0.subagent_id}}"] } };
  const result = await turn(session, { calls: [create] }, { calls: [wait] }, { text: "{{1}}" });
  assert.match(result.output_text, /Seven\./);
  const of = { session_id: session };
  const [id] = await idsOf(subagents.list(session));
  assert(id);
  assert.equal((await subagents.retrieve(id, of)).status, "active");
  const [first] = await idsOf(subagents.turns.list(id, of));
  assert(first);
  assert.equal((await subagents.turns.retrieve(first, { ...of, subagent_id: id })).status, "completed");
  const items = await idsOf(subagents.items.list(id, of));
  assert.deepEqual(await idsOf(subagents.turns.items.list(first, { ...of, subagent_id: id })), items);
});

test("environments, their files and templates", async () => {
  const { environments, sessions } = client.beta.agents;
  const { templates } = environments;
  const made = await templates.create({ name: "Box", env: { TOKEN: "a-secret" } });
  assert.equal(JSON.stringify(made).includes("a-secret"), false);
  assert.equal((await templates.update(made.id, { name: "Case" })).name, "Case");
  assert.equal((await templates.retrieve(made.id)).name, "Case");
  assert.deepEqual(await idsOf(templates.list()), [made.id]);
  assert.equal((await templates.delete(made.id)).deleted, true);
  await gone(templates.retrieve(made.id));

  await assert.rejects(environments.create({ environment: { type: "openai_hosted" } }));
  const hosted = { type: "openai_hosted", tier: "process" };
  const session = await sessions.create({ environment: hosted as never, agent: { model } });
  const [id] = await idsOf(environments.list());
  assert(id);
  assert.equal((await environments.retrieve(id)).type, "openai_hosted");
  const path = "/workspace/a.txt";
  const file = await environments.files.create(id, { type: "inline", path, data: "eA==" });
  assert.equal(file.path, path);
  const listed: string[] = [];
  for await (const one of environments.files.list(id, { path: "/workspace" })) listed.push(one.path);
  assert.deepEqual(listed, [path]);
  const more = new File(["two"], "b.txt");
  const destination = "/workspace/b.txt";
  await refused("beta.agents.environments.files.prepare", () => environments.files.prepare({ [destination]: more }));
  const upload = { file: more, path: destination };
  await refused("beta.agents.environments.files.upload", () => environments.files.upload(id, upload));
  await sessions.delete(session.id);
});

test("automations and their invocations", async () => {
  const { automations } = client.beta.agents;
  const said = { role: "user" as const, content: [{ type: "input_text" as const, text: say({ text: "Done." }) }] };
  const target = { type: "new_session" as const, environment: none, agent: { model }, input: [said] };
  const timing = { type: "periodic" as const, expression: "0 0 1 1 *", timezone: "Europe/Berlin" };
  const made = await automations.create({ ...timing, name: "report", target });
  assert.equal((await automations.update(made.id, { name: "later" })).name, "later");
  assert.equal((await automations.pause(made.id)).status, "paused");
  assert.equal((await automations.resume(made.id)).status, "active");
  assert.equal((await automations.retrieve(made.id)).name, "later");
  assert.deepEqual(await idsOf(automations.list()), [made.id]);
  const asked = await automations.invocations.create(made.id);
  const of = { automation_id: made.id };
  let ran;
  do ran = await automations.invocations.retrieve(asked.id, of);
  while (ran.status === "queued");
  assert.equal(ran.status, "completed");
  assert.deepEqual(await idsOf(automations.invocations.list(made.id)), [asked.id]);
  assert.equal((await automations.delete(made.id)).deleted, true);
  await gone(automations.retrieve(made.id));
});

test("vaults and their credentials", async () => {
  const { vaults } = client.beta.agents;
  const vault = await vaults.create({ name: "Bank" });
  assert.equal((await vaults.update(vault.id, { name: "Chest" })).name, "Chest");
  assert.equal((await vaults.retrieve(vault.id)).name, "Chest");
  assert.deepEqual(await idsOf(vaults.list()), [vault.id]);
  const auth = { type: "static_bearer" as const, mcp_server_url: "https://a.test/mcp", token: "open-sesame" };
  const made = await vaults.credentials.create(vault.id, { name: "token", auth });
  const of = { vault_id: vault.id };
  const again = { type: "static_bearer" as const, token: "open-barley" };
  const changed = await vaults.credentials.update(made.id, { ...of, auth: again });
  const kept = await vaults.credentials.retrieve(made.id, of);
  assert.equal(/open-(sesame|barley)/.test(JSON.stringify([made, changed, kept])), false);
  assert.deepEqual(await idsOf(vaults.credentials.list(vault.id)), [made.id]);
  assert.equal((await vaults.credentials.delete(made.id, of)).deleted, true);
  assert.equal((await vaults.delete(vault.id)).deleted, true);
  await gone(vaults.retrieve(vault.id));
});

test("webhooks are sent, and the SDK verifies them", async () => {
  const types = (await client.webhooks.eventTypes.list()).data;
  const url = `http://${hookHost()}/`;
  const made = await client.webhooks.create({ name: "hook", url, event_types: ["agent.session.idle"] });
  assert.equal(types.includes("agent.session.idle"), true);
  assert.equal((await client.webhooks.update(made.id, { name: "other" })).name, "other");
  assert.equal((await client.webhooks.retrieve(made.id)).name, "other");
  assert.deepEqual(await idsOf(client.webhooks.list()), [made.id]);
  const rotated = await client.webhooks.rotateSecret(made.id);
  assert.notEqual(rotated.signing_secret, made.signing_secret);
  const tested = await client.webhooks.test(made.id, { event_type: "agent.session.idle" });
  assert.equal(tested.success, true);
  const [sent] = heard;
  assert(sent);
  const headers = sent.headers as Record<string, string>;
  const event = await client.webhooks.unwrap(sent.body, headers, rotated.signing_secret);
  assert.equal(event.type as string, "agent.session.idle");
  await client.webhooks.verifySignature(sent.body, headers, rotated.signing_secret);
  await assert.rejects(client.webhooks.verifySignature(sent.body, headers, made.signing_secret));
  assert.equal((await client.webhooks.delete(made.id)).deleted, true);
  await gone(client.webhooks.retrieve(made.id));
});

test("responses", async () => {
  const { responses } = client;
  const made = await responses.create({ model, input: say({ text: "Good day." }) });
  assert.equal((await responses.retrieve(made.id)).output_text, "Good day.");
  assert.equal((await idsOf(responses.inputItems.list(made.id))).length, 1);
  const counted = await responses.inputTokens.count({ model, input: "How long is this?" });
  assert.equal(counted.input_tokens > 0, true);
  const short = await responses.compact({ model, input: say({ text: "They greeted." }) });
  const [summary] = short.output;
  assert(summary?.type === "compaction");
  const next = [summary, { role: "user", content: say({ text: "And on." }) }];
  const follow = await responses.create({ model, input: next as OpenAI.Responses.ResponseInput });
  assert.equal(follow.output_text, "And on.");
  const format = { type: "json_schema" as const, name: "sum", strict: true, schema: { type: "object" } };
  const parsed = await responses.parse({ model, input: say({ text: '{"sum":7}' }), text: { format } });
  assert.deepEqual(JSON.parse(parsed.output_text), { sum: 7 });
  const streamed = responses.stream({ model, input: say({ text: "In pieces.", pieces: 3 }) });
  assert.equal((await streamed.finalResponse()).output_text, "In pieces.");
  const slow = await responses.create({ model, input: say({ text: "Never.", delay_ms: 20_000 }), background: true });
  assert.equal((await responses.cancel(slow.id)).status, "cancelled");
  await responses.delete(made.id);
  await gone(responses.retrieve(made.id));
});

test("conversations and their items", async () => {
  const { conversations } = client;
  const said = { type: "message" as const, role: "user" as const, content: "Tea, please." };
  const made = await conversations.create({ items: [said] });
  assert.deepEqual((await conversations.update(made.id, { metadata: { a: "b" } })).metadata, { a: "b" });
  assert.deepEqual((await conversations.retrieve(made.id)).metadata, { a: "b" });
  const { data } = await conversations.items.create(made.id, { items: [{ ...said, content: "With milk." }] });
  const [added] = data as { id: string }[];
  assert(added);
  const of = { conversation_id: made.id };
  assert.equal((await conversations.items.retrieve(added.id, of)).type, "message");
  const listed = () => idsOf(conversations.items.list(made.id));
  assert.equal((await listed()).length, 2);
  await conversations.items.delete(added.id, of);
  assert.equal((await listed()).length, 1);
  await gone(conversations.items.retrieve(added.id, of));
  assert.equal((await conversations.delete(made.id)).deleted, true);
  await gone(conversations.retrieve(made.id));
});

test("chat completions and models", async () => {
  const { completions } = client.chat;
  const asking = (...steps: Step[]) => ({ model, messages: [{ role: "user" as const, content: say(...steps) }] });
  const made = await completions.create(asking({ text: "Hello." }));
  assert.equal(made.choices[0]?.message.content, "Hello.");
  const streamed = completions.stream(asking({ text: "In pieces.", pieces: 3 }));
  assert.equal(await streamed.finalContent(), "In pieces.");
  const format = { type: "json_schema" as const, json_schema: { name: "sum", strict: true, schema: { type: "object" } } };
  const parsed = await completions.parse({ ...asking({ text: '{"sum":7}' }), response_format: format });
  assert.deepEqual(JSON.parse(parsed.choices[0]?.message.content ?? ""), { sum: 7 });
  const tool = { ...lookup, function: () => "Ada", parse: JSON.parse };
  const { type: _, ...named } = tool;
  const ran = completions.runTools({
    ...asking({ calls: [{ name: "lookup", arguments: { id: 1 } }] }, { text: "It is Ada." }),
    tools: [{ type: "function", function: named }],
  });
  assert.equal(await ran.finalContent(), "It is Ada.");
  await assert.rejects(completions.retrieve("x"));
  await assert.rejects(completions.update("x", { metadata: {} }));
  await assert.rejects(idsOf(completions.list()));
  await assert.rejects(completions.delete("x"));
  await assert.rejects(idsOf(completions.messages.list("x")));
  assert.equal((await client.models.retrieve(model)).id, model);
  await idsOf(client.models.list());
  await assert.rejects(client.models.delete(model));
});

test("a turn in which the server is killed goes on, and its tool is not run again", async () => {
  const session = await newSession({ tools: [{ type: "files" }] });
  const { sessions } = client.beta.agents;
  const write = { name: "write_file", arguments: { path: "a.txt", content: "x" } };
  const append = { calls: [write], text: "On it." };
  const stream = sessions.stream(session, { input: say(append, { text: "Written.", delay_ms: 500 }) });
  for await (const event of stream) {
    if (event.type === "agent.session.turn.item.done" && event.item.type === "mcp_call") break;
  }
  await server.restart();
  while ((await sessions.retrieve(session)).status !== "idle") continue;
  const kinds: string[] = [];
  for await (const item of sessions.items.list(session, { order: "asc" })) kinds.push(item.type);
  assert.deepEqual(kinds, ["message", "message", "mcp_call", "message"]);
});

test("a session at work is not deleted, and says so", async () => {
  const { sessions } = client.beta.agents;
  const session = await newSession({ tools: [lookup] });
  const input = say({ calls: [{ name: "lookup", arguments: { id: 1 } }] });
  for await (const event of sessions.stream(session, { input })) {
    if (event.type === "agent.session.requires_action") break;
  }
  await assert.rejects(sessions.delete(session, { maxRetries: 0 }), ConflictError);
});

test("no operation was left out", () => {
  const refused = Object.keys(REFUSED);
  const untouched = watched.all.filter((path) => !watched.answered.has(path) && !refused.includes(path));
  assert.deepEqual(untouched, []);
  const codes = Object.fromEntries(refused.map((path) => [path, watched.refused.get(path)]));
  assert.deepEqual(codes, REFUSED);
  assert.deepEqual(refused.filter((path) => watched.answered.has(path)), []);
});
