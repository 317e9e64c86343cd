// What TLS is served with. The arbiter reads it and workers get it by their channel: it holds private keys, and is never
// printed, logged or part of Config.

/** A certificate with its chain and its key, in PEM. */
export interface CertifiedKey {
  readonly cert: string;
  readonly key: string;
  /** The host names it is made out to, in lower case; `*.example.test` stands for each name one label longer. */
  readonly names: readonly string[];
}

export interface TlsMaterial {
  /** The first is for clients that ask for none of the names. Empty where the sslContext hook brings its own. */
  readonly certificates: readonly CertifiedKey[];
  /** Authorities of client certificates, in PEM. */
  readonly ca: string | null;
  /** Of session tickets, in base64: with the same in each worker a client resumes with any of them. */
  readonly ticketKeys: string;
}
