import assert from "node:assert/strict";
import { it } from "node:test";
import { compileNetworks } from "../../../src/protocols/trust/networks.ts";

it("trusts addresses, networks and unix sockets", () => {
  const trusts = compileNetworks(["127.0.0.1", "10.0.0.0/8", "2001:db8::/32", "::1"]);
  for (const address of ["127.0.0.1", "10.255.0.1", "::ffff:10.1.2.3", "2001:db8::7", "::1"]) {
    assert.equal(trusts(address), true, address);
  }
  assert.equal(trusts("", true), true);
  for (const address of ["127.0.0.2", "11.0.0.1", "::ffff:11.0.0.1", "2001:db9::1", "nonsense", ""]) {
    assert.equal(trusts(address), false, address);
  }
});

it("trusts everyone for *, and nobody but unix sockets for an empty list", () => {
  assert.equal(compileNetworks(["127.0.0.1", "*"])("192.0.2.1"), true);
  assert.equal(compileNetworks([])("127.0.0.1"), false);
  assert.equal(compileNetworks([])("", true), true);
});
