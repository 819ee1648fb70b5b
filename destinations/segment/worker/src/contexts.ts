// What Segment's closed runtime hands to each action: loggers, counters and the small memories of an instance.
import { currentCall } from "./calls";
import { say } from "./channel";

/** Characters of a log line. */
const MAX_LOG_LENGTH = 2000;
/** Entries that an instance keeps; the oldest go first. */
const MAX_ENTRIES = 10_000;
/** As Segment's cache declares itself. */
const CACHE_SECONDS = 600;
const CACHE_VALUE_BYTES = 6000;
const SECOND_MS = 1000;
const MINUTE_SECONDS = 60;
const HOUR_SECONDS = 3600;

type Level = "warn" | "error" | "crit";

/** Tell the host a line of the log, with the call that it comes from. */
export function log(level: Level, ...parts: unknown[]): void {
  const text = parts.map(textOf).join(" ").slice(0, MAX_LOG_LENGTH);
  say({ log: level, text, call: currentCall.getStore()?.id ?? null });
}

function textOf(part: unknown): string {
  return part instanceof Error ? (part.stack ?? part.message) : String(part);
}

const nothing = (): void => undefined;

export const logger = {
  level: "warn",
  name: "offramp",
  debug: nothing,
  info: nothing,
  log: nothing,
  withTags: nothing,
  warn: (...parts: unknown[]) => log("warn", ...parts),
  error: (...parts: unknown[]) => log("error", ...parts),
  crit: (...parts: unknown[]) => log("crit", ...parts),
};

const statsClient = {
  observe: nothing,
  incr: nothing,
  set: nothing,
  histogram: nothing,
  _name: (name: string) => name,
  _tags: (tags?: string[]) => tags ?? [],
};

/** A new one for each call: Segment's engine appends to the tags. */
export function statsContext(...tags: string[]): { statsClient: typeof statsClient; tags: string[] } {
  return { statsClient, tags };
}

/** Keeps values for a time; it is lost with the worker. */
class Memory {
  private readonly entries = new Map<string, { value: unknown; until: number }>();

  get(key: string): unknown {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.until > Date.now()) return entry.value;
    this.entries.delete(key);
    return undefined;
  }

  set(key: string, value: unknown, seconds: number): void {
    this.entries.delete(key);
    this.entries.set(key, { value, until: Date.now() + seconds * SECOND_MS });
    if (this.entries.size > MAX_ENTRIES) this.entries.delete(this.entries.keys().next().value as string);
  }

  delete(key: string): boolean {
    return this.entries.delete(key);
  }
}

interface Ttl {
  hour?: number;
  minute?: number;
  second?: number;
}

function stateContext() {
  const memory = new Memory();
  return {
    getRequestContext(key: string, callback?: (value: unknown) => unknown): unknown {
      const value = memory.get(key);
      return callback ? callback(value) : value;
    },
    setResponseContext(key: string, value: unknown, { hour = 0, minute = 0, second = 0 }: Ttl = {}): void {
      // Without a time it is kept, as those destinations compare it with what comes next.
      memory.set(key, value, hour * HOUR_SECONDS + minute * MINUTE_SECONDS + second || Number.POSITIVE_INFINITY);
    },
  };
}

function engageDestinationCache() {
  const memory = new Memory();
  return {
    maxExpirySeconds: CACHE_SECONDS,
    maxValueSizeBytes: CACHE_VALUE_BYTES,
    getByKey: async (key: string) => memory.get(key) ?? null,
    setByKey: async (key: string, value: unknown, seconds = CACHE_SECONDS) => {
      memory.set(key, value, seconds);
      return true;
    },
    setByKeyNX: async (key: string, value: unknown, seconds = CACHE_SECONDS) => {
      if (memory.get(key) !== undefined) return false;
      memory.set(key, value, seconds);
      return true;
    },
    delByKey: async (key: string) => Number(memory.delete(key)),
  };
}

function memoriesOf() {
  return { stateContext: stateContext(), engageDestinationCache: engageDestinationCache() };
}

const kept = new Map<string, ReturnType<typeof memoriesOf>>();

/** What an instance of a destination has kept. */
export function memories(instance: string): ReturnType<typeof memoriesOf> {
  let found = kept.get(instance);
  if (found === undefined) kept.set(instance, (found = memoriesOf()));
  return found;
}

/** What the requests of one call tell each other. */
export function transactionContext() {
  const transaction: Record<string, string> = {};
  return {
    transaction,
    setTransaction: (key: string, value: string) => {
      transaction[key] = value;
    },
  };
}
