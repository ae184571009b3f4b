// SPDX-License-Identifier: MIT
// bearer - the host's OAuth 2.0 bearer token, from bearerd. Node 18.14 on, without dependencies.
//
//     const {Bearer} = require('./bearer.js');    // or: import {Bearer} from './bearer.js'
//
//     const tokens = new Bearer();                // $BEARERD_SOCKET, or /run/bearerd/token.sock
//     const response = await tokens.fetch(url);   // with the token, and a 401 handled once
//
//     const token = await tokens.get();           // for every request anew: it is kept here
//     const newer = await tokens.renew(token);    // after a 401, once; then the request again
//
// Who goes on asking follows the token: bearerd says then when it is another one, so that nothing is
// asked in between. What is cached for how long, and what each error asks for, is in docs/clients.md.
// Never shows a token but by its `value`.
'use strict';

const net = require('node:net');
const util = require('node:util');

const DEFAULT_SOCKET = '/run/bearerd/token.sock';
// All times are in ms.
const MAX_AGE = 10000; // how long a token that is not followed is used without asking for it again
const FOLLOWED_MAX = 16; // tokens at a time: each takes a connection
const FLOOR = 60; // seconds: bearerd's, where it does not say how long it serves a token
const WAIT_DEFAULT = 20000;
const WAIT_MAX = 60000;
const ANSWER_GRACE = 1000;
const ANSWER_AT_ONCE = 250;
const TIMEOUT_MAX = 86400000;
const PATIENCE = 2000; // with a bearerd that has hung up, or was there before
const HUNG_UP_MAX = 10; // times in a row, before it could have read the request
const RETRY_FIRST = 1;
const RETRY_LAST = 50;
const ANSWER_MAX = 32768; // of a stream, too
const PATH_MAX = 107;
const EXPIRES_IN_MAX = 315360000;

const NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;
const B64TOKEN = /^[A-Za-z0-9._~+/-]{1,16384}=*$/; // RFC 6750 2.1
const EVENTS = /^content-type:[ \t]*text\/event-stream/im;
const HEAD = /^HTTP\/1\.[01] ([1-9][0-9]{2}) [^\r\n]*\r\n((?:[!-9;-~]+:[^\r\n]*\r\n)*)\r\n$/;

/* Before, fetch() sends the token on to another host after a redirect. */
const [MAJOR, MINOR] = process.versions.node.split('.').map(Number);
const IS_FETCH_SAFE = MAJOR > 19 || (MAJOR === 19 && MINOR >= 4) || (MAJOR === 18 && MINOR >= 14);

/* What can be in the way of a token. `isPassing`: try again, in `retryAfter` seconds or some. */
class BearerError extends Error {
  constructor(message) {
    super(message);
    this.name = new.target.name;
    this.isPassing = new.target.isPassing ?? false;
    this.retryAfter = undefined;
  }
}

class Denied extends BearerError {
  static text = 'The token endpoint refuses the credentials or the scope';
}
class Unavailable extends BearerError {
  static text = 'There is no token yet, and the last try for one failed';
  static isPassing = true;
}
class Timeout extends BearerError {
  static text = 'There was no token within the timeout';
  static isPassing = true;
}
class Fresh extends BearerError {
  static text = 'The token was renewed just now, and is not renewed again yet: look at permissions';
}
class Busy extends BearerError {
  static text = 'This user asks bearerd for too much at once';
  static isPassing = true;
}
class Forbidden extends BearerError {
  static text = 'This user may not have the token, or there is none: see allow_users, allow_groups';
}
class Unknown extends BearerError {
  static text = 'There is no such token';
}
class Invalid extends BearerError {
  static text = 'Not the name of a token, or none given and no default';
}
class Protocol extends BearerError {
  static text = 'Not an answer of bearerd: see $BEARERD_SOCKET, and the versions';
}
/* No connection to bearerd; `code` says why, as of other errors of the system. */
class Unreachable extends BearerError {
  static texts = {
    ENOENT: 'No socket: bearerd is not installed, or not started yet',
    ECONNREFUSED: 'Nobody listens: bearerd has stopped',
    EACCES: 'This user may not connect: it is not in the group "bearer", as a rule',
    ECONNRESET: 'bearerd hung up before its answer was whole, twice',
  };
  constructor(code, path) {
    super(`${Unreachable.texts[code] ?? code} (${path})`);
    this.code = code;
    this.isPassing = ['ENOENT', 'ECONNREFUSED', 'ECONNRESET'].includes(code);
  }
}

