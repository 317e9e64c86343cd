/** What can be sent block by block: a Readable stream (or anything iterable), or an object with read(size). */
export type Filelike = (
  | AsyncIterable<string | Uint8Array>
  | Iterable<string | Uint8Array>
  | { read(size: number): Block | Promise<Block> }
) & { close?(): unknown; destroy?(): unknown };

/** A piece; nothing, or an empty one, at the end. */
export type Block = string | Uint8Array | null | undefined;

const BLOCK_SIZE = 8192;

/** `wsgi.file_wrapper`: a file as the body of an answer. The file is closed with the answer. */
export class FileWrapper implements AsyncIterable<string | Uint8Array> {
  readonly #file: Filelike;
  readonly #blockSize: number;

  /** @param blockSize bytes to read at a time, where the file is read by read(size). Default 8192. */
  constructor(file: Filelike, blockSize: number = BLOCK_SIZE) {
    this.#file = file;
    this.#blockSize = blockSize;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<string | Uint8Array, void> {
    const file = this.#file;
    if (Symbol.asyncIterator in file || Symbol.iterator in file) {
      yield* file;
      return;
    }
    for (;;) {
      const block = await file.read(this.#blockSize);
      if (block === null || block === undefined || block.length === 0) return;
      yield block;
    }
  }

  close(): unknown {
    const file = this.#file;
    return file.close === undefined ? file.destroy?.() : file.close();
  }
}
