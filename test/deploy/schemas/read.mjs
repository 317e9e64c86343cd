// Reads the files that are named, and prints for each what it holds and what is wrong with it, as one JSON array of
// `{ documents, problems }`. A program of its own, because its packages are not the repository's.

import { readFileSync } from "node:fs";
import { basename, extname } from "node:path";

const readers = { ".yaml": yaml, ".yml": yaml, ".hcl": hcl, ".toml": toml };

const read = [];
for (const path of process.argv.slice(2)) {
  const reader = basename(path) === "Dockerfile" ? dockerfile : readers[extname(path)];
  try {
    read.push(await reader(readFileSync(path, "utf8")));
  } catch (error) {
    read.push({ documents: [], problems: [String(error)] });
  }
}
console.log(JSON.stringify(read));

/** Each manifest is held against the schema of its kind. That lets fields through that it does not know. */
async function yaml(text) {
  const { parseAllDocuments } = await import("yaml");
  const parsed = parseAllDocuments(text, { strict: true, uniqueKeys: true });
  const problems = parsed.flatMap((document) => [...document.errors, ...document.warnings].map(String));
  const documents = parsed.map((document) => document.toJS());
  for (const document of documents) {
    if (document?.apiVersion === undefined || document.kind === undefined) continue;
    const models = document.apiVersion.startsWith("monitoring.coreos.com/")
      ? "@kubernetes-models/prometheus-operator"
      : "kubernetes-models";
    const { [document.kind]: Model } = await import(`${models}/${document.apiVersion}/${document.kind}`);
    try {
      new Model(document).validate();
    } catch (error) {
      problems.push(`${document.kind}: ${error.message}`);
    }
  }
  return { documents, problems };
}

async function dockerfile(text) {
  const [{ validate }, { DockerfileParser }] = await Promise.all([
    import("dockerfile-utils"),
    import("dockerfile-ast"),
  ]);
  const problems = validate(text).map(({ range, message }) => `line ${range.start.line + 1}: ${message}`);
  const documents = DockerfileParser.parse(text)
    .getInstructions()
    .map((instruction) => [
      instruction.getKeyword(),
      instruction.getRawArgumentsContent() ?? instruction.getArgumentsContent(),
    ]);
  return { documents, problems };
}

async function hcl(text) {
  const { parse } = await import("@cdktf/hcl2json");
  return { documents: [await parse("job.hcl", text)], problems: [] };
}

async function toml(text) {
  const { parse } = await import("smol-toml");
  return { documents: [parse(text)], problems: [] };
}
