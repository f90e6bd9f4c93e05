/** Every operation that the TypeScript SDK has for what Mainstay serves, and which of them were used. */
import OpenAI, { APIError } from "openai";

/** The parts of the SDK that docs/compatibility.md is about. */
const ROOTS = ["beta.agents", "responses", "conversations", "chat.completions", "models", "webhooks"];

type Method = (...given: unknown[]) => unknown;
type Resource = Record<string, unknown>;

/** An operation, by the resource that has it. */
type Operation = { path: string; owner: Resource; name: string };

function* operations(owner: Resource, path: string): Generator<Operation> {
  const kind = Object.getPrototypeOf(owner) as Resource;
  for (const name of Object.getOwnPropertyNames(kind)) {
    const isOperation = typeof owner[name] === "function" && name !== "constructor" && !name.startsWith("_");
    if (isOperation) yield { path: `${path}.${name}`, owner, name };
  }
  for (const [name, value] of Object.entries(owner)) {
    const isResource = typeof value === "object" && value !== null && "_client" in value;
    if (isResource && !name.startsWith("_")) yield* operations(value as Resource, `${path}.${name}`);
  }
}

/** A client that writes down what became of each operation. */
export class Watched {
  readonly all: string[] = [];
  readonly answered = new Set<string>();
  /** The codes of refusals. */
  readonly refused = new Map<string, string>();
  readonly client: OpenAI;
  /** Whether an operation is being asked for: what it is made of is its own to read. */
  #isAsking = false;

  constructor(client: OpenAI) {
    this.client = client;
    for (const root of ROOTS) {
      let owner = client as unknown as Resource;
      for (const part of root.split(".")) owner = owner[part] as Resource;
      for (const operation of operations(owner, root)) this.#watch(operation);
    }
  }

  #watch({ path, owner, name }: Operation): void {
    this.all.push(path);
    const method = (owner[name] as Method).bind(owner);
    owner[name] = (...given: unknown[]) => {
      if (this.#isAsking) return method(...given);
      this.#isAsking = true;
      let answer: unknown;
      try {
        answer = method(...given);
      } finally {
        this.#isAsking = false;
      }
      if (answer instanceof Promise) answer.then(() => this.answered.add(path), (error) => this.#failed(path, error));
      else this.answered.add(path);
      return answer;
    };
  }

  #failed(path: string, error: unknown): void {
    // A helper's own error has the server's behind it.
    const behind = error instanceof APIError ? error : (error as Error).cause;
    if (behind instanceof APIError && behind.status) this.refused.set(path, String(behind.code));
  }
}
