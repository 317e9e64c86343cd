import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { LoadedTls } from "../../src/arbiter/tls.ts";
import { createTlsWatch } from "../../src/arbiter/tls-watch.ts";
import { loadConfig } from "../../src/cli/command.ts";

test("a configuration that comes while files are looked at does not have them looked at twice as often", async (t) => {
  const resolved = await loadConfig({ argv: ["--tls-watch", "app:app"], env: {}, cwd: import.meta.dirname });
  let looks = 0;
  const tls: LoadedTls = {
    material: { certificates: [], ca: null, ticketKeys: "" },
    get files() {
      looks++;
      return [import.meta.filename];
    },
    stamp: "",
  };
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const fails = (message: string): void => assert.fail(message);
  const watch = createTlsWatch({ info: fails, warning: fails, error: () => undefined }, () => undefined);
  t.after(watch.close);
  for (let change = 0; change < 5; change++) {
    watch.follow({ resolved, tls });
    t.mock.timers.tick(500);
  }
  // The look that is on its way ends by a call of the file system, in whatever turn.
  const before = looks;
  for (let turn = 0; turn < 1_000; turn++) {
    await setImmediate();
    t.mock.timers.tick(1);
  }
  assert.ok(looks - before >= 1 && looks - before <= 2, `${looks - before} looks in 1 s`);
});
