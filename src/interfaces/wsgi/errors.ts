/** `wsgi.errors`: what is written goes to the error log, line by line. */
export class ErrorStream {
  readonly #log: (line: string) => void;
  #partial = "";

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  write(text: string): void {
    const lines = (this.#partial + text).split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) this.#log(line);
  }

  writelines(texts: Iterable<string>): void {
    for (const text of texts) this.write(text);
  }

  /** Writes a line that has not ended yet. */
  flush(): void {
    if (this.#partial === "") return;
    this.#log(this.#partial);
    this.#partial = "";
  }
}
