import assert from "node:assert/strict";
import { test } from "node:test";
import { quote, quoteBytes, withoutControls } from "../../src/log/quote.ts";

const asBytes = (text: string): string => Buffer.from(text).toString("latin1");

test("plain text stays as it is", () => {
  const plain = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join("");
  const harmless = plain.replace(/["\\]/g, "");
  assert.equal(quote(harmless), harmless);
  assert.equal(quoteBytes(harmless), harmless);
});

test("nothing in a value can end its field or its line", () => {
  for (const shown of [quote, quoteBytes]) {
    assert.equal(shown('a"b'), 'a\\"b');
    assert.equal(shown("a\\"), "a\\x5C");
    assert.equal(shown('\\" 200'), '\\x5C\\" 200');
    assert.equal(shown("a\r\nb\tc\0d\x1b[2J\x7f"), "a\\x0D\\x0Ab\\x09c\\x00d\\x1B[2J\\x7F");
  }
});

test("text keeps its letters and loses its controls, C1, separators and direction marks included", () => {
  assert.equal(quote("žluťoučký 🐎"), "žluťoučký 🐎");
  assert.equal(
    quote("a\u0085b\u009bc\u2028d\u2029e\u202ef"),
    "a\\xC2\\x85b\\xC2\\x9Bc\\xE2\\x80\\xA8d\\xE2\\x80\\xA9e\\xE2\\x80\\xAEf",
  );
});

test("bytes that are UTF-8 are shown as text, others as numbers", () => {
  assert.equal(quoteBytes(asBytes("/žluť?🐎")), "/žluť?🐎");
  assert.equal(quoteBytes("/caf\xe9"), "/caf\\xE9");
  assert.equal(quoteBytes('\xff"\\\n'), '\\xFF\\"\\x5C\\x0A');
  assert.equal(quoteBytes(asBytes("a\u0085\u202e")), "a\\xC2\\x85\\xE2\\x80\\xAE");
  assert.equal(quoteBytes("already text: ž"), "already text: ž");
});

test("text of several lines keeps its line feeds and tabs", () => {
  assert.equal(
    withoutControls("Error: x\n\tat y\r\x1b[1m\u2028"),
    "Error: x\n\tat y\\x0D\\x1B[1m\\xE2\\x80\\xA8",
  );
});
