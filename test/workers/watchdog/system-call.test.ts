import assert from "node:assert/strict";
import { test } from "node:test";
import { describeCall, type Places } from "../../../src/workers/watchdog/system-call.ts";

const places: Places = {
  descriptor: (number) => (number === 23 ? "/run/app/fifo" : null),
  text: (address) => (address === 0x7ffd1bac3f58n ? "data/fi\nfo" : null),
};
const REST = "0x0 0x0 0xffffffffffffffff 0x7fff60f6bd00 0x7fdcca6362ec\n";

test("a system call is told with its file or its path", () => {
  const cases: readonly [string, string, string | null][] = [
    ["x64", `0 0x17 0x10416280 0x1 ${REST}`, "read of /run/app/fifo"],
    ["arm64", `63 0x17 0x10416280 0x1 ${REST}`, "read of /run/app/fifo"],
    ["x64", `0 0x18 0x10416280 0x1 ${REST}`, "read"],
    ["x64", `257 0xffffff9c 0x7ffd1bac3f58 0x80000 ${REST}`, "openat of data/fi\\x0Afo"],
    ["x64", `2 0x7ffd1bac3f58 0x80000 0x0 ${REST}`, "open of data/fi\\x0Afo"],
    ["arm64", `56 0xffffff9c 0x1 0x80000 ${REST}`, "openat"],
    ["x64", `281 0x17 0x7fff26b071d0 0x400 ${REST}`, "epoll_pwait"],
    ["arm64", `98 0x7f00 0x80 0x0 ${REST}`, "futex"],
    ["x64", "running\n", "computing"],
    ["riscv64", "running\n", "computing"],
    ["x64", "-1 0x7fff26b06470 0x7f30ac846cae\n", null],
    ["x64", `9999 0x0 0x0 0x0 ${REST}`, null],
    ["riscv64", `63 0x17 0x10416280 0x1 ${REST}`, null],
    ["x64", "", null],
  ];
  for (const [arch, told, words] of cases) assert.equal(describeCall(told, arch, places), words, told);
});
