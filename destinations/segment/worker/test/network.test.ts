// Destinations that open sockets themselves: only where the operator has named them, and never while they are explained.
import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { withHost } from "./host";

const KAFKA = {
  op: "perform",
  destination: "kafka",
  action: "send",
  instance: "kafka",
  mapping: {},
  payload: { topic: "t", payload: { a: 1 } },
  rawData: { type: "track" },
} as const;

/** A broker that hangs up, and counts who came. */
async function withBroker(run: (settings: { brokers: string; clientId: string; mechanism: string; username: string; password: string; ssl_enabled: boolean }, connections: () => number) => Promise<void>): Promise<void> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.on("error", () => undefined);
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const settings = { brokers: `127.0.0.1:${port}`, clientId: "c", mechanism: "plain", username: "u", password: "p", ssl_enabled: false };
  try {
    await run(settings, () => connections);
  } finally {
    server.close();
  }
}

test("a connection of its own ends the call of a destination that was not named", async () => {
  await withBroker((settings, connections) =>
    withHost(() => null, async (host) => {
      const error = await host.failure({ ...KAFKA, settings });
      assert.equal(error.kind, "OwnNetworkError");
      assert.match(error.message, /^kafka opens a connection of its own/);
      assert.equal(connections(), 0);
    }),
  );
});

test("a destination that was named connects, and is not explained", async () => {
  await withBroker((settings, connections) =>
    withHost(
      () => null,
      async (host) => {
        const explained = await host.failure({ ...KAFKA, settings, explain: true });
        assert.equal(explained.kind, "OwnNetworkError");
        assert.equal(connections(), 0);
        const error = await host.failure({ ...KAFKA, settings });
        assert.equal(error.kind, "IntegrationError");
        assert.ok(connections() > 0);
      },
      { own_network: ["kafka"] },
    ),
  );
});
