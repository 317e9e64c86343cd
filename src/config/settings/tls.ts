import type { Codec } from "../codec.ts";
import { bool, oneOf, path, string } from "../codec.ts";
import { list, optional } from "../codec-lists.ts";
import { setting } from "../setting.ts";

type Wanted = "none" | "optional" | "required";

/** Gunicorn has numbers for them, which are those of Python's ssl module. */
function clientCertificates(): Codec<Wanted> {
  const numbers: ReadonlyMap<unknown, Wanted> = new Map([
    [0, "none"],
    [1, "optional"],
    [2, "required"],
  ] as const);
  const words = oneOf<Wanted>(["none", "optional", "required"], { same: numbers });
  const parse: Codec<Wanted>["parse"] = (texts) =>
    words.parse(texts.map((text) => (/^[012]$/.test(text) ? (numbers.get(Number(text)) ?? text) : text)));
  return {
    ...words,
    parse,
    accept: (value) => (typeof value === "string" ? parse([value]) : words.accept(value)),
  };
}

export const tls = {
  certfile: setting(list(path(), { commas: false, repeatable: true }), {
    default: [],
    flags: ["--certfile"],
    takes: "new workers",
    summary: "A certificate with its chain, in PEM; turns TLS on. May be given several times.",
    details: `Of several, a client gets the first that is made out to the name it asks for (SNI), and the first of all where none is.
TLS is spoken on every address that says \`https://\` or names no protocol; one that says \`http://\` stays plain. See [TLS](tls.md).`,
  }),
  keyfile: setting(list(path(), { commas: false, repeatable: true }), {
    default: [],
    flags: ["--keyfile"],
    takes: "new workers",
    summary: "The certificate's private key, in PEM; for each certificate one, in the same order.",
    details:
      "Without it the key is looked for in `certfile`. It is read before workers give up root's rights.",
  }),
  caCerts: setting(optional(path()), {
    default: null,
    flags: ["--ca-certs"],
    takes: "new workers",
    summary: "The authorities, in PEM, whose client certificates are accepted.",
  }),
  certReqs: setting(clientCertificates(), {
    default: "none",
    flags: ["--cert-reqs"],
    takes: "new workers",
    summary: "Whether clients are asked for a certificate: none, optional or required.",
    details:
      "Gunicorn's 0, 1 and 2 are understood. A certificate that is presented must be a good one, also with `optional`.",
  }),
  ciphers: setting(
    optional(string({ metavar: "CIPHERS", expected: "a list of ciphers as OpenSSL has it" })),
    {
      default: null,
      flags: ["--ciphers"],
      takes: "new workers",
      summary: "The ciphers to offer, as OpenSSL writes them; by default node's.",
    },
  ),
  tlsMinVersion: setting(oneOf(["TLSv1.2", "TLSv1.3"]), {
    default: "TLSv1.2",
    flags: ["--tls-min-version"],
    takes: "new workers",
    summary: "The oldest version of TLS that is spoken.",
  }),
  tlsWatch: setting(bool(), {
    default: false,
    flags: ["--tls-watch"],
    takes: "at once",
    summary: "Take certificates, keys and authorities into use when their files change, without new workers.",
    details:
      "Files that don't fit together are reported, and the former ones stay in use. A reload (HUP) reads them anew in any case.",
  }),
} as const;
