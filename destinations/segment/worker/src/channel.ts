// The socket pair to the host: one message of JSON a line, both ways, with a bound on its length.
import { Socket } from "node:net";
import type { FromHost, FromWorker } from "./messages";

/** Bytes of one message: a batch of 1,000 events of 32 KiB, twice over. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const LINE_FEED = 10;
/** What the process ends with when the host speaks another language. */
const PROTOCOL_ERROR = 3;

export class MessageTooLongError extends Error {
  override readonly name = "MessageTooLongError";
}

let socket: Socket | undefined;
let lines: string[] = [];

/** Speak and listen on the descriptor; the process ends with the host's side of it. */
export function open(descriptor: number, hear: (message: FromHost) => void): void {
  socket = new Socket({ fd: descriptor, readable: true, writable: true });
  const split = splitter((line) => hear(JSON.parse(line.toString()) as FromHost));
  socket.on("data", (chunk: Buffer) => {
    try {
      split(chunk);
    } catch (error) {
      process.stderr.write(`The host sent what is no message: ${String(error)}\n`);
      process.exit(PROTOCOL_ERROR);
    }
  });
  socket.on("end", () => process.exit(0));
  socket.on("error", () => process.exit(0));
}

/** Send a message with those of the same turn of the event loop; throws `MessageTooLongError`. */
export function say(message: FromWorker): void {
  const line = JSON.stringify(message);
  // Text of JSON has at most three bytes for a unit of UTF-16, so most lines need not be measured.
  if (line.length * 3 > MAX_MESSAGE_BYTES && Buffer.byteLength(line) > MAX_MESSAGE_BYTES) {
    throw new MessageTooLongError(`a message of ${Buffer.byteLength(line)} bytes is more than the ${MAX_MESSAGE_BYTES} that pass to the host`);
  }
  lines.push(line);
  if (lines.length === 1) setImmediate(flush);
}

function flush(): void {
  const text = `${lines.join("\n")}\n`;
  lines = [];
  socket?.write(text);
}

function splitter(each: (line: Buffer) => void): (chunk: Buffer) => void {
  let kept: Buffer[] = [];
  let length = 0;
  return (chunk) => {
    let rest = chunk;
    for (let at = rest.indexOf(LINE_FEED); at >= 0; at = rest.indexOf(LINE_FEED)) {
      const line = kept.length ? Buffer.concat([...kept, rest.subarray(0, at)]) : rest.subarray(0, at);
      kept = [];
      length = 0;
      rest = rest.subarray(at + 1);
      each(line);
    }
    if (!rest.length) return;
    kept.push(rest);
    length += rest.length;
    if (length > MAX_MESSAGE_BYTES) throw new MessageTooLongError(`more than ${MAX_MESSAGE_BYTES} bytes without an end of line`);
  };
}
