// SPDX-License-Identifier: MIT
// The types of bearer.js.

export interface Token {
  /** The secret: what follows "Authorization: Bearer ". Nothing else shows it. */
  readonly value: string;
  readonly name: string;
  /** Rises with every new token of this name. */
  readonly generation: number;
  /** Unix time, in seconds. */
  readonly expiresAt: number;
  /** As granted; "": not said. */
  readonly scope: string;
  /** For URLs as /v1/{practiceid}/...; "": none. */
  readonly practiceId: string;
}

export interface BearerOptions {
  /** A path, or unix:///path. By default $BEARERD_SOCKET, or /run/bearerd/token.sock. */
  socket?: string;
  /**
   * How many ms a token that is not followed is used without asking for it again: 10,000 by default.
   * 0: each get() asks, and nothing is followed.
   */
  maxAge?: number;
}

export interface CallOptions {
  /** In ms: by default 20 s for the token and 1 s for the answer; 0: only what there is. */
  timeout?: number;
  /** Ends the wait, of this caller alone. */
  signal?: AbortSignal | null;
}

export class Bearer {
  constructor(options?: BearerOptions);
  /** The token `name`, or the default one. Rejects with a BearerError, or with the signal's reason. */
  get(name?: string | null, options?: CallOptions): Promise<Token>;
  /** A newer token than `refused`, which an API answered with 401. Once for each 401. */
  renew(refused: Token, options?: CallOptions): Promise<Token>;
  /**
   * fetch() with the token `name`, or the default one; a 401 is handled once. The request's signal ends
   * the wait for a token, too.
   */
  fetch(input: string | URL | Request, init?: RequestInit, name?: string | null): Promise<Response>;
  /** Follows nothing any more. What is asked for from now on is used for `maxAge`. */
  close(): void;
}

/** What can be in the way of a token. */
export class BearerError extends Error {
  /** Try again, in `retryAfter` seconds or some; else it wants an operator or a programmer. */
  readonly isPassing: boolean;
  readonly retryAfter: number | undefined;
}
/** The token endpoint refuses the credentials or the scope. */
export class Denied extends BearerError {}
/** There is no token yet, and the last try for one failed. */
export class Unavailable extends BearerError {}
/** There was no token within the timeout. */
export class Timeout extends BearerError {}
/** The token was renewed just now: the 401 stands, look at permissions. */
export class Fresh extends BearerError {}
/** This user asks bearerd for too much at once. */
export class Busy extends BearerError {}
/** This user may not have the token, or there is none. */
export class Forbidden extends BearerError {}
/** There is no such token. */
export class Unknown extends BearerError {}
/** Not the name of a token, none given and no default, or not the address of a socket. */
export class Invalid extends BearerError {}
/** Not an answer of bearerd. */
export class Protocol extends BearerError {}
/** No connection to bearerd; `code` says why: "ENOENT", "ECONNREFUSED", ... */
export class Unreachable extends BearerError {
  readonly code: string;
}
