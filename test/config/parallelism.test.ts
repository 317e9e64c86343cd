import assert from "node:assert/strict";
import { test } from "node:test";
import { cgroupCpus, parallelism } from "../../src/config/parallelism.ts";
import { settings } from "../../src/config/settings/index.ts";

const files = (content: Record<string, string>) => (path: string) => content[path];
const v2 = (limits: Record<string, string>) => files({ "/proc/self/cgroup": "0::/a/b\n", ...limits });

test("version 2: the tightest limit of the group and those around it", () => {
  assert.equal(cgroupCpus(v2({})), Number.POSITIVE_INFINITY);
  assert.equal(cgroupCpus(v2({ "/sys/fs/cgroup/a/b/cpu.max": "max 100000\n" })), Number.POSITIVE_INFINITY);
  assert.equal(cgroupCpus(v2({ "/sys/fs/cgroup/a/b/cpu.max": "250000 100000\n" })), 2.5);
  assert.equal(
    cgroupCpus(
      v2({ "/sys/fs/cgroup/a/b/cpu.max": "250000 100000", "/sys/fs/cgroup/a/cpu.max": "100000 100000" }),
    ),
    1,
  );
  assert.equal(cgroupCpus(v2({ "/sys/fs/cgroup/cpu.max": "150000 100000" })), 1.5);
});

test("version 1: quota and period of the cpu controller", () => {
  const read = files({
    "/proc/self/cgroup": "7:memory:/m\n4:cpu,cpuacct:/docker/x\n1:name=systemd:/\n",
    "/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us": "-1\n",
    "/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us": "100000\n",
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "300000\n",
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
  });
  assert.equal(cgroupCpus(read), 3);
});

test("version 1: mounted by another order of the controllers", () => {
  const read = files({
    "/proc/self/cgroup": "4:cpuacct,cpu:/docker/x\n",
    "/sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us": "200000\n",
    "/sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us": "100000\n",
  });
  assert.equal(cgroupCpus(read), 2);
});

test("whole CPUs, at least one, never more than there are", () => {
  assert.equal(parallelism(v2({}), 8), 8);
  assert.equal(parallelism(v2({ "/sys/fs/cgroup/cpu.max": "50000 100000" }), 8), 1);
  assert.equal(parallelism(v2({ "/sys/fs/cgroup/cpu.max": "390000 100000" }), 8), 3);
  assert.equal(parallelism(v2({ "/sys/fs/cgroup/cpu.max": "900000 100000" }), 2), 2);
  assert.equal(
    parallelism(() => undefined, 4),
    4,
  );
});

test("auto is a number of workers from text and from a file", () => {
  const { codec } = settings.workers;
  const want = { ok: true, value: parallelism() };
  assert.deepEqual(codec.parse(["auto"]), want);
  assert.deepEqual(codec.accept("auto"), want);
});
