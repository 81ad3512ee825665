import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { freePort, freePorts, LOOPBACK } from '../../dev/servers/ports.js';

describe('freePorts', () => {
  it('never names a port twice in one answer', async () => {
    const ports = await freePorts(50);
    expect(new Set(ports).size).toBe(50);
  });

  it('stays below the ports of outgoing connections', async () => {
    for (const port of await freePorts(20)) {
      expect(port).toBeGreaterThanOrEqual(20_000);
      expect(port).toBeLessThan(32_000);
    }
  });

  it('finds a port that can be listened on', async () => {
    const port = await freePort();
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, LOOPBACK, resolve);
    });
    await new Promise((resolve) => server.close(resolve));
  });
});