const REFUSALS = {400: Invalid, 403: Forbidden, 404: Unknown, 429: Busy, 502: Denied,
                  503: Unavailable, 504: Timeout};

/* One token. `value` is the secret; no other way shows it. */
class Token {
  #value;
  constructor(value, members) {
    this.#value = value;
    Object.assign(this, members);
    Object.freeze(this);
  }
  get value() {
    return this.#value;
  }
  toString() {
    return `<Token ${this.name} generation ${this.generation} expiresAt ${this.expiresAt}>`;
  }
  toJSON() {
    return {...this};
  }
  [util.inspect.custom]() {
    return this.toString();
  }
}

/* `hasRead` the request, maybe. Else there may have been an answer, which Node loses with the write. */
class HungUp extends Error {
  constructor(hasRead = true) {
    super();
    this.hasRead = hasRead;
  }
}

const now = () => performance.now();
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

/* Suspend stops the one clock and steps change the other: what is old by either is old. */
const stamp = () => ({steady: now(), wall: Date.now()});
function isYounger(than, ms) {
  const wall = Date.now() - than.wall;
  return now() - than.steady < ms && wall >= 0 && wall < ms;
}

function requestFor(name, rest) {
  const resource = name == null ? '/v1/token' : `/v1/tokens/${name}`;
  return `GET ${resource}${rest} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
}

class Question {
  over; // an AbortController, while it is asked: aborted when nobody waits for the answer any more

  constructor(name, after, timeout) {
    if (name != null && !(typeof name === 'string' && NAME.test(name)))
      throw new Invalid(`${util.inspect(name)} is not the name of a token ([a-z0-9][a-z0-9_-]{0,31})`);
    if (timeout !== undefined && !(timeout >= 0))
      throw new RangeError(`timeout: ${timeout} is not a number of milliseconds`);
    const wait = Math.min(timeout ?? WAIT_DEFAULT, TIMEOUT_MAX);
    const grace = timeout === undefined ? ANSWER_GRACE : timeout > 0 ? 0 : ANSWER_AT_ONCE;
    this.name = name ?? undefined;
    this.after = after;
    this.deadline = now() + wait + grace;
    this.key = `${name ?? ''} ${after}`;
    const query = `?wait=${Math.ceil(Math.min(wait, WAIT_MAX) / 1000)}` + (after ? `&after=${after}` : '');
    this.request = requestFor(name, query);
  }
  timeLeft() {
    const left = this.deadline - now();
    if (left <= 0)
      throw new Timeout(Timeout.text);
    return left;
  }
}

/* The events of a token (docs/protocol.md), for as long as they say that it is the one. Calls `over`
 * once, as soon as there is anything else: another one, the end, or what cannot be understood. It keeps
 * no program from its end. */
class Stream {
  hasTold = false;
  #socket;
  #token;
  #over;
  #isOpen = false;
  #data = Buffer.alloc(0);
  #size = 0;

  constructor(path, name, token, over) {
    this.#token = token;
    this.#over = over;
    this.#socket = net.connect({path}, () => this.#socket.write(requestFor(name, '/events')));
    this.#socket.unref();
    this.#socket.on('data', part => this.#take(part) || this.#end());
    this.#socket.on('end', () => this.#end());
    this.#socket.on('error', () => this.#end());
  }

  close() {
    this.#over = () => {};
    this.#socket.destroy();
  }

  #end() {
    const over = this.#over;
    this.close();
    over();
  }

  #take(part) {
    this.#size += part.length;
    if (this.#size >= ANSWER_MAX)
      return false;
    this.#data = Buffer.concat([this.#data, part]);
    if (!this.#isOpen) {
      const end = this.#data.indexOf('\r\n\r\n') + 4;
      if (end < 4)
        return true;
      const head = HEAD.exec(this.#data.toString('latin1', 0, end));
      if (head?.[1] !== '200' || !EVENTS.test(head[2]))
        return false;
      this.#isOpen = true;
      this.#data = this.#data.subarray(end);
    }
    const events = this.#data.toString('latin1').replaceAll('\r\n', '\n').split('\n\n');
    this.#data = Buffer.from(events.pop(), 'latin1');
    return events.every(event => this.#isAsKnown(event));
  }

  #isAsKnown(event) {
    const kind = /^event: (token|gone)$/m.exec(event)?.[1];
    if (!kind)
      return true; // others may come
    this.hasTold = true;
    const {name, generation} = readJSON(/^data: (.*)$/m.exec(event)?.[1] ?? '');
    return kind === 'token' && name === this.#token.name && generation === this.#token.generation;
  }
}

/* What is in the cache: */
const isServed = kept => isYounger(kept.arrived, kept.serves);

function unfollow(kept) {
  kept.stream?.close();
  kept.stream = undefined;
}

class Bearer {
  #path;
  #maxAge;
  #follows;
  #cache = new Map(); // by the name that was asked for
  #flights = new Map();
  #wasAnswered = false;
  #patientUntil = 0;

  /* socket: a path, or unix:///path. maxAge: how many ms a token that is not followed is used without
   * asking again; 0: each get() asks, and nothing is followed. */
  constructor({socket, maxAge = MAX_AGE} = {}) {
    this.#path = pathOf(socket ?? (process.env.BEARERD_SOCKET || DEFAULT_SOCKET));
    this.#maxAge = maxAge;
    this.#follows = maxAge > 0;
  }

  /* The token `name`, or the default one. `timeout` in ms: by default 20 s for the token and 1 s
   * for the answer; 0: only what there is. Rejects with a BearerError, or with the reason of
   * `signal`. */
  async get(name, {timeout, signal} = {}) {
    return this.#shared(new Question(name, 0, timeout), signal, () => this.#known(name ?? undefined));
  }

  /* A newer token than `refused`, which an API answered with 401. Once for each 401. */
  async renew(refused, {timeout, signal} = {}) {
    const isNewer = token => token && token.generation > refused.generation ? token : undefined;
    return this.#shared(new Question(refused.name, refused.generation, timeout), signal,
                        () => isNewer(this.#known(refused.name)));
  }

  /* fetch() with the token `name`, or the default one; a 401 is handled once. The body is sent
   * again then: a stream cannot be, and the 401 is what comes. The request's signal ends the wait for
   * a token, too. */
  async fetch(input, init = {}, name) {
    if (!IS_FETCH_SAFE)
      throw new Error(`The fetch() of Node ${process.versions.node} sends tokens on to other hosts:` +
                      ' take 18.14, or 19.4');
    const request = input instanceof Request ? input : undefined;
    const {signal = request?.signal} = init;
    const send = token => {
      const headers = new Headers(init.headers ?? request?.headers);
      headers.set('Authorization', `Bearer ${token.value}`);
      return fetch(request?.clone() ?? input, {...init, headers});
    };
    const token = await this.get(name, {signal});
    const response = await send(token);
    if (response.status !== 401 || init.body?.[Symbol.asyncIterator])
      return response;
    let newer;
    try {
      newer = await this.renew(token, {signal});
    } catch (error) {
      if (error instanceof Fresh)
        return response;
      throw error;
    }
    await response.body?.cancel();
    return send(newer);
  }

  /* Follows nothing any more. What is asked for from now on is used for maxAge. */
  close() {
    this.#follows = false;
    for (const kept of this.#cache.values())
      unfollow(kept);
  }

  #known(name) {
    const kept = this.#cache.get(name);
    const isGood = kept && isServed(kept) && (kept.stream?.hasTold || this.#isYoung(kept));
    return isGood ? kept.token : undefined;
  }

  #isYoung(kept) {
    return !kept.isOld && isYounger(kept.arrived, this.#maxAge);
  }

  /* Who wants the same at the same time shares one question, which ends when the last of them leaves.
   * Whose time is longer than that of the one who asked asks itself. */
  async #shared(question, signal, known) {
    for (;;) {
      signal?.throwIfAborted();
      const token = known();
      if (token)
        return token;
      const others = this.#flights.get(question.key);
      const flight = others ?? this.#begin(question);
      flight.nWaiting++;
      try {
        return await within(flight.token, question, signal);
      } catch (error) {
        if (!others || !(error instanceof Timeout))
          throw error;
        question.timeLeft();
      } finally {
        if (--flight.nWaiting === 0)
          this.#end(flight);
      }
    }
  }

  #begin(question) {
    question.over = new AbortController();
    const flight = {question, nWaiting: 0, token: this.#ask(question).finally(() => this.#end(flight))};
    this.#flights.set(question.key, flight);
    return flight;
  }

  #end(flight) {
    flight.question.over.abort();
    if (this.#flights.get(flight.question.key) === flight)
      this.#flights.delete(flight.question.key);
  }

  async #ask(question) {
    for (let nRead = 0, nTries = 1;; nTries++) {
      try {
        const answer = await this.#exchange(question);
        this.#wasAnswered = true;
        if (answer.status !== 200)
          throw refusal(answer);
        const [token, serves] = readToken(answer.body, question);
        this.#keep(question.name, token, serves);
        return token;
      } catch (error) {
        if (!(error instanceof HungUp))
          throw error;
        this.#patientUntil = now() + PATIENCE;
        nRead += error.hasRead;
        if (nRead > 1 || nTries >= HUNG_UP_MAX)
          throw new Unreachable('ECONNRESET', this.#path);
        await sleep(Math.min(RETRY_LAST, question.timeLeft())); // it may not be gone yet
      }
    }
  }

  #keep(name, token, serves) {
    const before = this.#cache.get(name);
    for (const [key, old] of this.#cache) {
      if (old.token.name === token.name && old.token.generation < token.generation) {
        this.#cache.delete(key);
        unfollow(old);
      }
    }
    const kept = this.#cache.get(name);
    if (kept && kept.token.name === token.name && kept.token.generation > token.generation)
      return;
    if (kept)
      unfollow(kept);
    const newer = {token, serves: serves * 1000, arrived: stamp(), isOld: false, stream: undefined};
    this.#cache.set(name, newer);
    // Who asks for it though its life goes on is one who goes on asking.
    if (before && isServed(before) && !this.#isYoung(before))
      this.#follow(name, newer);
  }

  #follow(name, kept) {
    const nFollowed = [...this.#cache.values()].filter(each => each.stream).length;
    if (!this.#follows || nFollowed >= FOLLOWED_MAX)
      return;
    kept.stream = new Stream(this.#path, name, kept.token, () => {
      kept.isOld = kept.stream.hasTold;
      kept.stream = undefined;
    });
  }

  async #exchange(question) {
    for (let delay = RETRY_FIRST;; delay = Math.min(2 * delay, RETRY_LAST)) {
      try {
        return await exchange(this.#path, question);
      } catch (error) {
        if (error.syscall !== 'connect')
          throw error;
        if (!this.#mayPass(error.code))
          throw new Unreachable(error.code, this.#path);
      }
      await sleep(Math.min(delay, question.timeLeft()));
    }
  }

  /* A full backlog is EAGAIN. A bearerd that was there, and is not, restarts. */
  #mayPass(code) {
    if (code === 'EAGAIN')
      return true;
    if (code !== 'ENOENT' && code !== 'ECONNREFUSED')
      return false;
    if (this.#wasAnswered) {
      this.#wasAnswered = false;
      this.#patientUntil = now() + PATIENCE;
    }
    return now() < this.#patientUntil;
  }
}

function pathOf(socket) {
  const path = socket.startsWith('unix:///') ? socket.slice('unix://'.length) : socket;
  if (path === '' || path.startsWith('unix:') || path.includes('\0'))
    throw new Invalid(`${util.inspect(socket)} is neither a path nor unix:///path`);
  if (Buffer.byteLength(path) > PATH_MAX)
    throw new Invalid(`${socket} is longer than ${PATH_MAX} bytes, the most for a socket`);
  return path;
}

