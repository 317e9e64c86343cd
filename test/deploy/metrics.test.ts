// The dashboard, the alerts and the autoscaler ask for metrics, labels and values that there are.

import assert from "node:assert/strict";
import { test } from "node:test";
import { filesIn, text } from "./files.ts";
import { ADDED, METRICS } from "./metric-names.ts";

const ASKING = [
  "grafana/tgunicorn.json",
  "prometheus/alerts.yml",
  "prometheus/alerts.test.yml",
  ...filesIn("kubernetes"),
];

/** What a file may name beside metrics: what the adapter makes of one, and the group of rules. */
const MADE = new Set(
  [...text("kubernetes/prometheus-adapter-values.yaml").matchAll(/^\s+as: (\w+)$/gm)].map(([, name]) => name),
);

/** `name{label="value",...}` wherever it stands; in JSON its quotes are escaped. */
function* asked(file: string): Generator<{ name: string; matchers: string }> {
  const plain = text(file)
    .replaceAll('\\"', '"')
    .replaceAll(/^\s*#.*$/gm, "");
  for (const [, name = "", matchers = ""] of plain.matchAll(/\b(tgunicorn_[a-z_]+)(\{[^}]*\})?/g)) {
    yield { name, matchers };
  }
}

for (const file of ASKING) {
  test(`deploy/${file} names metrics that there are`, () => {
    const wrong = [...asked(file)].flatMap(({ name, matchers }) => {
      const labels = METRICS[name];
      if (labels === undefined) return MADE.has(name) ? [] : [name];
      return [...matchers.matchAll(/(\w+)(=~|!=|!~|=)"([^"]*)"/g)].flatMap(
        ([matcher, label = "", , value = ""]) => {
          if (label in ADDED) return [];
          const values = labels[label];
          if (values === undefined) return [`${name}: ${matcher}`];
          return values === null
            ? []
            : value
                .split("|")
                .filter((one) => !values.includes(one))
                .map((one) => `${name}: ${label}=${one}`);
        },
      );
    });
    assert.deepEqual(wrong, []);
  });
}

test("this test finds what is asked", () => {
  const names = new Set(ASKING.flatMap((file) => [...asked(file)].map(({ name }) => name)));
  assert.ok(Object.keys(METRICS).filter((name) => names.has(name)).length > 25, [...names].join("\n"));
});

test("the autoscaler asks for what the adapter makes", () => {
  const wanted = [...text("kubernetes/hpa.yaml").matchAll(/metric: \{ name: (\w+) \}/g)].map(
    ([, name]) => name,
  );
  assert.deepEqual(wanted.sort(), [...MADE].sort());
});

test("each alert is tested, explained and the same for the Prometheus Operator", () => {
  const rules = text("prometheus/alerts.yml");
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name = ""]) => name);
  assert.ok(alerts.length > 0);
  const tests = text("prometheus/alerts.test.yml");
  const page = text("../docs/alerts.md");
  for (const name of alerts) {
    assert.ok(tests.includes(name), `${name} is not tested`);
    assert.ok(page.includes(`\`${name}\``), `${name} is not in docs/alerts.md`);
  }
  const operator = text("kubernetes/prometheusrule.yaml");
  const indented = rules.slice(rules.indexOf("groups:")).replaceAll(/^(?=.)/gm, "  ");
  assert.equal(operator.slice(operator.indexOf("spec:\n") + 6), indented);
});
