// Whether the server stops, known to all threads of a process: those who probe the service have to hear of it.

export interface Leave {
  readonly shared: SharedArrayBuffer;
  readonly announced: () => boolean;
  announce(): void;
}

export const createLeave = (): Leave => leaveIn(new SharedArrayBuffer(4));

/** That of another thread. */
export function leaveIn(shared: SharedArrayBuffer): Leave {
  const word = new Int32Array(shared);
  return {
    shared,
    announced: () => word[0] === 1,
    announce() {
      word[0] = 1;
    },
  };
}