/* What `promise` gives, if it does in time and before `signal` is aborted. */
function within(promise, question, signal) {
  let timer, abort;
  const late = new Promise((_, reject) => {
    const left = Math.max(0, question.deadline - now());
    timer = setTimeout(() => reject(new Timeout(Timeout.text)), left);
    abort = () => reject(signal.reason);
    signal?.addEventListener('abort', abort);
  });
  return Promise.race([promise, late]).finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  });
}

/* One connection, one answer. */
function exchange(path, question) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({path, signal: question.over.signal});
    const end = (settle, value) => {
      clearTimeout(timer);
      socket.destroy();
      settle(value);
    };
    const timer = setTimeout(() => end(reject, new Timeout(Timeout.text)),
                             Math.max(0, question.deadline - now()));
    let data = Buffer.alloc(0);
    socket.on('data', part => {
      data = Buffer.concat([data, part]);
      try {
        if (data.length > ANSWER_MAX)
          throw new Protocol(`An answer of more than ${ANSWER_MAX} bytes is none of bearerd's`);
        const answer = readAnswer(data);
        if (answer)
          end(resolve, answer);
      } catch (error) {
        end(reject, error);
      }
    });
    socket.on('error', error => end(reject, error.syscall === 'connect' || error.name === 'AbortError'
                                      ? error : new HungUp(error.syscall !== 'write')));
    socket.on('end', () => end(reject, new HungUp()));
    // There may be an answer already, and no one to send to: too many connections. A write that
    // fails would lose it, so that what is there is read first, between the two.
    socket.on('connect', () => setImmediate(() => setImmediate(() => {
      if (!socket.destroyed)
        socket.write(question.request);
    })));
  });
}

