// Sets of addresses: whose word about a client is taken, who may send a PROXY header.

import { BlockList, isIP, isIPv4 } from "node:net";

/**
 * Whether an address is in the set. A peer whose address is empty has a Unix socket, and is in it, since whoever may connect is ours;
 * or has gone, and is not: what it has sent before is read all the same.
 */
export type Networks = (address: string, unix?: boolean) => boolean;

/** `allowed` holds addresses, networks (`10.0.0.0/8`) or `*` for everyone. */
export function compileNetworks(allowed: readonly string[]): Networks {
  if (allowed.includes("*")) return () => true;
  const list = new BlockList();
  for (const entry of allowed) {
    const [address = "", prefix] = entry.trim().split("/");
    const family = isIPv4(address) ? "ipv4" : "ipv6";
    if (isIP(address) === 0) continue;
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return (address, unix = false) => {
    if (address === "") return unix;
    // A dual-stack socket shows IPv4 peers as ::ffff:10.0.0.1.
    const plain = address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
    const family = isIP(plain);
    return family !== 0 && list.check(plain, family === 4 ? "ipv4" : "ipv6");
  };
}
