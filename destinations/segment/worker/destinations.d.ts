// Modules that the bundle has and that describe themselves nowhere.

/** Written by build.mjs: what loads each destination, by its directory. */
declare module "offramp:destinations" {
  /** Of `@segment/action-destinations`. */
  export const version: string;
  export const destinations: Record<string, () => { default: unknown }>;
}

/** The part of node-fetch 2 that is used; Segment's client is written for its classes. */
declare module "node-fetch" {
  export interface RequestInit {
    method?: string;
  }
  export class Headers {
    raw(): Record<string, string[]>;
  }
  export class Request {
    constructor(input: unknown, init?: RequestInit);
    readonly method: string;
    readonly url: string;
    readonly headers: Headers;
    readonly signal: AbortSignal | null;
    buffer(): Promise<Buffer>;
  }
  export class Response {
    constructor(body: Buffer, init: { status: number; statusText: string; headers: [string, string][]; url: string });
  }
}