/* undefined: more must come. */
function readAnswer(data) {
  const start = data.toString('latin1', 0, 7);
  if (!'HTTP/1.'.startsWith(start))
    throw new Protocol('What answered does not speak HTTP/1.1');
  const end = data.indexOf('\r\n\r\n') + 4;
  if (end < 4)
    return undefined;
  const head = HEAD.exec(data.toString('latin1', 0, end));
  if (!head)
    throw new Protocol('What answered does not speak HTTP/1.1 as bearerd does');
  const fields = head[2].split('\r\n').slice(0, -1).map(line => line.split(/:(.*)/s));
  const headers = new Map(fields.map(([name, value]) => [name.toLowerCase(), value.trim()]));
  const length = headers.get('content-length') ?? '';
  if (!/^[0-9]{1,5}$/.test(length) || headers.size !== fields.length)
    throw new Protocol('The answer has no Content-Length, or a header twice');
  const body = data.subarray(end);
  if (body.length > Number(length))
    throw new Protocol('There is something behind the answer');
  return body.length === Number(length) ? {status: Number(head[1]), headers, body} : undefined;
}

function readJSON(body) {
  let members;
  try {
    members = JSON.parse(body.toString());
  } catch {
    // what is no JSON has no members
  }
  return members !== null && typeof members === 'object' ? members : {};
}

