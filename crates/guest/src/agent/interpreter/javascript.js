// Runs code in one namespace that lasts; see python.py for the frames on descriptor 3.
'use strict';
{
  const net = require('node:net');
  const util = require('node:util');
  const inspector = require('node:inspector');
  const { createRequire } = require('node:module');
  const { pathToFileURL } = require('node:url');

  const MAX_RESULT_BYTES = 8 * 1024 * 1024;
  const control = new net.Socket({ fd: 3, readable: true, writable: true });
  const session = new inspector.Session();
  session.connect();
  const post = (method, params) =>
    new Promise((resolve, reject) =>
      session.post(method, params, (error, result) => (error ? reject(error) : resolve(result))));

  const home = process.cwd() + '/';
  const own = { taken: undefined, parts: [], interrupt: null };
  globalThis.require = createRequire(home);
  const define = (name, value) =>
    Object.defineProperty(globalThis, name, { value, enumerable: false, configurable: true, writable: true });
  define('__import', (name) => import(/^\.{0,2}\//.test(name) ? pathToFileURL(require('node:path').resolve(home, name)).href : name));
  define('display', (...values) => values.forEach(show));

  function add(mediaType, data) {
    data = Buffer.from(data);
    const room = MAX_RESULT_BYTES - own.parts.reduce((sum, part) => sum + part.data.length, 0);
    if (data.length > room) {
      data = Buffer.from(`[${mediaType} of ${data.length} bytes is left out]`);
      mediaType = 'text/plain';
    }
    if (own.parts.length < 64) own.parts.push({ mediaType, data });
  }

  function show(value) {
    add('text/plain', util.inspect(value, { depth: 4, maxArrayLength: 200, maxStringLength: 100000 }));
  }

  // A script has no import statements: each becomes the call that does the same.
  function rewrite(source) {
    const named = (list) => list.replace(/\s+as\s+/g, ': ');
    return source
      .replace(/(^|[^\w$.])import\s*\(/g, '$1__import(')
      .replace(/^([ \t]*)import\s+(['"][^'"\n]+['"])[ \t]*;?/gm, '$1await __import($2);')
      .replace(/^([ \t]*)import\s+\*\s+as\s+([\w$]+)\s+from\s+(['"][^'"\n]+['"])[ \t]*;?/gm, '$1const $2 = await __import($3);')
      .replace(/^([ \t]*)import\s+([\w$]+)\s+from\s+(['"][^'"\n]+['"])[ \t]*;?/gm, '$1const { default: $2 } = await __import($3);')
      .replace(/^([ \t]*)import\s+([\w$]+)\s*,\s*\{([^}]*)\}\s*from\s+(['"][^'"\n]+['"])[ \t]*;?/gm,
        (_, lead, main, list, name) => `${lead}const { default: ${main}, ${named(list)} } = await __import(${name});`)
      .replace(/^([ \t]*)import\s*\{([^}]*)\}\s*from\s+(['"][^'"\n]+['"])[ \t]*;?/gm,
        (_, lead, list, name) => `${lead}const { ${named(list)} } = await __import(${name});`);
  }

  async function take(remote) {
    const argument = remote.objectId ? { objectId: remote.objectId }
      : remote.unserializableValue ? { unserializableValue: remote.unserializableValue }
      : { value: remote.value };
    await post('Runtime.callFunctionOn', {
      functionDeclaration: 'function (value) { this.taken = value; }',
      objectId: own.id,
      arguments: [argument],
    });
    const value = own.taken;
    own.taken = undefined;
    return value;
  }

  function explain(error) {
    if (error instanceof Error || (error && typeof error.stack === 'string')) {
      // Behind the first line of the interpreter's own is nothing of the code's.
      const lines = String(error.stack).split('\n');
      const own = lines.findIndex((line) => /^\s+at .*(node:|\[eval)/.test(line));
      return (own < 0 ? lines : lines.slice(0, own)).join('\n');
    }
    return `thrown: ${util.inspect(error)}`;
  }

  async function run(source) {
    const done = post('Runtime.evaluate', {
      expression: rewrite(source),
      replMode: true,
      awaitPromise: true,
      objectGroup: 'cell',
      generatePreview: false,
    });
    const interrupted = new Promise((resolve) => { own.interrupt = () => resolve(null); });
    const result = await Promise.race([done, interrupted]);
    own.interrupt = null;
    if (result === null) {
      done.catch(() => {});
      return 'interrupted';
    }
    if (result.exceptionDetails) {
      const { exception, text } = result.exceptionDetails;
      return exception ? explain(await take(exception)) : text;
    }
    const value = await take(result.result);
    if (value !== undefined) show(value);
    return null;
  }

  function answer(error) {
    const text = error === null ? Buffer.alloc(0) : Buffer.from(error).subarray(0, MAX_RESULT_BYTES);
    const head = Buffer.from(JSON.stringify({
      error_bytes: error === null ? null : text.length,
      parts: own.parts.map((part) => ({ media_type: part.mediaType, size_bytes: part.data.length })),
    }));
    const body = Buffer.concat([text, ...own.parts.map((part) => part.data)]);
    const lengths = Buffer.alloc(8);
    lengths.writeUInt32LE(4 + head.length + body.length, 0);
    lengths.writeUInt32LE(head.length, 4);
    control.write(Buffer.concat([lengths, head, body]));
  }

  async function perform(request) {
    if (request.op === 'env') {
      for (const name of request.unset) delete process.env[name];
      Object.assign(process.env, request.set);
    }
    if (request.op !== 'run') return;
    own.parts = [];
    let error;
    try {
      if (!own.id) {
        globalThis.__own = own;
        own.id = (await post('Runtime.evaluate', { expression: '__own' })).result.objectId;
        delete globalThis.__own;
      }
      error = await run(request.source);
    } catch (caught) {
      error = explain(caught);
    }
    await post('Runtime.releaseObjectGroup', { objectGroup: 'cell' }).catch(() => {});
    answer(error);
  }

  process.on('SIGINT', () => own.interrupt && own.interrupt());
  // What code leaves running must not end the interpreter.
  process.on('uncaughtException', (error) => console.error(explain(error)));
  process.on('unhandledRejection', (error) => console.error(explain(error)));
  let pending = Buffer.alloc(0);
  let queue = Promise.resolve();
  control.on('data', (data) => {
    pending = Buffer.concat([pending, data]);
    while (pending.length >= 4) {
      const length = pending.readUInt32LE(0);
      if (pending.length < 4 + length) break;
      const request = JSON.parse(pending.subarray(4, 4 + length).toString());
      pending = pending.subarray(4 + length);
      queue = queue.then(() => perform(request));
    }
  });
  control.on('end', () => process.exit(0));
  control.on('error', () => process.exit(0));
}
