// SPDX-License-Identifier: MIT
// driver - the Node binding, told what to do: ../driver.py has the commands.
import os from 'node:os';
import readline from 'node:readline';
import {setTimeout as sleep} from 'node:timers/promises';
import util from 'node:util';
import {Bearer, BearerError} from '../../../client/node/bearer.js';

let tokens, last;

const told = token => ({
  value: token.value, name: token.name, generation: token.generation, expires_at: token.expiresAt,
  scope: token.scope, practice_id: token.practiceId,
});
const patience = timeout => ({timeout: timeout == null ? undefined : timeout * 1000});
const get = async (name, timeout) => tokens.get(name, patience(timeout));
const getTold = async () => told(await get());
const renew = async timeout => tokens.renew(last, patience(timeout));
const giveUp = async seconds => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), seconds * 1000);
  return told(await tokens.get(null, {signal: controller.signal}));
};

const commands = {
  async open({socket, max_age: maxAge}) {
    tokens = new Bearer({socket, maxAge: maxAge == null ? undefined : maxAge * 1000});
    return {};
  },
  async get({name, timeout}) {
    return told(last = await get(name, timeout));
  },
  async renew({timeout}) {
    return told(last = await renew(timeout));
  },
  async together({n, what = 'get', timeout}) {
    const one = async () => told(await (what === 'get' ? get(null, timeout) : renew(timeout)));
    return Promise.all(Array.from({length: n}, () => answerTo(one)));
  },
  async beside({timeout}) {
    const impatient = answerTo(async () => told(await get(null, timeout)));
    await sleep(timeout * 200);
    return Promise.all([impatient, answerTo(async () => told(await get(null, timeout * 10)))]);
  },
  async canceled() {
    return Promise.all([answerTo(() => giveUp(0.2)), answerTo(getTold)]);
  },
  async canceled_alone({after}) {
    const canceled = await answerTo(() => giveUp(after));
    const again = answerTo(getTold);
    await sleep(100);
    return [canceled, ...await Promise.all([again, answerTo(getTold)])];
  },
  async close() {
    tokens.close();
    return {};
  },
  async shown() {
    let stack;
    try {
      throw Object.assign(new Error(`${last}`), {token: last});
    } catch (error) {
      stack = util.inspect(error);
    }
    return [`${last}`, util.inspect(last), util.inspect(last, {showHidden: true, getters: true}),
            util.inspect({nested: [last]}), JSON.stringify(last), JSON.stringify({...last}), stack,
            util.format('%s %o %O %j', last, last, last, last),
            util.inspect(structuredClone({...last}))];
  },
  async call({method, url, body, stream, timeout, request}) {
    async function* parts() {
      yield new TextEncoder().encode(body);
    }
    const init = {method, body: stream ? parts() : body, ...(stream ? {duplex: 'half'} : {}),
                  ...(timeout ? {signal: AbortSignal.timeout(timeout * 1000)} : {})};
    const response = await (request ? tokens.fetch(new Request(url, init)) : tokens.fetch(url, init));
    return {status: response.status, body: await response.text()};
  },
};

async function answerTo(command) {
  try {
    return await command();
  } catch (error) {
    if (error instanceof BearerError)
      return {error: error.name, text: error.message, passing: error.isPassing,
              retry_after: error.retryAfter ?? null,
              errno: error.code ? os.constants.errno[error.code] : null};
    if (error instanceof DOMException)
      return {error: error.name, text: error.message};
    if (error instanceof RangeError)
      return {error: 'ValueError', text: error.message};
    throw error;
  }
}

for await (const line of readline.createInterface({input: process.stdin})) {
  const [what, given] = JSON.parse(line);
  console.log(JSON.stringify(await answerTo(() => commands[what](given))));
}
