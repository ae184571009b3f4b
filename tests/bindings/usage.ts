// SPDX-License-Identifier: MIT
// What a worker in TypeScript writes, for the compiler alone (test_types.py). Where an error is expected,
// it must be one.
import {Bearer, BearerError, Fresh, Unreachable, type Token} from '../../client/node/bearer.js';

const tokens = new Bearer({socket: 'unix:///run/bearerd/token.sock', maxAge: 5000});
new Bearer();

export async function work(): Promise<number> {
  const signal = new AbortController().signal;
  const token: Token = await tokens.get('athena', {timeout: 5000, signal});
  const {value, name, generation, expiresAt, scope, practiceId} = token;
  const texts: string[] = [value, name, scope, practiceId];
  const numbers: number[] = [generation, expiresAt];
  try {
    await tokens.renew(token, {signal});
  } catch (error) {
    if (error instanceof Fresh)
      return error.retryAfter ?? texts.length + numbers.length;
    if (error instanceof Unreachable && error.code === 'ENOENT')
      return 1;
    if (error instanceof BearerError && error.isPassing)
      return 2;
    throw error;
  }
  const response = await tokens.fetch(new URL('https://localhost/'), {method: 'POST', body: 'x'});
  tokens.close();
  return response.status;
}

export function wrong(token: Token): void {
  // @ts-expect-error: it is for reading
  token.value = 'x';
  // @ts-expect-error: a token, not its value
  void tokens.renew(token.value);
  // @ts-expect-error: in ms, a number
  void tokens.get('athena', {timeout: '5s'});
  // @ts-expect-error: a signal, not its controller
  void tokens.get('athena', {signal: new AbortController()});
  // @ts-expect-error: there is no such option
  new Bearer({path: '/run/bearerd/token.sock'});
}
