// What an application may give to send().

import { inspect } from "node:util";

/** Throws a TypeError where it is no message at all. */
export function demandEvent(event: unknown): void {
  if (typeof event === "object" && event !== null && "type" in event && typeof event.type === "string")
    return;
  throw new TypeError(`send(): expected a message with a type, got ${inspect(event)}`);
}

/** Codes of a close frame that may be sent: https://www.rfc-editor.org/rfc/rfc6455#section-7.4 */
const isCloseCode = (code: unknown): code is number =>
  typeof code === "number" &&
  Number.isInteger(code) &&
  ((code >= 1000 && code <= 1014 && !(code >= 1004 && code <= 1006)) || (code >= 3000 && code <= 4999));

/** What fits a close frame beside the code, in bytes. */
const LONGEST_REASON = 123;

/** Throws a TypeError that names what is wrong with them. */
export function closeFrame(
  code: unknown,
  reason: unknown,
): { readonly code: number; readonly reason?: string } {
  if (!isCloseCode(code)) {
    throw new TypeError(
      `websocket.close: the code ${inspect(code)} can't be sent; 1000, 1001 to 1014 without 1004 to 1006, and 3000 to 4999 can`,
    );
  }
  if (reason === undefined || reason === null) return { code };
  if (typeof reason !== "string")
    throw new TypeError(`websocket.close: the reason ${inspect(reason)} is no text`);
  const bytes = Buffer.byteLength(reason);
  if (bytes > LONGEST_REASON)
    throw new TypeError(`websocket.close: the reason has ${bytes} bytes, ${LONGEST_REASON} are the most`);
  return { code, reason };
}
