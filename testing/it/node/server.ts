/**
 * The real binary with a scripted model behind it, for tests with the TypeScript SDK.
 *
 * `MAINSTAY_BIN` names the binary; the scripted model lies beside it. What the model says is the
 * user's message: a script as `say` writes it.
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readdirSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

import OpenAI, { type ClientOptions } from "openai";

const mainstay = process.env["MAINSTAY_BIN"];
assert(mainstay, "MAINSTAY_BIN does not name the binary to test");
const binary: string = mainstay;

/** The images of whoever runs the tests; `cargo xtask image` builds them. */
const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
const images = process.env["MAINSTAY_IMAGES"] || join(cache, "mainstay/images");
/** How long the machines of deleted sessions may take to go. */
const MACHINES_GO_MS = 30_000;

export type Step = {
  text?: string;
  reasoning?: string;
  calls?: { name: string; arguments: unknown }[];
  pieces?: number;
  piece_delay_ms?: number;
  delay_ms?: number;
};

/** A user's message that makes the scripted model answer with these steps. */
export const say = (...steps: Step[]): string => JSON.stringify({ script: steps });

export const lookup = {
  type: "function" as const,
  name: "lookup",
  description: "Looks something up.",
  parameters: {
    type: "object",
    properties: { id: { type: "integer" } },
    required: ["id"],
    additionalProperties: false,
  },
};

async function firstLine(child: ChildProcess): Promise<{ url: string }> {
  assert(child.stdout, "the program's output is not read");
  for await (const line of createInterface({ input: child.stdout })) {
    return JSON.parse(line);
  }
  throw new Error(`${child.spawnfile} ended before it was ready`);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    await new Promise((resolve) => child.once("exit", resolve));
  }
}

async function freeAddress(): Promise<string> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return `127.0.0.1:${port}`;
}

/** A server on a data folder of its own; it can be killed and started again. */
export class Server {
  readonly #folder = mkdtempSync(join(tmpdir(), "mainstay-node-"));
  readonly #world: ChildProcess;
  #environment: Record<string, string> = {};
  #address = "";
  #key = "";
  #process: ChildProcess | undefined;

  private constructor() {
    const model = join(dirname(binary), "scripted-model");
    this.#world = spawn(model, { stdio: ["ignore", "pipe", "inherit"] });
  }

  /** With hosts that tools and webhooks may reach besides. */
  static async start(hosts: string[] = []): Promise<Server> {
    const server = new Server();
    const { url } = await firstLine(server.#world);
    server.#environment = {
      PATH: process.env["PATH"] ?? "",
      HOME: server.#folder,
      OPENAI_BASE_URL: `${url}/v1`,
      OPENAI_API_KEY: "scripted",
      MAINSTAY_SERVER__DEFAULT_MODEL: "scripted",
      MAINSTAY_LOG__FILTER: "warn",
      MAINSTAY_TOOLS__PRIVATE_HOSTS_ALLOWED: JSON.stringify(hosts),
      MAINSTAY_COMPUTE__IMAGES: images,
      // Those that wait would outlive a killed server by seconds.
      MAINSTAY_COMPUTE__WARM_MACHINES: "0",
    };
    server.#address = await freeAddress();
    const key = server.#command("keys", "create", "--name", "tests");
    server.#key = execFileSync(binary, key, { env: server.#environment, encoding: "utf8" }).trim();
    await server.#serve();
    return server;
  }

  #command(...words: string[]): string[] {
    return [...words, "--data-dir", join(this.#folder, "data")];
  }

  async #serve(): Promise<void> {
    const log = openSync(join(this.#folder, "server.log"), "a");
    const words = this.#command("serve", "--listen", this.#address);
    this.#process = spawn(binary, words, {
      env: this.#environment,
      stdio: ["ignore", "pipe", log],
    });
    await firstLine(this.#process);
  }

  client(options: ClientOptions = {}): OpenAI {
    return new OpenAI({ baseURL: `http://${this.#address}/v1`, apiKey: this.#key, ...options });
  }

  /** Ends it at once, as a power cut does. */
  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    if (this.#process) await ended(this.#process);
    this.#process = undefined;
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.#serve();
  }

  #machines(): string[] {
    const folder = join(this.#folder, "data/machines");
    return existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith("ses_")) : [];
  }

  async stop(): Promise<void> {
    const deadline = Date.now() + MACHINES_GO_MS;
    while (this.#machines().length > 0) {
      assert(Date.now() < deadline, `the machines ${this.#machines()} stay`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await this.kill();
    this.#world.kill("SIGKILL");
    await ended(this.#world);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