function refusal({status, headers, body}) {
  const {error, error_description: said} = readJSON(body);
  const kind = status === 429 && error === 'slow_down' ? Fresh : REFUSALS[status] ?? Protocol;
  const isPrintable = typeof said === 'string' && /^[ -~]+$/.test(said);
  const refused = new kind(kind.text + (isPrintable ? ` (${said.slice(0, 300)})` : ''));
  if (/^[0-9]{1,9}$/.test(headers.get('retry-after') ?? ''))
    refused.retryAfter = Number(headers.get('retry-after'));
  return refused;
}

/* The token, and for how many seconds bearerd will hand it out. */
function readToken(body, question) {
  const members = readJSON(body);
  const text = (name, rule, byDefault) => {
    const value = members[name] ?? byDefault;
    if (typeof value !== 'string' || !rule.test(value))
      throw new Protocol(`${name} in the answer is not what bearerd sends`);
    return value;
  };
  const number = (name, least, most, byDefault) => {
    const value = members[name] ?? byDefault;
    if (!Number.isSafeInteger(value) || value < least || value > most)
      throw new Protocol(`${name} in the answer is not what bearerd sends`);
    return value;
  };
  text('token_type', /^bearer$/i);
  const expiresIn = number('expires_in', 0, EXPIRES_IN_MAX);
  const serves = number('served_for', 0, EXPIRES_IN_MAX, Math.max(0, expiresIn - FLOOR));
  const token = new Token(text('access_token', B64TOKEN), {
    name: text('name', NAME),
    generation: number('generation', 1, Number.MAX_SAFE_INTEGER),
    expiresAt: number('expires_at', 0, Number.MAX_SAFE_INTEGER),
    scope: text('scope', /^[ -~]{0,1023}$/, ''),
    practiceId: text('practice_id', /^[ -~]{0,255}$/, ''),
  });
  if ((question.name ?? token.name) !== token.name || token.generation === question.after)
    throw new Protocol('The answer is another token than was asked for');
  return [token, Math.min(serves, expiresIn)];
}

module.exports = {
  Bearer, BearerError, Denied, Unavailable, Timeout, Fresh, Busy, Forbidden, Unknown,
  Invalid, Protocol, Unreachable,
};
