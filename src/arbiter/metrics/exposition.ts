// Samples as Prometheus reads them, written by prom-client. https://prometheus.io/docs/instrumenting/exposition_formats/

import { AggregatorRegistry } from "prom-client";
import { type MetricName, metrics } from "../../metrics/table.ts";
import type { Samples } from "./samples.ts";

export interface Exposition {
  readonly contentType: string;
  readonly text: string;
}

/** The names of the table; Object.keys knows them as texts alone. */
const isMetricName = (name: string): name is MetricName => Object.hasOwn(metrics, name);

export async function expose(samples: Samples): Promise<Exposition> {
  const names = Object.keys(metrics).filter(isMetricName);
  const registry = AggregatorRegistry.aggregate([
    names.map((name) => ({
      name,
      help: metrics[name].help,
      type: metrics[name].type,
      aggregator: "sum",
      values: samples[name].map(({ labels, value, suffix }) => ({
        labels,
        value,
        metricName: `${name}${suffix ?? ""}`,
      })),
    })),
  ]);
  return { contentType: registry.contentType, text: await registry.metrics() };
}
