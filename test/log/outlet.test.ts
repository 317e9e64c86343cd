import assert from "node:assert/strict";
import { test } from "node:test";
import { createOutlet, type LinkEvents, type Outlet } from "../../src/log/remote/outlet.ts";

test("a failure that is told to the outlet itself makes no second attempt beside the first", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const links: LinkEvents[] = [];
  let open = 0;
  const outlet: Outlet = createOutlet({
    name: "syslog",
    connect(events) {
      links.push(events);
      open++;
      return { send: (_, done) => done(0, ""), close: () => open-- };
    },
    // As the error log does, which syslog is a part of.
    warn(message) {
      outlet.write(message);
      outlet.flush();
    },
  });
  t.after(outlet.close);
  const fail = (): void => {
    open--;
    links.at(-1)?.down("nobody is there");
  };
  outlet.write("a line");
  outlet.flush();
  fail();
  assert.equal(links.length, 1);
  t.mock.timers.tick(100);
  assert.equal(links.length, 2);
  fail();
  t.mock.timers.tick(200);
  assert.equal(links.length, 3);
  links.at(-1)?.up();
  t.mock.timers.tick(60_000);
  assert.deepEqual([links.length, open], [3, 1]);
});
