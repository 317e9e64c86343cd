// Reads the responses on one connection as they come in. Strict: what is not a whole, well-formed response is a failure.

export interface Response {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  /** Bytes of the body, without framing. */
  readonly length: number;
  /** No further response follows on this connection. */
  readonly last: boolean;
}

export interface ResponseReader {
  /** Throws where the bytes are no response. */
  read(chunk: Buffer): void;
  /** The connection has ended: completes a response whose end that is. */
  end(): void;
  /** A response has begun and is not complete. */
  readonly begun: boolean;
}

interface Head {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly version: string;
}

type Stage =
  | { readonly name: "head" }
  | { readonly name: "length"; readonly head: Head; left: number }
  | { readonly name: "size" | "trailer"; readonly head: Head }
  | { readonly name: "chunk"; readonly head: Head; left: number }
  | { readonly name: "untilClose"; readonly head: Head };

export function createResponseReader(onResponse: (response: Response) => void): ResponseReader {
  let stage: Stage = { name: "head" };
  let kept: Buffer = Buffer.alloc(0);
  let length = 0;

  const complete = (head: Head, byClose: boolean): void => {
    const announced = (head.headers.get("connection") ?? "").toLowerCase().includes("close");
    const response = { status: head.status, headers: head.headers, length };
    stage = { name: "head" };
    length = 0;
    onResponse({ ...response, last: byClose || announced || head.version === "1.0" });
  };

  const begin = (head: Head): void => {
    const size = head.headers.get("content-length");
    if (head.status < 200) return;
    if (head.status === 204 || head.status === 304) return complete(head, false);
    if (/\bchunked\b/i.test(head.headers.get("transfer-encoding") ?? "")) stage = { name: "size", head };
    else if (size === undefined) stage = { name: "untilClose", head };
    else if (Number(size) === 0) complete(head, false);
    else stage = { name: "length", head, left: Number(size) };
  };

  /** Up to and without `mark`; undefined where that has not come yet. */
  const upTo = (mark: string): string | undefined => {
    const at = kept.indexOf(mark);
    if (at < 0) return undefined;
    const text = kept.toString("latin1", 0, at);
    kept = kept.subarray(at + mark.length);
    return text;
  };

  /** One thing more; false where its bytes have not come yet. */
  const advance = (): boolean => {
    switch (stage.name) {
      case "head": {
        const text = upTo("\r\n\r\n");
        if (text !== undefined) begin(parseHead(text));
        return text !== undefined;
      }
      case "size": {
        const text = upTo("\r\n");
        if (text === undefined) return false;
        if (!/^[\da-f]+$/i.test(text)) throw new Error(`bad chunk size: ${JSON.stringify(text)}`);
        const size = Number.parseInt(text, 16);
        const { head } = stage;
        // The line end after the chunk is read with it.
        stage = size === 0 ? { name: "trailer", head } : { name: "chunk", head, left: size + 2 };
        length += size;
        return true;
      }
      case "trailer": {
        const text = upTo("\r\n");
        if (text === "") complete(stage.head, false);
        return text !== undefined;
      }
      case "chunk":
      case "length": {
        if (kept.length === 0) return false;
        const taken = Math.min(stage.left, kept.length);
        kept = kept.subarray(taken);
        stage.left -= taken;
        if (stage.name === "length") length += taken;
        if (stage.left > 0) return false;
        if (stage.name === "length") complete(stage.head, false);
        else stage = { name: "size", head: stage.head };
        return true;
      }
      case "untilClose":
        length += kept.length;
        kept = kept.subarray(kept.length);
        return false;
    }
  };

  return {
    read(chunk) {
      kept = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
      while ((kept.length > 0 || stage.name === "head") && advance());
    },
    end() {
      if (stage.name === "untilClose") complete(stage.head, true);
    },
    get begun() {
      return stage.name !== "head" || kept.length > 0;
    },
  };
}

function parseHead(text: string): Head {
  const [first = "", ...lines] = text.split("\r\n");
  const match = /^HTTP\/(1\.[01]) (\d{3})(?: |$)/.exec(first);
  if (match === null) throw new Error(`not a response: ${JSON.stringify(first.slice(0, 80))}`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon <= 0) throw new Error(`not a header: ${JSON.stringify(line.slice(0, 80))}`);
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { version: match[1] ?? "", status: Number(match[2]), headers };
}
